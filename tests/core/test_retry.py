"""Pauses grow as documented, stray as far as documented, and end."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heliograph.core import retry
from heliograph.core.retry import RetryPolicy

SECOND = 1_000_000
CREATED = 1_785_542_400 * SECOND
FOREVER = RetryPolicy(give_up_after_seconds=10**9)

jitters = st.floats(0, 1, exclude_max=True)


def pause_seconds(attempt: int, jitter: float, policy: RetryPolicy = FOREVER) -> float:
    at = retry.next_attempt(CREATED, attempt, jitter, created_at_micros=CREATED, policy=policy)
    assert at is not None
    return (at - CREATED) / SECOND


@pytest.mark.parametrize(
    ("attempt", "seconds"),
    [(1, 1), (2, 5), (3, 15), (4, 60), (5, 300), (6, 900), (7, 1_800), (8, 3_600), (9, 3_600), (100, 3_600)],
)
def test_the_default_schedule(attempt: int, seconds: float) -> None:
    assert pause_seconds(attempt, 0.5) == seconds
    assert pause_seconds(attempt, 0.0) == pytest.approx(0.8 * seconds)
    assert pause_seconds(attempt, 0.999_999) == pytest.approx(1.2 * seconds, rel=1e-5)


@given(st.integers(1, 200), jitters)
def test_a_pause_strays_by_at_most_a_fifth(attempt: int, jitter: float) -> None:
    middle = pause_seconds(attempt, 0.5)
    assert 0.8 * middle <= pause_seconds(attempt, jitter) <= 1.2 * middle


@given(st.integers(1, 200), jitters, jitters)
def test_more_jitter_is_never_sooner(attempt: int, one: float, other: float) -> None:
    low, high = sorted((one, other))
    assert pause_seconds(attempt, low) <= pause_seconds(attempt, high)


@given(st.lists(jitters, min_size=200, max_size=200))
def test_attempts_move_on_and_end_within_a_day(source: list[float]) -> None:
    attempts, now = 0, CREATED
    for jitter in source:
        attempts += 1
        at = retry.next_attempt(now, attempts, jitter, created_at_micros=CREATED)
        if at is None:
            break
        assert now < at <= CREATED + 86_400 * SECOND
        now = at
    # Eight attempts in the first two hours, then about one an hour.
    assert 25 <= attempts <= 38
    # It gave up no sooner than the longest pause before the end.
    assert now > CREATED + (86_400 - 4_320) * SECOND


def test_the_deadline_itself_is_in_time() -> None:
    policy = RetryPolicy(pauses_seconds=(10,), jitter_fraction=0, give_up_after_seconds=30)
    at_the_end = CREATED + 20 * SECOND
    deadline = CREATED + 30 * SECOND
    assert retry.next_attempt(at_the_end, 3, 0.9, created_at_micros=CREATED, policy=policy) == deadline
    assert retry.next_attempt(at_the_end + 1, 3, 0.9, created_at_micros=CREATED, policy=policy) is None


def test_a_fast_schedule_is_exact_to_the_microsecond() -> None:
    policy = RetryPolicy(pauses_seconds=(0.001, 0.002), jitter_fraction=0)
    assert retry.next_attempt(CREATED, 1, 0.3, created_at_micros=CREATED, policy=policy) == CREATED + 1_000
    assert retry.next_attempt(CREATED, 5, 0.3, created_at_micros=CREATED, policy=policy) == CREATED + 2_000


@pytest.mark.parametrize(("attempt", "jitter"), [(0, 0.5), (-1, 0.5), (1, -0.1), (1, 1.0), (1, float("nan"))])
def test_out_of_range(attempt: int, jitter: float) -> None:
    with pytest.raises(ValueError, match=r"attempt counts|jitter must"):
        retry.next_attempt(CREATED, attempt, jitter, created_at_micros=CREATED)


@pytest.mark.parametrize("pauses", [(), (0,), (1, -1)])
def test_a_schedule_must_pause(pauses: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match="pauses_seconds"):
        RetryPolicy(pauses_seconds=pauses)


@pytest.mark.parametrize("fraction", [-0.1, 1.0])
def test_a_jitter_fraction_leaves_a_pause(fraction: float) -> None:
    with pytest.raises(ValueError, match="jitter_fraction"):
        RetryPolicy(jitter_fraction=fraction)


def test_giving_up_before_the_creation_makes_no_sense() -> None:
    with pytest.raises(ValueError, match="give_up_after_seconds"):
        RetryPolicy(give_up_after_seconds=-1)
