"""What speaks JSON-RPC over one socket: reads requests, has them answered, a bounded number at once.

Requests are answered as they are done, in any order. Beyond `limits.requests` in work those that were read wait, and no
more is read of the connection: who sends faster than the store writes is slowed down by TCP. Responses never wait.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Protocol

import structlog
from msgspec import Struct

from heliograph.relay.session import Session
from heliograph.relay.socket import PROTOCOL_ERROR, REFUSED, HeldPlace, Socket
from heliograph.wire import jsonrpc
from heliograph.wire.jsonrpc import Malformed, Request, Response, RpcError

log = structlog.get_logger(__name__)

StartTask = Callable[[Coroutine[Any, Any, None]], "asyncio.Task[None]"]


class Answer(Struct, frozen=True, kw_only=True):
    """A result, and what is to be done once it is written."""

    result: object
    then: Callable[[], None] | None = None


class Owner(Protocol):
    """Whose peers they are."""

    start_task: StartTask

    async def serve(self, peer: "Peer", request: Request) -> Answer:
        """Answer one request; raises RpcError."""
        ...

    def opened(self, peer: "Peer") -> None: ...

    def idle(self, peer: "Peer") -> None:
        """All its requests are answered."""

    def closed(self, peer: "Peer") -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class PeerLimits:
    """requests: in work at once. malformed: frames that are not JSON-RPC, the last of which closes the connection.
    stranger_requests: requests of a client that has not logged in; one more closes the connection."""

    requests: int
    malformed: int
    stranger_requests: int


class Peer:
    """A socket's Handler. `session`: who it is, once it has connected."""

    __slots__ = (
        "_limits",
        "_malformed",
        "_owner",
        "_place",
        "_strange",
        "_waiting",
        "_working",
        "address",
        "heard_at",
        "opened_at",
        "pinged_at",
        "session",
        "socket",
    )

    def __init__(
        self, owner: Owner, address: str, *, now: float, limits: PeerLimits, place: HeldPlace | None = None
    ) -> None:
        self._owner = owner
        self._place = place
        self.address = address
        self.opened_at = self.heard_at = self.pinged_at = now
        self.session: Session | None = None
        self.socket: Socket
        self._limits = limits
        self._waiting: deque[Request] = deque()
        self._working = 0
        self._malformed = 0
        self._strange = 0

    @property
    def working(self) -> int:
        """Requests without their answer."""
        return self._working + len(self._waiting)

    def release_place(self) -> None:
        """The place among its address's connections: a client that has logged in counts with its project's instead."""
        if self._place is not None:
            self._place.release()

    # -- as the handler of its socket

    def on_open(self, socket: Socket) -> None:
        self.socket = socket
        self._owner.opened(self)

    def on_message(self, frame: bytes) -> None:
        self._heard()
        try:
            read = jsonrpc.parse(frame)
        except Malformed as malformed:
            self._refuse(malformed)
            return
        if isinstance(read, Response):
            if self.session is not None:
                self.session.on_response(read)
        elif self._is_tiresome():
            self.socket.close(REFUSED, "signalwire.connect must come first")
        elif self._working >= self._limits.requests:
            self._waiting.append(read)
            self.socket.pause()
        else:
            self._start(read)

    def _is_tiresome(self) -> bool:
        """A stranger that asks and asks."""
        if self.session is None:
            self._strange += 1
        return self._strange > self._limits.stranger_requests

    def on_pong(self, payload: bytes) -> None:
        self._heard()
        if self.session is not None:
            self.session.on_pong(payload)

    def on_closed(self) -> None:
        self._waiting.clear()
        self.release_place()
        self._owner.closed(self)

    def _heard(self) -> None:
        self.heard_at = asyncio.get_running_loop().time()

    def _refuse(self, malformed: Malformed) -> None:
        """A Blade client dies of a response that it can't place, so it is told by the close alone."""
        self._malformed += 1
        if self.session is None or self.session.dialect.answers_anything or malformed.id is not None:
            self.socket.send(jsonrpc.error(malformed.id, malformed.code, malformed.message))
            if self._malformed < self._limits.malformed:
                return
        self.socket.close(PROTOCOL_ERROR, malformed.message)

    # -- requests

    def _start(self, request: Request) -> None:
        self._working += 1
        self._owner.start_task(self._work(request))

    async def _work(self, request: Request) -> None:
        try:
            answer = await self._owner.serve(self, request)
            written = jsonrpc.result(request.id, answer.result) if request.wants_answer else None
        except RpcError as error:
            self._fail(request, error.code, error.message)
        except Exception:
            log.exception("relay.request_broke", method=request.method)
            self._fail(request, jsonrpc.INTERNAL_ERROR, "The server failed. Tell its operator the time.")
        else:
            if written is not None:
                self.socket.send(written)
            if answer.then is not None:
                answer.then()
        finally:
            self._working -= 1
            self._go_on()

    def _fail(self, request: Request, code: int, message: str) -> None:
        if request.wants_answer:
            self.socket.send(jsonrpc.error(request.id, code, message))

    def _go_on(self) -> None:
        if self._waiting:
            self._start(self._waiting.popleft())
            if not self._waiting:
                self.socket.resume()
        elif not self._working:
            self._owner.idle(self)
