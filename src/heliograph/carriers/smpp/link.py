"""One TCP connection that speaks SMPP, of either role: `wire.smpp.session` with a socket and timers.

Rules:

- What is sent within one turn of the event loop is one write, or one for each WRITE_FRAMES.
- One coarse tick for each link serves all its timers (SMPP 3.4, 7.2); each may be late by TICK_MAX_SECONDS.
- A request without an answer in time fails with NoAnswer and the link stays: the answer may still come, as an orphan.
  Nothing heard for `enquire_link_seconds` asks for a sign of life; without one in time the link is closed.
- What the peer sends is read in slices of SLICE_PDUS, one in each turn of the event loop. Until the last slice is read
  the socket is not.
- Of the peer's requests at most `unanswered_max` are with the handler at once. What was read beyond that is held, and
  no more is read. Meanwhile answers to us can't be read either, so their timers stand still.
- An SMSC reads one PDU at a time until the peer is bound: what follows a bind waits for the bind's response.
- A peer that sends more than `idle_pdus_max` idle PDUs in a second loses its link. Idle are enquire_links, requests
  that have no response, PDUs that are wrong, and responses to nothing that are not late. Every other PDU of the same
  second makes up for an idle one.
- A peer that sends and doesn't read is cut off at `send_buffer_bytes`.
- The peer's unbind is answered when all its earlier requests are, or at `response_seconds`, and ends the link.

Whoever holds a link decides what a lost answer means: LinkLost and NoAnswer say that the request may have arrived,
NotSent that it did not.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable
from typing import Any, Final, NamedTuple, Protocol, cast

import msgspec
import structlog

from heliograph.carriers.timers import Schedule, Scheduled
from heliograph.wire.smpp import pdu, session
from heliograph.wire.smpp.pdu import Header, Pdu
from heliograph.wire.smpp.session import IllegalState, Role, Session, State

log = structlog.get_logger(__name__)

TICK_MAX_SECONDS: Final = 1.0
CLOSE_SECONDS: Final = 5.0
"""How long a closed link may take to send what it has left, before it is cut."""
WRITE_FRAMES: Final = 16
"""So many at most wait for the turn's end: with a full window in one turn the peer would idle until all of it is
written, and what was answered in one lump would go round as one. Fewer cost a tenth of a core's throughput."""
SLICE_OCTETS: Final = 4096
SLICE_PDUS: Final = 128
"""A slice has so many PDUs, and the rest of the SLICE_OCTETS that the last of them is in: some 2 ms."""
TURN_OCTETS: Final = 32_768
"""A turn of the loop reads no more of one link, so that it ends at most one PDU of 64 KiB: its text takes a while."""
FAULTS_LOGGED: Final = 10
"""PDUs of one link that can't be read, and as many whose end is damaged; more are counted only."""


class LinkSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Seconds, requests, PDUs and octets. bind_seconds: how long an SMSC waits for the bind (session_init_timer, 7.2).
    unbound_pdu_bytes, unbound_pdus_max: of a peer that is not bound, by an SMSC. idle_pdus_max: in a second.
    send_buffer_bytes: what may wait for a peer that does not read."""

    enquire_link_seconds: float = 30.0
    response_seconds: float = 10.0
    bind_seconds: float = 10.0
    max_pdu_bytes: int = pdu.MAX_PDU_OCTETS
    unanswered_max: int = 100
    unbound_pdu_bytes: int = 1024
    unbound_pdus_max: int = 20
    idle_pdus_max: int = 500
    send_buffer_bytes: int = 4 * 1024 * 1024


class Timing(NamedTuple):
    """Where the seconds come from; `monotonic` and `schedule` must measure the same ones."""

    monotonic: Callable[[], float]
    schedule: Schedule


class LinkHandler(Protocol):
    """Who holds a link. Calls come from the event loop and must not block; what they raise closes the link."""

    def on_request(self, link: "Link", header: Header, request: Any, /) -> None:
        """The peer asks: answer with `link.respond`, now or later. Not called for enquire_link and unbind."""

    def on_damaged(self, link: "Link", /) -> None:
        """A PDU of the peer's had a damaged end and was read all the same: for a count. Called before `on_request`."""

    def on_closed(self, link: "Link", reason: str, /) -> None:
        """The link is no more; called once. Open requests fail right after."""


