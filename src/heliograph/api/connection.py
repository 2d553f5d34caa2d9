"""One HTTP/1.1 connection of a client, with bounds that hold before any credentials are looked at.

Theory of operation:

- **Input** is parsed request by request. `_parse` passes the parser one head, or what belongs to one body, and stops
  while a request is being answered: what follows is held as octets, and the socket is not read. So a connection that
  pipelines occupies one request and one read (`net/listener.py` bounds a read), however much it sends.
- **Heads** are bounded in octets (`max_header_bytes`) and lines (`max_header_fields`): 431. Requests that HTTP does not
  allow (RFC 9112, sections 2.3 and 3.2) get 400 or 505 here, and never reach the application.
- **Time** is bounded by `request_seconds`, with one timer per connection that is set again when it goes off: a request
  costs no timer of its own.
- **Upgrades** other than to a WebSocket, at a path that has one, are ignored (RFC 9110, section 7.8). The parser takes
  whatever follows such a head for another protocol, so the head is parsed a second time without its wish.
- **Afterwards** nothing refers to the connection: `connection_lost` breaks every cycle, since the collector of cycles
  runs rarely (`app._tune_interpreter`).
"""

import asyncio
import http
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol
from urllib.parse import unquote

import httptools
import structlog
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from heliograph.core.networks import Networks
from heliograph.net.admission import Admission, Place
from heliograph.net.listener import Client
from heliograph.wire.proxies import forwarded_client, forwarded_scheme

VOUCH_KEY = "heliograph.vouch"
"""Where the application finds, in the ASGI scope, what it calls once a request's credentials are known to be valid."""

log = structlog.get_logger(__name__)

HEAD_END = b"\r\n\r\n"

CHUNKED_SLICE = 256
"""Octets of a chunked body that are parsed at once. The end of such a body shows only when it is parsed, and then the
rest of the slice is the next requests: 9 of the smallest."""

UPGRADED = ("/", "/api/relay/ws")
"""Where a WebSocket is to be had (contract, section 10); the endpoints page lists them."""


class HeldPlace(Protocol):
    """A place among the connections of an address; released once, by whatever ends the reason to hold it."""

    def release(self) -> None: ...


Upgraded = Callable[[str, Sequence[tuple[bytes, bytes]], str, HeldPlace | None], asyncio.Protocol]
"""(path, headers, the client's address, its place) → the protocol that has the connection and its place from then
on."""

