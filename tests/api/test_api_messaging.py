"""The messaging REST API: messages and logs."""

from typing import Any

import pytest
from api_world import ACCOUNT, AT, PROJECT, World, a_medium, a_message, message_id

from heliograph.core.errors import Fault, Refusal, refuse
from heliograph.core.ids import Uuid7Generator
from heliograph.core.lifecycle import State
from heliograph.core.message import Direction, Source
from heliograph.engine.requests import SendRequest, Sent
from heliograph.ports import MessageFilter

MESSAGES = "/api/messaging/messages"
LOGS = "/api/messaging/logs"
DAY = 86_400_000_000
MIDNIGHT = AT - AT % DAY


def _codes(answer: Any) -> list[tuple[str, str]]:
    assert answer.status_code == 422
    return [(error["code"], error["attribute"]) for error in answer.json["errors"]]


def test_send() -> None:
    world = World()
    world.acceptor.answer = Sent(message=a_message(source=Source.REALTIME, media_urls=("https://a/1",)))
    given = {
        "to": "+15557654321",
        "from": "+15551234567",
        "body": "Hi",
        "media": ["https://a/1"],
        "send_as_mms": True,
        "status_callback": "https://a/b",
        "custom_variables": {"order": "1"},
        "unknown": [],
    }
    answer = world.ask("POST", MESSAGES, json=given)
    assert answer.status_code == 201
    assert answer.json["media"] == ["https://a/1"]
    assert world.acceptor.asked == [
        SendRequest(
            project_id=PROJECT,
            source=Source.REALTIME,
            to_number="+15557654321",
            from_number="+15551234567",
            body="Hi",
            media_urls=("https://a/1",),
            force_mms=True,
            is_counted=True,
            callback_url="https://a/b",
            custom_variables={"order": "1"},
        )
    ]


def test_all_faults_are_told_at_once_with_those_of_types() -> None:
    world = World()
    world.acceptor.refusals = [Refusal(Fault.TO_MISSING), Refusal(Fault.SENDER_MISSING)]
    given = {"send_as_mms": "yes", "custom_variables": [], "body": {}}
    answer = world.ask("POST", MESSAGES, json=given)
    assert sorted(_codes(answer)) == [
        ("invalid_parameter", "body"),
        ("invalid_parameter", "custom_variables"),
        ("invalid_parameter", "send_as_mms"),
        ("missing_required_parameter", "from"),
        ("missing_required_parameter", "to"),
    ]
    for error in answer.json["errors"]:
        assert set(error) == {"type", "code", "message", "attribute", "url"}
        assert error["type"] == "validation_error"
    assert world.acceptor.asked == []


def test_numbers_and_addresses_of_a_wrong_type_are_the_engine_s_to_refuse() -> None:
    world = World()
    world.ask("POST", MESSAGES, json={"to": 12029921413, "from": True, "media": ["https://a/1"], "status_callback": {}})
    (asked,) = world.acceptor.asked
    assert (asked.to_number, asked.from_number) == ("12029921413", "true")
    assert (asked.media_urls, asked.callback_url) == (("https://a/1",), "{}")


def test_custom_variables_reach_the_engine_as_they_are() -> None:
    world = World()
    world.ask("POST", MESSAGES, json={"custom_variables": {"a": 1, "b": None}})
    assert world.acceptor.asked[0].custom_variables == {"a": 1, "b": None}


def test_null_is_not_given() -> None:
    world = World()
    world.ask("POST", MESSAGES, json=dict.fromkeys(["to", "body", "media", "send_as_mms", "custom_variables"]))
    assert world.acceptor.asked == [SendRequest(project_id=PROJECT, source=Source.REALTIME, is_counted=True)]


def test_empty_body_is_an_empty_object() -> None:
    world = World()
    world.ask("POST", MESSAGES)
    assert world.acceptor.asked == [SendRequest(project_id=PROJECT, source=Source.REALTIME, is_counted=True)]


def test_full_backlog() -> None:
    world = World()
    world.acceptor.refusals = [Refusal(Fault.BACKLOG_FULL)]
    answer = world.ask("POST", MESSAGES, json={})
    assert answer.status_code == 429
    assert answer.json["errors"][0]["code"] == "message_backlog_limit_exceeded"


def test_key_that_clashes() -> None:
    world = World()
    world.acceptor.fault = refuse(Fault.IDEMPOTENCY_CLASH)
    answer = world.ask("POST", MESSAGES, {"Idempotency-Key": "k"}, json={"custom_variables": {"b": 1, "a": [1.5]}})
    assert (answer.status_code, answer.json) == (409, {"error": "Conflict"})


