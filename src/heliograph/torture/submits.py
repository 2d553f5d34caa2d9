"""A submit's way: within the limits? taken, refused or lost, as the faults want it; answered; its receipts owed."""

from collections import deque
from typing import Final

from msgspec import Struct, structs

from heliograph.torture.connection import Connection
from heliograph.torture.counts import SECOND
from heliograph.torture.inbound import Inbound
from heliograph.torture.messages import Submit, Taken, part_of, reference_of, text_of, user_data
from heliograph.torture.owed import Owed
from heliograph.torture.plans import ReceiptPlan, SubmitPlan, Then
from heliograph.torture.run import Run
from heliograph.wire.smpp.pdu import (
    HEADER_OCTETS,
    Address,
    DataSm,
    DataSmResp,
    GenericNack,
    Status,
    SubmitMulti,
    SubmitMultiResp,
    SubmitSm,
    SubmitSmResp,
    UnsuccessSme,
    encode,
)
from heliograph.wire.smpp.receipt import MessageState

Response = SubmitSmResp | SubmitMultiResp | DataSmResp

_RECEIPT_ASKED: Final = 0x03
_ON_FAILURE_ONLY: Final = 0x02
"""registered_delivery (SMPP 3.4, 5.2.17)."""


class Read(Struct, frozen=True):
    """A submit that was read, for one of its destinations."""

    link: Connection
    sequence: int
    pdu: Submit
    destination: str


class Submits:
    def __init__(self, run: Run, owed: Owed) -> None:
        self._run = run
        self._owed = owed
        self._answer_seconds = run.settings.answer_ms / 1000
        self._receipt_seconds = run.settings.receipt_ms / 1000
        self._by_plan = run.faults.any_for(SubmitPlan)
        self._previous_id = ""
        self._lately: deque[float] = deque()
        self.on_taken: list[deque[Taken]] = []
        """Where the messages that were taken are put as well."""

    def submit(self, link: Connection, sequence: int, pdu: Submit) -> None:
        """A submit_sm, submit_multi or data_sm that was read."""
        run = self._run
        run.counts.submits += 1
        now = run.clock.monotonic()
        run.arrivals.note(pdu.source_addr, now)
        status = self._limit(link, now)
        if isinstance(pdu, SubmitMulti):
            self._submit_multi(link, sequence, pdu, status)
            return
        read = Read(link, sequence, pdu, pdu.destination_addr)
        if status:
            self._refuse(read, status)
        elif self._by_plan:
            plan = self._plan(read, next(run.ids))
            self._carry_out(link, plan, _response(pdu, plan.shown_id))
        else:
            taken = self._take(read, next(run.ids))
            receipts = _wanted(pdu, self._receipts(pdu, taken.id))
            self._journal(taken, len(receipts), [])
            self._owed.receipts(receipts, taken)
            self._answer(link, self._answer_seconds, encode(_response(pdu, taken.id), sequence), Then.GO_ON)

    # -- limits

    def _limit(self, link: Connection, now: float) -> int:
        """The status that refuses, or ROK."""
        settings = self._run.settings
        if not link.may_submit:
            return Status.RINVBNDSTS
        if settings.window and link.unanswered >= settings.window:
            return Status.RTHROTTLED
        if settings.rate:
            while self._lately and self._lately[0] <= now - SECOND:
                self._lately.popleft()
            if len(self._lately) >= settings.rate:
                return Status.RTHROTTLED
            self._lately.append(now)
        return Status.ROK

    def _refuse(self, read: Read, status: int) -> None:
        self._note_refusal(read, status, [])
        read.link.unanswered += 1
        self._answer(read.link, 0.0, encode(_response(read.pdu, ""), read.sequence, status), Then.GO_ON)

    # -- taking

    def _take(self, read: Read, message_id: str) -> Taken:
        run = self._run
        run.counts.accepted += 1
        taken = Taken(
            id=message_id,
            at=run.clock.now(),
            link=read.link.number,
            sequence=read.sequence,
            destination=read.destination,
            pdu=read.pdu,
            final_at=run.clock.monotonic() + self._receipt_seconds,
        )
        run.messages.keep(taken)
        for queue in self.on_taken:
            queue.append(taken)
        if run.settings.echo:
            run.timers.after(self._receipt_seconds, self._echo, taken)
        read.link.unanswered += 1
        return taken

    def _echo(self, taken: Taken) -> None:
        self._owed.inbound(Inbound(source=taken.destination, destination=taken.source, text=taken.text))

    def _receipts(self, pdu: Submit, message_id: str) -> list[ReceiptPlan]:
        """What it asks for, before faults change it."""
        asked = pdu.registered_delivery & _RECEIPT_ASKED
        return [ReceiptPlan(seconds=self._receipt_seconds, shown_id=message_id)] if asked else []

    def _journal(self, taken: Taken, receipts: int, faults: list[str]) -> None:
        if self._run.journal is None:
            return
        pdu = taken.pdu
        fields = {
            "id": taken.id,
            "link": taken.link,
            "sequence": taken.sequence,
            "command": pdu.command.name.lower(),
            "source": pdu.source_addr,
            "destination": taken.destination,
            "reference": reference_of(pdu),
            "part": part_of(pdu),
            "text": text_of(pdu),
            "data": user_data(pdu).hex(),
            "data_coding": pdu.data_coding,
            "receipts": receipts,
            "faults": faults,
            "frame": encode(pdu, taken.sequence).hex(),
        }
        self._run.note("accepted", fields)

    # -- by plan

    def _plan(self, read: Read, message_id: str) -> SubmitPlan:
        """What becomes of it for one destination; it is taken or refused here, and its receipts are owed."""
        run = self._run
        plan = SubmitPlan(
            settings=run.settings,
            chance=run.chance,
            number=run.counts.submits,
            elapsed=run.clock.monotonic() - run.started,
            unanswered=read.link.unanswered,
            sequence=read.sequence,
            message_id=message_id,
            previous_id=self._previous_id,
            part=part_of(read.pdu),
            answer_seconds=self._answer_seconds,
            receipts=self._receipts(read.pdu, message_id),
            shown_id=message_id,
        )
        struck = run.faults.strike(plan, read.destination)
        if not plan.taken:
            read.link.unanswered += 1
            self._note_refusal(read, plan.status, struck)
            return plan
        self._previous_id = message_id
        taken = self._take(read, message_id)
        receipts = _wanted(read.pdu, plan.receipts)
        self._journal(taken, len(receipts), struck)
        self._owed.receipts(receipts, taken)
        return plan

    def _submit_multi(self, link: Connection, sequence: int, pdu: SubmitMulti, status: int) -> None:
        """One id for all destinations (SMPP 3.4, 4.5.2); the answer goes as the first plan that takes it wants."""
        numbers = [one for one in pdu.dest_address if isinstance(one, Address)]
        if status or not numbers:
            self._refuse(Read(link, sequence, pdu, ""), status or Status.RINVNUMDESTS)
            return
        message_id = next(self._run.ids)
        plans = [(one, self._plan(Read(link, sequence, pdu, one.destination_addr), message_id)) for one in numbers]
        link.unanswered -= len(plans) - 1  # one answer for all
        failed = tuple(UnsuccessSme(*one, plan.status) for one, plan in plans if plan.status)
        leading = next((plan for _, plan in plans if not plan.status), plans[0][1])
        self._carry_out(link, leading, SubmitMultiResp(message_id=leading.shown_id, unsuccess_sme=failed))

    def _note_refusal(self, read: Read, status: int, faults: list[str]) -> None:
        run = self._run
        if status:
            run.counts.refused += 1
            run.counts.statuses[_status_name(status)] += 1
        if run.journal is not None:
            fields: dict[str, object] = {
                "link": read.link.number,
                "sequence": read.sequence,
                "source": read.pdu.source_addr,
                "destination": read.destination,
                "status": status,
                "text": text_of(read.pdu),
                "faults": faults,
            }
            run.note("refused" if status else "lost", fields)

    # -- answering

    def _carry_out(self, link: Connection, plan: SubmitPlan, response: Response) -> None:
        if plan.before is not Then.GO_ON:
            link.finish(plan.before)
        elif plan.answer_seconds is not None:
            frame = _frame(plan, response)
            for distort in plan.wire:
                frame = distort(frame)
            self._answer(link, plan.answer_seconds, frame, plan.then)

    def _answer(self, link: Connection, seconds: float, octets: bytes, then: Then) -> None:
        if seconds:
            self._run.timers.after(seconds, self._write, (link, octets, then))
        else:
            self._write((link, octets, then))

    def _write(self, answer: tuple[Connection, bytes, Then]) -> None:
        link, octets, then = answer
        link.unanswered -= 1
        if not link.finished:
            self._run.counts.answered += 1
            link.send(octets)
            link.finish(then)


