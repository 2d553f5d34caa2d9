"""The simulated carrier that ships: nothing leaves the machine (contract, section 11).

It accepts any message after `answer_ms` and sends its receipt `receipt_ms` later, except for the numbers in SPECIAL.
What it accepted and the receipts it owes are in its journal before it answers, so it goes on after a kill: owed
receipts are sent again until they are taken, and a query about a submit whose answer was lost is answered exactly. A
message that is submitted twice is accepted twice, as a real carrier would; the journal shows it.

References are `sim-` and the message's id; of a repeated acceptance, with `-2`, `-3` behind. Random choices are drawn
in the order of the submits, so the same seed and the same submits give the same run.
"""

import asyncio
import random  # noqa: TID251 - a simulation's dice, seeded by a setting
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import structlog

from heliograph.carriers.journal import Acceptance, Journal, Owed
from heliograph.core.errors import Permanent, Temporary, Uncertain
from heliograph.core.lifecycle import State
from heliograph.ports import Answer, Clock, Receipt, ReceiptHandler, Submission

log = structlog.get_logger(__name__)

THROTTLE_SECONDS = 5.0
LATE_RECEIPT_SECONDS = 30.0
RECEIPT_RETRY_SECONDS = 1.0
"""Pause before a receipt that was not taken is sent again."""

REFUSED = 30008
THROTTLED = 30022

_DELIVERED = (Owed(state=State.DELIVERED),)


@dataclass(frozen=True, slots=True, kw_only=True)
class Behaviour:
    """What happens to a message to one number. `receipt_seconds` overrides the setting."""

    receipts: tuple[Owed, ...] = _DELIVERED
    receipt_seconds: float | None = None
    refused: bool = False
    silent: bool = False
    receipt_first: bool = False
    throttled: bool = False


USUAL = Behaviour()

