"""Receipts and inbound messages: handed over within the window, kept until they are acknowledged, told again."""

import uuid
from collections.abc import Callable
from typing import Any

import pytest

from heliograph.wire.smpp import pdu as smpp
from heliograph.wire.smpp import receipt, text
from heliograph.wire.smpp.pdu import Status, Tag
from heliograph.wire.smpp.receipt import MessageState
from servers import wait_until
from smpp_customer import Closed, Credential, Customer, Smsc, SmscFactory, part, text_from

UNREACHABLE = "+15005553003"
REFUSED = "+15005554000"
HANDSET = "+13125550001"

Make = Callable[..., Credential]


@pytest.fixture
def make(smsc: Smsc) -> Make:
    return lambda **wish: smsc.credential(f"d{uuid.uuid4().hex[:12]}", **wish)


@pytest.fixture
def customer(smsc: Smsc, make: Make) -> Customer:
    return smsc.bind(make())


def read(pdu: smpp.DeliverSm) -> receipt.Receipt:
    found = receipt.parse(pdu)
    assert found is not None
    return found


# -- receipts


def test_a_receipt_says_it_in_text_and_in_tlvs(smsc: Smsc, customer: Customer) -> None:
    reference = {int(Tag.USER_MESSAGE_REFERENCE): b"\x12\x34"}
    _, answer = customer.ask(text_from(smsc.number, registered_delivery=1, tlvs=reference))
    pdu = customer.take()
    assert pdu.esm_class == receipt.DELIVERY_RECEIPT
    assert (pdu.source_addr, pdu.destination_addr) == ("13125550199", smsc.number[1:])
    line = pdu.short_message.decode()
    assert line.startswith(f"id:{answer.message_id} sub:001 dlvrd:001 submit date:")
    assert line.endswith(" stat:DELIVRD err:000 text:hello")
    assert pdu.tlvs == reference | {
        Tag.RECEIPTED_MESSAGE_ID: answer.message_id.encode() + b"\0",
        Tag.MESSAGE_STATE: bytes((MessageState.DELIVERED,)),
    }


@pytest.mark.parametrize(
    ("registered_delivery", "to", "states"),
    [
        (1, HANDSET, ["DELIVERED"]),
        (1, UNREACHABLE, ["UNDELIVERABLE"]),
        (1, REFUSED, ["REJECTED"]),
        (2, UNREACHABLE, ["UNDELIVERABLE"]),
        (2, HANDSET, []),
        (0, UNREACHABLE, []),
        (0x11, HANDSET, ["ACCEPTED", "DELIVERED"]),
        (0x10, HANDSET, ["ACCEPTED"]),
    ],
)
def test_only_what_was_asked_for_is_told(
    smsc: Smsc, customer: Customer, registered_delivery: int, to: str, states: list[str]
) -> None:
    _, answer = customer.ask(text_from(smsc.number, to, registered_delivery=registered_delivery))
    assert [read(customer.take()).state.name for _ in states] == states
    wait_until(lambda: smsc.message(answer.message_id)["status"] in ("delivered", "undelivered", "failed"), "the end")
    assert customer.is_quiet()


def test_an_intermediate_notification_is_called_one(smsc: Smsc, customer: Customer) -> None:
    customer.ask(text_from(smsc.number, registered_delivery=0x10))
    assert customer.take().esm_class == receipt.INTERMEDIATE_NOTIFICATION


def test_receipts_go_to_receivers_and_transceivers_only(smsc: Smsc, make: Make) -> None:
    credential = make()
    transmitter, receiver = smsc.bind(credential, "transmitter"), smsc.bind(credential, "receiver")
    _, answer = transmitter.ask(text_from(smsc.number, registered_delivery=1))
    assert read(receiver.take()).message_id == answer.message_id
    assert transmitter.is_quiet()


