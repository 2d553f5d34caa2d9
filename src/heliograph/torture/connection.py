"""One TCP connection, on the level of octets: it cuts what comes into frames, and writes what it is told to, as its
plan wants it: at once, one octet at a time, or never.

What is sent in one turn goes out in one write, when the carrier says so: by then its journal knows of it.
"""

import asyncio
import os
import socket
import struct
from collections import deque
from typing import Any, Final, Protocol, cast

from heliograph.torture.deliveries import Delivery
from heliograph.torture.plans import Distort, LinkPlan, Then
from heliograph.wire.smpp.pdu import Command, Framer, FramingError, Pdu, encode

_SEQUENCE_MAX: Final = 0x7FFFFFFF
_RECEIVE_BUFFER: Final = 4096
"""SO_RCVBUF of a slow reader: the peer is to feel that nobody reads."""
_SENDS: Final = frozenset((Command.BIND_TRANSMITTER, Command.BIND_TRANSCEIVER))
_RECEIVES: Final = frozenset((Command.BIND_RECEIVER, Command.BIND_TRANSCEIVER))


class Host(Protocol):
    """Whom a connection serves."""

    def opened(self, link: "Connection") -> None: ...

    def frame(self, link: "Connection", frame: bytes) -> None: ...

    def unframed(self, link: "Connection", error: FramingError) -> None:
        """The stream can't be followed any more."""

    def turn_over(self) -> None:
        """Everything that came was handed over: what was sent can go out."""

    def wrote(self, link: "Connection") -> None:
        """There is something for `flush`."""

    def ended(self, link: "Connection") -> None:
        """We ended it, or will never read or write it again; it may be some time until it is lost."""

    def lost(self, link: "Connection") -> None: ...


class Connection(asyncio.Protocol):
    def __init__(self, number: int, plan: LinkPlan, host: Host) -> None:
        self.number = number
        self.plan = plan
        self.bound: Command | None = None
        self.binding = False
        self.unanswered = 0
        self.unacknowledged: dict[int, Delivery] = {}
        self.in_flight = 0
        self.finished = False
        self._host = host
        self._framer = Framer()
        self._transport: asyncio.Transport
        self._sequence = 0
        self._out: list[bytes] = []
        self._drops: deque[int] = deque()
        self._slowly: deque[bytes] = deque()

    @property
    def may_submit(self) -> bool:
        return self.bound in _SENDS

    @property
    def may_receive(self) -> bool:
        return self.bound in _RECEIVES

    # -- what the carrier does with it

    def request(self, pdu: Pdu, damage: Distort | None = None) -> int:
        """Send a request of ours; returns its sequence number. damage: what becomes of its octets."""
        self._sequence = self._sequence % _SEQUENCE_MAX + 1
        frame = encode(pdu, self._sequence)
        self.send(frame if damage is None else damage(frame))
        return self._sequence

    def respond(self, pdu: Pdu, sequence: int, status: int = 0, damage: Distort | None = None) -> None:
        frame = encode(pdu, sequence, status)
        self.send(frame if damage is None else damage(frame))

    def send(self, octets: bytes) -> None:
        """Have octets written at the end of the turn; nobody hears of them where the connection has ended."""
        if self.finished:
            return
        if not self._out:
            self._host.wrote(self)
        self._out.append(octets)

    def flush(self) -> None:
        """Write what was sent."""
        octets = b"".join(self._out)
        self._out.clear()
        if self.plan.chopped:
            if not self._drops:
                asyncio.get_running_loop().call_soon(self._drip)
            self._drops.extend(octets)
        elif octets:
            self._transport.write(octets)

    def finish(self, then: Then) -> None:
        """End it in this way, after what was sent has been handed to the socket."""
        if then is Then.GO_ON or self.finished:
            return
        self._host.turn_over()
        self.finished = True
        self._host.ended(self)
        match then:
            case Then.CLOSE:
                self._transport.write(bytes(self._drops))
                self._drops.clear()
                self._transport.close()
            case Then.RESET:
                self._reset()
            case Then.FREEZE:
                self._transport.pause_reading()

    def abort(self) -> None:
        self.finished = True
        self._transport.abort()

    # -- what the event loop tells

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        if self.plan.read_pause_seconds:
            self._set_option(socket.SO_RCVBUF, _RECEIVE_BUFFER)
        self._host.opened(self)

    def data_received(self, data: bytes) -> None:
        lost: FramingError | None = None
        try:
            frames = self._framer.feed(data)
        except FramingError as error:
            frames, lost = list(error.frames), error
        if self.plan.read_pause_seconds:
            self._read_slowly(frames)
        else:
            for frame in frames:
                if self.finished:  # by what the frame before made it do
                    break
                self._host.frame(self, frame)
        if lost is not None and not self.finished:
            self._host.unframed(self, lost)
        self._host.turn_over()

    def connection_lost(self, exc: Exception | None) -> None:
        self.finished = True
        self._out.clear()
        self._host.lost(self)

    # -- how it misbehaves

    def _drip(self) -> None:
        if self._drops and not self._transport.is_closing():
            self._transport.write(bytes((self._drops.popleft(),)))
            asyncio.get_running_loop().call_soon(self._drip)

    def _read_slowly(self, frames: list[bytes]) -> None:
        if frames and not self._slowly:
            self._transport.pause_reading()
            asyncio.get_running_loop().call_later(self.plan.read_pause_seconds, self._read_one)
        self._slowly.extend(frames)

    def _read_one(self) -> None:
        if self.finished:
            return
        self._host.frame(self, self._slowly.popleft())
        self._host.turn_over()
        if self._slowly:
            asyncio.get_running_loop().call_later(self.plan.read_pause_seconds, self._read_one)
        elif not self.finished:
            self._transport.resume_reading()

    def _reset(self) -> None:
        self._set_option(socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._transport.abort()

    def _set_option(self, option: int, value: Any) -> None:
        """By a descriptor of our own: not every event loop's sockets let themselves be set."""
        outer = self._transport.get_extra_info("socket")
        with socket.socket(fileno=os.dup(outer.fileno())) as own:
            own.setsockopt(socket.SOL_SOCKET, option, value)
