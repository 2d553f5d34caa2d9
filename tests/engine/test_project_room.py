"""What a root project with its subprojects may have in the directory: octets, bought numbers, scripts."""

import asyncio
from dataclasses import replace

import pytest
from engine_ground import PROJECT, Ground

from heliograph.core import inventory
from heliograph.core.directory import Application, Number, Project, octets_of
from heliograph.core.errors import Fault, Refused
from heliograph.core.ids import Uuid7Generator
from heliograph.core.inventory import Place
from heliograph.core.number_settings import HOSTED, ORIGIN
from heliograph.engine.directory import Directory
from heliograph.engine.number_orders import NumberOrders
from heliograph.engine.project_room import ProjectLimits, ProjectRoom
from heliograph.engine.scripts import Scripts

ids = Uuid7Generator(lambda: 5)
STRANGER = "22222222-2222-4222-8222-222222222222"
URL = "https://a.example/" + "x" * 4000


async def made(ground: Ground, **limits: int) -> Directory:
    """A directory with a project, its subproject and another project."""
    directory = Directory(ground.store, ground.clock, limits=ProjectLimits(**limits))
    for project_id in (PROJECT, STRANGER):
        project = Project(id=project_id, parent_id=None, name="p", signing_key="PSK", created_at=1, updated_at=1)
        await ground.store.add_project(project, None, ())
    await directory.load()
    return directory


def application(project_id: str, url: str = URL) -> Application:
    return Application(
        project_id=project_id, id=ids.next(1), name="a", settings={"sms_url": url}, created_at=1, updated_at=1
    )


def own(directory: Directory) -> Project:
    found = directory.project(PROJECT)
    assert found is not None
    return found


def octets(directory: Directory, project_id: str = PROJECT) -> int:
    return directory.room.octets.of_family(project_id)


async def test_octets_of_a_family_are_counted_as_its_objects_come_and_go(ground: Ground) -> None:
    directory = await made(ground)
    before, stranger = octets(directory), octets(directory, STRANGER)
    child = await directory.create_subproject(own(directory), "child")
    with_child = octets(directory)
    one = application(child.id)
    await directory.create_application(one)
    assert octets(directory) == with_child + octets_of(one) > with_child + len(URL)
    await directory.update_application(child.id, one.id, lambda now: replace(now, settings={}))
    assert octets(directory) == with_child + octets_of(replace(one, settings={}))
    again = Directory(ground.store, ground.clock)
    await again.load()
    assert octets(again) == octets(directory)
    await directory.remove_application(child.id, one.id)
    assert octets(directory) == with_child
    await directory.delete_subproject(child)
    assert (octets(directory), octets(directory, STRANGER)) == (before, stranger)


async def test_text_beyond_ascii_counts_as_it_lies_in_memory(ground: Ground) -> None:
    plain, wide = application(PROJECT, "x" * 100), application(PROJECT, "x" * 99 + "\N{GRINNING FACE}")
    assert octets_of(wide) - octets_of(plain) == 300


async def test_family_with_its_octets_used_up_adds_nothing_but_may_shrink(ground: Ground) -> None:
    directory = await made(ground, octets=20_000)
    child = await directory.create_subproject(own(directory), "child")
    kept = [application(project_id) for project_id in (PROJECT, child.id, PROJECT, child.id)]
    for each in kept:
        await directory.create_application(each)
    for project_id in (PROJECT, child.id):
        with pytest.raises(Refused, match="at most 20000 bytes together"):
            await directory.create_application(application(project_id))
    with pytest.raises(Refused, match="at most 20000 bytes together"):
        longer = {"sms_url": URL * 2}
        await directory.update_application(PROJECT, kept[0].id, lambda now: replace(now, settings=longer))
    with pytest.raises(Refused, match="at most 20000 bytes together"):
        await directory.update_project(PROJECT, lambda now: replace(now, name="x" * 5000))
    await directory.create_application(application(STRANGER))
    await directory.update_application(PROJECT, kept[0].id, lambda now: replace(now, settings={}))
    await directory.create_application(application(PROJECT, "short"))


async def test_requests_at_once_do_not_pass_the_limits_together(ground: Ground) -> None:
    directory = await made(ground, octets=20_000, objects=3)
    creates = [directory.create_application(application(PROJECT, "https://a.example")) for _ in range(10)]
    answers = await asyncio.gather(*creates, return_exceptions=True)
    assert sum(isinstance(each, Refused) for each in answers) == 7
    names = [directory.create_token(PROJECT, "x" * 6000, ("messaging",)) for _ in range(10)]
    answers = await asyncio.gather(*names, return_exceptions=True)
    assert octets(directory) <= 20_000 and sum(isinstance(each, Refused) for each in answers) >= 7


