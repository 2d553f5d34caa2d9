"""The sent messages that memory holds for their receipts, by the key of the carrier's id (core.carrier_refs).

Under one key there may be several: ids come round, and some carriers give one twice. Of these the newest CANDIDATES_MAX
are held. The message awaited longest is let go when there are too many; its receipt reads it from the store.
"""

from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Final

from heliograph.core.carrier_refs import fold
from heliograph.core.message import Message, Part
from heliograph.engine.matching import Candidate, SentMessage

CANDIDATES_MAX: Final = 16
"""Messages looked at under one id, in memory and on disk: a carrier that gives one id to all must not cost more."""

Place = tuple[str, str]
"""Carrier and key."""


class Awaited:
    def __init__(self, memory_max: int) -> None:
        self._memory_max = memory_max
        self._places: OrderedDict[Place, tuple[Candidate, ...]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._places)

    def __contains__(self, place: Place) -> bool:
        return place in self._places

    def under(self, carrier: str, key: str) -> tuple[Candidate, ...]:
        return self._places.get((carrier, key), ())

    def known(self, carrier: str, parts: Sequence[Part], message_id: str) -> SentMessage | None:
        """What is held of a message, by any of its parts."""
        for row in parts:
            for each in self.under(carrier, fold(row.carrier_ref)):
                if each.sent.message.id == message_id:
                    return each.sent
        return None

    def add(self, carrier: str, candidate: Candidate) -> Place:
        """The same part again takes the place of the earlier one."""
        place = carrier, fold(candidate.reference)
        others = self._without(place, lambda each: _is_part(each, candidate.sent.message.id, candidate.part))
        self._places[place] = (*others[1 - CANDIDATES_MAX :], candidate)
        if len(self._places) > self._memory_max:
            self._evict()
        return place

    def remove(self, carrier: str, candidate: Candidate) -> None:
        """Its final receipt came: a repeated or late one finds its message in the store."""
        self._drop(
            (carrier, fold(candidate.reference)),
            lambda each: _is_part(each, candidate.sent.message.id, candidate.part),
        )

    def forget(self, message: Message) -> None:
        """Let go of all that is held of it."""
        if message.segments > 1:
            places = [place for place, held in self._places.items() if any(_is_of(each, message.id) for each in held)]
        elif message.carrier is not None and message.carrier_ref is not None:
            places = [(message.carrier, fold(message.carrier_ref))]
        else:
            places = []
        for place in places:
            self._drop(place, lambda each: _is_of(each, message.id))

    def clear(self) -> None:
        self._places.clear()

    def _evict(self) -> None:
        """Of a long message, all parts are let go."""
        _, gone = self._places.popitem(last=False)
        for candidate in gone:
            for row in candidate.sent.parts.values():
                self._drop((row.carrier, fold(row.carrier_ref)), lambda each: each.sent is candidate.sent)  # noqa: B023 - called at once

    def _drop(self, place: Place, is_gone: Callable[[Candidate], bool]) -> None:
        if left := self._without(place, is_gone):
            self._places[place] = left
        else:
            self._places.pop(place, None)

    def _without(self, place: Place, is_gone: Callable[[Candidate], bool]) -> tuple[Candidate, ...]:
        held = self._places.get(place)
        return tuple([each for each in held if not is_gone(each)]) if held else ()


def _is_part(candidate: Candidate, message_id: str, part: int) -> bool:
    return candidate.part == part and candidate.sent.message.id == message_id


def _is_of(candidate: Candidate, message_id: str) -> bool:
    return candidate.sent.message.id == message_id
