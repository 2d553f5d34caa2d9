"""What submits ask for, numbers as addresses, and which states and codes customers are told."""

import dataclasses
import re
from pathlib import Path
from typing import Any

import pytest

from heliograph import smsc
from heliograph.api.system import pages
from heliograph.core.directory import SmppCredential
from heliograph.core.errors import Fault, Refused, refuse
from heliograph.core.lifecycle import State
from heliograph.smsc import addresses, queries, reading, statuses
from heliograph.smsc.addresses import Address
from heliograph.smsc.statuses import Rejected
from heliograph.wire.smpp.pdu import DataSm, Status, SubmitMulti, SubmitSm, Tag
from heliograph.wire.smpp.receipt import MessageState

NOW = 1_790_000_000_000_000
SECOND = 1_000_000
TLVS_BYTES = 1024
ACME = SmppCredential(
    project_id="p", system_id="acme", name="acme", password_hash="", max_binds=1, rate=0, window=10, allowed=(),
    alphabet="gsm", long_mode="udh8", created_at=0, updated_at=0,
)  # fmt: skip
HEADER = bytes((5, 0, 3, 77, 2, 1))


def submit(**fields: Any) -> SubmitSm:
    return SubmitSm(**({"short_message": b"hello", "source_addr": "12025550101", "source_addr_ton": 1} | fields))


def read(pdu: reading.Submit, **changes: Any) -> reading.Order:
    return reading.read(pdu, dataclasses.replace(ACME, **changes), NOW, TLVS_BYTES)


@pytest.mark.parametrize(
    ("ton", "text", "number"),
    [
        (1, "12025550101", "+12025550101"),
        (1, "+12025550101", "+12025550101"),
        (1, "0012025550101", "+12025550101"),
        (2, "12025550101", "+12025550101"),
        (0, "+12025550101", "+12025550101"),
        (0, "0012025550101", "+12025550101"),
        (2, "2025550101", "2025550101"),
        (0, "2025550101", "+2025550101"),
        (2, "447911123456", "+447911123456"),
        (0, "3838", "3838"),
        (0, "12345", "12345"),
        (0, "1234567", "1234567"),
        (0, "67822345", "+67822345"),
        (3, "12345678", "12345678"),
        (3, "123456", "123456"),
        (0, "988", "988"),
        (1, "12345", "+12345"),
        (5, "12025550101", "12025550101"),
        (5, "Acme", "Acme"),
        (0, "Acme", "Acme"),
        (1, "", ""),
        (0, "", ""),
        (1, "\xb2025550101", "\xb2025550101"),
    ],
)
def test_an_address_is_a_number(ton: int, text: str, number: str) -> None:
    assert addresses.number_of(ton, text) == number


@pytest.mark.parametrize(
    ("number", "address"),
    [
        ("+12025550101", Address(1, 1, "12025550101")),
        ("12345", Address(0, 1, "12345")),
        ("Acme", Address(5, 0, "Acme")),
        ("someone@mail.example.com", Address(5, 0, "someone@mail.example")),
        ("Ωmega\0", Address(5, 0, "?mega")),
    ],
)
def test_a_number_is_an_address(number: str, address: Address) -> None:
    assert addresses.address_of(number) == address


@pytest.mark.parametrize(
    ("data_coding", "octets", "text"),
    [
        (0, b"\x00 caf\x05 \x1be", "@ café €"),
        (1, b"@ cafe", "@ cafe"),
        (3, "@ café".encode("latin-1"), "@ café"),
        (8, "Grüße 👋".encode("utf-16-be"), "Grüße 👋"),
        (0x11, b"flash", "flash"),
    ],
)
def test_text_is_read_by_its_data_coding(data_coding: int, octets: bytes, text: str) -> None:
    assert read(submit(data_coding=data_coding, short_message=octets)).incoming.text == text


def test_data_coding_0_is_the_credentials_alphabet() -> None:
    octets = "@ café".encode("latin-1")
    assert read(submit(short_message=octets), alphabet="latin1").incoming.text == "@ café"


def test_text_may_be_in_message_payload() -> None:
    pdu = submit(short_message=b"", tlvs={Tag.MESSAGE_PAYLOAD: b"x" * 400})
    assert read(pdu).incoming.text == "x" * 400
    assert read(DataSm(tlvs={Tag.MESSAGE_PAYLOAD: b"hello"})).incoming.text == "hello"


