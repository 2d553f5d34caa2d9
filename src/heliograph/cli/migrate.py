"""`heliograph migrate`: bring a store to this version's shape without starting a server."""

import click

from heliograph.cli import output, stores
from heliograph.cli.options import Call, common
from heliograph.ports import Store, Tables


@click.command()
@common
def migrate(call: Call) -> None:
    """Make or update the store's tables, and stop there.

    `heliograph serve` does the same when it starts. A store that a running server has is up to date.
    """
    config = call.config()
    stores.run(config, _touch, Tables.MIGRATE)
    output.result(call.as_json, {"migrated": True}, f"{stores.place(config)} is up to date.")


async def _touch(store: Store) -> None:
    """Opening has migrated; this makes sure that the result can be read and written."""
    await store.ping()
