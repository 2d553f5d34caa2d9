"""The life of one connection to a carrier: connect, bind, serve, and again after a pause when it is lost.

Hosts are tried in the order of the settings, and from the first again after each loss. All addresses of a host's name
are tried within its `bind_seconds`, each with a short start over the next (RFC 8305); an address that took a connection
and did not let us bind comes last the next time. What goes wrong is kept in words for people. A carrier that refuses
our password is left in peace for the longest pause: trying on gets accounts locked. `Bind` also keeps what belongs to
its connection while it stands: window, pace and pauses.
"""

import asyncio
import math
import socket
import ssl
from collections import deque
from collections.abc import Callable
from enum import Enum
from typing import Any, Final, Protocol

import structlog
from aiohappyeyeballs import AddrInfoType, start_connection

from heliograph.carrier_config import CarrierConfig, Host
from heliograph.carriers.smpp import statuses
from heliograph.carriers.smpp.link import Link, LinkLost, LinkSettings, NoAnswer
from heliograph.core.pacing import Pace
from heliograph.core.window import Window
from heliograph.ports import BindStatus, Clock, HostNames
from heliograph.wire.smpp import pdu as smpp
from heliograph.wire.smpp.session import Role

log = structlog.get_logger(__name__)

HEAD_START_SECONDS: Final = 0.25
"""What one address of a host has over the next (RFC 8305, section 5)."""

STEADY_SECONDS: Final = 10.0
"""A connection that held this long was a good one: its loss starts the pauses anew."""

THROTTLE_PAUSES_SECONDS: Final = (0.1, 0.25, 0.5, 1.0, 2.0, 5.0)
"""How long a bind rests after ESME_RTHROTTLED or RMSGQFUL; longer each time that it comes again at once, the last one
repeats. Rates are counted in seconds: shorter pauses find the same second again."""

QUEUE_FULL_DESTINATIONS: Final = 10
"""ESME_RMSGQFUL means a full queue of the carrier to some carriers, of the recipient to others (SMPP 3.4, 5.1.3). It is
taken for the carrier's when so many recipients in a row were refused with it and none was accepted: one full inbox must
not make a bind rest."""

BIND_PDUS: Final[dict[str, type[smpp.Bind]]] = {
    "transceiver": smpp.BindTransceiver,
    "transmitter": smpp.BindTransmitter,
    "receiver": smpp.BindReceiver,
}


class State(Enum):
    IDLE = "idle"
    CONNECTING = "connecting"
    BOUND = "bound"
    WAITING = "waiting"
    STOPPED = "stopped"


class BindFailed(Exception):
    """No bind came about at any host. `for_good`: it takes a change of settings."""

    def __init__(self, reason: str, *, for_good: bool) -> None:
        super().__init__(reason)
        self.for_good = for_good


class Owner(Protocol):
    """Who has binds. None of these calls may block or raise."""

    def bind_changed(self, bind: "Bind") -> None:
        """It is in another state."""

    def bind_writable(self, bind: "Bind") -> None:
        """The network takes more again."""

    def late_answer(self, bind: "Bind", header: smpp.Header, answer: Any) -> None:
        """An answer to nothing, or one that is late."""

    def requested(self, bind: "Bind", link: Link, header: smpp.Header, request: Any) -> None:
        """The carrier asked something; the answer goes over the same link."""


