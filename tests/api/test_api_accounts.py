"""Accounts by the cXML API: a project and its subprojects, and their tokens."""

import re

import pytest
import small_world
from small_world import CHILD, PROJECT, STRANGER, World

ACCOUNTS = "/api/laml/2010-04-01/Accounts"
TOKENS = f"{ACCOUNTS}/{PROJECT}/tokens"


@pytest.fixture
async def world() -> World:
    return await small_world.make()


async def test_a_subproject_is_made_with_a_key_that_is_told_once(world: World) -> None:
    made = await world.form(ACCOUNTS, {"FriendlyName": "Warehouse"})
    assert made.status_code == 201
    sid, key = made.json["sid"], made.json["signing_key"]
    assert re.fullmatch("PSK[0-9a-f]{48}", key)
    assert (made.json["subproject"], made.json["owner_account_sid"]) == (True, PROJECT)
    assert made.json["friendly_name"] == "Warehouse"
    shown = (await world.ask("GET", f"{ACCOUNTS}/{sid}")).json
    assert shown == {**made.json, "signing_key": None}
    kept = world.directory.project(sid)
    assert kept is not None
    assert kept.signing_key == key


async def test_a_parent_acts_on_a_subproject_that_it_made(world: World) -> None:
    sid = (await world.form(ACCOUNTS, {"FriendlyName": "Warehouse"})).json["sid"]
    application = await world.form(f"{ACCOUNTS}/{sid}/Applications", {"FriendlyName": "a"})
    assert application.json["account_sid"] == sid
    token = (await world.form(f"{ACCOUNTS}/{sid}/tokens", {"name": "own", "permissions[]": "messaging"})).json["token"]
    own = await world.ask("GET", f"{ACCOUNTS}/{sid}/Applications", who=sid, token=token)
    assert [each["sid"] for each in own.json["applications"]] == [application.json["sid"]]
    assert (await world.ask("GET", f"{ACCOUNTS}/{PROJECT}/Applications", who=sid, token=token)).status_code == 404


async def test_a_list_has_the_project_and_its_subprojects(world: World) -> None:
    sids = [(await world.form(ACCOUNTS, {"FriendlyName": name})).json["sid"] for name in ("a", "b", "a")]
    page = (await world.ask("GET", f"{ACCOUNTS}.json")).json
    assert {each["sid"] for each in page["accounts"]} == {PROJECT, CHILD, *sids}
    assert [each["sid"] for each in page["accounts"]][:3] == sids[::-1]
    assert all(each["signing_key"] is None for each in page["accounts"])
    page = (await world.ask("GET", ACCOUNTS, query_string="FriendlyName=a&PageSize=1")).json
    assert [each["sid"] for each in page["accounts"]] == [sids[2]]
    path, _, query = page["next_page_uri"].partition("?")
    page = (await world.ask("GET", path, query_string=query)).json
    assert [each["sid"] for each in page["accounts"]] == [sids[0]]
    assert page["next_page_uri"] is None
    page = (await world.ask("GET", ACCOUNTS, who=CHILD)).json
    assert [each["sid"] for each in page["accounts"]] == [CHILD]


async def test_a_subproject_has_no_subprojects(world: World) -> None:
    answer = await world.form(ACCOUNTS, {"FriendlyName": "a"}, who=CHILD)
    assert (answer.status_code, answer.json["code"]) == (422, 10000)
    assert "subproject" in answer.json["message"]


async def test_an_account_is_renamed(world: World) -> None:
    for sid in (PROJECT, CHILD):
        changed = await world.form(f"{ACCOUNTS}/{sid}", {"FriendlyName": "New"})
        assert (changed.status_code, changed.json["friendly_name"], changed.json["status"]) == (200, "New", "active")
        assert (await world.ask("GET", f"{ACCOUNTS}/{sid}")).json == changed.json
    assert (await world.form(f"{ACCOUNTS}/{CHILD}", {})).json["friendly_name"] == "New"
    assert (await world.form(f"{ACCOUNTS}/{STRANGER}", {"FriendlyName": "New"})).status_code == 404
    assert (await world.form(f"{ACCOUNTS}/{PROJECT}", {"FriendlyName": "New"}, who=CHILD)).status_code == 404


