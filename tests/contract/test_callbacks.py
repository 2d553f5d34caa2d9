"""Status callbacks: which, with what, how signed, how often (contract, section 8)."""

import hashlib
import hmac
import re
from base64 import b64encode
from typing import Any

import pytest
from twilio.request_validator import RequestValidator

from caller import Caller
from servers import Answer, HeliographServer, Received, Sink, wait_until

# A failed callback is tried again soon, and given up a second after it came to be.
SETTINGS = {"callback_retry_seconds": 0.05, "callback_poll_seconds": 0.05, "callback_give_up_seconds": 4}
FIELDS = ["MessageStatus", "MessageSid", "SmsSid", "AccountSid", "From", "To", "Body", "NumMedia", "NumSegments"]
AWKWARD = "Grüße & 100% + a=b?\n👋"
UNDELIVERED = "+15005553005"


def _told(receiver: Sink, path: str, count: int) -> list[Received]:
    """The first requests for a path, once there are so many."""
    receiver.wait_for_request(path, count)
    return receiver.received(path)[:count]


def _statuses(requests: list[Received]) -> list[str]:
    return [each.form["MessageStatus"] for each in requests]


def test_each_change_after_queued_is_told_in_order(api: Caller, receiver: Sink, path: str) -> None:
    message = api.send(Body=AWKWARD, StatusCallback=receiver.url(path))
    told = _told(receiver, path, 3)
    assert _statuses(told) == ["sending", "sent", "delivered"]
    for request in told:
        assert (request.method, request.headers["content-type"]) == ("POST", "application/x-www-form-urlencoded")
        assert list(request.form) == FIELDS
        assert request.form | {"MessageStatus": ""} == {
            "MessageStatus": "",
            "MessageSid": message["sid"],
            "SmsSid": message["sid"],
            "AccountSid": api.project_id,
            "From": api.sender,
            "To": message["to"],
            "Body": AWKWARD,
            "NumMedia": "0",
            "NumSegments": "1",
        }


@pytest.mark.parametrize(
    ("fields", "statuses", "code"),
    [
        ({"To": UNDELIVERED}, ["sending", "sent", "undelivered"], "30005"),
        ({"To": "+15005554000"}, ["sending", "failed"], "30008"),
        ({"MaxPrice": "0.0001"}, ["failed"], "30010"),
        ({"To": "+15005554001", "ValidityPeriod": "1"}, ["sending", "undelivered"], "30009"),
        ({"To": "+15005554005"}, ["sending", "sent", "delivered"], None),
        ({"To": "+15005554003"}, ["sending", "sent", "delivered"], None),
        ({"SendAsMms": "true"}, ["sending", "sent"], None),
    ],
)
def test_what_each_end_tells(
    api: Caller, receiver: Sink, path: str, fields: dict[str, str], statuses: list[str], code: str | None
) -> None:
    api.send(**fields, StatusCallback=receiver.url(path))
    told = _told(receiver, path, len(statuses))
    assert _statuses(told) == statuses
    assert all("ErrorCode" not in each.form for each in told[:-1])
    assert told[-1].form.get("ErrorCode") == code
    if code is not None:
        assert list(told[-1].form) == [FIELDS[0], "ErrorCode", *FIELDS[1:]]


def test_the_rest_api_s_callback_is_json(api: Caller, receiver: Sink, path: str) -> None:
    message = api.rest_send(body=AWKWARD, status_callback=receiver.url(path))
    told = _told(receiver, path, 3)
    assert [each.json()["status"] for each in told] == ["initiated", "sent", "delivered"]
    for request in told:
        body = request.json()
        assert (request.method, request.headers["content-type"]) == ("POST", "application/json")
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", body.pop("timestamp"))
        assert body | {"status": ""} == {
            "id": message["id"],
            "project_id": api.project_id,
            "status": "",
            "to": message["to"],
            "from": api.sender,
            "body": AWKWARD,
            "number_of_segments": 1,
            "error_code": None,
            "error_message": None,
        }


def test_the_rest_api_s_callback_of_a_failure_with_variables(api: Caller, receiver: Sink, path: str) -> None:
    variables = {"order": "17", "_": "ü"}
    api.rest_send(to=UNDELIVERED, status_callback=receiver.url(path), custom_variables=variables)
    body = _told(receiver, path, 3)[2].json()
    assert (body["status"], body["error_code"]) == ("undelivered", "30005")
    assert body["error_message"] and body["custom_variables"] == variables


# Applications


def _application(api: Caller, **settings: str) -> str:
    reply = api.ask("POST", f"{api.account}/Applications", form={"FriendlyName": "a", **settings})
    assert reply.status == 201, reply.body
    return str(reply.json()["sid"])


def test_an_application_s_callback_by_its_method(api: Caller, receiver: Sink, path: str) -> None:
    url = receiver.url(f"{path}?tenant=a%20b")
    sid = _application(api, SmsStatusCallback=url, SmsStatusCallbackMethod="GET")
    message = api.send(ApplicationSid=sid, Body=AWKWARD)
    told = _told(receiver, path, 3)
    assert _statuses(told) == ["sending", "sent", "delivered"]
    for request in told:
        assert (request.method, request.body) == ("GET", b"")
        assert request.url.startswith(f"{url}&MessageStatus=")
        assert list(request.form) == ["tenant", *FIELDS]
        assert (request.form["Body"], request.form["MessageSid"]) == (AWKWARD, message["sid"])


