"""`heliograph init`: the first project, token and numbers of an empty store."""

from typing import Any

import click

from heliograph.cli import local, output, stores
from heliograph.cli.options import Call, common
from heliograph.cli.welcome import welcome
from heliograph.config import Config
from heliograph.engine import provision
from heliograph.engine.provision import Provisioned
from heliograph.net.clock import SystemClock
from heliograph.ports import Tables


@click.command()
@common
def init(call: Call) -> None:
    """Give an empty store its first project.

    It gets a token with all scopes and, where the simulated carrier is on, two numbers. Prints the API token, which is
    shown this once. A store that has any project is left as it is: exit code 3.
    """
    config = call.config()
    mint = provision.Mint(SystemClock())
    examples = bool(config.simulator)
    provisioned = stores.run(config, lambda store: provision.initialise(store, mint, examples=examples), Tables.CREATE)
    if provisioned is None:
        raise output.Failure(
            f"{stores.place(config)} is initialised already and nothing was changed: its token can't be shown again,"
            " make another with `heliograph token create`, or a project with `heliograph project create`",
            output.ALREADY_INITIALISED,
        )
    text = f"{welcome(provisioned, base_url(config))}\nStart the server first: heliograph serve --data {config.data}"
    output.result(call.as_json, as_values(provisioned), text)


def as_values(provisioned: Provisioned) -> dict[str, Any]:
    """The new project as `init --json` prints it."""
    return {
        "project_id": provisioned.project.id,
        "api_token": provisioned.api_token,
        "signing_key": provisioned.project.signing_key,
        "numbers": [number.number for number in provisioned.numbers],
    }


def base_url(config: Config) -> str:
    """Where a server with these settings is reached."""
    if config.public_url:
        return str(config.public_url).rstrip("/")
    return local.url_of(config.host, config.port, tls=bool(config.tls_cert))
