"""One kept connection to a server: a request goes out as bytes, and its answer is read within its bounds (HTTP/1.1).

What a server may do is bounded here: how long it takes (`Limits`), how large its head and its body are. A connection
has at most one request under way. It is good for another when the answer ended where HTTP says that it ends and the
server keeps it open; otherwise, and whenever anything is odd, it is closed.

Each connection has one timer, which is set again when it goes off: a request costs no timer of its own.
"""

import asyncio
from collections.abc import Callable, Iterator, Mapping

import httptools
from msgspec import Struct

from heliograph.ports import FaultKind, FetchFault

MAX_HEAD_BYTES = 16 * 1024
"""Of an answer's status line and headers: what Node's servers and clients allow."""

KEEPALIVE_SECONDS = 4.0
"""Below the 5 s after which Node's and uvicorn's servers close, so that we nearly always close first."""

TIMER_SLACK_SECONDS = 0.002
"""Event loops count in milliseconds: a timer may go off this much before its moment."""


class Disconnected(Exception):
    """The server closed the connection before it answered anything: the request may be sent once more."""


class Limits(Struct, frozen=True):
    """`deadline`: a moment of the loop's clock by which everything must be over. `read_seconds`: the longest wait for
    each part of the answer. `truncate`: cut the body at `max_bytes` instead of the fault SIZE."""

    deadline: float
    read_seconds: float
    max_bytes: int
    truncate: bool
    head_only: bool = False


class Headers(Mapping[str, str]):
    """An answer's headers by name in any case. Of a name's several values the first counts. Read when first asked."""

    __slots__ = ("_raw", "_values")

    def __init__(self, raw: list[tuple[bytes, bytes]]) -> None:
        self._raw = raw
        self._values: dict[str, str] | None = None

    def __getitem__(self, name: str) -> str:
        if self._values is None:
            self._values = {}
            for key, value in self._raw:
                self._values.setdefault(key.decode("latin-1").lower(), value.decode("utf-8", "replace"))
        return self._values[name.lower()]

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys(name.decode("latin-1") for name, _ in self._raw))

    def __len__(self) -> int:
        return len({name.lower() for name, _ in self._raw})


class Answer(Struct, frozen=True):
    status: int
    headers: Headers
    body: bytes


