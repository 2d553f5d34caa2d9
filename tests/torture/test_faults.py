"""Each fault does what its row says. A test is named for its fault; the last one finds those that have none."""

import re
import time
from pathlib import Path
from typing import Any

import pytest
from esme import Esme

from heliograph.core import segments
from heliograph.torture import damage_faults, faults, octet_faults, receipt_faults
from heliograph.torture.carrier import TortureCarrier
from heliograph.torture.inbound import Inbound
from heliograph.torture.settings import IdBase, TortureSettings
from heliograph.wire.smpp import pdu as smpp
from heliograph.wire.smpp import receipt, text
from heliograph.wire.smpp.pdu import Command, Status, Tag
from heliograph.wire.smpp.receipt import MessageState

LONG = "Heliographs flashed sunlight from hill to hill; each signal was read, written down and passed on. " * 4
"""Three parts."""


async def silent(esme: Esme, sequence: int) -> bool:
    """Whether a submit has no answer although the carrier answers what came after it."""
    await esme.ask(smpp.EnquireLink())
    return all(header.sequence != sequence for header, _ in esme.responses)


async def told(esme: Esme) -> smpp.DeliverSm | smpp.DataSm:
    """The next receipt or inbound message."""
    _, pdu = await esme.request()
    assert isinstance(pdu, smpp.DeliverSm | smpp.DataSm)
    return pdu


async def read(esme: Esme) -> receipt.Receipt:
    parsed = receipt.parse(await told(esme))
    assert parsed is not None
    return parsed


async def refusal(esme: Esme) -> int:
    header, _ = await esme.submitted()
    return header.status


# -- answers


async def test_no_answer(trial: Any) -> None:
    carrier, esme = await trial("no-answer")
    assert await silent(esme, esme.submit())
    assert (await read(esme)).message_id == "1000"
    assert (carrier.counts.accepted, carrier.counts.answered) == (1, 0)


async def test_lost_submit(trial: Any) -> None:
    carrier, esme = await trial("lost-submit")
    assert await silent(esme, esme.submit())
    assert (carrier.counts.submits, carrier.counts.accepted, carrier.owed) == (1, 0, 0)


async def test_late_answer(trial: Any) -> None:
    carrier, esme = await trial("late-answer")
    began = time.monotonic()
    sequence, later = esme.submit(), esme.send(smpp.EnquireLink())
    await carrier.accepted(1)
    header, _ = await esme.response(sequence)
    assert header.status == Status.ROK
    assert time.monotonic() - began >= 0.058
    assert esme.place(Command.ENQUIRE_LINK_RESP, later) < esme.place(Command.SUBMIT_SM_RESP, sequence)


async def test_answers_reordered(trial: Any) -> None:
    _, esme = await trial("answers-reordered")
    first, second = esme.submit(), esme.submit()
    await esme.response(first)
    assert esme.place(Command.SUBMIT_SM_RESP, second) < esme.place(Command.SUBMIT_SM_RESP, first)


@pytest.mark.parametrize(
    ("fault", "status"),
    [("throttle", Status.RTHROTTLED), ("queue-full", Status.RMSGQFUL), ("sysfail", Status.RSYSERR)],
)
async def test_refusals(trial: Any, fault: str, status: Status) -> None:
    carrier, esme = await trial(fault)
    assert await refusal(esme) == status
    assert (carrier.counts.accepted, carrier.counts.statuses, carrier.owed) == (0, {status.name: 1}, 0)


@pytest.mark.parametrize("status", [status for status in Status if status is not Status.ROK])
async def test_every_status(trial: Any, status: Status) -> None:
    carrier, esme = await trial(f"status-{status.name}")
    header, answer = await esme.submitted()
    assert (header.status, answer, carrier.counts.accepted) == (status, smpp.SubmitSmResp(), 0)


async def test_a_carriers_own_status(trial: Any) -> None:
    carrier, esme = await trial("status-0x00000432")
    assert await refusal(esme) == 0x432
    assert carrier.counts.statuses == {"0x00000432": 1}


async def test_throttle_burst(trial: Any) -> None:
    carrier, esme = await trial("throttle-burst")
    assert await refusal(esme) == Status.RTHROTTLED
    while await refusal(esme) != Status.ROK:
        pass
    assert carrier.counts.accepted == 1


async def test_window_of_one(trial: Any) -> None:
    carrier, esme = await trial("window-of-one", answer_ms=20.0)
    first, second = esme.submit(), esme.submit()
    assert (await esme.response(second))[0].status == Status.RTHROTTLED
    assert (await esme.response(first))[0].status == Status.ROK
    assert (await esme.submitted())[0].status == Status.ROK
    assert carrier.counts.accepted == 2


