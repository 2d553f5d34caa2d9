"""Lists, a page at a time, by cursor (contract, sections 4.1 and 5.2).

A token is `PA` + the id of the last row before the page, going to older rows, or `PB` + the id of the first row of
the page that one comes back from. It names a place between rows rather than a row, so it works when that row is
gone. A page number only counts; it finds nothing.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from heliograph.api.fields import Form
from heliograph.core import ids
from heliograph.core.errors import Fault, refuse
from heliograph.ports import Cursor
from heliograph.wire import forms

DEFAULT_SIZE = 50
MAX_SIZE = 1000
_MAX_DIGITS = 9
"""A page number with more digits is no page that anybody has come to."""

TOKEN_SCHEMA = {"type": "string", "pattern": "^(P[AB][0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})?$"}
SIZE_SCHEMA = {"type": "integer", "minimum": 1, "maximum": MAX_SIZE, "default": DEFAULT_SIZE}
"""A token, which may be empty, and a page's size as JSON Schema has them, for the document."""

_LAST_UUID = (1 << 128) - 1


class Row(Protocol):
    @property
    def id(self) -> str: ...


R = TypeVar("R", bound=Row)
R_co = TypeVar("R_co", bound=Row, covariant=True)

Fetch = Callable[[Cursor | None, int], Awaitable[Sequence[R]]]
"""At most so many rows from a cursor, newest first, as `Store.page` gives them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """What a family calls its paging parameters."""

    number: str
    size: str
    cursor: str


CXML = Names(number="Page", size="PageSize", cursor="PageToken")
REST = Names(number="page_number", size="page_size", cursor="page_token")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """The page that is asked for."""

    number: int = 0
    size: int = DEFAULT_SIZE
    cursor: Cursor | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Page(Generic[R_co]):
    """Rows, newest first, and from where the pages beside them start; None where there are no rows."""

    wanted: Wanted
    rows: Sequence[R_co]
    following: Cursor | None
    previous: Cursor | None


def wanted(query: Form, names: Names, largest: int = MAX_SIZE) -> Wanted:
    """Read the paging parameters. Raises Refused: each family renders it its own way. A page has at most `largest`
    rows, whatever is asked for: the rest is on the next."""
    number = _whole(query.filled(names.number), 0)
    token = query.filled(names.cursor)
    size = _whole(query.filled(names.size), DEFAULT_SIZE)
    if number is None or number < 0:
        raise refuse(Fault.PAGE_NUMBER_INVALID, attribute=names.number)
    if number > 0 and token is None:
        raise refuse(Fault.PAGE_WITHOUT_TOKEN, attribute=names.cursor)
    cursor = None if token is None else parse_token(token, names)
    if size is None or not 1 <= size <= MAX_SIZE:
        raise refuse(Fault.PAGE_SIZE_INVALID, attribute=names.size)
    return Wanted(number=number, size=min(size, largest), cursor=cursor)


def parse_token(text: str, names: Names) -> Cursor:
    if text[:2] not in ("PA", "PB") or not ids.is_uuid(text[2:]):
        raise refuse(Fault.PAGE_TOKEN_INVALID, attribute=names.cursor)
    return Cursor(id=text[2:].lower(), backward=text.startswith("PB"))


def token(cursor: Cursor) -> str:
    return ("PB" if cursor.backward else "PA") + cursor.id


async def fetch(asked: Wanted, rows_at: Fetch[R]) -> Page[R]:
    """The page with its neighbours. One row more than asked tells whether rows go on in the page's direction; a
    second look tells whether there are any behind it."""
    cursor = asked.cursor
    found = await rows_at(cursor, asked.size + 1)
    more = len(found) > asked.size
    if cursor is None:
        rows = found[: asked.size]
        return Page(wanted=asked, rows=rows, following=_after(rows[-1].id) if more else None, previous=None)
    if cursor.backward:
        rows = found[-asked.size :]
        behind = _after(rows[-1].id) if rows else Cursor(id=_step(cursor.id, 1))
        following = behind if await rows_at(behind, 1) else None
        return Page(wanted=asked, rows=rows, following=following, previous=_before(rows[0].id) if more else None)
    rows = found[: asked.size]
    behind = _before(rows[0].id) if rows else Cursor(id=_step(cursor.id, -1), backward=True)
    previous = behind if await rows_at(behind, 1) else None
    return Page(wanted=asked, rows=rows, following=_after(rows[-1].id) if more else None, previous=previous)


@dataclass(frozen=True, slots=True, kw_only=True)
class Links:
    """Addresses of a page and of those around it; None where there is none."""

    this: str
    first: str
    following: str | None
    previous: str | None


def links(page: Page[Row], address: str, filters: Mapping[str, str], names: Names) -> Links:
    """`address` is the list's own, a path or an absolute URL; `filters` are carried along as they were given."""
    asked = page.wanted

    def link(number: int, cursor: Cursor | None) -> str:
        paging = {names.number: str(number), names.size: str(asked.size)}
        if cursor is not None:
            paging[names.cursor] = token(cursor)
        return f"{address}?{forms.encode([*filters.items(), *paging.items()]).decode()}"

    return Links(
        this=link(asked.number, asked.cursor),
        first=link(0, None),
        following=None if page.following is None else link(asked.number + 1, page.following),
        previous=None if page.previous is None else link(max(asked.number - 1, 0), page.previous),
    )


def given_filters(query: Form, known: Sequence[str]) -> dict[str, str]:
    """The filters that the caller gave, out of those that the list knows."""
    return {name: text for name in known if (text := query.filled(name)) is not None}


def of_list(rows: Sequence[R]) -> Fetch[R]:
    """A Fetch over rows in memory, whose ids must be in descending order."""

    async def rows_at(cursor: Cursor | None, limit: int) -> Sequence[R]:
        if cursor is None:
            return rows[:limit]
        if cursor.backward:
            return [row for row in rows if row.id > cursor.id][-limit:]
        return [row for row in rows if row.id < cursor.id][:limit]

    return rows_at


def _after(last_id: str) -> Cursor:
    return Cursor(id=last_id)


def _before(first_id: str) -> Cursor:
    return Cursor(id=first_id, backward=True)


def _whole(text: str | None, default: int) -> int | None:
    """The number, or None for a text that is none."""
    if text is None:
        return default
    digits = text.removeprefix("-")
    if not (digits.isascii() and digits.isdigit() and len(digits) <= _MAX_DIGITS):
        return None
    return int(text)


def _step(uuid: str, by: int) -> str:
    """The id next to it in order: an empty page has no row of its own to start its neighbour from, and the row that
    its token names may be there."""
    value = max(0, min(_LAST_UUID, int(uuid.replace("-", ""), 16) + by))
    text = f"{value:032x}"
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))
