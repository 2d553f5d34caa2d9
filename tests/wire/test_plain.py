"""JSON and YAML that others wrote, and what is refused of it."""

import contextlib
import json
import time

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from heliograph.core.placeholders import Plain
from heliograph.wire import plain, plain_yaml
from heliograph.wire.plain import DOCUMENT_MAX, NESTING_MAX, NODES_MAX, PlainError

READ: dict[str, Plain] = {
    "{}": {},
    '{"a": [1, -2.5e3, true, null, "x"]}': {"a": [1, -2500.0, True, None, "x"]},
    '\ufeff{"a": 1}': {"a": 1},
    '{"a": "\\ud83d\\ude00"}': {"a": "😀"},
    "{a: b, c: [d]}": {"a": "b", "c": ["d"]},
    "a: 1": {"a": 1},
    "%YAML 1.2\n---\na: 1\n...\n": {"a": 1},
    "- 012\n- 0x10\n- 1_000\n- +12025550101\n- 1.0.0\n- 12:30\n- .5\n- 5.\n- .inf": [
        "012",
        "0x10",
        "1_000",
        "+12025550101",
        "1.0.0",
        "12:30",
        ".5",
        "5.",
        ".inf",
    ],
    "- yes\n- no\n- on\n- 2026-11-23\n- =\n- <<": ["yes", "no", "on", "2026-11-23", "=", "<<"],
    "- true\n- True\n- FALSE\n- null\n- ~\n-\n- Null": [True, True, False, None, None, None, None],
    "- -0\n- 0\n- 15\n- 1e3\n- -1.5": [-0.0, 0, 15, 1000.0, -1.5],
    "- '1'\n- \"true\"\n- !!str 1\n- ! 1\n- !!int '1'": ["1", "true", "1", "1", 1],
    "yes: a\n1: b\n1.0: c\nnull: d\n~: e": {"yes": "a", "1": "b", "1.0": "c", "null": "d", "~": "e"},
    "a: |\n  one\n  two\nb: >-\n  one\n  two": {"a": "one\ntwo\n", "b": "one two"},
    "a: &x [1, &y 2]\nb: *x\nc: *y": {"a": [1, 2], "b": [1, 2], "c": 2},
    "&k a: b\nc: *k": {"a": "b", "c": "a"},
}

REFUSED = {
    "": "empty",
    " \n": "empty",
    "# nothing": "empty",
    "{": "Line 1, column 2",
    '{"a": 1,\n "b" 2}': "Line 2, column 6",
    "a: [1": "Line 2, column 1",
    "a: b: c": "Line 1, column 5",
    "a: 1\nb: 2\na: 3": "Line 3, column 1: The key 'a' occurs twice",
    '{"a": 1, "b": {"c": 1, "c": 2}}': "The key 'c' occurs twice",
    "1: a\n'1': b": "The key '1' occurs twice",
    "--- a\n--- b": "second document",
    "a: *b": "*b stands for nothing",
    "a: &a [*a]": "*a stands for nothing",
    "a: !!python/object/apply:os.system [x]": "the tag",
    "a: !mine x": "the tag",
    "!!set {a}": "the tag",
    "? [a]\n: b": "a key is a text",
    "? {a: b}\n: c": "a key is a text",
    "- &a [1]\n- ? *a\n  : b": "a key is a text",
    "a: 1234567890123456789": "more than 18 digits",
    '{"a": -1234567890123456789}': "more than 18 digits",
    '{"a": ' + "9" * 5000 + "}": "more than 18 digits",
    "a: 1e999": "too large",
    '{"a": -1e999}': "too large",
    '{"a": NaN}': "NaN is no number",
    "[-Infinity]": "-Infinity is no number",
    '{"a": "\\u0000"}': "NUL",
    '{"\\u0000": 1}': "NUL",
    'a: "\\0"': "NUL",
    '{"a": "\\ud800"}': "surrogate",
    '{"a\\udc00": 1}': "surrogate",
    "a: \x07": "character that YAML doesn't allow",
    "[" * 65000: f"more than {NESTING_MAX} lists",
    '{"a":' * 13000: f"more than {NESTING_MAX} lists",
    "- " * 32000: f"more than {NESTING_MAX} lists",
    "[" + "1," * 32000 + "1]": f"more than {NODES_MAX} values",
    "- a\n" * 16000: f"more than {NODES_MAX} values",
}


PIECES = (
    *("a", "1", ": ", ":", "\n", "  ", "- ", "? ", "[", "]", "{", "}", ",", "&a ", "*a", "!!str ", "! ", "'", '"'),
    *("|\n", ">\n", "#", "# c\n", "---\n", "...\n", "%YAML 1.1\n", "%a\n", "\t", "~", "true", "\\", "\\u00", "é"),
    *("😀", "<<: ", "[? ", "a: ", '"\\x41', "[a, ", '{"a":', "{}, ", "- - ", "<a>"),
)
"""Of which YAML is made."""


