"""Connections of customers until they are bound: accepted, told their client's address, encrypted, and bounded.

- Of the connections that are not bound at most `unbound_max` are kept, and `address_unbound_max` of one address, those
  in their TLS handshake included. Bound customers have the other places.
- A connection that finds no place gets the place of the oldest silent one: of its own address where that is full, else
  of the address with the most. A connection is silent while no bind of it waits for a response. Where none is silent
  the new connection is closed.
- A trusted proxy begins each connection with a PROXY header, in front of a TLS handshake too. A connection from a
  trusted proxy that has none counts as the proxy's own.
- PROXY header, TLS handshake and bind together have `bind_seconds`.
"""

import asyncio
import socket
import ssl
from collections.abc import Callable, Coroutine, Iterator
from functools import partial
from typing import Any, Final

import structlog
from msgspec.structs import replace

from heliograph.carriers.smpp.link import Link, LinkHandler, LinkSettings
from heliograph.config import ConfigError
from heliograph.core.networks import Networks, counted_address
from heliograph.engine.metrics import Metrics
from heliograph.net import listening
from heliograph.net.proxies import receive_proxy_header
from heliograph.net.tls_files import BadPair, server_context
from heliograph.smsc.settings import SmscSettings
from heliograph.wire.proxies import ProxyHeaderError
from heliograph.wire.smpp.session import Role

log = structlog.get_logger(__name__)

LISTEN_BACKLOG: Final = 512
ACCEPTED_AT_ONCE: Final = 64
"""In one turn of the event loop."""
ACCEPT_PAUSE_SECONDS: Final = 1.0
"""After an accept that failed: the process has no descriptor left."""

Address = tuple[str, int]
StartTask = Callable[[Coroutine[Any, Any, None]], "asyncio.Task[None]"]


class Arrival:
    """A connection that is not bound. `address` is its client's, as the socket or a trusted proxy gives it."""

    __slots__ = ("address", "counted", "link", "task")

    def __init__(self, address: Address) -> None:
        self.name(address)
        self.link: Link | None = None
        self.task: asyncio.Task[None] | None = None
        """Its way to a link; None once that is made."""

    def name(self, address: Address) -> None:
        self.address = address
        self.counted = counted_address(address[0])

    @property
    def is_silent(self) -> bool:
        return self.link is None or not self.link.is_binding

    def close(self, reason: str) -> None:
        if self.task is not None:
            self.task.cancel()
        if self.link is not None:
            self.link.close(reason)


class Unbound:
    """The connections that are not bound, by address, in the order in which they came."""

    def __init__(self, most: int, address_most: int) -> None:
        self._most = most
        self._address_most = address_most
        self._count = 0
        self._of_address: dict[str, dict[Arrival, None]] = {}

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[Arrival]:
        return iter([arrival for own in self._of_address.values() for arrival in own])

    def make_room(self, counted: str, *, is_full: bool = False) -> bool:
        """Whether one more connection of this address has a place, which may cost a silent one its own. is_full: the
        places of all customers, bound ones included, are taken."""
        own = self._of_address.get(counted, {})
        if len(own) >= self._address_most:
            return _close_oldest_silent(self, own)
        if self._count >= self._most or is_full:
            return bool(self) and _close_oldest_silent(self, max(self._of_address.values(), key=len))
        return True

    def add(self, arrival: Arrival) -> None:
        self._of_address.setdefault(arrival.counted, {})[arrival] = None
        self._count += 1

    def remove(self, arrival: Arrival) -> None:
        """Removing it again has no effect."""
        own = self._of_address.get(arrival.counted, {})
        if arrival in own:
            del own[arrival]
            self._count -= 1
            if not own:
                del self._of_address[arrival.counted]


def _close_oldest_silent(unbound: Unbound, among: dict[Arrival, None]) -> bool:
    silent = next((arrival for arrival in among if arrival.is_silent), None)
    if silent is None:
        return False
    unbound.remove(silent)
    silent.close("made room for another connection")
    return True


