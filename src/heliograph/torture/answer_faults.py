"""What can go wrong between a submit and its answer: no answer, a late one, a refusal, a wrong one."""

from typing import Final

from heliograph.torture.plans import Fault, Group, Rows, SubmitPlan, Then
from heliograph.wire.smpp.pdu import Status

LONG_ID: Final = 100
"""Longer than the standard's 64 characters, within what lenient decoders take."""

answers: Final = Rows(Group.ANSWERS, SubmitPlan)

# What a sound gateway makes of a submit that may or may not have been taken.
_UNCERTAIN: Final = "The message is uncertain; it is asked for (query_sm) or left so, never simply sent again."
_LATER: Final = "It is submitted again later, more slowly."
_AGAIN: Final = "It is submitted again, at most a set number of times, then by another route."


@answers("Takes the submit and never answers it.", _UNCERTAIN)
def no_answer(plan: SubmitPlan) -> None:
    plan.answer_seconds = None


@answers("Reads the submit, does not take it and never answers.", _UNCERTAIN)
def lost_submit(plan: SubmitPlan) -> None:
    plan.answer_seconds = None
    plan.taken = False


@answers("Takes the submit at once and answers `late_ms` later.", "The late answer still settles the message.")
def late_answer(plan: SubmitPlan) -> None:
    plan.answer_seconds = plan.settings.late_ms / 1000


@answers("Answers in another order: every odd one waits `short_ms` longer.", "Answers are matched by sequence number.")
def answers_reordered(plan: SubmitPlan) -> None:
    if plan.number % 2 and plan.answer_seconds is not None:
        plan.answer_seconds += plan.settings.short_ms / 1000


@answers("Refuses with RTHROTTLED.", _LATER)
def throttle(plan: SubmitPlan) -> None:
    plan.refuse(Status.RTHROTTLED)


@answers("Refuses with RTHROTTLED for a second, takes all for a second, and so on.", _LATER)
def throttle_burst(plan: SubmitPlan) -> None:
    if int(plan.elapsed) % 2 == 0:
        plan.refuse(Status.RTHROTTLED)


@answers("Refuses with RTHROTTLED while another submit of the connection is unanswered.", "The window shrinks to one.")
def window_of_one(plan: SubmitPlan) -> None:
    if plan.unanswered:
        plan.refuse(Status.RTHROTTLED)


@answers("Refuses with RMSGQFUL.", _LATER)
def queue_full(plan: SubmitPlan) -> None:
    plan.refuse(Status.RMSGQFUL)


@answers("Refuses with RSYSERR.", _AGAIN)
def sysfail(plan: SubmitPlan) -> None:
    plan.refuse(Status.RSYSERR)


@answers("Refuses with RSYSERR in an answer that has a body with a message id.", "The status counts, not the id.")
def error_with_body(plan: SubmitPlan) -> None:
    plan.refuse(Status.RSYSERR)
    plan.error_body = True


@answers("Refuses with generic_nack, RINVCMDID, in the answer's place.", "It is an answer: not taken.")
def generic_nack(plan: SubmitPlan) -> None:
    plan.refuse(Status.RINVCMDID)
    plan.nack = True


@answers("Takes the submit and answers with an empty message id.", "The message is sent; no receipt can be matched.")
def empty_message_id(plan: SubmitPlan) -> None:
    plan.shown_id = ""


@answers("Answers with a message id of 100 characters; the standard has room for 64.", "It is taken as it is.")
def long_message_id(plan: SubmitPlan) -> None:
    plan.shown_id = plan.shown_id.rjust(LONG_ID, "0")
    _show_in_receipts(plan)


@answers(
    "Answers with the message id of the submit before.",
    "Each is sent; a receipt settles the message whose recipient it names.",
)
def message_id_reused(plan: SubmitPlan) -> None:
    plan.shown_id = plan.previous_id or plan.shown_id
    _show_in_receipts(plan)


@answers("Closes the connection in the answer's place; the submit is taken.", _UNCERTAIN)
def cut_before_answer(plan: SubmitPlan) -> None:
    plan.before = Then.CLOSE


@answers("Closes the connection in the answer's place; the submit is not taken.", _UNCERTAIN)
def cut_before_taking(plan: SubmitPlan) -> None:
    plan.before = Then.CLOSE
    plan.taken = False


@answers("Resets the connection (RST) in the answer's place; the submit is taken.", _UNCERTAIN)
def reset_before_answer(plan: SubmitPlan) -> None:
    plan.before = Then.RESET


@answers("Answers, then closes the connection.", "That message is sent; what else was in flight is uncertain.")
def cut_after_answer(plan: SubmitPlan) -> None:
    plan.then = Then.CLOSE


@answers("Takes the submit, then neither reads nor writes, and keeps the connection.", "The link is given up in time.")
def half_open(plan: SubmitPlan) -> None:
    plan.before = Then.FREEZE


def _show_in_receipts(plan: SubmitPlan) -> None:
    for receipt in plan.receipts:
        receipt.shown_id = plan.shown_id


def refusal(status: int, name: str) -> Fault:
    """The fault that refuses with one status, which has this name in the standard, or a number."""

    def change(plan: SubmitPlan) -> None:
        plan.refuse(status)

    return answers.row(f"status-{name}", f"Refuses with {name}.", "As the table of SMPP errors says.", change)


answers.faults += [refusal(status, status.name) for status in Status if status is not Status.ROK]
