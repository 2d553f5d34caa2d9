"""Submits: taken through the one accept, answered with our ids, refused in SMPP's words."""

import uuid
from typing import Any

import pytest

from heliograph.wire.smpp import pdu as smpp
from heliograph.wire.smpp.pdu import Address, Status, Tag
from heliograph.wire.smpp.receipt import MessageState
from servers import wait_until
from smpp_customer import Credential, Customer, Smsc, SmscFactory, part, text_from

HANDSET = "+13125550199"


@pytest.fixture
def bound(smsc: Smsc, another: Credential) -> Customer:
    return smsc.bind(another)


@pytest.fixture(scope="module")
def another(shared: Smsc) -> Credential:
    return shared.credential("another")


@pytest.fixture
def customer(smsc: Smsc) -> Customer:
    """A bind over which nothing comes that this test did not ask for."""
    return smsc.bind(smsc.credential(f"s{uuid.uuid4().hex[:12]}"))


def test_a_text_is_taken_and_answered_with_our_id(smsc: Smsc, customer: Customer) -> None:
    status, answer = customer.ask(text_from(smsc.number))
    assert status is Status.ROK
    message = smsc.message(answer.message_id)
    assert (message["body"], message["from"], message["to"]) == ("hello", smsc.number, HANDSET)
    assert (message["direction"], message["num_segments"]) == ("outbound-api", 1)
    smsc.reaches(answer.message_id, "delivered")
    assert customer.is_quiet(), "no receipt was asked for"


def test_a_message_that_is_taken_has_no_callback_url(smsc: Smsc, customer: Customer) -> None:
    _, answer = customer.ask(text_from(smsc.number, registered_delivery=1))
    log = smsc.server.request("GET", f"/api/messaging/logs/{answer.message_id}").json()
    assert (log["source"], log["type"]) == ("laml", "laml_message")
    redacted = smsc.reaches(answer.message_id, "delivered") and smsc.server.request(
        "PATCH", f"/api/messaging/messages/{answer.message_id}", json_body={"body": ""}
    )
    assert redacted.status == 200 and redacted.json()["status_callback_url"] is None


@pytest.mark.parametrize(
    ("fields", "body"),
    [
        ({"data_coding": 8, "short_message": "Grüße 👋".encode("utf-16-be")}, "Grüße 👋"),
        ({"data_coding": 3, "short_message": "café".encode("latin-1")}, "café"),
        ({"short_message": b"\x00 \x1be"}, "@ €"),
        ({"short_message": b"", "tlvs": {Tag.MESSAGE_PAYLOAD: b"x" * 400}}, "x" * 400),
    ],
)
def test_texts_in_every_alphabet(smsc: Smsc, customer: Customer, fields: dict[str, Any], body: str) -> None:
    status, answer = customer.ask(text_from(smsc.number, **fields))
    assert status is Status.ROK and smsc.message(answer.message_id)["body"] == body


def test_data_sm_is_a_submit(smsc: Smsc, customer: Customer) -> None:
    data = smpp.DataSm(
        source_addr_ton=1,
        source_addr=smsc.number[1:],
        dest_addr_ton=1,
        destination_addr=HANDSET[1:],
        tlvs={Tag.MESSAGE_PAYLOAD: b"data"},
    )
    status, answer = customer.ask(data)
    assert status is Status.ROK and smsc.message(answer.message_id)["body"] == "data"


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"destination_addr": "abc"}, Status.RINVDSTADR),
        ({"destination_addr": ""}, Status.RINVDSTADR),
        ({"destination_addr": "15005550001"}, Status.RINVDSTADR),
        ({"source_addr": ""}, Status.RINVSRCADR),
        ({"source_addr": "13125550000"}, Status.RINVSRCADR),
        ({"source_addr": "Acme", "source_addr_ton": 5}, Status.RINVSRCADR),
        ({"source_addr": "15005550008"}, Status.RMSGQFUL),
        ({"short_message": b""}, Status.RINVMSGLEN),
        ({"short_message": b"", "tlvs": {Tag.MESSAGE_PAYLOAD: b"x" * 1601}}, Status.RINVMSGLEN),
        ({"schedule_delivery_time": "000000010000000R"}, Status.RINVSCHED),
        ({"validity_period": "soon"}, Status.RINVEXPIRY),
        ({"esm_class": 2}, Status.RINVESMCLASS),
        ({"data_coding": 4}, Status.RX_P_APPN),
        ({"data_coding": 8, "short_message": b"odd"}, Status.RX_P_APPN),
        ({"data_coding": 1, "short_message": b"padded\0"}, Status.RX_P_APPN),
    ],
)
def test_refusals_in_smpps_words(smsc: Smsc, bound: Customer, fields: dict[str, Any], status: Status) -> None:
    assert bound.ask(text_from(smsc.number, **fields))[0] is status


