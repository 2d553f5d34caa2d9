"""Messages that wait for their turn: in memory while there is room, on disk always.

What a node accepted it works off from memory; the tables are read back only at start, after a failure, and when the
memory was full. Then (`spilled`) everything that waits on disk is read, oldest first, until a read shows that memory
has it all again. Both directions use it: queued messages on their way to a carrier, received ones on their way to
their handler.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable

import structlog

from heliograph.core.errors import StoreUnavailable
from heliograph.core.message import Message
from heliograph.engine.transition import STORE_PAUSE_SECONDS

log = structlog.get_logger(__name__)

READ_MAX = 2000
"""Messages read back at once."""

LOWEST_ID = "00000000-0000-0000-0000-000000000000"

Read = Callable[[str, int], Awaitable[list[Message]]]
"""(after this id, at most so many) → messages that wait on disk, by id."""


class Backlog:
    """`busy` says of a message which still waits on disk that it is being worked on, or is another backlog's."""

    def __init__(self, read: Read, limit: int, busy: Callable[[Message], bool]) -> None:
        self._read = read
        self._limit = limit
        self._busy = busy
        self._waiting: deque[Message] = deque()
        self._spilled = True  # what an earlier run left is on disk
        self._missed = 0
        self._after = LOWEST_ID
        self._again = False
        self._ended: set[str] | None = None
        self._wake = asyncio.Event()

    def __len__(self) -> int:
        return len(self._waiting)

    def offer(self, message: Message) -> None:
        """A message that is on disk waits."""
        if self._spilled or len(self._waiting) >= self._limit:
            self.resync()
        else:
            self._waiting.append(message)
            self._wake.set()

    def resync(self) -> None:
        """Something waits on disk that memory does not have."""
        self._spilled = True
        self._missed += 1
        self._wake.set()

    def read_again(self) -> None:
        """What was left on disk has room now: read from the oldest on, so that it comes before what is younger."""
        self._after = LOWEST_ID
        self._again = True
        self.resync()

    def ended(self, message_id: str) -> None:
        """A message was worked off that waits on disk no longer: a read under way may still have seen it there."""
        if self._ended is not None:
            self._ended.add(message_id)

    async def take(self, most: int) -> list[Message]:
        """The next messages, oldest first, as soon as there are any."""
        while not self._waiting:
            if self._spilled:
                await self._reload()
            else:
                self._wake.clear()
                await self._wake.wait()
        return [self._waiting.popleft() for _ in range(min(most, len(self._waiting)))]

    async def _reload(self) -> None:
        """Go on reading back what waits on disk, oldest first. Memory is complete when a pass from the first to the
        last was missed by no offer."""
        if self._after == LOWEST_ID:
            self._missed = 0
        limit = min(READ_MAX, self._limit)
        try:
            while True:
                self._again = False
                found, fresh = await self._look(self._after, limit)
                if self._again:
                    continue
                self._waiting.extend(fresh)
                if len(found) < limit:
                    self._after = LOWEST_ID
                    self._spilled = self._missed > 0
                    return
                self._after = found[-1].id
                if fresh:
                    return
        except StoreUnavailable as error:
            log.debug("backlog.unreadable", error=str(error))
            await asyncio.sleep(STORE_PAUSE_SECONDS)

    async def _look(self, after: str, limit: int) -> tuple[list[Message], list[Message]]:
        """What waits on disk, and which of that nobody works on."""
        ended = self._ended = set()
        try:
            found = await self._read(after, limit)
        finally:
            self._ended = None
        return found, [each for each in found if not self._busy(each) and each.id not in ended]
