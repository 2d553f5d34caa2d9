"""Messages of the cXML API: send, list, show, redact, delete (contract, section 4.1)."""

from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, UnsetType

from heliograph.api import http, idempotency, paging, periods
from heliograph.api.cxml import lists, views
from heliograph.api.fields import Form
from heliograph.api.http import Request, Response
from heliograph.api.paging import CXML
from heliograph.api.periods import PeriodNames
from heliograph.api.route import Family, Parameter, Route
from heliograph.core import numbers
from heliograph.core.directory import Project
from heliograph.core.errors import Fault, refuse
from heliograph.core.lifecycle import State
from heliograph.core.message import Message, Source
from heliograph.engine.requests import SendRequest
from heliograph.ports import Cursor, MessageFilter

LIST = views.ROOT + "/Accounts/{AccountSid}/Messages"
ONE = LIST + "/{Sid}"
FILTERS = ("To", "From", "Status", "DateSent", "DateSent<", "DateSent>")
_SENT = PeriodNames(on="DateSent", before="DateSent<", after="DateSent>", fault=Fault.PARAMETER_INVALID)
_SCOPES = ("messaging",)


class CreateMessage(msgspec.Struct, kw_only=True, omit_defaults=True):
    """A message to send. From or MessagingServiceSid, and Body or MediaUrl, are needed."""

    To: Annotated[str, Meta(description="The recipient, E.164.", examples=["+15557654321"])]
    From: Annotated[
        str | UnsetType, Meta(description="The sender: a number of the project.", examples=["+15551234567"])
    ] = UNSET
    MessagingServiceSid: Annotated[
        str | UnsetType, Meta(description="A number group to send from; with From it is only recorded.")
    ] = UNSET
    Body: Annotated[str | UnsetType, Meta(description="The text, up to 1600 characters.", examples=["Hello"])] = UNSET
    MediaUrl: Annotated[
        str | list[str] | UnsetType,
        Meta(description="Addresses of media to send, up to 8: repeat the field, or send a list as JSON."),
    ] = UNSET
    SendAsMms: Annotated[bool | UnsetType, Meta(description="Send as MMS whatever it has in it.")] = UNSET
    ApplicationSid: Annotated[
        str | UnsetType, Meta(description="An application whose status callback to use where none is given.")
    ] = UNSET
    StatusCallback: Annotated[str | UnsetType, Meta(description="Told of every change of the message's status.")] = (
        UNSET
    )
    MaxPrice: Annotated[
        str | UnsetType, Meta(description="Fail rather than cost more, US dollars, up to 4 decimals.")
    ] = UNSET
    ValidityPeriod: Annotated[
        int | UnsetType, Meta(description="Seconds that it may wait to be sent, 1 to 172800; 14400 unless told.")
    ] = UNSET


class UpdateMessage(msgspec.Struct, kw_only=True):
    """The one change that a message takes."""

    Body: Annotated[str, Meta(description="Must be empty: the text is removed for good.", examples=[""])]


async def create(request: Request, response: Response) -> None:
    form = await http.form(request)
    key = idempotency.read(request, {"account": request.project.id, **form.values})
    sent = await request.services.acceptor.send(_send_request(form, request.project, key))
    if sent.replayed:
        response.set_header(idempotency.REPLAYED_HEADER, "true")
    http.reply(response, 201, views.message(sent.message))


async def list_messages(request: Request, response: Response) -> None:
    query = http.query(request)
    asked = paging.wanted(query, CXML)
    wanted = _filter(query)

    async def rows_at(cursor: Cursor | None, limit: int) -> list[Message]:
        return await request.services.store.page(request.project.id, wanted, cursor, limit)

    page = await paging.fetch(asked, rows_at)
    place = lists.place(page, views.messages_uri(request.project.id), query, FILTERS)
    shown = [views.message(each) for each in page.rows]
    http.reply(response, 200, views.CxmlMessagePage(messages=shown, **place))


async def retrieve(request: Request, response: Response, sid: str) -> None:
    found = await request.services.records.get(request.project.id, http.row_id(sid))
    http.reply(response, 200, views.message(found))


