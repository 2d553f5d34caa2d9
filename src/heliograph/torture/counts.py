"""What a carrier counts, and the most submits in any one second."""

from collections import Counter, deque
from dataclasses import dataclass, field
from typing import Any, Final

SECOND: Final = 1.0
SENDERS_MAX: Final = 10_000
"""Sender numbers whose busiest second is kept; the ones after that are not."""


@dataclass(slots=True)
class Counts:
    """Events since the start. `submits`: read, whatever became of them; `answered`: the answers written to them.

    `rejected`: what the other side refused for good. `surprises`: PDUs and octets that made no sense, in words.
    """

    connections: int = 0
    binds: int = 0
    submits: int = 0
    accepted: int = 0
    refused: int = 0
    answered: int = 0
    receipts_sent: int = 0
    receipts_acknowledged: int = 0
    receipts_rejected: int = 0
    inbound_sent: int = 0
    inbound_acknowledged: int = 0
    inbound_rejected: int = 0
    resent: int = 0
    queries: int = 0
    enquire_links: int = 0
    enquire_link_answers: int = 0
    statuses: Counter[str] = field(default_factory=Counter)
    surprises: Counter[str] = field(default_factory=Counter)

    def as_values(self) -> dict[str, Any]:
        """As JSON shows them."""
        return {name: _plain(getattr(self, name)) for name in self.__slots__}


def _plain(value: int | Counter[str]) -> int | dict[str, int]:
    return value if isinstance(value, int) else dict(value)


class Arrivals:
    """When submits came: the most in any window of one second, of all and of each sender."""

    def __init__(self) -> None:
        self._all = _Busiest()
        self._by_sender: dict[str, _Busiest] = {}

    def note(self, sender: str, at: float) -> None:
        self._all.note(at)
        own = self._by_sender.get(sender)
        if own is None:
            if len(self._by_sender) >= SENDERS_MAX:
                return
            own = self._by_sender[sender] = _Busiest()
        own.note(at)

    def busiest_second(self, sender: str | None = None) -> int:
        """The most submits that came within any one second, from this sender or from all."""
        if sender is None:
            return self._all.most
        return self._by_sender[sender].most if sender in self._by_sender else 0


class _Busiest:
    def __init__(self) -> None:
        self.most = 0
        self._last: deque[float] = deque()

    def note(self, at: float) -> None:
        last = self._last
        last.append(at)
        earliest = at - SECOND
        while last[0] <= earliest:
            last.popleft()
        if len(last) > self.most:
            self.most = len(last)
