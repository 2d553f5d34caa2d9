"""Message logs: one, and the list (contract, section 5.2)."""

from heliograph.api import http, paging, periods, times
from heliograph.api.errors import HistoryExceeded
from heliograph.api.fields import Form
from heliograph.api.http import Request, Response
from heliograph.api.messaging import views
from heliograph.api.paging import REST, Links
from heliograph.api.periods import PeriodNames
from heliograph.api.route import Family, Parameter, Route
from heliograph.core import ids
from heliograph.core.errors import Fault
from heliograph.core.message import Message
from heliograph.ports import Cursor, MessageFilter

FILTERS = ("include_deleted", "created_before", "created_on", "created_after")
_CREATED = PeriodNames(on="created_on", before="created_before", after="created_after", fault=Fault.DATETIME_REQUIRED)
_SCOPES = ("messaging",)
_MICROS_PER_DAY = 86_400 * times.MICROS


async def list_logs(request: Request, response: Response) -> None:
    query = http.query(request)
    asked = paging.wanted(query, REST)
    wanted = _filter(query)

    async def rows_at(cursor: Cursor | None, limit: int) -> list[Message]:
        return await request.services.store.page(request.project.id, wanted, cursor, limit)

    page = await paging.fetch(asked, rows_at)
    base = request.base_url
    links = paging.links(page, base + views.LOGS, paging.given_filters(query, FILTERS), REST)
    data = [views.log(each, base) for each in page.rows]
    http.reply(response, 200, views.LogPage(links=_links(links), data=data))


async def retrieve(request: Request, response: Response, id: str) -> None:
    """A deleted message's log too."""
    log_id = http.row_id(id)
    _check_history(request, log_id)
    found = await request.services.records.get(request.project.id, log_id, deleted=True)
    http.reply(response, 200, views.log(found, request.base_url))


def _check_history(request: Request, log_id: str) -> None:
    """Raise HistoryExceeded for an id from before the retention: its moment is in it, so that this can be told of
    logs that are gone, and of ones that never were alike."""
    days = request.services.config.retention_days
    if not days:
        return
    limit = request.services.clock.now() - days * _MICROS_PER_DAY
    try:
        made = ids.timestamp_micros(log_id)
    except ValueError:
        return  # no id of ours: it will not be found
    if made < limit:
        raise HistoryExceeded(times.iso8601(limit)[:10])


def _filter(query: Form) -> MessageFilter:
    created = periods.read(query, _CREATED)
    return MessageFilter(
        created_from=created.start, created_before=created.end, include_deleted=query.flag("include_deleted")
    )


def _links(links: Links) -> views.LogLinks:
    shown = views.LogLinks(self=links.this, first=links.first)
    if links.following is not None:
        shown.next = links.following
    if links.previous is not None:
        shown.prev = links.previous
    return shown


_DATES = {"type": "string", "examples": ["2026-11-23"]}
_QUERY = (
    Parameter(
        name="include_deleted",
        about="Logs of deleted messages too.",
        schema={"type": "boolean", "default": False},
    ),
    Parameter(name="created_before", about="Only from before this day began, or before this moment.", schema=_DATES),
    Parameter(name="created_on", about="Only from this UTC day.", schema=_DATES),
    Parameter(name="created_after", about="Only since this day began, or since this moment.", schema=_DATES),
    Parameter(
        name="page_size",
        about="Most logs on a page.",
        schema=paging.SIZE_SCHEMA,
    ),
    Parameter(name="page_number", about="The page's number; above 0 it needs its token.", schema={"type": "integer"}),
    Parameter(name="page_token", about="Where the page starts, as its link says.", schema=paging.TOKEN_SCHEMA),
)


def routes() -> list[Route]:
    return [
        Route(
            method="GET",
            path=views.LOGS,
            family=Family.MESSAGING,
            operation="list_message_logs",
            summary="List message logs",
            about="Newest first.",
            handler=list_logs,
            answers={200: views.LogPage},
            scopes=_SCOPES,
            query=_QUERY,
        ),
        Route(
            method="GET",
            path=views.LOGS + "/{id}",
            family=Family.MESSAGING,
            operation="get_message_log",
            summary="Show a message's log",
            about="A deleted message's too.",
            handler=retrieve,
            answers={200: views.Log},
            scopes=_SCOPES,
        ),
    ]
