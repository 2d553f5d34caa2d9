"""`LamlBins`: cXML scripts, documents that a project keeps here and lets numbers fetch from their public addresses.

The public address needs no credentials: it can't be guessed, and whoever is told it may ask, by GET or POST. The
fields of the request are the values of the script's Mustache tags, those of a body before those of the query.
"""

from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from heliograph.api import http, paging, times
from heliograph.api.cxml import lists
from heliograph.api.cxml.applications import Uuid
from heliograph.api.cxml.views import API_VERSION, ROOT, CxmlPage
from heliograph.api.http import Request, Response
from heliograph.api.route import Family, Parameter, Route
from heliograph.core.errors import Fault, refuse
from heliograph.core.script import EMPTY_CONTENTS, MAX_NAME_LENGTH, Script
from heliograph.engine.own_documents import SCRIPTS_PATH, XML, last_values
from heliograph.ports import Cursor
from heliograph.wire.mustache import RenderedTooLarge

_COLLECTION = ROOT + "/Accounts/{AccountSid}/LamlBins"
_ONE = _COLLECTION + "/{Sid}"
_PUBLIC = SCRIPTS_PATH + "{sid}"
_SCOPES = ("messaging", "calling", "fax")
LARGEST_PAGE = 50
"""Rows come with their contents: a thousand of 64 KiB each would be an answer of 65 MB in memory."""
_FILTERS = ("Name",)

When = Annotated[str, Meta(description="ISO 8601, UTC.", examples=["2026-11-23T09:30:00Z"])]
Name = Annotated[
    str, Meta(description="What it is called.", min_length=1, max_length=MAX_NAME_LENGTH, examples=["Welcome"])
]
Contents = Annotated[
    str,
    Meta(
        description="Well-formed XML, in which Mustache tags such as `{{From}}` stand for fields of the request. "
        f"Empty, it is `{EMPTY_CONTENTS}`.",
        examples=["<Response><Message>Thank you, {{From}}!</Message></Response>"],
    ),
]


