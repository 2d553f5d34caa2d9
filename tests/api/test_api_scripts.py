"""cXML scripts by the API, and their documents for the world."""

from typing import Any
from urllib.parse import urlencode

import falcon.testing
import pytest
import small_world
from small_world import CHILD, NUMBERS, OWN_URL, PROJECT, SCRIPT_MAX_BYTES, STRANGER, World

from heliograph.api.cxml.scripts import LARGEST_PAGE

BASE = f"/api/laml/2010-04-01/Accounts/{PROJECT}"
BINS = f"{BASE}/LamlBins"
HELLO = "<Response><Message>Hello {{From}}</Message></Response>"


@pytest.fixture
async def world() -> World:
    return await small_world.make()


async def anybody(world: World, method: str, path: str, **given: Any) -> Any:
    """A request without credentials."""
    async with falcon.testing.ASGIConductor(world.app) as conductor:
        return await conductor.simulate_request(method, path, **given)


async def made(world: World, contents: str = HELLO, name: str = "Welcome") -> Any:
    answer = await world.form(BINS, {"Name": name, "Contents": contents})
    assert answer.status_code == 201, answer.json
    return answer.json


async def test_from_made_to_removed(world: World) -> None:
    script = await made(world)
    sid = script["sid"]
    assert script == {
        "sid": sid,
        "date_created": "2026-11-23T09:30:00Z",
        "date_updated": "2026-11-23T09:30:00Z",
        "date_last_accessed": None,
        "account_sid": PROJECT,
        "name": "Welcome",
        "contents": HELLO,
        "request_url": f"http://falconframework.org/laml-bins/{sid}",
        "num_requests": 0,
        "api_version": "2010-04-01",
        "uri": f"{BINS}/{sid}",
    }
    assert sid[14] == "4", "its id is random, since the document asks for nothing else"
    changed = await world.form(f"{BINS}/{sid}", {"Name": "Later"})
    assert (changed.json["name"], changed.json["contents"]) == ("Later", HELLO)
    changed = await world.form(f"{BINS}/{sid}", {"Contents": "<Response><Hangup/></Response>"})
    assert (changed.json["name"], changed.json["contents"]) == ("Later", "<Response><Hangup/></Response>")
    assert (await world.ask("GET", f"{BINS}/{sid.upper()}.json")).json == changed.json
    assert (await world.ask("DELETE", f"{BINS}/{sid}")).status_code == 204
    assert (await world.ask("DELETE", f"{BINS}/{sid}")).status_code == 404
    assert (await world.form(f"{BINS}/{sid}", {"Name": "x"})).status_code == 404
    assert (await anybody(world, "GET", f"/laml-bins/{sid}")).status_code == 404


async def test_without_contents_it_does_nothing(world: World) -> None:
    for fields in ({"Name": "a"}, {"Name": "a", "Contents": ""}):
        assert (await world.form(BINS, fields)).json["contents"] == "<Response></Response>"


async def test_the_document_is_anybodys_and_filled_in(world: World) -> None:
    sid = (await made(world, "<Response><Message>{{From}} {{Who}} {{APIVersion}}</Message></Response>"))["sid"]
    asked = await anybody(world, "GET", f"/laml-bins/{sid}", query_string="From=%2B1202&Who=%3Cyou%3E&From=%2B1203")
    assert asked.status_code == 200
    assert asked.headers["content-type"] == "application/xml; charset=utf-8"
    assert asked.headers["content-security-policy"] == "default-src 'none'; sandbox"
    assert asked.text == "<Response><Message>+1203 &lt;you&gt; 2010-04-01</Message></Response>"
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    body = urlencode({"From": "+1204"})
    asked = await anybody(world, "POST", f"/laml-bins/{sid}", query_string="From=x&Who=me", body=body, headers=form)
    assert asked.text == "<Response><Message>+1204 me 2010-04-01</Message></Response>"


async def test_requests_are_counted(world: World) -> None:
    sid = (await made(world))["sid"]
    for method in ("GET", "POST", "GET"):
        assert (await anybody(world, method, f"/laml-bins/{sid}")).status_code == 200
    shown = (await world.ask("GET", f"{BINS}/{sid}")).json
    assert (shown["num_requests"], shown["date_last_accessed"]) == (3, "2026-11-23T09:30:00Z")
    assert shown["date_updated"] == "2026-11-23T09:30:00Z"


async def test_what_the_store_did_not_take_is_counted_later(world: World) -> None:
    sid = (await made(world))["sid"]
    world.store.down = True
    for _ in range(2):
        assert (await anybody(world, "GET", f"/laml-bins/{sid}")).status_code == 200
    world.store.down = False
    assert (await anybody(world, "GET", f"/laml-bins/{sid}")).status_code == 200
    assert (await world.ask("GET", f"{BINS}/{sid}")).json["num_requests"] == 3


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({}, 10000),
        ({"Name": ""}, 10000),
        ({"Name": "  "}, 10000),
        ({"Name": "x" * 256}, 10000),
        ({"Name": "a", "Contents": "x" * (SCRIPT_MAX_BYTES + 1)}, 10000),
        ({"Name": "a", "Contents": "<Response>\0</Response>"}, 10000),
        ({"Name": "a", "Contents": "Hello"}, 10000),
        ({"Name": "a", "Contents": "<Response>"}, 10000),
        ({"Name": "a", "Contents": "<Response>{{#a}}</Response>"}, 10000),
        ({"Name": "a", "Contents": "<Response>{{a</Response>"}, 10000),
        ({"Name": "a", "Contents": "<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>"}, 10000),
        ({"Name": "a", "Contents": "<?xml version='1.0' encoding='utf-16'?><Response/>"}, 10000),
    ],
)
async def test_what_is_no_script(world: World, fields: dict[str, str], code: int) -> None:
    answer = await world.form(BINS, fields)
    assert (answer.status_code, answer.json["code"]) == (422, code)