@pytest.mark.parametrize("esm_class", [0x00, 0x01, 0x03, 0x08, 0x10, 0x80, 0x0B])
def test_esm_class_that_an_esme_may_send_is_accepted(esm_class: int) -> None:
    assert read(submit(esm_class=esm_class)).incoming.text == "hello"


@pytest.mark.parametrize("element", [bytes((0x70, 1, 2)), bytes((0x26, 0)), bytes((0xC5, 2, 1, 2)), bytes((0x0A, 0))])
def test_unknown_user_data_element_is_skipped(element: bytes) -> None:
    alone = bytes((len(element),)) + element
    assert read(submit(esm_class=0x40, short_message=alone + b"hola")).incoming.text == "hola"
    both = bytes((len(element) + 5,)) + element + HEADER[1:]
    part = read(submit(esm_class=0x40, short_message=both + b"hola")).incoming
    assert part.text == "hola" and part.concat is not None and part.concat.reference == 77


CONTROLS = [each for each in (*range(0x20), 0x7F) if each not in b"\n\f\r"]


@pytest.mark.parametrize(
    ("data_coding", "octets", "alphabet"),
    [
        (0, b"f\xfcr dich", "gsm"),
        (0, "é".encode(), "gsm"),
        (0, b"cut\x1b", "gsm"),
        (0, b"f\xfcr", "ascii"),
        (0, b"odd", "ucs2"),
        (1, "aébc".encode(), "gsm"),
        (1, b"me\0x.com \x025", "gsm"),
        (3, b"a\0b", "gsm"),
        (3, b"a\x80b", "gsm"),
        (8, b"\0h\0i\0", "gsm"),
        (8, "x".encode("utf-16-be") + b"\xd8\x3d", "gsm"),
        (8, b"\xdc\x4b\0i", "gsm"),
        (8, "a\0b".encode("utf-16-be"), "gsm"),
        (8, "hi\0".encode("utf-16-be"), "gsm"),
        (8, "a\x85b".encode("utf-16-be"), "gsm"),
        (0x18, b"\0h\0", "gsm"),
        (0xF1, b"\xff", "gsm"),
        (7, b"\xfb\xff", "gsm"),
        (5, b"\x81", "gsm"),
        (14, b"\xff\xff", "gsm"),
        *[(data_coding, bytes((0x61, each)), "gsm") for data_coding in (1, 3, 6) for each in CONTROLS],
        *[(8, bytes((0, 0x61, 0, each)), "gsm") for each in CONTROLS if each != ord("\t")],
    ],
)  # fmt: skip
def test_text_that_its_alphabet_does_not_have_is_refused_for_good(
    data_coding: int, octets: bytes, alphabet: str
) -> None:
    for pdu in (
        submit(data_coding=data_coding, short_message=octets),
        DataSm(data_coding=data_coding, tlvs={Tag.MESSAGE_PAYLOAD: octets}),
        SubmitMulti(data_coding=data_coding, short_message=octets),
    ):
        with pytest.raises(Rejected) as refused:
            read(pdu, alphabet=alphabet)
        assert refused.value.status is Status.RX_P_APPN


@pytest.mark.parametrize(
    ("data_coding", "octets", "text"),
    [
        (0, bytes((0x00, 0x02, 0x09, 0x0A, 0x0D, 0x7F)), "@$Ç\n\rà"),
        (0, b"\x1bA", "A"),
        (1, b"two\r\nlines\f", "two\r\nlines\f"),
        (3, b"caf\xe9\n", "café\n"),
        (8, "tab\tand \ufffd 👋".encode("utf-16-be"), "tab\tand \ufffd 👋"),
        (8, b"\xff\xfe" + "le \ufffd".encode("utf-16-le"), "le \ufffd"),
        (10, "日本".encode("iso2022_jp"), "日本"),
    ],
)
def test_text_is_never_altered(data_coding: int, octets: bytes, text: str) -> None:
    assert read(submit(data_coding=data_coding, short_message=octets)).incoming.text == text


@pytest.mark.parametrize(
    ("data_coding", "octets"), [(0, b"euro follows \x1b"), (8, b"\0h\0i\xd8\x3d"), (8, b"odd"), (5, b"\x81")]
)
def test_character_may_be_cut_between_two_parts(data_coding: int, octets: bytes) -> None:
    incoming = read(submit(data_coding=data_coding, esm_class=0x40, short_message=HEADER + octets)).incoming
    assert incoming.data == octets


