"""Relay clients that are slow, silent or gone, and the others, who must not notice."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack
from typing import Any

import pytest

from relay_client import Relay
from relay_frames import login_to
from relay_link import ACKNOWLEDGE, KEEP_SILENT, REFUSE, Answer, RelayLink
from servers import HeliographServer, ServerFactory, wait_until

ACK_SECONDS = 1.0
MOMENT_SECONDS = 20.0
"""What does not come in this time is not coming."""

SETTINGS = {
    "relay_ack_seconds": ACK_SECONDS,
    "callback_poll_seconds": 0.05,
    "rate_limit_writes": 0,
}


class Client:
    """A connection, what it was told, and how it answers that."""

    def __init__(self, *, answer: Answer = ACKNOWLEDGE, seen: list[Mapping[str, Any]] | None = None) -> None:
        self._answer = answer
        self.events = [] if seen is None else seen
        self.link: RelayLink
        self._changed = asyncio.Condition()

    async def on_event(self, event: Mapping[str, Any]) -> Answer:
        if not str(event["event_type"]).startswith("messaging."):
            return ACKNOWLEDGE
        async with self._changed:
            self.events.append(event["params"])
            self._changed.notify_all()
        return self._answer

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
        self._relay = Relay(node)
        self._relay.route(self.context)

    async def client(
        self,
        *contexts: str,
        answer: Answer = ACKNOWLEDGE,
        seen: list[Mapping[str, Any]] | None = None,
    ) -> Client:
        """One that is connected. `seen`: where it notes what it is told, with others."""
        made = Client(answer=answer, seen=seen)
        link = RelayLink(login_to(self.node, *contexts), made.on_event)
        made.link = await self._stack.enter_async_context(link)
        return made

    def hearing(self) -> int:
        """How many clients the server has for the context."""
        return sum(self.context in each["contexts"] for each in self._relay.clients())

    async def bring(self, handset: str, body: str) -> str:
        """An inbound message; its id."""
        return await asyncio.to_thread(self._relay.inbound, body, handset)

    async def send(self, client: Client) -> str:
        """A message that the client sends; its id."""
        fields = {"from_number": self._relay.number, "to_number": "+13125550100", "body": "x"}
        return await client.link.send(context=self.context, **fields)


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


async def test_a_silent_client_holds_up_no_other_handset(ground: Ground) -> None:
    silent = await ground.client(ground.context, answer=KEEP_SILENT)
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
    first = await ground.client(ground.context, answer=KEEP_SILENT)
    bodies = [f"{each}" for each in range(5)]
    for body in bodies:
        await ground.bring("+13125550001", body)
    await first.until(1)
    other = await ground.client(ground.context)
    first.link.drop()
    await other.until(5)
    assert other.bodies() == bodies


async def test_the_next_of_a_handset_waits_for_the_acknowledgement_of_the_one_before(ground: Ground) -> None:
    silent = await ground.client(ground.context, answer=KEEP_SILENT)
    await ground.bring("+13125550001", "first")
    await silent.until(1)
    other = await ground.client(ground.context)
    await ground.bring("+13125550001", "second")
    await other.until(2)
    assert other.bodies() == ["first", "second"]


async def test_the_next_of_a_handset_waits_while_the_one_before_is_refused(ground: Ground) -> None:
    refusing = await ground.client(ground.context, answer=REFUSE)
    for body in ("first", "second"):
        await ground.bring("+13125550001", body)
    await refusing.until(1)
    other = await ground.client(ground.context)
    await other.until(2)
    assert (refusing.bodies()[0], other.bodies()) == ("first", ["first", "second"])


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


async def test_clients_that_come_and_go_by_the_hundred_lose_nothing_and_leave_nothing(ground: Ground) -> None:
    seen: list[Mapping[str, Any]] = []
    brought: list[str] = []

    async def come_and_go() -> None:
        for each in range(25):
            client = await ground.client(ground.context, answer=ACKNOWLEDGE if each % 2 else KEEP_SILENT, seen=seen)
            client.link.drop()

    async def bring() -> None:
        for each in range(50):
            brought.append(await ground.bring(f"+1312555{each % 5:04d}", f"{each}"))

    await asyncio.gather(bring(), *(come_and_go() for _ in range(8)))
    last = await ground.client(ground.context, seen=seen)
    async with asyncio.timeout(MOMENT_SECONDS):
        while not {each["message_id"] for each in seen}.issuperset(brought):
            await asyncio.sleep(0.01)
    assert last.link.connected
    await asyncio.to_thread(wait_until, lambda: ground.hearing() == 1, "the others to be forgotten")


async def test_states_go_to_the_sender_alone_whatever_others_hear(ground: Ground) -> None:
    sender, other = await ground.client(), await ground.client(ground.context)
    message_id = await ground.send(sender)
    await sender.until(3)
    assert sender.states(message_id) == ["initiated", "sent", "delivered"]
    await ground.bring("+13125550001", "last")
    await other.until(1)
    assert other.bodies() == ["last"]
    assert other.states(message_id) == []
