"""A server refuses a pooler that lends sessions by transaction; one that keeps them is as good as none."""

from pathlib import Path

import pytest

from heliograph import app, config
from heliograph.core.errors import StoreUnusable
from heliograph.ports import Store, StoreHeld, Tables
from pgbouncer import PgBouncer
from pooler import pooled
from servers import Postgres


def make(folder: Path, url: str, *, exclusive: bool = True) -> Store:
    settings = config.load({"data": str(folder), "database_url": url, "store_timeout_seconds": 3}, {})
    return app.make_store(settings, exclusive=exclusive, tables=Tables.MIGRATE)


async def test_a_pooler_in_transaction_mode_is_refused(tmp_path: Path, database_url: str) -> None:
    async with pooled(database_url, by_transaction=True) as url:
        for _ in range(2):
            with pytest.raises(StoreUnusable, match="pool_mode = session"):
                await make(tmp_path, url).open()


async def test_a_pooler_in_session_mode_serves_one_server(tmp_path: Path, database_url: str) -> None:
    async with pooled(database_url, by_transaction=False) as url:
        store = make(tmp_path, url)
        await store.open()
        (tmp_path / "other").mkdir()
        with pytest.raises(StoreHeld):
            await make(tmp_path / "other", url).open()
        await store.ping()
        await store.close()


@pytest.mark.parametrize(("mode", "pool"), [("transaction", 20), ("transaction", 1), ("statement", 20)])
async def test_pgbouncer_that_shares_sessions_is_refused(
    tmp_path: Path, postgres: Postgres, database_url: str, mode: str, pool: int
) -> None:
    with PgBouncer(postgres, mode=mode, pool=pool) as bouncer:
        for _ in range(3):
            with pytest.raises(StoreUnusable, match="pool_mode = session"):
                await make(tmp_path, bouncer.url(database_url)).open()


async def test_pgbouncer_in_session_mode_serves_one_server(
    tmp_path: Path, postgres: Postgres, database_url: str
) -> None:
    with PgBouncer(postgres, mode="session", pool=20) as bouncer:
        store = make(tmp_path, bouncer.url(database_url))
        await store.open()
        (tmp_path / "other").mkdir()
        with pytest.raises(StoreHeld):
            await make(tmp_path / "other", bouncer.url(database_url)).open()
        await store.ping()
        await store.close()
