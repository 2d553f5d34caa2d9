"""Which tables a store has, and who may change them."""

import uuid
from pathlib import Path

import asyncpg
import pytest

from heliograph import __version__, app, config
from heliograph.core.errors import StoreUnusable
from heliograph.ports import Store, Tables
from heliograph.storage import migrate

NEWEST = migrate.migrations()[-1].version


@pytest.fixture
def make(tmp_path: Path, store_url: str | None) -> "Make":
    return Make(tmp_path, store_url)


class Make:
    """Opens the same store again and again; `versions`: as a release that has these migrations only."""

    def __init__(self, folder: Path, url: str | None) -> None:
        self._settings = config.load({"data": str(folder), "database_url": url}, {})

    def store(self, tables: Tables, *, exclusive: bool = False) -> Store:
        return app.make_store(self._settings, exclusive=exclusive, tables=tables)

    async def by(self, patch: pytest.MonkeyPatch, *versions: int) -> None:
        found = tuple(each for each in migrate.migrations() if each.version in versions)
        with patch.context() as patched:
            patched.setattr(migrate, "migrations", lambda: found)
            await self.opened(Tables.MIGRATE)

    async def opened(self, tables: Tables) -> None:
        store = self.store(tables)
        await store.open()
        await store.close()

    async def refused(self, tables: Tables) -> str:
        with pytest.raises(StoreUnusable) as refused:
            await self.store(tables).open()
        return str(refused.value)


@pytest.mark.parametrize("tables", [Tables.REQUIRE, Tables.CREATE])
async def test_an_older_store_is_changed_by_migrate_only(
    make: Make, tables: Tables, monkeypatch: pytest.MonkeyPatch
) -> None:
    await make.by(monkeypatch, 1, 2, 3)
    told = await make.refused(tables)
    assert f"its tables are 3, made by Heliograph {__version__}" in told
    assert f"with tables {NEWEST}" in told and "run `heliograph migrate`" in told
    assert told == await make.refused(tables), "it was changed"
    await make.opened(Tables.MIGRATE)
    await make.opened(tables)


async def test_a_newer_store_is_refused_and_its_release_is_named(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(migrate, "__version__", "9.1.0")
        await make.opened(Tables.MIGRATE)
    known = tuple(each for each in migrate.migrations() if each.version <= 3)
    monkeypatch.setattr(migrate, "migrations", lambda: known)
    for tables in Tables:
        told = await make.refused(tables)
        assert f"its tables are {NEWEST}, made by Heliograph 9.1.0" in told
        assert "use Heliograph 9.1.0 or later" in told and "4 inventory" in told


async def test_a_store_that_lacks_a_migration_in_the_middle_gets_it(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    await make.by(monkeypatch, 1, 3)
    assert "carriers, inventory" in await make.refused(Tables.REQUIRE)
    await make.opened(Tables.MIGRATE)
    await make.opened(Tables.REQUIRE)


async def test_a_migration_of_another_name_is_refused(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    await make.opened(Tables.MIGRATE)
    known = migrate.migrations()
    other = migrate.Migration(2, "of_a_branch", known[1].statements)
    monkeypatch.setattr(migrate, "migrations", lambda: (known[0], other, *known[2:]))
    assert "does not know 2 carriers" in await make.refused(Tables.MIGRATE)


async def test_an_empty_store_gets_tables_where_they_may_be_made(make: Make, tmp_path: Path) -> None:
    assert "run `heliograph init`" in await make.refused(Tables.REQUIRE)
    assert not list(tmp_path.glob("heliograph.db*"))
    await make.opened(Tables.CREATE)
    await make.opened(Tables.REQUIRE)


async def test_a_user_without_rights_is_told_which(tmp_path: Path, database_url: str) -> None:
    owner = await asyncpg.connect(database_url)
    role = f"poor_{uuid.uuid4().hex}"
    await owner.execute(f"CREATE ROLE {role} LOGIN")
    url = database_url.replace("postgres@", f"{role}@")
    settings = config.load({"data": str(tmp_path), "database_url": url}, {})
    try:
        with pytest.raises(StoreUnusable, match="GRANT USAGE, CREATE ON SCHEMA public") as refused:
            await app.make_store(settings, exclusive=True, tables=Tables.MIGRATE).open()
        assert "permission denied for schema public" in str(refused.value)
    finally:
        await owner.execute(f"DROP ROLE {role}")
        await owner.close()
