"""Times as they are printed and read."""

import locale
from contextlib import suppress
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heliograph.api import periods, times
from heliograph.api.fields import Form
from heliograph.api.periods import PeriodNames
from heliograph.core.errors import Fault, Refused

NAMES = PeriodNames(on="on", before="before", after="after", fault=Fault.DATETIME_REQUIRED)


def micros(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 1_000_000


def test_printed() -> None:
    at = 1_534_196_326_999_999
    assert times.rfc2822(at) == "Mon, 13 Aug 2018 21:38:46 +0000"
    assert times.iso8601(at) == "2018-08-13T21:38:46Z"
    assert times.rfc2822(0) == "Thu, 01 Jan 1970 00:00:00 +0000"


def test_english_whatever_the_locale() -> None:
    with suppress(locale.Error):
        locale.setlocale(locale.LC_ALL, "")
    assert times.rfc2822(1_534_196_326_000_000 + 86_400_000_000) == "Tue, 14 Aug 2018 21:38:46 +0000"


@given(st.integers(0, 4_102_444_800))
def test_both_forms_read_back(seconds: int) -> None:
    moment = datetime.fromtimestamp(seconds, UTC)
    assert parsedate_to_datetime(times.rfc2822(seconds * 1_000_000)) == moment
    assert datetime.fromisoformat(times.iso8601(seconds * 1_000_000)) == moment
    assert times.parse_moment(times.iso8601(seconds * 1_000_000)).at == seconds * 1_000_000


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("2024-01-15", "2024-01-15T00:00:00"),
        ("2024-01-15T10:20", "2024-01-15T10:20:00"),
        ("2024-01-15T10:20:30", "2024-01-15T10:20:30"),
        ("2024-01-15 10:20:30", "2024-01-15T10:20:30"),
        ("2024-01-15T10:20:30Z", "2024-01-15T10:20:30"),
        ("2024-01-15T10:20:30+02:00", "2024-01-15T08:20:30"),
        ("2024-01-15T10:20:30 02:00", "2024-01-15T08:20:30"),
        ("2024-01-15T23:20:30-0200", "2024-01-16T01:20:30"),
    ],
)
def test_read(text: str, at: str) -> None:
    found = times.parse_moment(text)
    assert found.at == micros(at)
    assert found.day_start == micros(at[:10])
    assert found.day_end - found.day_start == 86_400_000_000


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "20240115",
        "2024-1-5",
        "2024-02-30",
        "2024-W01-1",
        "2024-01-15T25:00",
        "2024-01-15T10:00:00+99:00",
        "0001-01-01T00:00:00+10:00",
        "\u0662\u0660\u0662\u0664-01-15",
        "2024-01-15\n",
    ],
)
def test_no_date(text: str) -> None:
    with pytest.raises(times.NoDate):
        times.parse_moment(text)


@pytest.mark.parametrize(
    ("query", "start", "end"),
    [
        ({}, None, None),
        ({"on": "2024-01-15"}, "2024-01-15", "2024-01-16"),
        ({"on": "2024-01-15T10:00:00Z"}, "2024-01-15", "2024-01-16"),
        ({"before": "2024-01-15"}, None, "2024-01-15"),
        ({"before": "2024-01-15T10:00:00Z"}, None, "2024-01-15T10:00:00"),
        ({"after": "2024-01-15"}, "2024-01-15", None),
        ({"after": "2024-01-15T10:00:00Z"}, "2024-01-15T10:00:00", None),
        ({"on": "2024-01-15", "after": "2024-01-15T10:00:00Z"}, "2024-01-15T10:00:00", "2024-01-16"),
        ({"on": "2024-01-15", "before": "2024-02-01"}, "2024-01-15", "2024-01-16"),
    ],
)
def test_periods(query: dict[str, str], start: str | None, end: str | None) -> None:
    found = periods.read(Form({name: [text] for name, text in query.items()}), NAMES)
    assert (found.start, found.end) == (start and micros(start), end and micros(end))


def test_period_holds_its_start_and_not_its_end() -> None:
    day = periods.read(Form({"on": ["2024-01-15"]}), NAMES)
    assert day.holds(micros("2024-01-15"))
    assert not day.holds(micros("2024-01-16"))


def test_wrong_date_names_its_parameter() -> None:
    with pytest.raises(Refused) as refused:
        periods.read(Form({"before": ["soon"]}), NAMES)
    (refusal,) = refused.value.refusals
    assert (refusal.reason.rest, refusal.where) == ("datetime_required", "before")


def test_the_last_day_there_is_ends_with_the_calendar() -> None:
    found = times.parse_moment("9999-12-31T23:59:59.5Z")
    assert found.at == times.parse_moment("9999-12-31").day_start + 86_399_500_000
    assert found.day_end == 253_402_300_800_000_000
