"""What a client that nobody knows can make a connection keep, and for how long."""

import asyncio
import gc
import socket
import weakref
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import pytest
import uvicorn
from uvicorn.server import ServerState

from heliograph.api.connection import ConnectionSettings, GuardedConnection, guarded
from heliograph.core.networks import Networks, parse_networks
from heliograph.net.admission import Admission, Place
from heliograph.net.listener import READ_OCTETS, Client, Listener, ListenerSettings, SmallReads

HEAD_MAX = 2048
FIELDS_MAX = 50
SHORT_SECONDS = 0.2
LONG_SECONDS = 600.0
WAIT_SECONDS = 10.0


def _guarded(seconds: float) -> type[GuardedConnection]:
    return guarded(ConnectionSettings(max_header_bytes=HEAD_MAX, max_header_fields=FIELDS_MAX, request_seconds=seconds))


Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def _echo(scope: Any, receive: Any, send: Any) -> None:
    """Answers with the number of the body's bytes."""
    size, more = 0, True
    while more:
        event = await receive()
        if event["type"] == "http.disconnect":
            return
        size, more = size + len(event.get("body", b"")), event.get("more_body", False)
    text = str(size).encode()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(text))]})
    await send({"type": "http.response.body", "body": text})


@asynccontextmanager
async def _connected(
    seconds: float, keep_alive: int = 75, app: Any = _echo, protocol: type[GuardedConnection] | None = None
) -> AsyncIterator[Streams]:
    protocol = protocol or _guarded(seconds)
    config = uvicorn.Config(app, http=protocol, ws="none", log_config=None, timeout_keep_alive=keep_alive)
    state = ServerState()
    server = await asyncio.get_running_loop().create_server(
        lambda: SmallReads(protocol(config=config, server_state=state, app_state={})), "127.0.0.1", 0
    )
    async with server:
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        try:
            yield reader, writer
        finally:
            writer.close()
            await writer.wait_closed()


async def _rest(reader: asyncio.StreamReader) -> bytes:
    """All that is sent until the server closes."""
    return await asyncio.wait_for(reader.read(), WAIT_SECONDS)


async def _answer(reader: asyncio.StreamReader) -> bytes:
    """One answer: its head and the one byte or more of its body."""
    head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), WAIT_SECONDS)
    length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
    return head + await asyncio.wait_for(reader.readexactly(length), WAIT_SECONDS)


def _head(size: int, ending: bytes = b"\r\n\r\n") -> bytes:
    return b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"x" * size + ending


@pytest.mark.parametrize("keep_alive", [75, 0], ids=["kept", "closing"])
async def test_an_answer_that_nobody_reads_is_not_kept(keep_alive: int) -> None:
    gone = asyncio.Event()
    sent = b"x" * 20_000_000

    async def large(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(sent))]})
        await send({"type": "http.response.body", "body": sent})

    class Watched(_guarded(SHORT_SECONDS)):  # type: ignore[misc]  # a class that is made
        def connection_lost(self, exc: Exception | None) -> None:
            super().connection_lost(exc)
            gone.set()

    config = uvicorn.Config(large, http=Watched, ws="none", log_config=None, timeout_keep_alive=keep_alive)
    state = ServerState()
    server = await asyncio.get_running_loop().create_server(
        lambda: Watched(config=config, server_state=state, app_state={}), "127.0.0.1", 0
    )
    async with server:
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        writer.write(_head(3))
        assert (await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), WAIT_SECONDS)).startswith(b"HTTP/1.1 200 ")
        await asyncio.wait_for(gone.wait(), WAIT_SECONDS)
        writer.close()


