"""WebSocket and JSON-RPC cut down to what a load needs, as bench.wire does it for HTTP.

Frames to the server are masked with four zero bytes, which costs nothing: the protocol asks for a mask, and any is one.
"""

import asyncio
import base64
import os
from collections.abc import Callable
from typing import Any

import msgspec

from bench.wire import Target

_END = b"\r\n\r\n"
_FINAL_TEXT, _FINAL_PONG = b"\x81", b"\x8a"
_TEXT, _CLOSE, _PING = 0x81, 0x88, 0x89
_MASK = b"\0\0\0\0"
SHORT, MEDIUM = 126, 127
SHORT_MAX, MEDIUM_MAX = 125, 0xFFFF


class Params(msgspec.Struct, frozen=True):
    """What an event tells of a message."""

    message_id: str = ""
    from_number: str = ""
    message_state: str = ""


class Event(msgspec.Struct, frozen=True):
    """The parameters of ``signalwire.event``; of any other request nothing is read."""

    event_type: str = ""
    params: Params = Params()


class Result(msgspec.Struct, frozen=True):
    """A result or error, as far as a load looks."""

    code: str | int = ""
    message_id: str = ""
    protocol: str = ""


class Frame(msgspec.Struct, frozen=True):
    """Any frame of the server's."""

    id: str | int | None = None
    method: str = ""
    params: Event | None = None
    result: Result | None = None
    error: Result | None = None


_decode = msgspec.json.Decoder(Frame).decode
_encode = msgspec.json.Encoder().encode

OnResult = Callable[[Frame], None]
OnEvent = Callable[[Event], None]
"""Called after the event was acknowledged."""


class RelayConnection(asyncio.Protocol):
    """A connection of one client: acknowledges every event, answers every ping."""

    def __init__(self, on_event: OnEvent) -> None:
        self._transport: asyncio.Transport
        self._buffer = b""
        self._is_open = False
        self._on_event = on_event
        self._answers: dict[int, OnResult] = {}
        self._last_id = 0
        self.opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.lost = False

    def request(self, method: str, params: dict[str, Any], told: OnResult) -> None:
        """A request, made the plain way."""
        self.call(_encode({"method": method, "params": params})[1:], told)

    def call(self, rest: bytes, told: OnResult) -> None:
        """A request out of prepared bytes: all of its JSON but the opening brace, ``jsonrpc`` and the id."""
        self._last_id += 1
        self._answers[self._last_id] = told
        self._send(_FINAL_TEXT, b'{"jsonrpc":"2.0","id":"%d",%b' % (self._last_id, rest))

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]  # a TCP connection's is a Transport
        key = base64.b64encode(os.urandom(16))
        self._transport.write(
            b"GET / HTTP/1.1\r\nHost: bench\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: " + key + _END
        )

    def data_received(self, data: bytes) -> None:
        if self._buffer:
            data = self._buffer + data
        start = 0 if self._is_open else self._opening(data)
        if not self._is_open:
            self._buffer = data
            return
        while (found := _frame(data, start)) is not None:
            first, payload, start = found
            self._take(first, payload)
        self._buffer = data[start:]

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost = True
        if not self.opened.done():
            self.opened.set_exception(ConnectionError("the server closed the connection"))

    def close(self) -> None:
        self._transport.close()

    def _opening(self, data: bytes) -> int:
        end = data.find(_END)
        if end < 0:
            return 0
        if not data.startswith(b"HTTP/1.1 101"):
            raise RuntimeError(f"no WebSocket: {data[:200]!r}")
        self._is_open = True
        self.opened.set_result(None)
        return end + len(_END)

    def _take(self, first: int, payload: bytes) -> None:
        if first == _PING:
            self._send(_FINAL_PONG, payload)
        elif first == _TEXT:
            self._take_text(_decode(payload))
        elif first != _CLOSE:
            raise RuntimeError(f"a frame that begins with {first:#x}")

    def _take_text(self, frame: Frame) -> None:
        if not frame.method:
            self._answers.pop(int(frame.id or 0))(frame)
            return
        self._send(_FINAL_TEXT, b'{"jsonrpc":"2.0","id":%b,"result":{}}' % _encode(frame.id))
        if frame.method == "signalwire.event" and frame.params is not None:
            self._on_event(frame.params)

    def _send(self, kind: bytes, payload: bytes) -> None:
        size = len(payload)
        if size <= SHORT_MAX:
            length = bytes((0x80 | size,))
        elif size <= MEDIUM_MAX:
            length = b"\xfe" + size.to_bytes(2, "big")
        else:
            length = b"\xff" + size.to_bytes(8, "big")
        self._transport.write(b"".join((kind, length, _MASK, payload)))


def _frame(data: bytes, start: int) -> tuple[int, bytes, int] | None:
    """(first byte, payload, where the next begins) of the frame at `start`; None while it isn't whole."""
    have = len(data) - start
    if have < 2:
        return None
    size, head = data[start + 1], 2
    if size == SHORT:
        size, head = int.from_bytes(data[start + 2 : start + 4], "big"), 4
    elif size == MEDIUM:
        size, head = int.from_bytes(data[start + 2 : start + 10], "big"), 10
    if have < head or have < head + size:
        return None
    body = start + head
    return data[start], data[body : body + size], body + size


async def relay_connect(target: Target, contexts: list[str], on_event: OnEvent) -> RelayConnection:
    """A client that is connected and subscribed to the contexts."""
    loop = asyncio.get_running_loop()
    _, made = await loop.create_connection(lambda: RelayConnection(on_event), target.host, target.port)
    await made.opened
    answered: asyncio.Future[Frame] = loop.create_future()
    authentication = {"project": target.project_id, "token": target.api_token}
    version = {"major": 3, "minor": 0, "revision": 0}
    params = {"version": version, "agent": "bench", "event_acks": True, "authentication": authentication}
    made.request("signalwire.connect", {**params, "contexts": contexts}, answered.set_result)
    frame = await answered
    if frame.result is None:
        raise RuntimeError(f"not connected: {frame.error}")
    return made