async def test_object_that_has_arrived_is_not_reserved_as_well() -> None:
    room = ProjectRoom(lambda project_id: project_id, ProjectLimits(octets=100))
    with room.reserved(PROJECT, "first", "tokens", there=0, most=2), room.reserved_octets(PROJECT, "first", 60):
        with pytest.raises(Refused, match="at most 1 tokens"), room.reserved(PROJECT, "second", "tokens", 0, 1):
            pass
        with pytest.raises(Refused, match="at most 100 bytes"), room.reserved_octets(PROJECT, "second", 60):
            pass
        room.octets.add(PROJECT, 30)
        room.arrived("first")
        with room.reserved(PROJECT, "second", "tokens", there=1, most=2), room.reserved_octets(PROJECT, "second", 70):
            pass
    with room.reserved_octets(PROJECT, "third", 70):
        pass


async def test_family_buys_as_many_numbers_as_it_may(ground: Ground) -> None:
    directory = await made(ground, numbers=3)
    stocked = [f"+1206555{n:04d}" for n in range(28)] + ["+13125550028", "+13125550029"]
    await ground.store.stock([inventory.free_number(each, Place()) for each in stocked], 1)
    orders = NumberOrders(ground.store, directory, ground.clock)
    parent, stranger = directory.project(PROJECT), directory.project(STRANGER)
    assert parent is not None and stranger is not None
    child = await directory.create_subproject(parent, "child")
    brought = Number(
        project_id=PROJECT, id=ids.next(1), number="+442071838750", name="", capabilities=("sms",),
        settings={ORIGIN: HOSTED}, created_at=1, updated_at=1,
    )  # fmt: skip
    await directory.import_number(brought)
    wishes = [orders.buy_in_area(each, "206", name="", settings={}) for each in (parent, child) for _ in range(5)]
    answers = await asyncio.gather(*wishes, return_exceptions=True)
    refused = [each for each in answers if isinstance(each, Refused)]
    assert [each.refusals[0].fault for each in refused] == [Fault.PARAMETER_INVALID] * 7
    assert "at most 3 bought phone numbers" in str(refused[0])
    with pytest.raises(Refused, match="at most 3 bought phone numbers"):
        await orders.buy(child, "+13125550029", name="", settings={})
    await orders.buy(stranger, "+13125550029", name="", settings={})
    bought = next(each for each in directory.numbers_of(PROJECT) + directory.numbers_of(child.id) if each != brought)
    await orders.release(bought)
    await orders.buy(child, "+13125550028", name="", settings={})


async def test_scripts_count_with_the_octets_of_their_family(ground: Ground) -> None:
    directory = await made(ground, octets=20_000, objects=3)
    scripts = Scripts(ground.store, ground.clock, ids, directory.room, 65_536)
    contents = f"<Response><Message>{'x' * 9000}</Message></Response>"
    first = await scripts.create(PROJECT, "one", contents)
    await scripts.create(PROJECT, "two", contents)
    for refused in (
        scripts.create(PROJECT, "three", contents),
        scripts.update(PROJECT, first.id, "n", contents + " " * 3000),
        directory.create_application(application(PROJECT)),
    ):
        with pytest.raises(Refused, match="at most 20000 bytes together"):
            await refused
    await scripts.update(PROJECT, first.id, None, "<Response/>")
    await scripts.create(PROJECT, "three", "<Response/>")
    with pytest.raises(Refused, match="at most 3 scripts"):
        await scripts.create(PROJECT, "four", "<Response/>")
    loaded = await made_again(ground)
    assert loaded.room.script_octets.of_family(PROJECT) == directory.room.script_octets.of_family(PROJECT)
    assert loaded.room.scripts.of_family(PROJECT) == 3
    await scripts.remove(PROJECT, first.id)
    await scripts.create(PROJECT, "four", "<Response/>")


async def made_again(ground: Ground) -> Directory:
    directory = Directory(ground.store, ground.clock)
    await directory.load()
    await Scripts(ground.store, ground.clock, ids, directory.room, 65_536).load()
    return directory


async def test_scripts_of_a_deleted_subproject_leave_the_count(ground: Ground) -> None:
    directory = await made(ground)
    child = await directory.create_subproject(own(directory), "child")
    scripts = Scripts(ground.store, ground.clock, ids, directory.room, 65_536)
    await scripts.create(child.id, "one", None)
    assert directory.room.script_octets.of_family(PROJECT) > 0
    await directory.delete_subproject(child)
    assert directory.room.script_octets.of_family(PROJECT) == directory.room.scripts.of_family(PROJECT) == 0


async def test_scripts_changed_at_once_are_counted_as_they_are(ground: Ground) -> None:
    directory = await made(ground)
    scripts = Scripts(ground.store, ground.clock, ids, directory.room, 65_536)
    script = await scripts.create(PROJECT, "one", f"<Response>{' ' * 9000}</Response>")
    await asyncio.gather(*(scripts.update(PROJECT, script.id, None, "<Response/>") for _ in range(5)))
    assert directory.room.script_octets.of_family(PROJECT) == len("one") + len("<Response/>")