@pytest.mark.parametrize(("data_coding", "octets"), [(0, b"\xfc"), (1, b"\0"), (3, b"\x02")])
def test_part_that_its_alphabet_does_not_have_is_refused(data_coding: int, octets: bytes) -> None:
    with pytest.raises(Rejected) as refused:
        read(submit(data_coding=data_coding, esm_class=0x40, short_message=HEADER + octets))
    assert refused.value.status is Status.RX_P_APPN


@pytest.mark.parametrize("mode", ["udh", "sar"])
def test_a_part_says_what_it_is_of(mode: str) -> None:
    sar = {Tag.SAR_MSG_REF_NUM: b"\0M", Tag.SAR_TOTAL_SEGMENTS: b"\2", Tag.SAR_SEGMENT_SEQNUM: b"\1"}
    pdu = submit(short_message=HEADER + b"one", esm_class=0x40) if mode == "udh" else submit(tlvs=sar)
    concat = read(pdu).incoming.concat
    assert concat is not None and (concat.reference, concat.total, concat.part) == (77, 2, 1)


@pytest.mark.parametrize(
    ("pdu", "seconds"),
    [
        (submit(), None),
        (submit(validity_period="000000001500000R"), 900),
        (submit(validity_period="000003000000000R"), 172_800),
        (DataSm(tlvs={Tag.QOS_TIME_TO_LIVE: (60).to_bytes(4, "big")}), 60),
    ],
)
def test_validity(pdu: reading.Submit, seconds: int | None) -> None:
    expires_at = read(pdu).expires_at
    assert expires_at == (None if seconds is None else NOW + seconds * SECOND)


def test_what_is_not_ours_to_read_is_passed_on() -> None:
    tlvs = {0x1400: b"vendor", int(Tag.USER_MESSAGE_REFERENCE): b"\0\7", int(Tag.SAR_MSG_REF_NUM): b"\0\1"}
    options = read(
        submit(service_type="CMT", priority_flag=2, protocol_id=64, registered_delivery=17, tlvs=tlvs)
    ).options
    assert (options.service_type, options.priority, options.protocol_id) == ("CMT", 2, 64)
    assert options.registered_delivery == 17
    assert options.tlvs == {0x1400: b"vendor", 0x0204: b"\0\7"}


@pytest.mark.parametrize(
    ("pdu", "status"),
    [
        (submit(schedule_delivery_time="000000001500000R"), Status.RINVSCHED),
        (submit(validity_period="yesterday"), Status.RINVEXPIRY),
        (submit(validity_period="000000000000000R"), Status.RINVEXPIRY),
        (submit(validity_period="200101000000000+"), Status.RINVEXPIRY),
        (submit(replace_if_present_flag=1), Status.RINVREPFLAG),
        (submit(sm_default_msg_id=1), Status.RINVDFTMSGID),
        (submit(priority_flag=4), Status.RINVPRTFLG),
        (submit(esm_class=0x02), Status.RINVESMCLASS),
        (submit(esm_class=0x04), Status.RINVESMCLASS),
        (submit(esm_class=0x0C), Status.RINVESMCLASS),
        (submit(esm_class=0x18), Status.RINVESMCLASS),
        (submit(esm_class=0x20), Status.RINVESMCLASS),
        (submit(registered_delivery=3), Status.RINVREGDLVFLG),
        (submit(data_coding=4), Status.RX_P_APPN),
        (submit(esm_class=0x40, short_message=bytes((6, 5, 4, 11, 132, 35, 240)) + b"wap"), Status.RINVESMCLASS),
        (submit(esm_class=0x40, short_message=bytes((4, 4, 2, 11, 132)) + b"wap"), Status.RINVESMCLASS),
        (submit(esm_class=0x40, short_message=b""), Status.RINVESMCLASS),
        (submit(esm_class=0x40, short_message=b"hello"), Status.RINVESMCLASS),
        (submit(tlvs={Tag.MESSAGE_PAYLOAD: b"x"}), Status.ROPTPARNOTALLWD),
        (submit(tlvs={0x1400: b"x" * 1025}), Status.RINVPARLEN),
        (SubmitMulti(esm_class=0x40, short_message=HEADER + b"one"), Status.RINVESMCLASS),
    ],
)
def test_what_can_not_be_done_is_refused(pdu: reading.Submit, status: Status) -> None:
    with pytest.raises(Rejected) as rejected:
        read(pdu)
    assert rejected.value.status is status


