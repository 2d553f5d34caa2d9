"""Parts in any order, twice, from several senders at once, too late, too many."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from heliograph.core import reassembly
from heliograph.core.message import Piece
from heliograph.core.reassembly import Bounds, Reassembly, Seen

NOW = 1_790_000_000_000_000
SECOND = 1_000_000


def piece(
    part: int,
    total: int = 3,
    *,
    reference: int = 1,
    sender: str = "+1",
    text: str = "",
    at: int = NOW,
    project_id: str = "p",
) -> Piece:
    return Piece(
        project_id=project_id,
        owner="carrier:one",
        from_number=sender,
        to_number="+2",
        reference=reference,
        total=total,
        part=part,
        alphabet="gsm",
        data=(text or f"part {part} of {reference}").encode(),
        at=at,
    )


def sets(seconds: float = 600, **changes: int) -> Reassembly:
    values = {"sets": 100, "octets": 10_000, "family_sets": 100, "family_octets": 10_000}
    return Reassembly(Bounds(**(values | changes)), lambda id: id.split("/")[0], seconds=seconds, repeat_seconds=60)


messages = st.dictionaries(
    st.tuples(st.sampled_from(["+1", "+3"]), st.integers(0, 3)), st.integers(2, 5), min_size=1, max_size=6
)


@given(messages, st.randoms(use_true_random=False))
def test_every_message_is_complete_once_whatever_the_order(wanted: dict[tuple[str, int], int], order: object) -> None:
    arriving = [
        piece(part, total, reference=reference, sender=sender)
        for (sender, reference), total in wanted.items()
        for part in range(1, total + 1)
    ]
    arriving += arriving[::2]  # some come twice
    order.shuffle(arriving)  # type: ignore[attr-defined]
    here, complete = sets(), []
    for each in arriving:
        if here.look(each, NOW) is Seen.NEW:
            found = here.add(each)
            if found.complete:
                complete.append(reassembly.key(found.in_order()[0])[2:5:2])
                assert [p.part for p in found.in_order()] == list(range(1, each.total + 1))
                here.made(found, NOW)
    assert sorted(complete) == sorted(wanted)
    assert len(here) == 0


def test_what_never_comes_is_given_up_after_its_time() -> None:
    here = sets(seconds=10)
    here.add(piece(1))
    assert here.given_up(NOW + 9 * SECOND) == []
    here.add(piece(3, at=NOW + 9 * SECOND))
    assert here.given_up(NOW + 18 * SECOND) == []
    (old,) = here.given_up(NOW + 19 * SECOND)
    assert [p.part for p in old.in_order()] == [1, 3]


def test_of_too_many_the_oldest_is_given_up() -> None:
    here = sets(sets=2)
    for reference in (1, 2, 3):
        here.add(piece(1, reference=reference))
    assert [s.in_order()[0].reference for s in here.given_up(NOW)] == [1]


def test_a_part_of_a_message_just_made_is_known() -> None:
    here = sets()
    for part in (1, 2, 3):
        found = here.add(piece(part))
    here.made(found, NOW)
    assert here.look(piece(3), NOW + 60 * SECOND) is Seen.REPEATED
    assert here.look(piece(3), NOW + 61 * SECOND) is Seen.NEW
    assert here.look(piece(3, text="another message"), NOW) is Seen.NEW


def test_repeated_part_whose_place_has_another_text_is_stale() -> None:
    here = sets()
    for part in (1, 2, 3):
        found = here.add(piece(part))
    here.made(found, NOW)
    here.add(piece(1, text="another message"))
    assert here.look(piece(1), NOW) is Seen.STALE
    assert here.look(piece(2), NOW) is Seen.REPEATED


def test_marked_part_gives_its_place_to_another_text_and_is_no_clash() -> None:
    here = sets()
    marked = replace(piece(1), extra=reassembly.REPEAT)
    found = here.add(marked)
    assert found.is_repeat
    assert here.look(piece(1), NOW) is Seen.HELD
    here.add(piece(1))
    assert found.is_repeat, "the same part again changes nothing"
    assert here.clash(piece(1, text="another")) is None
    here.add(piece(1, text="another"))
    assert not found.is_repeat
    assert [each.data for each in found.in_order()] == [b"another"]
    here.drop(found)
    assert len(here) == here.held_by("carrier:one") == 0


def test_another_text_in_a_parts_place_is_another_message() -> None:
    here = sets()
    first = here.add(piece(1))
    assert here.clash(piece(1)) is None
    assert here.clash(piece(2)) is None
    assert here.clash(piece(1, text="the reference came round")) is first


def test_of_texts_that_are_too_much_for_memory_the_oldest_are_given_up() -> None:
    here = sets(octets=100)
    first, second, third = (here.add(piece(1, reference=each, text="x" * 40)) for each in (1, 2, 3))
    assert here.given_up(NOW) == [first]
    here.made(first, NOW)
    assert here.given_up(NOW) == []
    here.add(piece(2, reference=2, text="x" * 80))
    assert here.given_up(NOW) == [third, second], "120 octets are too much alone"


@pytest.mark.parametrize("bound", [{"family_sets": 3}, {"family_octets": 30}])
def test_family_with_more_than_its_share_gives_up_its_own_oldest_sets(bound: dict[str, int]) -> None:
    here = sets(**bound)
    for reference in range(6):
        project_id = "p" if reference % 2 else "p/child"
        here.add(piece(1, reference=reference, text="ten octets", project_id=project_id))
    here.add(piece(1, reference=9, text="ten octets", project_id="other"))
    given_up = here.given_up(NOW)
    assert [each.in_order()[0].reference for each in given_up] == [0, 1, 2]
    for each in given_up:
        here.made(each, NOW)
    assert here.given_up(NOW) == [] and len(here) == 4
