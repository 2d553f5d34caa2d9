"""How the cXML API shows a message and its media (contract, sections 3 and 4.1)."""

from typing import Annotated

import msgspec
from msgspec import Meta

from heliograph.api import times
from heliograph.core import errors, pricing
from heliograph.core.lifecycle import State
from heliograph.core.message import Media, Message

API_VERSION = "2010-04-01"
ROOT = f"/api/laml/{API_VERSION}"

STATUS: dict[State, str] = {state: state.value for state in State} | {State.INITIATED: "sending"}
STATES: dict[str, State] = {word: state for state, word in STATUS.items()} | {"initiated": State.INITIATED}
"""What the filter `Status` takes."""

_Uuid = Annotated[str, Meta(extra_json_schema={"format": "uuid"})]
_SID = "0a059168-ead0-41af-9d1f-343dae832527"
_ACCOUNT = "ea108133-d6b3-407c-9536-9fad8a929a6a"
_WHEN = "Mon, 13 Aug 2018 21:38:46 +0000"
_URI = f"{ROOT}/Accounts/{_ACCOUNT}/Messages/{_SID}"


class CxmlSubresources(msgspec.Struct, kw_only=True):
    media: Annotated[str, Meta(description="The list of the message's media.", examples=[f"{_URI}/Media"])]


class CxmlMessage(msgspec.Struct, kw_only=True, rename={"from_": "from"}):
    """A message as the cXML API shows it."""

    account_sid: Annotated[_Uuid, Meta(description="The project that sent or received it.", examples=[_ACCOUNT])]
    api_version: Annotated[str, Meta(description="Always the same.", examples=[API_VERSION])]
    body: Annotated[str | None, Meta(description="Its text; null where it has none.", examples=["Hello"])]
    num_segments: Annotated[int, Meta(description="The parts that its text takes; 1 for an MMS.", examples=[1])]
    num_media: Annotated[int, Meta(description="How many media it has.", examples=[0])]
    date_created: Annotated[str, Meta(description="RFC 2822, UTC.", examples=[_WHEN])]
    date_sent: Annotated[str | None, Meta(description="RFC 2822, UTC; null until it is sent.", examples=[_WHEN])]
    date_updated: Annotated[str, Meta(description="RFC 2822, UTC.", examples=[_WHEN])]
    direction: Annotated[
        str,
        Meta(
            description="Who made it.",
            examples=["outbound-api"],
            extra_json_schema={"enum": ["inbound", "outbound-api", "outbound-reply", "outbound-call"]},
        ),
    ]
    error_code: Annotated[str | None, Meta(description="Why it failed, in digits; else null.", examples=[None])]
    error_message: Annotated[str | None, Meta(description="The same in words.", examples=[None])]
    from_: Annotated[str, Meta(description="The sender's number.", examples=["+15551234567"])]
    price: Annotated[
        float | None, Meta(description="What it cost, a number; null until it is charged.", examples=[0.0083])
    ]
    price_unit: Annotated[str, Meta(description="The currency of `price`.", examples=["USD"])]
    sid: Annotated[_Uuid, Meta(description="Its id, in every API.", examples=[_SID])]
    status: Annotated[
        str,
        Meta(
            description="How far it has come.",
            examples=["queued"],
            extra_json_schema={"enum": list(STATUS.values())},
        ),
    ]
    to: Annotated[str, Meta(description="The recipient's number.", examples=["+15557654321"])]
    messaging_service_sid: Annotated[
        _Uuid | None, Meta(description="The number group that it was sent with, else null.", examples=[None])
    ]
    uri: Annotated[str, Meta(description="Its path.", examples=[_URI])]
    subresource_uris: CxmlSubresources


class CxmlMedia(msgspec.Struct, kw_only=True):
    """One attachment of a message."""

    account_sid: Annotated[_Uuid, Meta(description="The project.", examples=[_ACCOUNT])]
    content_type: Annotated[str, Meta(description="Its content type.", examples=["image/jpeg"])]
    date_created: Annotated[str, Meta(description="RFC 2822, UTC.", examples=[_WHEN])]
    date_updated: Annotated[str, Meta(description="RFC 2822, UTC.", examples=[_WHEN])]
    parent_sid: Annotated[_Uuid, Meta(description="The message.", examples=[_SID])]
    sid: Annotated[_Uuid, Meta(description="Its id.", examples=["b3877c40-da60-4998-90ad-b792e98472ae"])]
    uri: Annotated[
        str,
        Meta(
            description="Its path: the bytes, or with `.json` this record.",
            examples=[f"{_URI}/Media/b3877c40-da60-4998-90ad-b792e98472ae"],
        ),
    ]


_PAGE_URI = f"{ROOT}/Accounts/{_ACCOUNT}/Messages?Page=0&PageSize=50"


class CxmlPage(msgspec.Struct, kw_only=True):
    """What every page of the cXML API has beside its rows."""

    uri: Annotated[str, Meta(description="This page.", examples=[_PAGE_URI])]
    first_page_uri: Annotated[str, Meta(description="The first page.", examples=[_PAGE_URI])]
    next_page_uri: Annotated[str | None, Meta(description="The next page, null at the end.", examples=[None])]
    previous_page_uri: Annotated[str | None, Meta(description="The page before, null at the start.", examples=[None])]
    page: Annotated[int, Meta(description="This page's number, from 0.", examples=[0])]
    page_size: Annotated[int, Meta(description="Most rows on a page.", examples=[50])]


class CxmlMessagePage(CxmlPage, kw_only=True):
    """Messages, newest first."""

    messages: list[CxmlMessage]


class CxmlMediaPage(CxmlPage, kw_only=True):
    """The media of one message, in its order."""

    media_list: list[CxmlMedia]


def messages_uri(project_id: str) -> str:
    return f"{ROOT}/Accounts/{project_id}/Messages"


def message_uri(project_id: str, message_id: str) -> str:
    return f"{ROOT}/Accounts/{project_id}/Messages/{message_id}"


def media_uri(media: Media) -> str:
    return f"{ROOT}/Accounts/{media.project_id}/Messages/{media.message_id}/Media/{media.id}"


def message(shown: Message) -> CxmlMessage:
    uri = message_uri(shown.project_id, shown.id)
    code = shown.error_code
    return CxmlMessage(
        account_sid=shown.project_id,
        api_version=API_VERSION,
        body=shown.body,
        num_segments=shown.segments,
        num_media=shown.num_media,
        date_created=times.rfc2822(shown.created_at),
        date_sent=None if shown.sent_at is None else times.rfc2822(shown.sent_at),
        date_updated=times.rfc2822(shown.updated_at),
        direction=shown.direction.value,
        error_code=None if code is None else str(code),
        error_message=errors.describe(code),
        from_=shown.from_number,
        price=None if shown.price_micros is None else pricing.to_number(shown.price_micros),
        price_unit="USD",
        sid=shown.id,
        status=STATUS[shown.state],
        to=shown.to_number,
        messaging_service_sid=shown.group_id,
        uri=uri,
        subresource_uris=CxmlSubresources(media=f"{uri}/Media"),
    )


def media(shown: Media) -> CxmlMedia:
    return CxmlMedia(
        account_sid=shown.project_id,
        content_type=shown.content_type,
        date_created=times.rfc2822(shown.created_at),
        date_updated=times.rfc2822(shown.updated_at),
        parent_sid=shown.message_id,
        sid=shown.id,
        uri=media_uri(shown),
    )
