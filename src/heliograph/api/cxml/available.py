"""`AvailablePhoneNumbers`: the numbers that the deployment has to give, by country and kind."""

from collections.abc import Iterable
from functools import partial
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from heliograph.api import http
from heliograph.api.cxml.views import ROOT
from heliograph.api.fields import Form
from heliograph.api.http import Request, Response
from heliograph.api.route import Family, Parameter, Route
from heliograph.core import inventory, numbers, places
from heliograph.core.errors import Fault, NotFound, refuse
from heliograph.core.inventory import LOCAL, TOLL_FREE, FreeNumber, Search

_COLLECTION = ROOT + "/Accounts/{AccountSid}/AvailablePhoneNumbers"
_COUNTRY = _COLLECTION + "/{IsoCountry}"
_KINDS = {LOCAL: "Local", TOLL_FREE: "TollFree"}
_FLAGS = (
    "Beta",
    "ExcludeAllAddressRequired",
    "ExcludeForeignAddressRequired",
    "ExcludeLocalAddressRequired",
    "FaxEnabled",
    "MmsEnabled",
    "SmsEnabled",
    "VoiceEnabled",
)
"""Taken and without effect, as SignalWire has it."""


class AvailableCapabilities(msgspec.Struct, kw_only=True):
    """What a free number can do."""

    voice: bool
    SMS: bool
    MMS: bool


