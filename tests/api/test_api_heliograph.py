"""What only this server has: handsets, timelines, callbacks."""

import hashlib

import pytest
from api_world import (
    AT,
    LOCAL_SECRET,
    MANAGING_TOKEN,
    NARROW_TOKEN,
    OUR_NUMBER,
    PROJECT,
    STRANGER,
    TOKEN,
    World,
    a_message,
    basic,
    message_id,
)

from heliograph.api.heliograph_api.callbacks import REPLAYED_AT_ONCE
from heliograph.core.lifecycle import State
from heliograph.core.message import TimelineEntry
from heliograph.engine.dropped import Reason
from heliograph.engine.requests import InboundRequest
from heliograph.ports import BindStatus, CallbackRecord, CarrierStatus, Receipt, RelayClientStatus

INBOUND = "/api/heliograph/simulator/inbound"
CALLBACKS = "/api/heliograph/callbacks"
CARRIERS = "/api/heliograph/carriers"
OPERATOR = {"Authorization": f"Bearer {LOCAL_SECRET}", "X-Heliograph-Project": PROJECT}
OPERATOR_HASH = hashlib.sha256(b"operator-token").hexdigest()


def test_message_from_a_handset() -> None:
    world = World()
    given = {"from": "+15557654321", "to": OUR_NUMBER, "body": "Hi", "media": ["https://a/1"]}
    answer = world.ask("POST", INBOUND, json=given)
    assert (answer.status_code, answer.json) == (201, {"id": message_id(1)})
    asked = InboundRequest(from_number="+15557654321", to_number=OUR_NUMBER, body="Hi", media_urls=("https://a/1",))
    assert world.inbound.asked == [asked]


def test_number_of_another_project_looks_like_nobody_s() -> None:
    world = World()
    told = [world.ask("POST", INBOUND, json={"from": "1", "to": to}) for to in ("+15550000009", "+15559999999")]
    assert [answer.status_code for answer in told] == [422, 422]
    assert told[0].json == told[1].json
    assert told[0].json["errors"][0]["code"] == "invalid_to_number"
    missing = world.ask("POST", INBOUND, json={}).json["errors"][0]
    assert (missing["code"], missing["attribute"]) == ("missing_required_parameter", "to")
    assert world.inbound.asked == []


def test_media_that_are_no_list() -> None:
    answer = World().ask("POST", INBOUND, json={"to": OUR_NUMBER, "media": [1]})
    assert answer.json["errors"][0]["attribute"] == "media"


def test_no_handsets_without_the_simulated_carrier() -> None:
    assert World(simulator=False).ask("POST", INBOUND, json={"to": OUR_NUMBER}).status_code == 404


def test_timeline() -> None:
    world = World()
    world.store.messages = [a_message(deleted_at=AT)]
    world.store.entries = [TimelineEntry(at=AT + 5, kind="state", state="failed", error_code=30001, detail=None)]
    answer = world.ask("GET", f"/api/heliograph/messages/{message_id(1)}/timeline")
    assert answer.json["id"] == message_id(1)
    (step,) = answer.json["steps"]
    assert step.pop("error_message")
    assert step == {
        "at": "2018-08-13T21:38:46Z",
        "at_micros": AT + 5,
        "kind": "state",
        "state": "failed",
        "error_code": "30001",
        "detail": None,
    }
    assert world.ask("GET", f"/api/heliograph/messages/{message_id(2)}/timeline").status_code == 404


def test_timeline_has_as_many_lines_as_the_setting_says() -> None:
    world = World(timeline_max=2)
    world.store.messages = [a_message()]
    world.store.entries = [
        TimelineEntry(at=AT + line, kind="note", state=None, error_code=None, detail=None) for line in range(5)
    ]
    answer = world.ask("GET", f"/api/heliograph/messages/{message_id(1)}/timeline")
    assert [step["at_micros"] for step in answer.json["steps"]] == [AT + 3, AT + 4]


@pytest.mark.parametrize(
    ("state", "error_code", "kinds", "doubt"),
    [
        (State.INITIATED, None, ["uncertain"], True),
        (State.UNDELIVERED, 30009, ["uncertain"], True),
        (State.SENT, None, ["uncertain"], False),
        (State.DELIVERED, None, ["uncertain"], False),
        (State.UNDELIVERED, 30003, ["uncertain"], False),
        (State.DELIVERED, None, ["resubmitted", "uncertain"], False),
        (State.DELIVERED, None, ["uncertain", "resubmitted"], True),
    ],
)
def test_doubt_lasts_until_it_is_settled_and_for_good_after_a_second_submit(
    state: State, error_code: int | None, kinds: list[str], doubt: bool
) -> None:
    world = World()
    world.store.messages = [a_message(state=state, error_code=error_code, uncertain=True)]
    world.store.entries = [TimelineEntry(at=AT, kind=kind, state=None, error_code=None, detail=None) for kind in kinds]
    assert world.ask("GET", f"/api/heliograph/messages/{message_id(1)}/timeline").json["uncertain"] is doubt


