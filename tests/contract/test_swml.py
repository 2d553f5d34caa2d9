"""Inbound messages whose numbers have a SWML handler, and what their documents do (contract, sections 8 and 9)."""

import hashlib
import hmac
import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from caller import NUMBERS, Caller, new_handset
from servers import Answer, HeliographServer, Received, Sink

SETTINGS = {"callback_retry_seconds": 0.05, "swml_request_seconds": 1, "swml_seconds": 3}
MESSAGE_KEYS = [
    *("message_id", "project_id", "space_id", "direction", "type", "from"),
    *("to", "body", "media", "segments", "timestamp"),
]
AWKWARD = 'Grüße & 100% "a" %{message.to} 👋'

Handle = Callable[..., str]
"""``handle(answer, fallback=None, method=None)``: make it the answer of the number's handler; returns its URL."""


def document(*steps: Any, **sections: Any) -> Answer:
    """A document in JSON whose `main` is these steps."""
    return as_json({"version": "1.0.0", "sections": {"main": list(steps), **sections}})


def as_json(value: Any) -> Answer:
    return Answer(body=json.dumps(value).encode(), content_type="application/json")


def as_yaml(text: str) -> Answer:
    return Answer(body=text.encode(), content_type="application/yaml")


@pytest.fixture
def handle(api: Caller, receiver: Sink, path: str) -> Iterator[Handle]:
    """The number is without a handler after each test."""
    number = f"{NUMBERS}/{api.number()['sid']}"

    def make(answer: Answer, fallback: Answer | None = None, method: str | None = None) -> str:
        url = receiver.answer(path, answer)
        given = {
            "message_handler": "relay_script",
            "message_request_url": url,
            "message_request_method": method,
            "message_fallback_url": None if fallback is None else receiver.answer(f"{path}/fallback", fallback),
        }
        reply = api.ask("PUT", number, body=given)
        assert reply.status == 200, reply.body
        return url

    yield make
    cleared = dict.fromkeys(("message_handler", "message_request_url", "message_request_method"))
    assert api.ask("PUT", number, body={**cleared, "message_fallback_url": None}).status == 200


def replies_to(api: Caller, handset: str) -> list[dict[str, Any]]:
    """The messages to a handset, oldest first."""
    return list(api.get(f"{api.messages}?To=%2B{handset[1:]}")["messages"])[::-1]


def bodies(api: Caller, handset: str) -> list[str]:
    return [each["body"] for each in replies_to(api, handset)]


def lines(api: Caller, message: dict[str, Any]) -> list[tuple[str, str, str | None]]:
    """What a message's timeline says of the run: (kind, detail, code), without the last line."""
    steps = [each for each in api.timeline(message["sid"]) if each["kind"] != "state"]
    assert steps[-1]["kind"] == "swml_ended"
    return [(each["kind"], each["detail"], each["error_code"]) for each in steps[:-1]]


def said(api: Caller, body: str = "Hello") -> list[str]:
    """The bodies of the replies to a new handset that says this."""
    handset = new_handset()
    api.received(body, **{"from": handset})
    return bodies(api, handset)


def fault(api: Caller) -> str:
    """The line of the fault that ends the run of a new message."""
    kind, detail, _ = lines(api, api.received())[-1]
    assert kind == "swml_fault"
    return detail


# What a handler is asked with


def test_the_handler_is_asked_with_the_message(
    api: Caller, node: HeliographServer, receiver: Sink, handle: Handle, path: str
) -> None:
    url = handle(document({"receive": {}}))
    handset = new_handset()
    message = api.received(AWKWARD, **{"from": handset})
    (request,) = receiver.received(path)
    asked = request.json()
    assert (request.method, request.headers["content-type"]) == ("POST", "application/json")
    assert list(asked) == ["message", "params"] and asked["params"] == {}
    told = asked["message"]
    assert list(told) == MESSAGE_KEYS
    assert len(told.pop("space_id")) == 36 and told.pop("timestamp").endswith("Z")
    assert told == {
        "message_id": message["sid"],
        "project_id": api.project_id,
        "direction": "inbound",
        "type": "sms",
        "from": handset,
        "to": api.sender,
        "body": AWKWARD,
        "media": [],
        "segments": message["num_segments"],
    }
    assert request.headers["x-signalwire-signature"] == signed(node, url, request)
    log = api.log(message["sid"])
    assert (log["source"], log["type"], log["status"]) == ("realtime_api", "relay_message", "received")
    assert lines(api, message) == [("swml_step", "main[0] receive", None)]


def signed(node: HeliographServer, url: str, request: Received) -> str:
    return hmac.new(node.credentials.signing_key.encode(), url.encode() + request.body, hashlib.sha1).hexdigest()


