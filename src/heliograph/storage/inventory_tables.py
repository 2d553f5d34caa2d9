"""The store's verbs (ports.Store) for free numbers: to search, to take, to give back, and to move between projects."""

from collections.abc import Sequence
from dataclasses import asdict

from heliograph.core.directory import Number
from heliograph.core.inventory import FreeNumber, Search
from heliograph.ports import NumberTaken
from heliograph.storage import rows, scripts
from heliograph.storage.database import Conflict, Database

STOCKED_AT_ONCE = 1000
"""Numbers stocked in one transaction, so that a large import never holds up an accept for long."""


class InventoryTables:
    """A part of SqlStore."""

    _database: Database

    async def stock(self, free: Sequence[FreeNumber], at: int) -> None:
        for start in range(0, len(free), STOCKED_AT_ONCE):
            some = free[start : start + STOCKED_AT_ONCE]
            step = scripts.Step("inventory_stock", {"rows": rows.encode([rows.free_row(each, at) for each in some])})
            await self._database.write(scripts.run, [step])

    async def free_numbers(self, search: Search) -> list[FreeNumber]:
        wanted = {name: value for name, value in asdict(search).items() if value is not None}
        if search.region is not None:
            wanted["region"] = search.region.upper()
        if search.city is not None:
            wanted["city"] = search.city.casefold()
        found = await self._database.read("inventory_free", wanted, frozenset(wanted))
        return [rows.free_number(row) for row in found]

    async def free_number(self, number: str) -> FreeNumber | None:
        found = await self._database.read("inventory_free", {"number": number, "limit": 1}, frozenset({"number"}))
        return rows.free_number(found[0]) if found else None

    async def free_countries(self) -> list[str]:
        return [row[0] for row in await self._database.read("inventory_countries", {})]

    async def take_number(self, number: Number) -> bool:
        return bool(await self._database.write(scripts.take_numbers, number))

    async def release_number(self, number: Number) -> bool:
        return bool(await self._database.write(scripts.release_numbers, number))

    async def move_number(self, before: Number, after: Number) -> bool:
        try:
            return bool(await self._database.write(scripts.move_numbers, (before, after)))
        except Conflict as error:
            raise NumberTaken(after.number) from error