@pytest.mark.parametrize(("query", "status"), [("", "dead"), ("status=dead", "dead"), ("status=pending", "pending")])
def test_callbacks(query: str, status: str) -> None:
    world = World()
    world.store.records = [
        CallbackRecord(
            message_id=message_id(1),
            state=State.SENT,
            status=status,
            url="https://a/b",
            attempts=3,
            next_at=AT,
            last_http_status=500,
            last_error=None,
        )
    ]
    (shown,) = world.ask("GET", CALLBACKS, query_string=query).json["callbacks"]
    assert shown["next_at"] == ("2018-08-13T21:38:46Z" if status == "pending" else None)
    assert (shown["state"], shown["attempts"], shown["last_http_status"]) == ("sent", 3, 500)
    assert world.store.asked == [(PROJECT, status, None)]


@pytest.mark.parametrize("query", ["status=lost", "message_id=1"])
def test_wrong_callback_queries(query: str) -> None:
    answer = World().ask("GET", CALLBACKS, query_string=query)
    assert answer.json["errors"][0]["attribute"] == query.partition("=")[0]


def test_replay() -> None:
    world = World()
    assert world.ask("POST", f"{CALLBACKS}/replay").json == {"replayed": 2}
    world.ask("POST", f"{CALLBACKS}/replay", json={"message_id": message_id(1)})
    assert world.store.asked == [(PROJECT, None, AT), (PROJECT, message_id(1), AT)]
    assert world.ask("POST", f"{CALLBACKS}/replay", json={"message_id": "all"}).status_code == 422


def test_replay_goes_on_in_slices_until_all_are_replayed() -> None:
    world = World()
    world.store.dead = 2 * REPLAYED_AT_ONCE
    assert world.ask("POST", f"{CALLBACKS}/replay").json == {"replayed": 2 * REPLAYED_AT_ONCE}
    assert len(world.store.asked) == 3


def test_carriers_as_they_are_now() -> None:
    world = World()
    bind = BindStatus(
        address="a.example:2775",
        mode="transceiver",
        state="bound",
        since=AT,
        window=10,
        in_flight=3,
        round_trip_ms=12.5,
        submitted=7,
        throttled=1,
        error=None,
    )
    counts = {"window": 10, "in_flight": 3, "submitted": 7, "throttled": 1, "receipts": 6, "unmatched": 2, "inbound": 4}
    world.carriers = [CarrierStatus(name="acme", kind="smpp", available=True, binds=(bind,), **counts)]
    answer = world.ask("GET", CARRIERS, OPERATOR)
    shown = {
        "address": "a.example:2775",
        "mode": "transceiver",
        "state": "bound",
        "since": "2018-08-13T21:38:46Z",
        "window": 10,
        "in_flight": 3,
        "round_trip_ms": 12.5,
        "submitted": 7,
        "throttled": 1,
        "error": None,
    }
    expected = {"name": "acme", "kind": "smpp", "available": True, **counts, "binds": [shown]}
    assert (answer.status_code, answer.json) == (200, {"carriers": [expected]})


@pytest.mark.parametrize("token", [TOKEN, NARROW_TOKEN, MANAGING_TOKEN])
def test_token_of_a_project_does_not_see_the_carriers(token: str) -> None:
    answer = World(operator_token_sha256=OPERATOR_HASH).ask("GET", CARRIERS, basic(token=token))
    assert (answer.status_code, answer.json["error"]) == (403, "Forbidden")
    assert "operator" in answer.json["message"]


@pytest.mark.parametrize("project", [{}, {"X-Heliograph-Project": PROJECT}, {"X-Heliograph-Project": "nobody"}])
@pytest.mark.parametrize("secret", [LOCAL_SECRET, "operator-token"])
def test_operator_sees_the_carriers_with_or_without_a_project(secret: str, project: dict[str, str]) -> None:
    world = World(operator_token_sha256=OPERATOR_HASH.upper())
    assert world.ask("GET", CARRIERS, {"Authorization": f"Bearer {secret}", **project}).json == {"carriers": []}


WRONG = ["Bearer wrong", "Bearer ", "Bearer", "", f"Basic {OPERATOR_HASH}", f"Bearer {OPERATOR_HASH}"]


@pytest.mark.parametrize("header", WRONG)
def test_other_credentials_do_not_see_the_carriers(header: str) -> None:
    assert World(operator_token_sha256=OPERATOR_HASH).ask("GET", CARRIERS, {"Authorization": header}).status_code == 401
    assert World().ask("GET", CARRIERS, {"Authorization": header}).status_code == 401


