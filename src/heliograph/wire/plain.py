"""JSON or YAML that somebody else wrote, read into plain values: texts, numbers, lists, objects with text keys.

Rules:
- JSON, or YAML 1.2: the words null, true and false and numbers as JSON writes them are what they look like, any other
  plain text is text. So `yes`, `1.0.0`, `012` and `+12025550123` are texts. A key is always text, as written.
- One document, in UTF-8. A key that occurs twice in one object, a number that is not finite or has more than
  DIGITS_MAX digits, a NUL and half a surrogate pair are refused.
- Anchors and aliases are read; what they stand for counts each time. Merge keys (`<<`) and tags of one's own are not.

Bounds: DOCUMENT_MAX bytes, NESTING_MAX, NODES_MAX.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NoReturn

import orjson
import yaml

from heliograph.core.placeholders import Plain

DOCUMENT_MAX = 64 * 1024
"""Bytes: SignalWire's limit for a document."""

NESTING_MAX = 64
"""Lists and objects inside each other: a `switch` in a `switch` takes four, so fifteen of these."""

NODES_MAX = 5_000
"""Values in a document, those behind an alias counted each time: fifty for each step that a run may take. More would
keep the server's loop for longer than a few hundredths of a second."""

EVENTS_MAX = 3 * NODES_MAX
"""What a YAML parser tells of so many values: a beginning and an end for each object or list, a key for each value."""

DIGITS_MAX = 18
"""Digits of a whole number: what 64 bits surely hold."""

_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?")
_WORDS: dict[str, bool | None] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_TAG = "tag:yaml.org,2002:"
_TEXT_TAGS = {"!", f"{_TAG}str"}
_KNOWN_TAGS = {f"{_TAG}{name}" for name in ("map", "seq", "null", "bool", "int", "float")}

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""libyaml's where PyYAML has it: the same events, thirty times as fast."""


class PlainError(ValueError):
    """Not such a document; the text says what is wrong and where, and repeats nothing of it but a key."""


def parse(document: bytes) -> Plain:
    """Raises PlainError."""
    if len(document) > DOCUMENT_MAX:
        raise PlainError(f"The document is larger than {DOCUMENT_MAX} bytes.")
    try:
        text = document.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise PlainError("The document is not UTF-8.") from error
    value = _read(text)
    _check(value, NODES_MAX)
    return value


def parse_json(answer: bytes) -> Plain:
    """JSON that a machine wrote, with the same bounds but for the count; the last of equal keys holds. Raises
    PlainError."""
    try:
        value: Plain = orjson.loads(answer)
    except orjson.JSONDecodeError as error:
        raise PlainError("This is no JSON.") from error
    _check(value, len(answer))
    return value


def _read(text: str) -> Plain:
    """YAML is asked too where JSON fails, for `{a: b}` is YAML; the fault told is then that of JSON."""
    if not text.lstrip().startswith(("{", "[")):
        return _read_yaml(text)
    try:
        return _read_json(text)
    except json.JSONDecodeError as error:
        try:
            return _read_yaml(text)
        except PlainError:
            raise PlainError(f"Line {error.lineno}, column {error.colno}: {error.msg}.") from error


# -- JSON


def _read_json(text: str) -> Plain:
    try:
        value: Plain = json.loads(
            text, object_pairs_hook=_object, parse_int=_number, parse_float=_number, parse_constant=_constant
        )
    except RecursionError as error:
        raise _nested() from error
    return value


def _object(pairs: list[tuple[str, Plain]]) -> Plain:
    made: dict[str, Plain] = {}
    for key, value in pairs:
        if key in made:
            raise _twice(key)
        made[key] = value
    return made


def _number(text: str) -> int | float:
    """A number as JSON writes it."""
    if text.lstrip("-").isdigit():
        if len(text.lstrip("-")) > DIGITS_MAX:
            raise PlainError(f"A whole number has more than {DIGITS_MAX} digits; put it in quotes.")
        return int(text)
    number = float(text)
    if number - number != 0:
        raise PlainError("A number is too large; put it in quotes.")
    return number


def _constant(name: str) -> NoReturn:
    raise PlainError(f"{name} is no number in JSON.")


# -- YAML


@dataclass(slots=True)
class _Open:
    """A list or an object that is being read. A key waits for its value."""

    value: list[Plain] | dict[str, Plain]
    anchor: str | None
    key: str | None = None


