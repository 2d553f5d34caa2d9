"""The deployment's carriers as they are now. They are no project's: only the operator sees them."""

from typing import Annotated

import msgspec
from msgspec import Meta

from heliograph.api import http, times
from heliograph.api.http import Request, Response
from heliograph.api.route import Family, Route
from heliograph.ports import BindStatus, CarrierStatus

PATH = "/api/heliograph/carriers"


class BindShown(msgspec.Struct, kw_only=True):
    """One connection."""

    address: Annotated[str, Meta(description="The host that it is, or is being, made to.", examples=["a.example:2775"])]
    mode: Annotated[str, Meta(description="transceiver, transmitter or receiver.", examples=["transceiver"])]
    state: Annotated[str, Meta(description="In words; begins with bound while it is.", examples=["bound"])]
    since: Annotated[str, Meta(description="Since when it is so.", examples=["2026-11-23T09:30:00Z"])]
    window: Annotated[int, Meta(description="Submits that may wait for their answer now.", examples=[10])]
    in_flight: Annotated[int, Meta(description="Submits that do.", examples=[3])]
    round_trip_ms: Annotated[float | None, Meta(description="From a submit to its answer.", examples=[12.5])]
    submitted: Annotated[int, Meta(description="Submits since the start.", examples=[1200])]
    throttled: Annotated[int, Meta(description="Answers that said to slow down.", examples=[0])]
    error: Annotated[str | None, Meta(description="What last went wrong.", examples=[None])]


class CarrierShown(msgspec.Struct, kw_only=True):
    """One carrier, with counts since the start."""

    name: Annotated[str, Meta(examples=["acme"])]
    kind: Annotated[str, Meta(description="smpp or loopback.", examples=["smpp"])]
    available: Annotated[bool, Meta(description="Whether it takes messages now.", examples=[True])]
    window: Annotated[int, Meta(description="Submits that may wait for their answer now.", examples=[10])]
    in_flight: Annotated[int, Meta(description="Submits that do.", examples=[3])]
    submitted: Annotated[int, Meta(examples=[1200])]
    throttled: Annotated[int, Meta(description="Answers that said to slow down.", examples=[0])]
    receipts: Annotated[int, Meta(examples=[1190])]
    unmatched: Annotated[int, Meta(description="Receipts for no message that is known.", examples=[0])]
    inbound: Annotated[int, Meta(description="Messages, or parts, that it brought.", examples=[15])]
    binds: list[BindShown]


class Carriers(msgspec.Struct, kw_only=True):
    """All carriers, in the order of the config file."""

    carriers: list[CarrierShown]


async def list_carriers(request: Request, response: Response) -> None:
    found = request.services.carriers()
    http.reply(response, 200, Carriers(carriers=[_shown(each) for each in found]))


def _shown(carrier: CarrierStatus) -> CarrierShown:
    return CarrierShown(
        name=carrier.name,
        kind=carrier.kind,
        available=carrier.available,
        window=carrier.window,
        in_flight=carrier.in_flight,
        submitted=carrier.submitted,
        throttled=carrier.throttled,
        receipts=carrier.receipts,
        unmatched=carrier.unmatched,
        inbound=carrier.inbound,
        binds=[_bind(each) for each in carrier.binds],
    )


def _bind(bind: BindStatus) -> BindShown:
    return BindShown(
        address=bind.address,
        mode=bind.mode,
        state=bind.state,
        since=times.iso8601(bind.since),
        window=bind.window,
        in_flight=bind.in_flight,
        round_trip_ms=bind.round_trip_ms,
        submitted=bind.submitted,
        throttled=bind.throttled,
        error=bind.error,
    )


def routes() -> list[Route]:
    return [
        Route(
            method="GET",
            path=PATH,
            family=Family.HELIOGRAPH,
            operation="list_carriers",
            summary="Show the carriers as they are now",
            about="They belong to the deployment: this needs the operator's token, as a Bearer token.",
            handler=list_carriers,
            answers={200: Carriers},
            operator=True,
        )
    ]
