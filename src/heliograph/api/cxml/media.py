"""The media of a message: list, record, bytes, delete (contract, section 4.1).

The bytes are public unless `protect_message_media` is set, for the server or for the project: their address, with two
ids, can't be guessed, and carriers, handlers and SDKs fetch it without credentials. They come from strangers, so they
are sent in a way that keeps a browser from running anything in them.
"""

from dataclasses import dataclass

from heliograph.api import auth, http, paging, periods
from heliograph.api.cxml import lists, views
from heliograph.api.http import Request, Response
from heliograph.api.paging import CXML
from heliograph.api.periods import PeriodNames
from heliograph.api.route import Family, Parameter, Route
from heliograph.core.directory import PROTECT_MEDIA
from heliograph.core.errors import Fault, NotFound
from heliograph.core.message import Media

LIST = views.ROOT + "/Accounts/{AccountSid}/Messages/{MessageSid}/Media"
ONE = LIST + "/{Sid}"
FILTERS = ("DateCreated", "DateCreated<", "DateCreated>")
_CREATED = PeriodNames(on="DateCreated", before="DateCreated<", after="DateCreated>", fault=Fault.PARAMETER_INVALID)
_SCOPES = ("messaging",)
_SHOWN_INLINE = ("image/", "audio/", "video/", "text/plain")
_UUID_TAIL_MAX = 0xFFFF_FFFF_FFFF


@dataclass(frozen=True, slots=True, kw_only=True)
class _Placed:
    """A medium with an id that names its place in its message: media ids are random, and a page token has to work
    when the row that it names is gone."""

    id: str
    media: Media


async def list_media(request: Request, response: Response, message_sid: str) -> None:
    query = http.query(request)
    asked = paging.wanted(query, CXML)
    created = periods.read(query, _CREATED)
    message = await request.services.records.get(request.project.id, http.row_id(message_sid))
    found = await request.services.store.media_of(request.project.id, message.id)
    placed = [_place(each) for each in sorted(found, key=lambda each: each.position) if created.holds(each.created_at)]
    page = await paging.fetch(asked, paging.of_list(placed))
    address = f"{views.message_uri(request.project.id, message.id)}/Media"
    place = lists.place(page, address, query, FILTERS)
    shown = [views.media(each.media) for each in page.rows]
    http.reply(response, 200, views.CxmlMediaPage(media_list=shown, **place))


async def retrieve(request: Request, response: Response, account_sid: str, message_sid: str, sid: str) -> None:
    """A public route: the framework has checked nothing."""
    owner = request.services.directory.project(account_sid)
    guarded = request.services.config.protect_message_media or (owner is not None and PROTECT_MEDIA in owner.switches)
    as_record = request.json_suffix or "application/json" in (request.get_header("Accept") or "").lower()
    if as_record or guarded:
        project_id = auth.admit(request.services, request.caller, frozenset(_SCOPES), account_sid).id
    elif owner is None:
        raise NotFound
    else:
        project_id = owner.id
    media = await request.services.records.media(project_id, http.row_id(message_sid), http.row_id(sid))
    if as_record:
        http.reply(response, 200, views.media(media))
    else:
        await _send_bytes(request, response, media)


async def delete(request: Request, response: Response, message_sid: str, sid: str) -> None:
    await request.services.records.delete_media(request.project.id, http.row_id(message_sid), http.row_id(sid))
    response.status = 204


async def _send_bytes(request: Request, response: Response, media: Media) -> None:
    try:
        response.data = await request.services.media_files.read(media.sha256)
    except FileNotFoundError:
        raise NotFound from None  # deleted between the record and the file
    shown = "inline" if media.content_type.startswith(_SHOWN_INLINE) else "attachment"
    response.content_type = media.content_type
    response.set_headers(
        {
            "Content-Disposition": f'{shown}; filename="{media.id}"',
            "Content-Security-Policy": "default-src 'none'; sandbox",
            "X-Content-Type-Options": "nosniff",
            "Cache-Control": "private, no-cache",
        }
    )


def _place(media: Media) -> _Placed:
    """Ids fall as positions rise: lists go from the greatest id down."""
    return _Placed(id=f"{media.message_id[:24]}{_UUID_TAIL_MAX - media.position:012x}", media=media)


_DATES = {"type": "string", "examples": ["2026-11-23"]}


def routes() -> list[Route]:
    return [
        Route(
            method="GET",
            path=LIST,
            family=Family.CXML,
            operation="list_media",
            summary="List a message's media",
            handler=list_media,
            answers={200: views.CxmlMediaPage},
            scopes=_SCOPES,
            query=lists.page_parameters(
                Parameter(name="DateCreated", about="Only stored on this UTC day.", schema=_DATES),
                Parameter(name="DateCreated<", about="Only stored before this day or moment.", schema=_DATES),
                Parameter(name="DateCreated>", about="Only stored since this day or moment.", schema=_DATES),
            ),
        ),
        Route(
            method="GET",
            path=ONE,
            family=Family.CXML,
            operation="retrieve_media",
            summary="Show or download a medium",
            about="The bytes, without credentials unless the server protects them; with `.json` behind the path, or "
            "with `Accept: application/json`, its record, with credentials.",
            handler=retrieve,
            answers={200: views.CxmlMedia},
            public=True,
        ),
        Route(
            method="DELETE",
            path=ONE,
            family=Family.CXML,
            operation="delete_message_media",
            summary="Delete a medium",
            about="Not while its message is in progress.",
            handler=delete,
            answers={204: None},
            scopes=_SCOPES,
        ),
    ]
