"""`Applications`: handlers and status callbacks under one id, which numbers and messages can refer to."""

import secrets
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Annotated

import msgspec
from msgspec import Meta

from heliograph.api import http, paging, times
from heliograph.api.cxml import lists
from heliograph.api.cxml.views import API_VERSION, ROOT, CxmlPage
from heliograph.api.fields import Form
from heliograph.api.http import Request, Response
from heliograph.api.route import Family, Parameter, Route
from heliograph.api.setting_checks import checks_for
from heliograph.core import number_settings
from heliograph.core.directory import Application
from heliograph.core.errors import Fault, NotFound, refuse
from heliograph.core.ids import Uuid7Generator
from heliograph.core.number_settings import CXML_APPLICATION, DEFAULT_METHOD
from heliograph.core.texts import is_name

MAX_NAME_LENGTH = 64
_COLLECTION = ROOT + "/Accounts/{AccountSid}/Applications"
_ONE = _COLLECTION + "/{Sid}"
_SCOPES = ("messaging", "calling", "fax")
_FILTERS = ("FriendlyName",)

_ids = Uuid7Generator(lambda: secrets.randbits(62))

Uuid = Annotated[str, Meta(extra_json_schema={"format": "uuid"})]
When = Annotated[str, Meta(description="RFC 2822, UTC.", examples=["Mon, 23 Nov 2026 09:30:00 +0000"])]
Method = Annotated[str, Meta(description="GET or POST.", extra_json_schema={"enum": ["GET", "POST"]})]
Url = Annotated[str, Meta(description="An http or https URL; empty clears it.", max_length=4096)]
SmsUrl = Annotated[
    str,
    Meta(
        description="Asked for a document when a message arrives; empty clears it.",
        max_length=4096,
        examples=["https://example.com/sms"],
    ),
]
StatusUrl = Annotated[
    str,
    Meta(
        description="Told of the states of messages sent through this application; empty clears it.",
        max_length=4096,
        examples=["https://example.com/status"],
    ),
]
Name = Annotated[
    str, Meta(description="What it is called.", min_length=1, max_length=MAX_NAME_LENGTH, examples=["Support"])
]


