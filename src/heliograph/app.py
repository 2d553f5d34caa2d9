"""The only place that builds objects and wires them. One TaskGroup owns the server's tasks; a store
and a carrier own theirs, and end them when they are closed.

`serve` runs the server until SIGTERM or SIGINT: requests under way are finished, tasks are stopped, the carrier and
the store are let go, all by one deadline, `shutdown_seconds` after the signal (see stopping.py). What was not finished
is on disk and goes on at the next start.
"""

import asyncio
import gc
import random
import secrets
import signal
import socket
import sys
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import structlog
import uuid_utils
import uvicorn
import uvloop

from heliograph import __version__, logs
from heliograph.api.connection import guarded
from heliograph.api.families import all_routes
from heliograph.api.route import Route
from heliograph.api.server import build
from heliograph.api.services import Services
from heliograph.api.setting_checks import allows_loopback
from heliograph.carrier_config import CarrierConfig, Deployment, Difference, Topology
from heliograph.carriers.loopback import LoopbackCarrier, LoopbackSettings
from heliograph.carriers.smpp.carrier import SmppCarrier
from heliograph.config import Config, ConfigError
from heliograph.core import pricing
from heliograph.core.ids import Uuid7Generator
from heliograph.core.message import SMPP_SCHEME, Change, Message
from heliograph.core.retry import RetryPolicy
from heliograph.engine import provision
from heliograph.engine.accept import Acceptor, AcceptSettings
from heliograph.engine.attachments import Attachments, AttachmentSettings
from heliograph.engine.callbacks import Callbacks, CallbackSettings
from heliograph.engine.carriers import Carriers
from heliograph.engine.directory import Directory
from heliograph.engine.dispatch import Dispatcher, DispatchSettings, LeftInitiated
from heliograph.engine.handler import CxmlHandler
from heliograph.engine.inbound import Inbound, InboundSettings
from heliograph.engine.metrics import Metrics
from heliograph.engine.notify import SMPP
from heliograph.engine.pieces import Pieces
from heliograph.engine.provision import Provisioned
from heliograph.engine.receipts import Receipts
from heliograph.engine.records import Records
from heliograph.engine.sweeper import Sweeper, SweepSettings
from heliograph.engine.transition import Transitions
from heliograph.net import media as net_media
from heliograph.net.clock import SystemClock
from heliograph.net.http import MAX_PER_HOST, HttpClient
from heliograph.ports import CommitWatcher, MessageFilter, Store
from heliograph.reloading import Source
from heliograph.smsc.clients import Clients
from heliograph.smsc.deliveries import Deliveries
from heliograph.smsc.door import Door
from heliograph.smsc.login import Login
from heliograph.smsc.metrics import ClientsCollector
from heliograph.smsc.queries import Queries
from heliograph.smsc.settings import SmscSettings
from heliograph.smsc.submits import Submits
from heliograph.stopping import ABANDONED, Deadline
from heliograph.storage.lock import FolderLock
from heliograph.storage.store import SqlStore

log = structlog.get_logger(__name__)

Greet = Callable[[Provisioned, str], None]
"""Told, once, what was made on an empty store, and where the server listens."""

Announce = Callable[[str, str], Callable[[], None]]
"""Told the server's own address, whatever `public_url` says, and local secret when it listens; returns what takes that
back."""

StartTask = Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]]
Machine = Callable[[], Coroutine[Any, Any, None]]
StartMachine = Callable[[Machine], asyncio.Task[None]]

LISTEN_BACKLOG = 2048
"""Connections that the kernel may hold for us."""

MACHINE_PAUSE_SECONDS = 1.0
"""Pause before a machine that broke runs again."""

SWITCH_SECONDS = 0.0001
"""How long the loop may keep the interpreter's lock while SQLite's writer waits for it. At Python's usual 5 ms each
statement of a commit waited that long on a busy loop."""

# A stop's steps, each with the share of `shutdown_seconds` that is over when it must have ended.
DRAINED, REFUSED, CANCELLED, STOPPED, RELEASED, CLOSED = 0.6, 0.7, 0.75, 0.8, 0.85, 0.92

GC_THRESHOLD = 50_000
"""Allocations between collections: the objects of a busy second die by reference count, not by cycles."""


