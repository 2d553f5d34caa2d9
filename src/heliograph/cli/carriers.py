"""`heliograph carriers`: the carriers of the running server, as they are now."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import click

from heliograph.cli import client, output, stores
from heliograph.cli.options import Call, common
from heliograph.config import Config
from heliograph.core.routing import Availability

PATH: Final = "/api/heliograph/carriers"
DROPPED_PATH: Final = f"{PATH}/dropped"

_COUNTS = ("submitted", "throttled")
_CARRIER = ("name", "kind", "state", "window", "in_flight", *_COUNTS, "receipts", "unmatched", "inbound")
_BIND = ("carrier", "address", "mode", "state", "since", "window", "in_flight", "round_trip_ms", *_COUNTS, "error")
_DROPPED = ("at", "carrier", "reason", "carrier_ref", "stat", "data_coding", "from_number", "to_number", "about")
_DROPPED_COUNT = ("carrier", "reason", "count")


@click.command()
@click.option(
    "--receipts", "shows_dropped", is_flag=True, help="Show instead what they brought and nobody could use, with why."
)
@common
def carriers(call: Call, shows_dropped: bool) -> None:
    """Show the carriers of the running server.

    For each its connections, how much of its window is in use, round trips, and counts since the start.
    """
    if shows_dropped:
        _show_dropped(call)
        return
    found = ask(call.config())
    rows = [{**each, "state": availability(each).value} for each in found["carriers"]]
    binds = [{**bind, "carrier": each["name"]} for each in found["carriers"] for bind in each["binds"]]
    parts = [output.fields(_CARRIER, rows)] if rows else ["No carriers."]
    parts += [output.fields(_BIND, binds)] if binds else []
    output.result(call.as_json, found, "\n\n".join(parts))


def _show_dropped(call: Call) -> None:
    """The last receipts and inbound messages of each carrier that nobody could use."""
    found = ask(call.config(), DROPPED_PATH)
    parts = [output.fields(_DROPPED, found["dropped"])] if found["dropped"] else ["Nothing was dropped."]
    parts += [output.fields(_DROPPED_COUNT, found["counts"])] if found["counts"] else []
    output.result(call.as_json, found, "\n\n".join(parts))


def ask(config: Config, path: str = PATH) -> Any:
    """The running server's answer. Carriers are no project's, so it is asked as any. Raises Failure."""
    server = client.server_of(Path(config.data))
    projects = stores.snapshot(config).projects
    if not projects:
        raise output.Failure("there is no project yet: make the first with `heliograph init`")
    return server.ask("GET", path, projects[0].id)


def availability(carrier: Mapping[str, Any]) -> Availability:
    """What a carrier's state means for routing: one that is bound and takes nothing was told to slow down."""
    if carrier["available"]:
        return Availability.UP
    bound = any(bind["state"].startswith("bound") for bind in carrier["binds"])
    return Availability.THROTTLED if bound else Availability.DOWN