def test_operator_token_acts_for_a_project_on_our_own_api_only() -> None:
    world = World(operator_token_sha256=OPERATOR_HASH)
    operator = {"Authorization": "Bearer operator-token", "X-Heliograph-Project": STRANGER}
    assert world.ask("GET", CALLBACKS, operator).status_code == 200
    assert world.ask("GET", CALLBACKS, operator | {"X-Heliograph-Project": ""}).status_code == 401
    sent = {"to": "+15557654321", "from": "+15550000009", "body": "hi"}
    assert world.ask("POST", "/api/messaging/messages", operator, json=sent).status_code == 401
    assert world.ask("GET", "/api/messaging/logs", operator).status_code == 401


ROUTED = "premium: rule 1: project Alice, priority 1; cost 0.0311"
ROUTING_LINES = [
    ("state", "initiated", ROUTED, "handed to a carrier"),
    ("state", "sent", "bind smsc.premium.example:2775, 12 ms", None),
    ("rerouted", None, ROUTED, "handed to another carrier"),
    ("deferred", None, "premium: ESME_RTHROTTLED", "refused for now; it will be tried again"),
]


@pytest.mark.parametrize(("kind", "state", "detail", "neutral"), ROUTING_LINES)
def test_timeline_shows_routing_to_the_operator_alone(
    kind: str, state: str | None, detail: str, neutral: str | None
) -> None:
    world = World()
    world.store.messages = [a_message(carrier="premium", carrier_ref="7f3a90")]
    world.store.entries = [TimelineEntry(at=AT, kind=kind, state=state, error_code=None, detail=detail)]
    path = f"/api/heliograph/messages/{message_id(1)}/timeline"
    mine, operators = world.ask("GET", path), world.ask("GET", path, OPERATOR)
    assert mine.json["steps"][0]["detail"] == neutral
    assert [(part["carrier"], part["carrier_ref"]) for part in mine.json["parts"]] == [(None, "7f3a90")]
    assert not any(word in mine.text for word in ("premium", "rule", "Alice", "cost", "0.0311"))
    assert operators.json["steps"][0]["detail"] == detail
    assert [part["carrier"] for part in operators.json["parts"]] == ["premium"]


def test_timeline_shows_a_project_all_other_lines() -> None:
    world = World()
    world.store.messages = [a_message()]
    entry = TimelineEntry(at=AT, kind="state", state="failed", error_code=30006, detail="no route leads to this number")
    world.store.entries = [entry]
    shown = world.ask("GET", f"/api/heliograph/messages/{message_id(1)}/timeline").json
    assert shown["steps"][0]["detail"] == "no route leads to this number"


def test_form_at_our_own_api_is_answered_with_what_to_send() -> None:
    answer = World().ask("POST", "/api/heliograph/simulator/inbound", body="From=1")
    assert (answer.status_code, answer.json["error"]) == (415, "Unsupported Media Type")
    assert answer.json["message"] == "Send JSON with the content type application/json."


def test_what_carriers_brought_in_vain_is_listed_with_its_reason() -> None:
    world = World()
    path = f"{CARRIERS}/dropped"
    assert world.ask("GET", path, OPERATOR).json == {"dropped": [], "counts": []}
    said = {"to_number": "+12065550123", "stat": "DELIVRD", "data_coding": 8}
    receipt = Receipt(carrier_ref="981209300", state=State.SENT, **said)  # type: ignore[arg-type]
    world.dropped.add_receipt("acme", receipt, Reason.UNKNOWN_ID)
    answer = world.ask("GET", path, OPERATOR)
    assert answer.json == {
        "dropped": [
            {
                "carrier": "acme",
                "at": "2018-08-13T21:38:46Z",
                "reason": "unknown_id",
                "about": "No message has this id.",
                "carrier_ref": "9******00",
                "stat": "DELIVRD",
                "data_coding": 8,
                "from_number": None,
                "to_number": "+1******0123",
            }
        ],
        "counts": [{"carrier": "acme", "reason": "unknown_id", "count": 1}],
    }
    assert world.ask("GET", path, basic(token=MANAGING_TOKEN)).status_code == 403


def test_relay_clients_are_those_of_the_project() -> None:
    world = World()
    client = RelayClientStatus(
        session="s",
        agent="tests/1.0",
        address="192.0.2.7",
        dialect="blade",
        since=AT,
        contexts=("office",),
        sends=1,
        events=2,
        unacknowledged=3,
    )
    world.relay_clients = {PROJECT: [client], STRANGER: [client, client]}
    answer = world.ask("GET", "/api/heliograph/relay/clients")
    shown = {
        "session": "s",
        "agent": "tests/1.0",
        "address": "192.0.2.7",
        "dialect": "blade",
        "connected_at": "2018-08-13T21:38:46Z",
        "contexts": ["office"],
        "sends": 1,
        "events": 2,
        "unacknowledged": 3,
    }
    assert (answer.status_code, answer.json) == (200, {"clients": [shown]})
