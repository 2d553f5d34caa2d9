"""Paths, bodies, headers and texts, as clients send them (contract, sections 2 and 6)."""

import http.client
import json
import re
from urllib.parse import urlsplit

import pytest

from caller import CXML_ROOT, FORM, JSON, LOGS, NUMBERS, REST_MESSAGES, TOKENS, Caller, new_handset

RFC_2822 = re.compile(r"(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} \+0000")
ISO_8601 = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z")


@pytest.mark.parametrize("prefix", ["/api/laml/2010-04-01", "/2010-04-01"])
@pytest.mark.parametrize("suffix", ["", ".json", "/", ".json/"])
def test_every_spelling_of_a_cxml_path_is_one(api: Caller, prefix: str, suffix: str) -> None:
    account = f"{prefix}/Accounts/{api.project_id}"
    made = api.ask(
        "POST",
        f"{account}/Messages{suffix}",
        form={"To": new_handset(), "From": api.sender, "Body": "Hello"},
    )
    assert made.status == 201
    message = made.json()
    assert message["uri"] == f"{CXML_ROOT}/Accounts/{api.project_id}/Messages/{message['sid']}"
    assert message["subresource_uris"] == {"media": f"{message['uri']}/Media"}
    assert api.get(f"{account}/Messages/{message['sid']}{suffix}")["sid"] == message["sid"]
    page = api.get(f"{account}/Messages{suffix}?PageSize=1&To=%2B1")
    assert page["uri"] == f"{api.messages}?To=%2B1&Page=0&PageSize=1"
    assert api.ask("GET", f"{account}/Messages/{message['sid']}/Media{suffix}").status == 200
    assert api.ask("GET", f"{account}{suffix}").status == 200
    assert api.ask("GET", f"{account}/IncomingPhoneNumbers{suffix}").status == 200
    assert api.ask("GET", f"{account}/Applications{suffix}").status == 200


def test_times(api: Caller) -> None:
    message = api.delivered()
    assert all(RFC_2822.fullmatch(message[name]) for name in ("date_created", "date_updated", "date_sent"))
    assert ISO_8601.fullmatch(api.log(message["sid"])["created_at"])
    assert ISO_8601.fullmatch(api.rest_send()["created_at"])
    assert RFC_2822.fullmatch(api.number()["date_created"])
    assert ISO_8601.fullmatch(api.get(NUMBERS)["data"][0]["created_at"])


def test_names_are_case_sensitive_and_unknown_ones_ignored(api: Caller) -> None:
    to = new_handset()
    reply = api.ask("POST", api.messages, form={"to": to, "From": api.sender, "Body": "a"})
    assert (reply.status, reply.json()["code"]) == (422, 21604)
    assert api.send(To=to, Unheard="of", body="no")["body"] == "Hello"
    assert len(api.get(f"{api.messages}?To=%2B{to[1:]}&Unheard=of&to=none")["messages"]) == 1
    assert api.rest_send(to=to, To="nobody", unheard={"of": []})["to"] == to
    assert api.ask("GET", f"{LOGS}?unheard=of&Page_Size=0").status == 200


def test_a_cxml_body_may_be_json(api: Caller) -> None:
    url = "http://127.0.0.1:9/a.png"  # nobody listens there
    body = {"To": "+15005554001", "From": api.sender, "MediaUrl": [url, url], "SendAsMms": True, "ValidityPeriod": 60}
    made = api.ask("POST", api.messages, body={**body, "Body": None, "MaxPrice": 1})
    assert (made.status, made.json()["num_media"], made.json()["body"]) == (201, 2, None)
    refused = api.ask("POST", api.messages, body={"To": {"a": 1}})
    assert (refused.status, refused.json()["code"]) == (422, 10000)


def test_a_cxml_body_may_be_a_multipart_form(api: Caller) -> None:
    parts = [("To", new_handset()), ("From", api.sender), ("Body", "Grüße\r\n--x")]
    raw = b"".join(
        f'--boundary\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{text}\r\n'.encode()
        for name, text in parts
    )
    kind = {"Content-Type": 'multipart/form-data; boundary="boundary"'}
    made = api.ask("POST", api.messages, raw=raw + b"--boundary--\r\n", headers=kind)
    assert (made.status, made.json()["body"]) == (201, "Grüße\r\n--x")


