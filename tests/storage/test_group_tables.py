"""Number groups, their members and sticky senders: what a store must do, whichever database it stands on."""

import asyncio
import dataclasses
from collections.abc import AsyncIterator

import pytest

from heliograph.core.directory import Membership, Number, NumberGroup, Project
from heliograph.core.ids import Uuid7Generator
from heliograph.core.lifecycle import State
from heliograph.core.message import Direction, Kind, Message, Source
from heliograph.ports import Acceptance, AlreadyMember, IdempotencyClaim, StickySender, Store

P1 = "11111111-1111-4111-8111-111111111111"
P2 = "22222222-2222-4222-8222-222222222222"
NOW = 1_790_000_000_000_000
TO = "+12025550199"
ids = Uuid7Generator(lambda: 11)


def a_number(project_id: str = P1, *, last: int = 1) -> Number:
    return Number(
        project_id=project_id,
        id=f"00000000-0000-4000-8000-{last:012d}",
        number=f"+1202555{last:04d}",
        name="",
        capabilities=("sms",),
        created_at=NOW,
        updated_at=NOW,
    )


def a_group(project_id: str = P1) -> NumberGroup:
    return NumberGroup(
        project_id=project_id, id=ids.next(NOW), name="grün", sticky_sender=True, created_at=NOW, updated_at=NOW
    )


def a_membership(group: NumberGroup, number: Number) -> Membership:
    return Membership(
        project_id=group.project_id,
        id=ids.next(NOW),
        group_id=group.id,
        number_id=number.id,
        created_at=NOW,
        updated_at=NOW,
    )


def a_message() -> Message:
    return Message(
        id=ids.next(NOW),
        project_id=P1,
        direction=Direction.OUTBOUND_API,
        kind=Kind.SMS,
        source=Source.LAML,
        from_number="+12025550001",
        to_number=TO,
        body="x",
        segments=1,
        state=State.QUEUED,
        created_at=NOW,
        updated_at=NOW,
        expires_at=NOW + 10**9,
    )


def sticky(group: NumberGroup, number: Number, *, to: str = TO, at: int = NOW) -> StickySender:
    return StickySender(project_id=group.project_id, group_id=group.id, to_number=to, number_id=number.id, used_at=at)


async def accept(store: Store, *choices: StickySender) -> None:
    """At once, so that they share a transaction."""
    told = (Acceptance(message=a_message(), event_no=n, sticky=choice) for n, choice in enumerate(choices))
    await asyncio.gather(*map(store.accept, told))


@pytest.fixture
async def store(store: Store) -> AsyncIterator[Store]:
    """With a project and two numbers, and another's number."""
    for project_id in (P1, P2):
        await store.add_project(
            Project(id=project_id, parent_id=None, name="", signing_key="PSK", created_at=NOW, updated_at=NOW), None, ()
        )
    for number in (a_number(), a_number(last=2), a_number(P2, last=3)):
        await store.put_number(number)
    yield store


async def test_groups_come_back_change_and_go(store: Store) -> None:
    group, other = a_group(), a_group(P2)
    before = await store.directory_version()
    await store.put_group(group)
    await store.put_group(other)
    assert (await store.directory()).groups == (group, other)
    changed = dataclasses.replace(group, name="blau", sticky_sender=False, updated_at=NOW + 1)
    assert await store.update_group(changed)
    assert (await store.directory()).groups == (changed, other)
    assert await store.directory_version() == before + 3
    assert not await store.remove_group(P2, group.id)
    assert await store.remove_group(P1, group.id)
    assert not await store.remove_group(P1, group.id)
    assert not await store.update_group(changed)
    assert (await store.directory()).groups == (other,)


async def test_memberships_come_back_and_go(store: Store) -> None:
    group = a_group()
    await store.put_group(group)
    first, second = a_membership(group, a_number()), a_membership(group, a_number(last=2))
    assert await store.add_membership(first) and await store.add_membership(second)
    assert (await store.directory()).memberships == (first, second)
    assert not await store.remove_membership(P2, first.id)
    assert await store.remove_membership(P1, first.id)
    assert not await store.remove_membership(P1, first.id)
    assert (await store.directory()).memberships == (second,)


