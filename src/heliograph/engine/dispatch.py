"""From accepted to a carrier: choose a way, hand over, record the outcome.

Each carrier has a lane (engine/lane.py) with its own window, so that one that is slow, busy or down holds up no message
that goes another way. A message that a carrier refuses for now is deferred: on disk with the moment of its next try
(engine/retries.py). It is tried again with growing pauses, some times at that carrier, then at the next of the
message's ways; the sweeper ends it with its validity. A message of which a carrier has accepted a part stays with that
carrier.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import structlog
from msgspec.structs import replace

from heliograph.core.errors import Permanent, SubmitFailed, Temporary, Uncertain
from heliograph.core.lifecycle import State
from heliograph.core.message import Event, Message, Part
from heliograph.core.routing import Availability, Candidate
from heliograph.engine.attachments import Attachments
from heliograph.engine.backlog import LOWEST_ID, READ_MAX, Backlog, Read
from heliograph.engine.lane import Lane, LaneParts, Outcome, Tries
from heliograph.engine.metrics import Metrics
from heliograph.engine.receipts import Numbers, Receipts, between
from heliograph.engine.retries import BEGINNING, FOREVER, RetryQueue, RetrySettings
from heliograph.engine.retries import READ_MAX as RETRIES_READ_MAX
from heliograph.engine.transition import Step, Transitions
from heliograph.ports import Carrier, Clock, DeferredCount, HandOver, Store

log = structlog.get_logger(__name__)

RETRY_GROWTH = 2
RETRY_LONGEST = 30
"""A pause after a temporary refusal grows twofold, to at most this many times the first."""

REBALANCE_SECONDS = 1.0
"""How often what waits for a carrier that is down is looked through for another way."""

RESENDS_MAX = 3
"""Under the policy `resend`, how often this process sends one message again whose answer was lost; then it is held. A
carrier that takes all and answers nothing would otherwise bring the same text to a handset for hours."""

NO_ROUTE = 30006

Ways = Callable[[Message], Sequence[Candidate]]
"""The carriers that a message may go to, best first; none: there is no route."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DispatchSettings:
    queue_max: int
    batch_max: int
    retry_temporary_seconds: float
    answer_seconds: float
    resend_uncertain: bool
    silent_max: int
    retries: RetrySettings


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftInitiated:
    """deferred: how many are with us, to be tried again. in_doubt: handed over, and never heard of."""

    deferred: list[DeferredCount]
    in_doubt: list[Message]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Again:
    """An initiated message that is with us: to be tried again at a moment."""

    message: Message
    tries: Tries
    at: int


@dataclass(slots=True)
class _Record:
    """What a batch of outcomes makes, to be written together. again: those that were refused for now."""

    steps: list[Step] = field(default_factory=list)
    again: list[_Again] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    parts: list[Part] = field(default_factory=list)


