"""How a body is encoded and cut into the parts that travel as separate short messages.

Rules:

- A body whose characters all lie in the GSM 03.38 default alphabet or its extension table (3GPP TS 23.038, sections
  6.2.1 and 6.2.1.1) is GSM-7; its unit is the septet, and an extension character costs two (escape, then code).
  Any other body is UCS-2; its unit is the UTF-16 code unit.
- A part alone holds 160 septets or 70 code units (140 octets). Of several parts each gives six octets to the
  concatenation header (3GPP TS 23.040, section 9.2.3.24.1) and holds 153 or 67; with a 16-bit reference
  (9.2.3.24.8) it gives seven, and holds 152 or 66.
- No cut falls inside an extension pair, a surrogate pair or a grapheme cluster (Unicode UAX 29, extended), which
  includes CR LF. A cluster longer than a part can't be kept whole: it is cut between code points.
- An empty body is one empty part.

Invariants: the parts joined are the body; every part is within its limit; ``count(body) == segment(body).count``.

Twilio's ``sms-segments-calculator`` follows the same rules, but cuts between CR and LF, lets a cluster longer than a
part overflow it, and finds clusters by the rules of Unicode 10.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType
from typing import Final

import regex

GSM7_SINGLE: Final = 160
"""Septets in a message of one part."""
GSM7_PART: Final = 153
"""Septets in each part of several."""
UCS2_SINGLE: Final = 70
"""UTF-16 code units in a message of one part."""
UCS2_PART: Final = 67
"""UTF-16 code units in each part of several."""

PART_OCTETS: Final = 140
HEADER_OCTETS: Final = 6
"""The concatenation header with an 8-bit reference: what bodies are counted with."""
LONG_HEADER_OCTETS: Final = 7
"""The same with a 16-bit reference."""

ESCAPE: Final = "\x1b"
"""Septet 0x1B: the next septet is read in the extension table. No character of a body is encoded as it."""

GSM_BASIC: Final = (
    "@£$¥èéùìòÇ\nØø\rÅå"
    "Δ_ΦΓΛΩΠΨΣΘΞ\x1bÆæßÉ"
    " !\"#¤%&'()*+,-./"
    "0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNO"
    "PQRSTUVWXYZÄÖÑÜ§"
    "¿abcdefghijklmno"
    "pqrstuvwxyzäöñüà"
)
"""The default alphabet: the character at index ``n`` is septet ``n``; index 0x1B holds the escape."""

GSM_EXTENSION: Final[Mapping[str, int]] = MappingProxyType(
    {
        "\f": 0x0A,
        "^": 0x14,
        "{": 0x28,
        "}": 0x29,
        "\\": 0x2F,
        "[": 0x3C,
        "~": 0x3D,
        "]": 0x3E,
        "|": 0x40,
        "€": 0x65,
    }
)
"""The extension table: character to the septet that follows the escape."""

_BASIC_CLASS: Final = re.escape(GSM_BASIC.replace(ESCAPE, ""))
_EXTENSION_CLASS: Final = re.escape("".join(GSM_EXTENSION))
_is_basic: Final = re.compile(f"[{_BASIC_CLASS}]*").fullmatch
_is_gsm7: Final = re.compile(f"[{_BASIC_CLASS}{_EXTENSION_CLASS}]*").fullmatch
_extension: Final = re.compile(f"[{_EXTENSION_CLASS}]")

_clusters: Final = regex.compile(r"\X").findall
# Between two characters of these classes UAX 29 always breaks; a body made of them alone needs no search for clusters.
_is_unjoined: Final = regex.compile(r"[\p{GCB=Other}\p{GCB=Control}\p{GCB=LF}\p{GCB=LV}\p{GCB=LVT}]*").fullmatch


class Encoding(Enum):
    """The alphabet that all parts of one message share."""

    GSM7 = "GSM-7"
    UCS2 = "UCS-2"


@dataclass(frozen=True, slots=True, kw_only=True)
class Segmentation:
    """A body cut into parts; ``units[i]`` is the size of ``parts[i]`` in septets or UTF-16 code units."""

    encoding: Encoding
    parts: tuple[str, ...]
    units: tuple[int, ...]

    @property
    def count(self) -> int:
        """How many parts, at least one."""
        return len(self.parts)


def segment(body: str, *, header_octets: int = HEADER_OCTETS, encoding: Encoding | None = None) -> Segmentation:
    """Cut ``body`` into parts, each as full as the rules allow.

    A body that ``encoding`` asks to be UCS-2 is that, though GSM-7 could spell it; never the other way round.
    """
    room = PART_OCTETS - header_octets
    if encoding is not Encoding.UCS2 and _is_gsm7(body):
        return _segment_gsm7(body, room * 8 // 7)
    return _segment_ucs2(body, room // 2)


def count(body: str) -> int:
    """How many parts ``segment(body)`` has, without building them where that can be told.

    Called for every message accepted: a usual body costs under a microsecond.
    """
    if len(body) <= GSM7_SINGLE and _is_basic(body):
        return 1
    if _is_gsm7(body):
        return sum(1 for _ in _gsm7_cuts(_septets(body), GSM7_PART))
    units = _utf16_units(body)
    if units <= UCS2_SINGLE:
        return 1
    if units == len(body) and _is_unjoined(body):
        return -(-units // UCS2_PART)
    return _segment_ucs2(body, UCS2_PART).count


def _segment_gsm7(body: str, limit: int) -> Segmentation:
    septets = _septets(body)
    parts, units, start = [], [], 0
    for end in _gsm7_cuts(septets, limit):
        parts.append(septets[start:end].replace(ESCAPE, ""))
        units.append(end - start)
        start = end
    return Segmentation(encoding=Encoding.GSM7, parts=tuple(parts), units=tuple(units))


def _septets(body: str) -> str:
    """Spell a GSM-7 body with one character per septet: the escape before each extension character."""
    if _extension.search(body) is None:
        return body
    for character in GSM_EXTENSION:  # faster than a translation by far, and bodies from carriers may be long
        body = body.replace(character, ESCAPE + character)
    return body


def _gsm7_cuts(septets: str, limit: int) -> Iterator[int]:
    """Yield where each part ends in ``septets``, one character per septet; of several, each has up to ``limit``."""
    end, total = 0, len(septets)
    if total > GSM7_SINGLE:
        while total - end > limit:
            end += limit
            # CR LF is the only cluster of several characters that the alphabet can spell.
            if septets[end - 1] == ESCAPE or septets.startswith("\r\n", end - 1):
                end -= 1
            yield end
    yield total


def _segment_ucs2(body: str, limit: int) -> Segmentation:
    total = _utf16_units(body)
    if total <= UCS2_SINGLE:
        return Segmentation(encoding=Encoding.UCS2, parts=(body,), units=(total,))
    parts, units = [], []
    start = end = filled = 0
    for piece, size in _pieces(body, limit):
        if filled + size > limit:
            parts.append(body[start:end])
            units.append(filled)
            start, filled = end, 0
        end += len(piece)
        filled += size
    parts.append(body[start:])
    units.append(filled)
    return Segmentation(encoding=Encoding.UCS2, parts=tuple(parts), units=tuple(units))


def _pieces(body: str, limit: int) -> Iterator[tuple[str, int]]:
    """Yield what a cut must keep whole, with its size: clusters, but the code points of one longer than a part."""
    for cluster in _clusters(body):
        size = _utf16_units(cluster)
        if size <= limit:
            yield cluster, size
        else:
            yield from ((point, _utf16_units(point)) for point in cluster)


def _utf16_units(text: str) -> int:
    if text.isascii():
        return len(text)
    return len(text.encode("utf-16-le", "surrogatepass")) // 2
