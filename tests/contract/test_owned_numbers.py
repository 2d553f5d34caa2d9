"""Numbers come to a project and leave it, by both APIs (contract, sections 4.2 and 5.3)."""

import concurrent.futures
from typing import Any
from urllib.parse import urlencode

import pytest

from caller import GROUPS, INBOUND, NUMBERS, Caller, NewProject

SEARCH = NUMBERS + "/search"
IMPORTED = "/api/relay/rest/imported_phone_numbers"


def available(api: Caller, kind: str = "Local", **query: str) -> list[str]:
    found = api.get(f"{api.account}/AvailablePhoneNumbers/US/{kind}?{urlencode(query)}")
    return [each["phone_number"] for each in found["available_phone_numbers"]]


def bought(api: Caller, **fields: str) -> dict[str, Any]:
    reply = api.ask("POST", f"{api.account}/IncomingPhoneNumbers", form=fields)
    assert reply.status == 201, (reply.status, reply.body)
    return dict(reply.json())


def test_a_number_is_searched_taken_used_and_given_back(api: Caller) -> None:
    wanted = available(api, AreaCode="206")[0]
    number = bought(api, PhoneNumber=wanted, FriendlyName="Desk", SmsUrl="https://example.com/sms")
    assert (number["phone_number"], number["friendly_name"]) == (wanted, "Desk")
    assert number["sms_url"] == "https://example.com/sms"
    assert wanted not in available(api, AreaCode="206")
    assert api.get(f"{NUMBERS}/{number['sid']}")["number"] == wanted
    assert api.send(From=wanted)["status"] == "queued"
    assert api.ask("DELETE", number["uri"]).status == 204
    assert api.ask("GET", number["uri"]).status == 404
    assert api.refusal(From=wanted) == (422, 21210)
    assert wanted in available(api, AreaCode="206")
    back = api.ask("POST", INBOUND, body={"from": "+13125550100", "to": wanted, "body": "Hi"})
    assert back.status == 422


def test_the_rest_api_searches_takes_and_releases_the_same_numbers(api: Caller) -> None:
    found = api.get(f"{SEARCH}?areacode=312&max_results=3")["data"]
    assert [each["number"][:5] for each in found] == ["+1312"] * 3
    assert (found[0]["region"], found[0]["city"], found[0]["rate_center"]) == ("IL", "Chicago", "CHICAGO")
    reply = api.ask("POST", NUMBERS, body={"number": found[0]["number"]})
    assert reply.status == 200
    number = reply.json()
    shown = api.get(f"{api.account}/IncomingPhoneNumbers/{number['id']}")
    assert shown["phone_number"] == number["number"] == found[0]["number"]
    assert api.ask("DELETE", f"{NUMBERS}/{number['id']}").status == 204
    assert api.ask("DELETE", f"{NUMBERS}/{number['id']}").status == 404
    assert found[0]["number"] in [each["number"] for each in api.get(f"{SEARCH}?areacode=312")["data"]]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"starts_with": "41555501"}, None),
        ({"starts_with": "4155550"}, 6),
        ({"contains": "9999999"}, 0),
        ({"contains": "5555014", "areacode": "415"}, 6),
        ({"ends_with": "0143", "region": "ca"}, 1),
        ({"number_type": "toll-free"}, 6),
        ({"number_type": "toll-free", "areacode": "415"}, 0),
        ({"region": "TX", "city": "austin"}, 6),
        ({"region": "TX", "city": "Dallas"}, 0),
        ({"city": "Austin"}, None),
        ({"number_type": "toll-free", "region": "TX"}, None),
        ({"contains": "555", "ends_with": "555"}, None),
        ({"contains": "5a5"}, None),
        ({"areacode": "4155"}, None),
        ({"number_type": "mobile"}, None),
        ({"max_results": "101"}, None),
        ({"max_results": "0"}, None),
        ({"max_results": "2", "areacode": "415"}, 2),
    ],
)
def test_a_search_of_the_rest_api(api: Caller, query: dict[str, str], expected: int | None) -> None:
    reply = api.ask("GET", f"{SEARCH}?{urlencode(query)}")
    if expected is None:
        assert (reply.status, bool(reply.json()["errors"])) == (422, True)
    else:
        assert len(reply.json()["data"]) == expected


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({"AreaCode": "41"}, 21451),
        ({"Contains": "5*5"}, 10000),
        ({"InLocality": "Austin"}, 10000),
        ({"PageSize": "0"}, 54454),
        ({"SmsEnabled": "perhaps"}, 10000),
    ],
)
def test_a_search_of_the_cxml_api_that_is_refused(api: Caller, query: dict[str, str], code: int) -> None:
    reply = api.ask("GET", f"{api.account}/AvailablePhoneNumbers/US/Local?{urlencode(query)}")
    assert reply.json()["code"] == code


def test_letters_in_a_search_stand_for_keys(api: Caller) -> None:
    assert available(api, Contains="KJJJ014", AreaCode="415") == available(api, Contains="5555014", AreaCode="415")


