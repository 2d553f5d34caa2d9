"""The ground of the trials: one real server with a carrier for each trial, torture carriers in this process, and what
the server tells of its messages.

Nothing here waits for a time: a trial goes on when a callback came or a carrier has settled.
"""

import asyncio
import itertools
import socket
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import aiohttp
from aiohttp import web

import ports
from heliograph.torture.carrier import TortureCarrier
from heliograph.torture.settings import TortureSettings
from servers import HOST, HeliographServer, carriers_file
from traffic import answer_inbound, authorization, messages_path

SECONDS = 45.0
"""A trial that takes longer has failed."""

FINAL = ("delivered", "undelivered", "failed")

LINK: Mapping[str, object] = {
    "system_id": "us",
    "bind_seconds": 1.0,
    "response_seconds": 1.0,
    "enquire_link_seconds": 1.0,
    "reconnect_seconds": 0.05,
    "reconnect_max_seconds": 0.5,
    "retry_temporary": 3,
}
"""Short timers for a carrier of the tests."""

SERVER: Mapping[str, object] = {
    "simulator": False,
    "sweep_seconds": 0.2,
    "retry_temporary_seconds": 0.1,
    "reassembly_seconds": 2.0,
    "callback_retry_seconds": 0.05,
    "rate_limit_writes": 0,
}


class Told:
    """A receiver of callbacks and of inbound messages on this loop; wakes who waits for what they say."""

    def __init__(self) -> None:
        self.states: dict[str, list[str]] = defaultdict(list)
        """Of each message those that were told, in the order in which they came."""
        self.inbound: dict[str, list[str]] = defaultdict(list)
        """Texts by sender."""
        self._waiting: list[tuple[Callable[[], bool], asyncio.Future[None]]] = []
        self._listener = socket.create_server((HOST, 0))

    async def start(self) -> None:
        application = web.Application()
        application.router.add_post("/status", self._status)
        application.router.add_post("/handler", self._handler)
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.SockSite(self._runner, self._listener).start()

    async def stop(self) -> None:
        await self._runner.cleanup()
        self._listener.close()

    def url(self, path: str) -> str:
        return f"http://{HOST}:{self._listener.getsockname()[1]}{path}"

    async def until(self, condition: Callable[[], bool], seconds: float = SECONDS) -> None:
        """Raises TimeoutError."""
        if condition():
            return
        waiting = condition, asyncio.get_running_loop().create_future()
        self._waiting.append(waiting)
        try:
            async with asyncio.timeout(seconds):
                await waiting[1]
        finally:
            self._waiting.remove(waiting)

    async def _status(self, request: web.Request) -> web.Response:
        form = await request.post()
        self.states[str(form["MessageSid"])].append(str(form["MessageStatus"]))
        self._wake()
        return web.Response()

    async def _handler(self, request: web.Request) -> web.Response:
        form = await request.post()
        self.inbound[str(form["From"])].append(str(form["Body"]))
        self._wake()
        return web.Response(text="<Response/>", content_type="text/xml")

    def _wake(self) -> None:
        for condition, future in self._waiting:
            if not future.done() and condition():
                future.set_result(None)


@dataclass(slots=True, kw_only=True)
class Sent:
    """A message of a trial and what became of it. `steps`: its timeline."""

    sid: str
    to: str
    parts: int
    status: str = ""
    error_code: str | None = None
    steps: Sequence[Mapping[str, Any]] = ()

    @property
    def uncertain(self) -> bool:
        """Its timeline says so: the answer was lost, or never came (30009)."""
        return any(step["kind"] == "uncertain" or step["error_code"] == "30009" for step in self.steps)

    @property
    def end(self) -> str:
        return f"{self.status}?" if self.uncertain else self.status

    def count(self, kind: str) -> int:
        """Lines of one kind in its timeline."""
        return sum(step["kind"] == kind for step in self.steps)


@dataclass(slots=True, kw_only=True)
class Received:
    """An inbound message as the API shows it. `detail`: the first line of its timeline."""

    body: str
    status: str
    detail: str | None


@dataclass(slots=True, kw_only=True)
class Report:
    """What came of a trial. taken: how often the carrier took each (recipient, part)."""

    sent: list[Sent]
    taken: Counter[tuple[str, int]]
    received: list[Received]
    shown: Mapping[str, Any]
    carrier: TortureCarrier

    @property
    def single(self) -> list[Sent]:
        return [each for each in self.sent if each.parts == 1]

    @property
    def long(self) -> list[Sent]:
        return [each for each in self.sent if each.parts > 1]


@dataclass(slots=True, kw_only=True)
class Way:
    """A carrier of the server's, and the SMSC that it is bound to. `prefix`: what goes there begins so."""

    name: str
    prefix: str
    smsc: TortureCarrier
    table: dict[str, object]
    numbers: "itertools.count[int]" = field(default_factory=itertools.count)

    def next_number(self) -> str:
        return f"{self.prefix}{next(self.numbers):04d}"