async def test_error_with_body(trial: Any) -> None:
    carrier, esme = await trial("error-with-body")
    header, answer = await esme.submitted()
    assert (header.status, answer) == (Status.RSYSERR, smpp.SubmitSmResp(message_id="1000"))
    assert carrier.counts.accepted == 0


async def test_generic_nack(trial: Any) -> None:
    carrier, esme = await trial("generic-nack")
    header, _ = await esme.submitted()
    assert (header.command, header.status) == (Command.GENERIC_NACK, Status.RINVCMDID)
    assert carrier.counts.accepted == 0


async def test_empty_message_id(trial: Any) -> None:
    _, esme = await trial("empty-message-id")
    header, answer = await esme.submitted()
    assert (header.status, answer) == (Status.ROK, smpp.SubmitSmResp(message_id=""))
    assert (await read(esme)).message_id == "1000"


async def test_long_message_id(trial: Any) -> None:
    _, esme = await trial("long-message-id")
    _, answer = await esme.submitted()
    assert answer == smpp.SubmitSmResp(message_id="1000".rjust(100, "0"))
    assert (await read(esme)).message_id == "1000".rjust(100, "0")


async def test_message_id_reused(trial: Any) -> None:
    carrier, esme = await trial("message-id-reused")
    assert [(await esme.submitted())[1].message_id for _ in range(2)] == ["1000", "1000"]
    assert [(await read(esme)).message_id for _ in range(2)] == ["1000", "1000"]
    assert carrier.counts.accepted == 2


@pytest.mark.parametrize(("fault", "accepted"), [("cut-before-answer", 1), ("cut-before-taking", 0)])
async def test_cuts_before_the_answer(trial: Any, fault: str, accepted: int) -> None:
    carrier, esme = await trial(fault)
    esme.submit()
    await esme.ended()
    assert (esme.responses, esme.reset, carrier.counts.accepted) == ([], False, accepted)


async def test_reset_before_answer(trial: Any) -> None:
    carrier, esme = await trial("reset-before-answer")
    esme.submit()
    await esme.ended()
    assert (esme.responses, esme.reset, carrier.counts.accepted) == ([], True, 1)


async def test_cut_after_answer(trial: Any) -> None:
    _, esme = await trial("cut-after-answer@every-2")
    await esme.submitted()
    header, _ = await esme.submitted()
    assert header.status == Status.ROK
    await esme.ended()


async def test_half_open(trial: Any) -> None:
    carrier, esme = await trial("half-open")
    esme.submit()
    await carrier.accepted(1)
    esme.send(smpp.EnquireLink())
    async with Esme(carrier.port) as other:  # who connects now is answered: the carrier lives
        await other.bind()
        assert (await read(other)).message_id == "1000"
        await carrier.settled()
    assert (esme.responses, len(esme.requests), esme.lost.is_set()) == ([], 0, False)
    assert (carrier.counts.enquire_links, carrier.counts.resent) == (0, 0)


# -- octets


async def test_wrong_sequence(trial: Any) -> None:
    _, esme = await trial("wrong-sequence")
    sequence = esme.submit()
    await esme.response(sequence + octet_faults.WRONG_SEQUENCE_BY)
    assert await silent(esme, sequence)


async def test_duplicate_answer(trial: Any) -> None:
    _, esme = await trial("duplicate-answer")
    sequence = esme.submit()
    assert await esme.response(sequence) == await esme.response(sequence)


async def test_unsolicited_answer(trial: Any) -> None:
    _, esme = await trial("unsolicited-answer")
    sequence = esme.submit()
    await esme.response(sequence)
    await esme.response(sequence + octet_faults.WRONG_SEQUENCE_BY)


async def test_wrong_answer_command(trial: Any) -> None:
    _, esme = await trial("wrong-answer-command")
    _, answer = await esme.submitted()
    assert answer == smpp.DataSmResp(message_id="1000")


async def test_nack_of_nothing(trial: Any) -> None:
    _, esme = await trial("nack-of-nothing")
    _, answer = await esme.submitted()
    assert answer == smpp.SubmitSmResp(message_id="1000")
    header, _ = await esme.response(0)
    assert header.command == Command.GENERIC_NACK


async def test_unknown_pdu(trial: Any) -> None:
    carrier, esme = await trial("unknown-pdu", receipt_ms=1000.0)
    sequence = esme.submit()
    header, _ = await esme.request()
    assert header.command not in set(Command)
    await esme.response(sequence)
    esme.send(smpp.GenericNack(), header.sequence, Status.RINVCMDID)
    await carrier.until(lambda: carrier.counts.surprises["generic_nack to nothing"] == 1)


async def test_unknown_tlvs(trial: Any) -> None:
    _, esme = await trial("unknown-tlvs")
    _, answer = await esme.submitted()
    assert answer == smpp.SubmitSmResp(message_id="1000", tlvs={0x1401: b"abc", 0x3FFF: b""})