def test_countries_without_free_numbers_are_not_there(api: Caller) -> None:
    listed = api.get(f"{api.account}/AvailablePhoneNumbers")
    assert [each["country_code"] for each in listed["countries"]] == ["US"]
    assert api.get(f"{api.account}/AvailablePhoneNumbers/us") == listed["countries"][0]
    for code in ("GB", "XX", "U"):
        assert api.ask("GET", f"{api.account}/AvailablePhoneNumbers/{code}").status == 404
    assert api.get(f"{api.account}/AvailablePhoneNumbers/GB/Local")["available_phone_numbers"] == []


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({}, 21421),
        ({"PhoneNumber": "hello"}, 21421),
        ({"PhoneNumber": "+12065550199"}, 21422),
        ({"PhoneNumber": "+12025550101"}, 21422),
        ({"AreaCode": "2"}, 21451),
        ({"AreaCode": "999"}, 21452),
        ({"PhoneNumber": "+12065550145", "SmsMethod": "PUT"}, 21209),
        ({"PhoneNumber": "+12065550145", "SmsUrl": "ftp://x/"}, 21402),
        ({"PhoneNumber": "+12065550145", "FriendlyName": "x" * 256}, 10000),
    ],
)
def test_a_number_that_cant_be_taken(api: Caller, fields: dict[str, str], code: int) -> None:
    reply = api.ask("POST", f"{api.account}/IncomingPhoneNumbers", form=fields)
    assert (reply.status, reply.json()["code"]) == (422, code)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, "missing_required_parameter"),
        ({"number": "12"}, "invalid_phone_number"),
        ({"number": "+12065550199"}, "phone_number_not_available"),
        ({"number": ["+12065550199"]}, "invalid_parameter"),
    ],
)
def test_a_purchase_that_is_refused(api: Caller, body: dict[str, Any], code: str) -> None:
    reply = api.ask("POST", NUMBERS, body=body)
    assert (reply.status, [each["code"] for each in reply.json()["errors"]]) == (422, [code])


def test_two_projects_that_want_one_number_at_once(api: Caller, new_project: NewProject) -> None:
    other = new_project("rival", "+12025550155")
    wanted = available(api, AreaCode="512")[0]
    path = "{}/IncomingPhoneNumbers"
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        asked = [
            pool.submit(who.ask, "POST", path.format(who.account), form={"PhoneNumber": wanted})
            for who in (api, other) * 4
        ]
    assert sorted(each.result().status for each in asked) == [201] + [422] * 7


def test_a_number_moves_to_a_subproject_and_back(api: Caller, new_project: NewProject) -> None:
    child = new_project("child", "+12025550156", api.project_id)
    application = api.ask("POST", f"{api.account}/Applications", form={"FriendlyName": "a"}).json()["sid"]
    number = bought(api, AreaCode="212", SmsApplicationSid=application, SmsUrl="https://example.com/x")
    group = api.group(number["phone_number"])
    moved = api.ask("POST", number["uri"], form={"AccountSid": child.project_id, "FriendlyName": "moved"}).json()
    assert (moved["sid"], moved["account_sid"], moved["friendly_name"]) == (number["sid"], child.project_id, "moved")
    assert (moved["sms_application_sid"], moved["sms_url"]) == (None, "https://example.com/x")
    assert api.ask("GET", number["uri"]).status == 404
    assert api.get(f"{GROUPS}/{group}")["phone_number_count"] == 0
    assert child.send(From=number["phone_number"])["status"] == "queued"
    assert api.refusal(From=number["phone_number"]) == (422, 21210)
    up = child.ask("POST", moved["uri"], form={"AccountSid": api.project_id})
    assert up.json()["code"] == 10000
    back = api.ask("POST", moved["uri"], form={"AccountSid": api.project_id})
    assert (back.status, back.json()["uri"]) == (200, number["uri"])


def test_a_number_does_not_move_to_a_stranger(api: Caller, new_project: NewProject) -> None:
    stranger = new_project("stranger", "+12025550157")
    uri = api.number()["uri"]
    for target in (stranger.project_id, "00000000-0000-4000-8000-000000000000", "nobody"):
        reply = api.ask("POST", uri, form={"AccountSid": target})
        assert (reply.status, reply.json()["code"]) == (422, 10000)
    assert api.number()["account_sid"] == api.project_id


def test_a_number_is_brought_along(api: Caller) -> None:
    body = {"number": "+4915223433333", "number_type": "longcode", "capabilities": ["sms"]}
    reply = api.ask("POST", IMPORTED, body=body)
    assert reply.status == 201
    assert (reply.json()["number"], reply.json()["capabilities"]) == ("+4915223433333", ["sms"])
    shown = api.get(f"{api.account}/IncomingPhoneNumbers/{reply.json()['id']}")
    assert (shown["origin"], shown["country_code"]) == ("hosted", "DE")
    assert api.refusal(From="+4915223433333", SendAsMms="true") == (422, 21601)
    again = api.ask("POST", IMPORTED, body=body)
    assert again.json()["errors"][0]["code"] == "phone_number_not_available"
    form = {"number": "+4915223433334", "number_type": "longcode"}
    made = api.ask("POST", f"{api.account}/ImportedPhoneNumbers", form=form)
    assert (made.status, made.json()["origin"]) == (201, "hosted")


@pytest.mark.parametrize(
    "body",
    [
        {"number_type": "longcode"},
        {"number": "+49", "number_type": "longcode"},
        {"number": "+4915223433335"},
        {"number": "+4915223433335", "number_type": "vanity"},
        {"number": "+4915223433335", "number_type": "longcode", "capabilities": ["smoke"]},
        {"number": "+12065550144", "number_type": "longcode"},
    ],
)
def test_a_number_that_cant_be_brought_along(api: Caller, body: dict[str, Any]) -> None:
    assert api.ask("POST", IMPORTED, body=body).status == 422
