"""Time that a test moves by hand: a clock and what schedules on it."""

import asyncio
import heapq
import itertools
from collections.abc import Callable
from dataclasses import dataclass


@dataclass
class _Call:
    act: Callable[[], None]
    cancelled: bool = False

    def cancel(self) -> None:
        self.cancelled = True


class HandTime:
    def __init__(self, seconds: float = 100.0, epoch_seconds: int = 1_700_000_000) -> None:
        self.seconds = seconds
        self.epoch_seconds = epoch_seconds
        self._calls: list[tuple[float, int, _Call]] = []
        self._order = itertools.count()

    def now(self) -> int:
        return self.epoch_seconds * 1_000_000 + round(self.seconds * 1e6)

    def monotonic(self) -> float:
        return self.seconds

    def schedule(self, seconds: float, act: Callable[[], None]) -> _Call:
        call = _Call(act)
        heapq.heappush(self._calls, (round(self.seconds + seconds, 9), next(self._order), call))
        return call

    def waiting(self) -> int:
        return sum(not call.cancelled for _, _, call in self._calls)

    async def advance(self, seconds: float) -> None:
        """Let time pass, call what falls due, in order, and let the event loop work off what follows."""
        target = round(self.seconds + seconds, 9)
        while self._calls and self._calls[0][0] <= target:
            moment, _, call = heapq.heappop(self._calls)
            self.seconds = max(self.seconds, moment)
            if not call.cancelled:
                call.act()
            await settle()
        self.seconds = target
        await settle()


async def settle() -> None:
    for _ in range(10):
        await asyncio.sleep(0)
