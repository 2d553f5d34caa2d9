"""How a carrier wants numbers written: type of number, numbering plan (SMPP 3.4, 5.2.5 and 5.2.6) and digits; and how
they are read back.

What a carrier brings is read by its type of number, its digits and the carrier's `country`:

- A + or 00 before the digits makes them international, and so does TON 1 (or the carrier's `international_ton`).
- TON 2 is a number of the carrier's country, never an international one; without `country` it stays as it came.
- TON 0 says nothing. It is a number of the country that can be a handset's, else an international number that the
  numbering plan has, else any number of the country. Without `country` it is international.
- Up to eight digits are a short code, unless they are a number by these rules.

A recipient is one of our numbers: each reading that the digits allow is tried (`readings`).
"""

from collections.abc import Callable
from functools import lru_cache
from typing import Final

from heliograph.carrier_config import CarrierConfig
from heliograph.core import numbers
from heliograph.core.numbers import is_short_code

ADDRESSES_REMEMBERED: Final = 10_000
"""Addresses written or read once: senders repeat."""

UNKNOWN: Final = 0
INTERNATIONAL: Final = 1
NATIONAL: Final = 2
ALPHANUMERIC: Final = 5

SHORT_MAX: Final = 6
"""Digits that are a short code though the carrier calls them international."""

Written = tuple[int, int, str]
"""ton, npi, address."""


def writer(config: CarrierConfig) -> Callable[[str], Written]:
    """Writes numbers as the carrier wants them."""

    @lru_cache(maxsize=ADDRESSES_REMEMBERED)
    def write(number: str) -> Written:
        if number.startswith("+"):
            digits = number[1:] if config.strip_plus else number
            return config.international_ton, config.international_npi, digits
        if is_short_code(number) or (number.isdecimal() and len(number) <= SHORT_MAX):
            return config.short_code_ton, config.short_code_npi, number
        if number.isdecimal():
            return config.national_ton, config.national_npi, number
        return config.alphanumeric_ton, config.alphanumeric_npi, number

    return write


def read(ton: int, address: str, config: CarrierConfig) -> str:
    """The number as we keep it: E.164 with its +; a short code, and what is not a number, as it came."""
    if ton == config.international_ton:
        ton = INTERNATIONAL
    return _read(ton, address, config.country)


def readings(ton: int, address: str, config: CarrierConfig) -> tuple[str, ...]:
    """What a recipient may be meant to be, the likeliest first."""
    likeliest = read(ton, address, config)
    digits = address.removeprefix("+")
    if ton == ALPHANUMERIC or not _is_digits(digits):
        return (likeliest,)
    found = [likeliest, f"+{digits.removeprefix('00')}", digits]
    national = numbers.of_country(digits, config.country) if config.country else None
    if national is not None:
        found.append(national.number)
    return tuple(dict.fromkeys(found))


@lru_cache(maxsize=ADDRESSES_REMEMBERED)
def _read(ton: int, address: str, country: str | None) -> str:
    digits = address.removeprefix("+")
    if ton == ALPHANUMERIC or not _is_digits(digits):
        return address
    if digits != address:
        return address
    if digits.startswith("00") and len(digits) > SHORT_MAX + 2:
        return f"+{digits[2:]}"
    international = f"+{digits}"
    national = numbers.of_country(digits, country) if country else None
    if ton == INTERNATIONAL:
        if len(digits) <= SHORT_MAX:
            return digits
        is_misnamed = national is not None and national.assigned and not numbers.is_assigned(international)
        return national.number if national is not None and is_misnamed else international
    if national is not None and (national.mobile or (ton == NATIONAL and not is_short_code(digits))):
        return national.number
    if ton != UNKNOWN:
        return digits
    return _of_unknown_type(digits, national)


def _of_unknown_type(digits: str, national: numbers.National | None) -> str:
    international = f"+{digits}"
    if len(digits) > SHORT_MAX and numbers.is_assigned(international):
        return international
    if national is not None and (national.assigned or not is_short_code(digits)):
        return national.number
    return digits if is_short_code(digits) or len(digits) <= SHORT_MAX else international


def _is_digits(text: str) -> bool:
    return text.isascii() and text.isdigit()
