"""Every call that `signalwire-sdk` has for messaging, numbers, groups, codes and projects is made by a test."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
import sessions
from sessions import Session

from servers import HeliographServer

NAMESPACES = (
    "messages",
    "logs.messages",
    "phone_numbers",
    "imported_numbers",
    "short_codes",
    "lookup",
    "number_groups",
    "mfa",
    "project.tokens",
    "projects",
)


@pytest.fixture
def sdk(plain_server: HeliographServer) -> Iterator[Session]:
    known = plain_server.credentials
    session = sessions.signalwire_sdk(plain_server.base_url.removeprefix("http://"), known.project_id, known.api_token)
    yield session
    session.close()


def test_every_call_is_made(sdk: Session) -> None:
    has = set(sdk.call("public_calls", namespaces=NAMESPACES))
    assert len(has) >= 45
    assert has - _made() == set()


def _made() -> set[str]:
    """The calls that this folder's tests of the SDK name."""
    return {
        call.args[0].value
        for file in Path(__file__).parent.glob("test_signalwire_sdk*.py")
        for call in ast.walk(ast.parse(file.read_text("utf-8")))
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr == "call"
        if call.args and isinstance(call.args[0], ast.Constant) and isinstance(call.args[0].value, str)
    }