SPECIAL: dict[str, Behaviour] = {
    **{
        f"+1500555{code - 27000}": Behaviour(receipts=(Owed(state=State.UNDELIVERED, error_code=code),))
        for code in range(30003, 30009)
    },
    "+15005554000": Behaviour(refused=True),
    "+15005554001": Behaviour(silent=True),
    "+15005554002": Behaviour(receipts=()),
    "+15005554003": Behaviour(receipts=_DELIVERED * 2),
    "+15005554004": Behaviour(receipt_seconds=LATE_RECEIPT_SECONDS),
    "+15005554005": Behaviour(receipt_first=True),
    "+15005554006": Behaviour(throttled=True),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class LoopbackSettings:
    """Pauses in milliseconds, rates from 0 to 1, `rate` in messages a second (0: no limit)."""

    answer_ms: float = 50.0
    receipt_ms: float = 200.0
    jitter_ms: float = 0.0
    refusal_rate: float = 0.0
    loss_rate: float = 0.0
    seed: int = 0
    rate: float = 0.0
    window: int = 1000


Schedule = Callable[..., object]
"""(seconds, function, *arguments): call it then."""


class LoopbackCarrier:
    name = "simulator"

    def __init__(
        self, settings: LoopbackSettings, journal: Path, clock: Clock, schedule: Schedule | None = None
    ) -> None:
        self.window = settings.window
        self._settings = settings
        self._journal = Journal(journal)
        self._clock = clock
        self._schedule_with = schedule
        self._dice = random.Random(settings.seed)  # noqa: S311 - a simulation
        self._accepted: dict[str, list[str]] = {}
        self._open: set[asyncio.Future[str]] = set()
        self._throttled: dict[str, float] = {}
        self._next_slot = 0.0
        self._unwritten: list[tuple[str, Callable[[], None]]] = []
        self._receipts: set[asyncio.Task[None]] = set()
        self._stopped = False

    # -- ports.Carrier

    async def start(self, on_receipt: ReceiptHandler) -> None:
        self._on_receipt = on_receipt
        self._schedule: Schedule = self._schedule_with or asyncio.get_running_loop().call_later
        acceptances, taken = await asyncio.to_thread(self._journal.open)
        for acceptance in acceptances:
            self._accepted.setdefault(acceptance.message_id, []).append(acceptance.ref)
            for owed in acceptance.receipts:
                if taken[acceptance.ref] > 0:
                    taken[acceptance.ref] -= 1
                else:
                    seconds = max(0.0, (acceptance.due - self._clock.now()) / 1e6)
                    self._schedule(seconds, self._send_receipt, acceptance.ref, owed)

    def submit(self, submission: Submission) -> asyncio.Future[str]:
        answer: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        behaviour = SPECIAL.get(submission.to_number, USUAL)
        settings = self._settings
        answer_in = (settings.answer_ms + settings.jitter_ms * self._dice.random()) / 1000
        receipt_in = (settings.receipt_ms + settings.jitter_ms * self._dice.random()) / 1000
        refused = self._dice.random() < settings.refusal_rate
        lost = self._dice.random() < settings.loss_rate
        self._open.add(answer)
        answer.add_done_callback(self._open.discard)
        if behaviour.silent:
            return answer
        if behaviour.refused or refused:
            error: Exception = Permanent(REFUSED, "the simulated carrier refuses the message")
            self._schedule(answer_in, self._refuse, answer, error)
        elif behaviour.throttled and not self._throttle_is_over(submission.message_id):
            error = Temporary(THROTTLED, "the simulated carrier is throttling")
            self._schedule(answer_in, self._refuse, answer, error)
        else:
            if behaviour.receipt_seconds is not None:
                receipt_in = behaviour.receipt_seconds
            receipts = () if lost or submission.mms else behaviour.receipts
            wait = max(answer_in, self._slot())
            self._schedule(wait, self._accept, submission, answer, receipts, receipt_in, behaviour.receipt_first)
        return answer

    async def query(self, message_id: str) -> Answer:
        """Exact: what is not in the journal was never taken."""
        refs = self._accepted.get(message_id)
        return Answer(carrier_ref=refs[-1] if refs else None)

    async def stop(self) -> None:
        self._stopped = True
        self._write()
        for answer in list(self._open):
            if not answer.done():
                answer.set_exception(Uncertain("the simulated carrier stopped"))
        for task in list(self._receipts):
            task.cancel()
        await asyncio.gather(*self._receipts, return_exceptions=True)
        self._journal.close()

    # -- accepting

    def _throttle_is_over(self, message_id: str) -> bool:
        now = self._clock.monotonic()
        until = self._throttled.setdefault(message_id, now + THROTTLE_SECONDS)
        if now < until:
            return False
        del self._throttled[message_id]
        return True

    def _slot(self) -> float:
        """Seconds until the rate lets one more message in; 0 without a rate."""
        if not self._settings.rate:
            return 0.0
        now = self._clock.monotonic()
        self._next_slot = max(now, self._next_slot) + 1 / self._settings.rate
        return self._next_slot - now

    def _refuse(self, answer: "asyncio.Future[str]", error: Exception) -> None:
        if not answer.done():
            answer.set_exception(error)

    def _accept(
        self,
        submission: Submission,
        answer: "asyncio.Future[str]",
        receipts: tuple[Owed, ...],
        receipt_in: float,
        receipt_first: bool,
    ) -> None:
        if self._stopped or answer.done():
            return
        now = self._clock.now()
        refs = self._accepted.setdefault(submission.message_id, [])
        ref = f"sim-{submission.message_id}" + (f"-{len(refs) + 1}" if refs else "")
        refs.append(ref)
        acceptance = Acceptance(
            message_id=submission.message_id,
            ref=ref,
            to_number=submission.to_number,
            from_number=submission.from_number,
            segments=submission.segments,
            at=now,
            due=now if receipt_first else now + int(receipt_in * 1e6),
            receipts=receipts,
        )
        self._when_written(acceptance.line(), lambda: self._accepted_on_file(acceptance, answer, receipt_in))

    def _accepted_on_file(self, acceptance: Acceptance, answer: "asyncio.Future[str]", receipt_in: float) -> None:
        receipt_first = acceptance.due == acceptance.at
        if receipt_first and receipt_in > 0:
            self._schedule(receipt_in, self._answer, answer, acceptance.ref)
        else:
            self._answer(answer, acceptance.ref)
        for owed in acceptance.receipts:
            self._schedule(0 if receipt_first else receipt_in, self._send_receipt, acceptance.ref, owed)

    def _answer(self, answer: "asyncio.Future[str]", ref: str) -> None:
        if not answer.done():
            answer.set_result(ref)

    # -- receipts

    def _send_receipt(self, ref: str, owed: Owed) -> None:
        if self._stopped:
            return
        task = asyncio.get_running_loop().create_task(self._hand_over(ref, owed))
        self._receipts.add(task)
        task.add_done_callback(self._receipts.discard)

    async def _hand_over(self, ref: str, owed: Owed) -> None:
        try:
            await self._on_receipt(Receipt(carrier_ref=ref, state=owed.state, error_code=owed.error_code))
        except Exception:
            log.exception("simulator.receipt_not_taken", carrier_ref=ref)
            self._schedule(RECEIPT_RETRY_SECONDS, self._send_receipt, ref, owed)
            return
        self._when_written(f"T {ref}\n", _nothing)

    # -- the journal, written once per turn of the loop

    def _when_written(self, line: str, then: Callable[[], None]) -> None:
        if not self._unwritten:
            asyncio.get_running_loop().call_soon(self._write)
        self._unwritten.append((line, then))

    def _write(self) -> None:
        unwritten, self._unwritten = self._unwritten, []
        if unwritten:
            self._journal.append(line for line, _ in unwritten)
            for _, then in unwritten:
                then()


def _nothing() -> None:
    """A taken receipt has no sequel."""