@pytest.mark.parametrize(
    ("last", "status", "text"),
    [(b"\xdc\x4b", Status.ROK, "h👋"), (b"\0i", Status.RX_P_APPN, None), (b"\xdc\x4b\0", Status.RX_P_APPN, None)],
)
def test_last_part_is_refused_where_the_whole_text_can_not_be_read(
    smsc: Smsc, bound: Customer, last: bytes, status: Status, text: str | None
) -> None:
    reference = last[-1]
    first = text_from(smsc.number, data_coding=8, **part(reference, 2, 1, b"\0h\xd8\x3d"))
    accepted, answer = bound.ask(first)
    assert accepted is Status.ROK
    assert bound.ask(text_from(smsc.number, data_coding=8, **part(reference, 2, 2, last)))[0] is status
    if text is not None:
        assert smsc.reaches(answer.message_id, "delivered")["body"] == text


def test_a_full_backlog_is_told(own_smsc: SmscFactory) -> None:
    smsc = own_smsc(backlog_limit=1, simulator_window=1, simulator_answer_ms=60_000)
    customer = smsc.bind(smsc.credential("acme"))
    _, first = customer.ask(text_from(smsc.number))
    smsc.reaches(first.message_id, "sending")
    assert customer.ask(text_from(smsc.number))[0] is Status.ROK
    assert customer.ask(text_from(smsc.number))[0] is Status.RMSGQFUL


def test_a_credential_sends_so_many_segments_a_second(smsc: Smsc) -> None:
    customer = smsc.bind(smsc.credential("rate", rate=3))
    long = text_from(smsc.number, short_message=b"", tlvs={Tag.MESSAGE_PAYLOAD: b"x" * 300})
    assert customer.ask(long)[0] is Status.ROK
    sequences = [customer.send(text_from(smsc.number)) for _ in range(20)]
    seen = [customer.answer_to(sequence)[0] for sequence in sequences]
    assert seen.count(Status.ROK) <= 3 and Status.RTHROTTLED in seen
    wait_until(lambda: customer.ask(text_from(smsc.number))[0] is Status.ROK, "the rate to allow one more")
    assert smsc.metric('heliograph_smpp_submits_total{outcome="RTHROTTLED",system_id="rate"}') >= 10


def test_validity_ends_a_message_that_waits(own_smsc: SmscFactory) -> None:
    smsc = own_smsc(sweep_seconds=0.05)
    customer = smsc.bind(smsc.credential("acme"))
    never_answered = "+15005554001"
    pdu = text_from(smsc.number, never_answered, validity_period="000000000001000R", registered_delivery=1)
    _, answer = customer.ask(pdu)
    receipt = customer.take()
    assert f"id:{answer.message_id} ".encode() in receipt.short_message
    assert b"stat:EXPIRED err:009" in receipt.short_message


# -- long messages in parts


def test_parts_in_any_order_make_one_message(smsc: Smsc, customer: Customer) -> None:
    texts = {1: b"first, ", 2: b"second, ", 3: b"third"}
    ids = {}
    for number in (3, 1, 2):
        pdu = text_from(smsc.number, registered_delivery=1, **part(7, 3, number, texts[number]))
        status, answer = customer.ask(pdu)
        assert status is Status.ROK
        ids[number] = answer.message_id
    assert ids == {1: ids[1], 2: f"{ids[1]}-2", 3: f"{ids[1]}-3"}
    message = smsc.reaches(ids[1], "delivered")
    assert message["body"] == "first, second, third"
    receipts = [customer.take() for _ in range(3)]
    assert [each.tlvs[Tag.RECEIPTED_MESSAGE_ID].rstrip(b"\0").decode() for each in receipts] == sorted(ids.values())
    assert customer.is_quiet()


def test_parts_at_once_make_one_message(smsc: Smsc, customer: Customer) -> None:
    pieces = [part(8, 10, number, b"%d " % number) for number in range(1, 11)]
    sequences = [customer.send(text_from(smsc.number, **piece)) for piece in pieces]
    ids = [customer.answer_to(sequence)[1].message_id for sequence in sequences]
    assert ids == [ids[0], *(f"{ids[0]}-{number}" for number in range(2, 11))]
    assert smsc.message(ids[0])["body"] == "1 2 3 4 5 6 7 8 9 10 "


