"""What a carrier's errors mean to us: command_status of answers, and the state and error of receipts.

Both tables are what the documentation shows. A submit that was refused is tried again (TEMPORARY, THROTTLED: after a
pause of the whole bind) or has failed (PERMANENT) with a code of core.errors.DELIVERY; a carrier's setting `statuses`
overrides it for one status. Statuses that the standard reserves or leaves to the SMSC's vendor count as PERMANENT.
"""

from collections.abc import Mapping
from enum import Enum
from typing import Final, NamedTuple

from heliograph.carrier_config import StatusRule
from heliograph.core.errors import Permanent, Temporary
from heliograph.wire.smpp.pdu import Status

BLOCKED: Final = 30004
UNKNOWN_HANDSET: Final = 30005
OUT_OF_REACH: Final = 30003
NO_ROUTE: Final = 30006
FILTERED: Final = 30007
UNEXPLAINED: Final = 30008
NO_MMS: Final = 30011
THROUGHPUT: Final = 30022
UNREACHABLE: Final = 63011


class Kind(Enum):
    TEMPORARY = "temporary"
    THROTTLED = "throttled"
    PERMANENT = "permanent"


class Verdict(NamedTuple):
    """code: the message's error_code when it fails with this, or when its validity ends with this as the last word."""

    kind: Kind
    code: int
    about: str


STATUSES: Final[Mapping[int, Verdict]] = {
    Status.RINVMSGLEN: Verdict(Kind.PERMANENT, UNEXPLAINED, "Message length is invalid"),
    Status.RINVCMDLEN: Verdict(Kind.PERMANENT, UNEXPLAINED, "Command length is invalid"),
    Status.RINVCMDID: Verdict(Kind.PERMANENT, UNEXPLAINED, "Invalid command id"),
    Status.RINVBNDSTS: Verdict(Kind.TEMPORARY, UNREACHABLE, "Incorrect bind status for the command"),
    Status.RALYBND: Verdict(Kind.TEMPORARY, UNREACHABLE, "Already bound"),
    Status.RINVPRTFLG: Verdict(Kind.PERMANENT, UNEXPLAINED, "Invalid priority flag"),
    Status.RINVREGDLVFLG: Verdict(Kind.PERMANENT, UNEXPLAINED, "Invalid registered_delivery flag"),
    Status.RSYSERR: Verdict(Kind.TEMPORARY, UNREACHABLE, "System error"),
    Status.RINVSRCADR: Verdict(Kind.PERMANENT, BLOCKED, "Invalid source address"),
    Status.RINVDSTADR: Verdict(Kind.PERMANENT, UNKNOWN_HANDSET, "Invalid destination address"),
    Status.RINVMSGID: Verdict(Kind.PERMANENT, UNEXPLAINED, "Message id is invalid"),
    Status.RBINDFAIL: Verdict(Kind.TEMPORARY, UNREACHABLE, "Bind failed"),
    Status.RINVPASWD: Verdict(Kind.TEMPORARY, UNREACHABLE, "Invalid password"),
    Status.RINVSYSID: Verdict(Kind.TEMPORARY, UNREACHABLE, "Invalid system_id"),
    Status.RCANCELFAIL: Verdict(Kind.PERMANENT, UNEXPLAINED, "cancel_sm failed"),
    Status.RREPLACEFAIL: Verdict(Kind.PERMANENT, UNEXPLAINED, "replace_sm failed"),
    Status.RMSGQFUL: Verdict(Kind.THROTTLED, THROUGHPUT, "Message queue full"),
    Status.RINVSERTYP: Verdict(Kind.PERMANENT, UNEXPLAINED, "Invalid service type"),
    Status.RINVNUMDESTS: Verdict(Kind.PERMANENT, UNEXPLAINED, "Invalid number of destinations"),
    Status.RINVDLNAME: Verdict(Kind.PERMANENT, UNEXPLAINED, "Invalid distribution list name"),
    Status.RINVDESTFLAG: Verdict(Kind.PERMANENT, UNEXPLAINED, "Destination flag is invalid"),
    Status.RINVSUBREP: Verdict(Kind.PERMANENT, UNEXPLAINED, "Invalid submit with replace request"),
    Status.RINVESMCLASS: Verdict(Kind.PERMANENT, UNEXPLAINED, "Invalid esm_class"),
    Status.RCNTSUBDL: Verdict(Kind.PERMANENT, UNEXPLAINED, "Cannot submit to distribution list"),
    Status.RSUBMITFAIL: Verdict(Kind.TEMPORARY, UNEXPLAINED, "submit_sm or submit_multi failed"),
    Status.RINVSRCTON: Verdict(Kind.PERMANENT, UNEXPLAINED, "Invalid source address type of number"),
    Status.RINVSRCNPI: Verdict(Kind.PERMANENT, UNEXPLAINED, "Invalid source address numbering plan"),
    Status.RINVDSTTON: Verdict(Kind.PERMANENT, UNEXPLAINED, "Invalid destination address type of number"),
    Status.RINVDSTNPI: Verdict(Kind.PERMANENT, UNEXPLAINED, "Invalid destination address numbering plan"),
    Status.RINVSYSTYP: Verdict(Kind.TEMPORARY, UNREACHABLE, "Invalid system_type"),
    Status.RINVREPFLAG: Verdict(Kind.PERMANENT, UNEXPLAINED, "Invalid replace_if_present flag"),
    Status.RINVNUMMSGS: Verdict(Kind.PERMANENT, UNEXPLAINED, "Invalid number of messages"),
    Status.RTHROTTLED: Verdict(Kind.THROTTLED, THROUGHPUT, "Throttled: more messages than allowed"),
    Status.RINVSCHED: Verdict(Kind.PERMANENT, UNEXPLAINED, "Invalid scheduled delivery time"),
    Status.RINVEXPIRY: Verdict(Kind.PERMANENT, UNEXPLAINED, "Invalid validity period"),
    Status.RINVDFTMSGID: Verdict(Kind.PERMANENT, UNEXPLAINED, "Predefined message is invalid or not found"),
    Status.RX_T_APPN: Verdict(Kind.TEMPORARY, UNEXPLAINED, "Receiver temporary application error"),
    Status.RX_P_APPN: Verdict(Kind.PERMANENT, UNEXPLAINED, "Receiver permanent application error"),
    Status.RX_R_APPN: Verdict(Kind.PERMANENT, FILTERED, "Receiver reject message"),
    Status.RQUERYFAIL: Verdict(Kind.PERMANENT, UNEXPLAINED, "query_sm failed"),
    Status.RINVOPTPARSTREAM: Verdict(Kind.PERMANENT, UNEXPLAINED, "Error in the optional part of the PDU"),
    Status.ROPTPARNOTALLWD: Verdict(Kind.PERMANENT, UNEXPLAINED, "Optional parameter not allowed"),
    Status.RINVPARLEN: Verdict(Kind.PERMANENT, UNEXPLAINED, "Invalid parameter length"),
    Status.RMISSINGOPTPARAM: Verdict(Kind.PERMANENT, UNEXPLAINED, "Expected optional parameter missing"),
    Status.RINVOPTPARAMVAL: Verdict(Kind.PERMANENT, UNEXPLAINED, "Invalid optional parameter value"),
    Status.RDELIVERYFAILURE: Verdict(Kind.PERMANENT, UNEXPLAINED, "Delivery failure"),
    Status.RUNKNOWNERR: Verdict(Kind.TEMPORARY, UNEXPLAINED, "Unknown error"),
}
"""command_status (SMPP 3.4, 5.1.3) of an answer to submit_sm."""