def test_the_handler_is_told_of_media_that_it_can_fetch(api: Caller, receiver: Sink, handle: Handle, path: str) -> None:
    picture = receiver.answer(f"{path}/a.png", Answer(body=b"xyz", content_type="image/png"))
    handle(document({"reply": "%{message.media[0].content_type} %{message.media[0].size} %{message.media[1].url}"}))
    handset = new_handset()
    api.received("", media=[picture], **{"from": handset})
    told = receiver.received(path)[0].json()["message"]
    assert (told["type"], told["body"], told["segments"]) == ("mms", None, 1)
    (medium,) = told["media"]
    assert (medium["content_type"], medium["size"]) == ("image/png", 3)
    address = medium["url"].removeprefix(api.base_url)
    assert api.ask("GET", address, headers={"Authorization": None}).body == b"xyz"
    assert bodies(api, handset) == ["image/png 3 "]


def test_a_handler_that_is_got_has_no_body(api: Caller, receiver: Sink, handle: Handle, path: str) -> None:
    handle(document({"reply": "to %{message.from}"}), method="GET")
    handset = new_handset()
    api.received(**{"from": handset})
    (request,) = receiver.received(path)
    assert (request.method, request.body) == ("GET", b"") and request.headers["x-signalwire-signature"]
    assert bodies(api, handset) == [f"to {handset}"]


# Documents


YAML = """\
# a comment
version: 1.0.0
sections:
  main:
    - switch:
        variable: message.body
        transform: lowercase_trim
        case:
          yes: &yes
            - reply: "Yes: %{message.body}"
          1: *yes
          no: [ {reply: No} ]
        default:
          - execute: { dest: other, params: { said: "%{message.body}" } }
          - reply:
              body: |-
                Two
                lines, and %{return_value}
              from: 12025550102
  other:
    - return: <%{params.said}>
"""


def test_a_document_in_yaml(api: Caller, handle: Handle) -> None:
    handle(as_yaml(YAML))
    assert said(api, " YES ") == ["Yes:  YES "]
    assert said(api, "1") == ["Yes: 1"]
    assert said(api, "no") == ["No"]
    assert said(api, "what") == []  # the number lost its + as YAML's numbers do, and isn't ours so


@pytest.mark.parametrize("content_type", ["application/json", "text/x-yaml", "text/html", "application/octet-stream"])
def test_the_content_type_does_not_matter(api: Caller, handle: Handle, content_type: str) -> None:
    handle(Answer(body=b'{"sections": {"main": [{"reply": "a"}]}}', content_type=content_type))
    assert said(api) == ["a"]


@pytest.mark.parametrize("given", [{"reply": "a"}, {"reply": {"body": "a"}, "version": "1.0.0"}])
def test_a_reply_is_a_whole_document(api: Caller, handle: Handle, given: Any) -> None:
    handle(as_json(given))
    assert said(api) == ["a"]


def test_receive_is_a_whole_document(api: Caller, handle: Handle) -> None:
    handle(as_json({"receive": {}}))
    assert lines(api, api.received()) == [("swml_step", "main[0] receive", None)]


@pytest.mark.parametrize(
    ("answer", "code", "number"),
    [
        (Answer(status=500), "http_retrieval_error", "11217"),
        (Answer(drop=True), "http_retrieval_error", "11200"),
        (Answer(body=b'{"reply": "' + b"a" * 65536 + b'"}'), "http_retrieval_error", "11750"),
        (Answer(), "json_or_yaml_required", None),
        (Answer(body=b"Hello"), "json_or_yaml_required", None),
        (Answer(body=b"<Response/>"), "json_or_yaml_required", None),
        (Answer(body=b"{]"), "json_or_yaml_required", None),
        (Answer(body=b"\xff"), "json_or_yaml_required", None),
        (Answer(body=b"[" * 60000), "json_or_yaml_required", None),
        (Answer(body=b"- " * 30000), "json_or_yaml_required", None),
        (as_json({}), "swml_missing_entry_point", None),
        (as_json({"reply": "a", "receive": {}}), "swml_invalid_document", None),
        (as_json({"reply": "a", "version": "2.0.0"}), "swml_invalid_document", None),
        (as_json({"sections": []}), "swml_invalid_section_format", None),
        (as_json({"sections": {"main": {}}}), "swml_invalid_section_format", None),
        (document({"play": {}}), "swml_unsupported_method", None),
    ],
)
def test_a_document_that_can_not_be_had_or_read_goes_to_the_fallback(
    api: Caller, receiver: Sink, handle: Handle, path: str, answer: Answer, code: str, number: str | None
) -> None:
    url = handle(answer, fallback=document({"reply": "Sorry"}))
    handset = new_handset()
    message = api.received(**{"from": handset})
    (request,) = receiver.received(f"{path}/fallback")
    first = receiver.received(path)[0].json()
    assert request.json() == first | {"ErrorCode": code, "ErrorUrl": url}
    assert bodies(api, handset) == ["Sorry"]
    (kind, detail, error_code), (replied, *_) = lines(api, message)
    assert (kind, error_code, replied) == ("handler_fault", number, "replied")
    assert detail.startswith(f"{url}: {code}: ")


PASSED_ON = """
sections:
  main:
  - execute: {{dest: other, params: {{n: {0}}}}}
  other:
  - reply: '%{{params.n}}'
"""


