"""What commands print can move no cursor and fake no line, whatever clients of the APIs wrote."""

import json
from dataclasses import replace
from typing import Any

import pytest

from heliograph.cli import output

EVIL = "A\x1b]0;owned\x07\x1b[2J\x9b2J\u202eB\nforged line"


@pytest.fixture(params=[False, True], ids=["human", "json"])
def as_json(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


def _is_safe(printed: str) -> bool:
    return all(line.isprintable() for line in printed.splitlines())


def test_result_is_printable(as_json: bool, capsys: pytest.CaptureFixture[str]) -> None:
    output.result(as_json, {"name": EVIL}, f"Project {EVIL} is made.")
    printed = capsys.readouterr().out
    assert _is_safe(printed)
    if as_json:
        assert json.loads(printed) == {"name": EVIL}


def test_fault_is_one_printable_line(as_json: bool, capsys: pytest.CaptureFixture[str]) -> None:
    output.fault(f"there is no project {EVIL}", as_json=as_json)
    printed = capsys.readouterr()
    assert _is_safe(printed.err) and _is_safe(printed.out)
    assert len(printed.err.splitlines()) == 1


def test_table_keeps_its_lines() -> None:
    table = output.table(("NAME",), [(EVIL,)])
    assert len(table.split("\n")) == 2
    assert _is_safe(table)


@pytest.mark.parametrize(
    "command",
    [
        ("project", "list"),
        ("number", "add", "+12025550199"),
        ("number", "list"),
        ("token", "list"),
        ("token", "create", "--name", "x", "--project", "nobody"),
        ("callbacks", "list", "--project", EVIL),
    ],
)
def test_command_prints_a_tenant_s_name_without_its_escapes(cli: Any, app: Any, data: Any, command: Any) -> None:
    data.mkdir(exist_ok=True)
    cli("init", "--data", data)
    app.store.projects = [replace(app.store.projects[0], name=EVIL)]
    done = cli(*command, "--data", data)
    assert _is_safe(done.out) and _is_safe(done.err)
    assert not any(line.startswith("forged line") for line in (done.out + done.err).splitlines())
