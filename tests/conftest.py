"""Fixtures for tests on real servers: PostgreSQL, Heliograph and a receiver of callbacks (see ``servers.py``)."""

import itertools
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest

from servers import HeliographServer, Postgres, ServerFactory, Sink

# No deadline for one example: on a busy machine that is chance. The same examples each time: a red run can be repeated.
hypothesis.settings.register_profile("heliograph", deadline=None, derandomize=True, database=None)
hypothesis.settings.load_profile("heliograph")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Every test has an id of its own: of those that share one, pytest-xdist runs one and is silent on the others.

    Those that Schemathesis 4.32 makes have the id of their function under pytest 9.2, whatever their name says.
    """
    for item in items:
        if item.name not in item.nodeid and item.parent is not None:
            item._id = item.parent.id.child(item.name)
    shared = [nodeid for nodeid, count in Counter(item.nodeid for item in items).items() if count > 1]
    if shared:
        raise pytest.UsageError(f"tests that share an id: {shared}")


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """One cluster for the whole session. Make a database of your own in it; to stop or kill one, start your own.

    The cluster does not wait for the disk (fsync off): a test makes and drops a database in half the time. What a
    client committed survives the client's death all the same; only a dead machine would lose it.
    """
    cluster = Postgres(settings={"fsync": "off"})
    try:
        yield cluster.start()
    finally:
        cluster.close()


@pytest.fixture
def database_url(postgres: Postgres) -> Iterator[str]:
    """The URL of an empty PostgreSQL database."""
    url = postgres.create_database()
    yield url
    postgres.drop_database(url)


@pytest.fixture(params=["sqlite", "postgresql"])
def store_url(request: pytest.FixtureRequest) -> str | None:
    """Each test twice: None for SQLite in the data directory, then the URL of an empty PostgreSQL database."""
    return request.getfixturevalue("database_url") if request.param == "postgresql" else None


@pytest.fixture
def sink() -> Iterator[Sink]:
    """A receiver of callbacks with nothing recorded."""
    with Sink() as receiver:
        yield receiver


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ServerFactory]:
    """Starts servers, ``server(database_url=..., settings=..., tls=True)``, each with a data directory of its own.

    A `data` directory may be given instead. All are killed at the end of the test, unless it has stopped them.
    """
    started: list[HeliographServer] = []
    numbers = itertools.count(1)

    def start(**options: Any) -> HeliographServer:
        node = HeliographServer(options.pop("data", tmp_path / f"node{next(numbers)}"), **options)
        started.append(node)
        return node.start()

    yield start
    for node in started:
        node.kill()
