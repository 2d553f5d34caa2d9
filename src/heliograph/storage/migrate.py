"""Numbered migrations, forward only, all that are missing in one transaction.

A file `sql/migrations/NNNN_name.sql` is one migration; its text serves both stores. The table schema_migrations lists
the migrations that a store has, and the whole list is compared: a store of a development branch can lack one in the
middle. A store with a migration that this release does not have is refused, because going back would lose data.

Only `serve` and `migrate` change the tables of an existing store (`Tables`).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING

import apsw

from heliograph import __version__
from heliograph.core.errors import StoreUnusable
from heliograph.ports import Tables

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a store has: the name of each applied migration by version, and the release that applied the last one, where
    the store says so."""

    applied: Mapping[int, str]
    release: str | None


def pending(found: Found, tables: Tables) -> tuple[Migration, ...]:
    """The migrations to apply now; raises StoreUnusable where `tables` does not allow them, and for a newer store."""
    known = {migration.version: migration for migration in migrations()}
    foreign = sorted(version for version, name in found.applied.items() if name != _name(known.get(version)))
    if foreign:
        raise StoreUnusable(_newer(found, foreign))
    missing = tuple(migration for migration in migrations() if migration.version not in found.applied)
    if missing and tables is not Tables.MIGRATE:
        if not found.applied and tables is Tables.CREATE:
            return missing
        raise StoreUnusable(_older(found, missing) if found.applied else _EMPTY)
    return missing


def _name(migration: Migration | None) -> str | None:
    return migration.name if migration else None


_EMPTY = (
    "it has no tables yet: run `heliograph init` to make the first project, or `heliograph migrate` for tables alone"
)


def _older(found: Found, missing: tuple[Migration, ...]) -> str:
    lacks = ", ".join(migration.name for migration in missing)
    return (
        f"its tables are {_tables(found)}, and this is Heliograph {__version__} with tables {migrations()[-1].version}"
        f" ({lacks} missing): back up, stop the server, and run `heliograph migrate`"
    )


def _newer(found: Found, foreign: list[int]) -> str:
    names = ", ".join(f"{version} {found.applied[version]}" for version in foreign)
    by = f"Heliograph {found.release}" if found.release else "the newer Heliograph that made them"
    return (
        f"its tables are {_tables(found)}, and this is Heliograph {__version__} with tables {migrations()[-1].version},"
        f" which does not know {names}: use {by} or later, or restore a backup"
    )


def _tables(found: Found) -> str:
    by = f", made by Heliograph {found.release}" if found.release else ""
    return f"{max(found.applied)}{by}"


_TABLE = "CREATE TABLE IF NOT EXISTS schema_migrations (version INTEGER NOT NULL PRIMARY KEY, name TEXT NOT NULL)"
_APPLIED = "SELECT version, name FROM schema_migrations"
_RELEASE = "SELECT value FROM meta WHERE key = 'release'"
_PUT_RELEASE = (
    "INSERT INTO meta (key, value) VALUES ('release', {}) ON CONFLICT (key) DO UPDATE SET value = excluded.value"
)


def apply_sqlite(connection: apsw.Connection, tables: Tables) -> list[Migration]:
    """Give a SQLite store the tables of this release; returns what was applied. Raises StoreUnusable."""
    if not pending(_sqlite_found(connection), tables):
        return []
    connection.execute("BEGIN IMMEDIATE")
    try:
        connection.execute(_TABLE)
        applied = pending(_sqlite_found(connection), tables)
        for migration in applied:
            try:
                for statement in migration.statements:
                    connection.execute(statement)
            except apsw.SQLError as error:
                raise StoreUnusable(_not_applied(migration, error)) from error
            connection.execute("INSERT INTO schema_migrations VALUES (?, ?)", (migration.version, migration.name))
        if applied:
            connection.execute(_PUT_RELEASE.format("?"), (__version__,))
        connection.execute("COMMIT")
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    return list(applied)


def _not_applied(migration: Migration, error: Exception) -> str:
    return f"migration {migration.version} {migration.name} does not fit its tables ({error}): restore a backup"


def _sqlite_found(connection: apsw.Connection) -> Found:
    there = "SELECT 1 FROM sqlite_schema WHERE name = 'schema_migrations'"
    if not connection.execute(there).fetchall():
        return Found(applied={}, release=None)
    applied = {int(str(version)): str(name) for version, name in connection.execute(_APPLIED)}
    release = connection.execute(_RELEASE).fetchall() if applied else []
    return Found(applied=applied, release=str(release[0][0]) if release else None)


async def apply_postgres(connection: "asyncpg.Connection[asyncpg.Record]", tables: Tables) -> list[Migration]:
    """Give a PostgreSQL store the tables of this release; returns what was applied. Raises StoreUnusable."""
    if not pending(await _postgres_found(connection), tables):
        return []
    async with connection.transaction():
        await connection.execute("SELECT pg_advisory_xact_lock($1)", _LOCK_KEY)
        await connection.execute(_TABLE)
        applied = pending(await _postgres_found(connection), tables)
        for migration in applied:
            await _apply_one(connection, migration)
        if applied:
            await connection.execute(_PUT_RELEASE.format("$1"), __version__)
    return list(applied)


async def _apply_one(connection: "asyncpg.Connection[asyncpg.Record]", migration: Migration) -> None:
    import asyncpg

    try:
        for statement in migration.statements:
            await connection.execute(statement)
    except asyncpg.InsufficientPrivilegeError:
        raise
    except asyncpg.SyntaxOrAccessError as error:
        raise StoreUnusable(_not_applied(migration, error)) from error
    await connection.execute("INSERT INTO schema_migrations VALUES ($1, $2)", migration.version, migration.name)


async def _postgres_found(connection: "asyncpg.Connection[asyncpg.Record]") -> Found:
    if await connection.fetchval("SELECT to_regclass('schema_migrations')") is None:
        return Found(applied={}, release=None)
    applied = {row[0]: row[1] for row in await connection.fetch(_APPLIED)}
    return Found(applied=applied, release=await connection.fetchval(_RELEASE) if applied else None)
