"""What carriers brought and nobody could use: the last of it by carrier, with the reason, for the operator.

A carrier that was told "taken" never brings it again, so this list is the only place that shows what it writes. It is
in memory only: bounded by ENTRIES of each carrier and by what an entry may hold, and empty after a restart; each
entry is a log line too, and counted. Ids and numbers are masked, texts are not kept.
"""

from collections import Counter, deque
from collections.abc import Callable
from enum import StrEnum
from typing import Final

import structlog
from msgspec import Struct

from heliograph.core.carrier_refs import masked
from heliograph.engine.metrics import Metrics
from heliograph.ports import InboundPart, Receipt

log = structlog.get_logger(__name__)

CHARACTERS_MAX: Final = 64
"""What an entry keeps of an id, a number or a word; so an entry takes less than a kilobyte."""


class Reason(StrEnum):
    NO_ID = "no_id"
    NO_STATE = "no_state"
    UNKNOWN_ID = "unknown_id"
    AMBIGUOUS = "ambiguous"
    UNROUTABLE = "unroutable"


ABOUT: Final[dict[Reason, str]] = {
    Reason.NO_ID: "The receipt names no message id.",
    Reason.NO_STATE: "The receipt names no state.",
    Reason.UNKNOWN_ID: "No message has this id.",
    Reason.AMBIGUOUS: "Several messages have this id, and the receipt's numbers do not tell them apart.",
    Reason.UNROUTABLE: "An inbound message for a number that nobody has here.",
}
"""Each reason in words; the documentation's table."""


class DroppedEntry(Struct, frozen=True, kw_only=True):
    """carrier_ref, from_number, to_number: masked, and as the message has them, not as the receipt is addressed. stat:
    the state word. data_coding: None where it was not told."""

    carrier: str
    at: int
    reason: Reason
    carrier_ref: str | None = None
    stat: str | None = None
    data_coding: int | None = None
    from_number: str | None = None
    to_number: str | None = None


class Dropped:
    def __init__(self, metrics: Metrics, now: Callable[[], int], entries_max: int) -> None:
        """entries_max: kept of each carrier; 0 keeps none."""
        self._metrics = metrics
        self._now = now
        self._entries_max = entries_max
        self._entries: dict[str, deque[DroppedEntry]] = {}
        self._counts: dict[str, Counter[Reason]] = {}

    def add_receipt(self, carrier: str, receipt: Receipt, reason: Reason) -> None:
        self._add(
            DroppedEntry(
                carrier=carrier,
                at=self._now(),
                reason=reason,
                carrier_ref=_shown(receipt.carrier_ref),
                stat=(receipt.stat or "")[:CHARACTERS_MAX] or None,
                data_coding=receipt.data_coding,
                from_number=_shown(receipt.from_number),
                to_number=_shown(receipt.to_number),
            )
        )

    def add_inbound(self, part: InboundPart) -> None:
        self._add(
            DroppedEntry(
                carrier=part.carrier,
                at=self._now(),
                reason=Reason.UNROUTABLE,
                from_number=_shown(part.from_number),
                to_number=_shown(part.to_number),
            )
        )

    def entries(self) -> list[DroppedEntry]:
        """Of all carriers, newest first."""
        newest_first = (each for kept in self._entries.values() for each in reversed(kept))
        return sorted(newest_first, key=lambda each: -each.at)

    def counts(self) -> dict[str, dict[str, int]]:
        """By carrier and reason, since the start."""
        return {
            carrier: {reason.value: counted[reason] for reason in Reason if counted[reason]}
            for carrier, counted in self._counts.items()
        }

    def forget(self, carrier: str) -> None:
        """The carrier is gone."""
        self._entries.pop(carrier, None)
        self._counts.pop(carrier, None)

    def _add(self, entry: DroppedEntry) -> None:
        self._metrics.dropped[entry.reason].inc()
        self._counts.setdefault(entry.carrier, Counter())[entry.reason] += 1
        self._entries.setdefault(entry.carrier, deque(maxlen=self._entries_max)).append(entry)
        log.warning(
            "carrier.dropped",
            carrier=entry.carrier,
            reason=entry.reason.value,
            carrier_ref=entry.carrier_ref,
            stat=entry.stat,
            data_coding=entry.data_coding,
            from_number=entry.from_number,
            to_number=entry.to_number,
        )


def _shown(text: str | None) -> str | None:
    return masked(text[:CHARACTERS_MAX]) if text else None
