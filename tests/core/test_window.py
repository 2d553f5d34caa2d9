import heapq
import itertools
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heliograph.core.window import BASE_SECONDS, START, Window


class Carrier:
    """A simulated carrier: `delay` there and back, and a server that takes `capacity` submits a second in turn.

    throttles: whether it refuses, at once, what would make more than that many wait."""

    def __init__(self, window: Window, delay: float, capacity: float, throttles: int = 0) -> None:
        self.window = window
        self.delay = delay
        self.capacity = capacity
        self.throttles = throttles
        self.now = 100.0
        self.free = self.now
        self.waiting: list[tuple[float, int, float, bool]] = []
        self.accepted = self.refused = 0
        self._order = itertools.count()

    def run(self, seconds: float, demand: Callable[[], int] = lambda: 10**9) -> "Carrier":
        """Keep the window full for so long, but no fuller than `demand`."""
        self.accepted = self.refused = 0
        end = self.now + seconds
        while self.now < end:
            while len(self.waiting) < min(self.window.size, demand()):
                self._send()
            moment, _, sent, accepted = self.waiting[0]
            self.now = moment
            if accepted:
                self.accepted += 1
                self.window.answered(moment, moment - sent, len(self.waiting))
            else:
                self.refused += 1
                self.window.throttled(moment)
            heapq.heappop(self.waiting)
        return self

    def _send(self) -> None:
        if self.throttles and len(self.waiting) >= self.throttles:
            heapq.heappush(self.waiting, (self.now + self.delay / 2, next(self._order), self.now, False))
            return
        self.free = max(self.free, self.now) + 1 / self.capacity
        heapq.heappush(self.waiting, (self.free + self.delay, next(self._order), self.now, True))


@pytest.mark.parametrize("delay", [0.010, 0.050, 0.100])
@pytest.mark.parametrize("capacity", [200.0, 2000.0])
def test_finds_a_window_that_keeps_the_carrier_busy_and_its_queue_short(delay: float, capacity: float) -> None:
    window = Window(START, most=2000)
    carrier = Carrier(window, delay, capacity)
    carrier.run(10)
    assert carrier.run(10).accepted >= 0.95 * capacity * 10
    distance = capacity * delay + 1
    assert window.size <= 2 * distance + 10
    assert window.round_trip is not None
    assert window.round_trip <= 2 * (delay + 10 / capacity)


@pytest.mark.parametrize("delay", [0.010, 0.050, 0.100])
def test_a_carrier_without_limit_gets_the_whole_window_soon(delay: float) -> None:
    window = Window(START, most=500)
    Carrier(window, delay, 1e9).run(20 * delay)
    assert window.size == 500


def test_a_queue_that_never_empties_does_not_pass_for_distance() -> None:
    window = Window(START, most=10_000)
    carrier = Carrier(window, 0.020, 1000)
    for _ in range(10):
        carrier.run(BASE_SECONDS)
        assert window.size <= 60, "20 are the distance"


def test_a_route_that_became_longer_is_learned() -> None:
    window = Window(START, most=1000)
    carrier = Carrier(window, 0.010, 1000)
    carrier.run(5)
    carrier.delay = 0.200
    carrier.run(3 * BASE_SECONDS)
    assert carrier.run(10).accepted >= 0.95 * 1000 * 10


def test_throttling_shrinks_it_and_it_recovers() -> None:
    window = Window(START, most=1000)
    carrier = Carrier(window, 0.050, 1e6, throttles=40)
    carrier.run(60)
    assert 20 <= window.size <= 60
    carrier.run(60)
    assert carrier.refused <= 0.05 * carrier.accepted, "each time it tries a little more, one round's worth"
    assert carrier.accepted >= 0.5 * 60 * 40 / 0.050
    carrier.throttles = 0
    carrier.run(2 * BASE_SECONDS)
    assert window.size == 1000


def test_throttling_of_one_round_counts_once() -> None:
    window = Window(64, most=64)
    window.answered(1.0, 0.1, 64)
    for at in range(50):
        window.throttled(1.01 + at / 1000)
    assert window.size == 32
    window.throttled(1.2)
    assert window.size == 16


def test_what_is_not_used_does_not_grow() -> None:
    window = Window(START, most=1000)
    Carrier(window, 0.01, 1e6).run(20, demand=lambda: 5)
    assert window.size == START


def test_a_fixed_window_stays() -> None:
    window = Window(7)
    Carrier(window, 0.01, 100, throttles=3).run(5)
    assert window.size == 7
    assert window.round_trip is not None


def test_throttled_before_any_answer() -> None:
    window = Window(100, most=100)
    for _ in range(100):
        window.throttled(5.0)
    assert window.size == 50


@given(
    steps=st.lists(st.tuples(st.floats(0, 1), st.floats(0, 10), st.integers(0, 500), st.booleans()), max_size=200),
    most=st.integers(1, 300),
)
def test_it_stays_within_its_bounds(steps: list[tuple[float, float, int, bool]], most: int) -> None:
    window, now = Window(START, most=most), 0.0
    for gap, round_trip, in_flight, throttled in steps:
        now += gap
        if throttled:
            window.throttled(now)
        else:
            window.answered(now, round_trip, in_flight)
        assert 1 <= window.size <= most


@pytest.mark.parametrize(("size", "most"), [(0, 0), (-1, 5), (5, -1)])
def test_what_makes_no_sense_is_refused(size: int, most: int) -> None:
    with pytest.raises(ValueError, match="makes no sense"):
        Window(size, most=most)
