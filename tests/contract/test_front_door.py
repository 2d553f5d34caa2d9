"""The real server's front door: clients that wish for HTTP/2, bodies that nobody waits for, and proxies in front."""

import json
import shutil
import socket
import ssl
import struct
import subprocess
from base64 import b64encode
from collections.abc import Iterator

import pytest

from servers import HOST, HeliographServer, wait_until

WAIT_SECONDS = 20.0
MESSAGES = "/api/messaging/messages"
PROXIED = "198.51.100.7"


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HeliographServer]:
    """Behind a trusted proxy on this machine; `public_url` is unset."""
    settings = {"trusted_proxies": "127.0.0.1", "log_format": "json"}
    started = HeliographServer(tmp_path_factory.mktemp("door") / "node", settings=settings)
    started.start()
    yield started
    started.kill()


def _basic(node: HeliographServer) -> str:
    pair = f"{node.credentials.project_id}:{node.credentials.api_token}"
    return f"Authorization: Basic {b64encode(pair.encode()).decode()}"


def _message(node: HeliographServer) -> bytes:
    given = {"from": node.credentials.numbers[0], "to": "+12065550123", "body": "Hello"}
    return json.dumps(given).encode()


def _head(path: str, *headers: str, method: str = "POST") -> bytes:
    return "\r\n".join([f"{method} {path} HTTP/1.1", "Host: a", *headers, "", ""]).encode()


def _connect(node: HeliographServer) -> socket.socket:
    return socket.create_connection((HOST, node.port), WAIT_SECONDS)


