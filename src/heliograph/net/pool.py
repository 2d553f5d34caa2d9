"""Connections to servers, kept and bounded: so many in all, so many to one origin; whoever finds none free waits.

A new connection passes the guard (net/guard) at each address that its host's name has. Names are looked up by
net/resolver, before a connection is counted: a name that nobody answers for occupies no connection. Several addresses
are tried one after the other, each with a short start over the next (RFC 8305).
"""

import asyncio
import socket
import ssl
from collections import deque
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

from aiohappyeyeballs import AddrInfoType, start_connection

from heliograph.core.addresses import Reach
from heliograph.net import guard
from heliograph.net.connection import Connection
from heliograph.net.resolver import Resolver
from heliograph.ports import FaultKind, FetchFault

HEAD_START_SECONDS = 0.25
"""What one address has over the next (RFC 8305, section 5)."""

_PLAIN_TEXT_REASONS = frozenset({"WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "HTTP_REQUEST"})
"""OpenSSL's words for a peer that doesn't speak TLS."""


class Origin(NamedTuple):
    host: str
    port: int
    secure: bool


@dataclass(slots=True)
class _Lane:
    """One origin's connections. `opened` counts those that exist or are being made."""

    origin: Origin
    idle: list[Connection] = field(default_factory=list)
    opened: int = 0
    waiting: "deque[asyncio.Future[Connection | None]]" = field(default_factory=deque)


class Pool:
    """Belongs to the loop in which it is made."""

    def __init__(
        self,
        reach: Reach,
        resolver: Resolver,
        max_connections: int,
        max_per_host: int,
        tls: ssl.SSLContext | None,
    ) -> None:
        """tls: another trust store than the system's."""
        self._loop = asyncio.get_running_loop()
        self._resolver = resolver
        self._sockets = guard.guarded_sockets(reach)
        self._max_connections = max_connections
        self._max_per_host = max_per_host
        self._tls_given = tls
        self._lanes: dict[Origin, _Lane] = {}
        self._opened = 0
        self._starved: deque[_Lane] = deque()
        """Lanes in which somebody waits although their origin has room: all connections are in use."""
        self._all: set[Connection] = set()

    def idle(self, origin: Origin) -> Connection | None:
        """A kept connection that is free, the one used last."""
        lane = self._lanes.get(origin)
        if lane is not None:
            while lane.idle:
                connection = lane.idle.pop()
                if connection.usable:
                    return connection
        return None

    async def connection(
        self, origin: Origin, owner: str, deadline: float, connect_seconds: float, *, fresh: bool = False
    ) -> Connection:
        """One to send a request on; a new one if `fresh`. owner: whose share of the look-ups it takes. Raises
        FetchFault, for time that ran out too."""
        try:
            async with asyncio.timeout_at(deadline):
                return await self._connection(origin, owner, connect_seconds, fresh)
        except TimeoutError:
            raise FetchFault(FaultKind.TIMEOUT, "The server did not answer in time.") from None

    async def _connection(self, origin: Origin, owner: str, connect_seconds: float, fresh: bool) -> Connection:
        addresses = await self._resolved(origin, owner)
        while True:
            found = None if fresh else self.idle(origin)
            lane = self._lanes.setdefault(origin, _Lane(origin))
            if found is None and not self._take_room(lane):
                found = await self._wait(lane)
            if found is None:
                return await self._open(lane, addresses, connect_seconds)
            if found.usable:  # else it was closed between its release and now
                return found

    async def _resolved(self, origin: Origin, owner: str) -> list[AddrInfoType]:
        try:
            return await self._resolver.resolve(origin.host, origin.port, owner)
        except (OSError, UnicodeError) as error:
            raise _fault(error) from error

    def _take_room(self, lane: _Lane) -> bool:
        """Count one more connection, where the bounds allow it; an idle one of another origin gives way."""
        if lane.opened >= self._max_per_host:
            return False
        while self._opened >= self._max_connections:
            if not self._close_an_idle():
                return False
        lane.opened += 1
        self._opened += 1
        return True

    def _close_an_idle(self) -> bool:
        for lane in self._lanes.values():
            while lane.idle:
                connection = lane.idle.pop(0)
                if connection.usable:
                    connection.close()
                    self._closed(lane, connection)
                    return True
        return False

    async def _wait(self, lane: _Lane) -> Connection | None:
        """A connection that somebody has done with; None: the room for a new one, which is counted already."""
        waiter: asyncio.Future[Connection | None] = self._loop.create_future()
        lane.waiting.append(waiter)
        if lane.opened < self._max_per_host:
            self._starved.append(lane)
        try:
            return await waiter
        except asyncio.CancelledError:
            if waiter.cancelled():
                lane.waiting.remove(waiter)
            elif (given := waiter.result()) is None:  # it was given something at the same time: pass it on
                self._give_back_room(lane)
            else:
                self._free(lane, given)
            raise

    def _free(self, lane: _Lane, connection: Connection) -> None:
        """A connection can take another request: who waits for its origin gets it; else it is kept, or gives way."""
        if not connection.usable:
            return
        while lane.waiting:
            waiter = lane.waiting.popleft()
            if not waiter.done():
                waiter.set_result(connection)
                return
        if self._starved:
            connection.close()
            self._closed(lane, connection)
        else:
            lane.idle.append(connection)

    def _closed(self, lane: _Lane, connection: Connection) -> None:
        """A connection is no more. Told twice of some: by who closed it, and by its transport."""
        if connection in self._all:
            self._all.discard(connection)
            if connection in lane.idle:
                lane.idle.remove(connection)
            self._give_back_room(lane)

    def _give_back_room(self, lane: _Lane) -> None:
        lane.opened -= 1
        self._opened -= 1
        if not self._give_room(lane):
            while self._starved and not self._give_room(self._starved.popleft()):
                pass
        if not lane.opened and not lane.waiting:
            self._lanes.pop(lane.origin, None)

    def _give_room(self, lane: _Lane) -> bool:
        """The first who waits in this lane may open a connection."""
        while lane.waiting:
            waiter = lane.waiting.popleft()
            if not waiter.done():
                lane.opened += 1
                self._opened += 1
                waiter.set_result(None)
                return True
        return False

    # -- connecting

    async def _open(self, lane: _Lane, addresses: list[AddrInfoType], connect_seconds: float) -> Connection:
        try:
            async with asyncio.timeout(connect_seconds):
                connection = await self._connect(lane, addresses)
        except BaseException as error:
            self._give_back_room(lane)
            if isinstance(error, OSError):  # every time-out is one
                raise _fault(error) from error
            raise
        return connection

    async def _connect(self, lane: _Lane, addresses: list[AddrInfoType]) -> Connection:
        made = await start_connection(
            addresses, happy_eyeballs_delay=HEAD_START_SECONDS, socket_factory=self._sockets, loop=self._loop
        )
        connection = Connection(self._loop, lambda it: self._free(lane, it), lambda it: self._closed(lane, it))
        host = lane.origin.host.rstrip(".")
        try:
            if lane.origin.secure:
                await self._loop.create_connection(lambda: connection, sock=made, ssl=self._tls, server_hostname=host)
            else:
                await self._loop.create_connection(lambda: connection, sock=made)
        except BaseException:
            made.close()
            raise
        self._all.add(connection)
        return connection

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        if self._tls_given is not None:
            return self._tls_given
        context = ssl.create_default_context()
        context.set_alpn_protocols(["http/1.1"])
        return context

    async def close(self) -> None:
        """Close every connection, once the tasks that make requests have ended."""
        for connection in list(self._all):
            connection.close()
        await asyncio.sleep(0)  # the transports tell their ends in the loop's next turn


def _fault(error: OSError | UnicodeError) -> FetchFault:
    """The system's errors in SignalWire's terms; the more particular classes come first."""
    match error:
        case TimeoutError():
            return FetchFault(FaultKind.TIMEOUT, "The server could not be connected to in time.")
        case socket.gaierror(errno=socket.EAI_AGAIN):
            return FetchFault(FaultKind.DNS, "The host name could not be resolved: no name server answered in time.")
        case socket.gaierror() | UnicodeError():  # the last for an overlong label
            return FetchFault(FaultKind.DNS, "The host name could not be resolved.")
        case guard.ForbiddenAddress():
            return FetchFault(FaultKind.FORBIDDEN, str(error))
        case ssl.SSLCertVerificationError():
            return FetchFault(FaultKind.TLS, "The server's certificate is not trusted.")
        case ssl.SSLError(reason=reason) if reason in _PLAIN_TEXT_REASONS:
            return FetchFault(FaultKind.PROTOCOL, "The server does not speak TLS on this port; is it http?")
        case ssl.SSLError():
            return FetchFault(FaultKind.TLS, "The TLS handshake failed.")
        case ConnectionRefusedError():
            return FetchFault(FaultKind.CONNECTION, "The connection was refused.")
        case ConnectionError():
            return FetchFault(FaultKind.CONNECTION, "The connection broke off.")
        case _:
            return FetchFault(FaultKind.CONNECTION, "The server could not be reached.")
