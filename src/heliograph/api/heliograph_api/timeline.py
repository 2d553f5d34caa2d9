"""What happened to a message, step by step."""

from typing import Annotated

import msgspec
from msgspec import Meta

from heliograph.api import http, times
from heliograph.api.http import Request, Response
from heliograph.api.route import Family, Route
from heliograph.core import errors
from heliograph.core.message import TimelineEntry


class Step(msgspec.Struct, kw_only=True):
    """One line: a change of state, an attempt at a callback, a handler's fault."""

    at: Annotated[str, Meta(description="ISO 8601, UTC.", examples=["2026-11-23T09:30:00Z"])]
    at_micros: Annotated[int, Meta(description="The same in microseconds since 1970.", examples=[1795426200000000])]
    kind: Annotated[str, Meta(description="What happened.", examples=["state"])]
    state: Annotated[str | None, Meta(description="The state it came into, in our own words.", examples=["sent"])]
    error_code: Annotated[str | None, Meta(description="A code, in digits; else null.", examples=[None])]
    error_message: Annotated[str | None, Meta(description="The same in words.", examples=[None])]
    detail: Annotated[str | None, Meta(description="More, where there is more to tell.", examples=[None])]


class Timeline(msgspec.Struct, kw_only=True):
    """A message's timeline, oldest first."""

    id: Annotated[str, Meta(description="The message.", extra_json_schema={"format": "uuid"})]
    steps: list[Step]


async def timeline(request: Request, response: Response, id: str) -> None:
    """A deleted message's too."""
    found = await request.services.records.get(request.project.id, http.row_id(id), deleted=True)
    entries = await request.services.store.timeline(found.project_id, found.id)
    http.reply(response, 200, Timeline(id=found.id, steps=[_step(each) for each in entries]))


def _step(entry: TimelineEntry) -> Step:
    return Step(
        at=times.iso8601(entry.at),
        at_micros=entry.at,
        kind=entry.kind,
        state=entry.state,
        error_code=None if entry.error_code is None else str(entry.error_code),
        error_message=errors.describe(entry.error_code),
        detail=entry.detail,
    )


def routes() -> list[Route]:
    return [
        Route(
            method="GET",
            path="/api/heliograph/messages/{id}/timeline",
            family=Family.HELIOGRAPH,
            operation="get_timeline",
            summary="Show what happened to a message",
            handler=timeline,
            answers={200: Timeline},
            scopes=("messaging",),
        )
    ]
