"""The torture carrier when it is good: it takes, answers, sends receipts and messages until they are acknowledged."""

import asyncio
import ssl
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from esme import Esme

from heliograph.net import certificates
from heliograph.torture import journal
from heliograph.torture.carrier import TortureCarrier
from heliograph.torture.inbound import Inbound
from heliograph.torture.settings import IdBase
from heliograph.wire.smpp import pdu as smpp
from heliograph.wire.smpp import receipt, text
from heliograph.wire.smpp.pdu import Command, Header, Pdu, Status, Tag
from heliograph.wire.smpp.receipt import MessageState
from heliograph.wire.smpp.text import LongMode

LONG = "Heliographs flashed sunlight from hill to hill; each signal was read, written down and passed on. " * 4
"""Three parts."""


def an_inbound(body: str = "Hello", **fields: Any) -> Inbound:
    return Inbound(source="+12065550123", destination="+12025550101", text=body, **fields)


# -- binds


async def test_credentials_are_checked_where_they_are_set(start: Any) -> None:
    carrier = await start(system_id="esme", password="secret")
    async with Esme(carrier.port) as esme:
        assert (await esme.ask(smpp.BindReceiver(system_id="other", password="secret")))[0].status == Status.RINVSYSID
        assert (await esme.ask(smpp.BindReceiver(system_id="esme", password="wrong")))[0].status == Status.RINVPASWD
        header, answer = await esme.ask(smpp.BindReceiver(system_id="esme", password="secret"))
        assert header.status == Status.ROK
        assert answer == smpp.BindReceiverResp(system_id="torture", tlvs={Tag.SC_INTERFACE_VERSION: b"\x34"})
        assert (await esme.bind()).status == Status.RALYBND


async def test_no_more_binds_than_set(start: Any) -> None:
    carrier = await start(binds_max=1)
    async with Esme(carrier.port) as one, Esme(carrier.port) as two:
        assert (await one.bind()).status == Status.ROK
        assert (await two.bind()).status == Status.RBINDFAIL


async def test_submits_need_a_bind_that_sends(start: Any) -> None:
    carrier = await start()
    async with Esme(carrier.port) as esme:
        assert (await esme.submitted())[0].status == Status.RINVBNDSTS
        await esme.bind(smpp.BindReceiver)
        assert (await esme.submitted())[0].status == Status.RINVBNDSTS
    assert carrier.counts.accepted == 0


async def test_unbind_is_answered_and_the_connection_closed(start: Any) -> None:
    carrier = await start()
    async with Esme(carrier.port) as esme:
        await esme.bind()
        header, _ = await esme.ask(smpp.Unbind())
        assert header.command == Command.UNBIND_RESP
        await esme.ended()
    assert carrier.bound == 0


async def test_it_listens_again_on_the_same_port(start: Any) -> None:
    carrier = await start()
    port = carrier.port
    async with Esme(port) as esme:
        await esme.bind()
        await carrier.down()
        await esme.ended()
    with pytest.raises(ConnectionRefusedError):
        await Esme(port).__aenter__()
    await carrier.up()
    async with Esme(port) as esme:
        await esme.bind()
    assert carrier.port == port


async def test_tls(start: Any, tmp_path: Path) -> None:
    files = certificates.ensure(tmp_path, (), datetime.now(UTC))
    carrier = await start(tls_cert=files.certificate, tls_key=files.key)
    context = ssl.create_default_context(cafile=str(files.ca))
    reader, writer = await asyncio.open_connection("localhost", carrier.port, ssl=context)
    writer.write(smpp.encode(smpp.BindTransceiver(), 1))
    header, _ = smpp.decode(await reader.readexactly(16 + 8 + 5))
    assert (header.command, header.status) == (Command.BIND_TRANSCEIVER_RESP, Status.ROK)
    writer.close()
    await writer.wait_closed()


# -- submits


async def test_a_submit_is_answered_and_its_receipt_acknowledged(trial: Any) -> None:
    carrier, esme = await trial()
    next_submit = asyncio.create_task(carrier.next_submit())
    await asyncio.sleep(0)
    header, answer = await esme.submitted("Good evening")
    assert (header.status, answer) == (Status.ROK, smpp.SubmitSmResp(message_id="1000"))
    _, told = await esme.request(Command.DELIVER_SM)
    assert isinstance(told, smpp.DeliverSm)
    read = receipt.parse(told)
    assert read is not None
    assert (read.message_id, read.state, read.text) == ("1000", MessageState.DELIVERED, "Good evening")
    assert (told.source_addr, told.destination_addr) == ("15005551001", "12025550101")
    await carrier.settled()
    taken = await next_submit
    assert (taken.text, taken.destination, taken.id) == ("Good evening", "15005551001", "1000")
    assert carrier.counts.receipts_acknowledged == carrier.counts.accepted == carrier.counts.answered == 1
    assert carrier.counts.surprises == {}


