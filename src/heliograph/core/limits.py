"""How many requests a caller may make: token buckets on a passed-in clock.

A bucket holds ``capacity`` tokens, starts full, and refills evenly: ``capacity`` tokens in ``per_seconds``. A request
takes tokens or is refused; a refused one takes none. So a burst of ``capacity`` passes at once, and over any time
``capacity / per_seconds`` a second thereafter.

Times are int microseconds of a monotonic clock, and levels are exact ints, so nothing drifts. A time earlier than the
last one seen counts as that one. Capacity 0 means off: everything is allowed.
"""

from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

_MICROS_PER_SECOND: Final = 1_000_000

MAX_BUCKETS: Final = 100_000
"""Buckets kept at once, some 40 MB; more callers than that within ``per_seconds`` is an attack or another product."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """The answer to one request, in the terms of the ``X-RateLimit-*`` and ``Retry-After`` headers.

    ``limit`` is the capacity (0: off). ``remaining`` is the whole tokens left. ``reset_seconds`` is the time until the
    bucket is full again if nothing more is taken, rounded up: 0 only when it is full. ``retry_after_seconds`` is 0 if
    allowed, else the time until the same request would pass, rounded up, so at least 1.
    """

    allowed: bool
    limit: int
    remaining: int
    reset_seconds: int
    retry_after_seconds: int


_OFF: Final = Decision(allowed=True, limit=0, remaining=0, reset_seconds=0, retry_after_seconds=0)


class TokenBucket:
    """One caller's bucket."""

    # Levels are in tokens times per_micros: a token weighs per_micros, and each microsecond brings capacity.
    __slots__ = ("_capacity", "_full", "_level", "_per_micros", "_seen_micros")

    def __init__(self, capacity: int, per_seconds: int) -> None:
        """Start full. Raises ``ValueError`` for a negative capacity or a ``per_seconds`` below 1."""
        _check(capacity, per_seconds)
        self._capacity = capacity
        self._per_micros = per_seconds * _MICROS_PER_SECOND
        self._full = self._level = capacity * self._per_micros
        self._seen_micros: int | None = None

    def take(self, now_micros: int, n: int = 1) -> Decision:
        """Take ``n`` tokens if there are as many.

        Raises ``ValueError`` if ``n`` is below 1, or above the capacity: that request could never pass.
        """
        if n < 1 or n > self._capacity > 0:
            raise ValueError(f"can't take {n} tokens of a bucket of {self._capacity}")
        if not self._capacity:
            return _OFF
        self._refill(now_micros)
        missing = n * self._per_micros - self._level
        if missing <= 0:
            self._level = -missing
        return Decision(
            allowed=missing <= 0,
            limit=self._capacity,
            remaining=self._level // self._per_micros,
            reset_seconds=self._seconds_to_gain(self._full - self._level),
            retry_after_seconds=self._seconds_to_gain(missing) if missing > 0 else 0,
        )

    def overdraw(self, now_micros: int, n: int) -> bool:
        """Take ``n`` tokens, more than the capacity even, if as many are there or the bucket is full; whether they were
        taken. What is lacking is owed: it is brought before anything more can be taken."""
        self._refill(now_micros)
        if self._capacity and self._level < min(n * self._per_micros, self._full):
            return False
        self._level -= n * self._per_micros if self._capacity else 0
        return True

    def has(self, now_micros: int, n: int = 1) -> bool:
        """Whether ``n`` tokens are there; takes none."""
        self._refill(now_micros)
        return not self._capacity or self._level >= n * self._per_micros

    def _refill(self, now_micros: int) -> None:
        seen = self._seen_micros
        if seen is None or now_micros > seen:
            if seen is not None:
                self._level = min(self._full, self._level + (now_micros - seen) * self._capacity)
            self._seen_micros = now_micros

    def _seconds_to_gain(self, level: int) -> int:
        return -(-level // (self._capacity * _MICROS_PER_SECOND))


class Buckets:
    """One bucket per key (a project id), all alike, made when first asked for.

    A bucket not asked for ``per_seconds`` is full again, as a new one would be, and is forgotten. At ``max_keys`` the
    one asked for longest ago is forgotten too, which can only favour its caller. All calls share one clock.
    """

    __slots__ = ("_buckets", "_capacity", "_max_keys", "_per_micros", "_per_seconds")

    def __init__(self, capacity: int, per_seconds: int, max_keys: int = MAX_BUCKETS) -> None:
        """Raises ``ValueError`` for a negative capacity, or a ``per_seconds`` or ``max_keys`` below 1."""
        _check(capacity, per_seconds)
        if max_keys < 1:
            raise ValueError(f"max_keys is at least 1, not {max_keys}")
        self._capacity = capacity
        self._per_seconds = per_seconds
        self._per_micros = per_seconds * _MICROS_PER_SECOND
        self._max_keys = max_keys
        # Ordered by the moment of the last request, the oldest first; with it that moment.
        self._buckets: OrderedDict[str, tuple[int, TokenBucket]] = OrderedDict()

    def __len__(self) -> int:
        """How many buckets are kept."""
        return len(self._buckets)

    def take(self, key: str, now_micros: int, n: int = 1) -> Decision:
        """Take ``n`` tokens from the bucket of ``key``; as ``TokenBucket.take``."""
        if not self._capacity:
            return _OFF
        known = self._buckets.get(key)
        bucket = known[1] if known else TokenBucket(self._capacity, self._per_seconds)
        decision = bucket.take(now_micros, n)
        self._buckets[key] = (now_micros, bucket)
        self._buckets.move_to_end(key)
        self._forget(now_micros)
        return decision

    def _forget(self, now_micros: int) -> None:
        """Drop buckets from the old end: the full ones, and the one that is too many."""
        while True:
            asked_micros, _ = next(iter(self._buckets.values()))
            if now_micros - asked_micros < self._per_micros and len(self._buckets) <= self._max_keys:
                return
            self._buckets.popitem(last=False)


def _check(capacity: int, per_seconds: int) -> None:
    if capacity < 0 or per_seconds < 1:
        raise ValueError(f"a bucket of {capacity} per {per_seconds} s makes no sense")
