"""Every PDU of SMPP 3.4 (issue 1.2) as a value, a frame for every value, and frames out of a stream.

The classes are the table: each field's annotation says how it lies in the body, in the order of the standard's own
tables (4.1 to 4.12). Encoder and decoder of each PDU are compiled from its class when this module is imported.

What is strict and what is not:

- Encoding refuses, with ValueError, what the standard has no room for, but for the texts that an SMSC hands out:
  system_id, password, system_type and service_type. Those may have up to MAX_STRING_OCTETS.
- Decoding raises ProtocolError only, whatever the bytes. It takes C-octet strings longer than the standard's maximum,
  up to MAX_STRING_OCTETS, because peers send them (message ids above all), and any value of an integer.
- `decode` reads a frame that is correct to the last octet. `decode_tolerantly` reads what `decode` rejects, as far as
  its end alone is damaged, and says what the damage is:
  - Octets behind the mandatory fields that are not a whole TLV are cut off. A TLV has at least four octets (3.2.4.1),
    and a receiver ignores optional parameters that it can't use (3.3.1). A message_payload that is cut short is an
    error where it is the message's only text.
  - The last string may lack its NUL. A request may end at its class's `may_end_before`.
  - A response never fails: its command_status holds whatever its body is like. Fields that can't be read have their
    defaults.
- A response may come without its body, whatever its status, and is then read as its defaults: 4.4.2 says so for
  errors, and a `submit_sm_resp` that says "accepted" is better believed without an id than submitted again.
- Optional parameters (TLVs, 5.3) are kept as they came, known or not; of a tag that comes twice the last is kept.

C-octet strings are `str` in Latin-1, so that any octet survives both ways; octet strings are `bytes`.
"""

import struct
from collections.abc import Callable, Iterator
from enum import IntEnum
from typing import Annotated, Any, ClassVar, Final, NamedTuple, cast, get_type_hints

import msgspec

HEADER_OCTETS: Final = 16
LENGTH_OCTETS: Final = 4
"""command_length, with which a PDU begins (3.2)."""
"""command_length, command_id, command_status, sequence_number: four octets each (3.2)."""
MAX_PDU_OCTETS: Final = 70_000
"""The longest frame taken: a message_payload of 64 KiB (5.3.2.32) and room for everything beside it."""
MAX_STRING_OCTETS: Final = 256
"""The longest C-octet string taken, with its NUL. The standard's longest is 65."""
MAX_SHORT_MESSAGE_OCTETS: Final = 254
"""5.2.21: more goes into message_payload."""
MAX_DESTINATIONS: Final = 254
"""5.2.24."""
RESPONSE_BIT: Final = 0x80000000


class Command(IntEnum):
    """command_id (5.1.2.1)."""

    GENERIC_NACK = 0x80000000
    BIND_RECEIVER = 0x00000001
    BIND_RECEIVER_RESP = 0x80000001
    BIND_TRANSMITTER = 0x00000002
    BIND_TRANSMITTER_RESP = 0x80000002
    QUERY_SM = 0x00000003
    QUERY_SM_RESP = 0x80000003
    SUBMIT_SM = 0x00000004
    SUBMIT_SM_RESP = 0x80000004
    DELIVER_SM = 0x00000005
    DELIVER_SM_RESP = 0x80000005
    UNBIND = 0x00000006
    UNBIND_RESP = 0x80000006
    REPLACE_SM = 0x00000007
    REPLACE_SM_RESP = 0x80000007
    CANCEL_SM = 0x00000008
    CANCEL_SM_RESP = 0x80000008
    BIND_TRANSCEIVER = 0x00000009
    BIND_TRANSCEIVER_RESP = 0x80000009
    OUTBIND = 0x0000000B
    ENQUIRE_LINK = 0x00000015
    ENQUIRE_LINK_RESP = 0x80000015
    SUBMIT_MULTI = 0x00000021
    SUBMIT_MULTI_RESP = 0x80000021
    ALERT_NOTIFICATION = 0x00000102
    DATA_SM = 0x00000103
    DATA_SM_RESP = 0x80000103


