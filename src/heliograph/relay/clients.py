"""Who is connected and who hears what.

A session hears its contexts, and besides them the context that is called like its own `protocol`, which is what a send
without a context gets. An ended session is remembered for a while, with its contexts, so that it can be resumed
(`ended.py`).
"""

import asyncio
import sys
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterable, Iterator
from typing import Final

from heliograph.ports import RelayClientStatus
from heliograph.relay.ended import EndedLimits, EndedSessions
from heliograph.relay.session import Session

HEARING_OCTETS: Final = 400
"""Of a context that one session hears, besides its name: its places in the tables here, and in the session."""

Context = tuple[str, str]
"""(project_id, name)"""


class Nobody(Exception):
    """No session hears it, or no more."""


class Clients:
    def __init__(self, now: Callable[[], float], return_seconds: float, ended: EndedLimits | None = None) -> None:
        """now: a monotonic clock. return_seconds: how long a session that ended may be expected back."""
        self._now = now
        self._return_seconds = return_seconds
        self._started = now()
        self._sessions: dict[str, Session] = {}
        self._hearing: dict[Context, list[Session]] = defaultdict(list)
        self._of_root: Counter[str] = Counter()
        self._octets: Counter[str] = Counter()
        """What the contexts that are heard take in memory, by root project."""
        self._ended = EndedSessions(ended or EndedLimits())
        self._turns: Counter[Context] = Counter()
        self._waiting: dict[Context, deque[asyncio.Future[None]]] = {}
        self._waiting_for: dict[str, deque[asyncio.Future[None]]] = {}
        self.reachable: Callable[[str, str], None] = lambda project_id, name: None
        """Told of a context, or a session's protocol, that has one more session to hear it."""

    def __iter__(self) -> Iterator[Session]:
        return iter(list(self._sessions.values()))

    def __len__(self) -> int:
        return len(self._sessions)

    def of_root(self, root_id: str) -> int:
        """Sessions of a root project and its subprojects."""
        return self._of_root[root_id]

    def context_octets(self, root_id: str) -> int:
        """What the contexts of these sessions take in memory."""
        return self._octets[root_id]

    def get(self, protocol: str) -> Session | None:
        return self._sessions.get(protocol)

    def hearing(self, project_id: str, context: str) -> list[Session]:
        """Those who hear a context, as they are now."""
        return self._hearing.get((project_id, context), [])

    def status(self, project_id: str) -> list[RelayClientStatus]:
        """Those of a project, longest connected first."""
        mine = [each for each in self._sessions.values() if each.project_id == project_id]
        return [each.status() for each in sorted(mine, key=lambda each: each.since)]

    # -- coming and going

    def add(self, session: Session) -> None:
        """It is connected and was told so: it hears from now on."""
        self._ended.remove(session.protocol)
        self._sessions[session.protocol] = session
        self._of_root[session.root_id] += 1
        self._octets[session.root_id] += octets_of(session.contexts)
        session.freed = self._freed
        for context in session.hears:
            self._hearing[session.project_id, context].append(session)
        for context in session.hears:
            self._came(session, context)

    def remove(self, session: Session) -> None:
        """Its connection is gone; what it has not acknowledged goes to others."""
        if self._sessions.get(session.protocol) is session:
            del self._sessions[session.protocol]
            self._ended.add(session.protocol, session.root_id, self._now(), tuple(session.contexts))
            self._of_root[session.root_id] -= 1
            self._octets[session.root_id] -= octets_of(session.contexts)
            if not self._of_root[session.root_id]:
                del self._of_root[session.root_id], self._octets[session.root_id]
            for context in session.hears:
                self._forget(session, context)
        session.ended()
        for context in session.hears:
            self._wake_all(session, context)

    def hear(self, session: Session, context: str) -> None:
        if context not in session.contexts:
            session.contexts[context] = None
            self._octets[session.root_id] += octets_of((context,))
            if context != session.protocol:
                self._hearing[session.project_id, context].append(session)
                self._came(session, context)

    def unhear(self, session: Session, context: str) -> None:
        if context in session.contexts:
            del session.contexts[context]
            self._octets[session.root_id] -= octets_of((context,))
            if context != session.protocol:
                self._forget(session, context)
            self._wake_all(session, context)

    def _forget(self, session: Session, context: str) -> None:
        key = (session.project_id, context)
        hearing = self._hearing.get(key, [])
        if session in hearing:
            hearing.remove(session)
        if not hearing:
            self._hearing.pop(key, None)
            self._turns.pop(key, None)

    # -- resuming

    def may_return(self, protocol: str) -> bool:
        """Whether an absent session has only just gone: ended, or was one of the process before this one."""
        known = self._ended.get(protocol)
        ended_at = self._started if known is None else known.at
        return self._now() - ended_at < self._return_seconds

    def recall(self, protocol: str, since: float) -> tuple[str, ...] | None:
        """The contexts of a session that ended after `since`; None where none did."""
        known = self._ended.get(protocol)
        return known.contexts if known is not None and known.at >= since else None

    def forget_ended(self, before: float) -> None:
        self._ended.forget_before(before)

    # -- choosing

    async def choose(self, project_id: str, context: str, without: set[Session]) -> Session:
        """One of those who hear the context and have room: the least busy, in turns where several are. Waits for room;
        raises Nobody where there is nobody but `without`."""
        key = (project_id, context)
        while True:
            chosen, is_heard = self._free(key, without)
            if chosen is not None:
                return chosen
            if not is_heard:
                raise Nobody
            await self._wait(self._waiting.setdefault(key, deque()))

    def _free(self, key: Context, without: set[Session]) -> tuple[Session | None, bool]:
        """Who is next, if anybody has room, and whether anybody hears it at all. Looks no further than to the first
        that has nothing to do: there may be thousands."""
        hearing = self._hearing.get(key)
        if not hearing:
            return None, False
        self._turns[key] += 1
        start, best, is_heard = self._turns[key], None, False
        for place in range(len(hearing)):
            each = hearing[(start + place) % len(hearing)]
            if not each.is_open or each in without:
                continue
            is_heard = True
            if each.has_room and (best is None or _busy(each) < _busy(best)):
                best = each
                if not each.outstanding and not each.is_deaf:
                    break
        return best, is_heard

    async def room(self, session: Session) -> None:
        """Wait until the session has room; raises Nobody when it has gone."""
        while not session.has_room:
            if not session.is_open:
                raise Nobody
            await self._wait(self._waiting_for.setdefault(session.identity, deque()))
        if not session.is_open:
            raise Nobody

    @staticmethod
    async def _wait(line: "deque[asyncio.Future[None]]") -> None:
        waiting: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        line.append(waiting)
        await waiting

    def _freed(self, session: Session) -> None:
        """One place: for whoever waits for this session, else for a context of its."""
        if _wake_next(self._waiting_for.get(session.identity)) or not self._waiting:
            return
        for context in session.hears:
            if _wake_next(self._waiting.get((session.project_id, context))):
                return

    def _came(self, session: Session, context: str) -> None:
        self._wake_all(session, context)
        self.reachable(session.project_id, context)

    def _wake_all(self, session: Session, context: str) -> None:
        for line in (
            self._waiting.pop((session.project_id, context), None),
            self._waiting_for.pop(session.identity, None),
        ):
            while _wake_next(line):
                pass


def octets_of(contexts: Iterable[str]) -> int:
    """What it takes in memory that one session hears these contexts."""
    return sum(HEARING_OCTETS + sys.getsizeof(context) for context in contexts)


def _busy(session: Session) -> tuple[bool, int]:
    return session.is_deaf, session.outstanding


def _wake_next(line: "deque[asyncio.Future[None]] | None") -> bool:
    while line:
        waiting = line.popleft()
        if not waiting.done():
            waiting.set_result(None)
            return True
    return False