def test_receipts_wait_for_a_bind_that_receives(smsc: Smsc, make: Make) -> None:
    credential = make()
    transmitter = smsc.bind(credential, "transmitter")
    ids = {transmitter.ask(text_from(smsc.number, registered_delivery=1))[1].message_id for _ in range(25)}
    for message_id in ids:
        smsc.reaches(message_id, "delivered")
    receiver = smsc.bind(credential, "receiver")
    assert {read(receiver.take()).message_id for _ in ids} == ids
    assert receiver.is_quiet()


def test_an_old_client_gets_no_tlvs(smsc: Smsc, make: Make) -> None:
    customer = smsc.bind(make(), interface_version=0x33)
    customer.ask(text_from(smsc.number, registered_delivery=1))
    assert customer.take().tlvs == {}


# -- the window, and what is not acknowledged


def test_no_more_than_the_window_waits_for_its_answer(smsc: Smsc, make: Make) -> None:
    credential = make(window=3)
    customer = smsc.bind(credential)
    for _ in range(10):
        customer.ask(text_from(smsc.number, registered_delivery=1))
    waiting = [customer.next(smpp.DeliverSm) for _ in range(3)]
    assert customer.is_quiet()
    line = f'heliograph_smpp_deliver_outstanding{{system_id="{credential.system_id}"}}'
    assert smsc.metric(line) == 3
    assert smsc.metric(f'heliograph_smpp_binds{{system_id="{credential.system_id}"}}') == 1
    for header, _ in waiting:
        customer.respond(header)
    told = {read(pdu).message_id for _, pdu in waiting} | {read(customer.take()).message_id for _ in range(7)}
    assert len(told) == 10 and customer.is_quiet()


def test_what_a_lost_bind_did_not_acknowledge_is_told_over_the_next(smsc: Smsc, make: Make) -> None:
    credential = make()
    first = smsc.bind(credential)
    ids = {first.ask(text_from(smsc.number, registered_delivery=1))[1].message_id for _ in range(5)}
    for _ in ids:
        first.next(smpp.DeliverSm)
    first.cut()
    second = smsc.bind(credential)
    assert {read(second.take()).message_id for _ in ids} == ids
    assert second.is_quiet()


def test_another_bind_takes_over_from_one_that_is_lost(smsc: Smsc, make: Make) -> None:
    credential = make(window=1)
    first = smsc.bind(credential, "receiver")
    second = smsc.bind(credential, "transceiver")
    ids = {second.ask(text_from(smsc.number, registered_delivery=1))[1].message_id for _ in range(6)}
    stuck = read(first.next(smpp.DeliverSm)[1]).message_id
    told = {read(second.take()).message_id for _ in range(5)}
    assert told == ids - {stuck}
    first.cut()
    assert read(second.take()).message_id == stuck


def test_one_that_is_not_answered_or_refused_for_now_is_tried_again(own_smsc: SmscFactory) -> None:
    smsc = own_smsc(smpp_response_seconds=0.3)
    customer = smsc.bind(smsc.credential("acme"))
    _, answer = customer.ask(text_from(smsc.number, registered_delivery=1))
    customer.next(smpp.DeliverSm)  # and no answer
    header, _ = customer.next(smpp.DeliverSm)
    customer.respond(header, Status.RX_T_APPN)
    assert read(customer.take()).message_id == answer.message_id
    assert customer.is_quiet()


def test_one_that_is_refused_for_good_is_dead_and_can_be_replayed(smsc: Smsc, customer: Customer) -> None:
    _, answer = customer.ask(text_from(smsc.number, registered_delivery=1))
    header, _ = customer.next(smpp.DeliverSm)
    customer.respond(header, Status.RX_R_APPN)
    path = f"/api/heliograph/callbacks?status=dead&message_id={answer.message_id}"

    def dead() -> Any:
        return smsc.server.request("GET", path).json()["callbacks"]

    (callback,) = wait_until(dead, "the receipt to be dead")
    assert callback["last_error"] == "answered ESME_RX_R_APPN"
    replay = {"message_id": answer.message_id}
    assert smsc.server.request("POST", "/api/heliograph/callbacks/replay", json_body=replay).status == 200
    assert read(customer.take()).message_id == answer.message_id