async def test_a_number_is_in_a_group_once(store: Store) -> None:
    group, another = a_group(), a_group()
    await store.put_group(group)
    await store.put_group(another)
    twice = [a_membership(group, a_number()) for _ in range(2)]
    results = await asyncio.gather(*map(store.add_membership, twice), return_exceptions=True)
    assert sorted(map(repr, results)) == sorted([repr(True), repr(AlreadyMember(a_number().id))])
    assert await store.add_membership(a_membership(another, a_number()))
    assert len((await store.directory()).memberships) == 2


async def test_nobody_joins_what_is_gone_or_anothers(store: Store) -> None:
    group, others = a_group(), a_group(P2)
    await store.put_group(others)
    assert not await store.add_membership(a_membership(group, a_number()))
    await store.put_group(group)
    assert not await store.add_membership(a_membership(group, a_number(last=9)))
    assert not await store.add_membership(a_membership(group, a_number(P2, last=3)))
    assert not await store.add_membership(a_membership(dataclasses.replace(others, project_id=P1), a_number()))
    assert (await store.directory()).memberships == ()


async def test_memberships_and_sticky_senders_go_with_their_group(store: Store) -> None:
    group, another = a_group(), a_group()
    for each in (group, another):
        await store.put_group(each)
        await store.add_membership(a_membership(each, a_number()))
    await accept(store, sticky(another, a_number()), *(sticky(group, a_number(), to=f"+1{n:010}") for n in range(1500)))
    await store.remove_group(P1, group.id)
    assert [each.group_id for each in (await store.directory()).memberships] == [another.id]
    for n in (0, 1499):
        assert await store.sticky_sender(P1, group.id, f"+1{n:010}") is None
    assert await store.sticky_sender(P1, another.id, TO) == sticky(another, a_number())


async def test_a_sticky_sender_is_kept_with_its_message_and_replaced(store: Store) -> None:
    group = a_group()
    assert await store.sticky_sender(P1, group.id, TO) is None
    await accept(store, sticky(group, a_number()))
    assert await store.sticky_sender(P1, group.id, TO) == sticky(group, a_number())
    assert await store.sticky_sender(P2, group.id, TO) is None
    later = sticky(group, a_number(last=2), at=NOW + 5)
    await accept(store, later)
    assert await store.sticky_sender(P1, group.id, TO) == later


async def test_of_many_choices_in_one_transaction_the_last_stays(store: Store) -> None:
    group = a_group()
    choices = [sticky(group, a_number(last=1 + n % 2), at=NOW + n) for n in range(50)]
    await accept(store, *choices)
    assert await store.sticky_sender(P1, group.id, TO) == choices[-1]


async def test_a_replay_changes_no_sticky_sender(store: Store) -> None:
    group = a_group()
    claim = IdempotencyClaim(key="k", fingerprint="f")
    first = Acceptance(message=a_message(), event_no=1, claim=claim, sticky=sticky(group, a_number()))
    again = Acceptance(message=a_message(), event_no=2, claim=claim, sticky=sticky(group, a_number(last=2)))
    await store.accept(first)
    assert (await store.accept(again)).replayed
    assert await store.sticky_sender(P1, group.id, TO) == first.sticky


async def test_a_refused_message_leaves_no_sticky_sender(store: Store) -> None:
    group, message = a_group(), a_message()
    await store.accept(Acceptance(message=message, event_no=1))
    with pytest.raises(Exception):  # noqa: B017 - its id exists; each database says so in its own way
        await store.accept(Acceptance(message=message, event_no=2, sticky=sticky(group, a_number())))
    assert await store.sticky_sender(P1, group.id, TO) is None


async def test_old_sticky_senders_are_forgotten_some_at_a_time(store: Store) -> None:
    group = a_group()
    await accept(store, *(sticky(group, a_number(), to=f"+1202555010{n}", at=NOW + n) for n in range(5)))
    assert await store.forget_sticky_senders(NOW + 4, 3) == 3
    assert await store.forget_sticky_senders(NOW + 4, 3) == 1
    assert await store.forget_sticky_senders(NOW + 4, 3) == 0
    assert await store.sticky_sender(P1, group.id, "+12025550104") is not None


async def test_unsent_messages_are_counted_by_sender(store: Store) -> None:
    await accept(store, *[sticky(a_group(), a_number())] * 3)
    assert await store.unsent_counts() == {"+12025550001": 3}
