"""PostgreSQL hangs, or is gone, while a Relay client sends: it is told in time, and goes on when the store is back."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from relay_frames import login_to
from relay_link import ACKNOWLEDGE, Answer, RelayLink
from servers import HeliographServer, Postgres

SETTINGS = {
    "relay_answer_seconds": 1.0,
    "store_timeout_seconds": 2,
    "callback_poll_seconds": 0.05,
    "rate_limit_writes": 0,
}
SDK_SECONDS = 10.0
"""An SDK that has no answer by then cuts its connection."""

MOMENT_SECONDS = 30.0


@pytest.fixture
def cluster() -> Iterator[Postgres]:
    """A PostgreSQL that a test may stop."""
    cluster = Postgres()
    try:
        yield cluster.start()
    finally:
        cluster.close()


@pytest.fixture
def node(cluster: Postgres, tmp_path: Path) -> Iterator[HeliographServer]:
    """A server on it."""
    node = HeliographServer(tmp_path / "node", database_url=cluster.create_database(), settings=SETTINGS)
    try:
        yield node.start()
    finally:
        node.kill()


class Sender:
    """A client that sends, and what it is told."""

    def __init__(self, node: HeliographServer) -> None:
        self.number = node.credentials.numbers[0]
        self.link = RelayLink(login_to(node), self.on_event)
        self._states: dict[str, list[str]] = {}
        self._changed = asyncio.Condition()

    async def on_event(self, event: Mapping[str, Any]) -> Answer:
        if event["event_type"] == "messaging.state":
            async with self._changed:
                params = event["params"]
                self._states.setdefault(params["message_id"], []).append(params["message_state"])
                self._changed.notify_all()
        return ACKNOWLEDGE

    async def send(self) -> Mapping[str, Any]:
        """The result, which comes before an SDK loses patience."""
        fields = {"from_number": self.number, "to_number": "+13125550100", "body": "x"}
        async with asyncio.timeout(SDK_SECONDS):
            return await self.link.request("messaging.send", fields)

    async def delivered(self, message_id: str) -> list[str]:
        """The states of a message, once it is delivered."""
        async with asyncio.timeout(MOMENT_SECONDS), self._changed:
            await self._changed.wait_for(lambda: "delivered" in self._states.get(message_id, ()))
        return self._states[message_id]


@pytest.fixture
async def sender(node: HeliographServer) -> AsyncIterator[Sender]:
    """One that is connected."""
    made = Sender(node)
    async with made.link:
        yield made


async def _sends(sender: Sender) -> None:
    """A send is taken, at the latest when the store has been found again, and its states come in order."""
    async with asyncio.timeout(MOMENT_SECONDS):
        while (result := await sender.send())["code"] != "200":
            await asyncio.sleep(0.1)
    assert await sender.delivered(result["message_id"]) == ["initiated", "sent", "delivered"]


async def test_a_send_is_answered_while_the_store_hangs(sender: Sender, cluster: Postgres) -> None:
    await _sends(sender)
    with cluster.frozen():
        assert [(await sender.send())["code"] for _ in range(3)] == ["503"] * 3
    await _sends(sender)


async def test_a_send_is_answered_while_the_store_is_gone(sender: Sender, cluster: Postgres) -> None:
    await _sends(sender)
    await asyncio.to_thread(cluster.kill)
    assert [(await sender.send())["code"] for _ in range(3)] == ["503"] * 3
    await asyncio.to_thread(cluster.start)
    await _sends(sender)