@pytest.mark.parametrize(("fault", "body"), [("trailing-octet", b"1000\0\0"), ("truncated-pdu", b"1000")])
async def test_bodies_of_the_wrong_size(trial: Any, fault: str, body: bytes) -> None:
    _, esme = await trial(fault)
    before = len(esme.octets)
    await esme.submitted(registered_delivery=0)
    assert esme.octets[before:][16:] == body
    await esme.ask(smpp.EnquireLink())  # the stream goes on


@pytest.mark.parametrize(
    ("fault", "body"),
    [
        ("answer-cut-tlv", b"1000\0" + damage_faults.CUT_TLV),
        ("answer-unreadable", b"\xff" * damage_faults.UNREADABLE_OCTETS),
    ],
)
async def test_answers_with_a_damaged_end(trial: Any, fault: str, body: bytes) -> None:
    carrier, esme = await trial(fault)
    before = len(esme.octets)
    esme.submit(registered_delivery=0)
    await esme.until(lambda: len(esme.octets) - before == 16 + len(body))
    assert esme.octets[before:][16:] == body
    assert carrier.counts.accepted == 1


async def test_cut_mid_pdu(trial: Any) -> None:
    carrier, esme = await trial("cut-mid-pdu")
    before = len(esme.octets)
    esme.submit()
    await esme.ended()
    assert esme.octets[before:] == bytes.fromhex("00000015 80000004 0000")
    assert carrier.counts.accepted == 1


async def test_bad_length(trial: Any) -> None:
    _, esme = await trial("bad-length", receipt_ms=1000.0)
    before = len(esme.octets)
    esme.submit()
    await esme.until(lambda: len(esme.octets) - before == 21)
    assert esme.octets[before:][:4] == (26).to_bytes(4, "big")
    esme.send(smpp.EnquireLink())
    await esme.until(lambda: len(esme.octets) - before == 21 + 16)


@pytest.mark.parametrize(
    ("fault", "length"),
    [("zero-length-pdu", 0), ("short-length-pdu", 8), ("oversized-pdu", octet_faults.OVERSIZED_OCTETS)],
)
async def test_lengths_that_can_not_be(trial: Any, fault: str, length: int) -> None:
    _, esme = await trial(fault)
    before = len(esme.octets)
    esme.submit()
    await esme.until(lambda: len(esme.octets) - before >= 21)
    assert esme.octets[before:][:4] == length.to_bytes(4, "big")


async def test_garbage_bytes(trial: Any) -> None:
    _, esme = await trial("garbage-bytes", seed=7)
    before = len(esme.octets)
    esme.submit()
    await esme.until(lambda: len(esme.octets) - before >= octet_faults.GARBAGE_OCTETS)
    with pytest.raises(smpp.ProtocolError):
        smpp.Framer().feed(esme.octets[before:])


# -- connections


async def test_accept_then_close(trial: Any) -> None:
    carrier, esme = await trial("accept-then-close", bind=False)
    await esme.ended()
    assert (carrier.counts.connections, esme.octets) == (1, b"")


async def test_connect_silent(trial: Any) -> None:
    carrier, esme = await trial("connect-silent@first-1", bind=False)
    esme.send(smpp.BindTransceiver())
    async with Esme(carrier.port) as other:
        await other.bind()
    assert (esme.octets, esme.lost.is_set(), carrier.counts.binds) == (b"", False, 1)


async def test_flapping(trial: Any) -> None:
    carrier, esme = await trial("flapping")
    await esme.ended()
    async with Esme(carrier.port) as again:
        await again.bind()
        await again.ended()
    assert (carrier.counts.binds, carrier.bound) == (2, 0)


async def test_unbind_anytime(trial: Any) -> None:
    carrier, esme = await trial("unbind-anytime")
    await esme.request(Command.UNBIND)
    await esme.ended()
    assert carrier.bound == 0


async def test_slow_reader(trial: Any) -> None:
    _, esme = await trial("slow-reader", receipt_ms=1000.0)
    began = time.monotonic()
    sequences = [esme.submit() for _ in range(4)]
    await esme.response(sequences[-1])
    assert time.monotonic() - began >= 4 * 0.028


async def test_one_octet_at_a_time(trial: Any) -> None:
    _, esme = await trial("one-octet-at-a-time")
    before = esme.chunks
    await esme.submitted()
    assert esme.chunks - before > 5
    await read(esme)


async def test_enquire_link_silent(trial: Any) -> None:
    carrier, esme = await trial("enquire-link-silent")
    sequence = esme.send(smpp.EnquireLink())
    await esme.submitted()
    assert all(header.sequence != sequence for header, _ in esme.responses)
    assert carrier.counts.enquire_links == 1