class Bind:
    """mode: transceiver, transmitter or receiver. chance: 0 to below 1, for the pauses."""

    def __init__(  # noqa: PLR0913 - wired once, in carrier.py
        self,
        config: CarrierConfig,
        mode: str,
        owner: Owner,
        clock: Clock,
        resolver: HostNames,
        chance: Callable[[], float],
    ) -> None:
        self.config = config
        self.mode = mode
        self.sends = mode != "receiver"
        self.state = State.IDLE
        self.host: Host = config.hosts[0]
        self.address = str(self.host)
        self.link: Link | None = None
        self.window = make_window(config)
        self.pace = Pace(config.bind_rate)
        self.in_flight = 0
        self.lane: deque[Any] = deque()
        """Messages whose next part goes over this bind and no other."""
        self.late: dict[int, Any] = {}
        """Submits whose answers are overdue, by sequence number."""
        self.submitted = 0
        self.throttled = 0
        self.damaged = 0
        """PDUs of the carrier's whose end was damaged; they were read."""
        self.paused_until = 0.0
        self._owner = owner
        self._clock = clock
        self._resolver = resolver
        self._chance = chance
        self._doubtful: list[str] = []
        """Addresses that took a connection without a bind since the last bind, the one tried last at the end."""
        self._since = clock.now()
        self._error: str | None = None
        self._again_at = 0
        self._paused_at = 0.0
        self._pauses = 0
        self._full_queues: set[str] = set()
        """Recipients refused with ESME_RMSGQFUL since a submit was accepted."""
        self._lost: asyncio.Future[str]
        self._task: asyncio.Task[None] | None = None

    # -- life

    def start(self) -> None:
        self._task = asyncio.get_running_loop().create_task(self._live(), name=f"smpp {self.config.name} {self.mode}")

    def configure(self, config: CarrierConfig) -> None:
        """Other settings that need no other connection. Window and pace stay as they are, where their settings do."""
        before, self.config = self.config, config
        if window_settings(config) != window_settings(before):
            self.window = make_window(config)
        if config.bind_rate != self.pace.rate:
            self.pace = Pace(config.bind_rate)
        if self.link is not None:
            self.link.configure(link_settings(config))

    async def stop(self, seconds: float) -> None:
        """Unbind, within so many seconds, and close."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        link = self.link
        if link is not None:
            await link.unbind(seconds)
        self._enter(State.STOPPED)

    async def _live(self) -> None:
        attempt = 0
        while True:
            for_good = False
            try:
                bound_at = await self._bind()
                reason = await self._lost
                if self._clock.monotonic() - bound_at >= STEADY_SECONDS:
                    attempt = 0
                log.warning("smpp.lost", carrier=self.config.name, host=self.address, mode=self.mode, reason=reason)
                self._error = reason
            except BindFailed as failed:
                for_good = failed.for_good
                self._error = str(failed)
                log.warning("smpp.not_bound", carrier=self.config.name, mode=self.mode, reason=self._error)
            except Exception as broken:
                self._error = f"{type(broken).__name__}: {broken}"
                log.exception("smpp.bind_broke", carrier=self.config.name, mode=self.mode)
            self._drop()
            pause = reconnect_pause(self.config, attempt, self._chance(), for_good=for_good)
            attempt += 1
            self._again_at = self._clock.now() + round(pause * 1e6)
            self._enter(State.WAITING)
            await asyncio.sleep(pause)

    async def _bind(self) -> float:
        """Bind at the first host that lets us; returns when."""
        self._enter(State.CONNECTING)
        reasons: list[str] = []
        for_good = False
        for host in self.config.hosts:
            self.host, self.address = host, str(host)
            try:
                await self._bind_at(host)
            except BindFailed as failed:
                reasons.append(f"{host}: {failed}")
                for_good |= failed.for_good
            else:
                self._error = None
                self._enter(State.BOUND)
                log.info("smpp.bound", carrier=self.config.name, host=self.address, mode=self.mode)
                return self._clock.monotonic()
        raise BindFailed("; ".join(reasons), for_good=for_good)

    async def _bind_at(self, host: Host) -> None:
        try:
            async with asyncio.timeout(self.config.bind_seconds):
                status = await self._bind_at_any(host)
        except (LinkLost, NoAnswer, OSError, ValueError) as error:
            self._drop()
            raise BindFailed(_in_words(error, self.config.bind_seconds), for_good=False) from error
        if status:
            self._drop()
            raise BindFailed(f"refused: {statuses.name(status)}", for_good=status in statuses.REFUSED_FOR_GOOD)

    async def _bind_at_any(self, host: Host) -> int:
        """The status of the host's answer, from the first of its addresses that gives one. Raises what the last
        address failed with."""
        found = await self._resolver.resolve(host.name, host.port, self.config.name)
        addresses = sorted(found, key=lambda each: _place(self._doubtful, each))
        while True:
            made = await start_connection(addresses, happy_eyeballs_delay=HEAD_START_SECONDS)
            reached = str(made.getpeername()[0])
            self._doubtful = [*(each for each in self._doubtful if each != reached), reached]
            addresses = [each for each in addresses if each[4][0] != reached]
            try:
                self._lost = asyncio.get_running_loop().create_future()
                self.link = await self._connect(host, made)
                status = (await self.link.request(self._bind_pdu())).status
            except (LinkLost, OSError):
                self._drop()
                if not addresses:
                    raise
            else:
                if not status:
                    self._doubtful.clear()
                return status

    async def _connect(self, host: Host, made: socket.socket) -> Link:
        config = self.config
        settings = link_settings(config)
        try:
            context = await asyncio.to_thread(tls_context, config) if config.tls else None
            server_name = (config.tls_server_name or host.name) if config.tls else None
            _, link = await asyncio.get_running_loop().create_connection(
                lambda: Link(Role.ESME, settings, self), sock=made, ssl=context, server_hostname=server_name
            )
        except BaseException:
            made.close()
            raise
        link.on_orphan = lambda _, header, answer: self._owner.late_answer(self, header, answer)
        link.on_writable = lambda _: self._owner.bind_writable(self)
        return link

    def _bind_pdu(self) -> smpp.Bind:
        config = self.config
        return BIND_PDUS[self.mode](
            system_id=config.system_id,
            password=config.password.reveal(),
            system_type=config.system_type,
            interface_version=config.interface_version,
            addr_ton=config.address_ton,
            addr_npi=config.address_npi,
            address_range=config.address_range,
        )

    def _drop(self) -> None:
        link, self.link = self.link, None
        if link is not None:
            link.close()

    def _enter(self, state: State) -> None:
        self.state = state
        self._since = self._clock.now()
        if state is State.BOUND:
            self.window = make_window(self.config)
            self.paused_until = 0.0
            self._pauses = 0
        self._owner.bind_changed(self)

    # -- as the link's handler

    def on_request(self, link: Link, header: smpp.Header, request: Any) -> None:
        self._owner.requested(self, link, header, request)

    def on_damaged(self, link: Link) -> None:
        self.damaged += 1

    def on_closed(self, link: Link, reason: str) -> None:
        if link is not self.link:  # of an earlier try
            return
        if not self._lost.done():
            self._lost.set_result(reason)
        if self.state is State.BOUND:
            self.link = None
            self._enter(State.WAITING)

    # -- what a sender asks

    @property
    def bound(self) -> bool:
        return self.state is State.BOUND

    def accepted(self, now: float, sent_at: float) -> None:
        """A submit was taken."""
        self.window.answered(now, now - sent_at, self.in_flight + 1)
        self._full_queues.clear()
        if self._pauses and sent_at >= self.paused_until:
            self._pauses = 0

    def queue_full(self, now: float, sent_at: float, destination: str) -> bool:
        """The carrier refused a submit with ESME_RMSGQFUL: pause, as for `rest`, where the queue is the carrier's."""
        if len(self._full_queues) < QUEUE_FULL_DESTINATIONS:
            self._full_queues.add(destination)
        return len(self._full_queues) == QUEUE_FULL_DESTINATIONS and self.rest(now, sent_at)

    def rest(self, now: float, sent_at: float) -> bool:
        """The carrier throttled a submit: pause. False where that was sent before the pause that is on."""
        self.throttled += 1
        self.window.throttled(now)
        if sent_at < self._paused_at:
            return False
        pause = THROTTLE_PAUSES_SECONDS[min(self._pauses, len(THROTTLE_PAUSES_SECONDS) - 1)]
        self._pauses += 1
        self._paused_at = now
        self.paused_until = now + pause
        return True

    def status(self) -> BindStatus:
        trip = self.window.round_trip
        return BindStatus(
            address=self.address,
            mode=self.mode,
            state=self._in_words(),
            since=self._since,
            window=self.window.size,
            in_flight=self.in_flight,
            round_trip_ms=None if trip is None else round(trip * 1e3, 3),
            submitted=self.submitted,
            throttled=self.throttled,
            error=self._error,
        )

    def _in_words(self) -> str:
        if self.state is State.BOUND and self._clock.monotonic() < self.paused_until:
            return "bound, resting: throttled"
        if self.state is State.WAITING:
            seconds = max(0.0, (self._again_at - self._clock.now()) / 1e6)
            return f"waiting, tries again in {seconds:.0f} s"
        return str(self.state.value)


