"""`heliograph settings`: every setting, from the table that also makes the flags."""

from typing import Any

import click

from heliograph.cli import output
from heliograph.cli.options import Call, common, metavar, shown
from heliograph.config import ENV_PREFIX, SETTINGS, Setting


@click.command()
@common
def settings(call: Call) -> None:
    """List all settings with their defaults.

    Each can be given, strongest first, as a flag of `serve`, as an environment variable or in the file that
    --config names.
    """
    human = "\n".join(_lines(setting) for setting in SETTINGS)
    output.result(call.as_json, {"settings": [_values(setting) for setting in SETTINGS]}, human)


def _values(setting: Setting) -> dict[str, Any]:
    return {
        "name": setting.name,
        "flag": f"--{setting.name.replace('_', '-')}",
        "variable": f"{ENV_PREFIX}{setting.name.upper()}",
        "type": {str: "string", int: "integer", float: "number", bool: "boolean"}[setting.type],
        "default": setting.default,
        "minimum": setting.minimum,
        "maximum": setting.maximum,
        "choices": list(setting.choices),
        "about": setting.about,
    }


def _lines(setting: Setting) -> str:
    return f"{setting.name} = {shown(setting.default)}  ({metavar(setting)})\n    {setting.about}"