async def test_enquire_link_flood(trial: Any) -> None:
    carrier, _ = await trial("enquire-link-flood", short_ms=1.0)
    await carrier.until(lambda: carrier.counts.enquire_link_answers >= 5)


async def test_enquire_link_with_body(trial: Any) -> None:
    _, esme = await trial("enquire-link-with-body", short_ms=1.0)
    frame = bytes.fromhex("00000012 00000015 00000000")
    await esme.until(lambda: frame in esme.octets)
    assert esme.octets.partition(frame)[2][4:6] == b"\0x"


# -- binds


@pytest.mark.parametrize(
    ("fault", "damage"),
    [("bind-trailing-octet", "1 octets behind the last field or TLV"), ("bind-truncated", "system_id has no NUL")],
)
async def test_bind_answers_with_a_damaged_end(trial: Any, fault: str, damage: str) -> None:
    carrier, esme = await trial(fault, bind=False)
    sequence = esme.send(smpp.BindTransceiver())
    await esme.response(sequence)
    header, _, said = smpp.decode_tolerantly(bytes(esme.octets))
    assert (header.command, header.status, said) == (Command.BIND_TRANSCEIVER_RESP, Status.ROK, damage)
    assert carrier.bound == 1


@pytest.mark.parametrize(
    ("fault", "status"),
    [
        ("bind-refused", Status.RBINDFAIL),
        ("bind-password", Status.RINVPASWD),
        ("bind-already", Status.RALYBND),
        ("bind-throttled", Status.RTHROTTLED),
    ],
)
async def test_refused_binds(trial: Any, fault: str, status: Status) -> None:
    carrier, esme = await trial(f"{fault}@first-1", bind=False)
    assert (await esme.bind()).status == status
    assert (await esme.submitted())[0].status == Status.RINVBNDSTS
    assert (await esme.bind()).status == Status.ROK
    assert carrier.bound == 1


async def test_bind_receiver_refused(trial: Any) -> None:
    _, esme = await trial("bind-receiver-refused", bind=False)
    assert (await esme.bind(smpp.BindReceiver)).status == Status.RBINDFAIL
    assert (await esme.bind(smpp.BindTransceiver)).status == Status.RBINDFAIL
    assert (await esme.bind(smpp.BindTransmitter)).status == Status.ROK


async def test_bind_no_answer(trial: Any) -> None:
    carrier, esme = await trial("bind-no-answer", bind=False)
    sequence = esme.send(smpp.BindTransceiver())
    assert await silent(esme, sequence)
    assert carrier.bound == 0


async def test_bind_late(trial: Any) -> None:
    carrier, esme = await trial("bind-late", bind=False)
    began = time.monotonic()
    sequence, later = esme.send(smpp.BindTransceiver()), esme.send(smpp.EnquireLink())
    await esme.response(sequence)
    assert time.monotonic() - began >= 0.058
    assert esme.place(Command.ENQUIRE_LINK_RESP, later) < esme.place(Command.BIND_TRANSCEIVER_RESP, sequence)
    assert carrier.bound == 1


async def test_bind_cut(trial: Any) -> None:
    carrier, esme = await trial("bind-cut", bind=False)
    esme.send(smpp.BindTransceiver())
    await esme.ended()
    assert (esme.octets, carrier.bound) == (b"", 0)


async def test_bind_then_close(trial: Any) -> None:
    carrier, esme = await trial("bind-then-close")
    await esme.ended()
    assert (carrier.counts.binds, carrier.bound) == (1, 0)


# -- receipts


async def test_no_receipt(trial: Any) -> None:
    carrier, esme = await trial("no-receipt@first-1")
    await esme.submitted()
    await esme.submitted()
    assert (await read(esme)).message_id == "1001"
    await carrier.settled()
    assert carrier.counts.receipts_sent == 1


async def test_receipt_before_answer(trial: Any) -> None:
    _, esme = await trial("receipt-before-answer", receipt_ms=1000.0)
    sequence = esme.submit()
    header, _ = await esme.request(Command.DELIVER_SM)
    await esme.response(sequence)
    assert esme.place(Command.DELIVER_SM, header.sequence) < esme.place(Command.SUBMIT_SM_RESP, sequence)


async def test_receipt_twice(trial: Any) -> None:
    carrier, esme = await trial("receipt-twice")
    await esme.submitted()
    assert await read(esme) == await read(esme)
    await carrier.settled()
    assert (carrier.counts.receipts_sent, carrier.counts.resent) == (2, 0)


async def test_receipt_ack_ignored(trial: Any) -> None:
    carrier, esme = await trial("receipt-ack-ignored")
    await esme.submitted()
    assert await read(esme) == await read(esme)
    await carrier.settled()
    assert (carrier.counts.receipts_sent, carrier.counts.resent, carrier.counts.receipts_acknowledged) == (2, 1, 1)


