"""Tell clients of their messages' states: durable, signed, in order for each message, one endpoint apart from another.

A callback is a row before it is a request (engine/transition.py writes it with the state). From there:

- Callbacks of one message form a chain; the next is sent when the one before is delivered and that is on disk.
- Chains are kept in a lane for each origin (scheme, host, port). A lane has its own requests under way and its own
  bound in memory, so that a slow endpoint delays nobody else; what does not fit waits on disk, and the poll brings
  it in when there is room ("behind").
- A 2xx ends a callback. Anything else: the chain leaves memory, the row says when to try again (growing pauses with
  jitter), and the poll finds it then. Past the give-up age the callback is dead: listed, and replayable.
- Each attempt is a row.
- Callbacks that keep an order beyond one message are in engine/sequences.py instead.
- An origin of another scheme than http(s) has a notifier of its own. While that can't reach it, the lane waits: nothing
  is tried or counted; a wake lets it go on. What is past the give-up age dies all the same.
"""

import asyncio
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from time import perf_counter

import structlog
from msgspec.structs import replace

from heliograph.core import lifecycle
from heliograph.core.errors import StoreUnavailable
from heliograph.core.lifecycle import State
from heliograph.core.message import Change, Message, Source
from heliograph.core.retry import RetryPolicy
from heliograph.engine import notify, signing
from heliograph.engine.attempts import Attempt, Attempts, just_written
from heliograph.engine.directory import Directory
from heliograph.engine.metrics import Metrics
from heliograph.engine.transition import STORE_PAUSE_SECONDS, Transitions
from heliograph.engine.urls import PROJECT_GONE, reached, shown_url
from heliograph.ports import (
    CALLBACK_LEASE_MICROS,
    CallbackOutcome,
    Clock,
    DueCallback,
    FetchFault,
    HttpRequest,
    Notifier,
    Store,
    Told,
    Webhooks,
)
from heliograph.wire import webhook
from heliograph.wire.urls import UrlError

log = structlog.get_logger(__name__)

SLOW_SECONDS = 1.0
SLOW_CONCURRENCY = 8
"""An endpoint that takes longer than SLOW_SECONDS, or gives no answer, gets this many requests at once until it is
quick again: else a few that hang would hold all connections."""

REDACTED_MAX = 10_000
"""Redacted messages remembered: copies of them may be under way inside this process for a moment."""

ORIGINS_MAX = 1000
"""Origins looked at in one poll."""

UNREACHED_SECONDS = 60.0
"""How often what is too old is looked for where nobody may be there."""

BURY_MAX = 1000
"""Callbacks given up in one transaction."""

ANY_TIME = 2**62
"""Later than every moment."""

NEVER_REACHED = "nobody was there to be told"


@dataclass(frozen=True, slots=True, kw_only=True)
class CallbackSettings:
    concurrency: int
    lane_max: int
    poll_seconds: float
    policy: RetryPolicy


@dataclass(slots=True)
class _Chain:
    """Callbacks of one message that are to be sent, first first. `told`: the rank of the last one delivered, `last`:
    its state. `running`: it is ready, or one of its callbacks is under way or being recorded. `wakes`: the lane's, when
    that one was tried.

    One that came `from_disk` gets its followers from there (those of `read_for`), since what lies between may never
    have been in memory; `grown`: one was written since that was last read."""

    message_id: str
    waiting: deque[DueCallback] = field(default_factory=deque)
    told: int = -1
    last: State | None = None
    running: bool = False
    wakes: int = 0
    from_disk: bool = False
    read_for: Message | None = None
    grown: bool = False

    def add(self, due: DueCallback) -> None:
        if due.rank > self.told and all(due.rank != other.rank for other in self.waiting):
            self.waiting.append(due)


@dataclass(slots=True)
class _Lane:
    origin: str
    notifier: Notifier | None = None
    """None: by HTTP."""
    chains: dict[str, _Chain] = field(default_factory=dict)
    ready: deque[_Chain] = field(default_factory=deque)
    up_to_date: OrderedDict[str, int] = field(default_factory=OrderedDict)
    """Messages told everything so far, with the rank of that: their next callback needs no look at the disk."""
    workers: int = 0
    wakes: int = 0
    slow: bool = False
    behind: bool = False
    missed: int = 0
    asking: bool = False
    ended: set[str] = field(default_factory=set)
    """Messages whose chain ended while the poll was asking the disk: what it read of them may be old."""
    eager: bool = False
    """Somebody new is there: the times of next attempts don't count."""

    def reachable(self) -> bool:
        return self.notifier is None or self.notifier.reachable(self.origin)