class CxmlApplication(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """An application."""

    sid: Uuid
    account_sid: Uuid
    api_version: str = API_VERSION
    date_created: When
    date_updated: When
    friendly_name: str
    uri: str
    voice_url: str | None
    voice_method: Method
    voice_fallback_url: str | None
    voice_fallback_method: Method
    status_callback: str | None
    status_callback_method: Method
    voice_caller_id_lookup: bool | None = None
    sms_url: str | None
    sms_method: Method
    sms_fallback_url: str | None
    sms_fallback_method: Method
    sms_status_callback: str | None
    sms_status_callback_method: Method
    message_status_callback: str | None


class CxmlApplicationPage(CxmlPage, kw_only=True):
    """Applications, newest first."""

    applications: list[CxmlApplication]


class UpdateApplication(msgspec.Struct, kw_only=True, rename="pascal"):
    """What of an application is to be changed; the rest stays."""

    friendly_name: Name | msgspec.UnsetType = msgspec.UNSET
    sms_url: SmsUrl | msgspec.UnsetType = msgspec.UNSET
    sms_method: Method | msgspec.UnsetType = msgspec.UNSET
    sms_fallback_url: Url | msgspec.UnsetType = msgspec.UNSET
    sms_fallback_method: Method | msgspec.UnsetType = msgspec.UNSET
    sms_status_callback: StatusUrl | msgspec.UnsetType = msgspec.UNSET
    sms_status_callback_method: Method | msgspec.UnsetType = msgspec.UNSET
    message_status_callback: Url | msgspec.UnsetType = msgspec.UNSET
    voice_url: Url | msgspec.UnsetType = msgspec.UNSET
    voice_method: Method | msgspec.UnsetType = msgspec.UNSET
    voice_fallback_url: Url | msgspec.UnsetType = msgspec.UNSET
    voice_fallback_method: Method | msgspec.UnsetType = msgspec.UNSET
    status_callback: Url | msgspec.UnsetType = msgspec.UNSET
    status_callback_method: Method | msgspec.UnsetType = msgspec.UNSET


class CreateApplication(UpdateApplication, kw_only=True, rename="pascal"):
    """A new application."""

    friendly_name: Name


def view(application: Application) -> CxmlApplication:
    """Return the application as the cXML API shows it."""
    settings = application.settings

    def method(name: str) -> str:
        return settings.get(name) or DEFAULT_METHOD

    return CxmlApplication(
        sid=application.id,
        account_sid=application.project_id,
        date_created=times.rfc2822(application.created_at),
        date_updated=times.rfc2822(application.updated_at),
        friendly_name=application.name,
        uri=f"{_collection(application.project_id)}/{application.id}",
        voice_url=settings.get("voice_url"),
        voice_method=method("voice_method"),
        voice_fallback_url=settings.get("voice_fallback_url"),
        voice_fallback_method=method("voice_fallback_method"),
        status_callback=settings.get("status_callback"),
        status_callback_method=method("status_callback_method"),
        sms_url=settings.get("sms_url"),
        sms_method=method("sms_method"),
        sms_fallback_url=settings.get("sms_fallback_url"),
        sms_fallback_method=method("sms_fallback_method"),
        sms_status_callback=settings.get("sms_status_callback"),
        sms_status_callback_method=method("sms_status_callback_method"),
        message_status_callback=settings.get("sms_status_callback"),
    )


async def list_all(request: Request, response: Response) -> None:
    """Answer with a page of the project's applications."""
    query = http.query(request)
    asked = paging.wanted(query, paging.CXML)
    name = query.filled("FriendlyName")
    rows = [row for row in request.services.directory.applications_of(request.project.id) if name in (None, row.name)]
    page = await paging.fetch(asked, paging.of_list(rows))
    place = lists.place(page, _collection(request.project.id), query, _FILTERS)
    http.reply(response, 200, CxmlApplicationPage(applications=[view(row) for row in page.rows], **place))


async def create(request: Request, response: Response) -> None:
    """Make an application; its name is required."""
    form = await http.form(request)
    if form.filled("FriendlyName") is None:
        raise refuse(Fault.PARAMETER_MISSING, "FriendlyName is required.", "FriendlyName")
    now = request.services.clock.now()
    blank = Application(
        project_id=request.project.id, id=_ids.next(now), name="", created_at=now, updated_at=now, settings={}
    )
    made = _changed(request, blank, form)
    await request.services.directory.create_application(made)
    http.reply(response, 201, view(made))


async def retrieve(request: Request, response: Response, sid: str) -> None:
    http.reply(response, 200, view(_find(request, sid)))


async def update(request: Request, response: Response, sid: str) -> None:
    """Change what is given."""
    form = await http.form(request)
    before = _find(request, sid)
    after = await request.services.directory.update_application(
        before.project_id, before.id, lambda now: _changed(request, now, form)
    )
    http.reply(response, 200, view(after))


async def remove(request: Request, response: Response, sid: str) -> None:
    """Remove it. Numbers that refer to it then have no handler."""
    if not await request.services.directory.remove_application(request.project.id, http.row_id(sid)):
        raise NotFound
    response.status = 204


def _collection(project_id: str) -> str:
    return f"{ROOT}/Accounts/{project_id}/Applications"


def _find(request: Request, sid: str) -> Application:
    found = request.services.directory.application(request.project.id, http.row_id(sid))
    if found is None:
        raise NotFound
    return found


def _changed(request: Request, application: Application, form: Form) -> Application:
    name = form.text("FriendlyName")
    if name is not None and not is_name(name, MAX_NAME_LENGTH):
        message = f"FriendlyName has 1 to {MAX_NAME_LENGTH} characters, and no control characters."
        raise refuse(Fault.PARAMETER_INVALID, message, "FriendlyName")
    checks = checks_for(request.services, request.project.id)
    settings = number_settings.changed(application.settings, given(form, CXML_APPLICATION), CXML_APPLICATION, checks)
    return replace(application, name=application.name if name is None else name, settings=settings)


def given(form: Form, fields: Mapping[str, object]) -> dict[str, object]:
    """Return what of these fields the form has."""
    return {name: form.text(name) for name in fields if name in form}


def routes() -> list[Route]:
    """List, create, get, update, delete."""
    by_name = Parameter(name="FriendlyName", about="Only those of this name.", schema={"type": "string"})

    route = partial(Route, family=Family.CXML, scopes=_SCOPES)
    return [
        route(
            method="GET",
            path=_COLLECTION,
            operation="list_applications",
            summary="List applications",
            handler=list_all,
            answers={200: CxmlApplicationPage},
            query=lists.page_parameters(by_name),
        ),
        route(
            method="POST",
            path=_COLLECTION,
            operation="create_application",
            summary="Create an application",
            handler=create,
            body=CreateApplication,
            answers={201: CxmlApplication},
        ),
        route(
            method="GET",
            path=_ONE,
            operation="get_application",
            summary="Get an application",
            handler=retrieve,
            answers={200: CxmlApplication},
        ),
        route(
            method="POST",
            path=_ONE,
            operation="update_application",
            summary="Update an application",
            handler=update,
            body=UpdateApplication,
            answers={200: CxmlApplication},
        ),
        route(
            method="DELETE",
            path=_ONE,
            operation="delete_application",
            summary="Delete an application",
            about="Numbers that refer to it then have no handler.",
            handler=remove,
            answers={204: None},
        ),
    ]