class Response(msgspec.Struct, frozen=True):
    """An answer and how long it took. It may be a generic_nack."""

    status: int
    pdu: Any
    sequence: int
    seconds: float


class LinkLost(Exception):
    """The link died before the answer: the request may have arrived."""


class NotSent(LinkLost):
    """There is no link, or not in a state for this: the request did not arrive."""


class NoAnswer(Exception):
    """None in time: the request may have arrived."""

    def __init__(self, reason: str, sequence: int) -> None:
        super().__init__(reason)
        self.sequence = sequence


class _Ticket(NamedTuple):
    """future: None for the link's own enquire_link."""

    future: "asyncio.Future[Response] | None"
    sent_at: float


class Link(asyncio.Protocol):
    """Made for each connection, by the factory of `create_connection` or `create_server`."""

    def __init__(
        self,
        role: Role,
        settings: LinkSettings,
        handler: LinkHandler,
        *,
        timing: Timing | None = None,
        peer: tuple[str, int] | None = None,
    ) -> None:
        """peer: the client's address where it is not the socket's, as behind a proxy."""
        self.on_made: Callable[[Link], None] | None = None
        """Called when the connection stands, its TLS handshake included; if that fails nothing is called."""
        self.on_orphan: Callable[[Link, Header, Pdu], None] | None = None
        """Called for answers to nothing, late ones above all: `NoAnswer.sequence` tells which."""
        self.on_writable: Callable[[Link], None] | None = None
        """Called when `writable` is true again."""
        self.writable = True
        """False while the peer, or the network, does not take what was written."""
        self.faults = 0
        """PDUs of the peer's that could not be read, or not be allowed."""
        self.damaged = 0
        """PDUs of the peer's whose end was damaged; they were read."""
        self._settings = settings
        self._handler = handler
        self._timing = timing
        self._peer = peer
        self._session: Session[_Ticket] = Session(
            role, max_pdu_octets=settings.max_pdu_bytes, max_unbound_octets=_unbound_octets(role, settings)
        )
        self._handed = 0
        self._held: deque[session.Request] = deque()
        self._out: list[bytes] = []
        self._is_flushing = False
        self._transport: asyncio.Transport | None = None
        self._reason: str | None = None
        self._enquiry: int | None = None
        self._unbind: Header | None = None
        self._unbind_at = self._closed_at = self._reading_since = self._heard_at = 0.0
        self._is_reading = True
        self._is_making_room = False
        self._unread = bytearray()
        """Octets that have come and wait for their turn."""
        self._is_turn_due = False
        self._idle_second = self._idle_pdus = 0
        self._given_up = 0
        """Requests of ours without a response in time: as many responses to nothing may come yet."""
        self._tick_seconds = _tick_seconds(settings)

    # -- what a holder asks

    @property
    def state(self) -> State:
        return self._session.state

    @property
    def in_flight(self) -> int:
        """Requests of ours that wait for their answer."""
        return len(self._session.pending) - (self._enquiry is not None)

    @property
    def unanswered(self) -> int:
        """Requests of the peer's that wait for ours."""
        return self._handed + len(self._held)

    @property
    def is_closing(self) -> bool:
        """Nothing can be asked any more."""
        return self._transport is None or self._reason is not None

    @property
    def is_binding(self) -> bool:
        """Whether a bind of the peer's waits for our response."""
        return self._session.is_binding

    @property
    def may_ask(self) -> bool:
        """Whether requests can be sent: after an unbind of the peer's no more, though it is not answered yet."""
        return not self.is_closing and self._unbind is None and self.state.is_bound

    @property
    def peer(self) -> Any:
        """The peer's address: as it was given, else as the socket has it."""
        if self._peer is not None or self._transport is None:
            return self._peer
        return self._transport.get_extra_info("peername")

    def request(self, request: Pdu) -> "asyncio.Future[Response]":
        """Ask. Raises NotSent, and ValueError for what can't be encoded; the future raises LinkLost or NoAnswer."""
        if self._transport is None or self._reason is not None or self._unbind is not None:
            raise NotSent(self._reason or "the link is not up")
        future: asyncio.Future[Response] = self._loop.create_future()
        try:
            _, frame = self._session.request(request, _Ticket(future, self._monotonic()))
        except IllegalState as error:
            raise NotSent(str(error)) from error
        if request.command in session.UNANSWERED:
            future.set_result(Response(0, None, 0, 0.0))
        self._send(frame)
        return future

    def respond(self, header: Header, response: Pdu, status: int = 0) -> None:
        """Answer a request; without effect when the link is gone. Raises ValueError for what can't be encoded."""
        if self.is_closing:
            return
        was_binding = self._session.is_binding
        self._send(self._session.respond(header, response, status))
        self._handed = max(0, self._handed - 1)
        if not self._is_reading and not self._is_making_room:
            self._make_room()
        if was_binding and not self._session.is_binding:
            self._schedule_turn()
        if self._unbind is not None and not self.unanswered:
            self._answer_unbind()

    def enquire(self) -> None:
        """Ask for a sign of life now. Without a response within `response_seconds` the link is closed."""
        if self.state.is_bound and self._is_reading and self._enquiry is None and not self.is_closing:
            self._enquiry, frame = self._session.request(pdu.EnquireLink(), _Ticket(None, self._monotonic()))
            self._send(frame)

    def configure(self, settings: LinkSettings) -> None:
        """Other timers and bounds, for what is under way too; the longest PDU stays as it was."""
        self._settings = settings
        self._tick_seconds = _tick_seconds(settings)

    async def unbind(self, seconds: float) -> None:
        """Unbind, if bound, and close; returns when the connection is gone, which it is after `seconds`."""
        if self._transport is None:
            return
        deadline = self._schedule(seconds, self._abort)
        try:
            if self._unbind is not None:
                self._answer_unbind()
            elif self.state.is_bound and not self.is_closing:
                with contextlib.suppress(LinkLost, NoAnswer):
                    await self.request(pdu.Unbind())
            self.close("unbound")
            await asyncio.wait({self._gone})
        finally:
            deadline.cancel()
            self.close("unbound")

    def close(self, reason: str = "closed") -> None:
        """Send what is left and close, without an unbind. May be called again."""
        if self._transport is None or self._reason is not None:
            return
        self._reason = reason
        self._closed_at = self._monotonic()
        self._unread.clear()
        self._flush()
        self._transport.close()

    # -- as asyncio's protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._loop = asyncio.get_running_loop()
        self._monotonic, self._schedule = self._timing or Timing(self._loop.time, self._loop.call_later)
        self._transport = cast(asyncio.Transport, transport)
        self._gone: asyncio.Future[None] = self._loop.create_future()
        self._made_at = self._heard_at = self._monotonic()
        self._ticking: Scheduled = self._schedule(self._tick_seconds, self._tick)
        if self.on_made is not None:
            self.on_made(self)

    def data_received(self, octets: bytes) -> None:
        self._heard_at = self._monotonic()
        if self._unread or len(octets) > SLICE_OCTETS or self._is_unbound or not self._may_read:
            self._unread += octets
            if not self._is_turn_due:
                self._read_on()
        else:
            self._read(octets)
            if not self._is_reading:
                self._read_on()  # which pauses the socket

    def pause_writing(self) -> None:
        self.writable = False

    def resume_writing(self) -> None:
        self.writable = True
        if self.on_writable is not None:
            self.on_writable(self)

    def connection_lost(self, error: Exception | None) -> None:
        reason = self._reason or (f"lost: {error}" if error is not None else "closed by the peer")
        self._reason = reason
        self._transport = None
        self._ticking.cancel()
        self._held.clear()
        self._end(reason)

    def _end(self, reason: str) -> None:
        """Responses that have come are read yet, a slice in each turn of the event loop; then the link is no more."""
        if self._unread and self._session.pending:
            self._read(self._cut(SLICE_OCTETS))
            self._loop.call_soon(self._end, reason)
            return
        try:
            self._handler.on_closed(self, reason)
        finally:
            for sequence, ticket in list(self._session.pending.items()):
                self._session.forget(sequence)
                if ticket.future is not None and not ticket.future.done():
                    ticket.future.set_exception(LinkLost(reason))
            self._enquiry = None
            self._gone.set_result(None)

    # -- the peer's PDUs

    @property
    def _may_read(self) -> bool:
        return self._reason is None and self._is_reading and not self._session.is_binding

    @property
    def _is_unbound(self) -> bool:
        """Whether the peer is one that has to bind first."""
        return self._session.state is State.OPEN and self._session.role is Role.SMSC

    def _read_on(self) -> None:
        """Read a slice of what has come, and the socket when nothing of it is left."""
        self._is_turn_due = False
        count = octets = 0
        while self._may_read and (size := self._readable()):
            if count >= SLICE_PDUS or octets >= TURN_OCTETS:
                self._schedule_turn()
                break
            octets += size
            count += self._read(self._cut(size))
        transport = self._transport
        if transport is not None and not transport.is_closing():
            is_wanted = self._may_read and not self._is_turn_due
            if is_wanted is not transport.is_reading():
                (transport.resume_reading if is_wanted else transport.pause_reading)()

    def _readable(self) -> int:
        """How many octets can be read now; 0: more have to come first."""
        unread = self._unread
        if not self._is_unbound:
            return min(len(unread), SLICE_OCTETS)
        if len(unread) < pdu.LENGTH_OCTETS:
            return 0
        length = int.from_bytes(unread[: pdu.LENGTH_OCTETS], "big")
        if not pdu.HEADER_OCTETS <= length <= self._settings.unbound_pdu_bytes:
            return min(len(unread), pdu.HEADER_OCTETS)  # enough for the fault
        return length if length <= len(unread) else 0

    def _cut(self, size: int) -> bytes:
        octets = bytes(self._unread[:size])
        del self._unread[:size]
        return octets

    def _schedule_turn(self) -> None:
        if not self._is_turn_due:
            self._is_turn_due = True
            self._loop.call_soon(self._read_on)

    def _read(self, octets: bytes) -> int:
        """Returns how many PDUs came."""
        now = self._monotonic()
        events = self._session.receive(octets)
        for event in events:
            match event:
                case session.Response(ticket, header, value, damage):
                    if damage is not None:
                        self._note_damage(header, damage)
                    self._answered(ticket, header, value, now)
                case session.Request(header, _, damage):
                    if damage is not None:
                        self._note_damage(header, damage)
                    self._requested(event)
                case session.Orphan(header, value, damage):
                    if damage is not None:
                        self._note_damage(header, damage)
                    self._orphaned(header, value)
                case session.Fault():
                    self._wrong(event)
        return len(events)

    def _orphaned(self, header: Header, value: Pdu) -> None:
        if self._given_up:
            self._given_up -= 1
        else:
            self._count_idle()
        if self.on_orphan is not None:
            self.on_orphan(self, header, value)

    def _count_idle(self) -> None:
        """Before its bind the peer may send `unbound_pdus_max` idle PDUs, thereafter `idle_pdus_max` in a second."""
        if self._is_unbound:
            most, flood = self._settings.unbound_pdus_max, "too many PDUs before a bind"
        else:
            most, flood = self._settings.idle_pdus_max, "too many idle PDUs"
            if int(self._heard_at) != self._idle_second:
                self._idle_second, self._idle_pdus = int(self._heard_at), 0
        self._idle_pdus += 1
        if self._idle_pdus > most:
            self.close(flood)

    def _answered(self, ticket: _Ticket, header: Header, value: Pdu, now: float) -> None:
        future = ticket.future
        if self._idle_pdus:
            self._idle_pdus -= 1
        if future is None:
            self._enquiry = None
        elif not future.done():
            future.set_result(Response(header.status, value, header.sequence, now - ticket.sent_at))

    def _requested(self, event: session.Request) -> None:
        if self._reason is not None:
            return
        match event.pdu:
            case pdu.EnquireLink():
                self._count_idle()
                self._send(self._session.respond(event.header, pdu.EnquireLinkResp()))
            case pdu.Unbind():
                self._unbind, self._unbind_at = event.header, self._monotonic()
                if not self.unanswered:
                    self._answer_unbind()
            case request if event.header.command in session.UNANSWERED:
                self._count_idle()
                self._handler.on_request(self, event.header, request)
            case _ if self._held or self._handed >= self._settings.unanswered_max:
                self._held.append(event)
                self._is_reading = False
            case _:
                self._hand(event)

    def _hand(self, event: session.Request) -> None:
        self._handed += 1
        if self._idle_pdus:
            self._idle_pdus -= 1
        self._handler.on_request(self, event.header, event.pdu)

    def _note_damage(self, header: Header, damage: str) -> None:
        self.damaged += 1
        if self.damaged <= FAULTS_LOGGED:
            log.warning("smpp.damaged_pdu", peer=self.peer, command=f"{header.command:#010x}", damage=damage)
        self._handler.on_damaged(self)

    def _wrong(self, fault: session.Fault) -> None:
        self.faults += 1
        self._count_idle()
        if self.faults <= FAULTS_LOGGED:
            log.warning("smpp.fault", peer=self.peer, error=str(fault.error), command=f"{fault.error.command:#010x}")
        if fault.reply is not None:
            self._send(fault.reply)
        if fault.close:
            self.close(f"protocol error: {fault.error}")

    def _make_room(self) -> None:
        """Hand over what is held, and read on when half of the room is free again."""
        most = self._settings.unanswered_max
        self._is_making_room = True  # a handler that answers at once comes back here
        try:
            while self._held and self._handed < most:
                self._hand(self._held.popleft())
        finally:
            self._is_making_room = False
        if self.unanswered <= most // 2:
            self._is_reading = True
            self._reading_since = self._heard_at = self._monotonic()
            self._schedule_turn()

    def _answer_unbind(self) -> None:
        header, self._unbind = self._unbind, None
        if header is not None and not self.is_closing:
            self._send(self._session.respond(header, pdu.UnbindResp()))
            self.close("unbound by the peer")

    # -- writing

    def _send(self, frame: bytes) -> None:
        self._out.append(frame)
        if len(self._out) >= WRITE_FRAMES:
            self._flush()
        elif not self._is_flushing:
            self._is_flushing = True
            self._loop.call_soon(self._turn_over)

    def _turn_over(self) -> None:
        self._is_flushing = False
        self._flush()

    def _flush(self) -> None:
        transport = self._transport
        if not self._out or transport is None or transport.is_closing():
            self._out.clear()
            return
        octets = self._out[0] if len(self._out) == 1 else b"".join(self._out)
        self._out.clear()
        transport.write(octets)
        if not self.writable and transport.get_write_buffer_size() > self._settings.send_buffer_bytes:
            self._reason = self._reason or "the peer does not read"
            transport.abort()

    def _abort(self) -> None:
        if self._transport is not None:
            self._reason = self._reason or "cut"
            self._transport.abort()

    # -- time

    def _tick(self) -> None:
        self._ticking = self._schedule(self._tick_seconds, self._tick)
        now = self._monotonic()
        if self._reason is not None:
            if now - self._closed_at >= CLOSE_SECONDS:
                self._abort()
            return
        if self._unbind is not None and now - self._unbind_at >= self._settings.response_seconds:
            self._answer_unbind()
        elif self._is_late_to_bind(now):
            self.close("not bound in time")
        elif now - self._heard_at >= self._settings.enquire_link_seconds:
            self.enquire()
        if self._is_reading:
            self._expire(now)

    def _is_late_to_bind(self, now: float) -> bool:
        return self._is_unbound and now - self._made_at >= self._settings.bind_seconds

    def _expire(self, now: float) -> None:
        seconds = self._settings.response_seconds
        for sequence, ticket in list(self._session.pending.items()):
            if now - max(ticket.sent_at, self._reading_since) < seconds:
                break
            self._session.forget(sequence)
            self._given_up += 1
            if ticket.future is None:
                self._enquiry = None
                if self._heard_at <= ticket.sent_at:
                    self.close(f"silent for {now - self._heard_at:.0f} s")
                    return
            elif not ticket.future.done():
                ticket.future.set_exception(NoAnswer(f"no answer within {seconds:g} s", sequence))


def _tick_seconds(settings: LinkSettings) -> float:
    return min(TICK_MAX_SECONDS, settings.response_seconds / 4, settings.enquire_link_seconds / 4)


def _unbound_octets(role: Role, settings: LinkSettings) -> int | None:
    return settings.unbound_pdu_bytes if role is Role.SMSC else None
