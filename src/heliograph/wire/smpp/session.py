"""One SMPP session: which PDU may come when, which response belongs to which request. No I/O, no clock.

Both roles are the same code; what differs is the table. `REQUESTS` is SMPP 3.4's table 2-1: a request that it does not
list for the state and the side is a protocol error. Rules beyond the table:

- A bind takes effect with its positive response (2.2), sent or received; a second bind is answered RALYBND.
- A PDU whose end alone is damaged is read (pdu.decode_tolerantly), and the event's `damage` says what was wrong.
- Before its bind an ESME sends short PDUs only: a longer length is invalid (`max_unbound_octets`).
- A request that can't be read is answered by its own response with the error's status; a command that nobody knows, and
  a stream that can't be followed, by generic_nack (4.3.1), the latter for the last time.
- A response is never answered. One that fits no request of ours is an Orphan: too late, or invented. A response's
  sequence number is that of our own request, and a generic_nack with it would hit another one of the peer's.
- After our unbind, or our answer to the peer's, nothing more is asked.
"""

from collections.abc import Mapping
from enum import Enum
from types import MappingProxyType
from typing import Final, Generic, TypeVar

import msgspec

from heliograph.wire.smpp import pdu
from heliograph.wire.smpp.pdu import RESPONSE_BIT, Bind, BindResp, Command, Header, Pdu, ProtocolError, Status

MAX_SEQUENCE: Final = 0x7FFFFFFF
"""5.1.4."""

T = TypeVar("T")


class Role(Enum):
    ESME = "esme"
    SMSC = "smsc"

    @property
    def other(self) -> "Role":
        return Role.SMSC if self is Role.ESME else Role.ESME


class State(Enum):
    """2.2, and what comes between an unbind and the end of the connection."""

    OPEN = "open"
    BOUND_TX = "bound_tx"
    BOUND_RX = "bound_rx"
    BOUND_TRX = "bound_trx"
    UNBOUND = "unbound"

    @property
    def is_bound(self) -> bool:
        return self in _BOUND


_TRANSMITTING: Final = frozenset({State.BOUND_TX, State.BOUND_TRX})
_RECEIVING: Final = frozenset({State.BOUND_RX, State.BOUND_TRX})
_BOUND: Final = _TRANSMITTING | _RECEIVING
_OPEN: Final = frozenset({State.OPEN})

_ESME_REQUESTS: Final[Mapping[int, frozenset[State]]] = {
    Command.BIND_TRANSMITTER: _OPEN,
    Command.BIND_RECEIVER: _OPEN,
    Command.BIND_TRANSCEIVER: _OPEN,
    Command.UNBIND: _BOUND,
    Command.SUBMIT_SM: _TRANSMITTING,
    Command.SUBMIT_MULTI: _TRANSMITTING,
    Command.DATA_SM: _BOUND,
    Command.QUERY_SM: _TRANSMITTING,
    Command.CANCEL_SM: _TRANSMITTING,
    Command.REPLACE_SM: _TRANSMITTING,
    # Not before a bind by the table; many ask then all the same, SMPP 5.0 lets them, and an answer costs nothing.
    Command.ENQUIRE_LINK: _BOUND | _OPEN,
}
_SMSC_REQUESTS: Final[Mapping[int, frozenset[State]]] = {
    Command.OUTBIND: _OPEN,
    Command.UNBIND: _BOUND,
    Command.DATA_SM: _BOUND,
    Command.DELIVER_SM: _RECEIVING,
    Command.ENQUIRE_LINK: _BOUND | _OPEN,
    Command.ALERT_NOTIFICATION: _RECEIVING,
}
REQUESTS: Final[Mapping[Role, Mapping[int, frozenset[State]]]] = MappingProxyType(
    {Role.ESME: _ESME_REQUESTS, Role.SMSC: _SMSC_REQUESTS}
)
"""Who may ask what in which states (table 2-1)."""

BOUND_BY: Final[Mapping[int, State]] = MappingProxyType(
    {
        Command.BIND_TRANSMITTER_RESP: State.BOUND_TX,
        Command.BIND_RECEIVER_RESP: State.BOUND_RX,
        Command.BIND_TRANSCEIVER_RESP: State.BOUND_TRX,
    }
)
UNANSWERED: Final = frozenset({Command.OUTBIND, Command.ALERT_NOTIFICATION})
"""Requests that have no response (4.1.7, 4.12)."""


class IllegalState(Exception):
    """We asked for what may not be asked for now: a fault of the caller."""


class Request(msgspec.Struct, frozen=True):
    """The peer asks. It is to be answered by `Session.respond`, but for those in UNANSWERED."""

    header: Header
    pdu: Pdu
    damage: str | None = None


class Response(msgspec.Struct, Generic[T], frozen=True):
    """The answer to the request that was sent with `ticket`: its own response, or a generic_nack."""

    ticket: T
    header: Header
    pdu: Pdu
    damage: str | None = None


class Orphan(msgspec.Struct, frozen=True):
    """A response that answers nothing."""

    header: Header
    pdu: Pdu
    damage: str | None = None


class Fault(msgspec.Struct, frozen=True):
    """The peer is wrong. `reply`: what to send. `close`: nothing more can come."""

    error: ProtocolError
    reply: bytes | None = None
    close: bool = False