class AvailablePhoneNumber(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A number that can be taken."""

    friendly_name: Annotated[str, Meta(examples=["(206) 555-0142"])]
    phone_number: Annotated[str, Meta(examples=["+12065550142"])]
    lata: str | None = None
    locality: str | None = None
    rate_center: Annotated[str | None, Meta(examples=["SEATTLE"])]
    latitude: str | None = None
    longitude: str | None = None
    region: Annotated[str | None, Meta(examples=["WA"])]
    postal_code: str | None = None
    iso_country: Annotated[str, Meta(examples=["US"])]
    capabilities: AvailableCapabilities
    beta: bool = False


class AvailablePhoneNumberList(msgspec.Struct, kw_only=True):
    """Free numbers, by number."""

    uri: str
    available_phone_numbers: list[AvailablePhoneNumber]


class CountryLinks(msgspec.Struct, kw_only=True):
    """Where the kinds of a country's numbers are listed."""

    local: str
    toll_free: str


class AvailableCountry(msgspec.Struct, kw_only=True):
    """A country that has free numbers."""

    country_code: Annotated[str, Meta(examples=["US"])]
    country: Annotated[str, Meta(examples=["United States"])]
    uri: str
    beta: bool = False
    subresource_uris: CountryLinks


class AvailableCountryList(msgspec.Struct, kw_only=True):
    """The countries that have free numbers."""

    uri: str
    countries: list[AvailableCountry]


async def list_countries(request: Request, response: Response) -> None:
    found = await request.services.number_orders.countries()
    shown = [_country(request, code) for code in found]
    http.reply(response, 200, AvailableCountryList(uri=_uri(request), countries=shown))


async def get_country(request: Request, response: Response, iso_country: str) -> None:
    code = _code(iso_country)
    if code not in await request.services.number_orders.countries():
        raise NotFound
    http.reply(response, 200, _country(request, code))


async def search_local(request: Request, response: Response, iso_country: str) -> None:
    await _search(request, response, iso_country, LOCAL)


async def search_toll_free(request: Request, response: Response, iso_country: str) -> None:
    await _search(request, response, iso_country, TOLL_FREE)


async def _search(request: Request, response: Response, iso_country: str, kind: str) -> None:
    query = http.query(request)
    for name in _FLAGS:
        query.flag(name)
    search = Search(
        country=_code(iso_country),
        kind=kind,
        area_code=_area_code(query),
        contains=_contains(query),
        region=query.filled("InRegion"),
        city=_city(query),
        limit=_limit(request, query),
    )
    found = await request.services.number_orders.search(search)
    uri = f"{_uri(request)}/{search.country}/{_KINDS[kind]}"
    http.reply(response, 200, AvailablePhoneNumberList(uri=uri, available_phone_numbers=list(map(_view, found))))


def _code(given: str) -> str:
    code = given.upper()
    if not numbers.is_country(code):
        raise NotFound
    return code


def _area_code(query: Form) -> str | None:
    given = query.filled("AreaCode")
    if given is not None and not inventory.is_area_code(given):
        raise refuse(Fault.AREA_CODE_INVALID, attribute="AreaCode")
    return given


def _contains(query: Form) -> str | None:
    given = query.filled("Contains")
    if given is None:
        return None
    digits = inventory.digits_of(given)
    if digits is None:
        raise refuse(Fault.PARAMETER_INVALID, "Contains has digits and letters only.", "Contains")
    return digits


def _city(query: Form) -> str | None:
    city = query.filled("InLocality")
    if city is not None and query.filled("InRegion") is None:
        raise refuse(Fault.PARAMETER_MISSING, "InLocality needs InRegion.", "InRegion")
    return city


def _limit(request: Request, query: Form) -> int:
    """As many as Twilio's clients ask for with PageSize, never more than the deployment shows at once."""
    most: int = request.services.config.number_search_max
    given = query.filled("PageSize")
    if given is None:
        return min(most, inventory.SEARCH_DEFAULT)
    if not (given.isascii() and given.isdigit() and 1 <= int(given[:9]) <= 1000):
        raise refuse(Fault.PAGE_SIZE_INVALID, attribute="PageSize")
    return min(most, int(given))


def _uri(request: Request) -> str:
    return f"{ROOT}/Accounts/{request.project.id}/AvailablePhoneNumbers"


def _country(request: Request, code: str) -> AvailableCountry:
    uri = f"{_uri(request)}/{code}"
    links = CountryLinks(local=f"{uri}/Local", toll_free=f"{uri}/TollFree")
    return AvailableCountry(country_code=code, country=places.country(code), uri=uri, subresource_uris=links)


def _view(free: FreeNumber) -> AvailablePhoneNumber:
    can = free.capabilities
    return AvailablePhoneNumber(
        friendly_name=numbers.national_format(free.number),
        phone_number=free.number,
        rate_center=free.rate_center,
        region=free.region,
        iso_country=free.country,
        capabilities=AvailableCapabilities(voice="voice" in can, SMS="sms" in can, MMS="mms" in can),
    )


def routes() -> list[Route]:
    """Countries, and a search for each kind of number."""
    route = partial(Route, method="GET", family=Family.CXML, scopes=("numbers",))
    search = partial(route, query=tuple(_parameters()), answers={200: AvailablePhoneNumberList})
    return [
        route(
            path=_COLLECTION,
            operation="list_available_phone_number_countries",
            summary="List countries with free numbers",
            handler=list_countries,
            answers={200: AvailableCountryList},
        ),
        route(
            path=_COUNTRY,
            operation="get_available_phone_number_country",
            summary="Get a country with free numbers",
            handler=get_country,
            answers={200: AvailableCountry},
        ),
        search(
            path=_COUNTRY + "/Local",
            operation="search_local_phone_numbers",
            summary="Search free local numbers",
            handler=search_local,
        ),
        search(
            path=_COUNTRY + "/TollFree",
            operation="search_toll_free_phone_numbers",
            summary="Search free toll-free numbers",
            handler=search_toll_free,
        ),
    ]


def _parameters() -> Iterable[Parameter]:
    text: dict[str, Any] = {"type": "string"}
    yield Parameter(
        name="AreaCode",
        about="Only numbers of this area code.",
        schema={"type": "string", "pattern": "^([0-9]{3})?$"},
    )
    yield Parameter(
        name="Contains",
        about="Only numbers that have these digits in them; letters stand for keys.",
        schema={"type": "string", "pattern": "^[0-9a-zA-Z]*$"},
    )
    yield Parameter(name="InRegion", about="Only numbers of this state or province.", schema=text)
    yield Parameter(name="InLocality", about="Only numbers of this city. Needs InRegion.", schema=text)
    size = {"type": "integer", "minimum": 1, "maximum": 1000}
    yield Parameter(name="PageSize", about="Most numbers to show; 50 unless told.", schema=size)
    for name in _FLAGS:
        yield Parameter(name=name, about="Taken, and without effect.", schema={"type": "boolean"})
