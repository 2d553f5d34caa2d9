"""How many submits may wait for their answers at once on one bind: a fixed number, or one that is found.

The adaptive window follows the round trips (the gradient of Netflix's concurrency limits, after TCP Vegas). While a
round trip is near the shortest one seen, nothing queues at the carrier and the window grows, twofold at first; when
round trips grow beyond ``STRETCH`` times the shortest, more would only wait in the carrier's queue, and it shrinks.
ESME_RTHROTTLED and ESME_RMSGQFUL halve it, once for each round, and it comes near the size at which that happened
slowly. What was the shortest is measured anew from time to
time with the window halved for a round: a carrier's queue that never empties would otherwise pass for distance.

Pure: moments are seconds of one monotonic clock, passed in.
"""

from typing import Final

START: Final = 10
"""The adaptive window's first size: what most carriers grant anybody."""

STRETCH: Final = 1.5
"""Round trips of this many times the shortest are still taken for distance and chance, not for a queue."""

NOISE_SECONDS: Final = 0.005
"""What a round trip may be longer besides: our own event loop's turns, and the carrier's."""

SMOOTHING: Final = 0.5
"""How far one round moves the window towards what it has shown."""

BASE_SECONDS: Final = 30.0
"""The shortest round trip is measured anew this long after it was last seen."""

CEILING_SHARE: Final = 0.8
"""From this share of the size that was throttled on, the window grows by one in a second only."""

FIRST_ROUND_SECONDS: Final = 0.1
"""How long a round is taken to be before there was an answer."""

USED: Final = 0.75
"""A window of which less was used has shown nothing: it doesn't grow."""


class Window:
    """`size` is the limit now; the caller counts what is in flight."""

    __slots__ = (
        "_adaptive",
        "_base",
        "_base_at",
        "_ceiling",
        "_ceiling_at",
        "_doubling",
        "_limit",
        "_most",
        "_peak",
        "_probing",
        "_round_began",
        "_round_count",
        "_round_ends",
        "_round_sum",
        "round_trip",
        "size",
    )

    def __init__(self, size: int, *, most: int = 0) -> None:
        """A fixed window of `size`; with `most`, an adaptive one of 1 to `most` that starts with `size`. Raises
        ``ValueError`` for a size below 1."""
        if size < 1 or most < 0:
            raise ValueError(f"a window of {size} (at most {most}) makes no sense")
        self._adaptive = most > 0
        self._most = most or size
        self._limit = float(min(size, self._most))
        self.size = int(self._limit)
        self.round_trip: float | None = None
        """Smoothed, in seconds; None before the first answer."""
        self._base = float("inf")
        self._base_at = 0.0
        self._ceiling = float("inf")
        self._ceiling_at = 0.0
        self._doubling = True
        self._probing = False
        self._peak = 0
        self._start_round(0.0)

    def answered(self, now: float, round_trip: float, in_flight: int) -> None:
        """A submit was accepted. in_flight: how many waited for their answers, with this one."""
        smooth = self.round_trip
        self.round_trip = round_trip if smooth is None else smooth + (round_trip - smooth) / 8
        if not self._adaptive:
            return
        self._round_sum += round_trip
        self._round_count += 1
        if in_flight > self._peak:
            self._peak = in_flight
        if round_trip <= self._base:
            self._base, self._base_at = round_trip, now
        if now >= self._round_ends and self._round_count >= min(4, self.size):
            self._end_round(now)

    def throttled(self, now: float) -> None:
        """The carrier said that it is too much (ESME_RTHROTTLED, ESME_RMSGQFUL)."""
        if not self._adaptive or (now < self._round_ends and not self._doubling):
            return
        self._doubling = self._probing = False
        self._ceiling, self._ceiling_at = self._limit, now
        self._resize(self._limit / 2)
        self._start_round(now)

    def _start_round(self, now: float) -> None:
        self._round_began = now
        self._round_ends = now + (self.round_trip or FIRST_ROUND_SECONDS)
        self._round_sum = 0.0
        self._round_count = 0
        self._peak = 0

    def _end_round(self, now: float) -> None:
        mean = self._round_sum / self._round_count
        if self._probing:
            self._probing = False
            self._resize(self._limit)
        elif now - self._base_at > BASE_SECONDS and mean > self._base:
            self._base, self._base_at = float("inf"), now
            self._probing = True
            self.size = max(1, int(self._limit / 2))
        else:
            self._follow((STRETCH * self._base + NOISE_SECONDS) / mean if mean > 0 else 1.0, now)
        self._start_round(now)

    def _follow(self, gradient: float, now: float) -> None:
        if gradient < 1:
            self._doubling = False
            wanted = self._limit * max(0.5, gradient) + self._limit**0.5
            self._resize(self._limit + (wanted - self._limit) * SMOOTHING)
        elif self._peak >= USED * self.size:
            self._resize(self._limit + self._growth(now))

    def _growth(self, now: float) -> float:
        if now - self._ceiling_at > BASE_SECONDS:
            self._ceiling = float("inf")
        if self._limit >= CEILING_SHARE * self._ceiling:
            return now - self._round_began
        return self._limit if self._doubling else float(self._limit**0.5)

    def _resize(self, limit: float) -> None:
        self._limit = min(max(limit, 1.0), float(self._most))
        self.size = int(self._limit)
