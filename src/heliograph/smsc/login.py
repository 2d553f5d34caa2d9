"""Judging a bind: the same answer, after the same work, whether the system_id, the password or the address is wrong.

An address whose binds failed too often is put off for a while without a look at its password, so that eight characters
can't be found by trying. Hashes are computed in threads, few at a time: a flood of binds leaves the server its cores.
"""

import asyncio
from collections import OrderedDict
from typing import Final

from heliograph.core.directory import SmppCredential
from heliograph.core.limits import TokenBucket
from heliograph.engine import slow_hashes, smpp_credentials
from heliograph.engine.directory import Directory
from heliograph.ports import Clock
from heliograph.smsc.settings import SmscSettings
from heliograph.smsc.statuses import Rejected
from heliograph.wire.smpp.pdu import Bind, Status

HASHES_AT_ONCE: Final = 2
"""Each takes 16 MiB and 50 ms of a core."""

FAILED_SECONDS: Final = 60
"""The time in which an address may fail so often as the setting says."""

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
        """The credential; raises Rejected."""
        if self._is_put_off(address):
            raise Rejected(Status.RTHROTTLED, "too many binds from this address failed")
        known = self._directory.smpp_credential(bind.system_id)
        stored = known.password_hash if known else smpp_credentials.NOBODY
        async with self._hashing:
            right = await asyncio.to_thread(slow_hashes.matches, stored, bind.password)
        if known is None or not right or not smpp_credentials.is_allowed(known, address):
            self._fail(address)
            reason = "unknown system_id" if known is None else "address not allowed" if right else "wrong password"
            raise Rejected(Status.RBINDFAIL, reason)
        return known

    def _is_put_off(self, address: str) -> bool:
        bucket = self._failed.get(address)
        if bucket is None or not self._settings.failed_binds:
            return False
        return not bucket.has(round(self._clock.monotonic() * 1e6))

    def _fail(self, address: str) -> None:
        if not self._settings.failed_binds:
            return
        bucket = self._failed.get(address)
        if bucket is None:
            bucket = TokenBucket(self._settings.failed_binds, FAILED_SECONDS)
            self._failed[address] = bucket
        self._failed.move_to_end(address)
        bucket.take(round(self._clock.monotonic() * 1e6))
        if len(self._failed) > ADDRESSES_MAX:
            self._failed.popitem(last=False)
