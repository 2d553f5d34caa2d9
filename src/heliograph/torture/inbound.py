"""Messages from a handset: how one is asked for, and its PDUs."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from heliograph.core.segments import segment
from heliograph.torture.plans import PartPlan
from heliograph.wire.smpp import text
from heliograph.wire.smpp.pdu import DataSm, DeliverSm, Tag
from heliograph.wire.smpp.text import LongMode, Outgoing


@dataclass(frozen=True, slots=True, kw_only=True)
class Inbound:
    """One message to the gateway.

    order: the parts to send, from 1, in this order; a number may be missing or come twice. Empty: all, in theirs.
    receivers: which of the bound receivers gets each of those, from 0, counted round; empty: any.
    reference: of the parts; None: the next one. data_sm: as that in deliver_sm's place.
    """

    source: str
    destination: str
    text: str
    long: LongMode = LongMode.UDH8
    order: Sequence[int] = ()
    receivers: Sequence[int] = ()
    reference: int | None = None
    data_sm: bool = False


def parts(inbound: Inbound, reference: int) -> list[PartPlan]:
    """The message's PDUs as they are to be sent. Raises ValueError for a part that it hasn't got."""
    outgoing = text.parts(segment(inbound.text), reference=reference, mode=inbound.long)
    every = [_deliver(inbound, part) for part in outgoing]
    order = inbound.order or range(1, len(every) + 1)
    if not all(1 <= number <= len(every) for number in order):
        raise ValueError(f"the message has parts 1 to {len(every)}, and {list(order)} were asked for")
    chosen = [PartPlan(every[number - 1], number) for number in order]
    for place, part in enumerate(chosen):
        if inbound.receivers:
            part.receiver = inbound.receivers[place % len(inbound.receivers)]
    return chosen


def _deliver(inbound: Inbound, part: Outgoing) -> DeliverSm | DataSm:
    fields: dict[str, Any] = {
        "source_addr": inbound.source.removeprefix("+"),
        "source_addr_ton": 1 if inbound.source.startswith("+") else 0,
        "source_addr_npi": 1,
        "destination_addr": inbound.destination.removeprefix("+"),
        "dest_addr_ton": 1 if inbound.destination.startswith("+") else 0,
        "dest_addr_npi": 1,
        "esm_class": part.esm_class,
        "data_coding": part.data_coding,
    }
    if not inbound.data_sm:
        return DeliverSm(**fields, short_message=part.short_message, tlvs=part.tlvs)
    payload: dict[int, bytes] = {Tag.MESSAGE_PAYLOAD: part.short_message, **part.tlvs}
    return DataSm(**fields, tlvs=payload)
