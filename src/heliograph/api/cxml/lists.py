"""What the lists of this family share: the fields around a page's rows, and the parameters that ask for one."""

from collections.abc import Sequence
from typing import Any, TypedDict

from heliograph.api import paging
from heliograph.api.fields import Form
from heliograph.api.paging import Page, Row
from heliograph.api.route import Parameter


class Place(TypedDict):
    """The fields of a `views.CxmlPage`."""

    uri: str
    first_page_uri: str
    next_page_uri: str | None
    previous_page_uri: str | None
    page: int
    page_size: int


def place(page: Page[Row], address: str, query: Form, filters: Sequence[str]) -> Place:
    """Where a page is. `address`: the list's path. `filters`: names of parameters to carry along."""
    links = paging.links(page, address, paging.given_filters(query, filters), paging.CXML)
    return Place(
        uri=links.this,
        first_page_uri=links.first,
        next_page_uri=links.following,
        previous_page_uri=links.previous,
        page=page.wanted.number,
        page_size=page.wanted.size,
    )


def page_parameters(*filters: Parameter) -> tuple[Parameter, ...]:
    """Return a list's filters with the parameters that every list of the family takes."""
    whole: dict[str, Any] = {"type": "integer", "minimum": 0, "default": 0}
    return (
        *filters,
        Parameter(name="Page", about="The page's number, from 0. Beyond 0 it needs PageToken.", schema=whole),
        Parameter(name="PageSize", about="Most rows on the page.", schema=paging.SIZE_SCHEMA),
        Parameter(name="PageToken", about="Where the page starts, from a link to it.", schema=paging.TOKEN_SCHEMA),
    )
