"""A pooler in front of PostgreSQL, as small as it can be: sessions are lent for one transaction each, or for good."""

import asyncio
import struct
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

SSL_REQUEST = 80877103
GREETING = {"client_encoding": "UTF8", "server_version": "15.0", "integer_datetimes": "on"}
MADE_UP_PROCESS = 2**31 - 1


@dataclass(slots=True)
class Session:
    """A connection to PostgreSQL that is ready for a query."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    answers_due: int = 0


@dataclass(slots=True)
class Pooler:
    """`by_transaction`: a session is given back when its transaction ends; else when its client leaves."""

    target: str
    by_transaction: bool
    idle: list[Session] = field(default_factory=list)
    made: list[Session] = field(default_factory=list)
    clients: list[asyncio.StreamWriter] = field(default_factory=list)
    tasks: set["asyncio.Task[None]"] = field(default_factory=set)

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.clients.append(writer)
        self.start(self.serve(reader, writer))

    def start(self, work: Coroutine[Any, Any, None]) -> "asyncio.Task[None]":
        task = asyncio.create_task(work)
        self.tasks.add(task)
        return task

    async def close(self) -> None:
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        for writer in [*self.clients, *(session.writer for session in self.made)]:
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        startup = await _startup(reader, writer)
        if startup is None:
            return
        writer.write(_greeting())
        pump: asyncio.Task[None] | None = None
        session = Session(reader, writer)
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while (message := await _message(reader))[:1] != b"X":
                if pump is None or pump.done():
                    session = self.idle.pop() if self.idle else await self._connect(startup)
                    pump = self.start(self._pump(session, writer))
                session.answers_due += message[:1] in b"QS"
                session.writer.write(message)
        if pump is not None:
            pump.cancel()
        writer.close()

    async def _pump(self, session: Session, writer: asyncio.StreamWriter) -> None:
        """Pass answers on until the session is given back."""
        while True:
            message = await _message(session.reader)
            is_ready = message[:1] == b"Z"
            session.answers_due -= is_ready
            is_over = self.by_transaction and is_ready and message[-1:] == b"I" and session.answers_due == 0
            if is_over:
                self.idle.append(session)
            writer.write(message)
            if is_over:
                return

    async def _connect(self, startup: bytes) -> Session:
        url = urlsplit(self.target)
        reader, writer = await asyncio.open_connection(url.hostname, url.port)
        writer.write(startup)
        while (await _message(reader))[:1] != b"Z":
            pass
        self.made.append(Session(reader, writer))
        return self.made[-1]


@asynccontextmanager
async def pooled(url: str, *, by_transaction: bool) -> AsyncIterator[str]:
    """The URL of the same database behind a pooler."""
    pooler = Pooler(url, by_transaction)
    server = await asyncio.start_server(pooler.accept, "127.0.0.1", 0)
    parts = urlsplit(url)
    try:
        yield f"postgresql://postgres@127.0.0.1:{server.sockets[0].getsockname()[1]}{parts.path}"
    finally:
        server.close()
        await pooler.close()


async def _startup(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes | None:
    while True:
        with suppress(asyncio.IncompleteReadError):
            head = await reader.readexactly(8)
            length, code = struct.unpack("!II", head)
            rest = await reader.readexactly(length - 8)
            if code != SSL_REQUEST:
                return head + rest
            writer.write(b"N")
            continue
        return None


def _greeting() -> bytes:
    told = b"".join(_made(b"S", f"{name}\0{value}\0".encode()) for name, value in GREETING.items())
    key = _made(b"K", struct.pack("!II", MADE_UP_PROCESS, 1))
    return _made(b"R", struct.pack("!I", 0)) + told + key + _made(b"Z", b"I")


def _made(kind: bytes, body: bytes) -> bytes:
    return kind + struct.pack("!I", len(body) + 4) + body


async def _message(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readexactly(5)
    return head + await reader.readexactly(struct.unpack("!I", head[1:])[0] - 4)