async def test_no_receipt_that_was_not_asked_for(trial: Any) -> None:
    carrier, esme = await trial()
    await esme.submitted(registered_delivery=0)
    await esme.submitted(registered_delivery=2)  # on failure only, and it is delivered
    await esme.ask(smpp.EnquireLink())
    assert (carrier.counts.receipts_sent, carrier.owed) == (0, 0)


async def test_a_receipt_on_failure_only(trial: Any) -> None:
    _, esme = await trial("receipt-undelivered")
    await esme.submitted(registered_delivery=2)
    _, told = await esme.request()
    assert receipt.parse(told).state is MessageState.UNDELIVERABLE


@pytest.mark.parametrize(
    ("base", "expected"),
    [
        (IdBase.DECIMAL, "1000"),
        (IdBase.HEX, "3e8"),
        (IdBase.HEX_UPPER, "3E8"),
        (IdBase.PADDED, "00000000000000001000"),
        (IdBase.UUID, None),
    ],
)
async def test_bases_of_ids(trial: Any, base: IdBase, expected: str | None) -> None:
    _, esme = await trial(ids=base)
    ids = [(await esme.submitted())[1].message_id for _ in range(5)]
    assert len(set(ids)) == 5
    assert ids[0] == expected if expected else len(ids[0]) == 36


async def test_answers_take_their_time_and_none_waits_for_another(trial: Any) -> None:
    _, esme = await trial(answer_ms=50.0)
    began = time.monotonic()
    sequences = [esme.submit(registered_delivery=0) for _ in range(100)]
    for sequence in sequences:
        await esme.response(sequence)
    assert 0.049 <= time.monotonic() - began < 1.0  # one after the other they would take five seconds


async def test_over_the_rate_it_throttles(trial: Any) -> None:
    carrier, esme = await trial(rate=5)
    statuses = [(await esme.submitted())[0].status for _ in range(8)]
    assert statuses == [Status.ROK] * 5 + [Status.RTHROTTLED] * 3
    assert carrier.counts.accepted == 5
    assert carrier.busiest_second() == carrier.busiest_second("12025550101") == 8
    assert carrier.busiest_second("12025550199") == 0


async def test_over_the_window_it_throttles(trial: Any) -> None:
    carrier, esme = await trial(window=3, answer_ms=20.0)
    sequences = [esme.submit() for _ in range(5)]
    statuses = [(await esme.response(sequence))[0].status for sequence in sequences]
    assert statuses == [Status.ROK] * 3 + [Status.RTHROTTLED] * 2
    assert (await esme.submitted())[0].status == Status.ROK
    assert carrier.counts.accepted == 4


async def test_data_sm_is_a_submit(trial: Any) -> None:
    carrier, esme = await trial()
    pdu = smpp.DataSm(
        source_addr="12025550101",
        destination_addr="15005551001",
        registered_delivery=1,
        tlvs={Tag.MESSAGE_PAYLOAD: b"By payload"},
    )
    assert (await esme.ask(pdu))[1] == smpp.DataSmResp(message_id="1000")
    _, told = await esme.request()
    assert receipt.parse(told).message_id == "1000"
    assert carrier.messages.get("1000").text == "By payload"


async def test_submit_multi_has_one_id_and_a_receipt_for_each_destination(trial: Any) -> None:
    _, esme = await trial(faults_for={"1002": "status-RINVDSTADR"})
    destinations = tuple(smpp.Address(1, 1, f"1500555100{last}") for last in (1, 2, 3))
    pdu = smpp.SubmitMulti(
        source_addr="12025550101", dest_address=destinations, registered_delivery=1, short_message=b"All"
    )
    header, answer = await esme.ask(pdu)
    failed = (smpp.UnsuccessSme(1, 1, "15005551002", Status.RINVDSTADR),)
    assert (header.status, answer) == (Status.ROK, smpp.SubmitMultiResp(message_id="1000", unsuccess_sme=failed))
    told = [(await esme.request())[1] for _ in range(2)]
    assert {(one.source_addr, receipt.parse(one).message_id) for one in told} == {
        ("15005551001", "1000"),
        ("15005551003", "1000"),
    }


