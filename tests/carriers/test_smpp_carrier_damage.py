"""A carrier whose PDUs have damaged ends: it is bound, its answers hold, and what it brings is received."""

from collections.abc import AsyncIterator, Callable

import pytest
from smpp_ground import Connection, Ground, ground, message, receipt

from heliograph.core.errors import Temporary
from heliograph.core.lifecycle import State
from heliograph.wire.smpp import pdu as smpp
from heliograph.wire.smpp.pdu import Status, Tag

Damage = Callable[[bytes], bytes]

TAILS: dict[str, Damage] = {
    "one NUL": lambda frame: frame + b"\0",
    "three NULs": lambda frame: frame + b"\0\0\0",
    "tag and half a length": lambda frame: frame + bytes.fromhex("020400"),
    "payload cut short": lambda frame: frame + bytes.fromhex("042400ff41"),
}
ANSWERS: dict[str, Damage] = TAILS | {"last NUL missing": lambda frame: frame[:-1] if frame[-1:] == b"\0" else frame}


@pytest.fixture
async def here() -> AsyncIterator[Ground]:
    async with ground() as made:
        yield made


def bring_payload(text: bytes) -> smpp.DataSm:
    return smpp.DataSm(
        source_addr_ton=1,
        source_addr="447700900001",
        dest_addr_ton=1,
        destination_addr="12025550100",
        tlvs={Tag.MESSAGE_PAYLOAD: text},
    )


def bring_text(text: bytes) -> smpp.DeliverSm:
    return smpp.DeliverSm(
        source_addr_ton=1,
        source_addr="447700900001",
        dest_addr_ton=1,
        destination_addr="12025550100",
        short_message=text,
    )


@pytest.mark.parametrize("damage", ANSWERS)
@pytest.mark.parametrize("mode", ["transceiver", "transmitter_receiver"])
async def test_carrier_is_bound_and_its_answers_hold(here: Ground, mode: str, damage: str) -> None:
    here.smsc.damage = ANSWERS[damage]
    carrier = await here.carrier(bind=mode)
    assert (await carrier.submit(message())).refs == ("1",)
    assert carrier.status().damaged >= 2
    assert len(here.smsc.submits) == 1


async def test_accepted_submit_whose_id_cannot_be_read_is_sent_without_reference(here: Ground) -> None:
    carrier = await here.carrier()
    here.smsc.damage = lambda frame: frame[:16] + b"\xff" * 300
    assert (await carrier.submit(message())).refs == ("",)
    assert len(here.smsc.submits) == 1


@pytest.mark.parametrize("damage", ANSWERS)
async def test_refusal_with_a_damaged_body_is_a_refusal(here: Ground, damage: str) -> None:
    carrier = await here.carrier()
    here.smsc.on_submit = lambda link, header, pdu: link.refuse(header, Status.RMSGQFUL)
    here.smsc.damage = ANSWERS[damage]
    with pytest.raises(Temporary, match="RMSGQFUL"):
        await carrier.submit(message())


async def test_late_answer_with_a_damaged_body_counts(here: Ground) -> None:
    kept: list[tuple[Connection, smpp.Header]] = []
    here.smsc.on_submit = lambda link, header, pdu: kept.append((link, header))
    carrier = await here.carrier(window=1, response_seconds=0.4)
    first, second = carrier.submit(message("first")), carrier.submit(message("second"))
    await here.smsc.signal.until(lambda: len(kept) == 2)
    here.smsc.damage = TAILS["one NUL"]
    for link, header in kept:
        link.accept(header, "77A1")
    assert (await first).refs == (await second).refs == ("77A1",)


@pytest.mark.parametrize("damage", TAILS)
@pytest.mark.parametrize("bring", [bring_text, bring_payload])
async def test_inbound_message_is_received(
    here: Ground, bring: Callable[[bytes], smpp.DeliverSm | smpp.DataSm], damage: str
) -> None:
    carrier = await here.carrier()
    here.smsc.damage = TAILS[damage]
    assert await here.smsc.bound[0].bring(bring(b"hello")) == Status.ROK
    (part,) = here.desk.parts
    assert (part.data, part.from_number, part.to_number) == (b"hello", "+447700900001", "+12025550100")
    assert carrier.status().inbound == 1


@pytest.mark.parametrize("damage", TAILS)
async def test_receipt_is_matched(here: Ground, damage: str) -> None:
    await here.carrier()
    here.desk.taking = lambda told: told.carrier_ref
    here.smsc.damage = TAILS[damage]
    assert await here.smsc.bound[0].bring(receipt("0042")) == Status.ROK
    (told,) = here.desk.receipts
    assert (told.carrier_ref, told.state) == ("0042", State.DELIVERED)


async def test_inbound_message_whose_text_is_cut_short_is_rejected(here: Ground) -> None:
    """The carrier keeps it: half a text is not a text."""
    await here.carrier()
    here.smsc.damage = lambda frame: frame[:-2]
    assert await here.smsc.bound[0].bring(bring_text(b"hello")) == Status.RINVMSGLEN
    assert await here.smsc.bound[0].bring(bring_payload(b"hello")) == Status.RINVPARLEN
    assert not here.desk.parts
