"""`heliograph relay`: who is connected to the running server over Relay, as they are now."""

from pathlib import Path
from typing import Final

import click

from heliograph.cli import client, output, stores
from heliograph.cli.options import Call, common

PATH: Final = "/api/heliograph/relay/clients"

_COLUMNS = (
    "project_id",
    "agent",
    "address",
    "dialect",
    "connected_at",
    "sends",
    "events",
    "unacknowledged",
    "contexts",
)


@click.command()
@click.option("--project", metavar="PROJECT", help="Only this project's; else all that are connected.")
@common
def relay(call: Call, project: str | None) -> None:
    """Show the Relay clients that are connected to the running server.

    For each what it listens to, what it has sent and was told since it connected, and what it has not acknowledged.
    """
    config = call.config()
    server = client.server_of(Path(config.data))
    projects = stores.snapshot(config).projects
    wanted = projects if project is None else [stores.project_wanted(projects, project)]
    found = [
        {"project_id": each.id, **shown} for each in wanted for shown in server.ask("GET", PATH, each.id)["clients"]
    ]
    text = output.fields(_COLUMNS, found) if found else "No Relay clients."
    output.result(call.as_json, {"clients": found}, text)