async def test_receipt_late(trial: Any) -> None:
    _, esme = await trial("receipt-late")
    began = time.monotonic()
    await esme.submitted()
    await read(esme)
    assert time.monotonic() - began >= 0.058


async def test_receipts_reordered(trial: Any) -> None:
    _, esme = await trial("receipts-reordered")
    esme.submit()
    esme.submit()
    assert [(await read(esme)).message_id for _ in range(2)] == ["1001", "1000"]


async def test_receipt_unknown_id(trial: Any) -> None:
    carrier, esme = await trial("receipt-unknown-id")
    await esme.submitted()
    assert (await read(esme)).message_id == receipt_faults.UNKNOWN_ID
    await carrier.settled()


async def test_receipt_stray(trial: Any) -> None:
    _, esme = await trial("receipt-stray")
    await esme.submitted()
    assert {(await read(esme)).message_id for _ in range(2)} == {"1000", receipt_faults.UNKNOWN_ID}


@pytest.mark.parametrize(
    ("fault", "ids", "given", "shown"),
    [
        ("receipt-wrong-base", "decimal", "1000000", "F4240"),
        ("receipt-wrong-base", "hex", "f4240", "1000000"),
        ("receipt-wrong-base", "padded", "00000000000001000000", "F4240"),
        ("receipt-padded", "decimal", "1000000", "00000000000001000000"),
        ("receipt-unpadded", "padded", "00000000000001000000", "1000000"),
        ("receipt-case", "hex", "f4240", "F4240"),
        ("receipt-case", "hex-upper", "F4240", "f4240"),
        ("receipt-hyphens", "hex", "f4240", "f4240"),
    ],
)
async def test_ids_written_otherwise(trial: Any, fault: str, ids: str, given: str, shown: str) -> None:
    _, esme = await trial(fault, ids=IdBase(ids), first_id=1_000_000)
    _, answer = await esme.submitted()
    pdu = await told(esme)
    assert (answer.message_id, receipt.parse(pdu).message_id) == (given, shown)
    assert f"id:{shown} ".encode() in pdu.short_message
    assert set(receipt.id_forms(shown).values()) & {receipt.canonical_id(given)}


async def test_receipt_hyphens(trial: Any) -> None:
    _, esme = await trial("receipt-hyphens", ids=IdBase.UUID)
    _, answer = await esme.submitted()
    assert (await read(esme)).message_id == answer.message_id.replace("-", "") != answer.message_id
    assert receipt_faults.other_hyphens(answer.message_id.replace("-", "")) == answer.message_id


@pytest.mark.parametrize(
    ("fault", "tlv", "text"),
    [("receipt-tlv-other-id", "own-1000", "1000"), ("receipt-text-other-id", "1000", "own-1000")],
)
async def test_receipt_with_two_ids(trial: Any, fault: str, tlv: str, text: str) -> None:
    _, esme = await trial(fault)
    await esme.submitted()
    assert (await read(esme)).ids == (tlv, text)


async def test_receipt_bare_state(trial: Any) -> None:
    _, esme = await trial("receipt-bare-state")
    await esme.submitted()
    pdu = await told(esme)
    assert re.fullmatch(rb"id:1000 sub:001 .* done date:[0-9]{10} DELIVRD err:000 text:Hello", pdu.short_message)
    assert pdu.tlvs == {}


async def test_receipt_no_state(trial: Any) -> None:
    _, esme = await trial("receipt-no-state")
    await esme.submitted()
    pdu = await told(esme)
    assert (pdu.short_message, pdu.tlvs) == (b"id:1000 sub:001 err:000", {})


async def test_receipt_unknown_word(trial: Any) -> None:
    _, esme = await trial("receipt-unknown-word")
    await esme.submitted()
    said = await read(esme)
    assert (said.state, said.stat, said.is_final) == (None, "NOCRED", True)


async def test_receipt_buffered(trial: Any) -> None:
    _, esme = await trial("receipt-buffered")
    await esme.submitted()
    early, final = await read(esme), await read(esme)
    assert (early.stat, early.is_final, final.stat, final.is_final) == ("BUFFRED", False, "DELIVRD", True)


@pytest.mark.parametrize(
    ("fault", "data_coding", "encoding"),
    [("receipt-coding-ucs2", 8, "ascii"), ("receipt-text-ucs2", 0, "utf-16-be")],
)
async def test_receipt_with_a_wrong_coding(trial: Any, fault: str, data_coding: int, encoding: str) -> None:
    _, esme = await trial(fault)
    await esme.submitted()
    pdu = await told(esme)
    assert (pdu.data_coding, pdu.tlvs) == (data_coding, {})
    assert pdu.short_message.decode(encoding).startswith("id:1000 ")
    assert receipt.parse(pdu).state is MessageState.DELIVERED


