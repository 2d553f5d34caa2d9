"""The message: one record, of which every API shows its own view.

Values only. Times are microseconds since 1970 UTC, money is millionths of a US dollar, ids are lower-case
UUID text (messages: UUIDv7, media: UUIDv4).

They are msgspec Structs, as are the values of ports.py that go by thousands a second: a frozen dataclass of this size
takes ten times as long to make (docs/adr/0011).
"""

from enum import StrEnum
from typing import Literal

from msgspec import Struct

from heliograph.core.lifecycle import State


class Direction(StrEnum):
    INBOUND = "inbound"
    OUTBOUND_API = "outbound-api"
    OUTBOUND_REPLY = "outbound-reply"
    OUTBOUND_CALL = "outbound-call"


class Kind(StrEnum):
    SMS = "sms"
    MMS = "mms"


class Source(StrEnum):
    """Who made the message: the cXML API and documents, or the REST API, Relay and SWML."""

    LAML = "laml"
    REALTIME = "realtime_api"


class Callback(Struct, frozen=True, kw_only=True):
    """Where a message's state changes are to be told: form fields for cXML's, JSON for the others'."""

    url: str
    method: str = "POST"


SMPP_SCHEME = "smpp:"
"""How the URL of a callback begins that goes to an SMPP customer's binds. No API lets a client give such a URL."""


def smpp_callback(system_id: str) -> Callback:
    return Callback(url=SMPP_SCHEME + system_id, method="DELIVER")


RELAY_SCHEME = "relay:"
"""How the URL of a callback begins that goes to Relay clients: `relay:PROJECT:CONTEXT`. No API lets a client give one.
"""


def relay_callback(project_id: str, context: str) -> Callback:
    return Callback(url=f"{RELAY_SCHEME}{project_id}:{context}", method="EVENT")


class SmppOptions(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What an SMPP customer asked for in its submit_sm, kept with the message; None or empty: not asked.

    tlvs: tag to value, passed on to an SMPP carrier. reply_ids: the ids under which the customer knows the parts that
    it submitted. registered_delivery: as SMPP 3.4, 5.2.17.
    """

    service_type: str | None = None
    priority: int | None = None
    protocol_id: int | None = None
    tlvs: dict[int, bytes] = {}
    reply_ids: tuple[str, ...] = ()
    registered_delivery: int = 0


class Message(Struct, frozen=True, kw_only=True):
    """tags, region: what a Relay client gave with its send. relay_session: the `protocol` of the session that did."""

    id: str
    project_id: str
    direction: Direction
    kind: Kind
    source: Source
    from_number: str
    to_number: str
    body: str | None
    segments: int
    state: State
    created_at: int
    updated_at: int
    expires_at: int
    media_urls: tuple[str, ...] = ()
    num_media: int = 0
    sent_at: int | None = None
    error_code: int | None = None
    price_micros: int | None = None
    max_price_micros: int | None = None
    group_id: str | None = None
    callback: Callback | None = None
    custom_variables: dict[str, str] | None = None
    carrier: str | None = None
    carrier_ref: str | None = None
    uncertain: bool = False
    deleted_at: int | None = None
    redacted: bool = False
    options: SmppOptions | None = None
    tags: tuple[str, ...] = ()
    region: str | None = None
    relay_session: str | None = None


PartReceipts = Literal["each", "first", "last", "any"]
"""Which parts of a long message its carrier sends receipts for: each, or one for all, under this part's id."""


class Part(Struct, frozen=True, kw_only=True):
    """One of the parts in which a long message travels, from 1. Messages of one part have no rows of these: their
    `carrier_ref` and state say all."""

    project_id: str
    message_id: str
    part: int
    total: int
    state: State
    carrier: str
    carrier_ref: str
    error_code: int | None = None
    updated_at: int = 0


class Piece(Struct, frozen=True, kw_only=True):
    """A part of a long message on its way in, kept until the others are there. owner: who brings it, such as
    "carrier:acme" or "customer:acme"; a piece belongs to those of the same owner, numbers, reference and total.

    data, alphabet: as in ports.InboundPart. extra: what its door wants to know again, as it wrote it.
    """

    project_id: str
    owner: str
    from_number: str
    to_number: str
    reference: int
    total: int
    part: int
    alphabet: str
    data: bytes
    at: int
    extra: str | None = None


class Media(Struct, frozen=True, kw_only=True):
    """One attachment, stored on disk under its content's SHA-256."""

    id: str
    project_id: str
    message_id: str
    position: int
    content_type: str
    size: int
    sha256: str
    created_at: int
    updated_at: int


class Change(Struct, frozen=True, kw_only=True):
    """One step of one message, as it is to be written: state, event and callback in one transaction.

    callback_sequence: what its callback is in order with, at its origin; None: with the others of the message. done_at:
    when it happened, where the carrier says so."""

    project_id: str
    message_id: str
    before: State
    after: State
    at: int
    event_no: int
    error_code: int | None = None
    price_micros: int | None = None
    sent_at: int | None = None
    carrier: str | None = None
    carrier_ref: str | None = None
    uncertain: bool = False
    callback_origin: str | None = None
    callback_sequence: str | None = None
    detail: str | None = None
    parts: tuple[Part, ...] = ()
    done_at: int | None = None


class Event(Struct, frozen=True, kw_only=True):
    """A line of a message's timeline that is not a change of state."""

    project_id: str
    message_id: str
    event_no: int
    at: int
    kind: str
    error_code: int | None = None
    detail: str | None = None


class TimelineEntry(Struct, frozen=True, kw_only=True):
    """A line of a message's timeline as it is read back."""

    at: int
    kind: str
    state: str | None
    error_code: int | None
    detail: str | None = None
