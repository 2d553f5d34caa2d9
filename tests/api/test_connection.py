"""What a client that nobody knows can make a connection keep, and for how long."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import uvicorn
from uvicorn.server import ServerState

from heliograph.api.connection import guarded

HEAD_MAX = 2048
SHORT_SECONDS = 0.2
LONG_SECONDS = 600.0
WAIT_SECONDS = 10.0

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
async def _connected(seconds: float, keep_alive: int = 75, app: Any = _echo) -> AsyncIterator[Streams]:
    protocol = guarded(HEAD_MAX, seconds)
    config = uvicorn.Config(app, http=protocol, ws="none", log_config=None, timeout_keep_alive=keep_alive)
    state = ServerState()
    server = await asyncio.get_running_loop().create_server(
        lambda: protocol(config=config, server_state=state, app_state={}), "127.0.0.1", 0
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

    class Watched(guarded(HEAD_MAX, SHORT_SECONDS)):  # type: ignore[misc]  # a class that is made
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
