"""Token buckets: never more than the rate, never less, and bounded."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heliograph.core.limits import Buckets, Decision, TokenBucket

SECOND = 1_000_000
START = 5 * SECOND

capacities = st.integers(1, 50)
periods = st.integers(1, 20)
gaps = st.lists(st.integers(0, 3 * SECOND), max_size=80)


def test_a_burst_passes_then_the_rate_holds() -> None:
    bucket = TokenBucket(10, 5)
    decisions = [bucket.take(START) for _ in range(11)]
    assert [decision.allowed for decision in decisions] == [True] * 10 + [False]
    assert [decision.remaining for decision in decisions] == [*range(9, -1, -1), 0]
    # A token every half second.
    assert not bucket.take(START + SECOND // 2 - 1).allowed
    assert bucket.take(START + SECOND // 2).allowed
    assert not bucket.take(START + SECOND // 2).allowed


def test_decision_of_the_default_limit() -> None:
    bucket = TokenBucket(13_800, 10)
    assert bucket.take(START) == Decision(
        allowed=True, limit=13_800, remaining=13_799, reset_seconds=1, retry_after_seconds=0
    )
    assert bucket.take(START, 13_799) == Decision(
        allowed=True, limit=13_800, remaining=0, reset_seconds=10, retry_after_seconds=0
    )
    assert bucket.take(START) == Decision(
        allowed=False, limit=13_800, remaining=0, reset_seconds=10, retry_after_seconds=1
    )


def test_retry_after_is_when_as_many_would_pass() -> None:
    bucket = TokenBucket(10, 10)
    bucket.take(START, 10)
    refused = bucket.take(START, 7)
    assert refused.retry_after_seconds == 7
    assert not bucket.take(START + 7 * SECOND - 1, 7).allowed
    assert bucket.take(START + 7 * SECOND, 7).allowed


def test_a_refusal_takes_nothing() -> None:
    bucket = TokenBucket(10, 10)
    bucket.take(START, 5)
    assert not bucket.take(START, 6).allowed
    assert bucket.take(START, 5).allowed


def test_capacity_zero_is_off() -> None:
    off = Decision(allowed=True, limit=0, remaining=0, reset_seconds=0, retry_after_seconds=0)
    bucket, buckets = TokenBucket(0, 10), Buckets(0, 10)
    assert [bucket.take(START, 1_000) for _ in range(3)] == [off] * 3
    assert [buckets.take("a", START, 1_000) for _ in range(3)] == [off] * 3
    assert len(buckets) == 0


def test_a_clock_that_steps_back_gives_nothing() -> None:
    bucket = TokenBucket(2, 2)
    bucket.take(START, 2)
    assert not bucket.take(START - SECOND).allowed
    assert not bucket.take(START).allowed
    assert bucket.take(START + SECOND).allowed


@pytest.mark.parametrize(("capacity", "n"), [(10, 0), (10, -1), (10, 11), (0, 0)])
def test_impossible_requests(capacity: int, n: int) -> None:
    with pytest.raises(ValueError, match="can't take"):
        TokenBucket(capacity, 10).take(START, n)


@pytest.mark.parametrize(("capacity", "per_seconds"), [(-1, 10), (10, 0)])
def test_impossible_buckets(capacity: int, per_seconds: int) -> None:
    with pytest.raises(ValueError, match="makes no sense"):
        TokenBucket(capacity, per_seconds)
    with pytest.raises(ValueError, match="makes no sense"):
        Buckets(capacity, per_seconds)


@given(capacities, periods, gaps)
def test_agrees_with_a_bucket_of_fractions(capacity: int, per_seconds: int, waits: list[int]) -> None:
    bucket, now, level = TokenBucket(capacity, per_seconds), START, Fraction(capacity)
    rate = Fraction(capacity, per_seconds * SECOND)
    for wait in waits:
        now += wait
        level = min(Fraction(capacity), level + wait * rate)
        decision = bucket.take(now)
        assert decision.allowed == (level >= 1)
        level -= decision.allowed
        assert decision.remaining == int(level)
        assert decision.reset_seconds == -(-(capacity - level) // (rate * SECOND))


@given(capacities, periods, gaps)
def test_no_window_lets_more_through_than_burst_and_rate(capacity: int, per_seconds: int, waits: list[int]) -> None:
    bucket, now, passed = TokenBucket(capacity, per_seconds), START, []
    for wait in waits:
        now += wait
        if bucket.take(now).allowed:
            passed.append(now)
    for first, begin in enumerate(passed):
        for last, end in enumerate(passed[first:], first):
            assert last - first + 1 <= capacity + Fraction((end - begin) * capacity, per_seconds * SECOND)


@given(capacities, periods, st.data())
def test_retry_after_and_reset_tell_the_truth(capacity: int, per_seconds: int, data: st.DataObject) -> None:
    bucket = TokenBucket(capacity, per_seconds)
    bucket.take(START, data.draw(st.integers(1, capacity)))
    wanted = data.draw(st.integers(1, capacity))
    decision = bucket.take(START, wanted)
    assert (decision.retry_after_seconds == 0) == decision.allowed
    if decision.allowed:
        assert bucket.take(START + decision.reset_seconds * SECOND, capacity).allowed
    else:
        assert bucket.take(START + decision.retry_after_seconds * SECOND, wanted).allowed


def test_keys_are_apart() -> None:
    buckets = Buckets(1, 10)
    assert buckets.take("a", START).allowed
    assert not buckets.take("a", START).allowed
    assert buckets.take("b", START).allowed


def test_full_buckets_are_forgotten() -> None:
    buckets = Buckets(5, 10)
    for key in "abc":
        buckets.take(key, START)
    buckets.take("a", START + 9 * SECOND)
    assert len(buckets) == 3
    buckets.take("d", START + 10 * SECOND)
    assert len(buckets) == 2  # a, asked for since, and d


def test_a_refused_request_leaves_its_bucket_alone() -> None:
    buckets = Buckets(2, 10)
    buckets.take("a", START, 2)
    with pytest.raises(ValueError, match="can't take"):
        buckets.take("a", START, 3)
    assert not buckets.take("a", START).allowed


def test_at_the_bound_the_one_asked_for_longest_ago_goes() -> None:
    buckets = Buckets(1, 10, max_keys=2)
    buckets.take("a", START)
    buckets.take("b", START)
    buckets.take("a", START)
    buckets.take("c", START)
    assert len(buckets) == 2
    assert not buckets.take("a", START).allowed
    assert buckets.take("b", START).allowed


def test_a_bound_below_one_is_refused() -> None:
    with pytest.raises(ValueError, match="max_keys"):
        Buckets(1, 10, max_keys=0)


@given(capacities, periods, st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 8 * SECOND)), max_size=80))
def test_forgetting_changes_no_decision(capacity: int, per_seconds: int, asked: list[tuple[str, int]]) -> None:
    buckets, kept = Buckets(capacity, per_seconds), {key: TokenBucket(capacity, per_seconds) for key in "abc"}
    now = START
    for key, wait in asked:
        now += wait
        assert buckets.take(key, now) == kept[key].take(now)


@given(capacities, st.lists(st.tuples(st.integers(1, 200), st.integers(0, 3 * SECOND)), max_size=80))
def test_what_was_overdrawn_is_brought_before_more_is_taken(capacity: int, asked: list[tuple[int, int]]) -> None:
    """Whenever the bucket allows anything, all that was taken before was covered by burst and refill."""
    bucket, now, taken = TokenBucket(capacity, 1), START, 0
    for n, wait in asked:
        now += wait
        brought = capacity + Fraction((now - START) * capacity, SECOND)
        if bucket.overdraw(now, n):
            assert taken <= brought - min(n, capacity)
            taken += n


def test_a_full_bucket_may_always_be_overdrawn() -> None:
    bucket = TokenBucket(3, 1)
    assert bucket.overdraw(START, 9)
    assert not bucket.overdraw(START + 2 * SECOND, 1)
    assert bucket.overdraw(START + 3 * SECOND, 3)
    assert all(TokenBucket(0, 1).overdraw(START, 100) for _ in range(3))
