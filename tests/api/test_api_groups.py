"""Number groups and their members: made, listed, changed, ended."""

import uuid
from typing import Any

import pytest
import small_world
from small_world import CHILD, NUMBERS, OTHERS_NUMBER, PROJECT, STRANGER, World

GROUPS = "/api/relay/rest/number_groups"
MEMBERSHIPS = "/api/relay/rest/number_group_memberships"
UNKNOWN = "00000000-0000-4000-8000-000000000999"


@pytest.fixture
async def world() -> World:
    return await small_world.make()


async def group(world: World, name: str = "Support", **more: Any) -> str:
    """The path of a new group."""
    made = await world.ask("POST", GROUPS, json={"name": name, **more})
    assert made.status_code == 200, made.text
    return f"{GROUPS}/{made.json['id']}"


async def join(world: World, path: str, number: str = NUMBERS[0]) -> dict[str, Any]:
    made = await world.ask("POST", f"{path}/number_group_memberships", json={"phone_number_id": number})
    assert made.status_code == 200, made.text
    return dict(made.json)


def told(answer: Any) -> list[tuple[str, str]]:
    return [(error["code"], error["detail"].split()[0]) for error in answer.json["errors"]]


async def test_a_group_is_made_shown_changed_and_ended(world: World) -> None:
    made = await world.ask("POST", GROUPS, json={"name": "Support"})
    assert made.status_code == 200
    assert made.json == {"id": made.json["id"], "name": "Support", "sticky_sender": False, "phone_number_count": 0}
    one = f"{GROUPS}/{made.json['id']}"
    await join(world, one)
    assert (await world.ask("GET", one)).json == {**made.json, "phone_number_count": 1}
    changed = await world.ask("PUT", one, json={"name": "Sales", "sticky_sender": True})
    assert (changed.status_code, changed.json) == (
        200,
        {**made.json, "name": "Sales", "sticky_sender": True, "phone_number_count": 1},
    )
    assert (await world.ask("PUT", one, json={"name": "Till"})).json["sticky_sender"] is True
    assert (await world.ask("PUT", one, json={"sticky_sender": False})).json["name"] == "Till"
    assert (await world.ask("GET", one.upper().replace(GROUPS.upper(), GROUPS))).status_code == 200
    assert (await world.ask("DELETE", one)).status_code == 204
    for method in ("GET", "PUT", "DELETE"):
        assert (await world.ask(method, one, json={})).status_code == 404
    assert (await world.ask("GET", f"/api/relay/rest/phone_numbers/{NUMBERS[0]}")).status_code == 200


@pytest.mark.parametrize(
    ("body", "faults"),
    [
        ({}, [("missing_required_parameter", "name")]),
        ({"name": ""}, [("missing_required_parameter", "name")]),
        ({"name": None}, [("missing_required_parameter", "name")]),
        ({"name": ["x"]}, [("invalid_parameter", "name")]),
        ({"name": "x" * 256}, [("invalid_parameter", "name")]),
        (
            {"name": True, "sticky_sender": "yes"},
            [("invalid_parameter", "name"), ("invalid_parameter", "sticky_sender")],
        ),
        ({"name": "x", "sticky_sender": 1}, [("invalid_parameter", "sticky_sender")]),
    ],
)
async def test_every_fault_is_told(world: World, body: dict[str, Any], faults: list[tuple[str, str]]) -> None:
    one = await group(world)
    before = (await world.ask("GET", one)).json
    for method, path in (("POST", GROUPS), ("PUT", one)):
        if (method, body) != ("PUT", {}):
            answer = await world.ask(method, path, json=body)
            assert (answer.status_code, told(answer)) == (422, faults)
    assert (await world.ask("GET", one)).json == before
    assert len((await world.ask("GET", GROUPS)).json["data"]) == 1


async def test_a_name_of_the_greatest_length_and_of_any_letters(world: World) -> None:
    for name in ("x" * 255, "Ünïcodé 👋", "7"):
        assert (await world.ask("GET", await group(world, name))).json["name"] == name
    assert (await world.ask("POST", GROUPS, json={"name": 7})).json["name"] == "7"


async def test_groups_are_listed_newest_first_by_pages_and_by_name(world: World) -> None:
    for name in ("Support one", "Sales", "Support two", "Support three"):
        await group(world, name)
    page = (await world.ask("GET", GROUPS, params={"filter_name": "Support", "page_size": "2"})).json
    assert [each["name"] for each in page["data"]] == ["Support three", "Support two"]
    assert set(page["links"]) == {"self", "first", "next"}
    following = (await world.ask("GET", page["links"]["next"].partition("falconframework.org")[2])).json
    assert [each["name"] for each in following["data"]] == ["Support one"]
    assert set(following["links"]) == {"self", "first", "prev"}
    assert "filter_name=Support" in following["links"]["prev"]
    assert (await world.ask("GET", GROUPS, params={"filter_name": "sales"})).json["data"] == []
    refused = await world.ask("GET", GROUPS, params={"page_number": "1"})
    assert (refused.status_code, refused.json["errors"][0]["code"]) == (422, "page_token_required")


