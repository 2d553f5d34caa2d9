"""The only place that builds objects and wires them."""

import asyncio
import random
import secrets
from collections.abc import Callable, Coroutine
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from heliograph import __version__
from heliograph.api.services import Services
from heliograph.carrier_config import CarrierConfig
from heliograph.carriers.loopback import LoopbackCarrier, LoopbackSettings
from heliograph.carriers.smpp.carrier import SmppCarrier
from heliograph.config import Config, ConfigError
from heliograph.core import numbers, pricing
from heliograph.core.ids import Uuid7Generator
from heliograph.core.limits import Buckets
from heliograph.core.message import SMPP_SCHEME, Change, Message, PartReceipts
from heliograph.core.networks import Networks
from heliograph.core.reassembly import Bounds
from heliograph.core.retry import RetryPolicy
from heliograph.engine import notify
from heliograph.engine.accept import Acceptor, AcceptSettings
from heliograph.engine.attachments import Attachments, AttachmentSettings
from heliograph.engine.attempts import Attempts
from heliograph.engine.callbacks import Callbacks, CallbackSettings
from heliograph.engine.carriers import Carriers
from heliograph.engine.directory import Directory
from heliograph.engine.dispatch import Dispatcher, DispatchSettings
from heliograph.engine.dropped import Dropped
from heliograph.engine.failures import FailedLogins
from heliograph.engine.handler import CxmlHandler
from heliograph.engine.health import Health, free_bytes
from heliograph.engine.inbound import Inbound, InboundSettings
from heliograph.engine.metrics import Metrics
from heliograph.engine.mfa import Mfa, MfaSettings
from heliograph.engine.notify import RELAY, SMPP
from heliograph.engine.number_orders import NumberOrders
from heliograph.engine.overdue_parts import OverdueParts
from heliograph.engine.own_documents import OwnDocuments
from heliograph.engine.pieces import Pieces
from heliograph.engine.project_room import ProjectLimits
from heliograph.engine.receipts import ReceiptLimits, Receipts
from heliograph.engine.records import Records
from heliograph.engine.retries import RetrySettings
from heliograph.engine.route_projects import RouteProjects
from heliograph.engine.scripts import Scripts
from heliograph.engine.senders import Senders
from heliograph.engine.sequences import Sequences, SequenceSettings
from heliograph.engine.sticky import StickySenders
from heliograph.engine.sweeper import Sweeper, SweepSettings
from heliograph.engine.swml_handler import SwmlHandler
from heliograph.engine.swml_run import SwmlLimits
from heliograph.engine.transition import Transitions
from heliograph.engine.urls import reach
from heliograph.net import media as net_media
from heliograph.net.clock import SystemClock
from heliograph.net.http import HttpClient
from heliograph.net.resolver import Resolver, ResolverSettings, servers_of
from heliograph.ports import CommitWatcher, Store, Tables
from heliograph.relay import deliveries as relay_deliveries
from heliograph.relay import door as relay_door
from heliograph.relay import login as relay_login
from heliograph.relay.calls import Calls
from heliograph.relay.clients import Clients as RelayClients
from heliograph.relay.ended import EndedLimits
from heliograph.relay.peer import PeerLimits
from heliograph.relay.settings import RelaySettings
from heliograph.relay.socket import SocketLimits
from heliograph.smsc.clients import Clients
from heliograph.smsc.deliveries import Deliveries
from heliograph.smsc.door import Door
from heliograph.smsc.login import Login
from heliograph.smsc.metrics import ClientsCollector
from heliograph.smsc.queries import Queries
from heliograph.smsc.settings import SmscSettings
from heliograph.smsc.submits import SubmitLimits, Submits
from heliograph.storage.lock import FolderLock
from heliograph.storage.store import SqlStore

StartTask = Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]]
Machine = Callable[[], Coroutine[Any, Any, None]]
StartMachine = Callable[[Machine], asyncio.Task[None]]