@pytest.mark.parametrize(("text", "value"), READ.items())
def test_what_is_read(text: str, value: Plain) -> None:
    read = plain.parse(text.encode())
    assert read == value and json.dumps(read) == json.dumps(value)  # 1 is not true, and not 1.0


@pytest.mark.parametrize(("text", "fault"), REFUSED.items())
def test_what_is_refused(text: str, fault: str) -> None:
    with pytest.raises(PlainError) as raised:
        plain.parse(text.encode("utf-8", "surrogatepass"))
    assert fault in str(raised.value)
    assert len(str(raised.value)) < 200


def test_what_is_no_utf_8_or_too_large() -> None:
    with pytest.raises(PlainError, match="UTF-8"):
        plain.parse(b'{"a": "\xff"}')
    with pytest.raises(PlainError, match="UTF-8"):
        plain.parse('{"a": 1}'.encode("utf-16"))
    assert plain.parse(b" " * (DOCUMENT_MAX - 2) + b"{}") == {}
    with pytest.raises(PlainError, match="larger"):
        plain.parse(b" " * (DOCUMENT_MAX - 1) + b"{}")


def test_nesting_up_to_its_bound() -> None:
    for text in ("[" * NESTING_MAX + "]" * NESTING_MAX, "- " * NESTING_MAX + "a"):
        plain.parse(text.encode())
    for text in ("[" * (NESTING_MAX + 1) + "]" * (NESTING_MAX + 1), "- " * (NESTING_MAX + 1) + "a"):
        with pytest.raises(PlainError, match="inside each other"):
            plain.parse(text.encode())


def test_texts_behind_aliases_count_each_time() -> None:
    """Written out as JSON, this one would have 200 MB."""
    document = f"a: &a {'x' * 40_000}\nb: [{','.join(['*a'] * 4_900)}]"
    with pytest.raises(PlainError, match="characters, those behind aliases"):
        plain.parse(document.encode())
    with pytest.raises(PlainError, match="characters, those behind aliases"):
        plain.parse(f"- &a {'x' * 40_000}\n- *a : b".encode())
    whole = f'"{"x" * (DOCUMENT_MAX - 2)}"'
    assert plain.parse(whole.encode()) == whole[1:-1]


def test_aliases_count_each_time() -> None:
    lines = ["a: &a [x,x,x,x,x,x,x,x]"]
    for before, name in zip("abcdefghijk", "bcdefghijkl", strict=True):
        lines.append(f"{name}: &{name} [{','.join([f'*{before}'] * 8)}]")
    with pytest.raises(PlainError, match="behind aliases"):
        plain.parse("\n".join(lines).encode())
    nested = ["a: &a [x]"] + [f"a{n}: &a [*a]" for n in range(NESTING_MAX + 5)]
    with pytest.raises(PlainError, match="inside each other"):
        plain.parse("\n".join(nested).encode())


@pytest.mark.parametrize("piece", PIECES)
def test_no_document_takes_long(piece: str) -> None:
    """Many times the same: what scanners that look back are slow with."""
    text = piece * (DOCUMENT_MAX // len(piece))
    started = time.process_time()
    with contextlib.suppress(PlainError):
        plain.parse(text.encode()[:DOCUMENT_MAX])
    assert time.process_time() - started < 1


def test_the_parser_in_python_says_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """PyYAML without libyaml."""
    monkeypatch.setattr(plain_yaml, "_Loader", yaml.SafeLoader)
    for text, value in READ.items():
        assert plain.parse(text.encode()) == value
    for text in REFUSED:
        if len(text) < 1000:
            with pytest.raises(PlainError):
                plain.parse(text.encode("utf-8", "surrogatepass"))


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**17), 10**17)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")),
    lambda inner: (
        st.lists(inner, max_size=5)
        | st.dictionaries(
            st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=5), inner, max_size=5
        )
    ),
    max_leaves=30,
)


@given(json_values)
def test_json_comes_back(value: Plain) -> None:
    assert plain.parse(json.dumps([value]).encode()) == [value]
    assert plain.parse(json.dumps([value], ensure_ascii=False).encode()) == [value]


@given(json_values)
def test_the_json_of_a_machine_comes_back(value: Plain) -> None:
    assert plain.parse_json(json.dumps(value).encode()) == value


@given(st.binary(max_size=200))
def test_any_octets_are_read_or_refused(octets: bytes) -> None:
    for parse in (plain.parse, plain.parse_json):
        try:
            parse(octets)
        except PlainError:
            continue


@given(st.lists(st.sampled_from(PIECES), max_size=40).map("".join))
def test_anything_like_yaml_is_read_or_refused(text: str) -> None:
    try:
        plain.parse(text.encode())
    except PlainError:
        return
