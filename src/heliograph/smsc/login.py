"""Judging a bind: the same answer, after the same work, whether the system_id, the password or the address is wrong.

An address whose binds failed too often is put off for a while without a look at its password, so that eight characters
can't be found by trying. Hashes are computed in threads, few at a time: a flood of binds leaves the server its cores,
and what of it waits for a thread is put off as soon as enough of it has failed.
"""

import asyncio
import ipaddress
from collections import OrderedDict
from typing import Final

from heliograph.core.directory import SmppCredential
from heliograph.core.limits import TokenBucket
from heliograph.engine import smpp_credentials
from heliograph.engine.directory import Directory
from heliograph.ports import Clock
from heliograph.smsc.settings import SmscSettings
from heliograph.smsc.statuses import Rejected
from heliograph.wire.smpp.pdu import Bind, Status

HASHES_AT_ONCE: Final = 2
"""Each takes 16 MiB and 50 ms of a core."""

FAILED_SECONDS: Final = 60
"""The time in which an address may fail so often as the setting says."""

IPV6_PREFIX: Final = 64
"""What one customer has of IPv6: failures are counted for all of it, or each could be from an address of its own."""

ADDRESSES_MAX: Final = 10_000
"""Addresses whose failures are remembered; at the limit the one that failed longest ago is forgotten."""


class Login:
    def __init__(self, directory: Directory, clock: Clock, settings: SmscSettings) -> None:
        self._directory = directory
        self._clock = clock
        self._settings = settings
        self._hashing = asyncio.Semaphore(HASHES_AT_ONCE)
        self._failed: OrderedDict[str, TokenBucket] = OrderedDict()

    async def check(self, bind: Bind, address: str) -> SmppCredential:
        """The credential as it is now; raises Rejected."""
        peer = _counted_as(address)
        self._refuse_put_off(peer)
        async with self._hashing:
            self._refuse_put_off(peer)  # others of its flood have failed while it waited
            known = self._directory.smpp_credential(bind.system_id)
            stored = known.password_hash if known else smpp_credentials.NOBODY
            right = await asyncio.to_thread(smpp_credentials.matches, stored, bind.password)
        now = self._directory.smpp_credential(bind.system_id)
        if known is None or now is None or now.password_hash != stored:  # it may have changed meanwhile
            now = None
        if now is None or not right or not smpp_credentials.is_allowed(now, address):
            self._fail(peer)
            reason = "unknown system_id" if now is None else "address not allowed" if right else "wrong password"
            raise Rejected(Status.RBINDFAIL, reason)
        return now

    def _refuse_put_off(self, peer: str) -> None:
        bucket = self._failed.get(peer)
        if bucket is not None and not bucket.has(round(self._clock.monotonic() * 1e6)):
            raise Rejected(Status.RTHROTTLED, "too many binds from this address failed")

    def _fail(self, peer: str) -> None:
        if not self._settings.failed_binds:
            return
        bucket = self._failed.get(peer)
        if bucket is None:
            bucket = TokenBucket(self._settings.failed_binds, FAILED_SECONDS)
            self._failed[peer] = bucket
        self._failed.move_to_end(peer)
        bucket.take(round(self._clock.monotonic() * 1e6))
        if len(self._failed) > ADDRESSES_MAX:
            self._failed.popitem(last=False)


def _counted_as(address: str) -> str:
    """The peer that an address is of."""
    try:
        peer = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(peer, ipaddress.IPv4Address):
        return address
    if peer.ipv4_mapped is not None:
        return str(peer.ipv4_mapped)
    return str(ipaddress.ip_network((peer, IPV6_PREFIX), strict=False))
