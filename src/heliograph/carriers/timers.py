"""Many timers on one: thousands of messages wait here for their moment without a task or a loop timer each.

What falls due within COALESCE_SECONDS of each other is called in one turn, in the order of the moments (of the calls,
where those are equal), and `turn_over` once after them: work can be gathered by the former and done by the latter.
"""

import heapq
import itertools
from collections.abc import Callable
from typing import Any, Final, Protocol, TypeVar

T = TypeVar("T")

COALESCE_SECONDS: Final = 0.001
"""A call may come this much early. Event loops count in milliseconds: what is due in less would only cost a turn."""


class Scheduled(Protocol):
    def cancel(self) -> None: ...


Schedule = Callable[[float, Callable[[], None]], Scheduled]
"""(seconds from now, what to call then); as `loop.call_later`."""


class Timers:
    """`monotonic` and `schedule` must measure the same seconds."""

    def __init__(self, monotonic: Callable[[], float], schedule: Schedule, turn_over: Callable[[], None]) -> None:
        self._monotonic = monotonic
        self._schedule = schedule
        self._turn_over = turn_over
        self._waiting: list[tuple[float, int, Callable[[Any], object], Any]] = []
        self._order = itertools.count()
        self._armed: tuple[float, Scheduled] | None = None
        self._in_turn = False

    def after(self, seconds: float, act: Callable[[T], object], subject: T) -> None:
        self.at(self._monotonic() + seconds, act, subject)

    def at(self, moment: float, act: Callable[[T], object], subject: T) -> None:
        """Call `act(subject)` at a `monotonic` moment; one that is past is the next turn's."""
        heapq.heappush(self._waiting, (moment, next(self._order), act, subject))
        if not self._in_turn:
            self._arm()

    def clear(self) -> None:
        """Forget all that waits."""
        self._waiting.clear()
        if self._armed is not None:
            self._armed[1].cancel()
            self._armed = None

    def _arm(self) -> None:
        if not self._waiting:
            return
        moment = self._waiting[0][0]
        if self._armed is not None:
            if self._armed[0] <= moment:
                return
            self._armed[1].cancel()
        self._armed = (moment, self._schedule(max(0.0, moment - self._monotonic()), self._turn))

    def _turn(self) -> None:
        self._armed = None
        self._in_turn = True
        horizon = self._monotonic() + COALESCE_SECONDS
        try:
            while self._waiting and self._waiting[0][0] <= horizon:
                _, _, act, subject = heapq.heappop(self._waiting)
                act(subject)
            self._turn_over()
        finally:
            self._in_turn = False
            self._arm()
