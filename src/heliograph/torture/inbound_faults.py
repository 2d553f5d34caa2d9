"""Inbound messages whose parts come twice, mixed up, or not at all."""

from dataclasses import replace
from itertools import chain, zip_longest
from typing import Final

import msgspec

from heliograph.core.languages import LANGUAGES
from heliograph.torture.plans import Group, InboundPlan, Rows
from heliograph.wire.smpp import text
from heliograph.wire.smpp.national import Shift, header_elements
from heliograph.wire.smpp.pdu import DeliverSm

CHANGED: Final = b"!"
"""The last octet of another last part."""
NATIONAL: Final = 2
"""Type of number (SMPP 3.4, 5.2.5)."""

inbound: Final = Rows(Group.INBOUND, InboundPlan)


@inbound("Sends every PDU of the message twice.", "The parts of a long one count once; see also the gateway's setting.")
def mo_duplicate(plan: InboundPlan) -> None:
    plan.parts[:] = [replace(part) for part in plan.parts for _ in range(2)]


@inbound("Leaves the last part out.", "What came is delivered after a set time, marked as incomplete.")
def mo_part_missing(plan: InboundPlan) -> None:
    if len(plan.parts) > 1:
        plan.parts.pop()


@inbound("Sends the parts in reverse.", "One message comes out, in order.")
def mo_parts_reordered(plan: InboundPlan) -> None:
    plan.parts.reverse()


@inbound("Sends the parts over the bound receivers in turn.", "One message comes out.")
def mo_parts_spread(plan: InboundPlan) -> None:
    for number, part in enumerate(plan.parts):
        part.receiver = number


@inbound("Mixes the parts with those of another message of the same sender.", "Two messages come out.")
def mo_interleaved(plan: InboundPlan) -> None:
    mixed = chain.from_iterable(zip_longest(plan.parts, plan.twin()))
    plan.parts[:] = [part for part in mixed if part is not None]


@inbound("Claims a user data header longer than the message.", "It is acknowledged; nothing crashes.")
def mo_bad_udh(plan: InboundPlan) -> None:
    for part in plan.parts:
        if isinstance(part.pdu, DeliverSm):
            part.pdu = msgspec.structs.replace(
                part.pdu, esm_class=part.pdu.esm_class | 0x40, short_message=b"\xfa" + part.pdu.short_message[1:]
            )


@inbound("Sends the message again under its reference, with another last part.", "Two messages, each of them whole.")
def mo_reference_reused(plan: InboundPlan) -> None:
    if len(plan.parts) > 1:
        again = [replace(part) for part in plan.parts]
        last = again[-1]
        if isinstance(last.pdu, DeliverSm):
            octets = last.pdu.short_message[:-1] + CHANGED
            last.pdu = msgspec.structs.replace(last.pdu, short_message=octets)
        plan.parts += again


@inbound("Writes each `a` as `á`, in Spanish's single shift table.", "The text has its accents.")
def mo_single_shift(plan: InboundPlan) -> None:
    for part in plan.parts:
        if isinstance(part.pdu, DeliverSm):
            user_data = text.split(part.pdu.short_message) if part.pdu.esm_class & text.UDHI else None
            payload = part.pdu.short_message if user_data is None else user_data.payload
            elements = b"" if user_data is None else part.pdu.short_message[1 : user_data.header_octets]
            elements += header_elements(Shift(single=LANGUAGES["spanish"]))
            octets = bytes((len(elements),)) + elements + payload.replace(b"a", b"\x1ba")
            part.pdu = msgspec.structs.replace(part.pdu, esm_class=part.pdu.esm_class | text.UDHI, short_message=octets)


@inbound("Writes numbers of the United States as national ones (TON 2).", "They are E.164 by the carrier's country.")
def mo_national_numbers(plan: InboundPlan) -> None:
    for part in plan.parts:
        pdu = part.pdu
        part.pdu = msgspec.structs.replace(
            pdu,
            source_addr_ton=NATIONAL,
            source_addr=pdu.source_addr.removeprefix("1"),
            dest_addr_ton=NATIONAL,
            destination_addr=pdu.destination_addr.removeprefix("1"),
        )


@inbound("Gives the message a reserved data_coding (0x0B).", "It is acknowledged; its octets are kept or refused.")
def mo_unknown_coding(plan: InboundPlan) -> None:
    for part in plan.parts:
        part.pdu = msgspec.structs.replace(part.pdu, data_coding=0x0B)