async def test_receipt_clock_ahead(trial: Any) -> None:
    _, esme = await trial("receipt-clock-ahead")
    await esme.submitted()
    done = receipt.moment((await read(esme)).done_date or "")
    assert done is not None and 7000 < done / 1e6 - time.time() < 7300


@pytest.mark.parametrize(("fault", "ids"), [("receipt-first-part", ["1000"]), ("receipt-last-part", ["1002"])])
async def test_receipt_of_one_part(trial: Any, fault: str, ids: list[str]) -> None:
    carrier, esme = await trial(fault)
    for part in text.parts(segments.segment(LONG), reference=1, mode=text.LongMode.UDH8):
        await esme.submitted(short_message=part.short_message, esm_class=part.esm_class)
    assert [(await read(esme)).message_id for _ in ids] == ids
    await carrier.settled()
    assert carrier.counts.receipts_sent == len(ids)


async def test_receipt_addresses_empty(trial: Any) -> None:
    _, esme = await trial("receipt-addresses-empty")
    await esme.submitted()
    pdu = await told(esme)
    assert (pdu.source_addr, pdu.destination_addr) == ("", "")


async def test_receipt_garbage_text(trial: Any) -> None:
    carrier, esme = await trial("receipt-garbage-text")
    await esme.submitted()
    pdu = await told(esme)
    assert (pdu.esm_class, pdu.short_message, pdu.tlvs) == (0x04, receipt_faults.GARBAGE, {})
    await carrier.settled()


async def test_receipt_empty(trial: Any) -> None:
    _, esme = await trial("receipt-empty")
    await esme.submitted()
    pdu = await told(esme)
    assert (pdu.esm_class, pdu.short_message, pdu.tlvs) == (0x04, b"", {})


async def test_receipt_tlv_only(trial: Any) -> None:
    _, esme = await trial("receipt-tlv-only")
    await esme.submitted()
    pdu = await told(esme)
    assert pdu.short_message == b""
    assert pdu.tlvs == {Tag.RECEIPTED_MESSAGE_ID: b"1000\0", Tag.MESSAGE_STATE: b"\x02"}


async def test_receipt_text_only(trial: Any) -> None:
    _, esme = await trial("receipt-text-only")
    await esme.submitted()
    pdu = await told(esme)
    assert pdu.tlvs == {}
    pattern = rb"id:1000 sub:001 dlvrd:001 submit date:\d{10} done date:\d{10} stat:DELIVRD err:000 text:Hello"
    assert re.fullmatch(pattern, pdu.short_message)


async def test_receipt_missing_fields(trial: Any) -> None:
    _, esme = await trial("receipt-missing-fields")
    await esme.submitted()
    pdu = await told(esme)
    assert (pdu.short_message, pdu.tlvs) == (b"id:1000 stat:DELIVRD", {})


async def test_receipt_fields_reordered(trial: Any) -> None:
    _, esme = await trial("receipt-fields-reordered")
    await esme.submitted()
    pdu = await told(esme)
    assert pdu.short_message.startswith(b"text:Hello err:000 stat:DELIVRD")
    assert pdu.short_message.endswith(b"sub:001 id:1000")


async def test_receipt_spelling(trial: Any) -> None:
    _, esme = await trial("receipt-spelling")
    await esme.submitted()
    pdu = await told(esme)
    pattern = rb"ID:1000 Sub:001 Dlvrd:001 Submit_Date:\d+ Done_Date:\d+ Stat:DELIVERED Err:000 Text:Hello"
    assert re.fullmatch(pattern, pdu.short_message)
    assert receipt.parse(pdu).state is MessageState.DELIVERED


async def test_receipt_data_sm(trial: Any) -> None:
    carrier, esme = await trial("receipt-data-sm")
    await esme.submitted()
    pdu = await told(esme)
    assert isinstance(pdu, smpp.DataSm)
    assert receipt.parse(pdu).message_id == "1000"
    assert pdu.tlvs[Tag.MESSAGE_PAYLOAD].startswith(b"id:1000 ")
    await carrier.settled()


async def test_receipt_unmarked(trial: Any) -> None:
    _, esme = await trial("receipt-unmarked")
    await esme.submitted()
    pdu = await told(esme)
    assert pdu.esm_class == 0
    assert pdu.short_message.startswith(b"id:1000 ")


async def test_receipt_addresses_unturned(trial: Any) -> None:
    _, esme = await trial("receipt-addresses-unturned")
    await esme.submitted()
    pdu = await told(esme)
    assert (pdu.source_addr, pdu.destination_addr) == ("12025550101", "15005551001")


