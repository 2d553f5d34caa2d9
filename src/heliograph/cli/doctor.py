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

    That is configuration, clock, folder, its lock, disk, store, server, carriers and, where one is set, the SMPP port.
    Exit code 1 when something is wrong.

    Nothing is changed, and a running server is not disturbed. An older store is named, not migrated.
    """
    findings = examine(call)
    healthy = all(finding.verdict is not Verdict.WRONG for finding in findings)
    values = {"healthy": healthy, "checks": [_values(finding) for finding in findings]}
    output.result(call.as_json, values, "\n".join(_lines(finding) for finding in findings))
    return 0 if healthy else output.FAILED


def examine(call: Call) -> list[Finding]:
    """All findings; a configuration that can't be read leaves nothing else to look at but the clock."""
    try:
        deployment = call.deployment()
        config = deployment.config
    except ConfigError as error:
        return [Finding(name="config", verdict=Verdict.WRONG, text=str(error)), checks.clock()]
    return [
        checks.settings(config),
        *checks.variables(call.variables()),
        checks.clock(),
        checks.writable(config),
        *checks.folder_lock(config),
        checks.disk(config),
        *checks.file_system(config),
        *checks.store(config),
        checks.server(config),
        *checks.hold(config),
        *checks.smpp(config),
        *checks.carriers(deployment),
    ]


def _values(finding: Finding) -> dict[str, Any]:
    return {"check": finding.name, "result": finding.verdict.value, "text": finding.text, "advice": finding.advice}


def _lines(finding: Finding) -> str:
    line = f"{_MARKS[finding.verdict]}  {finding.name}: {finding.text}"
    return f"{line}\n      {finding.advice}" if finding.advice else line
