"""A server for each module of contract tests, and one receiver of callbacks for all of them.

A module's `SETTINGS` are its server's, over a simulated carrier that is quicker than by default.
"""

import json
import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from caller import Caller, NewProject
from servers import HeliographServer, Sink, wait_until

QUICK = {"simulator_answer_ms": 5, "simulator_receipt_ms": 5, "sweep_seconds": 0.1}


@pytest.fixture(scope="session")
def receiver() -> Iterator[Sink]:
    """The media, handlers and callbacks of all contract tests; each test has a path of its own."""
    with Sink() as sink:
        yield sink


@pytest.fixture
def path() -> str:
    """A path at the receiver that no other test uses."""
    return f"/{uuid.uuid4()}"


@pytest.fixture(scope="module")
def node(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[HeliographServer]:
    """The module's server."""
    settings = QUICK | getattr(request.module, "SETTINGS", {})
    server = HeliographServer(tmp_path_factory.mktemp("contract") / "data", settings=settings)
    try:
        yield server.start()
    finally:
        server.kill()


@pytest.fixture(scope="module")
def api(node: HeliographServer) -> Caller:
    """The server's first project."""
    return Caller.of(node)


@pytest.fixture(scope="module")
def new_project(node: HeliographServer, api: Caller) -> NewProject:
    """Makes a project with a number, ``new_project(name, number, parent=None)``, that the server knows of."""

    def make(name: str, number: str, parent: str | None = None) -> Caller:
        above = ["--parent", parent] if parent else []
        made: dict[str, Any] = json.loads(_run(node, "project", "create", "--name", name, *above))
        _run(node, "number", "add", number, "--project", made["project_id"])
        other = Caller(node.base_url, made["project_id"], made["api_token"], number)
        _known(other, number)
        return other

    return make


def _run(node: HeliographServer, *arguments: str) -> str:
    return node.run(*arguments, "--data", str(node.data), "--json")


def _known(other: Caller, number: str) -> None:
    def known() -> bool:
        reply = other.ask("GET", f"{other.account}/IncomingPhoneNumbers")
        return reply.status == 200 and number in reply.body.decode()

    wait_until(known, f"the server to know {number}")
