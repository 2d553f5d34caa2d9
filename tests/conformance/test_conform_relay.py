"""Relay over WebSocket: connecting, listening, sending, and the events of messages."""

import uuid
from collections.abc import Iterator

import claims
import pytest
from claims import UUID

from caller import Caller, new_handset
from relay_client import Relay
from servers import Answer, HeliographServer, Sink

PICTURE = Answer(body=b"\x89PNG....", content_type="image/png")
UNDELIVERED = "+15005553003"


@pytest.fixture
def relay(node: HeliographServer, api: Caller) -> Iterator[Relay]:
    """Clients of the suite's server; its number has no handler afterwards."""
    made = Relay(node)
    yield made
    made.close()
    blank = {"message_handler": None, "message_relay_context": None}
    assert api.ask("PUT", f"/api/relay/rest/phone_numbers/{api.number()['sid']}", body=blank).status == 200


@pytest.fixture
def context() -> str:
    return f"office-{uuid.uuid4().hex[:8]}"


def test_connect(relay: Relay, api: Caller, context: str) -> None:
    """With contexts it hears their messages at once; the agent and any version of the protocol are taken."""
    relay.route(context)
    version = {"major": 2, "minor": 0, "revision": 0}
    client = relay.client(context, agent="signalwire-agents-python/1.0", version=version)
    relay.inbound("Hello")
    answered = client.message()["body"]
    wrong = [
        relay.raw().ask("signalwire.connect", {"authentication": {"project": project, "token": token}})["error"]["code"]
        for project, token in ((api.project_id, "PT" + "0" * 48), (str(uuid.uuid4()), api.token))
    ]
    claims.effects(
        "relay.connect",
        {
            "authentication.project": (
                (client.result["authorization"]["project_id"], wrong[1]),
                (api.project_id, -32002),
            ),
            "authentication.token": (wrong[0], -32002),
            "contexts": (answered, "Hello"),
            "agent": (answered, "Hello"),
            "version": (answered, "Hello"),
        },
    )


def test_receive_and_unreceive(relay: Relay, context: str) -> None:
    relay.route(context)
    client = relay.client()
    client.call("signalwire.receive", {"contexts": [context]})
    relay.inbound("heard")
    claims.effects("relay.receive", {"contexts": (client.message()["body"], "heard")})
    client.call("signalwire.unreceive", {"contexts": [context]})
    relay.inbound("not heard")
    claims.effects("relay.unreceive", {"contexts": (client.is_quiet("messaging.receive"), True)})


def test_a_message_is_sent(relay: Relay, api: Caller, context: str, receiver: Sink, path: str) -> None:
    picture, to = receiver.answer(path, PICTURE), new_handset()
    client = relay.client()
    result = client.text(context, to=to, body="Hello", media=[picture], tags=["a", "b"], region="us")
    sent = api.message(result["message_id"])
    event = client.event("messaging.state")["params"]
    told = event["params"]
    claims.effects(
        "relay.messaging.send",
        {
            "to_number": (sent["to"], to),
            "from_number": (sent["from"], relay.number),
            "context": (told["context"], context),
            "body": (sent["body"], "Hello"),
            "media": (sent["num_media"], 1),
            "tags": (told["tags"], ["a", "b"]),
            "region": (result["code"], "200"),
            "message_id": (result["message_id"], UUID),
        },
    )
    claims.fields(
        "relay.messaging.state",
        told,
        {
            "message_id": result["message_id"],
            "context": context,
            "direction": "outbound",
            "from_number": relay.number,
            "to_number": to,
            "body": "Hello",
            "media": [picture],
            "segments": 1,
            "message_state": "initiated",
            "tags": ["a", "b"],
        },
    )
    claims.fields(
        "relay.signalwire.event",
        event,
        {"event_type": "messaging.state", "params": told, "timestamp": event["timestamp"]},
    )
    claims.conforms("relay.signalwire.event", {name: event[name] for name in ("event_type", "params", "timestamp")})


def test_a_message_fails(relay: Relay) -> None:
    client = relay.client()
    client.text(to=UNDELIVERED)
    for _ in ("initiated", "sent"):
        assert "reason" not in client.event("messaging.state")["params"]["params"]
    told = client.event("messaging.state")["params"]["params"]
    claims.fields(
        "relay.messaging.state",
        told,
        {"message_state": "undelivered", "reason": "The destination handset is switched off or out of reach."},
    )


def test_a_message_is_received(relay: Relay, api: Caller, context: str, receiver: Sink, path: str) -> None:
    picture, handset = receiver.answer(path, PICTURE), new_handset()
    relay.route(context)
    client = relay.client(context)
    sid = relay.inbound("A question", sender=handset, media=[picture])
    told = client.message()
    (url,) = told["media"]
    assert api.ask("GET", url.removeprefix(api.base_url)).body == PICTURE.body
    claims.fields(
        "relay.messaging.receive",
        told,
        {
            "message_id": sid,
            "context": context,
            "direction": "inbound",
            "from_number": handset,
            "to_number": relay.number,
            "body": "A question",
            "media": [url],
            "segments": 1,
            "message_state": "received",
            "tags": [],
        },
    )


@pytest.mark.parametrize("word", ["topic", "application"])
def test_a_number_of_a_topic_or_an_application(relay: Relay, api: Caller, context: str, word: str) -> None:
    """Its messages go to the clients that subscribed to that name."""
    where = f"/api/relay/rest/phone_numbers/{api.number()['sid']}"
    handler = {"message_handler": f"relay_{word}", f"message_relay_{word}": context}
    assert api.ask("PUT", where, body=handler).status == 200
    client = relay.client(context)
    relay.inbound("for you")
    heard = client.message()["body"]
    if word == "application":
        claims.effects("rest.update_phone_number", {"message_relay_application": (heard, "for you")})
    else:
        claims.effects("rest.update_phone_number", {"message_relay_topic": (heard, "for you")})