async def test_a_number_joins_and_leaves(world: World) -> None:
    one = await group(world)
    made = await join(world, one, NUMBERS[1].upper())
    assert set(made) == {"id", "number_group_id", "phone_number", "created_at", "updated_at"}
    assert made["number_group_id"] == one.rpartition("/")[2]
    assert made["phone_number"] == {
        "id": NUMBERS[1],
        "number": "+12025550102",
        "capabilities": ["voice", "sms", "mms", "fax"],
    }
    assert made["created_at"] == "2026-11-23T09:30:00Z"
    path = f"{MEMBERSHIPS}/{made['id']}"
    assert (await world.ask("GET", path)).json == made
    assert (await world.ask("DELETE", path)).status_code == 204
    assert (await world.ask("GET", path)).status_code == 404
    assert (await world.ask("DELETE", path)).status_code == 404
    assert (await world.ask("GET", one)).json["phone_number_count"] == 0


async def test_memberships_are_listed_newest_first(world: World) -> None:
    one, other = await group(world), await group(world)
    made = [(await join(world, one, number))["id"] for number in NUMBERS[:3]]
    await join(world, other)
    listed = (await world.ask("GET", f"{one}/number_group_memberships?page_size=2")).json
    assert [each["id"] for each in listed["data"]] == made[:0:-1]
    following = (await world.ask("GET", listed["links"]["next"].partition("falconframework.org")[2])).json
    assert [each["id"] for each in following["data"]] == made[:1]


@pytest.mark.parametrize(
    ("given", "code"),
    [
        (None, "missing_required_parameter"),
        ("", "missing_required_parameter"),
        ("+12025550101", "invalid_parameter"),
        (UNKNOWN, "invalid_parameter"),
        (OTHERS_NUMBER, "invalid_parameter"),
        ([NUMBERS[0]], "invalid_parameter"),
    ],
)
async def test_only_a_number_of_the_project_joins(world: World, given: object, code: str) -> None:
    path = f"{await group(world)}/number_group_memberships"
    answer = await world.ask("POST", path, json={"phone_number_id": given})
    assert (answer.status_code, told(answer)) == (422, [(code, "phone_number_id")])
    assert (await world.ask("GET", path)).json["data"] == []


async def test_a_number_is_in_a_group_once_and_in_many_groups(world: World) -> None:
    one = await group(world)
    await join(world, one)
    again = await world.ask("POST", f"{one}/number_group_memberships", json={"phone_number_id": NUMBERS[0]})
    assert (again.status_code, told(again)) == (422, [("invalid_parameter", "phone_number_id")])
    assert (await world.ask("GET", one)).json["phone_number_count"] == 1
    await join(world, await group(world))


async def test_memberships_go_with_their_group(world: World) -> None:
    one = await group(world)
    made = await join(world, one)
    await world.ask("DELETE", one)
    assert (await world.ask("GET", f"{MEMBERSHIPS}/{made['id']}")).status_code == 404


async def test_a_membership_is_not_seen_when_its_number_has_gone(world: World) -> None:
    one = await group(world)
    made = await join(world, one)
    world.store._remove("numbers", PROJECT, NUMBERS[0])
    await world.directory.load()
    assert (await world.ask("GET", f"{MEMBERSHIPS}/{made['id']}")).status_code == 404
    assert (await world.ask("GET", one)).json["phone_number_count"] == 0
    assert (await world.ask("GET", f"{one}/number_group_memberships")).json["data"] == []


@pytest.mark.parametrize("who", [STRANGER, CHILD])
async def test_another_projects_things_are_not_there(world: World, who: str) -> None:
    one = await group(world)
    membership = f"{MEMBERSHIPS}/{(await join(world, one))['id']}"
    for method, path in [
        ("GET", one),
        ("PUT", one),
        ("DELETE", one),
        ("GET", f"{one}/number_group_memberships"),
        ("POST", f"{one}/number_group_memberships"),
        ("GET", membership),
        ("DELETE", membership),
    ]:
        answer = await world.ask(method, path, who=who, json={"name": "mine", "phone_number_id": OTHERS_NUMBER})
        assert (answer.status_code, answer.json) == (404, {"error": "Not Found"})
    assert (await world.ask("GET", GROUPS, who=who)).json["data"] == []
    assert (await world.ask("GET", one)).json["name"] == "Support"


@pytest.mark.parametrize("id", ["x", str(uuid.UUID(int=1))])
async def test_an_unknown_or_malformed_id_is_not_found(world: World, id: str) -> None:
    for path in (f"{GROUPS}/{id}", f"{GROUPS}/{id}/number_group_memberships", f"{MEMBERSHIPS}/{id}"):
        assert (await world.ask("GET", path)).status_code == 404


async def test_the_scope_is_numbers(world: World) -> None:
    _, secret = await world.directory.create_token(PROJECT, "narrow", ("messaging", "management"))
    assert (await world.ask("GET", GROUPS, token=secret)).json == {"error": "Unauthorized"}
