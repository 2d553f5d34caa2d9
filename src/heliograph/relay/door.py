"""The door: takes connections, keeps an eye on them, and lets them go.

Bounded: connections, time to connect, silence, what a client may leave unread. A client that breaks a rule loses its
own connection, nothing else.
"""

import asyncio
from collections.abc import Callable
from typing import Final

import structlog
import uuid_utils

from heliograph.engine.directory import Directory
from heliograph.ports import Clock
from heliograph.relay.calls import Calls
from heliograph.relay.clients import Clients
from heliograph.relay.login import Login
from heliograph.relay.peer import Answer, Peer, StartTask
from heliograph.relay.settings import RelaySettings
from heliograph.relay.socket import GOING_AWAY, REFUSED, TRY_LATER, Socket, Upgrade
from heliograph.wire.jsonrpc import Request

log = structlog.get_logger(__name__)

PULSE_SECONDS: Final = 1.0
"""How often the connections are looked over."""

FAREWELL_SECONDS: Final = 0.5
"""How long clients have, on a graceful stop, to acknowledge that they are disconnected."""


class Door:
    def __init__(  # noqa: PLR0913 - wired once, in parts.py; each is a different machine
        self,
        *,
        settings: RelaySettings,
        directory: Directory,
        clients: Clients,
        login: Login,
        calls: Calls,
        clock: Clock,
    ) -> None:
        self._settings = settings
        self._directory = directory
        self._clients = clients
        self._login = login
        self._calls = calls
        self._clock = clock
        self._peers: set[Peer] = set()
        self._seen_version = -1
        self._is_closing = False
        self._ended = asyncio.Event()
        self.start_task: StartTask = lambda work: asyncio.ensure_future(work)

    def __len__(self) -> int:
        return len(self._peers)

    def take(self, upgrade: Upgrade) -> asyncio.Protocol:
        """The protocol of a connection that asked for a WebSocket. It is never refused by an HTTP status: SignalWire's
        older SDK dies of that."""
        now = asyncio.get_running_loop().time()
        peer = Peer(self, upgrade.peer, now=now, limits=self._settings.peer, place=upgrade.place)
        return Socket(upgrade, peer, self._settings.socket)

    # -- as the owner of its peers

    async def serve(self, peer: Peer, request: Request) -> Answer:
        return await self._calls.serve(peer, request)

    def opened(self, peer: Peer) -> None:
        if self._is_closing or len(self._peers) >= self._settings.clients_max:
            asyncio.get_running_loop().call_soon(peer.socket.close, TRY_LATER, "too many clients, or stopping")
        self._peers.add(peer)

    def idle(self, peer: Peer) -> None:
        self._ended.set()

    def closed(self, peer: Peer) -> None:
        self._peers.discard(peer)
        self._ended.set()
        session = peer.session
        if session is not None:
            log.info("relay.disconnected", project_id=session.project_id, session=session.identity)
            self._clients.remove(session)

    # -- machines

    async def pulse(self) -> None:
        """Ping who is connected, drop who is silent or never connects, for as long as the server runs."""
        while True:
            await asyncio.sleep(PULSE_SECONDS)
            now = asyncio.get_running_loop().time()
            for peer in list(self._peers):
                self._look(peer, now)
            self._clients.forget_ended(self._clock.monotonic() - self._settings.resume_seconds)

    def _look(self, peer: Peer, now: float) -> None:
        settings, session = self._settings, peer.session
        if session is None:
            if now - peer.opened_at > settings.connect_seconds:
                peer.socket.close(REFUSED, "nobody connected in time")
        elif now - peer.heard_at > settings.silence_seconds and not peer.working:
            log.info("relay.silent", project_id=session.project_id, session=session.identity)
            peer.socket.abort()
        elif now - peer.pinged_at >= settings.ping_seconds:
            peer.pinged_at = now
            ping = session.dialect.ping(str(uuid_utils.uuid4()), self._clock.now() / 1e6)
            if ping is not None:
                peer.socket.send(ping)
            peer.socket.ping()

    async def watch(self) -> None:
        """Close the sessions whose token is no more, for as long as the server runs."""
        while True:
            await asyncio.sleep(self._settings.directory_poll_seconds)
            if self._directory.version != self._seen_version:
                self._seen_version = self._directory.version
                holds = self._login.tokens()
                for session in self._clients:
                    if (session.project_id, session.principal.token_id) not in holds:
                        log.info("relay.token_ended", project_id=session.project_id, session=session.identity)
                        session.socket.close(REFUSED, "the token was revoked")

    # -- stopping

    async def close(self, seconds: float) -> None:
        """Take nobody any more, answer what is in work, say goodbye; by the time given."""
        self._is_closing = True
        for session in self._clients:
            session.socket.send(session.dialect.disconnect(str(uuid_utils.uuid4())))
        await self._until(lambda: not any(peer.working for peer in self._peers), seconds / 2)
        await self._until(lambda: not self._peers, min(FAREWELL_SECONDS, seconds / 4))
        for peer in list(self._peers):
            peer.socket.close(GOING_AWAY, "the server is stopping")
        await self._until(lambda: not self._peers, seconds / 4)

    async def _until(self, done: Callable[[], bool], seconds: float) -> None:
        """Wait for something that comes true by a request's or a connection's end."""
        try:
            async with asyncio.timeout(seconds):
                while not done():
                    self._ended.clear()
                    await self._ended.wait()
        except TimeoutError:
            return
