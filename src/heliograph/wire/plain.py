"""JSON or YAML that somebody else wrote, read into plain values: texts, numbers, lists, objects with text keys.

Rules:
- JSON, or YAML 1.2: the words null, true and false and numbers as JSON writes them are what they look like, any other
  plain text is text. So `yes`, `1.0.0`, `012` and `+12025550123` are texts. A key is always text, as written.
- One document, in UTF-8. A key that occurs twice in one object, a number that is not finite or has more than
  DIGITS_MAX digits, a NUL and half a surrogate pair are refused.
- Anchors and aliases are read; what they stand for counts each time. Merge keys (`<<`) and tags of one's own are not.

Bounds: DOCUMENT_MAX bytes, and as many characters with those behind aliases; NESTING_MAX, NODES_MAX.
"""

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NoReturn

import orjson

from heliograph.core.placeholders import Plain, WrittenNumber

DOCUMENT_MAX = 64 * 1024
"""Bytes: SignalWire's limit for a document."""

NESTING_MAX = 64
"""Lists and objects inside each other: a `switch` in a `switch` takes four, so fifteen of these."""

NODES_MAX = 5_000
"""Values in a document, those behind an alias counted each time: fifty for each step that a run may take. More would
keep the server's loop for longer than a few hundredths of a second."""

DIGITS_MAX = 18
"""Digits of a whole number: what 64 bits surely hold."""


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
    _check(value, _Bounds(NODES_MAX, DOCUMENT_MAX))
    return value


def parse_json(answer: bytes) -> Plain:
    """JSON that a machine wrote, with the same bounds but for the count; the last of equal keys holds. Raises
    PlainError."""
    try:
        value: Plain = orjson.loads(answer)
    except orjson.JSONDecodeError as error:
        raise PlainError("This is no JSON.") from error
    _check(value, _Bounds(len(answer), len(answer)))
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


def _read_yaml(text: str) -> Plain:
    from heliograph.wire import plain_yaml  # when first needed: importing PyYAML is a good part of a server's start

    return plain_yaml.read(text)


# -- JSON


def _read_json(text: str) -> Plain:
    try:
        value: Plain = json.loads(
            text, object_pairs_hook=_object, parse_int=number, parse_float=number, parse_constant=_constant
        )
    except RecursionError as error:
        raise nested() from error
    return value


def _object(pairs: list[tuple[str, Plain]]) -> Plain:
    made: dict[str, Plain] = {}
    for key, value in pairs:
        if key in made:
            raise twice(key)
        made[key] = value
    return made


def number(text: str) -> int | float:
    """A number as JSON writes it. As text it stays as it is written."""
    if text.lstrip("-").isdigit() and text != "-0":
        if len(text.lstrip("-")) > DIGITS_MAX:
            raise PlainError(f"A whole number has more than {DIGITS_MAX} digits; put it in quotes.")
        return int(text)
    value = float(text)
    if not math.isfinite(value):
        raise PlainError("A number is too large; put it in quotes.")
    return value if repr(value) == text else WrittenNumber(text)


def _constant(name: str) -> NoReturn:
    raise PlainError(f"{name} is no number in JSON.")


# -- both


@dataclass(slots=True)
class _Bounds:
    """What of a document is left to be read; behind an alias each time."""

    nodes: int
    characters: int

    def text(self, text: str) -> None:
        self.characters -= len(text)
        if self.characters < 0:
            raise PlainError(f"The document has more than {DOCUMENT_MAX} characters, those behind aliases counted in.")
        if "\0" in text:
            raise PlainError("The document has a NUL character in a text.")
        if not text.isascii():
            try:
                text.encode()
            except UnicodeEncodeError as error:
                raise PlainError("The document has half of a surrogate pair in a text.") from error


def _check(value: Plain, bounds: _Bounds) -> None:
    """The bounds that hold for what was read, whatever it was read from."""
    waiting: list[tuple[Iterator[Plain], int]] = [(iter([value]), 0)]
    while waiting:
        values, depth = waiting[-1]
        for each in values:
            bounds.nodes -= 1
            if bounds.nodes < 0:
                raise too_many()
            if isinstance(each, str):
                bounds.text(each)
            elif isinstance(each, list | dict):
                if depth >= NESTING_MAX:
                    raise nested()
                waiting.append((_inside(each, bounds), depth + 1))
                break
        else:
            waiting.pop()


def _inside(value: list[Plain] | dict[str, Plain], bounds: _Bounds) -> Iterator[Plain]:
    if isinstance(value, list):
        yield from value
    else:
        for key, each in value.items():
            bounds.text(key)
            yield each


def nested() -> PlainError:
    return PlainError(f"The document has more than {NESTING_MAX} lists and objects inside each other.")


def too_many() -> PlainError:
    return PlainError(f"The document has more than {NODES_MAX} values, those behind aliases counted in.")


def twice(key: str) -> PlainError:
    return PlainError(f"The key {short(key)!r} occurs twice in one object.")


def short(text: str) -> str:
    return text if len(text) <= 40 else text[:40] + "..."