def _wanted(pdu: Submit, receipts: list[ReceiptPlan]) -> list[ReceiptPlan]:
    """Less those of success, where only failure was to be told."""
    if pdu.registered_delivery & _RECEIPT_ASKED != _ON_FAILURE_ONLY:
        return receipts
    return [one for one in receipts if one.state.is_final and one.state is not MessageState.DELIVERED]


def _response(pdu: Submit, message_id: str) -> Response:
    if isinstance(pdu, SubmitSm):
        return SubmitSmResp(message_id=message_id)
    return DataSmResp(message_id=message_id) if isinstance(pdu, DataSm) else SubmitMultiResp(message_id=message_id)


def _frame(plan: SubmitPlan, response: Response) -> bytes:
    if plan.nack:
        return encode(GenericNack(), plan.sequence, plan.status)
    if plan.status and not plan.error_body:
        return encode(structs.replace(response, message_id=""), plan.sequence, plan.status)
    # By hand where the codec refuses: a body beside an error, an id that is too long.
    body = plan.shown_id.encode("latin-1") + b"\0"
    if isinstance(response, SubmitMultiResp):
        return encode(response, plan.sequence, plan.status)
    head = (HEADER_OCTETS + len(body), response.command, plan.status, plan.sequence)
    return b"".join(number.to_bytes(4, "big") for number in head) + body


def _status_name(status: int) -> str:
    try:
        return Status(status).name
    except ValueError:
        return f"{status:#010x}"
