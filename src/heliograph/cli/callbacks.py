"""`heliograph callbacks`: status callbacks that were owed, and those that were given up."""

from pathlib import Path

import click

from heliograph.cli import client, output, stores
from heliograph.cli.client import Server
from heliograph.cli.options import Call, common
from heliograph.cli.token import PROJECT_HELP

_PATH = "/api/heliograph/callbacks"
_COLUMNS = ("message_id", "state", "status", "attempts", "last_http_status", "last_error", "url")


@click.group()
def callbacks() -> None:
    """List status callbacks, and try those again that were given up."""


@callbacks.command("list")
@click.option("--project", metavar="PROJECT", help=PROJECT_HELP)
@click.option(
    "--status",
    type=click.Choice(("pending", "delivered", "dead")),
    default="dead",
    show_default=True,
    help="Which callbacks.",
)
@common
def list_callbacks(call: Call, project: str | None, status: str) -> None:
    """List callbacks with their last attempt."""
    server, project_id = _reach(call, project)
    found = server.ask("GET", client.query(_PATH, status=status), project_id)
    listed = found["callbacks"]
    output.result(call.as_json, found, output.fields(_COLUMNS, listed) if listed else f"No {status} callbacks.")


@callbacks.command()
@click.option("--project", metavar="PROJECT", help=PROJECT_HELP)
@click.option("--message", "message_id", metavar="ID", help="Only this message's; else all of the project.")
@common
def replay(call: Call, project: str | None, message_id: str | None) -> None:
    """Make dead callbacks due again, now."""
    server, project_id = _reach(call, project)
    wanted = {} if message_id is None else {"message_id": message_id}
    done = server.ask("POST", f"{_PATH}/replay", project_id, wanted)
    output.result(call.as_json, done, f"{done['replayed']} callbacks are due again.")


def _reach(call: Call, project: str | None) -> tuple[Server, str]:
    config = call.config()
    server = client.server_of(Path(config.data))
    return server, stores.project_wanted(stores.snapshot(config).projects, project).id
