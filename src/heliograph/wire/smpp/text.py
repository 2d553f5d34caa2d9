"""The text of a short message: alphabets, headers within the user data, and the parts of a long message.

Rules:

- data_coding says the alphabet (SMPP 3.4, 5.2.19); the message classes and indications of 3GPP TS 23.038, section 4,
  are read for theirs. 0, the SMSC's default alphabet, is whatever the two sides agreed on: a setting.
- GSM 03.38 travels unpacked, an octet for each septet, or packed, seven octets for eight septets. Packed, and after a
  header, the text begins at the next septet boundary counted from the header's start (3GPP TS 23.040, 9.2.3.24).
- GSM text may be in the national language tables that its header names (national.py).
- A long message is parts, which say what they belong to in a header (UDHI, esm_class 0x40) or in the three `sar_`
  TLVs (5.3.2.22 to 24); or it is one message_payload (5.3.2.32), which the SMSC cuts.
- data_coding 1 is IA5 (ASCII). Where its octets are letters in GSM and control characters in IA5, a text from a handset
  is read as GSM (`of_handset`): some SMSCs call GSM so.
- Reading never fails: what has no meaning is U+FFFD, and a header that can't be read is left in the text.

Parts are joined as octets and read then: senders cut between the two halves of what is one character.
"""

import codecs
import re
from collections.abc import Mapping
from enum import Enum
from types import MappingProxyType
from typing import Final, NamedTuple

import msgspec

from heliograph.core import segments
from heliograph.core.segments import ESCAPE, GSM_BASIC, GSM_EXTENSION, Encoding, Segmentation
from heliograph.wire.smpp import national
from heliograph.wire.smpp.national import Shift
from heliograph.wire.smpp.pdu import DataSm, DeliverSm, SubmitMulti, SubmitSm, Tag

UDHI: Final = 0x40
"""esm_class: the user data begins with a header (5.2.12)."""
MAX_PARTS: Final = 255
"""A part's number is one octet."""

_IEI_CONCAT_8: Final = 0x00
_IEI_CONCAT_16: Final = 0x08


class Alphabet(Enum):
    """How octets are text."""

    GSM_UNPACKED = "gsm"
    GSM_PACKED = "gsm-packed"
    UCS2 = "ucs2"
    LATIN1 = "latin1"
    ASCII = "ascii"
    BINARY = "binary"
    """Not text; as text each octet is the Latin-1 character."""
    CYRILLIC = "iso8859-5"
    HEBREW = "iso8859-8"
    JIS = "shift-jis"
    ISO_2022_JP = "iso-2022-jp"
    KS_C_5601 = "euc-kr"


class LongMode(Enum):
    """How parts say that they belong together."""

    UDH8 = "udh8"
    UDH16 = "udh16"
    SAR = "sar"
    PAYLOAD = "payload"
    """Not at all: the body goes out whole."""


class Coding(NamedTuple):
    alphabet: Alphabet
    data_coding: int


CODINGS: Final[Mapping[Encoding, Coding]] = MappingProxyType(
    {Encoding.GSM7: Coding(Alphabet.GSM_UNPACKED, 0), Encoding.UCS2: Coding(Alphabet.UCS2, 8)}
)
"""What carriers expect where nothing else was agreed."""


class Outgoing(msgspec.Struct, frozen=True, kw_only=True):
    """What one part's submit_sm carries of the text. `text` is what this part says."""

    text: str
    esm_class: int
    data_coding: int
    short_message: bytes
    tlvs: dict[int, bytes]


class Concat(msgspec.Struct, frozen=True, kw_only=True):
    """Which part this is: `part` of `total`, from 1; `kind` keeps 8- and 16-bit references apart."""

    reference: int
    total: int
    part: int
    kind: LongMode


class UserData(msgspec.Struct, frozen=True, kw_only=True):
    """User data split behind its header. `elements` are all information elements as they came (identifier, octets)."""

    concat: Concat | None
    elements: tuple[tuple[int, bytes], ...]
    payload: bytes
    header_octets: int


class Incoming(msgspec.Struct, frozen=True, kw_only=True):
    """The text of a PDU. `data` of the parts of one message can be joined; packed septets are unpacked here already."""

    data: bytes
    alphabet: Alphabet
    concat: Concat | None
    elements: tuple[tuple[int, bytes], ...] = ()
    shift: Shift = national.DEFAULT

    @property
    def text(self) -> str:
        return decode_text(self.data, self.alphabet, self.shift)

    @property
    def spelling(self) -> str:
        """How `data` is text, for whoever keeps it: the alphabet, and the language tables where it has some."""
        if self.shift == national.DEFAULT:
            return self.alphabet.value
        return f"{self.alphabet.value}:{self.shift.locking}:{self.shift.single}"


