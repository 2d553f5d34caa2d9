"""What a message is refused for, in both vocabularies, and that it leaves nothing (contract, sections 5.1, 7, 11)."""

from typing import Any

import pytest

from caller import LOGS, REST_MESSAGES, Caller, NewProject
from servers import HeliographServer, wait_until

LONG = {f"name_{count}": "x" for count in range(21)}
URL = "http://127.0.0.1:9/a.png"  # nobody listens there: what is accepted fails later
UNKNOWN = "00000000-0000-4000-8000-000000000000"


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"To": ""}, 21604),
        ({"To": "nobody"}, 21211),
        ({"To": "+15005550001"}, 21211),
        ({"To": "+15005550002"}, 21612),
        ({"To": "+15005550003"}, 21408),
        ({"To": "+15005550004"}, 21610),
        ({"To": "+15005550009"}, 21614),
        ({"From": ""}, 21705),
        ({"From": "nobody"}, 21212),
        ({"From": "12"}, 21212),
        ({"From": "+15005550001"}, 21212),
        ({"From": "+15005550007"}, 21606),
        ({"From": "+19995550000"}, 21210),
        ({"From": "12345"}, 21210),
        ({"From": "", "MessagingServiceSid": UNKNOWN}, 21701),
        ({"MessagingServiceSid": UNKNOWN}, 21701),
        ({"Body": ""}, 21602),
        ({"Body": "x" * 1601}, 21617),
        ({"MediaUrl": [URL] * 9}, 21623),
        ({"MediaUrl": "ftp://example.com/a.png"}, 21620),
        ({"MediaUrl": [URL, "a.png"]}, 21620),
        ({"MediaUrl": "http://"}, 21620),
        ({"StatusCallback": "example.com"}, 21402),
        ({"StatusCallback": "javascript:alert(1)"}, 21402),
        ({"ApplicationSid": UNKNOWN}, 21218),
        ({"ApplicationSid": "nothing"}, 21218),
        ({"ValidityPeriod": "0"}, 21624),
        ({"ValidityPeriod": "172801"}, 21624),
        ({"ValidityPeriod": "-1"}, 21624),
        ({"ValidityPeriod": "1.5"}, 21624),
        ({"MaxPrice": "0.00001"}, 10000),
        ({"MaxPrice": "-1"}, 10000),
        ({"MaxPrice": "free"}, 10000),
        ({"To": "", "From": "", "Body": ""}, 21604),
        ({"From": "", "Body": ""}, 21705),
    ],
)
def test_codes_of_the_cxml_api(api: Caller, fields: dict[str, Any], code: int) -> None:
    reply = api.create(**fields)
    told = reply.json()
    assert (reply.status, told["code"], told["status"]) == (422, code, 422)
    assert list(told) == ["code", "message", "more_info", "status"]
    assert told["message"] and told["more_info"].endswith(f"#{code}")
    assert api.ask("GET", told["more_info"].removeprefix(api.base_url).partition("#")[0]).status == 200


