"""The older wrapping of the same, as PyPI signalwire 2 speaks it."""

import json
from typing import Any

from relay_client import RECIPIENT, Relay, RelayClient
from relay_frames import Frame
from servers import wait_until


def blade(relay: Relay) -> RelayClient:
    """A client that has connected and set up as that SDK does."""
    client = relay.raw()
    credentials = relay.server.credentials
    authentication = {"project": credentials.project_id, "token": credentials.api_token}
    version = {"major": 2, "minor": 3, "revision": 0}
    client.result = client.call(
        "blade.connect", {"version": version, "authentication": authentication, "agent": "Python SDK/2.1.1"}
    )
    setup = client.call("blade.execute", {"protocol": "signalwire", "method": "setup", "params": {}})
    client.result["protocol"] = setup["result"]["protocol"]
    return client


def execute(client: RelayClient, method: str, **params: Any) -> Frame:
    wrapped = {"protocol": client.result["protocol"], "method": method, "params": params}
    inner: Frame = client.call("blade.execute", wrapped)["result"]
    return inner


def broadcast(client: RelayClient) -> Frame:
    frame = client.take(lambda each: each.get("method") == "blade.broadcast")
    assert frame["params"]["protocol"] == client.result["protocol"]
    assert frame["params"]["event"] == "queuing.relay.messaging"
    told: Frame = frame["params"]["params"]
    return told


def test_it_connects_sets_up_and_subscribes(relay: Relay) -> None:
    client = blade(relay)
    assert client.result["sessionid"]
    assert client.result["protocol"].split("_")[1] == client.result["authorization"]["signature"]
    subscribed = client.call(
        "blade.subscription",
        {"command": "add", "protocol": client.result["protocol"], "channels": ["notifications"]},
    )
    assert subscribed["subscribe_channels"] == ["notifications"]
    assert isinstance(client.call("blade.ping"), dict)


def test_it_sends_and_hears_of_it(relay: Relay, context: str) -> None:
    client = blade(relay)
    given = {"context": context, "to_number": RECIPIENT, "from_number": relay.number, "body": "hi"}
    result = execute(client, "messaging.send", **given)
    assert result["code"] == "200" and result["message"]
    states = [broadcast(client)["params"]["message_state"] for _ in range(3)]
    assert states == ["initiated", "sent", "delivered"]
    assert execute(client, "messaging.send", **(given | {"to_number": "x"}))["code"] == "422"


def test_it_receives_and_a_pong_is_its_acknowledgement(relay: Relay, context: str) -> None:
    client = blade(relay)
    relay.route(context)
    relay.inbound("early")
    result = execute(client, "signalwire.receive", contexts=[context])
    assert result["code"] == "200" and result["message"]
    told = broadcast(client)
    assert (told["event_type"], told["params"]["body"]) == ("messaging.receive", "early")
    relay.inbound("late")
    assert broadcast(client)["params"]["body"] == "late"
    wait_until(lambda: not any(each["unacknowledged"] for each in relay.clients()), "the pong")
    relay.close()
    assert relay.client(context).is_quiet()


def test_nothing_comes_that_it_did_not_ask_for(relay: Relay) -> None:
    """A response that it can't place ends that SDK's reading."""
    client = blade(relay)
    client.send("no json")
    assert client.closed() == 1002
    assert client._kept == []


def test_wrong_credentials_have_a_message(relay: Relay) -> None:
    error = relay.raw().ask("blade.connect", {"authentication": {"project": "x", "token": "y"}})["error"]
    assert error["code"] == -32002 and error["message"]


def test_a_method_that_is_not_there_is_an_error(relay: Relay) -> None:
    client = blade(relay)
    wrapped = {"protocol": client.result["protocol"], "method": "nothing.here", "params": {}}
    assert client.ask("blade.execute", wrapped)["error"]["code"] == -32601
    assert json.dumps(execute(client, "calling.begin"))


def test_contexts_add_up_to_their_limit_though_they_are_heard_a_moment_later(relay: Relay) -> None:
    client = blade(relay)
    many = [[f"{letter}{n}" for n in range(60)] for letter in "ab"]
    codes = [execute(client, "signalwire.receive", contexts=names)["code"] for names in many]
    assert codes == ["200", "422"]


def test_what_is_not_to_be_heard_any_more_is_not_heard_a_moment_later(relay: Relay, context: str) -> None:
    client = blade(relay)
    assert execute(client, "signalwire.receive", contexts=[context, f"{context}-2"])["code"] == "200"
    assert execute(client, "signalwire.unreceive", contexts=[context])["code"] == "200"

    def heard() -> list[str]:
        (mine,) = [each for each in relay.clients() if each["session"] == client.result["sessionid"]]
        contexts: list[str] = mine["contexts"]
        return contexts

    wait_until(lambda: f"{context}-2" in heard(), "the other context is heard")
    assert context not in heard()
