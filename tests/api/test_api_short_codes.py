"""Short codes: their own endpoint of the relay/rest API, and no place among the phone numbers there."""

from dataclasses import replace
from typing import Any

import pytest
import small_world
from small_world import CHILD, NUMBERS, PROJECT, STRANGER, World

PATH = "/api/relay/rest/short_codes"
REST = "/api/relay/rest/phone_numbers"
CXML = f"/api/laml/2010-04-01/Accounts/{PROJECT}/IncomingPhoneNumbers"
CODES = [f"00000000-0000-4000-8000-0000000003{index:02d}" for index in range(1, 4)]
ONE = f"{PATH}/{CODES[0]}"
OTHERS = "00000000-0000-4000-8000-000000000400"


@pytest.fixture
async def world() -> World:
    """Three short codes, 54321 to 54323, and one of a stranger."""
    made = await small_world.make()
    model = made.store.snapshot.numbers[0]
    for place, id in enumerate(CODES, start=1):
        made.store._put("numbers", replace(model, id=id, number=f"5432{place}", name=f"Desk {place}"))
    made.store._put("numbers", replace(model, id=OTHERS, number="987654", project_id=STRANGER))
    await made.directory.load()
    return made


def told(answer: Any) -> list[tuple[str, str]]:
    return [(error["code"], error["detail"].split()[0]) for error in answer.json["errors"]]


async def test_a_short_code_has_exactly_the_documented_keys(world: World) -> None:
    assert (await world.ask("GET", ONE)).json == {
        "id": CODES[0],
        "name": "Desk 1",
        "number": "54321",
        "capabilities": ["sms", "mms"],
        "number_type": "shortcode",
        "code_type": "vanity",
        "country_code": "US",
        "created_at": "2026-11-23T09:30:00Z",
        "updated_at": "2026-11-23T09:30:00Z",
        "next_billed_at": None,
        "lease_duration": None,
        "message_handler": None,
        "message_request_url": None,
        "message_request_method": "POST",
        "message_fallback_url": None,
        "message_fallback_method": "POST",
        "message_laml_application_id": None,
        "message_relay_context": None,
    }


async def test_what_is_changed_is_shown_and_the_rest_stays(world: World) -> None:
    body = {
        "name": "Votes",
        "message_handler": "laml_webhooks",
        "message_request_url": "https://a.example/sms",
        "message_request_method": "GET",
        "message_fallback_url": "https://b.example/",
    }
    changed = await world.ask("PUT", ONE, json=body)
    assert changed.status_code == 200
    assert {name: changed.json[name] for name in body} == body
    again = await world.ask("PUT", ONE, json={"message_request_url": "https://c.example/"})
    assert {name: again.json[name] for name in body} == {**body, "message_request_url": "https://c.example/"}
    cleared = await world.ask("PUT", ONE, json={"message_handler": None, "message_request_url": "", "name": None})
    assert [cleared.json[name] for name in ("message_handler", "message_request_url", "name")] == [None, None, None]


async def test_a_relay_context_takes_its_messages(world: World) -> None:
    body = {"name": "Votes", "message_handler": "relay_context", "message_relay_context": "votes"}
    changed = (await world.ask("PUT", ONE, json=body)).json
    assert (changed["message_handler"], changed["message_relay_context"]) == ("relay_context", "votes")


