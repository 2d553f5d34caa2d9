"""Load on a real server, and what must hold of it afterwards: for the tests of crashes and of bad days.

Rules: the load never waits for a time, it goes on until it is told to stop or the server is gone. Each order names
the callbacks that it must lead to, so that a missing one is seen. What got no 201 is never asked about again: it may
have been kept or not.
"""

import asyncio
import contextlib
import itertools
import random
import time
from base64 import b64encode
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

import aiohttp

from servers import HeliographServer, Received, Sink

CALLBACK_PATH = "/status"
HANDLER_PATH = "/handler"
MEDIA_PATH = "/picture"
ANSWER_SECONDS = 30.0
"""No request may take longer, whatever happens to the server or its store."""

REFUSED_PAUSE_SECONDS = 0.05
"""A creator's pause after a 503, so that refusals don't crowd out what is to recover."""

USUAL = ("sending", "sent", "delivered")
RANK = {
    "queued": 0,
    "sending": 1,
    "sent": 2,
    "delivered": 3,
    "undelivered": 3,
    "failed": 3,
    "receiving": 0,
    "received": 1,
}
STEPS = {"initiated": "sending"}
"""States of a timeline that the cXML API calls by another name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """One message to ask for. `callbacks`: what must be told of it, in order; an inbound one has none."""

    to: str
    body: str = "Hello"
    callbacks: tuple[str, ...] = USUAL
    media: bool = False
    inbound: bool = False

    @property
    def final(self) -> str:
        """The state in which it ends."""
        return "received" if self.inbound else self.callbacks[-1]


def handsets(prefix: str = "+1312") -> Iterator[str]:
    """Numbers of which none comes twice."""
    return (f"{prefix}{number:07d}" for number in itertools.count(2_000_000))


def plain_orders() -> Iterator[Order]:
    """Messages that are delivered, each to another number."""
    return (Order(to=to) for to in handsets())


def mixed_orders(dice: random.Random) -> Iterator[Order]:
    """Mostly plain ones; some that a carrier treats in its own way, some with media, some inbound."""
    numbers = handsets()
    special = [
        Order(to="+15005553003", callbacks=("sending", "sent", "undelivered")),
        Order(to="+15005554000", callbacks=("sending", "failed")),
        Order(to="+15005554003"),
        Order(to="+15005554005"),
    ]
    while True:
        chance = dice.random()
        if chance < 0.1:
            yield dice.choice(special)
        elif chance < 0.15:
            yield Order(to=next(numbers), callbacks=("sending", "sent"), media=True)
        else:
            yield Order(to=next(numbers), inbound=chance < 0.3)


class States:
    """The state in which each message was last seen; notes those that went backwards."""

    def __init__(self) -> None:
        self.seen: dict[str, str] = {}
        self.wrong: list[str] = []

    def see(self, message_id: str, status: str) -> None:
        """One look at a message. Of two states with the same rank neither follows the other."""
        before = self.seen.get(message_id, status)
        if before != status and RANK[status] <= RANK[before]:
            self.wrong.append(f"{message_id} was {before}, then {status}")
        self.seen[message_id] = status


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """An answer other than 201, and how long it took."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    seconds: float


@dataclass(slots=True)
class Record:
    """What a load met, over as many runs as a test makes."""

    kept: dict[str, Order] = field(default_factory=dict)
    refused: list[Refusal] = field(default_factory=list)
    unanswered: int = 0
    states: States = field(default_factory=States)


