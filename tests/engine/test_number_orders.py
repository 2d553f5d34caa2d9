"""Numbers of the inventory come to projects, whoever else wants them."""

import asyncio

import pytest
from engine_ground import PROJECT, Ground

from heliograph.core import inventory
from heliograph.core.directory import Project
from heliograph.core.errors import Fault, NotFound, Refused
from heliograph.core.inventory import SEARCH_DEFAULT, Place
from heliograph.engine.directory import Directory
from heliograph.engine.number_orders import NumberOrders
from heliograph.engine.project_room import ProjectLimits

FREE = 2 * SEARCH_DEFAULT


@pytest.fixture
async def directory(ground: Ground) -> Directory:
    """One that has a project, and an area with free numbers."""
    made = Directory(ground.store, ground.clock, limits=ProjectLimits(numbers=2 * FREE))
    parent = Project(id=PROJECT, parent_id=None, name="p", signing_key="PSK", created_at=1, updated_at=1)
    await ground.store.add_project(parent, None, ())
    await ground.store.stock([inventory.free_number(f"+1206555{n:04d}", Place()) for n in range(FREE)], 1)
    await made.load()
    return made


async def test_of_many_buyers_at_once_each_gets_one_while_there_are_any(ground: Ground, directory: Directory) -> None:
    orders = NumberOrders(ground.store, directory, ground.clock)
    (project,) = directory.projects()
    wishes = [orders.buy_in_area(project, "206", name="", settings={}) for _ in range(FREE + 3)]
    answers = await asyncio.gather(*wishes, return_exceptions=True)
    refused = [each for each in answers if isinstance(each, Refused)]
    assert [each.refusals[0].fault for each in refused] == [Fault.AREA_CODE_EMPTY] * 3
    assert len(directory.numbers_of(PROJECT)) == FREE


async def test_a_project_that_is_deleted_meanwhile_gets_none(ground: Ground, directory: Directory) -> None:
    orders = NumberOrders(ground.store, directory, ground.clock)
    child = await directory.create_subproject(directory.projects()[0], "child")
    await ground.store.delete_project(child.id, 2)
    async with asyncio.timeout(10):
        with pytest.raises(NotFound):
            await orders.buy_in_area(child, "206", name="", settings={})
    assert len(await ground.store.free_numbers(inventory.Search(limit=FREE))) == FREE
