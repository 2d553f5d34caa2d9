"""The one function that changes a message's state.

State, event and callback of a step are written in one transaction (store.advance); when the store can't be
written, the step waits and is tried again, for as long as the server runs: what was accepted is not forgotten. After
the commit the new message is handed to whoever owes a callback for it.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

import structlog
from msgspec import Struct
from msgspec.structs import replace

from heliograph.core import lifecycle, pricing
from heliograph.core.errors import StoreUnavailable
from heliograph.core.families import FamilyCounts
from heliograph.core.lifecycle import State
from heliograph.core.message import Change, Direction, Event, Kind, Message, Part
from heliograph.engine import notify
from heliograph.engine.metrics import Metrics
from heliograph.ports import Clock, Store

log = structlog.get_logger(__name__)

T = TypeVar("T")

STORE_PAUSE_SECONDS = 0.25
"""Pause before a step is offered again to a store that could not take it."""

_UNSENT = (State.QUEUED, State.INITIATED)
_UNSUCCESSFUL = (State.FAILED, State.UNDELIVERED)

Owed = Callable[[Message, Change], None]


class Step(Struct, frozen=True, kw_only=True):
    """Where a message is to go: one state, or several in their order (a receipt that is the answer too)."""

    message: Message
    states: tuple[State, ...]
    error_code: int | None = None
    carrier: str | None = None
    carrier_ref: str | None = None
    uncertain: bool = False
    detail: str | None = None
    parts: tuple[Part, ...] = ()
    done_at: int | None = None


class EventNumbers:
    """Numbers for timeline lines: microseconds, raised where needed so that they strictly increase."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._last = 0

    def next(self) -> int:
        self._last = max(self._last + 1, self._clock.now())
        return self._last


