"""One carrier's lane: the messages that wait for it, those in its hands, those that it refused for now.

A message is marked initiated before the carrier sees it, so that a crash between the two leaves doubt on record, never
a silent second submit. One that the carrier refuses for now stays initiated, marked on disk as being with us again
(deferred), and is marked as handed over again before it is (engine/retries.py).

Messages that were never tried and retries share the carrier's window, and neither stops the other: retries get at most
`window_share` of it while others wait, and leave as much free where none do; half of that is the most that retries to
one destination get.

The end of a message's validity. A retry is handed over only while its answer may be expected before that end
(engine/answer_time.py). Nothing is submitted past it: a hand-over whose write took until then counts as refused for
now. `awaited` names the messages of which the outcome is still to come or to be written; the sweeper leaves those alone
for as long as the carrier's answer may take.
"""

import asyncio
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import partial

import structlog
from msgspec import Struct

from heliograph.core.errors import Temporary, Uncertain
from heliograph.core.lifecycle import State
from heliograph.core.message import Kind, Media, Message
from heliograph.engine.answer_time import AnswerTime
from heliograph.engine.attachments import Attachments
from heliograph.engine.receipts import between
from heliograph.engine.retries import RetryQueue
from heliograph.engine.transition import Step, Transitions
from heliograph.ports import Carrier, Clock, DeferredMessage, HandOver, Store, Submission, Submitted, TriesMade

log = structlog.get_logger(__name__)

DESTINATION_SHARE = 0.5
"""Of the retries' share of the window, what one destination gets."""

EXPIRED_WHILE_QUEUED = 30001
OVER_MAX_PRICE = 30010


class Outcome(Struct, frozen=True):
    """What a submit came to: the carrier's answer, or the error."""

    lane: "Lane"
    message: Message
    submitted: Submitted | None
    error: BaseException | None


@dataclass(slots=True)
class Tries:
    """A message on its way through temporary refusals. here: refusals by the present carrier; tried: those that had
    their turn; done: parts that the present carrier accepted; resent: times that it was sent again in doubt."""

    total: int = 0
    here: int = 0
    resent: int = 0
    tried: set[str] = field(default_factory=set)
    done: Mapping[int, str] = field(default_factory=dict)

    @classmethod
    def of(cls, made: TriesMade, done: Mapping[int, str]) -> "Tries":
        """As they were kept on disk."""
        return cls(total=made.total, here=made.here, resent=made.resent, tried=set(made.carriers), done=done)

    @property
    def made(self) -> TriesMade:
        """As they are kept on disk; parts have rows of their own."""
        return TriesMade(total=self.total, here=self.here, resent=self.resent, carriers=tuple(sorted(self.tried)))


@dataclass(frozen=True, slots=True, kw_only=True)
class LaneParts:
    """What all lanes share. ended: a message is queued no more; finish: a submit came to its outcome; read_again: the
    lane has memory for messages that it had left on disk; accepted_parts: those of a message that a carrier has."""

    store: Store
    clock: Clock
    transitions: Transitions
    attachments: Attachments
    batch_max: int
    waiting_max: int
    silent_max: int
    window_share: float
    ended: Callable[[Message], None]
    finish: Callable[[Outcome], None]
    read_again: Callable[[], None]
    accepted_parts: Callable[[Message], Awaitable[Mapping[int, str]]]


