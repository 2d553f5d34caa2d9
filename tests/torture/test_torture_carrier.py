"""The torture carrier when it is good: it takes, answers, sends receipts and messages until they are acknowledged."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from esme import Esme

from heliograph.torture import journal
from heliograph.torture.carrier import TortureCarrier
from heliograph.torture.inbound import Inbound
from heliograph.torture.settings import IdBase, TortureSettings
from heliograph.wire.smpp import pdu as smpp
from heliograph.wire.smpp import receipt, text
from heliograph.wire.smpp.pdu import Command, Status, Tag
from heliograph.wire.smpp.receipt import MessageState
from heliograph.wire.smpp.text import LongMode

Start = Callable[..., Coroutine[Any, Any, TortureCarrier]]


@pytest.fixture
async def start() -> AsyncIterator[Start]:
    async with AsyncExitStack() as stack:

        async def started(**settings: Any) -> TortureCarrier:
            carrier = TortureCarrier(TortureSettings(**settings))
            await carrier.start()
            stack.push_async_callback(carrier.stop)
            return carrier

        yield started


async def test_a_submit_is_answered_and_its_receipt_acknowledged(start: Start) -> None:
    carrier = await start(first_id=1000)
    async with Esme(carrier.port) as esme:
        assert (await esme.bind()).status == Status.ROK
        next_submit = asyncio.create_task(carrier.next_submit())
        await asyncio.sleep(0)
        header, answer = await esme.submitted("Good evening")
        assert (header.status, answer) == (Status.ROK, smpp.SubmitSmResp(message_id="1000"))
        _, told = await esme.request(Command.DELIVER_SM)
        assert isinstance(told, smpp.DeliverSm)
        read = receipt.parse(told)
        assert read is not None
        assert (read.message_id, read.state, read.text) == ("1000", MessageState.DELIVERED, "Good evening")
        assert (told.source_addr, told.destination_addr) == ("15005551001", "12025550101")
        await carrier.settled()
        taken = await next_submit
    assert (taken.text, taken.destination, taken.id) == ("Good evening", "15005551001", "1000")
    assert carrier.counts.receipts_acknowledged == carrier.counts.accepted == carrier.counts.answered == 1
    assert carrier.counts.surprises == {}
