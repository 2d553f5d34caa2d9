"""Failed logins of the last minute, counted by address, or by address and name."""

from collections import OrderedDict
from typing import Final

from heliograph.core.limits import TokenBucket
from heliograph.core.networks import counted_address
from heliograph.ports import Clock

FAILED_SECONDS: Final = 60
"""The time in which logins may fail so often as the limit says."""

REMEMBERED_MAX: Final = 10_000
"""Addresses and names whose failures are remembered; at the limit those that failed longest ago are forgotten."""


class FailedLogins:
    """`limit`: failures in FAILED_SECONDS; 0 is no limit. Of IPv6 a /64 counts as one address."""

    def __init__(self, clock: Clock, limit: int) -> None:
        self._clock = clock
        self._limit = limit
        self._failed: OrderedDict[tuple[str, str], TokenBucket] = OrderedDict()

    def is_over_limit(self, address: str, name: str = "") -> bool:
        bucket = self._failed.get((counted_address(address), name))
        return bucket is not None and not bucket.has(self._now())

    def count(self, address: str, name: str = "") -> None:
        if not self._limit:
            return
        key = (counted_address(address), name)
        bucket = self._failed.get(key)
        if bucket is None:
            bucket = self._failed[key] = TokenBucket(self._limit, FAILED_SECONDS)
        self._failed.move_to_end(key)
        bucket.take(self._now())
        if len(self._failed) > REMEMBERED_MAX:
            self._failed.popitem(last=False)

    def _now(self) -> int:
        return round(self._clock.monotonic() * 1e6)
