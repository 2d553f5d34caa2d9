"""Sessions that are resumed, tokens that end, servers that stop or die, clients that hang."""

import time
from collections.abc import Callable

import pytest
from websockets.exceptions import ConnectionClosed

from relay_client import RECIPIENT, Relay
from relay_frames import RpcError
from servers import wait_until

StartRelay = Callable[..., Relay]


def test_a_session_is_resumed_with_its_contexts(relay: Relay, context: str) -> None:
    first = relay.client()
    first.call("signalwire.receive", {"contexts": [context]})
    protocol = first.result["protocol"]
    first.cut()
    again = relay.client(protocol=protocol)
    assert again.result["protocol"] == protocol
    relay.route(context)
    relay.inbound("hi")
    assert again.message()["body"] == "hi"


def test_a_session_that_is_resumed_hears_of_what_it_sent(own_relay: StartRelay) -> None:
    relay = own_relay(simulator_receipt_ms=1500)
    first = relay.client()
    message_id = first.text("some-context")["message_id"]
    assert first.states(message_id, "sent") == ["initiated", "sent"]
    first.cut()
    other = relay.client("some-context")
    again = relay.client(protocol=first.result["protocol"])
    assert again.states(message_id) == ["delivered"]
    assert other.is_quiet()


def test_states_wait_a_while_for_who_sent_the_message(own_relay: StartRelay) -> None:
    relay = own_relay(relay_return_seconds=60, simulator_receipt_ms=300)
    first = relay.client("office")
    message_id = first.text("office")["message_id"]
    first.states(message_id, "sent")
    first.cut()
    other = relay.client("office")
    assert other.is_quiet("messaging.state")
    assert relay.client(protocol=first.result["protocol"]).states(message_id) == ["delivered"]


def test_what_a_session_sent_is_told_to_its_context_when_it_is_gone(own_relay: StartRelay) -> None:
    relay = own_relay(simulator_receipt_ms=1000)
    first = relay.client()
    message_id = first.text("some-context")["message_id"]
    first.states(message_id, "sent")
    first.cut()
    assert relay.client("some-context").states(message_id) == ["delivered"]


def test_a_second_connection_takes_the_session_over(relay: Relay) -> None:
    first = relay.client()
    second = relay.client(protocol=first.result["protocol"])
    assert first.closed() == 1008
    message_id = second.text()["message_id"]
    assert second.states(message_id)[-1] == "delivered"


@pytest.mark.parametrize("protocol", ["signalwire_x_y", "signalwire__", "", "a" * 10_000, 7, None, "signalwire_é_é"])
def test_a_protocol_that_is_none_of_ours_gets_a_new_one(relay: Relay, protocol: object) -> None:
    result = relay.client(protocol=protocol, authorization_state="AAAA").result
    assert result["protocol"] != protocol and result["protocol"].startswith("signalwire_")


def test_an_expired_protocol_silently_gets_a_new_one(own_relay: StartRelay) -> None:
    relay = own_relay(relay_resume_seconds=0)
    first = relay.client()
    first.close()
    assert relay.client(protocol=first.result["protocol"]).result["protocol"] != first.result["protocol"]


def test_a_session_is_resumed_over_a_restart(own_relay: StartRelay) -> None:
    relay = own_relay(simulator_receipt_ms=3000)
    first = relay.client()
    first.call("signalwire.receive", {"contexts": ["kept"]})
    first.event("signalwire.authorization.state")  # the one after connect
    state = first.event("signalwire.authorization.state")["params"]["params"]["authorization_state"]
    message_id = first.text("unheard")["message_id"]
    first.states(message_id, "sent")
    relay.server.kill()
    relay.server.start()
    again = relay.client(protocol=first.result["protocol"], authorization_state=state)
    assert again.result["protocol"] == first.result["protocol"]
    assert again.states(message_id)[-1] == "delivered"
    relay.route("kept")
    relay.inbound("hi")
    assert again.message()["context"] == "kept"


def test_nothing_unacknowledged_is_lost_by_a_kill(own_relay: StartRelay, store_url: str | None) -> None:
    relay = own_relay(database_url=store_url)
    relay.route("office")
    deaf = relay.client("office", acks=False)
    senders = [f"+1312555{number:04}" for number in range(4)]
    for number in range(3):
        for sender in senders:
            relay.inbound(str(number), sender=sender)
    deaf.message()
    relay.server.kill()
    relay.server.start()
    client = relay.client("office")
    for sender in senders:
        relay.inbound("3", sender=sender)
    heard: dict[str, list[str]] = {sender: [] for sender in senders}
    while any(len(bodies) < 4 for bodies in heard.values()):
        told = client.message()
        heard[told["from_number"]].append(told["body"])
    assert all(bodies == ["0", "1", "2", "3"] for bodies in heard.values())