# -- about messages


async def test_queries_by_id(trial: Any) -> None:
    _, esme = await trial(receipt_ms=250.0)
    await esme.submitted()
    _, answer = await esme.ask(smpp.QuerySm(message_id="1000", source_addr="12025550101"))
    assert answer.message_state == MessageState.ENROUTE
    await esme.request(Command.DELIVER_SM)
    _, answer = await esme.ask(smpp.QuerySm(message_id="1000", source_addr="12025550101"))
    assert answer == smpp.QuerySmResp(message_id="1000", message_state=MessageState.DELIVERED)
    header, _ = await esme.ask(smpp.QuerySm(message_id="1001"))
    assert header.status == Status.RQUERYFAIL


async def test_queries_by_the_senders_reference(trial: Any) -> None:
    """The extension that settles a submit whose answer was lost."""
    _, esme = await trial("no-answer")
    esme.submit(tlvs={Tag.USER_MESSAGE_REFERENCE: b"\x12\x34"})
    for reference, expected in ((b"\x12\x34", "1000"), (b"\x12\x35", "")):
        frame = bytearray(smpp.encode(smpp.QuerySm(source_addr="12025550101"), 77))
        frame += Tag.USER_MESSAGE_REFERENCE.to_bytes(2, "big") + b"\0\x02" + reference
        frame[:4] = len(frame).to_bytes(4, "big")
        esme.raw(bytes(frame))
        header, answer = await esme.response(77)
        status = Status.ROK if expected else Status.RINVMSGID
        assert (header.status, answer.message_id) == (status, expected)


async def test_a_cancelled_message_is_deleted(trial: Any) -> None:
    _, esme = await trial(receipt_ms=250.0)
    await esme.submitted()
    cancel = smpp.CancelSm(message_id="1000", source_addr="12025550101")
    assert (await esme.ask(cancel))[0].status == Status.ROK
    assert (await esme.ask(cancel))[0].status == Status.RCANCELFAIL
    _, told = await esme.request(Command.DELIVER_SM)
    assert receipt.parse(told).state is MessageState.DELETED


async def test_cancel_by_addresses(trial: Any) -> None:
    carrier, esme = await trial(receipt_ms=1000.0)
    await esme.submitted()
    await esme.submitted(to="15005551002")
    cancel = smpp.CancelSm(source_addr="12025550101", destination_addr="15005551002")
    assert (await esme.ask(cancel))[0].status == Status.ROK
    assert [taken.final_state for taken in carrier.messages] == [MessageState.DELIVERED, MessageState.DELETED]


async def test_a_replaced_message(trial: Any) -> None:
    carrier, esme = await trial(receipt_ms=250.0)
    await esme.submitted("Hello")
    replacing = smpp.ReplaceSm(message_id="1000", source_addr="12025550101", short_message=b"Goodbye")
    assert (await esme.ask(replacing))[0].status == Status.ROK
    _, told = await esme.request(Command.DELIVER_SM)
    assert receipt.parse(told).text == carrier.messages.get("1000").text == "Goodbye"
    assert (await esme.ask(replacing))[0].status == Status.RREPLACEFAIL


# -- deliveries


async def test_what_is_not_acknowledged_is_sent_again(trial: Any) -> None:
    carrier, esme = await trial(resend_ms=150.0)
    times = iter([None, Status.RX_T_APPN, Status.ROK])
    esme.acknowledging = lambda header, pdu: next(times)
    await esme.submitted()
    await carrier.settled()
    counts = carrier.counts
    assert (counts.receipts_sent, counts.resent, counts.receipts_acknowledged) == (3, 2, 1)


async def test_what_is_refused_for_good_is_not(trial: Any) -> None:
    carrier, esme = await trial()
    esme.acknowledging = lambda header, pdu: Status.RX_P_APPN
    await esme.submitted()
    await carrier.settled()
    assert (carrier.counts.receipts_sent, carrier.counts.receipts_rejected) == (1, 1)


