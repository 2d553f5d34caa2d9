"""PDUs whose end is damaged, each type with each kind of end, read by decode_tolerantly and by sessions of both roles.

SMPP 3.4, 3.2.4.1: a TLV has at least four octets; 3.3.1: a receiver ignores optional parameters that it can't use.
"""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_smpp_pdu import ANY_PDU, ROWS, frame

from heliograph.wire.smpp import pdu
from heliograph.wire.smpp.pdu import RESPONSE_BIT, Command, Pdu, ProtocolError, Status, Tag
from heliograph.wire.smpp.session import Orphan, Request, Role, Session, State

TAILS = {
    "one NUL": b"\0",
    "two NULs": b"\0\0",
    "three NULs": b"\0\0\0",
    "a letter": b"x",
    "tag alone": bytes.fromhex("0204"),
    "tag and half a length": bytes.fromhex("020400"),
    "value cut short": bytes.fromhex("140100ff41"),
    "value missing": bytes.fromhex("02040002"),
    "length beyond the PDU": bytes.fromhex("0204ffff00"),
}
VALUES = [value for value, _ in ROWS]
REQUESTS = [value for value in VALUES if not value.command & RESPONSE_BIT]
RESPONSES = [value for value in VALUES if value.command & RESPONSE_BIT]


def name(value: Any) -> str:
    return type(value).__name__ if isinstance(value, Pdu) else str(value)


def raw(value: Pdu, *, sequence: int = 1) -> bytes:
    return pdu.encode(value, sequence)[16:]


def damaged(value: Pdu, body: bytes) -> Pdu:
    """What is read of it; it must be damaged."""
    octets = frame(value.command, body)
    with pytest.raises(ProtocolError):
        pdu.decode(octets)
    header, read, damage = pdu.decode_tolerantly(octets)
    assert header == pdu.Header(value.command, 0, 1)
    assert damage
    return read


@pytest.mark.parametrize("tail", TAILS)
@pytest.mark.parametrize("value", VALUES, ids=name)
def test_tail_is_cut_off(value: Pdu, tail: str) -> None:
    assert damaged(value, raw(value) + TAILS[tail]) == value


@pytest.mark.parametrize("tail", TAILS)
@pytest.mark.parametrize("value", VALUES, ids=name)
def test_session_of_either_role_reads_a_pdu_with_a_tail(value: Pdu, tail: str) -> None:
    for role in Role:
        session = Session[None](role)
        session.state = State.OPEN if isinstance(value, pdu.Bind | pdu.Outbind) else State.BOUND_TRX
        expected = Session[None](role)
        expected.state = session.state
        (sound,) = expected.receive(pdu.encode(value, 1))
        (event,) = session.receive(frame(value.command, raw(value) + TAILS[tail]))
        assert type(event) is type(sound)
        if isinstance(event, Request | Orphan) and isinstance(sound, Request | Orphan):
            assert (event.header, event.pdu) == (sound.header, sound.pdu)
            assert event.damage and not sound.damage


STRING_LAST = [
    pdu.BindReceiver,
    pdu.BindTransmitter,
    pdu.BindTransceiver,
    pdu.Outbind,
    pdu.QuerySm,
    pdu.CancelSm,
    pdu.AlertNotification,
    pdu.BindReceiverResp,
    pdu.BindTransmitterResp,
    pdu.BindTransceiverResp,
    pdu.SubmitSmResp,
    pdu.DeliverSmResp,
    pdu.DataSmResp,
]
"""PDUs whose last mandatory field is a string."""


@pytest.mark.parametrize("kind", STRING_LAST, ids=lambda kind: kind.__name__)
def test_last_string_may_lack_its_nul(kind: type[Pdu]) -> None:
    last = next(field for field in reversed(kind.__struct_fields__) if field != "tlvs")
    value = kind(**{last: "1"})
    body = raw(value)
    assert body.endswith(b"\0")
    assert damaged(value, body[:-1]) == value


LEFT_OUT = [
    (pdu.BindTransceiver(system_id="us", password="secret", addr_ton=1, addr_npi=1), "address_range"),
    (pdu.BindTransmitter(system_id="us", password="secret", addr_ton=1), "addr_npi"),
    (pdu.BindReceiver(system_id="us", password="secret"), "addr_ton"),
    (pdu.Outbind(system_id="us"), "password"),
    (pdu.QuerySm(message_id="1"), "source_addr_ton"),
    (pdu.QuerySm(message_id="1", source_addr_ton=1, source_addr_npi=1), "source_addr"),
    (pdu.CancelSm(message_id="1"), "source_addr_ton"),
    (pdu.CancelSm(message_id="1", source_addr="2"), "dest_addr_ton"),
    (pdu.AlertNotification(source_addr="1"), "esme_addr_ton"),
]


def before(value: Pdu, field: str) -> bytes:
    """The body as it is before this field: what follows it has the octets of defaults, one for each."""
    body = raw(value)
    names = value.__struct_fields__
    return body[: len(body) - len(names[names.index(field) :]) + ("tlvs" in names)]


