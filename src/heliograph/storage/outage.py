"""Outages of the store in the log: one line when it fails, one when it works again, however many callers were refused.

An outage begins with the first read or write that fails. It is over when everything that failed has worked again and
nothing has failed for SETTLED_SECONDS: on a full disk a small write succeeds now and then between others that fail. A
server reads the directory's version twice a second, so that the end is seen without traffic. All calls are made on the
event loop.
"""

from collections import Counter
from collections.abc import Callable
from time import monotonic
from typing import Final, Literal

import structlog

log = structlog.get_logger(__name__)

Operation = Literal["read", "write"]

SETTLED_SECONDS: Final = 1.0


class Outage:
    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._since = 0.0
        self._last = 0.0
        self._failed: Counter[Operation] = Counter()
        self._broken: set[Operation] = set()

    @property
    def lasts(self) -> bool:
        return bool(self._failed)

    def failed(self, operation: Operation, error: Exception, callers: int = 1) -> None:
        """So many callers were refused."""
        self._last = self._clock()
        if not self._failed:
            self._since = self._last
            log.error("store.unavailable", operation=operation, error=str(error))
        self._failed[operation] += callers
        self._broken.add(operation)

    def worked(self, operation: Operation) -> None:
        if not self._failed:
            return
        self._broken.discard(operation)
        now = self._clock()
        if self._broken or now - self._last < SETTLED_SECONDS:
            return
        log.warning(
            "store.available_again",
            after_seconds=round(now - self._since, 3),
            reads_refused=self._failed["read"],
            writes_refused=self._failed["write"],
        )
        self._failed.clear()
