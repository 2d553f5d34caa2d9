"""Addresses from which logins failed: one that failed too often is put off for a while."""

import ipaddress
from collections import OrderedDict
from typing import Final

from heliograph.core.limits import TokenBucket
from heliograph.ports import Clock

FAILED_SECONDS: Final = 60
"""The time in which an address may fail so often as the limit says."""

IPV6_PREFIX: Final = 64
"""What one peer has of IPv6: failures are counted for all of it, or each could be from an address of its own."""

ADDRESSES_MAX: Final = 10_000
"""Addresses whose failures are remembered; at the limit the one that failed longest ago is forgotten."""


class FailedLogins:
    """`limit`: failures of one address in FAILED_SECONDS; 0 is no limit."""

    def __init__(self, clock: Clock, limit: int) -> None:
        self._clock = clock
        self._limit = limit
        self._failed: OrderedDict[str, TokenBucket] = OrderedDict()

    def is_put_off(self, address: str) -> bool:
        bucket = self._failed.get(_peer_of(address))
        return bucket is not None and not bucket.has(self._now())

    def count(self, address: str) -> None:
        if not self._limit:
            return
        peer = _peer_of(address)
        bucket = self._failed.get(peer)
        if bucket is None:
            bucket = self._failed[peer] = TokenBucket(self._limit, FAILED_SECONDS)
        self._failed.move_to_end(peer)
        bucket.take(self._now())
        if len(self._failed) > ADDRESSES_MAX:
            self._failed.popitem(last=False)

    def _now(self) -> int:
        return round(self._clock.monotonic() * 1e6)


def _peer_of(address: str) -> str:
    """Whom an address is counted as."""
    try:
        peer = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(peer, ipaddress.IPv4Address):
        return address
    if peer.ipv4_mapped is not None:
        return str(peer.ipv4_mapped)
    return str(ipaddress.ip_network((peer, IPV6_PREFIX), strict=False))
