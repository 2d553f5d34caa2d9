"""Long messages on their way in: put together on disk, over restarts, once."""

import asyncio
from dataclasses import dataclass, field

import pytest
from engine_ground import PROJECT, REACHES_SECONDS, Ground
from msgspec.structs import replace

from heliograph.core.errors import Fault, StoreUnavailable, refuse
from heliograph.core.message import Piece
from heliograph.core.reassembly import Bounds
from heliograph.engine.pieces import Pieces, joined, made_mark, missing
from heliograph.ports import Acceptance
from heliograph.wire.smpp.text import Alphabet, encode_text

TEXT = {1: "One, ", 2: "two, ", 3: "three."}


def piece(ground: Ground, part: int, **changes: object) -> Piece:
    made = Piece(
        project_id=PROJECT,
        owner="carrier:one",
        from_number="+12025550199",
        to_number="+12025550101",
        reference=7,
        total=3,
        part=part,
        alphabet=Alphabet.GSM_UNPACKED.value,
        data=encode_text(TEXT[part], Alphabet.GSM_UNPACKED),
        at=ground.clock.now(),
    )
    return replace(made, **changes)  # type: ignore[arg-type]


@dataclass
class Desk:
    """Makes messages of pieces, as a door does."""

    ground: Ground
    pieces: Pieces
    made: list[tuple[str, str | None]] = field(default_factory=list)
    broken: Exception | None = None

    async def make(self, pieces: list[Piece]) -> None:
        if self.broken is not None:
            raise self.broken
        message = self.ground.message(body=joined(pieces))
        await self.ground.store.accept(
            Acceptance(message=message, event_no=next(_numbers), made_of=made_mark(pieces, self.ground.clock.now()))
        )
        self.made.append((joined(pieces), missing(pieces)))


_numbers = iter(range(1, 10**6))

ROOMY = Bounds(sets=10, octets=10_000, family_sets=10, family_octets=10_000)


async def desk(ground: Ground, bounds: Bounds = ROOMY) -> Desk:
    pieces = Pieces(ground.store, ground.clock, root_of=lambda id: id, bounds=bounds, seconds=600)
    here = Desk(ground, pieces)
    pieces.serve("carrier:", here.make)
    await pieces.load()
    return here


async def test_the_last_part_makes_the_message(ground: Ground) -> None:
    here = await desk(ground)
    for part in (3, 1, 2):
        assert here.made == []
        await here.pieces.add(piece(ground, part))
    assert here.made == [("One, two, three.", None)]
    assert [p.part for p in await ground.store.pieces(10)] == [0]


async def test_parts_survive_a_restart(ground: Ground) -> None:
    before = await desk(ground)
    await before.pieces.add(piece(ground, 2))
    await before.pieces.add(piece(ground, 3))
    after = await desk(ground)
    await after.pieces.add(piece(ground, 1))
    assert after.made == [("One, two, three.", None)]


async def test_a_part_brought_again_after_a_restart_makes_no_second_message(ground: Ground) -> None:
    before = await desk(ground)
    for part in (1, 2, 3):
        await before.pieces.add(piece(ground, part))
    after = await desk(ground)
    await after.pieces.add(piece(ground, 3))
    assert after.made == []


@pytest.mark.parametrize("again", [True, False])
async def test_a_message_that_could_not_be_kept_is_made_once_when_it_can(ground: Ground, again: bool) -> None:
    """Its last part is on disk: were that refused, whoever sent it would send it again when it has long been made."""
    here = await desk(ground)
    await here.pieces.add(piece(ground, 1))
    await here.pieces.add(piece(ground, 2))
    here.broken = StoreUnavailable("full")
    await here.pieces.add(piece(ground, 3))
    assert here.made == []
    here.broken = None
    if again:
        await here.pieces.add(piece(ground, 3))
    ground.go(here.pieces.run())
    async with asyncio.timeout(REACHES_SECONDS):
        while not here.made or here.pieces.waiting():
            await asyncio.sleep(0)
    assert here.made == [("One, two, three.", None)]