def make_store(config: Config, *, exclusive: bool, watch: CommitWatcher = lambda writes, seconds: None) -> Store:
    """The store that the settings name. `exclusive`: for a server, which must be the only one on its store and in its
    data folder."""
    folder = Path(config.data)
    if config.database_url:
        from heliograph.storage.postgres import PostgresDatabase, PostgresSettings

        settings = PostgresSettings(
            url=config.database_url,
            exclusive=exclusive,
            timeout_seconds=config.store_timeout_seconds,
            readers=config.store_readers,
            queue_max=config.store_queue_max,
            batch_max=config.store_batch_max,
        )
        # without a folder there is no server that works in it: `migrate` needs none
        lock = FolderLock(folder) if exclusive and folder.is_dir() else None
        return SqlStore(PostgresDatabase(settings, watch), lock)
    from heliograph.storage.sqlite import SqliteDatabase, SqliteSettings

    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return SqlStore(
        SqliteDatabase(
            SqliteSettings(
                file=folder / "heliograph.db",
                busy_seconds=config.store_busy_seconds,
                readers=config.store_readers,
                queue_max=config.store_queue_max,
                batch_max=config.store_batch_max,
            ),
            watch,
        ),
        FolderLock(folder) if exclusive else None,
    )


def serve(
    config: Config,
    greet: Greet,
    announce: Announce,
    extra_routes: Sequence[Route] = (),
    source: Source | None = None,
) -> int:
    """Run the server until it is told to stop; returns the process's exit code. `extra_routes` are served beside the
    documented ones and are not documented. `source`: where the configuration is read again from; without it there are
    no carriers but the simulated one."""
    logs.configure(config.log_format, config.log_level)
    rates(config)  # a wrong price is refused before anything starts
    server = _Server(config, extra_routes, source or _alone(config))
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            return runner.run(server.run(greet, announce))
    finally:
        server.met_deadline()


def _alone(config: Config) -> Source:
    return Source(Deployment(config=config, topology=Topology(simulator=config.simulator)))


def rates(config: Config) -> pricing.Rates:
    names = ("outbound_sms", "inbound_sms", "outbound_mms", "inbound_mms")
    try:
        return pricing.Rates(**{f"{name}_micros": pricing.parse_usd(getattr(config, f"rate_{name}")) for name in names})
    except ValueError as error:
        raise ConfigError(f"a rate_ setting is no price in US dollars with at most 6 decimals: {error}") from error