@pytest.mark.parametrize(("value", "field"), LEFT_OUT, ids=name)
def test_last_fields_may_be_left_out(value: Pdu, field: str) -> None:
    assert damaged(value, before(value, field)) == value


@pytest.mark.parametrize(
    ("command", "body", "status"),
    [
        pytest.param(Command.BIND_TRANSCEIVER, b"us\0secret", Status.RINVCMDLEN, id="bind ends in the password"),
        pytest.param(Command.BIND_TRANSCEIVER, b"us\0secret\0\0", Status.RINVCMDLEN, id="bind without a version"),
        pytest.param(Command.SUBMIT_SM, b"\0\1\x0012025550100", Status.RINVCMDLEN, id="submit ends in its sender"),
        pytest.param(Command.SUBMIT_SM, bytes(16) + b"\x02a", Status.RINVMSGLEN, id="text cut short"),
        pytest.param(Command.SUBMIT_SM, b"", Status.RINVCMDLEN, id="request without a body"),
        pytest.param(Command.BIND_RECEIVER, b"us\0x\0\0\x34\0\0" + b"1" * 300, Status.RINVCMDLEN, id="endless string"),
        pytest.param(Command.DATA_SM, bytes(10) + b"\x04\x24\0\5a", Status.RINVPARLEN, id="the only text cut short"),
        pytest.param(Command.DELIVER_SM, bytes(17) + b"\x04\x24\0\5a", Status.RINVPARLEN, id="the same, of deliver_sm"),
        pytest.param(Command.SUBMIT_MULTI, bytes.fromhex("000000000103") + b"x", Status.RINVDESTFLAG, id="dest_flag"),
    ],
)
def test_request_that_lacks_more_than_its_end_is_rejected(command: Command, body: bytes, status: Status) -> None:
    with pytest.raises(ProtocolError) as raised:
        pdu.decode_tolerantly(frame(command, body))
    assert (raised.value.status, raised.value.command, raised.value.sequence) == (status, command, 1)


@pytest.mark.parametrize("body", [b"\xff", b"x" * 300, b"\0\xff\xff\xff\xff\xff", bytes(range(1, 200))])
@pytest.mark.parametrize("value", RESPONSES, ids=name)
@pytest.mark.parametrize("status", [Status.ROK, Status.RTHROTTLED, 0x00000400])
def test_response_with_any_body_has_its_status(value: Pdu, body: bytes, status: int) -> None:
    octets = frame(value.command, body, status=status)
    try:
        header, read = pdu.decode(octets)
    except ProtocolError:
        header, read, damage = pdu.decode_tolerantly(octets)
        assert damage
    assert header == pdu.Header(value.command, status, 1)
    assert type(read) is type(value)


def test_message_id_without_its_nul_is_read() -> None:
    octets = bytes.fromhex("0000001480000004000000000000000937374131")
    assert pdu.decode_tolerantly(octets) == (
        pdu.Header(Command.SUBMIT_SM_RESP, 0, 9),
        pdu.SubmitSmResp(message_id="77A1"),
        "message_id has no NUL",
    )


@pytest.mark.parametrize(
    "value",
    [
        pdu.DataSm(tlvs={Tag.MESSAGE_PAYLOAD: b"hello", Tag.USER_MESSAGE_REFERENCE: b"\0\1"}),
        pdu.SubmitSm(short_message=b"hello"),
        pdu.DeliverSm(short_message=b"hello", tlvs={Tag.USER_MESSAGE_REFERENCE: b"\0\1"}),
        pdu.DeliverSm(tlvs={Tag.RECEIPTED_MESSAGE_ID: b"1\0", Tag.MESSAGE_STATE: b"\2"}),
    ],
    ids=name,
)
def test_message_payload_cut_short_beside_a_text_or_a_receipts_id_is_cut_off(value: Pdu) -> None:
    assert damaged(value, raw(value) + bytes.fromhex("042400ff41")) == value


@given(ANY_PDU)
def test_sound_pdu_is_read_alike(value: Pdu) -> None:
    octets = pdu.encode(value, 1)
    assert pdu.decode_tolerantly(octets) == (*pdu.decode(octets), "")


@given(ANY_PDU, st.binary(min_size=1, max_size=3))
def test_any_tail_shorter_than_a_tlv_is_cut_off(value: Pdu, tail: bytes) -> None:
    assert damaged(value, raw(value) + tail) == value


@given(st.sampled_from(list(Command)), st.binary(max_size=300))
def test_any_body_is_a_pdu_or_a_protocol_error(command: Command, body: bytes) -> None:
    try:
        _, value, _ = pdu.decode_tolerantly(frame(command, body))
    except ProtocolError as error:
        assert error.status is not Status.ROK
        assert not command & RESPONSE_BIT
    else:
        assert value.command is command


@given(st.binary(max_size=40))
def test_any_octets_are_a_pdu_or_a_protocol_error(octets: bytes) -> None:
    with pytest.raises(ProtocolError):
        pdu.decode_tolerantly(octets)
