"""Assertions that tie a test to rows of the specification.

A claim's first argument, and the keys of its dict, are literals: ties.py reads them from the test's source, so that
a row is shown by a test if and only if the test asserts something of it. Claims stand in test functions themselves.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import differences
from facts import Fact, Row, specification

from servers import Reply

_TYPES: Mapping[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "array": (list,),
    "object": (dict,),
    "null": (type(None),),
}


@dataclass(frozen=True)
class Like:
    """Equal to each text that the pattern matches whole."""

    pattern: str

    def __eq__(self, other: object) -> bool:
        return isinstance(other, str) and re.fullmatch(self.pattern, other) is not None

    __hash__ = None  # type: ignore[assignment]


UUID = Like("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
RFC_2822 = Like(r"[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d \+0000")
ISO_8601 = Like(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
TEXT = Like("(?s).+")


def answered(operation: str, reply: Reply) -> Any:
    """The call went as specified: its status, and an answer with exactly the object's fields, of their types.

    Returns the answer, None for one without a body.
    """
    status, answer = specification().operations[operation].success
    wanted = differences.status(operation) or status
    assert reply.status == wanted, (operation, reply.status, reply.body)
    if answer is None:
        assert reply.body == b"", reply.body
        return None
    shown = reply.json()
    conforms(answer, shown)
    return shown


def refused(operation: str, reply: Reply, status: int) -> Any:
    """The call was refused with a status, in the shape that the specification has for it; returns the answer."""
    assert reply.status == status, (operation, reply.status, reply.body)
    shape = specification().operations[operation].answers.get(str(status))
    shown = reply.json()
    if shape is not None:
        conforms(differences.stand_in(shape) or shape, shown)
    return shown


def instead(owner: str, shown: Any) -> None:
    """In an object's place there is the one that the stated difference names."""
    other = differences.stand_in(owner)
    assert other is not None, f"differences.toml has no stand-in for {owner}"
    conforms(other, shown)


def absent(operation: str, reply: Reply) -> None:
    """The operation isn't here, and who asks for it is told so: 404, or the status that the difference has."""
    answers = specification().operations[operation].answers
    wanted = differences.status(operation) or 404
    assert reply.status == wanted, (operation, reply.status, reply.body)
    conforms(answers.get(str(wanted)) or "rest.StatusCode404", reply.json())


def effects(owner: str, seen: Mapping[str, tuple[object, object]]) -> None:
    """Each field of a request or document had its effect: pairs of what was seen and what was to be seen."""
    known = specification()
    names = known.operations[owner].request if owner in known.operations else known.objects[owner]
    for name, (got, expected) in seen.items():
        assert name in names, f"{owner} has no {name}"
        assert got == expected, f"{owner} {name}: {got!r}, not {expected!r}"


def does(owner: str, got: object, expected: object) -> None:
    """What has no fields did what it is for."""
    assert owner in specification().objects, owner
    assert got == expected, f"{owner}: {got!r}, not {expected!r}"


def fields(owner: str, shown: object, expected: Mapping[str, object]) -> None:
    """Each of these fields of an object has this value; the value of ``rows[].name`` is the list of each row's."""
    known = specification().objects[owner]
    for name, value in expected.items():
        assert name in known, f"{owner} has no {name}"
        got = _at(shown, name)
        assert got == value, f"{owner} {name}: {got!r}, not {value!r}"


def conforms(owner: str, shown: Any) -> None:
    """An object has the specified fields and no other, each of its type; stated differences are let through."""
    known = specification().objects[owner]
    assert isinstance(shown, dict), shown
    extra = {name for name in _names(shown, known) if name not in known and not differences.of(Row(owner, name))}
    assert not extra, f"{owner} has no {sorted(extra)}"
    for name, fact in known.items():
        if differences.of(Row(owner, name)):
            continue
        for place in _places(shown, name):
            _check(Row(owner, name), fact, place)


def _check(row: Row, fact: Fact, place: "Mapping[str, Any] | None") -> None:
    last = row.name.rpartition(".")[2]
    if place is None or last not in place:
        assert fact.get("optional") or place is None, f"{row} is missing"
        return
    value = place[last]
    kinds = fact["type"].split("|")
    good = "any" in kinds or any(_is(value, kind) for kind in kinds)
    assert good, f"{row}: {value!r} is not {fact['type']}"
    if "values" in fact and value is not None:
        assert value in fact["values"], f"{row}: {value!r} is none of {fact['values']}"
    if fact.get("format") == "uuid" and value is not None:
        assert value == UUID, f"{row}: {value!r}"
    if fact.get("format") == "date-time" and value is not None:
        assert value == ISO_8601, f"{row}: {value!r}"
    items = fact.get("items")
    if items and isinstance(value, list):
        for each in value:
            if items in specification().objects:
                conforms(items, each)
            else:
                assert isinstance(each, _TYPES[items]), f"{row}: {each!r} is not {items}"


def _is(value: object, kind: str) -> bool:
    """Whether a value is of a JSON type; Python's booleans are integers, JSON's are not."""
    return isinstance(value, _TYPES[kind]) and (kind == "boolean") == isinstance(value, bool)


def _places(shown: Any, name: str) -> Iterator[Mapping[str, Any] | None]:
    """Every object that is to have the last part of a field's name; None where what it is in isn't there."""
    found: list[Any] = [shown]
    *above, _ = name.split(".")
    for part in above:
        key = part.removesuffix("[]")
        within = [each.get(key) if isinstance(each, dict) else None for each in found]
        found = [row for rows in within for row in rows or ()] if part.endswith("[]") else within
    return iter(found)


def _at(shown: Any, name: str) -> Any:
    last = name.rpartition(".")[2]
    values = [place[last] if place is not None else None for place in _places(shown, name)]
    return values if "[]" in name else values[0]


def _names(shown: Mapping[str, Any], known: Mapping[str, Fact], above: str = "") -> Iterator[str]:
    """The names of all fields below objects whose fields are specified."""
    for key, value in shown.items():
        name = f"{above}{key}"
        yield name
        if isinstance(value, dict) and any(each.startswith(f"{name}.") for each in known):
            yield from _names(value, known, f"{name}.")
        if isinstance(value, list) and any(each.startswith(f"{name}[].") for each in known):
            for each in value:
                yield from _names(each, known, f"{name}[].")
