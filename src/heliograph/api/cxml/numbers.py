"""`IncomingPhoneNumbers`: a project's numbers, and where their messages go, in the cXML API's words.

The relay/rest API shows the same numbers under the same ids; what is set there shows here (core/number_settings).
"""

from dataclasses import replace
from functools import partial
from typing import Annotated

import msgspec
from msgspec import Meta

from heliograph.api import http, paging, times
from heliograph.api.cxml import lists
from heliograph.api.cxml.applications import Method, SmsUrl, Url, Uuid, When, given
from heliograph.api.cxml.views import API_VERSION, ROOT, CxmlPage
from heliograph.api.fields import Form
from heliograph.api.http import Request, Response
from heliograph.api.route import Family, Parameter, Route
from heliograph.api.setting_checks import checks_for
from heliograph.core import ids, number_settings, numbers
from heliograph.core.directory import Number, Project
from heliograph.core.errors import Fault, NotFound, refuse
from heliograph.core.number_settings import CXML_NUMBER, DEFAULT_METHOD, ORIGIN, RECEIVE_MODES
from heliograph.core.texts import is_name

MAX_NAME_LENGTH = 255
_COLLECTION = ROOT + "/Accounts/{AccountSid}/IncomingPhoneNumbers"
_ONE = _COLLECTION + "/{Sid}"
_FILTERS = ("PhoneNumber", "FriendlyName")