@dataclass(slots=True)
class _Composer:
    """Values out of events. `anchors` has what is complete; one that is open can't stand for itself."""

    unfinished: list[_Open] = field(default_factory=list)
    anchors: dict[str, Plain] = field(default_factory=dict)
    result: list[Plain] = field(default_factory=list)
    count: int = 0

    def take(self, event: Any) -> None:
        self.count += 1
        if self.count > EVENTS_MAX:
            raise _too_many()
        match event:
            case yaml.AliasEvent(anchor=str(anchor)):
                if anchor not in self.anchors:
                    raise _at(event, f"the alias *{_short(anchor)} stands for nothing that is complete")
                self._put(event, self.anchors[anchor])
            case yaml.ScalarEvent():
                value = event.value if self._awaits_key() else _scalar(event)
                self._remember(event.anchor, value)
                self._put(event, value)
            case yaml.SequenceStartEvent():
                self._start(event, [])
            case yaml.MappingStartEvent():
                self._start(event, {})
            case yaml.SequenceEndEvent() | yaml.MappingEndEvent():
                done = self.unfinished.pop()
                self._remember(done.anchor, done.value)
                self._put(event, done.value)
            case yaml.DocumentStartEvent() if self.result:
                raise _at(event, "a second document begins here; only one is allowed")
            case _:
                return

    def _start(self, event: Any, value: list[Plain] | dict[str, Plain]) -> None:
        if self._awaits_key():
            raise _at(event, "a key is a text, not a list or an object")
        _check_tag(event)
        self.unfinished.append(_Open(value, event.anchor))
        if len(self.unfinished) > NESTING_MAX:
            raise _nested()

    def _remember(self, anchor: str | None, value: Plain) -> None:
        if anchor is not None:
            self.anchors[anchor] = value

    def _awaits_key(self) -> bool:
        return bool(self.unfinished) and isinstance(self.unfinished[-1].value, dict) and self.unfinished[-1].key is None

    def _put(self, event: Any, value: Plain) -> None:
        if not self.unfinished:
            self.result.append(value)
            return
        into = self.unfinished[-1]
        if isinstance(into.value, list):
            into.value.append(value)
        elif into.key is None:
            if not isinstance(value, str):
                raise _at(event, "a key is a text, not a list or an object")
            if value in into.value:
                raise _at(event, _twice(value).args[0])
            into.key = value
        else:
            into.value[into.key] = value
            into.key = None


def _read_yaml(text: str) -> Plain:
    composer = _Composer()
    try:
        for event in yaml.parse(text, Loader=_Loader):
            composer.take(event)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = f"Line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        raise PlainError(f"{where}{error.problem or 'this is no YAML'}.") from error
    except yaml.YAMLError as error:
        raise PlainError("The document has a character that YAML doesn't allow.") from error
    if not composer.result:
        raise PlainError("The document is empty.")
    return composer.result[0]


def _scalar(event: Any) -> Plain:
    _check_tag(event)
    text: str = event.value
    if event.tag in _TEXT_TAGS or (event.tag is None and event.style):  # quoted, or a block of text
        return text
    if text in _WORDS:
        return _WORDS[text]
    return _number(text) if _NUMBER.fullmatch(text) else text


def _check_tag(event: Any) -> None:
    if event.tag is not None and event.tag not in _TEXT_TAGS | _KNOWN_TAGS:
        raise _at(event, f"the tag {_short(event.tag)} is not supported")


def _at(event: Any, what: str) -> PlainError:
    mark = event.start_mark
    return PlainError(f"Line {mark.line + 1}, column {mark.column + 1}: {what.rstrip('.')}.")


# -- both


def _check(value: Plain, nodes_max: int) -> None:
    """The bounds that hold for what was read, whatever it was read from."""
    seen = 0
    waiting: list[tuple[Iterator[Plain], int]] = [(iter([value]), 0)]
    while waiting:
        values, depth = waiting[-1]
        for each in values:
            seen += 1
            if seen > nodes_max:
                raise _too_many()
            if isinstance(each, str):
                _check_text(each)
            elif isinstance(each, list | dict):
                if depth >= NESTING_MAX:
                    raise _nested()
                waiting.append((_inside(each), depth + 1))
                break
        else:
            waiting.pop()


def _inside(value: list[Plain] | dict[str, Plain]) -> Iterator[Plain]:
    if isinstance(value, list):
        yield from value
    else:
        for key, each in value.items():
            _check_text(key)
            yield each


def _check_text(text: str) -> None:
    if "\0" in text:
        raise PlainError("The document has a NUL character in a text.")
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise PlainError("The document has half of a surrogate pair in a text.") from error


def _nested() -> PlainError:
    return PlainError(f"The document has more than {NESTING_MAX} lists and objects inside each other.")


def _too_many() -> PlainError:
    return PlainError(f"The document has more than {NODES_MAX} values, those behind aliases counted in.")


def _twice(key: str) -> PlainError:
    return PlainError(f"The key {_short(key)!r} occurs twice in one object.")


def _short(text: str) -> str:
    return text if len(text) <= 40 else text[:40] + "..."