def test_a_message_s_own_callback_wins(api: Caller, receiver: Sink, path: str) -> None:
    sid = _application(api, SmsStatusCallback=receiver.url(f"{path}/application"), SmsStatusCallbackMethod="GET")
    api.send(ApplicationSid=sid, StatusCallback=receiver.url(path))
    assert [each.method for each in _told(receiver, path, 3)] == ["POST"] * 3
    assert receiver.received(f"{path}/application") == []


# Signatures


def _key(node: HeliographServer) -> str:
    return node.credentials.signing_key


def test_forms_and_queries_are_signed_as_twilio_s_validator_wants(
    api: Caller, node: HeliographServer, receiver: Sink, path: str
) -> None:
    url = receiver.url(f"{path}?tenant=a%20b&x=%C3%BC")
    application = _application(api, SmsStatusCallback=url, SmsStatusCallbackMethod="GET")
    api.send(StatusCallback=f"{url}#rt=3000", Body=AWKWARD)
    posted = _told(receiver, path, 3)
    api.send(ApplicationSid=application, Body=AWKWARD)
    got = _told(receiver, path, 6)[3:]
    validator = RequestValidator(_key(node))
    for request in posted + got:
        signature = request.headers["x-signalwire-signature"]
        assert request.headers["x-twilio-signature"] == signature
        parameters: dict[str, Any] = request.form if request.body else {}
        assert "#" not in request.url
        assert validator.validate(request.url, parameters, signature)
        assert not validator.validate(request.url + "&forged=1", parameters, signature)
        assert not RequestValidator("PSKforged").validate(request.url, parameters, signature)


def test_json_is_signed_over_its_bytes(api: Caller, node: HeliographServer, receiver: Sink, path: str) -> None:
    url = receiver.url(f"{path}?tenant=a%20b")
    api.rest_send(body=AWKWARD, status_callback=f"{url}#rt=3000&tt=9000")
    request = _told(receiver, path, 1)[0]
    expected = hmac.new(_key(node).encode(), url.encode() + request.body, hashlib.sha1).hexdigest()
    assert request.url == url
    assert request.headers["x-signalwire-signature"] == request.headers["x-twilio-signature"] == expected
    longer = hmac.new(_key(node).encode(), url.encode() + request.body, hashlib.sha256).hexdigest()
    assert request.headers["x-signalwire-sha256-signature"] == longer


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_redirected_callback_has_its_fields_and_a_signature_of_its_url(
    api: Caller, node: HeliographServer, receiver: Sink, path: str, status: int
) -> None:
    end = receiver.url(f"{path}/end")
    receiver.answer(path, Answer(status=status, headers={"Location": f"{end}?secret=1"}))
    sid = api.delivered(StatusCallback=receiver.url(path))["sid"]
    told = _told(receiver, f"{path}/end", 3)
    assert _statuses(told) == ["sending", "sent", "delivered"]
    for request in told:
        signature = request.headers["x-twilio-signature"]
        assert (request.method, request.url) == ("POST", f"{end}?secret=1")
        assert RequestValidator(_key(node)).validate(request.url, request.form, signature)
    wait_until(lambda: len(_callbacks(api, "delivered", sid)) == 3, "all callbacks to be delivered")
    noted = [step["detail"] for step in api.timeline(sid) if step["kind"] == "callback_redirected"]
    assert noted == [f"by {status} to {end}, and asked there by POST"] * 3


def test_redirect_that_asks_for_an_empty_get_delivers_no_callback(api: Caller, receiver: Sink, path: str) -> None:
    receiver.answer(path, Answer(status=303, headers={"Location": receiver.url(f"{path}/end")}))
    sid = api.delivered(StatusCallback=receiver.url(path))["sid"]
    dead = wait_until(
        lambda: found if len(found := _callbacks(api, "dead", sid)) == 3 else None, "all three callbacks to be dead"
    )
    assert all("303" in each["last_error"] for each in dead)
    assert receiver.received(f"{path}/end") == []


def test_failure_behind_a_redirect_names_the_url_that_answered(api: Caller, receiver: Sink, path: str) -> None:
    end = receiver.answer(f"{path}/end", Answer(status=404))
    receiver.answer(path, Answer(status=307, headers={"Location": end}))
    sid = api.send(StatusCallback=receiver.url(path))["sid"]
    pending = wait_until(
        lambda: [each for each in _callbacks(api, "pending", sid) if each["attempts"]], "an attempt to be recorded"
    )
    assert (pending[0]["last_http_status"], pending[0]["last_error"]) == (404, f"redirected to {end}: answered 404")


