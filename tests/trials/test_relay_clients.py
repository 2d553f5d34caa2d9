"""Relay clients that are slow, silent or gone, and the others, who must not notice."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack
from typing import Any

import pytest

from relay_link import Login, RelayLink
from servers import HeliographServer, ServerFactory, wait_until

ACK_SECONDS = 1.0
MOMENT_SECONDS = 20.0
"""What does not come in this time is not coming."""

SETTINGS = {
    "relay_ack_seconds": ACK_SECONDS,
    "relay_ping_seconds": 0.5,
    "relay_silence_seconds": 2.0,
    "callback_poll_seconds": 0.05,
    "rate_limit_writes": 0,
}


class Client:
    """A connection, what it was told, and whether it acknowledges that."""

    def __init__(self, *, acknowledges: bool = True, seen: list[Mapping[str, Any]] | None = None) -> None:
        self.acknowledges = acknowledges
        self.events = [] if seen is None else seen
        self.link: RelayLink
        self._changed = asyncio.Condition()

    async def on_event(self, event: Mapping[str, Any]) -> bool:
        if not str(event["event_type"]).startswith("messaging."):
            return True
        async with self._changed:
            self.events.append(event["params"])
            self._changed.notify_all()
        return self.acknowledges

    def bodies(self) -> list[str]:
        """What inbound messages said, in the order in which they came."""
        return [each["body"] for each in self.events if each["direction"] == "inbound"]

    def states(self, message_id: str) -> list[str]:
        """What states of a message came, in order."""
        return [each["message_state"] for each in self.events if each["message_id"] == message_id]

    async def until(self, count: int) -> None:
        """Return when so many events have come."""
        async with asyncio.timeout(MOMENT_SECONDS), self._changed:
            await self._changed.wait_for(lambda: len(self.events) >= count)


class Ground:
    """A server whose first number goes to a context of Relay, and clients of it that end with the test."""

    def __init__(self, node: HeliographServer, stack: AsyncExitStack) -> None:
        self.node = node
        self.context = str(uuid.uuid4())
        self._stack = stack
        (number,) = [each for each in self._numbers() if each["number"] == node.credentials.numbers[0]]
        settings = {"message_handler": "relay_context", "message_relay_context": self.context}
        reply = node.request("PUT", f"/api/relay/rest/phone_numbers/{number['id']}", json_body=settings)
        assert reply.status == 200, reply.body

    def _numbers(self) -> list[dict[str, Any]]:
        return list(self.node.request("GET", "/api/relay/rest/phone_numbers").json()["data"])

    async def client(
        self,
        *contexts: str,
        acknowledges: bool = True,
        protocol: str | None = None,
        seen: list[Mapping[str, Any]] | None = None,
    ) -> Client:
        """One that is connected. `seen`: where it notes what it is told, with others."""
        credentials = self.node.credentials
        login = Login(
            url=self.node.base_url.replace("http", "ws", 1),
            project=credentials.project_id,
            token=credentials.api_token,
            contexts=contexts,
            protocol=protocol,
        )
        made = Client(acknowledges=acknowledges, seen=seen)
        made.link = await self._stack.enter_async_context(RelayLink(login, made.on_event))
        return made

    def clients(self) -> int:
        """How many the server has."""
        lines = self.node.request("GET", "/metrics", authenticated=False).body.decode().splitlines()
        (count,) = [line.split()[1] for line in lines if line.startswith("heliograph_relay_clients ")]
        return int(float(count))

    async def bring(self, handset: str, body: str) -> str:
        """An inbound message; its id."""
        message = {"from": handset, "to": self.node.credentials.numbers[0], "body": body}
        reply = await asyncio.to_thread(
            self.node.request, "POST", "/api/heliograph/simulator/inbound", json_body=message
        )
        assert reply.status == 201, reply.body
        return str(reply.json()["id"])

    async def send(self, client: Client, context: str | None = None) -> str:
        """A message that the client sends; its id."""
        number = self.node.credentials.numbers[0]
        fields = {"from_number": number, "to_number": "+13125550100", "body": "x"}
        return await client.link.send(context=context or self.context, **fields)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HeliographServer]:
    """The server of those tests that leave it running."""
    node = HeliographServer(tmp_path_factory.mktemp("shared") / "data", settings=SETTINGS)
    yield node.start()
    node.kill()


@pytest.fixture
async def ground(shared: HeliographServer) -> AsyncIterator[Ground]:
    """The shared server, with a context of the test's own."""
    async with AsyncExitStack() as stack:
        yield Ground(shared, stack)


@pytest.fixture
async def own_ground(server: ServerFactory) -> AsyncIterator[Ground]:
    """A server of the test's own."""
    node = server(settings=SETTINGS)
    async with AsyncExitStack() as stack:
        yield Ground(node, stack)


