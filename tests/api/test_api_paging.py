"""Pages: every row once, whatever is there; links that carry everything on."""

from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heliograph.api import paging
from heliograph.api.fields import Form
from heliograph.api.paging import CXML, REST, Links, Names, Page, Wanted
from heliograph.core.errors import Refused
from heliograph.wire import forms


@dataclass(frozen=True)
class Row:
    id: str


def row(number: int) -> Row:
    return Row(f"0190d5a2-7c3e-7b1f-8a44-{number:012x}")


def _query(address: str) -> Form:
    return Form(forms.parse(urlsplit(address).query.encode()))


async def _page(rows: list[Row], query: Form, names: Names = CXML) -> tuple[Page[Row], Links]:
    page = await paging.fetch(paging.wanted(query, names), paging.of_list(rows))
    return page, paging.links(page, "/list", {"To": "+1 &", "DateSent<": "2026-01-01"}, names)


def _rows(numbers: set[int]) -> list[Row]:
    return [row(number) for number in sorted(numbers, reverse=True)]


@given(numbers=st.sets(st.integers(1, 40)), size=st.integers(1, 7))
async def test_forward_then_back_visits_each_row_once(numbers: set[int], size: int) -> None:
    rows = _rows(numbers)
    query = Form({"PageSize": [str(size)]})
    seen: list[list[Row]] = []
    while True:
        page, links = await _page(rows, query)
        seen.append(list(page.rows))
        assert (links.previous is None) == (len(seen) == 1)
        if links.following is None:
            break
        query = _query(links.following)
    assert [each for rows_seen in seen for each in rows_seen] == rows
    back = [seen[-1]]
    while links.previous is not None:
        page, links = await _page(rows, _query(links.previous))
        assert links.following is not None
        back.append(list(page.rows))
    assert back == seen[::-1]
    assert page.wanted.number == 0


@given(
    numbers=st.sets(st.integers(10, 40), min_size=1),
    gone=st.sets(st.integers(10, 40)),
    new=st.sets(st.integers(41, 60)),
    size=st.integers(1, 7),
)
async def test_what_comes_and_goes_meanwhile_shifts_nothing(
    numbers: set[int], gone: set[int], new: set[int], size: int
) -> None:
    rows = _rows(numbers)
    page, links = await _page(rows, Form({"PageSize": [str(size)]}))
    seen = list(page.rows)
    rows = _rows((numbers - gone) | new)
    while links.following is not None:
        page, links = await _page(rows, _query(links.following))
        seen += page.rows
    last_of_first = _rows(numbers)[:size][-1].id
    assert seen[size:] == [each for each in _rows(numbers - gone) if each.id < last_of_first]


@given(numbers=st.sets(st.integers(1, 40)), at=st.integers(0, 41), backward=st.booleans(), size=st.integers(1, 7))
async def test_neighbours_are_told_exactly_when_there_are_rows(
    numbers: set[int], at: int, backward: bool, size: int
) -> None:
    rows = _rows(numbers)
    token = ("PB" if backward else "PA") + row(at).id
    page, links = await _page(rows, Form({"PageSize": [str(size)], "Page": ["3"], "PageToken": [token]}))
    older = [each for each in rows if (each.id < page.rows[-1].id if page.rows else each.id <= row(at).id)]
    newer = [each for each in rows if (each.id > page.rows[0].id if page.rows else each.id >= row(at).id)]
    if not page.rows and backward:
        newer = []
    if not page.rows and not backward:
        older = []
    assert (links.following is not None) == bool(older)
    assert (links.previous is not None) == bool(newer)
    for link, expected in ((links.following, older[:size]), (links.previous, newer[-size:])):
        if link is not None:
            found, _ = await _page(rows, _query(link))
            assert list(found.rows) == expected


async def test_links() -> None:
    rows = _rows({1, 2, 3})
    _, links = await _page(rows, Form({"PageSize": ["1"], "Page": ["1"], "PageToken": [f"PA{row(3).id}"]}))
    carried = {"To": ["+1 &"], "DateSent<": ["2026-01-01"], "PageSize": ["1"]}
    told = {name: urlsplit(link or "") for name, link in vars_of(links).items()}
    assert {each.path for each in told.values()} == {"/list"}
    assert parse_qs(told["this"].query) == carried | {"Page": ["1"], "PageToken": [f"PA{row(3).id}"]}
    assert parse_qs(told["first"].query) == carried | {"Page": ["0"]}
    assert parse_qs(told["following"].query) == carried | {"Page": ["2"], "PageToken": [f"PA{row(2).id}"]}
    assert parse_qs(told["previous"].query) == carried | {"Page": ["0"], "PageToken": [f"PB{row(2).id}"]}


def vars_of(links: Links) -> dict[str, str | None]:
    return {name: getattr(links, name) for name in ("this", "first", "following", "previous")}


async def test_page_number_never_goes_below_0() -> None:
    rows = _rows({1, 2, 3})
    _, links = await _page(rows, Form({"PageSize": ["1"], "PageToken": [f"PB{row(1).id}"]}))
    assert links.previous is not None
    assert _query(links.previous).text("Page") == "0"


@pytest.mark.parametrize(
    ("query", "code", "word"),
    [
        ({"Page": "-1"}, 54453, "invalid_parameter"),
        ({"Page": "x"}, 54453, "invalid_parameter"),
        ({"Page": "\u0663"}, 54453, "invalid_parameter"),
        ({"Page": "1"}, 54453, "page_token_required"),
        ({"Page": "1", "PageToken": ""}, 54453, "page_token_required"),
        ({"PageToken": "PA123"}, 21481, "page_token_is_invalid"),
        ({"PageToken": f"PC{row(1).id}"}, 21481, "page_token_is_invalid"),
        ({"PageToken": row(1).id}, 21481, "page_token_is_invalid"),
        ({"PageSize": "0"}, 54454, "invalid_parameter"),
        ({"PageSize": "1001"}, 54454, "invalid_parameter"),
        ({"PageSize": "-5"}, 54454, "invalid_parameter"),
        ({"PageSize": "ten"}, 54454, "invalid_parameter"),
        ({"PageSize": "9" * 5000}, 54454, "invalid_parameter"),
    ],
)
def test_paging_faults(query: dict[str, str], code: int, word: str) -> None:
    with pytest.raises(Refused) as refused:
        paging.wanted(Form({name: [text] for name, text in query.items()}), CXML)
    (refusal,) = refused.value.refusals
    assert (refusal.reason.cxml, refusal.reason.rest, refusal.reason.status) == (code, word, 400)
    assert refusal.where in query or refusal.where == "PageToken"


def test_defaults_and_bounds() -> None:
    assert paging.wanted(Form({}), REST) == Wanted(number=0, size=50, cursor=None)
    assert paging.wanted(Form({"page_size": ["1000"]}), REST).size == 1000
    assert paging.wanted(Form({"PageSize": [""], "Page": ["0"]}), CXML).size == 50


@pytest.mark.parametrize("end", ["0" * 8, "f" * 8])
async def test_tokens_at_the_ends_of_all_ids(end: str) -> None:
    uuid = f"{end}-{end[:4]}-{end[:4]}-{end[:4]}-{end}{end[:4]}"
    for kind in ("PA", "PB"):
        page, links = await _page([], Form({"PageToken": [kind + uuid]}))
        assert (list(page.rows), links.following, links.previous) == ([], None, None)
