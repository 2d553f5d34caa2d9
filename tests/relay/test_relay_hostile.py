"""Frames and connections that break the rules: an answer, or the end of that connection, and of nothing else."""

import socket
from typing import Any

import pytest
from websockets.exceptions import InvalidStatus

from relay_client import Relay, RelayClient
from servers import HOST

KEY = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
UPGRADE = f"Host: x\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n{KEY}"


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        ("no json", -32700),
        ("[]", -32600),
        ("{}", -32600),
        ('{"jsonrpc":"2.0","id":"a","method":"nothing.here"}', -32601),
        ('{"jsonrpc":"2.0","id":"a","method":"messaging.send","params":[]}', -32602),
        ('{"jsonrpc":"2.0","id":"a","method":"signalwire.connect","params":{}}', -32600),
    ],
)
def test_a_frame_that_can_not_be_served_is_told_so(relay: Relay, frame: str, code: int) -> None:
    client = relay.client()
    client.send(frame)
    assert client.take(lambda each: "error" in each)["error"]["code"] == code
    assert client.call("signalwire.ping")


@pytest.mark.parametrize("contexts", ["office", [7], [""], ["x" * 1025], [str(n) for n in range(101)], {"a": 1}])
def test_bad_contexts_are_refused(relay: Relay, contexts: Any) -> None:
    assert relay.client().call("signalwire.receive", {"contexts": contexts})["code"] == "422"
    credentials = relay.server.credentials
    authentication = {"project": credentials.project_id, "token": credentials.api_token}
    response = relay.raw().ask("signalwire.connect", {"authentication": authentication, "contexts": contexts})
    assert response["error"]["code"] == -32602


def test_contexts_add_up_to_their_limit(relay: Relay) -> None:
    client = relay.client(*(f"a{number}" for number in range(60)))
    assert client.call("signalwire.receive", {"contexts": [f"b{number}" for number in range(41)]})["code"] == "422"
    assert client.call("signalwire.receive", {"contexts": [f"b{number}" for number in range(40)]})["code"] == "200"


def test_one_frame_has_only_so_many_bytes(relay: Relay) -> None:
    client = relay.client()
    client.send('{"jsonrpc":"2.0","id":"' + "x" * 200_000 + '"}')
    assert client.closed() == 1009


def test_a_message_in_many_frames_is_one(relay: Relay) -> None:
    client = relay.client()
    client.socket.send(iter(['{"jsonrpc":"2.0","id":"f",', '"method":"signalwire', '.ping"}']))
    assert client.take(lambda each: each.get("id") == "f")["result"]


def test_bytes_are_not_spoken(relay: Relay) -> None:
    client = relay.client()
    client.send(b'{"jsonrpc":"2.0","id":"f","method":"signalwire.ping"}')
    assert client.closed() == 1003


def test_who_only_sends_rubbish_is_let_go(relay: Relay) -> None:
    client = relay.client()
    for _ in range(20):
        client.send("rubbish")
    assert client.closed() == 1002


def test_compression_is_not_agreed_on(relay: Relay) -> None:
    assert "Sec-WebSocket-Extensions" not in relay.client().socket.response.headers  # type: ignore[union-attr]


@pytest.mark.parametrize("path", ["/elsewhere", "/api/relay/rest/phone_numbers", "/health"])
def test_there_is_a_websocket_nowhere_else(relay: Relay, path: str) -> None:
    with pytest.raises(InvalidStatus):
        RelayClient(relay.server, path)


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (f"GET / HTTP/1.1\r\n{UPGRADE}\r\n", b"101"),
        (f"GET /api/relay/ws?a=b HTTP/1.1\r\n{UPGRADE}\r\n", b"101"),
        (f"POST / HTTP/1.1\r\n{UPGRADE}Content-Length: 0\r\n\r\n", b"405"),
        ("GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n", b"400"),
        (f"GET / HTTP/1.1\r\n{UPGRADE.replace('13', '8')}\r\n", b"400"),
        ("GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n", b"200"),
    ],
)
def test_a_handshake(relay: Relay, head: str, status: bytes) -> None:
    with socket.create_connection((HOST, relay.server.port), timeout=10) as raw:
        raw.sendall(head.encode())
        assert raw.recv(65536).split()[1] == status


@pytest.mark.parametrize(
    "rubbish",
    [
        b"\x81\x05hello",  # not masked
        b"\x83\x80\0\0\0\0",  # a reserved opcode
        b"\xc1\x80\0\0\0\0",  # a reserved bit
        b"\x80\x80\0\0\0\0",  # goes on with nothing
        b"\x89\xfe\x00\xff\0\0\0\0" + bytes(255),  # a long ping
        b"\x81\xff\xff\xff\xff\xff\xff\xff\xff\xff\0\0\0\0",
        b"GET / HTTP/1.1\r\n\r\n",
    ],
)
def test_what_is_no_websocket_ends_the_connection_only(relay: Relay, rubbish: bytes) -> None:
    witness = relay.client()
    with socket.create_connection((HOST, relay.server.port), timeout=10) as raw:
        raw.sendall(f"GET / HTTP/1.1\r\n{UPGRADE}\r\n".encode())
        assert raw.recv(65536).startswith(b"HTTP/1.1 101 ")
        raw.sendall(rubbish)
        while raw.recv(65536):
            pass
    assert witness.call("signalwire.ping")