@pytest.mark.parametrize("written", ["1e3", "1.50", "-0", "1E+5", "0.10", "12", "1.0", "1e-7"])
@pytest.mark.parametrize("form", ["reply: {0}", PASSED_ON, '{{"reply": {0}}}'])
def test_number_is_sent_as_it_is_written(api: Caller, handle: Handle, form: str, written: str) -> None:
    handle(Answer(body=form.format(written).encode()))
    handset = new_handset()
    api.received(**{"from": handset})
    assert bodies(api, handset) == [written]


def test_number_of_any_spelling_is_a_number_in_json(api: Caller, receiver: Sink, handle: Handle, path: str) -> None:
    url = receiver.answer(f"{path}/lookup", Answer())
    steps = [
        f"request: {{url: '{url}', method: POST, body: {{n: 1e3, deep: [1.50]}}}}",
        f"transfer: {{dest: '{url}2', params: {{n: 1e3}}}}",
    ]
    handle(Answer(body="\n".join(["sections:", "  main:", *(f"  - {step}" for step in steps)]).encode()))
    api.received()
    (asked,) = receiver.received(f"{path}/lookup")
    assert asked.json() == {"n": 1000.0, "deep": [1.5]}
    assert receiver.received(f"{path}/lookup2")[0].json()["params"] == {"n": 1000.0}


def test_fault_names_the_url_with_its_path(api: Caller, receiver: Sink, handle: Handle, path: str) -> None:
    target = receiver.answer(f"{path}/typo", Answer(status=404))
    url = handle(document({"transfer": {"dest": f"{target}?text=%{{message.body}}"}}))
    message = api.received("private")
    details = [detail for kind, detail, _ in lines(api, message) if kind == "handler_fault"]
    assert details == [f"{target}: swml_transfer_fetch_failed: answered 404"]
    receiver.answer(path, Answer(status=307, headers={"Location": target}))
    details = [detail for kind, detail, _ in lines(api, api.received("private")) if kind == "handler_fault"]
    assert details == [f"{url}, redirected to {target}: http_retrieval_error: answered 404"]


def test_path_with_a_word_of_the_message_is_not_shown(api: Caller, receiver: Sink, handle: Handle, path: str) -> None:
    handle(document({"transfer": {"dest": f"{receiver.url(path)}/%{{message.body}}"}}))
    receiver.answer(f"{path}/private", Answer(status=404))
    details = [detail for kind, detail, _ in lines(api, api.received("private")) if kind == "handler_fault"]
    assert details == [f"{receiver.base_url}: swml_transfer_fetch_failed: answered 404"]


def test_the_fallback_is_asked_once(api: Caller, receiver: Sink, handle: Handle, path: str) -> None:
    handle(Answer(body=b"no"), fallback=Answer(body=b"no"))
    message = api.received()
    assert [kind for kind, *_ in lines(api, message)] == ["handler_fault", "handler_fault"]
    assert len(receiver.received(f"{path}/fallback")) == 1


