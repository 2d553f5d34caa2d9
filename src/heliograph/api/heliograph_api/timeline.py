"""What happened to a message, step by step.

Which carrier a message went to, by which rule, at what price and over which of the operator's connections is the
operator's business (`_OPERATORS`). The store keeps it with the steps; a project's token gets a text that names none.
"""

from collections.abc import Sequence
from typing import Annotated, Final

import msgspec
from msgspec import Meta
from msgspec.structs import replace

from heliograph.api import http, times
from heliograph.api.http import Request, Response
from heliograph.api.route import Family, Route
from heliograph.core import errors
from heliograph.core.lifecycle import State
from heliograph.core.message import Message, Part, TimelineEntry
from heliograph.engine.sweeper import UNANSWERED


class Step(msgspec.Struct, kw_only=True):
    """One line: a change of state, an attempt at a callback, a handler's fault."""

    at: Annotated[str, Meta(description="ISO 8601, UTC.", examples=["2026-11-23T09:30:00Z"])]
    at_micros: Annotated[int, Meta(description="The same in microseconds since 1970.", examples=[1795426200000000])]
    kind: Annotated[str, Meta(description="What happened.", examples=["state"])]
    state: Annotated[str | None, Meta(description="The state it came into, in our own words.", examples=["sent"])]
    error_code: Annotated[str | None, Meta(description="A code, in digits; else null.", examples=[None])]
    error_message: Annotated[str | None, Meta(description="The same in words.", examples=[None])]
    detail: Annotated[str | None, Meta(description="More, where there is more to tell.", examples=[None])]


class PartView(msgspec.Struct, kw_only=True):
    """One part of the message, as it travels: a message of one part has one."""

    part: Annotated[int, Meta(description="Which, from 1.", examples=[1])]
    total: Annotated[int, Meta(description="Of how many.", examples=[2])]
    state: Annotated[str, Meta(description="What became of it: sent, delivered, undelivered.", examples=["sent"])]
    carrier: Annotated[
        str | None, Meta(description="The carrier that took it; null for all but the operator.", examples=["acme"])
    ]
    carrier_ref: Annotated[str, Meta(description="The carrier's id for it.", examples=["7f3a90"])]
    error_code: Annotated[str | None, Meta(description="A code, in digits; else null.", examples=[None])]


class Timeline(msgspec.Struct, kw_only=True):
    """A message's timeline, oldest first, and its parts."""

    id: Annotated[str, Meta(description="The message.", extra_json_schema={"format": "uuid"})]
    state: Annotated[str, Meta(description="Its state, in our own words.", examples=["delivered"])]
    uncertain: Annotated[bool, Meta(description="Whether it may be at its carrier unknown to us, or there twice.")]
    steps: list[Step]
    parts: Annotated[list[PartView], Meta(description="What carriers took of it; none yet, or of inbound messages.")]


async def timeline(request: Request, response: Response, id: str) -> None:
    """A deleted message's too."""
    found = await request.services.records.get(request.project.id, http.row_id(id), deleted=True)
    store, is_operator = request.services.store, request.caller is not None and request.caller.is_operator
    entries = await store.timeline(found.project_id, found.id, request.services.config.timeline_max)
    parts = await store.parts_of(found.project_id, found.id) if found.segments > 1 else []
    shown = Timeline(
        id=found.id,
        state=found.state.value,
        uncertain=_is_in_doubt(found, entries),
        steps=[_step(each if is_operator else _neutral(each)) for each in entries],
        parts=[
            each if is_operator else replace(each, carrier=None)
            for each in list(map(_part, parts)) or _only_part(found)
        ],
    )
    http.reply(response, 200, shown)


def _is_in_doubt(message: Message, entries: Sequence[TimelineEntry]) -> bool:
    """A late answer or a receipt settles a doubt. It does not where the message was sent again in doubt: then its
    carrier may have it twice."""
    if not message.uncertain:
        return False
    kinds = [entry.kind for entry in entries]
    is_sent_twice = "uncertain" in kinds and "resubmitted" in kinds[kinds.index("uncertain") :]
    is_refused = message.state is State.UNDELIVERED and message.error_code != UNANSWERED
    is_settled = is_refused or message.state in (State.SENT, State.DELIVERED)
    return is_sent_twice or not is_settled


_OPERATORS: Final = {
    ("state", State.INITIATED): "handed to a carrier",
    ("state", State.SENT): None,
    ("rerouted", None): "handed to another carrier",
    ("deferred", None): "refused for now; it will be tried again",
}
"""Lines whose detail is the operator's, by kind and state, with what a project sees in its place."""


def _neutral(entry: TimelineEntry) -> TimelineEntry:
    line = (entry.kind, entry.state)
    return replace(entry, detail=_OPERATORS[line]) if line in _OPERATORS else entry


def _part(part: Part) -> PartView:
    return PartView(
        part=part.part,
        total=part.total,
        state=part.state.value,
        carrier=part.carrier,
        carrier_ref=part.carrier_ref,
        error_code=_code(part.error_code),
    )


def _only_part(message: Message) -> list[PartView]:
    """A message that its carrier took whole."""
    if message.carrier is None or message.carrier_ref is None:
        return []
    only = PartView(
        part=1,
        total=1,
        state=message.state.value,
        carrier=message.carrier,
        carrier_ref=message.carrier_ref,
        error_code=_code(message.error_code),
    )
    return [only]


def _code(code: int | None) -> str | None:
    return None if code is None else str(code)


def _step(entry: TimelineEntry) -> Step:
    return Step(
        at=times.iso8601(entry.at),
        at_micros=entry.at,
        kind=entry.kind,
        state=entry.state,
        error_code=_code(entry.error_code),
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
            about="The newest lines, as many as the setting `timeline_max` says.",
            handler=timeline,
            answers={200: Timeline},
            scopes=("messaging",),
        )
    ]