class Lane:
    def __init__(self, carrier: Carrier, parts: LaneParts, retries: RetryQueue) -> None:
        self.carrier = carrier
        self.name = carrier.name
        self._parts = parts
        self.waiting: deque[tuple[Message, str]] = deque()
        self.in_flight: dict[str, asyncio.Future[Submitted]] = {}
        self.silent: dict[str, asyncio.Future[Submitted]] = {}
        self.retries = retries
        self.tries: dict[str, Tries] = {}
        """Of retries whose outcome is not recorded yet."""
        self._retrying: set[str] = set()
        """Retries in flight."""
        self.unrecorded = 0
        """Submits whose outcome is not on disk yet."""
        self.unrecorded_between: Counter[tuple[str, str]] = Counter()
        """The same by sender and recipient (receipts.between)."""
        self._unrecorded_of: Counter[str] = Counter()
        """The same by message."""
        self._being_handed_over: frozenset[str] = frozenset()
        """Messages that were never tried and whose hand-over is being written."""
        self._submitted_at: dict[str, float] = {}
        self._answer_time = AnswerTime()
        self._left_on_disk = False
        self._closed = False
        self.is_handing_over = False
        self._was_retry = False
        """Whether a retry was handed over in the last turn."""
        self.looked_past: frozenset[str] | None = None
        """The carriers that were up when another way was last looked for."""
        self._wake = asyncio.Event()

    # -- in

    def put(self, message: Message, reason: str) -> bool:
        """A queued message is to go this way; False where memory is full and it has to wait on disk, as do those that
        come after it, to keep their order."""
        if self._left_on_disk or len(self.waiting) >= self._parts.waiting_max:
            self._left_on_disk = True
            return False
        self.waiting.append((message, reason))
        self._wake.set()
        return True

    def nudge(self) -> None:
        """There may be room, or none any more."""
        self._wake.set()

    def _turns(self) -> tuple[list[tuple[Message, str]], list[DeferredMessage]]:
        """The messages to be handed over now: those that were never tried, and retries. Of a window with room for one
        each kind has every other turn."""
        free = self.carrier.window - len(self.in_flight) if self.carrier.available else 0
        if free <= 0:
            return [], []
        again: list[DeferredMessage] = []
        if self.retries.ready and not (free == 1 and self.waiting and self._was_retry):
            share = max(1, int(self.carrier.window * self._parts.window_share))
            most = share if self.waiting else max(1, self.carrier.window - share)
            most = min(most - len(self._retrying), free, self._parts.batch_max)
            of_destination = max(1, int(share * DESTINATION_SHARE))
            again = self.retries.take(max(0, most), of_destination, self._answer_expected_at())
        self._was_retry = bool(again)
        most = min(free - len(again), self._parts.batch_max, len(self.waiting))
        return [self.waiting.popleft() for _ in range(most)], again

    def _answer_expected_at(self) -> int:
        """By when a message that is handed over now has its answer, in all likelihood."""
        margin_seconds = self._answer_time.margin_seconds(self.carrier.answer_seconds)
        return self._parts.clock.now() + round(margin_seconds * 1e6)

    def close(self) -> None:
        """Hand over nothing more. What is just being handed over is: the carrier refuses it for now, and it goes
        another way. Were it cut off, it would be initiated on disk and in nobody's hands."""
        self._closed = True
        self._wake.set()

    async def run(self) -> None:
        """Keep the carrier's window full, for as long as the lane is there."""
        while not self._closed:
            fresh, again = self._turns()
            if not fresh and not again:
                self._wake.clear()
                await self._wake.wait()
                continue
            self.is_handing_over = True
            try:
                await self._hand_over_or_let_go(fresh)
                await self._hand_over_again(again)
            finally:
                self.is_handing_over = False
            if self._left_on_disk and len(self.waiting) <= self._parts.waiting_max // 2:
                self._left_on_disk = False
                self._parts.read_again()

    async def _hand_over_or_let_go(self, batch: list[tuple[Message, str]]) -> None:
        self._being_handed_over = frozenset(message.id for message, _ in batch)
        try:
            if batch:
                await self._hand_over(batch)
        except Exception:
            for message, _ in batch:  # what was not handed over is on disk, and is read back
                self._parts.ended(message)
            raise
        finally:
            self._being_handed_over = frozenset()

    async def _hand_over(self, batch: list[tuple[Message, str]]) -> None:
        parts = self._parts
        now = parts.clock.now()
        steps: list[Step] = []
        media: dict[str, tuple[Media, ...]] = {}
        for message, reason in batch:
            if (refused := self._unsendable(message, now)) is not None:
                parts.attachments.forget(message.id)
                steps.append(Step(message=message, states=(State.FAILED,), error_code=refused))
            elif message.kind is Kind.MMS and message.media_urls and not parts.attachments.ready(message.id):
                parts.attachments.fetch(message)
                parts.ended(message)
            else:
                media[message.id] = await parts.attachments.of(message) if message.media_urls else ()
                steps.append(Step(message=message, states=(State.INITIATED,), carrier=self.name, detail=reason))
        for step, initiated in zip(steps, await parts.transitions.apply(steps), strict=True):
            parts.ended(step.message)
            if initiated is not None and initiated.state is State.INITIATED:
                self._submit(initiated, media[initiated.id])

    def _unsendable(self, message: Message, now: int) -> int | None:
        if message.expires_at <= now:
            return EXPIRED_WHILE_QUEUED
        if message.max_price_micros is not None and self._parts.transitions.price(message) > message.max_price_micros:
            return OVER_MAX_PRICE
        return None

    # -- out

    def _submit(self, message: Message, media: tuple[Media, ...]) -> None:
        tries = self.tries.get(message.id)
        submission = Submission(
            message_id=message.id,
            project_id=message.project_id,
            from_number=message.from_number,
            to_number=message.to_number,
            body=message.body or "",
            segments=message.segments,
            mms=message.kind is Kind.MMS,
            media=media,
            expires_at=message.expires_at,
            parts_done=tries.done if tries else {},
            options=message.options,
        )
        if message.expires_at > self._parts.clock.now():
            answer = self.carrier.submit(submission)
        else:
            answer = asyncio.get_running_loop().create_future()
            answer.set_exception(Temporary(EXPIRED_WHILE_QUEUED, "the validity ended before the submit"))
        self.unrecorded += 1
        self._unrecorded_of[message.id] += 1
        self.unrecorded_between[between(message)[1:]] += 1
        self.in_flight[message.id] = answer
        self._submitted_at[message.id] = self._parts.clock.monotonic()
        answer.add_done_callback(partial(self._answered, message))

    def _answered(self, message: Message, answer: "asyncio.Future[Submitted]") -> None:
        for waiting in (self.in_flight, self.silent):
            if waiting.get(message.id) is answer:
                del waiting[message.id]
                self._observe(answer, self._submitted_at.pop(message.id, None))
        if message.id in self._retrying:
            self._retrying.discard(message.id)
            self.retries.answered(message)
        if self.waiting or self.retries.ready:
            self._wake.set()
        if answer.cancelled():
            self.recorded(message)
            return
        error = answer.exception()
        self._parts.finish(Outcome(self, message, None if error else answer.result(), error))

    def _observe(self, answer: "asyncio.Future[Submitted]", submitted_at: float | None) -> None:
        """How long an answer took; where the carrier gave none, that says nothing."""
        if submitted_at is None or answer.cancelled() or isinstance(answer.exception(), Uncertain):
            return
        self._answer_time.observe(self._parts.clock.monotonic() - submitted_at)

    def recorded(self, message: Message) -> None:
        """The outcome of a submit is on disk, or is of no interest any more."""
        self.unrecorded -= 1
        self._unrecorded_of[message.id] -= 1
        if not self._unrecorded_of[message.id]:
            del self._unrecorded_of[message.id]
        numbers = between(message)[1:]
        self.unrecorded_between[numbers] -= 1
        if not self.unrecorded_between[numbers]:
            del self.unrecorded_between[numbers]

    def give_up_waiting(self, submitted_before: float) -> None:
        """A submit that the carrier has long not answered leaves the window to others; an answer that comes after all
        still counts, and its validity ends it otherwise. Of more than `silent_max` the oldest are in doubt at once."""
        silent: list[str] = []
        for message_id, at in self._submitted_at.items():  # oldest first
            if at > submitted_before:
                break
            silent.append(message_id)
        for message_id in silent:
            del self._submitted_at[message_id]
            self.silent[message_id] = self.in_flight.pop(message_id)
            log.warning("dispatch.no_answer", message_id=message_id, carrier=self.name)
        for answer in list(self.silent.values())[: max(0, len(self.silent) - self._parts.silent_max)]:
            if not answer.done():
                answer.set_exception(Uncertain("the carrier did not answer"))
        if silent:
            self._wake.set()

    def forget(self, message_id: str) -> bool:
        """The message has ended elsewhere: stop waiting for its answer. Whether it was here."""
        known = self.tries.pop(message_id, None) is not None
        self._submitted_at.pop(message_id, None)
        waiting = self.in_flight.pop(message_id, None) or self.silent.pop(message_id, None)
        if waiting is not None:
            waiting.cancel()
        self._wake.set()
        return known or waiting is not None

    def awaited(self) -> dict[str, float]:
        """Messages that are being handed over, are in flight, or whose outcome is being written; for how many seconds
        past the validity the outcome is worth waiting for. An answer that is long overdue is not."""
        ids = self._unrecorded_of.keys() | self._being_handed_over | self.retries.all_in_hand()
        return {**dict.fromkeys(ids, self.carrier.answer_seconds), **dict.fromkeys(self.silent, 0.0)}

    # -- refused for now

    async def _hand_over_again(self, batch: list[DeferredMessage]) -> None:
        """Those that are still initiated, and did not end meanwhile."""
        parts, retries = self._parts, self.retries
        left = {each.message.id: each.message for each in batch}
        try:
            hand_overs = [HandOver(message=each.message, deferred=False) for each in batch]
            found: frozenset[str] = frozenset()
            if batch:
                found = await parts.transitions.persist(lambda: parts.store.hand_over(hand_overs, ()))
            for each in batch:
                message = each.message
                done = await parts.accepted_parts(message) if each.partly else {}
                media = await parts.attachments.of(message) if message.media_urls else ()
                is_here = retries.holds(message.id)
                if is_here:
                    parts.transitions.deferred.remove(message.project_id)
                del left[message.id]
                retries.handed_over(message.id)
                if is_here and message.id in found:
                    self.tries[message.id] = Tries.of(each.tries, done)
                    self._retrying.add(message.id)
                    self._submit(message, media)
                else:
                    retries.answered(message)
        finally:
            for message in left.values():
                retries.not_handed_over(message, parts.clock.now())