async def test_a_part_that_is_not_on_disk_is_to_be_brought_again(
    ground: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def breaks(piece: Piece) -> None:
        raise StoreUnavailable("full")

    here = await desk(ground)
    with monkeypatch.context() as broken, pytest.raises(StoreUnavailable):
        broken.setattr(ground.store, "keep_piece", breaks)
        await here.pieces.add(piece(ground, 1))
    assert here.pieces.waiting() == 0


async def test_a_set_that_breaks_keeps_no_other_back(ground: Ground) -> None:
    here = await desk(ground)
    make = here.make

    async def breaks(pieces: list[Piece]) -> None:
        if pieces[0].reference == 1:
            raise ValueError("no message can be made of it")
        await make(pieces)

    here.pieces.serve("carrier:", breaks)
    for reference in (1, 2):
        await here.pieces.add(piece(ground, 3, reference=reference))
    ground.clock.add(601)
    ground.go(here.pieces.run())
    async with asyncio.timeout(REACHES_SECONDS):
        while not here.made:
            await asyncio.sleep(0)


async def test_what_never_came_is_said(ground: Ground) -> None:
    here = await desk(ground)
    await here.pieces.add(piece(ground, 3))
    ground.clock.add(601)
    ground.go(here.pieces.run())
    while not here.made:
        await asyncio.sleep(0)
    assert here.made == [("three.", "incomplete: of 3 parts, 1, 2 never came")]


async def test_a_message_that_is_refused_for_good_leaves_nothing(ground: Ground) -> None:
    here = await desk(ground)
    here.broken = refuse(Fault.TO_INVALID)
    for part in (1, 2, 3):
        await here.pieces.add(piece(ground, part))
    assert here.pieces.waiting() == 0 and await ground.store.pieces(10) == []


async def test_a_reference_that_comes_round_makes_two_messages(ground: Ground) -> None:
    here = await desk(ground)
    await here.pieces.add(piece(ground, 1))
    await here.pieces.add(piece(ground, 1, data=b"Other"))
    assert here.made == [("One, ", "incomplete: of 3 parts, 2, 3 never came")]
    assert here.pieces.waiting() == 1


ALARM = {1: b"Alarm at ", 2: b"door ", 3: b"1"}
MADE = ("Alarm at door 1", None)


async def bring(here: Desk, ground: Ground, *parts: tuple[int, bytes]) -> None:
    for part, data in parts:
        await here.pieces.add(piece(ground, part, data=data))


@pytest.mark.parametrize("restarts", [False, True])
@pytest.mark.parametrize(
    ("parts", "text"),
    [
        ([(1, b"Alarm at "), (2, b"door "), (3, b"2")], "Alarm at door 2"),
        ([(3, b"2"), (2, b"door "), (1, b"Alarm at ")], "Alarm at door 2"),
        ([(1, b"Smoke at "), (2, b"door "), (3, b"1")], "Smoke at door 1"),
        ([(3, b"1"), (2, b"door "), (1, b"Smoke at ")], "Smoke at door 1"),
        ([(1, b"Alarm at "), (2, b"gate "), (3, b"1")], "Alarm at gate 1"),
        ([(2, b"door "), (1, b"Alarm at "), (2, b"gate "), (3, b"1")], "Alarm at gate 1"),
        ([(1, b"Alarm at "), (2, b"gate "), (2, b"door "), (3, b"9")], "Alarm at gate 9"),
    ],
)
async def test_message_that_shares_parts_with_an_earlier_one_of_its_reference_is_whole(
    ground: Ground, parts: list[tuple[int, bytes]], text: str, restarts: bool
) -> None:
    here = await desk(ground)
    await bring(here, ground, *ALARM.items())
    for part, data in parts:
        if restarts:
            made, here = here.made, await desk(ground)
            here.made = made
        await bring(here, ground, (part, data))
    assert here.made == [MADE, (text, None)]
    assert here.pieces.waiting() == 0


@pytest.mark.parametrize("again", [[1], [3], [1, 2], [1, 2, 3], [3, 2, 1], [2, 2, 2]])
async def test_parts_brought_again_make_no_second_message(ground: Ground, again: list[int]) -> None:
    here = await desk(ground)
    await bring(here, ground, *ALARM.items())
    await bring(here, ground, *((part, ALARM[part]) for part in again))
    ground.clock.add(601)
    sweeping = ground.go(here.pieces.run())
    while here.pieces.waiting() or [each for each in await ground.store.pieces(10) if each.part]:
        await ground.store.ping()
    sweeping.cancel()
    assert here.made == [MADE]


async def test_parts_brought_again_are_waited_for_by_a_message_that_is_slow(ground: Ground) -> None:
    """References may come round within a minute, and parts take longer than that."""
    here = await desk(ground)
    await bring(here, ground, *ALARM.items())
    await bring(here, ground, (1, ALARM[1]), (2, ALARM[2]))
    ground.clock.add(300)
    await bring(here, ground, (3, b"2"))
    assert here.made == [MADE, ("Alarm at door 2", None)]


async def test_halves_of_a_character_meet(ground: Ground) -> None:
    octets = encode_text("👋", Alphabet.UCS2)
    parts = [piece(ground, place, alphabet="ucs2", data=octets[2 * place - 2 : 2 * place]) for place in (1, 2)]
    assert joined(parts) == "👋"


async def test_parts_that_clash_at_once_make_the_older_message_once(ground: Ground) -> None:
    here = await desk(ground)
    await here.pieces.add(piece(ground, 1))
    others = [piece(ground, 1, data=b"another"), piece(ground, 1, data=b"a third")]
    await asyncio.gather(*(here.pieces.add(other) for other in others))
    assert [text for text, _ in here.made] == ["One, ", "another"]


async def test_a_part_that_comes_while_its_set_is_given_up_is_not_lost(ground: Ground) -> None:
    here = await desk(ground)
    await here.pieces.add(piece(ground, 1))
    ground.clock.add(601)
    sweeping = ground.go(here.pieces.run())
    makes = here.pieces._makers["carrier:"]
    late: list[asyncio.Task[None]] = []

    async def make_slowly(pieces: list[Piece]) -> None:
        late.append(ground.go(here.pieces.add(piece(ground, 2))))
        await ground.store.ping()  # a turn of the writer: what was to be written with it is
        await makes(pieces)

    here.pieces.serve("carrier:", make_slowly)
    while not (late and late[0].done()):
        await ground.store.ping()
    sweeping.cancel()
    assert [each.part for each in await ground.store.pieces(10) if each.part] == [2]
    again = await desk(ground)
    assert again.pieces.waiting() == 1 and here.pieces.waiting() == 1


async def test_whoever_brings_parts_can_tell_what_they_are_of(ground: Ground) -> None:
    here = await desk(ground)
    ids = iter(("first", "second"))

    def finish(new: Piece, beside: list[Piece]) -> Piece:
        return replace(new, extra=beside[0].extra if beside else next(ids))

    added = await asyncio.gather(*(here.pieces.add(piece(ground, part), finish) for part in (2, 1)))
    assert [each.extra for each in added] == ["first", "first"]
    assert here.pieces.waiting_of("carrier:one") == 1
    await here.pieces.add(piece(ground, 3), finish)
    assert here.pieces.waiting_of("carrier:one") == 0
    assert (await here.pieces.add(piece(ground, 1, data=b"new"), finish)).extra == "second"


async def test_parts_above_the_octets_are_given_up_oldest_first(ground: Ground) -> None:
    octets = len(piece(ground, 1).data) + len(piece(ground, 2).data)
    here = await desk(ground, Bounds(sets=10, octets=octets - 1, family_sets=10, family_octets=octets))
    await here.pieces.add(piece(ground, 1))
    await here.pieces.add(replace(piece(ground, 2), reference=8))
    ground.go(here.pieces.run())
    async with asyncio.timeout(REACHES_SECONDS):
        while not here.made:
            await asyncio.sleep(0)
    assert ([text for text, _ in here.made], here.pieces.waiting()) == ([TEXT[1]], 1)
