"""The simulated carrier at its default pace, and its special numbers (contract, section 11).

What is refused when created is in test_refusals.py; the receipt that comes after 30 s is in tests/carriers, on a clock
that is moved by hand.
"""

from collections.abc import Mapping

import pytest

from caller import LOGS, Caller, new_handset
from servers import HeliographServer, Sink

SETTINGS = {"simulator_answer_ms": 50, "simulator_receipt_ms": 200}
MICROS_PER_MS = 1000


def _at(api: Caller, sid: str) -> Mapping[str, int]:
    """When the message came into each state, in microseconds."""
    return {step["state"]: step["at_micros"] for step in api.timeline(sid) if step["kind"] == "state"}


def test_accepted_after_50_ms_and_delivered_200_ms_later(api: Caller) -> None:
    at = _at(api, api.delivered()["sid"])
    assert list(at) == ["queued", "initiated", "sent", "delivered"]
    assert at["sent"] - at["initiated"] >= 50 * MICROS_PER_MS
    # Both moments are noted when they are known here: the later one may be noted sooner after its event.
    assert at["delivered"] - at["initiated"] >= 250 * MICROS_PER_MS


@pytest.mark.parametrize("code", range(30003, 30009))
def test_numbers_that_are_sent_and_not_delivered(api: Caller, code: int) -> None:
    message = api.once(api.send(To=f"+1500555{code - 27000}")["sid"], "undelivered")
    assert (message["error_code"], message["price"]) == (str(code), 0.0083)
    assert message["error_message"] and message["date_sent"]
    assert list(_at(api, message["sid"])) == ["queued", "initiated", "sent", "undelivered"]
    log = api.log(message["sid"])
    assert (log["status"], log["error_code"]) == ("undelivered", str(code))


def test_a_refused_submit(api: Caller) -> None:
    message = api.once(api.send(To="+15005554000")["sid"], "failed")
    assert (message["error_code"], message["price"]) == ("30008", None)


def test_no_answer_no_receipt_two_receipts_and_a_throttle(api: Caller) -> None:
    """All at once, since the throttle lasts 5 s."""
    throttled, silent, unreceipted, twice, later = (
        api.send(To=f"+1500555400{last}")["sid"] for last in (6, 1, 2, 3, 4)
    )
    api.once(twice, "delivered")
    assert list(_at(api, twice)) == ["queued", "initiated", "sent", "delivered"]
    at = _at(api, api.once(throttled, "delivered")["sid"])
    assert at["sent"] - at["queued"] >= 5_000 * MICROS_PER_MS
    assert api.message(silent)["status"] == "sending"
    assert api.message(unreceipted)["status"] == api.message(later)["status"] == "sent"
    assert [step["state"] for step in api.timeline(twice) if step["kind"] == "state"].count("delivered") == 1


def test_a_receipt_before_the_answer_counts_as_both(api: Caller, receiver: Sink, path: str) -> None:
    api.delivered(To="+15005554005", StatusCallback=receiver.url(path))
    receiver.wait_for_request(path, 3)
    assert [each.form["MessageStatus"] for each in receiver.received(path)] == ["sending", "sent", "delivered"]


def test_an_mms_gets_as_far_as_sent(api: Caller) -> None:
    mms = api.send(SendAsMms="true")["sid"]
    assert api.delivered()["status"] == "delivered"  # a receipt would have come by now
    assert api.message(mms)["status"] == "sent"


def test_the_number_that_may_always_be_sent_from(api: Caller) -> None:
    assert api.delivered(From="+15005550006")["from"] == "+15005550006"


def test_a_handset_s_message_is_kept_with_its_fields(api: Caller) -> None:
    handset = new_handset()
    message = api.received("x" * 161, **{"from": handset})
    assert (message["from"], message["to"], message["num_segments"]) == (handset, api.sender, 2)
    assert message["price"] == 0.0083  # two inbound segments at 0.00415
    assert api.get(f"{LOGS}?page_size=1")["data"][0]["id"] == message["sid"]


def test_the_command_brings_one_too(api: Caller, node: HeliographServer) -> None:
    handset = new_handset()
    node.run("inbound", "--from", handset, "--to", api.sender, "--body", "Hello", "--data", str(node.data))
    (message,) = api.get(f"{api.messages}?From=%2B{handset[1:]}")["messages"]
    assert (message["body"], message["direction"]) == ("Hello", "inbound")
