"""Callbacks that keep an order beyond one message: Relay clients hear what one sender wrote as it was written.

At an origin, callbacks with the same `sequence` go out one after the other, by the ids of their messages: the next when
the one before is delivered, or dead, and that is on disk. Different sequences go out side by side.

- A line is a sequence in memory. A new one may begin in memory only where nothing of its sequence waits on disk; so a
  lane knows whether it has `listed` what is there, and which sequences are `held` there: for want of room, or until the
  time of the first one's next attempt. What is written to a held sequence stays on disk behind the others.
- After a failure the whole line is held. Whoever comes to hear the origin is told at once, whatever time was set.
- While nobody hears an origin nothing of it is kept in memory, and nothing is tried or counted. What waits there too
  long is ended by engine/callbacks.py.
- Dead callbacks that are replayed turn up on disk: what waits there is listed again now and then.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from time import perf_counter

import structlog
from msgspec.structs import replace

from heliograph.core.errors import StoreUnavailable
from heliograph.core.message import Change, Message
from heliograph.core.retry import RetryPolicy
from heliograph.engine.attempts import Attempt, Attempts, just_written
from heliograph.engine.metrics import Metrics
from heliograph.engine.transition import STORE_PAUSE_SECONDS, Transitions
from heliograph.ports import CallbackOutcome, Clock, DueCallback, Notifier, Store

log = structlog.get_logger(__name__)

LINE_MAX = 50
"""Callbacks of one sequence in memory; the rest is read from disk in pieces of this size."""

RELIST_SECONDS = 5.0
"""How often what waits on disk is listed again."""

ORIGINS_MAX = 1000
"""Origins looked at in one poll."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SequenceSettings:
    """lane_max: lines of one origin in memory, and sequences known to be held."""

    lane_max: int
    poll_seconds: float
    policy: RetryPolicy


@dataclass(slots=True)
class _Line:
    """One sequence in memory, first first. on_disk: more of it is there; grown: some was written since that was last
    read."""

    sequence: str
    waiting: deque[DueCallback] = field(default_factory=deque)
    on_disk: bool = False
    grown: bool = False
    last_id: str = ""

    def add(self, due: DueCallback) -> None:
        """A fresh one. What is out of order, or too much, is left to the disk, which knows the order."""
        if self.on_disk or len(self.waiting) >= LINE_MAX or due.message.id <= self.last_id:
            self.on_disk = self.grown = True
        else:
            self.waiting.append(due)
            self.last_id = due.message.id

    def refill(self, found: list[DueCallback]) -> None:
        self.waiting.extend(found)
        if found:
            self.last_id = max(self.last_id, found[-1].message.id)


@dataclass(slots=True)
class _Lane:
    """One origin. held: sequences that wait on disk, each with the time (microseconds) before which its first is not to
    be tried; 0: it may be."""

    origin: str
    notifier: Notifier
    lines: dict[str, _Line] = field(default_factory=dict)
    ready: deque[_Line] = field(default_factory=deque)
    held: dict[str, int] = field(default_factory=dict)
    touched: set[str] = field(default_factory=set)
    """Held ones that were written to while the disk was asked."""
    listed: bool = False
    missed: bool = False
    list_after: str = ""
    listed_at: float = 0.0
    eager: bool = False
    """Somebody new is there: the times of next attempts don't count."""
    wakes: int = 0
    workers: int = 0
    filling: bool = False
    again: bool = False

    @property
    def is_idle(self) -> bool:
        return not (self.lines or self.workers or self.filling)