async def test_an_acknowledgement_after_a_resend_counts_once(trial: Any) -> None:
    carrier, esme = await trial(resend_ms=20.0)
    esme.acknowledging = lambda header, pdu: None
    await esme.submitted()
    (first, _), (second, _) = await esme.request(), await esme.request()
    esme.send(smpp.DeliverSmResp(), first.sequence)
    await carrier.settled()
    esme.send(smpp.DeliverSmResp(), second.sequence)
    await esme.ask(smpp.EnquireLink())
    assert (carrier.counts.receipts_acknowledged, carrier.counts.surprises) == (1, {})


async def test_a_receipt_waits_for_a_receiver_and_survives_its_connection(start: Any) -> None:
    carrier = await start()
    async with Esme(carrier.port) as transmitter:
        await transmitter.bind(smpp.BindTransmitter)
        await transmitter.submitted()
        assert (carrier.owed, carrier.counts.receipts_sent) == (1, 0)
        async with Esme(carrier.port) as receiver:
            receiver.acknowledging = lambda header, pdu: None
            await receiver.bind(smpp.BindReceiver)
            await receiver.request(Command.DELIVER_SM)
        async with Esme(carrier.port) as receiver:
            await receiver.bind(smpp.BindReceiver)
            await receiver.request(Command.DELIVER_SM)
            await carrier.settled()
    assert carrier.counts.receipts_sent == 2


async def test_no_more_unacknowledged_than_the_window(trial: Any) -> None:
    carrier, esme = await trial(deliver_window=2)
    held: list[Header] = []

    def hold(header: Header, pdu: Pdu) -> None:
        held.append(header)

    esme.acknowledging = hold
    for _ in range(5):
        await esme.submitted()
    await carrier.until(lambda: carrier.counts.receipts_sent == 2)
    for acknowledged in range(5):
        await esme.until(lambda count=acknowledged: len(held) > count)
        assert carrier.counts.receipts_sent <= acknowledged + 2
        esme.send(smpp.DeliverSmResp(), held[acknowledged].sequence)
    await carrier.settled()


# -- inbound


@pytest.mark.parametrize("mode", [LongMode.UDH8, LongMode.UDH16, LongMode.SAR])
@pytest.mark.parametrize("body", [LONG, LONG[:100] + "…" * 150])
async def test_long_inbound_messages(trial: Any, mode: LongMode, body: str) -> None:
    carrier, esme = await trial()
    done = carrier.inbound(an_inbound(body, long=mode, order=(3, 1, 2), reference=0x0102))
    came = [text.read((await esme.request())[1]) for _ in range(3)]
    await done
    reference = 0x02 if mode is LongMode.UDH8 else 0x0102
    assert [(one.concat.part, one.concat.reference, one.concat.kind) for one in came] == [
        (part, reference, mode) for part in (3, 1, 2)
    ]
    if len(came) == came[0].concat.total:
        ordered = sorted(came, key=lambda one: one.concat.part)
        assert text.decode_text(b"".join(one.data for one in ordered), came[0].alphabet) == body


async def test_inbound_by_payload_and_by_data_sm(trial: Any) -> None:
    carrier, esme = await trial()
    for data_sm, command in ((False, Command.DELIVER_SM), (True, Command.DATA_SM)):
        await carrier.inbound(an_inbound(LONG, long=LongMode.PAYLOAD, data_sm=data_sm))
        header, pdu = await esme.request()
        assert (header.command, text.read(pdu).text) == (command, LONG)
        assert (pdu.source_addr, pdu.source_addr_ton, pdu.destination_addr) == ("12065550123", 1, "12025550101")


async def test_parts_over_chosen_receivers(trial: Any) -> None:
    carrier, first = await trial()
    async with Esme(carrier.port) as second:
        await second.bind(smpp.BindReceiver)
        await carrier.inbound(an_inbound(LONG, order=(1, 2, 3, 3), receivers=(1, 0, 1)))
        assert [text.read((await second.request())[1]).concat.part for _ in range(3)] == [1, 3, 3]
        assert text.read((await first.request())[1]).concat.part == 2


async def test_a_part_that_is_not_there(trial: Any) -> None:
    carrier, _ = await trial()
    with pytest.raises(ValueError, match="parts 1 to 3"):
        carrier.inbound(an_inbound(LONG, order=(4,)))


async def test_echo(trial: Any) -> None:
    _, esme = await trial(echo=True)
    await esme.submitted("Hello", registered_delivery=0)
    _, pdu = await esme.request()
    assert (text.read(pdu).text, pdu.source_addr, pdu.destination_addr) == ("Hello", "15005551001", "12025550101")