# -- inbound messages


@pytest.fixture
def mine(smsc: Smsc, make: Make) -> tuple[Credential, str]:
    """A credential that gets a number's messages."""
    credential, number = make(), smsc.server.credentials.numbers[1]
    smsc.give_number(credential, number)
    return credential, number


def test_a_short_message_arrives(smsc: Smsc, mine: tuple[Credential, str]) -> None:
    customer = smsc.bind(mine[0])
    message_id = smsc.inbound(mine[1], "hi [there] €", HANDSET)
    pdu = customer.take()
    assert (pdu.source_addr_ton, pdu.source_addr, pdu.destination_addr) == (1, HANDSET[1:], mine[1][1:])
    assert (pdu.esm_class, pdu.data_coding, text.read(pdu).text) == (0, 0, "hi [there] €")
    assert smsc.reaches(message_id, "received")["direction"] == "inbound"
    assert customer.is_quiet()


@pytest.mark.parametrize("body", ["x" * 400, "👋" * 100])
def test_a_long_message_arrives_in_parts(smsc: Smsc, mine: tuple[Credential, str], body: str) -> None:
    customer = smsc.bind(mine[0])
    smsc.inbound(mine[1], body)
    parts = [text.read(customer.take())]
    while len(parts) < parts[0].concat.total:  # type: ignore[union-attr]
        parts.append(text.read(customer.take()))
    assert [each.concat.part for each in parts if each.concat] == list(range(1, len(parts) + 1))
    assert len({each.concat.reference for each in parts if each.concat}) == 1
    assert text.decode_text(b"".join(each.data for each in parts), parts[0].alphabet) == body


@pytest.mark.parametrize(
    ("wish", "check"),
    [
        ({"long_mode": "payload"}, lambda pdu: text.read(pdu).text == "é" * 300),
        ({"long_mode": "sar"}, lambda pdu: pdu.tlvs[Tag.SAR_TOTAL_SEGMENTS] == b"\2"),
        ({"long_mode": "udh16"}, lambda pdu: pdu.short_message[:3] == bytes((6, 8, 4))),
        ({"alphabet": "ucs2"}, lambda pdu: pdu.data_coding == 8 and len(pdu.short_message) <= 140),
        ({"alphabet": "latin1"}, lambda pdu: pdu.data_coding == 0 and pdu.short_message[6:7] == b"\xe9"),
    ],
)
def test_a_long_message_arrives_as_the_credential_says(
    smsc: Smsc, make: Make, wish: dict[str, str], check: Callable[[smpp.DeliverSm], bool]
) -> None:
    credential, number = make(**wish), smsc.server.credentials.numbers[1]
    smsc.give_number(credential, number)
    customer = smsc.bind(credential)
    smsc.inbound(number, "é" * 300)
    assert check(customer.take())


def test_a_message_waits_for_a_bind_and_is_told_until_it_is_acknowledged(
    smsc: Smsc, mine: tuple[Credential, str]
) -> None:
    ids = {smsc.inbound(mine[1], f"message {number}") for number in range(3)}
    for message_id in ids:
        smsc.reaches(message_id, "received")
    first = smsc.bind(mine[0])
    first.next(smpp.DeliverSm)
    first.cut()
    second = smsc.bind(mine[0], "receiver")
    assert {text.read(second.take()).text for _ in ids} == {"message 0", "message 1", "message 2"}
    assert second.is_quiet()


