"""HTTP cut down to what a load needs: whole requests out of prepared bytes, and of an answer its status and length.

A general client would cost as much processor time as the server that it measures.
"""

import asyncio
from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

Told = Callable[[int, bytes], None]
"""Gets an answer's status, 0 where the connection broke, and its body."""

_END = b"\r\n\r\n"
_LENGTH = b"content-length:"
_TAKEN = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"

NUMBER_DIGITS = 8
NUMBER_PREFIX = "+4479"
"""Recipients are this and eight digits that count up, so that each tells which message it is of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A server and the credentials to use there."""

    host: str
    port: int
    project_id: str
    api_token: str

    def head(self, method: str, path: str) -> str:
        """A request line and the headers that all requests have, without the empty line."""
        credentials = b64encode(f"{self.project_id}:{self.api_token}".encode()).decode()
        return f"{method} {path} HTTP/1.1\r\nHost: {self.host}:{self.port}\r\nAuthorization: Basic {credentials}\r\n"

    def get(self, path: str) -> bytes:
        return f"{self.head('GET', path)}\r\n".encode()


class Creates:
    """Requests that create a message, alike but for the recipient."""

    def __init__(self, target: Target, path: str, fields: Mapping[str, str]) -> None:
        start = urlencode(fields) + "&To=" + NUMBER_PREFIX.replace("+", "%2B")
        headers = (
            f"{target.head('POST', path)}Content-Type: application/x-www-form-urlencoded\r\n"
            f"Content-Length: {len(start) + NUMBER_DIGITS}\r\n\r\n"
        )
        self._start = (headers + start).encode()

    def __call__(self, number: int) -> bytes:
        return self._start + b"%08d" % number


class Connection(asyncio.Protocol):
    """A kept connection with at most one request under way."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport
        self._buffer = b""
        self._told: Told | None = None

    def send(self, request: bytes, told: Told) -> None:
        self._told = told
        self._transport.write(request)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]  # a TCP connection's is a Transport

    def data_received(self, data: bytes) -> None:
        if self._buffer:
            data = self._buffer + data
        end = data.find(_END)
        if end < 0 or len(data) < (whole := end + len(_END) + _length(data, end)):
            self._buffer = data
            return
        self._buffer = data[whole:]
        self._tell(int(data[9:12]), data[end + len(_END) : whole])

    def connection_lost(self, exc: Exception | None) -> None:
        self._tell(0, b"")

    def close(self) -> None:
        self._told = None
        self._transport.close()

    def _tell(self, status: int, body: bytes) -> None:
        told, self._told = self._told, None
        if told is not None:
            told(status, body)


async def connect(target: Target, count: int) -> list[Connection]:
    loop = asyncio.get_running_loop()
    made = [await loop.create_connection(Connection, target.host, target.port) for _ in range(count)]
    return [connection for _, connection in made]


class CallbackReceiver(asyncio.Protocol):
    """A connection of the server's to us: each request is taken with a bare 200 and its body handed on."""

    def __init__(self, take: Callable[[bytes], None]) -> None:
        self._take = take
        self._transport: asyncio.Transport
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]  # a TCP connection's is a Transport

    def data_received(self, data: bytes) -> None:
        if self._buffer:
            data = self._buffer + data
        while (end := data.find(_END)) >= 0:
            whole = end + len(_END) + _length(data, end)
            if len(data) < whole:
                break
            self._take(data[end + len(_END) : whole])
            self._transport.write(_TAKEN)
            data = data[whole:]
        self._buffer = data


def _length(data: bytes, end: int) -> int:
    """The Content-Length in the head that ends at `end`; 0 for none."""
    head = data[:end].lower()
    at = head.find(_LENGTH)
    return 0 if at < 0 else int(head[at + len(_LENGTH) :].split(b"\r\n", 1)[0])