def test_redact_any_message_of_the_project() -> None:
    world = World()
    inbound = a_message(direction=Direction.INBOUND, num_media=1, media_urls=("https://carrier/1",))
    world.store.messages = [inbound]
    world.store.media_rows = [a_medium()]
    answer = world.ask("PATCH", f"{MESSAGES}/{message_id(1)}", json={"body": ""})
    assert (answer.status_code, answer.json["body"]) == (200, "")
    media = f"http://example.test{ACCOUNT}/Messages/{message_id(1)}/Media/{a_medium().id}"
    assert answer.json["media"] == [media]
    for given, told in (({}, None), ({"body": None}, None), ({"body": "x"}, "x"), ({"body": 5}, "5")):
        world.ask("PATCH", f"{MESSAGES}/{message_id(1)}", json=given)
        assert world.records.asked[-1] == ("redact", message_id(1), told)


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        (Fault.REDACT_WITHOUT_BODY, ("missing_required_parameter", "body")),
        (Fault.REDACT_WITH_TEXT, ("body_must_be_empty", "body")),
        (Fault.REDACT_IN_PROGRESS, ("cannot_redact_in_progress_message", "base")),
    ],
)
def test_refused_redaction(fault: Fault, told: tuple[str, str]) -> None:
    world = World()
    world.records.fault = refuse(fault)
    assert _codes(world.ask("PATCH", f"{MESSAGES}/{message_id(1)}", json={})) == [told]


def test_redacting_what_is_not_there() -> None:
    for sid in (message_id(1), "x"):
        answer = World().ask("PATCH", f"{MESSAGES}/{sid}", json={"body": ""})
        assert (answer.status_code, answer.json) == (404, {"error": "Not Found"})


def test_log_page() -> None:
    world = World()
    world.store.messages = [a_message(number) for number in (5, 4, 3)]
    page = world.ask("GET", LOGS, query_string="page_size=2&include_deleted=TRUE").json
    base = f"http://example.test{LOGS}?include_deleted=TRUE"
    assert list(page) == ["links", "data"]
    assert page["links"] == {
        "self": f"{base}&page_number=0&page_size=2",
        "first": f"{base}&page_number=0&page_size=2",
        "next": f"{base}&page_number=1&page_size=2&page_token=PA{message_id(4)}",
    }
    assert [each["id"] for each in page["data"]] == [message_id(5), message_id(4)]
    last = world.ask("GET", LOGS, query_string=page["links"]["next"].partition("?")[2]).json
    assert set(last["links"]) == {"self", "first", "prev"}
    assert world.store.asked[0] == (PROJECT, MessageFilter(include_deleted=True))


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ("created_on=2018-08-13", {"created_from": MIDNIGHT, "created_before": MIDNIGHT + DAY}),
        ("created_before=2018-08-13", {"created_before": MIDNIGHT}),
        ("created_after=2018-08-13T21:38:46Z", {"created_from": AT}),
    ],
)
def test_log_filters(query: str, wanted: dict[str, Any]) -> None:
    world = World()
    assert world.ask("GET", LOGS, query_string=query).status_code == 200
    assert world.store.asked == [(PROJECT, MessageFilter(**wanted))]


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("created_before=soon", ("datetime_required", "created_before")),
        ("created_on=2018-02-30", ("datetime_required", "created_on")),
        ("include_deleted=maybe", ("invalid_parameter", "include_deleted")),
        ("page_number=1", ("page_token_required", "page_token")),
        ("page_number=1&page_token=", ("page_token_required", "page_token")),
        ("page_number=-1", ("invalid_parameter", "page_number")),
        ("page_token=PA", ("page_token_is_invalid", "page_token")),
        ("page_size=0", ("invalid_parameter", "page_size")),
        ("page_size=1001", ("invalid_parameter", "page_size")),
    ],
)
def test_wrong_log_queries(query: str, told: tuple[str, str]) -> None:
    assert _codes(World().ask("GET", LOGS, query_string=query)) == [told]


def test_an_empty_page_token_is_none() -> None:
    assert World().ask("GET", LOGS, query_string="page_token=&created_on=9999-12-31").status_code == 200


def test_log_of_a_deleted_message_is_still_served() -> None:
    world = World()
    world.store.messages = [a_message(deleted_at=AT, state=State.DELIVERED)]
    answer = world.ask("GET", f"{LOGS}/{message_id(1)}")
    assert (answer.status_code, answer.json["status"]) == (200, "delivered")
    assert answer.json["url"] == f"http://example.test{ACCOUNT}/Messages/{message_id(1)}"


def test_unknown_log() -> None:
    for sid in (message_id(1), "1"):
        assert World().ask("GET", f"{LOGS}/{sid}").status_code == 404


def test_log_from_before_the_retention() -> None:
    world = World(retention_days=10)
    old = Uuid7Generator(lambda: 0).next(AT - 10 * DAY - 1_000_000)
    answer = world.ask("GET", f"{LOGS}/{old}")
    assert answer.status_code == 422
    (error,) = answer.json["errors"]
    assert (error["type"], error["code"], error["attribute"]) == (
        "account_error",
        "exceeds_history_logs_limit",
        "created_at",
    )
    assert "2018-08-03" in error["message"]
    young = Uuid7Generator(lambda: 0).next(AT - 9 * DAY)
    assert world.ask("GET", f"{LOGS}/{young}").status_code == 404
