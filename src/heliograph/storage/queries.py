"""Named SQL: one text for both stores, read from the .sql files beside this module.

A file holds blocks headed by `-- name: x`. Static text only; nothing from outside is ever put in:

- `:name` is a parameter: bound by name on SQLite, `$n` on PostgreSQL.
- a line that ends in `--? flag` stands only when the caller raises that flag;
- `{name}` is a fragment, given once under `-- define: name`;
- `rows(a uuid, b text, ...)` in FROM is a table made of the JSON array of arrays in the parameter `:rows`, the one
  way in which many rows travel: one statement for a batch, encoded once.
"""

import re
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Literal

Dialect = Literal["sqlite", "postgresql"]

_BLOCK = re.compile(r"^-- (name|define): (\w+)\s*$", re.MULTILINE)
_FLAG = re.compile(r"\s*--\? (\w+)\s*$")
_ROWS = re.compile(r"rows\(([^()]*)\)")
_PARAMETER = re.compile(r"(?<!:):([a-z][a-z0-9_]*)")
_COLUMN_TYPES = {"uuid", "text", "int", "bigint"}


@dataclass(frozen=True, slots=True)
class Query:
    """A statement ready for one dialect, and the names of its parameters in their order."""

    text: str
    parameters: tuple[str, ...]


@cache
def blocks() -> dict[str, str]:
    """All named blocks of all files, fragments put in."""
    found: dict[tuple[str, str], str] = {}
    for file in sorted(resources.files("heliograph.storage").joinpath("sql").iterdir(), key=lambda f: f.name):
        if file.name.endswith(".sql"):
            found.update(_split(file.read_text("utf-8")))
    fragments = {name: _uncomment(text) for (kind, name), text in found.items() if kind == "define"}
    return {name: _fill(text, fragments) for (kind, name), text in found.items() if kind == "name"}


def _split(text: str) -> dict[tuple[str, str], str]:
    pieces = _BLOCK.split(text)
    return {
        (kind, name): body.strip() for kind, name, body in zip(pieces[1::3], pieces[2::3], pieces[3::3], strict=True)
    }


def _uncomment(text: str) -> str:
    return " ".join(line.removeprefix("--").strip() for line in text.splitlines())


def _fill(text: str, fragments: dict[str, str]) -> str:
    return re.sub(r"\{(\w+)\}", lambda match: fragments[match.group(1)], text)


@cache
def query(name: str, dialect: Dialect, flags: frozenset[str] = frozenset()) -> Query:
    """Return a block for a dialect, with the lines of the raised flags; raises KeyError for no such block."""
    lines = (_kept(line, flags) for line in blocks()[name].splitlines())
    text = "\n".join(line for line in lines if line is not None)
    text = _ROWS.sub(lambda match: _rows(match.group(1), dialect), text)
    parameters = tuple(dict.fromkeys(_PARAMETER.findall(text)))
    if dialect == "postgresql":
        text = _PARAMETER.sub(lambda match: f"${parameters.index(match.group(1)) + 1}", text)
    return Query(text, parameters)


def _kept(line: str, flags: frozenset[str]) -> str | None:
    marked = _FLAG.search(line)
    if marked is None:
        return line
    return line[: marked.start()] if marked.group(1) in flags else None


def _rows(shape: str, dialect: Dialect) -> str:
    columns = []
    for place, column in enumerate(shape.split(",")):
        name, kind = column.split()
        if kind not in _COLUMN_TYPES:
            raise ValueError(f"rows(): {kind} is no column type")
        cast = f"(value ->> {place})::{kind}" if dialect == "postgresql" else f"value ->> {place}"
        columns.append(f"{cast} AS {name}")
    source = "jsonb_array_elements(:rows::jsonb) AS j(value)" if dialect == "postgresql" else "jsonb_each(:rows)"
    return f"(SELECT {', '.join(columns)} FROM {source}) AS r"  # noqa: S608 - made of our own files only
