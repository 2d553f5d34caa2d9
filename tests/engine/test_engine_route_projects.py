"""Routes that name a project keep it through renames and restarts."""

from dataclasses import replace

import pytest
from engine_ground import PROJECT, Ground
from structlog.testing import capture_logs

from heliograph.core.directory import Project
from heliograph.core.route_projects import UnresolvedProject
from heliograph.engine.directory import Directory
from heliograph.engine.route_projects import RouteProjects

MALLORY = "22222222-2222-4222-8222-222222222222"


@pytest.fixture
async def directory(ground: Ground) -> Directory:
    """Alice's project and Mallory's."""
    for project_id, name in ((PROJECT, "Alice"), (MALLORY, "Mallory")):
        made = Project(id=project_id, parent_id=None, name=name, signing_key="PSK", created_at=1, updated_at=1)
        await ground.store.add_project(made, None, ())
    found = Directory(ground.store, ground.clock)
    await found.load()
    return found


async def _started(ground: Ground, directory: Directory) -> RouteProjects:
    made = RouteProjects(ground.store, directory)
    await made.load()
    return made


async def test_project_that_takes_a_name_does_not_get_its_route(ground: Ground, directory: Directory) -> None:
    first = await _started(ground, directory)
    await first.remember(first.resolve(["Alice"]))
    await directory.update_project(PROJECT, lambda now: replace(now, name="Alice and sons"))
    await directory.update_project(MALLORY, lambda now: replace(now, name="Alice"))
    assert first.resolve(["Alice"]) == {"Alice": PROJECT}
    assert (await _started(ground, directory)).resolve(["Alice"]) == {"Alice": PROJECT}


async def test_name_that_the_file_lost_is_forgotten(ground: Ground, directory: Directory) -> None:
    first = await _started(ground, directory)
    await first.remember(first.resolve(["Alice"]))
    await first.remember(first.resolve(["Mallory"]))
    await directory.update_project(PROJECT, lambda now: replace(now, name="Bob"))
    with pytest.raises(UnresolvedProject):
        (await _started(ground, directory)).resolve(["Alice"])


async def test_id_that_nobody_has_is_logged(ground: Ground, directory: Directory) -> None:
    nobody = MALLORY.replace("2", "3")
    with capture_logs() as logged:
        assert (await _started(ground, directory)).resolve([nobody]) == {nobody: nobody}
    assert [(line["event"], line["project_id"]) for line in logged] == [("route.no_project", nobody)]