@pytest.mark.parametrize(
    ("fields", "codes"),
    [
        ({"to": None}, ["missing_required_parameter"]),
        ({"to": "nobody"}, ["invalid_to_number"]),
        ({"to": "+15005550001"}, ["invalid_to_number"]),
        ({"to": "+15005550002"}, ["unrouteable_message"]),
        ({"to": "+15005550003"}, ["destination_number_not_supported"]),
        ({"to": "+15005550004"}, ["number_blacklisted"]),
        ({"to": "+15005550009"}, ["invalid_destination_number"]),
        ({"from": None}, ["missing_required_parameter"]),
        ({"from": "nobody"}, ["invalid_from_number"]),
        ({"from": "+15005550001"}, ["invalid_from_number"]),
        ({"from": "+15005550007"}, ["missing_messaging_capability"]),
        ({"from": "+19995550000"}, ["invalid_from_number"]),
        ({"body": None}, ["body_or_media_required"]),
        ({"body": "", "media": []}, ["body_or_media_required"]),
        ({"body": "x" * 1601}, ["character_limit_exceeded"]),
        ({"body": ["x"]}, ["invalid_parameter", "body_or_media_required"]),
        ({"media": [URL] * 9}, ["media_limit_exceeded"]),
        ({"media": ["a.png"]}, ["invalid_media_url"]),
        ({"media": [7]}, ["invalid_media_url"]),
        ({"send_as_mms": "maybe"}, ["invalid_parameter"]),
        ({"status_callback": "example.com"}, ["invalid_parameter"]),
        ({"custom_variables": LONG}, ["too_many_custom_variables"]),
        ({"custom_variables": {"1a": "x"}}, ["invalid_custom_variable_name"]),
        ({"custom_variables": {"a-b": "x"}}, ["invalid_custom_variable_name"]),
        ({"custom_variables": {"": "x"}}, ["invalid_custom_variable_name"]),
        ({"custom_variables": {"SignalWire_a": "x"}}, ["reserved_custom_variable_name"]),
        ({"custom_variables": {"sw_a": "x"}}, ["reserved_custom_variable_name"]),
        ({"custom_variables": {"RTC_a": "x"}}, ["reserved_custom_variable_name"]),
        ({"custom_variables": {"internal_": "x"}}, ["reserved_custom_variable_name"]),
        ({"custom_variables": {"a": ""}}, ["invalid_custom_variable_value"]),
        ({"custom_variables": {"a": 1}}, ["invalid_custom_variable_value"]),
        ({"custom_variables": {"a": None}}, ["invalid_custom_variable_value"]),
        ({"custom_variables": {"a": "ü" * 513}}, ["custom_variable_value_too_long"]),
        ({"custom_variables": ["a"]}, ["invalid_parameter"]),
        (
            {"to": "nobody", "from": None, "body": "x" * 1601},
            ["invalid_to_number", "missing_required_parameter", "character_limit_exceeded"],
        ),
    ],
)
def test_codes_of_the_rest_api(api: Caller, fields: dict[str, Any], codes: list[str]) -> None:
    reply = api.rest_create(**fields)
    told = reply.json()["errors"]
    assert (reply.status, [each["code"] for each in told]) == (422, codes)
    for each in told:
        assert list(each) == ["type", "code", "message", "attribute", "url"]
        assert each["type"] == "validation_error" and each["message"]
        assert each["url"].endswith(f"#{each['code']}")


def test_21611_is_a_number_whose_queue_is_full(api: Caller) -> None:
    assert api.refusal(From="+15005550008") == (429, 21611)
    assert api.rest_faults(**{"from": "+15005550008"}) == (429, ["message_backlog_limit_exceeded"])


@pytest.mark.parametrize("count", [1, 20])
def test_custom_variables_at_their_bounds(api: Caller, count: int) -> None:
    variables = {f"_name{n}": "ü" * 512 for n in range(count)}
    assert api.rest_send(custom_variables=variables)["status"] == "queued"


def test_what_passes_at_its_bounds(api: Caller) -> None:
    assert api.send(MediaUrl=[URL] * 8, Body="")["num_media"] == 8
    assert api.send(ValidityPeriod="172800")["status"] == "queued"
    assert api.send(MaxPrice="0.0083")["status"] == "queued"
    assert api.send(From="+15005550006")["from"] == "+15005550006"


def test_a_refused_message_leaves_nothing(api: Caller) -> None:
    before = [each["id"] for each in api.get(f"{LOGS}?include_deleted=true")["data"]]
    assert api.refusal(Body="") == (422, 21602)
    assert api.rest_faults(to="nobody")[0] == 422
    assert api.refusal(From="+15005550008")[0] == 429
    assert [each["id"] for each in api.get(f"{LOGS}?include_deleted=true")["data"]] == before


def test_a_number_that_can_not_send(api: Caller, node: HeliographServer) -> None:
    node.run("number", "add", "+12025550113", "--capability", "sms", "--data", str(node.data))
    node.run("number", "add", "+12025550114", "--capability", "voice", "--data", str(node.data))
    wait_until(lambda: api.create(From="+12025550113").status == 201, "the server to know the numbers")
    wait_until(lambda: api.refusal(From="+12025550114") == (422, 21601), "the server to know the numbers")
    assert api.refusal(From="+12025550113", SendAsMms="true") == (422, 21601)
    assert api.rest_faults(**{"from": "+12025550113"}, send_as_mms=True) == (422, ["missing_messaging_capability"])


def test_a_short_code_sends(api: Caller, node: HeliographServer) -> None:
    node.run("number", "add", "54321", "--data", str(node.data))
    wait_until(lambda: api.create(From="54321").status == 201, "the server to know the short code")
    assert api.send(From="54321")["from"] == "54321"


def test_a_redaction_without_or_with_a_body(api: Caller, new_project: NewProject) -> None:
    sid = api.delivered()["sid"]
    for body, code in (({}, "missing_required_parameter"), ({"body": "x"}, "body_must_be_empty")):
        reply = api.ask("PATCH", f"{REST_MESSAGES}/{sid}", body=body)
        assert (reply.status, [each["code"] for each in reply.json()["errors"]]) == (422, [code])
    assert new_project("other", "+12025550115").ask("PATCH", f"{REST_MESSAGES}/{sid}", body={}).status == 404
