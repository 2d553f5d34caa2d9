"""What the carrier owes: receipts at their moments, inbound messages, and the same again after a crash.

The journal says what is owed before it goes out, and what was acknowledged; a new process with the same journal goes on
with the rest. What a fault had in mind for a receipt is not written down: after a restart it is an ordinary one.
"""

import asyncio
from collections import Counter
from pathlib import Path
from typing import Any, cast

from heliograph.torture import journal
from heliograph.torture.deliveries import Deliveries, Delivery, Kind
from heliograph.torture.inbound import Inbound, parts
from heliograph.torture.messages import Submit, Taken
from heliograph.torture.plans import InboundPlan, PartPlan, ReceiptPlan
from heliograph.torture.receipts import receipt
from heliograph.torture.run import Run
from heliograph.wire.smpp.pdu import DataSm, DeliverSm, decode, encode
from heliograph.wire.smpp.receipt import MessageState


class Owed:
    def __init__(self, run: Run) -> None:
        settings = run.settings
        self.open = 0
        """Receipts, also those whose moment is to come, and parts of inbound messages that weren't acknowledged."""
        self._run = run
        self._reference = 0
        self.deliveries = Deliveries(settings.deliver_window, settings.resend_ms / 1000, run.timers, self._note)

    def receipts(self, plans: list[ReceiptPlan], taken: Taken) -> None:
        """Send each receipt when its seconds are over."""
        self.open += len(plans)
        for plan in plans:
            if plan.state.is_final:
                taken.final_state = plan.state
                taken.final_at = self._run.clock.monotonic() + plan.seconds
            self._run.timers.after(plan.seconds, self._receipt, (plan, taken))

    def inbound(self, inbound: Inbound) -> "asyncio.Future[None]":
        """Send a message as a handset would; done when all that was sent of it is acknowledged or refused for good.

        Raises ValueError for parts that it hasn't got.
        """
        key, plans = self._planned(inbound)
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        left = Counter(parts=len(plans))

        def part_done(acknowledged: bool) -> None:
            self._count_inbound(acknowledged)
            left["parts"] -= 1
            if not left["parts"] and not done.done():
                done.set_result(None)

        self.open += len(plans)
        deliveries = [self._inbound_delivery(key, number, plan, part_done) for number, plan in enumerate(plans, 1)]
        for delivery, plan in zip(deliveries, plans, strict=True):
            self._run.note("inbound_owed", {**delivery.fields, "frame": encode(plan.pdu, 0).hex()})
        for delivery in deliveries:
            self.deliveries.add(delivery)
        return done

    def restore(self, path: Path) -> None:
        """Go on with what a journal says is owed. Called before anybody can connect."""
        receipts: Counter[str] = Counter()
        parts_owed: dict[tuple[str, int], dict[str, Any]] = {}
        for line in journal.read(path):
            match line["event"]:
                case "accepted":
                    taken = self._remembered(line)
                    self._run.messages.keep(taken)
                    receipts[taken.id] = line["receipts"]
                case "receipt_ack" if line["status"] == 0:
                    receipts[line["id"]] -= 1
                case "inbound_owed":
                    parts_owed[line["key"], line["sent"]] = line
                case "inbound_ack" if line["status"] == 0:
                    parts_owed.pop((line["key"], line["sent"]), None)
        for message_id, count in receipts.items():
            known = self._run.messages.get(message_id)
            if known is not None and count > 0:
                self.receipts([ReceiptPlan(seconds=0.0, shown_id=known.id) for _ in range(count)], known)
        for line in parts_owed.values():
            self._restore_part(line)

    # -- receipts

    def _receipt(self, due: tuple[ReceiptPlan, Taken]) -> None:
        plan, taken = due
        if plan.state.is_final:
            taken.final_at = min(taken.final_at, self._run.clock.monotonic())
            if taken.final_state is MessageState.DELETED:
                plan.state = MessageState.DELETED
        delivery = Delivery(
            kind=Kind.RECEIPT,
            fields={"id": taken.id, "shown": plan.shown_id, "state": plan.state.name},
            pdu=receipt(plan, taken, self._run.clock.now()),
            done=self._count_receipt,
            ignored=plan.ignored,
            damage=plan.damage,
        )
        self.deliveries.add(delivery)

    def _count_receipt(self, acknowledged: bool) -> None:
        self.open -= 1
        if acknowledged:
            self._run.counts.receipts_acknowledged += 1
        else:
            self._run.counts.receipts_rejected += 1

    # -- inbound messages

    def _planned(self, inbound: Inbound) -> tuple[str, list[PartPlan]]:
        def twin() -> list[PartPlan]:
            return parts(inbound, self._next_reference())

        reference = self._next_reference() if inbound.reference is None else inbound.reference
        plan = InboundPlan(
            settings=self._run.settings, chance=self._run.chance, parts=parts(inbound, reference), twin=twin
        )
        self._run.faults.strike(plan, inbound.destination)
        return f"{self._run.clock.now():x}-{reference}", plan.parts

    def _next_reference(self) -> int:
        self._reference = self._reference % 0xFFFF + 1
        return self._reference

    def _inbound_delivery(self, key: str, number: int, plan: PartPlan, done: Any) -> Delivery:
        fields = {
            "key": key,
            "sent": number,
            "part": plan.part,
            "source": plan.pdu.source_addr,
            "destination": plan.pdu.destination_addr,
        }
        return Delivery(
            kind=Kind.INBOUND, fields=fields, pdu=plan.pdu, done=done, receiver=plan.receiver, damage=plan.damage
        )

    def _count_inbound(self, acknowledged: bool) -> None:
        self.open -= 1
        if acknowledged:
            self._run.counts.inbound_acknowledged += 1
        else:
            self._run.counts.inbound_rejected += 1

    def _restore_part(self, line: dict[str, Any]) -> None:
        _, pdu = decode(bytes.fromhex(line["frame"]))
        plan = PartPlan(cast(DeliverSm | DataSm, pdu), line["part"])
        self.open += 1
        self.deliveries.add(self._inbound_delivery(line["key"], line["sent"], plan, self._count_inbound))

    # -- what both leave behind

    def _note(self, delivery: Delivery, link: int, sequence: int, status: int | None) -> None:
        counts, kind = self._run.counts, delivery.kind
        if status is None:
            if kind is Kind.RECEIPT:
                counts.receipts_sent += 1
            else:
                counts.inbound_sent += 1
            counts.resent += delivery.times > 1
        if self._run.journal is not None:
            event = kind.value if status is None else f"{kind.value}_ack"
            more = {"times": delivery.times} if status is None else {"status": status}
            self._run.note(event, {**delivery.fields, "link": link, "sequence": sequence, **more})

    def _remembered(self, line: dict[str, Any]) -> Taken:
        _, pdu = decode(bytes.fromhex(line["frame"]))
        return Taken(
            id=line["id"],
            at=line["at"],
            link=0,
            sequence=line["sequence"],
            destination=line["destination"],
            pdu=cast(Submit, pdu),
            final_at=self._run.clock.monotonic(),
        )