def _place(doubtful: list[str], address: AddrInfoType) -> int:
    """Where an address comes in the order of tries: those that nothing speaks against first."""
    text = str(address[4][0])
    return doubtful.index(text) + 1 if text in doubtful else 0


def link_settings(config: CarrierConfig) -> LinkSettings:
    return LinkSettings(
        enquire_link_seconds=config.enquire_link_seconds or math.inf,
        response_seconds=config.response_seconds,
        unanswered_max=config.unanswered_max,
        idle_pdus_max=config.idle_pdus_max,
        send_buffer_bytes=config.send_buffer_bytes,
    )


def window_settings(config: CarrierConfig) -> tuple[int, int]:
    """Its size, or where it begins, and its most; 0: it is fixed."""
    return config.window, config.window_max if config.window_mode == "adaptive" else 0


def make_window(config: CarrierConfig) -> Window:
    size, most = window_settings(config)
    return Window(size, most=most)


def reconnect_pause(config: CarrierConfig, attempt: int, chance: float, *, for_good: bool = False) -> float:
    """Seconds before the next try after `attempt` (from 0) others: twice as long each time, less up to a half by
    chance, so that what was lost together does not come back together."""
    longest = config.reconnect_max_seconds
    pause = longest if for_good else min(longest, config.reconnect_seconds * 2.0 ** min(attempt, 32))
    return pause * (1 - chance / 2)


def tls_context(config: CarrierConfig) -> ssl.SSLContext:
    """Reads the files, so that a renewed certificate counts from the next connection on. Raises OSError."""
    context = ssl.create_default_context(cafile=config.tls_ca)
    if not config.tls_verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if config.tls_cert:
        context.load_cert_chain(config.tls_cert, config.tls_key)
    return context


def _in_words(error: Exception, seconds: float) -> str:
    match error:
        case TimeoutError():
            return f"no answer within {seconds:g} s"
        case ssl.SSLError():
            return f"TLS: {error}"
        case OSError() if error.strerror:
            return error.strerror
        case _:
            return str(error) or type(error).__name__
