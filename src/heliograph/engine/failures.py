"""Addresses from which logins failed: one that failed too often is put off for a while."""

from collections import OrderedDict
from typing import Final

from heliograph.core.limits import TokenBucket
from heliograph.ports import Clock

FAILED_SECONDS: Final = 60
"""The time in which an address may fail so often as the limit says."""

ADDRESSES_MAX: Final = 10_000
"""Addresses whose failures are remembered; at the limit the one that failed longest ago is forgotten."""


class FailedLogins:
    """`limit`: failures of one address in FAILED_SECONDS; 0 is no limit."""

    def __init__(self, clock: Clock, limit: int) -> None:
        self._clock = clock
        self._limit = limit
        self._failed: OrderedDict[str, TokenBucket] = OrderedDict()

    def is_put_off(self, address: str) -> bool:
        bucket = self._failed.get(address)
        return bucket is not None and not bucket.has(self._now())

    def count(self, address: str) -> None:
        if not self._limit:
            return
        bucket = self._failed.get(address)
        if bucket is None:
            bucket = self._failed[address] = TokenBucket(self._limit, FAILED_SECONDS)
        self._failed.move_to_end(address)
        bucket.take(self._now())
        if len(self._failed) > ADDRESSES_MAX:
            self._failed.popitem(last=False)

    def _now(self) -> int:
        return round(self._clock.monotonic() * 1e6)
