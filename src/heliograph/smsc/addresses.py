"""Numbers as SMPP addresses, both ways (SMPP 3.4, 5.2.5 and 5.2.6)."""

from typing import Final, NamedTuple

from heliograph.core import numbers

UNKNOWN: Final = 0
INTERNATIONAL: Final = 1
ALPHANUMERIC: Final = 5
ISDN: Final = 1

ADDRESS_MAX: Final = 20
"""Characters of an address field but data_sm's."""


class Address(NamedTuple):
    ton: int
    npi: int
    text: str


def number_of(ton: int, text: str) -> str:
    """What the engine is to judge as a number. With TON 1 it is international, with or without its +. With another TON,
    which clients set as they please, it is so too if it begins with + or 00, or has more digits than a short code."""
    if ton == ALPHANUMERIC:
        return text
    digits = text.removeprefix("+")
    if digits == text:
        digits = text.removeprefix("00")
    if not (digits.isascii() and digits.isdigit()):
        return text
    plain = digits == text and ton != INTERNATIONAL
    return text if plain and (numbers.is_short_code(text) or len(text) < _SHORTEST) else f"+{digits}"


_SHORTEST: Final = 5
"""Digits of the shortest number (contract, section 2)."""


def address_of(number: str) -> Address:
    """A number, or a raw sender that is none, as an address."""
    if numbers.is_e164(number):
        return Address(INTERNATIONAL, ISDN, number[1:])
    if number.isascii() and number.isdigit():
        return Address(UNKNOWN, ISDN, number[:ADDRESS_MAX])
    text = number.replace("\0", "").encode("latin-1", "replace").decode("latin-1")
    return Address(ALPHANUMERIC, UNKNOWN, text[:ADDRESS_MAX])
