"""Everything that a peer sends but submits: binds, unbind, enquire_link, queries, and its responses to us."""

import hmac
from typing import Any, Final

from msgspec import structs

from heliograph.torture.connection import Connection
from heliograph.torture.messages import Taken
from heliograph.torture.owed import Owed
from heliograph.torture.plans import BindPlan, QueryPlan, Then
from heliograph.torture.run import Run
from heliograph.wire.smpp.pdu import (
    Bind,
    BindReceiver,
    BindReceiverResp,
    BindResp,
    BindTransceiver,
    BindTransceiverResp,
    BindTransmitter,
    BindTransmitterResp,
    CancelSm,
    CancelSmResp,
    EnquireLink,
    EnquireLinkResp,
    QuerySm,
    QuerySmResp,
    ReplaceSm,
    ReplaceSmResp,
    Status,
    SubmitSm,
    Tag,
    Unbind,
    UnbindResp,
)
from heliograph.wire.smpp.receipt import MessageState

INTERFACE_VERSION: Final = b"\x34"
"""sc_interface_version (SMPP 3.4, 5.3.2.25)."""

_RESPONSES: Final[dict[type[Bind], type[BindResp]]] = {
    BindReceiver: BindReceiverResp,
    BindTransmitter: BindTransmitterResp,
    BindTransceiver: BindTransceiverResp,
}


