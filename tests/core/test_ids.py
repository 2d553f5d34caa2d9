"""Ids increase whatever the clock does, and are UUIDs of version 7."""

import random
import uuid
from functools import partial
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from heliograph.core import ids

NOW = 1_785_542_400_123_456  # 2026-08-01, in microseconds
LAST = 253_402_300_799_999_999  # the last microsecond of the year 9999
RANDOM_62 = (1 << 62) - 1

moments = st.integers(0, LAST)


def generator(seed: int = 1) -> ids.Uuid7Generator:
    return ids.Uuid7Generator(partial(random.Random(seed).getrandbits, 64))


def test_layout() -> None:
    made = ids.Uuid7Generator(lambda: 0x1234_5678_9ABC_DEF0).next(NOW)
    # 1785542400123 ms is 0x19fba9ed87b; 0.456 ms is 1867.8 of 4096, up to 0x74c; then variant and random bits.
    assert made == "019fba9e-d87b-774c-9234-56789abcdef0"
    assert uuid.UUID(made).int >> 80 == NOW // 1000


def test_random_bits_above_62_are_dropped() -> None:
    low = ids.Uuid7Generator(lambda: RANDOM_62).next(NOW)
    assert ids.Uuid7Generator(lambda: (1 << 64) - 1).next(NOW) == low
    assert low.endswith("-bfff-ffffffffffff")


@given(moments)
@example(0)
@example(LAST)
def test_is_a_canonical_uuid_of_version_7(now: int) -> None:
    made = generator().next(now)
    parsed = uuid.UUID(made)
    assert str(parsed) == made
    assert (parsed.version, parsed.variant) == (7, uuid.RFC_4122)
    assert ids.is_uuid(made)


@given(st.lists(moments, min_size=2), st.integers(0, 2**32))
@example([NOW, NOW - 3_600_000_000, NOW - 3_600_000_000, NOW + 1], 1)
@example([NOW, NOW, NOW, NOW + 1, NOW + 1], 1)
def test_strictly_increasing_whatever_the_clock_does(clock: list[int], seed: int) -> None:
    make = generator(seed).next
    made = [make(now) for now in clock]
    assert all(earlier < later for earlier, later in pairwise(made))


def test_strictly_increasing_past_the_ticks_of_a_millisecond() -> None:
    make = generator().next
    made = [make(NOW) for _ in range(10_000)]
    assert all(earlier < later for earlier, later in pairwise(made))
    # 10,000 ticks of 1/4096 ms: under 3 ms ahead of the clock.
    assert NOW < ids.timestamp_micros(made[-1]) < NOW + 3_000


def test_nodes_differ_in_the_same_moment() -> None:
    assert generator(1).next(NOW) != generator(2).next(NOW)


@given(moments)
def test_timestamp_is_the_moment_it_was_made_with(now: int) -> None:
    assert ids.timestamp_micros(generator().next(now)) == now


@given(st.lists(moments, min_size=1))
def test_timestamp_is_never_before_the_clock(clock: list[int]) -> None:
    make = generator().next
    assert all(ids.timestamp_micros(make(now)) >= now for now in clock)


def test_timestamp_reads_either_case_and_refuses_other_versions() -> None:
    assert ids.timestamp_micros(generator().next(NOW).upper()) == NOW
    for other in (str(uuid.UUID(int=0)), "c232ab00-9414-41ec-b3c8-9f6bdeced846", "", "x"):
        with pytest.raises(ValueError, match="version 7"):
            ids.timestamp_micros(other)


@given(moments, moments)
def test_floor_bounds_by_millisecond(now: int, other: int) -> None:
    bound, made = ids.floor(now), generator().next(other)
    assert uuid.UUID(bound).version == 7
    assert (bound <= made) == (now // 1000 <= other // 1000)


def test_floor_before_1970_is_the_first() -> None:
    assert ids.floor(-62_135_596_800_000_000) == ids.floor(0) == "00000000-0000-7000-8000-000000000000"


@given(moments, moments)
def test_after_resumes_above_the_newest_id(made_at: int, now: int) -> None:
    newest = generator(1).next(made_at)
    restarted = generator(2)
    restarted.after(newest)
    assert restarted.next(now) > newest


def test_after_never_goes_back() -> None:
    one = generator()
    newest = one.next(NOW)
    one.after(generator(2).next(NOW - 1_000_000))
    assert one.next(NOW) > newest


def test_after_takes_another_makers_id_and_refuses_what_is_none() -> None:
    foreign = "019fba9e-d87b-7fff-bfff-ffffffffffff"
    one = generator()
    one.after(foreign)
    assert one.next(NOW) > foreign
    with pytest.raises(ValueError, match="version 7"):
        one.after("not an id")


@given(st.uuids())
def test_is_uuid_in_either_case(value: uuid.UUID) -> None:
    assert ids.is_uuid(str(value))
    assert ids.is_uuid(str(value).upper())


@pytest.mark.parametrize(
    "text",
    [
        "",
        "019fba9ed87b774c923456789abcdef0",
        "{019fba9e-d87b-774c-9234-56789abcdef0}",
        "urn:uuid:019fba9e-d87b-774c-9234-56789abcdef0",
        "019fba9e-d87b-774c-9234-56789abcdef",
        "019fba9e-d87b-774c-9234-56789abcdef0\n",
        "019fba9ed-87b-774c-9234-56789abcdef0",
        "g19fbabb-a07b-774c-9234-56789abcdef0",
        "\u0660" * 8 + "-a07b-774c-9234-56789abcdef0",
    ],
)
def test_is_uuid_refuses_other_forms(text: str) -> None:
    assert not ids.is_uuid(text)