async def test_a_change_is_judged_as_a_new_one_is(world: World) -> None:
    sid = (await made(world))["sid"]
    for fields in ({"Name": ""}, {"Contents": "Hello"}):
        assert (await world.form(f"{BINS}/{sid}", fields)).status_code == 422
    assert (await world.ask("GET", f"{BINS}/{sid}")).json["contents"] == HELLO


@pytest.mark.parametrize(
    "contents",
    [
        "<?xml version='1.0' encoding='UTF-8'?>\n<Response/>",
        "<Response>{{#Body}}<Message>{{Body}}</Message>{{/Body}}</Response>",
        "<Response><Message to='{{{From}}}'>ä</Message></Response>",
    ],
)
async def test_what_is_one(world: World, contents: str) -> None:
    assert (await made(world, contents))["contents"] == contents


async def test_values_cannot_make_a_document_without_end(world: World) -> None:
    sid = (await made(world, f"<Response>{'{{x}}' * 300}</Response>"))["sid"]
    answer = await anybody(world, "GET", f"/laml-bins/{sid}", query_string=f"x={'y' * 1000}")
    assert (answer.status_code, answer.json["errors"][0]["code"]) == (422, "invalid_parameter")


async def test_pages_go_by_age_and_by_name(world: World) -> None:
    sids = [(await made(world, name=name))["sid"] for name in ("a", "b", "a", "b", "a")]
    seen: list[str] = []
    path, query = BINS, "PageSize=2"
    while path:
        page = (await world.ask("GET", path, query_string=query)).json
        seen += [each["sid"] for each in page["laml_bins"]]
        path, _, query = (page["next_page_uri"] or "").partition("?")
    assert seen == sids[::-1]
    page = (await world.ask("GET", BINS, query_string="Name=a&PageSize=1")).json
    assert [each["sid"] for each in page["laml_bins"]] == [sids[4]]
    assert "Name=a" in page["next_page_uri"]


async def test_no_page_is_larger_than_memory_likes(world: World) -> None:
    for _ in range(LARGEST_PAGE + 1):
        await made(world)
    page = (await world.ask("GET", BINS, query_string="PageSize=1000")).json
    assert (len(page["laml_bins"]), page["page_size"]) == (LARGEST_PAGE, LARGEST_PAGE)
    path, _, query = page["next_page_uri"].partition("?")
    assert len((await world.ask("GET", path, query_string=query)).json["laml_bins"]) == 1


async def test_a_script_is_its_projects(world: World) -> None:
    sid = (await made(world))["sid"]
    for who in (CHILD, STRANGER):
        path = f"/api/laml/2010-04-01/Accounts/{who}/LamlBins"
        assert (await world.ask("GET", f"{path}/{sid}", who=who)).status_code == 404
        assert (await world.ask("DELETE", f"{path}/{sid}", who=who)).status_code == 404
        assert (await world.ask("GET", path, who=who)).json["laml_bins"] == []
    assert (await world.ask("GET", f"{BINS}/not-an-id")).status_code == 404
    assert (await anybody(world, "GET", "/laml-bins/not-an-id")).status_code == 404
    assert (await anybody(world, "GET", BINS)).status_code == 401


async def test_our_own_address_may_be_given_where_others_like_it_may_not(world: World) -> None:
    sid = (await made(world))["sid"]
    number = f"{BASE}/IncomingPhoneNumbers/{NUMBERS[0]}"
    for url in (f"{OWN_URL}/laml-bins/{sid}", f"{OWN_URL}/laml-bins/{sid}?a=b#tt=2000"):
        assert (await world.form(number, {"SmsUrl": url})).json["sms_url"] == url
    for url in (f"{OWN_URL}/metrics", f"{OWN_URL}/laml-bins/{sid}/x", f"{OWN_URL}/laml-bins/../metrics"):
        assert (await world.form(number, {"SmsUrl": url})).json["code"] == 21402


async def test_body_for_a_script_that_is_not_there_is_not_looked_at(world: World) -> None:
    sid = (await made(world))["sid"]
    absent = sid[:-4] + ("0000" if sid[-4:] != "0000" else "1111")
    headers = {"Content-Type": "application/json"}
    assert (await anybody(world, "POST", f"/laml-bins/{absent}", body="{", headers=headers)).status_code == 404
    assert (await anybody(world, "POST", f"/laml-bins/{sid}", body="{", headers=headers)).status_code == 400


async def test_strangers_body_is_bounded_further(world: World) -> None:
    sid = (await made(world))["sid"]
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    for size, status in ((65_536, 200), (65_537, 413)):
        body = "Unused=".ljust(size, "x")
        assert (await anybody(world, "POST", f"/laml-bins/{sid}", body=body, headers=headers)).status_code == status
