"""How the messaging REST API shows a message and its log (contract, sections 3 and 5)."""

from collections.abc import Sequence
from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, UnsetType

from heliograph.api import times
from heliograph.api.cxml import views as cxml_views
from heliograph.core import errors, pricing
from heliograph.core.lifecycle import State
from heliograph.core.message import Direction, Kind, Media, Message, Source
from heliograph.engine import notify

LOGS = "/api/messaging/logs"

STATUS: dict[State, str] = {state: state.value for state in State} | {State.RECEIVING: "received"}
_STATUSES = {"enum": sorted(set(STATUS.values()))}
_TYPES = {Source.LAML: "laml_message", Source.REALTIME: "relay_message"}

_Uuid = Annotated[str, Meta(extra_json_schema={"format": "uuid"})]
_When = Annotated[
    str,
    Meta(description="ISO 8601, UTC.", examples=["2024-05-06T12:20:00Z"], extra_json_schema={"format": "date-time"}),
]
_ErrorCode = Annotated[str | None, Meta(description="Why it failed, in digits; else null.", examples=[None])]
_ErrorMessage = Annotated[str | None, Meta(description="The same in words.", examples=[None])]
_Kind = Annotated[str, Meta(examples=["sms"], extra_json_schema={"enum": ["sms", "mms"]})]
_Status = Annotated[str, Meta(description="How far it has come.", examples=["queued"], extra_json_schema=_STATUSES)]
_ID = "c2d3e4f5-a6b7-8901-8def-234567890abc"


class RestMessage(msgspec.Struct, kw_only=True, rename={"from_": "from"}):
    """A message as the messaging API shows it."""

    id: Annotated[_Uuid, Meta(description="Its id, in every API.", examples=[_ID])]
    from_: Annotated[str, Meta(description="The sender.", examples=["+15559876543"])]
    to: Annotated[str, Meta(description="The recipient.", examples=["+15551234567"])]
    body: Annotated[str, Meta(description="Its text; empty where it has none.", examples=["Hello"])]
    status: _Status
    direction: Annotated[str, Meta(examples=["outbound"], extra_json_schema={"enum": ["inbound", "outbound"]})]
    kind: _Kind
    media: Annotated[
        list[str], Meta(description="Addresses of its media: outbound as given, inbound this server's.", examples=[[]])
    ]
    number_of_segments: Annotated[int, Meta(description="The parts that its text takes.", examples=[1])]
    error_code: _ErrorCode
    error_message: _ErrorMessage
    created_at: _When
    project_id: Annotated[_Uuid, Meta(description="The project that it belongs to.")]
    status_callback_url: Annotated[str | None, Meta(description="Who is told of its changes.", examples=[None])]
    message_uri: Annotated[str, Meta(description="Its log's path.", examples=[f"{LOGS}/{_ID}"])]


class Charge(msgspec.Struct, kw_only=True):
    """One part of what a message cost."""

    description: Annotated[str, Meta(description="For what.", examples=["Outbound SMS"])]
    charge: Annotated[float, Meta(description="US dollars.", examples=[0.0083])]


class Log(msgspec.Struct, kw_only=True, rename={"from_": "from"}):
    """A message's log. Its id is the message's."""

    id: Annotated[_Uuid, Meta(description="The message's id.", examples=[_ID])]
    from_: Annotated[str, Meta(description="The sender.", examples=["+12077447397"])]
    to: Annotated[str, Meta(description="The recipient.", examples=["+12029921413"])]
    status: _Status
    direction: Annotated[
        str,
        Meta(
            description="Who made it; `outbound` for messages of the REST and Relay APIs.",
            examples=["outbound-api"],
            extra_json_schema={
                "enum": ["inbound", "outbound", *(each.value for each in Direction if each != "inbound")]
            },
        ),
    ]
    kind: _Kind
    source: Annotated[
        str,
        Meta(
            description="Who made it.", examples=["laml"], extra_json_schema={"enum": [each.value for each in Source]}
        ),
    ]
    type: Annotated[
        str,
        Meta(
            description="In step with `source`.",
            examples=["laml_message"],
            extra_json_schema={"enum": list(_TYPES.values())},
        ),
    ]
    url: Annotated[str | None, Meta(description="The cXML message; null for messages of the REST and Relay APIs.")]
    number_of_segments: Annotated[int, Meta(description="The parts that its text took.", examples=[1])]
    charge: Annotated[float, Meta(description="US dollars; 0 until charged.", examples=[0.0083])]
    charge_details: list[Charge]
    created_at: _When
    error_message: _ErrorMessage
    error_code: _ErrorCode


class LogLinks(msgspec.Struct, kw_only=True, omit_defaults=True):
    """Absolute addresses of this page and of those around it."""

    self: str
    first: str
    next: Annotated[str | UnsetType, Meta(description="Absent on the last page.")] = UNSET
    prev: Annotated[str | UnsetType, Meta(description="Absent on the first page.")] = UNSET


class LogPage(msgspec.Struct, kw_only=True):
    """Logs, newest first."""

    links: LogLinks
    data: list[Log]


def message(shown: Message, media: Sequence[str]) -> RestMessage:
    """`media`: the addresses to show, of `media_addresses`."""
    return RestMessage(
        id=shown.id,
        from_=shown.from_number,
        to=shown.to_number,
        body=shown.body or "",
        status=STATUS[shown.state],
        direction="inbound" if shown.direction is Direction.INBOUND else "outbound",
        kind=shown.kind.value,
        media=list(media),
        number_of_segments=shown.segments,
        error_code=_code(shown),
        error_message=errors.describe(shown.error_code),
        created_at=times.iso8601(shown.created_at),
        project_id=shown.project_id,
        status_callback_url=_callback_url(shown),
        message_uri=f"{LOGS}/{shown.id}",
    )


def media_addresses(base_url: str, media: Sequence[Media]) -> list[str]:
    """Where an inbound message's media are served."""
    return [base_url + cxml_views.media_uri(each) for each in sorted(media, key=lambda each: each.position)]


def log(shown: Message, base_url: str) -> Log:
    laml = shown.source is Source.LAML
    inbound = shown.direction is Direction.INBOUND
    charge = 0 if shown.price_micros is None else pricing.to_number(shown.price_micros)
    return Log(
        id=shown.id,
        from_=shown.from_number,
        to=shown.to_number,
        status=STATUS[shown.state],
        direction=shown.direction.value if laml or inbound else "outbound",
        kind=shown.kind.value,
        source=shown.source.value,
        type=_TYPES[shown.source],
        url=base_url + cxml_views.message_uri(shown.project_id, shown.id) if laml else None,
        number_of_segments=shown.segments,
        charge=charge,
        charge_details=[] if shown.price_micros is None else [_charge(shown, charge)],
        created_at=times.iso8601(shown.created_at),
        error_message=errors.describe(shown.error_code),
        error_code=_code(shown),
    )


def _charge(shown: Message, charge: float) -> Charge:
    inbound = shown.direction is Direction.INBOUND
    return Charge(description=pricing.description(inbound=inbound, mms=shown.kind is Kind.MMS), charge=charge)


def _callback_url(shown: Message) -> str | None:
    """The callback of an SMPP customer or a Relay client has no URL."""
    return shown.callback.url if shown.callback is not None and notify.is_url(shown.callback) else None


def _code(shown: Message) -> str | None:
    return None if shown.error_code is None else str(shown.error_code)
