"""How commands speak: results on standard output, faults on standard error, JSON where it was asked for.

Exit codes, the same for every command: 0 done; 1 it could not be done, the line on standard error says why and
what to do; 2 the command or a setting was wrong, or a port was taken: nothing was made or changed; 3 `init` found the
store initialised and changed nothing; 130 interrupted.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

import click

from heliograph.core.texts import escaped_json, printable, printable_lines

FAILED: Final = 1
WRONG_USAGE: Final = 2
ALREADY_INITIALISED: Final = 3
INTERRUPTED: Final = 130


class Failure(Exception):
    """Ends a command: one sentence for a person (what was wrong, where, what to do) and the exit code."""

    def __init__(self, message: str, exit_code: int = FAILED) -> None:
        super().__init__(message)
        self.exit_code = exit_code


def result(as_json: bool, value: Any, human: str) -> None:
    """Print what a command found: `value` as one JSON document, or the text for people. A terminal is sent printable
    characters only: names, messages and errors come from clients of the APIs."""
    click.echo(escaped_json(json.dumps(value, indent=2, ensure_ascii=False)) if as_json else printable_lines(human))


def fault(message: str, *, as_json: bool) -> None:
    """Print a fault: a line on standard error, and with JSON also `{"error": ...}` where results go."""
    line = printable(" ".join(message.split()))
    click.echo(f"heliograph: {line}", err=True)
    if as_json:
        click.echo(json.dumps({"error": line}, ensure_ascii=False))


def warn(message: str) -> None:
    """Print a warning on standard error; the command goes on."""
    click.echo(f"heliograph: {message}", err=True)


def table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Columns as wide as their widest cell, two spaces apart; the last one is left ragged. What would move a terminal's
    cursor, or make another line, is shown as "?": names come from clients of the APIs."""
    lines = [tuple(headings), *(tuple(map(printable, row)) for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(headings))]
    return "\n".join("  ".join(c.ljust(w) for c, w in zip(line, widths, strict=True)).rstrip() for line in lines)


def fields(names: Sequence[str], values: Sequence[Mapping[str, Any]]) -> str:
    """A table of these fields of each value, headed by their names. None is empty; of a list the parts are shown."""
    headings = [name.upper().replace("_", " ") for name in names]
    return table(headings, [[_cell(value.get(name)) for name in names] for value in values])


def _cell(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return "" if value is None else str(value)


def moment(micros: int) -> str:
    """Microseconds since 1970 as people and programs read it: ISO 8601, UTC, whole seconds."""
    return datetime.fromtimestamp(micros // 1_000_000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
