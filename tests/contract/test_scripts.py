"""cXML scripts as handlers of inbound messages, and subprojects made over the API (contract, section 4.2)."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from test_handlers import faults, replies_to
from twilio.request_validator import RequestValidator

from caller import CXML_ROOT, Caller, new_handset
from servers import Answer, HeliographServer, Sink

TEMPLATE = '<Response><Message to="{{From}}">{{Body}}, said {{From}} ({{Shop}})</Message></Response>'
NOBODY = {"Authorization": None}


@pytest.fixture(autouse=True)
def no_handler_left(api: Caller) -> Iterator[None]:
    """The number is as it was after each test."""
    yield
    api.configure(SmsUrl="", SmsMethod="POST", SmsFallbackUrl="", SmsApplicationSid="")


def made(api: Caller, contents: str) -> dict[str, Any]:
    """A script."""
    reply = api.ask("POST", f"{api.account}/LamlBins", form={"Name": "Handler", "Contents": contents})
    assert reply.status == 201, reply.body
    return dict(reply.json())


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_script_answers_messages_and_counts_them(api: Caller, method: str) -> None:
    script = made(api, TEMPLATE)
    api.configure(SmsUrl=f"{script['request_url']}?Shop=Tea", SmsMethod=method)
    handset = new_handset()
    message = api.received("<Milk> & 'tea'?", **{"from": handset})
    assert [each["body"] for each in replies_to(api, handset)] == [f"<Milk> & 'tea'?, said {handset} (Tea)"]
    assert [kind for kind, _ in faults(api, message)] == ["replied"]
    shown = api.get(script["uri"])
    assert (shown["num_requests"], shown["date_last_accessed"] is None) == (1, False)


def test_a_script_hands_over_to_another_by_its_path(api: Caller) -> None:
    last = made(api, TEMPLATE)
    first = made(api, f"<Response><Redirect>/laml-bins/{last['sid']}?Shop=Tea</Redirect></Response>")
    api.configure(SmsUrl=first["request_url"])
    handset = new_handset()
    api.received("Hello", **{"from": handset})
    assert [each["body"] for each in replies_to(api, handset)] == [f"Hello, said {handset} (Tea)"]
    assert [api.get(each["uri"])["num_requests"] for each in (first, last)] == [1, 1]


def test_a_script_that_is_gone_is_a_fault_and_the_fallback_answers(api: Caller) -> None:
    gone, other = made(api, TEMPLATE), made(api, "<Response><Message>{{ErrorCode}}</Message></Response>")
    api.configure(SmsUrl=gone["request_url"], SmsFallbackUrl=other["request_url"])
    assert api.ask("DELETE", gone["uri"]).status == 204
    handset = new_handset()
    message = api.received("Hello", **{"from": handset})
    assert faults(api, message)[0] == ("handler_fault", "11217")
    assert [each["body"] for each in replies_to(api, handset)] == ["11217"]


def test_the_document_needs_no_credentials_and_takes_wrong_ones(api: Caller) -> None:
    script = made(api, TEMPLATE)
    path = f"/laml-bins/{script['sid']}"
    for headers in (NOBODY, {"Authorization": "Basic bm9ib2R5Om5vdGhpbmc="}):
        for method in ("GET", "POST"):
            reply = api.ask(method, f"{path}?Body=a%26b", headers=headers)
            assert reply.status == 200
            assert reply.headers["content-type"] == "application/xml; charset=utf-8"
            assert reply.body == b'<Response><Message to="">a&amp;b, said  ()</Message></Response>'
    assert api.get(script["uri"])["num_requests"] == 4


def test_every_request_of_many_is_counted(api: Caller, node: HeliographServer) -> None:
    script = made(api, "<Response/>")
    path = f"/laml-bins/{script['sid']}"
    with ThreadPoolExecutor(8) as pool:
        replies = list(pool.map(lambda _: api.ask("GET", path, headers=NOBODY), range(50)))
    assert {reply.status for reply in replies} == {200}
    shown = api.get(script["uri"])
    assert shown["num_requests"] == 50
    node.kill()
    node.start()
    assert api.get(script["uri"]) == shown, "what was shown is on disk"


def test_a_subproject_made_over_the_api_works_at_once(api: Caller, receiver: Sink, path: str) -> None:
    reply = api.ask("POST", f"{CXML_ROOT}/Accounts", form={"FriendlyName": "Warehouse"})
    assert reply.status == 201
    account = reply.json()
    child = Caller(api.base_url, account["sid"], "", "+15005550006")
    tokens = f"{child.account}/tokens"
    token = api.ask("POST", tokens, form={"name": "own", "permissions[]": ["messaging", "numbers"]}).json()["token"]
    own = child.with_token(token)
    own.sender = child.sender
    url = receiver.answer(path, Answer())
    sid = own.delivered(StatusCallback=url)["sid"]
    assert api.get(f"{child.account}/Messages/{sid}")["account_sid"] == account["sid"]
    told = receiver.wait_for_request(path)
    signature = told.headers["x-twilio-signature"]
    fields = {name: values for name, values in told.form.items()}
    assert RequestValidator(account["signing_key"]).validate(url, fields, signature)
    by_parent = api.ask("POST", child.messages, form={"To": new_handset(), "From": child.sender, "Body": "x"})
    assert (by_parent.status, by_parent.json()["account_sid"]) == (201, account["sid"])


def test_a_projects_media_are_guarded_when_it_says_so(api: Caller, receiver: Sink, path: str) -> None:
    picture = receiver.answer(path, Answer(body=b"x", content_type="image/png"))
    message = api.once(api.send(MediaUrl=picture)["sid"], "sent")
    (medium,) = api.get(f"{message['uri']}/Media")["media_list"]
    project = f"/api/projects/{api.project_id}"
    assert api.ask("GET", medium["uri"], headers=NOBODY).body == b"x"
    assert api.ask("PATCH", project, body={"protect_message_media": True}).status == 200
    assert api.ask("GET", medium["uri"], headers=NOBODY).status == 401
    assert api.ask("GET", medium["uri"]).body == b"x"
    assert api.ask("PATCH", project, body={"protect_message_media": False}).status == 200


def test_a_project_that_forces_https_calls_nothing_else(api: Caller, receiver: Sink, path: str) -> None:
    project = f"/api/projects/{api.project_id}"
    script = made(api, "<Response><Message>From here</Message></Response>")
    api.configure(SmsUrl=receiver.answer(path, Answer()), SmsFallbackUrl=script["request_url"])
    assert api.ask("PATCH", project, body={"force_https_requests": True}).status == 200
    try:
        assert api.refusal(StatusCallback="http://example.com/") == (422, 21402)
        assert api.rest_faults(status_callback="http://example.com/") == (422, ["invalid_parameter"])
        handset = new_handset()
        message = api.received("Hello", **{"from": handset})
        assert faults(api, message)[0] == ("handler_fault", "11200")
        assert [each["body"] for each in replies_to(api, handset)] == ["From here"], "our own need no connection"
        assert receiver.received(path) == []
    finally:
        assert api.ask("PATCH", project, body={"force_https_requests": False}).status == 200


def test_webhooks_are_signed_with_a_key_as_soon_as_it_is_exchanged(api: Caller, receiver: Sink, path: str) -> None:
    url = receiver.answer(path, Answer())
    key = api.ask("POST", f"/api/projects/{api.project_id}/signing-key/rotate").json()["signing_key"]
    api.delivered(StatusCallback=url)
    told = receiver.wait_for_request(path)
    assert RequestValidator(key).validate(url, told.form, told.headers["x-twilio-signature"])


def test_a_deleted_subproject_is_gone_for_everybody(api: Caller, receiver: Sink, path: str) -> None:
    account = api.ask("POST", f"{CXML_ROOT}/Accounts", form={"FriendlyName": "Short-lived"}).json()
    child = Caller(api.base_url, account["sid"], "", "+15005550006")
    tokens = {"name": "own", "permissions": ["messaging"], "subproject_id": account["sid"]}
    own = child.with_token(api.ask("POST", "/api/project/tokens", body=tokens).json()["token"])
    assert own.ask("GET", own.messages).status == 200
    script = api.ask("POST", f"{child.account}/LamlBins", form={"Name": "a"}).json()
    assert api.ask("DELETE", f"/api/projects/{account['sid']}").status == 204
    assert own.ask("GET", own.messages).status == 401
    assert api.ask("GET", child.account).status == 404
    assert api.ask("GET", f"/laml-bins/{script['sid']}", headers=NOBODY).status == 404
    assert account["sid"] not in [each["sid"] for each in api.get(f"{CXML_ROOT}/Accounts")["accounts"]]


def test_no_text_of_the_message_is_in_the_record_of_a_redirect_that_failed(api: Caller) -> None:
    """A redaction does not reach there."""
    script = made(api, "<Response><Redirect>http://127.0.0.1:9/{{Body}}?{{Body}}</Redirect></Response>")
    api.configure(SmsUrl=script["request_url"])
    message = api.received("a-secret")
    (fault,) = (step for step in api.timeline(message["sid"]) if step["kind"] == "handler_fault")
    assert fault["detail"].startswith("http://127.0.0.1:9: ")
    assert "a-secret" not in str(api.timeline(message["sid"]))