class Load:
    """Creators that keep a server busy, and one reader that looks at the newest messages meanwhile.

    ``async with Load(...) as load`` starts it; leaving stops it. A creator ends when the server is gone, unless
    `patient`, then it tries again.
    """

    def __init__(
        self,
        server: HeliographServer,
        sink: Sink,
        orders: Iterator[Order],
        record: Record,
        *,
        creators: int = 16,
        patient: bool = False,
        callback_url: str | None = None,
    ) -> None:
        self.record = record
        self._server = server
        self._callback_url = callback_url or sink.url(CALLBACK_PATH)
        self._media_url = sink.url(MEDIA_PATH)
        self._orders = orders
        self._creators = creators
        self._patient = patient
        self._stopping = False
        self._changed = asyncio.Condition()
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        timeout = aiohttp.ClientTimeout(total=ANSWER_SECONDS)
        self._session = aiohttp.ClientSession(headers=authorization(self._server), timeout=timeout)
        self._tasks = [asyncio.create_task(self._create_on()) for _ in range(self._creators)]
        self._tasks.append(asyncio.create_task(self._look_on()))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def stop(self) -> None:
        """Let the requests under way end, begin no more. May be called twice."""
        self._stopping = True
        await asyncio.gather(*self._tasks)
        await self._session.close()

    async def more(self, count: int) -> None:
        """Return when so many more messages are kept than are now."""
        wanted = len(self.record.kept) + count
        await self._until(lambda: len(self.record.kept) >= wanted, f"{count} more messages to be kept")

    async def refusals(self, count: int) -> None:
        """Return when so many more requests than now are answered with something else than 201."""
        wanted = len(self.record.refused) + count
        await self._until(lambda: len(self.record.refused) >= wanted, f"{count} more refusals")

    async def _until(self, reached: Callable[[], bool], what: str) -> None:
        try:
            async with asyncio.timeout(ANSWER_SECONDS), self._changed:
                await self._changed.wait_for(lambda: reached() or all(task.done() for task in self._tasks))
        except TimeoutError:
            raise AssertionError(f"waited {ANSWER_SECONDS:g} s in vain for {what}") from None
        assert reached(), f"the server was gone before {what}; {self._server.log()[-3000:]}"

    async def _create_on(self) -> None:
        while not self._stopping:
            order = next(self._orders)
            try:
                kept = await self._create(order)
            except TimeoutError:
                raise AssertionError(f"no answer in {ANSWER_SECONDS:g} s; {self._server.log()[-3000:]}") from None
            except (aiohttp.ClientConnectionError, aiohttp.ClientPayloadError):
                self.record.unanswered += 1
                kept = False
                if not self._patient:
                    break
            async with self._changed:
                self._changed.notify_all()
            if not kept:
                await asyncio.sleep(REFUSED_PAUSE_SECONDS)
        async with self._changed:
            self._changed.notify_all()

    async def _create(self, order: Order) -> bool:
        started = time.monotonic()
        async with self._post(order) as response:
            body = await response.read()
            if response.status == 201:
                answer = await response.json()
                self.record.kept[answer["id" if order.inbound else "sid"]] = order
                return True
            headers = {name.lower(): value for name, value in response.headers.items()}
            seconds = time.monotonic() - started
            self.record.refused.append(Refusal(status=response.status, headers=headers, body=body, seconds=seconds))
            return False

    def _post(self, order: Order) -> Any:
        number = self._server.credentials.numbers[0]
        if order.inbound:
            asked = {"from": order.to, "to": number, "body": "A question"}
            return self._session.post(f"{self._server.base_url}/api/heliograph/simulator/inbound", json=asked)
        fields = {"To": order.to, "From": number, "Body": order.body, "StatusCallback": self._callback_url}
        if order.media:
            fields["MediaUrl"] = self._media_url
        return self._session.post(f"{self._server.base_url}{messages_path(self._server)}", data=fields)

    async def _look_on(self) -> None:
        url = f"{self._server.base_url}{messages_path(self._server)}?PageSize=200"
        while not self._stopping:
            try:
                async with self._session.get(url) as response:
                    page = await response.json() if response.status == 200 else {"messages": []}
            except (aiohttp.ClientConnectionError, aiohttp.ClientPayloadError):
                if not self._patient:
                    return
                page = {"messages": []}
            for message in page["messages"]:
                self.record.states.see(message["sid"], message["status"])
            await asyncio.sleep(REFUSED_PAUSE_SECONDS)


def authorization(server: HeliographServer) -> dict[str, str]:
    """The header that names the server's first project."""
    pair = f"{server.credentials.project_id}:{server.credentials.api_token}"
    return {"Authorization": f"Basic {b64encode(pair.encode()).decode()}"}


def messages_path(server: HeliographServer) -> str:
    """Where the project's messages are, in the cXML API."""
    return f"/api/laml/2010-04-01/Accounts/{server.credentials.project_id}/Messages"


def create(server: HeliographServer, **fields: str) -> str:
    """Ask for one message, which must be kept; returns its id."""
    reply = post(server, **fields)
    assert reply.status == 201, reply.body
    return str(reply.json()["sid"])


def post(server: HeliographServer, **fields: str) -> Any:
    """Ask for one message; the answer, whatever it is."""
    given = {"To": "+13125550100", "From": server.credentials.numbers[0], "Body": "Hello", **fields}
    return server.request("POST", messages_path(server), form=list(given.items()))


