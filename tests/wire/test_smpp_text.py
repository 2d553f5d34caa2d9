"""Alphabets both ways, headers, and the parts of long messages: what is sent is what is read."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heliograph.core import segments
from heliograph.core.segments import Encoding
from heliograph.wire.smpp import text
from heliograph.wire.smpp.pdu import DataSm, DeliverSm, SubmitSm, Tag
from heliograph.wire.smpp.text import Alphabet, Coding, Concat, LongMode

GSM = segments.GSM_BASIC.replace(segments.ESCAPE, "") + "".join(segments.GSM_EXTENSION)
GSM_TEXT = st.text(st.sampled_from(GSM))
ANY_TEXT = st.text(st.characters(exclude_categories=["Cs"]))


@pytest.mark.parametrize(
    ("written", "alphabet", "octets"),
    [
        ("", Alphabet.GSM_UNPACKED, ""),
        ("@\u00a3$ _hi\u00e0", Alphabet.GSM_UNPACKED, "00 01 02 20 11 68 69 7F"),
        ("\u20ac[x]\f", Alphabet.GSM_UNPACKED, "1B65 1B3C 78 1B3E 1B0A"),
        # 3GPP TS 23.038's own method on the word that every implementation shows
        ("hellohello", Alphabet.GSM_PACKED, "E8329BFD4697D9EC37"),
        ("1234567", Alphabet.GSM_PACKED, "31D98C56B3DD1A"),  # seven bits left over are CR
        ("12345678", Alphabet.GSM_PACKED, "31D98C56B3DD70"),
        ("h\u00e9\U0001f600", Alphabet.UCS2, "0068 00E9 D83DDE00"),
        ("\ud83d", Alphabet.UCS2, "D83D"),
        ("h\u00e9@", Alphabet.LATIN1, "68 E9 40"),
        ("h@_", Alphabet.ASCII, "68 40 5F"),
        ("\u0000\u00ff", Alphabet.BINARY, "00 FF"),
        ("\u0416", Alphabet.CYRILLIC, "B6"),
        ("\u05d0", Alphabet.HEBREW, "E0"),
        ("\u3042", Alphabet.JIS, "82A0"),
        ("\u3042", Alphabet.ISO_2022_JP, "1B2442 2422 1B2842"),
        ("\uac00", Alphabet.KS_C_5601, "B0A1"),
    ],
)
def test_each_row_both_ways(written: str, alphabet: Alphabet, octets: str) -> None:
    assert text.encode_text(written, alphabet) == bytes.fromhex(octets)
    if written != "\ud83d":
        assert text.decode_text(bytes.fromhex(octets), alphabet) == written


@pytest.mark.parametrize(
    ("octets", "alphabet", "read"),
    [
        ("41 80 FF 42", Alphabet.GSM_UNPACKED, "A\ufffd\ufffdB"),
        ("1B", Alphabet.GSM_UNPACKED, "\ufffd"),
        ("1B1B 41", Alphabet.GSM_UNPACKED, " A"),
        ("1B41", Alphabet.GSM_UNPACKED, "A"),  # no such extension: the basic character
        ("1B0D", Alphabet.GSM_UNPACKED, "\r"),
        ("31D98C56B3DD00", Alphabet.GSM_PACKED, "1234567"),  # padded with zeros
        ("0041 42", Alphabet.UCS2, "A\ufffd"),
        ("D83D 0041", Alphabet.UCS2, "\ufffdA"),
        ("FEFF 0041", Alphabet.UCS2, "A"),
        ("FFFE 4100", Alphabet.UCS2, "A"),
        ("41 FF", Alphabet.ASCII, "A\ufffd"),
    ],
)
def test_reads_what_nobody_should_send(octets: str, alphabet: Alphabet, read: str) -> None:
    assert text.decode_text(bytes.fromhex(octets), alphabet) == read


@pytest.mark.parametrize(
    ("written", "alphabet"),
    [
        ("\u4e2d", Alphabet.GSM_UNPACKED),
        ("\x1b", Alphabet.GSM_UNPACKED),
        ("`", Alphabet.GSM_PACKED),
        ("\u20ac", Alphabet.LATIN1),
        ("\u00e9", Alphabet.ASCII),
    ],
)
def test_refuses_what_the_alphabet_lacks(written: str, alphabet: Alphabet) -> None:
    with pytest.raises(ValueError, match="can't encode"):
        text.encode_text(written, alphabet)


@given(GSM_TEXT)
def test_gsm_reads_back(written: str) -> None:
    octets = text.encode_text(written, Alphabet.GSM_UNPACKED)
    assert len(octets) == sum(segments.segment(written).units)
    assert text.decode_text(octets, Alphabet.GSM_UNPACKED) == written


@given(GSM_TEXT.filter(lambda written: not written.endswith(("@", "\r"))))
def test_packed_gsm_reads_back(written: str) -> None:
    assert text.decode_text(text.encode_text(written, Alphabet.GSM_PACKED), Alphabet.GSM_PACKED) == written


@given(ANY_TEXT.filter(lambda written: written[:1] not in ("\ufeff", "\ufffe")))
def test_ucs2_reads_back(written: str) -> None:
    assert text.decode_text(text.encode_text(written, Alphabet.UCS2), Alphabet.UCS2) == written


@given(st.lists(st.integers(0, 127)).map(bytes), st.integers(0, 6))
def test_septets_unpack_as_they_were_packed(septets: bytes, fill_bits: int) -> None:
    packed = text.pack(septets, fill_bits)
    assert len(packed) == -(-(fill_bits + 7 * len(septets)) // 8)
    assert text.unpack(packed, fill_bits) in (septets, septets + b"\r")


def octet_by_octet(septets: bytes) -> str:
    """As 3GPP TS 23.038, 6.2.1.1, has it."""
    extension = {code: character for character, code in segments.GSM_EXTENSION.items()}
    found, is_escaped = "", False
    for octet in septets:
        if octet == 0x1B:
            found, is_escaped = found + " " * is_escaped, not is_escaped
            continue
        basic = segments.GSM_BASIC[octet] if octet < 128 else "\ufffd"
        found, is_escaped = found + (extension.get(octet, basic) if is_escaped else basic), False
    return found + "\ufffd" * is_escaped


@given(st.lists(st.one_of(st.sampled_from([0x1B, 0x65, 0x28, 0x0A, 0xFF]), st.integers(0, 255))).map(bytes))
def test_gsm_text_is_read_as_the_standard_says(septets: bytes) -> None:
    assert text.decode_text(septets, Alphabet.GSM_UNPACKED) == octet_by_octet(septets)


LONGEST = 65_000
"""Octets: about what a message_payload has room for."""


@pytest.mark.parametrize(
    ("octets", "alphabet"),
    [
        (b"\xff" * LONGEST, Alphabet.GSM_UNPACKED),
        (b"\x1be" * (LONGEST // 2), Alphabet.GSM_UNPACKED),
        (b"\x1b\x1b" * (LONGEST // 2), Alphabet.GSM_UNPACKED),
        (b"\xff" * LONGEST, Alphabet.GSM_PACKED),
        (b"\xff" * LONGEST, Alphabet.ASCII),
        (b"\xff" * LONGEST, Alphabet.HEBREW),
    ],
)
def test_longest_payload_is_read_and_counted_in_a_moment(octets: bytes, alphabet: Alphabet) -> None:
    """It is read in the event loop. One octet, escape or septet after the other took 10 to 60 ms."""

    def seconds() -> float:
        begun = time.process_time()
        segments.count(text.decode_text(octets, alphabet))
        return time.process_time() - begun

    assert min(seconds() for _ in range(5)) < 0.008


@given(st.binary(), st.sampled_from(list(Alphabet)))
def test_any_octets_are_text(octets: bytes, alphabet: Alphabet) -> None:
    assert isinstance(text.decode_text(octets, alphabet), str)


@pytest.mark.parametrize(
    ("data_coding", "alphabet"),
    [
        (0x00, Alphabet.GSM_PACKED),  # the default that is passed below
        *((0x01, Alphabet.ASCII), (0x02, Alphabet.BINARY), (0x03, Alphabet.LATIN1), (0x04, Alphabet.BINARY)),
        *((0x05, Alphabet.JIS), (0x06, Alphabet.CYRILLIC), (0x07, Alphabet.HEBREW), (0x08, Alphabet.UCS2)),
        *((0x09, Alphabet.BINARY), (0x0A, Alphabet.ISO_2022_JP), (0x0E, Alphabet.KS_C_5601), (0x0F, Alphabet.BINARY)),
        *((0x10, Alphabet.GSM_PACKED), (0x14, Alphabet.BINARY), (0x18, Alphabet.UCS2), (0x19, Alphabet.UCS2)),
        *((0x80, Alphabet.BINARY), (0xBF, Alphabet.BINARY)),
        *((0xC8, Alphabet.GSM_PACKED), (0xD0, Alphabet.GSM_PACKED), (0xE0, Alphabet.UCS2)),
        *((0xF0, Alphabet.GSM_PACKED), (0xF1, Alphabet.GSM_PACKED), (0xF5, Alphabet.BINARY)),
    ],
)
def test_data_coding(data_coding: int, alphabet: Alphabet) -> None:
    assert text.alphabet_of(data_coding, Alphabet.GSM_PACKED) is alphabet


def deliver(part: text.Outgoing) -> DeliverSm:
    return DeliverSm(
        esm_class=part.esm_class, data_coding=part.data_coding, short_message=part.short_message, tlvs=part.tlvs
    )


CONCAT_MODES = [LongMode.UDH8, LongMode.UDH16, LongMode.SAR]
CODINGS = {
    Alphabet.GSM_UNPACKED: text.CODINGS,
    Alphabet.GSM_PACKED: {**text.CODINGS, Encoding.GSM7: Coding(Alphabet.GSM_PACKED, 0)},
    Alphabet.LATIN1: {**text.CODINGS, Encoding.GSM7: Coding(Alphabet.LATIN1, 3)},
}


@given(
    (st.text(st.sampled_from(GSM), max_size=600) | st.text(max_size=300)).filter(lambda body: not body.endswith("\r")),
    st.integers(0, 0xFFFF),
    st.sampled_from(list(LongMode)),
    st.sampled_from(list(CODINGS)),
)
def test_what_is_sent_in_parts_is_read_and_joined(body: str, reference: int, mode: LongMode, default: Alphabet) -> None:
    sent = text.parts(segments.segment(body), reference=reference, mode=mode, codings=CODINGS[default])
    read = [text.read(deliver(part), default) for part in sent]
    assert "".join(part.text for part in sent) == body
    ends_as_padding = body.endswith("@") and default is Alphabet.GSM_PACKED
    joined = text.decode_text(b"".join(part.data for part in read), read[0].alphabet)
    assert joined == body.removeprefix("\ufeff") or ends_as_padding or body[:1] == "\ufffe"
    if len(sent) == 1:
        assert read[0].concat is None
    else:
        kept = reference & 0xFF if mode is LongMode.UDH8 else reference
        assert [part.concat for part in read] == [
            Concat(reference=kept, total=len(sent), part=number, kind=mode) for number in range(1, len(sent) + 1)
        ]


@given(st.text(st.sampled_from(GSM), max_size=600) | st.text(max_size=300), st.sampled_from(CONCAT_MODES))
def test_each_part_fits_a_short_message_over_the_air(body: str, mode: LongMode) -> None:
    for part in text.parts(segments.segment(body), reference=1, mode=mode, codings=CODINGS[Alphabet.GSM_PACKED]):
        assert len(part.short_message) <= segments.PART_OCTETS


def test_the_parts_of_each_mode() -> None:
    segmentation = segments.segment("a" * 160 + "b")
    udh8, _ = text.parts(segmentation, reference=0x1234, mode=LongMode.UDH8)
    assert (udh8.esm_class, udh8.data_coding, udh8.tlvs) == (0x40, 0, {})
    assert udh8.short_message == bytes.fromhex("050003 34 02 01") + b"a" * 153
    udh16, _ = text.parts(segmentation, reference=0x1234, mode=LongMode.UDH16)
    assert udh16.short_message == bytes.fromhex("060804 1234 02 01") + b"a" * 152
    _, sar = text.parts(segmentation, reference=0x1234, mode=LongMode.SAR)
    assert (sar.esm_class, sar.short_message) == (0, b"a" * 7 + b"b")
    assert sar.tlvs == {
        Tag.SAR_MSG_REF_NUM: b"\x12\x34",
        Tag.SAR_TOTAL_SEGMENTS: b"\x02",
        Tag.SAR_SEGMENT_SEQNUM: b"\x02",
    }
    (payload,) = text.parts(segmentation, reference=0x1234, mode=LongMode.PAYLOAD)
    assert (payload.esm_class, payload.short_message) == (0, b"")
    assert payload.tlvs == {Tag.MESSAGE_PAYLOAD: b"a" * 160 + b"b"}


def test_a_16_bit_reference_may_take_one_more_part() -> None:
    segmentation = segments.segment("a" * 306)
    assert segmentation.count == 2
    assert [len(part.text) for part in text.parts(segmentation, reference=1, mode=LongMode.UDH16)] == [152, 152, 2]


def test_what_the_carriers_alphabet_lacks_goes_out_as_ucs2() -> None:
    (part,) = text.parts(
        segments.segment("5 \u20ac"), reference=1, mode=LongMode.UDH8, codings=CODINGS[Alphabet.LATIN1]
    )
    assert (part.data_coding, part.short_message) == (8, "5 \u20ac".encode("utf-16-be"))


def test_more_parts_than_an_octet_counts_are_refused() -> None:
    segmentation = segments.segment("a" * 153 * 256)
    with pytest.raises(ValueError, match="256 parts"):
        text.parts(segmentation, reference=1, mode=LongMode.SAR)


HEADED = {"esm_class": 0x40}
SAR = {Tag.SAR_MSG_REF_NUM: b"\0\7", Tag.SAR_TOTAL_SEGMENTS: b"\3", Tag.SAR_SEGMENT_SEQNUM: b"\1"}
SAR_CONCAT = Concat(reference=7, total=3, part=1, kind=LongMode.SAR)


@pytest.mark.parametrize(
    ("pdu", "read", "concat"),
    [
        pytest.param(SubmitSm(short_message=b"hi"), "hi", None, id="plain"),
        pytest.param(DataSm(tlvs={Tag.MESSAGE_PAYLOAD: b"hi"}), "hi", None, id="data_sm"),
        pytest.param(DataSm(), "", None, id="data_sm without a text"),
        pytest.param(DeliverSm(tlvs={Tag.MESSAGE_PAYLOAD: b"hi"}), "hi", None, id="message_payload"),
        pytest.param(DeliverSm(short_message=b"h", tlvs={Tag.MESSAGE_PAYLOAD: b"hi"}), "hi", None, id="both"),
        pytest.param(DeliverSm(short_message=b"hi", tlvs=SAR), "hi", SAR_CONCAT, id="sar"),
        pytest.param(
            DeliverSm(**HEADED, short_message=bytes.fromhex("050003090201") + b"hi", tlvs=SAR),
            "hi",
            Concat(reference=9, total=2, part=1, kind=LongMode.UDH8),
            id="a header goes before sar",
        ),
        pytest.param(
            DeliverSm(**HEADED, tlvs={Tag.MESSAGE_PAYLOAD: bytes.fromhex("050003090202") + b"hi"}),
            "hi",
            Concat(reference=9, total=2, part=2, kind=LongMode.UDH8),
            id="a header within message_payload",
        ),
        pytest.param(
            DeliverSm(**HEADED, short_message=bytes.fromhex("0B 0504 15811581 0003 090201".replace(" ", "")) + b"hi"),
            "hi",
            Concat(reference=9, total=2, part=1, kind=LongMode.UDH8),
            id="behind ports",
        ),
        pytest.param(DeliverSm(**HEADED, short_message=b"\x05\0\3\t\1\1hi"), "hi", None, id="one of one"),
        pytest.param(DeliverSm(**HEADED, short_message=b"\x05\0\3\t\2\3hi"), "hi", None, id="part three of two"),
        pytest.param(DeliverSm(**HEADED, short_message=b"\x05\0\3\t\2\0hi"), "hi", None, id="part zero"),
        pytest.param(DeliverSm(**HEADED, short_message=b"\0hi"), "hi", None, id="empty header"),
        pytest.param(DeliverSm(**HEADED, short_message=b"\x05\0\x09\t\2\1hi"), "hi", None, id="element too long"),
        pytest.param(DeliverSm(**HEADED, short_message=b"hi"), "hi", None, id="no header after all"),
        pytest.param(DeliverSm(**HEADED), "", None, id="nothing"),
        pytest.param(DeliverSm(short_message=b"hi", tlvs={**SAR, 0x20C: b""}), "hi", None, id="sar of no length"),
    ],
)
def test_reads_a_pdu(pdu: SubmitSm | DeliverSm | DataSm, read: str, concat: Concat | None) -> None:
    incoming = text.read(pdu)
    assert (incoming.text, incoming.concat) == (read, concat)


def test_ports_are_kept_as_they_came() -> None:
    octets = bytes.fromhex("0605041581 0000".replace(" ", "")) + b"\x30\x3a"
    user_data = text.split(octets)
    assert user_data.elements == ((5, bytes.fromhex("15810000")),)
    assert user_data.payload == b"\x30\x3a"


def test_a_character_cut_in_two_by_the_sender_is_whole_when_joined() -> None:
    halves = "\U0001f600".encode("utf-16-be")
    read = [text.read(DeliverSm(data_coding=8, short_message=half)) for half in (halves[:2], halves[2:])]
    assert text.decode_text(b"".join(part.data for part in read), read[0].alphabet) == "\U0001f600"


@given(
    st.binary(), st.integers(0, 255), st.integers(0, 255), st.dictionaries(st.sampled_from([*SAR, 0x424]), st.binary())
)
def test_any_user_data_is_read(octets: bytes, esm_class: int, data_coding: int, tlvs: dict[int, bytes]) -> None:
    pdu = DeliverSm(esm_class=esm_class, data_coding=data_coding, short_message=octets, tlvs=tlvs)
    for alphabet in Alphabet:
        incoming = text.read(pdu, alphabet)
        assert isinstance(incoming.text, str)
        assert incoming.concat is None or 1 <= incoming.concat.part <= incoming.concat.total


@pytest.mark.parametrize(
    ("data_coding", "octets", "written"),
    [
        (1, b"me\x00x.com \x025", "me@x.com $5"),
        (1, b"\x1b\x65 5", "\u20ac 5"),
        (1, b"two\nlines\r\n\tand \x0c", "two\nlines\r\n\tand \x0c"),
        (1, b"me@x.com $5", "me@x.com $5"),
        (1, b"padded\0\0", "padded\0\0"),
        (3, b"a\x02b", "a\x02b"),
        (0, b"me\x00x.com \x025", "me@x.com $5"),
    ],
)
def test_text_of_a_handset_that_is_called_ascii_and_is_gsm(data_coding: int, octets: bytes, written: str) -> None:
    read = text.read(DeliverSm(data_coding=data_coding, short_message=octets))
    assert text.of_handset(read).text == written
