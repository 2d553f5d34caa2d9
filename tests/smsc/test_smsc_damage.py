"""Customers whose PDUs have damaged ends: their requests are served, and what they acknowledge is not sent again."""

import uuid
from collections.abc import Callable

import pytest

from heliograph.wire.smpp import pdu as smpp
from heliograph.wire.smpp.pdu import Pdu, Status, Tag
from servers import wait_until
from smpp_customer import Credential, Customer, Smsc, text_from

Damage = Callable[[bytes], bytes]

TAILS: dict[str, Damage] = {
    "one NUL": lambda frame: frame + b"\0",
    "two NULs": lambda frame: frame + b"\0\0",
    "tag and half a length": lambda frame: frame + bytes.fromhex("020400"),
    "payload cut short": lambda frame: frame + bytes.fromhex("042400ff41"),
}
ANSWERS: dict[str, Damage] = TAILS | {
    "no body": lambda frame: frame[:16],
    "no end": lambda frame: frame[:16] + b"\xff" * 300,
}


@pytest.fixture
def credential(smsc: Smsc) -> Credential:
    return smsc.credential(f"t{uuid.uuid4().hex[:12]}")


@pytest.fixture
def customer(smsc: Smsc, credential: Credential) -> Customer:
    return smsc.bind(credential)


def ask(customer: Customer, request: Pdu, damage: Damage) -> tuple[Status, Pdu]:
    sequence = 4000
    frame = damage(smpp.encode(request, sequence))
    customer.write(len(frame).to_bytes(4, "big") + frame[4:])
    return customer.answer_to(sequence)


@pytest.mark.parametrize("damage", TAILS)
@pytest.mark.parametrize("command", [smpp.SubmitSm, smpp.DataSm, smpp.SubmitMulti])
def test_submit_is_accepted(smsc: Smsc, customer: Customer, command: type[Pdu], damage: str) -> None:
    plain = text_from(smsc.number)
    request: Pdu = plain
    if command is smpp.DataSm:
        request = smpp.DataSm(
            source_addr_ton=1,
            source_addr=plain.source_addr,
            dest_addr_ton=1,
            destination_addr=plain.destination_addr,
            tlvs={Tag.MESSAGE_PAYLOAD: b"hello"},
        )
    elif command is smpp.SubmitMulti:
        to = smpp.Address(1, 1, plain.destination_addr)
        request = smpp.SubmitMulti(
            source_addr_ton=1, source_addr=plain.source_addr, dest_address=(to,), short_message=b"hello"
        )
    status, answer = ask(customer, request, TAILS[damage])
    assert status is Status.ROK
    assert smsc.reaches(answer.message_id, "delivered")["body"] == "hello"  # type: ignore[attr-defined]  # a response with an id


@pytest.mark.parametrize("damage", [*TAILS, "last NUL missing", "source left out"])
def test_query_is_answered(smsc: Smsc, customer: Customer, damage: str) -> None:
    _, submitted = customer.ask(text_from(smsc.number))
    cuts: dict[str, Damage] = TAILS | {
        "last NUL missing": lambda frame: frame[:-1],
        "source left out": lambda frame: frame[:-3],
    }
    status, answer = ask(customer, smpp.QuerySm(message_id=submitted.message_id), cuts[damage])
    assert (status, answer.message_id) == (Status.ROK, submitted.message_id)  # type: ignore[attr-defined]  # query_sm_resp


@pytest.mark.parametrize(
    "damage",
    [
        *TAILS.values(),
        pytest.param(lambda frame: frame[:-1], id="address_range left out"),
        pytest.param(lambda frame: frame[:-3], id="the addresses left out"),
        pytest.param(lambda frame: frame + b"3", id="more than an address_range"),
    ],
)
@pytest.mark.parametrize("mode", [smpp.BindTransceiver, smpp.BindTransmitter, smpp.BindReceiver])
def test_customer_is_bound(smsc: Smsc, credential: Credential, mode: type[smpp.Bind], damage: Damage) -> None:
    smsc.bind(credential).close()  # the server knows of it
    customer = smsc.connect()
    status, _ = ask(customer, mode(system_id=credential.system_id, password=credential.password), damage)
    assert status is Status.ROK


@pytest.mark.parametrize("request_", [smpp.EnquireLink(), smpp.Unbind()])
def test_body_of_a_request_without_fields_is_cut_off(smsc: Smsc, customer: Customer, request_: Pdu) -> None:
    assert ask(customer, request_, lambda frame: frame + b"\0\0")[0] is Status.ROK


def test_damaged_pdus_are_counted(smsc: Smsc, credential: Credential) -> None:
    customer = smsc.bind(credential)
    ask(customer, text_from(smsc.number), TAILS["one NUL"])
    ask(customer, smpp.EnquireLink(), TAILS["one NUL"])
    assert smsc.metric(f'heliograph_smpp_damaged_pdus_total{{system_id="{credential.system_id}"}}') == 2


@pytest.mark.parametrize("damage", ANSWERS)
def test_acknowledged_message_is_not_sent_again(smsc: Smsc, credential: Credential, damage: str) -> None:
    number = smsc.server.credentials.numbers[1]
    customer = smsc.bind(credential)
    smsc.give_number(credential, number)
    delivered = 'heliograph_callbacks_total{outcome="delivered"}'
    before = smsc.metric(delivered)
    smsc.inbound(number, "hello")
    header, pdu = customer.next(smpp.DeliverSm)
    assert pdu.short_message == b"hello"
    frame = ANSWERS[damage](smpp.encode(smpp.DeliverSmResp(), header.sequence))
    customer.write(len(frame).to_bytes(4, "big") + frame[4:])
    wait_until(lambda: smsc.metric(delivered) > before, "the message to count as delivered")
    assert customer.is_quiet()
    customer.close()
    assert smsc.bind(credential).is_quiet()
