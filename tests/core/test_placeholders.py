"""What `%{...}` becomes, and that it always becomes something."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heliograph.core import placeholders
from heliograph.core.placeholders import EXPANDED_MAX, NESTING_MAX, PlaceholderError, Plain, Room, Scopes

SCOPES = Scopes(
    message={"from": "+13125550142", "body": "%{message.from}", "media": [{"url": "u0"}, {"url": "u1"}], "none": None},
    params={"name": "Ada", "list": [[1, 2], ["x"]], "größe": 5, "content-type": "a/b"},
    vars={"reply_result": "queued", "request_response": {"n": 1, "f": 0.5, "t": True, "o": {"a": [None]}}},
)

PATHS = {
    "message.from": "+13125550142",
    " message.from ": "+13125550142",
    "message.media[1].url": "u1",
    "message.media[2].url": "",
    "message.media[0]": '{"url":"u0"}',
    "message.media[0][0]": "",
    "message.media.url": "",
    "message.none": "",
    "message": "",
    "params.name": "Ada",
    "params.name.length": "",
    "params.name[0]": "",
    "params.list[0][1]": "2",
    "params.list[1]": '["x"]',
    "params.größe": "5",
    "params.content-type": "a/b",
    "reply_result": "queued",
    "vars.reply_result": "queued",
    "vars.vars.reply_result": "",
    "request_response.n": "1",
    "request_response.f": "0.5",
    "request_response.t": "true",
    "request_response.o": '{"a":[null]}',
    "request_response.o.a[999999]": "",
    "name": "",
    "nothing": "",
    "nothing.at[3].all": "",
}
NO_PATHS = (
    "",
    " ",
    ".",
    "a.",
    ".a",
    "a..b",
    "a[",
    "a[]",
    "a[-1]",
    "a[1",
    "a['b']",
    "a[0]b",
    "a b",
    "a+b",
    "a()",
    "message.body.toUpperCase()",
    "lc:message.body",
    "[0]",
    "a[1234567]",
    "a" * 257,
)


@pytest.mark.parametrize(("path", "text"), PATHS.items())
def test_a_path_becomes_its_value(path: str, text: str) -> None:
    if path != "message":
        assert placeholders.expand(f"<%{{{path}}}>", SCOPES) == f"<{text}>"
    assert placeholders.path(path) is not None


@pytest.mark.parametrize("path", NO_PATHS)
def test_what_is_no_path_stays(path: str) -> None:
    text = f"<%{{{path}}}> ${{message.from}}"
    assert placeholders.path(path) is None
    assert placeholders.expand(text, SCOPES) == text
    assert list(placeholders.not_paths(text)) == [f"%{{{path}}}"]


@pytest.mark.parametrize(
    ("text", "expanded"),
    [
        ("", ""),
        ("100% {a} %{", "100% {a} %{"),
        ("%{%{message.from}}", "%{+13125550142}"),
        ("%%{message.from}%", "%+13125550142%"),
        ("%{message.body}", "%{message.from}"),
        ("%{message.from}%{message.from}", "+13125550142+13125550142"),
        ("%{message\n.from}", "%{message\n.from}"),
    ],
)
def test_one_pass(text: str, expanded: str) -> None:
    assert placeholders.expand(text, SCOPES) == expanded


def test_the_inside_of_a_whole_scope_is_json() -> None:
    assert json.loads(placeholders.expand("%{params}", SCOPES)) == SCOPES.params


def test_texts_anywhere_in_a_value_are_filled_and_nothing_else() -> None:
    value: Plain = {"%{params.name}": ["%{params.name}", 1, None, {"a": "%{params.name}!"}], "b": True, "c": 0.5}
    filled: Plain = {"%{params.name}": ["Ada", 1, None, {"a": "Ada!"}], "b": True, "c": 0.5}
    assert placeholders.expand_all(value, SCOPES) == filled


def test_what_may_come_out_is_bounded() -> None:
    scopes = Scopes(message={"body": "x" * 65536})
    assert len(placeholders.expand("%{message.body}" * 4, scopes)) == EXPANDED_MAX
    for text in ("%{message.body}" * 4 + "x", "%{message.body}" * 4000):
        with pytest.raises(PlaceholderError):
            placeholders.expand(text, scopes)
    with pytest.raises(PlaceholderError):
        placeholders.expand_all(["%{message.body}"] * 5, scopes)
    room = Room(left=4)
    assert placeholders.expand_all(["ab", placeholders.expand("cd", scopes, room)], scopes) == ["ab", "cd"]
    with pytest.raises(PlaceholderError):
        placeholders.expand_all(["ab", "c"], scopes, room)


def test_nesting_is_bounded() -> None:
    value: Plain = "%{params.name}"
    for _ in range(NESTING_MAX):
        value = [value]
    placeholders.expand_all(value, SCOPES)
    with pytest.raises(PlaceholderError):
        placeholders.expand_all([value], SCOPES)


def test_a_value_that_is_no_text_is_the_callers_to_hear_of() -> None:
    deep: Plain = []
    for _ in range(100_000):
        deep = [deep]
    for value in (deep, 10**5000):
        with pytest.raises(PlaceholderError):
            placeholders.text_of(value)


plain_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=20,
)
templates = st.lists(
    st.text(max_size=8) | st.sampled_from(["%{", "}", "%{message.a}", "%{vars.b[0].c}", "%{a}", "[", "].", "params"]),
    max_size=12,
).map("".join)
objects = st.dictionaries(st.sampled_from("abc"), plain_values, max_size=3)
scopes_of_any_kind = st.builds(lambda m, p, v: Scopes(message=m, params=p, vars=v), objects, objects, objects)


@given(templates, scopes_of_any_kind)
def test_expanding_ends_and_raises_its_own_error_only(text: str, scopes: Scopes) -> None:
    try:
        filled = placeholders.expand(text, scopes)
    except PlaceholderError:
        return
    assert len(filled) <= EXPANDED_MAX
    if "%{" not in text:
        assert filled == text


@given(plain_values, scopes_of_any_kind)
def test_expanding_a_value_keeps_its_shape(value: Plain, scopes: Scopes) -> None:
    def shape(each: Plain) -> object:
        if isinstance(each, dict):
            return {key: shape(inner) for key, inner in each.items()}
        if isinstance(each, list):
            return [shape(inner) for inner in each]
        return type(each)

    assert shape(placeholders.expand_all(value, scopes)) == shape(value)


@given(st.text())
def test_a_path_is_a_path_or_none(text: str) -> None:
    names = placeholders.path(text)
    assert names is None or names[0] in ("message", "params", "vars")
    if names is not None:
        placeholders.look_up(names, SCOPES)
