"""Places for work under way, shared by owners in turn.

Rules:
- So many places in all, and so many for one owner. Each owner's work waits in a queue of its own; free places go to the
  owners in turn.
- Half of the places belong to owners whose work ends in time. An owner whose work was late shares the other half with
  its like for `late_seconds`: work that hangs can use up the places of owners whose work hangs, and no others.
- Work that turns out to be late moves to the other half at once, even where that is full: what it held is free for
  owners in time. Late work of many owners can so occupy more than the half; all work together occupies at most twice
  the places.
- An owner has at most `waiting_max` works in its queue.
"""

import asyncio
from collections import Counter, deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

OWNERS_KEPT = 10_000
"""Owners remembered as late; beyond it those whose time is over are forgotten."""


class QueueFull(Exception):
    """The owner has `waiting_max` works that wait for a place."""


@dataclass(slots=True)
class _Half:
    """Half of the places. `in_turn`: owners with work that may start, each once."""

    places: int
    taken: int = 0
    in_turn: deque[str] = field(default_factory=deque)


@dataclass(slots=True)
class Place:
    owner: str
    half: _Half


class Shares:
    """Belongs to one event loop. `time`: a monotonic clock, in seconds."""

    def __init__(
        self, *, places: int, owner_places: int, waiting_max: int, late_seconds: float, time: Callable[[], float]
    ) -> None:
        self._most = 2 * places
        self._prompt = _Half(places=max(1, places - places // 2))
        self._late = _Half(places=max(1, places // 2))
        self._owner_places = owner_places
        self._waiting_max = waiting_max
        self._late_seconds = late_seconds
        self._time = time
        self._waiting: dict[str, deque[asyncio.Future[Place]]] = {}
        self._taken: Counter[str] = Counter()
        self._enrolled: set[str] = set()
        """Owners that are in one of the `in_turn` queues."""
        self._late_until: dict[str, float] = {}

    @property
    def taken(self) -> int:
        """Places that are occupied."""
        return self._prompt.taken + self._late.taken

    @asynccontextmanager
    async def place(self, owner: str) -> AsyncIterator[Place]:
        """Wait for a place and hold it within the block. Raises QueueFull."""
        place = await self._acquire(owner)
        try:
            yield place
        finally:
            self._release(place)

    def is_overdue(self, place: Place) -> None:
        """The work that holds this place did not end in time."""
        now = self._time()
        if len(self._late_until) >= OWNERS_KEPT:
            self._late_until = {each: until for each, until in self._late_until.items() if until > now}
        self._late_until[place.owner] = now + self._late_seconds
        if place.half is self._prompt:
            self._prompt.taken -= 1
            self._late.taken += 1
            place.half = self._late
            self._grant()

    def is_late(self, owner: str) -> bool:
        until = self._late_until.get(owner)
        if until is not None and until <= self._time():
            del self._late_until[owner]
            return False
        return until is not None

    async def _acquire(self, owner: str) -> Place:
        waiting = self._waiting.setdefault(owner, deque())
        if len(waiting) >= self._waiting_max:
            raise QueueFull
        place: asyncio.Future[Place] = asyncio.get_running_loop().create_future()
        waiting.append(place)
        self._enrol(owner)
        self._grant()
        try:
            return await place
        except asyncio.CancelledError:
            if place.cancelled():
                self._withdraw(owner, place)
            else:  # it was given at the same time
                self._release(place.result())
            raise

    def _withdraw(self, owner: str, place: "asyncio.Future[Place]") -> None:
        waiting = self._waiting.get(owner)
        if waiting is not None:
            waiting.remove(place)
            if not waiting:
                del self._waiting[owner]

    def _release(self, place: Place) -> None:
        owner = place.owner
        place.half.taken -= 1
        self._taken[owner] -= 1
        if not self._taken[owner]:
            del self._taken[owner]
        self._enrol(owner)
        self._grant()

    def _enrol(self, owner: str) -> None:
        """Give the owner a turn, where it has work and may start it."""
        if owner in self._waiting and owner not in self._enrolled and self._taken[owner] < self._owner_places:
            self._enrolled.add(owner)
            (self._late if self.is_late(owner) else self._prompt).in_turn.append(owner)

    def _grant(self) -> None:
        """Give free places to the owners in turn. An owner that is late by now moves to the other half: prompt owners
        come first, so that it gets its turn there."""
        for half in (self._prompt, self._late):
            while half.in_turn and half.taken < half.places and self.taken < self._most:
                owner = half.in_turn.popleft()
                if half is self._prompt and self.is_late(owner):
                    self._late.in_turn.append(owner)
                    continue
                self._enrolled.discard(owner)
                self._start_one(owner, half)
                self._enrol(owner)

    def _start_one(self, owner: str, half: _Half) -> None:
        waiting = self._waiting.get(owner)
        while waiting:
            place = waiting.popleft()
            if not place.done():
                half.taken += 1
                self._taken[owner] += 1
                place.set_result(Place(owner, half))
                break
        if not waiting:
            self._waiting.pop(owner, None)