BOMB = "a: &a [x,x,x,x,x,x,x,x]\n" + "".join(
    f"{name}: &{name} [{','.join([f'*{before}'] * 8)}]\n" for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize("text", [BOMB, "a: &a [*a]", "sections: {main: [{reply: a}], main: []}"])
def test_hostile_yaml(api: Caller, handle: Handle, text: str) -> None:
    handle(as_yaml(text))
    ((kind, detail, _),) = lines(api, api.received())
    assert kind == "handler_fault" and "json_or_yaml_required" in detail


# Replies


def test_a_reply_goes_back_as_outbound_reply(api: Caller, handle: Handle) -> None:
    handle(document({"reply": "You said: %{message.body}"}, {"reply": "%{vars.reply_result} %{reply_message_id}"}))
    handset = new_handset()
    message = api.received(AWKWARD, **{"from": handset})
    first, second = replies_to(api, handset)
    assert (first["direction"], first["from"], first["body"]) == ("outbound-reply", api.sender, f"You said: {AWKWARD}")
    assert second["body"] == f"queued {first['sid']}"
    assert api.once(first["sid"], "delivered")["price"] is not None
    log = api.log(first["sid"])
    assert (log["direction"], log["source"], log["type"]) == ("outbound", "realtime_api", "relay_message")
    assert lines(api, message) == [
        ("replied", f"main[0] reply: {first['sid']}", None),
        ("replied", f"main[1] reply: {second['sid']}", None),
    ]


def test_a_reply_with_all_that_it_may_have(api: Caller, receiver: Sink, handle: Handle, path: str) -> None:
    other, picture = new_handset(), receiver.answer(f"{path}/a.png", Answer(body=b"x", content_type="image/png"))
    reply = {
        "body": "From %{message.from}",
        "media": [picture],
        "to": other,
        "from": "+12025550102",
        "status_url": receiver.url(f"{path}/status"),
    }
    handle(document({"reply": reply}))
    handset = new_handset()
    api.received(**{"from": handset})
    (sent,) = replies_to(api, other)
    assert (sent["from"], sent["body"], sent["num_media"]) == ("+12025550102", f"From {handset}", 1)
    told = receiver.wait_for_request(f"{path}/status", 2).json()
    assert (told["id"], told["status"]) == (sent["sid"], "sent")


@pytest.mark.parametrize(
    ("reply", "code", "word"),
    [
        ("", "21602", "swml_reply_body_or_media_required"),
        ({}, "21602", "swml_reply_body_or_media_required"),
        ("x" * 1601, "21617", "swml_reply_character_limit_exceeded"),
        ({"body": "a", "to": "nobody"}, "21211", "swml_reply_invalid_to_number"),
        ({"body": "a", "from": "+19995550000"}, "21210", "swml_reply_invalid_from_number"),
        ({"media": ["http://example.com/a.png"] * 9}, "21623", "swml_reply_media_limit_exceeded"),
        ({"media": ["ftp://example.com/a"]}, "21620", "swml_reply_failed"),
        ({"body": "a", "to": "+15005550004"}, "21610", "swml_reply_failed"),
        ({"body": "a", "status_url": "nothing"}, "21402", "swml_reply_failed"),
    ],
)
def test_a_reply_that_create_would_refuse_is_told_and_the_run_goes_on(
    api: Caller, handle: Handle, reply: Any, code: str, word: str
) -> None:
    handle(document({"reply": reply}, {"reply": "%{reply_result}, %{reply_message_id}"}))
    handset = new_handset()
    message = api.received(**{"from": handset})
    assert bodies(api, handset) == ["failed, "]
    kind, detail, error_code = lines(api, message)[0]
    assert (kind, error_code) == ("reply_refused", code)
    assert detail.startswith(f"main[0] reply: {word}: ")


def test_a_reply_with_a_switch(api: Caller, receiver: Sink, handle: Handle, path: str) -> None:
    picture = receiver.answer(f"{path}/menu.png", Answer(body=b"x", content_type="image/png"))
    switch = {
        "variable": "message.body",
        "transform": "lowercase_trim",
        "case": {"help": "Help, %{message.from}", "menu": {"body": "Menu", "media": [picture], "from": "+12025550102"}},
        "default": {"body": "What is '%{message.body}'?"},
    }
    handle(document({"reply": {"switch": switch}}))
    handset = new_handset()
    for body in (" HELP", "menu", "nonsense"):
        message = api.received(body, **{"from": handset})
    first, second, third = replies_to(api, handset)
    assert (first["body"], third["body"]) == (f"Help, {handset}", "What is 'nonsense'?")
    assert (second["body"], second["from"], second["num_media"]) == ("Menu", "+12025550102", 1)
    assert lines(api, message) == [("replied", f"main[0] reply (default): {third['sid']}", None)]


def test_a_reply_whose_switch_has_no_match_ends_the_run(api: Caller, handle: Handle) -> None:
    handle(document({"reply": {"switch": {"variable": "message.body", "case": {"a": "b"}}}}, {"reply": "never"}))
    assert said(api) == []
    assert fault(api).startswith("main[0] reply: swml_switch_no_match: ")


# Requests


def test_a_request_is_made_and_its_answer_used(api: Caller, receiver: Sink, handle: Handle, path: str) -> None:
    answer = {"name": "Ada", "orders": [{"id": 7, "open": True}], "note": "%{message.to}", "nothing": None}
    url = receiver.answer(f"{path}/lookup", as_json(answer))
    request = {
        "url": f"{url}?from=%{{message.from}}&text=%{{message.body}}",
        "method": "PUT",
        "headers": {"X-From": "%{message.from}", "Authorization": "Bearer secret"},
        "body": {"said": "%{message.body}", "deep": [{"from": "%{message.from}"}], "n": 1},
        "save_variables": True,
        "timeout": 1,
    }
    text = (
        "%{request_result} %{request_response_code} %{request_response.name} %{vars.request_response.orders[0].id} "
        "%{request_response.orders[0]} %{request_response.orders[1].id}%{request_response.nothing} "
        "%{request_response.note}"
    )
    handle(document({"request": request}, {"reply": text}))
    handset = new_handset()
    message = api.received("two words", **{"from": handset})
    assert bodies(api, handset) == ['success 200 Ada 7 {"id":7,"open":true}  %{message.to}']
    (asked,) = receiver.received(f"{path}/lookup")
    assert (asked.method, asked.headers["content-type"]) == ("PUT", "application/json")
    assert (asked.headers["x-from"], asked.headers["authorization"]) == (handset, "Bearer secret")
    assert asked.json() == {"said": "two words", "deep": [{"from": handset}], "n": 1}
    assert asked.url == f"{url}?from={handset}&text=two%20words"
    assert "x-signalwire-signature" not in asked.headers
    kind, detail, _ = lines(api, message)[0]
    trace = rf"main\[0\] request: PUT {url}, answered 200 in \d+ ms: success"
    assert kind == "swml_step" and re.fullmatch(trace, detail)


@pytest.mark.parametrize(
    ("body", "content_type", "sent"),
    [
        ("a=%{message.body}", "text/plain; charset=utf-8", b"a=A question"),
        (' {"a": "%{message.body}"}', "application/json", b' {"a": "A question"}'),
        ("<a/>", "application/xml", b"<a/>"),
        ([1, "%{message.body}"], "application/json", b'[1,"A question"]'),
        ("", "text/plain; charset=utf-8", b""),
    ],
)
def test_what_a_request_may_carry(
    api: Caller, receiver: Sink, handle: Handle, path: str, body: Any, content_type: str, sent: bytes
) -> None:
    handle(document({"request": {"url": receiver.url(f"{path}/r"), "body": body}}))
    api.received()
    (asked,) = receiver.received(f"{path}/r")
    assert (asked.method, asked.headers["content-type"], asked.body) == ("POST", content_type, sent)


def test_a_request_may_name_its_content_type(api: Caller, receiver: Sink, handle: Handle, path: str) -> None:
    request = {
        "url": receiver.url(f"{path}/r"),
        "body": "a=b",
        "headers": {"content-type": "text/csv"},
        "method": "get",
    }
    handle(document({"request": request}))
    api.received()
    (asked,) = receiver.received(f"{path}/r")
    assert (asked.method, asked.headers["content-type"], asked.body) == ("GET", "text/csv", b"a=b")


def test_headers_that_follow_from_the_rest_are_not_for_a_document(
    api: Caller, receiver: Sink, handle: Handle, path: str
) -> None:
    given = {"Host": "a.example", "Content-Length": "1", "Transfer-Encoding": "chunked", "User-Agent": "mine"}
    handle(document({"request": {"url": receiver.url(f"{path}/r"), "headers": given, "body": "text"}}))
    api.received()
    (asked,) = receiver.received(f"{path}/r")
    assert (asked.body, asked.headers["user-agent"]) == (b"text", "mine")
    assert asked.headers["host"] == receiver.base_url.removeprefix("http://")
    assert "transfer-encoding" not in asked.headers


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (Answer(status=404, body=b'{"a": 1}'), 'failed 404 {"a": 1} 1'),
        (Answer(status=204), "success 204  "),
        (Answer(body=b"plain"), "success 200 plain "),
        (Answer(body=b'{"a": ' + b"[" * 200 + b"]" * 200 + b"}"), f'success 200 {{"a": {"[" * 200}{"]" * 200}}} '),
        (Answer(body=b'"\xff\x00"'), 'success 200 "\N{REPLACEMENT CHARACTER}\N{REPLACEMENT CHARACTER}" '),
        (Answer(drop=True), "failed   "),
        (Answer(hold=True), "timeout   "),
        (Answer(status=302, headers={"Location": "http://169.254.169.254/latest/meta-data"}), "failed   "),
        (Answer(status=302, headers={"Location": "http://10.0.0.1/"}), "failed   "),
    ],
)
def test_what_comes_of_a_request(
    api: Caller, receiver: Sink, handle: Handle, path: str, answer: Answer, expected: str
) -> None:
    url = receiver.answer(f"{path}/r", answer)
    handle(
        document(
            {"request": {"url": url, "save_variables": True, "timeout": 0.3}},
            {"reply": "%{request_result} %{request_response_code} %{request_response_body} %{request_response.a}"},
        )
    )
    assert said(api) == [expected]
    receiver.release(f"{path}/r")


