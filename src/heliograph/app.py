"""The running server: it starts what parts.py has built, and stops it. One TaskGroup owns the server's tasks; a store
and a carrier own theirs, and end them when they are closed.

A start takes its ports first: where one is taken, nothing has been made. Then it opens the store, makes the first
project in an empty one, and writes down where it is; only then it serves.

`serve` runs the server until SIGTERM or SIGINT: requests under way are finished, tasks are stopped, the carrier and
the store are let go, all by one deadline, `shutdown_seconds` after the signal (see stopping.py). What was not finished
is on disk and goes on at the next start.
"""

import asyncio
import errno
import gc
import signal
import socket
import sys
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

import structlog
import uuid_utils
import uvicorn
import uvloop

from heliograph import __version__, logs
from heliograph.api.connection import ConnectionSettings, HeldPlace, guarded
from heliograph.api.families import all_routes
from heliograph.api.route import Route
from heliograph.api.server import build
from heliograph.carrier_config import Deployment, Difference, Topology
from heliograph.config import Config, ConfigError
from heliograph.core.directory import Number, Project
from heliograph.core.errors import StoreUnavailable
from heliograph.core.networks import Networks
from heliograph.core.route_projects import UnresolvedProject
from heliograph.engine import provision
from heliograph.engine.dispatch import LeftInitiated
from heliograph.engine.provision import Provisioned
from heliograph.engine.urls import serves_this_machine
from heliograph.http_server import LISTEN_BACKLOG, ForwardedHttps, HttpServer, admission
from heliograph.net.listening import listen, reason
from heliograph.net.tls_files import BadPair, server_context
from heliograph.parts import Machine, Parts, make_store, mfa_sender, rates, resolver_settings
from heliograph.ports import Carrier, MessageFilter
from heliograph.relay.socket import Upgrade
from heliograph.reloading import Source
from heliograph.stopping import ABANDONED, Deadline

log = structlog.get_logger(__name__)

__all__ = ["make_store", "rates", "serve"]


MACHINE_PAUSE_SECONDS = 1.0
"""Pause before a machine that broke runs again."""

OWNERSHIP_SECONDS = 0.5
"""How often a server makes sure that the store is still its own. On SQLite it always is."""

SWITCH_SECONDS = 0.0001
"""How long the loop may keep the interpreter's lock while SQLite's writer waits for it. At Python's usual 5 ms each
statement of a commit waited that long on a busy loop."""

# A stop's steps, each with the share of `shutdown_seconds` that is over when it must have ended.
DRAINED, REFUSED, CANCELLED, STOPPED, RELEASED, CLOSED = 0.6, 0.7, 0.75, 0.8, 0.85, 0.92

GC_THRESHOLD = 50_000
"""Allocations between collections: the objects of a busy second die by reference count, not by cycles."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Greeting:
    """What a started server says of itself. `made`: the first project, in a store that was empty."""

    made: Provisioned | None
    projects: Sequence[Project]
    numbers: Sequence[Number]
    base_url: str


class Front(Protocol):
    """What the command that runs a server does for it."""

    def prepare(self) -> None:
        """The ports are taken: make the data folder. Raises an error of the command's own."""

    def keep(self, made: Provisioned) -> None:
        """Write down the first project's secrets before it is made, where they are not printed. Raises OSError."""

    def greet(self, greeting: Greeting) -> None:
        """Tell the person who started it."""

    def announce(self, own_url: str, local_secret: str) -> Callable[[], None]:
        """Write down where commands find this server, whatever `public_url` says; returns what withdraws that. Raises
        OSError."""


def is_production(config: Config) -> bool:
    """Whether others than this machine's user are served, or messages reach phones: then no secret is printed."""
    return not serves_this_machine(config)


