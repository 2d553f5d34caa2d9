"""Times at the doors: RFC 2822 for the cXML family, ISO 8601 for the others, and the dates that filters take.

Inside, a time is microseconds since 1970 UTC; what is printed has whole seconds, rounded down.
"""

import re
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache

MICROS = 1_000_000
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DAY_MICROS = 86_400 * MICROS

_SHAPE = re.compile(
    r"(\d{4}-\d{2}-\d{2})(?:[Tt ](\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?)\s?([Zz]|[+ -]\d{2}:?\d{2})?)?", re.ASCII
)


class NoDate(ValueError):
    """The text is neither a date (YYYY-MM-DD) nor an ISO 8601 date-time."""


def rfc2822(micros: int) -> str:
    """``Mon, 13 Aug 2018 21:38:46 +0000``, in English whatever the locale."""
    return _rfc2822(micros // MICROS)


def iso8601(micros: int) -> str:
    """``2018-08-13T21:38:46Z``."""
    return _iso8601(micros // MICROS)


@lru_cache(maxsize=4096)
def _rfc2822(seconds: int) -> str:
    """Cached by the second: a busy server prints the same one thousands of times."""
    at = time.gmtime(seconds)
    return (
        f"{_DAYS[at.tm_wday]}, {at.tm_mday:02d} {_MONTHS[at.tm_mon - 1]} {at.tm_year:04d} "
        f"{at.tm_hour:02d}:{at.tm_min:02d}:{at.tm_sec:02d} +0000"
    )


@lru_cache(maxsize=4096)
def _iso8601(seconds: int) -> str:
    at = time.gmtime(seconds)
    return f"{at.tm_year:04d}-{at.tm_mon:02d}-{at.tm_mday:02d}T{at.tm_hour:02d}:{at.tm_min:02d}:{at.tm_sec:02d}Z"


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """A date or a date-time that a caller gave: `at` is that moment (a date's: its first midnight);
    `day_start` and `day_end` are the first midnights of its UTC day and of the next. Microseconds."""

    at: int
    day_start: int
    day_end: int


def parse_moment(text: str) -> Moment:
    """Read YYYY-MM-DD or an ISO 8601 date-time; without a zone it is UTC. Raises NoDate.

    A blank before the offset stands for the `+` that a client forgot to percent-encode in a query.
    """
    found = _SHAPE.fullmatch(text)
    if not found:
        raise NoDate(text)
    day, clock, zone = found.groups()
    try:
        moment = datetime.fromisoformat(f"{day}T{clock or '00:00'}{_zone(zone)}").astimezone(UTC)
        start = moment.replace(hour=0, minute=0, second=0, microsecond=0)
        return Moment(at=_micros(moment), day_start=_micros(start), day_end=_micros(start) + _DAY_MICROS)
    except (ValueError, OverflowError):
        raise NoDate(text) from None


def _zone(text: str | None) -> str:
    if text is None or text in "Zz":
        return "+00:00"
    return text.replace(" ", "+")


def _micros(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(microseconds=1)