class Parts:
    """Every object of a server, each built when it is first asked for, from those below it."""

    def __init__(self, config: Config, start_task: StartTask, start_machine: StartMachine) -> None:
        self.config = config
        self.clock = SystemClock()
        self.metrics = Metrics()
        self.allow_loopback = allows_loopback(config)
        self.base_url = ""
        self.smpp: dict[str, SmppCarrier] = {}
        self._start_task = start_task
        self._start_machine = start_machine

    @cached_property
    def store(self) -> Store:
        return make_store(self.config, exclusive=True, watch=self.metrics.committed)

    @cached_property
    def ids(self) -> Uuid7Generator:
        return Uuid7Generator(partial(random.Random(secrets.randbits(128)).getrandbits, 62))  # noqa: S311 - no secret

    @cached_property
    def directory(self) -> Directory:
        return Directory(self.store, self.clock)

    @cached_property
    def transitions(self) -> Transitions:
        transitions = Transitions(self.store, self.clock, rates(self.config), self.metrics)
        transitions.owed = self.callbacks_owed
        return transitions

    def callbacks_owed(self, message: Message, change: Change) -> None:
        self.callbacks.offer(message, change)

    @cached_property
    def http(self) -> HttpClient:
        return HttpClient(
            allow_loopback=lambda: self.allow_loopback,
            user_agent=f"Heliograph/{__version__}",
            max_per_host=max(MAX_PER_HOST, self.config.callback_concurrency),
        )

    @cached_property
    def files(self) -> net_media.MediaFiles:
        return net_media.MediaFiles(Path(self.config.data) / "media")

    @cached_property
    def loopback(self) -> LoopbackCarrier:
        settings = LoopbackSettings(
            answer_ms=self.config.simulator_answer_ms,
            receipt_ms=self.config.simulator_receipt_ms,
            jitter_ms=self.config.simulator_jitter_ms,
            refusal_rate=self.config.simulator_refusal_rate,
            loss_rate=self.config.simulator_loss_rate,
            seed=self.config.simulator_seed,
            rate=self.config.simulator_rate,
            window=self.config.simulator_window,
        )
        return LoopbackCarrier(settings, Path(self.config.data) / "simulator.journal", self.clock)

    def smpp_carrier(self, config: CarrierConfig) -> SmppCarrier:
        carrier = self.smpp[config.name] = SmppCarrier(config, self.clock, chance=random.random)
        return carrier

    @cached_property
    def carriers(self) -> Carriers:
        return Carriers(
            directory=self.directory,
            dispatcher=self.dispatcher,
            receipts=self.receipts,
            inbound=self.inbound,
            chance=random.random,
        )

    @cached_property
    def attachments(self) -> Attachments:
        attachments = Attachments(
            store=self.store,
            clock=self.clock,
            files=self.files,
            fetch=partial(net_media.fetch, self.http),
            transitions=self.transitions,
            settings=AttachmentSettings(
                max_bytes=self.config.media_max_bytes,
                max_bytes_toll_free=self.config.media_max_bytes_toll_free,
                concurrency=self.config.media_concurrency,
                attempts=self.config.media_attempts,
            ),
        )
        attachments.start_task = self._start_task
        attachments.fetched = lambda message: self.dispatcher.offer(message)
        return attachments

    @cached_property
    def acceptor(self) -> Acceptor:
        acceptor = Acceptor(
            store=self.store,
            clock=self.clock,
            ids=self.ids,
            directory=self.directory,
            transitions=self.transitions,
            metrics=self.metrics,
            settings=AcceptSettings(
                simulator=self.config.simulator,
                allow_loopback_urls=self.allow_loopback,
                backlog_limit=self.config.backlog_limit,
                default_validity_seconds=self.config.default_validity_seconds,
            ),
        )
        acceptor.accepted = self.dispatcher.offer
        acceptor.lost_track = self.dispatcher.resync
        return acceptor

    @cached_property
    def dispatcher(self) -> Dispatcher:
        dispatcher = Dispatcher(
            store=self.store,
            clock=self.clock,
            ways=lambda message: self.carriers.ways(message),
            transitions=self.transitions,
            attachments=self.attachments,
            receipts=self.receipts,
            metrics=self.metrics,
            settings=DispatchSettings(
                queue_max=self.config.dispatch_queue_max,
                batch_max=self.config.dispatch_batch_max,
                retry_temporary_seconds=self.config.retry_temporary_seconds,
                answer_seconds=self.config.submit_answer_seconds,
                resend_uncertain=self.config.uncertain_policy == "resend",
            ),
        )
        dispatcher.start_task = self._start_task
        dispatcher.start_machine = self._start_machine
        return dispatcher

    @cached_property
    def receipts(self) -> Receipts:
        return Receipts(
            store=self.store,
            clock=self.clock,
            transitions=self.transitions,
            metrics=self.metrics,
            memory_max=self.config.receipts_memory_max,
        )

    @cached_property
    def pieces(self) -> Pieces:
        return Pieces(
            self.store, self.clock, sets_max=self.config.reassembly_max, seconds=self.config.reassembly_seconds
        )

    @cached_property
    def callbacks(self) -> Callbacks:
        callbacks = Callbacks(
            store=self.store,
            clock=self.clock,
            webhooks=self.http,
            directory=self.directory,
            transitions=self.transitions,
            metrics=self.metrics,
            settings=CallbackSettings(
                concurrency=self.config.callback_concurrency,
                lane_max=self.config.callback_lane_max,
                poll_seconds=self.config.callback_poll_seconds,
                policy=_callback_policy(self.config),
            ),
            jitter=random.random,
        )
        callbacks.start_task = self._start_task
        callbacks.notifiers[SMPP] = Deliveries(self.smpp_clients)
        return callbacks

    @cached_property
    def smpp_clients(self) -> Clients:
        clients = Clients()
        clients.reachable = lambda system_id: self.callbacks.wake(SMPP_SCHEME + system_id)
        self.metrics.registry.register(ClientsCollector(clients))
        return clients

    @cached_property
    def smpp_door(self) -> Door:
        settings = _smsc_settings(self.config)
        queries = Queries(self.store, self.transitions)
        queries.cancelled = self.dispatcher.forget
        door = Door(
            settings=settings,
            directory=self.directory,
            clients=self.smpp_clients,
            login=Login(self.directory, self.clock, settings),
            submits=Submits(self.acceptor, self.pieces, self.ids, self.clock),
            queries=queries,
            metrics=self.metrics,
        )
        door.start_task = self._start_task
        return door

    @cached_property
    def inbound(self) -> Inbound:
        handler = CxmlHandler(
            webhooks=self.http,
            directory=self.directory,
            transitions=self.transitions,
            send=self.acceptor.send,
            base_url=lambda: self.base_url,
            allow_loopback_urls=self.allow_loopback,
        )
        inbound = Inbound(
            store=self.store,
            clock=self.clock,
            ids=self.ids,
            directory=self.directory,
            transitions=self.transitions,
            attachments=self.attachments,
            metrics=self.metrics,
            pieces=self.pieces,
            run_cxml=handler.run,
            settings=InboundSettings(
                concurrency=self.config.handler_concurrency,
                queue_max=self.config.handler_queue_max,
                allow_loopback_urls=self.allow_loopback,
            ),
        )
        inbound.start_task = self._start_task
        return inbound

    @cached_property
    def records(self) -> Records:
        records = Records(self.store, self.clock, self.transitions.event_numbers, self.files)
        records.redacted = self.forget_body
        return records

    def forget_body(self, message: Message) -> None:
        """Nobody keeps the text of a redacted message in memory."""
        self.receipts.forget(message)
        self.callbacks.forget_body(message)

    @cached_property
    def sweeper(self) -> Sweeper:
        sweeper = Sweeper(
            store=self.store,
            clock=self.clock,
            directory=self.directory,
            transitions=self.transitions,
            files=self.files,
            settings=SweepSettings(
                every_seconds=self.config.sweep_seconds,
                retention_days=self.config.retention_days,
                idempotency_hours=self.config.idempotency_hours,
            ),
        )
        sweeper.ended = self.dispatcher.forget
        sweeper.deferred = self.dispatcher.deferred
        return sweeper

    @cached_property
    def services(self) -> Services:
        return Services(
            config=self.config,
            clock=self.clock,
            store=self.store,
            directory=self.directory,
            acceptor=self.acceptor,
            records=self.records,
            inbound=self.inbound,
            media_files=self.files,
            metrics=self.metrics,
            carriers=self.carriers.status,
            local_secret=secrets.token_hex(32),
        )


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

    async def run(self, greet: Greet, announce: Announce) -> int:
        store = self._parts.store
        await store.open()
        try:
            await self._run(greet, announce)
        finally:
            closed = await self._let_go(store.close(), RELEASED, "store")
            if not closed:
                store.abandon()
                closed = await self._let_go(store.close(), CLOSED, "store")
        return 0 if closed else ABANDONED

    async def _run(self, greet: Greet, announce: Announce) -> None:
        parts = self._parts
        provisioned = await provision.initialise(parts.store, provision.Mint(parts.clock))
        parts.directory.space_id = await parts.store.space_id(str(uuid_utils.uuid4()))
        await parts.directory.load()
        parts.transitions.queued.update(await parts.store.queued_counts())
        left = await parts.dispatcher.left_initiated()
        await parts.receipts.load()
        await parts.pieces.load()
        await self._pass_known_ids()
        listening = self._listen()
        await parts.smpp_door.listen()
        server = self._http_server()
        self._on_signals()
        await parts.http.start()
        async with asyncio.TaskGroup() as self._group:
            await parts.smpp_door.open()
            await self._start_carriers()
            self._start_machines(left)
            serving = self._group.create_task(server.serve(sockets=[listening]))
            withdraw = announce(self._here, parts.services.local_secret)
            _tune_interpreter()
            log.info("server.listening", url=parts.base_url, version=__version__)
            if provisioned is not None:
                greet(provisioned, parts.base_url)
            await self._told_to_stop(serving)
            withdraw()
            await self._shut_down(server, serving)

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

    async def _start_carriers(self) -> None:
        topology = self._source.running.topology
        if topology.simulator:
            await self._parts.carriers.add([self._parts.loopback])
        await self._parts.carriers.add(map(self._parts.smpp_carrier, topology.carriers))
        self._parts.carriers.route_by(topology.router())

    def _start_machines(self, left: LeftInitiated) -> None:
        parts = self._parts
        machines: tuple[Machine, ...] = (
            parts.dispatcher.run,
            parts.dispatcher.record_outcomes,
            parts.dispatcher.retry,
            partial(parts.dispatcher.recover, left),
            parts.receipts.run,
            parts.receipts.sweep,
            parts.pieces.run,
            parts.callbacks.poll,
            parts.smpp_door.watch,
            parts.inbound.run,
            parts.sweeper.expire,
            parts.sweeper.tidy,
            partial(parts.directory.watch, self._config.directory_poll_seconds),
        )
        for machine in machines:
            self._start_machine(machine)
        parts.metrics.gauge("heliograph_queued", "Messages queued.", lambda: sum(parts.transitions.queued.values()))
        parts.metrics.gauge("heliograph_dispatch_depth", "Queued messages in memory.", parts.dispatcher.depth)
        parts.metrics.gauge("heliograph_in_flight", "Submits without an answer.", parts.dispatcher.in_flight)
        parts.metrics.gauge("heliograph_pieces", "Long messages that wait for parts.", parts.pieces.waiting)
        parts.metrics.carriers(parts.carriers.status)
        parts.metrics.gauge("heliograph_callback_chains", "Messages with callbacks in memory.", parts.callbacks.pending)

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
        self._start_task(self._bring_to(topology, differs))

    async def _bring_to(self, topology: Topology, differs: Difference) -> None:
        """One after the other: a second reload may come while the first lets carriers go."""
        async with self._reloading:
            parts = self._parts
            fresh = [change for change in differs.changed if change.reconnect]
            for change in differs.changed:
                if not change.reconnect:
                    parts.smpp[change.after.name].configure(change.after)
            await parts.carriers.exchange([parts.smpp_carrier(change.after) for change in fresh])
            await parts.carriers.add(parts.smpp_carrier(each) for each in differs.added)
            parts.carriers.route_by(topology.router())
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
        await asyncio.wait([serving, unbinding], timeout=drained)
        if not serving.done():
            self._parts.store.abandon()  # who still waits for it is answered 503
            await asyncio.wait([serving], timeout=self._time().until(REFUSED, "requests"))
        stopping = [serving, unbinding, *self._tasks]
        for task in stopping:
            task.cancel()
        await asyncio.wait(stopping, timeout=self._time().until(CANCELLED, "tasks"))
        await self._let_go(self._parts.carriers.stop(), STOPPED, "carriers")
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
        """Bind, so that the address is known before anything is printed; raises ConfigError."""
        config = self._config
        family = socket.AF_INET6 if ":" in config.host else socket.AF_INET
        listening = socket.socket(family, socket.SOCK_STREAM)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind((config.host, config.port))
        except OSError as error:
            listening.close()
            raise ConfigError(f"can't listen on {config.host}:{config.port}: {error.strerror}") from error
        host = f"[{config.host}]" if family == socket.AF_INET6 else config.host
        scheme = "https" if config.tls_cert else "http"
        self._here = f"{scheme}://{host}:{listening.getsockname()[1]}"
        self._parts.base_url = (config.public_url or self._here).rstrip("/")
        return listening

    def _http_server(self) -> uvicorn.Server:
        config = self._config
        services = self._parts.services
        settings = uvicorn.Config(
            build(services, [*all_routes(), *self._extra_routes]),
            loop="none",
            http=guarded(config.max_header_bytes, config.request_seconds),
            ws="none",
            lifespan="off",
            interface="asgi3",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            backlog=LISTEN_BACKLOG,
            timeout_keep_alive=config.keep_alive_seconds,
            timeout_graceful_shutdown=max(1, int(config.shutdown_seconds)),
            ssl_certfile=config.tls_cert,
            ssl_keyfile=config.tls_key,
        )
        return _HttpServer(settings)


