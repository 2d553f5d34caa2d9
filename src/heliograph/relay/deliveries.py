"""What goes to Relay clients: states of what they sent, and inbound messages (a ports.Notifier).

Each is a callback that is owed on disk until a client acknowledges it; engine/callbacks.py hands it here while somebody
is there to hear it. Who does not acknowledge in time, or goes away, is passed over: another client of the context is
told. So a client may hear of the same thing twice, and everything is heard once at least.
"""

from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from heliograph.core.message import Direction, Media, Message
from heliograph.core.retry import RetryPolicy
from heliograph.engine import notify
from heliograph.engine.handler import media_address
from heliograph.engine.metrics import Metrics
from heliograph.engine.notify import RelayOrigin
from heliograph.ports import DueCallback, Told
from heliograph.relay.clients import Clients, Nobody
from heliograph.relay.session import Session, Taken
from heliograph.wire import relay
from heliograph.wire.relay import Members

MediaOf = Callable[[Message], Awaitable[Sequence[Media]]]
Note = Callable[[Message, str], None]
"""Told, for the message's timeline, who got it."""

MISSED_MAX: Final = 20_000
"""Origins remembered that somebody was wanted for."""

ERROR_MAX: Final = 500
"""Characters of an attempt's error that are kept."""

TAKEN: Final = 200


class Deliveries:
    def __init__(
        self,
        clients: Clients,
        metrics: Metrics,
        media_of: MediaOf,
        base_url: Callable[[], str],
        attempts_max: int,
    ) -> None:
        """attempts_max: for one session at once. Those of fresh sends pause, so the window alone would slow them
        down."""
        self._clients = clients
        self._metrics = metrics
        self._media_of = media_of
        self._base_url = base_url
        self._attempts_max = attempts_max
        self._missed: dict[tuple[str, str], set[str]] = defaultdict(set)
        self._missed_count = 0
        self.policy: RetryPolicy | None = None
        self.note: Note = lambda message, detail: None
        self.wake: Callable[[str], None] = lambda origin: None
        clients.reachable = self._reachable

    # -- as a ports.Notifier

    def reachable(self, origin: str) -> bool:
        whom = notify.relay_origin(origin)
        if self._is_heard(whom):
            return True
        self._miss(origin, whom)
        return False

    def _is_heard(self, whom: RelayOrigin) -> bool:
        if whom.session:
            sender = self._clients.get(whom.session)
            if sender is not None and sender.is_open:
                return True
            if self._clients.may_return(whom.session):
                return False
        return any(each.is_open for each in self._clients.hearing(whom.project_id, whom.context))

    def _miss(self, origin: str, whom: RelayOrigin) -> None:
        """Somebody was wanted who may come."""
        if self._missed_count >= MISSED_MAX:
            self._missed.clear()  # the polls of the engine find them
            self._missed_count = 0
        for name in {whom.context, whom.session or whom.context}:
            if origin not in self._missed[whom.project_id, name]:
                self._missed[whom.project_id, name].add(origin)
                self._missed_count += 1

    def concurrency(self, origin: str) -> int:
        whom = notify.relay_origin(origin)
        if not whom.inbound:
            return self._attempts_max
        hearing = self._clients.hearing(whom.project_id, whom.context)
        return len(hearing) * hearing[0].window if hearing else 0  # all sessions have the same

    async def attempt(self, due: DueCallback) -> Told:
        """Tell one client after the other until one acknowledges."""
        origin = notify.origin(due.message, due.state)
        if origin is None:  # what was owed by another version's rules
            return Told(error="nobody is to be told of this", final=True)
        whom = notify.relay_origin(origin)
        params = await self._params(due, whom)
        passed_over: dict[Session, Taken] = {}
        while True:
            try:
                session = await self._choose(whom, due, passed_over)
            except Nobody:
                break
            taken = await session.tell(params)
            self._metrics.relay_events[taken.value].inc()
            if taken is Taken.YES:
                if due.message.direction is Direction.INBOUND:
                    self.note(due.message, str(session))
                return Told(code=TAKEN)
            passed_over[session] = taken
        silent = [session for session, taken in passed_over.items() if taken is not Taken.LOST]
        if not silent:
            return Told(reached=False)
        return Told(error=f"not acknowledged by {', '.join(map(str, silent))}"[:ERROR_MAX])

    # -- whom, and what

    async def _choose(self, whom: RelayOrigin, due: DueCallback, passed_over: dict[Session, Taken]) -> Session:
        """The session that sent it, while it is there; else one that hears the context. Raises Nobody."""
        sender = self._clients.get(whom.session) if whom.session else None
        if sender is not None and sender not in passed_over:
            await sender.settled(due.message.id)
            await self._clients.room(sender)
            return sender
        return await self._clients.choose(whom.project_id, whom.context, set(passed_over))

    async def _params(self, due: DueCallback, whom: RelayOrigin) -> Members:
        message = due.message
        inbound = message.direction is Direction.INBOUND
        media: Sequence[str] = message.media_urls
        if inbound and message.num_media:
            media = [media_address(self._base_url(), each) for each in await self._media_of(message)]
        told = relay.message_event(message, due.state, due.error_code, context=whom.context, media=media)
        kind = relay.MESSAGE_RECEIVED if inbound else relay.MESSAGE_STATE
        return relay.event(kind, told, project_id=message.project_id, at=due.at)

    def _reachable(self, project_id: str, name: str) -> None:
        """A context, or a session, has somebody: what waited for it goes on."""
        missed = self._missed.pop((project_id, name), set())
        self._missed_count -= len(missed)
        for origin in missed:
            self.wake(origin)
