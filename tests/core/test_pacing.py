import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heliograph.core.pacing import JITTER_SECONDS, TOLERANCE_SECONDS, Pace, SenderPaces

RATES = st.one_of(st.integers(1, 400).map(float), st.floats(0.05, 50))
GAPS = st.one_of(st.just(0.0), st.floats(0, 0.002), st.floats(0, 0.05), st.floats(0, 3))


def most_in_one_second(moments: list[float]) -> int:
    """The most moments that any half-open second has: one that begins with a moment has as many as any."""
    ordered = sorted(moments)
    return max(sum(1 for moment in ordered[i:] if moment < start + 1) for i, start in enumerate(ordered))


@given(
    rate=RATES, start=st.floats(0, 1e6), lateness=st.lists(st.tuples(GAPS, st.floats(0, 1)), min_size=1, max_size=300)
)
def test_no_window_of_one_second_exceeds_the_rate(
    rate: float, start: float, lateness: list[tuple[float, float]]
) -> None:
    """However late each segment is sent, and however unevenly the network delivers within its guard."""
    pace = Pace(rate)
    now, seen = start, []
    for gap, delay in lateness:
        now = pace.when(now) + gap
        assert pace.reserve(now) == now
        seen.append(now + delay * JITTER_SECONDS)
    assert most_in_one_second(seen) <= max(1, int(rate))


@given(rate=RATES, start=st.floats(0, 1e6), wants=st.lists(st.tuples(GAPS, st.integers(1, 5)), min_size=1, max_size=60))
def test_bookings_ahead_keep_the_rate_too(rate: float, start: float, wants: list[tuple[float, int]]) -> None:
    pace = Pace(rate)
    now, moments = start, []
    for gap, n in wants:
        now += gap
        moments += [pace.reserve(now) for _ in range(n)]
    assert moments == sorted(moments)
    assert most_in_one_second(moments) <= max(1, int(rate))


@pytest.mark.parametrize("rate", [1, 10, 100, 1000, 5000])
def test_the_guard_costs_at_most_3_percent(rate: int) -> None:
    """With a timer that wakes each 2 ms and sends what may go."""
    pace = Pace(rate)
    sent, seconds = 0, 20
    for tick in range(seconds * 500):
        while pace.when(tick / 500) <= tick / 500:
            pace.reserve(tick / 500)
            sent += 1
    assert sent >= 0.97 * rate * seconds


def test_idle_time_is_no_credit() -> None:
    pace = Pace(10)
    pace.reserve(0.0)
    first, second = pace.reserve(60.0), pace.reserve(60.0)
    assert first == 60.0
    assert second >= 60.09


@given(rate=RATES, n=st.integers(1, 20), busy=st.integers(0, 5))
def test_when_n_may_go_is_the_moment_of_the_nth(rate: float, n: int, busy: int) -> None:
    together, apart = Pace(rate), Pace(rate)
    for pace in (together, apart):
        for _ in range(busy):
            pace.reserve(1.0)
    moment = together.when(1.0, n)
    assert together.reserve(1.0, n) == moment
    assert [apart.reserve(1.0) for _ in range(n)][-1] == pytest.approx(moment)
    assert together.when(1.0) == pytest.approx(apart.when(1.0))


def test_without_a_rate_all_goes_at_once() -> None:
    pace = Pace(0)
    assert [pace.reserve(5.0, 100) for _ in range(3)] == [5.0] * 3
    assert pace.rested(5.0)


def test_senders_are_paced_apart_and_forgotten_when_rested() -> None:
    paces = SenderPaces(1, most=3)
    for sender in "abc":
        pace = paces.of(sender, 0.0)
        assert pace is not None
        assert pace.reserve(0.0) == 0.0
    assert paces.of("d", 0.5) is None
    again = paces.of("a", 0.5)
    assert again is not None
    assert again.when(0.5) == pytest.approx(1 + JITTER_SECONDS)
    assert paces.of("d", 2.0) is not None
    assert len(paces) == 1


@given(asked=st.lists(st.tuples(st.sampled_from("abcdefgh"), st.floats(0, 0.3)), min_size=1, max_size=100))
def test_no_sender_exceeds_its_rate_however_few_are_remembered(asked: list[tuple[str, float]]) -> None:
    paces = SenderPaces(3, most=2)
    now, sent = 0.0, list[tuple[str, float]]()
    for sender, gap in asked:
        now += gap
        pace = paces.of(sender, now)
        assert len(paces) <= 2
        if pace is not None and pace.when(now) <= now:
            pace.reserve(now)
            sent.append((sender, now))
    for _, each in itertools.groupby(sorted(sent), key=lambda pair: pair[0]):
        assert most_in_one_second([moment for _, moment in each]) <= 3


@pytest.mark.parametrize("make", [lambda: Pace(-1), lambda: Pace(1, tolerance=-1), lambda: SenderPaces(1, most=0)])
def test_what_makes_no_sense_is_refused(make: object) -> None:
    with pytest.raises(ValueError, match=r"makes? no sense"):
        make()  # type: ignore[operator]


def test_the_guard_is_as_documented() -> None:
    assert pytest.approx(0.025) == TOLERANCE_SECONDS + JITTER_SECONDS