_UPGRADE_FIELDS = frozenset({b"upgrade", b"http2-settings"})
_FRAMING_FIELDS = frozenset({b"host", b"content-length", b"transfer-encoding", b"expect"})
_HOST = re.compile(rb"(?:[A-Za-z0-9._~!$&'()*+,;=%-]*|\[[0-9A-Fa-f:.]+\])(?::[0-9]*)?")
"""RFC 9110, section 7.2: uri-host [ ":" port ]."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionSettings:
    """`admission`: counts the requests of a proxy's clients by address. `upgraded`: None where there are no WebSockets.
    `https_forwarded` is called for a request that a trusted proxy received over HTTPS."""

    max_header_bytes: int
    max_header_fields: int
    request_seconds: float
    trusted_proxies: Networks = field(default_factory=Networks)
    admission: Admission | None = None
    upgraded: Upgraded | None = None
    https_forwarded: Callable[[], None] | None = None


class _RequestRefusedError(Exception):
    """Raised within a callback of the parser: it stops, and `GuardedConnection._status` is the answer."""


class GuardedConnection(HttpToolsProtocol):
    """uvicorn's connection with bounds; `guarded` sets them.

    A request that has not arrived in full `request_seconds` after its first octet is answered with 408, and a
    connection on which nothing was sent for so long since it was made is closed. An answer of which the client takes
    nothing for so long goes with its connection. Between requests `timeout_keep_alive` holds, uvicorn's name for
    `keep_alive_seconds`.
    """

    settings: ConnectionSettings

    def __init__(self, *args: Any, accepted: Client | None = None, place: Place | None = None, **others: Any) -> None:
        """`accepted`, `place`: as the listener knows the client; the rest is uvicorn's."""
        super().__init__(*args, **others)
        self._look_seconds = min(
            self.settings.request_seconds, self.timeout_keep_alive or self.settings.request_seconds
        )
        self._max_header_bytes = self.settings.max_header_bytes
        self._max_header_fields = self.settings.max_header_fields
        self._host = b""
        """The last valid Host: a connection's requests seldom have another."""
        self._idle_since: float | None = None
        """When the last answer was complete; None before the first one and during a request."""
        self._accepted = accepted
        self._place = place
        self._is_stranger = place is not None
        self._request_place: HeldPlace | None = None
        """Of the request that is being answered, where a proxy passed it on."""
        self._in_head = True
        self._head_bytes = 0
        self._head_tail = b""
        """The last octets of an unfinished head, which may be the beginning of its end."""
        self._body_left: int | None = 0
        """Octets of the request's body that are not parsed yet; None for a chunked body."""
        self._held = b""
        """What arrived behind a request that is being answered; the socket is not read while this is not empty."""
        self._status = http.HTTPStatus.BAD_REQUEST
        """The answer to a request that the parser or a check refuses."""
        self._arriving_since: float | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._unread_bytes = 0
        self._unread_since = 0.0
        self._upgrades = False
        self._is_upgrade_ignored = False
        self._keeps_alive = True
        """Whether the connection goes on behind a request once its client is invited to send the body."""
        self._successor: asyncio.Protocol | None = None
        self._is_proxy = accepted is not None and accepted.is_proxy

    # -- the transport's events

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        super().connection_made(transport)
        self.flow = _Flow(transport)
        self.transport = _WholeAnswers(transport, self._invited)  # type: ignore[assignment]  # as far as uvicorn uses one
        if self._accepted is not None:
            self.client = (self._accepted.address, self._accepted.port)
        if self._place is not None:
            self._place.occupant = self
        self._arriving_since = self.loop.time()
        self._timer = self.loop.call_later(self._look_seconds, self._look)

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_timers()
        super().connection_lost(exc)
        self._held = b""
        self._release_places()
        self.transport.forget()  # type: ignore[attr-defined]  # of _WholeAnswers
        self.pipeline.clear()
        self.headers, self.scope = [], None  # type: ignore[assignment]
        self.cycle = None  # type: ignore[assignment]  # as before the first request

    def data_received(self, data: bytes) -> None:
        if self._held or self._is_busy():
            self._hold(data)
        else:
            self._parse(data)

    # -- input

    def _is_busy(self) -> bool:
        """Whether the next request has to wait, since one that has arrived is not answered yet."""
        return self._in_head and self.cycle is not None and not self.cycle.response_complete

    def _hold(self, data: bytes) -> None:
        self._held += data
        self.flow.hold()  # type: ignore[attr-defined]  # of _Flow

    def _parse_held(self) -> None:
        if self._is_busy() or self.transport.is_closing():
            return
        data, self._held = self._held, b""
        self._parse(data)
        if not self._held and self._successor is None and not self.transport.is_closing():
            self.flow.release()  # type: ignore[attr-defined]  # of _Flow

    def _parse(self, data: bytes) -> None:
        """Pass on what has arrived, in pieces that end where a head or a body does."""
        self._idle_since = None
        if self._arriving_since is None:
            self._arriving_since = self.loop.time()
        at, size = 0, len(data)
        while at < size:
            if self._in_head:
                if at and self._is_busy():
                    self._hold(data[at:])
                    return
                end = self._head_end(data, at, size)
                self._head_bytes += end - at
                if self._head_bytes > self._max_header_bytes:
                    self._refuse(http.HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
                    return
            else:
                left = CHUNKED_SLICE if self._body_left is None else self._body_left
                end = min(size, at + max(left, 1))
            at += self._feed(data if end - at == size else data[at:end])
            if at < size and self.transport.is_closing():
                return
            if self._successor is not None:
                self._hand_on(self._successor, data[at:])
                return
        if self._in_head and len(self.headers or ()) > self._max_header_fields and not self.transport.is_closing():
            self._refuse(http.HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)

    def _head_end(self, data: bytes, at: int, size: int) -> int:
        tail = self._head_tail
        if tail:
            self._head_tail = b""
            found = (tail + data[at : at + len(HEAD_END) - 1]).find(HEAD_END)
            if found >= 0:
                return at + found + len(HEAD_END) - len(tail)
        found = data.find(HEAD_END, at)
        if found >= 0:
            return found + len(HEAD_END)
        self._head_tail = (tail + data[at:])[1 - len(HEAD_END) :]
        return size

    def _feed(self, piece: bytes) -> int:
        """The number of octets that were parsed; refuses the request where they are invalid."""
        try:
            self.parser.feed_data(piece)
        except httptools.HttpParserUpgrade as upgrade:
            parsed: int = upgrade.args[0]
            if self._is_upgrade_ignored:
                self._is_upgrade_ignored = False
                self._feed(self._head_without_upgrade())
            else:
                self.handle_websocket_upgrade()
            return parsed
        except httptools.HttpParserError as error:
            # llhttp tells an unknown version, and HTTP/2's preface, by its message alone
            if any(word in str(error) for word in ("HTTP version", "PRI/Upgrade")):
                self._status = http.HTTPStatus.HTTP_VERSION_NOT_SUPPORTED
            self._refuse(self._status)
        return len(piece)

    # -- the parser's events

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        self._check_head()
        if self.parser.should_upgrade():
            self._upgrades = self._asks_for_websocket()
            if not self._upgrades:
                self._ignore_upgrade()
                return
        if self._is_proxy:
            self._note_client()
        elif self._is_stranger:
            self.scope[VOUCH_KEY] = self._vouch  # type: ignore[literal-required]  # one of ours
        super().on_headers_complete()
        self._in_head = False
        self.headers = _Trailers()
        if self.expect_100_continue and self.cycle is not None:
            # A client that is not invited to send its body may send it or not: the connection can't be used again.
            self._keeps_alive, self.cycle.keep_alive = self.cycle.keep_alive, False

    def on_body(self, body: bytes) -> None:
        if self._body_left is not None:
            self._body_left -= len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        if self._is_upgrade_ignored:
            return
        super().on_message_complete()
        self._in_head = True
        self._head_bytes = 0
        self._arriving_since = None
        if self.cycle is not None and self.cycle.response_complete:  # it was answered before its body had come
            self._idle_since = self.loop.time()

    def on_response_complete(self) -> None:
        """As uvicorn's, without a timer of its own for each answer: `_look` sees to idle connections."""
        self.transport.flush()  # type: ignore[attr-defined]  # an answer to HEAD has no body to go with
        self.server_state.total_requests += 1
        if self._request_place is not None:
            self._request_place.release()
            self._request_place = None
        if self.transport.is_closing():
            return
        self.flow.resume_reading()
        if self.pipeline:
            cycle, app = self.pipeline.pop()
            self._start_asgi_task(cycle, app)
        elif self._held:
            self.loop.call_soon(self._parse_held)
        elif self._arriving_since is None:
            self._idle_since = self.loop.time()

    def _check_head(self) -> None:
        """Refuse what RFC 9112 does not allow, and note how long the body is."""
        version = self._check_size_and_version()
        hosts = 0
        self._body_left = 0
        for name, value in self.headers:
            if name not in _FRAMING_FIELDS:
                continue
            if name == b"host":
                hosts += 1
                if value != self._host:
                    self._check_host(value)
            elif name == b"content-length":
                self._body_left = int(value)  # the parser has checked that there is one, of digits
            elif name == b"transfer-encoding":
                self._body_left = None
            elif name == b"expect" and value.lower() == b"100-continue" and version == "1.1":
                self.expect_100_continue = True
        if hosts != 1 and (hosts or version == "1.1"):
            self._deny(http.HTTPStatus.BAD_REQUEST)

    def _check_size_and_version(self) -> str:
        if len(self.headers) > self._max_header_fields:
            self._deny(http.HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
        version: str = self.parser.get_http_version()
        if version not in ("1.1", "1.0"):
            is_old = version == "0.9"
            self._deny(http.HTTPStatus.BAD_REQUEST if is_old else http.HTTPStatus.HTTP_VERSION_NOT_SUPPORTED)
        return version

    def _check_host(self, value: bytes) -> None:
        if not _HOST.fullmatch(value):
            self._deny(http.HTTPStatus.BAD_REQUEST)
        self._host = value

    def _deny(self, status: http.HTTPStatus) -> None:
        self._status = status
        raise _RequestRefusedError

    def _note_client(self) -> None:
        """Put the client that the trusted proxy names into the request's scope."""
        peer = self.client[0] if self.client else ""
        client = forwarded_client(self.headers, peer, self.settings.trusted_proxies)
        if client != peer:
            self.scope["client"] = (client, 0)
        if self.settings.admission is not None and self._request_place is None:
            self._request_place = self.settings.admission.admit_request(client)
            if self._request_place is None:
                self._deny(http.HTTPStatus.TOO_MANY_REQUESTS)
        if self.settings.https_forwarded is not None and forwarded_scheme(self.headers) == "https":
            self.settings.https_forwarded()

    # -- upgrades

    def _asks_for_websocket(self) -> bool:
        path = unquote(self.url.partition(b"?")[0].decode("latin-1"))
        asked = self.parser.get_method() == b"GET" and self._get_upgrade() == b"websocket"
        return self.settings.upgraded is not None and asked and path in UPGRADED and not self._is_answering()

    def _is_answering(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _ignore_upgrade(self) -> None:
        """Have the head parsed again. CONNECT is no wish but the request itself, and not served."""
        if self.parser.get_method() == b"CONNECT":
            self._deny(http.HTTPStatus.NOT_IMPLEMENTED)
        self._is_upgrade_ignored = True

    def _head_without_upgrade(self) -> bytes:
        """The head that was just parsed, less its wish for another protocol; a new parser is ready for it."""
        method, version = self.parser.get_method(), self.parser.get_http_version()
        self.parser = httptools.HttpRequestParser(self)
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)  # as uvicorn does
        lines = [b"%b %b HTTP/%b" % (method, self.url, version.encode())]
        for name, value in self.headers:
            if name == b"connection":
                options = [option.strip() for option in value.split(b",")]
                value = b", ".join(option for option in options if option.lower() not in _UPGRADE_FIELDS)
            if name not in _UPGRADE_FIELDS:
                lines.append(name + b": " + value)
        return b"\r\n".join(lines) + HEAD_END

    def _should_upgrade(self) -> bool:
        return self._upgrades

    def handle_websocket_upgrade(self) -> None:
        """Make the protocol that gets the connection."""
        if self.settings.upgraded is None:
            raise RuntimeError("there are no WebSockets here")
        address = self.scope["client"][0] if self.scope["client"] else ""
        place = self._request_place or self._place
        self._successor = self.settings.upgraded(
            self.url.decode("latin-1"), list(self.scope["headers"]), address, place
        )

    def _hand_on(self, successor: asyncio.Protocol, data: bytes) -> None:
        """Let go of the connection. Reading pauses, since a transport that reads into buffers can't change over."""
        self._stop_timers()
        self.connections.discard(self)
        if self._request_place is not None and self._place is not None:
            self._place.release()
        transport = self.transport.unwrapped  # type: ignore[attr-defined]  # of _WholeAnswers
        self.parser = None  # type: ignore[assignment]  # as uvicorn leaves it
        transport.pause_reading()
        transport.set_protocol(successor)
        transport.resume_reading()
        successor.connection_made(transport)
        if data and not transport.is_closing():
            successor.data_received(data)

    # -- as the occupant of its place

    def _vouch(self) -> None:
        """A request had valid credentials."""
        self._is_stranger = False
        if self._place is not None:
            self._place.vouch()

    def is_being_answered(self) -> bool:
        return self._is_answering()

    def evict(self) -> None:
        self.transport.abort()

    def _release_places(self) -> None:
        for place in (self._place, self._request_place):
            if place is not None:
                place.release()

    # -- time

    def _stop_timers(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look(self) -> None:
        """Close the connection where a request is overdue or none came for too long; else look again when either could
        be. Nobody waits for a client that reads nothing, not even to close."""
        now = self.loop.time()
        if self._is_unread(now):
            self.transport.abort()
            return
        if self._arriving_since is not None and self.flow.read_paused:
            self._arriving_since = now  # it is this server that keeps the rest of the request waiting
        if self._idle_since is not None:
            due = self._idle_since + self.timeout_keep_alive
        else:
            due = (now if self._arriving_since is None else self._arriving_since) + self.settings.request_seconds
        if due <= now and not self.transport.is_closing():
            self._give_up()
        next_look = now + self._look_seconds
        self._timer = self.loop.call_at(min(due, next_look) if due > now else next_look, self._look)

    def _is_unread(self, now: float) -> bool:
        """Whether the client has taken nothing for too long of what waits for it."""
        waiting = self.transport.get_write_buffer_size()
        if waiting != self._unread_bytes:
            self._unread_bytes, self._unread_since = waiting, now
        return waiting > 0 and now - self._unread_since >= self.settings.request_seconds

    def _give_up(self) -> None:
        answering = self._is_answering()
        if answering and not self.cycle.more_body:
            self.cycle.keep_alive = False  # the request before is answered first; its answer closes the connection
        elif not self._head_bytes:
            self.transport.close()
        else:
            self._refuse(http.HTTPStatus.REQUEST_TIMEOUT)

    # -- answers without the application

    def _refuse(self, status: http.HTTPStatus) -> None:
        """Answer with the status alone, and close: what else comes on this connection can't be told apart. An answer
        that has begun is cut off instead."""
        if not (self._is_answering() and self.cycle.response_started):
            line = f"HTTP/1.1 {status.value} {status.phrase}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
            self.transport.write(line.encode("ascii"))
        log.debug("http.refused", status=status.value, address=self.client[0] if self.client else "")
        self.transport.close()

    def _invited(self) -> None:
        """The client was told to send its body: it will, and the connection can be used again."""
        self.cycle.keep_alive = self._keeps_alive


class _Flow(FlowControl):
    """uvicorn's flow control, with a hold: while it lasts the socket is not read, whatever else would read on."""

    def __init__(self, transport: asyncio.Transport) -> None:
        super().__init__(transport)
        self._is_held = False

    def hold(self) -> None:
        self._is_held = True
        self.pause_reading()

    def release(self) -> None:
        self._is_held = False
        self.resume_reading()

    def resume_reading(self) -> None:
        if not self._is_held:
            super().resume_reading()


class _WholeAnswers:
    """A transport that keeps an answer's head back until its body comes, so that both leave in one system call: uvicorn
    writes them apart. `invited` is called when the client is invited to send a body."""

    __slots__ = ("_head", "_invited", "_transport")

    def __init__(self, transport: asyncio.Transport, invited: Callable[[], None]) -> None:
        self._transport = transport
        self._invited = invited
        self._head = b""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    @property
    def unwrapped(self) -> asyncio.Transport:
        """The transport itself, for a protocol that writes no answers of HTTP."""
        return self._transport

    def write(self, data: bytes) -> None:
        head, self._head = self._head, b""
        if head:
            self._transport.writelines((head, data))
        elif data.startswith(b"HTTP/1.1 100 "):
            self._transport.write(data)
            self._invited()
        elif data.startswith(b"HTTP/1.1 "):
            self._head = data
        else:
            self._transport.write(data)

    def flush(self) -> None:
        head, self._head = self._head, b""
        if head:
            self._transport.write(head)

    def forget(self) -> None:
        """Refer to the connection no more."""
        self._invited = _nothing

    def is_closing(self) -> bool:
        return self._transport.is_closing()

    def close(self) -> None:
        self.flush()
        self._transport.close()


def _nothing() -> None:
    return


class _Trailers(list[tuple[bytes, bytes]]):
    """Where the headers behind a chunked body go, which nobody reads: they are not kept."""

    def append(self, item: tuple[bytes, bytes], /) -> None:
        return


def guarded(settings: ConnectionSettings) -> type[GuardedConnection]:
    """The connections of a server with these bounds, as uvicorn takes them."""
    return type("GuardedConnection", (GuardedConnection,), {"settings": settings})