class Arrivals:
    def __init__(
        self, settings: SmscSettings, handler: LinkHandler, *, metrics: Metrics, start_task: StartTask
    ) -> None:
        self._settings = settings
        self._link_settings = _link_settings(settings)
        self._handler = handler
        self._refused = metrics.smpp_connections_refused
        self._start_task = start_task
        self._proxies: Networks = settings.trusted_proxies
        self._context: ssl.SSLContext | None = None
        self._sockets: list[socket.socket] = []
        self._unbound = Unbound(settings.unbound_max, settings.address_unbound_max)
        self._arrivals: dict[Link, Arrival | None] = {}
        """Every connection that has a link; None once it is bound."""
        self._bound = 0

    def __iter__(self) -> Iterator[Link]:
        return iter(list(self._arrivals))

    async def listen(self) -> None:
        """Take the port, without serving it yet. Raises ConfigError."""
        settings = self._settings
        self._context = _tls(settings)
        try:
            self._sockets = await _listening(settings.host, settings.port)
        except (OSError, ValueError) as error:
            raise ConfigError(
                f"can't listen on {settings.host}:{settings.port} for SMPP: {listening.reason(error)}: choose another"
                " smpp_port or smpp_host"
            ) from error

    def open(self) -> None:
        loop = asyncio.get_running_loop()
        for each in self._sockets:
            each.listen(LISTEN_BACKLOG)
            loop.add_reader(each, self._accept, each)

    def close(self) -> None:
        """Accept no more, and close what is not bound."""
        loop = asyncio.get_running_loop()
        sockets, self._sockets = self._sockets, []
        for each in sockets:
            loop.remove_reader(each)
            each.close()
        for arrival in self._unbound:
            if arrival.is_silent:
                arrival.close("the server is stopping")

    def bound(self, link: Link) -> None:
        """The link is bound: it has a place of the customers'."""
        arrival, self._arrivals[link] = self._arrivals.get(link), None
        if arrival is not None:
            self._unbound.remove(arrival)
            self._bound += 1

    def closed(self, link: Link) -> None:
        """The link is no more."""
        arrival = self._arrivals.pop(link, None)
        if arrival is not None:
            self._unbound.remove(arrival)
        else:
            self._bound -= 1

    # -- one connection

    def _accept(self, listening: socket.socket) -> None:
        for _ in range(ACCEPTED_AT_ONCE):
            try:
                accepted, address = listening.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:
                log.warning("smpp.accept_failed", error=error.strerror)
                self._pause(listening)
                return
            accepted.setblocking(False)
            self._arrive(accepted, Arrival((address[0], address[1])))

    def _pause(self, listening: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        loop.remove_reader(listening)
        loop.call_later(ACCEPT_PAUSE_SECONDS, self._go_on, listening)

    def _go_on(self, listening: socket.socket) -> None:
        if listening in self._sockets:
            asyncio.get_running_loop().add_reader(listening, self._accept, listening)

    def _arrive(self, accepted: socket.socket, arrival: Arrival) -> None:
        if self._add(arrival):
            arrival.task = self._start_task(self._connect(accepted, arrival))
            arrival.task.add_done_callback(partial(self._arrived, accepted, arrival))
        else:
            accepted.close()

    def _add(self, arrival: Arrival) -> bool:
        is_full = self._bound + len(self._unbound) >= self._settings.connections_max
        if self._unbound.make_room(arrival.counted, is_full=is_full):
            self._unbound.add(arrival)
            return True
        self._refused.inc()
        log.warning("smpp.connection_refused", address=arrival.address[0], reason="too many that are not bound")
        return False

    async def _connect(self, accepted: socket.socket, arrival: Arrival) -> None:
        loop = asyncio.get_running_loop()
        seconds = self._settings.bind_seconds
        deadline = loop.time() + seconds
        try:
            async with asyncio.timeout_at(deadline):
                if arrival.address[0] in self._proxies:
                    await self._learn_client(accepted, arrival)
                await loop.connect_accepted_socket(
                    partial(self._link, arrival, deadline),
                    accepted,
                    ssl=self._context,
                    ssl_handshake_timeout=seconds if self._context else None,
                )
        except (OSError, ProxyHeaderError) as error:  # TimeoutError and ssl.SSLError are OSErrors
            log.info("smpp.connection_failed", address=arrival.address[0], error=str(error) or type(error).__name__)

    async def _learn_client(self, accepted: socket.socket, arrival: Arrival) -> None:
        """The proxy's client is counted in place of the proxy."""
        client = await receive_proxy_header(accepted)
        if client is not None:
            self._unbound.remove(arrival)
            arrival.name(client)
            if not self._add(arrival):
                raise ConnectionRefusedError("too many connections that are not bound")

    def _link(self, arrival: Arrival, deadline: float) -> Link:
        link = Link(Role.SMSC, self._link_settings, self._handler, peer=arrival.address)
        link.on_made = partial(self._made, arrival, deadline)
        return link

    def _made(self, arrival: Arrival, deadline: float, link: Link) -> None:
        """The connection stands: what is left of the time is the bind's."""
        arrival.link = link
        self._arrivals[link] = arrival
        left = max(0.0, deadline - asyncio.get_running_loop().time())
        link.configure(replace(self._link_settings, bind_seconds=left))

    def _arrived(self, accepted: socket.socket, arrival: Arrival, _: "asyncio.Task[None]") -> None:
        arrival.task = None
        if arrival.link is None:
            self._unbound.remove(arrival)
            accepted.close()


def _link_settings(settings: SmscSettings) -> LinkSettings:
    return LinkSettings(
        enquire_link_seconds=settings.enquire_link_seconds,
        response_seconds=settings.response_seconds,
        bind_seconds=settings.bind_seconds,
        max_pdu_bytes=settings.pdu_max_bytes,
        unanswered_max=settings.unanswered_max,
        unbound_pdu_bytes=settings.unbound_pdu_bytes,
        unbound_pdus_max=settings.unbound_pdus_max,
        idle_pdus_max=settings.idle_pdus_max,
        send_buffer_bytes=settings.send_buffer_bytes,
    )


async def _listening(host: str, port: int) -> list[socket.socket]:
    """A socket on each address of the host. Raises OSError."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    sockets: list[socket.socket] = []
    try:
        for family, kind, protocol, _, address in dict.fromkeys(found):
            made = socket.socket(family, kind, protocol)
            sockets.append(made)
            made.setblocking(False)
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            made.bind(address)
    except OSError:
        for made in sockets:
            made.close()
        raise
    return sockets


def _tls(settings: SmscSettings) -> ssl.SSLContext | None:
    try:
        return server_context(settings.tls_cert, settings.tls_key, "smpp_")
    except BadPair as error:
        raise ConfigError(str(error)) from error
