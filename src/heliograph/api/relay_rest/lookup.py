"""`lookup/phone_number`: what the numbering plan says about any number.

No carrier and no directory of names is asked, so `carrier` has only what the plan tells and `cnam` has nothing; they
are there, with all their members, so that a client that asks for them finds what it looks for.
"""

from collections.abc import Iterator
from typing import Annotated, Final

import msgspec
from msgspec import UNSET, Meta, UnsetType

from heliograph.api import http
from heliograph.api.http import Request, Response
from heliograph.api.route import Family, Parameter, Route
from heliograph.core import lookup
from heliograph.core.errors import Fault, NotFound, refuse
from heliograph.core.lookup import Facts

PATH = "/api/relay/rest/lookup/phone_number/{e164_number}"
CARRIER: Final = "carrier"
CNAM: Final = "cnam"


class CarrierLookup(msgspec.Struct, kw_only=True):
    """The network of a number: all that is known without asking one is the kind of line."""

    lrn: str | None = None
    spid: str | None = None
    ocn: str | None = None
    lata: str | None = None
    city: str | None = None
    state: str | None = None
    jurisdiction: str | None = None
    lec: str | None = None
    linetype: Annotated[
        str | None,
        Meta(description="landline or wireless, where the numbering plan tells them apart.", examples=["wireless"]),
    ]


class CnamLookup(msgspec.Struct, kw_only=True):
    """The name that calls show: not known here."""

    caller_id: str | None = None


class PhoneNumberLookup(msgspec.Struct, kw_only=True):
    """What the numbering plan says about a number; null where it does not say."""

    country_code_number: Annotated[int | None, Meta(description="The calling code.", examples=[1])]
    national_number: Annotated[str | None, Meta(examples=["2145550101"])]
    possible_number: Annotated[bool, Meta(description="Whether its length is one that such numbers have.")]
    valid_number: Annotated[bool, Meta(description="Whether it is of a range that has been handed out.")]
    national_number_formatted: Annotated[str | None, Meta(examples=["(214) 555-0101"])]
    international_number_formatted: Annotated[str | None, Meta(examples=["+1 214-555-0101"])]
    e164: Annotated[str, Meta(examples=["+12145550101"])]
    location: Annotated[
        str | None,
        Meta(description="State or province in the United States and Canada, else the country.", examples=["Texas"]),
    ]
    country_code: Annotated[str | None, Meta(description="ISO 3166.", examples=["US"])]
    timezones: Annotated[list[str], Meta(description="IANA names.", examples=[["America/Chicago"]])]
    number_type: Annotated[
        str | None,
        Meta(examples=["Fixed Line or Mobile"], extra_json_schema={"enum": [*lookup.TYPES.values(), None]}),
    ]
    carrier: Annotated[CarrierLookup, Meta(description="With include=carrier.")] | UnsetType = UNSET
    cnam: Annotated[CnamLookup, Meta(description="With include=cnam.")] | UnsetType = UNSET


async def look_up(request: Request, response: Response, e164_number: str) -> None:
    """Answer for any E.164 number, whether or not it can exist; what is not E.164 is not found."""
    number = lookup.number_of(e164_number)
    if number is None:
        raise NotFound
    wanted = set(_wanted(http.query(request).text("include") or ""))
    http.reply(response, 200, view(lookup.facts(number), wanted))


def view(facts: Facts, wanted: set[str]) -> PhoneNumberLookup:
    """Return the facts as this API shows them. `wanted`: which of CARRIER and CNAM belong to it."""
    return PhoneNumberLookup(
        country_code_number=facts.calling_code,
        national_number=facts.national,
        possible_number=facts.possible,
        valid_number=facts.valid,
        national_number_formatted=facts.national_format,
        international_number_formatted=facts.international_format,
        e164=facts.number,
        location=facts.location,
        country_code=facts.country,
        timezones=list(facts.zones),
        number_type=facts.type,
        carrier=CarrierLookup(linetype=facts.line) if CARRIER in wanted else UNSET,
        cnam=CnamLookup() if CNAM in wanted else UNSET,
    )


def _wanted(include: str) -> Iterator[str]:
    for word in filter(None, map(str.strip, include.split(","))):
        if word not in (CARRIER, CNAM):
            raise refuse(Fault.PARAMETER_INVALID, "include takes carrier, cnam, or both with a comma.", "include")
        yield word


def routes() -> list[Route]:
    """One lookup, for every token."""
    include = Parameter(
        name="include",
        about="What to add: `carrier`, `cnam`, or both with a comma.",
        schema={"type": "string", "pattern": "^((carrier|cnam)(,(carrier|cnam))*)?$"},
    )
    return [
        Route(
            method="GET",
            path=PATH,
            family=Family.RELAY_REST,
            operation="lookup_phone_number",
            summary="Look up a phone number",
            about="Everything comes from the numbering plan; no carrier is asked. So `carrier` knows `linetype` at "
            "most, and `cnam` nothing: their other members are null.",
            handler=look_up,
            answers={200: PhoneNumberLookup},
            query=(include,),
        ),
    ]
