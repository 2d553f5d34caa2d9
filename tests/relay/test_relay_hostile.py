"""Frames and connections that break the rules: an answer, or the end of that connection, and of nothing else."""

import contextlib
import socket
from collections.abc import Callable
from typing import Any

import pytest
from websockets.exceptions import InvalidStatus
from websockets.frames import Frame, Opcode
from websockets.protocol import CLIENT, OPEN
from websockets.protocol import Protocol as Framing

from heliograph.relay.socket import SLICE_OCTETS
from relay_client import Relay, RelayClient
from relay_frames import RpcError
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


@pytest.mark.parametrize("contexts", ["office", [7], [""], ["x" * 129], [str(n) for n in range(65)], {"a": 1}])
def test_bad_contexts_are_refused(relay: Relay, contexts: Any) -> None:
    assert relay.client().call("signalwire.receive", {"contexts": contexts})["code"] == "422"
    credentials = relay.server.credentials
    authentication = {"project": credentials.project_id, "token": credentials.api_token}
    response = relay.raw().ask("signalwire.connect", {"authentication": authentication, "contexts": contexts})
    assert response["error"]["code"] == -32602


def test_contexts_add_up_to_their_limit(relay: Relay) -> None:
    client = relay.client(*(f"a{number}" for number in range(40)))
    assert client.call("signalwire.receive", {"contexts": [f"b{number}" for number in range(25)]})["code"] == "422"
    assert client.call("signalwire.receive", {"contexts": [f"b{number}" for number in range(24)]})["code"] == "200"


def test_contexts_of_a_project_are_bounded_in_octets(own_relay: Callable[..., Relay]) -> None:
    relay = own_relay(relay_project_contexts_bytes=10_000)
    first = relay.client(*(f"a{number}" for number in range(10)))
    with pytest.raises(RpcError, match="-32000"):
        relay.client(*(f"b{number}" for number in range(15)))
    second = relay.client()
    more = {"contexts": [f"c{number}" for number in range(15)]}
    assert second.call("signalwire.receive", more)["code"] == "422"
    assert first.call("signalwire.unreceive", {"contexts": [f"a{number}" for number in range(10)]})["code"] == "200"
    assert second.call("signalwire.receive", more)["code"] == "200"


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


SMALL_FRAMES_MAX = 200
"""The setting's default, within a second; a flood may stand across the border of two."""

EMPTY_PING, EMPTY_PONG = b"\x89\x80\0\0\0\0", b"\x8a\x80\0\0\0\0"
EMPTY_BEGIN, EMPTY_MORE = b"\x01\x80\0\0\0\0", b"\x00\x80\0\0\0\0"


def flood(relay: Relay, octets: bytes) -> list[Frame]:
    """Send without a word before; the frames that come until the server closes the connection."""
    framing = Framing(CLIENT, max_size=None)
    framing.state = OPEN
    with socket.create_connection((HOST, relay.server.port), timeout=30) as raw:
        raw.sendall(f"GET / HTTP/1.1\r\n{UPGRADE}\r\n".encode())
        assert raw.recv(65536).startswith(b"HTTP/1.1 101 ")
        with contextlib.suppress(ConnectionError):
            raw.sendall(octets)
        with contextlib.suppress(ConnectionError):
            while data := raw.recv(65536):
                framing.receive_data(data)
    return framing.events_received()


@pytest.mark.parametrize(
    "octets",
    [EMPTY_PING * 500_000, EMPTY_PONG * 500_000, EMPTY_BEGIN + EMPTY_MORE * 500_000],
    ids=["ping", "pong", "more"],
)
def test_who_sends_a_flood_of_frames_that_say_nothing_is_cut_off_at_once(relay: Relay, octets: bytes) -> None:
    witness = relay.client()
    frames = flood(relay, octets)
    assert len(frames) <= 2 * SMALL_FRAMES_MAX + SLICE_OCTETS // len(EMPTY_PING) + 1, "each ping has its pong"
    assert witness.call("signalwire.ping")


def test_a_flood_is_told_why_it_ends(relay: Relay) -> None:
    last = flood(relay, EMPTY_PING * (3 * SMALL_FRAMES_MAX))[-1]
    assert last.opcode is Opcode.CLOSE
    assert last.data == b"\x03\xf0too many small frames"


def test_a_long_message_in_fair_pieces_and_many_requests_at_once_are_no_flood(relay: Relay) -> None:
    client = relay.client()
    padding = " " * 100_000
    whole = '{"jsonrpc":"2.0","id":"f","method":"signalwire.ping"' + padding + "}"
    client.socket.send(iter([whole[start : start + 600] for start in range(0, len(whole), 600)]))
    assert client.take(lambda each: each.get("id") == "f")["result"]
    ids = {client.post("signalwire.ping", {"timestamp": n}) for n in range(2_000)}
    while ids:
        ids.discard(client.take(lambda each: each.get("id") in ids)["id"])


def test_a_stranger_asks_only_so_much(relay: Relay) -> None:
    client = relay.raw()
    for _ in range(21):
        client.post("signalwire.ping")
    assert client.closed() == 1008


def test_invalid_frames_and_requests_before_the_login_are_bounded_by_settings(
    own_relay: Callable[..., Relay],
) -> None:
    relay = own_relay(relay_malformed_max=2, relay_stranger_requests_max=1, tags_max=1)
    client = relay.client()
    assert client.text("office", tags=["a", "b"])["code"] == "422"
    client.send("rubbish")
    client.send("rubbish")
    assert client.closed() == 1002
    stranger = relay.raw()
    stranger.post("signalwire.ping")
    stranger.post("signalwire.ping")
    assert stranger.closed() == 1008


def test_what_is_too_deep_to_write_is_not_echoed(relay: Relay) -> None:
    client = relay.client()
    deep = "[" * 400 + "]" * 400
    for method in ("signalwire.ping", "blade.subscription"):
        client.send(
            f'{{"jsonrpc":"2.0","id":"{method}","method":"{method}","params":{{"timestamp":{deep},"command":{deep}}}}}'
        )
        assert "result" in client.take(lambda each, method=method: each.get("id") == method)  # type: ignore[misc]


def test_a_session_that_is_resumed_again_and_again_has_no_more_contexts_than_another(relay: Relay) -> None:
    protocol = relay.client(*(f"a{n}" for n in range(64))).result["protocol"]
    relay.client(*(f"b{n}" for n in range(40)), protocol=protocol)
    (contexts,) = [each["contexts"] for each in relay.clients() if "b0" in each["contexts"]]
    assert len(contexts) == 64
    assert contexts[:40] == [f"b{n}" for n in range(40)], "what it asks for now comes first"


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
