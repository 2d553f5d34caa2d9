"""Segmentation against tables, against a plain reference, and by its properties."""

import pytest
import regex
from hypothesis import example, given
from hypothesis import strategies as st

from heliograph.core import segments
from heliograph.core.segments import Encoding

BASIC = segments.GSM_BASIC.replace(segments.ESCAPE, "")
EXTENSION = "".join(segments.GSM_EXTENSION)

FAMILY = "\U0001f468\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466"  # man, woman, girl, boy: 11 units
FLAG = "\U0001f1e8\U0001f1ed"  # Switzerland: 4 units
THUMB = "\U0001f44d\U0001f3fd"  # thumbs up, medium skin: 4 units
ACUTE = "e\u0301"  # e, combining acute: 2 units
HINDI = "\u0928\u093f"  # na, vowel sign i: 2 units
JAMO = "\u1112\u1161\u11ab"  # han, in three jamo: 3 units
GLYPHS = (
    FAMILY,
    FLAG,
    THUMB,
    ACUTE,
    HINDI,
    JAMO,
    "\r\n",
    "\u00e9",
    "\u4e2d",
    "\ud55c",
    "\U0001f600",
    "\u200d",
    "\u0301",
)

SINGLE = {Encoding.GSM7: 160, Encoding.UCS2: 70}
PART = {Encoding.GSM7: 153, Encoding.UCS2: 67}


def units_of(text: str, encoding: Encoding) -> int:
    if encoding is Encoding.GSM7:
        return sum(2 if character in EXTENSION else 1 for character in text)
    return sum(2 if character > "\uffff" else 1 for character in text)


def reference_parts(body: str) -> list[str]:
    """The rules of the contract, one cluster at a time, with no shortcut."""
    encoding = Encoding.GSM7 if all(character in BASIC + EXTENSION for character in body) else Encoding.UCS2
    if units_of(body, encoding) <= SINGLE[encoding]:
        return [body]
    parts = [""]
    for cluster in regex.findall(r"\X", body):
        for piece in [cluster] if units_of(cluster, encoding) <= PART[encoding] else cluster:
            if units_of(parts[-1] + piece, encoding) > PART[encoding]:
                parts.append("")
            parts[-1] += piece
    return parts


gsm_bodies = st.text(st.sampled_from(BASIC + EXTENSION + "\r\n"), max_size=700)
mixed_bodies = st.lists(
    st.one_of(st.sampled_from(GLYPHS), st.sampled_from(EXTENSION), st.text(max_size=40)), max_size=80
).map("".join)
# Long enough to be cut, whatever the small parts are.
long_bodies = st.tuples(st.integers(0, 160), st.sampled_from(["x", "\u4e2d", "{", *GLYPHS]), mixed_bodies).map(
    lambda parts: parts[1] * parts[0] + parts[2]
)
bodies = st.one_of(gsm_bodies, mixed_bodies, long_bodies)


class TestAlphabet:
    def test_has_127_characters_and_the_escape(self) -> None:
        assert len(segments.GSM_BASIC) == len(set(segments.GSM_BASIC)) == 128
        assert segments.GSM_BASIC[0x1B] == segments.ESCAPE

    @pytest.mark.parametrize(
        ("septet", "character"),
        [
            *((0x00, "@"), (0x09, "Ç"), (0x0A, "\n"), (0x0D, "\r"), (0x10, "Δ"), (0x11, "_"), (0x12, "Φ"), (0x13, "Γ")),
            *((0x14, "Λ"), (0x15, "Ω"), (0x16, "Π"), (0x17, "Ψ"), (0x18, "Σ"), (0x19, "Θ"), (0x1A, "Ξ"), (0x1C, "Æ")),
            *((0x1F, "É"), (0x20, " "), (0x24, "¤"), (0x40, "¡"), (0x5B, "Ä"), (0x5F, "§"), (0x60, "¿"), (0x7F, "à")),
        ],
    )
    def test_septet(self, septet: int, character: str) -> None:
        assert segments.GSM_BASIC[septet] == character

    def test_extension_is_apart_from_the_basic_set(self) -> None:
        assert len(EXTENSION) == 10
        assert not set(EXTENSION) & set(segments.GSM_BASIC)

    @pytest.mark.parametrize("character", "`ç\u0391êáí\t\x00\x1b\x7f\u2019\u201c\u2014\u2026\u00a0")
    def test_look_alikes_are_ucs2(self, character: str) -> None:
        assert segments.segment(character).encoding is Encoding.UCS2


