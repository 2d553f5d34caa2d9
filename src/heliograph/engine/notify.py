"""Who is to be told of a message's new state, and whether at all.

A callback's address is an http(s) URL, told of every state, or `smpp:SYSTEM_ID`: an SMPP customer, told of an inbound
message when it is received, and of an outbound one's states as its registered_delivery asked (SMPP 3.4, 5.2.17).
"""

from typing import Final

from heliograph.core.lifecycle import RANK, State
from heliograph.core.message import SMPP_SCHEME, Callback, Direction, Message
from heliograph.wire.urls import parse_target

SMPP: Final = SMPP_SCHEME.rstrip(":")
"""The scheme of such an address."""

FINAL_MASK: Final = 0b11
FINAL: Final = 0b01
FAILURE_ONLY: Final = 0b10
INTERMEDIATE: Final = 0b1_0000


def is_customer(callback: Callback) -> bool:
    return callback.url.startswith(SMPP_SCHEME)


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
    return parse_target(callback.url).origin


def is_first(message: Message, after: State) -> bool:
    """Whether nothing that happened to the message before it came to `after` had to be told."""
    earlier = (State.INITIATED, State.SENT)
    return all(origin(message, state) is None for state in earlier if RANK[state] < RANK[after])


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
