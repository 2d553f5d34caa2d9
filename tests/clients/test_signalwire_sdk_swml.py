"""A SWML document that SignalWire's SDK made and serves, run for messages that arrive."""

import json
import secrets
import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import node_env
import pytest
from setup_clients import CLIENTS

import ports
from caller import NUMBERS, Caller
from servers import HOST, Answer, HeliographServer, Sink, wait_until

SCRIPT = Path(__file__).with_name("signalwire_sdk_swml.py")
LOOKUP = "/swml-lookup"


@pytest.fixture(scope="module")
def swml_url(callbacks: Sink, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where the SDK's server is, with the credentials that it asks for."""
    port, password = ports.reserve(), secrets.token_hex(8)
    python = CLIENTS / "signalwire-sdk" / "bin" / "python"
    command = [str(python), str(SCRIPT), str(port), "user", password, callbacks.url(LOOKUP)]
    with (tmp_path_factory.mktemp("sdk") / "log").open("wb") as log:
        server = subprocess.Popen(command, stdout=log, stderr=log, env=node_env.script_environment())
    try:
        wait_until(lambda: _listens(port), f"{SCRIPT.name} to listen")
        yield f"http://user:{password}@{HOST}:{port}/swml"
    finally:
        server.terminate()
        server.wait(10)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((HOST, port)) == 0


@pytest.fixture
def said(plain_server: HeliographServer, swml_url: str, handset: str) -> Iterator[Callable[[str], list[str]]]:
    """``said(text)``: the replies to a handset that says it."""
    api = Caller.of(plain_server)
    number = f"{NUMBERS}/{api.number()['sid']}"
    given = {"message_handler": "relay_script", "message_request_url": swml_url, "message_request_method": "POST"}
    assert api.ask("PUT", number, body=given).status == 200

    def say(text: str) -> list[str]:
        api.received(text, **{"from": handset})
        found: list[dict[str, Any]] = api.get(f"{api.messages}?To=%2B{handset[1:]}")["messages"]
        return [each["body"] for each in found[::-1]]

    yield say
    cleared = {"message_handler": None, "message_request_url": None}
    assert api.ask("PUT", number, body=cleared).status == 200


def test_the_document_is_run(callbacks: Sink, handset: str, said: Callable[[str], list[str]]) -> None:
    callbacks.answer(LOOKUP, Answer(body=json.dumps({"name": "Ada"}).encode(), content_type="application/json"))
    assert said(" Help ") == ["Hello Ada! Say HELP or BYE.", "Anything else?"]
    assert callbacks.received(LOOKUP)[-1].json() == {"from": handset}


def test_its_branches(callbacks: Sink, said: Callable[[str], list[str]]) -> None:
    callbacks.answer(LOOKUP, Answer(status=404))
    assert said("bye") == ["Bye."]
    assert said("?") == ["Bye.", "Hello! What is that?", "Anything else?"]


def test_it_is_made_for_who_writes(handset: str, said: Callable[[str], list[str]]) -> None:
    (reply,) = said("dynamic")
    assert reply.startswith(f"Made for {handset} at 20")
