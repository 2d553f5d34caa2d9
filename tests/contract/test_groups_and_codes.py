"""Number groups as senders, and codes by SMS, over HTTP: what is sent, shown, and kept over a restart."""

import json
from concurrent.futures import ThreadPoolExecutor
from unittest.mock import create_autospec

import pytest

from caller import MFA, REST_MESSAGES, Caller, NewProject, new_handset
from heliograph import app, config
from heliograph.config import ConfigError
from servers import HeliographServer, wait_until

DEPLOYMENTS = "+12025550999"
SETTINGS = {"mfa_from": DEPLOYMENTS}


@pytest.fixture
def numbers(node: HeliographServer) -> tuple[str, str]:
    """The project's two numbers."""
    first, second = node.credentials.numbers
    return first, second


def from_group(api: Caller, group: str, to: str, **more: str) -> str:
    """Who sent."""
    return str(api.send(To=to, From="", MessagingServiceSid=group, **more)["from"])


def test_a_group_delivers_and_is_shown_in_every_view(api: Caller, numbers: tuple[str, str]) -> None:
    group = api.group(*numbers)
    message = api.delivered(From="", MessagingServiceSid=group)
    assert message["messaging_service_sid"] == group and message["from"] in numbers
    assert api.log(message["sid"])["from"] == message["from"]
    queued = api.timeline(message["sid"])[0]
    assert queued["detail"] == "one of the group's 2 numbers that fit, 2 of them with the fewest unsent messages"
    assert api.send(From=numbers[0], MessagingServiceSid=group)["messaging_service_sid"] == group


def test_recipients_keep_their_sender_over_a_restart(
    node: HeliographServer, api: Caller, numbers: tuple[str, str]
) -> None:
    group = api.group(*numbers, sticky=True)
    recipients = [new_handset() for _ in range(8)]
    with ThreadPoolExecutor(8) as callers:
        at_once = list(callers.map(lambda to: (to, from_group(api, group, to)), recipients * 4))
    senders = dict(at_once)
    assert set(at_once) == set(senders.items())
    node.restart()
    assert {to: from_group(api, group, to) for to in recipients} == senders


def test_a_group_that_can_send_nothing_or_is_gone(
    api: Caller, numbers: tuple[str, str], new_project: NewProject
) -> None:
    group = api.group()
    fields = {"From": "", "MessagingServiceSid": group}
    assert api.refusal(**fields) == (422, 21703)
    api.join(group, numbers[0])
    stranger = new_project("another", "+12025550777")
    assert stranger.refusal(**fields) == (422, 21701)
    path = f"/api/relay/rest/number_groups/{group}"
    for method in ("GET", "PUT", "DELETE"):
        assert stranger.ask(method, path, body={"name": "mine"}).status == 404
    assert api.ask("DELETE", path).status == 204
    assert api.refusal(**fields) == (422, 21701)


def test_a_code_comes_from_the_project_else_from_the_deployment(
    node: HeliographServer, api: Caller, numbers: tuple[str, str]
) -> None:
    made = json.loads(node.run("project", "create", "--name", "codes", "--data", str(node.data), "--json"))
    numberless = api.with_token(made["api_token"], made["project_id"])
    wait_until(lambda: numberless.ask("GET", numberless.messages).status == 200, "the server to know the project")
    for each, senders in ((api, numbers), (numberless, (DEPLOYMENTS,))):
        to = new_handset()
        assert each.ask("POST", f"{MFA}/sms", body={"to": to}).status == 200
        message = each.get(f"{each.messages}?To=%2B{to[1:]}")["messages"][0]
        assert message["from"] in senders
        assert each.once(message["sid"], "delivered")["num_segments"] == 1


def test_a_codes_text_is_emptied_when_it_has_ended(node: HeliographServer, api: Caller) -> None:
    """Housekeeping runs at the start, too."""
    to = new_handset()
    made = api.ask("POST", f"{MFA}/sms", body={"to": to}).json()["id"]
    sid = api.get(f"{api.messages}?To=%2B{to[1:]}")["messages"][0]["sid"]
    code = api.once(sid, "delivered")["body"].split()[-1]
    assert api.ask("POST", f"{MFA}/{made}/verify", body={"token": code}).json() == {"success": True}
    node.restart()
    wait_until(lambda: api.message(sid)["body"] == "", "the code's text to be emptied")
    assert api.timeline(sid)[-1]["kind"] == "redacted"
    assert api.ask("POST", f"{MFA}/{made}/verify", body={"token": code}).status == 404


def test_the_deployments_number_is_nobody_elses_to_name(api: Caller) -> None:
    reply = api.ask("POST", f"{MFA}/sms", body={"to": new_handset(), "from": DEPLOYMENTS})
    assert (reply.status, reply.json()["errors"][0]["code"]) == (422, "invalid_from_number")
    assert api.ask("POST", REST_MESSAGES, body={"to": new_handset(), "from": DEPLOYMENTS, "body": "x"}).status == 422


def test_an_mfa_from_that_is_no_number_is_refused_at_the_start() -> None:
    with pytest.raises(ConfigError, match="mfa_from is no phone number"):
        app.serve(config.load({"mfa_from": "Example"}, {}), create_autospec(app.Front))
