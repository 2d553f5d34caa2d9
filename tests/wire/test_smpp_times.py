"""SMPP's times, both ways."""

import contextlib
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heliograph.wire.smpp import times

NOW = 1_790_000_000_000_000


def micros(moment: datetime) -> int:
    return int(moment.timestamp()) * 1_000_000


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("261124053000000+", micros(datetime(2026, 11, 24, 5, 30, tzinfo=UTC))),
        ("261124053000504+", micros(datetime(2026, 11, 24, 4, 30, tzinfo=UTC)) + 500_000),
        ("261124053000020-", micros(datetime(2026, 11, 24, 10, 30, tzinfo=UTC))),
        ("000000001500000R", NOW + 15 * 60 * 1_000_000),
        ("000002000000000R", NOW + 2 * 86_400 * 1_000_000),
        ("010100000001000R", NOW + (365 + 30) * 86_400 * 1_000_000 + 1_000_000),
    ],
)
def test_a_time_is_read(text: str, moment: int) -> None:
    assert times.parse(text, NOW) == moment


@pytest.mark.parametrize(
    "text",
    ["", "0", "261324053000000+", "2611240530000000", "26112405300000+", "261124053000049+", "\u066261124053000000+"],
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        times.parse(text, NOW)


@given(st.integers(min_value=946_684_800, max_value=4_102_444_799).map(lambda s: s * 1_000_000 + 300_000))
def test_a_moment_comes_back(moment: int) -> None:
    assert times.parse(times.absolute(moment), NOW) == moment


@given(st.text(max_size=20))
def test_arbitrary_text_raises_nothing_else(text: str) -> None:
    with contextlib.suppress(ValueError):
        times.parse(text, NOW)
