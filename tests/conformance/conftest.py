"""One server for the whole suite, quicker than by default, and one receiver of what it sends out."""

import json
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from caller import Caller
from servers import HeliographServer, Sink, wait_until

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


URLS = ("SmsUrl", "SmsFallbackUrl", "SmsApplicationSid", "StatusCallback")
VOICE_URLS = ("VoiceUrl", "VoiceFallbackUrl", "VoiceApplicationSid")
METHODS = ("SmsMethod", "SmsFallbackMethod", "StatusCallbackMethod", "VoiceMethod", "VoiceFallbackMethod")


@pytest.fixture
def number(node: HeliographServer, api: Caller) -> Iterator[dict[str, Any]]:
    """A number that nobody else needs, as the cXML API shows it; nothing is set for it, before and afterwards."""
    found = api.number(node.credentials.numbers[-1])
    yield found
    blank = dict.fromkeys((*URLS, *VOICE_URLS), "") | dict.fromkeys(METHODS, "POST")
    assert api.ask("POST", found["uri"], form=blank).status == 200


@pytest.fixture
def application(api: Caller) -> str:
    """An application of the project."""
    reply = api.ask("POST", f"{api.account}/Applications", form={"FriendlyName": "of numbers"})
    return str(reply.json()["sid"])


Free = Callable[..., str]
"""Tells a free number that no other test takes: ``free()`` one of Chicago, ``free("TollFree")`` another."""


@pytest.fixture(scope="session")
def free(node: HeliographServer, tmp_path_factory: pytest.TempPathFactory) -> Free:
    """The inventory, filled by the command."""
    kinds = {
        "Local": [f"+13122080{n}" for n in range(100, 130)],
        "TollFree": [f"+18882080{n}" for n in range(100, 105)],
    }
    lines = [f"{number},IL,Chicago,CHICAGO,358" for numbers in kinds.values() for number in numbers]
    file: Path = tmp_path_factory.mktemp("inventory") / "numbers.csv"
    file.write_text("\n".join(["number,region,city,rate_center,lata", *lines]))
    node.run("number", "import", str(file), "--data", str(node.data), "--json")
    return lambda kind="Local": kinds[kind].pop()


@pytest.fixture(scope="session")
def short_codes(node: HeliographServer, api: Caller) -> list[dict[str, Any]]:
    """Three short codes of the project, as its API shows them."""
    for code in ("88001", "88002", "88003"):
        node.run("number", "add", code, "--project", api.project_id, "--data", str(node.data), "--json")

    def known() -> list[dict[str, Any]]:
        listed = json.loads(api.ask("GET", "/api/relay/rest/short_codes").body).get("data", [])
        return listed if len(listed) == 3 else []

    return wait_until(known, "the server to know the short codes")
