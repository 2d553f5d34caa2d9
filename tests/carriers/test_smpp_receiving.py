"""What a carrier brings to SmppCarrier: taken, answered when it is taken, and matched."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from smpp_ground import Ground, ground, message, receipt

from heliograph.core.carrier_refs import fold
from heliograph.core.errors import StoreUnavailable
from heliograph.core.lifecycle import State
from heliograph.ports import InboundPart, Receipt, Unroutable
from heliograph.wire.smpp import pdu as smpp
from heliograph.wire.smpp.pdu import Status, Tag


@pytest.fixture
async def here() -> AsyncIterator[Ground]:
    async with ground() as made:
        yield made


def raising(error: Exception) -> Any:
    def take(_: Any) -> None:
        raise error

    return take


async def test_a_receipt_is_handed_over_and_answered(here: Ground) -> None:
    carrier = await here.carrier()
    here.desk.taking = lambda told: told.carrier_ref
    assert await here.smsc.bound[0].bring(receipt("0042")) == Status.ROK
    assert here.desk.receipts == [
        Receipt(
            carrier_ref="0042",
            state=State.DELIVERED,
            keys=("42", "2a", "66"),
            from_number="+12025550100",
            to_number="+447700900001",
            done_at=1_704_067_200_000_000,
            detail="stat:DELIVRD err:000",
            stat="DELIVRD",
            data_coding=0,
        )
    ]
    assert (carrier.status().receipts, carrier.status().unmatched) == (1, 0)


@pytest.mark.parametrize(
    ("stat", "err", "state", "code"),
    [
        ("UNDELIV", "000", State.UNDELIVERED, 30008),
        ("UNDELIV", "001", State.UNDELIVERED, 30005),
        ("UNDELIV", "027", State.UNDELIVERED, 30003),
        ("EXPIRED", "000", State.UNDELIVERED, 30003),
        ("REJECTD", "000", State.UNDELIVERED, 30007),
        ("DELETED", "0x1", State.UNDELIVERED, 30008),
        ("UNKNOWN", "", State.UNDELIVERED, 30008),
        ("ENROUTE", "000", State.SENT, None),
        ("ACCEPTD", "000", State.SENT, None),
    ],
)
async def test_what_a_receipt_says(here: Ground, stat: str, err: str, state: State, code: int | None) -> None:
    await here.carrier()
    text = f"id:1 sub:001 dlvrd:000 stat:{stat} err:{err} text:".encode()
    assert await here.smsc.bound[0].bring(receipt("1", short_message=text)) == Status.ROK
    assert (here.desk.receipts[0].state, here.desk.receipts[0].error_code) == (state, code)


async def test_a_receipt_by_data_sm(here: Ground) -> None:
    await here.carrier()
    tlvs = {Tag.RECEIPTED_MESSAGE_ID: b"77\0", Tag.MESSAGE_STATE: b"\x05", Tag.NETWORK_ERROR_CODE: b"\x03\x00\x0d"}
    told = smpp.DataSm(source_addr="447700900001", source_addr_ton=1, tlvs={int(tag): tlvs[tag] for tag in tlvs})
    assert await here.smsc.bound[0].bring(told) == Status.ROK
    assert isinstance(here.smsc.bound[0].answers[0][1], smpp.DataSmResp)
    assert (here.desk.receipts[0].carrier_ref, here.desk.receipts[0].error_code) == ("77", 30004)


async def test_one_that_nobody_knows_is_taken_and_counted(here: Ground) -> None:
    carrier = await here.carrier()
    assert await here.smsc.bound[0].bring(receipt("1")) == Status.ROK
    assert carrier.status().unmatched == 1


async def test_one_that_can_not_be_read_is_taken_and_counted(here: Ground) -> None:
    carrier = await here.carrier()
    assert await here.smsc.bound[0].bring(receipt("1", short_message=b"noise")) == Status.ROK
    assert [(told.carrier_ref, told.state, told.fault) for told in here.desk.receipts] == [
        ("", State.SENT, "it names no state")
    ]
    assert (carrier.status().receipts, carrier.status().unmatched) == (1, 1)


@pytest.mark.parametrize(
    ("error", "status"),
    [(StoreUnavailable(), Status.RX_T_APPN), (RuntimeError("a bug"), Status.RSYSERR)],
)
async def test_what_was_not_kept_is_to_be_brought_again(here: Ground, error: Exception, status: Status) -> None:
    await here.carrier()
    here.desk.taking = here.desk.taking_part = raising(error)
    assert await here.smsc.bound[0].bring(receipt("1")) == status
    assert await here.smsc.bound[0].bring(smpp.DeliverSm(short_message=b"hi")) == status


async def test_answers_wait_until_it_is_kept_many_at_once_and_in_order(here: Ground) -> None:
    await here.carrier()
    kept = asyncio.Event()

    async def take(_: Receipt) -> str:
        await kept.wait()
        return "x"

    here.desk.taking = take
    link = here.smsc.bound[0]
    brought = [asyncio.ensure_future(link.bring(receipt(str(n)))) for n in range(1, 301)]
    await here.desk.signal.until(lambda: len(here.desk.receipts) == 100)
    for _ in range(20):
        await asyncio.sleep(0)
    assert len(here.desk.receipts) == 100, "the link reads no more than it may have unanswered"
    assert link.answers == []
    kept.set()
    assert set(await asyncio.gather(*brought)) == {Status.ROK}
    assert [each.carrier_ref for each in here.desk.receipts] == [str(n) for n in range(1, 301)]


async def test_the_base_of_ids_is_learned(here: Ground) -> None:
    """Answers in hexadecimal with zeros, receipts in decimal."""
    given = iter(range(0x1000, 0x2000))
    here.smsc.next_id = lambda: f"{next(given):010X}"
    carrier = await here.carrier()
    refs = {(await carrier.submit(message(f"m{n}"))).refs[0] for n in range(20)}
    assert "0000001000" in refs
    keys = {fold(ref): ref for ref in refs}
    here.desk.taking = lambda told: next((keys[key] for key in told.keys if key in keys), None)
    for number in range(0x1000, 0x1014):
        await here.smsc.bound[0].bring(receipt(str(number)))
    assert carrier.status().unmatched == 0
    assert here.desk.receipts[0].keys[0] == "4096", "as written first"
    assert here.desk.receipts[-1].keys[0] == "1013", "the form that matched is the first by now"


async def test_an_inbound_message(here: Ground) -> None:
    carrier = await here.carrier()
    text = smpp.DeliverSm(
        source_addr_ton=1,
        source_addr="447700900001",
        dest_addr_ton=1,
        destination_addr="12025550100",
        data_coding=8,
        short_message="Grüße 👋".encode("utf-16-be"),
    )
    assert await here.smsc.bound[0].bring(text) == Status.ROK
    assert here.desk.parts == [
        InboundPart(
            carrier="tel",
            from_number="+447700900001",
            to_number="+12025550100",
            to_readings=("12025550100",),
            data="Grüße 👋".encode("utf-16-be"),
            alphabet="ucs2",
        )
    ]
    assert carrier.status().inbound == 1


async def test_a_part_of_a_long_one(here: Ground) -> None:
    await here.carrier(default_alphabet="latin1")
    part = smpp.DeliverSm(esm_class=0x40, short_message=b"\x05\x00\x03\x2a\x03\x02" + "é".encode("latin-1"))
    assert await here.smsc.bound[0].bring(part) == Status.ROK
    told = here.desk.parts[0]
    assert (told.reference, told.total, told.part, told.data, told.alphabet) == (0x2A, 3, 2, b"\xe9", "latin1")


@pytest.mark.parametrize(("country", "status"), [(None, Status.RX_T_APPN), ("US", Status.RX_P_APPN)])
async def test_message_for_nobody_is_refused_for_good_only_where_the_country_is_known(
    here: Ground, country: str | None, status: Status
) -> None:
    carrier = await here.carrier(country=country)
    here.desk.taking_part = raising(Unroutable())
    stray = smpp.DeliverSm(dest_addr_ton=2, destination_addr="2025550101", short_message=b"hi")
    assert await here.smsc.bound[0].bring(stray) == status
    assert carrier.status().unroutable == 1


async def test_receipts_come_over_the_receiver_of_a_pair(here: Ground) -> None:
    await here.carrier(bind="transmitter_receiver")
    receiver = next(each for each in here.smsc.bound if each.mode is smpp.BindReceiver)
    assert await receiver.bring(receipt("1")) == Status.ROK
    transmitter = next(each for each in here.smsc.bound if each.mode is smpp.BindTransmitter)
    assert await transmitter.bring(receipt("2")) == Status.RINVBNDSTS
    assert [each.carrier_ref for each in here.desk.receipts] == ["1"]


async def test_a_stop_waits_for_what_is_being_kept(here: Ground) -> None:
    carrier = await here.carrier()
    kept = asyncio.Event()

    async def take(_: Receipt) -> str:
        await kept.wait()
        return "x"

    here.desk.taking = take
    brought = asyncio.ensure_future(here.smsc.bound[0].bring(receipt("1")))
    await here.desk.signal.until(lambda: here.desk.receipts)
    stopping = asyncio.ensure_future(carrier.stop())
    await asyncio.sleep(0)
    kept.set()
    assert await brought == Status.ROK
    await stopping


async def test_alert_notifications_are_read_and_let_go(here: Ground) -> None:
    await here.carrier()
    link = here.smsc.bound[0]
    link.send(smpp.AlertNotification(source_addr="1"), 99)
    assert await link.bring(receipt("1")) == Status.ROK