def make_store(
    config: Config,
    *,
    exclusive: bool,
    tables: Tables = Tables.MIGRATE,
    watch: CommitWatcher = lambda writes, seconds: None,
) -> Store:
    """The store that the settings name. `exclusive`: for a server, which must be the only one on its store and in its
    data folder. The folder must exist, except where the store is in PostgreSQL."""
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
            tables=tables,
        )
        # without a folder there is no server that works in it: `migrate` needs none
        lock = FolderLock(folder, optional=True) if exclusive else None
        return SqlStore(PostgresDatabase(settings, watch), lock, list_seconds=config.list_seconds)
    from heliograph.storage.sqlite import SqliteDatabase, SqliteSettings

    return SqlStore(
        SqliteDatabase(
            SqliteSettings(
                file=folder / "heliograph.db",
                busy_seconds=config.store_busy_seconds,
                readers=config.store_readers,
                queue_max=config.store_queue_max,
                batch_max=config.store_batch_max,
                tables=tables,
            ),
            watch,
        ),
        FolderLock(folder) if exclusive else None,
        list_seconds=config.list_seconds,
    )


def rates(config: Config) -> pricing.Rates:
    names = ("outbound_sms", "inbound_sms", "outbound_mms", "inbound_mms")
    try:
        return pricing.Rates(**{f"{name}_micros": pricing.parse_usd(getattr(config, f"rate_{name}")) for name in names})
    except ValueError as error:
        raise ConfigError(f"a rate_ setting is no price in US dollars with at most 6 decimals: {error}") from error


def resolver_settings(config: Config) -> ResolverSettings:
    try:
        servers = servers_of(config.dns_servers.split(",")) if config.dns_servers else ()
    except ValueError as error:
        raise ConfigError(f"dns_servers has an invalid name server: {error}") from error
    return ResolverSettings(
        seconds=config.dns_seconds,
        places=config.dns_lookups_max,
        owner_places=config.dns_project_lookups_max,
        owner_waiting=config.dns_project_waiting_max,
        stale_seconds=config.dns_stale_seconds,
        negative_seconds=config.dns_negative_seconds,
        names_max=config.dns_names_max,
        servers=servers,
    )


def mfa_sender(config: Config) -> str | None:
    if config.mfa_from is None:
        return None
    sender = numbers.normalize_from(config.mfa_from)
    if sender is None:
        raise ConfigError("mfa_from is no phone number: write + and 5 to 17 digits, or a short code")
    return sender


RELAY_PAUSE_MAX_SECONDS = 30.0
"""Longest pause before Relay clients that did not acknowledge an event are told of it again."""


