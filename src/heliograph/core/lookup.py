"""What the numbering plan says about a number that anybody asks for: whether it can exist, how it is written, where it
is at home.

Nobody is asked: the plan knows how numbers are handed out, not who has one today nor in whose network it is.
"""

from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType, ModuleType
from typing import Final

from heliograph.core import numbers, places

_SHORT_MAX: Final = 6
"""Digits of the longest short code in the United States, whose numbers are looked up without their ``+``."""

_CACHE_SIZE: Final = 4096
"""Numbers remembered: a lookup takes up to a millisecond, and clients ask again."""

TYPES: Final = MappingProxyType(
    {
        "FIXED_LINE_OR_MOBILE": "Fixed Line or Mobile",
        "FIXED_LINE": "Fixed Line",
        "MOBILE": "Mobile",
        "TOLL_FREE": "Toll Free",
        "PREMIUM_RATE": "Premium Rate",
        "SHARED_COST": "Shared Cost",
        "VOIP": "VoIP",
        "PERSONAL_NUMBER": "Personal Number",
        "PAGER": "Pager",
        "UAN": "UAN",
        "VOICEMAIL": "VoiceMail",
    }
)
"""The plan's types of numbers, in the words that SignalWire's API has for them."""

_LINES: Final = {"Fixed Line": "landline", "Mobile": "wireless"}
"""The types that say what kind of line it is."""

_NO_ZONE: Final = "Etc/Unknown"
_NANP: Final = "+1"
_AREAS_OF: Final = ("US", "CA")
"""The countries whose area codes stand for a state or a province."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What is known of an E.164 `number`; None where the plan does not say.

    calling_code: 1 for North America. national: the digits after it. possible: whether its length can be. valid:
    whether it is of a range that has been handed out. location: a state, a province or a country, in English. zones:
    IANA names. line: landline or wireless.
    """

    number: str
    possible: bool = False
    valid: bool = False
    calling_code: int | None = None
    national: str | None = None
    national_format: str | None = None
    international_format: str | None = None
    country: str | None = None
    location: str | None = None
    zones: tuple[str, ...] = ()
    type: str | None = None
    line: str | None = None


def number_of(text: str) -> str | None:
    """Return the E.164 number that a caller means, who may have left out the ``+`` or typed punctuation behind it; None
    where it is none.

    Without the ``+``, digits up to `_SHORT_MAX` are a short code.
    """
    number = numbers.typed(text)
    if numbers.is_e164(number):
        return number
    completed = f"+{text}"
    return completed if numbers.is_e164(completed) and len(text) > _SHORT_MAX else None


@lru_cache(maxsize=_CACHE_SIZE)
def facts(number: str) -> Facts:
    """Return what the plan knows of an E.164 number: of one whose calling code nobody has, only that it can't be."""
    plan = _plan()
    try:
        parsed = plan.parse(number)
    except plan.NumberParseException:
        return Facts(number=number)
    kind = plan.number_type(parsed)
    type_ = next((words for name, words in TYPES.items() if getattr(plan.PhoneNumberType, name) == kind), None)
    country = numbers.country_of(number)
    possible = plan.is_possible_number(parsed)
    return Facts(
        number=number,
        possible=possible,
        valid=plan.is_valid_number(parsed),
        calling_code=parsed.country_code,
        national=plan.national_significant_number(parsed),
        national_format=plan.format_number(parsed, plan.PhoneNumberFormat.NATIONAL),
        international_format=plan.format_number(parsed, plan.PhoneNumberFormat.INTERNATIONAL),
        country=country,
        location=_location(number, country) if possible else None,
        zones=tuple(zone for zone in plan.timezone.time_zones_for_number(parsed) if zone != _NO_ZONE),
        type=type_,
        line=_LINES.get(type_ or ""),
    )


def _location(number: str, country: str | None) -> str | None:
    if country is None:
        return None
    if number.startswith(_NANP) and country in _AREAS_OF:
        return places.area(number[2:5])
    return places.country(country)


def _plan() -> ModuleType:
    """The numbering plan with its time zones, loaded when a number is first looked up: a start has no time for it."""
    import phonenumbers
    import phonenumbers.timezone

    return phonenumbers
