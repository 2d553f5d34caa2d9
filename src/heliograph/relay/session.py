"""A client that has said who it is: what it hears, and what it was told and has not acknowledged.

An event takes a place in the session's window until it is acknowledged, which a client does before it looks at it
(SignalWire's SDKs do). A session that asked for no acknowledgements has taken an event when that is written.
"""

import asyncio
from collections import OrderedDict, deque
from collections.abc import Callable
from enum import Enum
from typing import Final

import uuid_utils

from heliograph.engine.directory import Principal
from heliograph.ports import RelayClientStatus
from heliograph.relay.dialects import Dialect
from heliograph.relay.socket import Socket
from heliograph.wire import relay
from heliograph.wire.jsonrpc import Response
from heliograph.wire.relay import Members

SETTLE_SECONDS: Final = 0.1
"""From a send's result to the first event of its message. SignalWire's Python SDK registers the id only after it has
handled what it read together with the result, and drops an event of an id that it does not know."""


class Taken(Enum):
    """What became of an event."""

    YES = "acknowledged"
    REFUSED = "refused"
    SILENCE = "unacknowledged"
    LOST = "lost"


class Session:
    def __init__(  # noqa: PLR0913 - made in one place, by Calls
        self,
        socket: Socket,
        *,
        principal: Principal,
        root_id: str,
        protocol: str,
        signature: str,
        dialect: Dialect,
        agent: str,
        acks: bool,
        window: int,
        fresh_max: int,
        ack_seconds: float,
        address: str,
        since: int,
    ) -> None:
        """root_id: the project, or the one that it is a subproject of. fresh_max: sends of the last SETTLE_SECONDS
        that are remembered."""
        self.socket = socket
        self.principal = principal
        self.project_id = principal.project_id
        self.root_id = root_id
        self.protocol = protocol
        self.signature = signature
        self.identity = str(uuid_utils.uuid4())
        self.dialect = dialect
        self.agent = agent
        self.acks = acks
        self.window = window
        self.address = address
        self.since = since
        self.contexts: dict[str, None] = {}
        self.coming: dict[str, None] = {}
        """Contexts that it was told it hears, and does from a moment later on (Dialect.subscribed_seconds)."""
        self.sends = 0
        self.events = 0
        self.outstanding = 0
        self.is_deaf = False
        """It left an event without its acknowledgement, and has acknowledged none since: others come first."""
        self.freed: Callable[[Session], None] = lambda session: None
        """Told of each place in the window that became free."""
        self._fresh_max = fresh_max
        self._ack_seconds = ack_seconds
        self._unacknowledged: dict[str, asyncio.Future[Taken]] = {}
        self._fresh: OrderedDict[str, float] = OrderedDict()
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._next_event = 0

    @property
    def is_open(self) -> bool:
        return self.socket.is_open

    @property
    def has_room(self) -> bool:
        return self.outstanding < self.window

    @property
    def hears(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys((self.protocol, *self.contexts)))

    def __str__(self) -> str:
        """For people: which client this is."""
        return f"{self.identity} ({self.agent}, {self.address})"

    def status(self) -> RelayClientStatus:
        return RelayClientStatus(
            session=self.identity,
            agent=self.agent,
            address=self.address,
            dialect=self.dialect.name,
            since=self.since,
            contexts=tuple(self.contexts),
            sends=self.sends,
            events=self.events,
            unacknowledged=self.outstanding,
        )

    # -- events

    def tell(self, params: Members) -> "asyncio.Future[Taken]":
        """Write an event; the future says what became of it. The caller has looked that there is room."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Taken] = loop.create_future()
        self._next_event += 1
        id = f"{self.identity}/{self._next_event}"
        self.events += 1
        self.outstanding += 1
        self._unacknowledged[id] = future
        self.socket.send(self.dialect.event(id, self.protocol, params))
        if not self.is_open:
            self._settle(id, Taken.LOST)
        elif not self.acks:
            self._settle(id, Taken.YES)
        else:
            if not self.dialect.answers_events:
                self.socket.ping(id.encode())
            timer = loop.call_later(self._ack_seconds, self._settle, id, Taken.SILENCE)
            future.add_done_callback(lambda _: timer.cancel())
        return future

    def announce(self, event_type: str, params: Members, at: int) -> None:
        """Tell something that nobody waits for."""
        self._next_event += 1
        told = relay.event(event_type, params, project_id=self.project_id, at=at)
        self.socket.send(self.dialect.event(f"{self.identity}/{self._next_event}", self.protocol, told))

    def on_response(self, response: Response) -> None:
        if not response.failed:
            self.is_deaf = False
        if isinstance(response.id, str):
            self._settle(response.id, Taken.REFUSED if response.failed else Taken.YES)

    def on_pong(self, payload: bytes) -> None:
        """Pongs come in the order of the pings, and a client may answer the last of several only (RFC 6455, 5.5.3)."""
        if self.dialect.answers_events or not self._unacknowledged:
            return
        given = payload.decode("ascii", "replace")
        if given in self._unacknowledged:
            for id in list(self._unacknowledged):
                self._settle(id, Taken.YES)
                if id == given:
                    return

    def _settle(self, id: str, taken: Taken) -> None:
        """A late answer, or one to something else, finds nothing here."""
        future = self._unacknowledged.pop(id, None)
        if future is not None:
            self.outstanding -= 1
            if taken in (Taken.YES, Taken.SILENCE):
                self.is_deaf = taken is Taken.SILENCE
            if not future.done():
                future.set_result(taken)
            self.freed(self)

    # -- sends

    def answered(self, message_id: str) -> None:
        """The result of a send was just written."""
        self.sends += 1
        now = asyncio.get_running_loop().time()
        self._fresh[message_id] = now
        while len(self._fresh) > self._fresh_max or now - next(iter(self._fresh.values())) >= SETTLE_SECONDS:
            self._fresh.popitem(last=False)

    async def settled(self, message_id: str) -> None:
        """Wait until the client has had the time to learn the id of a message that it sent."""
        answered_at = self._fresh.pop(message_id, None)
        if answered_at is not None:
            left = answered_at + SETTLE_SECONDS - asyncio.get_running_loop().time()
            if left > 0:
                await asyncio.sleep(left)

    # -- its end

    def ended(self) -> None:
        """Its connection is gone."""
        for id in list(self._unacknowledged):
            self._settle(id, Taken.LOST)