class CxmlScript(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A script."""

    sid: Uuid
    date_created: When
    date_updated: When
    date_last_accessed: When | None
    account_sid: Uuid
    name: str
    contents: Contents
    request_url: Annotated[str, Meta(description="Where its document is served, without credentials.")]
    num_requests: Annotated[int, Meta(description="How often that was asked for.", ge=0)]
    api_version: str = API_VERSION
    uri: str


class CxmlScriptPage(CxmlPage, kw_only=True):
    """Scripts, newest first."""

    laml_bins: list[CxmlScript]


class UpdateCxmlScript(msgspec.Struct, kw_only=True, rename="pascal"):
    """What of a script is to be changed; the rest stays."""

    name: Name | msgspec.UnsetType = msgspec.UNSET
    contents: Contents | msgspec.UnsetType = msgspec.UNSET


class CreateCxmlScript(UpdateCxmlScript, kw_only=True, rename="pascal"):
    """A new script."""

    name: Name


@dataclass(frozen=True, slots=True, kw_only=True)
class _Placed:
    """A script under what lists go by: its own id is random."""

    id: str
    script: Script


def view(script: Script, base_url: str) -> CxmlScript:
    """Return the script as the cXML API shows it."""
    last = script.last_request_at
    return CxmlScript(
        sid=script.id,
        date_created=times.iso8601(script.created_at),
        date_updated=times.iso8601(script.updated_at),
        date_last_accessed=None if last is None else times.iso8601(last),
        account_sid=script.project_id,
        name=script.name,
        contents=script.contents,
        request_url=f"{base_url}{SCRIPTS_PATH}{script.id}",
        num_requests=script.requests,
        uri=f"{_collection(script.project_id)}/{script.id}",
    )


async def list_all(request: Request, response: Response) -> None:
    """Answer with a page of the project's scripts."""
    query = http.query(request)
    asked = paging.wanted(query, paging.CXML, LARGEST_PAGE)
    name = query.filled("Name")

    async def rows_at(cursor: Cursor | None, limit: int) -> list[_Placed]:
        found = await request.services.scripts.page(request.project.id, name, cursor, limit)
        return [_Placed(id=each.place, script=each) for each in found]

    page = await paging.fetch(asked, rows_at)
    place = lists.place(page, _collection(request.project.id), query, _FILTERS)
    http.reply(
        response, 200, CxmlScriptPage(laml_bins=[view(row.script, request.base_url) for row in page.rows], **place)
    )


async def create(request: Request, response: Response) -> None:
    """Keep a script; its name is required."""
    form = await http.form(request)
    name = form.filled("Name")
    if name is None:
        raise refuse(Fault.PARAMETER_MISSING, "Name is required.", "Name")
    made = await request.services.scripts.create(request.project.id, name, form.text("Contents"))
    http.reply(response, 201, view(made, request.base_url))


async def retrieve(request: Request, response: Response, sid: str) -> None:
    found = await request.services.scripts.get(request.project.id, http.row_id(sid))
    http.reply(response, 200, view(found, request.base_url))


async def update(request: Request, response: Response, sid: str) -> None:
    """Change what is given."""
    form = await http.form(request)
    name, contents = form.text("Name"), form.text("Contents")
    changed = await request.services.scripts.update(request.project.id, http.row_id(sid), name, contents)
    http.reply(response, 200, view(changed, request.base_url))


async def remove(request: Request, response: Response, sid: str) -> None:
    """Remove it. Numbers that refer to its address then have a handler that fails."""
    await request.services.scripts.remove(request.project.id, http.row_id(sid))
    response.status = 204


async def document(request: Request, response: Response, sid: str) -> None:
    """A public route: the document, with the request's fields in it. It comes from a stranger, so it is sent in a way
    that keeps a browser from running anything in it."""
    scripts = request.services.scripts
    script = await scripts.public(http.row_id(sid))  # before a stranger's body is looked at
    values = last_values(http.query(request).values)
    if request.method == "POST":
        values |= last_values((await http.form(request, request.services.config.public_body_max_bytes)).values)
    try:
        response.data = scripts.render(script, values)
    except RenderedTooLarge:
        raise refuse(Fault.PARAMETER_INVALID, "The document would be too large with these values.") from None
    response.content_type = XML
    response.set_headers(
        {
            "Content-Security-Policy": "default-src 'none'; sandbox",
            "X-Content-Type-Options": "nosniff",
            "Cache-Control": "no-store",
        }
    )


def _collection(project_id: str) -> str:
    return f"{ROOT}/Accounts/{project_id}/LamlBins"


def routes() -> list[Route]:
    """List, create, get, update, delete, and the public documents."""
    by_name = Parameter(name="Name", about="Only those of this name.", schema={"type": "string"})
    route = partial(Route, family=Family.CXML, scopes=_SCOPES)
    public: dict[str, Any] = {
        "path": _PUBLIC,
        "family": Family.SYSTEM,
        "public": True,
        "summary": "A cXML script's document",
        "handler": document,
        "answers": {200: None, 404: None, 422: None},
    }
    return [
        route(
            method="GET",
            path=_COLLECTION,
            operation="list_cxml_scripts",
            summary="List cXML scripts",
            about=f"With their contents, and so at most {LARGEST_PAGE} on a page.",
            handler=list_all,
            answers={200: CxmlScriptPage},
            query=lists.page_parameters(by_name),
        ),
        route(
            method="POST",
            path=_COLLECTION,
            operation="create_cxml_script",
            summary="Create a cXML script",
            about="Its document is served at `request_url`, which can be a number's `SmsUrl`.",
            handler=create,
            body=CreateCxmlScript,
            answers={201: CxmlScript},
        ),
        route(
            method="GET",
            path=_ONE,
            operation="retrieve_cxml_script",
            summary="Get a cXML script",
            handler=retrieve,
            answers={200: CxmlScript},
        ),
        route(
            method="POST",
            path=_ONE,
            operation="update_cxml_script",
            summary="Update a cXML script",
            handler=update,
            body=UpdateCxmlScript,
            answers={200: CxmlScript},
        ),
        route(
            method="DELETE",
            path=_ONE,
            operation="delete_cxml_script",
            summary="Delete a cXML script",
            about="Numbers that fetch it then get a 404.",
            handler=remove,
            answers={204: None},
        ),
        Route(method="GET", operation="get_script_document", **public),
        Route(method="POST", operation="post_script_document", **public),
    ]
