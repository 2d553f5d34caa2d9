"""The options that commands share, made from the settings' table so that flag, variable and file agree."""

import functools
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

import click

from heliograph import carrier_config, config
from heliograph.carrier_config import Deployment
from heliograph.cli import output
from heliograph.config import BY_NAME, ENV_PREFIX, SETTINGS, Config, Setting

P = ParamSpec("P")
R = TypeVar("R")


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """How a command was called: settings given as flags (None: not given), the file, and whether JSON is wanted."""

    flags: Mapping[str, object]
    file: Path | None
    as_json: bool

    def config(self) -> Config:
        """All settings, from all sources together; raises ConfigError. The file's tables are not looked at. Misspelt
        variables are named on standard error."""
        for name, meant in config.unknown_variables(os.environ).items():
            if meant:
                output.warn(f"the environment variable {name} sets nothing; perhaps {meant} was meant")
        return config.load(self.flags, file=self.file)

    def variables(self) -> frozenset[str]:
        """Environment variables that the file's tables name. Raises ConfigError."""
        return carrier_config.variables(config.read(self.file))

    def deployment(self, running: Deployment | None = None) -> Deployment:
        """The same with carriers, routes and rates; `running`: as a server that runs has it."""
        simulator = None if running is None else running.topology.simulator
        return carrier_config.load(self.flags, file=self.file, simulator=simulator)


def common(command: Callable[Concatenate[Call, P], R]) -> Callable[P, R]:
    """Give a command --data, --database-url, --config and --json; it gets a Call before its own arguments."""
    return _with_settings(command, (BY_NAME["data"], BY_NAME["database_url"]))


def every_setting(command: Callable[Concatenate[Call, P], R]) -> Callable[P, R]:
    """Give a command a flag for each setting, beside --config and --json."""
    return _with_settings(command, SETTINGS)


def _with_settings(command: Callable[Concatenate[Call, P], R], settings: Sequence[Setting]) -> Callable[P, R]:
    @functools.wraps(command)
    def called(*args: Any, **given: Any) -> R:
        flags = {setting.name: given.pop(setting.name) for setting in settings}
        call = Call(flags=flags, file=given.pop("config_file"), as_json=given.pop("as_json"))
        return command(call, *args, **given)

    file = click.option(
        "--config",
        "config_file",
        type=click.Path(path_type=Path),
        envvar=f"{ENV_PREFIX}CONFIG",
        metavar="FILE",
        help=f"Settings in TOML; flags and {ENV_PREFIX}... variables are stronger. [{ENV_PREFIX}CONFIG]",
    )
    json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
    # click shows options as decorators stand, from top to bottom: the innermost, applied first, comes last.
    shown_last: list[Callable[[Any], Any]] = [json, file]
    for option in (*shown_last, *(_option(setting) for setting in reversed(settings))):
        option(called)
    return called


def _option(setting: Setting) -> Callable[[Any], Any]:
    """The flag of a setting. Values stay text: config judges them, in the same words for every source."""
    flag = f"--{setting.name.replace('_', '-')}"
    if setting.type is bool:
        flag = f"{flag}/--no-{flag[2:]}"
        return click.option(flag, setting.name, default=None, help=_help(setting))
    return click.option(flag, setting.name, metavar=metavar(setting), help=_help(setting))


def metavar(setting: Setting) -> str:
    """What stands for the value in a help text."""
    if setting.choices:
        return "|".join(setting.choices)
    return {str: "TEXT", int: "N", float: "NUMBER", bool: "true|false"}[setting.type]


def _help(setting: Setting) -> str:
    default = "" if setting.default is None else f"default {shown(setting.default)}; "
    return f"{setting.about} [{default}{ENV_PREFIX}{setting.name.upper()}]"


def shown(default: config.Value) -> str:
    """A default as it would be written in an environment variable."""
    match default:
        case None:
            return "unset"
        case bool():
            return "true" if default else "false"
        case float():
            return f"{default:g}"
        case ():
            return "none"
        case _:
            return str(default)