class Requests:
    def __init__(self, run: Run, owed: Owed) -> None:
        self._run = run
        self._owed = owed
        self._bound: set[Connection] = set()

    @property
    def bound(self) -> int:
        """Connections that are bound."""
        return len(self._bound)

    def lost(self, link: Connection) -> None:
        """The connection has ended, or is bound no more."""
        link.bound = None
        self._bound.discard(link)
        self._owed.deliveries.left(link)

    # -- binds

    def bind(self, link: Connection, sequence: int, pdu: Bind) -> None:
        plan = BindPlan(settings=self._run.settings, receives=not isinstance(pdu, BindTransmitter))
        plan.status = self._judged(link, pdu)
        if plan.status == Status.ROK:
            self._run.faults.strike(plan)
        link.binding = True
        if plan.seconds:
            self._run.timers.after(plan.seconds, self._bind_answer, (link, sequence, pdu, plan))
        elif plan.seconds is not None:
            self._bind_answer((link, sequence, pdu, plan))
        else:
            link.finish(plan.then)

    def _judged(self, link: Connection, pdu: Bind) -> int:
        settings = self._run.settings
        if link.bound or link.binding:
            return Status.RALYBND
        if settings.system_id is not None and pdu.system_id != settings.system_id:
            return Status.RINVSYSID
        if settings.password is not None and not hmac.compare_digest(
            pdu.password.encode("latin-1"), settings.password.encode("latin-1", "replace")
        ):
            return Status.RINVPASWD
        if settings.binds_max and len(self._bound) >= settings.binds_max:
            return Status.RBINDFAIL
        return Status.ROK

    def _bind_answer(self, answer: tuple[Connection, int, Bind, BindPlan]) -> None:
        link, sequence, pdu, plan = answer
        if link.finished:
            return
        link.binding = False
        tlvs: dict[int, bytes] = {Tag.SC_INTERFACE_VERSION: INTERFACE_VERSION}
        response = _RESPONSES[type(pdu)](system_id=self._run.settings.system_name, tlvs=tlvs)
        link.respond(response, sequence, plan.status, plan.damage)
        if plan.status:
            link.finish(plan.then)
            return
        self._run.counts.binds += 1
        link.bound = pdu.command
        self._bound.add(link)
        if link.may_receive and plan.then is Then.GO_ON:
            self._owed.deliveries.joined(link)
        self._begin_trouble(link)
        link.finish(plan.then)

    def _begin_trouble(self, link: Connection) -> None:
        """What the connection's plan holds for a time after the bind."""
        timers, plan = self._run.timers, link.plan
        if plan.close_after_seconds is not None:
            timers.after(plan.close_after_seconds, link.finish, Then.CLOSE)
        if plan.unbind_after_seconds is not None:
            timers.after(plan.unbind_after_seconds, self.unbind_peer, link)
        if plan.enquire_every_seconds is not None:
            timers.after(plan.enquire_every_seconds, self._enquire, link)

    def _enquire(self, link: Connection) -> None:
        if link.plan.enquire_every_seconds is not None and not link.finished:
            link.request(EnquireLink(), link.plan.enquire_damage)
            self._run.timers.after(link.plan.enquire_every_seconds, self._enquire, link)

    def unbind_peer(self, link: Connection) -> None:
        """Ask it to unbind; it is closed with the answer."""
        if not link.finished:
            self.lost(link)
            link.request(Unbind())

    def unbind(self, link: Connection, sequence: int) -> None:
        self.lost(link)
        link.respond(UnbindResp(), sequence)
        link.finish(Then.CLOSE)

    def enquire_link(self, link: Connection, sequence: int) -> None:
        self._run.counts.enquire_links += 1
        if not link.plan.ignore_enquire_link:
            link.respond(EnquireLinkResp(), sequence)

    # -- about messages

    def query(self, link: Connection, sequence: int, pdu: QuerySm, tlvs: dict[int, bytes]) -> None:
        """See the extension in carrier.py."""
        self._run.counts.queries += 1
        plan = QueryPlan()
        self._run.faults.strike(plan)
        if plan.silent:
            return
        taken = self._asked_for(pdu, tlvs)
        if plan.status or taken is None:
            unknown = Status.RQUERYFAIL if pdu.message_id else Status.RINVMSGID
            link.respond(QuerySmResp(message_id=pdu.message_id), sequence, plan.status or unknown)
            return
        state = self._state(taken)
        link.respond(QuerySmResp(message_id=taken.id, message_state=state), sequence)

    def _asked_for(self, pdu: QuerySm, tlvs: dict[int, bytes]) -> Taken | None:
        messages = self._run.messages
        if pdu.message_id:
            return messages.get(pdu.message_id)
        reference = tlvs.get(Tag.USER_MESSAGE_REFERENCE)
        return None if reference is None else messages.by_reference(pdu.source_addr, int.from_bytes(reference, "big"))

    def _state(self, taken: Taken) -> MessageState:
        if taken.final_state is MessageState.DELETED or self._run.clock.monotonic() >= taken.final_at:
            return taken.final_state
        return MessageState.ENROUTE

    def cancel(self, link: Connection, sequence: int, pdu: CancelSm) -> None:
        """By id, or without one all of this source and destination that aren't final yet (SMPP 3.4, 4.9)."""
        if pdu.message_id:
            one = self._run.messages.get(pdu.message_id)
            found = [] if one is None else [one]
        else:
            addresses = pdu.source_addr, pdu.destination_addr
            found = [taken for taken in self._run.messages if (taken.source, taken.destination) == addresses]
        pending = [taken for taken in found if self._state(taken) is MessageState.ENROUTE]
        for taken in pending:
            taken.final_state = MessageState.DELETED
        link.respond(CancelSmResp(), sequence, Status.ROK if pending else Status.RCANCELFAIL)

    def replace(self, link: Connection, sequence: int, pdu: ReplaceSm) -> None:
        taken = self._run.messages.get(pdu.message_id)
        if taken is None or self._state(taken) is not MessageState.ENROUTE or not isinstance(taken.pdu, SubmitSm):
            link.respond(ReplaceSmResp(), sequence, Status.RREPLACEFAIL)
            return
        taken.pdu = structs.replace(taken.pdu, short_message=pdu.short_message)
        self._run.note("replaced", {"id": taken.id, "text": taken.text})
        link.respond(ReplaceSmResp(), sequence)


def query_parts(frame: bytes) -> tuple[bytes, dict[int, bytes]]:
    """A query_sm without what follows its fields, and that as TLVs: the standard gives it none (4.8.1)."""
    end = frame.find(0, frame.find(0, 16) + 3) + 1
    if end in (0, len(frame)):
        return frame, {}
    tlvs: dict[int, Any] = {}
    at = end
    while at + 4 <= len(frame):
        size = int.from_bytes(frame[at + 2 : at + 4], "big")
        tlvs[int.from_bytes(frame[at : at + 2], "big")] = frame[at + 4 : at + 4 + size]
        at += 4 + size
    return end.to_bytes(4, "big") + frame[4:end], tlvs