@pytest.mark.parametrize(
    "request_",
    [
        {"url": "http://169.254.169.254/latest/meta-data"},
        {"url": "http://10.1.2.3/"},
        {"url": "file:///etc/passwd"},
        {"url": "%{message.body}"},
        {"url": "http://127.0.0.1:9/nobody"},
        {"url": "http://127.0.0.1:9/", "headers": {"X-A": "a\r\nX-B: b"}},
    ],
)
def test_a_request_that_can_not_be_made_is_soft(api: Caller, handle: Handle, request_: Any) -> None:
    handle(document({"request": request_}, {"reply": "%{request_result}"}))
    assert said(api) == ["failed"]


def test_at_most_ten_requests(api: Caller, receiver: Sink, handle: Handle, path: str) -> None:
    request = {"request": {"url": receiver.answer(f"{path}/r", as_json({"a": 1})), "save_variables": True}}
    text = "%{request_result}%{request_response_code}%{request_response_body}%{request_response.a}"
    handle(document(*[request] * 11, {"reply": text}))
    assert said(api) == ["limit_exceeded"]
    assert len(receiver.received(f"{path}/r")) == 10


def test_a_long_answer_is_cut(api: Caller, receiver: Sink, handle: Handle, path: str) -> None:
    url = receiver.answer(f"{path}/r", Answer(body=b'{"a": "' + b"x" * 100_000 + b'"}'))
    echo = {"request": {"url": receiver.url(f"{path}/echo"), "body": "%{request_response_body}"}}
    handle(document({"request": {"url": url, "save_variables": True}}, echo))
    message = api.received()
    assert lines(api, message)[0][1].endswith(": success; the answer is no JSON that can be saved")
    assert len(receiver.received(f"{path}/echo")[0].body) == 65536


