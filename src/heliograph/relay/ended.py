"""Ended sessions that can be resumed, with the contexts that they heard.

They take memory although nobody is connected, so they are bounded in count and in octets, for each root project and in
all. At a project's limit its session that ended longest ago is forgotten; at a limit of all, that of the project with
the most octets. A forgotten session can't be resumed: its client gets a new one.
"""

import sys
from collections import Counter, OrderedDict
from typing import Final

from msgspec import Struct

ENDED_OCTETS: Final = 500
"""Of an ended session besides its contexts."""


class EndedLimits(Struct, frozen=True, kw_only=True):
    """project_max, project_bytes: of one root project."""

    most: int = 20_000
    bytes_max: int = 64_000_000
    project_max: int = 2_000
    project_bytes: int = 8_000_000


class Ended(Struct, frozen=True):
    """at: on the clock of `forget_before`. octets: what it takes in memory."""

    root_id: str
    at: float
    contexts: tuple[str, ...]
    octets: int


class EndedSessions:
    def __init__(self, limits: EndedLimits) -> None:
        self._limits = limits
        self._ended: dict[str, Ended] = {}
        self._of_root: dict[str, OrderedDict[str, None]] = {}
        """Protocols of each root project, the one that ended longest ago first."""
        self._octets: Counter[str] = Counter()
        self.octets = 0
        """Of all."""

    def __len__(self) -> int:
        return len(self._ended)

    def get(self, protocol: str) -> Ended | None:
        return self._ended.get(protocol)

    def add(self, protocol: str, root_id: str, at: float, contexts: tuple[str, ...]) -> None:
        self.remove(protocol)
        octets = ENDED_OCTETS + sum(sys.getsizeof(context) for context in contexts)
        self._ended[protocol] = Ended(root_id, at, contexts, octets)
        self._of_root.setdefault(root_id, OrderedDict())[protocol] = None
        self._octets[root_id] += octets
        self.octets += octets
        self._fit(root_id)

    def _fit(self, root_id: str) -> None:
        limits = self._limits
        own = self._of_root[root_id]
        while own and (self._octets[root_id] > limits.project_bytes or len(own) > limits.project_max):
            self._forget_oldest(root_id)
        while self.octets > limits.bytes_max or len(self._ended) > limits.most:
            self._forget_oldest(max(self._octets, key=self._octets.__getitem__))

    def remove(self, protocol: str) -> None:
        ended = self._ended.pop(protocol, None)
        if ended is None:
            return
        self.octets -= ended.octets
        self._octets[ended.root_id] -= ended.octets
        del self._of_root[ended.root_id][protocol]
        if not self._of_root[ended.root_id]:
            del self._of_root[ended.root_id], self._octets[ended.root_id]

    def _forget_oldest(self, root_id: str) -> None:
        self.remove(next(iter(self._of_root[root_id])))

    def forget_before(self, at: float) -> None:
        """Forget those that ended earlier."""
        for protocols in list(self._of_root.values()):
            while protocols and self._ended[next(iter(protocols))].at < at:
                self.remove(next(iter(protocols)))
