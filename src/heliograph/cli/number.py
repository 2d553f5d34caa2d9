"""`heliograph number`: which phone numbers belong to which project."""

from dataclasses import replace
from typing import Any

import click

from heliograph.cli import inventory, output, stores, targets
from heliograph.cli.options import Call, common
from heliograph.cli.token import PROJECT_HELP
from heliograph.core import numbers
from heliograph.core.directory import CAPABILITIES, Number, Snapshot
from heliograph.core.number_settings import DEFAULT_METHOD, Settings
from heliograph.core.texts import printable
from heliograph.engine import provision
from heliograph.net.clock import SystemClock


@click.group()
def number() -> None:
    """Add and list phone numbers, and say where their messages go."""


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
    output.result(
        call.as_json, as_values(new), f"{new.number} belongs to project {printable(owner.name)} ({owner.id})."
    )


@number.command()
@click.argument("phone_number", metavar="NUMBER")
@click.option("--url", metavar="URL", help="Ask this URL, by POST, for a cXML document.")
@click.option("--swml", metavar="URL", help="Ask this URL, by POST, for a SWML document.")
@click.option("--relay", metavar="CONTEXT", help="Tell one of the Relay clients that listen to this context.")
@click.option("--smpp", metavar="SYSTEM_ID", help="Hand them to the binds of this SMPP credential.")
@click.option("--none", is_flag=True, default=None, help="Keep them, and tell nobody.")
@common
def handler(call: Call, /, phone_number: str, **options: str | bool | None) -> None:
    """Say where a number's inbound messages go: one of --url, --swml, --relay, --smpp and --none."""
    given = [(kind, str(where)) for kind, where in options.items() if where is not None]
    if len(given) != 1:
        raise click.UsageError("give one of --url, --swml, --relay, --smpp and --none")
    config = call.config()
    directory = stores.snapshot(config)
    wanted = numbers.typed(phone_number)
    known = next((each for each in directory.numbers if each.number == wanted), None)
    if known is None:
        raise output.Failure(f"there is no number {phone_number}; see `heliograph number list`")
    kind, target = given[0]
    if kind in ("url", "swml"):
        owner = next((each for each in directory.projects if each.id == known.project_id), None)
        targets.refuse_uncalled(config, owner, target)
    settings, where = _handler_settings(directory, known, kind, target)
    changed = replace(known, settings=known.settings | settings, updated_at=SystemClock().now())
    stores.run(config, lambda store: store.update_number(changed))
    output.result(call.as_json, as_values(changed) | settings, f"Messages to {known.number} go to {where}.")


def _handler_settings(directory: Snapshot, known: Number, kind: str, where: str) -> tuple[Settings, str]:
    """The settings that a handler comes to, and its name for people; raises Failure. kind: the option's name."""
    if kind == "none":
        return {"message_handler": None}, "nobody"
    if kind == "relay":
        if not where:
            raise output.Failure("a context has at least one character", output.WRONG_USAGE)
        return {"message_handler": "relay_context", "message_relay_context": where}, f"the Relay clients of {where}"
    if kind == "smpp":
        credentials = [each for each in directory.smpp_credentials if each.project_id == known.project_id]
        if where not in (each.system_id for each in credentials):
            raise output.Failure(f"the number's project has no SMPP credential {where}; see `heliograph smpp list`")
        return {"message_handler": "smpp_bind", "smpp_system_id": where}, f"the SMPP binds of {where}"
    named = "relay_script" if kind == "swml" else "laml_webhooks"
    return {"message_handler": named, "sms_url": where, "sms_method": DEFAULT_METHOD}, where


@number.command("list")
@click.option("--project", metavar="PROJECT", help="Only this project's, by id or name.")
@common
def list_numbers(call: Call, project: str | None) -> None:
    """List phone numbers."""
    directory = stores.snapshot(call.config())
    owner = None if project is None else stores.project_wanted(directory.projects, project).id
    shown = sorted(
        (number for number in directory.numbers if owner in (None, number.project_id)), key=lambda number: number.number
    )
    rows = [(n.number, n.name, ", ".join(n.capabilities), n.project_id) for n in shown]
    human = output.table(("NUMBER", "NAME", "CAPABILITIES", "PROJECT"), rows)
    output.result(call.as_json, {"numbers": [as_values(number) for number in shown]}, human)


def as_values(number: Number) -> dict[str, Any]:
    """A number as JSON shows it."""
    return {
        "id": number.id,
        "project_id": number.project_id,
        "number": number.number,
        "name": number.name,
        "capabilities": list(number.capabilities),
    }


number.add_command(inventory.import_numbers)
number.add_command(inventory.available)