@pytest.mark.parametrize("name", ["", " ", "x" * 251])
async def test_a_name_is_needed_and_bounded(world: World, name: str) -> None:
    for path in (ACCOUNTS, f"{ACCOUNTS}/{CHILD}"):
        answer = await world.form(path, {"FriendlyName": name})
        assert (answer.status_code, answer.json["code"]) == (422, 10000)
    assert (await world.form(ACCOUNTS, {})).status_code == 422


async def test_the_scope_is_management(world: World) -> None:
    _, secret = await world.directory.create_token(PROJECT, "narrow", ("messaging",))
    assert (await world.ask("GET", ACCOUNTS, token=secret)).status_code == 401
    assert (await world.form(ACCOUNTS, {"FriendlyName": "a"}, token=secret)).status_code == 401
    assert (await world.form(TOKENS, {"name": "a", "permissions": "messaging"}, token=secret)).status_code == 401


# -- tokens


async def test_a_token_from_made_to_ended(world: World) -> None:
    made = await world.ask(
        "POST",
        TOKENS,
        body="name=Shop&permissions=numbers&permissions=management",
        headers={"Content-Type": "application/x-www-form-urlencoded"},
    )
    assert made.status_code == 200
    assert made.json.keys() == {"id", "name", "permissions", "token"}
    secret = made.json["token"]
    assert re.fullmatch("PT[0-9a-f]{48}", secret)
    assert made.json["permissions"] == ["management", "numbers"]
    one = f"{TOKENS}/{made.json['id']}"
    changed = await world.ask("PATCH", one, json={"name": "Web"}, token=secret)
    assert changed.json == {**made.json, "name": "Web", "token": "redacted"}
    assert (await world.ask("PATCH", one, json={"permissions": ["numbers"]})).json["permissions"] == ["numbers"]
    assert (await world.ask("PATCH", one, json={"name": "Web"}, token=secret)).status_code == 401
    assert (await world.ask("DELETE", one)).status_code == 204
    assert (await world.ask("DELETE", one)).json["code"] == 20404


async def test_a_token_for_a_subproject_by_name_or_by_address(world: World) -> None:
    fields = {"name": "a", "permissions[]": "management"}
    for path, more in ((TOKENS, {"subproject_id": CHILD}), (f"{ACCOUNTS}/{CHILD}/tokens", {})):
        made = (await world.form(path, {**fields, **more})).json
        assert (await world.ask("GET", ACCOUNTS, who=CHILD, token=made["token"])).status_code == 200
        assert (await world.ask("PATCH", f"{TOKENS}/{made['id']}", json={"name": "b"})).json["name"] == "b"
        assert (
            await world.ask("DELETE", f"{ACCOUNTS}/{STRANGER}/tokens/{made['id']}", who=STRANGER)
        ).status_code == 404


@pytest.mark.parametrize(
    "fields",
    [
        {"permissions": "messaging"},
        {"name": "a"},
        {"name": "a", "permissions": ""},
        {"name": "a", "permissions": "flying"},
        {"name": " ", "permissions": "messaging"},
        {"name": "x" * 256, "permissions": "messaging"},
        {"name": "a", "permissions": "messaging", "subproject_id": STRANGER},
        {"name": "a", "permissions": "messaging", "subproject_id": "nobody"},
    ],
)
async def test_faults_are_told_as_the_family_tells_them(world: World, fields: dict[str, str]) -> None:
    answer = await world.form(TOKENS, fields)
    assert (answer.status_code, answer.json["code"], answer.json["status"]) == (422, 10000, 422)
    assert answer.json.keys() == {"code", "message", "more_info", "status"}
