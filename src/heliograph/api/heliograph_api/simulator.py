"""A message from an outside handset, for the simulated carrier to bring (contract, section 11)."""

from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, UnsetType

from heliograph.api import http
from heliograph.api.http import Request, Response
from heliograph.api.route import Family, Route
from heliograph.core import numbers
from heliograph.core.errors import Fault, NotFound, refuse
from heliograph.engine.requests import InboundRequest

PATH = "/api/heliograph/simulator/inbound"


class Handset(msgspec.Struct, kw_only=True, omit_defaults=True, rename={"from_": "from"}):
    """What a handset sends. It needs a body or media."""

    from_: Annotated[str, Meta(description="The handset's number.", examples=["+15557654321"])]
    to: Annotated[str, Meta(description="A number of the project.", examples=["+15551234567"])]
    body: Annotated[str | UnsetType, Meta(description="The text.", examples=["Hello"])] = UNSET
    media: Annotated[list[str] | UnsetType, Meta(description="Addresses of media to fetch and store.")] = UNSET


class Received(msgspec.Struct, kw_only=True):
    """The inbound message that came of it."""

    id: Annotated[str, Meta(description="Its id, in every API.", extra_json_schema={"format": "uuid"})]


async def inbound(request: Request, response: Response) -> None:
    if not request.services.config.simulator:
        raise NotFound
    body = await http.body(request)
    wanted = InboundRequest(
        from_number=numbers.typed(body.text("from") or ""),
        to_number=numbers.typed(body.text("to") or ""),
        body=body.text("body") or "",
        media_urls=tuple(body.texts("media") or ()),
    )
    body.check()
    _check_number(request, wanted.to_number)
    message = await request.services.inbound.receive(wanted)
    http.reply(response, 201, Received(id=message.id))


def _check_number(request: Request, to_number: str) -> None:
    """Raise Refused for a number that is not the caller's, in the same words as for one that is nobody's."""
    directory = request.services.directory
    number = directory.number_by_text(to_number)
    caller = request.caller
    if number is None or caller is None or directory.acts_on(caller, number.project_id) is None:
        fault = Fault.TO_INVALID if to_number else Fault.TO_MISSING
        raise refuse(fault, "'to' must be a number of this project.")


def routes() -> list[Route]:
    return [
        Route(
            method="POST",
            path=PATH,
            family=Family.HELIOGRAPH,
            operation="simulate_inbound",
            summary="Send a message from a handset",
            about="The simulated carrier brings it to the number, whose handler is run. Answered when it is kept.",
            handler=inbound,
            answers={201: Received},
            scopes=("messaging",),
            body=Handset,
        )
    ]