def serve(
    config: Config,
    front: Front,
    extra_routes: Sequence[Route] = (),
    source: Source | None = None,
) -> int:
    """Run the server until it is told to stop; returns the process's exit code. `extra_routes` are served beside the
    documented ones and are not documented. `source`: where the configuration is read again from; without it there are
    no carriers but the simulated one."""
    logs.configure(config.log_format, config.log_level, config.log_repeats_max)
    rates(config)  # a wrong price is refused before anything starts
    mfa_sender(config)
    resolver_settings(config)
    server = _Server(config, extra_routes, source or _alone(config))
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            return runner.run(server.run(front))
    except BaseExceptionGroup as group:
        raise _only(group) from group
    finally:
        server.met_deadline()


def _only(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """The one error of a group, however deep, so that a command can name it; the group where there are several."""
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    return error


def _alone(config: Config) -> Source:
    return Source(Deployment(config=config, topology=Topology(simulator=config.simulator)))


class _Server:
    def __init__(self, config: Config, extra_routes: Sequence[Route], source: Source) -> None:
        self._config = config
        self._source = source
        self._extra_routes = extra_routes
        self._parts = Parts(config, self._start_task, self._start_machine)
        self._stop = asyncio.Event()
        self._group: asyncio.TaskGroup | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._deadline: Deadline | None = None
        self._reloading = asyncio.Lock()
        self._here = ""

    async def run(self, front: Front) -> int:
        """Raises ConfigError for a port or certificate that can't be used."""
        logs.capture(asyncio.get_running_loop())
        _refuse_bad_certificate(self._config)
        with self._listen() as listening:
            await self._parts.smpp_door.listen()
            try:
                front.prepare()
                return await self._run_on_store(front, listening)
            finally:
                await self._parts.smpp_door.close(0.0)

    async def _run_on_store(self, front: Front, listening: socket.socket) -> int:
        store = self._parts.store
        await store.open()
        try:
            await self._run(front, listening)
        finally:
            closed = await self._let_go(store.close(), RELEASED, "store")
            if not closed:
                store.abandon()
                closed = await self._let_go(store.close(), CLOSED, "store")
        return 0 if closed else ABANDONED

    async def _run(self, front: Front, listening: socket.socket) -> None:
        parts = self._parts
        made = None if self._config.hold else await self._first_project(front)
        parts.directory.space_id = await parts.store.space_id(str(uuid_utils.uuid4()))
        await self._stock(self._source.running.topology)
        await parts.directory.load()
        await parts.route_projects.load()
        projects = self._resolved(self._source.running.topology)
        if self._source.again is not None:  # started once without its file, a server keeps what that file resolved
            await parts.route_projects.remember(projects)
        parts.transitions.queued.replace(await parts.store.queued_counts())
        parts.transitions.unsent.update(await parts.store.unsent_counts())
        left = await parts.dispatcher.left_initiated()
        await parts.receipts.load()
        await parts.pieces.load()
        await parts.scripts.load()
        await self._pass_known_ids()
        server = self._http_server()
        self._on_signals()
        await parts.http.start()
        withdraw = front.announce(self._here, parts.services.local_secret)
        try:
            async with asyncio.TaskGroup() as self._group:
                await parts.smpp_door.open()
                await self._start_carriers(projects)
                self._start_machines(left)
                serving = self._group.create_task(server.serve(sockets=[listening]))
                _tune_interpreter()
                log.info("server.listening", address=self._here, url=parts.base_url, version=__version__)
                front.greet(self._greeting(made))
                await self._told_to_stop(serving)
                withdraw()
                await self._shut_down(server, serving)
        finally:
            withdraw()

    async def _first_project(self, front: Front) -> Provisioned | None:
        mint = provision.Mint(self._parts.clock)
        return await provision.initialise(
            self._parts.store, mint, examples=bool(self._config.simulator), keep=front.keep
        )

    def _greeting(self, made: Provisioned | None) -> Greeting:
        directory = self._parts.directory
        projects = sorted(directory.projects(), key=lambda project: project.id)
        numbers = [number for project in projects for number in reversed(directory.numbers_of(project.id))]
        return Greeting(made=made, projects=projects, numbers=numbers, base_url=self._parts.base_url)

    async def _stock(self, topology: Topology) -> None:
        """Numbers leave the inventory by hand only: a row taken out of the file may be a project's number."""
        free = [number for row in topology.inventory for number in row.free()]
        if free:
            await self._parts.store.stock(free, self._parts.clock.now())

    async def _pass_known_ids(self) -> None:
        """New ids lie above every old one, even where the clock was set back between two runs."""
        parts = self._parts
        for project in parts.directory.projects():
            for newest in await parts.store.page(project.id, MessageFilter(include_deleted=True), None, 1):
                parts.ids.after(newest.id)

    # -- tasks

    def _start_task(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        if self._group is None:
            raise RuntimeError("no task may start before the server's group")
        task = self._group.create_task(_contained(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def _start_machine(self, machine: Machine) -> asyncio.Task[None]:
        return self._start_task(self._keep_going(machine))

    def _resolved(self, topology: Topology) -> dict[str, str]:
        """The ids of the projects that the routes name; raises ConfigError."""
        try:
            return self._parts.route_projects.resolve(topology.projects())
        except UnresolvedProject as error:
            raise ConfigError(str(error)) from error

    async def _start_carriers(self, projects: Mapping[str, str]) -> None:
        if self._config.hold:
            log.warning("server.holds", meaning="no carrier is connected; nothing is sent, called back or removed")
            return
        topology = self._source.running.topology
        if topology.simulator:
            await self._parts.carriers.add([self._parts.loopback])
        await self._parts.carriers.add(map(self._parts.smpp_carrier, topology.carriers))
        self._parts.carriers.route_by(topology.router(projects))

    def _fresh_carriers(self) -> list[Carrier]:
        """New ones in place of those that were stopped; the simulated carrier starts again as it is."""
        topology = self._source.running.topology
        simulated: list[Carrier] = [self._parts.loopback] if topology.simulator else []
        return simulated + [self._parts.smpp_carrier(each) for each in topology.carriers]

    def _is_writable(self) -> bool:
        store = self._parts.store
        return store.is_owned and not store.outage and self._parts.health.is_well

    def _acting(self, left: LeftInitiated) -> tuple[Machine, ...]:
        """What sends, calls back, handles, expires and removes: none of it where the server holds."""
        parts = self._parts
        return (
            parts.dispatcher.run,
            parts.dispatcher.record_outcomes,
            parts.dispatcher.retry,
            partial(parts.dispatcher.recover, left),
            parts.receipts.run,
            parts.receipts.sweep,
            parts.overdue_parts.run,
            parts.callbacks.poll,
            parts.sequences.poll,
            parts.inbound.run,
            parts.inbound.pass_on,
            parts.sweeper.expire,
            parts.sweeper.tidy,
            self._follow_ownership,
        )

    def _start_machines(self, left: LeftInitiated) -> None:
        parts = self._parts
        machines: tuple[Machine, ...] = (
            *(() if self._config.hold else self._acting(left)),
            parts.pieces.run,
            parts.smpp_door.watch,
            parts.relay_door.watch,
            parts.relay_door.pulse,
            partial(parts.directory.watch, self._config.directory_poll_seconds),
        )
        for machine in machines:
            self._start_machine(machine)
        parts.metrics.build(__version__, "postgresql" if self._config.database_url else "sqlite")
        parts.metrics.gauge(
            "heliograph_store_writable", "1 while reads and writes succeed and the disk has room.", self._is_writable
        )
        parts.metrics.gauge("heliograph_hold", "1 where the server holds (serve --hold).", lambda: self._config.hold)
        parts.metrics.gauge("heliograph_queued", "Messages queued.", parts.transitions.queued.total)
        parts.metrics.gauge(
            "heliograph_deferred",
            "Messages that a carrier refused for now and that are tried again.",
            parts.transitions.deferred.total,
        )
        parts.metrics.gauge("heliograph_dispatch_depth", "Queued messages in memory.", parts.dispatcher.depth)
        parts.metrics.gauge("heliograph_in_flight", "Submits without an answer.", parts.dispatcher.in_flight)
        parts.metrics.gauge("heliograph_look_ups", "Look-ups under way.", lambda: parts.resolver.under_way)
        parts.metrics.gauge("heliograph_pieces", "Long messages that wait for parts.", parts.pieces.waiting)
        parts.metrics.carriers(parts.carriers.status)
        parts.metrics.gauge("heliograph_callback_chains", "Messages with callbacks in memory.", parts.callbacks.pending)

    async def _follow_ownership(self) -> None:
        """Let go of the carriers while another server has the store: they would bring receipts and messages that can't
        be kept here, and that the other one waits for. An outage alone is no reason, since nobody else takes them."""
        carriers = self._parts.carriers
        while True:
            await self._ownership(is_ours=False)
            log.error("carriers.let_go", reason="another server has the store")
            async with self._reloading:
                await carriers.stop()
                await self._ownership(is_ours=True)
                await carriers.exchange(self._fresh_carriers())
            log.warning("carriers.taken_again")

    async def _ownership(self, *, is_ours: bool) -> None:
        """Return when the store is this server's, or is not."""
        store = self._parts.store
        while True:
            with suppress(StoreUnavailable):
                await store.hold_on()
            if store.is_owned is is_ours:
                return
            await asyncio.sleep(OWNERSHIP_SECONDS)

    async def _keep_going(self, machine: Machine) -> None:
        """A fault of ours in one machine must not end the server, for all that it serves: log it and go on. What the
        machine held is on disk, and is read back."""
        while True:
            try:
                return await machine()
            except Exception:
                log.exception("machine.broke", again_in_seconds=MACHINE_PAUSE_SECONDS)
            await asyncio.sleep(MACHINE_PAUSE_SECONDS)
            self._parts.dispatcher.resync()

    def _on_signals(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._tell_to_stop)
        # without a file there is nothing to read again: the signal says that the terminal has gone
        again = self._reload if self._source.again else self._tell_to_stop
        loop.add_signal_handler(signal.SIGHUP, again)

    def _reload(self) -> None:
        self._source.reload(self._apply)

    def _apply(self, topology: Topology, differs: Difference) -> None:
        projects = self._resolved(topology)
        self._start_task(self._bring_to(topology, differs, projects))

    async def _bring_to(self, topology: Topology, differs: Difference, projects: dict[str, str]) -> None:
        """One after the other: a second reload may come while the first lets carriers go. A server that holds has no
        carriers to bring anywhere."""
        if self._config.hold:
            return
        async with self._reloading:
            parts = self._parts
            fresh = [change for change in differs.changed if change.reconnect]
            for change in differs.changed:
                if not change.reconnect:
                    parts.smpp[change.after.name].configure(change.after)
            await parts.carriers.exchange([parts.smpp_carrier(change.after) for change in fresh])
            await parts.carriers.add(parts.smpp_carrier(each) for each in differs.added)
            await parts.transitions.persist(lambda: parts.route_projects.remember(projects))
            parts.carriers.route_by(topology.router(projects))
            if differs.inventory:
                await parts.transitions.persist(lambda: self._stock(topology))
            await parts.carriers.remove([carrier.name for carrier in differs.removed])

    def _tell_to_stop(self) -> None:
        self._time()
        self._stop.set()

    def _time(self) -> Deadline:
        """The deadline of the stop, which runs from the first time that this is asked."""
        if self._deadline is None:
            self._deadline = Deadline(self._config.shutdown_seconds)
        return self._deadline

    def met_deadline(self) -> None:
        """Everything was let go: nothing has to be abandoned."""
        if self._deadline is not None:
            self._deadline.met()

    async def _told_to_stop(self, serving: "asyncio.Task[None]") -> None:
        waiting = asyncio.create_task(self._stop.wait())
        await asyncio.wait([waiting, serving], return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()

    async def _shut_down(self, server: uvicorn.Server, serving: "asyncio.Task[None]") -> None:
        log.info("server.stopping", deadline_seconds=self._config.shutdown_seconds)
        server.should_exit = True
        drained = self._time().until(DRAINED, "requests")
        unbinding = asyncio.create_task(self._parts.smpp_door.close(drained))
        leaving = asyncio.create_task(self._parts.relay_door.close(drained))
        await asyncio.wait([serving, unbinding, leaving], timeout=drained)
        if not serving.done():
            self._parts.store.abandon()  # who still waits for it is answered 503
            await asyncio.wait([serving], timeout=self._time().until(REFUSED, "requests"))
        stopping = [serving, unbinding, leaving, *self._tasks]
        for task in stopping:
            task.cancel()
        await asyncio.wait(stopping, timeout=self._time().until(CANCELLED, "tasks"))
        await self._let_go(self._parts.carriers.stop(), STOPPED, "carriers")
        await self._let_go(self._parts.carrier_resolver.close(), STOPPED, "resolver")
        await self._let_go(self._parts.http.stop(), STOPPED, "HTTP client")

    async def _let_go(self, work: Coroutine[Any, Any, None], share: float, step: str) -> bool:
        """Whether it was done by then; if not, the watchdog ends whatever hangs."""
        try:
            async with asyncio.timeout(self._time().until(share, step)):
                await work
        except TimeoutError:
            log.warning("server.not_let_go", step=step)
            return False
        return True

    # -- HTTP

    def _listen(self) -> socket.socket:
        """Take the port, before anything is made; raises ConfigError."""
        config = self._config
        try:
            listening = listen(config.host, config.port, LISTEN_BACKLOG)
        except (OSError, ValueError) as error:
            raise CantListen(config.host, config.port, error) from error
        host = f"[{config.host}]" if ":" in config.host else config.host
        scheme = "https" if config.tls_cert else "http"
        self._here = f"{scheme}://{host}:{listening.getsockname()[1]}"
        self._parts.base_url = (config.public_url or self._here).rstrip("/")
        return listening

    def _http_server(self) -> uvicorn.Server:
        config = self._config
        services = self._parts.services
        places = admission(config, self._parts.relay_door)
        trusted = Networks(config.trusted_proxies)
        connections = ConnectionSettings(
            max_header_bytes=config.max_header_bytes,
            max_header_fields=config.max_header_fields,
            request_seconds=config.request_seconds,
            trusted_proxies=trusted,
            admission=places,
            upgraded=self._upgraded,
            https_forwarded=None if config.public_url else ForwardedHttps(self._parts.base_url),
        )
        self._parts.metrics.gauge("heliograph_http_connections", "HTTP connections.", lambda: len(places))
        settings = uvicorn.Config(
            build(services, [*all_routes(), *self._extra_routes]),
            loop="none",
            http=guarded(connections),
            ws="none",
            lifespan="off",
            interface="asgi3",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_keep_alive=config.keep_alive_seconds,
            timeout_graceful_shutdown=max(1, int(config.shutdown_seconds)),
            ssl_certfile=config.tls_cert,
            ssl_keyfile=config.tls_key,
        )
        return HttpServer(settings, places, config, trusted)

    def _upgraded(
        self, path: str, headers: Sequence[tuple[bytes, bytes]], peer: str, place: HeldPlace | None
    ) -> asyncio.Protocol:
        return self._parts.relay_door.take(Upgrade(path=path, headers=headers, peer=peer, place=place))


class CantListen(ConfigError):
    """The HTTP address can't be had. `is_taken`: something listens there."""

    def __init__(self, host: str, port: int, error: OSError | ValueError) -> None:
        super().__init__(f"can't listen on {host}:{port}: {reason(error)}")
        self.is_taken = isinstance(error, OSError) and error.errno == errno.EADDRINUSE


def _refuse_bad_certificate(config: Config) -> None:
    try:
        server_context(config.tls_cert, config.tls_key)
    except BadPair as error:
        raise ConfigError(str(error)) from error


async def _contained(work: Coroutine[Any, Any, None]) -> None:
    """One piece of work breaks alone."""
    try:
        await work
    except Exception:
        log.exception("task.broke")


def _tune_interpreter() -> None:
    """Share the lock in small slices; and what was made at start stays, so the collector need not look at it again."""
    sys.setswitchinterval(SWITCH_SECONDS)
    gc.collect()
    gc.freeze()
    gc.set_threshold(GC_THRESHOLD, 20, 50)
