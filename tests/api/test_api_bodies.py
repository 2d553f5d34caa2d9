"""What a body may be: forms, multipart, JSON, and everything that is neither."""

import json
from typing import Any

import pytest
from api_world import ACCOUNT, FORM, JSON, World

from heliograph.api import fields
from heliograph.api.errors import Unreadable
from heliograph.engine.requests import SendRequest

CREATE = f"{ACCOUNT}/Messages"
REST = "/api/messaging/messages"
BOUNDARY = "multipart/form-data; boundary=x"


def _sent(body: str | bytes, kind: str = FORM["Content-Type"]) -> SendRequest:
    world = World()
    answer = world.ask("POST", CREATE, {"Content-Type": kind}, body=body)
    assert answer.status_code == 201, answer.text
    return world.acceptor.asked[0]


def _status(path: str, body: str | bytes, kind: str, **headers: str) -> int:
    world = World()
    answer = world.ask("POST", path, {"Content-Type": kind, **headers}, body=body)
    assert world.acceptor.asked == []
    return int(answer.status_code)


def test_form() -> None:
    sent = _sent(
        "To=%2B15557654321&From=%2B15551234567&Body=a+b%26%E2%82%AC&MediaUrl=http://a/1&MediaUrl=http://a/2&X=y"
    )
    assert (sent.to_number, sent.from_number, sent.body) == ("+15557654321", "+15551234567", "a b&€")
    assert sent.media_urls == ("http://a/1", "http://a/2")


def test_multipart() -> None:
    parts = [("To", "+15557654321"), ("MediaUrl", "http://a/1"), ("MediaUrl", "http://a/2")]
    body = "".join(f'--x\r\nContent-Disposition: form-data; name="{n}"\r\n\r\n{v}\r\n' for n, v in parts) + "--x--\r\n"
    sent = _sent(body, BOUNDARY)
    assert (sent.to_number, sent.media_urls) == ("+15557654321", ("http://a/1", "http://a/2"))


def test_json_has_native_lists_numbers_and_booleans() -> None:
    given = {
        "To": "+15557654321",
        "MediaUrl": ["http://a/1", "http://a/2"],
        "SendAsMms": True,
        "ValidityPeriod": 60,
        "MaxPrice": 0.00005,
        "Body": None,
    }
    sent = _sent(json.dumps(given), "application/json; charset=utf-8")
    assert sent.media_urls == ("http://a/1", "http://a/2")
    assert (sent.force_mms, sent.validity, sent.max_price, sent.body) == (True, "60", "0.00005", None)


def test_names_are_case_sensitive_and_the_last_of_several_counts() -> None:
    sent = _sent("to=1&To=2&To=3")
    assert sent.to_number == "3"


@pytest.mark.parametrize(("text", "truth"), [("true", True), ("TRUE", True), ("False", False), ("", False)])
def test_booleans_in_any_case(text: str, truth: bool) -> None:
    assert _sent(f"SendAsMms={text}").force_mms is truth


@pytest.mark.parametrize("text", ["1", "yes", "tru"])
def test_bad_boolean(text: str) -> None:
    world = World()
    answer = world.ask("POST", CREATE, body=f"SendAsMms={text}")
    assert (answer.status_code, answer.json["code"]) == (422, 10000)
    assert "SendAsMms" in answer.json["message"]


@pytest.mark.parametrize("kind", ["text/plain", "application/xml", "application/octet-stream", "nonsense"])
@pytest.mark.parametrize("path", [CREATE, REST])
def test_other_content_types(path: str, kind: str) -> None:
    assert _status(path, "To=1", kind) == 415


def test_compressed_body() -> None:
    assert _status(CREATE, "To=1", FORM["Content-Type"], **{"Content-Encoding": "gzip"}) == 415


@pytest.mark.parametrize(
    "body",
    [
        "{",
        "[]",
        '"text"',
        "null",
        '{"to": NaN}',
        '{"to": Infinity}',
        '{"to": 1e999}',
        '{"to": "\\ud800"}',
        '{"to": "\\udc00x"}',
        b'{"to": "\xff"}',
        b'{"to": "\xed\xa0\x80"}',
        "[" * 5000 + "]" * 5000,
        '{"to": ' + "9" * 5000 + "}",
        "{} {}",
    ],
)
@pytest.mark.parametrize("path", [CREATE, REST])
def test_unreadable_json(path: str, body: str | bytes) -> None:
    assert _status(path, body, JSON["Content-Type"]) == 400


@pytest.mark.parametrize("body", [b"To=\xff", b"To=%FF", b"To=%ED%A0%80"])
def test_form_that_is_not_utf8(body: bytes) -> None:
    assert _status(CREATE, body, FORM["Content-Type"]) == 400


@pytest.mark.parametrize(
    ("path", "body", "kind"),
    [
        (CREATE, "Body=a%00b", FORM["Content-Type"]),
        (CREATE, "Body=a\0b", FORM["Content-Type"]),
        (CREATE, "Unknown=%00", FORM["Content-Type"]),
        (CREATE, '--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n\0\r\n--x--\r\n', BOUNDARY),
        (CREATE, '{"MediaUrl": ["a", "\\u0000"]}', JSON["Content-Type"]),
        (REST, '{"custom_variables": {"a": "\\u0000"}}', JSON["Content-Type"]),
    ],
)
def test_nul_character(path: str, body: str, kind: str) -> None:
    assert _status(path, body, kind) == 422


def test_nul_character_in_a_query() -> None:
    answer = World().ask("GET", CREATE, query_string="To=%00")
    assert (answer.status_code, answer.json["code"]) == (422, 10000)


