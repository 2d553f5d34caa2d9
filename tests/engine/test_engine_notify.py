"""Which states of a message make a callback, and for whom."""

from typing import Any

import pytest

from heliograph.core.lifecycle import State
from heliograph.core.message import Callback, Direction, Kind, Message, SmppOptions, Source, smpp_callback
from heliograph.engine import notify

OUTBOUND = (State.INITIATED, State.SENT, State.DELIVERED, State.UNDELIVERED, State.FAILED)


def message(**changes: Any) -> Message:
    values: dict[str, Any] = {
        "id": "m",
        "project_id": "p",
        "direction": Direction.OUTBOUND_API,
        "kind": Kind.SMS,
        "source": Source.LAML,
        "from_number": "+12025550101",
        "to_number": "+12025550199",
        "body": "hello",
        "segments": 1,
        "state": State.QUEUED,
        "created_at": 0,
        "updated_at": 0,
        "expires_at": 0,
    }
    return Message(**(values | changes))


def test_nobody_is_told_of_a_message_without_a_callback() -> None:
    assert all(notify.origin(message(), state) is None for state in State)


def test_a_url_is_told_of_every_state() -> None:
    told = message(callback=Callback(url="http://a.example/cb?x=1"))
    assert {notify.origin(told, state) for state in OUTBOUND} == {"http://a.example:80"}
    assert notify.is_first(told, State.INITIATED) and not notify.is_first(told, State.DELIVERED)


@pytest.mark.parametrize(
    ("registered_delivery", "states"),
    [
        (0, ()),
        (1, (State.DELIVERED, State.UNDELIVERED, State.FAILED)),
        (2, (State.UNDELIVERED, State.FAILED)),
        (16, (State.SENT,)),
        (17, (State.SENT, State.DELIVERED, State.UNDELIVERED, State.FAILED)),
    ],
)
def test_a_customer_is_told_of_what_registered_delivery_asks(
    registered_delivery: int, states: tuple[State, ...]
) -> None:
    options = SmppOptions(registered_delivery=registered_delivery)
    told = message(callback=smpp_callback("acme"), options=options)
    assert tuple(state for state in OUTBOUND if notify.origin(told, state) == "smpp:acme") == states
    if states:
        assert notify.is_first(told, states[0])
    assert notify.is_first(told, State.DELIVERED) is (State.SENT not in states)


def test_a_customer_is_told_of_an_inbound_message_once_it_is_received() -> None:
    told = message(direction=Direction.INBOUND, state=State.RECEIVING, callback=smpp_callback("acme"))
    assert notify.origin(told, State.RECEIVED) == "smpp:acme"
    assert notify.customer_of("smpp:acme") == "acme"