async def test_an_answer_that_is_read_slowly_is_sent_to_its_end() -> None:
    """It takes more than twice as long as a client may take nothing; that is long enough for a busy machine."""
    seconds = 2.0
    size = 20_000_000

    async def large(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % size)]})
        await send({"type": "http.response.body", "body": b"x" * size})

    async with _connected(seconds, app=large) as (reader, writer):
        writer.write(_head(3))
        await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), WAIT_SECONDS)
        for _ in range(20):
            await asyncio.wait_for(reader.readexactly(size // 20), WAIT_SECONDS)
            await asyncio.sleep(seconds / 8)


@pytest.mark.parametrize(
    "head", [_head(HEAD_MAX), _head(HEAD_MAX, b""), _head(3, b"\r\n" + b"Y: y\r\n" * 400 + b"\r\n")]
)
async def test_a_head_that_is_too_large_is_refused(head: bytes) -> None:
    async with _connected(LONG_SECONDS) as (reader, writer):
        writer.write(head)
        assert (await _rest(reader)).startswith(b"HTTP/1.1 431 ")


async def test_a_head_that_grows_too_large_behind_another_request_is_refused() -> None:
    async with _connected(LONG_SECONDS) as (reader, writer):
        writer.write(_head(3))
        assert (await _answer(reader)).startswith(b"HTTP/1.1 200 ")
        writer.write(_head(HEAD_MAX // 2, b"\r\n"))
        await writer.drain()
        writer.write(b"Y: " + b"y" * HEAD_MAX)
        assert (await _rest(reader)).startswith(b"HTTP/1.1 431 ")


async def test_a_large_body_behind_a_small_head_is_none_of_it() -> None:
    size = 100 * HEAD_MAX
    async with _connected(LONG_SECONDS) as (reader, writer):
        for _ in range(2):
            writer.write(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % size + b"x" * size)
            assert (await _answer(reader)).endswith(b"%d" % size)


async def test_many_small_requests_in_one_piece_are_all_answered() -> None:
    async with _connected(LONG_SECONDS) as (reader, writer):
        writer.write(_head(100) * 50)
        for _ in range(50):
            assert (await _answer(reader)).startswith(b"HTTP/1.1 200 ")


async def test_headers_behind_a_chunked_body_are_not_kept() -> None:
    trailers = b"Z: z\r\n" * HEAD_MAX
    async with _connected(LONG_SECONDS) as (reader, writer):
        writer.write(
            b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n" + trailers + b"\r\n"
        )
        assert (await _answer(reader)).endswith(b"1")


async def test_a_connection_on_which_nothing_comes_is_closed() -> None:
    async with _connected(SHORT_SECONDS) as (reader, _):
        assert await _rest(reader) == b""


@pytest.mark.parametrize(
    "start",
    [b"G", b"GET / HTTP/1.1\r\nHost: a\r\n", b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nabc", b"\r\n"],
)
async def test_a_request_that_does_not_end_is_given_up(start: bytes) -> None:
    async with _connected(SHORT_SECONDS) as (reader, writer):
        writer.write(start)
        assert (await _rest(reader)).startswith(b"HTTP/1.1 408 ")


@pytest.mark.parametrize("start", [b"\r\n", b"GET / HT"])
async def test_so_is_one_behind_another(start: bytes) -> None:
    async with _connected(SHORT_SECONDS) as (reader, writer):
        writer.write(_head(3))
        await _answer(reader)
        writer.write(start)
        assert (await _rest(reader)).startswith(b"HTTP/1.1 408 ")


async def test_an_idle_connection_stays_as_long_as_it_is_kept_alive() -> None:
    async with _connected(0.05, keep_alive=1) as (reader, writer):
        started = asyncio.get_running_loop().time()
        writer.write(_head(3))
        await _answer(reader)
        assert await _rest(reader) == b""
        assert asyncio.get_running_loop().time() - started > 0.9


async def test_an_answer_without_a_body_is_sent_too() -> None:
    async with _connected(LONG_SECONDS) as (reader, writer):
        for _ in range(2):
            writer.write(b"HEAD / HTTP/1.1\r\nHost: a\r\n\r\n")
            head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), WAIT_SECONDS)
            assert head.startswith(b"HTTP/1.1 200 OK\r\n")


async def test_who_asks_whether_to_go_on_is_told_at_once() -> None:
    async with _connected(LONG_SECONDS) as (reader, writer):
        writer.write(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n")
        told = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), WAIT_SECONDS)
        assert told == b"HTTP/1.1 100 Continue\r\n\r\n"
        writer.write(b"ok")
        assert (await _answer(reader)).endswith(b"\r\n\r\n2")


# -- requests that HTTP does not allow


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"GET /\r\n\r\n", 400),
        (b"GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505),
        (b"GET / HTTP/3.0\r\nHost: a\r\n\r\n", 505),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nX: y\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400),
        (b"GET / HTTP/1.0\r\nHost: a\r\nhost: b\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: user@a\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400),
        (b"CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n", 501),
        (
            b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n",
            400,
        ),
        (b"GET / HTTP/1.1\nHost: a\n\n", 400),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\n" + b"Y: y\r\n" * FIELDS_MAX + b"\r\n", 431),
    ],
)
async def test_invalid_request_is_refused_by_the_connection(request_: bytes, status: int) -> None:
    async def unreached(scope: Any, receive: Any, send: Any) -> None:
        raise AssertionError(scope)

    async with _connected(LONG_SECONDS, app=unreached) as (reader, writer):
        writer.write(request_)
        assert (await _rest(reader)).startswith(b"HTTP/1.1 %d " % status)