def encode_text(text: str, alphabet: Alphabet) -> bytes:
    """Raises ValueError for a character that the alphabet lacks; half a surrogate pair is sent as it is."""
    match alphabet:
        case Alphabet.GSM_UNPACKED:
            return _septets(text)
        case Alphabet.GSM_PACKED:
            return pack(_septets(text))
        case Alphabet.UCS2:
            return text.encode("utf-16-be", "surrogatepass")
        case _:
            return text.encode(_CODECS[alphabet])


def decode_spelled(octets: bytes, spelling: str) -> str:
    """The text of octets that were kept with their `Incoming.spelling`."""
    alphabet, _, tables = spelling.partition(":")
    if not tables:
        return decode_text(octets, Alphabet(alphabet))
    locking, single = tables.split(":")
    return decode_text(octets, Alphabet(alphabet), Shift(int(locking), int(single)))


def decode_text(octets: bytes, alphabet: Alphabet, shift: Shift = national.DEFAULT) -> str:
    """Never raises: what the alphabet lacks is U+FFFD. shift: of GSM text."""
    match alphabet:
        case Alphabet.GSM_UNPACKED:
            return _gsm_text(octets, shift)
        case Alphabet.GSM_PACKED:
            return _gsm_text(_without_padding(unpack(octets)), shift)
        case Alphabet.UCS2:
            return _ucs2_text(octets)
        case _ if alphabet in _READ:
            return codecs.charmap_decode(octets, "strict", _READ[alphabet])[0]
        case _:
            return octets.decode(_CODECS[alphabet], "replace")


def alphabet_of(data_coding: int, default: Alphabet = Alphabet.GSM_UNPACKED) -> Alphabet:
    """The alphabet that data_coding says: SMPP 3.4, 5.2.19, and 3GPP TS 23.038, section 4, where that has a group."""
    if data_coding < 0x10:
        return default if data_coding == 0 else _BY_DATA_CODING.get(data_coding, Alphabet.BINARY)
    if data_coding < 0x80:  # the general and the automatic deletion groups: bits 3 and 2 are the alphabet
        return (default, Alphabet.BINARY, Alphabet.UCS2, Alphabet.BINARY)[data_coding >> 2 & 3]
    if 0xC0 <= data_coding < 0xF0:  # a message waits: text in the default alphabet, and in UCS-2 from 0xE0
        return Alphabet.UCS2 if data_coding >= 0xE0 else default
    if data_coding >= 0xF0:  # a message class: bit 2 is the alphabet
        return Alphabet.BINARY if data_coding & 4 else default
    return Alphabet.BINARY