# Flow


def test_execute_and_return(api: Caller, handle: Handle) -> None:
    handle(
        document(
            {"execute": {"dest": "outer", "params": {"name": "%{message.body}"}}},
            {"reply": "%{return_value} %{params.name}|"},
            {"execute": {"dest": "quiet"}},
            {"reply": "%{return_value}|"},
            {"execute": {"dest": "listing"}},
            {"reply": "%{return_value} %{return_value.a[1]} %{reply_result}"},
            outer=[
                {"execute": {"dest": "inner", "params": {"other": "x"}}},
                {"return": "%{params.name}: %{return_value}"},
                {"reply": "never"},
            ],
            inner=[{"return": "%{params.other}%{params.name}"}],
            quiet=[{"execute": {"dest": "inner"}}, {"return": None}],
            listing=[{"return": {"a": [1, "%{message.body}"]}}],
        )
    )
    assert said(api, "Ada") == ["Ada: x |", "|", '{"a":[1,"%{message.body}"]} %{message.body} queued']


def test_return_in_main_ends_the_run(api: Caller, handle: Handle) -> None:
    handle(document({"reply": "a"}, {"return": "b"}, {"reply": "never"}))
    assert said(api) == ["a"]


@pytest.mark.parametrize(
    ("transform", "said_", "expected"),
    [
        (None, "Stop", "exact"),
        (None, " Stop", "none"),
        ("lowercase", "STOP", "lower"),
        ("lowercase", " STOP", "none"),
        ("uppercase", "stop", "upper"),
        ("trim", " Stop\n", "exact"),
        ("lowercase_trim", " STOP ", "lower"),
        ("uppercase_trim", " stop ", "upper"),
    ],
)
def test_switch_and_its_transforms(
    api: Caller, handle: Handle, transform: str | None, said_: str, expected: str
) -> None:
    cases = {"Stop": [{"reply": "exact"}], "stop": [{"reply": "lower"}], "STOP": [{"reply": "upper"}]}
    switch = {"variable": "message.body", "case": cases, "default": [{"reply": "none"}], "transform": transform}
    handle(document({"switch": switch}, {"reply": "after"}))
    assert said(api, said_) == [expected, "after"]


def test_switch_compares_numbers_words_and_nothing_as_text(
    api: Caller, receiver: Sink, handle: Handle, path: str
) -> None:
    url = receiver.answer(f"{path}/r", as_json({"n": 3, "yes": True, "none": None}))
    steps: list[Any] = [{"request": {"url": url, "save_variables": True}}]
    for variable in ("request_response_code", "vars.request_response.n", "request_response.yes", "%{params.nothing}"):
        cases = {name: [{"reply": f"{name}!"}] for name in ("200", "3", "true", "")}
        steps.append({"switch": {"variable": variable, "case": cases}})
    handle(document(*steps))
    assert said(api) == ["200!", "3!", "true!", "!"]


def test_a_switch_without_a_match_and_a_default_ends_the_run(api: Caller, handle: Handle) -> None:
    switch = {"switch": {"variable": "message.body", "case": {"a": [{"reply": "never"}]}}}
    handle(document({"execute": {"dest": "other"}}, {"reply": "never"}, other=[switch]))
    assert fault(api) == "other[0] switch: swml_switch_no_match: no case fits, and there is no default"


def test_goto_repeats_until_its_max(api: Caller, handle: Handle) -> None:
    retry = {"switch": {"variable": "reply_result", "case": {"queued": [{"goto": {"label": "again", "max": 2}}]}}}
    handle(
        document(
            {"execute": {"dest": "loop"}},
            {"execute": {"dest": "loop"}},
            {"reply": "end"},
            loop=[{"label": "again"}, {"reply": "a"}, retry, {"reply": "never"}],
        )
    )
    assert said(api) == ["a", "a", "a", "a", "a", "a", "end"]


def test_goto_goes_forward_and_into_a_branch(api: Caller, handle: Handle) -> None:
    branch = [{"reply": "in the branch"}, {"label": "inside"}, {"reply": "inside"}]
    handle(
        document(
            {"goto": {"label": "inside"}},
            {"reply": "never"},
            {"switch": {"variable": "message.body", "case": {"x": branch, "y": [{"reply": "never"}]}}},
            {"reply": "after"},
        )
    )
    assert said(api) == ["inside", "after"]


def test_goto_stays_in_its_section(api: Caller, handle: Handle) -> None:
    handle(document({"label": "there"}, {"execute": {"dest": "other"}}, other=[{"goto": {"label": "there"}}]))
    assert fault(api).startswith("other[0] goto: swml_goto_label_not_found: ")


