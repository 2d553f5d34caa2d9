"""How fast segments may leave: a smooth limit that holds in every one-second window, as the carrier sees it.

A pace of ``rate`` books one segment at a time (GCRA, ITU-T I.371): segments are an interval apart, and one that was
late by up to ``TOLERANCE_SECONDS`` is made up for, so that a timer's granularity costs nothing. The interval is
``(1 + tolerance + jitter) / rate``: from any segment to the ``rate``-th after it at least one second passes at the
carrier, though the tolerance lets the later ones catch up and the network delivers them up to ``JITTER_SECONDS``
unevenly. So no half-open window of one second ever has more than ``rate`` segments, wherever it begins, and the guard
costs 2.5 % of the rate.

A rate with a fraction holds its whole part (2.5 a second: 2 in any second); one below 1 is a segment in ``1 / rate``
seconds. Rate 0 is no limit. Moments are seconds of one monotonic clock, which is passed in.
"""

from collections import OrderedDict
from typing import Final

TOLERANCE_SECONDS: Final = 0.010
"""How much lateness is made up for: a few turns of a busy event loop, whose timers count in milliseconds."""

JITTER_SECONDS: Final = 0.015
"""How unevenly the network and the carrier's own loop may see what was sent evenly."""

SENDERS_MAX: Final = 50_000
"""Sender numbers whose pace is remembered at once, some 15 MB."""


class Pace:
    """One limit. It never forgets a booking, so what is booked must be sent at its moment or later, in order."""

    __slots__ = ("_interval", "_next", "_tolerance", "rate")

    def __init__(self, rate: float, *, tolerance: float = TOLERANCE_SECONDS, jitter: float = JITTER_SECONDS) -> None:
        """rate: segments in a second, 0 for no limit. Raises ``ValueError`` for a negative one."""
        if rate < 0 or tolerance < 0 or jitter < 0:
            raise ValueError(f"a pace of {rate} a second (tolerance {tolerance} s, jitter {jitter} s) makes no sense")
        self.rate = rate
        self._interval = (1 + tolerance + jitter) / (rate if rate < 1 else int(rate)) if rate else 0.0
        self._tolerance = tolerance
        self._next = float("-inf")

    def when(self, now: float, n: int = 1) -> float:
        """The moment, ``now`` or later, at which the last of the next ``n`` segments may go."""
        if not self._interval:
            return now
        return max(now, max(now, self._next) + (n - 1) * self._interval - self._tolerance)

    def reserve(self, now: float, n: int = 1) -> float:
        """Book the next ``n`` segments and return the moment at which the last of them may go.

        One that is booked and sent at once was allowed: ``when(now) <= now``."""
        moment = self.when(now, n)
        if self._interval:
            self._next = max(self._next, now) + n * self._interval
        return moment

    def rested(self, now: float) -> bool:
        """Whether it is as good as new: what it remembers no longer holds anything back."""
        return self._next <= now


class SenderPaces:
    """A pace for each sender number, all alike, made when first asked for; a bounded number of them.

    Only a pace that has rested is forgotten, so no sender ever exceeds its rate.
    """

    __slots__ = ("_most", "_paces", "rate")

    def __init__(self, rate: float, most: int = SENDERS_MAX) -> None:
        """rate: as for ``Pace``. Raises ``ValueError`` for a negative rate or less than one sender."""
        if rate < 0 or most < 1:
            raise ValueError(f"paces of {rate} a second for {most} senders make no sense")
        self.rate = rate
        self._most = most
        self._paces: OrderedDict[str, Pace] = OrderedDict()

    def __len__(self) -> int:
        """How many paces are kept."""
        return len(self._paces)

    def of(self, sender: str, now: float) -> Pace | None:
        """The sender's pace; None while there are too many others that are still held back."""
        pace = self._paces.get(sender)
        if pace is None:
            if not self._make_room(now):
                return None
            pace = self._paces[sender] = Pace(self.rate)
        self._paces.move_to_end(sender)
        return pace

    def _make_room(self, now: float) -> bool:
        """Forget what has rested, from the sender asked for longest ago on."""
        while self._paces:
            sender, pace = next(iter(self._paces.items()))
            if pace.rested(now):
                del self._paces[sender]
            else:
                break
        return len(self._paces) < self._most