class Callbacks:
    def __init__(  # noqa: PLR0913 - wired once, in parts.py; each is a different machine
        self,
        *,
        store: Store,
        clock: Clock,
        webhooks: Webhooks,
        directory: Directory,
        transitions: Transitions,
        metrics: Metrics,
        attempts: Attempts,
        settings: CallbackSettings,
    ) -> None:
        self._store = store
        self._clock = clock
        self._webhooks = webhooks
        self._directory = directory
        self._transitions = transitions
        self._metrics = metrics
        self._settings = settings
        self._attempts = attempts
        self._lanes: dict[str, _Lane] = {}
        self._redacted: OrderedDict[str, None] = OrderedDict()
        self._after = ""
        """The last origin that was looked at, where there were more."""
        self._buried_at: dict[str, float] = {}
        self.notifiers: dict[str, Notifier] = {}
        """By the scheme of their origins."""
        self.start_task: Callable[..., asyncio.Task[None]] = lambda work: asyncio.ensure_future(work)

    def pending(self) -> int:
        """Messages with callbacks in memory."""
        return sum(len(lane.chains) for lane in self._lanes.values())

    # -- in

    def offer(self, message: Message, change: Change) -> None:
        """A callback that was just written. It goes to memory where its order is known and there is room."""
        if change.callback_origin is None:
            return
        lane = self._lane(change.callback_origin)
        message = self.current(message)
        due = just_written(message, change)
        chain = lane.chains.get(message.id) or self._new_chain(lane, message.id, first=_is_first(message, change))
        if chain is None:
            lane.behind = True
            lane.missed += 1
        elif chain.from_disk:
            chain.grown = True
        else:
            chain.add(due)
            self._make_ready(lane, chain)

    def _new_chain(self, lane: _Lane, message_id: str, *, first: bool) -> _Chain | None:
        told = lane.up_to_date.pop(message_id, None)
        if (told is None and not first) or len(lane.chains) >= self._settings.lane_max:
            return None
        chain = lane.chains[message_id] = _Chain(message_id, told=-1 if told is None else told)
        return chain

    def _lane(self, origin: str) -> _Lane:
        lane = self._lanes.get(origin)
        if lane is None:
            lane = self._lanes[origin] = _Lane(origin, self.notifiers.get(origin.partition(":")[0]))
        return lane

    def wake(self, origin: str) -> None:
        """The origin can be reached, or takes more at once: go on with what waits for it, in memory and on disk."""
        lane = self._lane(origin)
        lane.behind = lane.eager = True
        lane.wakes += 1
        for _ in range(len(lane.ready)):
            self._hire(lane)

    def _make_ready(self, lane: _Lane, chain: _Chain) -> None:
        if not chain.running and chain.waiting:
            chain.running = True
            self._run(lane, chain)

    def _run(self, lane: _Lane, chain: _Chain) -> None:
        """Its turn comes when a worker has done with those before it."""
        lane.ready.append(chain)
        self._hire(lane)

    def _hire(self, lane: _Lane) -> None:
        if lane.reachable() and lane.workers < self._concurrency(lane):
            lane.workers += 1
            self.start_task(self._work(lane))

    def _concurrency(self, lane: _Lane) -> int:
        if lane.notifier is not None:
            return lane.notifier.concurrency(lane.origin)
        return SLOW_CONCURRENCY if lane.slow else self._settings.concurrency

    def forget_body(self, message: Message) -> None:
        """The message was redacted: what is still to be told of it has no body."""
        self._redacted[message.id] = None
        if len(self._redacted) > REDACTED_MAX:
            self._redacted.popitem(last=False)
        for lane in self._lanes.values():
            chain = lane.chains.get(message.id)
            if chain is not None:
                chain.waiting = deque(replace(due, message=replace(due.message, body="")) for due in chain.waiting)

    def current(self, message: Message) -> Message:
        """The message as it may be told: a copy older than its redaction loses its body."""
        return replace(message, body="") if message.id in self._redacted else message

    # -- from disk

    async def poll(self) -> None:
        """Bring in what is due on disk, for as long as the server runs."""
        await self._transitions.persist(lambda: self._store.release_callbacks(self._clock.now()))
        while True:
            try:
                await self._poll_once()
            except StoreUnavailable as error:
                log.debug("callbacks.poll_failed", error=str(error))
                await asyncio.sleep(STORE_PAUSE_SECONDS)
            await asyncio.sleep(self._settings.poll_seconds)

    async def _poll_once(self) -> None:
        now = self._clock.now()
        await self._bury(now)
        behind = [lane.origin for lane in self._lanes.values() if lane.behind]
        for origin in dict.fromkeys([*behind, *await self._due_origins(now)]):
            if self._is_reachable(origin):
                await self._fill(self._lane(origin), now)
        for lane in self._lanes.values():
            if lane.ready and not lane.workers:
                self._hire(lane)
        self._forget_idle_lanes()

    async def _due_origins(self, now: int) -> list[str]:
        """What is too much for one poll is the next one's, so that many that can't be reached hide none that can."""
        found = await self._store.due_origins(now, self._after, ORIGINS_MAX)
        self._after = found[-1] if len(found) == ORIGINS_MAX else ""
        return found

    def _is_reachable(self, origin: str) -> bool:
        """Without a lane for one that is not."""
        notifier = self.notifiers.get(origin.partition(":")[0])
        return notifier is None or notifier.reachable(origin)

    async def _bury(self, now: int) -> None:
        """End what has waited too long for somebody to be there."""
        moment = self._clock.monotonic()
        for scheme, notifier in self.notifiers.items():
            seconds = (notifier.policy or self._settings.policy).give_up_after_seconds
            if moment - self._buried_at.get(scheme, 0.0) < min(UNREACHED_SECONDS, seconds):
                continue
            self._buried_at[scheme] = moment
            oldest = now - int(seconds * 1e6)
            while await self._bury_some(scheme, oldest, now) == BURY_MAX:
                pass
            for lane in self._lanes.values():
                if lane.notifier is notifier and not lane.reachable():
                    self._drop_buried(lane, oldest)

    async def _bury_some(self, scheme: str, oldest: int, now: int) -> int:
        buried = await self._store.bury_callbacks(scheme, oldest, now, NEVER_REACHED, BURY_MAX)
        if buried:
            self._metrics.callbacks["dead"].inc(buried)
            log.warning("callback.dead", scheme=scheme, callbacks=buried, error=NEVER_REACHED)
        return buried

    def _drop_buried(self, lane: _Lane, oldest: int) -> None:
        for chain in [chain for chain in lane.ready if chain.waiting and chain.waiting[0].created_at <= oldest]:
            lane.ready.remove(chain)
            chain.last = None
            self._end(lane, chain)
            lane.behind = True  # its followers are on disk

    async def _fill(self, lane: _Lane, now: int) -> None:
        room = self._settings.lane_max - len(lane.chains)
        if room <= 0:
            return
        limit = room + len(lane.chains)
        missed = lane.missed
        lane.asking = True
        fresh_until = now + CALLBACK_LEASE_MICROS if lane.behind else now
        if lane.eager:
            lane.eager, now, fresh_until = False, ANY_TIME, ANY_TIME
        try:
            found = await self._store.due_callbacks(lane.origin, now, fresh_until, limit)
        finally:
            ended, lane.ended, lane.asking = lane.ended, set(), False
        for due in found:
            if due.message.id not in lane.chains and due.message.id not in ended:
                lane.up_to_date.pop(due.message.id, None)
                chain = _Chain(due.message.id, told=due.rank - 1, from_disk=True)
                lane.chains[due.message.id] = chain
                chain.add(replace(due, message=self.current(due.message)))
                self._make_ready(lane, chain)
        if len(found) < limit and lane.missed == missed:
            lane.behind = False

    def _forget_idle_lanes(self) -> None:
        """Lanes whose messages are all told leave memory when there are many."""
        if len(self._lanes) > ORIGINS_MAX:
            idle = [o for o, lane in self._lanes.items() if not lane.chains and not lane.behind and not lane.workers]
            for origin in idle[: len(self._lanes) - ORIGINS_MAX]:
                del self._lanes[origin]

    # -- out

    async def _work(self, lane: _Lane) -> None:
        """One of a lane's workers: make attempts until no chain is ready. It does not wait until they are recorded."""
        try:
            while lane.ready and lane.reachable() and lane.workers <= self._concurrency(lane):
                chain = lane.ready.popleft()
                try:
                    await self._try_next(lane, chain)
                except Exception:  # one message's callbacks must not take the others along
                    log.exception("callback.broke", message_id=chain.message_id)
                    lane.chains.pop(chain.message_id, None)
        finally:
            lane.workers -= 1

    async def _try_next(self, lane: _Lane, chain: _Chain) -> None:
        """One attempt at the chain's first callback; it is recorded before anything follows it. Where nobody was there
        it was none."""
        if not chain.waiting and not await self._has_followers(lane, chain):
            return
        due, chain.wakes = chain.waiting.popleft(), lane.wakes
        started = perf_counter()
        told = await (self._attempt(due) if lane.notifier is None else lane.notifier.attempt(due))
        if not told.reached:
            chain.waiting.appendleft(replace(due, message=self.current(due.message)))
            lane.ready.appendleft(chain)
            await asyncio.sleep(0)  # whoever went away is soon known to have gone
            return
        seconds = perf_counter() - started
        lane.slow = told.code is None or seconds > SLOW_SECONDS
        self._metrics.callback_seconds.observe(seconds)
        outcome = self._attempts.outcome(due, told, int(seconds * 1000), self._policy(lane))
        settled = partial(self._settled, lane, chain, due, outcome)
        lost = partial(self._lost, lane, chain)
        self._attempts.record(Attempt(outcome=outcome, origin=lane.origin, state=due.state, settled=settled, lost=lost))

    async def _has_followers(self, lane: _Lane, chain: _Chain) -> bool:
        """What was written for a chain's message while that was not in memory is read from disk; False, and the chain
        ends, where there is none."""
        message = chain.read_for
        while message is not None and not chain.waiting:
            chain.grown = False
            for due in await self._transitions.persist(
                lambda: self._store.pending_callbacks(message.project_id, message.id)
            ):
                chain.add(replace(due, message=self.current(due.message)))
            if not chain.grown:
                break
        if not chain.waiting:
            self._end(lane, chain)
        return bool(chain.waiting)

    # -- recorded

    def _settled(self, lane: _Lane, chain: _Chain, due: DueCallback, outcome: CallbackOutcome) -> None:
        """Go on with the chain; leave the rest to the disk at the first failure."""
        if outcome.status == "pending":
            chain.last = None
            self._end(lane, chain)
            if lane.wakes != chain.wakes:  # who came meanwhile has not been asked
                lane.behind = lane.eager = True
            return
        chain.told, chain.last = due.rank, due.state
        if chain.from_disk:
            chain.read_for = due.message
        if chain.waiting or chain.from_disk:
            self._run(lane, chain)
        else:
            self._end(lane, chain)

    def _lost(self, lane: _Lane, chain: _Chain) -> None:
        lane.chains.pop(chain.message_id, None)

    def _end(self, lane: _Lane, chain: _Chain) -> None:
        del lane.chains[chain.message_id]
        if lane.asking:
            lane.ended.add(chain.message_id)
        if chain.last is not None and chain.last not in lifecycle.TERMINAL:
            lane.up_to_date[chain.message_id] = chain.told
            if len(lane.up_to_date) > self._settings.lane_max * 10:
                lane.up_to_date.popitem(last=False)

    # -- one attempt

    async def _attempt(self, due: DueCallback) -> Told:
        try:
            request = self._request(due)
            if request is None:
                return Told(error=PROJECT_GONE, final=True)
            response = await self._webhooks.request(request)
        except FetchFault as fault:
            led = None if fault.url is None else shown_url(fault.url, due.message.body)
            return Told(error=_prefixed(led, fault.message.rstrip(".")))
        except UrlError as fault:
            return Told(error=str(fault).rstrip("."))
        led = reached(response)
        shown = None if led is None else shown_url(led, due.message.body)
        if not 200 <= response.status < 300:
            return Told(code=response.status, error=_prefixed(shown, f"answered {response.status}"))
        if shown is not None:
            statuses = ", ".join(map(str, response.redirects))
            await self._transitions.note(
                due.message,
                "callback_redirected",
                detail=f"by {statuses} to {shown}, and asked there by {request.method}",
            )
        return Told(code=response.status)

    def _request(self, due: DueCallback) -> HttpRequest | None:
        message = due.message
        project = self._directory.project(message.project_id)
        if project is None or message.callback is None:
            return None
        if message.source is Source.LAML:
            pairs = webhook.status_form(message, due.state, due.error_code)
            request = signing.form_request(
                project.signing_key, message.callback.method, message.callback.url, pairs, truncate=True
            )
        else:
            body = webhook.status_json(message, due.state, due.error_code, due.at)
            request = signing.json_request(project.signing_key, message.callback.url, body, truncate=True)
        return signing.as_switched(project, request)

    def _policy(self, lane: _Lane) -> RetryPolicy:
        return (lane.notifier.policy if lane.notifier is not None else None) or self._settings.policy


def _prefixed(led: str | None, error: str) -> str:
    return error if led is None else f"redirected to {led}: {error}"


def _is_first(message: Message, change: Change) -> bool:
    """Whether this is the first callback of its message, so that nothing of it can be on disk alone."""
    return change.before in (State.QUEUED, State.RECEIVING) or notify.is_first(message, change.after)