@pytest.mark.parametrize(
    ("step", "code"),
    [
        ({"reply": {"switch": {"variable": "message.body", "case": {}}, "body": "a"}}, "swml_invalid_document"),
        ({"reply": {"body": ["a"]}}, "swml_invalid_document"),
        ({"reply": {"media": "http://example.com/a.png"}}, "swml_invalid_document"),
        ({"request": {}}, "swml_request_url_required"),
        ({"request": "http://example.com/"}, "swml_invalid_document"),
        ({"request": {"url": "http://example.com/", "method": "TRACE"}}, "swml_invalid_document"),
        ({"request": {"url": "http://example.com/", "timeout": "3"}}, "swml_invalid_document"),
        ({"request": {"url": "http://example.com/", "timeout": -1}}, "swml_invalid_document"),
        ({"request": {"url": "http://example.com/", "headers": {"a": ["b"]}}}, "swml_invalid_document"),
        ({"request": {"url": "http://example.com/", "save_variables": "yes"}}, "swml_invalid_document"),
        ({"execute": {}}, "swml_section_not_found"),
        ({"execute": {"dest": "nowhere"}}, "swml_section_not_found"),
        ({"execute": {"dest": "main", "params": "a"}}, "swml_invalid_document"),
        ({"transfer": {}}, "swml_transfer_failed"),
        ({"transfer": {"dest": {"sections": {"main": []}}}}, "swml_transfer_failed"),
        ({"switch": {"variable": "message.body"}}, "swml_invalid_document"),
        ({"switch": {"variable": "a + b", "case": {}}}, "swml_invalid_document"),
        ({"switch": {"case": {}}}, "swml_invalid_document"),
        ({"switch": {"variable": "a", "case": {}, "transform": "reverse"}}, "swml_switch_invalid_transform"),
        ({"goto": {}}, "swml_goto_label_not_found"),
        ({"goto": {"label": "a", "max": "3"}}, "swml_invalid_document"),
        ({"goto": {"label": "a", "when": "true"}}, "swml_invalid_document"),
    ],
)
def test_a_step_that_can_not_be_done_ends_the_run(api: Caller, handle: Handle, step: Any, code: str) -> None:
    handle(document({"reply": "before"}, step, {"reply": "never"}))
    handset = new_handset()
    message = api.received(**{"from": handset})
    assert bodies(api, handset) == ["before"]
    kind, detail, _ = lines(api, message)[-1]
    assert (kind, detail.partition(": ")[2].partition(": ")[0]) == ("swml_fault", code)
    assert detail.startswith(f"main[1] {next(iter(step))}: ")


def test_what_is_passed_over_is_a_warning(api: Caller, handle: Handle) -> None:
    handle(document({"reply": {"body": "%{message.body.length()} ${message.body}", "voice": "x"}}))
    handset = new_handset()
    message = api.received(**{"from": handset})
    assert bodies(api, handset) == ["%{message.body.length()} ${message.body}"]
    assert [(kind, detail) for kind, detail, _ in lines(api, message)[:2]] == [
        ("handler_warning", "main[0] reply: the unknown parameter voice was passed over."),
        ("handler_warning", "main[0]: a placeholder is no path of a variable, and stays as it is written."),
    ]


# Transfers


def test_transfer_hands_over_with_params_and_vars(
    api: Caller, node: HeliographServer, receiver: Sink, handle: Handle, path: str
) -> None:
    dest = receiver.answer(f"{path}/next", document({"reply": "%{params.why} %{reply_result} %{message.body}"}))
    url = receiver.answer(f"{path}/r", as_json({"a": [1]}))
    handle(
        document(
            {"request": {"url": url, "save_variables": True}},
            {"reply": "first"},
            {"execute": {"dest": "away", "params": {"x": "y"}}},
            {"reply": "never"},
            away=[{"transfer": {"dest": dest, "params": {"why": "for %{params.x}"}}}, {"reply": "never"}],
        )
    )
    handset = new_handset()
    message = api.received(**{"from": handset})
    first, second = replies_to(api, handset)
    assert (first["body"], second["body"]) == ("first", "for y queued A question")
    (asked,) = receiver.received(f"{path}/next")
    told = asked.json()
    assert told["message"] == receiver.received(path)[0].json()["message"]
    assert told["params"] == {"why": "for y"}
    assert told["vars"] == {
        "request_result": "success",
        "request_response": {"a": [1]},
        "request_response_code": 200,
        "request_response_body": '{"a": [1]}',
        "reply_result": "queued",
        "reply_message_id": first["sid"],
    }
    assert asked.headers["x-signalwire-signature"] == signed(node, dest, asked)
    assert lines(api, message)[-2][:2] == ("swml_step", "away[0] transfer")


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE"])
def test_transfer_by_each_method(api: Caller, receiver: Sink, handle: Handle, path: str, method: str) -> None:
    dest = receiver.answer(f"{path}/next", document({"reply": "%{params.a}"}))
    handle(document({"transfer": {"dest": dest, "method": method, "params": {"a": "b"}}}))
    assert said(api) == ["b"]
    (asked,) = receiver.received(f"{path}/next")
    assert asked.method == method and (asked.body == b"") == (method == "GET")
    assert asked.headers["x-signalwire-signature"]


