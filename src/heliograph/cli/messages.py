"""`heliograph send`, `inbound` and `message`: one message by way of the running server."""

import functools
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

import click

from heliograph.cli import client, output, stores
from heliograph.cli.client import Server
from heliograph.cli.options import Call, common
from heliograph.core import numbers
from heliograph.core.directory import Snapshot

P = ParamSpec("P")
R = TypeVar("R")

_NOT_FOUND = 404


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A message as it was typed; the server judges it."""

    from_number: str
    to_number: str
    body: str | None
    media: tuple[str, ...]

    def as_values(self) -> dict[str, Any]:
        """What is sent to the server; what was not given is left out."""
        values: dict[str, Any] = {"from": self.from_number, "to": self.to_number}
        if self.body is not None:
            values["body"] = self.body
        if self.media:
            values["media"] = list(self.media)
        return values


def _drafted(command: Callable[Concatenate[Draft, P], R]) -> Callable[P, R]:
    """Give a command the options that make up a message."""

    @click.option("--from", "from_number", required=True, metavar="NUMBER", help="Who sends it.")
    @click.option("--to", "to_number", required=True, metavar="NUMBER", help="Who receives it.")
    @click.option("--body", metavar="TEXT", help="The text, up to 1600 characters.")
    @click.option("--media", multiple=True, metavar="URL", help="Address of an attachment, repeatable.")
    @functools.wraps(command)
    def called(*args: Any, **given: Any) -> R:
        draft = Draft(**{field.name: given.pop(field.name) for field in fields(Draft)})
        return command(draft, *args, **given)

    return called


@click.command()
@_drafted
@click.option("--project", metavar="PROJECT", help="Id or name; else the project that owns --from.")
@common
def send(call: Call, draft: Draft, project: str | None) -> None:
    """Send a message, as an API client would."""
    config = call.config()
    server = client.server_of(Path(config.data))
    project_id = _owner(stores.snapshot(config), draft.from_number, project)
    accepted = server.ask("POST", "/api/messaging/messages", project_id, draft.as_values())
    human = f"Message {accepted['id']} is {accepted['status']}. What becomes of it: {_follow(config.data, accepted)}"
    output.result(call.as_json, accepted, human)


@click.command()
@_drafted
@common
def inbound(call: Call, draft: Draft) -> None:
    """Let a message arrive, as if from a handset.

    The simulated carrier brings it, and the handler of the number that it is for runs.
    """
    config = call.config()
    server = client.server_of(Path(config.data))
    project_id = _receiver(stores.snapshot(config), draft.to_number)
    arrived = server.ask("POST", "/api/heliograph/simulator/inbound", project_id, draft.as_values())
    human = f"Message {arrived['id']} has arrived. What becomes of it: {_follow(config.data, arrived)}"
    output.result(call.as_json, arrived, human)


@click.command()
@click.argument("message_id", metavar="ID")
@click.option("--project", metavar="PROJECT", help="Id or name; else every project is asked.")
@common
def message(call: Call, message_id: str, project: str | None) -> None:
    """Print a message's timeline: its states, the way chosen, what was noted, each receipt and each attempt at a
    callback; then its parts, with the carrier's id and the state of each."""
    config = call.config()
    server = client.server_of(Path(config.data))
    projects = stores.snapshot(config).projects
    asked = projects if project is None else (stores.project_wanted(projects, project),)
    timeline = _timeline(server, [project.id for project in asked], message_id)
    output.result(call.as_json, timeline, _lines(timeline))


def _owner(directory: Snapshot, number: str, wanted: str | None) -> str:
    """The project to act as: the one that was named, the number's, or the only one there is.

    A number that nobody has is left to the server to judge: the simulator takes some that belong to no project.
    """
    if wanted is None:
        typed = numbers.typed(number)
        for known in directory.numbers:
            if known.number == typed:
                return known.project_id
    return stores.project_wanted(directory.projects, wanted).id


def _receiver(directory: Snapshot, number: str) -> str:
    """The project whose number it is. With one project the server judges the number."""
    owners = [known.project_id for known in directory.numbers if known.number == number]
    if not owners and len(directory.projects) > 1:
        raise output.Failure(f"no project owns {number}; `heliograph number list` shows the numbers of all projects")
    return owners[0] if owners else stores.project_wanted(directory.projects, None).id


def _follow(data: str, accepted: dict[str, Any]) -> str:
    return f"heliograph message {accepted['id']} --data {data}"


def _timeline(server: Server, project_ids: list[str], message_id: str) -> Any:
    path = f"/api/heliograph/messages/{message_id}/timeline"
    if not _fits_path(message_id):
        raise output.Failure(f"{message_id!r} is no message id", output.WRONG_USAGE)
    for project_id in project_ids:
        status, _ = server.try_ask("GET", path, project_id)
        if status != _NOT_FOUND:
            return server.ask("GET", path, project_id)
    raise output.Failure(f"there is no message {message_id}; ids are as the API printed them")


def _fits_path(message_id: str) -> bool:
    return all(character.isascii() and (character.isalnum() or character == "-") for character in message_id)


def _detail(entry: dict[str, Any]) -> str:
    """A step's detail, and what its error code means."""
    texts = (entry.get("detail"), entry.get("error_message"))
    return " ".join(text for text in dict.fromkeys(texts) if text)


def _lines(timeline: Any) -> str:
    rows = [
        (entry["at"], entry["kind"], entry["state"] or "", entry["error_code"] or "", _detail(entry))
        for entry in timeline["steps"]
    ]
    steps = output.table(("AT", "WHAT", "STATE", "ERROR", "DETAIL"), rows)
    is_in_doubt = timeline["uncertain"] and timeline["state"] != "delivered"
    doubt = (
        "\n\nIn doubt: the carrier may already have this message; resending could duplicate it." if is_in_doubt else ""
    )
    if not timeline["parts"]:
        return steps + doubt
    parts = [
        (
            f"{each['part']}/{each['total']}",
            each["state"],
            each["carrier"],
            each["carrier_ref"],
            each["error_code"] or "",
        )
        for each in timeline["parts"]
    ]
    return f"{steps}\n\n{output.table(('PART', 'STATE', 'CARRIER', 'ITS ID', 'ERROR'), parts)}{doubt}"
