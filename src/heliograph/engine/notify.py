"""Who is to be told of a message's new state, and whether at all.

A callback's address is an http(s) URL, told of every state; or `smpp:SYSTEM_ID`: an SMPP customer, told of an inbound
message when it is received, and of an outbound one's states as its registered_delivery asked (SMPP 3.4, 5.2.17); or
`relay:PROJECT:CONTEXT`: Relay clients, told of an inbound message when it is received and of every state of an outbound
one. The origin of the latter names the session that sent it too, since who is there to be told differs by it.
"""

from typing import Final, NamedTuple

from heliograph.core.lifecycle import RANK, State
from heliograph.core.message import RELAY_SCHEME, SMPP_SCHEME, Callback, Direction, Message
from heliograph.wire.urls import parse_target

SMPP: Final = SMPP_SCHEME.rstrip(":")
RELAY: Final = RELAY_SCHEME.rstrip(":")
"""The schemes of such addresses."""

FINAL_MASK: Final = 0b11
FINAL: Final = 0b01
FAILURE_ONLY: Final = 0b10
INTERMEDIATE: Final = 0b1_0000


class RelayOrigin(NamedTuple):
    """Relay clients of one context. session: the `protocol` of the one that comes first; "": none does. inbound: it is
    for inbound messages, not for the states of others."""

    project_id: str
    session: str
    context: str
    inbound: bool


def is_customer(callback: Callback) -> bool:
    return callback.url.startswith(SMPP_SCHEME)


def is_relay(callback: Callback) -> bool:
    return callback.url.startswith(RELAY_SCHEME)


def is_url(callback: Callback) -> bool:
    """Whether it goes to an address that a client gave."""
    return not is_customer(callback) and not is_relay(callback)


def relay_origin(origin: str) -> RelayOrigin:
    """Read an origin whose scheme is RELAY."""
    whose, _, context = origin.removeprefix(RELAY_SCHEME).partition(":")
    project_id, outbound, session = whose.partition("/")
    return RelayOrigin(project_id, session, context, not outbound)


def customer_of(origin: str) -> str:
    """The system_id of an origin whose scheme is SMPP."""
    return origin.removeprefix(SMPP_SCHEME)


def origin(message: Message, after: State) -> str | None:
    """Where a callback for the message's step to `after` goes; None where nobody is to be told."""
    callback = message.callback
    if callback is None:
        return None
    if is_customer(callback):
        return callback.url if _asked_for(message, after) else None
    if is_relay(callback):
        return _relay_origin(message, callback, after)
    return parse_target(callback.url).origin


def sequence(message: Message, after: State) -> str | None:
    """What the callback is in order with at its origin: Relay clients hear the messages of one sender in their order.
    None: with the others of its message, as everywhere else."""
    callback = message.callback
    if callback is None or not is_relay(callback) or message.direction is not Direction.INBOUND:
        return None
    return message.from_number if after is State.RECEIVED else None


def is_first(message: Message, after: State) -> bool:
    """Whether nothing that happened to the message before it came to `after` had to be told."""
    earlier = (State.INITIATED, State.SENT)
    return all(origin(message, state) is None for state in earlier if RANK[state] < RANK[after])


def _relay_origin(message: Message, callback: Callback, after: State) -> str | None:
    if message.direction is Direction.INBOUND:
        return callback.url if after is State.RECEIVED else None
    whose, _, context = callback.url.removeprefix(RELAY_SCHEME).partition(":")
    return f"{RELAY_SCHEME}{whose}/{message.relay_session or ''}:{context}"


def _asked_for(message: Message, after: State) -> bool:
    if message.direction is Direction.INBOUND:
        return after is State.RECEIVED
    asked = message.options.registered_delivery if message.options else 0
    match after:
        case State.SENT:
            return bool(asked & INTERMEDIATE)
        case State.DELIVERED:
            return asked & FINAL_MASK == FINAL
        case State.UNDELIVERED | State.FAILED:
            return asked & FINAL_MASK in (FINAL, FAILURE_ONLY)
        case _:
            return False
