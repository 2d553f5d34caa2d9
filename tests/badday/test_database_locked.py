"""The embedded store's file is locked by another program for longer than a caller is kept waiting."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from servers import HeliographServer, ServerFactory, Sink, wait_until
from traffic import CALLBACK_PATH, Order, Record, create, log_shown, message, post, settled, status

HOLDER = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN IMMEDIATE")
print("locked", flush=True)
sys.stdin.read()
"""
BUSY = {"store_busy_seconds": 0.3, "simulator_answer_ms": 10, "simulator_receipt_ms": 300}


@contextmanager
def locked(file: Path) -> Iterator[None]:
    """A process of its own has the file's write lock."""
    command = [sys.executable, "-c", HOLDER, str(file)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None and holder.stdout.readline() == "locked\n"
        yield
        holder.communicate("")


def test_callers_are_told_to_come_back_and_then_served(server: ServerFactory) -> None:
    node = server(settings=BUSY)
    with locked(node.data / "heliograph.db"):
        _refused_in_every_family(node)
        assert node.request("GET", "/health", authenticated=False).status == 503
    assert post(node).status == 201
    wait_until(lambda: node.request("GET", "/health", authenticated=False).status == 200, "health to be well again")
    assert "database is locked" in node.log() and "store.available_again" in node.log()


def _refused_in_every_family(node: HeliographServer) -> None:
    number = node.credentials.numbers[0]
    cxml = post(node)
    assert (cxml.status, cxml.headers["retry-after"]) == (503, "1")
    assert cxml.json().keys() == {"code", "message", "more_info", "status"}
    assert cxml.json()["status"] == 503
    asked = {"to": "+13125550100", "from": number, "body": "Hello"}
    rest = node.request("POST", "/api/messaging/messages", json_body=asked)
    assert (rest.status, rest.headers["retry-after"]) == (503, "1")
    assert rest.json() == {"error": "Service Unavailable"}
    inbound = {"from": "+13125550100", "to": number, "body": "Hello"}
    brought = node.request("POST", "/api/heliograph/simulator/inbound", json_body=inbound)
    assert (brought.status, brought.json()) == (503, {"error": "Service Unavailable"})


def test_a_lock_does_not_stop_reading(server: ServerFactory) -> None:
    node = server(settings=BUSY)
    message_id = create(node)
    wait_until(lambda: status(node, message_id) == "delivered", "the message to be delivered")
    with locked(node.data / "heliograph.db"):
        assert message(node, message_id)["status"] == "delivered"


async def test_what_was_accepted_before_goes_on_after_it(server: ServerFactory, sink: Sink) -> None:
    node = server(settings=BUSY)
    order = Order(to="+13125550100")
    with log_shown(node):
        record = Record()
        record.kept = {create(node, StatusCallback=sink.url(CALLBACK_PATH)): order for _ in range(10)}
        with locked(node.data / "heliograph.db"):
            wait_until(lambda: "store.unavailable" in node.log(), "a receipt to meet the lock")
        await settled(node, sink, record)
