"""Phone numbers by both APIs: the same ids, the same settings, each in its own words."""

import pytest
import small_world
from small_world import NUMBERS, OTHERS_NUMBER, PROJECT, STRANGER, World

CXML = f"/api/laml/2010-04-01/Accounts/{PROJECT}/IncomingPhoneNumbers"
REST = "/api/relay/rest/phone_numbers"
ONE = NUMBERS[0]


@pytest.fixture
async def world() -> World:
    return await small_world.make()


async def test_a_cxml_number_has_exactly_the_documented_keys(world: World) -> None:
    shown = (await world.ask("GET", f"{CXML}/{ONE}.json")).json
    assert shown == {
        "account_id": PROJECT,
        "account_sid": PROJECT,
        "address_requirements": "none",
        "address_sid": None,
        "api_version": "2010-04-01",
        "beta": False,
        "capabilities": {"voice": True, "sms": True, "mms": True, "fax": True},
        "country_code": "US",
        "date_created": "Mon, 23 Nov 2026 09:30:00 +0000",
        "date_updated": "Mon, 23 Nov 2026 09:30:00 +0000",
        "emergency_address_sid": None,
        "emergency_status": "Inactive",
        "friendly_name": "(202) 555-0101",
        "identity_sid": None,
        "origin": "signalwire",
        "phone_number": "+12025550101",
        "sid": ONE,
        "sms_application_sid": None,
        "sms_fallback_method": "POST",
        "sms_fallback_url": None,
        "sms_method": "POST",
        "sms_url": None,
        "status_callback": None,
        "status_callback_method": "POST",
        "trunk_sid": None,
        "uri": f"{CXML}/{ONE}",
        "voice_application_sid": None,
        "voice_caller_id_lookup": None,
        "voice_fallback_method": "POST",
        "voice_fallback_url": None,
        "voice_method": "POST",
        "voice_url": None,
    }


async def test_what_cxml_sets_the_rest_api_shows_and_the_other_way_round(world: World) -> None:
    fields = {"SmsUrl": "https://a.example/sms", "SmsMethod": "GET", "VoiceUrl": "https://a.example/v"}
    assert (await world.form(f"{CXML}/{ONE}", {**fields, "FriendlyName": "Desk"})).status_code == 200
    shown = (await world.ask("GET", f"{REST}/{ONE}")).json
    assert (shown["message_handler"], shown["message_request_url"]) == ("laml_webhooks", "https://a.example/sms")
    assert (shown["message_request_method"], shown["name"]) == ("GET", "Desk")
    assert (shown["call_handler"], shown["call_request_url"]) == ("laml_webhooks", "https://a.example/v")
    body = {"message_request_url": "https://b.example/", "message_fallback_url": "https://c.example/", "name": None}
    assert (await world.ask("PUT", f"{REST}/{ONE}", json=body)).status_code == 200
    shown = (await world.ask("GET", f"{CXML}/{ONE}")).json
    assert (shown["sms_url"], shown["sms_fallback_url"]) == ("https://b.example/", "https://c.example/")
    assert shown["friendly_name"] == "(202) 555-0101"


async def test_an_empty_url_clears_it(world: World) -> None:
    await world.form(f"{CXML}/{ONE}", {"SmsUrl": "https://a.example/sms"})
    assert (await world.form(f"{CXML}/{ONE}", {"SmsUrl": ""})).json["sms_url"] is None
    assert (await world.ask("GET", f"{REST}/{ONE}")).json["message_handler"] is None


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"SmsMethod": "PUT"}, 21209),
        ({"SmsUrl": "ftp://a.example/"}, 21402),
        ({"SmsUrl": "http://169.254.169.254/"}, 21402),
        ({"SmsApplicationSid": STRANGER}, 21218),
        ({"FriendlyName": ""}, 10000),
    ],
)
async def test_what_cxml_refuses(world: World, fields: dict[str, str], code: int) -> None:
    answer = await world.form(f"{CXML}/{ONE}", fields)
    assert (answer.status_code, answer.json["code"]) == (422, code)


async def test_the_rest_api_tells_every_fault(world: World) -> None:
    body = {"message_handler": "pigeon", "message_request_url": "nowhere"}
    answer = await world.ask("PUT", f"{REST}/{ONE}", json={**body, "name": ["x"]})
    assert answer.status_code == 422
    assert [set(error) for error in answer.json["errors"]] == [{"detail", "status", "title", "code"}] * 3
    assert answer.json["errors"][0]["detail"].startswith("name ")


async def test_a_handler_needs_its_topic(world: World) -> None:
    answer = await world.ask("PUT", f"{REST}/{ONE}", json={"message_handler": "relay_topic"})
    assert answer.status_code == 422
    body = {"message_handler": "relay_topic", "message_relay_topic": "office"}
    assert (await world.ask("PUT", f"{REST}/{ONE}", json=body)).json["message_relay_topic"] == "office"


@pytest.mark.parametrize(
    "path", [f"{CXML}/{OTHERS_NUMBER}", f"{CXML}/nonsense", f"{REST}/{OTHERS_NUMBER}", f"{REST}/x"]
)
async def test_anothers_number_is_not_there(world: World, path: str) -> None:
    assert (await world.ask("GET", path)).status_code == 404


async def test_cxml_pages_are_walked_there_and_back(world: World) -> None:
    found, uri = [], f"{CXML}?PageSize=2"
    while uri:
        page = (await world.ask("GET", *_split(uri)[:1], query_string=_split(uri)[1])).json
        assert set(page) == {
            "uri", "first_page_uri", "next_page_uri", "previous_page_uri", "page", "page_size", "incoming_phone_numbers"
        }  # fmt: skip
        found += [number["sid"] for number in page["incoming_phone_numbers"]]
        uri, last = page["next_page_uri"], page
    assert found == NUMBERS[::-1]
    back = await world.ask(
        "GET", *_split(last["previous_page_uri"])[:1], query_string=_split(last["previous_page_uri"])[1]
    )
    assert [number["sid"] for number in back.json["incoming_phone_numbers"]] == found[2:4]


async def test_filters(world: World) -> None:
    await world.form(f"{CXML}/{ONE}", {"FriendlyName": "Desk"})
    for query in ("PhoneNumber=0101", "FriendlyName=Desk", "PhoneNumber=+12025550101", "PhoneNumber=%2B12025550101"):
        page = (await world.ask("GET", CXML, query_string=query)).json
        assert [number["sid"] for number in page["incoming_phone_numbers"]] == [ONE], query
    for query in ("filter_name=es", "filter_number=50101"):
        page = (await world.ask("GET", REST, query_string=query)).json
        assert [number["id"] for number in page["data"]] == [ONE], query
        assert query in page["links"]["self"]
        assert set(page["links"]) == {"self", "first"}


async def test_rest_paging_faults_are_422(world: World) -> None:
    for query in ("page_number=1", "page_token=zzz", "page_size=0"):
        assert (await world.ask("GET", REST, query_string=query)).status_code == 422, query


async def test_the_scope_is_numbers(world: World) -> None:
    _, secret = await world.directory.create_token(PROJECT, "narrow", ("messaging",))
    for path in (CXML, REST):
        assert (await world.ask("GET", path, token=secret)).status_code == 401


def _split(uri: str) -> tuple[str, str]:
    path, _, query = uri.partition("?")
    return path, query
