"""A client's connection: how much of a request's head is kept for it, and how long a request may take to arrive.

Both bounds hold before anybody is known to be who they say, since the head and the body come before the credentials
are looked at. One timer per connection is set again when it goes off, so that a request costs no timer of its own.
"""

import asyncio
import http
from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import unquote

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

LINE_OVERHEAD = 4
"""The bytes of a header's line beside its name and its value: a colon, a blank, and the line's end."""


UPGRADED = ("/", "/api/relay/ws")
"""Where a WebSocket is to be had (contract, section 10)."""

Upgraded = Callable[[str, Sequence[tuple[bytes, bytes]], str], asyncio.Protocol]
"""(path, headers, the peer's address) → the protocol that has the connection from then on."""


class GuardedConnection(HttpToolsProtocol):
    """uvicorn's connection with bounds; `guarded` sets them.

    A request's head with more than `max_header_bytes` is answered with 431. One that has not arrived in full
    `request_seconds` after its first byte is answered with 408, and a connection on which nothing was sent for so long
    since it was made is closed. An answer of which the client takes nothing for so long goes with its connection.
    Between requests uvicorn's own `timeout_keep_alive` holds. One that asks for a WebSocket where there is one is
    handed on; anywhere else that wish is ignored.
    """

    max_header_bytes: int
    request_seconds: float
    upgraded: Upgraded | None

    def __init__(self, *args: Any, **others: Any) -> None:
        super().__init__(*args, **others)
        self._in_head = True
        self._head_bytes = 0
        self._chunk_bytes = 0
        self._head_too_large = False
        self._arriving_since: float | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._unread_bytes = 0
        self._unread_since = 0.0
        self._upgrades = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        super().connection_made(transport)
        self.transport = _WholeAnswers(transport)  # type: ignore[assignment]  # as far as uvicorn uses one
        self._arriving_since = self.loop.time()
        self._timer = self.loop.call_later(self.request_seconds, self._look)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self._chunk_bytes = len(data)
        if self._arriving_since is None:
            self._arriving_since = self.loop.time()
        if self._in_head:
            self._head_bytes += self._chunk_bytes
        super().data_received(data)
        if self._in_head and self._head_bytes > self.max_header_bytes and not self.transport.is_closing():
            self._refuse(http.HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        if self._arriving_since is None:  # behind another request in the same bytes
            self._arriving_since = self.loop.time()

    def on_headers_complete(self) -> None:
        # What came in the same bytes may be the end of another request or this one's body, so then it is measured.
        if self._head_bytes + self._chunk_bytes > self.max_header_bytes and self._size() > self.max_header_bytes:
            self._head_too_large = True
            raise ValueError("the request's head is too large")  # the parser stops, and calls send_400_response
        self._upgrades = self._asks_for_websocket()
        super().on_headers_complete()
        self._in_head = False
        self.headers = _Trailers()

    def on_message_complete(self) -> None:
        super().on_message_complete()
        self._in_head = True
        self._head_bytes = 0
        self._arriving_since = None

    def on_response_complete(self) -> None:
        self.transport.flush()  # type: ignore[attr-defined]  # an answer to HEAD has no body to go with
        super().on_response_complete()

    def _asks_for_websocket(self) -> bool:
        if self.upgraded is None:
            return False
        answering = self.cycle is not None and not self.cycle.response_complete
        asked = self.parser.should_upgrade() and self._get_upgrade() == b"websocket"
        path = unquote(self.url.partition(b"?")[0].decode("latin-1"))
        return asked and not answering and self.parser.get_method() == b"GET" and path in UPGRADED

    def _should_upgrade(self) -> bool:
        return self._upgrades

    def _unsupported_upgrade_warning(self) -> None:
        """The request was answered as if it had not asked."""

    def handle_websocket_upgrade(self) -> None:
        """Let go of the connection; called when the request's head was read."""
        if self.upgraded is None:
            raise RuntimeError("there are no WebSockets here")
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self.connections.discard(self)
        transport = self.transport.unwrapped  # type: ignore[attr-defined]  # of _WholeAnswers
        peer = self.client[0] if self.client else ""
        protocol = self.upgraded(self.url.decode("latin-1"), list(self.scope["headers"]), peer)
        transport.set_protocol(protocol)
        protocol.connection_made(transport)

    def send_400_response(self, msg: str) -> None:
        if self._head_too_large:
            self._refuse(http.HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
        else:
            super().send_400_response(msg)

    def _size(self) -> int:
        return len(self.url) + sum(len(name) + len(value) + LINE_OVERHEAD for name, value in self.headers)

    def _look(self) -> None:
        """Close the connection where a request is overdue; else look again when one could be. Nobody waits for a client
        that reads nothing, not even to close."""
        now = self.loop.time()
        if self._is_unread(now):
            self.transport.abort()
            return
        if self._arriving_since is not None and self.flow.read_paused:
            self._arriving_since = now  # it is this server that keeps the rest of the request waiting
        since = now if self._arriving_since is None else self._arriving_since
        if since + self.request_seconds > now:
            self._timer = self.loop.call_at(since + self.request_seconds, self._look)
            return
        if not self.transport.is_closing():
            self._give_up()
        self._timer = self.loop.call_later(self.request_seconds, self._look)

    def _is_unread(self, now: float) -> bool:
        """Whether the client has taken nothing for too long of what waits for it."""
        waiting = self.transport.get_write_buffer_size()
        if waiting != self._unread_bytes:
            self._unread_bytes, self._unread_since = waiting, now
        return waiting > 0 and now - self._unread_since >= self.request_seconds

    def _give_up(self) -> None:
        answering = self.cycle is not None and not self.cycle.response_complete
        if answering and not self.cycle.more_body:
            self.cycle.keep_alive = False  # the request before is answered first; its answer closes the connection
        elif (answering and self.cycle.response_started) or self.pipeline or not self._head_bytes:
            self.transport.close()
        else:
            self._refuse(http.HTTPStatus.REQUEST_TIMEOUT)

    def _refuse(self, status: http.HTTPStatus) -> None:
        """Answer with the status alone, and close: what else comes on this connection can't be told apart."""
        line = f"HTTP/1.1 {status.value} {status.phrase}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
        self.transport.write(line.encode("ascii"))
        self.transport.close()


class _WholeAnswers:
    """A transport that keeps an answer's head back until its body comes, so that both leave in one system call: uvicorn
    writes them apart."""

    __slots__ = ("_head", "_transport")

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._head = b""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    @property
    def unwrapped(self) -> asyncio.Transport:
        """The transport itself, for who writes no answers of HTTP."""
        return self._transport

    def write(self, data: bytes) -> None:
        head, self._head = self._head, b""
        if head:
            self._transport.writelines((head, data))
        elif data.startswith(b"HTTP/1.1 ") and not data.startswith(b"HTTP/1.1 100 "):
            self._head = data
        else:
            self._transport.write(data)

    def flush(self) -> None:
        head, self._head = self._head, b""
        if head:
            self._transport.write(head)

    def is_closing(self) -> bool:
        return self._transport.is_closing()

    def close(self) -> None:
        self.flush()
        self._transport.close()


class _Trailers(list[tuple[bytes, bytes]]):
    """Where the headers behind a chunked body go, which nobody reads: they are not kept."""

    def append(self, item: tuple[bytes, bytes], /) -> None:
        return


def guarded(max_header_bytes: int, request_seconds: float, upgraded: Upgraded | None = None) -> type[GuardedConnection]:
    """The connections of a server with these bounds, as uvicorn takes them."""
    values = {
        "max_header_bytes": max_header_bytes,
        "request_seconds": request_seconds,
        "upgraded": upgraded and staticmethod(upgraded),
    }
    return type("GuardedConnection", (GuardedConnection,), values)
