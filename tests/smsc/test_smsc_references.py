"""Submits that bear the reference of another Heliograph: asked for by it, and taken once."""

import uuid
from typing import Any

import pytest
import uuid_utils

from heliograph.carriers.smpp.writing import query_reference
from heliograph.smsc import references
from heliograph.wire.smpp import pdu as smpp
from heliograph.wire.smpp.pdu import Status, Tag
from heliograph.wire.smpp.receipt import MessageState
from smpp_customer import Customer, Smsc, SmscFactory, part, text_from


@pytest.fixture
def here(own_smsc: SmscFactory) -> Smsc:
    return own_smsc(reassembly_seconds=600)


def tlv(message_id: str, number: int = 1) -> dict[int, bytes]:
    return {Tag.USER_MESSAGE_REFERENCE: query_reference(message_id, number)}


def asked(customer: Customer, message_id: str, number: int = 1) -> tuple[Status, Any]:
    return customer.ask(smpp.QuerySm(tlvs=tlv(message_id, number)))


def fresh() -> str:
    return str(uuid_utils.uuid7())


def test_what_was_taken_is_found_over_any_bind_and_after_a_restart(here: Smsc) -> None:
    credential = here.credential("acme")
    theirs, long = fresh(), fresh()
    customer = here.bind(credential)
    _, answer = customer.ask(text_from(here.number, tlvs=tlv(theirs)))
    _, first = customer.ask(text_from(here.number, tlvs=tlv(long, 1), **part(7, 3, 1, b"a")))
    _, third = customer.ask(text_from(here.number, tlvs=tlv(long, 3), **part(7, 3, 3, b"c")))
    here.server.kill()
    here.server.start()
    customer = here.bind(credential, "transmitter")
    status, found = asked(customer, theirs)
    assert (status, found.message_id) == (Status.ROK, answer.message_id)
    for number, sent in ((1, first), (3, third)):
        status, found = asked(customer, long, number)
        assert (status, found.message_id) == (Status.ROK, sent.message_id)
        assert found.message_state == MessageState.ENROUTE
    assert asked(customer, long, 2)[0] is Status.RINVMSGID
    _, second = customer.ask(text_from(here.number, tlvs=tlv(long, 2), **part(7, 3, 2, b"b")))
    here.reaches(first.message_id, "delivered")
    for number, sent in ((1, first), (2, second), (3, third)):
        status, found = asked(customer, long, number)
        assert (status, found.message_id) == (Status.ROK, sent.message_id)
        assert found.message_state == MessageState.DELIVERED


def test_what_was_taken_is_not_taken_again(here: Smsc) -> None:
    customer = here.bind(here.credential("acme"))
    theirs, long = fresh(), fresh()
    texts = [text_from(here.number, tlvs=tlv(theirs), short_message=b"once")]
    texts += [text_from(here.number, tlvs=tlv(long, n), **part(8, 2, n, b"half")) for n in (1, 2)]
    before = [customer.ask(text)[1].message_id for text in texts]
    again = [customer.ask(text)[1].message_id for text in texts]
    assert before == again
    project = here.server.credentials.project_id
    reply = here.server.request("GET", f"/api/laml/2010-04-01/Accounts/{project}/Messages")
    assert sorted(each["body"] for each in reply.json()["messages"]) == ["halfhalf", "once"]


def test_only_what_can_not_have_been_forgotten_is_denied(own_smsc: SmscFactory) -> None:
    smsc = own_smsc(reassembly_seconds=60)
    customer, other = smsc.bind(smsc.credential("acme")), smsc.bind(smsc.credential("bell"))
    now = int(uuid_utils.uuid7().timestamp)
    young, old, ahead = (
        str(uuid.UUID(int=(now + apart) << 80 | 0x7ABC << 64 | 2 << 62 | 5)) for apart in (-20_000, -90_000, 60_000)
    )
    assert [asked(customer, each)[0] for each in (young, old, ahead)] == [
        Status.RINVMSGID, Status.RQUERYFAIL, Status.RQUERYFAIL,
    ]  # fmt: skip
    customer.ask(text_from(smsc.number, tlvs=tlv(young)))
    assert asked(customer, young)[0] is Status.ROK
    assert asked(other, young)[0] is Status.RINVMSGID, "it is the other's"


V4 = uuid.UUID(int=4 << 76 | 2 << 62).bytes + b"\1"


@pytest.mark.parametrize("octets", [b"", b"\0\1", b"x" * 17, V4, b"\0" * 17])
def test_other_references_are_none(octets: bytes) -> None:
    assert references.read({Tag.USER_MESSAGE_REFERENCE: octets}) is None


def test_two_messages_with_a_reference_of_the_standard_are_two(here: Smsc) -> None:
    customer = here.bind(here.credential("acme"))
    text = text_from(here.number, tlvs={Tag.USER_MESSAGE_REFERENCE: b"\0\1"})
    assert customer.ask(text)[1].message_id != customer.ask(text)[1].message_id
    assert customer.ask(smpp.QuerySm(tlvs=text.tlvs))[0] is Status.RQUERYFAIL


def test_every_destination_of_one_submit_gets_it(here: Smsc) -> None:
    customer = here.bind(here.credential("acme"))
    to = tuple(smpp.Address(1, 1, f"1312555014{number}") for number in range(3))
    many = smpp.SubmitMulti(
        source_addr_ton=1, source_addr=here.number[1:], dest_address=to, short_message=b"all", tlvs=tlv(fresh())
    )
    assert customer.ask(many)[1].unsuccess_sme == ()
    project = here.server.credentials.project_id
    reply = here.server.request("GET", f"/api/laml/2010-04-01/Accounts/{project}/Messages")
    assert len(reply.json()["messages"]) == 3
