"""The deadline of a stop: one moment, fixed when the process is told to stop, by which it is gone.

Whoever lets go of something gets a share of what there is, measured from the start. A watchdog thread needs neither the
event loop nor any lock of this program: whatever hangs when the time is over is named in the log and abandoned. It is
on disk, or was never answered for.
"""

import os
import threading
from time import monotonic

import structlog

log = structlog.get_logger(__name__)

RESERVE = 0.05
"""The last part of the time: for the watchdog's own work and the process's end."""

ABANDONED = 1
"""The exit code where something was not let go in time."""


class Deadline:
    """Runs from its making."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._started = monotonic()
        self._step = "requests"
        self._watchdog = threading.Timer(seconds * (1 - RESERVE), self._abandon)
        self._watchdog.daemon = True
        self._watchdog.start()

    def until(self, share: float, step: str) -> float:
        """Seconds left until this share (0 to 1) of the whole time is over. `step` is named if nothing comes after."""
        self._step = step
        return max(0.0, self._started + self._seconds * share - monotonic())

    def met(self) -> None:
        """Everything was let go."""
        self._watchdog.cancel()

    def _abandon(self) -> None:
        log.error("server.abandoned", step=self._step, after_seconds=round(monotonic() - self._started, 3))
        os._exit(ABANDONED)