@pytest.mark.parametrize(
    ("dest", "code", "number"),
    [
        ("main", "swml_transfer_fetch_failed", "11200"),
        ("http://169.254.169.254/", "swml_transfer_fetch_failed", "11200"),
        ("{0}/none", "swml_transfer_fetch_failed", "11217"),
        ("{0}/redirect", "swml_transfer_fetch_failed", "11200"),
        ("{0}/bad", "swml_transfer_document_invalid", None),
    ],
)
def test_a_transfer_that_fails_goes_to_the_fallback(
    api: Caller, receiver: Sink, handle: Handle, path: str, dest: str, code: str, number: str | None
) -> None:
    receiver.answer(f"{path}/none", Answer(status=404))
    receiver.answer(f"{path}/bad", Answer(body=b"no"))
    receiver.answer(f"{path}/redirect", Answer(status=307, headers={"Location": "http://10.0.0.1/"}))
    dest = dest.format(receiver.url(path))
    handle(document({"transfer": {"dest": dest}}), fallback=document({"reply": "Sorry"}))
    handset = new_handset()
    message = api.received(**{"from": handset})
    assert bodies(api, handset) == ["Sorry"]
    told = receiver.received(f"{path}/fallback")[0].json()
    assert (told["ErrorCode"], told["ErrorUrl"], "vars" in told) == (code, dest, False)
    assert [error_code for kind, _, error_code in lines(api, message) if kind == "handler_fault"] == [number]


def test_at_most_ten_documents(api: Caller, receiver: Sink, handle: Handle, path: str) -> None:
    handle(document({"reply": "again"}, {"transfer": {"dest": receiver.url(path)}}))
    handset = new_handset()
    message = api.received(**{"from": handset})
    assert len(receiver.received(path)) == 10
    assert len(replies_to(api, handset)) == 10
    kind, detail, _ = lines(api, message)[-1]
    assert kind == "handler_stopped" and detail.startswith("swml_too_many_documents: ")
    assert api.timeline(message["sid"])[-2]["detail"] == "documents: 10, steps: 20, requests: 0, replies: 10"


# Limits


def test_at_most_a_hundred_steps(api: Caller, handle: Handle) -> None:
    handle(document({"label": "again"}, {"goto": {"label": "again", "max": 1_000_000}}))
    message = api.received()
    assert lines(api, message)[-1][1] == ("main[0] label: swml_too_many_steps: more than 100 steps for one message")
    assert api.timeline(message["sid"])[-2]["detail"] == "documents: 1, steps: 100, requests: 0, replies: 0"


def test_sections_inside_each_other_end(api: Caller, handle: Handle) -> None:
    handle(document({"execute": {"dest": "main"}}))
    assert fault(api).startswith("main[0] execute: swml_nested_too_deep: ")


def test_a_value_that_grows_ends_the_run(api: Caller, receiver: Sink, handle: Handle, path: str) -> None:
    url = receiver.answer(f"{path}/r", Answer(body=b"x" * 65000))
    handle(document({"request": {"url": url}}, {"reply": "%{request_response_body}" * 1000}))
    assert fault(api).startswith("main[1] reply: swml_value_too_long: ")


def test_a_run_that_takes_too_long_ends(api: Caller, receiver: Sink, handle: Handle, path: str) -> None:
    url = receiver.answer(f"{path}/r", Answer(hold=True))
    handle(document(*[{"request": {"url": url}}] * 5, {"reply": "never"}))
    message = api.received()
    kind, detail, _ = lines(api, message)[-1]
    assert replies_to(api, message["from"]) == []
    assert kind == "handler_stopped" and detail.startswith("swml_too_slow: ")
    receiver.release(f"{path}/r")


def test_the_timeline_has_room_for_so_many_lines(api: Caller, handle: Handle) -> None:
    handle(document(*[{"receive": {}}] * 99, {"execute": {"dest": "nowhere"}}))
    message = api.received()
    found = lines(api, message)
    assert len(found) == 61 and found[-1][0] == "swml_fault"
    assert api.timeline(message["sid"])[-2]["detail"].endswith("; 39 lines are left out")


def test_neither_texts_nor_secrets_are_on_the_timeline(
    api: Caller, receiver: Sink, handle: Handle, path: str, node: HeliographServer
) -> None:
    steps: list[Any] = [
        {"request": {"url": receiver.url(f"{path}/r?key=sesame"), "headers": {"X-Key": "sesame"}, "body": "sesame"}},
        {"request": {"url": "http://user:sesame@127.0.0.1:9/%{message.body}"}},
        {"switch": {"variable": "message.body", "case": {"sesame": [{"reply": "sesame"}, {"return": "sesame"}]}}},
    ]
    handle(document(*steps))
    message = api.received("sesame")
    assert "sesame" not in json.dumps(api.timeline(message["sid"]))
    assert "sesame" not in node.log()