OTHER: Final = Verdict(Kind.PERMANENT, UNEXPLAINED, "a status that SMPP 3.4 does not define")

REFUSED_FOR_GOOD: Final = frozenset({Status.RINVPASWD, Status.RINVSYSID, Status.RINVSYSTYP})
"""Answers to a bind that only a change of settings cures: trying on quickly gets accounts locked."""

NETWORK_ERRORS: Final[Mapping[int, tuple[int, str]]] = {
    1: (UNKNOWN_HANDSET, "Unknown subscriber"),
    5: (UNKNOWN_HANDSET, "Unidentified subscriber"),
    6: (OUT_OF_REACH, "Absent subscriber for short messages"),
    9: (UNKNOWN_HANDSET, "Illegal subscriber"),
    11: (NO_ROUTE, "Short messages are not provisioned"),
    12: (UNKNOWN_HANDSET, "Illegal equipment"),
    13: (BLOCKED, "Call barred"),
    27: (OUT_OF_REACH, "Absent subscriber"),
    31: (OUT_OF_REACH, "Subscriber busy"),
}
"""The error of a receipt for a message that was not delivered: the codes of GSM's MAP (3GPP TS 29.002, 17.6.6), which
most carriers put into `err` and all that send network_error_code for GSM mean. Others tell no more than the state."""

STATES: Final[Mapping[str, tuple[int, str]]] = {
    "EXPIRED": (OUT_OF_REACH, "Its validity ended at the carrier"),
    "DELETED": (UNEXPLAINED, "It was deleted at the carrier"),
    "UNDELIVERABLE": (UNEXPLAINED, "It can't be delivered"),
    "REJECTED": (FILTERED, "The carrier rejected it"),
    "UNKNOWN": (UNEXPLAINED, "The carrier does not know what became of it"),
}
"""message_state (5.2.28) of a receipt, where NETWORK_ERRORS has nothing for its error."""


def judge(status: int, overrides: Mapping[int, StatusRule]) -> Verdict:
    """What a submit's status means at a carrier."""
    usual = STATUSES.get(status, OTHER)
    rule = overrides.get(status)
    return usual if rule is None else Verdict(Kind(rule.kind), rule.code or usual.code, usual.about)


def failure(status: int, verdict: Verdict, accepted: Mapping[int, str]) -> Temporary | Permanent:
    """The error that a submit ends in."""
    words = f"{name(status)}: {verdict.about}"
    if verdict.kind is Kind.PERMANENT:
        return Permanent(verdict.code, words, accepted=accepted)
    return Temporary(verdict.code, words, accepted=accepted)


def name(status: int) -> str:
    """A status in the standard's word, or as a number."""
    try:
        return f"ESME_{Status(status).name}"
    except ValueError:
        return f"status {status:#010x}"


def receipt_code(state: str, error: str | None) -> int:
    """The error_code of a message that a receipt calls undelivered; state: a name of message_state."""
    if error is not None and error.strip().isdecimal():
        known = NETWORK_ERRORS.get(int(error))
        if known is not None:
            return known[0]
    return STATES.get(state, STATES["UNKNOWN"])[0]
