"""Deferred messages of one carrier: those that it refused for now, until they are handed over again.

The problem: a full inbox, or a country that a carrier does not reach, refuses thousands of messages, each of which is
tried again until its validity ends. They must fill neither the memory nor the carrier's window.

States. A deferred message is on disk with the moment of its next try (`retry_at`) and what was tried so far. When it is
due it is read back (`read`) and waits here; then it is in hand (`take`) while its hand-over is written; then it is in
flight, and no longer deferred, until the carrier answers.

Invariants
- Memory holds at most `memory_max` due messages, `project_max` of one root project with its subprojects, and
  `destination_max` of one destination. More wait on disk.
- Root projects take turns, and so do the destinations of a project. A destination has a bounded share of the window.
- Messages of one destination are tried in the order of their `retry_at`.
- A message whose validity ends before the answer to a retry may be expected is not tried again: it stays deferred, and
  expires as what it is, refused for now.

Races. A read under way may return a message that was handed over or ended meanwhile: what leaves during a read is
remembered in `_left`. Between `take` and the written hand-over a message may end: `forget` removes it from `_held`, and
the lane asks `holds` before it submits. A read may miss a deferral that is written meanwhile: `add` keeps its moment in
`_next`.
"""

from collections import Counter, OrderedDict, deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

from heliograph.core.message import Message
from heliograph.engine.transition import Transitions
from heliograph.ports import DeferredMessage, Store

READ_MAX = 200
"""Deferred messages read back at once."""

READS_MAX = 4
"""Reads in one turn: a project with many due messages costs the others this much time at most."""

BEGINNING = (-1, "00000000-0000-0000-0000-000000000000")
FOREVER = 2**62

Destination = tuple[str, str]
"""Project and recipient."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RetrySettings:
    """window_share: of a carrier's window, for retries while other messages wait; see engine/lane.py."""

    memory_max: int
    project_max: int
    destination_max: int
    window_share: float


@dataclass(slots=True, eq=False)
class _Held:
    """is_waiting: set while it waits here, cleared when it is in hand."""

    deferred: DeferredMessage
    root: str
    is_waiting: bool = True