class Status(IntEnum):
    """command_status (5.1.3), each name without its `ESME_`."""

    ROK = 0x00000000
    RINVMSGLEN = 0x00000001
    RINVCMDLEN = 0x00000002
    RINVCMDID = 0x00000003
    RINVBNDSTS = 0x00000004
    RALYBND = 0x00000005
    RINVPRTFLG = 0x00000006
    RINVREGDLVFLG = 0x00000007
    RSYSERR = 0x00000008
    RINVSRCADR = 0x0000000A
    RINVDSTADR = 0x0000000B
    RINVMSGID = 0x0000000C
    RBINDFAIL = 0x0000000D
    RINVPASWD = 0x0000000E
    RINVSYSID = 0x0000000F
    RCANCELFAIL = 0x00000011
    RREPLACEFAIL = 0x00000013
    RMSGQFUL = 0x00000014
    RINVSERTYP = 0x00000015
    RINVNUMDESTS = 0x00000033
    RINVDLNAME = 0x00000034
    RINVDESTFLAG = 0x00000040
    RINVSUBREP = 0x00000042
    RINVESMCLASS = 0x00000043
    RCNTSUBDL = 0x00000044
    RSUBMITFAIL = 0x00000045
    RINVSRCTON = 0x00000048
    RINVSRCNPI = 0x00000049
    RINVDSTTON = 0x00000050
    RINVDSTNPI = 0x00000051
    RINVSYSTYP = 0x00000053
    RINVREPFLAG = 0x00000054
    RINVNUMMSGS = 0x00000055
    RTHROTTLED = 0x00000058
    RINVSCHED = 0x00000061
    RINVEXPIRY = 0x00000062
    RINVDFTMSGID = 0x00000063
    RX_T_APPN = 0x00000064
    RX_P_APPN = 0x00000065
    RX_R_APPN = 0x00000066
    RQUERYFAIL = 0x00000067
    RINVOPTPARSTREAM = 0x000000C0
    ROPTPARNOTALLWD = 0x000000C1
    RINVPARLEN = 0x000000C2
    RMISSINGOPTPARAM = 0x000000C3
    RINVOPTPARAMVAL = 0x000000C4
    RDELIVERYFAILURE = 0x000000FE
    RUNKNOWNERR = 0x000000FF


class Tag(IntEnum):
    """Optional parameter tags (5.3.2)."""

    DEST_ADDR_SUBUNIT = 0x0005
    DEST_NETWORK_TYPE = 0x0006
    DEST_BEARER_TYPE = 0x0007
    DEST_TELEMATICS_ID = 0x0008
    SOURCE_ADDR_SUBUNIT = 0x000D
    SOURCE_NETWORK_TYPE = 0x000E
    SOURCE_BEARER_TYPE = 0x000F
    SOURCE_TELEMATICS_ID = 0x0010
    QOS_TIME_TO_LIVE = 0x0017
    PAYLOAD_TYPE = 0x0019
    ADDITIONAL_STATUS_INFO_TEXT = 0x001D
    RECEIPTED_MESSAGE_ID = 0x001E
    MS_MSG_WAIT_FACILITIES = 0x0030
    PRIVACY_INDICATOR = 0x0201
    SOURCE_SUBADDRESS = 0x0202
    DEST_SUBADDRESS = 0x0203
    USER_MESSAGE_REFERENCE = 0x0204
    USER_RESPONSE_CODE = 0x0205
    SOURCE_PORT = 0x020A
    DESTINATION_PORT = 0x020B
    SAR_MSG_REF_NUM = 0x020C
    LANGUAGE_INDICATOR = 0x020D
    SAR_TOTAL_SEGMENTS = 0x020E
    SAR_SEGMENT_SEQNUM = 0x020F
    SC_INTERFACE_VERSION = 0x0210
    CALLBACK_NUM_PRES_IND = 0x0302
    CALLBACK_NUM_ATAG = 0x0303
    NUMBER_OF_MESSAGES = 0x0304
    CALLBACK_NUM = 0x0381
    DPF_RESULT = 0x0420
    SET_DPF = 0x0421
    MS_AVAILABILITY_STATUS = 0x0422
    NETWORK_ERROR_CODE = 0x0423
    MESSAGE_PAYLOAD = 0x0424
    DELIVERY_FAILURE_REASON = 0x0425
    MORE_MESSAGES_TO_SEND = 0x0426
    MESSAGE_STATE = 0x0427
    USSD_SERVICE_OP = 0x0501
    DISPLAY_TIME = 0x1201
    SMS_SIGNAL = 0x1203
    MS_VALIDITY = 0x1204
    ALERT_ON_MESSAGE_DELIVERY = 0x130C
    ITS_REPLY_TYPE = 0x1380
    ITS_SESSION_INFO = 0x1383


class ProtocolError(Exception):
    """What came is not SMPP 3.4; `status`, `command` and `sequence` are what an answer to it should carry.

    `command` and `sequence` are 0 where too little came to know them.
    """

    def __init__(self, reason: str, status: Status, command: int = 0, sequence: int = 0) -> None:
        super().__init__(reason)
        self.status = status
        self.command = command
        self.sequence = sequence


class FramingError(ProtocolError):
    """The stream can't be followed any further; `frames` are those that came whole before that."""

    frames: tuple[bytes, ...] = ()


class _String(NamedTuple):
    max_octets: int
    """The standard's maximum, with the NUL."""


class _Integer(NamedTuple):
    octets: int


class _Counted(NamedTuple):
    """An octet with how many follow, then those: `write(value)` gives them, `read(frame, at)` the value and its end."""

    write: Callable[[Any], bytes]
    read: Callable[[bytes, int], tuple[Any, int]]


