"""A client's WebSocket on its own: what may still be written while it closes."""

import asyncio
from typing import Any

from websockets.frames import Close, Frame, Opcode

from heliograph.relay.socket import Socket, SocketLimits, Upgrade

LIMITS = SocketLimits(frame_max_bytes=10_000, send_buffer_bytes=100_000, small_frames_max=100)
HANDSHAKE = (
    (b"host", b"sms.test"),
    (b"connection", b"Upgrade"),
    (b"upgrade", b"websocket"),
    (b"sec-websocket-key", b"dGhlIHNhbXBsZSBub25jZQ=="),
    (b"sec-websocket-version", b"13"),
)


class Transport(asyncio.Transport):
    """Keeps what is written, and never blocks."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.closed = False

    def write(self, data: Any) -> None:
        self.written += bytes(data)

    def is_closing(self) -> bool:
        return self.closed

    def close(self) -> None:
        self.closed = True

    abort = close

    def get_write_buffer_size(self) -> int:
        return 0

    def pause_reading(self) -> None:
        pass

    def resume_reading(self) -> None:
        pass


class Answering:
    """Answers every message, and closes when it is told to."""

    def __init__(self) -> None:
        self.socket: Socket | None = None
        self.messages: list[bytes] = []

    def on_open(self, socket: Socket) -> None:
        self.socket = socket

    def on_message(self, message: bytes) -> None:
        assert self.socket is not None
        self.messages.append(message)
        self.socket.send(b"{}")

    def on_pong(self, payload: bytes) -> None:
        pass

    def on_closed(self) -> None:
        pass


def opened() -> tuple[Socket, Answering, Transport]:
    handler, transport = Answering(), Transport()
    socket = Socket(Upgrade(path="/", headers=HANDSHAKE, peer="192.0.2.7", place=None), handler, LIMITS)
    socket.connection_made(transport)
    assert socket.is_open
    return socket, handler, transport


def octets(opcode: Opcode, payload: bytes) -> bytes:
    return Frame(opcode, payload).serialize(mask=True)


CLOSE = octets(Opcode.CLOSE, Close(1000, "bye").serialize())


async def test_message_in_front_of_a_close_frame_is_answered_with_nothing() -> None:
    socket, handler, transport = opened()
    sent = len(transport.written)
    socket.data_received(octets(Opcode.TEXT, b"{}") + CLOSE)
    assert handler.messages in ([b"{}"], [])
    assert transport.written[sent:] == Frame(Opcode.CLOSE, Close(1000, "bye").serialize()).serialize(mask=False)


async def test_close_behind_the_clients_close_frame_writes_nothing_more() -> None:
    socket, _, transport = opened()
    socket.data_received(CLOSE)
    sent = len(transport.written)
    socket.close(4000, "too many logins")
    socket.ping()
    socket.send(b"{}")
    assert len(transport.written) == sent
    assert not socket.is_open
