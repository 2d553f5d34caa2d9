"""A change to what another node removed a moment ago is refused, and brings nothing back."""

from typing import Any

import pytest
import small_world
from small_world import NUMBERS, PROJECT, World

GROUPS = "/api/relay/rest/number_groups"
ACCOUNT = f"/api/laml/2010-04-01/Accounts/{PROJECT}"


@pytest.fixture
async def world() -> World:
    return await small_world.make()


async def test_a_token(world: World) -> None:
    made = (await world.ask("POST", "/api/project/tokens", json={"name": "x", "permissions": ["fax"]})).json
    await world.store.remove_token(PROJECT, made["id"])  # this process has not seen it yet
    answer = await world.ask("PATCH", f"/api/project/tokens/{made['id']}", json={"name": "y"})
    assert answer.status_code == 404
    assert made["id"] not in [token.id for token in world.store.snapshot.tokens]


async def test_an_application(world: World) -> None:
    made = (await world.form(f"{ACCOUNT}/Applications", {"FriendlyName": "x"})).json
    await world.store.remove_application(PROJECT, made["sid"])
    answer = await world.form(f"{ACCOUNT}/Applications/{made['sid']}", {"FriendlyName": "y"})
    assert answer.status_code == 404
    assert world.store.snapshot.applications == ()


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", f"{ACCOUNT}/IncomingPhoneNumbers/{NUMBERS[0]}", {"FriendlyName": "y"}),
        ("PUT", f"/api/relay/rest/phone_numbers/{NUMBERS[0]}", {"name": "y"}),
    ],
)
async def test_a_number(world: World, method: str, path: str, body: dict[str, Any]) -> None:
    world.store._remove("numbers", PROJECT, NUMBERS[0])
    assert (await world.ask(method, path, json=body)).status_code == 404
    assert NUMBERS[0] not in [number.id for number in world.store.snapshot.numbers]


async def test_a_group(world: World) -> None:
    made = (await world.ask("POST", GROUPS, json={"name": "x"})).json
    await world.store.remove_group(PROJECT, made["id"])
    answer = await world.ask("PUT", f"{GROUPS}/{made['id']}", json={"name": "y"})
    assert answer.status_code == 404
    assert world.store.snapshot.groups == ()


@pytest.mark.parametrize("table", ["groups", "numbers"])
async def test_what_a_number_was_to_join_with(world: World, table: str) -> None:
    made = (await world.ask("POST", GROUPS, json={"name": "x"})).json
    world.store._remove(table, PROJECT, made["id"] if table == "groups" else NUMBERS[0])
    path = f"{GROUPS}/{made['id']}/number_group_memberships"
    assert (await world.ask("POST", path, json={"phone_number_id": NUMBERS[0]})).status_code == 404
    assert world.store.snapshot.memberships == ()


async def test_a_membership(world: World) -> None:
    group = (await world.ask("POST", GROUPS, json={"name": "x"})).json["id"]
    path = f"{GROUPS}/{group}/number_group_memberships"
    made = (await world.ask("POST", path, json={"phone_number_id": NUMBERS[0]})).json
    await world.store.remove_membership(PROJECT, made["id"])
    assert (await world.ask("DELETE", f"/api/relay/rest/number_group_memberships/{made['id']}")).status_code == 404