@pytest.mark.parametrize(
    "request_",
    [
        b"GET / HTTP/1.0\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost:\r\nConnection: close\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: [::1]:80\r\nConnection: close\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a.b-c_d:8080\r\nConnection: close\r\n\r\n",
        b"\r\nGET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
    ],
)
async def test_valid_host_is_served(request_: bytes) -> None:
    async with _connected(LONG_SECONDS) as (reader, writer):
        writer.write(request_)
        assert (await _rest(reader)).startswith(b"HTTP/1.1 200 ")


# -- pipelining


async def test_requests_behind_one_that_is_being_answered_are_not_parsed() -> None:
    """However many arrive, one is with the application and at most one read is kept."""
    begun = 0
    go_on = asyncio.Event()

    async def slow(scope: Any, receive: Any, send: Any) -> None:
        nonlocal begun
        begun += 1
        await go_on.wait()
        await _echo(scope, receive, send)

    kept: list[GuardedConnection] = []

    class Watched(_guarded(LONG_SECONDS)):  # type: ignore[misc]  # a class that is made
        def __init__(self, *args: Any, **others: Any) -> None:
            super().__init__(*args, **others)
            kept.append(self)

    requests = 1_000_000
    async with _connected(LONG_SECONDS, app=slow, protocol=Watched) as (reader, writer):
        writer.write(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n" * requests)
        with pytest.raises(TimeoutError):  # it waits for the server to read, in vain
            await asyncio.wait_for(writer.drain(), 1.0)
        (connection,) = kept
        assert begun == 1
        assert (len(connection.pipeline), len(connection._held) <= READ_OCTETS) == (0, True)
        go_on.set()
        for _ in range(1000):
            assert (await _answer(reader)).endswith(b"\r\n\r\n0")
        assert (len(connection.pipeline), len(connection._held) <= READ_OCTETS) == (0, True)
        writer.transport.abort()


BODIES = [
    b"GET /1 HTTP/1.1\r\nHost: a\r\n\r\n",
    b"POST /2 HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n\r\n\r\nGET /",
    b"\r\nPOST /3 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"5\r\nabcde\r\n8;x=y\r\n\r\n\r\nabcd\r\n0\r\nT: t\r\n\r\n",
    b"POST /4 HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAEA\r\n"
    b"Content-Length: 3\r\n\r\nabc",
    b"HEAD /5 HTTP/1.1\r\nHost: a\r\n\r\n",
    b"POST /6 HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n",
    b"POST /7 HTTP/1.1\r\nHost: a\r\nContent-Length: 700\r\n\r\n" + b"\r\n\r\n" * 175,
]
SEEN = [("/1", b""), ("/2", b"\r\n\r\nGET /"), ("/3", b"abcde\r\n\r\nabcd"), ("/4", b"abc"), ("/5", b""), ("/6", b"")]
SEEN += [("/7", b"\r\n\r\n" * 175)]


@pytest.mark.parametrize("size", [1, 2, 3, 5, 16, 200, 100_000])
async def test_requests_are_the_same_in_pieces_of_any_size(size: int) -> None:
    seen: list[tuple[str, bytes]] = []
    done = asyncio.Event()

    async def note(scope: Any, receive: Any, send: Any) -> None:
        body, more = b"", True
        while more:
            event = await receive()
            body, more = body + event["body"], event["more_body"]
        seen.append((scope["path"], body))
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body", "body": b""})
        if len(seen) == len(SEEN):
            done.set()

    octets = b"".join(BODIES)
    protocol = _made(_guarded(LONG_SECONDS), note)
    transport = _Transport()
    protocol.connection_made(transport)
    for at in range(0, len(octets), size):
        protocol.data_received(octets[at : at + size])
    await asyncio.wait_for(done.wait(), WAIT_SECONDS)
    assert seen == SEEN
    assert transport.is_read
    protocol.connection_lost(None)


# -- upgrades


def _asks(path: bytes = b"/", body: bytes = b"{}", more: bytes = b"") -> bytes:
    """As java.net.http.HttpClient asks."""
    return (
        b"POST %b HTTP/1.1\r\nConnection: Upgrade, HTTP2-Settings\r\nContent-Length: %d\r\nHost: 127.0.0.1:8080\r\n"
        b"HTTP2-Settings: AAEAAEAAAAIAAAABAAMAAABkAAQBAAAAAAUAAEAA\r\nUpgrade: h2c\r\n"
        b"User-Agent: Java-http-client/17\r\n%b\r\n%b" % (path, len(body), more, body)
    )


@pytest.mark.parametrize("options", [b"Upgrade", b"keep-alive, upgrade", b"UPGRADE , http2-settings"])
@pytest.mark.parametrize("wish", [b"h2c", b"websocket", b"TLS/1.0", b"h2c, foo/2"])
async def test_upgrade_is_ignored_with_its_body_intact(options: bytes, wish: bytes) -> None:
    async with _connected(LONG_SECONDS) as (reader, writer):
        for coding, body in (
            (b"Content-Length: 6", b"abcdef"),
            (b"Transfer-Encoding: chunked", b"6\r\nabcdef\r\n0\r\n\r\n"),
        ):
            writer.write(
                b"POST / HTTP/1.1\r\nHost: a\r\nConnection: %b\r\nUpgrade: %b\r\n%b\r\n\r\n%b"
                % (options, wish, coding, body)
            )
            assert (await _answer(reader)).endswith(b"\r\n\r\n6")


async def test_ignored_upgrade_leaves_the_connection_usable() -> None:
    async with _connected(LONG_SECONDS) as (reader, writer):
        writer.write(_asks(body=b"x" * 100_000) + _asks(body=b"") + _head(3))
        for size in (100_000, 0, 0):
            assert (await _answer(reader)).endswith(b"\r\n\r\n%d" % size)


async def test_ignored_upgrade_of_a_client_that_closes_is_closed() -> None:
    async with _connected(LONG_SECONDS) as (reader, writer):
        writer.write(_asks().replace(b"Connection: Upgrade", b"Connection: close, Upgrade"))
        assert (await _rest(reader)).endswith(b"\r\n\r\n2")


async def test_headers_of_an_ignored_upgrade_reach_the_application() -> None:
    seen: list[tuple[bytes, bytes]] = []

    async def note(scope: Any, receive: Any, send: Any) -> None:
        seen.extend(scope["headers"])
        await _echo(scope, receive, send)

    async with _connected(LONG_SECONDS, app=note) as (reader, writer):
        writer.write(_asks(more=b"X-Latin: \xe9\r\n"))
        await _answer(reader)
    names = [name for name, _ in seen]
    assert (b"x-latin", b"\xe9") in seen
    assert (names.count(b"host"), b"upgrade" in names, b"http2-settings" in names) == (1, False, False)


# -- bodies that nobody wants


async def _unwelcome(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 401, "headers": [(b"content-length", b"0")]})
    await send({"type": "http.response.body", "body": b""})


