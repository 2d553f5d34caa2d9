"""Long messages of which some parts have a receipt and others never get one: after the validity the timeline says so.

Such a message stays "sent". That is what is known: its carrier took all parts, and nobody says that it arrived, or that
it did not. A receipt that comes still counts. What is waited for is on disk (part_waits), so a restart forgets none.
"""

import asyncio
from collections.abc import Callable
from typing import Final

import structlog

from heliograph.core.errors import StoreUnavailable
from heliograph.core.lifecycle import TERMINAL, State
from heliograph.core.message import Event, Part, PartReceipts
from heliograph.engine.transition import Transitions
from heliograph.ports import Clock, PartWait, Store

log = structlog.get_logger(__name__)

SWEEP_SECONDS: Final = 1.0
BATCH_MAX: Final = 200
"""Messages looked at in one step."""


class OverdueParts:
    def __init__(
        self, store: Store, clock: Clock, transitions: Transitions, part_receipts: Callable[[str], PartReceipts]
    ) -> None:
        """part_receipts: which parts a carrier sends receipts for."""
        self._store = store
        self._clock = clock
        self._transitions = transitions
        self._part_receipts = part_receipts

    async def run(self) -> None:
        """For as long as the server runs."""
        while True:
            await asyncio.sleep(SWEEP_SECONDS)
            try:
                while await self.note_overdue() == BATCH_MAX:
                    pass
            except StoreUnavailable as error:
                log.debug("overdue_parts.store_unavailable", error=str(error))

    async def note_overdue(self) -> int:
        """Write down what is overdue, some of it; returns for how many messages. Raises StoreUnavailable."""
        waits = await self._store.overdue_parts(self._clock.now(), BATCH_MAX)
        events = [event for wait in waits if (event := await self._event(wait)) is not None]
        if waits:
            await self._store.end_part_waits(waits, events)
        return len(waits)

    async def _event(self, wait: PartWait) -> Event | None:
        """None for a message that has ended, or is gone."""
        message = await self._store.message(wait.project_id, wait.message_id)
        if message is None or message.state is not State.SENT:
            return None
        rows = await self._store.parts_of(wait.project_id, wait.message_id)
        missing = [row for row in self._awaited(rows) if row.state not in TERMINAL]
        if not missing:
            return None
        numbers = ", ".join(str(row.part) for row in missing)
        detail = f"no receipt for part {numbers} of {len(rows)} within the message's validity"
        return self._transitions.event(message, "receipt_missing", detail=detail)

    def _awaited(self, rows: list[Part]) -> list[Part]:
        match self._part_receipts(rows[0].carrier) if rows else "each":
            case "first":
                return rows[:1]
            case "last":
                return rows[-1:]
            case _:
                return rows
