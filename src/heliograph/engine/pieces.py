"""Parts of long messages on their way in, put together on disk: from carriers, and from SMPP customers.

A part is on disk before whoever brought it is answered, and its set survives a restart. When the last part is there,
or the time is over, the maker of its owner turns the set into a message; the pieces go in the transaction that keeps
the message. A set whose message could not be kept stays, and is tried again.

Of one message only one part is worked on at a time: else a part could be written while its set is being made without
it, and go with that; or a set be made twice.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import groupby

import structlog
from msgspec.structs import replace

from heliograph.core import reassembly
from heliograph.core.errors import Refused, StoreUnavailable
from heliograph.core.message import Piece
from heliograph.core.reassembly import Bounds, Key, Reassembly, Seen, Set
from heliograph.ports import Clock, Store
from heliograph.wire.smpp.text import decode_spelled

log = structlog.get_logger(__name__)

SWEEP_SECONDS = 1.0
"""How often sets are looked through for those that are to be made as they are."""

REPEAT_SECONDS = 60.0
"""How long a message's parts are known after it was made: a carrier that lost our answer brings them again soon. Short,
since references come round."""

MADE = 0
"""The part number of the row that stands for a message made: its `extra` has the digests of its parts."""

Maker = Callable[[list[Piece]], Awaitable[None]]
"""Keeps a message made of these pieces, in their order, and removes them from the store in the same transaction
(ports.Acceptance.made_of). Raises StoreUnavailable to be asked again; Refused where it will never be taken."""

Finish = Callable[[Piece, list[Piece]], Piece]


@dataclass(slots=True)
class _Turn:
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    wanted: int = 0


class Pieces:
    def __init__(
        self,
        store: Store,
        clock: Clock,
        *,
        root_of: Callable[[str], str],
        bounds: Bounds,
        seconds: float,
    ) -> None:
        self._store = store
        self._clock = clock
        self._sets_max = bounds.sets
        self.seconds = seconds
        self._sets = Reassembly(bounds, root_of, seconds=seconds, repeat_seconds=REPEAT_SECONDS)
        self._makers: dict[str, Maker] = {}
        self._no_repeats: tuple[str, ...] = ()
        self._turns: dict[Key, _Turn] = {}
        self._forget_at = 0

    def waiting(self) -> int:
        """Messages of which parts are there."""
        return len(self._sets)

    def serve(self, owners: str, maker: Maker, *, repeats: bool = True) -> None:
        """Messages of owners that begin so ("carrier:") are made by `maker`. `repeats`: they bring again what they were
        not answered for; from others the same message twice is two messages."""
        self._makers[owners] = maker
        if not repeats:
            self._no_repeats = (*self._no_repeats, owners)

    def waiting_of(self, owner: str) -> int:
        """The same of one owner."""
        return self._sets.held_by(owner)

    def held(self, owner: str) -> Iterator[Piece]:
        """The parts that are there of this owner's messages."""
        return self._sets.pieces_of(owner)

    async def drop(self, piece: Piece) -> None:
        """Remove a message's parts, of which none is to be made after all."""
        await self._store.remove_pieces(piece)

    async def add(self, piece: Piece, finish: Finish = lambda piece, beside: piece) -> Piece:
        """Keep a part; returns it when it is on disk, and with the last part, if that can be now, when its message is.
        `finish` is given the parts that are there of the same message, and gives the part as it is to be kept. Raises
        StoreUnavailable, and then the part is to be brought again."""
        async with self._alone(reassembly.key(piece)):
            seen = self._sets.look(piece, self._clock.now())
            is_repeat = seen in (Seen.REPEATED, Seen.STALE) and not piece.owner.startswith(self._no_repeats)
            if is_repeat:
                log.info("pieces.repeated", owner=piece.owner, part=piece.part)
            if is_repeat and seen is Seen.STALE:
                return piece
            while (older := self._sets.clash(piece)) is not None:
                await self._make(older)
            piece = finish(piece, self._sets.beside(piece))
            if is_repeat:
                piece = replace(piece, extra=reassembly.REPEAT)
            if seen is not Seen.HELD:
                await self._store.keep_piece(piece)
            here = self._sets.add(piece)
            if here.complete:
                await self._make_now_or_later(here)
        return piece

    async def _make_now_or_later(self, here: Set) -> None:
        """The last part is on disk, so that its message will be made: who brought it has no cause to do so again."""
        try:
            await self._end(here)
        except StoreUnavailable as error:
            log.debug("pieces.store_unavailable", error=str(error))

    @asynccontextmanager
    async def _alone(self, place: Key) -> AsyncIterator[None]:
        """Nobody else works on this message's parts meanwhile."""
        turn = self._turns.setdefault(place, _Turn())
        turn.wanted += 1
        try:
            async with turn.lock:
                yield
        finally:
            turn.wanted -= 1
            if not turn.wanted:
                del self._turns[place]

    async def load(self) -> None:
        """What an earlier run left. Before anything is brought."""
        for piece in await self._store.pieces(self._sets_max * 255):
            if piece.part == MADE:
                self._sets.remember(reassembly.key(piece), frozenset((piece.extra or "").split()), piece.at)
            else:
                self._sets.add(piece)

    async def run(self) -> None:
        """Give up on sets whose time is over, for as long as the server runs."""
        while True:
            for each in self._sets.given_up(self._clock.now()):
                try:
                    await self._give_up(each)
                except StoreUnavailable as error:
                    log.debug("pieces.store_unavailable", error=str(error))
                except Exception:  # one set that breaks must not keep those after it
                    log.exception("pieces.broke", parts=len(each.pieces))
            await self._forget_made()
            await asyncio.sleep(SWEEP_SECONDS)

    async def _give_up(self, here: Set) -> None:
        async with self._alone(reassembly.key(here.in_order()[0])):
            if self._sets.has(here):
                await self._end(here)

    async def _forget_made(self) -> None:
        now = self._clock.now()
        if now < self._forget_at:
            return
        self._forget_at = now + round(REPEAT_SECONDS * 1e6)
        try:
            await self._store.forget_made_pieces(now - round(REPEAT_SECONDS * 1e6))
        except StoreUnavailable as error:
            log.debug("pieces.store_unavailable", error=str(error))

    async def _end(self, here: Set) -> None:
        """Make its message, or drop it where that was made before."""
        if here.is_repeat:
            await self._store.remove_repeated_pieces(here.in_order()[0])
            self._sets.drop(here)
        else:
            await self._make(here)

    async def _make(self, here: Set) -> None:
        pieces = here.in_order()
        try:
            await self._maker(pieces[0].owner)(pieces)
        except Refused as refusal:
            log.warning("pieces.refused", owner=pieces[0].owner, parts=len(pieces), reason=str(refusal))
            await self._store.remove_pieces(pieces[0])
        self._sets.made(here, self._clock.now())

    def _maker(self, owner: str) -> Maker:
        for owners, maker in self._makers.items():
            if owner.startswith(owners):
                return maker
        return self._unowned

    async def _unowned(self, pieces: list[Piece]) -> None:
        """Their carrier or customer is no more."""
        log.warning("pieces.unowned", owner=pieces[0].owner, parts=len(pieces))
        await self._store.remove_pieces(pieces[0])


def joined(pieces: Sequence[Piece]) -> str:
    """The text of these parts, in their order. Neighbours in one alphabet are read together: senders cut between the
    halves of what is one character."""
    runs = groupby(pieces, key=lambda piece: piece.alphabet)
    return "".join(decode_spelled(b"".join(piece.data for piece in run), name) for name, run in runs)


def made_mark(pieces: Sequence[Piece], now: int) -> Piece:
    """What stays of a message's pieces for a while, so that one which is brought again is known."""
    digests = " ".join(map(reassembly.digest, pieces))
    return replace(pieces[0], part=MADE, data=b"", alphabet="", extra=digests, at=now)


def missing(pieces: Sequence[Piece]) -> str | None:
    """What a person is told of an incomplete message; None for a complete one."""
    there = [piece.part for piece in pieces]
    total = pieces[0].total
    if len(there) == total:
        return None
    lacking = ", ".join(str(part) for part in range(1, total + 1) if part not in there)
    return f"incomplete: of {total} parts, {lacking} never came"
