"""One server over http and one over https for all client tests, and the callbacks that validators are fed with."""

import itertools
import uuid
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from servers import Answer, HeliographServer, Received, Sink

EMPTY_RESPONSE = Answer(body=b"<Response/>", content_type="text/xml")
# Characters that a form, a query and a JSON text each write differently.
AWKWARD_TEXT = "Grüße & 100% + a=b?\n👋"

_handsets = itertools.count(1000)


@pytest.fixture
def handset() -> str:
    """A number that no other test sends to."""
    return f"+1312555{next(_handsets)}"


@pytest.fixture
def path() -> str:
    """A path that no other test has its callbacks at."""
    return f"/{uuid.uuid4()}"


@pytest.fixture
def context() -> str:
    """A Relay context that no other test uses."""
    return f"office-{uuid.uuid4()}"


@pytest.fixture(scope="session")
def callbacks() -> Iterator[Sink]:
    """The receiver of all client tests' callbacks."""
    with Sink() as receiver:
        yield receiver


@pytest.fixture(scope="session")
def plain_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HeliographServer]:
    """A server over http."""
    yield from _serve(tmp_path_factory.mktemp("plain"), tls=False)


@pytest.fixture(scope="session")
def tls_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HeliographServer]:
    """A server over https, for the SDKs that speak nothing else."""
    yield from _serve(tmp_path_factory.mktemp("tls"), tls=True)


def _serve(directory: Path, *, tls: bool) -> Iterator[HeliographServer]:
    server = HeliographServer(directory / "data", tls=tls)
    try:
        yield server.start()
    finally:
        server.kill()


@pytest.fixture(scope="session")
def webhooks(plain_server: HeliographServer, callbacks: Sink) -> Mapping[str, Received]:
    """Requests as the server made them: ``form`` and ``json`` callbacks, ``swml`` to a handler, ``get`` to another."""
    sender = plain_server.credentials.numbers[0]
    return {
        "form": _form_callback(plain_server, callbacks, sender),
        "swml": _swml_handler(plain_server, callbacks, sender),
        "get": _get_handler(plain_server, callbacks, sender),
        "json": _json_callback(plain_server, callbacks, sender),
    }


def _form_callback(server: HeliographServer, sink: Sink, sender: str) -> Received:
    # A URL with a query: it is signed as it was configured.
    address = sink.url("/validated/form?tenant=a%20b")
    form = [("To", "+13125550001"), ("From", sender), ("Body", AWKWARD_TEXT), ("StatusCallback", address)]
    _created(server.request("POST", f"{_account(server)}/Messages", form=form))
    return sink.wait_for_request("/validated/form")


def _swml_handler(server: HeliographServer, sink: Sink, number: str) -> Received:
    sink.answer("/validated/swml", Answer(body=b'{"receive": {}}', content_type="application/json"))
    given = {"message_handler": "relay_script", "message_request_url": sink.url("/validated/swml?tenant=a%20b")}
    path = f"/api/relay/rest/phone_numbers/{_number_id(server, number)}"
    assert server.request("PUT", path, json_body=given).status == 200
    inbound = {"from": "+13125550004", "to": number, "body": AWKWARD_TEXT}
    _created(server.request("POST", "/api/heliograph/simulator/inbound", json_body=inbound))
    return sink.wait_for_request("/validated/swml")


def _get_handler(server: HeliographServer, sink: Sink, number: str) -> Received:
    sink.answer("/validated/get", EMPTY_RESPONSE)
    sid = _number_id(server, number)
    form = [("SmsUrl", sink.url("/validated/get?tenant=a%20b")), ("SmsMethod", "GET")]
    assert server.request("POST", f"{_account(server)}/IncomingPhoneNumbers/{sid}", form=form).status == 200
    inbound = {"from": "+13125550002", "to": number, "body": AWKWARD_TEXT}
    _created(server.request("POST", "/api/heliograph/simulator/inbound", json_body=inbound))
    return sink.wait_for_request("/validated/get")


def _json_callback(server: HeliographServer, sink: Sink, sender: str) -> Received:
    message = {"to": "+13125550003", "from": sender, "body": AWKWARD_TEXT}
    callback = {"status_callback": sink.url("/validated/json?tenant=a%20b")}
    _created(server.request("POST", "/api/messaging/messages", json_body=message | callback))
    return sink.wait_for_request("/validated/json")


def _number_id(server: HeliographServer, number: str) -> str:
    numbers = server.request("GET", f"{_account(server)}/IncomingPhoneNumbers").json()["incoming_phone_numbers"]
    return str(next(each["sid"] for each in numbers if each["phone_number"] == number))


def _account(server: HeliographServer) -> str:
    return f"/api/laml/2010-04-01/Accounts/{server.credentials.project_id}"


def _created(reply: Any) -> None:
    assert reply.status == 201, reply.body


@pytest.fixture
def wait_for_status(callbacks: Sink) -> Callable[[str, str], dict[str, str]]:
    """Waits for the form callback at a path that reports a status, and gives its parameters."""

    def wait(at: str, status: str) -> dict[str, str]:
        def reported(requests: list[Received]) -> dict[str, str]:
            forms = [each.form for each in requests if each.path == at]
            return next((form for form in forms if form.get("MessageStatus") == status), {})

        return callbacks.wait_for(reported)

    return wait