def test_backslash_u0000_as_text_is_no_nul() -> None:
    assert _sent('{"Body": "\\\\u0000"}', JSON["Content-Type"]).body == "\\u0000"


def test_a_large_body_reaches_validation_and_a_larger_one_does_not() -> None:
    sent = _sent("Body=" + "x" * 100_000)
    assert len(sent.body or "") == 100_000
    assert _status(CREATE, "Body=" + "x" * 1_048_576, FORM["Content-Type"]) == 413
    assert _status(REST, "x" * 1_048_577, JSON["Content-Type"]) == 413


def test_too_many_fields() -> None:
    assert _status(CREATE, "&".join("a=1" for _ in range(1001)), FORM["Content-Type"]) == 400


def test_json_families_take_json_only() -> None:
    assert _status(REST, "to=1", FORM["Content-Type"]) == 415


def test_object_inside_a_cxml_field() -> None:
    assert _status(CREATE, '{"Body": {"a": 1}}', JSON["Content-Type"]) == 422


_ESCAPED = (
    '--x\r\nContent-Disposition: form-data; name="Body"\r\nContent-Type: text/plain; charset=%s\r\n\r\n%s\r\n--x--'
)


@pytest.mark.parametrize(
    ("path", "body", "kind"),
    [
        (CREATE, _ESCAPED % ("unicode_escape", "\\ud800"), BOUNDARY),
        (CREATE, _ESCAPED % ("utf-7", "+2AA-"), BOUNDARY),
        (CREATE, (_ESCAPED % ("utf-8", "a")).encode().replace(b"\na\r", b"\n\xed\xa0\x80\r"), BOUNDARY),
        (CREATE, "Body=%ED%A0%80", FORM["Content-Type"]),
        (CREATE, '{"Body": "\\ud800"}', JSON["Content-Type"]),
        (REST, '{"body": "\\udfff"}', JSON["Content-Type"]),
        (REST, '{"custom_variables": {"\\ud800": "a"}}', JSON["Content-Type"]),
    ],
)
def test_half_of_a_surrogate_pair_is_unreadable(path: str, body: str | bytes, kind: str) -> None:
    assert _status(path, body, kind) == 400


@pytest.mark.parametrize("values", [{"a": ["\ud800"]}, {"a\udfff": "b"}, {"a": {"b": ["\udc00"]}}])
def test_no_reader_lets_half_of_a_surrogate_pair_through(values: dict[str, Any]) -> None:
    with pytest.raises(Unreadable):
        fields.refuse_unkeepable(values)


@pytest.mark.parametrize("media", ["http://a/1", 1, {"a": "b"}])
def test_rest_media_is_a_list(media: object) -> None:
    world = World()
    answer = world.ask("POST", REST, JSON, body=json.dumps({"media": media}))
    assert answer.status_code == 422
    assert [(e["code"], e["attribute"]) for e in answer.json["errors"]] == [("invalid_parameter", "media")]


@pytest.mark.parametrize(
    ("given", "told"),
    [(True, True), (False, False), (None, None), ("true", True), ("false", False), ("True", True), ("FALSE", False)],
)
def test_json_boolean_may_be_a_text(given: object, told: bool | None) -> None:
    body = fields.Body({"sticky_sender": given})
    assert body.flag("sticky_sender") is told
    assert body.faults == []


@pytest.mark.parametrize("given", ["yes", "1", "0", "on", "", " true", "true ", "t", 1, 0, 1.0, [], ["true"], {}])
def test_other_json_value_is_no_boolean(given: object) -> None:
    body = fields.Body({"sticky_sender": given})
    assert body.flag("sticky_sender") is None
    assert [fault.where for fault in body.faults] == ["sticky_sender"]


@pytest.mark.parametrize(("given", "mms"), [("true", True), ("False", False)])
@pytest.mark.parametrize(
    ("path", "names"), [(REST, ("to", "from", "body", "send_as_mms")), (CREATE, ("To", "From", "Body", "SendAsMms"))]
)
def test_text_of_a_boolean_is_obeyed(path: str, names: tuple[str, ...], given: str, mms: bool) -> None:
    world = World()
    values = dict(zip(names, ("+15557654321", "+15551234567", "hi", given), strict=True))
    assert world.ask("POST", path, json=values).status_code == 201
    assert world.acceptor.asked[0].force_mms is mms


def test_unknown_text_for_a_boolean_is_refused() -> None:
    values = {"to": "+15557654321", "from": "+15551234567", "body": "hi", "send_as_mms": "maybe"}
    answer = World().ask("POST", REST, json=values)
    assert (answer.status_code, answer.json["errors"][0]["attribute"]) == (422, "send_as_mms")


@pytest.mark.parametrize("number", ["1e300", "-1e21", "1000000000000000000000", "1e-300"])
@pytest.mark.parametrize(("path", "member"), [(CREATE, "Body"), (CREATE, "Unknown"), (REST, "body"), (REST, "unknown")])
@pytest.mark.parametrize("place", ["%s", "[%s]"])
def test_number_out_of_range_is_refused_by_name(path: str, member: str, number: str, place: str) -> None:
    answer = World().ask("POST", path, {"Content-Type": "application/json"}, body=f'{{"{member}": {place % number}}}')
    assert answer.status_code == 422
    assert f"{member} has a number that is out of range." in answer.text


@pytest.mark.parametrize("path", [CREATE, REST])
@pytest.mark.parametrize("entry", ["1", "1e300", '"x"', "[]", "{}"])
def test_json_with_more_values_than_a_form_has_fields_is_refused(path: str, entry: str) -> None:
    assert _status(path, '{"Tags": [' + ",".join([entry] * 1001) + "]}", "application/json") == 400