def test_only_the_parts_that_asked_get_a_receipt(smsc: Smsc, customer: Customer) -> None:
    customer.ask(text_from(smsc.number, **part(9, 2, 1, b"one ")))
    _, last = customer.ask(text_from(smsc.number, registered_delivery=1, **part(9, 2, 2, b"two")))
    assert f"id:{last.message_id} ".encode() in customer.take().short_message
    assert customer.is_quiet()


def test_a_character_cut_in_two_is_whole_again(smsc: Smsc, customer: Customer) -> None:
    octets = "a👋b".encode("utf-16-be")
    customer.ask(text_from(smsc.number, data_coding=8, **part(10, 2, 2, octets[4:])))
    _, answer = customer.ask(text_from(smsc.number, data_coding=8, **part(10, 2, 1, octets[:4])))
    assert smsc.message(answer.message_id)["body"] == "a👋b"


def test_the_same_long_message_twice_is_two(smsc: Smsc, customer: Customer) -> None:
    seen = set()
    for _ in range(2):
        for number in (1, 2):
            _, answer = customer.ask(text_from(smsc.number, **part(11, 2, number, b"again ")))
        seen.add(answer.message_id)
    assert len(seen) == 2
    assert all(smsc.message(each[:36])["body"] == "again again " for each in seen)


def test_a_part_is_refused_as_its_message_would_be(smsc: Smsc, customer: Customer) -> None:
    piece = part(12, 2, 1, b"one")
    assert customer.ask(text_from(smsc.number, "+15005550001", **piece))[0] is Status.RINVDSTADR
    assert customer.ask(text_from("+13125550000", **piece))[0] is Status.RINVSRCADR
    for number in range(1, 12):
        status, _ = customer.ask(text_from(smsc.number, **part(13, 12, number, b"x" * 150)))
        assert status is Status.ROK
    assert customer.ask(text_from(smsc.number, **part(13, 12, 12, b"x" * 150)))[0] is Status.RINVMSGLEN


def test_what_came_of_an_incomplete_message_is_sent_and_marked(smsc: Smsc, customer: Customer) -> None:
    _, answer = customer.ask(text_from(smsc.number, registered_delivery=1, **part(14, 3, 3, b"the end")))
    message_id = answer.message_id.removesuffix("-3")
    assert f"id:{message_id}-3 ".encode() in customer.take().short_message
    assert smsc.message(message_id)["body"] == "the end"
    timeline = smsc.server.request("GET", f"/api/heliograph/messages/{message_id}/timeline").json()
    assert any("of 3 parts, 1, 2 never came" in (each["detail"] or "") for each in timeline["steps"])


def test_parts_survive_a_restart(own_smsc: SmscFactory) -> None:
    smsc = own_smsc(reassembly_seconds=600)
    credential = smsc.credential("acme")
    _, first = smsc.bind(credential).ask(text_from(smsc.number, **part(15, 2, 1, b"before ")))
    smsc.server.kill()
    smsc.server.start()
    _, second = smsc.bind(credential).ask(text_from(smsc.number, **part(15, 2, 2, b"and after")))
    assert second.message_id == f"{first.message_id}-2"
    assert smsc.message(first.message_id)["body"] == "before and after"


# -- several destinations


def to_many(number: str, *destinations: Address | str, **fields: Any) -> smpp.SubmitMulti:
    return smpp.SubmitMulti(
        source_addr_ton=1, source_addr=number[1:], dest_address=destinations, short_message=b"all", **fields
    )


def test_several_destinations_are_answered_one_by_one(smsc: Smsc, customer: Customer) -> None:
    good, other, bad = (Address(1, 1, digits) for digits in ("13125550191", "13125550192", "15005550001"))
    status, answer = customer.ask(to_many(smsc.number, bad, good, "friends", other, registered_delivery=1))
    assert status is Status.ROK
    refused = {each.destination_addr: each.error_status_code for each in answer.unsuccess_sme}
    assert refused == {"15005550001": Status.RINVDSTADR, "friends": Status.RINVDLNAME}
    receipts = [customer.take(), customer.take()]
    assert {each.source_addr for each in receipts} == {"13125550191", "13125550192"}
    assert all(f"id:{answer.message_id} ".encode() in each.short_message for each in receipts)


