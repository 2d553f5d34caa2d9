"""The states of a message and the only steps between them.

Every step is an entry of TRANSITIONS; a step that is not there does not exist, in memory or in the
database, which repeats the prior state in each update. RANK orders the steps of one message: it numbers
the callbacks, so that a client sees them in the order in which they happened.
"""

from enum import StrEnum


class State(StrEnum):
    """A message's state in our own words; each API family renders it in its own (contract, section 3)."""

    QUEUED = "queued"
    INITIATED = "initiated"
    SENT = "sent"
    DELIVERED = "delivered"
    UNDELIVERED = "undelivered"
    FAILED = "failed"
    RECEIVING = "receiving"
    RECEIVED = "received"


TRANSITIONS: dict[State, frozenset[State]] = {
    State.QUEUED: frozenset({State.INITIATED, State.FAILED}),
    State.INITIATED: frozenset({State.SENT, State.UNDELIVERED, State.FAILED}),
    State.SENT: frozenset({State.DELIVERED, State.UNDELIVERED}),
    State.DELIVERED: frozenset(),
    State.UNDELIVERED: frozenset(),
    State.FAILED: frozenset(),
    State.RECEIVING: frozenset({State.RECEIVED}),
    State.RECEIVED: frozenset(),
}

RANK: dict[State, int] = {
    State.QUEUED: 0,
    State.INITIATED: 1,
    State.SENT: 2,
    State.DELIVERED: 3,
    State.UNDELIVERED: 3,
    State.FAILED: 3,
    State.RECEIVING: 0,
    State.RECEIVED: 1,
}

TERMINAL = frozenset(state for state, following in TRANSITIONS.items() if not following)
IN_PROGRESS = frozenset({State.QUEUED, State.INITIATED, State.RECEIVING})
"""States in which a message may be neither redacted nor deleted."""


class WrongStep(Exception):
    """The step is not in TRANSITIONS."""


def advance(before: State, after: State) -> State:
    """Return `after`, or raise WrongStep where no such step exists."""
    if after not in TRANSITIONS[before]:
        raise WrongStep(f"a {before} message can't become {after}")
    return after


def receipt_path(before: State, after: State) -> tuple[State, ...]:
    """Return the states through which a carrier's outcome takes a message, `after` last; empty where it can't.

    A receipt that overtakes the submit's answer counts as the answer too: initiated → sent → delivered
    (contract, section 3).
    """
    if before is State.INITIATED and after in (State.DELIVERED, State.UNDELIVERED):
        return (State.SENT, after)
    return (after,) if after in TRANSITIONS[before] else ()
