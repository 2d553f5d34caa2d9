"""Whether the server can take messages, answered cheaply however often it is asked.

The answer is made at most once in `seconds`, by one probe at a time: the store is read and written, and the data folder
must have room. Requests meanwhile get the answer of before, or wait for the probe that runs; an outage that others met
since counts at once.
"""

import asyncio
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from heliograph.core.errors import StoreUnavailable
from heliograph.ports import Clock

ROOM_BYTES: Final = 4 * 2**20
"""Free space below which the data folder counts as full: a write-ahead file and a few media need as much."""

PROBE_SECONDS: Final = 5.0
"""How long a probe may take: a load balancer waits no longer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """`reason`: why messages can't be taken; None where they can."""

    reason: str | None


class HealthStore(Protocol):
    """What is asked of the store."""

    async def ping(self) -> None: ...

    @property
    def outage(self) -> bool: ...

    @property
    def is_owned(self) -> bool: ...


class Health:
    """`free`: bytes that can still be written in the data folder; raises OSError."""

    def __init__(self, store: HealthStore, clock: Clock, *, seconds: float, free: Callable[[], int]) -> None:
        self._store = store
        self._clock = clock
        self._seconds = seconds
        self._free = free
        self._known: tuple[float, Condition] | None = None
        self._probe: asyncio.Future[Condition] | None = None

    @property
    def is_well(self) -> bool:
        """What the last probe found; True before the first one."""
        return self._known is None or self._known[1].reason is None

    async def condition(self) -> Condition:
        """How it is now, or was at most so many seconds ago."""
        found = await self._last()
        return Condition(reason=self._why()) if found.reason is None and self._store.outage else found

    async def _last(self) -> Condition:
        if self._known is not None and self._clock.monotonic() - self._known[0] < self._seconds:
            return self._known[1]
        if self._probe is None:
            self._probe = asyncio.ensure_future(self._probed())
            self._probe.add_done_callback(self._probed_now)
        return await asyncio.shield(self._probe)

    def _probed_now(self, probe: "asyncio.Future[Condition]") -> None:
        self._probe = None
        if not probe.cancelled() and probe.exception() is None:
            self._known = (self._clock.monotonic(), probe.result())

    async def _probed(self) -> Condition:
        try:
            if self._free() < ROOM_BYTES:
                return Condition(reason="the disk is full")
            async with asyncio.timeout(PROBE_SECONDS):
                await self._store.ping()
        except (StoreUnavailable, TimeoutError, OSError):
            return Condition(reason=self._why())
        return Condition(reason=None)

    def _why(self) -> str:
        return "the store can't be written" if self._store.is_owned else "another server has the store"


def free_bytes(folder: Path) -> int:
    """What a process without root's reserve may still write below a folder; raises OSError."""
    found = os.statvfs(folder)
    return found.f_bavail * found.f_frsize
