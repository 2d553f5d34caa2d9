"""The media of a message: list, record, bytes, delete (contract, section 4.1).

The bytes are public unless `protect_message_media` is set, for the server or for the project: their address, with two
ids, can't be guessed, and carriers, handlers and SDKs fetch it without credentials. They come from strangers, so they
are sent in a way that keeps a browser from running anything in them.
"""

from dataclasses import dataclass

import falcon
from falcon.util import mediatypes

from heliograph.api import auth, http, paging, periods
from heliograph.api.cxml import lists, views
from heliograph.api.http import Request, Response
from heliograph.api.paging import CXML
from heliograph.api.periods import PeriodNames
from heliograph.api.route import Family, Parameter, Route
from heliograph.core import media_types
from heliograph.core.directory import PROTECT_MEDIA
from heliograph.core.errors import Fault, NotFound
from heliograph.core.message import Media

LIST = views.ROOT + "/Accounts/{AccountSid}/Messages/{MessageSid}/Media"
ONE = LIST + "/{Sid}"
FILTERS = ("DateCreated", "DateCreated<", "DateCreated>")
_CREATED = PeriodNames(on="DateCreated", before="DateCreated<", after="DateCreated>", fault=Fault.PARAMETER_INVALID)
_SCOPES = ("messaging",)
_SHOWN_INLINE = ("image/", "audio/", "video/", "text/plain")
_UNKNOWN_TYPE = "unknown/unknown"
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
    if guarded or request.json_suffix:
        auth.admit(request.services, request.caller, frozenset(_SCOPES), account_sid)
    media = None if owner is None else await _find(request, owner.id, message_sid, sid)
    as_record = request.json_suffix or _accepts_record_only(request.get_header("Accept"), media)
    if as_record:
        auth.admit(request.services, request.caller, frozenset(_SCOPES), account_sid)
    if media is None:
        raise NotFound
    if as_record:
        http.reply(response, 200, views.media(media))
    else:
        await _send_bytes(request, response, media)


async def delete(request: Request, response: Response, message_sid: str, sid: str) -> None:
    await request.services.records.delete_media(request.project.id, http.row_id(message_sid), http.row_id(sid))
    response.status = 204


async def _find(request: Request, project_id: str, message_sid: str, sid: str) -> Media | None:
    try:
        return await request.services.records.media(project_id, http.row_id(message_sid), http.row_id(sid))
    except NotFound:
        return None  # whoever asks for the record hears of credentials first


def _accepts_record_only(accept: str | None, media: Media | None) -> bool:
    """Whether an Accept header (RFC 9110, section 12.5.1) leaves the record alone to send: it allows JSON, and the
    medium's own type by none of its names."""
    ranges = ", ".join(filter(_is_media_range, (accept or "").lower().split(",")))
    if not ranges or not mediatypes.quality(falcon.MEDIA_JSON, ranges):
        return False
    kinds = media_types.names_of(media.content_type if media else _UNKNOWN_TYPE)
    return not any(mediatypes.quality(kind, ranges) for kind in kinds)


def _is_media_range(text: str) -> bool:
    """A range that can't be read is passed over."""
    try:
        mediatypes.quality(falcon.MEDIA_JSON, text)
    except falcon.InvalidMediaRange:
        return False
    return True


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
            about="The bytes, without credentials unless the server protects them. Its record, with credentials, "
            "where the path ends in `.json`, or where `Accept` allows JSON and not the medium's type.",
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
