"""Commands that go through a running server: how they find it, what they ask, what they say when it fails."""

import json
import re
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from heliograph.cli import local, output
from heliograph.config import ConfigError
from heliograph.net import certificates

ID = "0198c0de-0000-7000-8000-000000000001"


class Scripted(ThreadingHTTPServer):
    """Answers by method and path, 404 to the rest, and keeps what it was asked."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.answers: dict[str, tuple[int, Any]] = {}
        self.asked: list[dict[str, Any]] = []


class Handler(BaseHTTPRequestHandler):
    server: Scripted

    def answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        question = f"{self.command} {self.path}"
        self.server.asked.append(
            {
                "question": question,
                "authorization": self.headers["Authorization"],
                "project": self.headers["X-Heliograph-Project"],
                "body": json.loads(body) if body else None,
            }
        )
        status, value = self.server.answers.get(question, (404, {"error": "Not Found"}))
        payload = value if isinstance(value, bytes) else json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(payload)))
        self.end_headers()
        self.wfile.write(payload)

    do_GET = do_POST = answer  # noqa: N815 (the base class looks for these names)

    def log_message(self, format: str, *args: object) -> None:
        pass


def run(server: Scripted) -> Iterator[Scripted]:
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join(10)
    server.server_close()


@pytest.fixture
def server(cli: Any, app: Any, data: Path) -> Iterator[Scripted]:
    """A server that runs on an initialised `data`."""
    cli("init", "--data", data)
    scripted = Scripted()
    local.announce(data, f"http://127.0.0.1:{scripted.server_port}", "local-secret")
    yield from run(scripted)


def send(*more: object) -> tuple[object, ...]:
    return ("send", "--from", "+12025550101", "--to", "+12025550102", *more)


# -- what is asked


def test_send_asks_as_the_owner_of_the_number(cli: Any, app: Any, server: Scripted, data: Path) -> None:
    server.answers["POST /api/messaging/messages"] = (201, {"id": ID, "status": "queued"})
    outcome = cli(*send("--data", data, "--body", "höi", "--media", "http://a/1", "--media", "http://a/2", "--json"))
    assert outcome.json == {"id": ID, "status": "queued"}
    assert server.asked == [
        {
            "question": "POST /api/messaging/messages",
            "authorization": "Bearer local-secret",
            "project": app.store.projects[0].id,
            "body": {
                "from": "+12025550101",
                "to": "+12025550102",
                "body": "höi",
                "media": ["http://a/1", "http://a/2"],
            },
        }
    ]
    human = cli(*send("--data", data, "--body", "x"))
    assert f"Message {ID} is queued" in human.out


def test_send_takes_the_project_of_the_number_or_the_one_named(
    cli: Any, app: Any, server: Scripted, data: Path
) -> None:
    server.answers["POST /api/messaging/messages"] = (201, {"id": ID, "status": "queued"})
    second = cli("project", "create", "--data", data, "--name", "second", "--json").json["project_id"]
    cli("number", "add", "+12025550199", "--project", "second", "--data", data)
    assert cli("send", "--from", "+12025550199", "--to", "+12025550101", "--body", "x", "--data", data).code == 0
    assert cli(*send("--data", data, "--project", "second")).code == 0
    assert [asked["project"] for asked in server.asked] == [second, second]
    assert server.asked[1]["body"] == {"from": "+12025550101", "to": "+12025550102"}
    unowned = cli("send", "--from", "+15005550006", "--to", "+12025550101", "--body", "x", "--data", data)
    assert "say which with --project" in unowned.err


def test_inbound_asks_the_simulator(cli: Any, app: Any, server: Scripted, data: Path) -> None:
    server.answers["POST /api/heliograph/simulator/inbound"] = (201, {"id": ID})
    arguments = ("--from", "+12025550155", "--to", "+12025550102", "--body", "hello", "--data", data)
    outcome = cli("inbound", *arguments, "--json")
    assert outcome.json == {"id": ID}
    assert server.asked[0]["body"] == {"from": "+12025550155", "to": "+12025550102", "body": "hello"}
    assert server.asked[0]["project"] == app.store.projects[0].id
    assert ID in cli("inbound", *arguments).out


def test_inbound_to_a_number_of_no_project_names_the_number(cli: Any, app: Any, server: Scripted, data: Path) -> None:
    cli("project", "create", "--data", data, "--name", "second")
    outcome = cli("inbound", "--from", "+12025550155", "--to", "+12025550199", "--body", "hello", "--data", data)
    assert outcome.code == 1
    assert "no project owns +12025550199" in outcome.err
    assert server.asked == []


def test_a_message_is_looked_for_in_every_project(cli: Any, app: Any, server: Scripted, data: Path) -> None:
    cli("project", "create", "--data", data, "--name", "second")
    part = {"part": 2, "total": 2, "state": "sent", "carrier": "acme", "carrier_ref": "r9", "error_code": None}
    timeline = {
        "steps": [{"at": "2026-01-01T00:00:00Z", "kind": "state", "state": "queued", "error_code": None}],
        "parts": [part],
        "state": "sent",
        "uncertain": True,
    }
    assert cli("message", ID, "--data", data).code == output.FAILED
    assert [asked["project"] for asked in server.asked] == [project.id for project in app.store.projects]
    server.answers[f"GET /api/heliograph/messages/{ID}/timeline"] = (200, timeline)
    assert cli("message", ID, "--data", data, "--json").json == timeline
    shown = cli("message", ID, "--data", data, "--project", "second").out
    assert "2026-01-01T00:00:00Z  state  queued" in shown
    assert "2/2   sent   acme     r9" in shown and "In doubt" in shown
    timeline["state"] = "delivered"
    assert "In doubt" not in cli("message", ID, "--data", data, "--project", "second").out
    server.asked.clear()
    assert cli("message", "../secrets", "--data", data).code == output.WRONG_USAGE
    assert server.asked == []


def test_callbacks_are_listed_and_replayed(cli: Any, server: Scripted, data: Path) -> None:
    dead = {"message_id": ID, "state": "sent", "status": "dead", "url": "http://a/cb", "attempts": 9}
    server.answers["GET /api/heliograph/callbacks?status=dead"] = (200, {"callbacks": [dead]})
    server.answers["GET /api/heliograph/callbacks?status=pending"] = (200, {"callbacks": []})
    server.answers["POST /api/heliograph/callbacks/replay"] = (200, {"replayed": 1})
    assert cli("callbacks", "list", "--data", data, "--json").json == {"callbacks": [dead]}
    assert "http://a/cb" in cli("callbacks", "list", "--data", data).out
    assert cli("callbacks", "list", "--status", "pending", "--data", data).out == "No pending callbacks.\n"
    assert cli("callbacks", "replay", "--message", ID, "--data", data, "--json").json == {"replayed": 1}
    assert cli("callbacks", "replay", "--data", data).code == 0
    assert [asked["body"] for asked in server.asked[-2:]] == [{"message_id": ID}, {}]


CARRIERS = """
[[carriers]]
name = "acme"
hosts = "a.example:2775"
system_id = "h"
password = "s3cret"
[[carriers]]
name = "bell"
hosts = "b.example:2775"
system_id = "h"
[[routes]]
carrier = ["acme", "bell"]
prefix = "+1202"
project = "default"
[[routes]]
carrier = "bell"
prefix = "+44"
"""

BOUND = {
    "address": "a.example:2775", "mode": "transceiver", "state": "bound, resting", "since": "2026-01-01T00:00:00Z",
    "window": 10, "in_flight": 3, "round_trip_ms": 12.5, "submitted": 7, "throttled": 1, "error": None,
}  # fmt: skip


def a_carrier(name: str, *binds: dict[str, Any], available: bool = True) -> dict[str, Any]:
    counts = dict.fromkeys(("window", "in_flight", "submitted", "throttled", "receipts", "unmatched", "inbound"), 5)
    return {"name": name, "kind": "smpp", "available": available, **counts, "binds": list(binds)}


def test_carriers_are_shown_with_their_connections(cli: Any, app: Any, server: Scripted, data: Path) -> None:
    found = {"carriers": [a_carrier("acme", BOUND, available=False), a_carrier("bell", available=False)]}
    server.answers["GET /api/heliograph/carriers"] = (200, found)
    assert cli("carriers", "--data", data, "--json").json == found
    assert server.asked[0]["project"] == app.store.projects[0].id
    lines = cli("carriers", "--data", data).out.splitlines()
    assert lines[1].split()[:4] == ["acme", "smpp", "throttled", "5"]
    assert lines[2].split()[:3] == ["bell", "smpp", "down"]
    assert "acme     a.example:2775  transceiver  bound, resting  2026-01-01T00:00:00Z" in lines[5]
    server.answers["GET /api/heliograph/carriers"] = (200, {"carriers": []})
    assert cli("carriers", "--data", data).out == "No carriers.\n"


def test_what_carriers_brought_in_vain_is_shown(cli: Any, server: Scripted, data: Path) -> None:
    entry = {
        "carrier": "acme", "at": "2026-01-01T00:00:00Z", "reason": "unknown_id", "about": "No message has this id.",
        "carrier_ref": "9******00", "stat": "DELIVRD", "data_coding": 8, "from_number": None, "to_number": "***1",
    }  # fmt: skip
    found = {"dropped": [entry], "counts": [{"carrier": "acme", "reason": "unknown_id", "count": 3}]}
    server.answers["GET /api/heliograph/carriers/dropped"] = (200, found)
    assert cli("carriers", "--receipts", "--data", data, "--json").json == found
    lines = cli("carriers", "--receipts", "--data", data).out.splitlines()
    assert lines[1].split()[:6] == ["2026-01-01T00:00:00Z", "acme", "unknown_id", "9******00", "DELIVRD", "8"]
    assert lines[4].split() == ["acme", "unknown_id", "3"]
    server.answers["GET /api/heliograph/carriers/dropped"] = (200, {"dropped": [], "counts": []})
    assert cli("carriers", "--receipts", "--data", data).out == "Nothing was dropped.\n"


def a_relay_client(**changes: Any) -> dict[str, Any]:
    counts = {"sends": 12, "events": 40, "unacknowledged": 3}
    said = {"session": ID, "agent": "acme/1.0", "address": "192.0.2.7", "dialect": "signalwire"}
    return {**said, "connected_at": "2026-01-01T00:00:00Z", "contexts": ["office", "sales"], **counts, **changes}


def test_relay_clients_are_shown_with_their_projects(cli: Any, app: Any, server: Scripted, data: Path) -> None:
    first = app.store.projects[0].id
    other = cli("project", "create", "--name", "other", "--data", data, "--json").json["project_id"]
    server.answers["GET /api/heliograph/relay/clients"] = (200, {"clients": [a_relay_client()]})
    shown = cli("relay", "--data", data, "--json").json["clients"]
    assert shown == [{"project_id": each, **a_relay_client()} for each in (first, other)]
    assert [asked["project"] for asked in server.asked] == [first, other]
    (only,) = cli("relay", "--project", other, "--data", data, "--json").json["clients"]
    assert only["project_id"] == other
    line = cli("relay", "--data", data).out.splitlines()[1]
    assert re.split(" {2,}", line.strip()) == [
        first, "acme/1.0", "192.0.2.7", "signalwire", "2026-01-01T00:00:00Z", "12", "40", "3", "office, sales",
    ]  # fmt: skip
    server.answers["GET /api/heliograph/relay/clients"] = (200, {"clients": []})
    assert cli("relay", "--data", data).out == "No Relay clients.\n"


def explain(cli: Any, data: Path, *more: object, to: str = "+12025550155") -> Any:
    file = data.parent / "carriers.toml"
    file.write_text(CARRIERS)
    return cli("route", "explain", "--from", "+12025550101", "--to", to, "--data", data, "--config", file, *more)


def test_a_route_is_explained_by_rules_and_live_state(cli: Any, app: Any, server: Scripted, data: Path) -> None:
    found = {"carriers": [a_carrier("acme", available=False), a_carrier("bell")]}
    server.answers["GET /api/heliograph/carriers"] = (200, found)
    app.store.projects[0] = replace(app.store.projects[0], name="default")
    told = explain(cli, data, "--json").json
    assert (told["carriers_asked"], told["country"], told["kind"]) == (True, "US", "sms")
    assert told["project_id"] == app.store.projects[0].id
    assert told["candidates"] == [
        {
            "carrier": "bell",
            "rule": 1,
            "cost": None,
            "availability": "up",
            "reason": "rule 1: prefix +1202, project default, priority 10; no price",
        },
        {
            "carrier": "acme",
            "rule": 1,
            "cost": None,
            "availability": "down",
            "reason": "rule 1: prefix +1202, project default, priority 10; no price; down",
        },
    ]
    assert told["rules"][1] == {
        "rule": 2, "carriers": ["bell"], "holds": False, "why": "the number starts with none of +44",
    }  # fmt: skip
    human = explain(cli, data).out
    assert "1. bell  rule 1: prefix +1202" in human
    assert "not known" not in human


def test_a_route_is_explained_without_server_or_store(cli: Any, app: Any, data: Path) -> None:
    told = explain(cli, data, "--project", "default")
    assert told.code == 0
    assert "1. acme  rule 1: prefix +1202, project default, priority 10; no price" in told.out
    assert f"Whether carriers are up is not known: no server runs on {data}" in told.out
    nobody = explain(cli, data, to="+33612345678")
    assert "No carrier takes it" in nobody.out
    assert explain(cli, data, "--json", to="+33612345678").json["candidates"] == []
    assert explain(cli, data, "--kind", "mms").out.count("take no MMS") == 1
    wrong = explain(cli, data, to="0123")
    assert (wrong.code, wrong.out) == (output.WRONG_USAGE, "")
    assert "--to: '0123' is no phone number" in wrong.err


def test_a_server_that_does_not_know_of_carriers_was_not_asked(
    cli: Any, app: Any, server: Scripted, data: Path
) -> None:
    assert explain(cli, data, "--json").json["carriers_asked"] is False


def test_an_unknown_project_is_told(cli: Any, app: Any, server: Scripted, data: Path) -> None:
    assert "there is no project 'nobody'" in explain(cli, data, "--project", "nobody").err


@pytest.mark.parametrize("command", ["serve", "doctor", "route explain --from 1 --to +12025550101"])
def test_a_fault_in_a_table_is_told_before_anything_is_done(cli: Any, app: Any, data: Path, command: str) -> None:
    file = data.parent / "carriers.toml"
    file.write_text(CARRIERS + "weight = -1")
    outcome = cli(*command.split(), "--data", data, "--config", file)
    assert outcome.code != 0
    assert f"{file}: [[routes]] 2: weight: -1 is less than 0" in outcome.out + outcome.err
    assert not data.exists()


def test_serve_knows_where_to_read_again(cli: Any, app: Any, data: Path) -> None:
    file = data.parent / "carriers.toml"
    file.write_text(CARRIERS)
    assert cli("serve", "--data", data, "--config", file, "--no-simulator").code == 0
    assert [carrier.name for carrier in app.source.running.topology.carriers] == ["acme", "bell"]
    file.write_text('simulator = true\n[[routes]]\ncarrier = "loopback"')
    with pytest.raises(ConfigError, match="the setting simulator is off"):
        app.source.again(app.source.running)
    cli("serve", "--data", data)
    assert app.source.again is None


def test_settings_list_the_keys_of_tables_and_no_secret(cli: Any, data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = data.parent / "carriers.toml"
    file.write_text(CARRIERS)
    shown = cli("settings", "--config", file)
    assert "[[routes]]\ncarrier = required  (TEXT)" in shown.out
    tables = cli("settings", "--config", file, "--json")
    assert sorted(tables.json["tables"]) == ["carriers", "inventory", "rates", "routes"]
    assert "s3cret" not in shown.out + tables.out


# -- what is said when it fails


@pytest.mark.parametrize(
    "command", [send(), ("inbound", *send()[1:]), ("message", ID), ("callbacks", "list"), ("carriers",), ("relay",)]
)
def test_without_a_server_the_way_to_start_one_is_told(
    cli: Any, app: Any, data: Path, command: tuple[object, ...]
) -> None:
    cli("init", "--data", data)
    outcome = cli(*command, "--data", data, "--json")
    assert outcome.code == output.FAILED
    assert outcome.json["error"].startswith(f"no server runs on {data}")
    assert f"heliograph serve --data {data}" in outcome.err


def test_what_a_killed_server_left_is_called_stale(cli: Any, app: Any, data: Path) -> None:
    cli("init", "--data", data)
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        port = listener.getsockname()[1]
    local.announce(data, f"http://127.0.0.1:{port}", "s")
    outcome = cli(*send("--data", data, "--body", "x"))
    assert outcome.code == output.FAILED
    assert outcome.err.startswith(f"heliograph: no server runs on {data}")
    assert "server.json is stale" in outcome.err


def test_a_damaged_server_file_is_named(cli: Any, app: Any, data: Path) -> None:
    cli("init", "--data", data)
    (data / "server.json").write_text("{")
    assert "server.json is damaged" in cli(*send("--data", data)).err


@pytest.mark.parametrize(
    ("status", "answer", "said"),
    [
        (
            422,
            {"errors": [{"code": "invalid_to_number", "message": "No number.", "type": "validation_error"}]},
            "No number. (invalid_to_number)",
        ),
        (422, {"errors": [{"detail": "Bad.", "status": "422", "title": "x", "code": "y"}]}, "Bad. (y)"),
        (503, {"error": "Service Unavailable"}, "503: Service Unavailable"),
        (500, None, "500: without saying why"),
        (401, {"error": "Unauthorized"}, "does not take the secret"),
        (200, b"<html>", "no usable answer"),
    ],
)
def test_a_refusal_is_passed_on(cli: Any, server: Scripted, data: Path, status: int, answer: Any, said: str) -> None:
    server.answers["POST /api/messaging/messages"] = (status, answer)
    outcome = cli(*send("--data", data, "--body", "x", "--json"))
    assert outcome.code == output.FAILED
    assert said in outcome.json["error"]
    assert "local-secret" not in outcome.out + outcome.err


# -- HTTPS


@pytest.fixture
def tls_server(cli: Any, app: Any, data: Path) -> Iterator[Scripted]:
    cli("init", "--data", data)
    files = certificates.ensure(data / "tls", (), datetime.now(UTC))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(files.certificate, files.key)
    scripted = Scripted()
    # The handshake is left to the thread of the request: a client that breaks it off must not stop the server.
    scripted.socket = context.wrap_socket(scripted.socket, server_side=True, do_handshake_on_connect=False)
    scripted.handle_error = lambda *_: None  # type: ignore[method-assign]  # that client is expected
    local.announce(data, f"https://127.0.0.1:{scripted.server_port}", "s", files.certificate)
    scripted.answers["POST /api/messaging/messages"] = (201, {"id": ID, "status": "queued"})
    yield from run(scripted)


def test_the_servers_own_certificate_is_trusted(cli: Any, tls_server: Scripted, data: Path) -> None:
    assert cli(*send("--data", data, "--body", "x")).code == 0
    assert len(tls_server.asked) == 1


def test_another_certificate_is_not_and_gets_no_secret(
    cli: Any, tls_server: Scripted, data: Path, tmp_path: Path
) -> None:
    other = certificates.ensure(tmp_path / "other", (), datetime.now(UTC))
    local.announce(data, f"https://127.0.0.1:{tls_server.server_port}", "s", other.certificate)
    outcome = cli(*send("--data", data, "--body", "x"))
    assert outcome.code == output.FAILED
    assert "does not show the certificate" in outcome.err
    assert tls_server.asked == []
