"""From a message to its parts on the wire and their answers back to it.

- A message waits (`fresh`) until a bind has room in its window, is within its pace, and the carrier is within its own;
  the least loaded such bind takes it. The parts of one message go over that bind, in order, as far as it lasts.
- Where senders have a pace, the messages of one sender queue up in its lane; only the first of them contends with those
  of other senders, and no sooner than the pace allows.
- The answers of all parts that were sent are waited for; then the message ends: in Submitted, or in Uncertain,
  Permanent or Temporary, in that order, with the parts that were taken all the same.
- An answer that is overdue (`response_seconds`) leaves its room in the window to others, and is waited for as long
  again before the message is in doubt.
- What has not been sent when its validity ends is not sent any more, and its message ends as one that was not sent: in
  Temporary, once the answers to its parts on the wire are there.
- No task and no timer belongs to one message. All happens in callbacks of answers, of one timer and of binds.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from functools import partial
from typing import Any, Final, NamedTuple, Protocol

from heliograph.carrier_config import CarrierConfig
from heliograph.carriers.smpp import statuses
from heliograph.carriers.smpp.bind import Bind
from heliograph.carriers.smpp.job import Job
from heliograph.carriers.smpp.link import NoAnswer, NotSent, Response
from heliograph.carriers.smpp.statuses import Kind
from heliograph.carriers.timers import COALESCE_SECONDS, Schedule, Timers
from heliograph.core.pacing import Pace, SenderPaces
from heliograph.ports import Clock
from heliograph.wire.smpp.pdu import GenericNack, Header, Status, SubmitSm, SubmitSmResp

LANES_MAX: Final = 1_000
"""Messages that wait for their sender's pace without taking room from others; each is in doubt if the process dies."""

SURPLUS: Final = 4
"""One message more for so many of the window is taken in hand, so that an answer is followed by the next submit at once
and not when the next message has been marked initiated on disk. Each is in doubt, too, if the process dies."""


LATE_MAX: Final = 1_000
"""Overdue answers of one bind that are still waited for; of more the messages are in doubt at once."""


EXPIRY_LOOK_SECONDS: Final = 0.25
"""How often what waits here is looked through for messages whose validity has ended."""


class Sent(NamedTuple):
    """A part on the wire: which of the job's, over which bind, when."""

    job: Job
    place: int
    bind: Bind
    at: float


class Listener(Protocol):
    """Who is told. None of these calls may block or raise."""

    def window_changed(self) -> None:
        """Window or availability may be others."""

    def accepted(self, part: SubmitSm, message_id: str) -> str:
        """The carrier took a part under this id; returns the id as it is to be kept."""
        ...

    def answer_lost(self) -> None:
        """A submit has no answer, and the carrier may have it."""