async def update(request: Request, response: Response, sid: str) -> None:
    form = await http.form(request)
    found = await request.services.records.redact(request.project.id, http.row_id(sid), form.text("Body"))
    http.reply(response, 200, views.message(found))


async def delete(request: Request, response: Response, sid: str) -> None:
    await request.services.records.delete(request.project.id, http.row_id(sid))
    response.status = 204


def _send_request(form: Form, project: Project, key: idempotency.Key) -> SendRequest:
    """To, From and Body as given, "" included; of the rest an empty one counts as not given."""
    return SendRequest(
        project_id=project.id,
        source=Source.LAML,
        is_counted=True,
        to_number=form.text("To"),
        from_number=form.text("From"),
        group_id=form.filled("MessagingServiceSid"),
        body=form.text("Body"),
        media_urls=tuple(url for url in form.texts("MediaUrl") if url),
        force_mms=form.flag("SendAsMms"),
        callback_url=form.filled("StatusCallback"),
        application_id=form.filled("ApplicationSid"),
        max_price=form.filled("MaxPrice"),
        validity=form.filled("ValidityPeriod"),
        idempotency_key=key.key,
        fingerprint=key.fingerprint,
    )


def _filter(query: Form) -> MessageFilter:
    sent = periods.read(query, _SENT)
    return MessageFilter(
        to_number=_number(query.filled("To")),
        from_number=_number(query.filled("From")),
        state=_state(query.filled("Status")),
        sent_from=sent.start,
        sent_before=sent.end,
    )


def _number(text: str | None) -> str | None:
    """A number as it is stored. A blank at its start is the `+` of a client that did not percent-encode it."""
    if text is None:
        return None
    return numbers.typed(f"+{text[1:]}" if text.startswith(" ") else text)


def _state(text: str | None) -> State | None:
    if text is None:
        return None
    state = views.STATES.get(text)
    if state is None:
        raise refuse(Fault.PARAMETER_INVALID, f"Status is one of {', '.join(views.STATES)}.", "Status")
    return state


_DATES = {"type": "string", "examples": ["2026-11-23"]}
_QUERY = lists.page_parameters(
    Parameter(name="To", about="Only to this number.", schema={"type": "string"}),
    Parameter(name="From", about="Only from this number.", schema={"type": "string"}),
    Parameter(name="Status", about="Only in this status.", schema={"type": "string", "enum": list(views.STATES)}),
    Parameter(name="DateSent", about="Only sent on this UTC day.", schema=_DATES),
    Parameter(name="DateSent<", about="Only sent before this day began, or before this moment.", schema=_DATES),
    Parameter(name="DateSent>", about="Only sent since this day began, or since this moment.", schema=_DATES),
)


def routes() -> list[Route]:
    return [
        Route(
            method="POST",
            path=LIST,
            family=Family.CXML,
            operation="create_message",
            summary="Send a message",
            about="The answer comes when the message is safely kept; it is sent right after.",
            handler=create,
            answers={201: views.CxmlMessage},
            scopes=_SCOPES,
            body=CreateMessage,
        ),
        Route(
            method="GET",
            path=LIST,
            family=Family.CXML,
            operation="list_messages",
            summary="List messages",
            about="Newest first.",
            handler=list_messages,
            answers={200: views.CxmlMessagePage},
            scopes=_SCOPES,
            query=_QUERY,
        ),
        Route(
            method="GET",
            path=ONE,
            family=Family.CXML,
            operation="retrieve_message",
            summary="Show a message",
            handler=retrieve,
            answers={200: views.CxmlMessage},
            scopes=_SCOPES,
        ),
        Route(
            method="POST",
            path=ONE,
            family=Family.CXML,
            operation="update_message",
            summary="Redact a message",
            about="Removes its text for good, everywhere. Not while it is in progress.",
            handler=update,
            answers={200: views.CxmlMessage},
            scopes=_SCOPES,
            body=UpdateMessage,
        ),
        Route(
            method="DELETE",
            path=ONE,
            family=Family.CXML,
            operation="delete_message",
            summary="Delete a message",
            about="Its media go too; its log stays. Not while it is in progress.",
            handler=delete,
            answers={204: None},
            scopes=_SCOPES,
        ),
    ]
