"""SWML documents read into steps: each method with each of its parameters, and every fault with its place."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heliograph.core.errors import SWML
from heliograph.wire import swml_reader
from heliograph.wire.swml import (
    AnyStep,
    Broken,
    Choice,
    Content,
    Document,
    Execute,
    Goto,
    Jump,
    Label,
    Receive,
    Reply,
    Request,
    Return,
    Switch,
    Transfer,
)
from heliograph.wire.swml_reader import WARNINGS_MAX, DocumentError

MAIN0 = "main[0]"
BODY = ("message", "body")


def read(*steps: Any, **sections: Any) -> Document:
    return read_whole({"sections": {"main": list(steps), **sections}})


def read_whole(document: Any) -> Document:
    return swml_reader.parse(json.dumps(document).encode())


def request(**given: Any) -> Request:
    usual: dict[str, Any] = {"method": "POST", "headers": {}, "body": None, "timeout_seconds": None}
    return Request(place=MAIN0, url="u", **{"save_variables": False, **usual, **given})


def reply(**given: Any) -> Reply:
    return Reply(place=MAIN0, contents={0: Content(**given)})


def choice(*cases: str, transform: str | None = None, variable: tuple[str | int, ...] = BODY) -> Choice:
    return Choice(variable=variable, transform=transform, cases={case: n for n, case in enumerate(cases, 1)})


STEPS: list[tuple[Any, AnyStep]] = [
    ({"reply": "a %{b}"}, reply(body="a %{b}")),
    ({"reply": 5}, reply(body="5")),
    ({"reply": {}}, reply()),
    ({"reply": {"body": "a"}}, reply(body="a")),
    ({"reply": {"media": ["u", "%{v}"]}}, reply(media=("u", "%{v}"))),
    (
        {"reply": {"body": 1.5, "media": None, "to": 12025550101, "from": "55512", "status_url": "s"}},
        reply(body="1.5", to="12025550101", from_="55512", status_url="s"),
    ),
    (
        {"reply": {"switch": {"variable": "message.body", "case": {"a": "x", "b": {"body": "y"}}}}},
        Reply(place=MAIN0, contents={1: Content(body="x"), 2: Content(body="y")}, choice=choice("a", "b")),
    ),
    (
        {"reply": {"switch": {"variable": "%{a}", "transform": "trim", "case": {}, "default": "x"}}},
        Reply(
            place=MAIN0,
            contents={0: Content(body="x")},
            choice=choice(transform="trim", variable=("vars", "a")),
        ),
    ),
    ({"receive": {}}, Receive(place=MAIN0)),
    ({"receive": None}, Receive(place=MAIN0)),
    ({"request": {"url": "u"}}, request()),
    *[
        ({"request": {"url": "u", "method": method}}, request(method=method.upper()))
        for method in ("GET", "POST", "PUT", "PATCH", "DELETE", "get")
    ],
    ({"request": {"url": "u", "headers": {"A": "b", "N": 5}}}, request(headers={"A": "b", "N": "5"})),
    ({"request": {"url": "u", "body": "text"}}, request(body="text")),
    ({"request": {"url": "u", "body": {"a": [1, "%{b}"]}}}, request(body={"a": [1, "%{b}"]})),
    ({"request": {"url": "u", "timeout": 0}}, request(timeout_seconds=0)),
    ({"request": {"url": "u", "timeout": 2.5}}, request(timeout_seconds=2.5)),
    ({"request": {"url": "u", "timeout": 99}}, request(timeout_seconds=99)),
    ({"request": {"url": "u", "save_variables": True}}, request(save_variables=True)),
    ({"execute": {"dest": "s"}}, Execute(place=MAIN0, section="s", params={})),
    ({"execute": {"dest": "s", "params": {"a": {"b": 1}}}}, Execute(place=MAIN0, section="s", params={"a": {"b": 1}})),
    ({"transfer": {"dest": "u"}}, Transfer(place=MAIN0, url="u", method="POST", params={})),
    (
        {"transfer": {"dest": "u", "method": "PUT", "params": {"a": 1}}},
        Transfer(place=MAIN0, url="u", method="PUT", params={"a": 1}),
    ),
    ({"goto": {"label": "l"}}, Goto(place=MAIN0, label="l", max_jumps=100)),
    ({"goto": {"label": 1, "max": 0}}, Goto(place=MAIN0, label="1", max_jumps=0)),
    ({"goto": {"label": "l", "max": 5000}}, Goto(place=MAIN0, label="l", max_jumps=5000)),
    ({"return": None}, Return(place=MAIN0, value=None)),
    ({"return": {"a": ["%{b}"]}}, Return(place=MAIN0, value={"a": ["%{b}"]})),
    ({"label": "l"}, Label(place=MAIN0, name="l")),
]

BROKEN: list[tuple[Any, str]] = [
    ({"reply": None}, "swml_invalid_document"),
    ({"reply": True}, "swml_invalid_document"),
    ({"reply": ["a"]}, "swml_invalid_document"),
    ({"reply": {"body": {}}}, "swml_invalid_document"),
    ({"reply": {"media": "u"}}, "swml_invalid_document"),
    ({"reply": {"media": [None]}}, "swml_invalid_document"),
    ({"reply": {"to": False}}, "swml_invalid_document"),
    ({"reply": {"switch": {"variable": "a", "case": {}}, "body": "b"}}, "swml_invalid_document"),
    ({"reply": {"switch": []}}, "swml_invalid_document"),
    ({"reply": {"switch": {"variable": "a", "case": {"b": ["c"]}}}}, "swml_invalid_document"),
    ({"reply": {"switch": {"variable": "a", "case": {}, "transform": 1}}}, "swml_switch_invalid_transform"),
    ({"request": None}, "swml_invalid_document"),
    ({"request": {}}, "swml_request_url_required"),
    ({"request": {"url": ""}}, "swml_request_url_required"),
    ({"request": {"url": ["u"]}}, "swml_invalid_document"),
    ({"request": {"url": "u", "method": 1}}, "swml_invalid_document"),
    ({"request": {"url": "u", "method": "HEAD"}}, "swml_invalid_document"),
    ({"request": {"url": "u", "timeout": True}}, "swml_invalid_document"),
    ({"request": {"url": "u", "save_variables": 1}}, "swml_invalid_document"),
    ({"request": {"url": "u", "headers": "a"}}, "swml_invalid_document"),
    ({"execute": "s"}, "swml_invalid_document"),
    ({"execute": {"dest": ""}}, "swml_section_not_found"),
    ({"execute": {"dest": {"sections": {}}}}, "swml_section_not_found"),
    ({"execute": {"dest": "s", "params": ["a"]}}, "swml_invalid_document"),
    ({"transfer": "u"}, "swml_invalid_document"),
    ({"transfer": {"dest": None}}, "swml_transfer_failed"),
    ({"transfer": {"dest": "u", "method": "HEAD"}}, "swml_invalid_document"),
    ({"switch": "a"}, "swml_invalid_document"),
    ({"switch": {"variable": "", "case": {}}}, "swml_invalid_document"),
    ({"switch": {"variable": "a()", "case": {}}}, "swml_invalid_document"),
    ({"switch": {"variable": "a", "case": []}}, "swml_invalid_document"),
    ({"goto": "l"}, "swml_invalid_document"),
    ({"goto": {"label": None}}, "swml_goto_label_not_found"),
    ({"goto": {"label": ["l"]}}, "swml_invalid_document"),
    ({"goto": {"label": "l", "max": -1}}, "swml_invalid_document"),
    ({"goto": {"label": "l", "max": 1.5}}, "swml_invalid_document"),
    ({"goto": {"label": "l", "max": True}}, "swml_invalid_document"),
    ({"goto": {"label": "l", "when": "x"}}, "swml_invalid_document"),
    ({"label": None}, "swml_invalid_document"),
]

DOCUMENTS: list[tuple[Any, str, str]] = [
    ([], "json_or_yaml_required", "object"),
    ("a", "json_or_yaml_required", "object"),
    ({}, "swml_missing_entry_point", "none of"),
    ({"version": "1.0.0"}, "swml_missing_entry_point", "none of"),
    ({"reply": "a", "sections": {"main": []}}, "swml_invalid_document", "reply and sections"),
    ({"receive": {}, "version": "1.0.1"}, "swml_invalid_document", "version"),
    ({"receive": {}, "version": 1}, "swml_invalid_document", "version"),
    ({"sections": None}, "swml_invalid_section_format", "sections must be"),
    ({"sections": {"other": []}}, "swml_invalid_section_format", "no main"),
    ({"sections": {"main": {}}}, "swml_invalid_section_format", "main must be"),
    ({"sections": {"main": [], "o": "a"}}, "swml_invalid_section_format", "o must be"),
    ({"sections": {"main": ["receive"]}}, "swml_invalid_section_format", "main[0]"),
    ({"sections": {"main": [{"receive": {}}, {}]}}, "swml_invalid_section_format", "main[1]"),
    ({"sections": {"main": [{"reply": "a", "label": "b"}]}}, "swml_invalid_section_format", "main[0]"),
    ({"sections": {"main": [], "o": [{"play": {}}]}}, "swml_unsupported_method", "o[0]: play"),
    ({"sections": {"main": [{"label": "l"}, {"label": "l"}]}}, "swml_invalid_document", "main[1]"),
    (
        {"sections": {"main": [{"switch": {"variable": "a", "case": {"secret": [{"receive": {}}, {"say": 1}]}}}]}},
        "swml_unsupported_method",
        "main[0].case 1[1]: say",
    ),
    (
        {"sections": {"main": [{"switch": {"variable": "a", "case": {}, "default": "a"}}]}},
        "swml_invalid_section_format",
        "main[0].default must be",
    ),
    ({"sections": {"main": [{"x" * 3000: 1}]}}, "swml_unsupported_method", "xxx..."),
]


@pytest.mark.parametrize(("given_", "step"), STEPS)
def test_a_step(given_: Any, step: AnyStep) -> None:
    document = read(given_)
    assert document.sections["main"].steps == (step,)
    assert document.warnings == ()


@pytest.mark.parametrize(("given_", "code"), BROKEN)
def test_a_step_that_can_not_be_done(given_: Any, code: str) -> None:
    (step,) = read(given_).sections["main"].steps
    assert isinstance(step, Broken)
    assert (step.place, step.method, step.code) == (MAIN0, next(iter(given_)), code)
    assert code in SWML and step.message


@pytest.mark.parametrize(("document", "code", "said"), DOCUMENTS)
def test_a_document_that_is_none(document: Any, code: str, said: str) -> None:
    with pytest.raises(DocumentError) as raised:
        read_whole(document)
    assert raised.value.code == code and code in SWML
    assert said in raised.value.message
    assert len(raised.value.message) < 300 and "secret" not in raised.value.message


def test_branches_are_laid_out_behind_their_switch() -> None:
    inner = {"switch": {"variable": "b", "case": {"x": [{"label": "in"}]}, "default": []}}
    document = read(
        {"switch": {"variable": "message.body", "case": {"y": [inner], "z": []}, "default": [{"receive": {}}]}},
        {"receive": {}},
    )
    section = document.sections["main"]
    assert section.steps == (
        Switch(place=MAIN0, choice=choice("y", "z"), targets={1: 1, 2: 6, 0: 7}),
        Switch(place="main[0].case 1[0]", choice=choice("x", variable=("vars", "b")), targets={1: 2, 0: 4}),
        Label(place="main[0].case 1[0].case 1[0]", name="in"),
        Jump(5),
        Jump(5),
        Jump(9),
        Jump(9),
        Receive(place="main[0].default[0]"),
        Jump(9),
        Receive(place="main[1]"),
    )
    assert section.labels == {"in": 2}


def test_a_label_may_be_in_two_sections() -> None:
    document = read({"label": "l"}, other=[{"receive": {}}, {"label": "l"}])
    assert [section.labels for section in document.sections.values()] == [{"l": 0}, {"l": 1}]


@pytest.mark.parametrize(
    ("document", "warning"),
    [
        ({"receive": {}, "extra": 1}, "the document: the unknown parameter extra was passed over."),
        ({"receive": {"a": 1}}, "main[0] receive: the unknown parameter a was passed over."),
        ({"reply": {"body": "a", "text": "b"}}, "main[0] reply: the unknown parameter text was passed over."),
        (
            {"reply": {"switch": {"variable": "a", "case": {"b": {"body": "c", "d": 1}}}}},
            "main[0].case 1 reply: the unknown parameter d was passed over.",
        ),
        (
            {"sections": {"main": [{"execute": {"dest": "o", "on_return": []}}]}},
            "main[0] execute: the unknown parameter on_return was passed over.",
        ),
        (
            {"sections": {"main": [{"request": {"url": "u", "body": [{"a": "%{b + 1}"}]}}]}},
            "main[0]: a placeholder is no path of a variable, and stays as it is written.",
        ),
    ],
)
def test_what_is_passed_over_is_a_warning(document: Any, warning: str) -> None:
    assert read_whole(document).warnings == (warning,)


def test_warnings_are_bounded() -> None:
    assert len(read({"reply": {f"p{n}": 1 for n in range(100)}}).warnings) == WARNINGS_MAX


def test_many_switches_inside_each_other() -> None:
    steps: list[Any] = [{"receive": {}}]
    for _ in range(11):
        steps = [{"switch": {"variable": "a", "case": {"b": steps}, "default": []}}]
    assert len(read(*steps).sections["main"].steps) == 11 * 3 + 1
    for _ in range(5):
        steps = [{"switch": {"variable": "a", "case": {"b": steps}}}]
    with pytest.raises(DocumentError, match="inside each other"):
        read(*steps)


NAMES = (
    *(
        "main",
        "other",
        "reply",
        "receive",
        "request",
        "execute",
        "transfer",
        "switch",
        "goto",
        "return",
        "label",
        "play",
    ),
    *("body", "media", "to", "from", "status_url", "url", "method", "headers", "timeout", "save_variables", "dest"),
    *("params", "variable", "transform", "case", "default", "max", "when", "a", "b"),
)
names = st.sampled_from(NAMES)
scalars = (
    st.none() | st.booleans() | st.integers(-3, 300) | st.floats(-5, 5) | names | st.sampled_from(["%{a}", "%{a("])
)
anything = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3), max_leaves=25
)


@given(st.dictionaries(st.sampled_from(["version", "reply", "receive", "sections"]), anything, max_size=2))
def test_any_document_is_read_or_refused(document: Any) -> None:
    try:
        read_whole(document)
    except DocumentError as error:
        assert error.code in SWML


@given(st.dictionaries(st.sampled_from(["main", "other"]), st.lists(st.dictionaries(names, anything, max_size=1))))
def test_any_sections_are_read_or_refused(sections: Any) -> None:
    try:
        document = read_whole({"sections": sections})
    except DocumentError as error:
        assert error.code in SWML
        return
    for section in document.sections.values():
        for step in section.steps:
            if isinstance(step, Jump):
                assert 0 <= step.target <= len(section.steps)
            elif isinstance(step, Switch):
                assert all(0 <= target < len(section.steps) for target in step.targets.values())
