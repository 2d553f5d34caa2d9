"""Inbound messages whose parts come twice, mixed up, or not at all."""

from dataclasses import replace
from itertools import chain, zip_longest
from typing import Final

import msgspec

from heliograph.torture.plans import Group, InboundPlan, Rows
from heliograph.wire.smpp.pdu import DeliverSm

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


@inbound("Gives the message a reserved data_coding (0x0B).", "It is acknowledged; its octets are kept or refused.")
def mo_unknown_coding(plan: InboundPlan) -> None:
    for part in plan.parts:
        part.pdu = msgspec.structs.replace(part.pdu, data_coding=0x0B)
