"""Numbered migrations, forward from any earlier version, each in one transaction.

A file `sql/migrations/NNNN_name.sql` is one step; its text serves both stores. A store that is newer than this
program is refused: going back would lose what the newer one wrote.
"""

import re
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING

import apsw

from heliograph.core.errors import StoreUnavailable

if TYPE_CHECKING:  # a tenth of a second to load, needed for PostgreSQL only
    import asyncpg

_LOCK_KEY = 0x48454C4D47  # "HELMG": two processes that start at once migrate one after the other


@dataclass(frozen=True, slots=True)
class Migration:
    version: int
    name: str
    statements: tuple[str, ...]


@cache
def migrations() -> tuple[Migration, ...]:
    folder = resources.files("heliograph.storage").joinpath("sql", "migrations")
    found = []
    for file in folder.iterdir():
        matched = re.fullmatch(r"(\d{4})_(\w+)\.sql", file.name)
        if matched:
            found.append(Migration(int(matched[1]), matched[2], _statements(file.read_text("utf-8"))))
    return tuple(sorted(found, key=lambda migration: migration.version))


def _statements(text: str) -> tuple[str, ...]:
    without_comments = re.sub(r"--[^\n]*", "", text)
    return tuple(statement.strip() for statement in without_comments.split(";") if statement.strip())


def newest() -> int:
    return migrations()[-1].version


def pending(version: int) -> tuple[Migration, ...]:
    """What a store at `version` still needs; raises StoreUnavailable for one from the future."""
    if version > newest():
        raise StoreUnavailable(
            f"the store has version {version}, this program knows {newest()}: use the newer heliograph again"
        )
    return tuple(migration for migration in migrations() if migration.version > version)


_TABLE = "CREATE TABLE IF NOT EXISTS schema_migrations (version INTEGER NOT NULL PRIMARY KEY, name TEXT NOT NULL)"
_VERSION = "SELECT COALESCE(MAX(version), 0) FROM schema_migrations"


def apply_sqlite(connection: apsw.Connection) -> list[Migration]:
    """Bring a SQLite store up to date; returns what was applied."""
    if _sqlite_version(connection) == newest():
        return []
    connection.execute("BEGIN IMMEDIATE")
    try:
        connection.execute(_TABLE)
        applied = pending(_sqlite_version(connection))
        for migration in applied:
            for statement in migration.statements:
                connection.execute(statement)
            connection.execute("INSERT INTO schema_migrations VALUES (?, ?)", (migration.version, migration.name))
        connection.execute("COMMIT")
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    return list(applied)


def _sqlite_version(connection: apsw.Connection) -> int:
    if not connection.execute("SELECT 1 FROM sqlite_schema WHERE name = 'schema_migrations'").fetchall():
        return 0
    return int(str(connection.execute(_VERSION).fetchall()[0][0]))


async def apply_postgres(connection: "asyncpg.Connection[asyncpg.Record]") -> list[Migration]:
    """Bring a PostgreSQL store up to date; returns what was applied."""
    async with connection.transaction():
        await connection.execute("SELECT pg_advisory_xact_lock($1)", _LOCK_KEY)
        await connection.execute(_TABLE)
        applied = pending(await connection.fetchval(_VERSION))
        for migration in applied:
            for statement in migration.statements:
                await connection.execute(statement)
            await connection.execute("INSERT INTO schema_migrations VALUES ($1, $2)", migration.version, migration.name)
    return list(applied)
