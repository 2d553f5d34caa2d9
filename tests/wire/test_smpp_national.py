"""National language tables: texts of each language both ways, what the tables lack, and parts with their headers."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heliograph.core.languages import LANGUAGES
from heliograph.core.segments import Encoding, segment
from heliograph.wire.smpp import national, national_parts, text
from heliograph.wire.smpp.national import Shift
from heliograph.wire.smpp.national_tables import LOCKING, SINGLE, UNASSIGNED
from heliograph.wire.smpp.pdu import DeliverSm
from heliograph.wire.smpp.text import Alphabet, Coding, LongMode

UNPACKED = Coding(Alphabet.GSM_UNPACKED, 0)
PACKED = Coding(Alphabet.GSM_PACKED, 0)

ROWS = [
    # what a handset sends, by the tables of 3GPP TS 23.038, A.2 and A.3
    (Shift(single=1), b"ya\x1bgmur", "ya\u011fmur"),
    (Shift(single=1), b"k\x1biz \x1bS\x1bI\x1bG\x1bs\x1bc \x1be", "k\u0131z \u015e\u0130\u011e\u015f\xe7 \u20ac"),
    (
        Shift(locking=1),
        b"k\x07z ya\x0cmur \x1c\x1d \x40\x60 \x04",
        "k\u0131z ya\u011fmur \u015e\u015f \u0130\xe7 \u20ac",
    ),
    (Shift(single=2), b"Est\x1ba aqu\x1bi", "Est\xe1 aqu\xed"),
    (Shift(single=2), b"\x1bA\x1bI\x1bO\x1bU \x1bo\x1bu\x1b\x09 \x7d", "\xc1\xcd\xd3\xda \xf3\xfa\xe7 \xf1"),
    (Shift(single=3), b"cora\x1b\x09\x1b\x7bo", "cora\xe7\xe3o"),
    (Shift(locking=3), b"cora\x09\x7bo \x04\x1f \x60", "cora\xe7\xe3o \xea\xc9 ~"),
    (Shift(locking=3, single=3), b"n\x7bo \x1b\x61\x1b\x7f", "n\xe3o \xc2\xe2"),
    (Shift(locking=4, single=4), b"\x00\x01\x3d\x7c\x1b\x19\x1bA", "\u0981\u0982\u09aa\u09dc\u09e6A"),
    (Shift(locking=5, single=5), b"\x00\x0c\x24\x1b\x1c", "\u0a81\u0a8d\u0aa1\u0ae6"),
    (Shift(locking=6, single=6), b"\x28\x2e\x38\x5f\x1b\x1c\x1b\x19", ").8\u094d\u0966\u0964"),
    (Shift(locking=6), b"\x2f\x2e\x2c", "\u0928.,"),
    (Shift(locking=7, single=7), b"\x01\x24\x3d\x7b\x1b\x2a", "\u0c82\u0ca1\u0caa\u0cd6\u0cf2"),
    (Shift(locking=8, single=8), b"\x01\x48\x7f\x1b\x34", "\u0d02\u0d34\u0d79\u0d7f"),
    (Shift(locking=9, single=9), b"\x00\x60\x1b\x1e", "\u0b01\u0b56\u0b68"),
    (Shift(locking=10, single=10), b"\x47\x4a\x7f\x1b\x2d", "\u0a33\u0a36\u0a74\u0a75"),
    (Shift(locking=11, single=11), b"\x01\x3c\x1b\x20\x1b\x2e", "\u0b82\u0ba9\u0bea\u0bfa"),
    (Shift(locking=12, single=12), b"\x00\x60\x1b\x1c\x1be", "\u0c01\u0c55\u0c66\u20ac"),
    (Shift(locking=13, single=13), b"\x00\x01\x5d\x5e\x7b\x7f\x1b\x3f", "\u0627\u0622\u0650\u064f\u0655\u0670\u06d4"),
]


@pytest.mark.parametrize(("shift", "septets", "written"), ROWS)
def test_each_row_both_ways(shift: Shift, septets: bytes, written: str) -> None:
    assert national.decode(septets, shift) == written
    spelled = national.spelling(written, shift)
    assert spelled is not None
    assert national.decode(b"".join(spelled), shift) == written


@pytest.mark.parametrize(
    ("shift", "septets", "written"),
    [
        (Shift(single=2), b"\x1bx", "x"),
        (Shift(single=2), b"a\x1b\x1bb", "a b"),
        (Shift(single=2), b"a\x1b", "a\ufffd"),
        (Shift(single=2), b"a\x80b", "a\ufffdb"),
        (Shift(locking=4), b"\x0c", "\ufffd"),
        (Shift(single=2), b"\x1b(\x1b)\x1be", "{}\u20ac"),
    ],
)
def test_what_the_tables_lack(shift: Shift, septets: bytes, written: str) -> None:
    assert national.decode(septets, shift) == written


@pytest.mark.parametrize("shift", national.shifts(tuple(LANGUAGES)))
def test_every_character_of_the_tables_reads_back(shift: Shift) -> None:
    characters = {*LOCKING.get(shift.locking, ""), *SINGLE.get(shift.single, {}).values()} - {UNASSIGNED, "\x1b"}
    written = "".join(sorted(characters))
    spelled = national.spelling(written, shift)
    assert spelled is not None
    assert national.decode(b"".join(spelled), shift) == written


def test_tables_are_whole() -> None:
    assert set(SINGLE) == set(LANGUAGES.values())
    assert set(LOCKING) == set(LANGUAGES.values()) - {LANGUAGES["spanish"]}
    assert {len(table) for table in LOCKING.values()} == {128}
    assert all(table[0x1B] == "\x1b" and table[0x0A] == "\n" and table[0x0D] == "\r" for table in LOCKING.values())
    assert all(table[ord("0") : ord(":")] == "0123456789" for table in LOCKING.values())
    assert all(table[ord("a") : ord("{")] == "abcdefghijklmnopqrstuvwxyz" for table in LOCKING.values())
    assert all(table[0x65] == "\u20ac" for table in SINGLE.values())


@pytest.mark.parametrize(
    ("elements", "shift"),
    [
        ([(0x24, b"\2")], Shift(0, 2)),
        ([(0x25, b"\1")], Shift(1, 0)),
        ([(0x25, b"\3"), (0x24, b"\3")], Shift(3, 3)),
        ([(0x25, b"\2")], Shift(0, 0)),
        ([(0x24, b"\x0e"), (0x25, b"\xff")], Shift(0, 0)),
        ([(0x24, b"\1"), (0x24, b"\2")], Shift(0, 2)),
        ([(0x24, b""), (0x25, b"\1\1")], Shift(0, 0)),
        ([(0x70, b"\1"), (0x00, b"\7\2\1")], Shift(0, 0)),
    ],
)
def test_tables_that_a_header_names(elements: list[tuple[int, bytes]], shift: Shift) -> None:
    assert national.shift_of(elements) == shift


HEADERS = [
    (bytes.fromhex("03240102"), None),
    (bytes.fromhex("080003070201240102"), 1),
    (bytes.fromhex("082401020003070202"), 2),
    (bytes.fromhex("09080400070201240102"), 1),
    (bytes.fromhex("087001aa7100240102"), None),
]


@pytest.mark.parametrize(("header", "part"), HEADERS)
@pytest.mark.parametrize("packed", [False, True])
def test_header_names_the_tables_beside_other_elements(header: bytes, part: int | None, packed: bool) -> None:
    septets = b"ma\x1bana"
    body = text.packed_behind(septets, len(header)) if packed else septets
    alphabet = Alphabet.GSM_PACKED if packed else Alphabet.GSM_UNPACKED
    incoming = text.read(DeliverSm(esm_class=0x40, short_message=header + body), alphabet)
    assert (incoming.text, incoming.concat and incoming.concat.part) == ("ma\xe1na", part)
    assert text.decode_spelled(incoming.data, incoming.spelling) == "ma\xe1na"


def test_other_alphabets_have_no_tables() -> None:
    header = bytes.fromhex("03240102")
    incoming = text.read(DeliverSm(esm_class=0x40, data_coding=3, short_message=header + b"\x1ba"))
    assert (incoming.text, incoming.spelling) == ("\x1ba", "latin1")


# -- writing


def written(body: str, *languages: str, mode: LongMode = LongMode.UDH8, coding: Coding = UNPACKED) -> Any:
    segmentation = segment(body)
    assert segmentation.encoding is Encoding.UCS2
    return national_parts.parts(segmentation, languages, reference=7, mode=mode, coding=coding)


def test_short_text_in_a_single_shift_table() -> None:
    (part,) = written("Est\xe1 aqu\xed", "turkish", "spanish")
    assert (part.esm_class, part.data_coding, part.tlvs) == (0x40, 0, {})
    assert part.short_message == bytes.fromhex("03240102") + b"Est\x1ba aqu\x1bi"


@pytest.mark.parametrize(
    ("mode", "header", "room"),
    [
        (LongMode.UDH8, bytes.fromhex("080003070201240102"), 149),
        (LongMode.UDH16, bytes.fromhex("09080400070201240102"), 148),
        (LongMode.SAR, bytes.fromhex("03240102"), 155),
    ],
)
@pytest.mark.parametrize("coding", [UNPACKED, PACKED])
def test_long_text_is_cut_beside_its_header(mode: LongMode, header: bytes, room: int, coding: Coding) -> None:
    body = "\xe1" * 80  # 160 septets: 155 fit beside the tables alone
    first, second = written(body, "spanish", mode=mode, coding=coding)
    assert first.short_message.startswith(header)
    assert first.text + second.text == body
    assert len(first.text) == room // 2
    assert bool(first.tlvs) is (mode is LongMode.SAR)
    if coding is PACKED:
        assert len(first.short_message) <= 140


@pytest.mark.parametrize("mode", [LongMode.UDH8, LongMode.UDH16, LongMode.SAR])
@pytest.mark.parametrize("coding", [UNPACKED, PACKED])
@given(body=st.text(st.sampled_from("abc\u0131\u011f\u015f\u0130\xe7{}\u20ac "), min_size=1, max_size=400))
def test_any_turkish_text_reads_back(mode: LongMode, coding: Coding, body: str) -> None:
    body = f"\u011f{body}"
    found = written(body, "turkish", mode=mode, coding=coding)
    assert found is not None
    assert len(found) <= segment(body).count
    read = [
        text.read(
            DeliverSm(esm_class=part.esm_class, short_message=part.short_message, tlvs=part.tlvs), coding.alphabet
        )
        for part in found
    ]
    assert "".join(each.text for each in read) == body
    assert [each.concat.part for each in read if each.concat] == (
        list(range(1, len(found) + 1)) if len(found) > 1 else []
    )


@pytest.mark.parametrize(
    ("body", "languages", "mode"),
    [
        ("\u4f60\u597d", tuple(LANGUAGES), LongMode.UDH8),
        ("Est\xe1", (), LongMode.UDH8),
        ("Est\xe1", ("turkish",), LongMode.UDH8),
        ("Est\xe1" * 60, ("spanish",), LongMode.PAYLOAD),
    ],
)
def test_text_that_no_table_serves_stays_ucs2(body: str, languages: tuple[str, ...], mode: LongMode) -> None:
    assert written(body, *languages, mode=mode) is None