@pytest.mark.parametrize(
    ("body", "faults"),
    [
        ({"message_handler": "pigeon"}, [("invalid_parameter", "message_handler")]),
        ({"message_handler": "relay_topic"}, [("invalid_parameter", "message_handler")]),
        ({"message_handler": ["laml_webhooks"]}, [("invalid_parameter", "message_handler")]),
        ({"message_handler": "relay_context"}, [("missing_required_parameter", "message_relay_context")]),
        ({"message_handler": "laml_application"}, [("missing_required_parameter", "message_laml_application_id")]),
        ({"message_laml_application_id": STRANGER}, [("invalid_parameter", "message_laml_application_id:")]),
        ({"message_request_url": "http://169.254.169.254/"}, [("url_is_unsafe", "The")]),
        (
            {"name": "x" * 256, "message_handler": "pigeon", "message_request_method": "PUT"},
            [
                ("invalid_parameter", "name"),
                ("invalid_parameter", "message_handler"),
                ("invalid_parameter", "message_request_method"),
            ],
        ),
    ],
)
async def test_every_fault_is_told(world: World, body: dict[str, Any], faults: list[tuple[str, str]]) -> None:
    before = (await world.ask("GET", ONE)).json
    answer = await world.ask("PUT", ONE, json=body)
    assert answer.status_code == 422
    assert sorted(told(answer)) == sorted(faults)
    assert (await world.ask("GET", ONE)).json == before


async def test_what_short_codes_do_not_have_is_not_set(world: World) -> None:
    body = {"call_request_url": "https://a.example/", "message_relay_topic": "votes", "colour": "red"}
    assert (await world.ask("PUT", ONE, json=body)).status_code == 200
    number = world.directory.number(PROJECT, CODES[0])
    assert number is not None and number.settings == {}


async def test_they_are_listed_newest_first_by_pages_name_and_digits(world: World) -> None:
    page = (await world.ask("GET", PATH, params={"page_size": "2", "filter_name": "Desk"})).json
    assert [each["number"] for each in page["data"]] == ["54323", "54322"]
    assert set(page["links"]) == {"self", "first", "next"}
    assert "filter_name=Desk" in page["links"]["next"]
    following = (await world.ask("GET", page["links"]["next"].partition("falconframework.org")[2])).json
    assert [each["number"] for each in following["data"]] == ["54321"]
    for filters in ({"filter_number": "322"}, {"filter_name": "2"}):
        assert [each["id"] for each in (await world.ask("GET", PATH, params=filters)).json["data"]] == [CODES[1]]
    assert (await world.ask("GET", PATH, params={"filter_number": "12025550101"})).json["data"] == []
    refused = await world.ask("GET", PATH, params={"page_number": "1"})
    assert (refused.status_code, refused.json["errors"][0]["code"]) == (422, "page_token_required")


async def test_each_is_in_one_list_of_this_api_and_cxml_has_both(world: World) -> None:
    numbers = (await world.ask("GET", REST)).json["data"]
    assert [each["id"] for each in numbers] == NUMBERS[::-1]
    for method in ("GET", "PUT", "DELETE"):
        assert (await world.ask(method, f"{REST}/{CODES[0]}", json={})).status_code == 404
    for method in ("GET", "PUT"):
        assert (await world.ask(method, f"{PATH}/{NUMBERS[0]}", json={})).status_code == 404
    shown = (await world.ask("GET", f"{CXML}/{CODES[0]}")).json
    assert (shown["sid"], shown["phone_number"]) == (CODES[0], "54321")
    assert (await world.form(f"{CXML}/{CODES[0]}", {"SmsUrl": "https://a.example/"})).status_code == 200
    assert (await world.ask("GET", ONE)).json["message_handler"] == "laml_webhooks"


@pytest.mark.parametrize("path", [f"{PATH}/{OTHERS}", f"{PATH}/x", f"{PATH}/{PROJECT}"])
async def test_what_is_not_the_projects_is_not_there(world: World, path: str) -> None:
    for method in ("GET", "PUT"):
        answer = await world.ask(method, path, json={"name": "mine"})
        assert (answer.status_code, answer.json) == (404, {"error": "Not Found"})
    assert (await world.ask("GET", PATH, who=CHILD)).json["data"] == []
    assert [each["id"] for each in (await world.ask("GET", PATH, who=STRANGER)).json["data"]] == [OTHERS]


async def test_the_scope_is_numbers(world: World) -> None:
    _, secret = await world.directory.create_token(PROJECT, "narrow", ("messaging", "management"))
    assert (await world.ask("GET", PATH, token=secret)).json == {"error": "Unauthorized"}
