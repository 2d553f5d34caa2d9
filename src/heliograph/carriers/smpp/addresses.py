"""How a carrier wants numbers written: type of number, numbering plan (SMPP 3.4, 5.2.5 and 5.2.6) and digits; and how
they are read back."""

from collections.abc import Callable
from functools import lru_cache
from typing import Final

from heliograph.carrier_config import CarrierConfig
from heliograph.core.numbers import is_short_code

SENDERS_REMEMBERED: Final = 10_000
"""Addresses written once: senders repeat."""

INTERNATIONAL: Final = 1
ALPHANUMERIC: Final = 5

Written = tuple[int, int, str]
"""ton, npi, address."""


def writer(config: CarrierConfig) -> Callable[[str], Written]:
    """Writes numbers as the carrier wants them."""

    @lru_cache(maxsize=SENDERS_REMEMBERED)
    def write(number: str) -> Written:
        if number.startswith("+"):
            digits = number[1:] if config.strip_plus else number
            return config.international_ton, config.international_npi, digits
        if is_short_code(number) or (number.isdecimal() and len(number) <= 6):
            return config.short_code_ton, config.short_code_npi, number
        if number.isdecimal():
            return config.national_ton, config.national_npi, number
        return config.alphanumeric_ton, config.alphanumeric_npi, number

    return write


def read(ton: int, address: str, config: CarrierConfig) -> str:
    """The number as we keep it: E.164 with its +, anything else as it came.

    A carrier that strips the + of international numbers does so in what it brings, and many of them call every number
    that they bring international or of unknown type."""
    digits = address.removeprefix("00") if ton in (0, INTERNATIONAL) else address
    if ton == ALPHANUMERIC or not digits.isdecimal():
        return address
    international = ton in (INTERNATIONAL, config.international_ton)
    if (international or ton == 0) and len(digits) > 6:
        return f"+{digits}"
    return address
