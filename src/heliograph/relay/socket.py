"""One WebSocket connection (RFC 6455): bytes of the wire to whole messages and back.

The framing is the library's (websockets, without its I/O); this class is its transport. No compression is agreed on: a
context for it costs more memory than an idle client otherwise has. What waits to be written is bounded: a client that
does not read loses its connection, and nobody waits for it.
"""

import asyncio
import logging
from collections.abc import Sequence
from http import HTTPStatus
from typing import Final, Protocol, cast

from msgspec import Struct
from websockets import http11
from websockets.datastructures import Headers
from websockets.frames import Frame, Opcode
from websockets.protocol import OPEN, SERVER
from websockets.protocol import Protocol as Framing
from websockets.server import ServerProtocol

CLOSE_SECONDS: Final = 1.0
"""How long a peer may take to answer a close frame."""

GOING_AWAY: Final = 1001
PROTOCOL_ERROR: Final = 1002
UNSUPPORTED: Final = 1003
REFUSED: Final = 1008
TRY_LATER: Final = 1013

_silent = logging.getLogger(__name__)
_silent.disabled = True


class Upgrade(Struct, frozen=True, kw_only=True):
    """The request that asks for a WebSocket. peer: its address, without the port."""

    path: str
    headers: Sequence[tuple[bytes, bytes]]
    peer: str


class Handler(Protocol):
    """Who is told what comes."""

    def on_open(self, socket: "Socket") -> None: ...

    def on_message(self, frame: bytes) -> None: ...

    def on_pong(self, payload: bytes) -> None: ...

    def on_closed(self) -> None: ...


class Socket(asyncio.Protocol):
    __slots__ = ("_closing", "_handler", "_send_buffer_bytes", "_text", "_transport", "_upgrade", "_ws", "is_open")

    def __init__(self, upgrade: Upgrade, handler: Handler, *, frame_max_bytes: int, send_buffer_bytes: int) -> None:
        self._upgrade: Upgrade | None = upgrade
        self._handler = handler
        self._send_buffer_bytes = send_buffer_bytes
        self._ws = Framing(SERVER, max_size=frame_max_bytes, logger=_silent)
        self._transport: asyncio.Transport
        self._text: bytearray | None = None
        self._closing: asyncio.TimerHandle | None = None
        self.is_open = False

    # -- out

    def send(self, message: bytes) -> None:
        """Write a text message; nothing happens on a connection that is closing."""
        if self.is_open:
            self._ws.send_text(message)
            self._flush()

    def ping(self, payload: bytes = b"") -> None:
        if self.is_open:
            self._ws.send_ping(payload)
            self._flush()

    def close(self, code: int, reason: str) -> None:
        """Say goodbye, and wait CLOSE_SECONDS at most for the answer."""
        if self.is_open:
            self._ws.send_close(code, reason)
            self._flush()
            self._end()

    def abort(self) -> None:
        """Cut the connection: what waits to be written is lost."""
        self.is_open = False
        self._transport.abort()

    def pause(self) -> None:
        if not self._transport.is_closing():
            self._transport.pause_reading()

    def resume(self) -> None:
        if not self._transport.is_closing():
            self._transport.resume_reading()

    def _flush(self) -> None:
        for data in self._ws.data_to_send():
            if data:
                self._transport.write(data)
            else:
                self._transport.close()
        if self._transport.get_write_buffer_size() > self._send_buffer_bytes:
            self.abort()

    def _end(self) -> None:
        """No message goes either way any more."""
        self.is_open = False
        if self._closing is None:
            loop = asyncio.get_running_loop()
            self._closing = loop.call_later(CLOSE_SECONDS, self._transport.abort)
            self._transport.resume_reading()  # for the answer to the close frame

    # -- in, as an asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        upgrade, self._upgrade = self._upgrade, None
        if upgrade is None:
            raise RuntimeError("a socket has one connection")
        response = ServerProtocol(logger=_silent).accept(_request(upgrade))
        self._transport.write(response.serialize())
        if response.status_code == HTTPStatus.SWITCHING_PROTOCOLS:
            self.is_open = True
            self._handler.on_open(self)
        else:
            self._transport.close()

    def data_received(self, data: bytes) -> None:
        self._ws.receive_data(data)
        frames = cast(list[Frame], self._ws.events_received())
        self._flush()
        for frame in frames:
            self._take(frame)
        if self.is_open and self._ws.state is not OPEN:
            self._end()

    def eof_received(self) -> None:
        self.is_open = False

    def connection_lost(self, error: Exception | None) -> None:
        self.is_open = False
        if self._closing is not None:
            self._closing.cancel()
        self._handler.on_closed()

    def _take(self, frame: Frame) -> None:
        """A text in one frame or in several is one message; the library bounds their sum."""
        match frame.opcode:
            case Opcode.TEXT if frame.fin:
                self._deliver(bytes(frame.data))
            case Opcode.TEXT:
                self._text = bytearray(frame.data)
            case Opcode.CONT if self._text is not None:
                self._text += frame.data
                if frame.fin:
                    text, self._text = bytes(self._text), None
                    self._deliver(text)
            case Opcode.BINARY:
                self.close(UNSUPPORTED, "only text is spoken here")
            case Opcode.PONG:
                self._handler.on_pong(bytes(frame.data))

    def _deliver(self, message: bytes) -> None:
        if self.is_open:
            self._handler.on_message(message)


def _request(upgrade: Upgrade) -> http11.Request:
    headers = Headers((name.decode("latin-1"), value.decode("latin-1")) for name, value in upgrade.headers)
    return http11.Request(path=upgrade.path, headers=headers)
