"""Phone numbers: which texts are numbers, and what the numbering plan says about them.

A number is E.164, here ``+`` and 5 to 17 digits; a short code is 3 to 8 digits. Digits are ASCII ``0`` to ``9`` only:
other scripts' digits, which ``\\d`` would take, are refused. ``988`` (the United States' crisis line) passes as a
destination though it is neither.

People type numbers with punctuation. Blanks, hyphens, dots and brackets behind a ``+`` are dropped where a client gives
a number; nothing else is changed or completed.

The pattern decides on the hot path. The numbering plan (``phonenumbers``) answers what a number is and how it is
written, and is cached, since it costs some 20 microseconds; it never decides whether a number is accepted.
"""

from __future__ import annotations

import re
from functools import lru_cache
from types import ModuleType
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from phonenumbers import PhoneNumber

_PLAN_CACHE_SIZE: Final = 16_384
"""Numbers remembered per question asked of the numbering plan: the senders of a large deployment, a few MB."""

_NON_GEOGRAPHIC: Final = "001"
"""What the numbering plan calls the region of a number that belongs to no country."""

_NANP_LENGTH: Final = len("+12025550123")

_MASKED_WHOLE: Final = 8
"""Characters of a number of which no more than three are shown in a log."""
_DIGITS: Final = frozenset("0123456789")
_DIGITS_OR_BLANK: Final = _DIGITS | {" "}
_MEANT_MIN: Final = len("+12065550123")
"""A text with fewer digits most likely lacks its country code."""

_CRISIS_LINE: Final = frozenset({"988", "+988"})

E164: Final = re.compile(r"\+[0-9]{5,17}")
"""Match with ``fullmatch``: ``$`` would let a trailing newline pass."""
SHORT_CODE: Final = re.compile(r"(?!988\Z)[0-9]{3,8}")
"""Match with ``fullmatch``."""

TYPED_MAX: Final = 64
"""Characters of a number as a person types it; a longer text is no number."""

_BLANKS: Final = " \u00a0\u2007\u2009\u202f"
_HYPHENS: Final = "-\u2010\u2011\u2012\u2013"
_PUNCTUATION: Final = dict.fromkeys(map(ord, f"{_BLANKS}{_HYPHENS}.()[]"))
_TRUNK_ZERO: Final = re.compile(r"[(\[]\s*0\s*[)\]]")
"""A zero in brackets, as in ``+44 (0)20 7946 0018``, is dialled within the country only and is no part of it."""

EXAMPLE: Final = "+12065550123"

_is_e164: Final = E164.fullmatch
_is_short_code: Final = SHORT_CODE.fullmatch


class National(NamedTuple):
    """A number as digits of a country spell it. assigned: the plan has it. mobile: it can be a handset's."""

    number: str
    assigned: bool
    mobile: bool


def is_e164(text: str) -> bool:
    """Whether ``text`` is ``+`` and 5 to 17 digits."""
    return _is_e164(text) is not None


def is_short_code(text: str) -> bool:
    """Whether ``text`` is 3 to 8 digits, and not the crisis line."""
    return _is_short_code(text) is not None


def typed(text: str) -> str:
    """Return ``text`` without the punctuation of a number that a person typed: ``+1 (206) 555-0123`` is
    ``+12065550123``. A text that does not begin with ``+``, or has a zero in brackets, is returned as it is."""
    if not text.startswith("+") or len(text) > TYPED_MAX or _TRUNK_ZERO.search(text):
        return text
    return text.translate(_PUNCTUATION)


def normalize_to(text: str) -> str | None:
    """Return the destination as it is stored and printed, or None if ``text`` is none. E.164, ``988`` and ``+988``
    pass, perhaps with punctuation."""
    if _is_e164(text):
        return text
    number = typed(text)
    return number if _is_e164(number) or number in _CRISIS_LINE else None


def normalize_from(text: str) -> str | None:
    """Return the sender as it is stored and printed (E.164, perhaps with punctuation, or a short code), or None if
    ``text`` is neither."""
    if _is_e164(text) or _is_short_code(text):
        return text
    number = typed(text)
    return number if _is_e164(number) else None


def advice(text: str) -> str:
    """Say how to write the number that a person may have meant by ``text``, which is none."""
    if _TRUNK_ZERO.search(text[:TYPED_MAX]):
        return "leave out the zero in brackets"
    digits = "".join(each for each in text[:TYPED_MAX] if each in _DIGITS)
    meant = f"+{digits.removeprefix('00')}"
    if text[:1] in _DIGITS_OR_BLANK and len(meant) >= _MEANT_MIN and _is_e164(meant):
        encoded = ", and the + as %2B in a form or a query" if text.startswith(" ") else ""
        return f"write {meant}{encoded}"
    return f"write + and the country code first, such as {EXAMPLE}"