async def test_what_a_client_does_not_acknowledge_goes_to_another(ground: Ground) -> None:
    silent = await ground.client(ground.context, acknowledges=False)
    await ground.bring("+13125550001", "first")
    await silent.until(1)
    other = await ground.client(ground.context)
    await other.until(1)
    assert other.bodies() == ["first"]


async def test_a_silent_client_holds_up_no_other_handset(ground: Ground) -> None:
    silent = await ground.client(ground.context, acknowledges=False)
    await ground.bring("+13125550001", "held")
    await silent.until(1)
    quick = await ground.client(ground.context)
    loop = asyncio.get_running_loop()
    started = loop.time()
    ids = [await ground.bring(f"+131255511{each:02d}", f"{each}") for each in range(20)]
    while len({each["message_id"] for each in quick.events} & set(ids)) < len(ids):
        await quick.until(len(quick.events) + 1)
    # Some had to wait for the silent one's acknowledgement, and not each of them once more.
    assert loop.time() - started < ACK_SECONDS * 5


async def test_order_of_a_handset_is_kept_when_its_client_goes(ground: Ground) -> None:
    first = await ground.client(ground.context, acknowledges=False)
    bodies = [f"{each}" for each in range(5)]
    for body in bodies:
        await ground.bring("+13125550001", body)
    await first.until(1)
    other = await ground.client(ground.context)
    first.link.drop()
    await other.until(5)
    assert other.bodies() == bodies


async def test_the_next_of_a_handset_waits_for_the_acknowledgement_of_the_one_before(ground: Ground) -> None:
    silent = await ground.client(ground.context, acknowledges=False)
    await ground.bring("+13125550001", "first")
    await silent.until(1)
    other = await ground.client(ground.context)
    await ground.bring("+13125550001", "second")
    await other.until(2)
    assert other.bodies() == ["first", "second"]


async def test_what_waited_over_a_restart_comes_in_order_to_several_clients(own_ground: Ground) -> None:
    handsets = [f"+131255513{each:02d}" for each in range(3)]
    brought = {handset: [await own_ground.bring(handset, f"{each}") for each in range(10)] for handset in handsets}
    await asyncio.to_thread(own_ground.node.kill)
    await asyncio.to_thread(own_ground.node.start)
    together: list[Mapping[str, Any]] = []
    for _ in range(3):
        await own_ground.client(own_ground.context, seen=together)
    async with asyncio.timeout(MOMENT_SECONDS):
        while len({each["message_id"] for each in together}) < 30:
            await asyncio.sleep(0.01)
    came = {
        handset: list(dict.fromkeys(each["message_id"] for each in together if each["from_number"] == handset))
        for handset in handsets
    }
    assert came == brought


async def test_a_client_that_is_frozen_is_dropped_and_another_gets_its_messages(ground: Ground) -> None:
    frozen = await ground.client(ground.context)
    frozen.link.freeze()
    other = await ground.client(ground.context)
    before = ground.clients()
    for each in range(4):
        await ground.bring(f"+1312555120{each}", "x")
    await other.until(4)
    await asyncio.to_thread(wait_until, lambda: ground.clients() < before, "the frozen client to be dropped")


async def test_states_go_to_the_sender_alone_whatever_others_hear(ground: Ground) -> None:
    sender, other = await ground.client(), await ground.client(ground.context)
    message_id = await ground.send(sender)
    await sender.until(3)
    assert sender.states(message_id) == ["initiated", "sent", "delivered"]
    await ground.bring("+13125550001", "last")
    await other.until(1)
    assert other.bodies() == ["last"]
    assert other.states(message_id) == []


async def test_states_of_a_sender_that_left_go_to_a_subscriber_of_its_context(ground: Ground) -> None:
    sender = await ground.client(acknowledges=False)
    message_id = await ground.send(sender)
    await sender.until(1)
    sender.link.drop()
    other = await ground.client(ground.context)
    await other.until(3)
    assert other.states(message_id) == ["initiated", "sent", "delivered"]


async def test_a_sender_that_comes_back_with_its_protocol_is_told_the_rest(ground: Ground) -> None:
    sender = await ground.client(acknowledges=False)
    protocol = sender.link.connected["protocol"]
    message_id = await ground.send(sender, context=protocol)
    await sender.until(1)
    sender.link.drop()
    again = await ground.client(protocol=protocol)
    assert again.link.connected["protocol"] == protocol
    await again.until(3)
    assert again.states(message_id) == ["initiated", "sent", "delivered"]


async def test_a_graceful_stop_says_goodbye_and_loses_nothing(own_ground: Ground) -> None:
    client = await own_ground.client(own_ground.context, acknowledges=False)
    await own_ground.bring("+13125550001", "kept")
    await client.until(1)
    assert await asyncio.to_thread(own_ground.node.stop) == 0
    async with asyncio.timeout(MOMENT_SECONDS):
        await client.link.closed()
    assert client.link.farewell == {"restart": False}
    await asyncio.to_thread(own_ground.node.start)
    other = await own_ground.client(own_ground.context)
    await other.until(1)
    assert other.bodies() == ["kept"]