class Connection(asyncio.Protocol):
    """`free` is told when the connection can take another request, `gone` when it is no more."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        free: "Callable[[Connection], None]",
        gone: "Callable[[Connection], None]",
    ) -> None:
        self._loop = loop
        self._free = free
        self._gone = gone
        self._transport: asyncio.Transport
        self._answer: asyncio.Future[Answer] | None = None
        self._limits: Limits
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = 0.0
        self._quiet_since = 0.0
        self._parser = httptools.HttpResponseParser(self)
        self._began = False
        self._header_bytes = 0
        self._start_over()

    # -- the request

    def ask(self, request: bytes, limits: Limits) -> asyncio.Future[Answer]:
        """Send it. The future gives the answer or raises FetchFault or Disconnected; cancelling it closes the
        connection (see `abandon`)."""
        answer: asyncio.Future[Answer] = self._loop.create_future()
        self._answer = answer
        self._limits = limits
        self._began = False
        now = self._quiet_since = self._loop.time()
        self._arm(min(limits.deadline, now + limits.read_seconds))
        self._transport.write(request)
        return answer

    def abandon(self) -> None:
        """Nobody waits for the answer any more."""
        self._answer = None
        self.close()

    def close(self) -> None:
        self._transport.abort()

    @property
    def usable(self) -> bool:
        return self._answer is None and not self._transport.is_closing()

    # -- what the transport tells

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]  # a TCP connection's is a Transport

    def data_received(self, data: bytes) -> None:
        if self._answer is None:  # nobody asked: what would be taken for the next request's answer
            self.close()
            return
        self._began = True
        self._quiet_since = self._loop.time()
        if self._in_head:
            self._head_bytes += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self.close()  # an answer all the same, with nothing behind it that we could speak
        except httptools.HttpParserError as error:
            self._fail(_protocol_fault(error))
        else:
            if self._in_head and self._head_bytes > MAX_HEAD_BYTES:
                self._fail(_head_too_large())

    def connection_lost(self, exc: Exception | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._answer is not None:
            if self._until_close and exc is None and not self._in_head:
                self._tell(self._whole())
            elif self._began:
                self._fail(FetchFault(FaultKind.CONNECTION, "The connection broke off within the answer."))
            else:
                self._fail(Disconnected())
        self._gone(self)

    # -- what the parser tells

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self._in_head:  # trailers, which nobody reads
            return
        self._headers.append((name, value))
        self._header_bytes += len(name) + len(value) + 4
        match name.lower():
            case b"content-length":
                self._until_close = False
            case b"transfer-encoding":
                self._until_close = not value.lower().endswith(b"chunked")

    def on_headers_complete(self) -> None:
        self._in_head = False
        self._status = self._parser.get_status_code()
        if self._header_bytes > MAX_HEAD_BYTES:
            self._fail(_head_too_large())
        elif self._limits.head_only:
            self.close()
            self._tell(self._whole())

    def on_body(self, body: bytes) -> None:
        if self._answer is None:
            return
        self._body.append(body)
        self._body_bytes += len(body)
        limit = self._limits.max_bytes
        if self._body_bytes <= limit:
            return
        self.close()
        if self._limits.truncate:
            self._tell(Answer(self._status, Headers(self._headers), b"".join(self._body)[:limit]))
        else:
            self._fail(FetchFault(FaultKind.SIZE, f"The answer is larger than {limit} bytes."))

    def on_message_complete(self) -> None:
        if self._answer is None:  # failed already, or a second answer that nobody asked for
            self.close()
            return
        if self._status < 200 and self._status != 101:  # an interim answer: the real one follows
            self._start_over()
            return
        keep = self._parser.should_keep_alive()
        answer = self._whole()
        self._start_over()
        if not keep:
            self.close()
        self._tell(answer)
        if keep and not self._transport.is_closing():
            self._quiet_since = self._loop.time()
            self._arm(self._quiet_since + KEEPALIVE_SECONDS)
            self._free(self)

    def _start_over(self) -> None:
        self._in_head = True
        self._until_close = True
        self._head_bytes = 0
        self._header_bytes = 0
        self._status = 0
        self._headers: list[tuple[bytes, bytes]] = []
        self._body: list[bytes] = []
        self._body_bytes = 0

    def _whole(self) -> Answer:
        body = self._body
        return Answer(self._status, Headers(self._headers), body[0] if len(body) == 1 else b"".join(body))

    # -- the end of a request

    def _tell(self, answer: Answer) -> None:
        waiting, self._answer = self._answer, None
        if waiting is not None and not waiting.done():
            waiting.set_result(answer)

    def _fail(self, error: Exception) -> None:
        waiting, self._answer = self._answer, None
        self.close()
        if waiting is not None and not waiting.done():
            waiting.set_exception(error)

    # -- time

    def _arm(self, moment: float) -> None:
        """Look at the clock by then. A timer that goes off earlier will be set again: it need not be moved."""
        if self._timer is not None:
            if self._timer_at <= moment:
                return
            self._timer.cancel()
        self._timer_at = moment
        self._timer = self._loop.call_at(moment, self._look)

    def _look(self) -> None:
        self._timer = None
        if self._transport.is_closing():
            return
        if self._answer is None:
            due = self._quiet_since + KEEPALIVE_SECONDS
        else:
            due = min(self._limits.deadline, self._quiet_since + self._limits.read_seconds)
        if due > self._loop.time() + TIMER_SLACK_SECONDS:
            self._arm(due)
        elif self._answer is None:
            self.close()
        else:
            self._fail(FetchFault(FaultKind.TIMEOUT, "The server did not answer in time."))


def _head_too_large() -> FetchFault:
    return FetchFault(FaultKind.PROTOCOL, f"The answer's head is larger than {MAX_HEAD_BYTES} bytes.")


def _protocol_fault(error: httptools.HttpParserError) -> FetchFault:
    if "HTTP version" in str(error):
        return FetchFault(FaultKind.VERSION, "The server answered in an HTTP version that is not supported.")
    return FetchFault(FaultKind.PROTOCOL, "The server's answer is not HTTP.")
