"""One running server for all that is thrown at it."""

from collections.abc import Iterator

import pytest

from caller import Caller
from servers import HeliographServer


@pytest.fixture(scope="session")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HeliographServer]:
    """A server that limits no rate, so that everything is looked at."""
    settings = {"rate_limit_writes": 0, "backlog_limit": 0, "simulator_answer_ms": 0, "simulator_receipt_ms": 0}
    server = HeliographServer(tmp_path_factory.mktemp("fuzz") / "data", settings=settings)
    try:
        yield server.start()
    finally:
        server.kill()


@pytest.fixture(scope="session")
def api(target: HeliographServer) -> Caller:
    """Its first project."""
    return Caller.of(target)
