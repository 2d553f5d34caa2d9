"""What a dialect's driver gives the store, and the queue in front of its one writer.

Group commit: while one commit runs, whatever arrives waits; the next transaction takes all of it, and nobody is
answered before the transaction that holds his write is on disk.
"""

import asyncio
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from heliograph.core.errors import StoreUnavailable
from heliograph.ports import CommitWatcher
from heliograph.storage.rows import Row
from heliograph.storage.scripts import NO_FLAGS, ScriptMaker


class Conflict(Exception):
    """A constraint refused a row."""


class Database(Protocol):
    async def open(self) -> None: ...

    async def close(self) -> None: ...

    async def turn_over(self) -> None:
        """Empty the write-ahead file, where it is this program's to do; raises StoreUnavailable."""

    def abandon(self) -> None:
        """Fail all that waits or is under way, now and from now on."""

    @property
    def outage(self) -> bool:
        """Whether reads or writes fail at the moment."""
        ...

    @property
    def is_owned(self) -> bool:
        """False while another server has the store."""
        ...

    async def hold_on(self) -> None:
        """Connect again for writing where that connection was lost; raises StoreUnavailable."""

    async def read(self, query: str, parameters: dict[str, Any], flags: frozenset[str] = NO_FLAGS) -> Sequence[Row]:
        """Rows of a named query; raises StoreUnavailable."""

    def write(self, script: ScriptMaker, item: Any) -> asyncio.Future[Any]:
        """Queue an item for a script; the future gives its result once it is on disk. Raises StoreUnavailable,
        or Conflict where a constraint refuses it."""
        ...


@dataclass(slots=True)
class Waiting:
    script: ScriptMaker
    item: Any
    done: "asyncio.Future[Any]"


Group = tuple[ScriptMaker, list[Waiting]]


class WriteQueue:
    """Writes that wait for the writer; bounded, so that a dead disk can't fill the memory."""

    def __init__(self, limit: int, batch_max: int, watch: CommitWatcher) -> None:
        self._waiting: deque[Waiting] = deque()
        self._taken: list[Waiting] = []
        self._closed: StoreUnavailable | None = None
        self._limit = limit
        self._batch_max = batch_max
        self.watch = watch

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, script: ScriptMaker, item: Any) -> asyncio.Future[Any]:
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        if self._closed is not None:
            future.set_exception(self._closed)
        elif len(self._waiting) >= self._limit:
            future.set_exception(StoreUnavailable("too many writes are waiting for the store"))
        else:
            self._waiting.append(Waiting(script, item, future))
        return future

    def take(self) -> list[Waiting]:
        """Everything that waits, at most the batch limit; entries whose caller went away are dropped."""
        batch: list[Waiting] = []
        while self._waiting and len(batch) < self._batch_max:
            entry = self._waiting.popleft()
            if not entry.done.done():
                batch.append(entry)
        self._taken = batch
        return batch

    def fail_all(self, error: StoreUnavailable) -> None:
        """Whoever waits, whose write is under way, and who comes from now on."""
        self._closed = error
        for entry in [*self._taken, *self._waiting]:
            settle(entry.done, error)
        self._taken = []
        self._waiting.clear()


def groups(batch: list[Waiting]) -> list[Group]:
    """The batch by script, in order of first appearance."""
    by_script: dict[ScriptMaker, list[Waiting]] = {}
    for entry in batch:
        by_script.setdefault(entry.script, []).append(entry)
    return list(by_script.items())


def settle(future: asyncio.Future[Any], outcome: Any) -> None:
    """Tell a caller, unless it went away meanwhile."""
    if future.done():
        return
    if isinstance(outcome, BaseException):
        future.set_exception(outcome)
    else:
        future.set_result(outcome)


def pair(grouped: list[Group], results: list[list[Any]]) -> Iterator[tuple[Waiting, Any]]:
    for (_, entries), outcomes in zip(grouped, results, strict=True):
        yield from zip(entries, outcomes, strict=True)
