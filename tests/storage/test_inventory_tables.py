"""Free numbers: what a store must do, whichever database it stands on."""

import asyncio
import dataclasses

import pytest

from heliograph.core import inventory
from heliograph.core.directory import Membership, Number, NumberGroup, Project
from heliograph.core.ids import Uuid7Generator
from heliograph.core.inventory import LOCAL, TOLL_FREE, Place, Search
from heliograph.ports import NumberTaken, Store

P1 = "11111111-1111-4111-8111-111111111111"
P2 = "22222222-2222-4222-8222-222222222222"
P3 = "33333333-3333-4333-8333-333333333333"
NOW = 1_790_000_000_000_000
SEATTLE = Place(region="wa", city="Seattle", rate_center="SEATTLE", capabilities=("sms",))
ids = Uuid7Generator(lambda: 13)


def a_number(text: str, project_id: str = P1) -> Number:
    return Number(
        project_id=project_id,
        id=ids.next(NOW),
        number=text,
        name="",
        capabilities=("sms",),
        created_at=NOW,
        updated_at=NOW,
    )


async def stocked(store: Store, *numbers: str, place: Place = SEATTLE) -> None:
    await store.stock([inventory.free_number(number, place) for number in numbers], NOW)


async def found(store: Store, **wanted: str) -> list[str]:
    return [free.number for free in await store.free_numbers(Search(**wanted))]


@pytest.fixture
async def projects(store: Store) -> Store:
    for id_ in (P1, P2):
        project = Project(id=id_, parent_id=None, name="p", signing_key="k", created_at=NOW, updated_at=NOW)
        await store.add_project(project, None, ())
    return store


async def test_what_is_stocked_is_found_by_its_digits_and_its_place(store: Store) -> None:
    await stocked(store, "+12065550140", "+12065550141", "+12535550140")
    await stocked(store, "+18005550140", place=Place())
    await stocked(store, "+447700900123", place=Place(city="København Ø"))
    assert await found(store) == ["+12065550140", "+12065550141", "+12535550140", "+18005550140", "+447700900123"]
    assert await found(store, kind=TOLL_FREE) == ["+18005550140"]
    assert await found(store, kind=LOCAL, country="GB") == ["+447700900123"]
    assert await found(store, area_code="206") == ["+12065550140", "+12065550141"]
    assert await found(store, starts_with="2535") == ["+12535550140"]
    assert await found(store, ends_with="0141") == ["+12065550141"]
    assert await found(store, contains="65550") == ["+12065550140", "+12065550141"]
    assert await found(store, region="Wa", city="seATTle", area_code="253") == ["+12535550140"]
    assert await found(store, city="københavn ø") == ["+447700900123"]
    assert await found(store, region="OR") == []
    assert await store.free_countries() == ["GB", "US"]
    assert [free.capabilities for free in await store.free_numbers(Search(area_code="206", limit=1))] == [("sms",)]


async def test_stocking_again_replaces_what_is_known_and_frees_nothing(projects: Store) -> None:
    await stocked(projects, "+12065550140", "+12065550141")
    assert await projects.take_number(a_number("+12065550140"))
    await stocked(projects, "+12065550140", "+12065550141", place=Place(region="OR"))
    assert await found(projects) == ["+12065550141"]
    assert await found(projects, region="OR") == ["+12065550141"]


async def test_of_those_who_want_a_number_at_once_one_gets_it(projects: Store) -> None:
    await stocked(projects, "+12065550140")
    wishes = [a_number("+12065550140", project) for project in (P1, P2) * 10]
    assert sum(await asyncio.gather(*map(projects.take_number, wishes))) == 1
    (owned,) = (await projects.directory()).numbers
    assert owned.number == "+12065550140"
    assert await found(projects) == []
    assert await projects.free_number("+12065550140") is None


async def test_a_number_that_nobody_stocked_cant_be_taken(projects: Store) -> None:
    assert not await projects.take_number(a_number("+12065550149"))
    assert (await projects.directory()).numbers == ()


async def test_a_number_that_a_project_has_by_another_way_is_not_free(projects: Store) -> None:
    await projects.put_number(a_number("+12065550140", P2))
    await stocked(projects, "+12065550140")
    assert await found(projects) == []
    assert not await projects.take_number(a_number("+12065550140"))


async def test_a_released_number_is_free_again_and_has_left_its_groups(projects: Store) -> None:
    await stocked(projects, "+12065550140")
    number = a_number("+12065550140")
    await projects.take_number(number)
    group = NumberGroup(project_id=P1, id=ids.next(NOW), name="g", sticky_sender=False, created_at=NOW, updated_at=NOW)
    await projects.put_group(group)
    await projects.add_membership(
        Membership(
            project_id=P1, id=ids.next(NOW), group_id=group.id, number_id=number.id, created_at=NOW, updated_at=NOW
        )
    )
    version = await projects.directory_version()
    assert await projects.release_number(number)
    assert not await projects.release_number(number)
    after = await projects.directory()
    assert (after.numbers, after.memberships) == ((), ())
    assert after.version > version
    assert await found(projects, region="WA") == ["+12065550140"]


async def test_a_released_number_that_was_no_inventorys_is_gone(projects: Store) -> None:
    number = a_number("+12065550140")
    await projects.put_number(number)
    assert await projects.release_number(number)
    assert await found(projects) == []


async def test_a_moved_number_keeps_its_id(projects: Store) -> None:
    number = a_number("+12065550140")
    await projects.put_number(number)
    moved = dataclasses.replace(number, project_id=P2, name="moved")
    assert await projects.move_number(number, moved)
    assert (await projects.directory()).numbers == (moved,)
    assert not await projects.move_number(number, moved)
    assert (await projects.directory()).numbers == (moved,)


async def test_a_number_is_brought_along_once(projects: Store) -> None:
    await projects.put_number(a_number("+12065550140"))
    with pytest.raises(NumberTaken):
        await projects.put_number(a_number("+12065550140", P2))


async def test_no_number_comes_to_a_project_that_is_deleted(projects: Store) -> None:
    """It would be nobody's to release."""
    child = Project(id=P3, parent_id=P1, name="p", signing_key="k", created_at=NOW, updated_at=NOW)
    await projects.add_project(child, None, ())
    await stocked(projects, "+12065550140")
    number = a_number("+12065550141")
    await projects.put_number(number)
    assert await projects.delete_project(P3, NOW)
    assert not await projects.take_number(a_number("+12065550140", P3))
    assert not await projects.move_number(number, dataclasses.replace(number, project_id=P3))
    assert (await projects.directory()).numbers == (number,)
    assert await found(projects) == ["+12065550140"]
