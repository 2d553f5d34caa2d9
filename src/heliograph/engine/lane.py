"""One carrier's lane: the messages that wait for it, those in its hands, those that it refused for now.

A message is marked initiated before the carrier sees it, so that a crash between the two leaves doubt on record, never
a silent second submit. One that the carrier refuses for now stays initiated, marked on disk as being with us again
(deferred), and is marked as handed over again before it is.
"""

import asyncio
import heapq
from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial

import structlog
from msgspec import Struct

from heliograph.core.lifecycle import State
from heliograph.core.message import Event, Kind, Media, Message
from heliograph.engine.attachments import Attachments
from heliograph.engine.receipts import between
from heliograph.engine.transition import Step, Transitions
from heliograph.ports import Carrier, Clock, HandOver, Store, Submission, Submitted

log = structlog.get_logger(__name__)

DEFERRED_MAX = 10_000
"""Messages that a carrier refused for now and that wait to be tried again; at the limit nothing more is handed over."""

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


@dataclass(frozen=True, slots=True, kw_only=True)
class LaneParts:
    """What all lanes share. ended: a message is queued no more; finish: a submit came to its outcome; read_again: the
    lane has memory for messages that it had left on disk."""

    store: Store
    clock: Clock
    transitions: Transitions
    attachments: Attachments
    batch_max: int
    waiting_max: int
    ended: Callable[[Message], None]
    finish: Callable[[Outcome], None]
    read_again: Callable[[], None]


class Lane:
    def __init__(self, carrier: Carrier, parts: LaneParts) -> None:
        self.carrier = carrier
        self.name = carrier.name
        self._parts = parts
        self.waiting: deque[tuple[Message, str]] = deque()
        self.in_flight: dict[str, asyncio.Future[Submitted]] = {}
        self.silent: dict[str, asyncio.Future[Submitted]] = {}
        self.tries: dict[str, Tries] = {}
        self.unrecorded = 0
        """Submits whose outcome is not on disk yet."""
        self.unrecorded_between: Counter[tuple[str, str]] = Counter()
        """The same by sender and recipient (receipts.between)."""
        self._submitted_at: dict[str, float] = {}
        self._retries: list[tuple[float, str, Message]] = []
        self._left_on_disk = False
        self._closed = False
        self.is_handing_over = False
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

    def room(self) -> int:
        """Messages that may be handed over now."""
        if not self.carrier.available:
            return 0
        return min(self.carrier.window - len(self.in_flight), DEFERRED_MAX - len(self._retries))

    def close(self) -> None:
        """Hand over nothing more. What is just being handed over is: the carrier refuses it for now, and it goes
        another way. Were it cut off, it would be initiated on disk and in nobody's hands."""
        self._closed = True
        self._wake.set()

    async def run(self) -> None:
        """Keep the carrier's window full, for as long as the lane is there."""
        while not self._closed:
            room = self.room()
            if not self.waiting or room <= 0:
                self._wake.clear()
                await self._wake.wait()
                continue
            most = min(room, self._parts.batch_max, len(self.waiting))
            batch = [self.waiting.popleft() for _ in range(most)]
            self.is_handing_over = True
            try:
                await self._hand_over(batch)
            except Exception:
                for message, _ in batch:  # what was not handed over is on disk, and is read back
                    self._parts.ended(message)
                raise
            finally:
                self.is_handing_over = False
            if self._left_on_disk and len(self.waiting) <= self._parts.waiting_max // 2:
                self._left_on_disk = False
                self._parts.read_again()

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
        answer = self.carrier.submit(submission)
        self.unrecorded += 1
        self.unrecorded_between[between(message)[1:]] += 1
        self.in_flight[message.id] = answer
        self._submitted_at[message.id] = self._parts.clock.monotonic()
        answer.add_done_callback(partial(self._answered, message))

    def _answered(self, message: Message, answer: "asyncio.Future[Submitted]") -> None:
        for waiting in (self.in_flight, self.silent):
            if waiting.get(message.id) is answer:
                del waiting[message.id]
                self._submitted_at.pop(message.id, None)
        if self.waiting:
            self._wake.set()
        if answer.cancelled():
            self.recorded(message)
            return
        error = answer.exception()
        self._parts.finish(Outcome(self, message, None if error else answer.result(), error))

    def recorded(self, message: Message) -> None:
        """The outcome of a submit is on disk, or is of no interest any more."""
        self.unrecorded -= 1
        numbers = between(message)[1:]
        self.unrecorded_between[numbers] -= 1
        if not self.unrecorded_between[numbers]:
            del self.unrecorded_between[numbers]

    def give_up_waiting(self, submitted_before: float) -> None:
        """A submit that the carrier has long not answered is in doubt. It leaves the window to others; an answer that
        comes after all still counts, and its validity ends it otherwise."""
        silent: list[str] = []
        for message_id, at in self._submitted_at.items():  # oldest first
            if at > submitted_before or len(self.silent) + len(silent) >= DEFERRED_MAX:
                break
            silent.append(message_id)
        for message_id in silent:
            del self._submitted_at[message_id]
            self.silent[message_id] = self.in_flight.pop(message_id)
            log.warning("dispatch.no_answer", message_id=message_id, carrier=self.name)
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

    # -- refused for now

    def again(self, message: Message, at: float, tries: Tries) -> None:
        """Hand the message over (again) at a moment of the clock's `monotonic`."""
        self.tries[message.id] = tries
        heapq.heappush(self._retries, (at, message.id, message))

    def due(self, now: float) -> list[Message]:
        """Those whose pause is over; for these there is room."""
        found: list[Message] = []
        room = self.carrier.window - len(self.in_flight) if self.carrier.available else 0
        while self._retries and self._retries[0][0] <= now and len(found) < room:
            message = heapq.heappop(self._retries)[2]
            if message.id in self.tries:
                found.append(message)
        if found:
            self._wake.set()
        return found

    def take_back(self) -> list[tuple[float, Message, Tries]]:
        """Those whose pause runs, all of them, with its end: they may go another way."""
        found = [(at, each, self.tries.pop(each.id)) for at, _, each in self._retries if each.id in self.tries]
        self._retries.clear()
        return found

    async def retry(self, messages: list[Message]) -> None:
        """Hand over again those of these that are still to be sent: one may have ended while it waited."""
        parts, store = self._parts, self._parts.store
        ready: list[Message] = []
        for message in messages:
            now = await parts.transitions.persist(partial(store.message, message.project_id, message.id))
            if now is not None and now.state is State.INITIATED:
                ready.append(now)
            else:
                self.tries.pop(message.id, None)
        if not ready:
            return
        hand_overs = [HandOver(message=message, deferred=False, carrier=self.name) for message in ready]
        none: list[Event] = []
        await parts.transitions.persist(lambda: store.hand_over(hand_overs, none))
        for message in ready:
            if message.id in self.tries:
                self._submit(message, await parts.attachments.of(message))