def test_a_body_without_a_content_type_is_read_as_the_family_s(api: Caller) -> None:
    to = new_handset()
    raw = f"To=%2B{to[1:]}&From=%2B{api.sender[1:]}&Body=a+b".encode()
    assert api.ask("POST", api.messages, raw=raw).json()["body"] == "a b"
    raw = json.dumps({"to": to, "from": api.sender, "body": "a b"}).encode()
    assert api.ask("POST", REST_MESSAGES, raw=raw).json()["body"] == "a b"


@pytest.mark.parametrize(
    ("text", "kind"), [("true", "mms"), ("TRUE", "mms"), ("True", "mms"), ("false", "sms"), ("FaLsE", "sms")]
)
def test_form_booleans_in_any_case(api: Caller, text: str, kind: str) -> None:
    assert api.log(api.send(SendAsMms=text)["sid"])["kind"] == kind


@pytest.mark.parametrize("text", ["1", "yes", "tru", " true"])
def test_what_is_no_boolean_is_refused(api: Caller, text: str) -> None:
    assert api.refusal(SendAsMms=text) == (422, 10000)


def test_a_nul_is_422_everywhere(api: Caller) -> None:
    assert api.refusal(Body="a\0b") == (422, 10000)
    assert api.refusal(Unheard="\0") == (422, 10000)
    assert api.ask("POST", api.messages, body={"To": new_handset(), "Body": "\0"}).status == 422
    assert api.rest_faults(body="a\0b") == (422, ["invalid_parameter"])
    assert api.rest_faults(custom_variables={"a": ["\0"]}) == (422, ["invalid_parameter"])
    assert api.ask("GET", f"{api.messages}?To=%00").status == 422
    assert api.ask("GET", f"{LOGS}?created_on=%00").status == 422
    assert api.ask("PUT", f"{NUMBERS}/{api.number()['sid']}", body={"name": "\0"}).status == 422
    assert api.ask("POST", TOKENS, body={"name": "\0", "permissions": ["messaging"]}).status == 422


@pytest.mark.parametrize("raw", [b'{"to": "\\ud800"}', b'{"body": "\\udc00\\ud800"}', b'{"a": "\xed\xa0\x80"}'])
def test_a_lone_surrogate_is_400(api: Caller, raw: bytes) -> None:
    assert api.ask("POST", REST_MESSAGES, raw=raw, headers={"Content-Type": JSON}).status == 400
    assert api.ask("POST", api.messages, raw=raw, headers={"Content-Type": JSON}).status == 400


def test_a_surrogate_pair_is_one_character(api: Caller) -> None:
    given = {"to": new_handset(), "from": api.sender}
    raw = json.dumps(given).encode()[:-1] + b', "body": "\\ud83d\\udc4b"}'
    reply = api.ask("POST", REST_MESSAGES, raw=raw, headers={"Content-Type": JSON})
    assert (reply.status, reply.json()["body"]) == (201, "👋")


@pytest.mark.parametrize("raw", [b"Body=%ff", b"Body=%ED%A0%80", b"\xff=a", b"Body=\xe4"])
def test_what_is_not_utf_8_is_400(api: Caller, raw: bytes) -> None:
    reply = api.ask("POST", api.messages, raw=raw, headers={"Content-Type": FORM})
    assert (reply.status, reply.json()["status"]) == (400, 400)
    assert api.ask("GET", f"{api.messages}?To=%ff").status == 400
    assert api.ask("GET", f"{LOGS}?page_size=%ff").status == 400


@pytest.mark.parametrize("raw", [b"{", b"[]", b'"to"', b"1", b"null", b"{} {}", b'{"a": NaN}', b"[" * 100_000])
def test_what_is_no_json_object_is_400(api: Caller, raw: bytes) -> None:
    for path in (api.messages, REST_MESSAGES, TOKENS):
        assert api.ask("POST", path, raw=raw, headers={"Content-Type": JSON}).status == 400


@pytest.mark.parametrize("kind", ["text/plain", "application/xml", "application/octet-stream", "a"])
def test_another_content_type_is_415(api: Caller, kind: str) -> None:
    for path in (api.messages, REST_MESSAGES, TOKENS):
        assert api.ask("POST", path, raw=b"{}", headers={"Content-Type": kind}).status == 415


