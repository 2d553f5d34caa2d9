"""`heliograph project`: tenants of the deployment."""

import click

from heliograph.cli import output, stores
from heliograph.cli.options import Call, common
from heliograph.engine import provision
from heliograph.net.clock import SystemClock


@click.group()
def project() -> None:
    """Make and list projects. Each has its own tokens, numbers, messages and signing key."""


@project.command()
@click.option("--name", required=True, metavar="TEXT", help="What the project is called.")
@click.option("--parent", metavar="PROJECT", help="Make a subproject of this one (id or name).")
@common
def create(call: Call, name: str, parent: str | None) -> None:
    """Make a project with a token that has all scopes; the token is shown this once."""
    config = call.config()
    parent_id = None if parent is None else stores.project_wanted(stores.snapshot(config).projects, parent).id
    mint = provision.Mint(SystemClock())
    made = stores.run(config, lambda store: provision.create_project(store, mint, name, parent_id))
    values = {
        "project_id": made.project.id,
        "api_token": made.api_token,
        "signing_key": made.project.signing_key,
    }
    human = (
        f"Project      {made.project.id}\n"
        f"API token    {made.api_token}   (shown this once: keep it)\n"
        f"Signing key  {made.project.signing_key}\n"
        f"Give it a number: heliograph number add NUMBER --project {made.project.id}"
    )
    output.result(call.as_json, values, human)


@project.command("list")
@common
def list_projects(call: Call) -> None:
    """List all projects."""
    projects = sorted(stores.snapshot(call.config()).projects, key=lambda project: project.id)
    values = [
        {
            "id": project.id,
            "name": project.name,
            "parent_id": project.parent_id,
            "created_at": output.moment(project.created_at),
        }
        for project in projects
    ]
    rows = [(v["id"] or "", v["name"] or "", v["parent_id"] or "", v["created_at"] or "") for v in values]
    output.result(call.as_json, {"projects": values}, output.table(("ID", "NAME", "PARENT", "CREATED"), rows))
