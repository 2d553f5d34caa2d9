"""What the lists of this family share: links around a page, and the parameters that ask for one."""

from collections.abc import Sequence

import msgspec
from msgspec import UNSET, UnsetType

from heliograph.api import http, paging
from heliograph.api.http import Request
from heliograph.api.paging import Page, R
from heliograph.api.route import Parameter


class PageLinks(msgspec.Struct, kw_only=True, rename={"this": "self"}):
    """Addresses of this page and of those around it; `next` and `prev` are absent at the ends."""

    this: str
    first: str
    next: str | UnsetType = UNSET
    prev: str | UnsetType = UNSET


async def page_of(request: Request, rows: Sequence[R], filters: Sequence[str] = ()) -> tuple[Page[R], PageLinks]:
    """The page of `rows`, newest first, that the request asks for. `filters`: names of parameters to carry along."""
    query = http.query(request)
    page = await paging.fetch(paging.wanted(query, paging.REST), paging.of_list(rows))
    links = paging.links(page, request.base_url + request.path, paging.given_filters(query, filters), paging.REST)
    shown = PageLinks(this=links.this, first=links.first, next=links.following or UNSET, prev=links.previous or UNSET)
    return page, shown


def page_parameters() -> tuple[Parameter, ...]:
    """For the document."""
    return (
        Parameter(
            name="page_number",
            about="The page's number, from 0. Beyond 0 it needs page_token.",
            schema={"type": "integer", "minimum": 0, "default": 0},
        ),
        Parameter(name="page_size", about="Most rows on the page.", schema=paging.SIZE_SCHEMA),
        Parameter(name="page_token", about="Where the page starts, from a link to it.", schema=paging.TOKEN_SCHEMA),
    )
