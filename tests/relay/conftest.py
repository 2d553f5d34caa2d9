"""Servers with Relay clients."""

import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from relay_client import Relay
from servers import HeliographServer, ServerFactory

QUICK = {
    "relay_ack_seconds": 1.0,
    "relay_return_seconds": 0.5,
    "simulator_answer_ms": 1,
    "simulator_receipt_ms": 2,
    "callback_retry_seconds": 0.2,
    "callback_poll_seconds": 0.05,
    "relay_failed_connects": 0,
}


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Relay]:
    """One server for all tests that leave it as it is; each uses contexts of its own."""
    relay = Relay(HeliographServer(tmp_path_factory.mktemp("relay") / "data", settings=QUICK).start())
    yield relay
    relay.close()
    relay.server.kill()


@pytest.fixture
def relay(shared: Relay) -> Iterator[Relay]:
    yield shared
    shared.close()


@pytest.fixture
def context() -> str:
    """A name that no other test uses."""
    return f"office-{uuid.uuid4().hex[:8]}"


@pytest.fixture
def own_relay(server: ServerFactory) -> Iterator[Callable[..., Relay]]:
    """Starts a server of the test's own, with settings of its own."""
    made: list[Relay] = []

    def start(*, data: Path | None = None, database_url: str | None = None, **settings: Any) -> Relay:
        options: dict[str, Any] = {"database_url": database_url} | ({"data": data} if data else {})
        relay = Relay(server(settings=QUICK | settings, **options))
        made.append(relay)
        return relay

    yield start
    for relay in made:
        relay.close()
