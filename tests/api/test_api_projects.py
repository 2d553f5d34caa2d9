"""`/api/projects`: a project, its subprojects, their switches and keys."""

import re
from dataclasses import replace
from typing import Any

import pytest
import small_world
from small_world import CHILD, NUMBERS, PROJECT, STRANGER, World

PATH = "/api/projects"
SWITCHES = ("protect_recordings", "protect_message_media", "protect_fax_media", "force_https_requests")
UNKNOWN = "00000000-0000-4000-8000-0000000000ff"


@pytest.fixture
async def world() -> World:
    return await small_world.make()


async def made(world: World, **fields: Any) -> Any:
    answer = await world.ask("POST", PATH, json={"name": "Warehouse", **fields})
    assert answer.status_code == 201, answer.json
    return answer.json


async def test_from_made_to_deleted(world: World) -> None:
    project = await made(world, protect_recordings=True)
    key = project.pop("signing_key")
    assert re.fullmatch("PSK[0-9a-f]{48}", key)
    assert project == {
        "id": project["id"],
        "name": "Warehouse",
        "parent_project_id": PROJECT,
        "subproject": True,
        "region_preference": "us-east",
        "protect_recordings": True,
        "protect_message_media": False,
        "protect_fax_media": False,
        "force_https_requests": False,
        "created_at": "2026-11-23T09:30:00Z",
        "updated_at": "2026-11-23T09:30:00Z",
    }
    one = f"{PATH}/{project['id']}"
    assert (await world.ask("GET", one)).json == project
    changed = await world.ask("PATCH", one, json={"name": "Depot", "force_https_requests": True})
    assert changed.json == {**project, "name": "Depot", "force_https_requests": True}
    changed = await world.ask("PATCH", one, json={"protect_recordings": False, "force_https_requests": None})
    assert changed.json == {**project, "name": "Depot", "force_https_requests": True, "protect_recordings": False}
    assert (await world.ask("GET", one)).json == changed.json
    assert (await world.ask("DELETE", one)).status_code == 204
    assert (await world.ask("DELETE", one)).status_code == 404
    assert (await world.ask("GET", one)).json == {"error": "Not Found"}


async def test_a_key_is_exchanged_and_told_once(world: World) -> None:
    first = (await made(world))["signing_key"]
    (project,) = [each for each in world.directory.projects() if each.signing_key == first]
    rotated = await world.ask("POST", f"{PATH}/{project.id}/signing-key/rotate")
    assert rotated.status_code == 200
    second = rotated.json["signing_key"]
    kept = world.directory.project(project.id)
    assert kept is not None
    assert kept.signing_key == second != first
    assert "signing_key" not in (await world.ask("GET", f"{PATH}/{project.id}")).json
    assert (await world.ask("POST", f"{PATH}/{PROJECT}/signing-key/rotate")).json["subproject"] is False


async def test_a_list_and_its_pages(world: World) -> None:
    ids = [(await made(world, name=name))["id"] for name in ("a", "b", "a")]
    page = (await world.ask("GET", PATH)).json
    assert [each["id"] for each in page["data"]] == [*ids[::-1], CHILD, PROJECT]
    assert page["data"][-1]["parent_project_id"] is None
    assert page["links"].keys() == {"self", "first"}
    page = (await world.ask("GET", PATH, query_string="name=a&page_size=1")).json
    assert [each["id"] for each in page["data"]] == [ids[2]]
    assert page["links"].keys() == {"self", "first", "next"}
    _, _, query = page["links"]["next"].partition("?")
    page = (await world.ask("GET", PATH, query_string=query)).json
    assert [each["id"] for each in page["data"]] == [ids[0]]
    assert page["links"].keys() == {"self", "first", "prev"}
    assert (await world.ask("GET", PATH, query_string="page_size=0")).json["errors"][0]["code"] == "invalid_parameter"
    assert [each["id"] for each in (await world.ask("GET", PATH, who=CHILD)).json["data"]] == [CHILD]


async def test_a_subproject_is_made_below_a_project_only(world: World) -> None:
    answer = await world.ask("POST", PATH, json={"name": "a"}, who=CHILD)
    (error,) = answer.json["errors"]
    assert (answer.status_code, error["type"], error["code"], error["attribute"]) == (
        422,
        "validation_error",
        "nested_subprojects_not_allowed",
        None,
    )


async def test_only_a_subproject_without_numbers_is_deleted(world: World) -> None:
    answer = await world.ask("DELETE", f"{PATH}/{PROJECT}")
    assert (answer.status_code, answer.json["errors"][0]["code"]) == (422, "only_subprojects_can_be_deleted")
    moved = world.store.snapshot.numbers[0]
    world.store.snapshot = replace(world.store.snapshot, numbers=(replace(moved, project_id=CHILD),))
    await world.directory.load()
    answer = await world.ask("DELETE", f"{PATH}/{CHILD}")
    assert (answer.status_code, answer.json["errors"][0]["code"]) == (422, "phone_numbers_must_be_removed")
    world.store.snapshot = replace(world.store.snapshot, numbers=())
    assert (await world.ask("DELETE", f"{PATH}/{CHILD}")).status_code == 204
    assert (await world.ask("GET", PATH, who=CHILD)).status_code == 401


@pytest.mark.parametrize("other", [STRANGER, UNKNOWN, "nobody"])
async def test_what_is_not_the_callers_is_not_there(world: World, other: str) -> None:
    for method, path in (("GET", ""), ("PATCH", ""), ("DELETE", ""), ("POST", "/signing-key/rotate")):
        answer = await world.ask(method, f"{PATH}/{other}{path}", json={"name": "x"})
        assert (answer.status_code, answer.json) == (404, {"error": "Not Found"})
    assert (await world.ask("GET", f"{PATH}/{PROJECT}", who=CHILD)).status_code == 404


@pytest.mark.parametrize("name", ["", " ", None, "x" * 251, ["a"]])
async def test_faults_are_told_all_at_once(world: World, name: object) -> None:
    body = {"name": name, "force_https_requests": "yes"}
    for method, path in (("POST", PATH), ("PATCH", f"{PATH}/{CHILD}")):
        answer = await world.ask(method, path, json=body)
        assert answer.status_code == 422
        told = [(error["code"], error["attribute"]) for error in answer.json["errors"]]
        assert told == [("invalid_parameter", "name"), ("invalid_parameter", "force_https_requests")]


async def test_the_scope_is_management(world: World) -> None:
    _, secret = await world.directory.create_token(PROJECT, "narrow", ("messaging",))
    assert (await world.ask("GET", PATH, token=secret)).json == {"error": "Unauthorized"}


async def test_https_is_asked_of_urls_that_are_given(world: World) -> None:
    await world.ask("PATCH", f"{PATH}/{PROJECT}", json={"force_https_requests": True})
    number = f"/api/relay/rest/phone_numbers/{NUMBERS[0]}"
    answer = await world.ask("PUT", number, json={"message_request_url": "http://a.example/"})
    assert (answer.status_code, answer.json["errors"][0]["code"]) == (422, "invalid_parameter")
    assert "https" in answer.json["errors"][0]["detail"]
    answer = await world.ask("PUT", number, json={"message_request_url": "HTTPS://a.example/"})
    assert answer.status_code == 200
    apps = f"/api/laml/2010-04-01/Accounts/{PROJECT}/Applications"
    answer = await world.form(apps, {"FriendlyName": "a", "SmsUrl": "http://a.example/"})
    assert (answer.status_code, answer.json["code"]) == (422, 21402)