class Capabilities(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What a number can do."""

    voice: bool
    sms: bool
    mms: bool
    fax: bool


class IncomingPhoneNumber(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A phone number of a project."""

    account_id: Uuid
    account_sid: Uuid
    address_requirements: str = "none"
    address_sid: str | None = None
    api_version: str = API_VERSION
    beta: bool = False
    capabilities: Capabilities
    country_code: Annotated[str | None, Meta(description="ISO 3166; null for short codes.", examples=["US"])]
    date_created: When
    date_updated: When
    emergency_address_sid: str | None = None
    emergency_status: str = "Inactive"
    friendly_name: Annotated[str, Meta(examples=["(202) 555-0101"])]
    identity_sid: str | None = None
    origin: Annotated[str, Meta(description="hosted: imported; else signalwire.")]
    phone_number: Annotated[str, Meta(examples=["+12025550101"])]
    sid: Uuid
    sms_application_sid: str | None
    sms_fallback_method: Method
    sms_fallback_url: str | None
    sms_method: Method
    sms_url: str | None
    status_callback: str | None
    status_callback_method: Method
    trunk_sid: str | None = None
    uri: str
    verification_status: Annotated[
        str | msgspec.UnsetType, Meta(description="Of toll-free numbers only.", examples=["Verified"])
    ] = msgspec.UNSET
    voice_application_sid: str | None
    voice_caller_id_lookup: bool | None = None
    voice_fallback_method: Method
    voice_fallback_url: str | None
    voice_method: Method
    voice_url: str | None


class IncomingPhoneNumberPage(CxmlPage, kw_only=True):
    """Phone numbers, newest first."""

    incoming_phone_numbers: list[IncomingPhoneNumber]


class _NumberFields(msgspec.Struct, kw_only=True, rename="pascal"):
    """What a client may set on a number."""

    friendly_name: (
        Annotated[
            str,
            Meta(description="What it is called.", min_length=1, max_length=MAX_NAME_LENGTH, examples=["Support"]),
        ]
        | msgspec.UnsetType
    ) = msgspec.UNSET
    sms_url: SmsUrl | msgspec.UnsetType = msgspec.UNSET
    sms_method: Method | msgspec.UnsetType = msgspec.UNSET
    sms_fallback_url: Url | msgspec.UnsetType = msgspec.UNSET
    sms_fallback_method: Method | msgspec.UnsetType = msgspec.UNSET
    sms_application_sid: (
        Annotated[str, Meta(description="An application whose URLs are used instead; empty clears it.")]
        | msgspec.UnsetType
    ) = msgspec.UNSET
    status_callback: Url | msgspec.UnsetType = msgspec.UNSET
    status_callback_method: Method | msgspec.UnsetType = msgspec.UNSET
    voice_url: Url | msgspec.UnsetType = msgspec.UNSET
    voice_method: Method | msgspec.UnsetType = msgspec.UNSET
    voice_fallback_url: Url | msgspec.UnsetType = msgspec.UNSET
    voice_fallback_method: Method | msgspec.UnsetType = msgspec.UNSET
    voice_application_sid: (
        Annotated[str, Meta(description="An application for calls; empty clears it.")] | msgspec.UnsetType
    ) = msgspec.UNSET
    voice_receive_mode: (
        Annotated[str, Meta(description="voice or fax.", extra_json_schema={"enum": list(RECEIVE_MODES)})]
        | msgspec.UnsetType
    ) = msgspec.UNSET


class CreateIncomingPhoneNumber(_NumberFields, kw_only=True, rename="pascal"):
    """A number of the deployment's inventory, or any of an area code, and what is to be set on it."""

    phone_number: (
        Annotated[str, Meta(description="E.164; AreaCode may stand in its place.", examples=["+12065550142"])]
        | msgspec.UnsetType
    ) = msgspec.UNSET
    area_code: Annotated[str, Meta(description="Any free number of this area code.")] | msgspec.UnsetType = (
        msgspec.UNSET
    )


class UpdateIncomingPhoneNumber(_NumberFields, kw_only=True, rename="pascal"):
    """What of a number is to be changed; the rest stays. Voice fields are kept and do nothing."""

    account_sid: (
        Annotated[str, Meta(description="The project, or the subproject, that the number is moved to.")]
        | msgspec.UnsetType
    ) = msgspec.UNSET
    emergency_address_sid: (
        Annotated[str, Meta(description="Of emergency calls: taken, and without effect.")] | msgspec.UnsetType
    ) = msgspec.UNSET


def view(number: Number) -> IncomingPhoneNumber:
    """Return the number as the cXML API shows it."""
    settings = number.settings

    def method(name: str) -> str:
        return settings.get(name) or DEFAULT_METHOD

    return IncomingPhoneNumber(
        account_id=number.project_id,
        account_sid=number.project_id,
        capabilities=Capabilities(
            voice=number.can("voice"), sms=number.can("sms"), mms=number.can("mms"), fax=number.can("fax")
        ),
        country_code=numbers.country_of(number.number),
        date_created=times.rfc2822(number.created_at),
        date_updated=times.rfc2822(number.updated_at),
        friendly_name=friendly_name(number),
        origin=settings.get(ORIGIN) or "signalwire",
        phone_number=number.number,
        sid=number.id,
        sms_application_sid=_chosen_application(number, "message"),
        sms_fallback_method=method("sms_fallback_method"),
        sms_fallback_url=settings.get("sms_fallback_url"),
        sms_method=method("sms_method"),
        sms_url=settings.get("sms_url"),
        status_callback=settings.get("status_callback"),
        status_callback_method=method("status_callback_method"),
        uri=f"{_collection(number.project_id)}/{number.id}",
        verification_status="Verified" if numbers.is_toll_free(number.number) else msgspec.UNSET,
        voice_application_sid=_chosen_application(number, "call"),
        voice_fallback_method=method("voice_fallback_method"),
        voice_fallback_url=settings.get("voice_fallback_url"),
        voice_method=method("voice_method"),
        voice_url=settings.get("voice_url"),
    )


def friendly_name(number: Number) -> str:
    """Return what the number is called: the name it was given, else the number as its country writes it."""
    return number.name or numbers.national_format(number.number)


async def list_all(request: Request, response: Response) -> None:
    """Answer with a page of the project's numbers."""
    query = http.query(request)
    asked = paging.wanted(query, paging.CXML)
    page = await paging.fetch(asked, paging.of_list(_matching(request, query)))
    place = lists.place(page, _collection(request.project.id), query, _FILTERS)
    http.reply(response, 200, IncomingPhoneNumberPage(incoming_phone_numbers=[view(row) for row in page.rows], **place))


async def retrieve(request: Request, response: Response, sid: str) -> None:
    http.reply(response, 200, view(_find(request, sid)))


async def create(request: Request, response: Response) -> None:
    """Take a free number of the deployment."""
    form = await http.form(request)
    name = _name(form) or ""
    checks = checks_for(request.services, request.project.id)
    settings = number_settings.changed_by_cxml({}, given(form, CXML_NUMBER), checks)
    orders, wanted, area = request.services.number_orders, form.filled("PhoneNumber"), form.filled("AreaCode")
    if wanted is None and area is not None:
        number = await orders.buy_in_area(request.project, area, name=name, settings=settings)
    else:
        number = await orders.buy(request.project, filter_text(wanted), name=name, settings=settings)
    http.reply(response, 201, view(number))


async def update(request: Request, response: Response, sid: str) -> None:
    """Change what is given, and with it perhaps the handler of the number's messages, or its project."""
    form = await http.form(request)
    before = _find(request, sid)
    owner = _new_owner(request, form)
    name = _name(form)
    checks = checks_for(request.services, owner.id)

    def change(now: Number) -> Number:
        settings = number_settings.changed_by_cxml(now.settings, given(form, CXML_NUMBER), checks)
        return replace(now, project_id=owner.id, name=now.name if name is None else name, settings=settings)

    if owner.id != before.project_id:
        after = await request.services.number_orders.move(before, change, checks)
    else:
        after = await request.services.directory.update_number(before.project_id, before.id, change)
    http.reply(response, 200, view(after))


async def release(request: Request, response: Response, sid: str) -> None:
    """Give the number back."""
    await request.services.number_orders.release(_find(request, sid))
    response.status = 204


def _name(form: Form) -> str | None:
    name = form.text("FriendlyName")
    if name is not None and not is_name(name, MAX_NAME_LENGTH):
        message = f"FriendlyName has 1 to {MAX_NAME_LENGTH} characters, and no control characters."
        raise refuse(Fault.PARAMETER_INVALID, message, "FriendlyName")
    return name


def _new_owner(request: Request, form: Form) -> Project:
    """The project that the number is to belong to: one that the caller acts on."""
    wanted = form.filled("AccountSid")
    if wanted is None:
        return request.project
    caller = request.caller
    found = request.services.directory.acts_on(caller, ids.project_id(wanted)) if caller is not None else None
    if found is None:
        message = "AccountSid must be this project, or one of its subprojects."
        raise refuse(Fault.PARAMETER_INVALID, message, "AccountSid")
    return found


def filter_text(text: str | None) -> str:
    """Return a part of a number to look for. A `+` that was not percent-encoded arrives as a blank."""
    if text is None:
        return ""
    return numbers.typed(text.replace(" ", "+", 1) if text.startswith(" ") else text)


def _matching(request: Request, query: Form) -> list[Number]:
    part, name = filter_text(query.filled("PhoneNumber")), query.filled("FriendlyName")
    return [
        number
        for number in request.services.directory.numbers_of(request.project.id)
        if part in number.number and name in (None, friendly_name(number))
    ]


def _collection(project_id: str) -> str:
    return f"{ROOT}/Accounts/{project_id}/IncomingPhoneNumbers"


def _chosen_application(number: Number, what: str) -> str | None:
    """An application that was set aside for another handler is not shown: here, one that is shown is in force."""
    if what == "message":
        handler, key = number_settings.message_handler(number.settings), "sms_application_id"
    else:
        handler, key = number_settings.call_handler(number.settings), "voice_application_id"
    return number.settings.get(key) if handler == "laml_application" else None


def _find(request: Request, sid: str) -> Number:
    found = request.services.directory.number(request.project.id, http.row_id(sid))
    if found is None:
        raise NotFound
    return found


def routes() -> list[Route]:
    """List, take, get, update, release."""
    by_number = Parameter(name="PhoneNumber", about="Only numbers that have this in them.", schema={"type": "string"})
    by_name = Parameter(name="FriendlyName", about="Only those of this name.", schema={"type": "string"})

    route = partial(Route, family=Family.CXML, scopes=("numbers",))
    return [
        route(
            method="GET",
            path=_COLLECTION,
            operation="list_incoming_phone_numbers",
            summary="List phone numbers",
            handler=list_all,
            answers={200: IncomingPhoneNumberPage},
            query=lists.page_parameters(by_number, by_name),
        ),
        route(
            method="POST",
            path=_COLLECTION,
            operation="create_incoming_phone_number",
            summary="Take a phone number",
            about="Numbers come from the deployment's inventory: see `AvailablePhoneNumbers`.",
            handler=create,
            body=CreateIncomingPhoneNumber,
            answers={201: IncomingPhoneNumber},
        ),
        route(
            method="DELETE",
            path=_ONE,
            operation="delete_incoming_phone_number",
            summary="Release a phone number",
            about="It leaves its number groups; a number of the inventory is free again.",
            handler=release,
            answers={204: None},
        ),
        route(
            method="GET",
            path=_ONE,
            operation="get_incoming_phone_number",
            summary="Get a phone number",
            handler=retrieve,
            answers={200: IncomingPhoneNumber},
        ),
        route(
            method="POST",
            path=_ONE,
            operation="update_incoming_phone_number",
            summary="Update a phone number",
            about="Setting `SmsUrl` or `SmsApplicationSid` decides where the number's messages go; "
            "an application wins over a URL. `AccountSid` moves the number to another project of the caller.",
            handler=update,
            body=UpdateIncomingPhoneNumber,
            answers={200: IncomingPhoneNumber},
        ),
    ]
