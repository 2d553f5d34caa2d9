"""The conformance suite's ground: the same store verbs over SQLite, the newest PostgreSQL and the oldest at hand."""

import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from heliograph import app, config
from heliograph.ports import Store
from servers import Postgres, available_binaries


@pytest.fixture(scope="session")
def oldest_postgres() -> Iterator[Postgres]:
    """Debian's PostgreSQL, older than the wheel's. Missing, it is named as left out; in CI that is a failure."""
    found = available_binaries()
    if len(found) < 2:
        message = "left out: only one version of PostgreSQL is installed (Debian: apt-get install postgresql)"
        if os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)
    cluster = Postgres(found[min(found)])
    try:
        yield cluster.start()
    finally:
        cluster.close()


@pytest.fixture(params=["sqlite", "newest postgresql", "oldest postgresql"])
def store_url(request: pytest.FixtureRequest) -> Iterator[str | None]:
    """Each test three times: None for SQLite in the data directory, then URLs of empty databases."""
    if request.param == "sqlite":
        yield None
        return
    name = "postgres" if request.param == "newest postgresql" else "oldest_postgres"
    cluster: Postgres = request.getfixturevalue(name)
    url = cluster.create_database()
    yield url
    cluster.drop_database(url)


@pytest.fixture
async def store(tmp_path: Path, store_url: str | None) -> AsyncIterator[Store]:
    """An open, empty store."""
    made = app.make_store(config.load({"data": str(tmp_path), "database_url": store_url}, {}), exclusive=True)
    await made.open()
    yield made
    await made.close()