class Session(Generic[T]):
    """`T` is what the caller keeps for a request until its response: a ticket, given back with it."""

    def __init__(
        self, role: Role, *, max_pdu_octets: int = pdu.MAX_PDU_OCTETS, max_unbound_octets: int | None = None
    ) -> None:
        """max_unbound_octets: the longest PDU that an SMSC accepts before a bind; `max_pdu_octets` if not given."""
        self.role: Final = role
        self.state = State.OPEN
        self.pending: dict[int, T] = {}
        """Tickets of requests without an answer, by sequence number, the oldest first."""
        self._commands: dict[int, int] = {}
        self._sequence = 0
        self.is_binding = False
        """Whether a bind of the peer's waits for our response."""
        self._max_pdu_octets = max_pdu_octets
        self._framer = pdu.Framer(min(max_pdu_octets, max_unbound_octets or max_pdu_octets))
        self._ours = REQUESTS[role]
        self._theirs = REQUESTS[role.other]

    def request(self, request: Pdu, ticket: T) -> tuple[int, bytes]:
        """Sequence number and frame. Raises IllegalState, and ValueError for what can't be encoded."""
        command = request.command
        if self.state not in self._ours.get(command, ()):
            raise IllegalState(f"{command.name.lower()} by {self.role.value} in state {self.state.value}")
        sequence = self._next_sequence()
        frame = pdu.encode(request, sequence)
        self._sequence = sequence
        if command not in UNANSWERED:
            self.pending[sequence] = ticket
            self._commands[sequence] = command
        if command is Command.UNBIND:
            self.state = State.UNBOUND
        return sequence, frame

    def forget(self, sequence: int) -> None:
        """Wait no longer: a response that comes yet is an Orphan."""
        self.pending.pop(sequence, None)
        self._commands.pop(sequence, None)

    def respond(self, header: Header, response: Pdu, status: int = 0) -> bytes:
        """The frame that answers the request with this header."""
        command = response.command
        if command != header.command | RESPONSE_BIT and command is not Command.GENERIC_NACK:
            raise IllegalState(f"{command.name.lower()} is no answer to {header.command:#010x}")
        frame = pdu.encode(response, header.sequence, status)
        if isinstance(response, BindResp):
            self.is_binding = False
            if status == Status.ROK and self.state is State.OPEN:
                self.state = BOUND_BY[command]
                self._framer.max_octets = self._max_pdu_octets
        elif command is Command.UNBIND_RESP:
            self.state = State.UNBOUND
        return frame

    def receive(self, octets: bytes) -> list[Request | Response[T] | Orphan | Fault]:
        """What these octets bring, in order. Raises nothing."""
        try:
            return [self._read(frame) for frame in self._framer.feed(octets)]
        except pdu.FramingError as error:
            events = [self._read(frame) for frame in error.frames]
            return [*events, Fault(error=error, reply=_nack(error), close=True)]

    def _read(self, frame: bytes) -> Request | Response[T] | Orphan | Fault:
        damage = None
        try:
            header, value = pdu.decode(frame)
        except ProtocolError:
            try:
                header, value, damage = pdu.decode_tolerantly(frame)
            except ProtocolError as error:
                return _unreadable(error)
        if header.command & RESPONSE_BIT:
            return self._response(header, value, damage)
        if self.state not in self._theirs.get(header.command, ()):
            return self._refused(header, value)
        if isinstance(value, Bind):
            if self.is_binding:
                return self._refused(header, value)
            self.is_binding = True
        return Request(header, value, damage)

    def _response(self, header: Header, value: Pdu, damage: str | None) -> Response[T] | Orphan:
        sequence = header.sequence
        command = self._commands.get(sequence)
        if command is None or header.command not in (command | RESPONSE_BIT, Command.GENERIC_NACK):
            return Orphan(header, value, damage)
        ticket = self.pending.pop(sequence)
        del self._commands[sequence]
        if header.status == Status.ROK and self.state is State.OPEN:
            self.state = BOUND_BY.get(header.command, self.state)
        return Response(ticket, header, value, damage)

    def _refused(self, header: Header, value: Pdu) -> Fault:
        """5.1.3: RALYBND for a bind too many, RINVBNDSTS for anything else that the state does not allow."""
        status = Status.RALYBND if isinstance(value, Bind) and self.role is Role.SMSC else Status.RINVBNDSTS
        reason = f"{value.command.name.lower()} by {self.role.other.value} in state {self.state.value}"
        error = ProtocolError(reason, status, header.command, header.sequence)
        return Fault(error=error, reply=_answer(header.command, header.sequence, status))

    def _next_sequence(self) -> int:
        """The next that no request has which still waits: after two thousand million there may be one."""
        sequence = self._sequence
        while True:
            sequence = sequence + 1 if sequence < MAX_SEQUENCE else 1
            if sequence not in self.pending:
                return sequence


def _unreadable(error: ProtocolError) -> Fault:
    """A response that can't be read, of a command that nobody knows, is not answered."""
    if error.command & RESPONSE_BIT:
        return Fault(error=error)
    is_known = error.command in pdu.KINDS
    return Fault(error=error, reply=_answer(error.command, error.sequence, error.status) if is_known else _nack(error))


def _answer(command: int, sequence: int, status: int) -> bytes:
    """The command's own response, or generic_nack where it has none."""
    kind = pdu.KINDS.get(command | RESPONSE_BIT, pdu.GenericNack)
    return pdu.encode(kind(), sequence, status)


def _nack(error: ProtocolError) -> bytes:
    """4.3.1; without a sequence number to go by it is 0."""
    return pdu.encode(pdu.GenericNack(), error.sequence, error.status)
