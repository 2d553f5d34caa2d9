"""Numbers as SMPP addresses, both ways (SMPP 3.4, 5.2.5 and 5.2.6)."""

from typing import Final, NamedTuple

from heliograph.core import numbers

UNKNOWN: Final = 0
INTERNATIONAL: Final = 1
NATIONAL: Final = 2
ALPHANUMERIC: Final = 5
ISDN: Final = 1

ADDRESS_MAX: Final = 20
"""Characters of an address field but data_sm's."""


class Address(NamedTuple):
    ton: int
    npi: int
    text: str


def number_of(ton: int, text: str) -> str:
    """What the engine is to judge as a number. With TON 1, a + or 00 it is international. With another TON, which
    clients set as they please, it is a short code up to eight digits and international beyond, but:

    - Seven or eight digits that the numbering plan has as an international number are that.
    - TON 2 is a national number. It is international only where the plan has that number: national digits taken for
      international ones would reach a stranger."""
    if ton == ALPHANUMERIC:
        return text
    digits = text.removeprefix("+")
    if digits == text:
        digits = text.removeprefix("00")
    if not (digits.isascii() and digits.isdigit()):
        return text
    if digits != text or ton == INTERNATIONAL:
        return f"+{digits}"
    if len(digits) < _SHORTEST_PLAIN:
        return text
    is_sure = ton != NATIONAL and not numbers.is_short_code(text)
    return f"+{digits}" if is_sure or numbers.is_assigned(f"+{digits}") else text


_SHORTEST_PLAIN: Final = 7
"""Digits of the shortest international number that is taken for one without + or TON 1."""


def address_of(number: str) -> Address:
    """A number, or a raw sender that is none, as an address."""
    if numbers.is_e164(number):
        return Address(INTERNATIONAL, ISDN, number[1:])
    if number.isascii() and number.isdigit():
        return Address(UNKNOWN, ISDN, number[:ADDRESS_MAX])
    text = number.replace("\0", "").encode("latin-1", "replace").decode("latin-1")
    return Address(ALPHANUMERIC, UNKNOWN, text[:ADDRESS_MAX])