@pytest.mark.parametrize(
    ("body", "encoding", "units"),
    [
        ("", Encoding.GSM7, (0,)),
        ("Hello", Encoding.GSM7, (5,)),
        (BASIC, Encoding.GSM7, (127,)),
        (EXTENSION, Encoding.GSM7, (20,)),
        ("x" * 160, Encoding.GSM7, (160,)),
        ("x" * 161, Encoding.GSM7, (153, 8)),
        ("x" * 306, Encoding.GSM7, (153, 153)),
        ("x" * 307, Encoding.GSM7, (153, 153, 1)),
        ("x" * 1600, Encoding.GSM7, (153,) * 10 + (70,)),
        ("€" * 80, Encoding.GSM7, (160,)),
        ("€" * 81, Encoding.GSM7, (152, 10)),
        ("x" * 158 + "€", Encoding.GSM7, (160,)),
        ("x" * 159 + "€", Encoding.GSM7, (153, 8)),
        ("x" * 152 + "€" + "x" * 7, Encoding.GSM7, (152, 9)),
        ("x" * 151 + "€" + "x" * 8, Encoding.GSM7, (153, 8)),
        ("x" * 152 + "\r\n" + "x" * 151, Encoding.GSM7, (152, 153)),
        ("x" * 151 + "\r\n" + "x" * 8, Encoding.GSM7, (153, 8)),
        ("x" * 152 + "\n\r" + "x" * 7, Encoding.GSM7, (153, 8)),
        ("x" * 151 + "€\r\n" + "x" * 8, Encoding.GSM7, (153, 10)),
        ("x" * 150 + "€\r\n" + "x" * 8, Encoding.GSM7, (152, 10)),
        ("\u4e2d" * 70, Encoding.UCS2, (70,)),
        ("\u4e2d" * 71, Encoding.UCS2, (67, 4)),
        ("\u4e2d" * 134, Encoding.UCS2, (67, 67)),
        ("\u4e2d" * 135, Encoding.UCS2, (67, 67, 1)),
        ("\ud55c" * 135, Encoding.UCS2, (67, 67, 1)),
        ("x" * 69 + "\u00ea", Encoding.UCS2, (70,)),
        ("{" * 69 + "\u00ea", Encoding.UCS2, (70,)),
        ("\U0001f600" * 35, Encoding.UCS2, (70,)),
        ("\U0001f600" * 36, Encoding.UCS2, (66, 6)),
        ("\U0001f600" * 67, Encoding.UCS2, (66, 66, 2)),
        ("x" * 66 + "\U0001f600" + "x" * 3, Encoding.UCS2, (66, 5)),
        ("x" * 60 + FAMILY, Encoding.UCS2, (60, 11)),
        ("x" * 66 + FLAG + "x", Encoding.UCS2, (66, 5)),
        (FLAG * 18, Encoding.UCS2, (64, 8)),
        ("x" * 65 + THUMB + "xx", Encoding.UCS2, (65, 6)),
        ("x" * 66 + ACUTE + "xxx", Encoding.UCS2, (66, 5)),
        ("x" * 66 + HINDI + "xxx", Encoding.UCS2, (66, 5)),
        ("x" * 65 + JAMO + "xxx", Encoding.UCS2, (65, 6)),
        ("x" * 66 + "\ud558\u11ab" + "x" * 66, Encoding.UCS2, (66, 67, 1)),
        ("x" * 66 + "\U0001f1e8\U0001f1ed" + "x" * 64, Encoding.UCS2, (66, 67, 1)),
        ("x" * 66 + "\u0600\u4e2d" + "x" * 66, Encoding.UCS2, (66, 67, 1)),
        ("\u4e2d" * 66 + "\r\n" + "xxx", Encoding.UCS2, (66, 5)),
        # A cluster longer than a part: cut between code points, and the part before it is filled.
        ("xxx" + "e" + "\u0301" * 99, Encoding.UCS2, (67, 36)),
        ("xxx" + "e" + "\u0301" * 66, Encoding.UCS2, (70,)),
        ("xxxx" + "e" + "\u0301" * 66, Encoding.UCS2, (4, 67)),
        ("x" * 66 + "e" + "\U000e0101" * 40, Encoding.UCS2, (67, 66, 14)),
    ],
)
def test_units(body: str, encoding: Encoding, units: tuple[int, ...]) -> None:
    segmentation = segments.segment(body)
    assert (segmentation.encoding, segmentation.units) == (encoding, units)
    assert segments.count(body) == segmentation.count == len(units)


def test_lone_surrogates_do_not_raise() -> None:
    assert segments.count("\ud83d" * 71) == segments.segment("\ud83d" * 71).count == 2


@given(bodies)
def test_parts_joined_are_the_body(body: str) -> None:
    assert "".join(segments.segment(body).parts) == body


@given(bodies)
def test_each_part_is_within_its_limit(body: str) -> None:
    segmentation = segments.segment(body)
    limit = (SINGLE if segmentation.count == 1 else PART)[segmentation.encoding]
    assert all(units <= limit for units in segmentation.units)
    assert segmentation.units == tuple(units_of(part, segmentation.encoding) for part in segmentation.parts)


@given(bodies)
@example("x" * 152 + "\r\n" + "x" * 151)
def test_fast_count_agrees_with_the_cut(body: str) -> None:
    assert segments.count(body) == segments.segment(body).count


@given(bodies)
def test_agrees_with_the_plain_reference(body: str) -> None:
    assert list(segments.segment(body).parts) == reference_parts(body)


@given(bodies)
def test_no_cluster_that_fits_is_split(body: str) -> None:
    segmentation = segments.segment(body)
    cuts, at = set(), 0
    for part in segmentation.parts:
        cuts.add(at := at + len(part))
    for match in regex.finditer(r"\X", body):
        if units_of(match[0], segmentation.encoding) <= PART[segmentation.encoding]:
            assert not cuts & set(range(match.start() + 1, match.end()))


@given(bodies)
def test_no_part_is_empty_but_of_an_empty_body(body: str) -> None:
    assert all(segments.segment(body).parts) or body == ""
