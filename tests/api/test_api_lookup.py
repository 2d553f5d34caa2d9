"""The lookup of any number: what the numbering plan says, in SignalWire's words."""

import pytest
import small_world
from small_world import PROJECT, World

PATH = "/api/relay/rest/lookup/phone_number"
CARRIER = ("lrn", "spid", "ocn", "lata", "city", "state", "jurisdiction", "lec", "linetype")


@pytest.fixture
async def world() -> World:
    return await small_world.make()


async def test_a_number_has_exactly_the_documented_keys(world: World) -> None:
    answer = await world.ask("GET", f"{PATH}/+12145550101")
    assert (answer.status_code, answer.json) == (
        200,
        {
            "country_code_number": 1,
            "national_number": "2145550101",
            "possible_number": True,
            "valid_number": True,
            "national_number_formatted": "(214) 555-0101",
            "international_number_formatted": "+1 214-555-0101",
            "e164": "+12145550101",
            "location": "Texas",
            "country_code": "US",
            "timezones": ["America/Chicago"],
            "number_type": "Fixed Line or Mobile",
        },
    )


async def test_what_is_asked_for_is_added_with_all_its_members(world: World) -> None:
    both = (await world.ask("GET", f"{PATH}/+4915123456789", params={"include": "carrier,cnam"})).json
    assert both["carrier"] == {**dict.fromkeys(CARRIER), "linetype": "wireless"}
    assert both["cnam"] == {"caller_id": None}
    for include, more in (
        ("cnam", {"cnam"}),
        (" carrier , ", {"carrier"}),
        ("", set()),
        ("carrier,carrier", {"carrier"}),
    ):
        shown = (await world.ask("GET", f"{PATH}/+4915123456789", params={"include": include})).json
        assert set(shown) == {*both} - {"carrier", "cnam"} | more, include


@pytest.mark.parametrize("include", ["caller-name", "carrier,price", "Carrier"])
async def test_nothing_else_can_be_included(world: World, include: str) -> None:
    answer = await world.ask("GET", f"{PATH}/+12145550101", params={"include": include})
    assert (answer.status_code, answer.json["errors"][0]["code"]) == (422, "invalid_parameter")
    assert answer.json["errors"][0]["detail"].startswith("include ")


async def test_a_number_that_cannot_be_is_told_as_such(world: World) -> None:
    shown = (await world.ask("GET", f"{PATH}/+999123456")).json
    known = {"e164": "+999123456", "possible_number": False, "valid_number": False, "timezones": []}
    assert shown == {**dict.fromkeys(shown), **known}
    shown = (await world.ask("GET", f"{PATH}/+15551234567")).json
    assert (shown["possible_number"], shown["valid_number"], shown["country_code"]) == (True, False, "US")


@pytest.mark.parametrize("text", ["+12145550101", "12145550101", "+1 (214) 555-0101", "%2B12145550101"])
async def test_the_plus_may_be_quoted_or_left_out(world: World, text: str) -> None:
    assert (await world.ask("GET", f"{PATH}/{text}")).json["e164"] == "+12145550101"


@pytest.mark.parametrize("text", ["54321", "voter", "+1214555010a", "+1", "+" + "1" * 18, "٣٣٣٣٣٣٣"])
async def test_what_is_no_number_is_not_found(world: World, text: str) -> None:
    answer = await world.ask("GET", f"{PATH}/{text}")
    assert (answer.status_code, answer.json) == (404, {"error": "Not Found"})


async def test_any_token_may_ask_but_nobody_without(world: World) -> None:
    _, secret = await world.directory.create_token(PROJECT, "narrow", ("video",))
    assert (await world.ask("GET", f"{PATH}/+12145550101", token=secret)).status_code == 200
    assert (await world.ask("GET", f"{PATH}/+12145550101", token="PT" + "0" * 48)).status_code == 401
