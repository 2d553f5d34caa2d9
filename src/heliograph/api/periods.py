"""The spans of time that lists can be cut to: on a day, before, after (contract, sections 4.1 and 5.2)."""

from dataclasses import dataclass

from heliograph.api import times
from heliograph.api.fields import Form
from heliograph.api.times import Moment
from heliograph.core.errors import Fault, refuse


@dataclass(frozen=True, slots=True, kw_only=True)
class PeriodNames:
    """What a list calls its three parameters, and how a wrong one is told."""

    on: str
    before: str
    after: str
    fault: Fault


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """Microseconds, from inclusive, before exclusive; None is open."""

    start: int | None = None
    end: int | None = None

    def holds(self, micros: int) -> bool:
        return (self.start is None or micros >= self.start) and (self.end is None or micros < self.end)


def read(query: Form, names: PeriodNames) -> Period:
    """What the parameters given have in common. A date stands for its first midnight, and `on` for the whole UTC
    day of what it names. Raises Refused for what is no date."""
    on = _moment(query, names.on, names.fault)
    before = _moment(query, names.before, names.fault)
    after = _moment(query, names.after, names.fault)
    starts = ([on.day_start] if on else []) + ([after.at] if after else [])
    ends = ([on.day_end] if on else []) + ([before.at] if before else [])
    return Period(start=max(starts, default=None), end=min(ends, default=None))


def _moment(query: Form, name: str, fault: Fault) -> Moment | None:
    text = query.filled(name)
    if text is None:
        return None
    try:
        return times.parse_moment(text)
    except times.NoDate:
        raise refuse(fault, f"{name} must be a date (YYYY-MM-DD) or an ISO 8601 date-time.", name) from None