def test_no_destination_that_can_be_served_is_an_error(smsc: Smsc, bound: Customer) -> None:
    assert bound.ask(to_many(smsc.number))[0] is Status.RINVNUMDESTS
    assert bound.ask(to_many(smsc.number, Address(1, 1, "15005550001")))[0] is Status.RINVDSTADR


# -- what customers ask of their messages


def test_a_message_can_be_asked_for_by_its_customer_only(smsc: Smsc, customer: Customer, bound: Customer) -> None:
    _, answer = customer.ask(text_from(smsc.number))
    smsc.reaches(answer.message_id, "delivered")
    query = smpp.QuerySm(message_id=answer.message_id, source_addr_ton=1, source_addr=smsc.number[1:])
    status, found = customer.ask(query)
    assert (status, found.message_state, found.error_code) == (Status.ROK, MessageState.DELIVERED, 0)
    assert len(found.final_date) == 16
    assert bound.ask(query)[0] is Status.RINVMSGID
    assert customer.ask(smpp.QuerySm())[0] is Status.RQUERYFAIL
    for message_id in ("1", "x" * 64, str(uuid.uuid4()), f"{answer.message_id}x", f"{answer.message_id}-"):
        assert customer.ask(smpp.QuerySm(message_id=message_id))[0] is Status.RINVMSGID
    strange = smpp.QuerySm(message_id=answer.message_id, source_addr_ton=1, source_addr="1")
    assert customer.ask(strange)[0] is Status.RQUERYFAIL


def test_an_id_that_no_answer_has_room_for_is_answered(smsc: Smsc, bound: Customer) -> None:
    _, answer = bound.ask(text_from(smsc.number))
    query = smpp.QuerySm(message_id=f"{answer.message_id}-{'1' * 100}")
    octets = bytearray(smpp.encode(smpp.QuerySm(message_id="x"), 7777))
    octets = octets[:16] + query.message_id.encode() + octets[17:]
    bound.write(len(octets).to_bytes(4, "big") + bytes(octets[4:]))
    assert bound.answer_to(7777)[0] is Status.RINVMSGID


def test_a_queued_message_can_be_cancelled_and_a_sent_one_can_not(own_smsc: SmscFactory) -> None:
    smsc = own_smsc(simulator_window=1, simulator_answer_ms=60_000)
    customer = smsc.bind(smsc.credential("acme"))
    ids = [customer.ask(text_from(smsc.number, registered_delivery=1))[1].message_id for _ in range(20)]
    smsc.reaches(ids[0], "sending")
    assert customer.ask(smpp.CancelSm(message_id=ids[0]))[0] is Status.RCANCELFAIL
    assert customer.ask(smpp.CancelSm(message_id=""))[0] is Status.RCANCELFAIL
    assert customer.ask(smpp.CancelSm(message_id=ids[-1], source_addr="1"))[0] is Status.RCANCELFAIL
    assert customer.ask(smpp.CancelSm(message_id=ids[-1]))[0] is Status.ROK
    receipt = customer.take()
    assert f"id:{ids[-1]} ".encode() in receipt.short_message and b"stat:DELETED" in receipt.short_message
    assert customer.ask(smpp.CancelSm(message_id=ids[-1]))[0] is Status.RCANCELFAIL
    _, found = customer.ask(smpp.QuerySm(message_id=ids[-1]))
    assert found.message_state == MessageState.DELETED


def test_replacing_is_refused(bound: Customer) -> None:
    assert bound.ask(smpp.ReplaceSm(message_id="1", short_message=b"x"))[0] is Status.RREPLACEFAIL


def test_incomplete_messages_of_one_customer_are_bounded(own_smsc: SmscFactory) -> None:
    smsc = own_smsc(reassembly_seconds=600, smpp_unanswered_max=5, smpp_incomplete_max=20)
    customer = smsc.bind(smsc.credential("acme"))
    receivers = (f"+1312{number:07}" for number in range(60))
    sequences = [customer.send(text_from(smsc.number, to, **part(1, 2, 1, b"x"))) for to in receivers]
    seen = [customer.answer_to(sequence)[0] for sequence in sequences]
    assert 20 <= seen.count(Status.ROK) <= 25 and seen[-1] is Status.RMSGQFUL
    last = text_from(smsc.number, "+13120000000", **part(1, 2, 2, b"y"))
    assert customer.ask(last)[0] is Status.ROK, "what is there may be completed"