@pytest.mark.parametrize("kind", [JSON.upper(), f"{JSON}; charset=utf-8", f"{JSON};charset=UTF-8"])
def test_a_content_type_may_have_parameters_and_any_case(api: Caller, kind: str) -> None:
    raw = json.dumps({"to": new_handset(), "from": api.sender, "body": "a"}).encode()
    assert api.ask("POST", REST_MESSAGES, raw=raw, headers={"Content-Type": kind}).status == 201


def test_large_bodies_reach_validation_and_larger_ones_do_not(api: Caller) -> None:
    assert api.refusal(Body="x" * 100_000) == (422, 21617)
    assert api.rest_faults(body="x" * 100_000) == (422, ["character_limit_exceeded"])
    rest = f"To=%2B13125550100&From=%2B{api.sender[1:]}&Body="
    for size, status in ((2**20, 422), (2**20 + 1, 413)):
        raw = (rest + "x" * (size - len(rest))).encode()
        assert api.ask("POST", api.messages, raw=raw, headers={"Content-Type": FORM}).status == status
    raw = b'{"body": "' + b"x" * 2**20 + b'"}'
    assert api.ask("POST", REST_MESSAGES, raw=raw, headers={"Content-Type": JSON}).status == 413


def test_a_large_body_of_unknown_length_is_refused_too(api: Caller) -> None:
    where = urlsplit(api.base_url)
    connection = http.client.HTTPConnection(where.hostname or "", where.port, timeout=30)
    headers = {"Authorization": api.authorization, "Content-Type": FORM}
    try:
        connection.request("POST", api.messages, iter([b"Body=" + b"x" * 2**19] * 3), headers, encode_chunked=True)
        assert connection.getresponse().status == 413
    finally:
        connection.close()


@pytest.mark.parametrize("to", ["988", "+988", "+12345", "+12345678901234567"])
def test_destinations_that_pass(api: Caller, to: str) -> None:
    assert api.send(To=to)["to"] == to
    assert api.rest_send(to=to)["to"] == to


@pytest.mark.parametrize(
    "to", ["12025550100", "+1234", "+123456789012345678", "+1 202", "+1202555010x", "+١٢٣٤٥", "98"]
)
def test_destinations_that_do_not(api: Caller, to: str) -> None:
    assert api.refusal(To=to) == (422, 21211)
    assert api.rest_faults(to=to) == (422, ["invalid_to_number"])


def test_every_answer_has_a_request_id_of_its_own(api: Caller) -> None:
    replies = [
        api.create(),
        api.ask("GET", LOGS),
        api.ask("GET", f"{LOGS}/x"),
        api.ask("GET", LOGS, headers={"Authorization": None}),
        api.ask("GET", "/health"),
        api.ask("GET", "/nothing"),
        api.ask("DELETE", LOGS),
    ]
    ids = {reply.headers["x-request-id"] for reply in replies}
    assert len(ids) == len(replies)


def test_writes_tell_the_rate_and_reads_do_not(api: Caller) -> None:
    first, second = api.create(), api.rest_create(to=None)
    for reply in (first, second):
        assert reply.headers["x-ratelimit-limit"] == "13800"
        assert 0 <= int(reply.headers["x-ratelimit-remaining"]) < 13800
        assert int(reply.headers["x-ratelimit-reset"]) >= 0
    assert not [name for name in api.ask("GET", LOGS).headers if name.startswith("x-ratelimit")]


def test_absolute_urls_stand_on_the_host_that_was_asked(api: Caller) -> None:
    host = {"Host": "sms.example.com:8443"}
    page = api.ask("GET", f"{LOGS}?page_size=1", headers=host).json()
    assert page["links"]["self"].startswith("http://sms.example.com:8443/api/messaging/logs?")
    log = api.ask("GET", f"{LOGS}/{api.send()['sid']}", headers=host).json()
    assert log["url"].startswith("http://sms.example.com:8443/api/laml/")
    refused = api.ask("GET", f"{api.messages}?Page=1", headers=host).json()
    assert refused["more_info"].startswith("http://sms.example.com:8443/")


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
def test_a_wrong_method_is_405(api: Caller, method: str) -> None:
    for path in (api.messages, LOGS):
        reply = api.ask(method, path)
        assert reply.status == 405
        assert "GET" in reply.headers["allow"]


def test_head_is_a_get_without_its_body(api: Caller) -> None:
    reply = api.ask("HEAD", api.messages)
    assert (reply.status, reply.body) == (200, b"")