async def test_client_that_is_refused_before_its_body_is_not_invited_to_send_it() -> None:
    """What follows may be the body or another request: the connection is closed (RFC 9110, section 10.1.1)."""
    async with _connected(LONG_SECONDS, app=_unwelcome) as (reader, writer):
        writer.write(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 40\r\nExpect: 100-continue\r\n\r\n")
        answer = await _rest(reader)
        assert answer.startswith(b"HTTP/1.1 401 ")
        assert b"connection: close" in answer


async def test_connection_that_was_answered_before_its_body_is_closed_when_idle() -> None:
    async with _connected(LONG_SECONDS, keep_alive=1, app=_unwelcome) as (reader, writer):
        writer.write(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n")
        await _answer(reader)
        writer.write(b"ok")
        assert await _rest(reader) == b""


async def test_connection_goes_on_behind_an_invited_body() -> None:
    async with _connected(LONG_SECONDS) as (reader, writer):
        for _ in range(2):
            writer.write(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nExpect: 100-Continue\r\n\r\n")
            await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), WAIT_SECONDS)
            writer.write(b"ok")
            assert (await _answer(reader)).endswith(b"\r\n\r\n2")


# -- afterwards


@pytest.mark.parametrize("reset", [False, True])
@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"GET / HTT",
        b"GET / HTTP/1.1\r\nHost: a\r\n\r\n" * 300,
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nab",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\nExpect: 100-continue\r\n\r\nab",
        b"nonsense\r\n\r\n",
    ],
)
async def test_closed_connection_is_freed_without_the_collector(sent: bytes, reset: bool) -> None:
    protocol = _made(_guarded(LONG_SECONDS), _echo)
    gone = weakref.ref(protocol)
    collecting = gc.isenabled()
    gc.disable()
    try:
        protocol.connection_made(_Transport())
        if sent:
            protocol.data_received(sent)
        for _ in range(20):
            await asyncio.sleep(0)
        protocol.connection_lost(ConnectionResetError() if reset else None)
        del protocol
        for _ in range(20):
            await asyncio.sleep(0)
        assert gone() is None
    finally:
        if collecting:
            gc.enable()


