"""`phone_numbers`: a project's numbers, and where their messages go, in the relay/rest API's words."""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import msgspec

from heliograph.api import http, times
from heliograph.api.cxml.numbers import filter_text
from heliograph.api.fields import Body, Form
from heliograph.api.http import Request, Response
from heliograph.api.relay_rest.lists import page_of, page_parameters
from heliograph.api.relay_rest.schemas import PhoneNumber, PhoneNumberPage, UpdatePhoneNumber
from heliograph.api.route import Family, Parameter, Route
from heliograph.api.setting_checks import checks_for
from heliograph.core import number_settings, numbers
from heliograph.core.directory import Number
from heliograph.core.errors import Fault, NotFound, Refusal, Refused
from heliograph.core.number_settings import DEFAULT_METHOD, RELAY_NUMBER, Kind, Settings
from heliograph.core.texts import has_controls

PATH = "/api/relay/rest/phone_numbers"
MAX_NAME_LENGTH = 255
_FILTERS = ("filter_name", "filter_number")
_SHOWN = {
    name: field
    for name, field in RELAY_NUMBER.items()
    if name in PhoneNumber.__struct_fields__ and not name.endswith("_handler")
}
"""The settings that are shown as they are kept; the handlers are worked out."""


def view(number: Number) -> PhoneNumber:
    """Return the number as the relay/rest API shows it."""
    settings = number.settings
    shown: dict[str, Any] = {}
    for name, field in _SHOWN.items():
        default = DEFAULT_METHOD if field.kind is Kind.METHOD else None
        shown[name] = settings.get(field.key) or default
    shown["message_smpp_system_id"] = shown["message_smpp_system_id"] or msgspec.UNSET
    shown["call_receive_mode"] = shown["call_receive_mode"] or "voice"
    return PhoneNumber(
        id=number.id,
        number=number.number,
        name=number.name or None,
        capabilities=list(number.capabilities),
        number_type="toll-free" if numbers.is_toll_free(number.number) else "longcode",
        created_at=times.iso8601(number.created_at),
        updated_at=times.iso8601(number.updated_at),
        call_handler=number_settings.call_handler(settings),
        message_handler=number_settings.message_handler(settings),
        country_code=numbers.country_of(number.number),
        **shown,
    )


async def list_all(request: Request, response: Response) -> None:
    """Answer with a page of the project's numbers."""
    page, links = await page_of(request, _matching(request, http.query(request)), _FILTERS)
    http.reply(response, 200, PhoneNumberPage(links=links, data=[view(row) for row in page.rows]))


async def retrieve(request: Request, response: Response, id: str) -> None:
    http.reply(response, 200, view(_find(request, id)))


async def update(request: Request, response: Response, id: str) -> None:
    """Change what is given; null and an empty URL clear a setting."""
    body = await http.body(request)
    before = _find(request, id)
    after = await request.services.directory.update_number(
        before.project_id, before.id, lambda now: changed(request, now, body, body.values)
    )
    http.reply(response, 200, view(after))


async def release(request: Request, response: Response, id: str) -> None:
    """Give the number back."""
    await request.services.number_orders.release(_find(request, id))
    response.status = 204


def changed(request: Request, before: Number, body: Body, settings: Mapping[str, Any]) -> Number:
    """The number with the body's name and `settings`, those of its members that are meant for it; names that are none
    of a setting are ignored. Raises Refused with all the faults of the body."""
    name = _name(body, before)
    return replace(before, name=name, settings=_settings(request, before, body, settings))


def _name(body: Body, before: Number) -> str:
    if "name" not in body.values:
        return before.name
    name = body.text("name") or ""
    if len(name) > MAX_NAME_LENGTH or has_controls(name):
        body.refuse("name", f"name has at most {MAX_NAME_LENGTH} characters, and no control characters.")
    return name


def _settings(request: Request, before: Number, body: Body, given: Mapping[str, Any]) -> Settings:
    checks = checks_for(request.services, request.project.id)
    faults: tuple[Refusal, ...] = ()
    settings: Settings = {}
    try:
        settings = number_settings.changed_by_relay(before.settings, given, checks)
    except Refused as refused:
        faults = tuple(map(_in_json, refused.refusals))
    if body.faults or faults:
        raise Refused(*body.faults, *faults)
    return settings


def _in_json(refusal: Refusal) -> Refusal:
    """A missing application is told of the parameter that named it."""
    if refusal.fault is Fault.APPLICATION_UNKNOWN:
        return Refusal(refusal.fault, f"{refusal.where}: no such application in this project.", refusal.attribute)
    return refusal


def _matching(request: Request, query: Form) -> list[Number]:
    name, part = query.filled("filter_name") or "", filter_text(query.filled("filter_number"))
    mine = request.services.directory.numbers_of(request.project.id)
    return [each for each in mine if _is_here(each) and name in each.name and part in each.number]


def _find(request: Request, number_id: str) -> Number:
    found = request.services.directory.number(request.project.id, http.row_id(number_id))
    if found is None or not _is_here(found):
        raise NotFound
    return found


def _is_here(number: Number) -> bool:
    """Short codes have an endpoint of their own."""
    return not numbers.is_short_code(number.number)


def routes() -> list[Route]:
    """List, get, update, release; inventory.py has those that take a number."""
    route = partial(Route, family=Family.RELAY_REST, scopes=("numbers",))
    return [
        route(
            method="GET",
            path=PATH,
            operation="list_phone_numbers",
            summary="List phone numbers",
            handler=list_all,
            answers={200: PhoneNumberPage},
            query=(*_filters(), *page_parameters()),
        ),
        route(
            method="GET",
            path=PATH + "/{id}",
            operation="get_phone_number",
            summary="Get a phone number",
            handler=retrieve,
            answers={200: PhoneNumber},
        ),
        route(
            method="DELETE",
            path=PATH + "/{id}",
            operation="release_phone_number",
            summary="Release a phone number",
            about="It leaves its number groups; a number of the inventory is free again.",
            handler=release,
            answers={204: None},
        ),
        route(
            method="PUT",
            path=PATH + "/{id}",
            operation="update_phone_number",
            summary="Update a phone number",
            about="`message_handler` decides where the number's messages go: to a cXML document (`laml_webhooks`, "
            "`laml_application`), a SWML document (`relay_script`), Relay clients (`relay_topic`, `relay_context`, "
            "`relay_application`), or our own `smpp_bind`, the SMPP binds of `message_smpp_system_id`. "
            "Fields for calls are kept and returned, and do nothing.",
            handler=update,
            body=UpdatePhoneNumber,
            answers={200: PhoneNumber},
        ),
    ]


def _filters() -> tuple[Parameter, ...]:
    text: dict[str, Any] = {"type": "string"}
    return (
        Parameter(name="filter_name", about="Only those with this in their name.", schema=text),
        Parameter(name="filter_number", about="Only numbers that have this in them.", schema=text),
    )