def answer_inbound(server: HeliographServer, url: str) -> None:
    """Let the first number's messages be handled by the documents at a URL."""
    numbers = f"/api/laml/2010-04-01/Accounts/{server.credentials.project_id}/IncomingPhoneNumbers"
    listed = server.request("GET", numbers).json()["incoming_phone_numbers"]
    (sid,) = [each["sid"] for each in listed if each["phone_number"] == server.credentials.numbers[0]]
    reply = server.request("POST", f"{numbers}/{sid}", form=[("SmsUrl", url)])
    assert reply.status == 200, reply.body


def status(server: HeliographServer, message_id: str) -> str:
    """The state in which a message is, as the cXML API calls it."""
    return str(message(server, message_id)["status"])


def message(server: HeliographServer, message_id: str) -> dict[str, Any]:
    """A message, as the cXML API shows it."""
    reply = server.request("GET", f"{messages_path(server)}/{message_id}")
    assert reply.status == 200, reply.body
    return dict(reply.json())


def all_messages(server: HeliographServer) -> dict[str, dict[str, Any]]:
    """Every message of the project by id, newest first, page by page."""
    found: dict[str, dict[str, Any]] = {}
    uri: str | None = f"{messages_path(server)}?PageSize=1000"
    while uri:
        page = server.request("GET", uri).json()
        found |= {each["sid"]: each for each in page["messages"]}
        uri = page["next_page_uri"]
    return found


async def timelines(server: HeliographServer, message_ids: Iterable[str]) -> dict[str, list[dict[str, Any]]]:
    """The lines of each message's timeline, read by a few at once."""
    waiting = iter(list(message_ids))
    found: dict[str, list[dict[str, Any]]] = {}

    async def read_on(session: aiohttp.ClientSession) -> None:
        for each in waiting:
            async with session.get(f"{server.base_url}/api/heliograph/messages/{each}/timeline") as response:
                assert response.status == 200, await response.text()
                found[each] = (await response.json())["steps"]

    async with aiohttp.ClientSession(headers=authorization(server)) as session:
        await asyncio.gather(*(read_on(session) for _ in range(8)))
    return found


def told(requests: Iterable[Received], path: str = CALLBACK_PATH) -> dict[str, list[str]]:
    """For each message the states that a receiver was told of, in the order in which each came for the first time."""
    first: dict[str, list[str]] = defaultdict(list)
    for request in requests:
        if request.path == path:
            form = request.form
            if form["MessageStatus"] not in first[form["MessageSid"]]:
                first[form["MessageSid"]].append(form["MessageStatus"])
    return first


def unfinished(server: HeliographServer, record: Record) -> list[str]:
    """What of a load is not where it must end: messages not there, or not in their final state."""
    there = all_messages(server)
    for message_id, found in there.items():
        record.states.see(message_id, found["status"])
    return [
        f"{message_id}: {there.get(message_id, {}).get('status', 'gone')}"
        for message_id, order in record.kept.items()
        if there.get(message_id, {}).get("status") != order.final
    ]


def untold(requests: Iterable[Received], record: Record, path: str = CALLBACK_PATH) -> list[str]:
    """Which messages' callbacks are missing, or came in a wrong order."""
    first = told(requests, path)
    return [
        f"{message_id}: {first.get(message_id, [])}"
        for message_id, order in record.kept.items()
        if not order.inbound and first.get(message_id, []) != list(order.callbacks)
    ]


async def empty(look: Callable[[], list[str]], what: str, seconds: float = 60.0) -> None:
    """Wait until a list of what is amiss is empty; AssertionError with what it holds when it stays so long."""
    deadline = time.monotonic() + seconds
    while amiss := await asyncio.to_thread(look):
        if time.monotonic() > deadline:
            raise AssertionError(f"after {seconds:g} s {len(amiss)} {what}: {amiss[:10]}")
        await asyncio.sleep(REFUSED_PAUSE_SECONDS)


async def settled(server: HeliographServer, sink: Sink, record: Record, seconds: float = 60.0) -> None:
    """Wait until everything that was kept is final and all callbacks have come, in their order."""
    await empty(lambda: unfinished(server, record), "messages are not final", seconds)
    await empty(lambda: untold(sink.received(), record), "messages' callbacks are not all there in order", seconds)
    assert not record.states.wrong, record.states.wrong[:10]


@contextlib.contextmanager
def log_shown(server: HeliographServer) -> Iterator[None]:
    """Add the end of the server's log to a failure."""
    try:
        yield
    except AssertionError as error:
        error.add_note(f"the server's log ends:\n{server.log()[-4000:]}")
        raise
