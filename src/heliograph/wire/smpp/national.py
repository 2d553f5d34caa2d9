"""GSM text in the national language tables (3GPP TS 23.038, 6.2.1.2, and TS 23.040, 9.2.3.24.15 and 16).

Two information elements of the user data header name the tables, each by one octet: 0x24 the single shift table, in
which the septet after an escape is read, 0x25 the locking shift table, in which all others are. Either may be missing,
and is then the default's. A language that has no such table, or that nobody knows, is read by the default's, too.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Final, NamedTuple

from heliograph.core.languages import LANGUAGES
from heliograph.core.segments import ESCAPE, GSM_BASIC, GSM_EXTENSION
from heliograph.wire.smpp.national_tables import LOCKING, SINGLE, UNASSIGNED

IEI_SINGLE: Final = 0x24
IEI_LOCKING: Final = 0x25
ELEMENT_OCTETS: Final = 3
"""Of either element in the header."""

_ESCAPE_SEPTET: Final = ord(ESCAPE)
_EXTENSION: Final[Mapping[int, str]] = {code: character for character, code in GSM_EXTENSION.items()}
_NO_CHARACTER: Final = "\ufffd"


class Shift(NamedTuple):
    """Language identifiers of the two tables; 0 is the default's."""

    locking: int = 0
    single: int = 0


DEFAULT: Final = Shift()


def shift_of(elements: Iterable[tuple[int, bytes]]) -> Shift:
    """What a header's information elements name; of several alike the last one counts."""
    locking = single = 0
    for identifier, octets in elements:
        if identifier == IEI_LOCKING and len(octets) == 1:
            locking = octets[0]
        elif identifier == IEI_SINGLE and len(octets) == 1:
            single = octets[0]
    return Shift(locking if locking in LOCKING else 0, single if single in SINGLE else 0)


def header_elements(shift: Shift) -> bytes:
    """The information elements that name these tables."""
    single = bytes((IEI_SINGLE, 1, shift.single)) if shift.single else b""
    locking = bytes((IEI_LOCKING, 1, shift.locking)) if shift.locking else b""
    return single + locking


def decode(septets: bytes, shift: Shift) -> str:
    """Never raises: what the tables lack is U+FFFD. After an escape a septet that the single shift table lacks is read
    in the other one; a second escape is a space (3GPP TS 23.038, 6.2.1.1)."""
    basic, extension = LOCKING.get(shift.locking, GSM_BASIC), SINGLE.get(shift.single, _EXTENSION)
    text: list[str] = []
    is_escaped = False
    for septet in septets:
        if septet == _ESCAPE_SEPTET:
            if is_escaped:
                text.append(" ")
            is_escaped = not is_escaped
            continue
        character = extension.get(septet) if is_escaped else None
        text.append(character or (basic[septet] if septet < len(basic) else UNASSIGNED))
        is_escaped = False
    if is_escaped:
        text.append(UNASSIGNED)
    return "".join(text).replace(UNASSIGNED, _NO_CHARACTER)


def spelling(text: str, shift: Shift) -> list[bytes] | None:
    """The septets of each character, one or two; None for a text that the tables can't spell."""
    table = _spellings(shift)
    spelled = [table.get(character) for character in text]
    return None if None in spelled else spelled  # type: ignore[return-value]  # no None is in it, as just seen


def shifts(languages: Sequence[str]) -> list[Shift]:
    """The pairs of tables that may spell a text in one of these languages: one table before two, for its header is
    shorter."""
    numbers = [LANGUAGES[language] for language in languages]
    singles = [Shift(single=number) for number in numbers]
    lockings = [Shift(locking=number) for number in numbers if number in LOCKING]
    both = [Shift(locking=number, single=number) for number in numbers if number in LOCKING]
    return [*singles, *lockings, *both]


@lru_cache(maxsize=3 * len(LANGUAGES))
def _spellings(shift: Shift) -> dict[str, bytes]:
    basic, extension = LOCKING.get(shift.locking, GSM_BASIC), SINGLE.get(shift.single, _EXTENSION)
    spellings = {character: bytes((_ESCAPE_SEPTET, code)) for code, character in extension.items()}
    spellings |= {character: bytes((code,)) for code, character in enumerate(basic)}
    for nothing in (ESCAPE, UNASSIGNED):
        spellings.pop(nothing, None)
    return spellings
