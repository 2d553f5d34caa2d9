"""What the tests of the torture carrier share: carriers that end with the test, and a client that is bound to one."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import AsyncExitStack
from typing import Any

import pytest
import uvloop
from esme import Esme

from heliograph.torture.carrier import TortureCarrier
from heliograph.torture.settings import TortureSettings

Start = Callable[..., Coroutine[Any, Any, TortureCarrier]]
Trial = Callable[..., Coroutine[Any, Any, tuple[TortureCarrier, Esme]]]


@pytest.fixture
async def start() -> AsyncIterator[Start]:
    """Starts carriers: `await start(receipt_ms=10)`."""
    async with AsyncExitStack() as stack:

        async def started(**settings: Any) -> TortureCarrier:
            carrier = TortureCarrier(TortureSettings(**settings))
            await carrier.start()
            stack.push_async_callback(carrier.stop)
            return carrier

        yield started


@pytest.fixture
async def trial(start: Start) -> AsyncIterator[Trial]:
    """A carrier with faults and a bound transceiver: `carrier, esme = await trial("no-answer")`."""
    async with AsyncExitStack() as stack:

        async def begun(*faults: str, bind: bool = True, **settings: Any) -> tuple[TortureCarrier, Esme]:
            short = {"first_id": 1000, "late_ms": 60.0, "short_ms": 30.0, **settings}
            carrier = await start(faults=faults, **short)
            esme = await stack.enter_async_context(Esme(carrier.port))
            if bind:
                await esme.bind()
            return carrier, esme

        yield begun


def pytest_asyncio_loop_factories() -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Both event loops: tests run on the one, `heliograph smsc` on the other, and their sockets differ."""
    return {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}
