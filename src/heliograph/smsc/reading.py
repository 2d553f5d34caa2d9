"""What a submit asks for, in the engine's words; what can't be done is refused before anything is kept."""

from collections.abc import Mapping
from typing import Final

from msgspec import Struct

from heliograph.core.directory import SmppCredential
from heliograph.core.message import SmppOptions
from heliograph.engine.accept import BODY_MAX, VALIDITY_MAX_SECONDS
from heliograph.smsc import addresses, texts
from heliograph.smsc.statuses import Rejected
from heliograph.wire.smpp import text, times
from heliograph.wire.smpp.pdu import DataSm, Status, SubmitMulti, SubmitSm, Tag
from heliograph.wire.smpp.text import Alphabet, Incoming

Submit = SubmitSm | DataSm | SubmitMulti

MODE: Final = 0b11
TRANSACTION_MODE: Final = 0b10
"""esm_class: the answer is to say that it was delivered, which is not known then (SMPP 3.4, 5.2.12)."""
MESSAGE_TYPES: Final = frozenset({0x00, 0x08, 0x10})
"""What an ESME may send (SMPP 3.4, 5.2.12): a message, a delivery acknowledgement, a user acknowledgement. SMS has no
such acknowledgements, so to the handset each is a message."""
MESSAGE_TYPE: Final = 0b00111100
PRIORITY_MAX: Final = 3
RECEIPT_RESERVED: Final = 0b11
"""registered_delivery: SMPP 3.4, 5.2.17."""
TLV_HEADER_OCTETS: Final = 4
SERVICE_TYPE_MAX: Final = 5
"""Characters (SMPP 3.4, 5.2.11); a longer one could be passed on to nobody."""
PAYLOAD_MAX_OCTETS: Final = 4 * BODY_MAX + 256
"""A text of BODY_MAX characters, each a surrogate pair of UCS-2, and a user data header."""
PART_MAX_OCTETS: Final = 254
"""Of a part of a long message, as many as short_message has room for: phones take 140. Parts wait in memory."""

_READ_HERE: Final = frozenset(
    {
        Tag.MESSAGE_PAYLOAD,
        Tag.SAR_MSG_REF_NUM,
        Tag.SAR_TOTAL_SEGMENTS,
        Tag.SAR_SEGMENT_SEQNUM,
        Tag.QOS_TIME_TO_LIVE,
        Tag.MORE_MESSAGES_TO_SEND,
    }
)
"""What they say is said otherwise to a carrier, or of no use to one."""
_REFUSED_ELEMENTS: Final = frozenset({0x04, 0x05, 0x09})
"""Information elements without which the text would be another (3GPP TS 23.040, 9.2.3.24): it is for a program of the
phone (ports, WCMP). National language tables (0x24, 0x25) are read. Every other element that is not understood is
skipped, as the standard says."""


class Order(Struct, frozen=True, kw_only=True):
    """A submit, less its destinations. `from_number` is for the engine to judge. expires_at: in microseconds, None
    where the customer did not say."""

    from_number: str
    incoming: Incoming
    expires_at: int | None
    options: SmppOptions


def read(pdu: Submit, credential: SmppCredential, now: int, tlvs_bytes: int) -> Order:
    """Raises Rejected. tlvs_bytes: optional parameters that are kept, their tags and lengths included."""
    if isinstance(pdu, SubmitSm | SubmitMulti):
        _check_fields(pdu)
    if len(pdu.service_type) > SERVICE_TYPE_MAX:
        raise Rejected(Status.RINVSERTYP, "service_type is too long")
    _check_class(pdu)
    return Order(
        from_number=addresses.number_of(pdu.source_addr_ton, pdu.source_addr),
        incoming=_text(pdu, credential),
        expires_at=_expiry(pdu, now),
        options=_options(pdu, tlvs_bytes),
    )


def _check_fields(pdu: SubmitSm | SubmitMulti) -> None:
    if pdu.schedule_delivery_time:
        raise Rejected(Status.RINVSCHED, "scheduled delivery is not done")
    if pdu.replace_if_present_flag:
        raise Rejected(Status.RINVREPFLAG, "replacing is not done")
    if pdu.sm_default_msg_id:
        raise Rejected(Status.RINVDFTMSGID, "there are no canned messages")
    if pdu.priority_flag > PRIORITY_MAX:
        raise Rejected(Status.RINVPRTFLG, f"priority_flag {pdu.priority_flag}")
    if pdu.short_message and Tag.MESSAGE_PAYLOAD in pdu.tlvs:
        raise Rejected(Status.ROPTPARNOTALLWD, "short_message and message_payload")


