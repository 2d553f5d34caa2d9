"""A server as an operator may set it: behind another address, calling no machine of its own, guarding its media."""

from datetime import UTC, datetime, timedelta

import pytest

from caller import LOGS, Caller, NewProject, new_handset
from heliograph.core import ids
from servers import Answer, Sink

SETTINGS = {
    "public_url": "https://sms.example.com/base/",
    "protect_message_media": True,
    "retention_days": 30,
}
PUBLIC = "https://sms.example.com/base"
FORBIDDEN = (
    "http://10.0.0.1/a",
    "http://192.168.1.1/a",
    "http://172.16.0.1/a",
    "http://169.254.169.254/latest/meta-data",
    "http://[fe80::1]/a",
    "http://[fd00::1]/a",
    "http://0.0.0.0/a",
    "http://[::ffff:10.0.0.1]/a",
)


def test_absolute_urls_stand_on_the_public_address(api: Caller) -> None:
    page = api.get(f"{LOGS}?page_size=1", headers={"Host": "other.example.com"})
    assert page["links"]["self"] == f"{PUBLIC}/api/messaging/logs?page_number=0&page_size=1"
    message = api.delivered()
    assert api.log(message["sid"])["url"] == PUBLIC + message["uri"]
    assert api.ask("GET", f"{api.messages}?Page=1").json()["more_info"].startswith(f"{PUBLIC}/")


def test_media_are_offered_at_the_public_address_and_guarded(api: Caller, receiver: Sink, path: str) -> None:
    picture = receiver.answer(f"{path}/picture", Answer(body=b"x", content_type="image/png"))
    api.configure(SmsUrl=receiver.answer(path, Answer()))
    message = api.received(media=[picture])
    (medium,) = api.get(f"{message['uri']}/Media")["media_list"]
    assert receiver.wait_for_request(path).form["MediaUrl0"] == PUBLIC + medium["uri"]
    assert api.ask("GET", medium["uri"], headers={"Authorization": None}).status == 401
    assert api.ask("GET", medium["uri"]).body == b"x"
    api.configure(SmsUrl="")


def test_a_script_answers_at_an_address_that_only_others_can_reach(api: Caller) -> None:
    contents = "<Response><Message>{{Body}}!</Message></Response>"
    script = api.ask("POST", f"{api.account}/LamlBins", form={"Name": "a", "Contents": contents}).json()
    assert script["request_url"] == f"{PUBLIC}/laml-bins/{script['sid']}"
    api.configure(SmsUrl=script["request_url"])
    handset = new_handset()
    api.received("Hello", **{"from": handset})
    (reply,) = api.get(f"{api.messages}?To=%2B{handset[1:]}")["messages"]
    assert reply["body"] == "Hello!"
    assert api.get(script["uri"])["num_requests"] == 1
    api.configure(SmsUrl="")


def test_guarded_media_of_a_stranger_are_404(api: Caller, receiver: Sink, path: str, new_project: NewProject) -> None:
    picture = receiver.answer(path, Answer(body=b"x", content_type="image/png"))
    message = api.once(api.send(MediaUrl=picture)["sid"], "sent")
    (medium,) = api.get(f"{message['uri']}/Media")["media_list"]
    assert new_project("stranger", "+12025550111").ask("GET", medium["uri"]).status == 404


@pytest.mark.parametrize("url", FORBIDDEN)
def test_literal_forbidden_addresses_are_refused_when_given(api: Caller, url: str) -> None:
    assert api.refusal(StatusCallback=url) == (422, 21402)
    assert api.refusal(MediaUrl=url) == (422, 21620)
    assert api.rest_faults(status_callback=url) == (422, ["url_is_unsafe"])
    assert api.rest_faults(media=[url]) == (422, ["url_is_unsafe"])
    form = {"FriendlyName": "a", "SmsUrl": url}
    reply = api.ask("POST", f"{api.account}/Applications", form=form)
    assert (reply.status, reply.json()["code"]) == (422, 21402)
    reply = api.ask("PUT", f"/api/relay/rest/phone_numbers/{api.number()['sid']}", body={"message_request_url": url})
    assert (reply.status, reply.json()["errors"][0]["code"]) == (422, "url_is_unsafe")


def test_a_log_from_before_the_retention_is_told_so(api: Caller) -> None:
    made = datetime.now(UTC) - timedelta(days=31)
    old = ids.floor(int(made.timestamp() * 1_000_000))
    reply = api.ask("GET", f"{LOGS}/{old}")
    (fault,) = reply.json()["errors"]
    assert (reply.status, fault["type"], fault["code"], fault["attribute"]) == (
        422,
        "account_error",
        "exceeds_history_logs_limit",
        "created_at",
    )
    recent = ids.floor(int((made + timedelta(days=2)).timestamp() * 1_000_000))
    assert api.ask("GET", f"{LOGS}/{recent}").status == 404
