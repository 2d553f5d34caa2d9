"""One WebSocket connection (RFC 6455): bytes of the wire to whole messages and back.

The framing is the library's (websockets, without its I/O); this class is its transport. No compression is agreed on: a
context for it costs more memory than an idle client otherwise has.

Nobody waits for a client that means harm. What waits to be written is bounded: one that does not read loses its
connection. What was read is worked through in slices, between which the event loop serves others, and who sends a
flood of frames that say nothing loses its connection, too: a read of 256 KB can hold 43,000 of those.
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

SLICE_OCTETS: Final = 4096
"""Parsed in one turn of the event loop: of the smallest frames 682, in 2.6 ms."""

SMALL_OCTETS: Final = 512
"""A fragment shorter than this counts as a control frame does: who has much to say says more at a time."""

GOING_AWAY: Final = 1001
PROTOCOL_ERROR: Final = 1002
UNSUPPORTED: Final = 1003
REFUSED: Final = 1008
TRY_LATER: Final = 1013

_silent = logging.getLogger(__name__)
_silent.disabled = True


class HeldPlace(Protocol):
    """Released once: a second time nothing happens."""

    def release(self) -> None: ...


class Upgrade(Struct, frozen=True, kw_only=True):
    """The request that asks for a WebSocket. peer: the client's address, without the port. place: among the connections
    of that address, held until the client has logged in or is gone; a `net.admission` place."""

    path: str
    headers: Sequence[tuple[bytes, bytes]]
    peer: str
    place: HeldPlace | None = None


class Handler(Protocol):
    """Who is told what comes."""

    def on_open(self, socket: "Socket") -> None: ...

    def on_message(self, frame: bytes) -> None: ...

    def on_pong(self, payload: bytes) -> None: ...

    def on_closed(self) -> None: ...


class SocketLimits(Struct, frozen=True, kw_only=True):
    """frame_max_bytes: of a message. send_buffer_bytes: what may wait to be written. small_frames_max: control frames
    and small fragments within a second."""

    frame_max_bytes: int
    send_buffer_bytes: int
    small_frames_max: int


class Socket(asyncio.Protocol):
    __slots__ = (
        "_closing",
        "_handler",
        "_is_paused",
        "_limits",
        "_pings",
        "_second",
        "_small",
        "_text",
        "_transport",
        "_unread",
        "_upgrade",
        "_ws",
        "is_open",
    )

    def __init__(self, upgrade: Upgrade, handler: Handler, limits: SocketLimits) -> None:
        self._upgrade: Upgrade | None = upgrade
        self._handler = handler
        self._limits = limits
        self._ws = Framing(SERVER, max_size=limits.frame_max_bytes, logger=_silent)
        self._transport: asyncio.Transport
        self._text: bytearray | None = None
        self._closing: asyncio.TimerHandle | None = None
        self._unread = bytearray()
        self._is_paused = False
        self._pings = 0
        """Of ours, whose pongs may come."""
        self._second = self._small = 0
        """Small frames of this second of the loop's clock."""
        self.is_open = False

    # -- out

    @property
    def _may_send(self) -> bool:
        """The client's close frame may have arrived behind a message that is answered only now."""
        return self.is_open and self._ws.state is OPEN

    def send(self, message: bytes) -> None:
        """Write a text message; nothing happens on a connection that is closing."""
        if self._may_send:
            self._ws.send_text(message)
            self._flush()

    def ping(self, payload: bytes = b"") -> None:
        if self._may_send:
            self._pings += 1
            self._ws.send_ping(payload)
            self._flush()

    def close(self, code: int, reason: str) -> None:
        """Say goodbye, and wait CLOSE_SECONDS at most for the answer."""
        if self.is_open:
            if self._may_send:
                self._ws.send_close(code, reason)
                self._flush()
            self._end()

    def abort(self) -> None:
        """Cut the connection: what waits to be written is lost."""
        self.is_open = False
        self._transport.abort()

    def pause(self) -> None:
        """Read no more for now, not even what has come already."""
        self._is_paused = True
        if not self._transport.is_closing():
            self._transport.pause_reading()

    def resume(self) -> None:
        self._is_paused = False
        self._read_on()

    def _flush(self) -> None:
        for data in self._ws.data_to_send():
            if data:
                self._transport.write(data)
            else:
                self._transport.close()
        if self._transport.get_write_buffer_size() > self._limits.send_buffer_bytes:
            self.abort()

    def _end(self) -> None:
        """No message goes either way any more."""
        self.is_open = False
        if self._closing is None:
            loop = asyncio.get_running_loop()
            self._closing = loop.call_later(CLOSE_SECONDS, self._transport.abort)
            self._is_paused = False
            loop.call_soon(self._read_on)  # for the answer to the close frame

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
        if not self._unread and not self._is_paused and len(data) <= SLICE_OCTETS:
            self._parse(data)
            return
        self._unread += data
        self._transport.pause_reading()
        self._read_on()

    def _read_on(self) -> None:
        """Parse the next slice of what has come; when nothing is left, read again."""
        if self._is_paused or self._transport.is_closing():
            return
        if self._unread:
            data = bytes(self._unread[:SLICE_OCTETS])
            del self._unread[:SLICE_OCTETS]
            self._parse(data)
        if self._is_paused or self._transport.is_closing():
            return
        if self._unread:
            asyncio.get_running_loop().call_soon(self._read_on)
        else:
            self._transport.resume_reading()

    def _parse(self, data: bytes) -> None:
        self._ws.receive_data(data)
        frames = cast(list[Frame], self._ws.events_received())
        self._flush()
        for frame in frames:
            if self._transport.is_closing():
                return
            self._take(frame)
        if self.is_open and self._ws.state is not OPEN:
            self._end()

    def eof_received(self) -> None:
        self.is_open = False

    def connection_lost(self, error: Exception | None) -> None:
        self.is_open = False
        self._unread.clear()
        if self._closing is not None:
            self._closing.cancel()
        self._handler.on_closed()

    def _take(self, frame: Frame) -> None:
        """A text in one frame or in several is one message; the library bounds their sum."""
        if not self._is_worth_it(frame):
            self._cut_off()
            return
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

    def _is_worth_it(self, frame: Frame) -> bool:
        """Whether the client may go on after it: it said something, or there were few in this second that did not."""
        match frame.opcode:
            case Opcode.TEXT | Opcode.BINARY if frame.fin:
                return True
            case Opcode.TEXT | Opcode.CONT if len(frame.data) >= SMALL_OCTETS:
                return True
            case Opcode.PONG if self._pings:
                self._pings -= 1
                return True
        second = int(asyncio.get_running_loop().time())
        if second != self._second:
            self._second, self._small = second, 0
        self._small += 1
        return self._small <= self._limits.small_frames_max

    def _cut_off(self) -> None:
        """Say why, and read nothing more, not even an answer to that."""
        self.close(REFUSED, "too many small frames")
        self.is_open = False
        self._unread.clear()
        self._transport.close()

    def _deliver(self, message: bytes) -> None:
        if self.is_open:
            self._handler.on_message(message)


def _request(upgrade: Upgrade) -> http11.Request:
    headers = Headers((name.decode("latin-1"), value.decode("latin-1")) for name, value in upgrade.headers)
    return http11.Request(path=upgrade.path, headers=headers)
