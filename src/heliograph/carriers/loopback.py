"""The simulated carrier that ships: it takes messages as a real one does, and nothing leaves the machine.

A submit is answered after `answer_ms`, its receipt follows `receipt_ms` after the acceptance, none for MMS; special
numbers act otherwise (special_numbers). The journal knows what was accepted and which receipts are owed, so that a new
process goes on where one was killed:

- A message is accepted at the moment its line is in the journal, and only then may anybody be told. What is due in one
  turn of the event loop shares one write. A submit whose process died before was never taken; `query` knows.
- A receipt is owed until `events.receipt` returns and the journal says so. One that raises is handed over again, after
  growing pauses; what is owed at a stop or a crash, at the next start.
- The same message again is accepted again. References can be told from the message: see journal.carrier_ref.

Chance is drawn in the order of the submits, a fixed number of draws each: the same seed and submits give the same run
(a run begins at `start`).
"""

import asyncio
import random  # noqa: TID251 - chance is this carrier's trade; its seed is passed in
from collections import OrderedDict, deque
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import structlog

from heliograph.carriers.journal import Entry, Journal, carrier_ref
from heliograph.carriers.special_numbers import CONDUCTS, NO_RECEIPT, ORDINARY, REFUSED, UNEXPLAINED, Conduct
from heliograph.carriers.timers import Schedule, Timers
from heliograph.core.errors import Permanent, Temporary, Uncertain
from heliograph.core.lifecycle import State
from heliograph.core.message import Message
from heliograph.ports import Answer, CarrierEvents, CarrierStatus, Clock, Receipt, Submission, Submitted

log = structlog.get_logger(__name__)

HANDED_OVER_MAX: Final = 4096
"""Receipts in the engine's hands at once; it writes them together, so this is some commits' worth."""

OWED_MAX: Final = 100_000
"""Messages with receipts owed at once, about 60 MB; at the limit submits are throttled."""

THROTTLED_MAX: Final = 10_000
"""Messages whose throttling is remembered; the one forgotten for another is throttled anew."""