class Gateway:
    """A server whose carriers are torture carriers. `async with`, after `way` was called for each of them."""

    def __init__(self, folder: Path, *, database_url: str | None = None, **settings: object) -> None:
        self.told = Told()
        self.ways: dict[str, Way] = {}
        self.config = folder / "carriers.toml"
        self.node = HeliographServer(
            folder / "data", database_url=database_url, settings={**SERVER, **settings}, config=self.config
        )
        self._stack = AsyncExitStack()

    def way(self, name: str, torture: Mapping[str, Any], **carrier: object) -> Way:
        """Another carrier; its SMSC is started by `start_smsc`."""
        port = ports.reserve()
        table = {**LINK, "name": name, "hosts": f"{HOST}:{port}", **carrier}
        smsc = TortureCarrier(TortureSettings(port=port, first_id=1_000_000 * (len(self.ways) + 1), **torture))
        found = self.ways[name] = Way(name=name, prefix=f"+1312{len(self.ways) + 200}", smsc=smsc, table=table)
        return found

    def write_config(self, routes: Sequence[Mapping[str, object]] | None = None) -> None:
        """The file as the ways are; each has a route for its prefix unless others are given."""
        if routes is None:
            routes = [{"carrier": way.name, "prefix": way.prefix} for way in self.ways.values()]
        carriers_file(self.config, [way.table for way in self.ways.values()], routes)

    async def __aenter__(self) -> Self:
        if not self.config.exists():
            self.write_config()
        await self.told.start()
        self._stack.push_async_callback(self.told.stop)
        self._stack.callback(self.node.kill)
        await asyncio.to_thread(self.node.start)
        await asyncio.to_thread(answer_inbound, self.node, self.told.url("/handler"))
        timeout = aiohttp.ClientTimeout(total=SECONDS)
        session = aiohttp.ClientSession(self.node.base_url, headers=authorization(self.node), timeout=timeout)
        self.http = await self._stack.enter_async_context(session)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.aclose()

    async def start_smsc(self, way: Way) -> None:
        await way.smsc.start()
        self._stack.push_async_callback(way.smsc.stop)

    # -- messages

    @property
    def number(self) -> str:
        return self.node.credentials.numbers[0]

    async def send(self, to: str, body: str, *, parts: int = 1, **fields: object) -> Sent:
        given = {"To": to, "From": self.number, "Body": body, "StatusCallback": self.told.url("/status"), **fields}
        async with self.http.post(messages_path(self.node), data=given) as response:
            assert response.status == 201, await response.text()
            return Sent(sid=(await response.json())["sid"], to=to, parts=parts)

    async def look(self, sent: Sent) -> Sent:
        """Read what became of it."""
        shown = await self.read(f"{messages_path(self.node)}/{sent.sid}")
        sent.status, sent.error_code = shown["status"], shown["error_code"]
        sent.steps = (await self.read(f"/api/heliograph/messages/{sent.sid}/timeline"))["steps"]
        return sent

    async def received(self, sender: str) -> list[Received]:
        """The inbound messages from one handset, oldest first, once the handler of each has been heard out."""
        path = f"{messages_path(self.node)}?From=%2B{sender.removeprefix('+')}&PageSize=100"
        page = await self.read(path)
        while any(each["status"] == "receiving" for each in page["messages"]):
            page = await self.read(path)
        found = []
        for each in reversed(page["messages"]):
            steps = (await self.read(f"/api/heliograph/messages/{each['sid']}/timeline"))["steps"]
            found.append(Received(body=each["body"], status=each["status"], detail=steps[0]["detail"]))
        return found

    async def carriers(self) -> dict[str, Mapping[str, Any]]:
        """The carriers as the server shows them, by name."""
        return {each["name"]: each for each in (await self.read("/api/heliograph/carriers"))["carriers"]}

    async def metric(self, name: str) -> dict[str, float]:
        """A counter's values by its labels, as the text has them."""
        async with self.http.get("/metrics") as response:
            lines = (await response.text()).splitlines()
        found = [
            line.removeprefix(name).rpartition(" ") for line in lines if line.startswith((f"{name}{{", f"{name} "))
        ]
        return {labels.strip("{}"): float(value) for labels, _, value in found}

    async def read(self, path: str) -> Any:
        headers = self.node.operator() if path.startswith("/api/heliograph/") else None
        async with self.http.get(path, headers=headers) as response:
            assert response.status == 200, (path, await response.text())
            return await response.json()

    def ended(self, sent: Sequence[Sent], ends: Sequence[str] = FINAL) -> Callable[[], bool]:
        """Whether each was told to have come to one of these states."""
        return lambda: all(any(state in ends for state in self.told.states[each.sid]) for each in sent)


def taken(smsc: TortureCarrier) -> Counter[tuple[str, int]]:
    """How often each part of each recipient's message was taken."""
    return Counter((f"+{each.destination}", each.part[2] if each.part else 1) for each in smsc.messages)
