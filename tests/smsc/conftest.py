"""Servers with a door for SMPP customers."""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import uvloop

from servers import HeliographServer, ServerFactory
from smpp_customer import QUICK, Smsc, SmscFactory

ON_BOTH_LOOPS = {"test_smsc_arrivals.py"}
"""uvloop is what the server runs on, and its sockets are not asyncio's."""


def pytest_asyncio_loop_factories(item: pytest.Item) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    if item.path.name in ON_BOTH_LOOPS:
        return {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}
    return {"asyncio": asyncio.new_event_loop}


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Smsc]:
    """One server for all tests that leave it as it is; each makes a credential of its own."""
    smsc = Smsc(HeliographServer(tmp_path_factory.mktemp("smsc") / "data", settings=QUICK, smpp=True).start())
    yield smsc
    smsc.close()
    smsc.server.kill()


@pytest.fixture
def smsc(shared: Smsc) -> Iterator[Smsc]:
    yield shared
    shared.close()


@pytest.fixture
def own_smsc(server: ServerFactory) -> Iterator[SmscFactory]:
    """Starts a server of the test's own, with settings of its own."""
    made: list[Smsc] = []

    def start(*, data: Path | None = None, database_url: str | None = None, **settings: Any) -> Smsc:
        options: dict[str, Any] = {"database_url": database_url} | ({"data": data} if data else {})
        smsc = Smsc(server(settings=QUICK | settings, smpp=True, **options))
        made.append(smsc)
        return smsc

    yield start
    for smsc in made:
        smsc.close()