class _HttpServer(uvicorn.Server):
    """uvicorn without its own signal handling: this program decides when it stops."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def _contained(work: Coroutine[Any, Any, None]) -> None:
    """One piece of work breaks alone."""
    try:
        await work
    except Exception:
        log.exception("task.broke")


def _callback_policy(config: Config) -> RetryPolicy:
    """The usual schedule, stretched so that its first pause is the one set; no pause over an hour."""
    usual = RetryPolicy()
    stretch = config.callback_retry_seconds / usual.pauses_seconds[0]
    pauses = tuple(min(pause * stretch, usual.pauses_seconds[-1]) for pause in usual.pauses_seconds)
    return RetryPolicy(pauses_seconds=pauses, give_up_after_seconds=config.callback_give_up_seconds)


def _smsc_settings(config: Config) -> SmscSettings:
    return SmscSettings(
        host=config.smpp_host,
        port=config.smpp_port,
        tls_cert=config.smpp_tls_cert,
        tls_key=config.smpp_tls_key,
        connections_max=config.smpp_connections_max,
        bind_seconds=config.smpp_bind_seconds,
        enquire_link_seconds=config.smpp_enquire_link_seconds,
        response_seconds=config.smpp_response_seconds,
        pdu_max_bytes=config.smpp_pdu_max_bytes,
        unanswered_max=config.smpp_unanswered_max,
        failed_binds=config.smpp_failed_binds,
        directory_poll_seconds=config.directory_poll_seconds,
    )


def _tune_interpreter() -> None:
    """Share the lock in small slices; and what was made at start stays, so the collector need not look at it again."""
    sys.setswitchinterval(SWITCH_SECONDS)
    gc.collect()
    gc.freeze()
    gc.set_threshold(GC_THRESHOLD, 20, 50)
