"""`heliograph settings`: every setting, from the table that also makes the flags."""

from typing import Any

import click

from heliograph import carrier_config, config_tables
from heliograph.cli import output
from heliograph.cli.options import Call, common, metavar, shown
from heliograph.config import ENV_PREFIX, SETTINGS, Setting
from heliograph.config_tables import Key, Secret


@click.command()
@common
def settings(call: Call) -> None:
    """List all settings with their defaults.

    Each can be given, strongest first, as a flag of `serve`, as an environment variable or in the file that
    --config names. Carriers, routes and rates are tables of that file; their keys come last.
    """
    tables = {name: list(config_tables.keys(table).values()) for name, table in carrier_config.TABLES.items()}
    human = [_lines(setting) for setting in SETTINGS]
    for name, keys in tables.items():
        human += [f"\n[[{name}]]", *(_key_lines(key) for key in keys)]
    values = {
        "settings": [_values(setting) for setting in SETTINGS],
        "tables": {name: [_key_values(key) for key in keys] for name, keys in tables.items()},
    }
    output.result(call.as_json, values, "\n".join(human))


def _key_values(key: Key) -> dict[str, Any]:
    return {
        "name": key.name,
        "type": _type(key),
        "list": key.many,
        "required": key.required,
        "default": _default(key),
        "minimum": key.minimum,
        "maximum": key.maximum,
        "choices": list(key.choices),
        "about": key.about,
    }


def _default(key: Key) -> Any:
    if key.required or key.secret or isinstance(key.default, Secret):
        return None
    return {} if key.by_name else list(key.default) if key.many else key.default


def _key_lines(key: Key) -> str:
    default = _default(key)
    given = "required" if key.required else shown(None if default in ([], {}) else default)
    return f"{key.name} = {given}  ({metavar(key)})\n    {key.about}"


def _type(setting: Setting) -> str:
    if isinstance(setting, Key) and setting.by_name:
        return "table"
    return {str: "string", int: "integer", float: "number", bool: "boolean"}[setting.type]


def _values(setting: Setting) -> dict[str, Any]:
    return {
        "name": setting.name,
        "flag": f"--{setting.name.replace('_', '-')}",
        "variable": f"{ENV_PREFIX}{setting.name.upper()}",
        "type": _type(setting),
        "default": setting.default,
        "minimum": setting.minimum,
        "maximum": setting.maximum,
        "choices": list(setting.choices),
        "about": setting.about,
    }


def _lines(setting: Setting) -> str:
    return f"{setting.name} = {shown(setting.default)}  ({metavar(setting)})\n    {setting.about}"
