"""The only reader of time; everything else is told what time it is."""

import time


class SystemClock:
    """The machine's clocks."""

    __slots__ = ()

    def now(self) -> int:
        """Microseconds since 1970-01-01T00:00Z. May step when the machine's clock is set."""
        return time.time_ns() // 1_000

    def monotonic(self) -> float:
        """Seconds from an arbitrary start, never going back: for durations and limits."""
        return time.monotonic()
