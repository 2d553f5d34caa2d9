"""YAML read into plain values (wire.plain, which has the rules and the bounds).

PyYAML gives events, and values are made of them here: its own loaders follow YAML 1.1, where `no` is false and
`+12025550123` a number, keep the last of equal keys in silence, and count nothing.
"""

import re
from dataclasses import dataclass, field
from typing import Any

import yaml

from heliograph.core.placeholders import Plain
from heliograph.wire.plain import NESTING_MAX, NODES_MAX, PlainError, nested, number, short, too_many, twice

EVENTS_MAX = 3 * NODES_MAX
"""What a YAML parser tells of so many values: a beginning and an end for each object or list, a key for each value."""

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
"""libyaml's where PyYAML has it: the same events, and much faster."""


def read(text: str) -> Plain:
    """One document. Raises PlainError."""
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
            raise too_many()
        match event:
            case yaml.AliasEvent(anchor=str(anchor)):
                if anchor not in self.anchors:
                    raise _at(event, f"the alias *{short(anchor)} stands for nothing that is complete")
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
            raise nested()

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
                raise _at(event, twice(value).args[0])
            into.key = value
        else:
            into.value[into.key] = value
            into.key = None


def _scalar(event: Any) -> Plain:
    _check_tag(event)
    text: str = event.value
    if event.tag in _TEXT_TAGS or (event.tag is None and event.style):  # quoted, or a block of text
        return text
    if text in _WORDS:
        return _WORDS[text]
    return number(text) if _NUMBER.fullmatch(text) else text


def _check_tag(event: Any) -> None:
    if event.tag is not None and event.tag not in _TEXT_TAGS | _KNOWN_TAGS:
        raise _at(event, f"the tag {short(event.tag)} is not supported")


def _at(event: Any, what: str) -> PlainError:
    mark = event.start_mark
    return PlainError(f"Line {mark.line + 1}, column {mark.column + 1}: {what.rstrip('.')}.")
