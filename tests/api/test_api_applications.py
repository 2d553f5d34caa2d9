"""Applications and accounts by the cXML API."""

import pytest
import small_world
from small_world import CHILD, NUMBERS, PROJECT, STRANGER, World

BASE = f"/api/laml/2010-04-01/Accounts/{PROJECT}"
APPS = f"{BASE}/Applications"


@pytest.fixture
async def world() -> World:
    return await small_world.make()


async def test_from_made_to_removed(world: World) -> None:
    made = await world.form(APPS, {"FriendlyName": "Shop", "SmsUrl": "https://a.example/", "SmsMethod": "GET"})
    assert made.status_code == 201
    sid = made.json["sid"]
    assert made.json == {
        "sid": sid,
        "account_sid": PROJECT,
        "api_version": "2010-04-01",
        "date_created": "Mon, 23 Nov 2026 09:30:00 +0000",
        "date_updated": "Mon, 23 Nov 2026 09:30:00 +0000",
        "friendly_name": "Shop",
        "uri": f"{APPS}/{sid}",
        "voice_url": None,
        "voice_method": "POST",
        "voice_fallback_url": None,
        "voice_fallback_method": "POST",
        "status_callback": None,
        "status_callback_method": "POST",
        "voice_caller_id_lookup": None,
        "sms_url": "https://a.example/",
        "sms_method": "GET",
        "sms_fallback_url": None,
        "sms_fallback_method": "POST",
        "sms_status_callback": None,
        "sms_status_callback_method": "POST",
        "message_status_callback": None,
    }
    changed = await world.form(f"{APPS}/{sid}", {"SmsStatusCallback": "https://b.example/", "SmsUrl": ""})
    assert changed.json["sms_url"] is None
    assert changed.json["message_status_callback"] == "https://b.example/"
    assert (await world.ask("GET", f"{APPS}/{sid}")).json == changed.json
    assert (await world.ask("DELETE", f"{APPS}/{sid}")).status_code == 204
    assert (await world.ask("DELETE", f"{APPS}/{sid}")).status_code == 404


async def test_a_number_may_refer_to_one(world: World) -> None:
    sid = (await world.form(APPS, {"FriendlyName": "Shop"})).json["sid"]
    number = await world.form(f"{BASE}/IncomingPhoneNumbers/{NUMBERS[0]}", {"SmsApplicationSid": sid.upper()})
    assert number.json["sms_application_sid"] == sid
    shown = (await world.ask("GET", f"/api/relay/rest/phone_numbers/{NUMBERS[0]}")).json
    assert (shown["message_handler"], shown["message_laml_application_id"]) == ("laml_application", sid)


async def test_a_name_is_needed_and_bounded(world: World) -> None:
    for fields in ({}, {"FriendlyName": "x" * 65}, {"FriendlyName": ""}):
        answer = await world.form(APPS, fields)
        assert (answer.status_code, answer.json["code"]) == (422, 10000)


async def test_newest_first_and_by_name(world: World) -> None:
    sids = [(await world.form(APPS, {"FriendlyName": name})).json["sid"] for name in ("a", "b", "a")]
    page = (await world.ask("GET", APPS)).json
    assert [each["sid"] for each in page["applications"]] == sids[::-1]
    page = (await world.ask("GET", APPS, query_string="FriendlyName=a&PageSize=1")).json
    assert [each["sid"] for each in page["applications"]] == [sids[2]]
    assert "FriendlyName=a" in page["next_page_uri"]


async def test_an_account_and_its_subproject(world: World) -> None:
    parent = (await world.ask("GET", BASE)).json
    assert (parent["sid"], parent["owner_account_sid"], parent["subproject"]) == (PROJECT, PROJECT, False)
    assert (parent["status"], parent["type"], parent["auth_token"]) == ("active", "Full", "redacted")
    assert parent["signing_key"] is None
    assert len(parent["subresource_uris"]) == 19
    assert parent["subresource_uris"]["messages"] == f"{BASE}/Messages"
    assert parent["subresource_uris"]["short_codes"] is None
    child = (await world.ask("GET", f"/api/laml/2010-04-01/Accounts/{CHILD}")).json
    assert (child["owner_account_sid"], child["subproject"]) == (PROJECT, True)
    assert (await world.ask("GET", f"/api/laml/2010-04-01/Accounts/{STRANGER}")).status_code == 404
    assert (await world.ask("GET", f"/api/laml/2010-04-01/Accounts/{PROJECT}", who=CHILD)).status_code == 404
