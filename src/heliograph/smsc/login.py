"""Judging a bind: the same answer whether the system_id, the password or the address is wrong.

The right password binds, however many wrong ones came before it, from the same address too. Wrong ones are counted by
credential and address; where many came, checks of further passwords come after all others (`password_checks.py`).
"""

from heliograph.core.directory import SmppCredential
from heliograph.core.networks import counted_address
from heliograph.engine import smpp_credentials
from heliograph.engine.directory import Directory
from heliograph.engine.failures import FailedLogins
from heliograph.ports import Clock
from heliograph.smsc.password_checks import Lane, PasswordChecks
from heliograph.smsc.settings import SmscSettings
from heliograph.smsc.statuses import Rejected
from heliograph.wire.smpp.pdu import Bind, Status


class Login:
    def __init__(self, directory: Directory, clock: Clock, settings: SmscSettings) -> None:
        self._directory = directory
        self._failed = FailedLogins(clock, settings.failed_binds)
        self._checks = PasswordChecks(settings.waiting_binds_max, lambda lane: self._failed.is_over_limit(*lane))

    async def check(self, bind: Bind, address: str) -> SmppCredential:
        """The credential as it is now; raises Rejected."""
        known = self._directory.smpp_credential(bind.system_id)
        stored = known.password_hash if known else smpp_credentials.NOBODY
        lane = self._lane(bind.system_id, address)
        is_right = await self._checks.is_right(stored, bind.system_id, bind.password, lane)
        now = self._directory.smpp_credential(bind.system_id)
        if known is None or now is None or now.password_hash != stored:  # it may have changed meanwhile
            now = None
        if now is None or not is_right or not smpp_credentials.is_allowed(now, address):
            self._failed.count(*lane)
            reason = "unknown system_id" if now is None else "address not allowed" if is_right else "wrong password"
            raise Rejected(Status.RBINDFAIL, reason)
        return now

    def has_failed_often(self, bind: Bind, address: str) -> bool:
        """Whether so many binds like this one failed in the last minute that one more is not worth a log line."""
        return self._failed.is_over_limit(*self._lane(bind.system_id, address))

    def _lane(self, system_id: str, address: str) -> Lane:
        is_known = self._directory.smpp_credential(system_id) is not None
        return Lane(counted_address(address), system_id if is_known else "")
