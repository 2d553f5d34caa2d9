"""`short_codes`: a project's short codes, and where their messages go.

A short code is a number of 5 or 6 digits, and kept as any number is. Operators add them: nobody buys one by an API.
"""

from functools import partial
from typing import Annotated, Any, Final

import msgspec
from msgspec import UNSET, Meta, UnsetType

from heliograph.api import http, times
from heliograph.api.fields import Body, Form
from heliograph.api.http import Request, Response
from heliograph.api.relay_rest.lists import PageLinks, page_of, page_parameters
from heliograph.api.relay_rest.numbers import MAX_NAME_LENGTH, changed
from heliograph.api.relay_rest.schemas import MessageUrl, Method, SystemId, Text, Url, Uuid, When
from heliograph.api.route import Family, Parameter, Route
from heliograph.core import number_settings, numbers
from heliograph.core.directory import SHORT_CODE_CAPABILITIES, Number
from heliograph.core.errors import NotFound
from heliograph.core.number_settings import DEFAULT_METHOD

PATH = "/api/relay/rest/short_codes"
HANDLERS: Final = ("relay_context", "laml_webhooks", "laml_application", "relay_script", "smpp_bind")
"""SignalWire's three, and two of ours."""

_FILTERS: Final = ("filter_name", "filter_number")

MessageHandler = Annotated[
    str,
    Meta(
        description="What is done with its messages.",
        extra_json_schema={"enum": list(HANDLERS)},
        examples=["laml_webhooks"],
    ),
]


class ShortCode(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A short code of a project."""

    id: Uuid
    name: Annotated[str | None, Meta(examples=["Support"])]
    number: Annotated[str, Meta(examples=["54321"])]
    capabilities: Annotated[list[str], Meta(examples=[["sms", "mms"]])]
    number_type: Annotated[str, Meta(extra_json_schema={"enum": ["shortcode"]})] = "shortcode"
    code_type: Annotated[
        str, Meta(description="Always vanity: the operator chose it.", extra_json_schema={"enum": ["vanity", "random"]})
    ] = "vanity"
    country_code: Annotated[str, Meta(description="ISO 3166: a setting of the deployment.", examples=["US"])]
    created_at: When
    updated_at: When
    next_billed_at: When | None = None
    lease_duration: str | None = None
    message_handler: str | None
    message_request_url: str | None
    message_request_method: Method
    message_fallback_url: str | None
    message_fallback_method: Method
    message_laml_application_id: str | None
    message_relay_context: str | None
    message_smpp_system_id: Annotated[str, Meta(description="Ours; absent unless set.")] | UnsetType = UNSET


class ShortCodePage(msgspec.Struct, kw_only=True):
    """Short codes, newest first."""

    links: PageLinks
    data: list[ShortCode]


class UpdateShortCode(msgspec.Struct, kw_only=True):
    """What of a short code is to be changed; the rest stays, and null clears."""

    name: Annotated[str, Meta(max_length=MAX_NAME_LENGTH, examples=["Support"])] | UnsetType | None = UNSET
    message_handler: MessageHandler | UnsetType | None = UNSET
    message_request_url: MessageUrl | UnsetType | None = UNSET
    message_request_method: Method | UnsetType | None = UNSET
    message_fallback_url: Url | UnsetType | None = UNSET
    message_fallback_method: Method | UnsetType | None = UNSET
    message_laml_application_id: Text | UnsetType | None = UNSET
    message_relay_context: Text | UnsetType | None = UNSET
    message_smpp_system_id: SystemId | UnsetType | None = UNSET


def view(number: Number, country: str) -> ShortCode:
    """Return the short code as this API shows it; `country` is the deployment's."""
    settings = number.settings
    return ShortCode(
        id=number.id,
        name=number.name or None,
        number=number.number,
        capabilities=[each for each in number.capabilities if each in SHORT_CODE_CAPABILITIES],
        country_code=country,
        created_at=times.iso8601(number.created_at),
        updated_at=times.iso8601(number.updated_at),
        message_handler=number_settings.message_handler(settings),
        message_request_url=settings.get("sms_url"),
        message_request_method=settings.get("sms_method") or DEFAULT_METHOD,
        message_fallback_url=settings.get("sms_fallback_url"),
        message_fallback_method=settings.get("sms_fallback_method") or DEFAULT_METHOD,
        message_laml_application_id=settings.get("sms_application_id"),
        message_relay_context=settings.get("message_relay_context"),
        message_smpp_system_id=settings.get("smpp_system_id") or UNSET,
    )


async def list_all(request: Request, response: Response) -> None:
    """Answer with a page of the project's short codes."""
    page, links = await page_of(request, _matching(request, http.query(request)), _FILTERS)
    http.reply(response, 200, ShortCodePage(links=links, data=[_shown(request, row) for row in page.rows]))


async def retrieve(request: Request, response: Response, id: str) -> None:
    http.reply(response, 200, _shown(request, _find(request, id)))


async def update(request: Request, response: Response, id: str) -> None:
    """Change what is given; null and an empty URL clear a setting."""
    body = await http.body(request)
    before = _find(request, id)
    given = _settings(body)
    after = await request.services.directory.update_number(
        before.project_id, before.id, lambda now: changed(request, now, body, given)
    )
    http.reply(response, 200, _shown(request, after))


def _settings(body: Body) -> dict[str, Any]:
    """What is given of a short code's settings; of a number's other ones, which it has not, nothing. A handler that is
    none of a short code is noted."""
    given = {name: each for name, each in body.values.items() if name in UpdateShortCode.__struct_fields__}
    handler = given.get("message_handler")
    if isinstance(handler, str) and handler not in HANDLERS:
        body.refuse("message_handler", f"message_handler must be one of {', '.join(HANDLERS)}.")
        del given["message_handler"]
    return given


def _shown(request: Request, number: Number) -> ShortCode:
    return view(number, request.services.config.short_code_country)


def _matching(request: Request, query: Form) -> list[Number]:
    name, part = query.filled("filter_name") or "", query.filled("filter_number") or ""
    mine = request.services.directory.numbers_of(request.project.id)
    return [each for each in mine if numbers.is_short_code(each.number) and name in each.name and part in each.number]


def _find(request: Request, number_id: str) -> Number:
    found = request.services.directory.number(request.project.id, http.row_id(number_id))
    if found is None or not numbers.is_short_code(found.number):
        raise NotFound
    return found


def routes() -> list[Route]:
    """List, get, update. Short codes are added on the command line."""
    route = partial(Route, family=Family.RELAY_REST, scopes=("numbers",))
    text: dict[str, Any] = {"type": "string"}
    filters = (
        Parameter(name="filter_name", about="Only those with this in their name.", schema=text),
        Parameter(name="filter_number", about="Only those that have these digits in them.", schema=text),
    )
    one = PATH + "/{id}"
    return [
        route(
            method="GET",
            path=PATH,
            operation="list_short_codes",
            summary="List short codes",
            handler=list_all,
            answers={200: ShortCodePage},
            query=(*filters, *page_parameters()),
        ),
        route(
            method="GET",
            path=one,
            operation="retrieve_short_code",
            summary="Get a short code",
            handler=retrieve,
            answers={200: ShortCode},
        ),
        route(
            method="PUT",
            path=one,
            operation="update_short_code",
            summary="Update a short code",
            about="`message_handler` decides where its messages go.",
            handler=update,
            body=UpdateShortCode,
            answers={200: ShortCode},
        ),
    ]
