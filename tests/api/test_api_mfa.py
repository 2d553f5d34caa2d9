"""Codes by SMS: asked for and told back over HTTP. What a code does is shown in tests/engine/test_engine_mfa.py."""

from typing import Any

import pytest
import small_world
from small_world import CHILD, OTHERS_NUMBER, PROJECT, STRANGER, World

MFA = "/api/relay/rest/mfa"
TO = "+13125550142"
UNKNOWN = "00000000-0000-4000-8000-000000000999"


@pytest.fixture
async def world() -> World:
    return await small_world.make()


async def asked(world: World, **more: Any) -> str:
    """The path at which a new code is verified."""
    answer = await world.ask("POST", f"{MFA}/sms", json={"to": TO, **more})
    assert answer.status_code == 200, answer.text
    assert answer.json == {"id": answer.json["id"], "success": True, "to": TO, "channel": "sms"}
    return f"{MFA}/{answer.json['id']}/verify"


def code_of(world: World) -> str:
    return (world.acceptor.sent[-1].body or "").split()[-1]


def codes(answer: Any) -> list[str]:
    return [error["code"] for error in answer.json["errors"]]


async def test_a_code_is_asked_for_and_told_back(world: World) -> None:
    path = await asked(world)
    assert (await world.ask("POST", path, json={"token": "abcd"})).json == {"success": False}
    right = await world.ask("POST", path, json={"token": code_of(world)})
    assert (right.status_code, right.json) == (200, {"success": True})
    again = await world.ask("POST", path, json={"token": code_of(world)})
    assert (again.status_code, again.json) == (404, {"error": "Not Found"})


async def test_every_parameter_counts(world: World) -> None:
    path = await asked(
        world,
        **{"from": "+12025550102", "message": "Code", "token_length": 20, "allow_alphas": True},
        valid_for=60,
        max_attempts=1,
    )
    request = world.acceptor.sent[-1]
    assert (request.from_number, request.validity) == ("+12025550102", "60")
    assert (request.body or "").startswith("Code ") and len(code_of(world)) == 20
    assert (await world.ask("POST", path, json={"token": "wrong"})).json == {"success": False}
    assert (await world.ask("POST", path, json={"token": code_of(world)})).status_code == 404


async def test_null_is_not_given(world: World) -> None:
    names = ("from", "message", "token_length", "valid_for", "max_attempts", "allow_alphas")
    await asked(world, **dict.fromkeys(names))
    assert (world.acceptor.sent[-1].body or "").startswith("Your Personal Authorization Code is: ")


@pytest.mark.parametrize("name", ["token_length", "valid_for", "max_attempts"])
async def test_numbers_have_bounds(world: World, name: str) -> None:
    low, high = {"token_length": (4, 20), "valid_for": (1, 604_800), "max_attempts": (1, 20)}[name]
    for value in (low, high):
        await asked(world, **{name: value})
    for wrong in (low - 1, high + 1, -1, 10**30, "6", 6.5, True, [6]):
        answer = await world.ask("POST", f"{MFA}/sms", json={"to": TO, name: wrong})
        assert (answer.status_code, codes(answer)) == (422, ["invalid_parameter"]), wrong
        assert name in answer.json["errors"][0]["detail"]
    assert len(world.acceptor.sent) == 2


@pytest.mark.parametrize(
    ("body", "wanted"),
    [
        ({}, ["missing_required_parameter"]),
        ({"to": ""}, ["missing_required_parameter"]),
        ({"to": "nobody"}, ["invalid_to_number"]),
        ({"to": TO, "from": "+12025550199"}, ["invalid_from_number"]),
        ({"to": TO, "message": "x" * 154}, ["character_limit_exceeded"]),
        ({"to": TO, "message": 5, "token_length": 20}, []),
        ({"to": TO, "message": ["x"], "allow_alphas": "no"}, ["invalid_parameter"] * 2),
        ({"to": [], "max_attempts": 0}, ["invalid_parameter"] * 2 + ["missing_required_parameter"]),
    ],
)
async def test_every_fault_is_told(world: World, body: dict[str, Any], wanted: list[str]) -> None:
    answer = await world.ask("POST", f"{MFA}/sms", json=body)
    assert (codes(answer) if answer.status_code == 422 else []) == wanted


async def test_a_project_without_a_number_is_told_so(world: World) -> None:
    answer = await world.ask("POST", f"{MFA}/sms", json={"to": TO}, who=CHILD)
    assert (answer.status_code, codes(answer)) == (422, ["missing_required_parameter"])
    assert "mfa_from" in answer.json["errors"][0]["detail"]


async def test_a_full_backlog_is_told_and_leaves_no_code(world: World) -> None:
    world.acceptor.full = True
    answer = await world.ask("POST", f"{MFA}/sms", json={"to": TO})
    assert (answer.status_code, codes(answer)) == (429, ["message_backlog_limit_exceeded"])
    assert world.store.challenges == {}


async def test_a_call_is_refused_whatever_it_asks(world: World) -> None:
    for body in ({"to": TO}, {}):
        answer = await world.ask("POST", f"{MFA}/call", json=body)
        assert (answer.status_code, codes(answer)) == (422, ["voice_not_supported"])
    assert world.acceptor.sent == []


@pytest.mark.parametrize(
    "token",
    [None, "", "123", "1" * 21, "12 34", " 1234", "1234\n", "\u0661\u0662\u0663\u0664", "12-34", ["1234"], True, 12.5],
)
async def test_what_is_no_code_is_refused_and_costs_nothing(world: World, token: object) -> None:
    path = await asked(world, max_attempts=1)
    answer = await world.ask("POST", path, json={"token": token})
    assert answer.status_code == 422
    assert codes(answer)[0] in ("missing_required_parameter", "invalid_parameter")
    assert (await world.ask("POST", path, json={"token": code_of(world)})).json == {"success": True}


async def test_a_code_may_be_told_back_as_a_number(world: World) -> None:
    path = await asked(world, token_length=20)
    answer = await world.ask("POST", path, json={"token": 1234})
    assert (answer.status_code, answer.json) == (200, {"success": False})


async def test_another_project_and_a_wrong_id_find_nothing(world: World) -> None:
    path = await asked(world)
    body = {"token": code_of(world)}
    for who in (STRANGER, CHILD):
        assert (await world.ask("POST", path, json=body, who=who)).status_code == 404
    for id in (UNKNOWN, OTHERS_NUMBER, "x"):
        assert (await world.ask("POST", f"{MFA}/{id}/verify", json=body)).status_code == 404
    assert (
        await world.ask("POST", path.replace(path.split("/")[-2], path.split("/")[-2].upper()), json=body)
    ).json == {"success": True}


async def test_the_scope_is_management(world: World) -> None:
    _, secret = await world.directory.create_token(PROJECT, "narrow", ("messaging", "numbers"))
    for path in (f"{MFA}/sms", f"{MFA}/call", f"{MFA}/{UNKNOWN}/verify"):
        assert (await world.ask("POST", path, json={"to": TO, "token": "1234"}, token=secret)).status_code == 401