def test_failed_connection_is_told_in_one_sentence(api: Caller) -> None:
    sid = api.send(StatusCallback="http://127.0.0.1:9/nobody")["sid"]
    details = wait_until(
        lambda: [step["detail"] for step in api.timeline(sid) if step["kind"] == "callback"],
        "an attempt to be recorded",
    )
    assert re.fullmatch(r"The connection was refused, \d+ ms", details[0])


def test_user_and_password_in_a_url_are_sent(api: Caller, receiver: Sink, path: str) -> None:
    api.send(StatusCallback=receiver.url(path).replace("http://", "http://user:p%40ss@"))
    expected = "Basic " + b64encode(b"user:p@ss").decode()
    assert _told(receiver, path, 1)[0].headers["authorization"] == expected


# Durable


def test_a_failed_callback_is_tried_again_before_the_next(api: Caller, receiver: Sink, path: str) -> None:
    receiver.answer(path, Answer(status=500), Answer(status=404), Answer(status=204))
    sid = api.send(StatusCallback=receiver.url(path))["sid"]
    assert _statuses(_told(receiver, path, 5)) == ["sending", "sending", "sending", "sent", "delivered"]
    wait_until(lambda: _callbacks(api, "pending", sid) == [], "all callbacks to be settled")
    delivered = _callbacks(api, "delivered", sid)
    assert [each["state"] for each in delivered] == ["initiated", "sent", "delivered"]
    assert (delivered[0]["attempts"], delivered[0]["last_http_status"]) == (3, 204)


def test_one_endpoint_s_trouble_holds_up_no_other(api: Caller, receiver: Sink, path: str) -> None:
    receiver.answer(f"{path}/slow", Answer(hold=True))
    api.send(StatusCallback=receiver.url(f"{path}/slow"))
    receiver.wait_for_request(f"{path}/slow")
    api.send(StatusCallback=receiver.url(path))
    assert _statuses(_told(receiver, path, 3))[-1] == "delivered"
    receiver.release(f"{path}/slow")
    assert _statuses(_told(receiver, f"{path}/slow", 3))[-1] == "delivered"


def test_a_time_limit_in_the_fragment(api: Caller, receiver: Sink, path: str) -> None:
    receiver.answer(path, Answer(hold=True), Answer())
    sid = api.send(StatusCallback=f"{receiver.url(path)}#rt=100&tt=200&ot=99999")["sid"]
    told = _told(receiver, path, 4)
    assert _statuses(told) == ["sending", "sending", "sent", "delivered"]
    receiver.release(path)
    wait_until(lambda: _callbacks(api, "pending", sid) == [], "all callbacks to be settled")
    assert _callbacks(api, "delivered", sid)[0]["attempts"] == 2


def test_redirects_are_followed_three_times(api: Caller, receiver: Sink, path: str) -> None:
    def redirect(number: int) -> str:
        target = {"Location": receiver.url(f"{path}/{number - 1}") if number > 1 else receiver.url(path)}
        return receiver.answer(f"{path}/{number}", Answer(status=307, headers=target))

    for number in range(1, 5):
        redirect(number)
    api.send(StatusCallback=receiver.url(f"{path}/3"))
    assert _told(receiver, path, 1)[0].form["MessageStatus"] == "sending"
    sid = api.send(StatusCallback=receiver.url(f"{path}/4"))["sid"]
    receiver.wait_for_request(f"{path}/4")
    pending = wait_until(
        lambda: [each for each in _callbacks(api, "pending", sid) if each["attempts"]], "an attempt to be recorded"
    )
    assert pending[0]["last_http_status"] is None and "redirect" in pending[0]["last_error"].lower()


def test_what_stays_undeliverable_is_dead_and_can_be_replayed(api: Caller, receiver: Sink, path: str) -> None:
    receiver.answer(path, Answer(status=500))
    sid = api.delivered(StatusCallback=receiver.url(path))["sid"]
    dead = wait_until(
        lambda: found if len(found := _callbacks(api, "dead", sid)) == 3 else None, "all three callbacks to be dead"
    )
    assert dead is not None
    assert {each["state"] for each in dead} == {"initiated", "sent", "delivered"}
    assert {each["last_http_status"] for each in dead} == {500}
    before = len(receiver.received(path))
    receiver.answer(path, Answer())
    replayed = api.ask("POST", "/api/heliograph/callbacks/replay", body={"message_id": sid})
    assert (replayed.status, replayed.json()) == (200, {"replayed": 3})
    again = _told(receiver, path, before + 3)[before:]
    assert _statuses(again) == ["sending", "sent", "delivered"]
    wait_until(lambda: len(_callbacks(api, "delivered", sid)) == 3, "the replayed callbacks to be settled")
    assert _callbacks(api, "dead", sid) == []


def test_an_inbound_message_has_no_status_callback(api: Caller, receiver: Sink, path: str) -> None:
    api.configure(StatusCallback=receiver.url(path))
    api.received()
    api.delivered()
    assert receiver.received(path) == []
    api.configure(StatusCallback="")


def _callbacks(api: Caller, status: str, sid: str) -> list[dict[str, Any]]:
    return list(api.get(f"/api/heliograph/callbacks?status={status}&message_id={sid}")["callbacks"])
