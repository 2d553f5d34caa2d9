"""Three views of one message: exact keys and types, as SignalWire's pages show them."""

import json
from typing import Any

import msgspec
import pytest
from api_world import ACCOUNT, PROJECT, a_medium, a_message, message_id

from heliograph.api.cxml import views as cxml
from heliograph.api.messaging import views as rest
from heliograph.core.lifecycle import State
from heliograph.core.message import Callback, Direction, Kind, Source

BASE = "https://example.signalwire.com"
MESSAGE_KEYS = [
    "account_sid",
    "api_version",
    "body",
    "num_segments",
    "num_media",
    "date_created",
    "date_sent",
    "date_updated",
    "direction",
    "error_code",
    "error_message",
    "from",
    "price",
    "price_unit",
    "sid",
    "status",
    "to",
    "messaging_service_sid",
    "uri",
    "subresource_uris",
]
LOG_KEYS = [
    "id",
    "from",
    "to",
    "status",
    "direction",
    "kind",
    "source",
    "type",
    "url",
    "number_of_segments",
    "charge",
    "charge_details",
    "created_at",
    "error_message",
    "error_code",
]


def shown(struct: msgspec.Struct) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(msgspec.json.encode(struct))
    return told


def test_cxml_message_just_created() -> None:
    told = shown(cxml.message(a_message()))
    assert list(told) == MESSAGE_KEYS
    assert told == {
        "account_sid": PROJECT,
        "api_version": "2010-04-01",
        "body": "Hello World!",
        "num_segments": 1,
        "num_media": 0,
        "date_created": "Mon, 13 Aug 2018 21:38:46 +0000",
        "date_sent": None,
        "date_updated": "Mon, 13 Aug 2018 21:38:46 +0000",
        "direction": "outbound-api",
        "error_code": None,
        "error_message": None,
        "from": "+15551234567",
        "price": None,
        "price_unit": "USD",
        "sid": message_id(1),
        "status": "queued",
        "to": "+15557654321",
        "messaging_service_sid": None,
        "uri": f"{ACCOUNT}/Messages/{message_id(1)}",
        "subresource_uris": {"media": f"{ACCOUNT}/Messages/{message_id(1)}/Media"},
    }


def test_cxml_message_that_was_sent_and_failed() -> None:
    sent = a_message(
        state=State.UNDELIVERED, sent_at=1_534_196_327_000_000, price_micros=8_300, error_code=30003, group_id="g"
    )
    told = shown(cxml.message(sent))
    assert told["date_sent"] == "Mon, 13 Aug 2018 21:38:47 +0000"
    assert b'"price":0.0083,' in msgspec.json.encode(cxml.message(sent))
    assert (told["error_code"], told["messaging_service_sid"]) == ("30003", "g")
    assert told["error_message"]


@pytest.mark.parametrize(
    ("state", "in_cxml", "in_rest"),
    [
        (State.QUEUED, "queued", "queued"),
        (State.INITIATED, "sending", "initiated"),
        (State.SENT, "sent", "sent"),
        (State.DELIVERED, "delivered", "delivered"),
        (State.UNDELIVERED, "undelivered", "undelivered"),
        (State.FAILED, "failed", "failed"),
        (State.RECEIVING, "receiving", "received"),
        (State.RECEIVED, "received", "received"),
    ],
)
def test_status_in_each_family(state: State, in_cxml: str, in_rest: str) -> None:
    told = a_message(state=state)
    assert cxml.message(told).status == in_cxml
    assert rest.message(told, []).status == rest.log(told, BASE).status == in_rest
    assert cxml.STATES[in_cxml] is state


def test_status_filter_takes_both_words_for_initiated() -> None:
    assert cxml.STATES["sending"] is cxml.STATES["initiated"] is State.INITIATED
    assert len(cxml.STATES) == len(State) + 1


def test_cxml_media() -> None:
    assert shown(cxml.media(a_medium())) == {
        "account_sid": PROJECT,
        "content_type": "image/jpeg",
        "date_created": "Mon, 13 Aug 2018 21:38:46 +0000",
        "date_updated": "Mon, 13 Aug 2018 21:38:46 +0000",
        "parent_sid": message_id(1),
        "sid": a_medium().id,
        "uri": f"{ACCOUNT}/Messages/{message_id(1)}/Media/{a_medium().id}",
    }


def test_rest_message() -> None:
    made = a_message(
        source=Source.REALTIME,
        kind=Kind.MMS,
        body=None,
        media_urls=("https://a.example/1",),
        callback=Callback(url="https://a.example/status"),
    )
    assert shown(rest.message(made, made.media_urls)) == {
        "id": message_id(1),
        "from": "+15551234567",
        "to": "+15557654321",
        "body": "",
        "status": "queued",
        "direction": "outbound",
        "kind": "mms",
        "media": ["https://a.example/1"],
        "number_of_segments": 1,
        "error_code": None,
        "error_message": None,
        "created_at": "2018-08-13T21:38:46Z",
        "project_id": PROJECT,
        "status_callback_url": "https://a.example/status",
        "message_uri": f"/api/messaging/logs/{message_id(1)}",
    }


def test_media_addresses_are_in_the_message_s_order() -> None:
    told = rest.media_addresses(BASE, [a_medium(1), a_medium(0)])
    assert told == [BASE + cxml.media_uri(a_medium(0)), BASE + cxml.media_uri(a_medium(1))]


def test_log_of_an_inbound_message() -> None:
    made = a_message(direction=Direction.INBOUND, state=State.RECEIVED, price_micros=4_150)
    told = shown(rest.log(made, BASE))
    assert list(told) == LOG_KEYS
    assert told == {
        "id": message_id(1),
        "from": "+15551234567",
        "to": "+15557654321",
        "status": "received",
        "direction": "inbound",
        "kind": "sms",
        "source": "laml",
        "type": "laml_message",
        "url": f"{BASE}{ACCOUNT}/Messages/{message_id(1)}",
        "number_of_segments": 1,
        "charge": 0.00415,
        "charge_details": [{"description": "Inbound SMS", "charge": 0.00415}],
        "created_at": "2018-08-13T21:38:46Z",
        "error_message": None,
        "error_code": None,
    }


def test_log_of_a_relay_message_before_it_is_charged() -> None:
    told = shown(rest.log(a_message(source=Source.REALTIME), BASE))
    assert (told["source"], told["type"], told["direction"]) == ("realtime_api", "relay_message", "outbound")
    assert told["url"] is None
    assert (told["charge"], told["charge_details"]) == (0, [])


@pytest.mark.parametrize("direction", [Direction.OUTBOUND_API, Direction.OUTBOUND_REPLY, Direction.OUTBOUND_CALL])
def test_direction_in_each_view(direction: Direction) -> None:
    made = a_message(direction=direction)
    assert cxml.message(made).direction == rest.log(made, BASE).direction == direction.value
    assert rest.message(made, []).direction == "outbound"