class _Optional(NamedTuple):
    """The TLVs that end the body."""


class Address(NamedTuple):
    """An SME address among the destinations of submit_multi (4.5.1.1)."""

    dest_addr_ton: int
    dest_addr_npi: int
    destination_addr: str


class UnsuccessSme(NamedTuple):
    """A destination to which submit_multi could not be sent, and why (4.5.2.1)."""

    dest_addr_ton: int
    dest_addr_npi: int
    destination_addr: str
    error_status_code: int


_ADDRESS_OCTETS: Final = 21
_LIST_NAME_OCTETS: Final = 21
_SME_ADDRESS: Final = 1
_DISTRIBUTION_LIST: Final = 2


def _write_short_message(message: bytes) -> bytes:
    size = len(message)
    if size > MAX_SHORT_MESSAGE_OCTETS:
        raise ValueError(f"short_message has {size} octets; SMPP has room for {MAX_SHORT_MESSAGE_OCTETS}")
    return _OCTETS[size] + message


def _read_short_message(frame: bytes, at: int) -> tuple[bytes, int]:
    start = at + 1
    end = start + frame[at]
    if end > len(frame):
        raise _Malformed("sm_length exceeds the PDU", Status.RINVMSGLEN)
    return frame[start:end], end


def _write_destinations(destinations: tuple[Address | str, ...]) -> bytes:
    pieces = [_count(len(destinations), "dest_address")]
    for destination in destinations:
        if isinstance(destination, str):
            pieces += bytes((_DISTRIBUTION_LIST,)), _c_octets(destination, _LIST_NAME_OCTETS, "dl_name")
        else:
            ton, npi, number = destination
            pieces += bytes((_SME_ADDRESS, ton, npi)), _c_octets(number, _ADDRESS_OCTETS, "destination_addr")
    return b"".join(pieces)


def _read_destinations(frame: bytes, at: int) -> tuple[tuple[Address | str, ...], int]:
    destinations: list[Address | str] = []
    count, at = frame[at], at + 1
    for _ in range(count):
        match frame[at]:
            case 1:  # _SME_ADDRESS
                ton, npi = frame[at + 1], frame[at + 2]
                number, at = _c_string(frame, at + 3)
                destinations.append(Address(ton, npi, number))
            case 2:  # _DISTRIBUTION_LIST
                name, at = _c_string(frame, at + 1)
                destinations.append(name)
            case flag:
                raise _Malformed(f"dest_flag {flag}", Status.RINVDESTFLAG)
    return tuple(destinations), at


def _write_unsuccessful(unsuccessful: tuple[UnsuccessSme, ...]) -> bytes:
    pieces = [_count(len(unsuccessful), "unsuccess_sme")]
    for ton, npi, number, status in unsuccessful:
        pieces += bytes((ton, npi)), _c_octets(number, _ADDRESS_OCTETS, "destination_addr"), _int4.pack(status)
    return b"".join(pieces)


def _read_unsuccessful(frame: bytes, at: int) -> tuple[tuple[UnsuccessSme, ...], int]:
    unsuccessful = []
    count, at = frame[at], at + 1
    for _ in range(count):
        ton, npi = frame[at], frame[at + 1]
        number, at = _c_string(frame, at + 2)
        unsuccessful.append(UnsuccessSme(ton, npi, number, _int4.unpack_from(frame, at)[0]))
        at += 4
    return tuple(unsuccessful), at


def _count(count: int, name: str) -> bytes:
    if count > MAX_DESTINATIONS:
        raise ValueError(f"{name} has {count} entries; SMPP has room for {MAX_DESTINATIONS}")
    return _OCTETS[count]


def _c_octets(text: str, max_octets: int, name: str) -> bytes:
    if len(text) >= max_octets or "\0" in text:
        raise _no_room(name, text, max_octets)
    return text.encode("latin-1") + b"\0"


def _c_string(frame: bytes, at: int) -> tuple[str, int]:
    end = frame.index(0, at, at + MAX_STRING_OCTETS)
    return frame[at:end].decode("latin-1"), end + 1


def _no_room(name: str, text: str, max_octets: int) -> ValueError:
    if "\0" in text:
        return ValueError(f"{name} has a NUL within")
    return ValueError(f"{name} has {len(text)} octets; SMPP has room for {max_octets - 1}")


_header: Final = struct.Struct(">IIII")
_int4: Final = struct.Struct(">I")
_tlv: Final = struct.Struct(">HH")
_OCTETS: Final = tuple(bytes((octet,)) for octet in range(256))