# -- what makes no sense


async def test_nonsense_is_answered_with_generic_nack_and_counted(trial: Any) -> None:
    carrier, esme = await trial()
    esme.raw(bytes.fromhex("00000010 00010fff 00000000 00000063"))
    header, _ = await esme.response(0x63)
    assert (header.command, header.status) == (Command.GENERIC_NACK, Status.RINVCMDID)
    esme.raw(bytes.fromhex("00000012 00000004 00000000 00000064 0001"))
    assert (await esme.response(0x64))[0].command == Command.GENERIC_NACK
    esme.send(smpp.DeliverSm(), 0x65)
    assert (await esme.response(0x65))[0].status == Status.RINVCMDID
    esme.raw(bytes.fromhex("00000000 00000004 00000000 00000066"))
    await esme.ended()
    assert sum(carrier.counts.surprises.values()) == 4


# -- the journal


async def test_the_journal_keeps_count(trial: Any, tmp_path: Path) -> None:
    path = tmp_path / "journal"
    carrier, esme = await trial("sysfail@every-3", journal=path)
    first_part = text.parts(text.segments.segment(LONG), reference=9, mode=LongMode.UDH8)[0]
    await esme.submitted("One", tlvs={Tag.USER_MESSAGE_REFERENCE: b"\x00\x07"})
    await esme.submitted(
        esm_class=first_part.esm_class, short_message=first_part.short_message, data_coding=first_part.data_coding
    )
    await esme.submitted("Three")
    done = carrier.inbound(an_inbound())
    await carrier.settled()
    await done
    tally = journal.tally(path)
    assert list(tally.accepted) == ["1000", "1001"]
    assert tally.by_text == {"One": ["1000"], first_part.text: ["1001"]}
    assert (tally.accepted["1000"]["reference"], tally.accepted["1000"]["part"]) == (7, None)
    assert tally.accepted["1001"]["part"] == [9, 3, 1]
    assert (tally.refused, tally.twice, tally.receipts_open) == (1, {}, set())
    assert tally.receipts_sent == tally.receipts_acknowledged == {"1000": 1, "1001": 1}
    assert sum(tally.inbound_sent.values()) == sum(tally.inbound_acknowledged.values()) == 1


async def test_a_line_is_written_before_the_answer_can_be_read(trial: Any, tmp_path: Path) -> None:
    path = tmp_path / "journal"
    _, esme = await trial(journal=path)
    for number in range(20):
        await esme.submitted(f"Message {number}")
        assert f"Message {number}" in journal.tally(path).by_text


async def test_what_is_owed_survives_the_carrier(start: Any, tmp_path: Path) -> None:
    path = tmp_path / "journal"
    first = await start(journal=path, first_id=1000)
    async with Esme(first.port) as esme:
        await esme.bind(smpp.BindTransmitter)
        await esme.submitted("Acknowledged")
        await esme.submitted("Owed", tlvs={Tag.USER_MESSAGE_REFERENCE: b"\0\x01"})
        async with Esme(first.port) as receiver:
            answers = iter([Status.ROK])
            receiver.acknowledging = lambda header, pdu: next(answers, None)
            await receiver.bind(smpp.BindReceiver)
            await first.until(lambda: first.counts.receipts_acknowledged == 1)
        first.inbound(an_inbound("Owed too"))
    await first.stop()
    with path.open("ab") as file:
        file.write(b'{"event": "accep')  # a kill in the middle of a line
    again = await start(journal=path, first_id=2000)
    assert again.owed == 2
    async with Esme(again.port) as esme:
        await esme.bind()
        came = [(await esme.request())[1] for _ in range(2)]
        await again.settled()
        assert (await esme.ask(smpp.QuerySm(message_id="1000")))[1].message_state == MessageState.DELIVERED
        assert (await esme.submitted())[1].message_id == "2000"
        await again.settled()
    assert sorted(text.read(pdu).text[:10] for pdu in came) == ["Owed too", "id:1001 su"]
    tally = journal.tally(path)
    assert tally.receipts_open == set()
    assert set(tally.inbound_sent) == set(tally.inbound_acknowledged)


async def test_waiting_in_vain(trial: Any) -> None:
    carrier, _ = await trial()
    assert isinstance(carrier, TortureCarrier)
    with pytest.raises(TimeoutError):
        await carrier.next_submit(seconds=0.01)
