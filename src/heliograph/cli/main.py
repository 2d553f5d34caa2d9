"""The entry point: which commands there are, and how every one of them ends.

A command's module is imported when that command runs, so that `heliograph send` doesn't wait for the server's
libraries to load. `--help` loads them all.
"""

import importlib
import os
import sys
from collections.abc import Sequence
from typing import Final

import click

from heliograph import __version__
from heliograph.cli import output
from heliograph.config import ConfigError

COMMANDS: Final = {
    "serve": "serve:serve",
    "init": "init:init",
    "send": "messages:send",
    "inbound": "messages:inbound",
    "message": "messages:message",
    "callbacks": "callbacks:callbacks",
    "carriers": "carriers:carriers",
    "route": "route:route",
    "relay": "relay:relay",
    "project": "project:project",
    "token": "token:token",
    "number": "number:number",
    "smpp": "smpp:smpp",
    "smsc": "smsc:smsc",
    "dev-cert": "dev_cert:dev_cert",
    "migrate": "migrate:migrate",
    "doctor": "doctor:doctor",
    "settings": "settings:settings",
}
"""Command to module and attribute, in the order in which help shows them."""

PRIVATE: Final = 0o077
"""The umask of every command."""

EXIT_CODES: Final = """\b
Exit codes:
  0    done
  1    it could not be done; standard error says why and what to do
  2    the command or a setting was wrong, or a port was taken; nothing was made or changed
  3    init: the store was initialised before; nothing was changed
  130  interrupted
"""


class Commands(click.Group):
    """The commands of the table, loaded late, with their faults turned into lines and exit codes."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, attribute = COMMANDS[cmd_name].split(":")
        command = getattr(importlib.import_module(f"heliograph.cli.{module}"), attribute)
        assert isinstance(command, click.Command)  # noqa: S101 (the table above is ours)
        return command


@click.group(cls=Commands, epilog=EXIT_CODES, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="heliograph")
def heliograph() -> None:
    """A messaging platform of your own that speaks SignalWire's messaging APIs.

    Start with `heliograph serve`: on an empty data folder it makes a project, a token and two numbers, and
    prints them with a first message to paste. In production run `heliograph init` first.
    """


def main() -> None:
    """Run the command that the process was started with, and end with its exit code. What it makes is its user's alone:
    keys, texts and secrets are in it."""
    os.umask(PRIVATE)
    sys.exit(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """Run one command, print what it has to say, and return its exit code."""
    as_json = "--json" in arguments
    try:
        return heliograph.main(list(arguments), "heliograph", standalone_mode=False) or 0
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        return output.WRONG_USAGE
    except click.Abort:
        return output.INTERRUPTED
    except click.ClickException as error:
        output.fault(_with_hint(error), as_json=as_json)
        return output.WRONG_USAGE
    except ConfigError as error:
        output.fault(str(error), as_json=as_json)
        return output.WRONG_USAGE
    except output.Failure as error:
        output.fault(str(error), as_json=as_json)
        return error.exit_code
    except OSError as error:
        file = f"{error.filename}: " if error.filename else ""
        output.fault(f"{file}{error.strerror or error}", as_json=as_json)
        return output.FAILED


def _with_hint(error: click.ClickException) -> str:
    context = getattr(error, "ctx", None)
    message = error.format_message().rstrip()
    if not context:
        return message
    stop = "" if message.endswith((".", "!", "?")) else "."
    return f"{message}{stop} Try `{context.command_path} --help`."
