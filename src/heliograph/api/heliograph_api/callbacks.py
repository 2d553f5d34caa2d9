"""Callbacks that are owed, were delivered or are dead, and another try for the dead ones (contract, section 8)."""

from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, UnsetType

from heliograph.api import http, times
from heliograph.api.http import Request, Response
from heliograph.api.route import Family, Parameter, Route
from heliograph.core import ids
from heliograph.core.errors import Fault, refuse
from heliograph.ports import CallbackRecord

PATH = "/api/heliograph/callbacks"
LIST_MAX = 1000
"""Callbacks in one answer; more dead ones than that are better replayed than read."""

REPLAYED_AT_ONCE = 1000
"""Callbacks replayed in one transaction: other writes go between."""

FIRST = ("00000000-0000-0000-0000-000000000000", -1)

STATUSES = ("pending", "delivered", "dead")
_SCOPES = ("messaging",)


class CallbackShown(msgspec.Struct, kw_only=True):
    """One callback with its last attempt."""

    message_id: str
    state: Annotated[str, Meta(description="The state that it tells of.", examples=["delivered"])]
    status: Annotated[str, Meta(examples=["dead"], extra_json_schema={"enum": list(STATUSES)})]
    url: str
    attempts: int
    next_at: Annotated[str | None, Meta(description="When it is tried next; null unless pending.")]
    last_http_status: int | None
    last_error: str | None


class Callbacks(msgspec.Struct, kw_only=True):
    """Callbacks in one status, newest message first."""

    callbacks: list[CallbackShown]


class Replay(msgspec.Struct, kw_only=True, omit_defaults=True):
    """Which dead callbacks to try again: one message's, or all of the project's."""

    message_id: Annotated[str | UnsetType, Meta(description="Only this message's.")] = UNSET


class Replayed(msgspec.Struct, kw_only=True):
    replayed: Annotated[int, Meta(description="How many callbacks are tried again.", examples=[1])]


async def list_callbacks(request: Request, response: Response) -> None:
    query = http.query(request)
    status = query.filled("status") or "dead"
    if status not in STATUSES:
        raise refuse(Fault.PARAMETER_INVALID, f"status is one of {', '.join(STATUSES)}.", "status")
    message_id = _message_id(query.filled("message_id"))
    found = await request.services.store.callbacks(request.project.id, status, LIST_MAX, message_id)
    http.reply(response, 200, Callbacks(callbacks=[_shown(each) for each in found]))


async def replay(request: Request, response: Response) -> None:
    body = await http.body(request)
    message_id = _message_id(body.text("message_id"))
    body.check()
    services, count, after = request.services, 0, FIRST
    while True:
        found = await services.store.replay_callbacks(
            request.project.id, message_id, services.clock.now(), after=after, limit=REPLAYED_AT_ONCE
        )
        count += len(found)
        if len(found) < REPLAYED_AT_ONCE:
            break
        after = found[-1]
    http.reply(response, 200, Replayed(replayed=count))


def _message_id(text: str | None) -> str | None:
    if text is None:
        return None
    if not ids.is_uuid(text):
        raise refuse(Fault.PARAMETER_INVALID, "message_id must be the id of a message.", "message_id")
    return text.lower()


def _shown(record: CallbackRecord) -> CallbackShown:
    return CallbackShown(
        message_id=record.message_id,
        state=record.state.value,
        status=record.status,
        url=record.url,
        attempts=record.attempts,
        next_at=times.iso8601(record.next_at) if record.status == "pending" else None,
        last_http_status=record.last_http_status,
        last_error=record.last_error,
    )


def routes() -> list[Route]:
    return [
        Route(
            method="GET",
            path=PATH,
            family=Family.HELIOGRAPH,
            operation="list_callbacks",
            summary="List callbacks",
            about=f"At most {LIST_MAX}.",
            handler=list_callbacks,
            answers={200: Callbacks},
            scopes=_SCOPES,
            query=(
                Parameter(
                    name="status",
                    about="Which ones.",
                    schema={"type": "string", "enum": list(STATUSES), "default": "dead"},
                ),
                Parameter(name="message_id", about="Only this message's.", schema={"type": "string", "format": "uuid"}),
            ),
        ),
        Route(
            method="POST",
            path=PATH + "/replay",
            family=Family.HELIOGRAPH,
            operation="replay_callbacks",
            summary="Try dead callbacks again",
            handler=replay,
            answers={200: Replayed},
            scopes=_SCOPES,
            body=Replay,
        ),
    ]