async def test_receipt_intermediate(trial: Any) -> None:
    _, esme = await trial("receipt-intermediate")
    await esme.submitted()
    states = [(await read(esme)).state for _ in range(3)]
    assert states == [MessageState.ENROUTE, MessageState.ACCEPTED, MessageState.DELIVERED]


async def test_receipt_undelivered(trial: Any) -> None:
    _, esme = await trial("receipt-undelivered")
    await esme.submitted()
    pdu = await told(esme)
    parsed = receipt.parse(pdu)
    assert (parsed.state, parsed.error) == (MessageState.UNDELIVERABLE, "001")
    assert pdu.tlvs[Tag.NETWORK_ERROR_CODE] == b"\x03\x00\x01"
    assert b"stat:UNDELIV err:001" in pdu.short_message


async def test_receipt_contradicts(trial: Any) -> None:
    _, esme = await trial("receipt-contradicts")
    await esme.submitted()
    assert [(await read(esme)).state for _ in range(2)] == [MessageState.DELIVERED, MessageState.UNDELIVERABLE]


@pytest.mark.parametrize("state", list(MessageState))
async def test_every_receipt_state(trial: Any, state: MessageState) -> None:
    _, esme = await trial(f"receipt-state-{state.name}")
    await esme.submitted()
    pdu = await told(esme)
    assert (receipt.parse(pdu).state, pdu.tlvs[Tag.MESSAGE_STATE]) == (state, bytes((state,)))


@pytest.mark.parametrize(
    ("fault", "tail"), [("receipt-trailing-octet", b"\0"), ("receipt-cut-tlv", damage_faults.CUT_TLV)]
)
async def test_receipts_with_a_damaged_end(trial: Any, fault: str, tail: bytes) -> None:
    carrier, esme = await trial(fault)
    await esme.submitted()
    await esme.until(lambda: esme.octets.endswith(tail) and b"stat:DELIVRD" in esme.octets)
    assert carrier.counts.receipts_sent == 1


# -- inbound messages


@pytest.mark.parametrize(("fault", "tail"), [("mo-trailing-octet", b"\0"), ("mo-cut-tlv", damage_faults.CUT_TLV)])
async def test_mo_with_a_damaged_end(trial: Any, fault: str, tail: bytes) -> None:
    carrier, esme = await trial(fault)
    carrier.inbound(Inbound(source="+12065550123", destination="+12025550101", text="Hello"))
    await esme.until(lambda: esme.octets.endswith(b"Hello" + tail))


async def test_mo_reference_reused(trial: Any) -> None:
    carrier, esme = await trial("mo-reference-reused")
    done = carrier.inbound(Inbound(source="+12065550123", destination="+12025550101", text=LONG))
    came = [text.read(await told(esme)) for _ in range(6)]
    await done
    assert len({each.concat.reference for each in came}) == 1
    assert [each.text for each in came[:2]] == [each.text for each in came[3:5]]
    assert came[5].text == came[2].text[:-1] + "!"


async def test_mo_single_shift(trial: Any) -> None:
    carrier, esme = await trial("mo-single-shift")
    await carrier.inbound(Inbound(source="+12065550123", destination="+12025550101", text="Esta manana"))
    assert text.read(await told(esme)).text == "Est\xe1 m\xe1n\xe1n\xe1"


async def test_mo_national_numbers(trial: Any) -> None:
    carrier, esme = await trial("mo-national-numbers")
    await carrier.inbound(Inbound(source="+12065550123", destination="+12025550101", text="Hello"))
    pdu = await told(esme)
    assert (pdu.source_addr_ton, pdu.source_addr) == (2, "2065550123")
    assert (pdu.dest_addr_ton, pdu.destination_addr) == (2, "2025550101")


async def sent_in(carrier: TortureCarrier, esme: Esme, count: int) -> list[tuple[int, int]]:
    """(reference, part) of each PDU of a long message, as it came."""
    done = carrier.inbound(Inbound(source="+12065550123", destination="+12025550101", text=LONG))
    concats = [text.read(await told(esme)).concat for _ in range(count)]
    await done
    assert carrier.owed == 0
    return [(concat.reference, concat.part) for concat in concats if concat]


async def test_mo_duplicate(trial: Any) -> None:
    carrier, esme = await trial("mo-duplicate")
    assert await sent_in(carrier, esme, 6) == [(1, 1), (1, 1), (1, 2), (1, 2), (1, 3), (1, 3)]


async def test_mo_part_missing(trial: Any) -> None:
    carrier, esme = await trial("mo-part-missing")
    assert await sent_in(carrier, esme, 2) == [(1, 1), (1, 2)]