class _Transport(asyncio.Transport):
    """Takes what is written, and remembers whether the connection is read."""

    def __init__(self) -> None:
        super().__init__()
        self.is_read = True
        self.written = b""
        self._is_closing = False

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return ("127.0.0.1", 1) if name in ("peername", "sockname") else default

    def pause_reading(self) -> None:
        self.is_read = False

    def resume_reading(self) -> None:
        self.is_read = True

    def write(self, data: Any) -> None:
        self.written += data

    def get_write_buffer_size(self) -> int:
        return 0

    def is_closing(self) -> bool:
        return self._is_closing

    def close(self) -> None:
        self._is_closing = True

    def abort(self) -> None:
        self._is_closing = True


def _made(protocol: type[GuardedConnection], app: Any) -> GuardedConnection:
    config = uvicorn.Config(app, http=protocol, ws="none", log_config=None)
    return protocol(config=config, server_state=ServerState(), app_state={})


# -- behind a proxy

LOCAL = parse_networks(["127.0.0.0/8"])


@dataclass
class _Front:
    """A listener with connections behind a trusted proxy; what the application saw of each request's client."""

    address: tuple[str, int]
    admission: Admission
    clients: list[str]
    https: list[None]
    go_on: asyncio.Event
    writers: list[asyncio.StreamWriter] = field(default_factory=list)

    async def ask(self, *headers: bytes) -> Streams:
        reader, writer = await asyncio.open_connection(*self.address)
        self.writers.append(writer)
        writer.write(b"\r\n".join([b"GET / HTTP/1.1", b"Host: a", *headers, b"", b""]))
        return reader, writer