class Sending:
    def __init__(
        self,
        config: CarrierConfig,
        binds: Sequence[Bind],
        listener: Listener,
        clock: Clock,
        *,
        schedule: Schedule | None = None,
    ) -> None:
        self._now = clock.monotonic
        self._wall_clock = clock.now
        self._binds = binds
        self._listener = listener
        self._able: list[Bind] = []
        self._fresh: deque[Job] = deque()
        self._lanes: dict[str, deque[Job]] = {}
        self._in_lanes = 0
        self._wake_at = float("inf")
        self._looks_for_expired = False
        """Set while a look is due (`_look_for_expired`), cleared by it."""
        self._pumping = False
        self._idle: asyncio.Future[None] | None = None
        self._schedule = schedule
        self._timers: Timers
        self._config = config
        self._pace = Pace(config.rate)
        self._senders = SenderPaces(config.sender_rate)
        self._overrides = config.statuses

    def configure(self, config: CarrierConfig) -> None:
        """Paces and statuses from now on; a pace that stays remembers what went."""
        self._config = config
        self._overrides = config.statuses
        if config.rate != self._pace.rate:
            self._pace = Pace(config.rate)
        if config.sender_rate != self._senders.rate:
            self._senders = SenderPaces(config.sender_rate)
        self._pump()

    def start(self) -> None:
        schedule = self._schedule or asyncio.get_running_loop().call_later
        self._timers = Timers(self._now, schedule, self._pump)

    # -- what the carrier asks

    @property
    def window(self) -> int:
        """Messages that may be in our hands at once: what binds have room for and a little more, but not much
        more than the pace lets go within a second; and what waits for its sender besides. While all binds rest, what
        is in our hands, so that nothing is added; 0 without a bind."""
        now = self._now()
        size = in_flight = 0
        for bind in self._able:
            in_flight += bind.in_flight
            if now >= bind.paused_until:
                size += bind.window.size
        if not size:
            return max(1, in_flight + self.waiting) if self._able else 0
        if self._pace.rate:
            size = min(size, in_flight + max(1, int(self._pace.rate)))
        return size + -(-size // SURPLUS) + min(self._in_lanes, LANES_MAX)

    @property
    def available(self) -> bool:
        now = self._now()
        return any(now >= bind.paused_until for bind in self._able)

    @property
    def in_flight(self) -> int:
        return sum(bind.in_flight for bind in self._binds)

    @property
    def bound(self) -> bool:
        return bool(self._able)

    @property
    def waiting(self) -> int:
        """Messages of which nothing was sent yet."""
        return len(self._fresh) + self._in_lanes

    def add(self, job: Job) -> None:
        """Send it as soon as windows and paces let."""
        if self._senders.rate:
            self._queue_behind_sender(job)
        else:
            self._fresh.append(job)
            self._pump()

    def bind_changed(self, bind: Bind) -> None:
        if not bind.bound:
            self._disable(bind)
            late, bind.late = bind.late, {}  # numbers of a connection that is no more
            for each in late.values():
                self._lose(each.job, "the connection was lost before an answer came")
        elif bind.sends and bind not in self._able:
            self._able.append(bind)
            self._pump()
        self._listener.window_changed()

    def bind_writable(self, bind: Bind) -> None:
        if bind in self._able:
            self._pump()

    def give_up(self, reason: str) -> None:
        """Nothing more is sent; what was not ends in Temporary, unless parts of it still wait for their answers."""
        jobs = [*self._fresh, *(job for bind in self._binds for job in bind.lane)]
        jobs += [job for lane in self._lanes.values() for job in lane]
        self._fresh.clear()
        self._lanes.clear()
        self._in_lanes = 0
        for bind in self._binds:
            bind.lane.clear()
        for job in jobs:
            job.stuck = job.stuck or reason
            job.sender = None
            job.end()

    async def finish(self, seconds: float) -> None:
        """Send nothing more, and wait for the answers to what was sent, for so long."""
        self.give_up("this carrier is being stopped")
        self._timers.clear()
        self._looks_for_expired = False
        if self.in_flight:
            self._idle = asyncio.get_running_loop().create_future()
            await asyncio.wait([self._idle], timeout=seconds)

    # -- senders' lanes

    def _queue_behind_sender(self, job: Job) -> None:
        sender = job.submission.from_number
        lane = self._lanes.get(sender)
        if lane is None:
            if self._senders.of(sender, self._now()) is None:
                job.stuck = "too many senders wait for their pace"
                job.end()
                return
            lane = self._lanes[sender] = deque()
        job.sender = sender
        lane.append(job)
        self._in_lanes += 1
        if len(lane) == 1:
            self._when_sender_may(job)

    def _when_sender_may(self, job: Job) -> None:
        """`job` is the first of its lane: let it contend from the moment on at which its sender's pace allows."""
        pace = self._senders.of(job.sender or "", self._now())
        moment = self._now() if pace is None else pace.when(self._now())
        if moment > self._now():
            self._timers.at(moment + COALESCE_SECONDS, self._contend, job)
        else:
            self._contend(job)
            self._pump()

    def _contend(self, job: Job) -> None:
        if job.next and job.bind is not None:
            job.bind.lane.append(job)
        else:
            self._fresh.append(job)

    def _leave_lane(self, job: Job) -> None:
        """It has nothing more to send: the next one of its sender is first."""
        sender, job.sender = job.sender, None
        if sender is None:
            return
        lane = self._lanes[sender]
        lane.remove(job)
        self._in_lanes -= 1
        if lane:
            self._when_sender_may(lane[0])
        else:
            del self._lanes[sender]

    # -- the pump

    def _pump(self) -> None:
        """Send whatever may be sent now; see to it that this is called when more may."""
        if self._pumping:
            return
        self._pumping = True
        try:
            self._send_what_may_go(self._now())
        finally:
            self._pumping = False
        if not self._looks_for_expired and (self.waiting or any(bind.lane for bind in self._binds)):
            self._looks_for_expired = True
            self._timers.after(EXPIRY_LOOK_SECONDS, self._look_for_expired, None)

    def _send_what_may_go(self, now: float) -> None:
        while True:
            moment = self._pace.when(now)
            bind, soonest = self._pick(now)
            if bind is None:
                self._wake(soonest)
                return
            if moment > now:
                self._wake(moment)
                return
            queue = bind.lane or self._fresh
            job = queue.popleft()
            job.expire(self._wall_clock())
            if job.over:
                self._leave_lane(job)
                job.end()
            else:
                self._send(job, bind, now)

    def _pick(self, now: float) -> tuple[Bind | None, float]:
        """The least loaded bind that can send something now; else when the first may, by its pace or pause."""
        best, least, soonest = None, 2.0, float("inf")
        fresh = bool(self._fresh)
        for bind in self._able:
            if not (fresh or bind.lane) or bind.in_flight >= bind.window.size:
                continue
            if bind.link is None or not bind.link.writable:
                continue
            moment = max(bind.pace.when(now), bind.paused_until)
            if moment > now:
                soonest = min(soonest, moment)
                continue
            load = bind.in_flight / bind.window.size
            if load < least:
                best, least = bind, load
        return best, soonest

    def _wake(self, moment: float) -> None:
        if moment < self._wake_at:
            self._wake_at = moment
            self._timers.at(moment + COALESCE_SECONDS, self._woken, moment)

    def _woken(self, moment: float) -> None:
        """The timers' turn ends with the pump."""
        if moment == self._wake_at:
            self._wake_at = float("inf")
        self._listener.window_changed()

    def _queues(self) -> list[deque[Job]]:
        """All that holds jobs with something to be sent; some are in two of them."""
        return [self._fresh, *(bind.lane for bind in self._binds), *self._lanes.values()]

    def _look_for_expired(self, _: None) -> None:
        """They leave their queues when their turn comes, as those do for which nobody waits. The timers' turn ends with
        the pump, which sees to the next look."""
        self._looks_for_expired = False
        wall_clock = self._wall_clock()
        for job in [job for queue in self._queues() for job in queue]:
            job.expire(wall_clock)

    def _send(self, job: Job, bind: Bind, now: float) -> None:
        place = job.next
        try:
            if bind.link is None:
                raise NotSent
            answer = bind.link.request(job.pdus[place])
        except NotSent:  # it is about to end, and says so soon
            (bind.lane if job.next else self._fresh).appendleft(job)
            self._disable(bind)
            return
        except ValueError as error:
            job.unfit = str(error)
            self._leave_lane(job)
            job.end()
            return
        self._pace.reserve(now)
        bind.pace.reserve(now)
        bind.in_flight += 1
        bind.submitted += 1
        job.waiting += 1
        job.next = place + 1
        answer.add_done_callback(partial(self._answered, Sent(job, place, bind, now)))
        if job.sender is not None:
            pace = self._senders.of(job.sender, now)
            if pace is not None:
                pace.reserve(now)
        job.bind = bind
        if job.next == len(job.pdus):
            self._leave_lane(job)
            return
        if job.sender is not None:
            self._when_sender_may(job)
        else:
            bind.lane.appendleft(job)

    # -- answers

    def _answered(self, sent: Sent, answer: "asyncio.Future[Response]") -> None:
        job, bind, now = sent.job, sent.bind, self._now()
        bind.in_flight -= 1
        error = None if answer.cancelled() else answer.exception()
        if isinstance(error, NoAnswer) and len(bind.late) < LATE_MAX and bind.link is not None:
            self._wait_on(error.sequence, sent)
        elif error is not None or answer.cancelled():
            self._lose(job, str(error or "nobody waited"))
        else:
            response = answer.result()
            if response.status == 0:
                bind.accepted(now, sent.at)
            job.trip = now - sent.at
            self._judge(sent, response.status, response.pdu)
        if self._fresh or bind.lane:
            self._pump()
        if self._idle is not None and not self.in_flight and not self._idle.done():
            self._idle.set_result(None)

    def _judge(self, sent: Sent, status: int, pdu: Any) -> None:
        job = sent.job
        if status == 0 and isinstance(pdu, SubmitSmResp):
            job.refs[job.numbers[sent.place]] = self._listener.accepted(job.pdus[sent.place], pdu.message_id)
        else:
            verdict = statuses.judge(status, self._overrides)
            if job.refusal is None or verdict.kind is Kind.PERMANENT:
                job.refusal = (status, verdict)
            if verdict.kind is Kind.THROTTLED and self._rests(sent, status):
                self._wake(sent.bind.paused_until)
                self._listener.window_changed()
        self._settle(job)

    def _rests(self, sent: Sent, status: int) -> bool:
        """Whether the bind begins a pause. A carrier whose settings call a status throttled means its own queue."""
        if status == Status.RMSGQFUL and status not in self._overrides:
            return sent.bind.queue_full(self._now(), sent.at, sent.job.submission.to_number)
        return sent.bind.rest(self._now(), sent.at)

    def _lose(self, job: Job, reason: str) -> None:
        job.lost = reason
        self._listener.answer_lost()
        self._settle(job)

    def _settle(self, job: Job) -> None:
        """One answer less is awaited."""
        job.waiting -= 1
        if not job.waiting and job.over:
            self._leave_lane(job)
            job.end()

    # -- answers that are late

    def _wait_on(self, sequence: int, sent: Sent) -> None:
        """The answer is overdue and leaves its room to others. It may come yet, and then it counts."""
        sent.bind.late[sequence] = sent
        self._timers.after(self._config.response_seconds, self._give_up_on, (sequence, sent))

    def late_answer(self, bind: Bind, header: Header, pdu: Any) -> None:
        """An answer came to what nobody waits for, as far as the link knows."""
        if not isinstance(pdu, SubmitSmResp | GenericNack):
            return
        sent = bind.late.pop(header.sequence, None)
        if sent is not None:
            self._judge(sent, header.status, pdu)

    def _give_up_on(self, overdue: tuple[int, Sent]) -> None:
        sequence, sent = overdue
        if sent.bind.late.get(sequence) is sent:
            del sent.bind.late[sequence]
            self._lose(sent.job, f"no answer within {2 * self._config.response_seconds:g} s")

    # -- a bind is lost

    def _disable(self, bind: Bind) -> None:
        """What it was to go on with goes over another bind, but for messages that wait for its answers: those tell."""
        if bind not in self._able:
            return
        self._able.remove(bind)
        for job in reversed(bind.lane):
            if job.waiting:
                job.stuck = "the connection was lost"
                self._leave_lane(job)
            else:
                job.bind = None
                self._fresh.appendleft(job)
        bind.lane.clear()
        for job in [lane[0] for lane in self._lanes.values() if lane[0].bind is bind]:
            if job.waiting:
                job.stuck = "the connection was lost"
                self._leave_lane(job)
            job.bind = None
        if not self._able:
            self.give_up("no connection to the carrier stands")
        else:
            self._pump()
