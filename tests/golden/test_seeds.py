"""The examples of the pages that this product started from: real answers have exactly their keys and types.

Pages: signalwire.com, "Get message log" (messaging API), "Retrieve a message" and "List all messages" (cXML API), as of
August 2026. Where such a page shows a number or a null as a text, or an integer for a price, the type here is the one
that the page's own schema or the two other pages give.
"""

from collections.abc import Iterator
from typing import Any

import pytest

from caller import LOGS, Caller
from servers import HeliographServer

ACCOUNT = "ea108133-d6b3-407c-9536-9fad8a929a6a"
SID = "0a059168-ead0-41af-9d1f-343dae832527"
URI = f"/api/laml/2010-04-01/Accounts/{ACCOUNT}/Messages/{SID}"

LOG: dict[str, Any] = {
    "id": "c2d3e4f5-a6b7-8901-8def-234567890abc",
    "from": "+12077447397",
    "to": "+12029921413",
    "status": "failed",
    "direction": "inbound",
    "kind": "sms",
    "source": "laml",
    "type": "relay_message",
    "url": "https://example.signalwire.com/api/laml/2010-04-01/Accounts/c38dacad-2f6c-4de1-93d6-cc732e0c70c5"
    "/Messages/9ee38635-899a-490a-bfd1-9e72f5eea53c",
    "number_of_segments": 1,
    "charge": 0.0,
    "charge_details": [{"description": "Inbound SMS", "charge": 0.00415}],
    "created_at": "2024-05-06T12:20:00Z",
    "error_message": "From number is not a SMS-capable phone number.",
    "error_code": "21601",
}

MESSAGE: dict[str, Any] = {
    "account_sid": ACCOUNT,
    "api_version": "2010-04-01",
    "body": "Hello World!",
    "num_segments": 1,
    "num_media": 1,
    "date_created": "Mon, 13 Aug 2018 21:38:46 +0000",
    "date_sent": None,
    "date_updated": "Mon, 13 Aug 2018 21:38:46 +0000",
    "direction": "outbound-api",
    "error_code": None,
    "error_message": None,
    "from": "+15551234567",
    "price": 0.005,
    "price_unit": "USD",
    "sid": SID,
    "status": "sent",
    "to": "+15557654321",
    "messaging_service_sid": None,
    "uri": URI,
    "subresource_uris": {"media": f"{URI}/Media"},
}

PAGE: dict[str, Any] = {
    "uri": "string",
    "first_page_uri": "string",
    "next_page_uri": "string",
    "previous_page_uri": "string",
    "page": 0,
    "page_size": 0,
    "messages": [MESSAGE],
}

NULLABLE = {"date_sent", "error_code", "error_message", "price", "messaging_service_sid", "url", "body"}
"""What the pages, or the contract where they are silent, let be null beside its own type."""

TEXT_WHEN_THERE = {"date_sent", "error_code", "error_message", "messaging_service_sid"}
"""What the example has as null, and is a text otherwise."""


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Caller]:
    """A server of its own, so that pages hold what these tests made."""
    server = HeliographServer(tmp_path_factory.mktemp("seeds") / "data")
    try:
        yield Caller.of(server.start())
    finally:
        server.kill()


def same(example: Any, found: Any, name: str = "") -> None:
    """The same keys in the same order, and values of the same types, all the way down."""
    if found is None and name in NULLABLE:
        return
    if example is None and name in TEXT_WHEN_THERE:
        assert isinstance(found, str), name
    elif isinstance(example, dict):
        assert isinstance(found, dict) and list(found) == list(example), name
        for key, each in example.items():
            same(each, found[key], key)
    elif isinstance(example, list):
        assert isinstance(found, list), name
        for each in found:
            same(example[0], each, name)
    elif isinstance(example, float):
        assert isinstance(found, int | float) and not isinstance(found, bool), name
    else:
        assert type(found) is type(example), name


def test_a_log(api: Caller) -> None:
    for sid in (api.delivered()["sid"], api.once(api.send(To="+15005554000")["sid"], "failed")["sid"], api.arrive()):
        same(LOG, api.log(sid))
    received = api.log(api.received()["sid"])
    assert received["charge_details"] == LOG["charge_details"]
    assert received["direction"] == LOG["direction"]


def test_a_message(api: Caller) -> None:
    made = api.send()
    same(MESSAGE, made)
    found = api.once(made["sid"], "delivered")
    same(MESSAGE, found)
    assert found["price"] == 0.0083 and found["date_sent"] is not None
    failed = api.once(api.send(To="+15005554000")["sid"], "failed")
    same(MESSAGE, failed)
    assert failed["error_code"] == "30008" and failed["error_message"]
    assert found["uri"] == URI.replace(ACCOUNT, api.project_id).replace(SID, found["sid"])


def test_a_message_page(api: Caller) -> None:
    for _ in range(3):
        api.send(To="+13125550199")
    first = api.get(f"{api.messages}?To=%2B13125550199&PageSize=1")
    middle = api.get(first["next_page_uri"])
    same(PAGE, middle)
    last = api.get(middle["next_page_uri"])
    assert list(first) == list(last) == list(PAGE)
    assert first["previous_page_uri"] is None and last["next_page_uri"] is None
    assert all(isinstance(each, str) for each in (middle["next_page_uri"], middle["previous_page_uri"]))


def test_a_page_of_logs_holds_logs(api: Caller) -> None:
    api.send()
    page = api.get(LOGS)
    assert list(page) == ["links", "data"]
    same([LOG], page["data"])


def test_the_comparison_can_fail() -> None:
    wrong: dict[str, Any] = {"num_segments": "1", "num_media": None, "subresource_uris": {}, "date_sent": 1}
    for name, value in wrong.items():
        with pytest.raises(AssertionError):
            same(MESSAGE, {**MESSAGE, name: value})
    with pytest.raises(AssertionError):
        same(PAGE, {**PAGE, "total": 1})
