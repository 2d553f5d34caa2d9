"""The table: what a refusal is in SMPP (SMPP 3.4, 5.1.3). The page pages/smpp.md shows it."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from heliograph.core.errors import Fault, Refused
from heliograph.wire.smpp.pdu import Status


class Rejected(Exception):
    """A PDU that is answered with this status; the text is for the log."""

    def __init__(self, status: Status, reason: str) -> None:
        super().__init__(reason)
        self.status = status


STATUSES: Final[Mapping[Fault, Status]] = MappingProxyType(
    {
        Fault.TO_MISSING: Status.RINVDSTADR,
        Fault.TO_INVALID: Status.RINVDSTADR,
        Fault.TO_UNROUTABLE: Status.RINVDSTADR,
        Fault.TO_REGION: Status.RINVDSTADR,
        Fault.TO_OPTED_OUT: Status.RINVDSTADR,
        Fault.TO_NOT_MOBILE: Status.RINVDSTADR,
        Fault.SENDER_MISSING: Status.RINVSRCADR,
        Fault.FROM_INVALID: Status.RINVSRCADR,
        Fault.FROM_NOT_OWNED: Status.RINVSRCADR,
        Fault.FROM_INCAPABLE: Status.RINVSRCADR,
        Fault.FROM_NOT_ENABLED: Status.RINVSRCADR,
        Fault.CONTENT_MISSING: Status.RINVMSGLEN,
        Fault.BODY_TOO_LONG: Status.RINVMSGLEN,
        Fault.VALIDITY_INVALID: Status.RINVEXPIRY,
        Fault.BACKLOG_FULL: Status.RMSGQFUL,
        Fault.RATE_EXCEEDED: Status.RTHROTTLED,
    }
)

TEMPORARY: Final = frozenset({Fault.BACKLOG_FULL, Fault.RATE_EXCEEDED})
"""Refusals after which the same request may be taken."""


def status_of(refused: Refused) -> Status:
    """A request with several faults is told of the first. One without a status of its own is refused for good:
    RSUBMITFAIL would have many clients submit it again."""
    return STATUSES.get(refused.refusals[0].fault, Status.RX_P_APPN)
