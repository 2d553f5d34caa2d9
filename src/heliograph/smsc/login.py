"""Judging a bind: the same answer, after the same work, whether the system_id, the password or the address is wrong.

An address whose binds failed too often is put off for a while without a look at its password, so that eight characters
can't be found by trying. Hashes are computed in threads, few at a time: a flood of binds leaves the server its cores,
and what of it waits for a thread is put off as soon as enough of it has failed.
"""

import asyncio
from typing import Final

from heliograph.core.directory import SmppCredential
from heliograph.engine import slow_hashes, smpp_credentials
from heliograph.engine.directory import Directory
from heliograph.engine.failures import FailedLogins
from heliograph.ports import Clock
from heliograph.smsc.settings import SmscSettings
from heliograph.smsc.statuses import Rejected
from heliograph.wire.smpp.pdu import Bind, Status

HASHES_AT_ONCE: Final = 2
"""Each takes 16 MiB and 50 ms of a core."""


class Login:
    def __init__(self, directory: Directory, clock: Clock, settings: SmscSettings) -> None:
        self._directory = directory
        self._hashing = asyncio.Semaphore(HASHES_AT_ONCE)
        self._failed = FailedLogins(clock, settings.failed_binds)

    async def check(self, bind: Bind, address: str) -> SmppCredential:
        """The credential as it is now; raises Rejected."""
        self._refuse_put_off(address)
        async with self._hashing:
            self._refuse_put_off(address)  # others of its flood have failed while it waited
            known = self._directory.smpp_credential(bind.system_id)
            stored = known.password_hash if known else smpp_credentials.NOBODY
            right = await asyncio.to_thread(slow_hashes.matches, stored, bind.password)
        now = self._directory.smpp_credential(bind.system_id)
        if known is None or now is None or now.password_hash != stored:  # it may have changed meanwhile
            now = None
        if now is None or not right or not smpp_credentials.is_allowed(now, address):
            self._failed.count(address)
            reason = "unknown system_id" if now is None else "address not allowed" if right else "wrong password"
            raise Rejected(Status.RBINDFAIL, reason)
        return now

    def _refuse_put_off(self, address: str) -> None:
        if self._failed.is_put_off(address):
            raise Rejected(Status.RTHROTTLED, "too many binds from this address failed")
