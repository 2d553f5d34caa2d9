"""What carriers brought and nobody could use, with the reason: the last of it, from memory."""

from typing import Annotated

import msgspec
from msgspec import Meta

from heliograph.api import http, times
from heliograph.api.heliograph_api import carriers
from heliograph.api.http import Request, Response
from heliograph.api.route import Family, Route
from heliograph.engine.dropped import ABOUT, DroppedEntry, Reason

PATH = f"{carriers.PATH}/dropped"

_REASONS = "; ".join(f"{reason.value}: {about}" for reason, about in ABOUT.items())


class DroppedShown(msgspec.Struct, kw_only=True):
    """One receipt or inbound message that nobody could use."""

    carrier: Annotated[str, Meta(description="The carrier that brought it.", examples=["acme"])]
    at: Annotated[str, Meta(description="When.", examples=["2026-11-23T09:30:00Z"])]
    reason: Annotated[str, Meta(description=_REASONS, examples=["unknown_id"])]
    about: Annotated[str, Meta(description="The reason in words.", examples=["No message has this id."])]
    carrier_ref: Annotated[str | None, Meta(description="The receipt's id, masked.", examples=["09****9300"])]
    stat: Annotated[str | None, Meta(description="The receipt's state word.", examples=["DELIVRD"])]
    data_coding: Annotated[int | None, Meta(description="data_coding of the receipt.", examples=[0])]
    from_number: Annotated[str | None, Meta(description="The message's sender, masked.", examples=["+1******0101"])]
    to_number: Annotated[str | None, Meta(description="Its recipient, masked.", examples=["+1******0123"])]


class DroppedCount(msgspec.Struct, kw_only=True):
    """How many of one reason since the start."""

    carrier: Annotated[str, Meta(examples=["acme"])]
    reason: Annotated[str, Meta(description="See the entries.", examples=["unknown_id"])]
    count: Annotated[int, Meta(examples=[3])]


class DroppedList(msgspec.Struct, kw_only=True):
    """The last of each carrier, newest first, and counts."""

    dropped: list[DroppedShown]
    counts: list[DroppedCount]


async def list_dropped(request: Request, response: Response) -> None:
    found = request.services.dropped
    counts = [
        DroppedCount(carrier=carrier, reason=reason, count=count)
        for carrier, counted in found.counts().items()
        for reason, count in counted.items()
    ]
    http.reply(response, 200, DroppedList(dropped=[_shown(each) for each in found.entries()], counts=counts))


def _shown(entry: DroppedEntry) -> DroppedShown:
    return DroppedShown(
        carrier=entry.carrier,
        at=times.iso8601(entry.at),
        reason=entry.reason.value,
        about=ABOUT[Reason(entry.reason)],
        carrier_ref=entry.carrier_ref,
        stat=entry.stat,
        data_coding=entry.data_coding,
        from_number=entry.from_number,
        to_number=entry.to_number,
    )


def routes() -> list[Route]:
    return [
        Route(
            method="GET",
            path=PATH,
            family=Family.HELIOGRAPH,
            operation="list_dropped",
            summary="Show what carriers brought and nobody could use",
            about="Receipts without a message, and inbound messages for nobody, the last `carrier_dropped_max` of each "
            "carrier since the start. They belong to the deployment: this needs the operator's token, as a Bearer "
            "token.",
            handler=list_dropped,
            answers={200: DroppedList},
            operator=True,
        )
    ]