def _check_class(pdu: Submit) -> None:
    if pdu.esm_class & MODE == TRANSACTION_MODE or pdu.esm_class & MESSAGE_TYPE not in MESSAGE_TYPES:
        raise Rejected(Status.RINVESMCLASS, f"esm_class {pdu.esm_class:#04x}")
    if pdu.registered_delivery & RECEIPT_RESERVED == RECEIPT_RESERVED:
        raise Rejected(Status.RINVREGDLVFLG, f"registered_delivery {pdu.registered_delivery:#04x}")


def _text(pdu: Submit, credential: SmppCredential) -> Incoming:
    if len(_payload(pdu)) > PAYLOAD_MAX_OCTETS:  # before it is decoded
        raise Rejected(Status.RINVMSGLEN, f"a text of {len(_payload(pdu))} octets")
    incoming = text.read(pdu, Alphabet(credential.alphabet))
    if incoming.alphabet is Alphabet.BINARY:
        raise Rejected(Status.RX_P_APPN, f"data_coding {pdu.data_coding:#04x} is not text")
    if pdu.esm_class & text.UDHI:
        _check_header(pdu, incoming)
    if incoming.concat is not None and len(incoming.data) > PART_MAX_OCTETS:
        raise Rejected(Status.RINVMSGLEN, f"a part of {len(incoming.data)} octets")
    if incoming.concat is not None and isinstance(pdu, SubmitMulti):
        raise Rejected(Status.RINVESMCLASS, "a part of a long message to several destinations")
    texts.check(incoming)
    return incoming


def _payload(pdu: Submit) -> bytes:
    return pdu.tlvs.get(Tag.MESSAGE_PAYLOAD) or (b"" if isinstance(pdu, DataSm) else pdu.short_message)


def _check_header(pdu: Submit, incoming: Incoming) -> None:
    octets = _payload(pdu)
    if not octets or octets[0] >= len(octets):
        raise Rejected(Status.RINVESMCLASS, "a user data header that exceeds its message")
    refused = [identifier for identifier, _ in incoming.elements if identifier in _REFUSED_ELEMENTS]
    if refused:
        raise Rejected(Status.RINVESMCLASS, f"the user data element {refused[0]:#04x}")


def _expiry(pdu: Submit, now: int) -> int | None:
    """A validity that is longer than ours is cut to it, as SMSCs do."""
    if isinstance(pdu, DataSm):
        seconds = int.from_bytes(pdu.tlvs.get(Tag.QOS_TIME_TO_LIVE, b""), "big")
        expires_at = now + seconds * 1_000_000 if seconds else None
    elif pdu.validity_period:
        try:
            expires_at = times.parse(pdu.validity_period, now)
        except ValueError as error:
            raise Rejected(Status.RINVEXPIRY, str(error)) from error
    else:
        return None
    if expires_at is not None and expires_at < now + 1_000_000:
        raise Rejected(Status.RINVEXPIRY, "the validity is over")
    return expires_at and min(expires_at, now + VALIDITY_MAX_SECONDS * 1_000_000)


def _options(pdu: Submit, tlvs_bytes: int) -> SmppOptions:
    priority = protocol_id = 0
    if not isinstance(pdu, DataSm):
        priority, protocol_id = pdu.priority_flag, pdu.protocol_id
    return SmppOptions(
        service_type=pdu.service_type or None,
        priority=priority or None,
        protocol_id=protocol_id or None,
        tlvs=_passed_on(pdu.tlvs, tlvs_bytes),
        registered_delivery=pdu.registered_delivery,
    )


def _passed_on(tlvs: Mapping[int, bytes], most: int) -> dict[int, bytes]:
    passed = {tag: value for tag, value in tlvs.items() if tag not in _READ_HERE}
    if sum(TLV_HEADER_OCTETS + len(value) for value in passed.values()) > most:
        raise Rejected(Status.RINVPARLEN, f"more than {most} octets of optional parameters")
    return passed
