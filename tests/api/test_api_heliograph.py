"""What only this server has: handsets, timelines, callbacks."""

import pytest
from api_world import (
    AT,
    LOCAL_SECRET,
    MANAGING_TOKEN,
    OUR_NUMBER,
    PROJECT,
    STRANGER,
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
    answer = world.ask("GET", CARRIERS, basic(token=MANAGING_TOKEN))
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


def test_carriers_are_for_those_who_manage() -> None:
    world = World()
    assert world.ask("GET", CARRIERS).status_code == 401
    local = {"Authorization": f"Bearer {LOCAL_SECRET}", "X-Heliograph-Project": PROJECT}
    assert world.ask("GET", CARRIERS, local).json == {"carriers": []}


def test_what_carriers_brought_in_vain_is_listed_with_its_reason() -> None:
    world = World()
    path = f"{CARRIERS}/dropped"
    assert world.ask("GET", path, basic(token=MANAGING_TOKEN)).json == {"dropped": [], "counts": []}
    said = {"to_number": "+12065550123", "stat": "DELIVRD", "data_coding": 8}
    receipt = Receipt(carrier_ref="981209300", state=State.SENT, **said)  # type: ignore[arg-type]
    world.dropped.add_receipt("acme", receipt, Reason.UNKNOWN_ID)
    answer = world.ask("GET", path, basic(token=MANAGING_TOKEN))
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
    assert world.ask("GET", path).status_code == 401


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
