"""SMPP PDUs: each row is read and written; what is not SMPP is a ProtocolError and nothing else."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heliograph.wire.smpp import pdu
from heliograph.wire.smpp.pdu import Command, Status, Tag

NOTHING = "00"

ROWS: list[tuple[pdu.Pdu, str]] = [
    (pdu.GenericNack(), ""),
    (
        pdu.BindReceiver(
            system_id="SMPP3TEST",
            password="secret08",
            system_type="SUBMIT1",
            interface_version=0x34,
            addr_ton=1,
            addr_npi=1,
            address_range="^1555",
        ),
        # the standard's own example of a bind, but for the version, the command and the range (3.2.2)
        "534D50503354455354 00 7365637265743038 00 5355424D495431 00 34 01 01 5E31353535 00",
    ),
    (pdu.BindTransmitter(), "00 00 00 34 00 00 00"),
    (pdu.BindTransceiver(system_id="a", interface_version=0x33), "6100 00 00 33 00 00 00"),
    (pdu.BindReceiverResp(system_id="smsc"), "736D736300"),
    (pdu.BindTransmitterResp(tlvs={Tag.SC_INTERFACE_VERSION: b"\x34"}), "00 0210 0001 34"),
    (pdu.BindTransceiverResp(system_id="s", tlvs={0x1400: b""}), "7300 1400 0000"),
    (pdu.Outbind(system_id="smsc", password="pw"), "736D736300 707700"),
    (pdu.Unbind(), ""),
    (pdu.UnbindResp(), ""),
    (pdu.SubmitSm(), "00 0000 00 0000 00 000000 00 00 00 00 00 00 00"),
    (
        pdu.SubmitSm(
            service_type="CMT",
            source_addr_ton=5,
            source_addr_npi=0,
            source_addr="Helio",
            dest_addr_ton=1,
            dest_addr_npi=2,
            destination_addr="15551234567",
            esm_class=0x40,
            protocol_id=3,
            priority_flag=4,
            schedule_delivery_time="020610233429000R",
            validity_period="000000001000000R",
            registered_delivery=0x11,
            replace_if_present_flag=6,
            data_coding=8,
            sm_default_msg_id=9,
            short_message=b"\x05\x00\x03\x01\x02\x01\x00\xff",
            tlvs={Tag.USER_MESSAGE_REFERENCE: b"\x12\x34"},
        ),
        "434D5400 05 00 48656C696F00 01 02 313535353132333435363700 40 03 04"
        "3032303631303233333432393030305200 3030303030303030313030303030305200 11 06 08 09"
        "08 0500030102010 0FF 0204 0002 1234",
    ),
    (pdu.SubmitSmResp(message_id="2F"), "324600"),
    (pdu.SubmitSmResp(message_id="\xe9\xff"), "E9FF00"),
    (
        pdu.SubmitMulti(
            source_addr="1",
            dest_address=(pdu.Address(1, 2, "49"), "friends"),
            data_coding=3,
            short_message=b"hi",
        ),
        "00 0000 3100 02 01 01 02 343900 02 667269656E647300 000000 00 00 00 00 03 00 02 6869",
    ),
    (
        pdu.SubmitMultiResp(message_id="7", unsuccess_sme=(pdu.UnsuccessSme(1, 2, "49", Status.RINVDSTADR),)),
        "3700 01 01 02 343900 0000000B",
    ),
    (pdu.SubmitMultiResp(), "00 00"),
    (
        pdu.DeliverSm(
            source_addr="49",
            destination_addr="1555",
            esm_class=4,
            tlvs={Tag.RECEIPTED_MESSAGE_ID: b"7\0", Tag.MESSAGE_STATE: b"\x02"},
        ),
        "00 0000 343900 0000 3135353500 040000 00 00 00 00 00 00 00 001E 0002 3700 0427 0001 02",
    ),
    (pdu.DeliverSmResp(), NOTHING),
    (
        pdu.DataSm(
            service_type="WAP",
            source_addr_ton=1,
            source_addr_npi=2,
            source_addr="1",
            dest_addr_ton=3,
            dest_addr_npi=4,
            destination_addr="2",
            esm_class=5,
            registered_delivery=6,
            data_coding=7,
            tlvs={Tag.MESSAGE_PAYLOAD: b"long"},
        ),
        "57415000 01 02 3100 03 04 3200 05 06 07 0424 0004 6C6F6E67",
    ),
    (pdu.DataSmResp(message_id="a", tlvs={Tag.DPF_RESULT: b"\x01"}), "6100 0420 0001 01"),
    (pdu.QuerySm(message_id="a", source_addr_ton=1, source_addr_npi=2, source_addr="3"), "6100 01 02 3300"),
    (
        pdu.QuerySmResp(message_id="a", final_date="020610233429000+", message_state=2, error_code=9),
        "6100 303230363130323333343239303030 2B00 02 09",
    ),
    (
        pdu.CancelSm(
            service_type="CMT",
            message_id="a",
            source_addr_ton=1,
            source_addr_npi=2,
            source_addr="3",
            dest_addr_ton=4,
            dest_addr_npi=5,
            destination_addr="6",
        ),
        "434D5400 6100 01 02 3300 04 05 3600",
    ),
    (pdu.CancelSmResp(), ""),
    (
        pdu.ReplaceSm(
            message_id="a",
            source_addr_ton=1,
            source_addr_npi=2,
            source_addr="3",
            validity_period="000000001000000R",
            registered_delivery=4,
            sm_default_msg_id=5,
            short_message=b"new",
        ),
        "6100 01 02 3300 00 3030303030303030313030303030305200 04 05 03 6E6577",
    ),
    (pdu.ReplaceSmResp(), ""),
    (pdu.EnquireLink(), ""),
    (pdu.EnquireLinkResp(), ""),
    (
        pdu.AlertNotification(
            source_addr_ton=1,
            source_addr_npi=2,
            source_addr="3",
            esme_addr_ton=4,
            esme_addr_npi=5,
            esme_addr="6",
            tlvs={Tag.MS_AVAILABILITY_STATUS: b"\x00"},
        ),
        "01 02 3300 04 05 3600 0422 0001 00",
    ),
]


def frame(command: int, body: str | bytes, *, status: int = 0, sequence: int = 1) -> bytes:
    octets = bytes.fromhex(body.replace(" ", "")) if isinstance(body, str) else body
    numbers = (16 + len(octets), command, status, sequence)
    return b"".join(number.to_bytes(4, "big") for number in numbers) + octets


@pytest.mark.parametrize(("value", "body"), ROWS, ids=lambda row: type(row).__name__)
def test_each_row_both_ways(value: pdu.Pdu, body: str) -> None:
    octets = frame(value.command, body, sequence=0x01020304)
    assert pdu.encode(value, 0x01020304) == octets
    assert pdu.decode(octets) == (pdu.Header(value.command, 0, 0x01020304), value)


def test_every_command_has_its_class_and_a_row() -> None:
    assert set(pdu.KINDS) == set(Command) == {value.command for value, _ in ROWS}
    assert len(pdu.PDUS) == len(Command)


STRINGS = {
    "service_type": 5,
    "system_id": 15,
    "password": 8,
    "system_type": 12,
    "address_range": 40,
    "message_id": 64,
    "schedule_delivery_time": 16,
    "validity_period": 16,
    "final_date": 16,
    "esme_addr": 64,
}
LONG_ADDRESSES = (pdu.DataSm, pdu.AlertNotification)


def strings(longest: int) -> st.SearchStrategy[str]:
    return st.text(st.characters(min_codepoint=1, max_codepoint=255), max_size=longest)


OCTETS = st.integers(0, 255)
TLVS = st.dictionaries(st.integers(0, 0xFFFF), st.binary(max_size=300), max_size=5)
NUMBERS = st.tuples(OCTETS, OCTETS, strings(20))
COUNTED = {
    "short_message": st.binary(max_size=254),
    "dest_address": st.lists(NUMBERS.map(lambda row: pdu.Address(*row)) | strings(20), max_size=254).map(tuple),
    "unsuccess_sme": st.lists(
        st.tuples(OCTETS, OCTETS, strings(20), st.integers(0, 2**32 - 1)).map(lambda row: pdu.UnsuccessSme(*row)),
        max_size=254,
    ).map(tuple),
    "tlvs": TLVS,
}


def values(kind: type[pdu.Pdu]) -> st.SearchStrategy[pdu.Pdu]:
    def field(name: str) -> st.SearchStrategy[Any]:
        if name in COUNTED:
            return COUNTED[name]
        if name in ("source_addr", "destination_addr"):
            return strings(64 if kind in LONG_ADDRESSES else 20)
        return strings(STRINGS[name]) if name in STRINGS else OCTETS

    return st.builds(kind, **{name: field(name) for name in kind.__struct_fields__})


ANY_PDU = st.sampled_from(pdu.PDUS).flatmap(values)


@given(ANY_PDU, st.integers(0, 2**32 - 1))
def test_any_pdu_reads_back(value: pdu.Pdu, sequence: int) -> None:
    octets = pdu.encode(value, sequence)
    header, read = pdu.decode(octets)
    assert (header.command, header.sequence) == (value.command, sequence)
    assert read == value
    assert type(read) is type(value)


def is_decoded(octets: bytes) -> bool:
    try:
        pdu.decode(octets)
    except pdu.ProtocolError as error:
        assert error.status in set(Status) - {Status.ROK}
        return False
    return True


@given(st.binary(max_size=200))
def test_any_octets_are_a_pdu_or_a_protocol_error(octets: bytes) -> None:
    is_decoded(octets)


@given(st.sampled_from(list(Command)), st.binary(max_size=300))
def test_any_body_is_a_pdu_or_a_protocol_error(command: Command, body: bytes) -> None:
    is_decoded(frame(command, body))


@given(ANY_PDU, st.data())
def test_a_damaged_pdu_is_a_pdu_or_a_protocol_error(value: pdu.Pdu, data: st.DataObject) -> None:
    body = bytearray(pdu.encode(value, 1)[16:])
    if body:
        body[data.draw(st.integers(0, len(body) - 1))] = data.draw(OCTETS)
    is_decoded(frame(value.command, bytes(body)))


@pytest.mark.parametrize("value", [value for value, body in ROWS if body], ids=lambda row: type(row).__name__)
def test_a_truncated_pdu_is_refused(value: pdu.Pdu) -> None:
    """At each length but those where it may end: before a TLV, and for a response before its body."""
    body = pdu.encode(value, 1)[16:]
    without_tlvs = (
        pdu.encode(type(value)(**{**as_fields(value), "tlvs": {}}), 1)[16:] if hasattr(value, "tlvs") else b""
    )
    ends = {len(body), len(without_tlvs)} | ({0} if value.command & pdu.RESPONSE_BIT else set())
    if isinstance(value, pdu.DeliverSm):
        ends.add(len(body) - 5)  # its first TLV alone
    for length in range(len(body)):
        if length not in ends or (length == 0 and not value.command & pdu.RESPONSE_BIT):
            assert not is_decoded(frame(value.command, body[:length])), length


def as_fields(value: pdu.Pdu) -> dict[str, Any]:
    return {name: getattr(value, name) for name in value.__struct_fields__}


SUBMIT = "00 0000 00 0000 00 000000 00 00 00 00 00 00"


@pytest.mark.parametrize(
    ("octets", "status"),
    [
        pytest.param(b"", Status.RINVCMDLEN, id="nothing"),
        pytest.param(frame(Command.UNBIND, "")[:15], Status.RINVCMDLEN, id="no whole header"),
        pytest.param(frame(Command.UNBIND, "") + b"\0", Status.RINVCMDLEN, id="longer than it says"),
        pytest.param(frame(Command.UNBIND, "00"), Status.RINVCMDLEN, id="octets after the last field"),
        pytest.param(frame(Command.UNBIND_RESP, "00"), Status.RINVCMDLEN, id="the same, of a response"),
        pytest.param(frame(Command.SUBMIT_SM, ""), Status.RINVCMDLEN, id="a request without a body"),
        pytest.param(frame(0x0000000A, ""), Status.RINVCMDID, id="unknown command"),
        pytest.param(frame(0x80000015 + 1, ""), Status.RINVCMDID, id="unknown response"),
        pytest.param(frame(Command.SUBMIT_SM_RESP, "31"), Status.RINVCMDLEN, id="no NUL"),
        pytest.param(frame(Command.SUBMIT_SM_RESP, "31" * 256 + "00"), Status.RINVCMDLEN, id="string beyond bounds"),
        pytest.param(frame(Command.SUBMIT_SM, SUBMIT + "02 61"), Status.RINVMSGLEN, id="sm_length too long"),
        pytest.param(frame(Command.SUBMIT_SM, SUBMIT + "00 0424 00"), Status.RINVOPTPARSTREAM, id="TLV cut off"),
        pytest.param(frame(Command.SUBMIT_SM, SUBMIT + "00 0424 0002 61"), Status.RINVPARLEN, id="TLV too long"),
        pytest.param(frame(Command.SUBMIT_MULTI, "00 0000 00 01 03 00"), Status.RINVDESTFLAG, id="dest_flag"),
    ],
)
def test_what_is_not_smpp_is_refused_with_the_status_to_answer(octets: bytes, status: Status) -> None:
    with pytest.raises(pdu.ProtocolError) as raised:
        pdu.decode(octets)
    assert raised.value.status is status
    if len(octets) >= 16:
        assert raised.value.sequence == 1
        assert raised.value.command == int.from_bytes(octets[4:8], "big")


@pytest.mark.parametrize("command", [command for command in Command if command & pdu.RESPONSE_BIT])
@pytest.mark.parametrize("status", [Status.ROK, Status.RTHROTTLED, 0x00000400])
def test_a_response_may_come_without_its_body(command: Command, status: int) -> None:
    header, value = pdu.decode(frame(command, "", status=status))
    assert header.status == status
    assert value == pdu.KINDS[command]()


@pytest.mark.parametrize(
    ("value", "body"),
    [
        (pdu.SubmitSmResp(message_id="1"), b""),
        (pdu.BindTransceiverResp(system_id="smsc"), b""),
        (pdu.DataSmResp(message_id="1"), b"1\0"),
        (pdu.DeliverSmResp(), b"\0"),
    ],
    ids=lambda row: type(row).__name__,
)
def test_an_error_leaves_out_the_body_where_the_standard_does(value: pdu.Pdu, body: bytes) -> None:
    assert pdu.encode(value, 1, Status.RSYSERR)[16:] == body


def test_a_response_with_an_error_may_have_its_body() -> None:
    octets = frame(Command.SUBMIT_SM_RESP, "3100", status=Status.RMSGQFUL)
    assert pdu.decode(octets)[1] == pdu.SubmitSmResp(message_id="1")


def test_takes_longer_strings_than_the_standard_has() -> None:
    octets = frame(Command.SUBMIT_SM_RESP, "31" * 255 + "00")
    assert pdu.decode(octets)[1] == pdu.SubmitSmResp(message_id="1" * 255)


def test_texts_that_an_smsc_hands_out_may_be_longer_than_the_standards() -> None:
    bind = pdu.BindTransceiver(system_id="s" * 16, password="123456789012", system_type="t" * 13)
    assert pdu.decode(pdu.encode(bind, 1))[1] == bind
    submit = pdu.SubmitSm(service_type="sixsix")
    assert pdu.decode(pdu.encode(submit, 1))[1] == submit


def test_of_a_tag_that_comes_twice_the_last_is_kept() -> None:
    octets = frame(Command.DATA_SM_RESP, "00 0381 0001 01 0381 0001 02")
    assert pdu.decode(octets)[1] == pdu.DataSmResp(tlvs={Tag.CALLBACK_NUM: b"\x02"})


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (pdu.BindReceiver(address_range="1" * 41), "address_range has 41 octets; SMPP has room for 40"),
        (pdu.BindReceiver(password="1" * 256), "password has 256 octets; SMPP has room for 255"),
        (pdu.SubmitSm(destination_addr="1" * 21), "destination_addr has 21 octets"),
        (pdu.SubmitSm(source_addr="1\x002"), "source_addr has a NUL"),
        (pdu.SubmitSm(source_addr="\u0394"), "latin-1"),
        (pdu.SubmitSm(short_message=bytes(255)), "short_message has 255 octets; SMPP has room for 254"),
        (pdu.SubmitSm(data_coding=256), "latin-1"),
        (pdu.SubmitSm(esm_class=-1), "out of its range"),
        (pdu.SubmitSm(tlvs={0x10000: b""}), "out of its range"),
        (pdu.SubmitSm(tlvs={-1: b""}), "out of its range"),
        (pdu.SubmitSm(tlvs={1: bytes(65_536)}), "out of its range"),
        (pdu.SubmitMulti(dest_address=("x",) * 255), "dest_address has 255 entries"),
        (pdu.SubmitMulti(dest_address=("x" * 21,)), "dl_name has 21 octets"),
        (pdu.SubmitMulti(dest_address=(pdu.Address(0, 256, "1"),)), "range"),
        (pdu.SubmitMultiResp(unsuccess_sme=(pdu.UnsuccessSme(0, 0, "1", -1),)), "range"),
    ],
)
def test_refuses_to_write_what_smpp_has_no_room_for(value: pdu.Pdu, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        pdu.encode(value, 1)


@pytest.mark.parametrize("sequence", [-1, 2**32])
def test_refuses_a_sequence_number_of_more_than_four_octets(sequence: int) -> None:
    with pytest.raises(ValueError, match="out of its range"):
        pdu.encode(pdu.EnquireLink(), sequence)


@given(st.lists(ANY_PDU, min_size=1, max_size=5), st.data())
def test_frames_come_out_of_a_stream_however_it_is_chopped(sent: list[pdu.Pdu], data: st.DataObject) -> None:
    frames = [pdu.encode(value, sequence) for sequence, value in enumerate(sent)]
    stream = b"".join(frames)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=10)))
    framer = pdu.Framer()
    pieces = [stream[start:end] for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
    assert [octets for piece in pieces for octets in framer.feed(piece)] == frames


def test_frames_come_out_octet_by_octet() -> None:
    octets = pdu.encode(pdu.EnquireLink(), 9)
    framer = pdu.Framer()
    taken = [framer.feed(octets[at : at + 1]) for at in range(16)]
    assert taken == [[]] * 15 + [[octets]]


@pytest.mark.parametrize("length", [0, 15, 101, 0x16030100])
def test_a_length_that_cannot_be_ends_the_stream_after_the_frames_before_it(length: int) -> None:
    good = pdu.encode(pdu.EnquireLink(), 1)
    bad = length.to_bytes(4, "big") + frame(Command.SUBMIT_SM, "", sequence=77)[4:]
    with pytest.raises(pdu.FramingError) as raised:
        pdu.Framer(max_octets=100).feed(good + bad)
    assert raised.value.frames == (good,)
    assert (raised.value.status, raised.value.command, raised.value.sequence) == (Status.RINVCMDLEN, 4, 77)


def test_a_bad_length_is_known_before_the_rest_of_the_header() -> None:
    with pytest.raises(pdu.FramingError) as raised:
        pdu.Framer().feed((15).to_bytes(4, "big"))
    assert (raised.value.command, raised.value.sequence) == (0, 0)
