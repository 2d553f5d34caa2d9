"""`heliograph doctor`: look at everything a server needs, and say what to do about what is wrong."""

from typing import Any

import click

from heliograph.cli import checks, output
from heliograph.cli.checks import Finding, Verdict
from heliograph.cli.options import Call, common
from heliograph.config import ConfigError

_MARKS = {Verdict.GOOD: "ok  ", Verdict.NOTE: "note", Verdict.WRONG: "BAD "}


@click.command()
@common
def doctor(call: Call) -> int:
    """Check everything a server needs.

    That is configuration, clock, folder, disk, store, server and, where one is set, the SMPP port. Exit code 1 when
    something is wrong.

    A running server is not disturbed. Nothing is changed, except that a data folder without a store gets an
    empty one and that a store of an older version is brought to this one's shape.
    """
    findings = examine(call)
    healthy = all(finding.verdict is not Verdict.WRONG for finding in findings)
    values = {"healthy": healthy, "checks": [_values(finding) for finding in findings]}
    output.result(call.as_json, values, "\n".join(_lines(finding) for finding in findings))
    return 0 if healthy else output.FAILED


def examine(call: Call) -> list[Finding]:
    """All findings; a configuration that can't be read leaves nothing else to look at but the clock."""
    try:
        config = call.deployment().config
    except ConfigError as error:
        return [Finding(name="config", verdict=Verdict.WRONG, text=str(error)), checks.clock()]
    return [
        checks.settings(config),
        checks.clock(),
        checks.writable(config),
        checks.disk(config),
        *checks.store(config),
        checks.server(config),
        *checks.smpp(config),
    ]


def _values(finding: Finding) -> dict[str, Any]:
    return {"check": finding.name, "result": finding.verdict.value, "text": finding.text, "advice": finding.advice}


def _lines(finding: Finding) -> str:
    line = f"{_MARKS[finding.verdict]}  {finding.name}: {finding.text}"
    return f"{line}\n      {finding.advice}" if finding.advice else line