def _answer(connection: socket.socket) -> bytes:
    """One answer with its body."""
    octets = b""
    while b"\r\n\r\n" not in octets:
        octets += (got := connection.recv(65536))
        assert got, octets
    head, _, body = octets.partition(b"\r\n\r\n")
    length = [int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    while len(body) < sum(length):
        body += connection.recv(65536)
    return head + b"\r\n\r\n" + body


def _events(node: HeliographServer, event: str) -> list[dict[str, object]]:
    lines = [json.loads(line) for line in node.log().splitlines() if line.startswith("{")]
    return [line for line in lines if line["event"] == event]


# -- clients that wish for HTTP/2


def test_request_that_wishes_for_h2c_is_served_with_its_body(node: HeliographServer) -> None:
    """As java.net.http.HttpClient sends it, twice on one connection."""
    body = _message(node)
    wish = ["Connection: Upgrade, HTTP2-Settings", f"Content-Length: {len(body)}", "Upgrade: h2c"]
    wish += ["HTTP2-Settings: AAEAAEAAAAIAAAABAAMAAABkAAQBAAAAAAUAAEAA", "User-Agent: Java-http-client/17.0.15"]
    with _connect(node) as connection:
        for _ in range(2):
            connection.sendall(_head(MESSAGES, *wish, "Content-Type: application/json", _basic(node)) + body)
            assert _answer(connection).startswith(b"HTTP/1.1 201 ")


CURL = shutil.which("curl")
CURLS = (
    [CURL]
    if CURL and "HTTP2" in subprocess.run([CURL, "-V"], capture_output=True, text=True, check=True).stdout
    else []
)


@pytest.mark.parametrize("curl", CURLS)
def test_curl_http2_is_served(node: HeliographServer, curl: str) -> None:
    user = f"{node.credentials.project_id}:{node.credentials.api_token}"
    command = [curl, "-sS", "-m", "20", "--http2", "-u", user, "-H", "Content-Type: application/json", "-d", "@-"]
    command += ["-o", "/dev/null", "-w", "%{http_code} %{http_version}", node.base_url + MESSAGES]
    done = subprocess.run(command, input=_message(node), capture_output=True, check=True)
    assert done.stdout == b"201 1.1"


# -- bodies that nobody waits for


@pytest.mark.parametrize(
    ("path", "status"),
    [
        (MESSAGES, 401),
        ("/api/laml/2010-04-01/Accounts/x/Messages", 401),
        ("/laml-bins/01a22d8e-b803-4b7d-ab39-4eb747f6d2f5", 404),
        ("/nowhere", 404),
        ("/health", 405),
    ],
)
def test_stranger_is_answered_before_its_body(node: HeliographServer, path: str, status: int) -> None:
    with _connect(node) as connection:
        connection.sendall(_head(path, "Content-Type: application/json", "Content-Length: 100"))
        assert _answer(connection).startswith(b"HTTP/1.1 %d " % status)
    with _connect(node) as connection:
        connection.sendall(_head(path, "Content-Length: 100", "Expect: 100-continue"))
        answer = _answer(connection)
        assert answer.startswith(b"HTTP/1.1 %d " % status)
        assert b"connection: close" in answer.lower()


@pytest.mark.parametrize(
    ("path", "length", "status"), [("/api/messaging/nowhere", 100, 404), (MESSAGES, 2_000_000, 413)]
)
def test_client_is_answered_before_a_body_that_is_refused(
    node: HeliographServer, path: str, length: int, status: int
) -> None:
    with _connect(node) as connection:
        connection.sendall(_head(path, f"Content-Length: {length}", "Expect: 100-continue", _basic(node)))
        assert _answer(connection).startswith(b"HTTP/1.1 %d " % status)


def test_client_is_invited_to_send_a_body_that_is_wanted(node: HeliographServer) -> None:
    body = _message(node)
    kind = "Content-Type: application/json"
    with _connect(node) as connection:
        for _ in range(2):
            connection.sendall(
                _head(MESSAGES, kind, f"Content-Length: {len(body)}", "Expect: 100-continue", _basic(node))
            )
            assert _answer(connection).startswith(b"HTTP/1.1 100 ")
            connection.sendall(body)
            assert _answer(connection).startswith(b"HTTP/1.1 201 ")


# -- proxies


WEBSOCKET = (
    "Connection: Upgrade",
    "Upgrade: websocket",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
)
V2 = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c" + socket.inet_aton(PROXIED) + socket.inet_aton(HOST) + b"\x12\x67\x01\xbb"


def _text_frame(text: str) -> bytes:
    """A masked one; the mask is zero."""
    octets = text.encode()
    return b"\x81\xfe" + struct.pack("!H", len(octets)) + b"\0\0\0\0" + octets


LOGIN = json.dumps(
    {
        "jsonrpc": "2.0",
        "id": "1",
        "method": "signalwire.connect",
        "params": {"version": {"major": 2}, "authentication": {"project": "nobody", "token": "x" * 60}},
    }
)


@pytest.mark.parametrize(
    ("before", "headers", "address"),
    [
        (b"", [f"X-Forwarded-For: 203.0.113.1, {PROXIED}"], PROXIED),
        (b"", [f"Forwarded: for={PROXIED};proto=https"], PROXIED),
        (b"PROXY TCP4 198.51.100.7 127.0.0.1 4711 443\r\n", [], PROXIED),
        (V2, ["X-Forwarded-For: 203.0.113.1"], PROXIED),
        (b"", [], HOST),
        (b"", ["X-Forwarded-For: nonsense"], HOST),
    ],
    ids=["X-Forwarded-For", "Forwarded", "PROXY v1", "PROXY v2", "none", "malformed"],
)
def test_failed_relay_login_is_logged_with_its_clients_address(
    node: HeliographServer, before: bytes, headers: list[str], address: str
) -> None:
    known = len(_events(node, "relay.connect_refused"))
    with _connect(node) as connection:
        connection.sendall(before + _head("/api/relay/ws", *WEBSOCKET, *headers, method="GET"))
        assert _answer(connection).startswith(b"HTTP/1.1 101 ")
        connection.sendall(_text_frame(LOGIN))
        lines = wait_until(lambda: _events(node, "relay.connect_refused")[known:], "the refusal to be logged")
    assert [line["address"] for line in lines] == [address]


def test_frames_behind_the_handshake_in_one_piece_are_read(node: HeliographServer) -> None:
    known = len(_events(node, "relay.connect_refused"))
    with _connect(node) as connection:
        connection.sendall(_head("/api/relay/ws", *WEBSOCKET, method="GET") + _text_frame(LOGIN))
        wait_until(lambda: _events(node, "relay.connect_refused")[known:], "the frame to be read")


def test_https_at_the_proxy_is_warned_of_once(node: HeliographServer) -> None:
    with _connect(node) as connection:
        for _ in range(3):
            connection.sendall(_head("/health", "X-Forwarded-Proto: https", method="GET"))
            assert _answer(connection).startswith(b"HTTP/1.1 200 ")
    (line,) = wait_until(lambda: _events(node, "http.public_url_unset"), "the warning")
    assert str(line["links"]).startswith("http://")


def test_proxy_header_stands_in_front_of_tls(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("tls") / "node"
    started = HeliographServer(folder, tls=True, settings={"trusted_proxies": "127.0.0.1", "log_format": "json"})
    started.start()
    try:
        context = ssl.create_default_context(cafile=started.ca)
        with _connect(started) as plain:
            plain.sendall(V2)
            with context.wrap_socket(plain, server_hostname="localhost") as connection:
                connection.sendall(_head("/api/relay/ws", *WEBSOCKET, method="GET"))
                assert _answer(connection).startswith(b"HTTP/1.1 101 ")
                connection.sendall(_text_frame(LOGIN))
                (line,) = wait_until(lambda: _events(started, "relay.connect_refused"), "the refusal to be logged")
        assert line["address"] == PROXIED
    finally:
        started.kill()