def pack(septets: bytes, fill_bits: int = 0) -> bytes:
    """Eight septets in seven octets, low bits first, after `fill_bits` (3GPP TS 23.038, 6.1.2.1).

    Where seven bits are left over they are CR, as 6.1.2.3.1 has it for want of a count: zeros would read as "@".
    """
    if (fill_bits + 7 * len(septets)) % 8 == 1:
        septets += b"\r"
    packed = b"".join([_pack_eight(septets[at : at + 8]) for at in range(0, len(septets), 8)])
    bits = int.from_bytes(packed, "little") << fill_bits
    return bits.to_bytes((fill_bits + 7 * len(septets) + 7) // 8, "little")


def unpack(octets: bytes, fill_bits: int = 0) -> bytes:
    """The whole septets in `octets`."""
    packed = (int.from_bytes(octets, "little") >> fill_bits).to_bytes(len(octets), "little")
    count = max(0, len(octets) * 8 - fill_bits) // 7
    blocks = -(-len(packed) // 7)
    lanes = [int.from_bytes(packed[place::7].ljust(blocks, b"\0"), "little") for place in range(7)]
    septets = bytearray(8 * blocks)
    for place in range(8):
        septets[place::8] = _lane(lanes, place, blocks)
    return bytes(septets[:count])


def parts(
    segmentation: Segmentation, *, reference: int, mode: LongMode, codings: Mapping[Encoding, Coding] = CODINGS
) -> list[Outgoing]:
    """What each part carries, in order; the bits of `esm_class` and the TLVs are to be added to the submit's own.

    May be more parts than `segmentation` has, the same each time: a 16-bit reference takes an octet more of each, and
    a body with a character that the carrier's alphabet for GSM-7 lacks goes out as UCS-2. `reference` is cut to what
    its field holds. Raises ValueError for more than MAX_PARTS.
    """
    try:
        return _parts(_cut(segmentation, mode), reference, mode, codings)
    except UnicodeEncodeError:
        if segmentation.encoding is Encoding.UCS2:
            raise
        body = "".join(segmentation.parts)
        ucs2 = segments.segment(body, header_octets=_header_octets(mode), encoding=Encoding.UCS2)
        return _parts(ucs2, reference, mode, codings)


def read(
    pdu: SubmitSm | DeliverSm | DataSm | SubmitMulti, default_alphabet: Alphabet = Alphabet.GSM_UNPACKED
) -> Incoming:
    """The text of a PDU, wherever it is, less its header. A header's concatenation goes before the `sar_` TLVs."""
    octets = b"" if isinstance(pdu, DataSm) else pdu.short_message
    payload = pdu.tlvs.get(Tag.MESSAGE_PAYLOAD)
    if payload:
        octets = payload
    user_data = split(octets) if pdu.esm_class & UDHI else _unheaded(octets)
    concat = user_data.concat or _sar(pdu.tlvs)
    alphabet = alphabet_of(pdu.data_coding, default_alphabet)
    data = user_data.payload
    is_gsm = alphabet in (Alphabet.GSM_UNPACKED, Alphabet.GSM_PACKED)
    shift = national.shift_of(user_data.elements) if user_data.elements and is_gsm else national.DEFAULT
    if alphabet is Alphabet.GSM_PACKED:
        alphabet = Alphabet.GSM_UNPACKED
        fill_bits = _fill_bits(user_data.header_octets)
        data = unpack(data, fill_bits)
        if concat is None or concat.part == concat.total:  # the parts before are full: what ends them was said
            data = _without_padding(data, fill_bits)
    return Incoming(data=data, alphabet=alphabet, concat=concat, elements=user_data.elements, shift=shift)


def concat_element(concat: Concat) -> bytes:
    """The information element that says which part this is; nothing where TLVs do."""
    place = bytes((concat.total, concat.part))
    match concat.kind:
        case LongMode.UDH8:
            return bytes((_IEI_CONCAT_8, 3, concat.reference & 0xFF)) + place
        case LongMode.UDH16:
            return bytes((_IEI_CONCAT_16, 4)) + (concat.reference & 0xFFFF).to_bytes(2, "big") + place
        case _:
            return b""


def concat_tlvs(concat: Concat) -> dict[int, bytes]:
    """The TLVs that say which part this is; none where the header does."""
    if concat.kind is not LongMode.SAR:
        return {}
    return {
        Tag.SAR_MSG_REF_NUM: (concat.reference & 0xFFFF).to_bytes(2, "big"),
        Tag.SAR_TOTAL_SEGMENTS: bytes((concat.total,)),
        Tag.SAR_SEGMENT_SEQNUM: bytes((concat.part,)),
    }


def packed_behind(septets: bytes, header_octets: int) -> bytes:
    """Septets packed so that they begin at a septet boundary behind the header."""
    return pack(septets, _fill_bits(header_octets))


def of_handset(incoming: Incoming) -> Incoming:
    """A handset's text in the alphabet that it is in, whatever data_coding calls it. NULs at the end are padding."""
    octets = incoming.data.rstrip(b"\0")
    if incoming.alphabet is not Alphabet.ASCII or not _is_gsm_in_ascii(octets):
        return incoming
    shift = national.shift_of(incoming.elements)
    return msgspec.structs.replace(incoming, data=octets, alphabet=Alphabet.GSM_UNPACKED, shift=shift)


def split(octets: bytes) -> UserData:
    """Take the header off user data. One that claims more octets than there are is no header."""
    if not octets or octets[0] >= len(octets):
        return _unheaded(octets)
    end = octets[0] + 1
    elements: list[tuple[int, bytes]] = []
    at = 1
    while at + 2 <= end:
        identifier, size = octets[at], octets[at + 1]
        at += 2 + size
        if at > end:
            break
        elements.append((identifier, octets[at - size : at]))
    return UserData(concat=_concat(elements), elements=tuple(elements), payload=octets[end:], header_octets=end)


# GSM 03.38

_NO_CHARACTER: Final = "\ufffd"

_GSM_READ: Final = GSM_BASIC + _NO_CHARACTER * 128
"""By octet. A table that lacks no octet is read without an error handler, which takes a hundred times as long."""
_GSM_TABLE: Final = codecs.charmap_build(GSM_BASIC + "\ufffe" * 128)
_EXTENSION_SPELLED: Final = str.maketrans(
    {character: ESCAPE + GSM_BASIC[code] for character, code in GSM_EXTENSION.items()}
)
_EXTENSION_READ: Final = tuple((ESCAPE + GSM_BASIC[code], character) for character, code in GSM_EXTENSION.items())
_is_extended: Final = re.compile(f"[{re.escape(''.join(GSM_EXTENSION))}]").search
_is_gsm_in_ascii: Final = re.compile(rb"[\x00-\x08\x0b\x0e-\x1f]").search
"""Control characters of IA5 but tab, line feed, form feed and carriage return: in GSM they are letters."""


def _septets(text: str) -> bytes:
    if ESCAPE in text:
        raise UnicodeEncodeError("gsm", text, text.index(ESCAPE), text.index(ESCAPE) + 1, "the escape is no character")
    if _is_extended(text):
        text = text.translate(_EXTENSION_SPELLED)
    return codecs.charmap_encode(text, "strict", _GSM_TABLE)[0]


def _gsm_text(septets: bytes, shift: Shift) -> str:
    if shift != national.DEFAULT:
        return national.decode(septets, shift)
    text = codecs.charmap_decode(septets, "strict", _GSM_READ)[0]
    return _extended(text) if ESCAPE in text else text


def _extended(text: str) -> str:
    """3GPP TS 23.038, 6.2.1.1: a code that the extension table lacks is the basic one; a second escape is a space.

    Of a run of escapes each two are a space, from the left, and the last of an odd number escapes what follows. No
    character that an escape brings is one that an escape changes.
    """
    text = text.replace(ESCAPE * 2, " ")
    for escaped, character in _EXTENSION_READ:
        text = text.replace(escaped, character)
    if text.endswith(ESCAPE):
        text = text[:-1] + _NO_CHARACTER
    return text.replace(ESCAPE, "")


def _without_padding(septets: bytes, fill_bits: int = 0) -> bytes:
    """Where the septets fill their octets the last may be padding: CR if the sender knew, zero ("@") if not."""
    is_full = (fill_bits + 7 * len(septets)) % 8 == 0
    return septets[:-1] if is_full and septets[-1:] in (b"\r", b"\0") else septets


def _pack_eight(septets: bytes) -> bytes:
    """Up to eight at a time: the whole text as one number would cost the square of its length."""
    bits = 0
    for place, septet in enumerate(septets):
        bits |= septet << 7 * place
    return bits.to_bytes(7, "little")


def _lane(lanes: list[int], place: int, blocks: int) -> bytes:
    """The septets at one place of all blocks: the high bits of one octet below the low bits of the next. An octet of a
    lane is worked on with all others of it, so that a long text takes no loop."""
    low = (1 << place) - 1
    below = lanes[place - 1] >> 8 - place & _repeated(low, blocks) if place else 0
    above = lanes[place] << place & _repeated(0x7F & ~low, blocks) if place < 7 else 0
    return (below | above).to_bytes(blocks, "little")


def _repeated(octet: int, count: int) -> int:
    return int.from_bytes(bytes((octet,)) * count, "little")


def _fill_bits(header_octets: int) -> int:
    return -8 * header_octets % 7


# everything else

_CODECS: Final = {
    Alphabet.LATIN1: "latin-1",
    Alphabet.ASCII: "ascii",
    Alphabet.BINARY: "latin-1",
    Alphabet.CYRILLIC: "iso8859-5",
    Alphabet.HEBREW: "iso8859-8",
    Alphabet.JIS: "shift_jis",
    Alphabet.ISO_2022_JP: "iso2022_jp",
    Alphabet.KS_C_5601: "euc_kr",
}
_READ: Final = {
    alphabet: bytes(range(256)).decode(_CODECS[alphabet], "replace")
    for alphabet in (Alphabet.ASCII, Alphabet.CYRILLIC, Alphabet.HEBREW)
}
"""By octet, as _GSM_READ."""
_BY_DATA_CODING: Final = {
    0x01: Alphabet.ASCII,
    0x03: Alphabet.LATIN1,
    0x05: Alphabet.JIS,
    0x06: Alphabet.CYRILLIC,
    0x07: Alphabet.HEBREW,
    0x08: Alphabet.UCS2,
    0x0A: Alphabet.ISO_2022_JP,
    0x0E: Alphabet.KS_C_5601,
}


def _ucs2_text(octets: bytes) -> str:
    """UTF-16: surrogate pairs and byte order marks are obeyed though UCS-2 has neither, for handsets send them."""
    if octets[:2] == codecs.BOM_UTF16_LE:
        return octets[2:].decode("utf-16-le", "replace")
    return octets.removeprefix(codecs.BOM_UTF16_BE).decode("utf-16-be", "replace")


def _header_octets(mode: LongMode) -> int:
    return segments.LONG_HEADER_OCTETS if mode is LongMode.UDH16 else segments.HEADER_OCTETS


def _cut(segmentation: Segmentation, mode: LongMode) -> Segmentation:
    """The segmentation again if this mode's header needs more room than it was cut for."""
    if mode is not LongMode.UDH16 or segmentation.count == 1:
        return segmentation
    body = "".join(segmentation.parts)
    return segments.segment(body, header_octets=_header_octets(mode), encoding=segmentation.encoding)


def _parts(
    segmentation: Segmentation, reference: int, mode: LongMode, codings: Mapping[Encoding, Coding]
) -> list[Outgoing]:
    coding = codings[segmentation.encoding]
    total = segmentation.count
    if total == 1:
        return [_outgoing(segmentation.parts[0], coding)]
    if mode is LongMode.PAYLOAD:
        body = "".join(segmentation.parts)
        return [_outgoing(body, coding, tlvs={Tag.MESSAGE_PAYLOAD: encode_text(body, coding.alphabet)})]
    if total > MAX_PARTS:
        raise ValueError(f"{total} parts; a long message has room for {MAX_PARTS}")
    return [
        _part(text, coding, Concat(reference=reference, total=total, part=part, kind=mode))
        for part, text in enumerate(segmentation.parts, 1)
    ]


def _part(text: str, coding: Coding, concat: Concat) -> Outgoing:
    element = concat_element(concat)
    header = bytes((len(element),)) + element if element else b""
    return _outgoing(text, coding, header=header, tlvs=concat_tlvs(concat))


def _outgoing(text: str, coding: Coding, *, header: bytes = b"", tlvs: Mapping[int, bytes] | None = None) -> Outgoing:
    tlvs = dict(tlvs or {})
    if Tag.MESSAGE_PAYLOAD in tlvs:
        short_message = b""
    elif coding.alphabet is Alphabet.GSM_PACKED:
        short_message = header + packed_behind(_septets(text), len(header))
    else:
        short_message = header + encode_text(text, coding.alphabet)
    return Outgoing(
        text=text,
        esm_class=UDHI if header else 0,
        data_coding=coding.data_coding,
        short_message=short_message,
        tlvs=tlvs,
    )


def _unheaded(octets: bytes) -> UserData:
    return UserData(concat=None, elements=(), payload=octets, header_octets=0)


def _concat(elements: list[tuple[int, bytes]]) -> Concat | None:
    """Of several the last is meant (3GPP TS 23.040, 9.2.3.24)."""
    found = None
    for identifier, octets in elements:
        if identifier == _IEI_CONCAT_8 and len(octets) == 3:
            found = _valid(octets[0], octets[1], octets[2], LongMode.UDH8) or found
        elif identifier == _IEI_CONCAT_16 and len(octets) == 4:
            found = _valid(octets[0] << 8 | octets[1], octets[2], octets[3], LongMode.UDH16) or found
    return found


def _sar(tlvs: dict[int, bytes]) -> Concat | None:
    reference = tlvs.get(Tag.SAR_MSG_REF_NUM)
    total, part = tlvs.get(Tag.SAR_TOTAL_SEGMENTS), tlvs.get(Tag.SAR_SEGMENT_SEQNUM)
    if not reference or not total or not part:
        return None
    return _valid(int.from_bytes(reference[-2:], "big"), total[-1], part[-1], LongMode.SAR)


def _valid(reference: int, total: int, part: int, kind: LongMode) -> Concat | None:
    """3GPP TS 23.040, 9.2.3.24.1: a part that can't be makes the element void. One of one is a whole message."""
    if total < 2 or not 1 <= part <= total:
        return None
    return Concat(reference=reference, total=total, part=part, kind=kind)
