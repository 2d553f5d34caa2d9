"""`heliograph number`: which phone numbers belong to which project."""

from typing import Any

import click

from heliograph.cli import output, stores
from heliograph.cli.options import Call, common
from heliograph.cli.token import PROJECT_HELP
from heliograph.core.directory import CAPABILITIES, Number
from heliograph.engine import provision
from heliograph.net.clock import SystemClock


@click.group()
def number() -> None:
    """Add and list phone numbers."""


@number.command()
@click.argument("phone_number", metavar="NUMBER")
@click.option("--project", metavar="PROJECT", help=PROJECT_HELP)
@click.option("--name", default="", metavar="TEXT", help="What the number is called. [default the number]")
@click.option(
    "--capability",
    "capabilities",
    multiple=True,
    type=click.Choice(CAPABILITIES),
    metavar="CAPABILITY",
    default=CAPABILITIES,
    help=f"What it can do, repeatable: {', '.join(CAPABILITIES)}. [default all]",
)
@common
def add(call: Call, phone_number: str, project: str | None, name: str, capabilities: tuple[str, ...]) -> None:
    """Give a project a number: E.164 (+12025550123) or a short code."""
    config = call.config()
    owner = stores.project_wanted(stores.snapshot(config).projects, project)
    try:
        new = provision.Mint(SystemClock()).number(owner.id, phone_number, name, capabilities)
    except provision.Refused as error:
        raise output.Failure(str(error), output.WRONG_USAGE) from error
    stores.run(config, lambda store: provision.add_number(store, new))
    output.result(call.as_json, as_values(new), f"{new.number} belongs to project {owner.name} ({owner.id}).")


@number.command("list")
@click.option("--project", metavar="PROJECT", help="Only this project's, by id or name.")
@common
def list_numbers(call: Call, project: str | None) -> None:
    """List phone numbers."""
    directory = stores.snapshot(call.config())
    owner = None if project is None else stores.project_wanted(directory.projects, project).id
    numbers = sorted(
        (number for number in directory.numbers if owner in (None, number.project_id)), key=lambda number: number.number
    )
    rows = [(n.number, n.name, ", ".join(n.capabilities), n.project_id) for n in numbers]
    human = output.table(("NUMBER", "NAME", "CAPABILITIES", "PROJECT"), rows)
    output.result(call.as_json, {"numbers": [as_values(number) for number in numbers]}, human)


def as_values(number: Number) -> dict[str, Any]:
    """A number as JSON shows it."""
    return {
        "id": number.id,
        "project_id": number.project_id,
        "number": number.number,
        "name": number.name,
        "capabilities": list(number.capabilities),
    }
