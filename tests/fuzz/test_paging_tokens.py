"""Page tokens and page numbers: what is read is in bounds, what is not is refused, and a token reads back."""

import re
from uuid import UUID

from hypothesis import example, given
from hypothesis import strategies as st

from heliograph.api import paging
from heliograph.api.fields import Form
from heliograph.api.paging import CXML, REST, Names
from heliograph.core.errors import Refused
from heliograph.ports import Cursor

_FAULTS = {54453, 54454, 21481}
_UUIDS = st.integers(0, (1 << 128) - 1).map(lambda value: str(UUID(int=value)))
_PATTERN = re.compile(str(paging.TOKEN_SCHEMA["pattern"]))
_NEAR = st.from_regex(r"P[AB][0-9a-fA-F-]{34,38}\n?", fullmatch=True)
_NAMES = st.sampled_from([CXML, REST])


@given(id=_UUIDS, backward=st.booleans(), names=_NAMES)
def test_a_token_reads_back(id: str, backward: bool, names: Names) -> None:
    cursor = Cursor(id=id, backward=backward)
    text = paging.token(cursor)
    assert _PATTERN.fullmatch(text)
    assert paging.parse_token(text, names) == cursor
    assert paging.parse_token(text[:2] + text[2:].upper(), names) == cursor


@given(text=st.one_of(st.text(), _NEAR), names=_NAMES)
@example(text="PA00000000-0000-0000-0000-000000000000\n", names=CXML)
@example(text="PA" + "\u0660" * 8 + "-0000-0000-0000-000000000000", names=REST)
def test_what_is_no_token_is_refused(text: str, names: Names) -> None:
    try:
        cursor = paging.parse_token(text, names)
    except Refused as refused:
        assert not text or not _PATTERN.fullmatch(text)  # an empty parameter counts as none, and is never parsed
        assert [each.reason.rest for each in refused.refusals] == ["page_token_is_invalid"]
    else:
        assert _PATTERN.fullmatch(text)
        assert paging.token(cursor) == text[:2] + text[2:].lower()


@given(
    number=st.one_of(st.none(), st.text(), st.integers().map(str)),
    size=st.one_of(st.none(), st.text(), st.integers(-2, 1100).map(str)),
    token=st.one_of(st.none(), st.text(max_size=3), _NEAR, _UUIDS.map("PB{}".format)),
    names=_NAMES,
)
def test_a_page_that_is_taken_is_in_bounds(
    number: str | None, size: str | None, token: str | None, names: Names
) -> None:
    given_texts = {names.number: number, names.size: size, names.cursor: token}
    form = Form({name: [text] for name, text in given_texts.items() if text is not None})
    try:
        wanted = paging.wanted(form, names)
    except Refused as refused:
        (refusal,) = refused.refusals
        assert refusal.reason.cxml in _FAULTS
        assert refusal.where in given_texts
        return
    assert wanted.number >= 0
    assert 1 <= wanted.size <= paging.MAX_SIZE
    assert (wanted.cursor is None) == (not token)  # an empty one is none
    assert wanted.number == 0 or wanted.cursor is not None
