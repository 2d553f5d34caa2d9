"""`phone_numbers/search`, and taking one: the deployment's free numbers in the relay/rest API's words."""

from collections.abc import Iterable, Iterator
from functools import partial
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, UnsetType

from heliograph.api import http, imports
from heliograph.api.fields import Form
from heliograph.api.http import Request, Response
from heliograph.api.relay_rest.lists import PageLinks
from heliograph.api.relay_rest.numbers import PATH, view
from heliograph.api.relay_rest.schemas import PhoneNumber
from heliograph.api.route import Family, Parameter, Route
from heliograph.core import inventory
from heliograph.core.directory import CAPABILITIES
from heliograph.core.errors import Fault, Refusal, Refused
from heliograph.core.inventory import LOCAL, TOLL_FREE, FreeNumber, Search

IMPORTED = "/api/relay/rest/imported_phone_numbers"
MAX_RESULTS = 100
_KINDS = {"local": LOCAL, "toll-free": TOLL_FREE, "toll_free": TOLL_FREE, "tollfree": TOLL_FREE}
"""As SignalWire writes them, and as its SDKs do."""

_PARTS = ("starts_with", "contains", "ends_with")
_PART_DIGITS = (3, 7)


class FreeCapabilities(msgspec.Struct, kw_only=True):
    """What a free number can do."""

    voice: bool
    sms: bool
    mms: bool
    fax: bool


class FreePhoneNumber(msgspec.Struct, kw_only=True):
    """A number that can be taken; what is not known of its place is left out."""

    number: Annotated[str, Meta(examples=["+12065550142"])]
    region: Annotated[str, Meta(examples=["WA"])] | UnsetType = UNSET
    city: Annotated[str, Meta(examples=["Seattle"])] | UnsetType = UNSET
    rate_center: Annotated[str, Meta(examples=["SEATTLE"])] | UnsetType = UNSET
    lata: Annotated[str, Meta(examples=["674"])] | UnsetType = UNSET
    capabilities: FreeCapabilities


class FreePhoneNumbers(msgspec.Struct, kw_only=True):
    """Free numbers, by number: one page, with no other beside it."""

    links: PageLinks
    data: list[FreePhoneNumber]


class PurchasePhoneNumber(msgspec.Struct, kw_only=True):
    """Which number to take."""

    number: Annotated[str, Meta(description="E.164.", pattern=r"^\+[0-9]{5,17}$", examples=["+12065550142"])]


class ImportPhoneNumber(msgspec.Struct, kw_only=True):
    """A number that is hosted elsewhere."""

    number: Annotated[str, Meta(description="E.164.", pattern=r"^\+[0-9]{5,17}$", examples=["+4915223433333"])]
    number_type: Annotated[
        str,
        Meta(
            description="longcode or tollfree.",
            extra_json_schema={"enum": list(imports.NUMBER_TYPES)},
            examples=["longcode"],
        ),
    ]
    capabilities: (
        Annotated[
            list[Annotated[str, Meta(extra_json_schema={"enum": list(CAPABILITIES)})]],
            Meta(description="What it can do; everything unless told.", examples=[["sms", "mms"]]),
        ]
        | UnsetType
        | None
    ) = UNSET


async def search(request: Request, response: Response) -> None:
    query = http.query(request)
    faults = list(_faults(query))
    if faults:
        raise Refused(*faults)
    wanted = Search(
        kind=_KINDS[query.filled("number_type") or "local"],
        area_code=query.filled("areacode"),
        starts_with=query.filled("starts_with"),
        contains=query.filled("contains"),
        ends_with=query.filled("ends_with"),
        region=query.filled("region"),
        city=query.filled("city"),
        limit=min(
            _whole(query.filled("max_results")) or inventory.SEARCH_DEFAULT, request.services.config.number_search_max
        ),
    )
    found = await request.services.number_orders.search(wanted)
    address = request.base_url + request.path + (f"?{request.query_string}" if request.query_string else "")
    shown = FreePhoneNumbers(links=PageLinks(this=address, first=address), data=list(map(_view, found)))
    http.reply(response, 200, shown)


async def purchase(request: Request, response: Response) -> None:
    body = await http.body(request)
    number = body.text("number")
    body.check()
    bought = await request.services.number_orders.buy(request.project, number, name="", settings={})
    http.reply(response, 200, view(bought))


