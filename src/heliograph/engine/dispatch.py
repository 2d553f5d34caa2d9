"""From accepted to the carrier: claim, submit, record the outcome.

A message is marked initiated before the carrier sees it, so that a crash between the two leaves doubt on record,
never a silent second submit. A carrier's temporary refusal keeps a message initiated and is tried again with growing
pauses until its validity ends; the sweeper ends it.
"""

import asyncio
import heapq
from collections.abc import Callable
from dataclasses import dataclass

import structlog
from msgspec import Struct

from heliograph.core.errors import Permanent, Temporary, Uncertain
from heliograph.core.lifecycle import State
from heliograph.core.message import Event, Kind, Media, Message
from heliograph.engine.attachments import Attachments
from heliograph.engine.backlog import LOWEST_ID, READ_MAX, Backlog
from heliograph.engine.metrics import Metrics
from heliograph.engine.transition import Step, Transitions
from heliograph.ports import Carrier, Clock, Store, Submission

log = structlog.get_logger(__name__)

DEFERRED_MAX = 10_000
"""Messages that a carrier refused for now and that wait to be tried again; at the limit nothing more is handed over."""

RETRY_GROWTH = 2
RETRY_LONGEST = 30
"""A pause after a temporary refusal grows twofold, to at most this many times the first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DispatchSettings:
    queue_max: int
    batch_max: int
    retry_temporary_seconds: float
    answer_seconds: float
    resend_uncertain: bool


class Outcome(Struct, frozen=True):
    """What a submit came to: a reference, or the error."""

    message: Message
    carrier_ref: str | None
    error: BaseException | None


class Dispatcher:
    def __init__(  # noqa: PLR0913 - wired once, in app.py; each is a different machine
        self,
        *,
        store: Store,
        clock: Clock,
        carrier: Carrier,
        transitions: Transitions,
        attachments: Attachments,
        metrics: Metrics,
        settings: DispatchSettings,
    ) -> None:
        self._store = store
        self._clock = clock
        self._carrier = carrier
        self._transitions = transitions
        self._attachments = attachments
        self._metrics = metrics
        self._settings = settings
        self._queue = Backlog(store.queued_after, settings.queue_max, attachments.has)
        self._room = asyncio.Event()
        self._outcomes: list[Outcome] = []
        self._outcome_wake = asyncio.Event()
        self._in_flight: dict[str, asyncio.Future[str]] = {}
        self._submitted_at: dict[str, float] = {}
        self._silent: dict[str, asyncio.Future[str]] = {}
        self._attempts: dict[str, int] = {}
        self._retries: list[tuple[float, str, Message]] = []
        self.answered: Callable[[Message], None] = lambda message: None
        """Told of each message that the carrier accepted, once that is on disk."""

    # -- what others tell it

    def offer(self, message: Message) -> None:
        """A message that is on disk is to be sent."""
        self._queue.offer(message)

    def resync(self) -> None:
        """Something is queued on disk that memory does not have."""
        self._queue.resync()

    def forget(self, message: Message) -> None:
        """The message has ended elsewhere: stop waiting for its answer."""
        self._attempts.pop(message.id, None)
        self._attachments.forget(message.id)
        self._submitted_at.pop(message.id, None)
        waiting = self._in_flight.pop(message.id, None) or self._silent.pop(message.id, None)
        if waiting is not None:
            waiting.cancel()
        self._room.set()

    def depth(self) -> int:
        return len(self._queue)

    def in_flight(self) -> int:
        return len(self._in_flight)

    # -- tasks

    async def run(self) -> None:
        """Keep the carrier's window full, for as long as the server runs."""
        while True:
            room = min(self._carrier.window - len(self._in_flight), DEFERRED_MAX - len(self._retries))
            if room > 0:
                await self._dispatch(await self._queue.take(min(room, self._settings.batch_max)))
            else:
                self._room.clear()
                await self._room.wait()

    async def record_outcomes(self) -> None:
        """Write what submits came to, as many together as there are."""
        while True:
            await self._outcome_wake.wait()
            self._outcome_wake.clear()
            outcomes, self._outcomes = self._outcomes, []
            await self._record(outcomes)

    async def retry(self) -> None:
        """Submit again what the carrier refused for now, when its pause is over and the window has room; and let go of
        the window's places that a silent carrier holds."""
        while True:
            await asyncio.sleep(self._settings.retry_temporary_seconds / 4)
            now = self._clock.monotonic()
            await self._give_up_waiting(now - self._settings.answer_seconds)
            while self._retries and self._retries[0][0] <= now and len(self._in_flight) < self._carrier.window:
                message = heapq.heappop(self._retries)[2]
                self._room.set()
                if message.id in self._attempts and await self._is_initiated(message):
                    self._submit(message, await self._attachments.of(message))

    async def _is_initiated(self, message: Message) -> bool:
        """Whether it is still to be sent: it may have ended, by its validity, while it waited."""
        now = await self._transitions.persist(lambda: self._store.message(message.project_id, message.id))
        return now is not None and now.state is State.INITIATED

    async def _give_up_waiting(self, submitted_before: float) -> None:
        """A submit that the carrier has long not answered is in doubt. It leaves the window to others; an answer that
        comes after all still counts, and its validity ends it otherwise."""
        silent: list[str] = []
        for message_id, at in self._submitted_at.items():  # oldest first
            if at > submitted_before or len(self._silent) + len(silent) >= DEFERRED_MAX:
                break
            silent.append(message_id)
        for message_id in silent:
            del self._submitted_at[message_id]
            self._silent[message_id] = self._in_flight.pop(message_id)
            log.warning("dispatch.no_answer", message_id=message_id, carrier=self._carrier.name)
        if silent:
            self._room.set()

    def deferred(self, message_id: str) -> bool:
        """Whether the carrier's last word on this message was "not now"."""
        return message_id in self._attempts and message_id not in self._in_flight and message_id not in self._silent

    async def in_doubt(self) -> list[Message]:
        """What an earlier run handed over and never heard of. Asked before this run hands over anything."""
        found: list[Message] = []
        after = LOWEST_ID
        while True:
            page = await self._store.open_messages(State.INITIATED, after, READ_MAX)
            found.extend(page)
            if len(page) < READ_MAX:
                return found
            after = page[-1].id

    async def recover(self, in_doubt: list[Message]) -> None:
        """Settle each doubt, as the carrier or the policy says."""
        for message in in_doubt:
            await self.settle(message)

    async def settle(self, message: Message) -> None:
        """Ask the carrier what became of a submit whose answer was lost; act only on what is certain."""
        self._metrics.uncertain.inc()
        known = await self._carrier.query(message.id)
        if known is not None and known.carrier_ref is not None:
            self._finish(Outcome(message, known.carrier_ref, None))
        elif known is not None:
            await self._transitions.note(message, "resubmitted", detail="the carrier never took the first submit")
            self._again(message, self._clock.monotonic())
        else:
            await self._transitions.persist(lambda: self._store.mark_uncertain([(message.project_id, message.id)]))
            await self._transitions.note(message, "uncertain", detail="the answer was lost; the carrier can't tell")
            if self._settings.resend_uncertain:
                self._again(message, self._clock.monotonic())

    # -- one batch

    async def _dispatch(self, batch: list[Message]) -> None:
        now = self._clock.now()
        steps: list[Step] = []
        media: dict[str, tuple[Media, ...]] = {}
        for message in batch:
            if (refused := self._unsendable(message, now)) is not None:
                self._attachments.forget(message.id)
                steps.append(Step(message=message, states=(State.FAILED,), error_code=refused))
            elif message.kind is Kind.MMS and message.media_urls and not self._attachments.ready(message.id):
                self._attachments.fetch(message)
            else:
                media[message.id] = await self._attachments.of(message) if message.media_urls else ()
                steps.append(Step(message=message, states=(State.INITIATED,), carrier=self._carrier.name))
        for initiated in await self._transitions.apply(steps):
            if initiated is not None and initiated.state is State.INITIATED:
                self._submit(initiated, media[initiated.id])

    def _unsendable(self, message: Message, now: int) -> int | None:
        if message.expires_at <= now:
            return 30001
        if message.max_price_micros is not None and self._transitions.price(message) > message.max_price_micros:
            return 30010
        return None

    def _submit(self, message: Message, media: tuple[Media, ...]) -> None:
        submission = Submission(
            message_id=message.id,
            from_number=message.from_number,
            to_number=message.to_number,
            body=message.body or "",
            segments=message.segments,
            mms=message.kind is Kind.MMS,
            media=media,
        )
        answer = self._carrier.submit(submission)
        self._in_flight[message.id] = answer
        self._submitted_at[message.id] = self._clock.monotonic()
        answer.add_done_callback(lambda done: self._answered(message, done))

    def _answered(self, message: Message, answer: "asyncio.Future[str]") -> None:
        for waiting in (self._in_flight, self._silent):
            if waiting.get(message.id) is answer:
                del waiting[message.id]
                self._submitted_at.pop(message.id, None)
        if answer.cancelled():
            return
        error = answer.exception()
        self._finish(Outcome(message, None if error else answer.result(), error))

    def _finish(self, outcome: Outcome) -> None:
        self._outcomes.append(outcome)
        self._outcome_wake.set()
        self._room.set()

    async def _record(self, outcomes: list[Outcome]) -> None:
        """All together; where that breaks, one by one, so that only the culprit stays as it was."""
        try:
            await self._record_together(outcomes)
        except Exception:
            log.exception("dispatch.outcomes_broke", outcomes=len(outcomes))
            if len(outcomes) > 1:
                for outcome in outcomes:
                    await self._record([outcome])

    async def _record_together(self, outcomes: list[Outcome]) -> None:
        steps: list[Step] = []
        deferred: list[Event] = []
        for outcome in outcomes:
            if isinstance(outcome.error, Temporary):
                deferred.append(self._defer(outcome.message, outcome.error))
                continue
            step = await self._step(outcome)
            if step is not None:
                self._attempts.pop(outcome.message.id, None)
                steps.append(step)
        if deferred:
            await self._transitions.persist(lambda: self._store.note(deferred))
        for message in await self._transitions.apply(steps):
            if message is not None and message.state is State.SENT:
                self.answered(message)

    async def _step(self, outcome: Outcome) -> Step | None:
        """The step that an outcome makes; None where the message is in doubt."""
        message, error = outcome.message, outcome.error
        match error:
            case None:
                return Step(message=message, states=(State.SENT,), carrier_ref=outcome.carrier_ref)
            case Permanent():
                return Step(message=message, states=(State.FAILED,), error_code=error.code, detail=str(error))
            case Uncertain():
                await self.settle(message)
            case _:
                log.error("dispatch.carrier_broke", message_id=message.id, exc_info=error)
                await self.settle(message)
        return None

    def _defer(self, message: Message, error: Temporary) -> Event:
        """Try again after a pause; returns the line for the timeline."""
        attempt = self._attempts[message.id] = self._attempts.get(message.id, 0) + 1
        pause = self._settings.retry_temporary_seconds * min(RETRY_GROWTH ** (attempt - 1), RETRY_LONGEST)
        self._again(message, self._clock.monotonic() + pause)
        return self._transitions.event(message, "deferred", error_code=error.code, detail=str(error))

    def _again(self, message: Message, at: float) -> None:
        self._attempts.setdefault(message.id, 0)
        heapq.heappush(self._retries, (at, message.id, message))