class Transitions:
    def __init__(
        self, store: Store, clock: Clock, rates: pricing.Rates, metrics: Metrics, root_of: Callable[[str], str]
    ) -> None:
        self._store = store
        self._clock = clock
        self._rates = rates
        self._metrics = metrics
        self.event_numbers = EventNumbers(clock)
        self.queued = FamilyCounts(root_of)
        """Queued messages by project; the backlog limit reads it."""
        self.deferred = FamilyCounts(root_of)
        """Initiated messages that a carrier refused for now and that wait with us; the backlog limit reads it too."""
        self.unsent: Counter[str] = Counter()
        """How many messages of each sender are queued or initiated; the choice of a group's sender reads it."""
        self.owed: Owed = lambda message, change: None

    def count(self, message: Message) -> None:
        """One more is queued."""
        self.queued.add(message.project_id)
        self.unsent[message.from_number] += 1

    def uncount(self, message: Message) -> None:
        """One that was counted is not kept."""
        self.queued.remove(message.project_id)
        _one_less(self.unsent, message.from_number)

    async def apply(self, steps: Sequence[Step]) -> list[Message | None]:
        """Take each step; return the message as it is now, None where it was no longer in the state it had."""
        if not steps:
            return []
        now = self._clock.now()
        planned = [self._plan(step, now) for step in steps]
        changes = [change for _, mine in planned for change, _ in mine]
        applied = iter(await self.persist(lambda: self._store.advance(changes)))
        return [self._settle(message, mine, [next(applied) for _ in mine]) for message, mine in planned]

    async def note(self, message: Message, kind: str, *, error_code: int | None = None, detail: str = "") -> None:
        """Add a line to a message's timeline."""
        await self.note_all([self.event(message, kind, error_code=error_code, detail=detail)])

    async def note_all(self, events: Sequence[Event]) -> None:
        """Add lines that `event` made."""
        await self.persist(lambda: self._store.note(events))

    def event(self, message: Message, kind: str, *, error_code: int | None = None, detail: str = "") -> Event:
        """A line for a message's timeline, to be written with others."""
        return Event(
            project_id=message.project_id,
            message_id=message.id,
            event_no=self.event_numbers.next(),
            at=self._clock.now(),
            kind=kind,
            error_code=error_code,
            detail=detail or None,
        )

    async def persist(self, write: Callable[[], Awaitable[T]]) -> T:
        """Write, and write again until the store takes it."""
        while True:
            try:
                return await write()
            except StoreUnavailable as error:
                log.debug("store.waited_for", error=str(error), retry_in_seconds=STORE_PAUSE_SECONDS)
                await asyncio.sleep(STORE_PAUSE_SECONDS)

    def _plan(self, step: Step, now: int) -> tuple[Message, list[tuple[Change, Message]]]:
        message, planned = step.message, []
        for state in step.states:
            change, message = self._change(message, state, step, now)
            planned.append((change, message))
        return step.message, planned

    def _change(self, message: Message, after: State, step: Step, now: int) -> tuple[Change, Message]:
        last = after is step.states[-1]
        change = Change(
            project_id=message.project_id,
            message_id=message.id,
            before=message.state,
            after=lifecycle.advance(message.state, after),
            at=now,
            event_no=self.event_numbers.next(),
            error_code=step.error_code if last else None,
            price_micros=self._price(message, after),
            sent_at=_sent_at(message, after, now),
            carrier=step.carrier,
            carrier_ref=step.carrier_ref,
            uncertain=step.uncertain,
            callback_origin=notify.origin(message, after),
            callback_sequence=notify.sequence(message, after),
            detail=step.detail if last else None,
            parts=step.parts if last else (),
            done_at=step.done_at if last else None,
        )
        return change, _after(message, change)

    def _price(self, message: Message, after: State) -> int | None:
        """Charged when it becomes sent or, inbound, received (contract, section 3)."""
        if after not in (State.SENT, State.RECEIVED):
            return None
        return self.price(message)

    def price(self, message: Message) -> int:
        return pricing.price(
            self._rates,
            inbound=message.direction is Direction.INBOUND,
            mms=message.kind is Kind.MMS,
            segments=message.segments,
        )

    def _settle(self, before: Message, planned: list[tuple[Change, Message]], applied: list[bool]) -> Message | None:
        current = None
        for (change, message), done in zip(planned, applied, strict=True):
            if not done:
                log.info("message.step_refused", message_id=before.id, before=change.before, after=change.after)
                continue
            current = message
            self._metrics.states[change.after].inc()
            if change.after in _UNSUCCESSFUL:
                self._metrics.ended(message.error_code)
            if change.before is State.QUEUED:
                self.queued.remove(change.project_id)
            if change.before in _UNSENT and change.after is not State.INITIATED:
                _one_less(self.unsent, before.from_number)
            if change.after in lifecycle.TERMINAL:
                self._metrics.delivery_seconds.observe((change.at - message.created_at) / 1e6)
            if change.callback_origin is not None:
                self.owed(message, change)
        return current


def _one_less(counts: Counter[str], key: str) -> None:
    """Never below none: a message that was kept although the answer to its commit was lost leaves without having been
    counted."""
    counts[key] = max(0, counts[key] - 1)


def _sent_at(message: Message, after: State, now: int) -> int | None:
    """When it left. Never past its validity, even where a lost answer was settled long after: so send dates stay
    near ids, and lists by date stay short scans."""
    return min(now, message.expires_at) if after is State.SENT else None


def _after(message: Message, change: Change) -> Message:
    return replace(
        message,
        state=change.after,
        updated_at=change.at,
        error_code=change.error_code if change.error_code is not None else message.error_code,
        price_micros=change.price_micros if change.price_micros is not None else message.price_micros,
        sent_at=change.sent_at if change.sent_at is not None else message.sent_at,
        carrier=change.carrier or message.carrier,
        carrier_ref=change.carrier_ref or message.carrier_ref,
        uncertain=change.uncertain or message.uncertain,
    )