class Sequences:
    def __init__(  # noqa: PLR0913 - wired once, in parts.py; each is a different machine
        self,
        *,
        store: Store,
        clock: Clock,
        transitions: Transitions,
        metrics: Metrics,
        attempts: Attempts,
        settings: SequenceSettings,
    ) -> None:
        self._store = store
        self._clock = clock
        self._transitions = transitions
        self._metrics = metrics
        self._attempts = attempts
        self._settings = settings
        self._lanes: dict[str, _Lane] = {}
        self._after = ""
        self.notifiers: dict[str, Notifier] = {}
        self.current: Callable[[Message], Message] = lambda message: message
        """The message as it may be told now."""
        self.start_task: Callable[..., asyncio.Task[None]] = lambda work: asyncio.ensure_future(work)

    def pending(self) -> int:
        return sum(len(lane.lines) for lane in self._lanes.values())

    # -- in

    def offer(self, message: Message, change: Change) -> None:
        """A callback that was just written. It goes to memory where all that comes before it is there."""
        sequence, origin = change.callback_sequence, change.callback_origin
        if sequence is None or origin is None:
            return
        lane = self._lane(origin)
        due = just_written(self.current(message), change)
        line = lane.lines.get(sequence)
        if line is not None:
            line.add(due)
        elif sequence in lane.held:
            lane.touched.add(sequence)
        elif lane.listed and len(lane.lines) < self._settings.lane_max and lane.notifier.reachable(origin):
            line = lane.lines[sequence] = _Line(sequence)
            line.add(due)
            self._run(lane, line)
        else:
            self._leave_on_disk(lane, sequence)

    def _leave_on_disk(self, lane: _Lane, sequence: str) -> None:
        if len(lane.held) < self._settings.lane_max:
            lane.held[sequence] = 0
            lane.touched.add(sequence)
        else:
            lane.listed, lane.missed = False, True
        self._fill_soon(lane)

    def wake(self, origin: str) -> None:
        """Somebody is there, or somebody more: go on with all that waits."""
        lane = self._lane(origin)
        lane.held = dict.fromkeys(lane.held, 0)
        lane.eager = True
        lane.wakes += 1
        for _ in range(len(lane.ready)):
            self._hire(lane)
        self._fill_soon(lane)

    def forget_body(self, message: Message) -> None:
        for lane in self._lanes.values():
            for line in lane.lines.values():
                if any(due.message.id == message.id for due in line.waiting):
                    line.waiting = deque(replace(due, message=self.current(due.message)) for due in line.waiting)

    def _lane(self, origin: str) -> _Lane:
        lane = self._lanes.get(origin)
        if lane is None:
            lane = self._lanes[origin] = _Lane(origin, self.notifiers[origin.partition(":")[0]])
        return lane

    # -- from disk

    async def poll(self) -> None:
        """Bring in what waits on disk, for as long as the server runs."""
        while True:
            try:
                await self._poll_once()
            except StoreUnavailable as error:
                log.debug("sequences.poll_failed", error=str(error))
                await asyncio.sleep(STORE_PAUSE_SECONDS)
            await asyncio.sleep(self._settings.poll_seconds)

    async def _poll_once(self) -> None:
        found = await self._store.sequence_origins(self._after, ORIGINS_MAX)
        self._after = found[-1] if len(found) == ORIGINS_MAX else ""
        for origin in found:
            if self.notifiers[origin.partition(":")[0]].reachable(origin):
                await self._fill(self._lane(origin))
            elif origin in self._lanes:
                self._empty(self._lanes[origin])
        for lane in self._lanes.values():
            if lane.ready and not lane.workers:
                self._hire(lane)
        self._forget_idle_lanes()

    def _forget_idle_lanes(self) -> None:
        if len(self._lanes) > ORIGINS_MAX:
            idle = [origin for origin, lane in self._lanes.items() if lane.is_idle]
            for origin in idle[: len(self._lanes) - ORIGINS_MAX]:
                del self._lanes[origin]

    def _empty(self, lane: _Lane) -> None:
        """Nobody is there: what waits needs no memory."""
        for line in lane.ready:
            lane.lines.pop(line.sequence, None)
        lane.ready.clear()
        lane.held.clear()
        lane.listed = False

    def _fill_soon(self, lane: _Lane) -> None:
        """Now, not at the next poll."""
        if lane.filling:
            lane.again = True
        elif lane.notifier.reachable(lane.origin):
            self.start_task(self._fill_now(lane))

    async def _fill_now(self, lane: _Lane) -> None:
        try:
            await self._fill(lane)
        except StoreUnavailable as error:
            log.debug("sequences.unreadable", error=str(error))

    async def _fill(self, lane: _Lane) -> None:
        """Take in lines that may go on, for as long as there are such and there is room."""
        if lane.filling:
            lane.again = True
            return
        lane.filling = True
        try:
            while True:
                lane.again = False
                await self._list(lane)
                await self._take_in(lane)
                if not lane.again:
                    return
        finally:
            lane.filling = False

    async def _list(self, lane: _Lane) -> None:
        """Learn which sequences have something on disk, in pieces of what may be held."""
        moment = self._clock.monotonic()
        if lane.listed and moment - lane.listed_at < RELIST_SECONDS:
            return
        now, limit = self._clock.now(), self._settings.lane_max
        if not lane.listed:
            if any(at <= now for at in lane.held.values()) and len(lane.held) >= limit:
                return  # first what is known
            if len(lane.held) >= limit:
                lane.held.clear()  # all of them wait for their time: others may not have to
        if not lane.list_after:
            lane.missed = False
        names = await self._store.sequences(lane.origin, lane.list_after, limit)
        for name in names:
            if name not in lane.lines and len(lane.held) < limit:
                lane.held.setdefault(name, 0)
        whole = not lane.list_after and len(names) < limit and len(lane.held) < limit and not lane.missed
        lane.list_after = names[-1] if len(names) == limit else ""
        lane.listed, lane.listed_at = whole, moment

    async def _take_in(self, lane: _Lane) -> None:
        now = self._clock.now()
        room = self._settings.lane_max - len(lane.lines)
        wanted = [name for name, at in lane.held.items() if at <= now][: max(0, room)]
        if not wanted:
            return
        lane.touched.clear()
        eager, lane.eager = lane.eager, False
        heads = await self._store.sequence_heads(lane.origin, wanted)
        eager = eager or lane.eager
        for due in heads:
            name = due.sequence or ""
            if name in lane.lines or name not in lane.held:
                continue
            if due.attempts and due.next_at > now and not eager:
                lane.held[name] = due.next_at
                continue
            del lane.held[name]
            line = lane.lines[name] = _Line(name, on_disk=True)
            line.refill([replace(due, message=self.current(due.message))])
            self._run(lane, line)
        for name in set(wanted).difference(due.sequence for due in heads):
            if name not in lane.touched:
                lane.held.pop(name, None)
            else:
                lane.again = True

    # -- out

    def _run(self, lane: _Lane, line: _Line) -> None:
        lane.ready.append(line)
        self._hire(lane)

    def _hire(self, lane: _Lane) -> None:
        if lane.notifier.reachable(lane.origin) and lane.workers < lane.notifier.concurrency(lane.origin):
            lane.workers += 1
            self.start_task(self._work(lane))

    async def _work(self, lane: _Lane) -> None:
        notifier, origin = lane.notifier, lane.origin
        try:
            while lane.ready and notifier.reachable(origin) and lane.workers <= notifier.concurrency(origin):
                line = lane.ready.popleft()
                try:
                    await self._try_next(lane, line)
                except Exception:  # one sender's callbacks must not take the others along
                    log.exception("callback.broke", origin=origin)
                    self._hold(lane, line, self._clock.now() + int(self._policy(lane).pauses_seconds[-1] * 1e6))
        finally:
            lane.workers -= 1

    async def _try_next(self, lane: _Lane, line: _Line) -> None:
        """One attempt at the line's first callback; it is recorded before anything follows it."""
        if not line.waiting and not await self._has_followers(lane, line):
            return
        due, wakes = line.waiting[0], lane.wakes
        started = perf_counter()
        told = await lane.notifier.attempt(replace(due, message=self.current(due.message)))
        if not told.reached:
            self._hold(lane, line, 0)
            return
        seconds = perf_counter() - started
        self._metrics.callback_seconds.observe(seconds)
        line.waiting.popleft()
        outcome = self._attempts.outcome(due, told, int(seconds * 1000), self._policy(lane))
        settled = partial(self._settled, lane, line, outcome, wakes)
        lost = partial(self._hold, lane, line, 0)
        self._attempts.record(Attempt(outcome=outcome, origin=lane.origin, state=due.state, settled=settled, lost=lost))

    async def _has_followers(self, lane: _Lane, line: _Line) -> bool:
        """Read on; False, and the line ends, where there is nothing more."""
        while line.on_disk and not line.waiting:
            line.grown = False
            found = await self._transitions.persist(
                lambda: self._store.sequence_first(lane.origin, line.sequence, LINE_MAX)
            )
            line.refill(found)
            line.on_disk = line.grown or len(found) == LINE_MAX
        if not line.waiting:
            lane.lines.pop(line.sequence, None)
        return bool(line.waiting)

    def _settled(self, lane: _Lane, line: _Line, outcome: CallbackOutcome, wakes: int) -> None:
        """wakes: how often the lane had been woken when the attempt began."""
        if outcome.status == "pending" and lane.wakes != wakes:  # who came meanwhile has not been asked
            self._hold(lane, line, 0)
            lane.eager = True
            self._fill_soon(lane)
        elif outcome.status == "pending":
            self._hold(lane, line, outcome.next_at)
        elif line.waiting or line.on_disk:
            self._run(lane, line)
        else:
            del lane.lines[line.sequence]

    def _hold(self, lane: _Lane, line: _Line, until: int) -> None:
        """The line leaves memory; it goes on from disk."""
        if lane.lines.get(line.sequence) is line:
            del lane.lines[line.sequence]
        lane.held[line.sequence] = until
        lane.touched.add(line.sequence)

    def _policy(self, lane: _Lane) -> RetryPolicy:
        return lane.notifier.policy or self._settings.policy