@lru_cache(maxsize=_PLAN_CACHE_SIZE)
def country_of(number: str) -> str | None:
    """Return the ISO 3166 alpha-2 country of an E.164 ``number``, or None.

    A number that the plan has not assigned falls to the main country of its calling code (``+1555...`` to ``US``). In
    North America the area code decides, whether or not the rest is assigned.
    Short codes, unknown calling codes and numbers of no country (satellite, international freephone) have none.
    """
    if not _is_e164(number):
        return None
    if number[1] == "1" and len(number) == _NANP_LENGTH:
        return _country_of_area(number[2:5])
    regions = _regions(number)
    if len(regions) > 1:
        parsed = _parse(number)
        found = None if parsed is None else _plan().region_code_for_number(parsed)
        return found or regions[0]
    return regions[0] if regions and regions[0] != _NON_GEOGRAPHIC else None


@lru_cache(maxsize=1000)
def _country_of_area(area: str) -> str | None:
    """The country of a North American area code. Of 25 countries' plans, which take 60 microseconds to go through, it
    alone decides; ``234-5678`` is assigned wherever the area is."""
    parsed = _parse(f"+1{area}2345678")
    return _plan().region_code_for_number(parsed) or "US" if parsed else None


def _regions(number: str) -> tuple[str, ...]:
    """The countries that share the calling code of an E.164 number; none for a code that nobody has."""
    known = _plan().COUNTRY_CODE_TO_REGION_CODE
    for length in (1, 2, 3):
        regions: tuple[str, ...] | None = known.get(int(number[1 : 1 + length]))
        if regions:
            return regions
    return ()


def is_country(code: str) -> bool:
    """Whether ``code`` is an ISO 3166 alpha-2 country that has numbers, in upper case."""
    return code in _plan().SUPPORTED_REGIONS


@lru_cache(maxsize=_PLAN_CACHE_SIZE)
def is_assigned(number: str) -> bool:
    """Whether the plan has ranges that an E.164 ``number`` lies in."""
    parsed = _parse(number)
    return parsed is not None and bool(_plan().is_valid_number(parsed))


@lru_cache(maxsize=_PLAN_CACHE_SIZE)
def of_country(digits: str, country: str) -> National | None:
    """Read ``digits`` as they are dialled within a ``country`` (ISO 3166): with or without its national prefix, or
    with its prefix of international calls. None for digits of a length that the country does not have."""
    plan = _plan()
    try:
        parsed = plan.parse(digits, country)
    except plan.NumberParseException:
        return None
    number = plan.format_number(parsed, plan.PhoneNumberFormat.E164)
    if not _is_e164(number) or not plan.is_possible_number(parsed):
        return None
    kinds = plan.PhoneNumberType
    is_mobile = plan.number_type(parsed) in (kinds.MOBILE, kinds.FIXED_LINE_OR_MOBILE)
    return National(number, is_assigned(number), is_mobile)


def masked(number: str) -> str:
    """A number, or a sender's name, for a log: its first digits, its last two, and how many there are."""
    shown = 4 if len(number) > _MASKED_WHOLE else 1
    return f"{number[:shown]}{'*' * max(0, len(number) - shown - 2)}{number[-2:]}" if len(number) > 3 else "***"


@lru_cache(maxsize=_PLAN_CACHE_SIZE)
def is_toll_free(number: str) -> bool:
    """Whether the plan says that calls to ``number`` cost the caller nothing."""
    parsed = _parse(number)
    return parsed is not None and _plan().number_type(parsed) == _plan().PhoneNumberType.TOLL_FREE


@lru_cache(maxsize=_PLAN_CACHE_SIZE)
def national_format(number: str) -> str:
    """Write ``number`` as its country does, ``(202) 555-0101`` say; what the plan can't read is returned as it is."""
    parsed = _parse(number)
    if parsed is None:
        return number
    return _plan().format_number(parsed, _plan().PhoneNumberFormat.NATIONAL)  # type: ignore[no-any-return]  # loaded late, so untyped


@lru_cache(maxsize=_PLAN_CACHE_SIZE)
def national_digits(number: str) -> str:
    """Return the digits of an E.164 ``number`` without its calling code, or all where the plan has no such code."""
    parsed = _parse(number)
    return number[1:] if parsed is None else str(_plan().national_significant_number(parsed))


def _plan() -> ModuleType:
    """The numbering plan, loaded when a number is first looked into: a start has no time for it."""
    import phonenumbers

    return phonenumbers


def _parse(number: str) -> PhoneNumber | None:
    if not _is_e164(number):
        return None
    plan = _plan()
    try:
        return plan.parse(number)  # type: ignore[no-any-return]  # loaded late, so untyped
    except plan.NumberParseException:
        return None
