"""The parts of a message in the national language tables, where they are no more than in UCS-2.

Each part names its tables in its header, beside its place in a long message (3GPP TS 23.040, 9.2.3.24). No part ends
between an escape and the septet after it.
"""

from collections.abc import Sequence
from typing import Final

from heliograph.core import segments
from heliograph.core.segments import Segmentation
from heliograph.wire.smpp import national
from heliograph.wire.smpp.national import Shift
from heliograph.wire.smpp.text import (
    MAX_PARTS,
    UDHI,
    Alphabet,
    Coding,
    Concat,
    LongMode,
    Outgoing,
    concat_element,
    concat_tlvs,
    packed_behind,
)

_HEADER_LENGTH_OCTETS: Final = 1


def parts(
    ucs2: Segmentation, languages: Sequence[str], *, reference: int, mode: LongMode, coding: Coding
) -> list[Outgoing] | None:
    """The parts of the pair of tables that needs fewest, for a body that is cut as UCS-2. None where no pair spells
    it, or none in so few parts, or a long message would be one message_payload, which has no headers of parts."""
    body = "".join(ucs2.parts)
    best: list[tuple[str, bytes]] | None = None
    best_shift = national.DEFAULT
    for shift in national.shifts(languages):
        spelled = national.spelling(body, shift)
        if spelled is None:
            continue
        cut = _cut(body, spelled, shift, mode)
        if len(cut) <= min(ucs2.count, MAX_PARTS, len(best) - 1 if best is not None else MAX_PARTS):
            best, best_shift = cut, shift
    if best is None or (len(best) > 1 and mode is LongMode.PAYLOAD):
        return None
    total = len(best)
    concats = [Concat(reference=reference, total=total, part=part, kind=mode) for part in range(1, total + 1)]
    return [
        _outgoing(text, septets, best_shift, concat if total > 1 else None, coding)
        for (text, septets), concat in zip(best, concats, strict=True)
    ]


def _cut(body: str, spelled: list[bytes], shift: Shift, mode: LongMode) -> list[tuple[str, bytes]]:
    """Text and septets of each part."""
    tables = _HEADER_LENGTH_OCTETS + len(national.header_elements(shift))
    if sum(map(len, spelled)) <= _room(tables):
        return [(body, b"".join(spelled))]
    beside = {LongMode.UDH8: segments.HEADER_OCTETS, LongMode.UDH16: segments.LONG_HEADER_OCTETS}.get(mode, 1)
    room = _room(tables + beside - _HEADER_LENGTH_OCTETS)
    cut: list[tuple[str, bytes]] = []
    start = size = 0
    for place, septets in enumerate(spelled):
        if size + len(septets) > room:
            cut.append((body[start:place], b"".join(spelled[start:place])))
            start, size = place, 0
        size += len(septets)
    return [*cut, (body[start:], b"".join(spelled[start:]))]


def _room(header_octets: int) -> int:
    """Septets of a part beside its header, which ends at a septet boundary."""
    return (segments.PART_OCTETS - header_octets) * 8 // 7


def _outgoing(text: str, septets: bytes, shift: Shift, concat: Concat | None, coding: Coding) -> Outgoing:
    elements = (concat_element(concat) if concat is not None else b"") + national.header_elements(shift)
    header = bytes((len(elements),)) + elements
    is_packed = coding.alphabet is Alphabet.GSM_PACKED
    return Outgoing(
        text=text,
        esm_class=UDHI,
        data_coding=coding.data_coding,
        short_message=header + (packed_behind(septets, len(header)) if is_packed else septets),
        tlvs=concat_tlvs(concat) if concat is not None else {},
    )
