"""Short codes and the lookup of numbers on a running server (contract, section 5.3)."""

from typing import Any

import pytest

from caller import LOOKUP, SHORT_CODES, Caller, NewProject
from servers import Answer, HeliographServer, Sink, wait_until

SETTINGS = {"short_code_country": "GB"}
CODE = "60606"


@pytest.fixture(scope="module")
def code(api: Caller, node: HeliographServer) -> dict[str, Any]:
    """A short code of the project."""
    node.run("number", "add", CODE, "--name", "Votes", "--data", str(node.data))
    (found,) = wait_until(lambda: api.get(SHORT_CODES)["data"], "the server to know the short code")
    return dict(found)


def test_a_short_code_answers_what_it_is_sent(api: Caller, code: dict[str, Any], receiver: Sink, path: str) -> None:
    body = "<Response><Message>Counted</Message></Response>"
    handler = {"message_handler": "laml_webhooks", "message_request_url": receiver.url(path)}
    receiver.answer(path, Answer(body=body.encode(), content_type="text/xml"))
    changed = api.ask("PUT", f"{SHORT_CODES}/{code['id']}", body=handler)
    assert (changed.status, changed.json()) == (200, {**code, **handler, "updated_at": changed.json()["updated_at"]})
    message = api.received("Yes", to=CODE)
    assert (message["to"], receiver.received(path)[0].form["To"]) == (CODE, CODE)
    (reply,) = api.get(f"{api.messages}?From={CODE}&To=%2B{message['from'][1:]}")["messages"]
    assert (reply["from"], reply["body"], reply["direction"]) == (CODE, "Counted", "outbound-reply")


def test_its_country_is_the_deployments_and_its_capabilities_are_those_of_messages(code: dict[str, Any]) -> None:
    assert (code["number"], code["name"], code["country_code"]) == (CODE, "Votes", "GB")
    assert code["capabilities"] == ["sms", "mms"]


def test_a_handler_that_is_not_one_of_short_codes_is_refused(api: Caller, code: dict[str, Any]) -> None:
    before = api.get(f"{SHORT_CODES}/{code['id']}")
    reply = api.ask("PUT", f"{SHORT_CODES}/{code['id']}", body={"name": "x", "message_handler": "relay_topic"})
    assert reply.status == 422
    assert [each["code"] for each in reply.json()["errors"]] == ["invalid_parameter"]
    assert api.get(f"{SHORT_CODES}/{code['id']}") == before


def test_another_project_does_not_see_it(api: Caller, code: dict[str, Any], new_project: NewProject) -> None:
    stranger = new_project("stranger", "+12025550191")
    assert stranger.get(SHORT_CODES)["data"] == []
    assert stranger.ask("GET", f"{SHORT_CODES}/{code['id']}").status == 404
    assert stranger.ask("PUT", f"{SHORT_CODES}/{code['id']}", body={"name": "mine"}).status == 404
    with_its_parent = new_project("child", "+12025550192", parent=api.project_id)
    assert with_its_parent.get(SHORT_CODES)["data"] == []


def test_a_number_of_nobody_is_looked_up(api: Caller) -> None:
    found = api.get(f"{LOOKUP}/+442071838750?include=carrier")
    assert (found["country_code"], found["location"], found["timezones"]) == ("GB", "United Kingdom", ["Europe/London"])
    assert (found["number_type"], found["carrier"]["linetype"]) == ("Fixed Line", "landline")
    assert api.ask("GET", f"{LOOKUP}/{CODE}").status == 404
    assert api.ask("POST", f"{LOOKUP}/+442071838750", body={}).status == 405