@asynccontextmanager
async def _behind_proxy(address_max: int = 0, trusted: Networks = LOCAL) -> AsyncIterator[_Front]:
    admission = Admission(total_max=100, address_max=address_max, sockets_max=100, beside=lambda: 0)
    go_on = asyncio.Event()
    go_on.set()
    clients: list[str] = []
    https: list[None] = []

    async def note(scope: Any, receive: Any, send: Any) -> None:
        clients.append(scope["client"][0])
        await go_on.wait()
        await _echo(scope, receive, send)

    protocol = guarded(
        ConnectionSettings(
            max_header_bytes=HEAD_MAX,
            max_header_fields=FIELDS_MAX,
            request_seconds=LONG_SECONDS,
            trusted_proxies=trusted,
            admission=admission,
            https_forwarded=lambda: https.append(None),
        )
    )
    config = uvicorn.Config(note, http=protocol, ws="none", log_config=None, proxy_headers=False)
    state = ServerState()

    def connected(client: Client, place: Place) -> asyncio.Protocol:
        return protocol(config=config, server_state=state, app_state={}, accepted=client, place=place)

    settings = ListenerSettings(backlog=10, opening_seconds=WAIT_SECONDS, trusted_proxies=trusted)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listener = Listener(listening, connected, admission, settings)
        listener.start()
        try:
            front = _Front(listening.getsockname(), admission, clients, https, go_on)
            yield front
        finally:
            for writer in front.writers:
                writer.transport.abort()
                with suppress(ConnectionError):
                    await writer.wait_closed()
            listener.close()
            await listener.wait_closed()
            for connection in list(state.connections):
                connection.transport.abort()


async def test_requests_of_a_trusted_proxy_have_their_own_clients() -> None:
    async with _behind_proxy() as front:
        reader, writer = await front.ask(b"X-Forwarded-For: 203.0.113.1, 198.51.100.7", b"X-Forwarded-Proto: https")
        await _answer(reader)
        writer.write(b"GET / HTTP/1.1\r\nHost: a\r\nForwarded: for=198.51.100.8\r\n\r\n")
        await _answer(reader)
        writer.write(b"GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: nonsense\r\n\r\n")
        await _answer(reader)
        assert front.clients == ["198.51.100.7", "198.51.100.8", "127.0.0.1"]
        assert len(front.https) == 1
        writer.close()


async def test_headers_of_a_stranger_are_not_believed() -> None:
    async with _behind_proxy(trusted=Networks()) as front:
        reader, writer = await front.ask(b"X-Forwarded-For: 198.51.100.7", b"X-Forwarded-Proto: https")
        await _answer(reader)
        assert (front.clients, front.https) == (["127.0.0.1"], [])
        writer.close()


async def test_requests_in_work_are_limited_by_client_behind_a_proxy() -> None:
    async with _behind_proxy(address_max=2) as front:
        front.go_on.clear()
        mine = [await front.ask(b"X-Forwarded-For: 198.51.100.7") for _ in range(2)]
        while len(front.clients) < len(mine):
            await asyncio.sleep(0)
        refused, _ = await front.ask(b"X-Forwarded-For: 198.51.100.7")
        assert (await _rest(refused)).startswith(b"HTTP/1.1 429 ")
        other, _ = await front.ask(b"X-Forwarded-For: 198.51.100.8")
        front.go_on.set()
        for reader in (other, *(reader for reader, _ in mine)):
            assert (await _answer(reader)).startswith(b"HTTP/1.1 200 ")
        again, _ = await front.ask(b"X-Forwarded-For: 198.51.100.7")
        assert (await _answer(again)).startswith(b"HTTP/1.1 200 ")


async def test_places_are_given_back_with_their_connections() -> None:
    async with _behind_proxy() as front:
        front.go_on.clear()
        _, writer = await front.ask(b"X-Forwarded-For: 198.51.100.7")
        while not front.clients:
            await asyncio.sleep(0)
        assert (len(front.admission), front.admission._by_address["198.51.100.7"]) == (1, 1)
        writer.transport.abort()
        while len(front.admission):
            await asyncio.sleep(0)
        assert not front.admission._by_address
        front.go_on.set()