def test_every_refusal_of_the_catalogue_has_a_status() -> None:
    for fault in Fault:
        assert isinstance(statuses.status_of(refuse(fault)), Status)
    refused = Refused(*refuse(Fault.TO_INVALID).refusals, *refuse(Fault.FROM_INVALID).refusals)
    assert statuses.status_of(refused) is Status.RINVDSTADR


def test_every_status_that_the_door_gives_is_documented() -> None:
    text = pages.page("smpp").text
    folder = Path(smsc.__file__).parent
    given = {name for file in folder.glob("*.py") for name in re.findall(r"\bStatus\.(R\w+)", file.read_text("utf-8"))}
    assert "RINVDSTADR" in given
    assert [name for name in sorted(given - {"ROK"}) if name not in text] == []


@pytest.mark.parametrize(
    ("state", "code", "told", "error"),
    [
        (State.QUEUED, None, MessageState.ENROUTE, 0),
        (State.INITIATED, None, MessageState.ENROUTE, 0),
        (State.SENT, None, MessageState.ACCEPTED, 0),
        (State.DELIVERED, None, MessageState.DELIVERED, 0),
        (State.UNDELIVERED, 30005, MessageState.UNDELIVERABLE, 5),
        (State.UNDELIVERED, 30009, MessageState.EXPIRED, 9),
        (State.FAILED, 30001, MessageState.EXPIRED, 1),
        (State.FAILED, 63011, MessageState.REJECTED, 911),
        (State.FAILED, None, MessageState.DELETED, 0),
    ],
)
def test_states_and_codes_in_smpps_words(state: State, code: int | None, told: MessageState, error: int) -> None:
    assert queries.state_of(state, code) is told
    assert queries.error_of(code) == error


def test_parameters_without_a_value_count_too() -> None:
    tlvs = dict.fromkeys(range(0x1400, 0x1400 + 257), b"")
    with pytest.raises(Rejected) as refused:
        read(submit(tlvs=tlvs))
    assert refused.value.status is Status.RINVPARLEN


def test_a_part_is_no_longer_than_a_short_message() -> None:
    sar = {Tag.SAR_MSG_REF_NUM: b"\0\1", Tag.SAR_TOTAL_SEGMENTS: b"\2", Tag.SAR_SEGMENT_SEQNUM: b"\1"}
    assert read(DataSm(tlvs=sar | {Tag.MESSAGE_PAYLOAD: b"x" * 254})).incoming.concat is not None
    with pytest.raises(Rejected) as refused:
        read(DataSm(tlvs=sar | {Tag.MESSAGE_PAYLOAD: b"x" * 255}))
    assert refused.value.status is Status.RINVMSGLEN


@pytest.mark.parametrize("data_coding", [0, 1, 3, 8])
def test_text_too_long_for_a_message_is_refused_before_it_is_decoded(
    data_coding: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading.text, "read", lambda *_: pytest.fail("it was decoded"))
    with pytest.raises(Rejected) as refused:
        read(DataSm(data_coding=data_coding, tlvs={Tag.MESSAGE_PAYLOAD: b"\xd8\x00" * 32_640}))
    assert refused.value.status is Status.RINVMSGLEN


def test_a_service_type_that_no_carrier_could_be_told_is_refused() -> None:
    assert read(submit(service_type="ABCDE")).options.service_type == "ABCDE"
    with pytest.raises(Rejected) as refused:
        read(submit(service_type="ABCDEF"))
    assert refused.value.status is Status.RINVSERTYP


@pytest.mark.parametrize(
    ("header", "octets", "written"),
    [
        ("03240102", b"Est\x1ba aqu\x1bi", "Est\xe1 aqu\xed"),
        ("03250101", b"k\x07z", "k\u0131z"),
        ("06250103240103", b"n\x7bo", "n\xe3o"),
        ("080003070201240102", b"ma\x1bana", "ma\xe1na"),
        ("09080400070201240102", b"ma\x1bana", "ma\xe1na"),
    ],
)
def test_text_in_a_national_language_table(header: str, octets: bytes, written: str) -> None:
    order = read(submit(esm_class=0x40, short_message=bytes.fromhex(header) + octets))
    assert order.incoming.text == written
