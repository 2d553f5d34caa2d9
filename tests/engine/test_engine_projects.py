"""A subproject's end: gone for everybody at once, its messages removed behind it."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest
from engine_ground import PROJECT, Ground, ids

from heliograph.core.directory import FORCE_HTTPS, NumberGroup, Project
from heliograph.core.errors import Fault, NotFound, Refused
from heliograph.core.lifecycle import State
from heliograph.engine.directory import Directory
from heliograph.engine.project_room import ProjectLimits
from heliograph.engine.sweeper import Sweeper, SweepSettings
from heliograph.engine.transition import Step
from heliograph.net.media import MediaFiles

STRANGER = "22222222-2222-4222-8222-222222222222"


@pytest.fixture
async def directory(ground: Ground) -> Directory:
    """One that has a project."""
    made = Directory(ground.store, ground.clock)
    parent = Project(id=PROJECT, parent_id=None, name="p", signing_key="PSK", created_at=1, updated_at=1)
    await ground.store.add_project(parent, None, ())
    await made.load()
    return made


async def test_a_deleted_subprojects_messages_go_when_they_are_through(
    ground: Ground, directory: Directory, tmp_path: Path
) -> None:
    (parent,) = directory.projects()
    child = await directory.create_subproject(parent, "child")
    through, on_its_way, others = (ground.message(project_id=each) for each in (child.id, child.id, parent.id))
    await ground.accept(through, on_its_way, others)
    await ground.transitions.apply([Step(message=each, states=(State.FAILED,)) for each in (through, others)])
    sweeper = Sweeper(
        store=ground.store,
        clock=ground.clock,
        directory=directory,
        transitions=ground.transitions,
        files=MediaFiles(tmp_path / "media"),
        settings=SweepSettings(every_seconds=1, retention_days=0, idempotency_hours=1, sticky_sender_days=0),
    )
    await directory.delete_subproject(child)
    assert directory.project(child.id) is None

    await sweeper.forget_projects()
    assert await ground.store.message(child.id, through.id) is None
    assert await ground.store.message(child.id, on_its_way.id) is not None
    assert await ground.store.deleted_projects(10) == [child.id]

    await ground.transitions.apply([Step(message=on_its_way, states=(State.FAILED,))])
    await sweeper.forget_projects()
    assert await ground.store.message(child.id, on_its_way.id) is None
    assert await ground.store.deleted_projects(10) == []
    assert await ground.store.message(parent.id, others.id) is not None


async def test_an_end_that_cannot_be(directory: Directory) -> None:
    (parent,) = directory.projects()
    child = await directory.create_subproject(parent, "child")
    with pytest.raises(Refused) as refused:
        await directory.delete_subproject(parent)
    assert refused.value.refusals[0].fault is Fault.NOT_A_SUBPROJECT
    with pytest.raises(Refused) as refused:
        await directory.create_subproject(child, "below")
    assert refused.value.refusals[0].fault is Fault.NESTED_SUBPROJECT
    await directory.delete_subproject(child)
    for change in (
        directory.delete_subproject(child),
        directory.update_project(child.id, lambda now: now),
        directory.rotate_signing_key(child.id),
    ):
        with pytest.raises(NotFound):
            await change
    assert directory.projects() == [parent]


async def test_of_changes_at_once_none_takes_back_another(directory: Directory) -> None:
    """A key that was exchanged because it had become known does not come back by a new name."""
    (project,) = directory.projects()
    rotated, renamed, switched = await asyncio.gather(
        directory.rotate_signing_key(project.id),
        directory.update_project(project.id, lambda now: replace(now, name="new")),
        directory.update_project(project.id, lambda now: replace(now, switches=frozenset({FORCE_HTTPS}))),
    )
    after = directory.project(project.id)
    assert after is not None
    assert (after.signing_key, after.name, after.switches) == (rotated.signing_key, "new", {FORCE_HTTPS})
    assert rotated.signing_key != project.signing_key
    assert renamed.signing_key == switched.signing_key == rotated.signing_key


async def test_a_change_begins_with_what_the_command_line_did(ground: Ground, directory: Directory) -> None:
    (project,) = directory.projects()
    await ground.store.update_project(replace(project, name="by hand"))
    assert (await directory.rotate_signing_key(project.id)).name == "by hand"


async def test_a_change_that_is_refused_changes_nothing_and_holds_up_no_other(directory: Directory) -> None:
    (project,) = directory.projects()

    def refused(now: Project) -> Project:
        raise NotFound

    with pytest.raises(NotFound):
        await directory.update_project(project.id, refused)
    assert (await directory.update_project(project.id, lambda now: replace(now, name="new"))).name == "new"


async def test_what_a_project_and_its_subprojects_make_is_bounded(ground: Ground, directory: Directory) -> None:
    (parent,) = directory.projects()
    narrow = Directory(ground.store, ground.clock, limits=ProjectLimits(objects=2))
    await narrow.load()
    child = await narrow.create_subproject(parent, "child")
    for each in (parent, child):
        await narrow.create_token(each.id, "t", ("messaging",))
    for refused in (narrow.create_token(child.id, "t", ("messaging",)), narrow.create_subproject(parent, "another")):
        with pytest.raises(Refused, match="at most 2"):
            await refused
    for number in range(3):
        group = NumberGroup(
            project_id=child.id, id=ids.next(1), name=f"{number}", sticky_sender=False, created_at=1, updated_at=1
        )
        if number < 2:
            await narrow.create_group(group)
            continue
        with pytest.raises(Refused, match="at most 2 number groups"):
            await narrow.create_group(group)
    other = Project(id=STRANGER, parent_id=None, name="p", signing_key="PSK", created_at=1, updated_at=1)
    await ground.store.add_project(other, None, ())
    await narrow.load()
    await narrow.create_token(other.id, "t", ("messaging",))
