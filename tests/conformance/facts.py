"""What the specification says, row by row: operations, what is asked, what is answered.

A `Row` is an operation, an object's field, or a request's field: its `owner` is the operation or object, its `name` the
field, "" for the operation itself. Everything here comes from specification.json (see draw.py) and documented.toml,
which has what SignalWire describes on pages only.
"""

import functools
import json
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

HERE = Path(__file__).parent
SUCCESS = range(200, 300)

Fact = Mapping[str, Any]
"""`type` ("string|null"), and perhaps `values`, `format`, `optional`, `items`, and `in` for a request's field."""


class Row(NamedTuple):
    owner: str
    name: str = ""

    def __str__(self) -> str:
        return f"{self.owner} {self.name}".strip()


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One call. `answers` has the object of each status, None for an answer without a body."""

    resource: str
    method: str
    path: str
    request: Mapping[str, Fact] = field(default_factory=dict)
    answers: Mapping[str, str | None] = field(default_factory=dict)

    @property
    def success(self) -> tuple[int, str | None]:
        """Status and object of what went well."""
        ((status, answer),) = [(int(each), name) for each, name in self.answers.items() if int(each) in SUCCESS]
        return status, answer

    @property
    def in_path(self) -> list[str]:
        """The fields of its path."""
        return [name for name, fact in self.request.items() if fact["in"] == "path"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Specification:
    source: Mapping[str, str]
    operations: Mapping[str, Operation]
    objects: Mapping[str, Mapping[str, Fact]]
    pages: Mapping[str, str]
    """Where an object of documented.toml is described."""

    def rows(self) -> Iterator[Row]:
        """All rows, operations first."""
        for owner, operation in self.operations.items():
            yield Row(owner)
            yield from (Row(owner, name) for name in operation.request)
        for owner, fields in self.objects.items():
            if owner.partition(".")[0] not in ("cxml", "rest"):
                yield Row(owner)
            yield from (Row(owner, name) for name in fields)

    def fact(self, row: Row) -> Fact:
        """What is said of a field."""
        if row.owner in self.operations:
            return self.operations[row.owner].request[row.name]
        return self.objects[row.owner][row.name]


@functools.cache
def specification() -> Specification:
    """Both files, read once."""
    drawn = json.loads((HERE / "specification.json").read_text("utf-8"))
    described = tomllib.loads((HERE / "documented.toml").read_text("utf-8"))
    objects = dict(drawn["objects"])
    for owner, each in described.items():
        objects[owner] = {name: {"type": kind} for name, kind in each["fields"].items()}
    return Specification(
        source=drawn["source"],
        operations={owner: Operation(**each) for owner, each in drawn["operations"].items()},
        objects=objects,
        pages={owner: each["page"] for owner, each in described.items()},
    )
