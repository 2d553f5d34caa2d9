"""Connections and binds that don't hold, queries that aren't answered."""

from typing import Final

from heliograph.torture.plans import BindPlan, Group, LinkPlan, QueryPlan, Rows, Then
from heliograph.wire.smpp.pdu import Status

connections: Final = Rows(Group.CONNECTIONS, LinkPlan)
binds: Final = Rows(Group.BINDS, BindPlan)
queries: Final = Rows(Group.QUERIES, QueryPlan)

_BACKOFF: Final = "It tries again, with growing pauses; messages wait or take another route."


@connections("Takes the connection and closes it at once.", _BACKOFF)
def accept_then_close(plan: LinkPlan) -> None:
    plan.close_at_once = True


@connections("Takes the connection, reads nothing, answers nothing.", _BACKOFF)
def connect_silent(plan: LinkPlan) -> None:
    plan.silent = True


@connections("Closes the connection `short_ms` after the bind, each time.", "It binds again; nothing is lost.")
def flapping(plan: LinkPlan) -> None:
    plan.close_after_seconds = plan.settings.short_ms / 1000


@connections("Sends unbind `short_ms` after the bind, each time.", "It is answered, and the bind made anew.")
def unbind_anytime(plan: LinkPlan) -> None:
    plan.unbind_after_seconds = plan.settings.short_ms / 1000


@connections("Reads one PDU in `short_ms`.", "Its buffers stay bounded; messages wait.")
def slow_reader(plan: LinkPlan) -> None:
    plan.read_pause_seconds = plan.settings.short_ms / 1000


@connections("Sends every octet in a segment of its own.", "PDUs are put together as ever.")
def one_octet_at_a_time(plan: LinkPlan) -> None:
    plan.chopped = True


@connections("Does not answer enquire_link.", "The link is given up, and what was in flight is uncertain.")
def enquire_link_silent(plan: LinkPlan) -> None:
    plan.ignore_enquire_link = True


@connections("Sends an enquire_link every `short_ms`.", "Each is answered.")
def enquire_link_flood(plan: LinkPlan) -> None:
    plan.enquire_every_seconds = plan.settings.short_ms / 1000


@binds("Refuses the bind with RBINDFAIL.", _BACKOFF)
def bind_refused(plan: BindPlan) -> None:
    plan.status = Status.RBINDFAIL


@binds("Refuses the bind with RINVPASWD.", "It tries again, rarely, and says so.")
def bind_password(plan: BindPlan) -> None:
    plan.status = Status.RINVPASWD


@binds("Refuses the bind with RALYBND, as if the last one still stood.", _BACKOFF)
def bind_already(plan: BindPlan) -> None:
    plan.status = Status.RALYBND


@binds("Refuses the bind with RTHROTTLED.", _BACKOFF)
def bind_throttled(plan: BindPlan) -> None:
    plan.status = Status.RTHROTTLED


@binds("Refuses binds that would receive.", "It sends on; it says that no receipts come.")
def bind_receiver_refused(plan: BindPlan) -> None:
    if plan.receives:
        plan.status = Status.RBINDFAIL


@binds("Never answers the bind.", _BACKOFF)
def bind_no_answer(plan: BindPlan) -> None:
    plan.seconds = None


@binds("Answers the bind `late_ms` later.", "Submits wait for it, or it is given up and tried again.")
def bind_late(plan: BindPlan) -> None:
    plan.seconds = plan.settings.late_ms / 1000


@binds("Closes the connection in place of the bind's answer.", _BACKOFF)
def bind_cut(plan: BindPlan) -> None:
    plan.seconds = None
    plan.then = Then.CLOSE


@binds("Accepts the bind and closes the connection at once.", _BACKOFF)
def bind_then_close(plan: BindPlan) -> None:
    plan.then = Then.CLOSE


@queries("Answers query_sm with RQUERYFAIL.", "What was uncertain stays so.")
def query_fails(plan: QueryPlan) -> None:
    plan.status = Status.RQUERYFAIL


@queries("Answers query_sm with RINVMSGID.", "As the carrier's setting says: uncertain, or never taken.")
def query_unknown(plan: QueryPlan) -> None:
    plan.status = Status.RINVMSGID


@queries("Never answers query_sm.", "What was uncertain stays so.")
def query_no_answer(plan: QueryPlan) -> None:
    plan.silent = True
