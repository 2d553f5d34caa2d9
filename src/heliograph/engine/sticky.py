"""Who of a group sends to whom: the choices in memory, in front of those on disk.

A choice is on disk with the first message that it was made for. Sends to one recipient that are under way at once share
one choice, so that they agree before any of them is on disk; there is one server for one store, so nobody else
chooses. At rest the choices lie in a bounded memory, the least recently used of them are read from disk again.
"""

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from heliograph.core.directory import NumberGroup
from heliograph.ports import Clock, StickySender, Store

REFRESH_MICROS = 86_400_000_000
"""A choice that was last written down so long ago is written again when it is used: its age says whether it still is
used, and once a day is enough for that."""

Key = tuple[str, str, str]
"""Project, group, recipient."""


@dataclass(slots=True)
class Choice:
    """`number_id`: who sends, None before anybody has. `kept`: the same on disk. `users`: sends that share it now."""

    key: Key
    number_id: str | None = None
    kept: StickySender | None = None
    read: bool = False
    users: int = 0
    reading: asyncio.Lock = field(default_factory=asyncio.Lock)

    def unkept(self, now: int) -> StickySender | None:
        """What is to be written with the next message."""
        if self.number_id is None:
            return None
        kept = self.kept
        if kept is not None and kept.number_id == self.number_id and now - kept.used_at < REFRESH_MICROS:
            return None
        project_id, group_id, to_number = self.key
        return StickySender(
            project_id=project_id, group_id=group_id, to_number=to_number, number_id=self.number_id, used_at=now
        )


class StickySenders:
    def __init__(self, store: Store, clock: Clock, memory_max: int) -> None:
        self._store = store
        self._clock = clock
        self._memory_max = memory_max
        self._shared: dict[Key, Choice] = {}
        self._at_rest: OrderedDict[Key, tuple[str, StickySender | None]] = OrderedDict()

    @asynccontextmanager
    async def choice(self, group: NumberGroup, to_number: str) -> AsyncIterator[Choice]:
        """The choice for a recipient, for as long as a send is under way; raises StoreUnavailable."""
        key = (group.project_id, group.id, to_number)
        choice = self._shared.get(key)
        if choice is None:
            choice = self._shared[key] = self._awake(key)
        choice.users += 1
        try:
            await self._read(choice)
            yield choice
        finally:
            choice.users -= 1
            if not choice.users:
                del self._shared[key]
                self._rest(choice)

    def _awake(self, key: Key) -> Choice:
        resting = self._at_rest.pop(key, None)
        if resting is None:
            return Choice(key)
        number_id, kept = resting
        return Choice(key, number_id=number_id, kept=kept, read=True)

    async def _read(self, choice: Choice) -> None:
        """Once: the others wait for the first one's answer."""
        if choice.read:
            return
        async with choice.reading:
            if not choice.read:
                choice.kept = await self._store.sticky_sender(*choice.key)
                choice.number_id = choice.kept.number_id if choice.kept else None
                choice.read = True

    def _rest(self, choice: Choice) -> None:
        """A choice whose write failed rests too: its answer may be lost, and the write done."""
        if choice.number_id is None:
            return
        self._at_rest[choice.key] = (choice.number_id, choice.kept)
        while len(self._at_rest) > self._memory_max:
            self._at_rest.popitem(last=False)
