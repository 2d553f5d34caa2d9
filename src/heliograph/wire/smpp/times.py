"""SMPP's times (SMPP 3.4, 7.1.1): `YYMMDDhhmmsstnnp`, absolute with a quarter-hour offset, or relative with p = R."""

import re
from datetime import UTC, datetime, timedelta
from typing import Final

MICROS_PER_SECOND: Final = 1_000_000
RELATIVE_YEAR_DAYS: Final = 365
RELATIVE_MONTH_DAYS: Final = 30
"""A relative year or month has no length of its own in the standard."""

_format: Final = re.compile(r"([0-9]{12})([0-9])([0-9]{2})([-+R])").fullmatch
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def parse(text: str, now: int) -> int:
    """The moment, in microseconds since 1970; raises ValueError for anything else.

    A year of two digits is of this century: the standard does not say, and no message lives until 2100.
    """
    matched = _format(text)
    if matched is None:
        raise ValueError(f"{text!r} is no time as SMPP writes it")
    year, month, day, hour, minute, second = (int(matched[1][at : at + 2]) for at in range(0, 12, 2))
    if matched[4] == "R":
        days = year * RELATIVE_YEAR_DAYS + month * RELATIVE_MONTH_DAYS + day
        return now + (days * 86_400 + hour * 3_600 + minute * 60 + second) * MICROS_PER_SECOND
    quarters = int(matched[3])
    if quarters > 48:
        raise ValueError(f"{quarters} quarter hours are more than any time zone has")
    offset = timedelta(minutes=15 * (quarters if matched[4] == "+" else -quarters))
    local = datetime(2000 + year, month, day, hour, minute, second, int(matched[2]) * 100_000, tzinfo=UTC)
    return (local - offset - _EPOCH) // timedelta(microseconds=1)


def absolute(micros: int) -> str:
    """A moment as SMPP writes it, in UTC."""
    moment = datetime.fromtimestamp(micros // MICROS_PER_SECOND, UTC)
    return f"{moment:%y%m%d%H%M%S}{micros // 100_000 % 10}00+"
