"""uvicorn's server with the connections of `net/listener.py`: bounded, counted by address, behind proxies or not."""

import asyncio
import socket
from collections.abc import Iterator, Sized
from contextlib import contextmanager

import structlog
import uvicorn

from heliograph.config import Config
from heliograph.core.networks import Networks
from heliograph.net import descriptors
from heliograph.net.admission import Admission, Place
from heliograph.net.listener import Client, Listener, ListenerSettings

log = structlog.get_logger(__name__)

LISTEN_BACKLOG = 2048
"""Connections that the kernel may hold for us."""

FAREWELL = b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 1\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
"""To a client that is not admitted."""


class HttpServer(uvicorn.Server):
    """uvicorn without its own signal handling and its own listening sockets: this program decides when it stops, and
    which connections it accepts."""

    def __init__(self, settings: uvicorn.Config, admission: Admission, config: Config, trusted: Networks) -> None:
        super().__init__(settings)
        self._admission = admission
        self._opening_seconds: float = config.request_seconds
        self._trusted = trusted

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """As uvicorn's own for given sockets, with other listeners."""
        await self.lifespan.startup()
        settings = ListenerSettings(
            backlog=LISTEN_BACKLOG,
            opening_seconds=self._opening_seconds,
            tls=self.config.ssl,
            trusted_proxies=self._trusted,
            farewell=FAREWELL,
        )
        listeners = [Listener(each, self._connected, self._admission, settings) for each in sockets or []]
        self.servers = listeners  # type: ignore[assignment]  # of which uvicorn uses close and wait_closed
        for listener in listeners:
            listener.start()
        self.started = True

    def _connected(self, client: Client, place: Place) -> asyncio.Protocol:
        protocol: asyncio.Protocol = self.config.http_protocol_class(  # type: ignore[call-arg]  # as guarded() has it
            config=self.config,
            server_state=self.server_state,
            app_state=self.lifespan.state,
            accepted=client,
            place=place,
        )
        return protocol


def admission(config: Config, relay_clients: Sized) -> Admission:
    """Places for the connections of HTTP. Relay's clients gave theirs back, but use a descriptor each."""
    smpp = config.smpp_connections_max if config.smpp_port else 0
    kept = config.descriptors_kept + smpp
    wanted = config.http_connections_max + config.relay_clients_max
    usable = descriptors.for_clients(descriptors.allow(wanted + kept), kept)
    if usable < config.http_connections_max:
        log.warning("server.few_descriptors", connections=usable, wanted=config.http_connections_max)
    return Admission(
        total_max=config.http_connections_max,
        address_max=config.http_address_connections_max,
        sockets_max=usable,
        beside=lambda: len(relay_clients),
    )


class ForwardedHttps:
    """Warns once where clients use HTTPS to a proxy, and `public_url`, which would say so, is unset."""

    def __init__(self, base_url: str) -> None:
        self._base_url = base_url
        self._is_said = False

    def __call__(self) -> None:
        if not self._is_said:
            self._is_said = True
            log.warning("http.public_url_unset", links=self._base_url, advice="set public_url to the https:// address")