async def bring(request: Request, response: Response) -> None:
    body = await http.body(request)
    number, kind, capabilities = body.text("number"), body.text("number_type"), body.texts("capabilities")
    body.check()
    if number and not number.startswith("+"):
        number = f"+{number}"
    http.reply(response, 201, view(await imports.bring(request, number, kind, capabilities or ())))


def _faults(query: Form) -> Iterator[Refusal]:
    kind = query.filled("number_type")
    if kind is not None and kind not in _KINDS:
        yield Refusal(Fault.PARAMETER_INVALID, "number_type must be local or toll-free.", "number_type")
    area = query.filled("areacode")
    if area is not None and not inventory.is_area_code(area):
        yield Refusal(Fault.AREA_CODE_INVALID)
    given = [name for name in _PARTS if query.filled(name) is not None]
    if len(given) > 1:
        yield Refusal(Fault.PARAMETER_INVALID, f"{given[1]} can't be used together with {given[0]}.", given[1])
    for name in given:
        if not _is_part(query.filled(name) or ""):
            yield Refusal(Fault.PARAMETER_INVALID, f"{name} has 3 to 7 digits.", name)
    yield from _place_faults(query, toll_free=_KINDS.get(kind or "") == TOLL_FREE)
    most = query.filled("max_results")
    if most is not None and not 1 <= (_whole(most) or 0) <= MAX_RESULTS:
        yield Refusal(Fault.PARAMETER_INVALID, f"max_results is from 1 to {MAX_RESULTS}.", "max_results")


def _place_faults(query: Form, *, toll_free: bool) -> Iterator[Refusal]:
    for name in ("region", "city"):
        if toll_free and query.filled(name) is not None:
            yield Refusal(Fault.PARAMETER_INVALID, f"{name} is for local numbers only.", name)
    if query.filled("city") is not None and query.filled("region") is None:
        yield Refusal(Fault.PARAMETER_MISSING, "city needs region.", "region")


def _is_part(text: str) -> bool:
    fewest, most = _PART_DIGITS
    return fewest <= len(text) <= most and text.isascii() and text.isdigit()


def _whole(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 10 else None


def _view(free: FreeNumber) -> FreePhoneNumber:
    return FreePhoneNumber(
        number=free.number,
        region=free.region or UNSET,
        city=free.city or UNSET,
        rate_center=free.rate_center or UNSET,
        lata=free.lata or UNSET,
        capabilities=FreeCapabilities(**{name: name in free.capabilities for name in CAPABILITIES}),
    )


def routes() -> list[Route]:
    """Search, purchase, import."""
    route = partial(Route, family=Family.RELAY_REST, scopes=("numbers",))
    return [
        route(
            method="GET",
            path=PATH + "/search",
            operation="search_available_phone_numbers",
            summary="Search free phone numbers",
            handler=search,
            answers={200: FreePhoneNumbers},
            query=tuple(_parameters()),
        ),
        route(
            method="POST",
            path=PATH,
            operation="purchase_phone_number",
            summary="Take a phone number",
            about="Numbers come from the deployment's inventory: see the search.",
            handler=purchase,
            body=PurchasePhoneNumber,
            answers={200: PhoneNumber},
        ),
        route(
            method="POST",
            path=IMPORTED,
            operation="import_phone_number",
            summary="Import a phone number",
            about="For deployments that allow it (setting `allow_number_import`).",
            handler=bring,
            body=ImportPhoneNumber,
            answers={201: PhoneNumber},
        ),
    ]


def _parameters() -> Iterable[Parameter]:
    digits = {"type": "string", "pattern": "^([0-9]{3,7})?$"}
    text: dict[str, Any] = {"type": "string"}
    area = {"type": "string", "pattern": "^([0-9]{3})?$"}
    yield Parameter(name="areacode", about="Only numbers of this area code.", schema=area)
    kinds = {"type": "string", "enum": ["local", "toll-free"], "default": "local"}
    yield Parameter(name="number_type", about="local or toll-free.", schema=kinds)
    for name, where in zip(_PARTS, ("at the start of", "in", "at the end of"), strict=True):
        yield Parameter(
            name=name, about=f"Only numbers with these digits {where} the national number; one of three.", schema=digits
        )
    most = {"type": "integer", "minimum": 1, "maximum": MAX_RESULTS, "default": inventory.SEARCH_DEFAULT}
    yield Parameter(name="max_results", about="Most numbers to show.", schema=most)
    yield Parameter(name="region", about="Only local numbers of this state or province.", schema=text)
    yield Parameter(name="city", about="Only local numbers of this city. Needs region.", schema=text)