def test_a_number_whose_credential_is_gone_keeps_its_messages(smsc: Smsc, mine: tuple[Credential, str]) -> None:
    smsc.bind(mine[0]).close()
    smsc.server.run("smpp", "remove", mine[0].system_id, "--data", str(smsc.server.data))
    wait_until(lambda: smsc.try_bind(mine[0])[0] is Status.RBINDFAIL, "the credential to be gone")
    message_id = smsc.inbound(mine[1], "anybody?")
    smsc.reaches(message_id, "received")
    steps = smsc.server.request("GET", f"/api/heliograph/messages/{message_id}/timeline").json()["steps"]
    assert "handler_missing" in [step["kind"] for step in steps]


# -- kill -9


@pytest.mark.parametrize("acknowledged", [0, 7])
def test_nothing_unacknowledged_is_lost_by_a_kill(
    own_smsc: SmscFactory, acknowledged: int, store_url: str | None
) -> None:
    smsc = own_smsc(database_url=store_url)
    credential, number = smsc.credential("acme"), smsc.server.credentials.numbers[1]
    smsc.give_number(credential, number)
    sender = smsc.bind(credential, "transmitter")
    wanted = {sender.ask(text_from(smsc.number, registered_delivery=1))[1].message_id for _ in range(10)}
    for message_id in wanted:
        smsc.reaches(message_id, "delivered")
    bodies = {f"inbound {place}" for place in range(10)}
    for body in bodies:
        smsc.inbound(number, body)
    receiver = smsc.bind(credential, "receiver")
    told: list[str] = [_told(receiver.take()) for _ in range(acknowledged)]
    for _ in range(5):
        receiver.next(smpp.DeliverSm)  # handed over, and never acknowledged
    smsc.server.kill()
    with pytest.raises(Closed):
        receiver.next(smpp.Unbind)
    smsc.server.start()
    again = smsc.bind(credential, "receiver")
    while not (wanted | bodies) <= set(told):
        told.append(_told(again.take()))
    assert set(told) == wanted | bodies
    assert len(told) <= 20 + acknowledged, "only what was just acknowledged may come twice"


def _told(pdu: smpp.DeliverSm) -> str:
    found = receipt.parse(pdu)
    return found.message_id if found else text.read(pdu).text


def test_an_answered_submit_survives_a_kill(own_smsc: SmscFactory) -> None:
    smsc = own_smsc(simulator_window=1, simulator_answer_ms=60_000, reassembly_seconds=2)
    customer = smsc.bind(smsc.credential("acme"))
    sequences = [customer.send(text_from(smsc.number)) for _ in range(50)]
    sequences.append(customer.send(text_from(smsc.number, **part(1, 2, 1, b"half of it"))))
    ids = [customer.answer_to(sequence)[1].message_id for sequence in sequences]
    smsc.server.kill()
    smsc.server.start()
    assert all(smsc.message(message_id)["status"] in ("queued", "sending") for message_id in ids[:-1])
    path = f"/api/laml/2010-04-01/Accounts/{smsc.server.credentials.project_id}/Messages/{ids[-1]}"
    wait_until(lambda: smsc.server.request("GET", path).status == 200, "the half message to be made")


def test_a_customer_that_unbinds_while_it_is_owed_receipts_gets_them_later_and_stops_nobody(
    own_smsc: SmscFactory,
) -> None:
    """While its submits are worked off the unbind waits for its answer, and no deliver_sm can be sent any more."""
    smsc = own_smsc(smpp_unanswered_max=1)
    credential = smsc.credential("acme")
    customer = smsc.bind(credential)
    texts = [text_from(smsc.number, registered_delivery=1) for _ in range(30)]
    requests: list[smpp.Pdu] = [*texts, smpp.Unbind()]
    customer.write(b"".join(smpp.encode(request, 100 + place) for place, request in enumerate(requests)))
    statuses = [customer.answer_to(100 + place)[0] for place in range(len(requests))]
    assert set(statuses) == {Status.ROK}
    again = smsc.bind(credential)
    missing = len(texts) - sum(isinstance(pdu, smpp.DeliverSm) for _, pdu in customer.came)
    assert [again.take().esm_class for _ in range(missing)] == [4] * missing