class Dispatcher:
    def __init__(  # noqa: PLR0913 - wired once, in parts.py; each is a different machine
        self,
        *,
        store: Store,
        clock: Clock,
        ways: Ways,
        root_of: Callable[[str], str],
        transitions: Transitions,
        attachments: Attachments,
        receipts: Receipts,
        metrics: Metrics,
        settings: DispatchSettings,
    ) -> None:
        self._store = store
        self._clock = clock
        self._ways = ways
        self._root_of = root_of
        self._transitions = transitions
        self._attachments = attachments
        self._receipts = receipts
        self._metrics = metrics
        self._settings = settings
        self._queue = Backlog(store.queued_after, settings.queue_max, lambda message: self._is_busy(message.id))
        self._in_hand: set[str] = set()
        """Queued messages that lie in a lane."""
        self._outcomes: list[Outcome] = []
        self._outcome_wake = asyncio.Event()
        self._lanes: dict[str, Lane] = {}
        self._retries: dict[str, RetryQueue] = {}
        """By carrier, those that are gone and left deferred messages counted in."""
        self._moving: set[str] = set()
        """Carriers whose deferred messages are just being sent another way."""
        self._leaving: list[Lane] = []
        self._rebalanced_at = 0.0
        self._settling: Counter[str] = Counter()
        """Messages by carrier of which it is being found out whether they were taken."""
        self._settling_between: Counter[Numbers] = Counter()
        self._lane_parts = LaneParts(
            store=store,
            clock=clock,
            transitions=transitions,
            attachments=attachments,
            batch_max=settings.batch_max,
            waiting_max=settings.queue_max,
            silent_max=settings.silent_max,
            window_share=settings.retries.window_share,
            ended=self._left_queue,
            finish=self._finish,
            read_again=self._queue.read_again,
            accepted_parts=self._accepted_parts,
        )
        self.start_task: Callable[..., asyncio.Task[None]] = lambda work: asyncio.ensure_future(work)
        self.start_machine: Callable[..., asyncio.Task[None]] = lambda machine: asyncio.ensure_future(machine())
        receipts.unanswered = self.unanswered
        receipts.unanswered_between = self.unanswered_between

    # -- carriers

    def add(self, carrier: Carrier) -> None:
        """A carrier has come: messages may go to it."""
        lane = self._lanes[carrier.name] = Lane(carrier, self._lane_parts, self._retries_at(carrier.name))
        self.start_machine(lane.run)
        self._queue.resync()

    def remove(self, name: str) -> None:
        """A carrier goes: what waits for it goes another way. What is in its hands is recorded as it ends."""
        lane = self._lanes.pop(name)
        self._leaving.append(lane)
        lane.close()
        self._send_on(lane)
        self.start_task(self._move_deferred(name))

    def exchange(self, carrier: Carrier) -> None:
        """Another carrier takes over the name: at no moment is there none, or what has no other way would fail.
        Deferred messages stay with the name."""
        left = self._lanes[carrier.name]
        self.add(carrier)
        self._leaving.append(left)
        left.close()
        self._send_on(left)

    def changed(self, name: str) -> None:
        """A carrier's window or availability has changed."""
        if name in self._lanes:
            self._lanes[name].nudge()

    def availability(self) -> Mapping[str, Availability]:
        """Of each carrier, for those who choose."""
        return {name: self._availability(lane) for name, lane in self._lanes.items()}

    def _availability(self, lane: Lane) -> Availability:
        if lane.carrier.available:
            return Availability.UP
        return Availability.THROTTLED if lane.carrier.window > 0 else Availability.DOWN

    # -- what others tell it

    def offer(self, message: Message) -> None:
        """A message that is on disk is to be sent."""
        self._queue.offer(message)

    def resync(self) -> None:
        """Something is queued on disk that memory does not have."""
        self._queue.resync()

    def forget(self, message: Message, *, deferred: bool = False) -> None:
        """The message has ended elsewhere: stop waiting for its answer. deferred: it was, as it was read from disk."""
        self._attachments.forget(message.id)
        self._receipts.resolved(message)
        for lane in self._all_lanes():
            if lane.forget(message.id):
                return
        here = [retries.forget(message.id) for retries in self._retries.values()]
        if deferred or any(here):
            self._transitions.deferred.remove(message.project_id)

    def depth(self) -> int:
        return len(self._queue) + sum(len(lane.waiting) for lane in self._all_lanes())

    def in_flight(self) -> int:
        return sum(len(lane.in_flight) for lane in self._all_lanes())

    def unanswered(self, carrier: str) -> bool:
        """Whether a carrier has submits whose outcome is not on disk yet."""
        return self._settling[carrier] > 0 or any(
            lane.unrecorded > 0 for lane in self._all_lanes() if lane.name == carrier
        )

    def unanswered_between(self, message: Message) -> bool:
        """The same of submits of the message's carrier from its sender to its recipient."""
        numbers = between(message)
        return self._settling_between[numbers] > 0 or any(
            lane.unrecorded_between[numbers[1:]] > 0 for lane in self._all_lanes() if lane.name == numbers[0]
        )

    def awaited(self) -> Mapping[str, float]:
        """Messages whose outcome at a carrier is still to come or to be written; see Lane.awaited."""
        return {message_id: seconds for lane in self._all_lanes() for message_id, seconds in lane.awaited().items()}

    def _all_lanes(self) -> list[Lane]:
        return [*self._lanes.values(), *self._leaving]

    def _is_busy(self, message_id: str) -> bool:
        return message_id in self._in_hand or self._attachments.has(message_id)

    def _left_queue(self, message: Message) -> None:
        self._in_hand.discard(message.id)
        self._queue.ended(message.id)

    # -- tasks

    async def run(self) -> None:
        """Choose a way for each message that waits, for as long as the server runs."""
        while True:
            batch = await self._queue.take(self._settings.batch_max)
            await self._place([message for message in batch if not self._is_busy(message.id)])

    async def record_outcomes(self) -> None:
        """Write what submits came to, as many together as there are."""
        while True:
            await self._outcome_wake.wait()
            self._outcome_wake.clear()
            outcomes, self._outcomes = self._outcomes, []
            await self._record(outcomes)

    async def retry(self) -> None:
        """Submit again what a carrier refused for now, when its pause is over and the window has room; let go of the
        window's places that a silent carrier holds; find another way past a carrier that is down."""
        while True:
            await asyncio.sleep(self._settings.retry_temporary_seconds / 4)
            now = self._clock.monotonic()
            for lane in self._all_lanes():
                lane.give_up_waiting(now - self._settings.answer_seconds)
            for lane in list(self._lanes.values()):
                if lane.carrier.available:
                    await lane.retries.read(self._clock.now())
                    if lane.retries.ready:
                        lane.nudge()
            if now - self._rebalanced_at >= REBALANCE_SECONDS:
                self._rebalanced_at = now
                await self._rebalance()
            self._leaving = [lane for lane in self._leaving if lane.unrecorded or lane.is_handing_over]

    async def left_initiated(self) -> LeftInitiated:
        """What an earlier run left between us and a carrier. Asked before this run hands over anything."""
        deferred = await self._transitions.persist(self._store.deferred_counts)
        left = LeftInitiated(deferred=deferred, in_doubt=await self._all(self._store.in_doubt))
        for message in left.in_doubt:
            self._begin_to_settle(message)
        return left

    async def recover(self, left: LeftInitiated) -> None:
        """Go on with it: try again what was refused for now, and settle each doubt as the carrier or policy says."""
        self._count_deferred(left.deferred)
        if doubts := [self.start_task(self._settle_left(message)) for message in left.in_doubt]:
            await asyncio.wait(doubts)

    async def recount(self) -> None:
        """Count what is deferred as the disk has it: messages may have ended without their lane."""
        self._count_deferred(await self._store.deferred_counts())

    def _count_deferred(self, counts: Sequence[DeferredCount]) -> None:
        by_project: Counter[str] = Counter()
        for each in counts:
            by_project[each.project_id] += each.count
            self._retries_at(each.carrier).add(each.project_id, each.retry_at)
        self._transitions.deferred.replace(by_project)
        for name in {each.carrier for each in counts}.difference(self._lanes):
            self.start_task(self._move_deferred(name))

    def _retries_at(self, carrier: str) -> RetryQueue:
        found = self._retries.get(carrier)
        if found is None:
            found = self._retries[carrier] = RetryQueue(
                carrier, self._store, self._transitions, self._root_of, self._settings.retries
            )
        return found

    async def _settle_left(self, message: Message) -> None:
        await self._settle(message, await self._known_tries(message))

    async def _all(self, read: Read) -> list[Message]:
        found: list[Message] = []
        after = LOWEST_ID
        while True:
            page = await self._transitions.persist(partial(read, after, READ_MAX))
            found.extend(page)
            if len(page) < READ_MAX:
                return found
            after = page[-1].id

    async def _known_tries(self, message: Message) -> Tries:
        return Tries(done=await self._accepted_parts(message))

    async def _accepted_parts(self, message: Message) -> Mapping[int, str]:
        """The parts that were written down as accepted; their receipts may come."""
        rows = await self._transitions.persist(lambda: self._store.parts_of(message.project_id, message.id))
        if rows:
            self._receipts.expect(message, rows)
        return {row.part: row.carrier_ref for row in rows}

    # -- choosing a way

    async def _place(self, messages: Sequence[Message]) -> None:
        lost: list[Step] = []
        for message in messages:
            candidate = self._way(message)
            if candidate is None:
                detail = "no route leads to this number"
                lost.append(Step(message=message, states=(State.FAILED,), error_code=NO_ROUTE, detail=detail))
            elif self._lanes[candidate.carrier].put(message, f"{candidate.carrier}: {candidate.reason}"):
                self._in_hand.add(message.id)
        if lost:
            await self._transitions.apply(lost)

    def _way(self, message: Message, without: frozenset[str] | set[str] = frozenset()) -> Candidate | None:
        """The best way, but by one of these carriers."""
        for candidate in self._ways(message):
            if candidate.carrier in self._lanes and candidate.carrier not in without:
                return candidate
        return None

    async def _rebalance(self) -> None:
        """What waits for a carrier that takes nothing goes another way, where there is one that does: looked for
        when the carriers that do have changed."""
        up = frozenset(name for name, lane in self._lanes.items() if lane.carrier.available)
        for lane in list(self._lanes.values()):
            if lane.name in up or lane.looked_past == up:
                continue
            lane.looked_past = up
            if up:
                self._move_waiting(lane)
                self.start_task(self._move_deferred(lane.name))

    def _move_waiting(self, lane: Lane) -> None:
        """In their order; each that stays goes to the end, so that all are in order again."""
        for _ in range(len(lane.waiting)):
            message, reason = lane.waiting.popleft()
            candidate = self._way(message)
            other = self._lanes[candidate.carrier] if candidate else lane
            if candidate is None or other is lane or not other.carrier.available:
                lane.waiting.append((message, reason))
            elif not other.put(message, f"{candidate.carrier}: {candidate.reason}"):
                self._left_queue(message)

    def _send_on(self, lane: Lane) -> None:
        """All that waits for a lane that goes is to find another."""
        while lane.waiting:
            self._left_queue(lane.waiting.popleft()[0])
        self._queue.resync()

    async def _move_deferred(self, name: str) -> None:
        """What is deferred at a carrier that takes nothing, or is gone, goes another way where there is one."""
        if name in self._moving:
            return
        self._moving.add(name)
        try:
            for project_id in self._retries_at(name).projects():
                await self._move_deferred_of(name, project_id)
        finally:
            self._moving.discard(name)

    async def _move_deferred_of(self, name: str, project_id: str) -> None:
        retries, after, limit = self._retries_at(name), BEGINNING, RETRIES_READ_MAX
        while True:
            read = partial(self._store.deferred, name, project_id, until=FOREVER, after=after, limit=limit)
            page = await self._transitions.persist(read)
            with retries.set_aside(page) as mine:
                moving: list[_Again] = []
                for each in mine:
                    done = await self._accepted_parts(each.message) if each.partly else {}
                    again = _Again(message=each.message, tries=Tries.of(each.tries, done), at=each.retry_at)
                    if name not in self._lanes or self._next_way(again.message, again.tries) is not None:
                        moving.append(again)
                await self._send_again(moving)
            retries.add(project_id, self._clock.now())
            if len(page) < limit:
                return
            after = (page[-1].retry_at, page[-1].message.id)

    async def _defer(self, messages: Sequence[_Again], events: Sequence[Event] = ()) -> None:
        """Messages that were in a carrier's hands are with us: to be tried again."""
        for each in messages:
            self._transitions.deferred.add(each.message.project_id)
        await self._send_again(messages, events)

    async def _send_again(self, messages: Sequence[_Again], events: Sequence[Event] = ()) -> None:
        """Write down at which carrier and when each deferred message is tried again; one without any carrier fails."""
        lines, hand_overs, lost = list(events), list[HandOver](), list[Step]()
        for each in messages:
            message, carrier, at = each.message, each.message.carrier or "", each.at
            candidate = self._next_way(message, each.tries)
            if candidate is not None:
                carrier, at, each.tries.here = candidate.carrier, self._clock.now(), 0
                detail = f"{carrier}: {candidate.reason}"
                lines.append(self._transitions.event(message, "rerouted", detail=detail))
            if carrier in self._lanes:
                tries = each.tries.made
                hand_overs.append(HandOver(message=message, deferred=True, carrier=carrier, retry_at=at, tries=tries))
            else:
                lost.append(Step(message=message, states=(State.FAILED,), error_code=NO_ROUTE))
        found: frozenset[str] = frozenset()
        if hand_overs or lines:
            found = await self._transitions.persist(lambda: self._store.hand_over(hand_overs, lines))
        for hand_over in hand_overs:
            if hand_over.message.id in found:
                self._retries_at(hand_over.carrier or "").add(hand_over.message.project_id, hand_over.retry_at)
            else:  # it ended meanwhile
                self._transitions.deferred.remove(hand_over.message.project_id)
        for step in lost:
            self._transitions.deferred.remove(step.message.project_id)
        await self._transitions.apply(lost)

    def _next_way(self, message: Message, tries: Tries) -> Candidate | None:
        """Another carrier than the one it was at, where that has had its chances, takes nothing while another does, or
        is gone; None: it stays."""
        lane = self._lanes.get(message.carrier or "")
        if lane is not None and (tries.done or not self._should_leave(lane, tries)):
            return None
        if lane is None:
            return self._way(message, tries.tried) or self._way(message)
        tries.tried.add(lane.name)
        candidate = self._way(message, tries.tried)
        if candidate is None or not self._lanes[candidate.carrier].carrier.available:
            tries.tried.clear()
            return None
        return candidate

    def _should_leave(self, lane: Lane, tries: Tries) -> bool:
        return tries.here >= lane.carrier.attempts or not lane.carrier.available

    # -- outcomes

    def _finish(self, outcome: Outcome) -> None:
        self._outcomes.append(outcome)
        self._outcome_wake.set()

    async def _record(self, outcomes: list[Outcome]) -> None:
        """All together; where that breaks, one by one, so that only the culprit stays as it was."""
        try:
            await self._record_together(outcomes)
        except Exception:
            log.exception("dispatch.outcomes_broke", outcomes=len(outcomes))
            if len(outcomes) > 1:
                for outcome in outcomes:
                    await self._record([outcome])
                return
        for outcome in outcomes:
            outcome.lane.recorded(outcome.message)

    async def _record_together(self, outcomes: list[Outcome]) -> None:
        """Tries leave the lane first: a message may be handed over again before this ends."""
        known = [outcome.lane.tries.pop(outcome.message.id, None) for outcome in outcomes]
        try:
            await self._record_with(outcomes, known)
        except BaseException:
            for outcome, tries in zip(outcomes, known, strict=True):
                if tries is not None:
                    outcome.lane.tries.setdefault(outcome.message.id, tries)
            raise

    async def _record_with(self, outcomes: list[Outcome], known: Sequence[Tries | None]) -> None:
        record = _Record()
        partly: set[str] = set()
        doubtful: list[tuple[Outcome, Tries]] = []
        for outcome, before in zip(outcomes, known, strict=True):
            tries = _with_parts(before, outcome)
            match outcome.error:
                case None | Permanent():
                    record.steps.append(self._step(outcome, tries))
                    if tries.done:
                        partly.add(outcome.message.id)
                case Temporary() as error:
                    record.again.append(self._again(outcome.message, tries))
                    detail = f"{outcome.lane.name}: {error}"
                    record.events.append(
                        self._transitions.event(outcome.message, "deferred", error_code=error.code, detail=detail)
                    )
                    record.parts.extend(self._accepted(outcome.message, outcome.lane.name, tries))
                case _:
                    doubtful.append((outcome, tries))
                    record.parts.extend(self._accepted(outcome.message, outcome.lane.name, tries))
        await self._write(record)
        await self._sent(record.steps, partly)
        for outcome, tries in doubtful:
            if not isinstance(outcome.error, Uncertain):
                log.error("dispatch.carrier_broke", message_id=outcome.message.id, exc_info=outcome.error)
            self._begin_to_settle(outcome.message)
            self.start_task(self._settle(outcome.message, tries))

    def _again(self, message: Message, tries: Tries) -> _Again:
        """After a pause that grows."""
        pause = self._settings.retry_temporary_seconds * min(RETRY_GROWTH ** min(tries.total, 60), RETRY_LONGEST)
        tries.total += 1
        tries.here += 1
        return _Again(message=message, tries=tries, at=self._clock.now() + round(pause * 1e6))

    def _step(self, outcome: Outcome, tries: Tries) -> Step:
        message = outcome.message
        if outcome.submitted is not None:
            return self._sent_step(message, outcome.lane.name, outcome.submitted.refs, outcome.submitted.note)
        error = outcome.error
        assert isinstance(error, Permanent)  # noqa: S101 - by the caller's match
        state = State.UNDELIVERED if tries.done else State.FAILED  # a part of it did leave
        parts = self._accepted(message, outcome.lane.name, tries)
        return Step(message=message, states=(state,), error_code=error.code, detail=str(error), parts=parts)

    def _sent_step(self, message: Message, carrier: str, refs: Sequence[str], detail: str | None) -> Step:
        """`refs`: the carrier's, one for each part. A message of one part needs no rows of parts: its own says it."""
        parts = self._parts(message, carrier, dict(enumerate(refs, 1)), len(refs)) if len(refs) > 1 else ()
        return Step(message=message, states=(State.SENT,), carrier_ref=refs[0], detail=detail, parts=parts)

    def _accepted(self, message: Message, carrier: str, tries: Tries) -> tuple[Part, ...]:
        return self._parts(message, carrier, tries.done, message.segments)

    def _parts(self, message: Message, carrier: str, refs: Mapping[int, str], total: int) -> tuple[Part, ...]:
        """As sent now. `refs`: the carrier's, by the number of the part."""
        now = self._clock.now()
        return tuple(
            Part(
                project_id=message.project_id,
                message_id=message.id,
                part=part,
                total=total,
                state=State.SENT,
                carrier=carrier,
                carrier_ref=reference,
                updated_at=now,
            )
            for part, reference in sorted(refs.items())
        )

    async def _write(self, record: _Record) -> None:
        """What leaves the state as it is. Parts first: a receipt for one may come at any moment."""
        if record.parts:
            await self._transitions.persist(lambda: self._store.keep_parts(record.parts, ()))
        for again in record.again:
            if again.tries.done:
                carrier = again.message.carrier or ""
                self._receipts.expect(again.message, self._accepted(again.message, carrier, again.tries))
        if record.again:
            await self._defer(record.again, record.events)

    async def _sent(self, steps: list[Step], partly: set[str]) -> None:
        for step, message in zip(steps, await self._transitions.apply(steps), strict=True):
            if message is None or message.state is not State.SENT:
                continue
            parts: Sequence[Part] = step.parts
            if message.id in partly:  # receipts for its earlier parts may have come
                parts = await self._transitions.persist(partial(self._store.parts_of, message.project_id, message.id))
            self._receipts.expect(message, parts)
            if message.id in partly and (outcome := self._receipts.outcome(parts)) is not None:
                codes = [part.error_code for part in parts if part.error_code is not None]
                await self._transitions.apply(
                    [Step(message=message, states=(outcome,), error_code=codes[0] if codes else None)]
                )

    # -- doubt

    def _begin_to_settle(self, message: Message) -> None:
        self._settling[message.carrier or ""] += 1
        self._settling_between[between(message)] += 1

    async def _settle(self, message: Message, tries: Tries) -> None:
        """Ask the carrier what became of a submit whose answer was lost; act only on what is certain. In a task of its
        own: a carrier may take long to tell, and holds up nobody else's outcome."""
        self._metrics.uncertain.inc()
        try:
            is_in_doubt = await self._is_in_doubt(message, tries)
        finally:
            _uncount(self._settling, message.carrier or "")
            _uncount(self._settling_between, between(message))
        if is_in_doubt:
            self._receipts.doubt(replace(message, uncertain=True))

    async def _is_in_doubt(self, message: Message, tries: Tries) -> bool:
        """Whether it stays so; else it is sent, or on its way again."""
        lane = self._lanes.get(message.carrier or "")
        if tries.done:
            self._receipts.expect(message, self._accepted(message, message.carrier or "", tries))
        known = await lane.carrier.query(message) if lane else None
        if lane is not None and known is not None and known.refs is not None:
            step = self._sent_step(message, lane.name, known.refs, "the carrier was asked: it has it")
            await self._sent([step], set())
            return False
        if known is not None:
            tries.done = {**tries.done, **known.accepted}
            await self._transitions.note(message, "resubmitted", detail="the carrier never took the first submit")
        else:
            await self._transitions.persist(lambda: self._store.mark_uncertain([(message.project_id, message.id)]))
            await self._transitions.note(message, "uncertain", detail="no answer came; the carrier can't tell")
            if not self._settings.resend_uncertain or tries.resent >= RESENDS_MAX:
                return True
            tries.resent += 1
            await self._transitions.note(message, "resubmitted", detail="in doubt: uncertain_policy is resend")
        if tries.done:  # the retry reads from disk which parts the carrier has
            parts = self._accepted(message, message.carrier or "", tries)
            await self._transitions.persist(lambda: self._store.keep_parts(parts, ()))
            self._receipts.expect(message, parts)
        await self._defer([_Again(message=message, tries=tries, at=self._clock.now())])
        return False


def _with_parts(before: Tries | None, outcome: Outcome) -> Tries:
    """How it went so far, with the parts that were accepted now."""
    tries = Tries() if before is None else copy(before)
    accepted = outcome.error.accepted if isinstance(outcome.error, SubmitFailed) else {}
    if accepted:
        tries.done = {**tries.done, **accepted}
    return tries


def _uncount(counts: "Counter[Any]", what: object) -> None:
    counts[what] -= 1
    if not counts[what]:
        del counts[what]
