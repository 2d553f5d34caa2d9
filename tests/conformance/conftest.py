"""One server for the whole suite, quicker than by default, and one receiver of what it sends out."""

import uuid
from collections.abc import Iterator

import pytest

from caller import Caller
from servers import HeliographServer, Sink

QUICK = {"simulator_answer_ms": 5, "simulator_receipt_ms": 5, "sweep_seconds": 0.1, "directory_poll_seconds": 0.1}


@pytest.fixture(scope="session")
def receiver() -> Iterator[Sink]:
    """Media, handlers and callbacks; each test has a path of its own."""
    with Sink() as sink:
        yield sink


@pytest.fixture
def path() -> str:
    """A path at the receiver that no other test uses."""
    return f"/{uuid.uuid4()}"


@pytest.fixture(scope="session")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HeliographServer]:
    """The server."""
    server = HeliographServer(tmp_path_factory.mktemp("conformance") / "data", settings=QUICK)
    try:
        yield server.start()
    finally:
        server.kill()


@pytest.fixture(scope="session")
def api(node: HeliographServer) -> Caller:
    """The server's first project, with all scopes."""
    return Caller.of(node)
