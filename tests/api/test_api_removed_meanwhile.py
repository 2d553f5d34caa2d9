"""A change to what another node removed a moment ago is refused, and brings nothing back."""

from typing import Any

import pytest
import small_world
from small_world import NUMBERS, PROJECT, World

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
