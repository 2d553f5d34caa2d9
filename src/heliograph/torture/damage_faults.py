"""PDUs whose end is damaged: octets that are not a whole TLV, a missing NUL, a body where none belongs."""

from typing import Final

from heliograph.torture.plans import BindPlan, Distort, Group, InboundPlan, LinkPlan, Rows, SubmitPlan
from heliograph.wire.smpp.pdu import HEADER_OCTETS

answers: Final = Rows(Group.OCTETS, SubmitPlan)
connections: Final = Rows(Group.CONNECTIONS, LinkPlan)
binds: Final = Rows(Group.BINDS, BindPlan)
receipts: Final = Rows(Group.RECEIPTS, SubmitPlan)
inbound: Final = Rows(Group.INBOUND, InboundPlan)

CUT_TLV: Final = bytes.fromhex("140100ff41")
"""A TLV that claims 255 octets and has one."""
UNREADABLE_OCTETS: Final = 300
"""More than a string that decoders take has, and no NUL."""


def sized(frame: bytes) -> bytes:
    """The frame with the length that it has."""
    return len(frame).to_bytes(4, "big") + frame[4:]


def _adding(octets: bytes) -> Distort:
    return lambda frame: sized(frame + octets)


@answers("Adds a TLV that is cut short to the answer.", "The answer is read without it.")
def answer_cut_tlv(plan: SubmitPlan) -> None:
    plan.wire.append(_adding(CUT_TLV))


@answers("Answers ROK with a body in which no message id can be read.", "The message is sent; no receipt is matched.")
def answer_unreadable(plan: SubmitPlan) -> None:
    plan.wire.append(lambda frame: sized(frame[:HEADER_OCTETS] + b"\xff" * UNREADABLE_OCTETS))


@connections("Sends an enquire_link with a body every `short_ms`.", "Each is answered with ROK.")
def enquire_link_with_body(plan: LinkPlan) -> None:
    plan.enquire_every_seconds = plan.settings.short_ms / 1000
    plan.enquire_damage = _adding(b"\0x")


@binds("Adds an octet to the bind's answer.", "It is bound.")
def bind_trailing_octet(plan: BindPlan) -> None:
    plan.damage = _adding(b"\0")


@binds("Answers the bind without the NUL of system_id, and nothing behind it.", "It is bound.")
def bind_truncated(plan: BindPlan) -> None:
    plan.damage = lambda frame: sized(frame[: max(HEADER_OCTETS, frame.find(b"\0", HEADER_OCTETS))])


@receipts("Adds a NUL behind the receipt.", "It is read and acknowledged.")
def receipt_trailing_octet(plan: SubmitPlan) -> None:
    for receipt in plan.receipts:
        receipt.damage = _adding(b"\0")


@receipts("Adds a TLV that is cut short to the receipt.", "It is read and acknowledged.")
def receipt_cut_tlv(plan: SubmitPlan) -> None:
    for receipt in plan.receipts:
        receipt.damage = _adding(CUT_TLV)


@inbound("Adds a NUL behind the message.", "It is received without it.")
def mo_trailing_octet(plan: InboundPlan) -> None:
    for part in plan.parts:
        part.damage = _adding(b"\0")


@inbound("Adds a TLV that is cut short to the message.", "It is received without it.")
def mo_cut_tlv(plan: InboundPlan) -> None:
    for part in plan.parts:
        part.damage = _adding(CUT_TLV)
