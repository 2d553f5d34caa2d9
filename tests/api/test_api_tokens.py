"""API tokens: made, changed, ended."""

import re

import pytest
import small_world
from small_world import CHILD, PROJECT, STRANGER, World

PATH = "/api/project/tokens"


@pytest.fixture
async def world() -> World:
    return await small_world.make()


async def test_the_secret_is_told_once_and_works_until_the_token_ends(world: World) -> None:
    made = await world.ask("POST", PATH, json={"name": "Shop", "permissions": ["numbers", "management"]})
    assert made.status_code == 200
    secret = made.json["token"]
    assert re.fullmatch("PT[0-9a-f]{48}", secret)
    assert made.json["permissions"] == ["management", "numbers"]
    one = f"{PATH}/{made.json['id']}"
    changed = await world.ask("PATCH", one, json={"name": "Web"}, token=secret)
    assert changed.json == {**made.json, "name": "Web", "token": "redacted"}
    assert (await world.ask("PATCH", one, json={"permissions": ["numbers"]})).json["permissions"] == ["numbers"]
    assert (await world.ask("PATCH", one, json={"name": "Web"}, token=secret)).status_code == 401
    assert (await world.ask("DELETE", one)).status_code == 204
    assert (await world.ask("DELETE", one)).status_code == 404
    assert (await world.ask("GET", "/api/relay/rest/phone_numbers", token=secret)).status_code == 401


async def test_every_fault_is_told(world: World) -> None:
    answer = await world.ask("POST", PATH, json={"permissions": ["flying"], "subproject_id": STRANGER})
    assert answer.status_code == 422
    assert [(error["code"], error["attribute"]) for error in answer.json["errors"]] == [
        ("invalid_parameter", "name"),
        ("invalid_parameter", "permissions"),
        ("invalid_parameter", "subproject_id"),
    ]


@pytest.mark.parametrize("body", [{"permissions": []}, {"name": ""}, {"name": None}, {"permissions": "messaging"}])
async def test_a_change_must_leave_a_whole_token(world: World, body: dict[str, object]) -> None:
    made = await world.ask("POST", PATH, json={"name": "Shop", "permissions": ["messaging"]})
    answer = await world.ask("PATCH", f"{PATH}/{made.json['id']}", json=body)
    assert (answer.status_code, len(answer.json["errors"])) == (422, 1)


async def test_a_subprojects_token(world: World) -> None:
    body = {"name": "Child", "permissions": ["management"], "subproject_id": CHILD}
    made = await world.ask("POST", PATH, json=body)
    one = f"{PATH}/{made.json['id']}"
    assert (await world.ask("PATCH", one, json={"name": "x"}, who=CHILD, token=made.json["token"])).status_code == 200
    assert (await world.ask("DELETE", one, who=STRANGER)).status_code == 404
    assert (await world.ask("DELETE", one)).status_code == 204


async def test_the_scope_is_management(world: World) -> None:
    _, secret = await world.directory.create_token(PROJECT, "narrow", ("messaging",))
    assert (await world.ask("POST", PATH, json={"name": "x"}, token=secret)).json == {"error": "Unauthorized"}
