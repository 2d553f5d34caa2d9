"""Connecting, listening and sending, over real WebSockets to a real server."""

import itertools
from collections.abc import Callable
from typing import Any

import pytest

from relay_client import HANDSET, RECIPIENT, Relay
from servers import wait_until

StartRelay = Callable[..., Relay]


# -- connecting


@pytest.mark.parametrize("path", ["/", "/api/relay/ws", "/?x=1"])
def test_a_client_connects_and_is_told_who_it_is(relay: Relay, path: str) -> None:
    result = relay.client(path=path).result
    project = relay.server.credentials.project_id
    assert result["authorization"]["project_id"] == project
    assert result["protocol"].split("_")[1] == result["authorization"]["signature"]
    assert result["identity"]


def test_a_state_to_resume_with_is_told_after_connect(relay: Relay) -> None:
    event = relay.client().event("signalwire.authorization.state")
    assert event["params"]["params"]["authorization_state"]


@pytest.mark.parametrize(
    "authentication",
    [
        {"token": "PT" + "0" * 48},
        {"project": "00000000-0000-4000-8000-000000000000"},
        {"jwt_token": "eyJ0.eyJ0.x"},
        {"project": 1, "token": []},
        None,
    ],
)
def test_wrong_credentials_are_refused_by_the_code_that_sdks_know(relay: Relay, authentication: Any) -> None:
    credentials = relay.server.credentials
    if isinstance(authentication, dict) and "jwt_token" not in authentication:
        authentication = {"project": credentials.project_id, "token": credentials.api_token} | authentication
    client = relay.raw()
    response = client.ask("signalwire.connect", {"authentication": authentication})
    assert response["error"]["code"] == -32002
    assert client.closed() == 1008


def test_a_request_before_connect_is_not_served(relay: Relay) -> None:
    assert relay.raw().ask("messaging.send", {})["error"]["code"] == -32002


def test_the_page_at_the_root_is_still_there(relay: Relay) -> None:
    reply = relay.server.request("GET", "/", authenticated=False)
    assert reply.status == 200 and "html" in reply.headers["content-type"]


# -- sending


def test_a_send_is_answered_and_then_its_states_are_told(relay: Relay, context: str) -> None:
    client = relay.client()
    result = client.text(context, tags=["a", "b"], region="us")
    assert result["code"] == "200"
    event = client.event("messaging.state")
    assert event["params"]["params"] == {
        "message_id": result["message_id"],
        "context": context,
        "direction": "outbound",
        "from_number": relay.number,
        "to_number": RECIPIENT,
        "body": "hello",
        "media": [],
        "segments": 1,
        "message_state": "initiated",
        "tags": ["a", "b"],
    }
    assert isinstance(event["params"]["timestamp"], float)
    assert client.states(result["message_id"]) == ["sent", "delivered"]


def test_a_failure_says_why(relay: Relay) -> None:
    client = relay.client()
    message_id = client.text(to="+15005553003")["message_id"]
    assert client.states(message_id, "undelivered") == ["initiated", "sent", "undelivered"]


def test_the_context_of_a_send_is_the_session_unless_it_says(relay: Relay) -> None:
    client = relay.client()
    client.text()
    assert client.event("messaging.state")["params"]["context"] == client.result["protocol"]


@pytest.mark.parametrize(
    ("given", "attribute"),
    [
        ({"to_number": "12"}, "to_number"),
        ({"to_number": None}, "to_number"),
        ({"from_number": "+15550000000"}, "from_number"),
        ({"body": None}, "body"),
        ({"body": "x" * 1601}, "body"),
        ({"body": ["x"]}, "body"),
        ({"body": "a\0b"}, "body"),
        ({"media": "x"}, "media"),
        ({"media": ["ftp://x/y"]}, "media"),
        ({"tags": [1]}, "tags"),
        ({"tags": ["x"] * 51}, "tags"),
        ({"tags": ["x" * 257]}, "tags"),
        ({"region": "x" * 257}, "region"),
        ({"context": 7}, "context"),
    ],
)
def test_a_refused_send_is_a_result(relay: Relay, given: dict[str, Any], attribute: str) -> None:
    result = relay.client().text(**given)
    assert result["code"].startswith("4") and result["message"]
    assert attribute in [each["attribute"] for each in result["errors"]]


