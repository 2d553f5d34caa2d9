"""`heliograph smpp`: with what a project's SMPP clients bind to this server."""

from collections.abc import Callable
from typing import Any, TypeVar

import click

from heliograph.cli import output, stores
from heliograph.cli.options import Call, common
from heliograph.cli.token import PROJECT_HELP
from heliograph.config import Config
from heliograph.core.directory import SMPP_ALPHABETS, SMPP_LONG_MODES, SmppCredential
from heliograph.core.texts import printable
from heliograph.engine import smpp_credentials
from heliograph.engine.provision import Refused
from heliograph.engine.smpp_credentials import Forge, Wish
from heliograph.net.clock import SystemClock

C = TypeVar("C", bound=Callable[..., Any])


def wishes(command: C) -> C:
    """The options that `create` and `update` share."""
    for option in reversed(
        (
            click.option("--name", metavar="TEXT", help="What the credential is called. [default the system_id]"),
            click.option("--max-binds", type=int, metavar="N", help="Binds at once. [default 4]"),
            click.option("--rate", type=int, metavar="N", help="Segments a second; 0 is without limit. [default 0]"),
            click.option("--window", type=int, metavar="N", help="Unanswered deliver_sm on one bind. [default 10]"),
            click.option(
                "--allow",
                "allowed",
                multiple=True,
                metavar="CIDR",
                help="Network or address that may bind, repeatable; '' allows any again. [default any]",
            ),
            click.option(
                "--alphabet",
                type=click.Choice(SMPP_ALPHABETS),
                help="What data_coding 0 means. [default gsm]",
            ),
            click.option(
                "--long",
                "long_mode",
                type=click.Choice(SMPP_LONG_MODES),
                help="How long inbound messages are handed over. [default udh8]",
            ),
        )
    ):
        command = option(command)
    return command


@click.group()
def smpp() -> None:
    """Make, list, change and remove SMPP credentials."""


@smpp.command()
@click.argument("system_id", metavar="SYSTEM_ID")
@click.option("--project", metavar="PROJECT", help=PROJECT_HELP)
@wishes
@common
def create(call: Call, /, system_id: str, project: str | None, **wished: Any) -> None:
    """Make a credential; its password is shown this once."""
    config = call.config()
    owner = stores.project_wanted(stores.snapshot(config).projects, project)
    forge, wish = Forge(SystemClock()), _wish(wished)
    made, password = stores.run(config, lambda store: smpp_credentials.create(store, forge, owner.id, system_id, wish))
    human = (
        f"system_id  {made.system_id}\n"
        f"password   {password}   (shown this once: keep it)\n"
        f"Project    {printable(owner.name)} ({owner.id})"
    )
    output.result(call.as_json, as_values(made) | {"password": password}, human)


@smpp.command()
@click.argument("system_id", metavar="SYSTEM_ID")
@wishes
@click.option("--new-password", is_flag=True, help="Draw a new password and show it; the old one ends.")
@common
def update(call: Call, /, system_id: str, **wished: Any) -> None:
    """Change what is given of a credential; a running server knows within a second, for new binds."""
    config = call.config()
    try:
        following, password = Forge(SystemClock()).changed(_known(config, system_id), _wish(wished))
    except Refused as error:
        raise output.Failure(str(error), output.WRONG_USAGE) from error
    if not stores.run(config, lambda store: store.update_smpp_credential(following)):
        raise _unknown(system_id)
    shown = "" if password is None else f"\npassword   {password}   (shown this once: keep it)"
    values = as_values(following) | ({} if password is None else {"password": password})
    output.result(call.as_json, values, f"{following.system_id} is changed.{shown}")


@smpp.command()
@click.argument("system_id", metavar="SYSTEM_ID")
@common
def remove(call: Call, system_id: str) -> None:
    """Remove a credential; a running server unbinds its clients within a second."""
    config = call.config()
    known = _known(config, system_id)
    if not stores.run(config, lambda store: store.remove_smpp_credential(known.project_id, known.system_id)):
        raise _unknown(system_id)
    output.result(call.as_json, {"system_id": known.system_id, "removed": True}, f"{known.system_id} is removed.")


@smpp.command("list")
@click.option("--project", metavar="PROJECT", help="Only this project's, by id or name.")
@common
def list_credentials(call: Call, project: str | None) -> None:
    """List credentials; their passwords are not kept and can't be shown."""
    directory = stores.snapshot(call.config())
    owner = None if project is None else stores.project_wanted(directory.projects, project).id
    found = [each for each in directory.smpp_credentials if owner in (None, each.project_id)]
    rows = [
        (c.system_id, c.name, c.project_id, str(c.max_binds), str(c.rate or "-"), ", ".join(c.allowed) or "any")
        for c in found
    ]
    headings = ("SYSTEM_ID", "NAME", "PROJECT", "BINDS", "RATE", "ALLOWED")
    output.result(call.as_json, {"credentials": [as_values(each) for each in found]}, output.table(headings, rows))


def as_values(credential: SmppCredential) -> dict[str, Any]:
    """A credential as JSON shows it."""
    return {
        "system_id": credential.system_id,
        "project_id": credential.project_id,
        "name": credential.name,
        "max_binds": credential.max_binds,
        "rate": credential.rate,
        "window": credential.window,
        "allowed": list(credential.allowed),
        "alphabet": credential.alphabet,
        "long": credential.long_mode,
        "created_at": output.moment(credential.created_at),
    }


def _wish(wished: dict[str, Any]) -> Wish:
    given = wished.pop("allowed")
    return Wish(**wished, allowed=tuple(each for each in given if each) if given else None)


def _known(config: Config, system_id: str) -> SmppCredential:
    for credential in stores.snapshot(config).smpp_credentials:
        if credential.system_id == system_id:
            return credential
    raise _unknown(system_id)


def _unknown(system_id: str) -> output.Failure:
    return output.Failure(f"there is no SMPP credential {system_id}; see `heliograph smpp list`")