REPEAT_PAUSES_SECONDS: Final = (0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
"""The pauses before a receipt that was not taken is handed over again; the last one repeats."""

ATTEMPTS: Final = 5
"""As a real carrier's setting `retry_temporary` is by default."""

THROTTLED: Final = 30022
UNREACHABLE: Final = 63011


@dataclass(frozen=True, slots=True, kw_only=True)
class LoopbackSettings:
    """jitter_ms: largest addition to either pause. The rates of refusal and loss: 0 to 1. seed: of all chance.

    rate: messages accepted in a second, evenly, by answering later; 0 is without limit. window: as in ports.Carrier.
    """

    answer_ms: float = 50.0
    receipt_ms: float = 200.0
    jitter_ms: float = 0.0
    refusal_rate: float = 0.0
    loss_rate: float = 0.0
    seed: int = 0
    rate: float = 0.0
    window: int = 1000


@dataclass(frozen=True, slots=True)
class _Submit:
    """A submit that will be accepted: how it goes on from there, and who waits."""

    submission: Submission
    answer: "asyncio.Future[Submitted]"
    conduct: Conduct
    receipt_seconds: float


@dataclass(frozen=True, slots=True)
class _Owed:
    """One receipt on its way, and how often it was handed over in vain."""

    entry: Entry
    vain: int = 0


class LoopbackCarrier:
    name = "loopback"

    def __init__(
        self, settings: LoopbackSettings, journal_path: Path, clock: Clock, *, schedule: Schedule | None = None
    ) -> None:
        """`schedule` calls back after seconds of `clock.monotonic`; without it the running loop does."""
        self.window = settings.window
        self.attempts = ATTEMPTS
        self._submitted = 0
        self._settings = settings
        self._path = journal_path
        self._clock = clock
        self._schedule = schedule
        self._chance = random.Random(settings.seed)  # noqa: S311 - chance to be repeated, no secret
        self._journal: Journal | None = None
        self._timers: Timers
        self._events: CarrierEvents
        self._open: set[asyncio.Future[Submitted]] = set()
        self._throttled: OrderedDict[str, float] = OrderedDict()
        self._last_slot = 0.0
        self._due_submits: list[_Submit] = []
        self._due_receipts: deque[_Owed] = deque()
        self._handing_over: set[asyncio.Task[None]] = set()
        self._taken: list[Entry] = []

    # -- as a carrier

    @property
    def answer_seconds(self) -> float:
        """An answer is this late at most, but for special numbers; one that a rate holds back waits for its slot."""
        settings = self._settings
        return (settings.answer_ms + settings.jitter_ms) / 1e3 + max(0.0, self._last_slot - self._clock.monotonic())

    async def start(self, events: CarrierEvents) -> None:
        """Read the journal back; raises OSError where that can't be opened."""
        journal = await asyncio.to_thread(Journal, self._path)
        if journal.unreadable:
            log.warning("loopback.journal_damaged", path=str(self._path), lines_skipped=journal.unreadable)
        schedule = self._schedule or asyncio.get_running_loop().call_later
        self._timers = Timers(self._clock.monotonic, schedule, self._turn_over)
        self._events = events
        self._journal = journal
        now = self._clock.now()
        for entry in journal.owed():
            # never later than it was to come at first, though the clock may have been set back since
            pause = min(max(entry.due - now, 0), entry.due - entry.at)
            self._owe(entry, pause / 1e6)

    @property
    def available(self) -> bool:
        return self._journal is not None

    def status(self) -> CarrierStatus:
        return CarrierStatus(
            name=self.name,
            kind="loopback",
            available=self.available,
            window=self.window,
            in_flight=len(self._open),
            submitted=self._submitted,
        )

    def submit(self, submission: Submission) -> "asyncio.Future[Submitted]":
        answer: asyncio.Future[Submitted] = asyncio.get_running_loop().create_future()
        if self._journal is None:
            answer.set_exception(Temporary(UNREACHABLE, "the simulated carrier is not started"))
            return answer
        self._submitted += 1
        self._open.add(answer)
        answer.add_done_callback(self._open.discard)
        answer_seconds, submit = self._plan(submission, answer)
        if submit.conduct.silent:
            return answer
        if submit.conduct.refused:
            refusal = Permanent(UNEXPLAINED, "the simulated carrier refused the message")
            self._timers.after(answer_seconds, _refuse, (answer, refusal))
        elif self._is_throttled(submit) or self._journal.owed_count() >= OWED_MAX:
            self._timers.after(answer_seconds, _refuse, (answer, Temporary(THROTTLED, "the simulated carrier is busy")))
        else:
            self._timers.at(self._slot(answer_seconds), self._due_submits.append, submit)
        return answer

    async def query(self, message: Message) -> Answer | None:
        """The reference of the last acceptance. None only for ids from before what the journal remembers."""
        if self._journal is None:
            return None
        times = self._journal.times_accepted(message.id)
        if times is None:
            return None
        return Answer(refs=(carrier_ref(message.id, times),) if times else None)

    async def stop(self) -> None:
        """Let go. Receipts that are under way stay owed."""
        if self._journal is None:
            return
        self._timers.clear()
        under_way = list(self._handing_over)
        for task in under_way:
            task.cancel()
        await asyncio.gather(*under_way, return_exceptions=True)
        self._write_taken()
        self._journal.close()
        self._journal = None
        for answer in list(self._open):
            if not answer.done():
                answer.set_exception(Uncertain("the simulated carrier stopped before it answered"))

    # -- what becomes of a submit

    def _plan(self, submission: Submission, answer: "asyncio.Future[Submitted]") -> tuple[float, _Submit]:
        """Draw this submit's chances, all of them whether they matter or not, and return when to answer and how."""
        answer_jitter, receipt_jitter, refusal, loss = (self._chance.random() for _ in range(4))
        settings = self._settings
        conduct = CONDUCTS.get(submission.to_number)
        receipt_seconds = (settings.receipt_ms + settings.jitter_ms * receipt_jitter) / 1e3
        if conduct is None:
            conduct = (
                REFUSED if refusal < settings.refusal_rate else NO_RECEIPT if loss < settings.loss_rate else ORDINARY
            )
        elif conduct.receipt_seconds is not None:
            receipt_seconds = conduct.receipt_seconds
        answer_seconds = (settings.answer_ms + settings.jitter_ms * answer_jitter) / 1e3
        return answer_seconds, _Submit(submission, answer, conduct, receipt_seconds)

    def _is_throttled(self, submit: _Submit) -> bool:
        """Whether the pause that began with this message's first submit still runs."""
        if not submit.conduct.throttle_seconds:
            return False
        message_id, now = submit.submission.message_id, self._clock.monotonic()
        first = self._throttled.setdefault(message_id, now)
        if now - first >= submit.conduct.throttle_seconds:
            del self._throttled[message_id]
            return False
        if len(self._throttled) > THROTTLED_MAX:
            self._throttled.popitem(last=False)
        return True

    def _slot(self, answer_seconds: float) -> float:
        """The moment of acceptance: when the answer is due, but 1/rate after the one before."""
        moment = self._clock.monotonic() + answer_seconds
        if self._settings.rate:
            moment = self._last_slot = max(moment, self._last_slot + 1 / self._settings.rate)
        return moment

    def _turn_over(self) -> None:
        """Accept what is due together, in one write, and hand over the receipts that are due."""
        if self._due_submits:
            submits = self._due_submits.copy()
            self._due_submits.clear()  # the list itself stays: timers append to it
            self._accept(submits)
        self._hand_over()

    def _accept(self, submits: list[_Submit]) -> None:
        journal = self._journal
        if journal is None:
            return
        numbers = journal.next_numbers(submit.submission.message_id for submit in submits)
        now = self._clock.now()
        entries = [_entry(submit, number, now) for submit, number in zip(submits, numbers, strict=True)]
        try:
            journal.accept(entries)
        except OSError as error:
            log.error("loopback.journal_unwritable", path=str(self._path), error=str(error))
            for submit in submits:
                _refuse((submit.answer, Temporary(UNREACHABLE, "the simulated carrier can't write its journal")))
            return
        for submit, entry in zip(submits, entries, strict=True):
            self._accepted(submit, entry)

    def _accepted(self, submit: _Submit, entry: Entry) -> None:
        told = (submit.answer, entry.carrier_ref)
        if submit.conduct.receipt_first and entry.receipts:
            self._owe(entry, 0.0)
            self._timers.after(submit.receipt_seconds, _answer, told)
        else:
            _answer(told)
            self._owe(entry, submit.receipt_seconds)

    # -- receipts

    def _owe(self, entry: Entry, seconds: float) -> None:
        for _ in range(entry.receipts):
            self._timers.after(seconds, self._due_receipts.append, _Owed(entry))

    def _hand_over(self) -> None:
        while self._due_receipts and len(self._handing_over) < HANDED_OVER_MAX:
            task = asyncio.get_running_loop().create_task(self._deliver(self._due_receipts.popleft()))
            self._handing_over.add(task)
            task.add_done_callback(self._handed_over)

    def _handed_over(self, task: "asyncio.Task[None]") -> None:
        self._handing_over.discard(task)
        if self._journal is not None and self._due_receipts and not task.cancelled():
            self._hand_over()

    async def _deliver(self, owed: _Owed) -> None:
        try:
            await self._events.receipt(self.name, _receipt(owed.entry))
        except Exception:
            pause = REPEAT_PAUSES_SECONDS[min(owed.vain, len(REPEAT_PAUSES_SECONDS) - 1)]
            log.exception("loopback.receipt_not_taken", carrier_ref=owed.entry.carrier_ref, retry_in_seconds=pause)
            self._timers.after(pause, self._due_receipts.append, _Owed(owed.entry, owed.vain + 1))
            return
        if not self._taken:
            asyncio.get_running_loop().call_soon(self._write_taken)
        self._taken.append(owed.entry)

    def _write_taken(self) -> None:
        """Write down, together, what was taken in this turn of the loop."""
        taken, self._taken = self._taken, []
        if self._journal is None or not taken:
            return
        try:
            self._journal.take(taken)
        except OSError as error:
            log.warning("loopback.receipts_may_repeat", path=str(self._path), count=len(taken), error=str(error))


def _entry(submit: _Submit, number: int, now: int) -> Entry:
    submission, conduct = submit.submission, submit.conduct
    receipts = 0 if submission.mms else conduct.receipts
    pause = 0.0 if conduct.receipt_first else submit.receipt_seconds
    return Entry(
        message_id=submission.message_id,
        number=number,
        to_number=submission.to_number,
        from_number=submission.from_number,
        segments=submission.segments,
        at=now,
        receipts=receipts,
        due=now + round(pause * 1e6),
        error_code=conduct.undelivered_code,
    )


def _receipt(entry: Entry) -> Receipt:
    state = State.DELIVERED if entry.error_code is None else State.UNDELIVERED
    return Receipt(
        carrier_ref=entry.carrier_ref,
        state=state,
        error_code=entry.error_code,
        from_number=entry.from_number,
        to_number=entry.to_number,
    )


def _answer(told: "tuple[asyncio.Future[Submitted], str]") -> None:
    """Nobody may be waiting any more; the message is accepted all the same."""
    answer, reference = told
    if not answer.done():
        answer.set_result(Submitted(refs=(reference,)))


def _refuse(told: "tuple[asyncio.Future[Submitted], Exception]") -> None:
    answer, error = told
    if not answer.done():
        answer.set_exception(error)
