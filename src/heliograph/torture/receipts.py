"""A receipt as its plan wants it: deliver_sm or data_sm, text and TLVs (SMPP 3.4, 2.11, 5.2.12, appendix B)."""

from typing import Any, Final

from heliograph.torture.messages import Taken
from heliograph.torture.plans import ReceiptPlan
from heliograph.wire.smpp.pdu import DataSm, DeliverSm, Tag
from heliograph.wire.smpp.receipt import TEXT_CHARACTERS, MessageState, Receipt, compose_tlvs, date

_STATES: Final = {state: Receipt(message_id="", state=state).detail.removeprefix("stat:") for state in MessageState}
"""The word for each state in a receipt's text."""
_GSM_NETWORK: Final = 3
"""network_error_code: its first octet (5.3.2.31)."""


def receipt(plan: ReceiptPlan, taken: Taken, now: int) -> DeliverSm | DataSm:
    """`now`: microseconds since 1970 UTC, the moment of delivery that it tells."""
    pdu = taken.pdu
    source = taken.destination, getattr(pdu, "dest_addr_ton", 0), getattr(pdu, "dest_addr_npi", 0)
    destination = pdu.source_addr, pdu.source_addr_ton, pdu.source_addr_npi
    if not plan.turned:
        source, destination = destination, source
    if not plan.addressed:
        source = destination = "", 0, 0
    text = _text(plan, taken, now) if plan.with_text else b""
    tlvs = _tlvs(plan) if plan.with_tlvs else {}
    fields: dict[str, Any] = {
        "source_addr": source[0],
        "source_addr_ton": source[1],
        "source_addr_npi": source[2],
        "destination_addr": destination[0],
        "dest_addr_ton": destination[1],
        "dest_addr_npi": destination[2],
        "esm_class": plan.esm_class,
        "data_coding": plan.data_coding,
    }
    if plan.as_data_sm:
        return DataSm(**fields, tlvs={**tlvs, Tag.MESSAGE_PAYLOAD: text} if text else tlvs)
    return DeliverSm(**fields, short_message=text, tlvs=tlvs)


def _text(plan: ReceiptPlan, taken: Taken, now: int) -> bytes:
    if plan.raw_text is not None:
        return plan.raw_text
    delivered = "001" if plan.state is MessageState.DELIVERED else "000"
    fields = {
        "id": plan.shown_id,
        "sub": "001",
        "dlvrd": delivered,
        "submit date": date(taken.at),
        "done date": date(now),
        "stat": _STATES[plan.state],
        "err": plan.error,
        "text": taken.text[:TEXT_CHARACTERS],
    }
    return plan.shape(fields).encode(plan.encoding, "replace")[:254]


def _tlvs(plan: ReceiptPlan) -> dict[int, bytes]:
    tlvs = compose_tlvs(Receipt(message_id=plan.tlv_id or plan.shown_id, state=plan.state))
    if plan.error != "000":
        tlvs[Tag.NETWORK_ERROR_CODE] = bytes((_GSM_NETWORK,)) + int(plan.error).to_bytes(2, "big")
    return tlvs
