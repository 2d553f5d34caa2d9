"""Which parts of long messages are there: in any order, from any connection, bounded in number and time.

A set is what shares owner, sender, recipient, reference and total (3GPP TS 23.040, 9.2.3.24.1: the reference is the
sender's, and wraps). It is complete when every part from 1 to total is there. A set that stays incomplete for
`seconds` after its last part is given up as it is, and so are the oldest ones while there are more than `limit`, or
their texts have more than `octets_max`; and the oldest ones of a root project with its subprojects while they have
more than their share of either, so that one project's incomplete messages push out no other's.

Carriers bring again what they were not answered for, and references come round. So a part whose text was in a message
that was made less than `repeat_seconds` ago may be that part again, or the same text in another message:

- Such a part is marked REPEAT and waits in a set as any other. A set of marked parts alone repeats the old message: it
  is dropped when it is complete or its time is over. With one part that is not marked it is another message.
- A part takes the place of a marked one with another text. A part that repeats the old message where its place has
  another text is a repeat for certain.
- The same part again changes nothing. A part with another text in the place of an unmarked one is another message under
  a reference that came round: the older set is given up for it.

Pure: keeps values that somebody else keeps on disk; moments (microseconds) are passed in.
"""

import hashlib
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from heliograph.core.families import FamilyCounts
from heliograph.core.message import Piece

Key = tuple[str, str, str, str, int, int]


REPEAT: Final = "repeat"
"""Piece.extra of a part that was in a message which was made a moment ago."""


class Seen(Enum):
    """What a part is to the sets that are there."""

    NEW = "new"
    HELD = "held"
    """It is there already, and its message is not yet made."""
    REPEATED = "repeated"
    """It was in a message that was made a moment ago, and may be in another."""
    STALE = "stale"
    """The same, and its place has another text: it is in no other message."""


@dataclass(slots=True)
class Set:
    """The parts that are there of one message."""

    pieces: dict[int, Piece] = field(default_factory=dict)
    touched_at: int = 0

    @property
    def complete(self) -> bool:
        return len(self.pieces) == next(iter(self.pieces.values())).total

    @property
    def is_repeat(self) -> bool:
        """Whether all that is there was in a message that is made."""
        return all(piece.extra == REPEAT for piece in self.pieces.values())

    @property
    def octets(self) -> int:
        return sum(len(piece.data) for piece in self.pieces.values())

    def in_order(self) -> list[Piece]:
        return [self.pieces[part] for part in sorted(self.pieces)]


@dataclass(slots=True)
class _Family:
    """What of a root project's is left while sets are given up."""

    sets: int
    octets: int

    def is_over(self, bounds: "Bounds") -> bool:
        return self.sets > bounds.family_sets or self.octets > bounds.family_octets


def key(piece: Piece) -> Key:
    return (piece.project_id, piece.owner, piece.from_number, piece.to_number, piece.reference, piece.total)


def digest(piece: Piece) -> str:
    """A part's text, short: enough to know it again."""
    return hashlib.sha256(b"%d:%s" % (piece.part, piece.data)).hexdigest()[:16]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """Sets that may wait, and the octets of their texts: of all, and of one root project with its subprojects."""

    sets: int
    octets: int
    family_sets: int
    family_octets: int