class RetryQueue:
    """`root_of`: the root project of a project."""

    def __init__(
        self,
        carrier: str,
        store: Store,
        transitions: Transitions,
        root_of: Callable[[str], str],
        settings: RetrySettings,
    ) -> None:
        self._carrier = carrier
        self._store = store
        self._transitions = transitions
        self._root_of = root_of
        self._settings = settings
        self._next: dict[str, int] = {}
        """By project, the earliest moment at which one of its messages on disk may be due."""
        self._after: dict[str, tuple[int, str]] = {}
        """By project, how far the pass through its due messages has come; no entry: it starts anew."""
        self._passed_over: set[str] = set()
        """Projects with due messages that the present pass had no room for."""
        self._due: OrderedDict[str, OrderedDict[Destination, deque[_Held]]] = OrderedDict()
        """By root project, then by destination; each in the order of their turns."""
        self._held: dict[str, _Held] = {}
        """Those that are due here or in hand, by id."""
        self._of_root: Counter[str] = Counter()
        self._in_flight: Counter[Destination] = Counter()
        self._left: set[str] | None = None
        """While a read is under way: the ids that left meanwhile."""
        self._aside: set[str] = set()
        """Those that are just being sent another way: not read back."""
        self.ready = 0
        """Due messages that wait here."""

    # -- what is on disk

    def add(self, project_id: str, retry_at: int) -> None:
        """A message of the project is deferred on disk until a moment."""
        self._next[project_id] = min(retry_at, self._next.get(project_id, FOREVER))

    def projects(self) -> list[str]:
        """Those that may have deferred messages."""
        return list({*self._next, *(held.deferred.message.project_id for held in self._held.values())})

    async def read(self, now: int) -> None:
        """Read back what is due, as far as there is room; projects in turn."""
        due = [project_id for project_id, at in self._next.items() if at <= now]
        for project_id in due[:READS_MAX]:
            if len(self._held) >= self._settings.memory_max:
                return
            del self._next[project_id]  # to the end of the line
            try:
                await self._read(project_id, now)
            except BaseException:
                self.add(project_id, now)
                raise

    async def _read(self, project_id: str, now: int) -> None:
        """One page of the pass through the project's due messages."""
        after = self._after.pop(project_id, BEGINNING)
        found = await self._page(project_id, now, after, READ_MAX)
        for each in found:
            if not self._put(each):
                self._passed_over.add(project_id)
        if len(found) == READ_MAX:
            self._after[project_id] = (found[-1].retry_at, found[-1].message.id)
            self.add(project_id, now)
        elif project_id in self._passed_over:
            self._passed_over.discard(project_id)
            self.add(project_id, now)
        else:
            for first in await self._page(project_id, FOREVER, (now, BEGINNING[1]), 1):
                self.add(project_id, first.retry_at)

    async def _page(self, project_id: str, until: int, after: tuple[int, str], limit: int) -> list[DeferredMessage]:
        """Without those that left while it was read."""
        left = self._left = set()
        read = partial(self._store.deferred, self._carrier, project_id, until=until, after=after, limit=limit)
        try:
            found = await self._transitions.persist(read)
        finally:
            self._left = None
        return [each for each in found if each.message.id not in left]

    def _put(self, each: DeferredMessage) -> bool:
        """False where there is no room for it."""
        message, settings = each.message, self._settings
        if message.id in self._held or message.id in self._aside:
            return True
        root, destination = self._root_of(message.project_id), _destination(message)
        if (
            len(self._held) >= settings.memory_max
            or self._of_root[root] >= settings.project_max
            or self._waiting_for(root, destination) >= settings.destination_max
        ):
            return False
        held = self._held[message.id] = _Held(each, root)
        self._due.setdefault(root, OrderedDict()).setdefault(destination, deque()).append(held)
        self._of_root[root] += 1
        self.ready += 1
        return True

    def _waiting_for(self, root: str, destination: Destination) -> int:
        destinations = self._due.get(root)
        return len(destinations[destination]) if destinations and destination in destinations else 0

    # -- on their way

    def take(self, most: int, of_destination: int, answered_at: int) -> list[DeferredMessage]:
        """At most so many to be handed over, so many of one destination in flight counted in. `answered_at`: when the
        answer may be expected; a message whose validity ends by then stays deferred, and waits for the sweeper."""
        taken: list[DeferredMessage] = []
        has_more = True
        while has_more and len(taken) < most:
            has_more = False
            for root in list(self._due)[: most - len(taken)]:
                each = self._next_of(root, of_destination, answered_at)
                if each is not None:
                    taken.append(each)
                    has_more = True
                if root in self._due:
                    self._due.move_to_end(root)
        return taken

    def _next_of(self, root: str, of_destination: int, answered_at: int) -> DeferredMessage | None:
        """The next one of a root project that may go, its destinations in turn."""
        destinations = self._due[root]
        for destination in list(destinations):
            if self._in_flight[destination] >= of_destination:
                continue
            waiting = destinations[destination]
            while waiting:
                held = waiting[0]
                self._unqueue(held)
                if held.deferred.message.expires_at > answered_at:
                    self._in_flight[destination] += 1
                    if waiting:
                        destinations.move_to_end(destination)
                    return held.deferred
                self._release(held.deferred.message.id)
        return None

    def _unqueue(self, held: _Held) -> None:
        """It waits here no longer."""
        destinations = self._due[held.root]
        destination = _destination(held.deferred.message)
        destinations[destination].remove(held)
        held.is_waiting = False
        self.ready -= 1
        self._of_root[held.root] -= 1
        if not self._of_root[held.root]:
            del self._of_root[held.root]
        if not destinations[destination]:
            del destinations[destination]
        if not destinations:
            del self._due[held.root]

    def holds(self, message_id: str) -> bool:
        """Whether it is still deferred, as far as is known here: due or in hand."""
        return message_id in self._held

    def in_hand(self, message_id: str) -> bool:
        """Whether its hand-over is being written."""
        held = self._held.get(message_id)
        return held is not None and not held.is_waiting

    def all_in_hand(self) -> set[str]:
        """Those whose hand-over is being written."""
        return {message_id for message_id, held in self._held.items() if not held.is_waiting}

    def handed_over(self, message_id: str) -> None:
        """It is on disk as handed over, or has ended."""
        self._release(message_id)

    def not_handed_over(self, message: Message, now: int) -> None:
        """Its hand-over failed: it is read back."""
        self._release(message.id)
        self.answered(message)
        self.add(message.project_id, now)

    def answered(self, message: Message) -> None:
        """A message that was taken is in flight no longer."""
        destination = _destination(message)
        self._in_flight[destination] -= 1
        if self._in_flight[destination] <= 0:
            del self._in_flight[destination]

    def forget(self, message_id: str) -> bool:
        """It has ended, or goes another way. Whether it was due here or in hand."""
        held = self._held.get(message_id)
        if held is not None and held.is_waiting:
            self._unqueue(held)
        self._release(message_id)
        return held is not None

    @contextmanager
    def set_aside(self, messages: Sequence[DeferredMessage]) -> Iterator[list[DeferredMessage]]:
        """Those of these that are not in hand, and won't be while they are sent another way."""
        mine = [each for each in messages if not self.in_hand(each.message.id)]
        for each in mine:
            self.forget(each.message.id)
        ids = {each.message.id for each in mine}
        self._aside |= ids
        try:
            yield mine
        finally:
            self._aside -= ids
            if self._left is not None:
                self._left |= ids

    def _release(self, message_id: str) -> None:
        self._held.pop(message_id, None)
        if self._left is not None:
            self._left.add(message_id)


def _destination(message: Message) -> Destination:
    return message.project_id, message.to_number