class Parts:
    """Every object of a server, each built when it is first asked for, from those below it."""

    def __init__(self, config: Config, start_task: StartTask, start_machine: StartMachine) -> None:
        self.config = config
        self.clock = SystemClock()
        self.metrics = Metrics()
        self.reach = reach(config)
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
        return Directory(
            self.store,
            self.clock,
            limits=ProjectLimits(
                objects=self.config.project_objects_max,
                numbers=self.config.project_numbers_max,
                octets=self.config.project_directory_bytes_max,
            ),
        )

    @cached_property
    def route_projects(self) -> RouteProjects:
        return RouteProjects(self.store, self.directory)

    @cached_property
    def transitions(self) -> Transitions:
        transitions = Transitions(self.store, self.clock, rates(self.config), self.metrics, self.directory.root_of)
        transitions.owed = self.callbacks_owed
        return transitions

    def callbacks_owed(self, message: Message, change: Change) -> None:
        if self.config.hold:
            return  # on disk, for a server that does not hold
        if change.callback_sequence is None:
            self.callbacks.offer(message, change)
        else:
            self.sequences.offer(message, change)

    @cached_property
    def http(self) -> HttpClient:
        return HttpClient(
            reach=self.reach,
            resolver=self.resolver,
            user_agent=f"Heliograph/{__version__}",
            max_connections=self.config.webhook_connections_max,
            max_per_host=max(self.config.webhook_host_connections_max, self.config.callback_concurrency),
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

    @cached_property
    def resolver(self) -> Resolver:
        """Looks up the hosts that projects name."""
        return Resolver(resolver_settings(self.config))

    @cached_property
    def carrier_resolver(self) -> Resolver:
        """Looks up carriers' hosts, apart from the others."""
        return Resolver(resolver_settings(self.config))

    def smpp_carrier(self, config: CarrierConfig) -> SmppCarrier:
        carrier = self.smpp[config.name] = SmppCarrier(
            config, self.clock, resolver=self.carrier_resolver, chance=random.random
        )
        return carrier

    @cached_property
    def carriers(self) -> Carriers:
        return Carriers(
            directory=self.directory,
            dispatcher=self.dispatcher,
            receipts=self.receipts,
            inbound=self.inbound,
            dropped=self.dropped,
            chance=random.random,
        )

    @cached_property
    def attachments(self) -> Attachments:
        attachments = Attachments(
            store=self.store,
            clock=self.clock,
            files=self.files,
            fetch=lambda urls, most, project_id: net_media.fetch(
                self.http, urls, most, self.directory.root_of(project_id)
            ),
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
    def senders(self) -> Senders:
        sticky = StickySenders(self.store, self.clock, self.config.sticky_memory_max)
        return Senders(self.directory, self.transitions, sticky, random.random, self.config.group_choice)

    @cached_property
    def acceptor(self) -> Acceptor:
        acceptor = Acceptor(
            store=self.store,
            clock=self.clock,
            ids=self.ids,
            directory=self.directory,
            transitions=self.transitions,
            senders=self.senders,
            writes=self.writes,
            metrics=self.metrics,
            settings=AcceptSettings(
                simulator=self.config.simulator,
                reach=self.reach,
                backlog_limit=self.config.backlog_limit,
                default_validity_seconds=self.config.default_validity_seconds,
                tags_max=self.config.tags_max,
                tag_max_chars=self.config.tag_max_chars,
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
            root_of=self.directory.root_of,
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
                silent_max=self.config.silent_submits_max,
                retries=RetrySettings(
                    memory_max=self.config.deferred_memory_max,
                    project_max=self.config.deferred_project_max,
                    destination_max=self.config.deferred_destination_max,
                    window_share=self.config.retry_window_share,
                ),
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
            dropped=self.dropped,
            part_receipts=self.part_receipts,
            limits=ReceiptLimits(
                memory=self.config.receipts_memory_max,
                held=self.config.receipts_held_max,
                doubts=self.config.uncertain_memory_max,
            ),
        )

    def part_receipts(self, carrier: str) -> PartReceipts:
        """Which parts of a long message a carrier sends receipts for; the simulated one sends one for each."""
        return self.smpp[carrier].config.part_receipts if carrier in self.smpp else "each"

    @cached_property
    def dropped(self) -> Dropped:
        return Dropped(self.metrics, self.clock.now, self.config.carrier_dropped_max)

    @cached_property
    def overdue_parts(self) -> OverdueParts:
        return OverdueParts(self.store, self.clock, self.transitions, self.part_receipts)

    @cached_property
    def pieces(self) -> Pieces:
        return Pieces(
            self.store,
            self.clock,
            root_of=self.directory.root_of,
            bounds=Bounds(
                sets=self.config.reassembly_max,
                octets=self.config.reassembly_bytes,
                family_sets=self.config.reassembly_project_max,
                family_octets=self.config.reassembly_project_bytes,
            ),
            seconds=self.config.reassembly_seconds,
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
            attempts=self.attempts,
            settings=CallbackSettings(
                concurrency=self.config.callback_concurrency,
                lane_max=self.config.callback_lane_max,
                poll_seconds=self.config.callback_poll_seconds,
                policy=_callback_policy(self.config),
            ),
        )
        callbacks.start_task = self._start_task
        callbacks.notifiers[SMPP] = Deliveries(self.smpp_clients)
        callbacks.notifiers[RELAY] = self.relay_deliveries
        return callbacks

    @cached_property
    def attempts(self) -> Attempts:
        attempts = Attempts(self.store, self.clock, self.transitions, self.metrics, random.random)
        attempts.start_task = self._start_task
        return attempts

    @cached_property
    def sequences(self) -> Sequences:
        sequences = Sequences(
            store=self.store,
            clock=self.clock,
            transitions=self.transitions,
            metrics=self.metrics,
            attempts=self.attempts,
            settings=SequenceSettings(
                lane_max=self.config.callback_lane_max,
                poll_seconds=self.config.callback_poll_seconds,
                policy=_callback_policy(self.config),
            ),
        )
        sequences.start_task = self._start_task
        sequences.current = self.callbacks.current
        sequences.notifiers = self.callbacks.notifiers
        return sequences

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
            submits=Submits(
                self.acceptor,
                self.pieces,
                self.ids,
                self.clock,
                SubmitLimits(incomplete=self.config.smpp_incomplete_max, tlvs_bytes=self.config.smpp_tlvs_bytes),
            ),
            queries=queries,
            metrics=self.metrics,
        )
        door.start_task = self._start_task
        return door

    @cached_property
    def swml_handler(self) -> SwmlHandler:
        return SwmlHandler(
            webhooks=self.http,
            directory=self.directory,
            transitions=self.transitions,
            clock=self.clock,
            send=self.acceptor.send,
            base_url=lambda: self.base_url,
            limits=SwmlLimits(
                steps=self.config.swml_steps,
                requests=self.config.swml_requests,
                request_seconds=self.config.swml_request_seconds,
                seconds=self.config.swml_seconds,
                replies=self.config.handler_replies_max,
            ),
            reach=self.reach,
        )

    @cached_property
    def relay_clients(self) -> RelayClients:
        ended = EndedLimits(
            most=self.config.relay_remembered_max,
            bytes_max=self.config.relay_remembered_bytes,
            project_max=self.config.relay_project_remembered_max,
            project_bytes=self.config.relay_project_remembered_bytes,
        )
        clients = RelayClients(self.clock.monotonic, self.config.relay_return_seconds, ended)
        self.metrics.gauge("heliograph_relay_clients", "Relay clients that are connected.", lambda: len(clients))
        return clients

    @cached_property
    def relay_deliveries(self) -> relay_deliveries.Deliveries:
        deliveries = relay_deliveries.Deliveries(
            self.relay_clients,
            self.metrics,
            media_of=lambda message: self.transitions.persist(
                lambda: self.store.media_of(message.project_id, message.id)
            ),
            base_url=lambda: self.base_url,
            attempts_max=self.config.relay_attempts_max,
        )
        deliveries.note = self._note_told
        deliveries.wake = self._wake
        deliveries.policy = _relay_policy(self.config)
        return deliveries

    def _wake(self, origin: str) -> None:
        machine = self.sequences if notify.relay_origin(origin).inbound else self.callbacks
        machine.wake(origin)

    def _note_told(self, message: Message, detail: str) -> None:
        self._start_task(self.transitions.note(message, "relay_told", detail=detail))

    @cached_property
    def relay_door(self) -> relay_door.Door:
        settings = _relay_settings(self.config)
        login = relay_login.Login(self.directory, FailedLogins(self.clock, settings.failed_connects))
        calls = Calls(
            settings=settings,
            directory=self.directory,
            clients=self.relay_clients,
            login=login,
            acceptor=self.acceptor,
            clock=self.clock,
            metrics=self.metrics,
        )
        door = relay_door.Door(
            settings=settings,
            directory=self.directory,
            clients=self.relay_clients,
            login=login,
            calls=calls,
            clock=self.clock,
        )
        door.start_task = self._start_task
        return door

    @cached_property
    def writes(self) -> Buckets:
        """What each root project with its subprojects may still write, at all doors."""
        return Buckets(self.config.rate_limit_writes, self.config.rate_limit_seconds)

    @cached_property
    def inbound(self) -> Inbound:
        handler = CxmlHandler(
            webhooks=self.documents,
            directory=self.directory,
            transitions=self.transitions,
            send=self.acceptor.send,
            base_url=lambda: self.base_url,
            reach=self.reach,
            replies_max=self.config.handler_replies_max,
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
            run_swml=self.swml_handler.run,
            settings=InboundSettings(
                concurrency=self.config.handler_concurrency,
                queue_max=self.config.handler_queue_max,
                reach=self.reach,
            ),
        )
        inbound.start_task = self._start_task
        return inbound

    @cached_property
    def documents(self) -> OwnDocuments:
        """Where handlers fetch from."""
        return OwnDocuments(self.http, self.scripts, lambda: self.base_url, self.transitions.persist)

    @cached_property
    def scripts(self) -> Scripts:
        scripts = Scripts(self.store, self.clock, self.ids, self.directory.room, self.config.script_max_bytes)
        scripts.start_task = self._start_task
        return scripts

    @cached_property
    def records(self) -> Records:
        records = Records(self.store, self.clock, self.transitions.event_numbers, self.files)
        records.redacted = self.forget_body
        return records

    def forget_body(self, message: Message) -> None:
        """Nobody keeps the text of a redacted message in memory."""
        self.receipts.forget(message)
        self.callbacks.forget_body(message)
        self.sequences.forget_body(message)

    @cached_property
    def mfa(self) -> Mfa:
        mfa = Mfa(
            store=self.store,
            clock=self.clock,
            ids=self.ids,
            directory=self.directory,
            acceptor=self.acceptor,
            settings=MfaSettings(sender=mfa_sender(self.config)),
        )
        mfa.forget_text = self.records.forget_body
        return mfa

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
                sticky_sender_days=self.config.sticky_sender_days,
            ),
        )
        sweeper.forget_codes = self.mfa.forget_ended
        sweeper.ended = lambda message, deferred: self.dispatcher.forget(message, deferred=deferred)
        sweeper.awaited = self.dispatcher.awaited
        sweeper.recount = self.dispatcher.recount
        return sweeper

    @cached_property
    def health(self) -> Health:
        free = partial(free_bytes, Path(self.config.data))
        return Health(self.store, self.clock, seconds=self.config.health_seconds, free=free)

    @cached_property
    def services(self) -> Services:
        return Services(
            config=self.config,
            clock=self.clock,
            store=self.store,
            directory=self.directory,
            acceptor=self.acceptor,
            records=self.records,
            mfa=self.mfa,
            inbound=self.inbound,
            number_orders=NumberOrders(self.store, self.directory, self.clock),
            media_files=self.files,
            metrics=self.metrics,
            health=self.health,
            scripts=self.scripts,
            carriers=self.carriers.status,
            dropped=self.dropped,
            own_url=lambda: self.base_url,
            relay_clients=self.relay_clients.status,
            writes=self.writes,
            local_secret=secrets.token_hex(32),
        )


