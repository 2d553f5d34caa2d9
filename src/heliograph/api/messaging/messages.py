"""Messages of the messaging REST API: send and redact (contract, section 5.1)."""

import json
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, UnsetType

from heliograph.api import http, idempotency
from heliograph.api.fields import Body
from heliograph.api.http import Request, Response
from heliograph.api.messaging import views
from heliograph.api.route import Family, Route
from heliograph.core.errors import Refused
from heliograph.core.message import Direction, Message, Source
from heliograph.engine.requests import SendRequest

LIST = "/api/messaging/messages"
_SCOPES = ("messaging",)


class SendMessage(msgspec.Struct, kw_only=True, omit_defaults=True, rename={"from_": "from"}):
    """A message to send. It needs a body or media."""

    to: Annotated[str, Meta(description="The recipient, E.164.", examples=["+15551234567"])]
    from_: Annotated[str, Meta(description="The sender: a number of the project.", examples=["+15559876543"])]
    body: Annotated[str | UnsetType, Meta(description="The text, up to 1600 characters.", examples=["Hello"])] = UNSET
    media: Annotated[list[str] | UnsetType, Meta(description="Addresses of media to send, up to 8.")] = UNSET
    send_as_mms: Annotated[bool | UnsetType, Meta(description="Send as MMS whatever it has in it.")] = UNSET
    status_callback: Annotated[str | UnsetType, Meta(description="Told of every change of the status.")] = UNSET
    custom_variables: Annotated[
        dict[str, str] | UnsetType, Meta(description="Up to 20 pairs that every status callback carries.")
    ] = UNSET


class RedactMessage(msgspec.Struct, kw_only=True):
    """The one change that a message takes."""

    body: Annotated[str, Meta(description="Must be empty: the text is removed for good.", examples=[""])]


async def send(request: Request, response: Response) -> None:
    body = await http.body(request)
    key = idempotency.read(request, {"project": request.project.id, **body.values})
    wanted = _send_request(body, request.project.id, key)
    if body.faults:  # told together with what the engine finds
        raise Refused(*body.faults, *request.services.acceptor.faults(wanted))
    sent = await request.services.acceptor.send(wanted)
    if sent.replayed:
        response.set_header(idempotency.REPLAYED_HEADER, "true")
    http.reply(response, 201, views.message(sent.message, sent.message.media_urls))


async def redact(request: Request, response: Response, message_id: str) -> None:
    body = await http.body(request)
    text = body.text("body")
    body.check()
    found = await request.services.records.redact(request.project.id, http.row_id(message_id), text)
    http.reply(response, 200, views.message(found, await _media(request, found)))


async def _media(request: Request, message: Message) -> list[str]:
    """Outbound as given, inbound our addresses."""
    if message.direction is not Direction.INBOUND:
        return list(message.media_urls)
    if not message.num_media:
        return []
    return views.media_addresses(
        request.base_url, await request.services.store.media_of(message.project_id, message.id)
    )


def _send_request(body: Body, project_id: str, key: idempotency.Key) -> SendRequest:
    """Numbers and the callback's address of a wrong type go on as the text that they are, for the engine to refuse."""
    return SendRequest(
        project_id=project_id,
        source=Source.REALTIME,
        is_counted=True,
        to_number=_any_text(body.values.get("to")),
        from_number=_any_text(body.values.get("from")),
        body=body.text("body"),
        media_urls=_media_urls(body),
        force_mms=body.flag("send_as_mms") or False,
        callback_url=_any_text(body.values.get("status_callback")),
        custom_variables=_variables(body),
        idempotency_key=key.key,
        fingerprint=key.fingerprint,
    )


def _media_urls(body: Body) -> tuple[str, ...]:
    given = body.values.get("media")
    if given is None or isinstance(given, list):
        return tuple(_any_text(each) or "" for each in given or ())
    body.refuse("media", "media must be a list of texts.")
    return ()


def _variables(body: Body) -> dict[str, object] | None:
    given = body.values.get("custom_variables")
    if given is None or isinstance(given, dict):
        return given
    body.refuse("custom_variables", "custom_variables must be an object.")
    return None


def _any_text(value: Any) -> str | None:
    return value if value is None or isinstance(value, str) else json.dumps(value)


def routes() -> list[Route]:
    return [
        Route(
            method="POST",
            path=LIST,
            family=Family.MESSAGING,
            operation="send_message",
            summary="Send a message",
            about="The answer comes when the message is safely kept; it is sent right after.",
            handler=send,
            answers={201: views.RestMessage},
            scopes=_SCOPES,
            body=SendMessage,
        ),
        Route(
            method="PATCH",
            path=LIST + "/{message_id}",
            family=Family.MESSAGING,
            operation="redact_message",
            summary="Redact a message",
            about="Removes its text for good, everywhere. Not while it is in progress.",
            handler=redact,
            answers={200: views.RestMessage},
            scopes=_SCOPES,
            body=RedactMessage,
        ),
    ]
