"""Customers' texts: every octet must be text in its alphabet, for a text is never altered in silence.

An octet that the alphabet lacks, half a surrogate pair, an odd number of octets of UCS-2 and a control character other
than a line's end refuse the submit for good. NUL and the other controls are letters in GSM 03.38, so in an alphabet
that has them as controls they are most often GSM 03.38 under a wrong data_coding. What carriers bring is read with
replacement characters instead: nobody could send it again.
"""

import codecs
import unicodedata
from collections.abc import Sequence
from itertools import groupby
from typing import Final

from heliograph.core.errors import Fault, Refusal, Refused
from heliograph.core.message import Piece
from heliograph.core.segments import ESCAPE, GSM_BASIC
from heliograph.smsc.statuses import Rejected
from heliograph.wire.smpp.pdu import Status
from heliograph.wire.smpp.text import Alphabet, Incoming, decode_spelled

REPLACEMENT: Final = "\ufffd"
CONTROLS: Final = frozenset("\n\r\f")
"""Controls that GSM 03.38 has, too; so has IA5 (SMPP 3.4, 5.2.19)."""
CONTROLS_OF_UCS2: Final = CONTROLS | {"\t"}
"""UCS-2 has no letter in the place of a tab."""

_ESCAPE: Final = bytes((GSM_BASIC.index(ESCAPE),))
_IN_ONE_OCTET: Final = frozenset(
    {Alphabet.GSM_UNPACKED, Alphabet.LATIN1, Alphabet.ASCII, Alphabet.CYRILLIC, Alphabet.HEBREW}
)


class Unreadable(ValueError):
    """Octets that are no text in their alphabet."""


def check(incoming: Incoming) -> None:
    """Check a message, or what can be told of one part: elsewhere characters may go on in the next. Raises Rejected."""
    data = incoming.data
    if incoming.concat is not None:
        if incoming.alphabet not in _IN_ONE_OCTET:
            return
        if incoming.alphabet is Alphabet.GSM_UNPACKED:
            data = data.removesuffix(_ESCAPE)
    try:
        faithful(data, incoming.spelling)
    except Unreadable as error:
        raise Rejected(Status.RX_P_APPN, str(error)) from error


def joined(parts: Sequence[Piece]) -> str:
    """The text of a message that is whole. Raises Refused."""
    runs = groupby(parts, key=lambda piece: piece.alphabet)
    try:
        return "".join(faithful(b"".join(piece.data for piece in run), spelling) for spelling, run in runs)
    except Unreadable as error:
        raise Refused(Refusal(Fault.PARAMETER_INVALID, f"The text can't be read: {error}.", "body")) from error


def faithful(octets: bytes, spelling: str) -> str:
    """The text of octets with their `Incoming.spelling`. Raises Unreadable where it would not be what they say."""
    text = decode_spelled(octets, spelling)
    alphabet = Alphabet(spelling.partition(":")[0])
    if REPLACEMENT in text and text.count(REPLACEMENT) > _meant(octets, alphabet):
        raise Unreadable(f"octets that {alphabet.value} does not have")
    allowed = CONTROLS_OF_UCS2 if alphabet is Alphabet.UCS2 else CONTROLS
    wrong = next((each for each in text if each not in allowed and unicodedata.category(each) == "Cc"), None)
    if wrong is not None:
        raise Unreadable(f"the control character {ord(wrong):#04x} in {alphabet.value}")
    return text


def _meant(octets: bytes, alphabet: Alphabet) -> int:
    """Replacement characters that the octets themselves have."""
    if alphabet is not Alphabet.UCS2:
        return 0
    is_little = octets[:2] == codecs.BOM_UTF16_LE
    meant = REPLACEMENT.encode("utf-16-le" if is_little else "utf-16-be")
    return sum(octets[at : at + 2] == meant for at in range(0, len(octets), 2))