def test_many_sends_at_once_are_all_answered(relay: Relay, context: str) -> None:
    client = relay.client()
    given = {"context": context, "to_number": RECIPIENT, "from_number": relay.number, "body": "x"}
    ids = {client.post("messaging.send", given) for _ in range(500)}
    while ids:
        response = client.take(lambda frame: "method" not in frame)
        assert response["result"]["code"] == "200"
        ids.remove(response["id"])


# -- receiving


def test_an_inbound_message_goes_to_who_listens(relay: Relay, context: str) -> None:
    client = relay.client(context)
    relay.route(context)
    message_id = relay.inbound("hi")
    assert client.message() == {
        "message_id": message_id,
        "context": context,
        "direction": "inbound",
        "from_number": HANDSET,
        "to_number": relay.number,
        "body": "hi",
        "media": [],
        "segments": 1,
        "message_state": "received",
        "tags": [],
    }
    wait_until(lambda: "relay_told" in [step["kind"] for step in relay.timeline(message_id)], "the timeline's line")


def test_receive_and_unreceive(relay: Relay, context: str) -> None:
    client, other = relay.client(), relay.client()
    assert client.call("signalwire.receive", {"contexts": [context]})["code"] == "200"
    assert client.call("signalwire.receive", {"contexts": [context]})["code"] == "200"
    relay.route(context)
    relay.inbound("one")
    assert client.message()["body"] == "one"
    assert client.call("signalwire.unreceive", {"contexts": [context]})["code"] == "200"
    relay.inbound("two")
    assert client.is_quiet()
    other.call("signalwire.receive", {"contexts": [context]})
    assert other.message()["body"] == "two"


def test_a_message_waits_for_somebody(relay: Relay, context: str) -> None:
    relay.route(context)
    relay.inbound("early")
    assert relay.client(context).message()["body"] == "early"


def test_those_who_listen_take_turns_and_each_message_goes_to_one(relay: Relay, context: str) -> None:
    clients = [relay.client(context) for _ in range(3)]
    relay.route(context)
    sent = [relay.inbound("hi", sender=f"+1312555{number:04}") for number in range(9)]
    heard = [[client.message()["message_id"] for _ in range(3)] for client in clients]
    assert sorted(itertools.chain(*heard)) == sorted(sent)


def test_who_does_not_acknowledge_is_passed_over(relay: Relay, context: str) -> None:
    deaf = relay.client(context, acks=False)
    relay.route(context)
    relay.inbound("hi")
    assert deaf.message()["body"] == "hi"
    quick = relay.client(context)
    assert quick.message()["body"] == "hi"


def test_who_is_deaf_comes_last(relay: Relay, context: str) -> None:
    deaf = relay.client(context, acks=False)
    relay.route(context)
    relay.inbound("first")
    assert deaf.message()["body"] == "first"
    quick = relay.client(context)
    assert quick.message()["body"] == "first"
    for number in range(6):
        relay.inbound(str(number))
        assert quick.message()["body"] == str(number)
    assert deaf.is_quiet()


def test_who_goes_away_is_passed_over(relay: Relay, context: str) -> None:
    leaver = relay.client(context, acks=False)
    relay.route(context)
    relay.inbound("hi")
    assert leaver.message()["body"] == "hi"
    leaver.cut()
    assert relay.client(context).message()["body"] == "hi"


def test_without_event_acks_what_is_written_is_told(relay: Relay, context: str) -> None:
    client = relay.client(context, acks=False, event_acks=False)
    relay.route(context)
    for text in ("one", "two"):
        relay.inbound(text)
        assert client.message()["body"] == text
    relay.close()
    assert relay.client(context).is_quiet()


def test_who_is_connected_is_shown(relay: Relay, context: str) -> None:
    client = relay.client(context, agent="shown/1.0")
    client.text(context)
    (shown,) = [each for each in relay.clients() if each["session"] == client.result["identity"]]
    assert (shown["agent"], shown["dialect"], shown["contexts"]) == ("shown/1.0", "signalwire", [context])
    assert shown["sends"] == 1
