"""Free numbers of the deployment: what may be taken by a project, and what a search asks for.

Values only. A number of the inventory keeps its row while a project has it, so that what is known of it (its place)
comes back with it when it is released.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from heliograph.core import numbers
from heliograph.core.directory import CAPABILITIES

LOCAL: Final = "local"
TOLL_FREE: Final = "toll-free"
KINDS: Final = (LOCAL, TOLL_FREE)

SEARCH_DEFAULT: Final = 50
"""Most numbers in the answer to a search that names no limit."""

PLACE_MAX: Final = 64
"""Characters of a region, a city, a rate center or a LATA."""

_AREA_DIGITS: Final = 3
_KEYPAD: Final = str.maketrans("abcdefghijklmnopqrstuvwxyz", "22233344455566677778889999")
_PATTERN: Final = re.compile(r"[0-9a-zA-Z]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class FreeNumber:
    """number: E.164. country: ISO 3166, "" for numbers of no country. kind: of KINDS. national: its digits without the
    calling code. region: of a country, in capitals (TX)."""

    number: str
    country: str
    kind: str
    national: str
    region: str | None = None
    city: str | None = None
    rate_center: str | None = None
    lata: str | None = None
    capabilities: tuple[str, ...] = CAPABILITIES


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a number is said to be, and what it can do."""

    region: str | None = None
    city: str | None = None
    rate_center: str | None = None
    lata: str | None = None
    capabilities: tuple[str, ...] = CAPABILITIES


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """What free numbers a caller wants. Digits are of the national number; region and city in any case."""

    country: str | None = None
    kind: str | None = None
    starts_with: str | None = None
    contains: str | None = None
    ends_with: str | None = None
    area_code: str | None = None
    region: str | None = None
    city: str | None = None
    limit: int = SEARCH_DEFAULT


def free_number(text: str, place: Place) -> FreeNumber:
    """The number with what the numbering plan knows of it; raises ValueError, whose text ends a sentence that names
    the number."""
    text = numbers.typed(text)
    if not numbers.is_e164(text):
        raise ValueError("is no E.164 number: write + and 5 to 17 digits")
    for name in ("region", "city", "rate_center", "lata"):
        value = getattr(place, name)
        if value is not None and (len(value) > PLACE_MAX or not value.isprintable()):
            raise ValueError(f"has a {name} that is not 1 to {PLACE_MAX} printable characters")
    return FreeNumber(
        number=text,
        country=numbers.country_of(text) or "",
        kind=TOLL_FREE if numbers.is_toll_free(text) else LOCAL,
        national=numbers.national_digits(text),
        region=place.region.upper() if place.region else None,
        city=place.city or None,
        rate_center=place.rate_center or None,
        lata=place.lata or None,
        capabilities=place.capabilities,
    )


def digits_of(pattern: str) -> str | None:
    """The digits that a pattern stands for, letters by the keypad; None for a pattern of anything else."""
    return pattern.lower().translate(_KEYPAD) if _PATTERN.fullmatch(pattern) else None


def is_area_code(text: str) -> bool:
    """Whether it is written as an area code of North America is."""
    return len(text) == _AREA_DIGITS and text.isascii() and text.isdigit()


def chosen_capabilities(given: Sequence[str]) -> tuple[str, ...]:
    """Those given, in the catalogue's order, all where none is given; raises ValueError for an unknown one."""
    wanted = {each.strip().lower() for each in given if each.strip()}
    unknown = sorted(wanted.difference(CAPABILITIES))
    if unknown:
        raise ValueError(f"has unknown capabilities ({', '.join(unknown)}); there are {', '.join(CAPABILITIES)}")
    return tuple(each for each in CAPABILITIES if each in wanted) or CAPABILITIES
