"""Lists whose filters no single index serves, read in slices.

A list with two filters, say From and Status, has an index for each and none for both. Which index is the better one
depends on the data: a sender may have all messages and a state only three, or the other way round. Hence:

- Every filter that has an index is a driver. Each driver in its turn reads one slice: the next rows that its index has,
  of which the other filters keep some.
- The first driver that has filled the page, or reached the end of its index, gives the page. The work is at most the
  best driver's, times the number of drivers.
- A slice is a read of its own. Reads of other callers run in between, so that no list holds up the others for longer
  than a slice takes.

The slice ends at an id that is looked up before it is read. Rows that are added or changed meanwhile neither move the
end nor open a gap.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import cycle
from typing import Any, Final

from heliograph.core.errors import StoreUnavailable
from heliograph.storage.database import Database
from heliograph.storage.rows import Row

DRIVERS: Final = ("to_number", "from_number", "state", "sent_day")
"""Conditions of a list that have an index, which leaves deleted messages out."""

UNINDEXED: Final = ("sent_from", "sent_before")

FIRST_SLICE, LARGEST_SLICE, GROWTH = 500, 16_000, 4
"""Rows of a driver's first slice and of the largest; each next slice is larger by the factor. 16,000 rows take about
10 ms."""

RANKS: Final = 8
"""Callbacks that one message can have: one for each state."""


def needs_slices(conditions: Mapping[str, Any], *, hide_deleted: bool) -> bool:
    """Whether no single index serves these conditions of a list of messages."""
    drivers = [name for name in DRIVERS if name in conditions]
    filters = [*drivers, *(name for name in UNINDEXED if name in conditions)]
    return len(filters) > 1 or (bool(filters) and not (drivers and hide_deleted))


@dataclass(slots=True)
class _Driver:
    """One index on its way through a list. `at`: where its next slice begins."""

    flags: frozenset[str]
    at: dict[str, Any]
    size: int
    rows: list[Row] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageSearch:
    """A page of messages by several filters. `conditions`: as messages_page takes them, with their values."""

    database: Database
    project_id: str
    conditions: Mapping[str, Any]
    limit: int
    backward: bool
    hide_deleted: bool
    seconds: float

    async def page(self) -> Sequence[Row]:
        """At most `limit` rows in the direction of the page. Raises StoreUnavailable after `seconds`."""
        names = [name for name in DRIVERS if name in self.conditions] if self.hide_deleted else []
        start = {name: value for name, value in self.conditions.items() if name in ("older_than", "newer_than")}
        common = {"backward" if self.backward else "forward"} | ({"hide_deleted"} if self.hide_deleted else set())
        flags = [frozenset(common | {f"by_{name}"}) for name in names] or [frozenset(common)]
        drivers = [_Driver(each, dict(start), FIRST_SLICE) for each in flags]
        async with _limit(self.seconds):
            for driver in cycle(drivers):
                if await self._advance(driver):
                    return driver.rows[: self.limit]
        raise AssertionError("there is always a driver")

    async def _advance(self, driver: _Driver) -> bool:
        """Read the driver's next slice. Whether its page is complete."""
        fixed = {name: value for name, value in self.conditions.items() if name not in ("older_than", "newer_than")}
        given = {"project_id": self.project_id, **fixed, **driver.at}
        raised = driver.flags | set(given)
        found = await self.database.read("messages_slice_edge", {**given, "skipped": driver.size - 1}, raised)
        edge = str(found[0][0]) if found else None
        bound, flag = ({"edge": edge}, "up_to_edge" if self.backward else "down_to_edge") if edge else ({}, "")
        values = {**given, **bound, "limit": self.limit - len(driver.rows)}
        driver.rows += await self.database.read("messages_slice", values, raised | ({flag} if flag else set()))
        driver.size = min(driver.size * GROWTH, LARGEST_SLICE)
        if edge is not None:
            driver.at = {"newer_than" if self.backward else "older_than": edge}
        return edge is None or len(driver.rows) >= self.limit


async def callbacks(database: Database, project_id: str, status: str, limit: int, seconds: float) -> Sequence[Row]:
    """A project's callbacks in a status, newest messages first, those of one message in the order of their states."""
    given: dict[str, Any] = {"project_id": project_id}
    rows: list[Row] = []
    size = FIRST_SLICE
    async with _limit(seconds):
        while True:
            found = await database.read("callbacks_slice_edge", {**given, "skipped": size - 1}, frozenset(given))
            bound = {"edge": str(found[0][0])} if found else {}
            values = {**given, **bound, "status": status, "limit": limit + RANKS - len(rows)}
            flags = frozenset(given) | ({"down_to_edge"} if bound else set())
            rows += await database.read("callbacks_list", values, flags)
            if not bound or len(rows) >= limit + RANKS:
                return rows
            given["older_than"] = bound["edge"]
            size = min(size * GROWTH, LARGEST_SLICE)


@asynccontextmanager
async def _limit(seconds: float) -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError as error:
        raise StoreUnavailable(f"the list was not read within {seconds:g} s") from error