async def test_mo_parts_reordered(trial: Any) -> None:
    carrier, esme = await trial("mo-parts-reordered")
    assert await sent_in(carrier, esme, 3) == [(1, 3), (1, 2), (1, 1)]


async def test_mo_interleaved(trial: Any) -> None:
    carrier, esme = await trial("mo-interleaved")
    assert await sent_in(carrier, esme, 6) == [(1, 1), (2, 1), (1, 2), (2, 2), (1, 3), (2, 3)]


async def test_mo_parts_spread(trial: Any) -> None:
    carrier, esme = await trial("mo-parts-spread")
    async with Esme(carrier.port) as other:
        await other.bind(smpp.BindReceiver)
        await carrier.inbound(Inbound(source="+12065550123", destination="+12025550101", text=LONG))
        assert [text.read(await told(esme)).concat.part for _ in range(2)] == [1, 3]
        assert text.read(await told(other)).concat.part == 2


async def test_mo_bad_udh(trial: Any) -> None:
    carrier, esme = await trial("mo-bad-udh")
    await carrier.inbound(Inbound(source="+12065550123", destination="+12025550101", text="Hello"))
    pdu = await told(esme)
    assert (pdu.esm_class & text.UDHI, pdu.short_message) == (text.UDHI, b"\xfaello")


async def test_mo_unknown_coding(trial: Any) -> None:
    carrier, esme = await trial("mo-unknown-coding")
    await carrier.inbound(Inbound(source="+12065550123", destination="+12025550101", text="Hello"))
    assert (await told(esme)).data_coding == 0x0B


# -- queries


@pytest.mark.parametrize(("fault", "status"), [("query-fails", Status.RQUERYFAIL), ("query-unknown", Status.RINVMSGID)])
async def test_queries_refused(trial: Any, fault: str, status: Status) -> None:
    _, esme = await trial(fault)
    await esme.submitted()
    header, _ = await esme.ask(smpp.QuerySm(message_id="1000", source_addr="12025550101"))
    assert header.status == status


async def test_query_no_answer(trial: Any) -> None:
    carrier, esme = await trial("query-no-answer")
    assert await silent(esme, esme.send(smpp.QuerySm(message_id="1000")))
    assert carrier.counts.queries == 1


# -- choosing


async def test_a_fault_for_some_destinations(trial: Any) -> None:
    _, esme = await trial(faults_for={"+15005551001": "throttle", "2": "sysfail,error-with-body"})
    assert (await esme.submitted(to="15005551001"))[0].status == Status.RTHROTTLED
    assert (await esme.submitted(to="15005551003"))[0].status == Status.ROK
    header, answer = await esme.submitted(to="15005551002")
    assert (header.status, answer.message_id) == (Status.RSYSERR, "1002")


@pytest.mark.parametrize(
    ("when", "struck"),
    [("", "11111"), ("@every-2", "01010"), ("@first-2", "11000"), ("@after-3", "00011"), ("@0%", "00000")],
)
async def test_when_a_fault_strikes(trial: Any, when: str, struck: str) -> None:
    carrier, esme = await trial(f"throttle{when}")
    statuses = [await refusal(esme) for _ in struck]
    assert "".join("1" if status == Status.RTHROTTLED else "0" for status in statuses) == struck
    assert carrier.faults.get("throttle", 0) == struck.count("1")


async def test_chance_is_the_same_with_the_same_seed(trial: Any) -> None:
    runs = []
    for _ in range(2):
        _, esme = await trial("throttle@50%", seed=3)
        runs.append([await refusal(esme) for _ in range(30)])
    assert runs[0] == runs[1]
    assert set(runs[0]) == {Status.ROK, Status.RTHROTTLED}


@pytest.mark.parametrize(
    "wrong",
    ["nothing", "status-NONE", "status-0", "throttle@often", "throttle@x%", "throttle@every-0", ""],
)
def test_what_can_not_be_asked_for(wrong: str) -> None:
    with pytest.raises(faults.UnknownFault):
        TortureCarrier(TortureSettings(faults=(wrong,)))


def test_faults_without_a_destination_can_not_be_asked_for_by_one() -> None:
    with pytest.raises(faults.UnknownFault, match="bind"):
        TortureCarrier(TortureSettings(faults_for={"1001": "bind-refused"}))


def test_every_fault_has_a_test() -> None:
    source = Path(__file__).read_text()
    many = ("status-", "receipt-state-")  # of which each test goes over all
    missing = [
        fault.name
        for fault in faults.TABLE
        if not fault.name.startswith(many)
        and f"def test_{fault.name.replace('-', '_')}(" not in source
        and f'("{fault.name}", ' not in source
    ]
    assert missing == []
    assert len({fault.name for fault in faults.TABLE}) == len(faults.TABLE)
    assert sum(not fault.name.startswith(many) for fault in faults.TABLE) >= 40
