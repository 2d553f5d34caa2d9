"""A message on its way to a carrier: which parts are to go, which went, and what it comes to."""

import asyncio
from collections.abc import Mapping, Sequence

from heliograph.carriers.smpp import statuses
from heliograph.carriers.smpp.bind import Bind
from heliograph.carriers.smpp.statuses import Verdict
from heliograph.core.errors import Permanent, Temporary, Uncertain
from heliograph.ports import Submission, Submitted
from heliograph.wire.smpp.pdu import SubmitSm


class Job:
    """Parts are named by their place in `pdus`; their numbers are `numbers`."""

    __slots__ = (
        "answer",
        "bind",
        "lost",
        "next",
        "numbers",
        "pdus",
        "refs",
        "refusal",
        "sender",
        "stuck",
        "submission",
        "trip",
        "unfit",
        "waiting",
    )

    def __init__(
        self, submission: Submission, answer: "asyncio.Future[Submitted]", numbers: Sequence[int], pdus: list[SubmitSm]
    ) -> None:
        """numbers: which of the parts `pdus` are."""
        self.submission = submission
        self.answer = answer
        self.numbers = numbers
        self.pdus = pdus
        self.next = 0
        self.waiting = 0
        self.refs: dict[int, str] = {}
        self.bind: Bind | None = None
        self.sender: str | None = None
        self.trip = 0.0
        self.lost: str | None = None
        self.refusal: tuple[int, Verdict] | None = None
        self.unfit: str | None = None
        """Why SMPP has no room for it."""
        self.stuck: str | None = None
        """Why the rest was not sent."""

    @property
    def over(self) -> bool:
        """Nothing more of it is to be sent."""
        return (
            self.next == len(self.pdus)
            or self.lost is not None
            or self.refusal is not None
            or self.stuck is not None
            or self.unfit is not None
            or self.answer.done()
        )

    def expire(self, now: int) -> None:
        """Where its validity is over, the rest is not sent."""
        if 0 < self.submission.expires_at <= now and not self.over:
            self.stuck = "the validity ended before it was sent"
            self.end()

    def end(self) -> None:
        """Tell what it came to, if no answer is awaited any more and nobody was told yet."""
        if self.waiting or self.answer.done():
            return
        outcome = _outcome(self)
        if isinstance(outcome, Submitted):
            self.answer.set_result(outcome)
        else:
            self.answer.set_exception(outcome)


def _outcome(job: Job) -> Submitted | Exception:
    done: Mapping[int, str] = job.submission.parts_done
    accepted = {**done, **job.refs} if done else job.refs
    if job.lost is not None:
        return Uncertain(job.lost, accepted=accepted)
    if job.refusal is not None:
        return statuses.failure(*job.refusal, accepted)
    if job.unfit is not None:
        return Permanent(statuses.UNEXPLAINED, job.unfit, accepted=accepted)
    if job.stuck is not None or job.next < len(job.pdus):
        return Temporary(statuses.UNREACHABLE, job.stuck or "not sent", accepted=accepted)
    where = f"bind {job.bind.address}, {job.trip * 1e3:.0f} ms" if job.bind is not None else None
    return Submitted(refs=tuple([accepted[part] for part in sorted(accepted)]), note=where)
