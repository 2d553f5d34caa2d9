"""`heliograph token`: the secrets that API clients show."""

import click

from heliograph.cli import output, stores
from heliograph.cli.options import Call, common
from heliograph.core.directory import SCOPES
from heliograph.core.texts import printable
from heliograph.engine import provision
from heliograph.net.clock import SystemClock

PROJECT_HELP = "The project, by id or name; not needed where there is only one."


@click.group()
def token() -> None:
    """Make, list and revoke API tokens."""


@token.command()
@click.option("--project", metavar="PROJECT", help=PROJECT_HELP)
@click.option("--name", required=True, metavar="TEXT", help="What the token is called.")
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    type=click.Choice(SCOPES),
    metavar="SCOPE",
    default=("messaging",),
    help=f"What it may do, repeatable: {', '.join(SCOPES)}. [default messaging]",
)
@common
def create(call: Call, project: str | None, name: str, scopes: tuple[str, ...]) -> None:
    """Make a token; it is shown this once."""
    config = call.config()
    owner = stores.project_wanted(stores.snapshot(config).projects, project)
    mint = provision.Mint(SystemClock())
    made, secret = stores.run(config, lambda store: provision.create_token(store, mint, owner.id, name, scopes))
    values = {
        "id": made.id,
        "project_id": made.project_id,
        "name": made.name,
        "scopes": list(made.scopes),
        "token": secret,
    }
    human = f"Token {secret}   (shown this once: keep it)\nId    {made.id}\nMay   {', '.join(made.scopes)}"
    output.result(call.as_json, values, human)


@token.command()
@click.argument("token_id", metavar="TOKEN_ID")
@common
def revoke(call: Call, token_id: str) -> None:
    """Revoke a token, by its id; a running server refuses it within a second."""
    config = call.config()
    known = next((token for token in stores.snapshot(config).tokens if token.id == token_id.lower()), None)
    if known is None or not stores.run(config, lambda store: store.remove_token(known.project_id, known.id)):
        raise output.Failure(f"there is no token with the id {token_id}; see `heliograph token list`")
    output.result(call.as_json, {"id": known.id, "revoked": True}, f"Token {printable(known.name)} is revoked.")


@token.command("list")
@click.option("--project", metavar="PROJECT", help="Only this project's, by id or name.")
@common
def list_tokens(call: Call, project: str | None) -> None:
    """List tokens; their secrets are not kept and can't be shown."""
    directory = stores.snapshot(call.config())
    owner = None if project is None else stores.project_wanted(directory.projects, project).id
    tokens = sorted(
        (token for token in directory.tokens if owner in (None, token.project_id)), key=lambda token: token.id
    )
    values = [
        {
            "id": token.id,
            "project_id": token.project_id,
            "name": token.name,
            "scopes": list(token.scopes),
            "created_at": output.moment(token.created_at),
        }
        for token in tokens
    ]
    rows = [(token.id, token.project_id, token.name, ", ".join(token.scopes)) for token in tokens]
    output.result(call.as_json, {"tokens": values}, output.table(("ID", "PROJECT", "NAME", "SCOPES"), rows))
