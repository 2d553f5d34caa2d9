"""What became of attempts at callbacks, written down: those that ended in one turn of the loop together.

Whoever made an attempt goes on when it is on disk, not before.
"""

import asyncio
from collections.abc import Callable

import structlog
from msgspec import Struct

from heliograph.core import retry
from heliograph.core.lifecycle import RANK, State
from heliograph.core.message import Change, Message
from heliograph.core.retry import RetryPolicy
from heliograph.engine.metrics import Metrics
from heliograph.engine.transition import Transitions
from heliograph.ports import CallbackOutcome, Clock, DueCallback, Store, Told

log = structlog.get_logger(__name__)


class Attempt(Struct, frozen=True, kw_only=True):
    """origin, state: where the callback goes, and which state it reports. settled: called when the outcome is on disk.
    lost: called when it can't be written, by a fault of ours."""

    outcome: CallbackOutcome
    origin: str
    state: State
    settled: Callable[[], None]
    lost: Callable[[], None]


def just_written(message: Message, change: Change) -> DueCallback:
    """The callback of a change, as the store would give it: nothing was tried yet."""
    return DueCallback(
        message=message,
        rank=RANK[change.after],
        state=change.after,
        at=change.at,
        error_code=change.error_code,
        attempts=0,
        created_at=change.at,
        done_at=change.done_at,
    )


class Attempts:
    def __init__(
        self, store: Store, clock: Clock, transitions: Transitions, metrics: Metrics, jitter: Callable[[], float]
    ) -> None:
        self._store = store
        self._clock = clock
        self._transitions = transitions
        self._metrics = metrics
        self._jitter = jitter
        self._made: list[Attempt] = []
        self.start_task: Callable[..., asyncio.Task[None]] = lambda work: asyncio.ensure_future(work)

    def outcome(self, due: DueCallback, told: Told, duration_ms: int, policy: RetryPolicy) -> CallbackOutcome:
        now = self._clock.now()
        attempt = due.attempts + 1
        status, next_at = "delivered", now
        if told.error is not None:
            following = None
            if not told.final:
                following = retry.next_attempt(
                    now, attempt, self._jitter(), created_at_micros=due.created_at, policy=policy
                )
            status, next_at = ("dead", now) if following is None else ("pending", following)
        return CallbackOutcome(
            project_id=due.message.project_id,
            message_id=due.message.id,
            rank=due.rank,
            attempt=attempt,
            at=now,
            status=status,
            next_at=next_at,
            http_status=told.code,
            error=told.error,
            duration_ms=duration_ms,
        )

    def record(self, attempt: Attempt) -> None:
        if not self._made:
            asyncio.get_running_loop().call_soon(self._write_all)
        self._made.append(attempt)

    def _write_all(self) -> None:
        made, self._made = self._made, []
        self.start_task(self._write(made))

    async def _write(self, made: list[Attempt]) -> None:
        """All together; where that breaks, one by one, so that only the culprit is lost."""
        outcomes = [each.outcome for each in made]
        try:
            await self._transitions.persist(lambda: self._store.settle_callbacks(outcomes))
        except Exception:
            log.exception("callback.not_recorded", message_id=outcomes[0].message_id, attempts=len(made))
            if len(made) == 1:
                made[0].lost()
            else:
                for each in made:
                    await self._write([each])
            return
        for each in made:
            self._count(each)
            each.settled()

    def _count(self, attempt: Attempt) -> None:
        outcome = attempt.outcome
        self._metrics.callbacks["retried" if outcome.status == "pending" else outcome.status].inc()
        if outcome.status == "dead":
            log.warning(
                "callback.dead",
                project_id=outcome.project_id,
                message_id=outcome.message_id,
                state=attempt.state.value,
                origin=attempt.origin,
                attempts=outcome.attempt,
                error=outcome.error,
            )