class Reassembly:
    def __init__(self, bounds: Bounds, root_of: Callable[[str], str], *, seconds: float, repeat_seconds: float) -> None:
        self._bounds = bounds
        self._root_of = root_of
        self._family_sets = FamilyCounts(root_of)
        self._family_octets = FamilyCounts(root_of)
        self._micros = round(seconds * 1e6)
        self._repeat_micros = round(repeat_seconds * 1e6)
        self._sets: OrderedDict[Key, Set] = OrderedDict()
        self._made: OrderedDict[Key, tuple[int, frozenset[str]]] = OrderedDict()
        self._by_owner: Counter[str] = Counter()

    def __len__(self) -> int:
        return len(self._sets)

    def look(self, piece: Piece, now: int) -> Seen:
        known = self._sets.get(key(piece))
        held = known.pieces.get(piece.part) if known else None
        if held is not None and held.data == piece.data:
            return Seen.HELD
        made = self._made.get(key(piece))
        if made is not None and now - made[0] <= self._repeat_micros and digest(piece) in made[1]:
            return Seen.REPEATED if held is None else Seen.STALE
        return Seen.NEW

    def clash(self, piece: Piece) -> Set | None:
        """The set that has another text in this part's place: an older message, to be made as it is first."""
        known = self._sets.get(key(piece))
        held = known.pieces.get(piece.part) if known else None
        if known is None or held is None or held.data == piece.data or held.extra == REPEAT:
            return None
        return known

    def beside(self, piece: Piece) -> list[Piece]:
        """The parts that are there of the same message."""
        known = self._sets.get(key(piece))
        return known.in_order() if known is not None and self.clash(piece) is None else []

    def add(self, piece: Piece) -> Set:
        """Put a part to its set, and return that."""
        place = key(piece)
        here = self._sets.get(place)
        if here is None:
            here = self._sets[place] = Set()
            self._by_owner[piece.owner] += 1
            self._family_sets.add(piece.project_id)
        before = here.pieces.get(piece.part)
        if before is None or before.data != piece.data:
            self._family_octets.remove(piece.project_id, len(before.data) if before is not None else 0)
            self._family_octets.add(piece.project_id, len(piece.data))
            here.pieces[piece.part] = piece
        here.touched_at = max(here.touched_at, piece.at)
        self._sets.move_to_end(place)
        return here

    def held_by(self, owner: str) -> int:
        """Messages of this owner's of which parts are there."""
        return self._by_owner[owner]

    def pieces_of(self, owner: str) -> Iterator[Piece]:
        """The parts that are there of this owner's."""
        for place, here in self._sets.items():
            if place[1] == owner:
                yield from here.pieces.values()

    def has(self, here: Set) -> bool:
        """Whether the set is still waiting to be made."""
        return self._sets.get(key(here.in_order()[0])) is here

    def made(self, done: Set, now: int) -> None:
        """A set was made into a message, complete or not."""
        self.drop(done)
        self.remember(key(done.in_order()[0]), frozenset(map(digest, done.pieces.values())), now)

    def drop(self, done: Set) -> None:
        """A set waits no longer."""
        first = done.in_order()[0]
        place = key(first)
        if self._sets.get(place) is done:
            del self._sets[place]
            self._family_sets.remove(first.project_id)
            self._family_octets.remove(first.project_id, done.octets)
            self._by_owner[first.owner] -= 1
            if not self._by_owner[first.owner]:
                del self._by_owner[first.owner]

    def remember(self, place: Key, digests: frozenset[str], at: int) -> None:
        """Parts of a message that was made at a moment are known for a while."""
        self._made[place] = (at, digests)
        self._made.move_to_end(place)
        while len(self._made) > self._bounds.sets:
            self._made.popitem(last=False)

    def given_up(self, now: int) -> list[Set]:
        """Sets to be made as they are: too old, one too many, or complete and yet not made (the store was away)."""
        bounds = self._bounds
        spare, octets = len(self._sets) - bounds.sets, self._family_octets.total()
        crowded = self._crowded_families()
        found = []
        for place, (key, each) in enumerate(self._sets.items()):
            family = crowded.get(self._root_of(key[0])) if crowded else None
            is_spare = place < spare or octets > bounds.octets or (family is not None and family.is_over(bounds))
            if is_spare or each.complete or now - each.touched_at >= self._micros:
                found.append(each)
                octets -= each.octets
                if family is not None:
                    family.sets -= 1
                    family.octets -= each.octets
        while self._made and now - next(iter(self._made.values()))[0] > self._repeat_micros:
            self._made.popitem(last=False)
        return found

    def _crowded_families(self) -> dict[str, _Family]:
        """The root projects that have more than their share."""
        if len(self._sets) <= self._bounds.family_sets and self._family_octets.total() <= self._bounds.family_octets:
            return {}
        roots = {self._root_of(place[0]) for place in self._sets}
        families = (
            (root, _Family(self._family_sets.of_family(root), self._family_octets.of_family(root))) for root in roots
        )
        return {root: family for root, family in families if family.is_over(self._bounds)}
