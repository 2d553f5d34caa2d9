"""The directory in memory follows the store, whatever order its reads end in."""

import asyncio
from dataclasses import replace
from typing import Any, cast

from engine_ground import PROJECT, SetClock

from heliograph.core.directory import Changes, Membership, Number, NumberGroup, Snapshot
from heliograph.engine.directory import Directory

EMPTY = Snapshot(version=1, projects=(), tokens=(), numbers=(), applications=())
GROUP = NumberGroup(
    project_id=PROJECT,
    id="0" * 8 + "-0000-7000-8000-" + "0" * 12,
    name="",
    sticky_sender=False,
    created_at=0,
    updated_at=0,
)


class SlowStore:
    """Each read waits until the test lets it end, with what it had seen by then."""

    def __init__(self) -> None:
        self.reads: list[asyncio.Future[Snapshot]] = []

    async def directory_changes(self, since: int) -> Changes | None:
        return None

    async def directory(self) -> Snapshot:
        self.reads.append(asyncio.get_running_loop().create_future())
        return await self.reads[-1]


def a_number(last: int) -> Number:
    return Number(
        project_id=PROJECT,
        id=f"00000000-0000-4000-8000-{last:012d}",
        number=f"+1202555{last:04d}",
        name="",
        capabilities=("sms",),
        created_at=0,
        updated_at=0,
    )


def a_membership(number: Number, last: int, **changes: Any) -> Membership:
    membership = Membership(
        project_id=PROJECT,
        id=f"00000000-0000-7000-8000-{last:012d}",
        group_id=GROUP.id,
        number_id=number.id,
        created_at=0,
        updated_at=0,
    )
    return replace(membership, **changes)


async def test_an_older_read_takes_back_nothing() -> None:
    store = SlowStore()
    directory = Directory(cast(Any, store), SetClock())
    older, newer = asyncio.create_task(directory.load()), asyncio.create_task(directory.load())
    while len(store.reads) < 2:
        await asyncio.sleep(0)
    store.reads[1].set_result(replace(EMPTY, version=2, groups=(GROUP,)))
    await newer
    store.reads[0].set_result(EMPTY)
    await older
    assert directory.version == 2 and directory.group(PROJECT, GROUP.id) == GROUP


def test_members_are_the_projects_own_numbers_the_newest_member_first() -> None:
    directory = Directory(cast(Any, None), SetClock())
    mine, other, gone = a_number(1), a_number(2), a_number(3)
    memberships = (
        a_membership(mine, 1),
        a_membership(other, 3),
        a_membership(gone, 2),
        a_membership(mine, 4, project_id="22222222-2222-4222-8222-222222222222"),
    )
    directory._take(replace(EMPTY, numbers=(mine, other), groups=(GROUP,), memberships=memberships))
    assert directory.members_of(GROUP) == [other, mine]
    assert [each.id[-1] for each in directory.memberships_of(GROUP)] == ["3", "1"]
    assert directory.groups_of(PROJECT) == [GROUP]