def test_a_session_ends_with_its_token(relay: Relay) -> None:
    made = relay.server.request(
        "POST", "/api/project/tokens", json_body={"name": "short", "permissions": ["messaging"]}
    ).json()
    client = relay.client(token=made["token"])
    assert relay.server.request("DELETE", f"/api/project/tokens/{made['id']}").status == 204
    assert client.closed() == 1008
    response = relay.raw().ask(
        "signalwire.connect",
        {"authentication": {"project": relay.server.credentials.project_id, "token": made["token"]}},
    )
    assert response["error"]["code"] == -32002


def test_a_token_without_the_scope_is_refused(relay: Relay) -> None:
    made = relay.server.request(
        "POST", "/api/project/tokens", json_body={"name": "numbers", "permissions": ["numbers"]}
    ).json()
    with pytest.raises(RpcError, match="-32002"):
        relay.client(token=made["token"])


def test_a_graceful_stop_says_goodbye_and_answers_what_was_asked(own_relay: StartRelay) -> None:
    relay = own_relay()
    client, idle = relay.client(), relay.client()
    given = {"to_number": RECIPIENT, "from_number": relay.number, "body": "x"}
    ids = [client.post("messaging.send", given) for _ in range(50)]
    assert client.take(lambda frame: frame.get("id") == ids[0])["result"]["code"] == "200"
    started = time.monotonic()
    assert relay.server.stop() == 0
    assert time.monotonic() - started < 8
    frame = idle.take(lambda each: each.get("method") == "signalwire.disconnect")
    assert frame["params"] == {"restart": False}
    assert idle.closed() == 1001
    assert client.closed() == 1001
    assert {frame.get("id") for frame in client._kept} >= set(ids[1:])


def test_a_client_that_does_not_read_is_dropped_and_no_other_waits(own_relay: StartRelay) -> None:
    relay = own_relay(relay_send_buffer_bytes=65536)
    stuck, quick = relay.client(), relay.client()
    reading = stuck.socket.socket.dup()  # the library's own reader stops when its queue is full
    ping = {"jsonrpc": "2.0", "id": "x" * 10_000, "method": "signalwire.ping", "params": {}}
    with pytest.raises((ConnectionClosed, OSError)):
        while True:
            stuck.send(ping)
    assert quick.text()["code"] == "200"
    reading.close()


def test_a_silent_client_is_dropped(own_relay: StartRelay) -> None:
    relay = own_relay(relay_ping_seconds=0.2, relay_silence_seconds=1.5)
    client = relay.client(acks=False)
    ping = client.take(lambda frame: frame.get("method") == "signalwire.ping")
    assert isinstance(ping["params"]["timestamp"], float)
    # the library answers pings of WebSocket by itself, which is a sign of life
    assert client.call("signalwire.ping")["timestamp"]


def test_who_never_connects_is_dropped(own_relay: StartRelay) -> None:
    relay = own_relay(relay_connect_seconds=0.3)
    assert relay.raw().closed() == 1008


def test_there_are_only_so_many_clients(own_relay: StartRelay) -> None:
    relay = own_relay(relay_project_clients_max=2, relay_clients_max=4)
    kept = [relay.client(), relay.client()]
    with pytest.raises(RpcError, match="-32000"):
        relay.client()
    kept.append(relay.raw())
    kept.append(relay.raw())
    assert relay.raw().closed() == 1013
    kept[0].close()
    wait_until(lambda: _may(relay), "a place")


def _may(relay: Relay) -> bool:
    try:
        relay.client()
    except AssertionError:
        return False
    return True


def test_right_token_connects_after_many_wrong_ones_from_its_address(own_relay: StartRelay) -> None:
    relay = own_relay(relay_failed_connects=2)
    for _ in range(2):
        with pytest.raises(RpcError, match="-32002"):
            relay.client(token="PTwrong")
    for _ in range(10):
        with pytest.raises(RpcError, match="-32000"):
            relay.client(token="PTwrong")
        relay.client().close()
    assert relay.server.log().count("relay.connect_refused") == 2


def test_what_nobody_comes_for_is_given_up(own_relay: StartRelay) -> None:
    relay = own_relay(relay_wait_seconds=1)
    relay.route("nobody")
    message_id = relay.inbound("hi")

    def dead() -> bool:
        listed = relay.server.request("GET", "/api/heliograph/callbacks?status=dead").json()["callbacks"]
        return message_id in [each["message_id"] for each in listed]

    wait_until(dead, "the end of the wait")
    assert relay.server.request("POST", "/api/heliograph/callbacks/replay", json_body={}).status == 200
    assert relay.client("nobody").message()["message_id"] == message_id