Agreed = Annotated[str, _String(MAX_STRING_OCTETS)]
"""The standard's maxima are 16 for system_id, 9 for password, 13 for system_type and 6 for service_type."""
String17 = Annotated[str, _String(17)]
String21 = Annotated[str, _String(21)]
String41 = Annotated[str, _String(41)]
String65 = Annotated[str, _String(65)]
Octet = Annotated[int, _Integer(1)]
ShortMessage = Annotated[bytes, _Counted(_write_short_message, _read_short_message)]
Destinations = Annotated[tuple[Address | str, ...], _Counted(_write_destinations, _read_destinations)]
Unsuccessful = Annotated[tuple[UnsuccessSme, ...], _Counted(_write_unsuccessful, _read_unsuccessful)]
Tlvs = Annotated[dict[int, bytes], _Optional()]


class Pdu(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What every PDU is; none refers to another, so the collector need not look at them."""

    command: ClassVar[Command]
    bare_on_error: ClassVar[bool] = False
    """The body is left out where the status is an error."""
    may_end_before: ClassVar[str | None] = None
    """The first of the last fields that peers leave out; None: a request needs all of them."""


class GenericNack(Pdu, frozen=True, kw_only=True, gc=False):
    """4.3."""

    command: ClassVar = Command.GENERIC_NACK


class Bind(Pdu, frozen=True, kw_only=True, gc=False):
    """What the three binds share (4.1)."""

    may_end_before: ClassVar = "addr_ton"
    system_id: Agreed = ""
    password: Agreed = ""
    system_type: Agreed = ""
    interface_version: Octet = 0x34
    addr_ton: Octet = 0
    addr_npi: Octet = 0
    address_range: String41 = ""


class BindResp(Pdu, frozen=True, kw_only=True, gc=False):
    """What the three answers to binds share (4.1)."""

    bare_on_error: ClassVar = True
    system_id: Agreed = ""
    tlvs: Tlvs = {}


class BindTransmitter(Bind, frozen=True, kw_only=True, gc=False):
    """4.1.1."""

    command: ClassVar = Command.BIND_TRANSMITTER


class BindTransmitterResp(BindResp, frozen=True, kw_only=True, gc=False):
    """4.1.2."""

    command: ClassVar = Command.BIND_TRANSMITTER_RESP


class BindReceiver(Bind, frozen=True, kw_only=True, gc=False):
    """4.1.3."""

    command: ClassVar = Command.BIND_RECEIVER


class BindReceiverResp(BindResp, frozen=True, kw_only=True, gc=False):
    """4.1.4."""

    command: ClassVar = Command.BIND_RECEIVER_RESP


class BindTransceiver(Bind, frozen=True, kw_only=True, gc=False):
    """4.1.5."""

    command: ClassVar = Command.BIND_TRANSCEIVER


class BindTransceiverResp(BindResp, frozen=True, kw_only=True, gc=False):
    """4.1.6."""

    command: ClassVar = Command.BIND_TRANSCEIVER_RESP


class Outbind(Pdu, frozen=True, kw_only=True, gc=False):
    """4.1.7; it has no response but a bind_receiver."""

    command: ClassVar = Command.OUTBIND
    may_end_before: ClassVar = "password"
    system_id: Agreed = ""
    password: Agreed = ""


class Unbind(Pdu, frozen=True, kw_only=True, gc=False):
    """4.2.1."""

    command: ClassVar = Command.UNBIND


class UnbindResp(Pdu, frozen=True, kw_only=True, gc=False):
    """4.2.2."""

    command: ClassVar = Command.UNBIND_RESP


class SubmitSm(Pdu, frozen=True, kw_only=True, gc=False):
    """4.4.1."""

    command: ClassVar = Command.SUBMIT_SM
    service_type: Agreed = ""
    source_addr_ton: Octet = 0
    source_addr_npi: Octet = 0
    source_addr: String21 = ""
    dest_addr_ton: Octet = 0
    dest_addr_npi: Octet = 0
    destination_addr: String21 = ""
    esm_class: Octet = 0
    protocol_id: Octet = 0
    priority_flag: Octet = 0
    schedule_delivery_time: String17 = ""
    validity_period: String17 = ""
    registered_delivery: Octet = 0
    replace_if_present_flag: Octet = 0
    data_coding: Octet = 0
    sm_default_msg_id: Octet = 0
    short_message: ShortMessage = b""
    tlvs: Tlvs = {}


class SubmitSmResp(Pdu, frozen=True, kw_only=True, gc=False):
    """4.4.2. SMPP 3.4 has no TLVs here; carriers that speak later versions add some."""

    command: ClassVar = Command.SUBMIT_SM_RESP
    bare_on_error: ClassVar = True
    message_id: String65 = ""
    tlvs: Tlvs = {}


class SubmitMulti(Pdu, frozen=True, kw_only=True, gc=False):
    """4.5.1. A destination is an address, or the name of a distribution list."""

    command: ClassVar = Command.SUBMIT_MULTI
    service_type: Agreed = ""
    source_addr_ton: Octet = 0
    source_addr_npi: Octet = 0
    source_addr: String21 = ""
    dest_address: Destinations = ()
    esm_class: Octet = 0
    protocol_id: Octet = 0
    priority_flag: Octet = 0
    schedule_delivery_time: String17 = ""
    validity_period: String17 = ""
    registered_delivery: Octet = 0
    replace_if_present_flag: Octet = 0
    data_coding: Octet = 0
    sm_default_msg_id: Octet = 0
    short_message: ShortMessage = b""
    tlvs: Tlvs = {}


class SubmitMultiResp(Pdu, frozen=True, kw_only=True, gc=False):
    """4.5.2; TLVs as in SubmitSmResp."""

    command: ClassVar = Command.SUBMIT_MULTI_RESP
    message_id: String65 = ""
    unsuccess_sme: Unsuccessful = ()
    tlvs: Tlvs = {}


class DeliverSm(Pdu, frozen=True, kw_only=True, gc=False):
    """4.6.1: submit_sm's fields, of which times, replace flag and default message are present but unused."""

    command: ClassVar = Command.DELIVER_SM
    service_type: Agreed = ""
    source_addr_ton: Octet = 0
    source_addr_npi: Octet = 0
    source_addr: String21 = ""
    dest_addr_ton: Octet = 0
    dest_addr_npi: Octet = 0
    destination_addr: String21 = ""
    esm_class: Octet = 0
    protocol_id: Octet = 0
    priority_flag: Octet = 0
    schedule_delivery_time: String17 = ""
    validity_period: String17 = ""
    registered_delivery: Octet = 0
    replace_if_present_flag: Octet = 0
    data_coding: Octet = 0
    sm_default_msg_id: Octet = 0
    short_message: ShortMessage = b""
    tlvs: Tlvs = {}


class DeliverSmResp(Pdu, frozen=True, kw_only=True, gc=False):
    """4.6.2: message_id is unused; TLVs as in SubmitSmResp."""

    command: ClassVar = Command.DELIVER_SM_RESP
    message_id: String65 = ""
    tlvs: Tlvs = {}


class DataSm(Pdu, frozen=True, kw_only=True, gc=False):
    """4.7.1: the text is in message_payload."""

    command: ClassVar = Command.DATA_SM
    service_type: Agreed = ""
    source_addr_ton: Octet = 0
    source_addr_npi: Octet = 0
    source_addr: String65 = ""
    dest_addr_ton: Octet = 0
    dest_addr_npi: Octet = 0
    destination_addr: String65 = ""
    esm_class: Octet = 0
    registered_delivery: Octet = 0
    data_coding: Octet = 0
    tlvs: Tlvs = {}


class DataSmResp(Pdu, frozen=True, kw_only=True, gc=False):
    """4.7.2: with an error too it has a body, whose TLVs say why."""

    command: ClassVar = Command.DATA_SM_RESP
    message_id: String65 = ""
    tlvs: Tlvs = {}


class QuerySm(Pdu, frozen=True, kw_only=True, gc=False):
    """4.8.1. SMPP 3.4 has no TLVs here; ours ask by user_message_reference where a carrier's setting says so."""

    command: ClassVar = Command.QUERY_SM
    may_end_before: ClassVar = "source_addr_ton"
    message_id: String65 = ""
    source_addr_ton: Octet = 0
    source_addr_npi: Octet = 0
    source_addr: String21 = ""
    tlvs: Tlvs = {}


class QuerySmResp(Pdu, frozen=True, kw_only=True, gc=False):
    """4.8.2."""

    command: ClassVar = Command.QUERY_SM_RESP
    message_id: String65 = ""
    final_date: String17 = ""
    message_state: Octet = 0
    error_code: Octet = 0


class CancelSm(Pdu, frozen=True, kw_only=True, gc=False):
    """4.9.1."""

    command: ClassVar = Command.CANCEL_SM
    may_end_before: ClassVar = "source_addr_ton"
    service_type: Agreed = ""
    message_id: String65 = ""
    source_addr_ton: Octet = 0
    source_addr_npi: Octet = 0
    source_addr: String21 = ""
    dest_addr_ton: Octet = 0
    dest_addr_npi: Octet = 0
    destination_addr: String21 = ""


class CancelSmResp(Pdu, frozen=True, kw_only=True, gc=False):
    """4.9.2."""

    command: ClassVar = Command.CANCEL_SM_RESP


class ReplaceSm(Pdu, frozen=True, kw_only=True, gc=False):
    """4.10.1."""

    command: ClassVar = Command.REPLACE_SM
    message_id: String65 = ""
    source_addr_ton: Octet = 0
    source_addr_npi: Octet = 0
    source_addr: String21 = ""
    schedule_delivery_time: String17 = ""
    validity_period: String17 = ""
    registered_delivery: Octet = 0
    sm_default_msg_id: Octet = 0
    short_message: ShortMessage = b""


class ReplaceSmResp(Pdu, frozen=True, kw_only=True, gc=False):
    """4.10.2."""

    command: ClassVar = Command.REPLACE_SM_RESP


class EnquireLink(Pdu, frozen=True, kw_only=True, gc=False):
    """4.11.1."""

    command: ClassVar = Command.ENQUIRE_LINK


class EnquireLinkResp(Pdu, frozen=True, kw_only=True, gc=False):
    """4.11.2."""

    command: ClassVar = Command.ENQUIRE_LINK_RESP


class AlertNotification(Pdu, frozen=True, kw_only=True, gc=False):
    """4.12.1; it has no response."""

    command: ClassVar = Command.ALERT_NOTIFICATION
    may_end_before: ClassVar = "esme_addr_ton"
    source_addr_ton: Octet = 0
    source_addr_npi: Octet = 0
    source_addr: String65 = ""
    esme_addr_ton: Octet = 0
    esme_addr_npi: Octet = 0
    esme_addr: String65 = ""
    tlvs: Tlvs = {}


PDUS: Final[tuple[type[Pdu], ...]] = (
    GenericNack,
    BindReceiver,
    BindReceiverResp,
    BindTransmitter,
    BindTransmitterResp,
    QuerySm,
    QuerySmResp,
    SubmitSm,
    SubmitSmResp,
    DeliverSm,
    DeliverSmResp,
    Unbind,
    UnbindResp,
    ReplaceSm,
    ReplaceSmResp,
    CancelSm,
    CancelSmResp,
    BindTransceiver,
    BindTransceiverResp,
    Outbind,
    EnquireLink,
    EnquireLinkResp,
    SubmitMulti,
    SubmitMultiResp,
    AlertNotification,
    DataSm,
    DataSmResp,
)
"""One class for each command."""

KINDS: Final[dict[int, type[Pdu]]] = {int(kind.command): kind for kind in PDUS}
"""By command_id. The answer to a request is of `KINDS[request.command | RESPONSE_BIT]`, where there is one (5.1.2)."""


class Header(msgspec.Struct, frozen=True, gc=False):
    """3.2, less the length. `command` and `status` are as they came: a carrier's own statuses are not in Status."""

    command: int
    status: int
    sequence: int


def encode(pdu: Pdu, sequence: int, status: int = 0) -> bytes:
    """The whole frame. Raises ValueError for what SMPP has no room for."""
    command = pdu.command
    try:
        if status and pdu.bare_on_error:
            return _header.pack(HEADER_OCTETS, command, status, sequence)
        body = _ENCODERS[command](pdu)
        return _header.pack(HEADER_OCTETS + len(body), command, status, sequence) + body
    except (struct.error, OverflowError) as error:
        raise ValueError(f"{command.name.lower()} has a number out of its range: {error}") from error


def decode(frame: bytes) -> tuple[Header, Pdu]:
    """A whole frame's values. Raises ProtocolError only."""
    if len(frame) < HEADER_OCTETS:
        raise ProtocolError("less than a header", Status.RINVCMDLEN)
    length, command, status, sequence = _header.unpack_from(frame)
    if length != len(frame):
        reason = f"command_length {length} on a frame of {len(frame)} octets"
        raise ProtocolError(reason, Status.RINVCMDLEN, command, sequence)
    decoder = _DECODERS.get(command)
    if decoder is None:
        raise ProtocolError(f"command_id {command:#010x}", Status.RINVCMDID, command, sequence)
    if length == HEADER_OCTETS and command & RESPONSE_BIT:
        return Header(command, status, sequence), KINDS[command]()
    try:
        return Header(command, status, sequence), decoder(frame)
    except _Malformed as error:
        raise ProtocolError(error.reason, error.status, command, sequence) from error
    except (ValueError, IndexError, struct.error) as error:
        # ValueError: index() found no NUL; IndexError, struct.error: an integer beyond the end
        reason, error_status = _EXCEEDS
        raise ProtocolError(reason, error_status, command, sequence) from error


def decode_tolerantly(frame: bytes) -> tuple[Header, Pdu, str]:
    """The values of a frame that `decode` rejects and whose end alone is damaged, and what the damage is.

    Raises ProtocolError for any other. It takes several times as long as `decode`: call it for what that rejects.
    """
    length, command, status, sequence = _header.unpack_from(frame) if len(frame) >= HEADER_OCTETS else (0, 0, 0, 0)
    if length != len(frame) or command not in KINDS:
        decode(frame)  # which raises
    try:
        value, damage = _read_tolerantly(KINDS[command], frame)
    except _Malformed as error:
        raise ProtocolError(error.reason, error.status, command, sequence) from error
    return Header(command, status, sequence), value, damage


class Framer:
    """Cuts a stream into frames by their command_length (3.2)."""

    def __init__(self, max_octets: int = MAX_PDU_OCTETS) -> None:
        self.max_octets = max_octets
        self._rest = bytearray()
        self._needed = 4

    def feed(self, octets: bytes) -> list[bytes]:
        """The frames that `octets` complete, in order.

        Raises FramingError for a length that can't be; after that the stream has no frames any more. Each octet is
        looked at a bounded number of times, however finely the stream is chopped.
        """
        if self._rest:
            self._rest += octets
            if len(self._rest) < self._needed:
                return []
            octets = bytes(self._rest)
            self._rest.clear()
        frames: list[bytes] = []
        start, size = 0, len(octets)
        self._needed = 4
        while size - start >= 4:
            length: int = _int4.unpack_from(octets, start)[0]
            if not HEADER_OCTETS <= length <= self.max_octets:
                raise self._lost(octets[start : start + HEADER_OCTETS], length, frames)
            end = start + length
            if end > size:
                self._needed = length
                break
            frames.append(octets[start:end])
            start = end
        self._rest += octets[start:]
        return frames

    def _lost(self, header: bytes, length: int, frames: list[bytes]) -> FramingError:
        command = sequence = 0
        if len(header) == HEADER_OCTETS:
            _, command, _, sequence = _header.unpack(header)
        reason = f"command_length {length}, not within {HEADER_OCTETS} to {self.max_octets}"
        error = FramingError(reason, Status.RINVCMDLEN, command, sequence)
        error.frames = tuple(frames)
        return error


_SAYS_ENOUGH: Final = frozenset({Tag.MESSAGE_PAYLOAD, Tag.RECEIPTED_MESSAGE_ID})
"""A message with one of these does without a message_payload that is cut short: its text, or whose receipt it is."""
_EXCEEDS: Final = ("a field exceeds the PDU", Status.RINVCMDLEN)


class _Malformed(Exception):
    """Becomes a ProtocolError where command and sequence are known."""

    def __init__(self, reason: str, status: Status) -> None:
        self.reason = reason
        self.status = status


def _write_tlvs(tlvs: dict[int, bytes]) -> bytes:
    return b"".join([_tlv.pack(tag, len(value)) + value for tag, value in tlvs.items()])


def _read_tlvs(frame: bytes, at: int) -> dict[int, bytes]:
    tlvs: dict[int, bytes] = {}
    end = _read_whole_tlvs(frame, at, tlvs)
    if end == len(frame):
        return tlvs
    if end + 4 > len(frame):
        raise _Malformed("an optional parameter is cut off", Status.RINVOPTPARSTREAM)
    tag, _ = _tlv.unpack_from(frame, end)
    raise _Malformed(f"optional parameter {tag:#06x} exceeds the PDU", Status.RINVPARLEN)


def _read_whole_tlvs(frame: bytes, at: int, tlvs: dict[int, bytes]) -> int:
    """Put the TLVs that are whole into `tlvs`; returns where the first that is not begins, or the frame's end."""
    size = len(frame)
    while at + 4 <= size:
        tag, length = _tlv.unpack_from(frame, at)
        end: int = at + 4 + length
        if end > size:
            break
        tlvs[tag] = frame[at + 4 : end]
        at = end
    return at


def _read_tolerantly(kind: type[Pdu], frame: bytes) -> tuple[Pdu, str]:
    """Field by field; raises _Malformed for a request that lacks more than its end."""
    is_response = bool(kind.command & RESPONSE_BIT)
    values: dict[str, Any] = {}
    at, damage, may_end = HEADER_OCTETS, "", is_response
    for name, form in _FIELDS[kind.command]:
        may_end |= name == kind.may_end_before
        try:
            values[name], at, ended = _read_field(form, frame, at)
        except (_Malformed, ValueError, IndexError, struct.error) as error:
            if not may_end or (not is_response and at < len(frame)):
                raise error if isinstance(error, _Malformed) else _Malformed(*_EXCEEDS) from error
            damage = f"{name} is missing" if at >= len(frame) else f"{name} can't be read"
            at = len(frame)
            break
        damage = damage or (f"{name} has no NUL" if ended else "")
    value = kind(**values)
    if at < len(frame):
        _check_text_is_whole(value, frame, at)
        damage = f"{len(frame) - at} octets behind the last field or TLV"
    return value, damage


def _read_field(form: Any, frame: bytes, at: int) -> tuple[Any, int, bool]:
    """Its value, where it ends, and whether its NUL is missing."""
    match form:
        case _String():
            end = frame.find(0, at, at + MAX_STRING_OCTETS)
            if end < 0 and at < len(frame) < at + MAX_STRING_OCTETS:
                return frame[at:].decode("latin-1"), len(frame), True
            value, end = _c_string(frame, at)
            return value, end, False
        case _Integer():
            return frame[at], at + 1, False
        case _Counted(_, read):
            counted, end = read(frame, at)
            return counted, end, False
        case _:
            tlvs: dict[int, bytes] = {}
            return tlvs, _read_whole_tlvs(frame, at, tlvs), False


def _check_text_is_whole(value: Pdu, frame: bytes, at: int) -> None:
    """Raises _Malformed if what would be cut off at `at` is a message_payload that has the message's only text."""
    if len(frame) - at < _tlv.size or not isinstance(value, SubmitSm | SubmitMulti | DeliverSm | DataSm):
        return
    tag, _ = _tlv.unpack_from(frame, at)
    has_text = bool(getattr(value, "short_message", b"")) or not value.tlvs.keys().isdisjoint(_SAYS_ENOUGH)
    if tag == Tag.MESSAGE_PAYLOAD and not has_text:
        raise _Malformed("message_payload exceeds the PDU", Status.RINVPARLEN)


# The compiler. Each PDU's codec is written out as the source of two functions, as dataclasses do it: going over a
# list of fields for each PDU takes three times as long (measured for submit_sm on CPython 3.11).


def _fields(kind: type[Pdu]) -> Iterator[tuple[str, Any]]:
    hints = get_type_hints(kind, include_extras=True)
    for name in kind.__struct_fields__:
        yield name, hints[name].__metadata__[0]


def _encoder(kind: type[Pdu]) -> Callable[[Any], bytes]:
    """Strings and octets between others go through one `%` and one `encode`: `%c` takes 0 to 255, then, and no more."""
    checks: list[str] = []
    pieces: list[str] = []
    names: list[str] = []
    template = ""
    scope: dict[str, Any] = {"no_room": _no_room, "write_tlvs": _write_tlvs}

    def flush() -> None:
        nonlocal template
        if template:
            pieces.append(f"({template!r} % ({', '.join(names)},)).encode('latin-1')")
            template = ""
            names.clear()

    for name, form in _fields(kind):
        match form:
            case _String(limit):
                checks.append(f"{name} = pdu.{name}")
                checks.append(f"if {name} and (len({name}) >= {limit} or '\\0' in {name}):")
                checks.append(f"    raise no_room('{name}', {name}, {limit})")
                template += "%s\0"
                names.append(name)
            case _Integer():
                template += "%c"
                names.append(f"pdu.{name}")
            case _Counted(write, _):
                flush()
                scope[f"write_{name}"] = write
                pieces.append(f"write_{name}(pdu.{name})")
            case _Optional():
                flush()
                pieces.append(f"(write_tlvs(pdu.{name}) if pdu.{name} else b'')")
    flush()
    lines = [*checks, "return " + (" + ".join(pieces) or "b''")]
    return _compiled(f"encode_{kind.__name__}", "pdu", lines, scope)


def _decoder(kind: type[Pdu]) -> Callable[[bytes], Pdu]:
    """The whole frame is made text once and strings are cut out of that; integers come from the octets themselves."""
    scope: dict[str, Any] = {"kind": kind, "malformed": _Malformed, "status": Status, "read_tlvs": _read_tlvs}
    fields = list(_fields(kind))
    lines = ["text = frame.decode('latin-1')", "find = text.index"]
    at, offset = str(HEADER_OCTETS), 0  # the next octet is at the variable or number `at`, plus `offset`
    for name, form in fields:
        place = f"{at} + {offset}" if offset else at
        match form:
            case _String():
                lines.append(f"start = {place}")
                lines.append(f"end = find('\\0', start, start + {MAX_STRING_OCTETS})")
                lines.append(f"{name} = text[start:end]")
                at, offset = "end", 1
            case _Integer():
                lines.append(f"{name} = frame[{place}]")
                offset += 1
            case _Counted(_, read):
                scope[f"read_{name}"] = read
                lines.append(f"{name}, end = read_{name}(frame, {place})")
                at, offset = "end", 0
            case _Optional():
                lines.append(f"at = {place}")
                lines.append(f"{name} = read_tlvs(frame, at) if at < len(frame) else {{}}")
                at, offset = "len(frame)", 0
    lines.append(f"if len(frame) != {at} + {offset}:")
    lines.append("    raise malformed('octets after the last field', status.RINVCMDLEN)")
    lines.append(f"return kind({', '.join(f'{name}={name}' for name, _ in fields)})")
    return _compiled(f"decode_{kind.__name__}", "frame", lines, scope)


def _compiled(name: str, parameter: str, lines: list[str], scope: dict[str, Any]) -> Callable[[Any], Any]:
    source = f"def {name}({parameter}):\n" + "".join(f"    {line}\n" for line in lines)
    exec(compile(source, f"<{name}>", "exec"), scope)  # noqa: S102 -- the source is made from the classes above alone
    return cast(Callable[[Any], Any], scope[name])


_FIELDS: Final = {int(command): tuple(_fields(kind)) for command, kind in KINDS.items()}
_ENCODERS: Final[dict[int, Callable[[Any], bytes]]] = {command: _encoder(kind) for command, kind in KINDS.items()}
_DECODERS: Final[dict[int, Callable[[bytes], Pdu]]] = {command: _decoder(kind) for command, kind in KINDS.items()}
