"""What a message costs, exactly.

An amount is an ``int`` of micros: millionths of a US dollar. Nothing inside is a binary float; ``to_number`` makes
one, for the JSON of an answer, and its shortest decimal form is the exact amount.

An SMS is charged per segment, an MMS per message. Amounts are never negative and never above ``MAX_AMOUNT_MICROS``,
below which every amount survives the way through a JSON number.
"""

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

MICROS_PER_USD: Final = 1_000_000
_DECIMALS: Final = 6

MAX_AMOUNT_MICROS: Final = 10**15 - 1
"""A millionth short of a billion dollars: 15 digits, which a double keeps exactly and a 64-bit column holds."""

MAX_AMOUNT_TEXT: Final = 32
"""Characters read of an amount: twice what the largest needs; longer texts only cost time to convert."""

_usd: Final = re.compile(r"[0-9]+(?:\.([0-9]{1,6}))?").fullmatch
_max_price: Final = re.compile(r"[0-9]+\.?[0-9]{0,4}").fullmatch


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """A deployment's prices, in micros: SMS per segment, MMS per message."""

    outbound_sms_micros: int = 8_300
    inbound_sms_micros: int = 4_150
    outbound_mms_micros: int = 20_000
    inbound_mms_micros: int = 20_000


def parse_usd(amount: str | Decimal | int) -> int:
    """Read an amount of dollars (``"0.0083"``, ``Decimal("0.0083")``, ``2``) into micros, exactly.

    Raises ``ValueError`` for a float, which has lost the amount already, for more than six decimals, and for what is
    negative, not finite, above ``MAX_AMOUNT_MICROS`` or not plain ASCII digits with at most one point.
    """
    match amount:
        case bool() | float():
            raise ValueError(f"an amount is a text, a Decimal or an int, not the {type(amount).__name__} {amount!r}")
        case str():
            micros = _parse_text(amount)
        case Decimal():
            micros = _parse_decimal(amount)
        case int():
            micros = amount * MICROS_PER_USD
    if not 0 <= micros <= MAX_AMOUNT_MICROS:
        raise ValueError("an amount lies between 0 and 999999999.999999 dollars")
    return micros


def parse_max_price(text: str) -> int:
    """Read a MaxPrice (``^\\d+\\.?\\d{0,4}$`` in dollars, ASCII digits) into micros.

    A ceiling above ``MAX_AMOUNT_MICROS`` is returned as that: no price reaches either. Raises ``ValueError`` for any
    other text and for one longer than ``MAX_AMOUNT_TEXT``.
    """
    if len(text) > MAX_AMOUNT_TEXT or not _max_price(text):
        raise ValueError("a MaxPrice is dollars with up to 4 decimals, such as 0.05")
    return min(_text_to_micros(text), MAX_AMOUNT_MICROS)


def to_number(micros: int) -> float:
    """Return the dollars as a JSON number whose shortest form is the exact amount: 8300 is ``0.0083``."""
    return micros / MICROS_PER_USD


def price(rates: Rates, *, inbound: bool, mms: bool, segments: int) -> int:
    """Return the charge in micros. ``segments`` is at least 1, else ``ValueError``; an MMS is charged once."""
    if segments < 1:
        raise ValueError(f"a message has at least one segment, not {segments}")
    if mms:
        return rates.inbound_mms_micros if inbound else rates.outbound_mms_micros
    return segments * (rates.inbound_sms_micros if inbound else rates.outbound_sms_micros)


def description(*, inbound: bool, mms: bool) -> str:
    """Return the words of a charge in ``charge_details``: ``Outbound SMS`` and so on."""
    return f"{'Inbound' if inbound else 'Outbound'} {'MMS' if mms else 'SMS'}"


def _parse_text(text: str) -> int:
    if len(text) > MAX_AMOUNT_TEXT or not _usd(text):
        raise ValueError("an amount is dollars with up to 6 decimals, such as 0.0083")
    return _text_to_micros(text)


def _text_to_micros(text: str) -> int:
    """Convert digits with at most one point and at most six decimals."""
    whole, _, fraction = text.partition(".")
    return int(whole) * MICROS_PER_USD + int(fraction.ljust(_DECIMALS, "0"))


def _parse_decimal(amount: Decimal) -> int:
    # The exponent is looked at before any arithmetic: 1E+999999999 would fill the memory, and arithmetic would round
    # to the caller's decimal context.
    sign, digits, exponent = amount.as_tuple()
    if not isinstance(exponent, int) or (sign and any(digits)):
        raise ValueError(f"an amount is finite and not negative, unlike {amount}")
    if exponent < -_DECIMALS:
        raise ValueError("an amount has up to 6 decimals")
    if len(digits) > MAX_AMOUNT_TEXT or exponent > MAX_AMOUNT_TEXT:
        raise ValueError("an amount lies between 0 and 999999999.999999 dollars")
    return int("".join(map(str, digits)) + "0" * (exponent + _DECIMALS))