def _callback_policy(config: Config) -> RetryPolicy:
    """The usual schedule, stretched so that its first pause is the one set; no pause over an hour."""
    usual = RetryPolicy()
    stretch = config.callback_retry_seconds / usual.pauses_seconds[0]
    pauses = tuple(min(pause * stretch, usual.pauses_seconds[-1]) for pause in usual.pauses_seconds)
    return RetryPolicy(pauses_seconds=pauses, give_up_after_seconds=config.callback_give_up_seconds)


def _relay_policy(config: Config) -> RetryPolicy:
    """As for callbacks, but no longer than a client that hangs may be worth: who comes new is told at once anyhow."""
    usual = _callback_policy(config)
    pauses = tuple(min(pause, RELAY_PAUSE_MAX_SECONDS) for pause in usual.pauses_seconds)
    return RetryPolicy(pauses_seconds=pauses, give_up_after_seconds=config.relay_wait_seconds)


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
        unbound_max=config.smpp_unbound_max,
        address_unbound_max=config.smpp_address_unbound_max,
        unbound_pdu_bytes=config.smpp_unbound_pdu_bytes,
        unbound_pdus_max=config.smpp_unbound_pdus_max,
        idle_pdus_max=config.smpp_idle_pdus_max,
        send_buffer_bytes=config.smpp_send_buffer_bytes,
        waiting_binds_max=config.smpp_waiting_binds_max,
        failed_binds=config.smpp_failed_binds,
        trusted_proxies=Networks(config.trusted_proxies),
        directory_poll_seconds=config.directory_poll_seconds,
    )


def _relay_settings(config: Config) -> RelaySettings:
    return RelaySettings(
        clients_max=config.relay_clients_max,
        project_clients_max=config.relay_project_clients_max,
        connect_seconds=config.relay_connect_seconds,
        failed_connects=config.relay_failed_connects,
        socket=SocketLimits(
            frame_max_bytes=config.relay_frame_max_bytes,
            send_buffer_bytes=config.relay_send_buffer_bytes,
            small_frames_max=config.relay_small_frames_max,
        ),
        peer=PeerLimits(
            requests=config.relay_requests_max,
            malformed=config.relay_malformed_max,
            stranger_requests=config.relay_stranger_requests_max,
        ),
        attempts_max=config.relay_attempts_max,
        events_max=config.relay_events_max,
        project_contexts_bytes=config.relay_project_contexts_bytes,
        contexts_max=config.relay_contexts_max,
        context_max_chars=config.relay_context_max_chars,
        answer_seconds=config.relay_answer_seconds,
        ack_seconds=config.relay_ack_seconds,
        resume_seconds=config.relay_resume_seconds,
        ping_seconds=config.relay_ping_seconds,
        silence_seconds=config.relay_silence_seconds,
        directory_poll_seconds=config.directory_poll_seconds,
    )
