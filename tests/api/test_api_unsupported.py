"""Parameters that would change what happens, and are not obeyed here, are refused by name; harmless ones are not."""

from typing import Any
from urllib.parse import urlencode

import pytest
from api_world import ACCOUNT, OUR_NUMBER, World, a_message, message_id

from heliograph.api import unsupported
from heliograph.api.families import all_routes

CREATE = f"{ACCOUNT}/Messages"
ONE = f"{CREATE}/{message_id(1)}"
REST = "/api/messaging/messages"
MESSAGE = {"To": "+15557654321", "From": OUR_NUMBER, "Body": "hi"}
REST_MESSAGE = {"to": "+15557654321", "from": OUR_NUMBER, "body": "hi"}

ASKED = [
    ("SendAt", "2027-01-01T00:00:00Z"),
    ("SendAt", "tomorrow"),
    ("ScheduleType", "fixed"),
    ("ScheduleType", "FIXED"),
    ("ContentSid", "HX" + "0" * 32),
    ("ContentVariables", '{"1": "x"}'),
    ("SmartEncoded", "true"),
    ("SmartEncoded", "maybe"),
    ("ShortenUrls", "true"),
    ("ContentRetention", "discard"),
    ("AddressRetention", "obfuscate"),
    ("PersistentAction", "geo:37.7,-122.4|Here"),
    ("FallbackFrom", OUR_NUMBER),
    ("RiskCheck", "enable"),
    ("TrafficType", "free"),
]
NOT_ASKED = [
    ("SendAt", ""),
    ("ScheduleType", ""),
    ("SmartEncoded", "false"),
    ("SmartEncoded", "False"),
    ("ShortenUrls", "false"),
    ("ContentRetention", "retain"),
    ("AddressRetention", "RETAIN"),
    ("ContentVariables", "{}"),
    ("PersistentAction", " "),
    ("RiskCheck", "disable"),
    ("ForceDelivery", "true"),
    ("ProvideFeedback", "true"),
    ("Attempt", "2"),
    ("MessageIntent", "otp"),
    ("NobodyKnowsThis", "1"),
]


@pytest.mark.parametrize(("name", "value"), ASKED)
@pytest.mark.parametrize("kind", ["form", "json"])
def test_parameter_that_is_not_obeyed_is_refused_by_name(kind: str, name: str, value: str) -> None:
    world = World()
    answer = _create(world, kind, {**MESSAGE, name: value})
    assert (answer.status_code, answer.json["code"]) == (422, 10000)
    assert answer.json["message"].startswith(f"{name} is not supported: ")
    assert world.acceptor.asked == []


@pytest.mark.parametrize(("name", "value"), NOT_ASKED)
@pytest.mark.parametrize("kind", ["form", "json"])
def test_value_that_asks_for_nothing_else_is_accepted(kind: str, name: str, value: str) -> None:
    assert _create(World(), kind, {**MESSAGE, name: value}).status_code == 201


@pytest.mark.parametrize(
    ("name", "value", "status"),
    [
        ("SmartEncoded", True, 422),
        ("SmartEncoded", False, 201),
        ("SendAt", None, 201),
        ("SendAt", 1893456000, 422),
        ("SendAt", [], 201),
        ("PersistentAction", ["", "geo:1,2"], 422),
    ],
)
def test_json_values_are_read_as_they_are(name: str, value: Any, status: int) -> None:
    assert _create(World(), "json", {**MESSAGE, name: value}).status_code == status


def test_repeated_field_asks_if_any_of_its_values_does() -> None:
    body = "To=%2B15557654321&From=%2B15551234567&Body=hi&SendAt=2027-01-01&SendAt="
    assert World().ask("POST", CREATE, body=body).status_code == 422


def test_message_can_not_be_canceled() -> None:
    world = World()
    world.store.messages = [a_message()]
    answer = world.ask("POST", ONE, body="Status=canceled")
    assert (answer.status_code, answer.json["code"]) == (422, 10000)
    assert "Status is not supported" in answer.json["message"]
    assert world.ask("POST", ONE, body="Body=&Status=").status_code == 200


@pytest.mark.parametrize("name", ["send_at", "schedule_type", "validity_period", "max_price", "content_sid"])
def test_parameter_of_a_rest_message_is_refused_beside_its_other_faults(name: str) -> None:
    world = World()
    answer = world.ask("POST", REST, json={**REST_MESSAGE, name: "1", "send_as_mms": "maybe"})
    assert answer.status_code == 422
    assert [each["attribute"] for each in answer.json["errors"]] == [name, "send_as_mms"]
    assert world.acceptor.asked == []


def test_unknown_member_of_a_rest_message_is_ignored() -> None:
    values = {**REST_MESSAGE, "nobody_knows": 1, "smart_encoded": False}
    assert World().ask("POST", REST, json=values).status_code == 201


def test_tables_name_operations_that_exist_and_no_parameter_that_is_read() -> None:
    routes = {route.operation: route for route in all_routes()}
    for operation, rows in unsupported.REFUSED.items():
        route = routes[operation]
        read = {each.name for each in route.query} | set(_fields(route.body))
        assert not read & {row.name for row in rows}, operation
    for operation, names in unsupported.HARMLESS.items():
        assert not set(names) & {row.name for row in unsupported.REFUSED.get(operation, ())}


def _fields(body: Any) -> list[str]:
    return [] if body is None else list(body.__struct_encode_fields__)


def _create(world: World, kind: str, values: dict[str, Any]) -> Any:
    if kind == "form":
        return world.ask("POST", CREATE, body=urlencode(values))
    return world.ask("POST", CREATE, json=values)
