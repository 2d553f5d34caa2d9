"""Accepts the connections of a listening socket: within the bounds of `net/admission.py`, with a PROXY header where a
trusted proxy sends one, over TLS where there is a context.

asyncio's own servers would accept without bound, handshake for a minute, and know nothing of PROXY headers. A refused
connection costs one accept and one close. Where descriptors run out, accepting pauses and the kernel's backlog holds
what arrives; nothing spins.
"""

import asyncio
import errno
import socket
import ssl
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import structlog

from heliograph.core.networks import Networks, plain_address
from heliograph.net.admission import Admission, Place, Refusal
from heliograph.net.proxies import receive_proxy_header
from heliograph.wire.proxies import ProxyHeaderError

log = structlog.get_logger(__name__)

READ_OCTETS = 16_384
"""Octets that one read takes from a connection: what a client can make the server keep before it is looked at."""

ACCEPTS_PER_TURN = 64
"""Connections accepted in one turn of the event loop; the others of the loop come in between."""

PAUSE_SECONDS = 0.5
"""Pause of accepting where descriptors have run out."""

_EXHAUSTED = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})

Connected = Callable[["Client", Place], asyncio.Protocol]
"""Makes the protocol of an accepted connection, which releases its place when the connection ends."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """`address`: by the PROXY header of a trusted proxy, else the peer's. `is_proxy`: it is a trusted proxy's, so each
    request says whose it is."""

    address: str
    port: int
    is_proxy: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ListenerSettings:
    """`opening_seconds`: for a PROXY header, and for a TLS handshake. `farewell`: octets that a refused client is sent,
    over plain TCP only."""

    backlog: int
    opening_seconds: float
    tls: ssl.SSLContext | None = None
    trusted_proxies: Networks
    farewell: bytes = b""


class Listener:
    """Serves a bound socket from `start` to `close`. It has the two methods of a server that uvicorn uses."""

    def __init__(
        self, listening: socket.socket, connected: Connected, admission: Admission, settings: ListenerSettings
    ) -> None:
        self._listening = listening
        self._connected = connected
        self._admission = admission
        self._settings = settings
        self._opening: set[asyncio.Task[None]] = set()
        self._resuming: asyncio.TimerHandle | None = None
        self._is_closed = False

    def start(self) -> None:
        self._listening.setblocking(False)
        self._listening.listen(self._settings.backlog)
        self._resume()

    def close(self) -> None:
        """Accept no more; connections in their handshake are dropped."""
        if self._is_closed:
            return
        self._is_closed = True
        if self._resuming is not None:
            self._resuming.cancel()
        asyncio.get_running_loop().remove_reader(self._listening)
        for opening in self._opening:
            opening.cancel()

    async def wait_closed(self) -> None:
        await asyncio.gather(*self._opening, return_exceptions=True)

    # -- accepting

    def _resume(self) -> None:
        self._resuming = None
        asyncio.get_running_loop().add_reader(self._listening, self._accept)

    def _accept(self) -> None:
        for _ in range(ACCEPTS_PER_TURN):
            try:
                accepted, peer = self._listening.accept()
            except (BlockingIOError, InterruptedError):
                return
            except OSError as error:
                if error.errno in _EXHAUSTED:
                    self._pause(error)
                    return
                continue  # the peer has gone already (ECONNABORTED, or what the network said of it: accept(2))
            self._arrive(accepted, Client(address=plain_address(peer[0]) or peer[0], port=peer[1]))

    def _pause(self, error: OSError) -> None:
        log.error("listener.paused", error=error.strerror, seconds=PAUSE_SECONDS, connections=len(self._admission))
        loop = asyncio.get_running_loop()
        loop.remove_reader(self._listening)
        self._resuming = loop.call_later(PAUSE_SECONDS, self._resume)

    def _arrive(self, accepted: socket.socket, peer: Client) -> None:
        """A trusted proxy has one address for all its clients: no limit by address holds for it."""
        is_proxy = peer.address in self._settings.trusted_proxies
        place = self._admission.admit("" if is_proxy else peer.address, is_limited=not is_proxy)
        if isinstance(place, Refusal):
            self._refuse(accepted, peer, place)
            return
        accepted.setblocking(False)
        opening = asyncio.get_running_loop().create_task(self._open(accepted, peer, place, is_proxy))
        place.occupant = _Opening(opening)
        self._opening.add(opening)
        opening.add_done_callback(self._opening.discard)

    def _refuse(self, accepted: socket.socket, client: Client, refusal: Refusal) -> None:
        log.warning("listener.refused", reason=refusal.value, address=client.address, connections=len(self._admission))
        with accepted, suppress(OSError):
            if self._settings.tls is None and self._settings.farewell:
                accepted.send(self._settings.farewell)
                accepted.shutdown(socket.SHUT_WR)

    # -- opening

    async def _open(self, accepted: socket.socket, peer: Client, place: Place, is_proxy: bool) -> None:
        """Make a connection of an accepted socket, or close it."""
        try:
            if is_proxy:
                peer, place = await self._behind_proxy(accepted, peer, place)
            await self._connect(accepted, peer, place)
        except (OSError, ProxyHeaderError, TimeoutError) as error:  # TLS: ssl.SSLError is an OSError
            log.debug("listener.not_opened", address=peer.address, error=str(error))
            place.release()
            accepted.close()
        except BaseException:
            place.release()
            accepted.close()
            raise

    async def _behind_proxy(self, accepted: socket.socket, peer: Client, place: Place) -> tuple[Client, Place]:
        """The client of the PROXY header, with a place of its own instead of the proxy's."""
        async with asyncio.timeout(self._settings.opening_seconds):
            named = await receive_proxy_header(accepted)
        if named is None:
            place.vouch()  # to close it would cost a client that the proxy is about to serve
            return Client(address=peer.address, port=peer.port, is_proxy=True), place
        is_proxy = named[0] in self._settings.trusted_proxies  # behind another one
        client, occupant = Client(address=named[0], port=named[1], is_proxy=is_proxy), place.occupant
        place.release()
        own = self._admission.admit(client.address, is_limited=not is_proxy)
        if isinstance(own, Refusal):
            self._refuse(accepted, client, own)
            raise ConnectionRefusedError(own.value)
        own.occupant = occupant
        if is_proxy:
            own.vouch()
        return client, own

    async def _connect(self, accepted: socket.socket, client: Client, place: Place) -> None:
        tls = self._settings.tls
        limits: dict[str, Any] = {}
        if tls is not None:
            seconds = self._settings.opening_seconds
            limits = {"ssl": tls, "ssl_handshake_timeout": seconds, "ssl_shutdown_timeout": seconds}
        await asyncio.get_running_loop().connect_accepted_socket(
            lambda: SmallReads(self._connected(client, place)), accepted, **limits
        )


class _Opening:
    """A connection before its protocol is made: what is left of it is a task."""

    __slots__ = ("_task",)

    def __init__(self, task: "asyncio.Task[None]") -> None:
        self._task = task

    def is_being_answered(self) -> bool:
        return False

    def evict(self) -> None:
        self._task.cancel()


class SmallReads(asyncio.BufferedProtocol):
    """Stands before a protocol so that one read takes READ_OCTETS at most; uvloop's own takes 256,000."""

    __slots__ = ("_protocol",)

    _buffer = memoryview(bytearray(READ_OCTETS))
    """One for all: it is empty again before the next read of any connection."""

    def __init__(self, protocol: asyncio.Protocol) -> None:
        self._protocol = protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._protocol.connection_made(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self._protocol.connection_lost(exc)

    def get_buffer(self, sizehint: int) -> memoryview:
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        self._protocol.data_received(bytes(self._buffer[:nbytes]))

    def eof_received(self) -> bool | None:
        return self._protocol.eof_received()

    def pause_writing(self) -> None:
        self._protocol.pause_writing()

    def resume_writing(self) -> None:
        self._protocol.resume_writing()
