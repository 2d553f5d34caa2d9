"""The cXML family's messages, from the request to the answer."""

from typing import Any

import pytest
from api_world import ACCOUNT, AT, PROJECT, World, a_message, message_id
from msgspec.structs import replace

from heliograph.core.errors import Fault, Refusal, refuse
from heliograph.core.lifecycle import State
from heliograph.core.message import Direction, Source
from heliograph.engine.requests import SendRequest, Sent
from heliograph.ports import MessageFilter

LIST = f"{ACCOUNT}/Messages"
ONE = f"{LIST}/{message_id(1)}"
DAY = 86_400_000_000
MIDNIGHT = AT - AT % DAY


def test_create_asks_the_engine_for_what_was_said() -> None:
    world = World()
    answer = world.ask(
        "POST",
        LIST,
        body="To=%2B15557654321&From=%2B15551234567&Body=Hi&SendAsMms=true&StatusCallback=https%3A%2F%2Fa%2Fb"
        "&ApplicationSid=app&MaxPrice=0.05&ValidityPeriod=60&MessagingServiceSid=group&MediaUrl=https%3A%2F%2Fa%2F1",
    )
    assert answer.status_code == 201
    assert answer.json["sid"] == message_id(1)
    assert world.acceptor.asked == [
        SendRequest(
            project_id=PROJECT,
            source=Source.LAML,
            direction=Direction.OUTBOUND_API,
            to_number="+15557654321",
            from_number="+15551234567",
            group_id="group",
            body="Hi",
            media_urls=("https://a/1",),
            force_mms=True,
            callback_url="https://a/b",
            application_id="app",
            max_price="0.05",
            validity="60",
            is_counted=True,
        )
    ]


def test_what_is_empty_counts_as_not_given_except_text_and_numbers() -> None:
    world = World()
    names = ["To", "From", "Body", "MediaUrl", "StatusCallback", "ApplicationSid", "MaxPrice", "ValidityPeriod"]
    world.ask("POST", LIST, body="&".join(f"{name}=" for name in names))
    assert world.acceptor.asked == [
        SendRequest(project_id=PROJECT, source=Source.LAML, to_number="", from_number="", body="", is_counted=True)
    ]


def test_refused_create_tells_the_first_fault() -> None:
    world = World()
    world.acceptor.refusals = [Refusal(Fault.TO_INVALID), Refusal(Fault.CONTENT_MISSING)]
    answer = world.ask("POST", LIST, body="To=1")
    assert answer.status_code == 422
    assert answer.json == {
        "code": 21211,
        "message": Fault.TO_INVALID.value.message,
        "more_info": "http://example.test/docs/errors#21211",
        "status": 422,
    }


def test_full_backlog() -> None:
    world = World()
    world.acceptor.refusals = [Refusal(Fault.BACKLOG_FULL)]
    answer = world.ask("POST", LIST, body="")
    assert (answer.status_code, answer.json["code"], answer.headers["retry-after"]) == (429, 21611, "1")


def test_idempotency_key_goes_with_a_hash_of_what_is_said() -> None:
    world = World()
    key = {"Idempotency-Key": "order-1"}
    for body in ("To=1&Body=a", "Body=a&To=1", "To=1&Body=b", "To=1&Body=a&MediaUrl=x"):
        world.ask("POST", LIST, key, body=body)
    first, same, *others = world.acceptor.asked
    assert first.idempotency_key == "order-1"
    assert first.fingerprint == same.fingerprint
    assert len({first.fingerprint, *(each.fingerprint for each in others)}) == 3


def test_replayed_and_clashing_keys() -> None:
    world = World()
    world.acceptor.answer = Sent(message=a_message(7), replayed=True)
    answer = world.ask("POST", LIST, {"Idempotency-Key": "k"}, body="To=1")
    assert (answer.status_code, answer.headers["idempotent-replayed"]) == (201, "true")
    assert answer.json["sid"] == message_id(7)
    world.acceptor.fault = refuse(Fault.IDEMPOTENCY_CLASH)
    answer = world.ask("POST", LIST, {"Idempotency-Key": "k"}, body="To=2")
    assert (answer.status_code, answer.json["status"]) == (409, 409)


@pytest.mark.parametrize("key", ["k" * 256, "order 1", "a/b", "\xff", "k,k", "k;"])
def test_key_that_is_too_long_or_has_other_characters(key: str) -> None:
    answer = World().ask("POST", LIST, {"Idempotency-Key": key}, body="To=1")
    assert (answer.status_code, answer.json["code"]) == (422, 10000)
    answer = World().ask("POST", "/api/messaging/messages", {"Idempotency-Key": key}, json={"to": "1"})
    assert (answer.status_code, answer.json["errors"][0]["code"]) == (422, "invalid_parameter")


def test_key_of_all_the_characters_it_may_have() -> None:
    assert World().ask("POST", LIST, {"Idempotency-Key": "aZ09._:-" + "k" * 247}, body="To=1").status_code == 201


def test_page_has_exactly_these_keys() -> None:
    world = World()
    world.store.messages = [a_message(number) for number in (5, 4, 3)]
    page = world.ask("GET", LIST, query_string="PageSize=2&To=%2B15557654321").json
    assert list(page) == [
        "uri",
        "first_page_uri",
        "next_page_uri",
        "previous_page_uri",
        "page",
        "page_size",
        "messages",
    ]
    assert page["uri"] == page["first_page_uri"] == f"{LIST}?To=%2B15557654321&Page=0&PageSize=2"
    token = f"PA{message_id(4)}"
    assert page["next_page_uri"] == f"{LIST}?To=%2B15557654321&Page=1&PageSize=2&PageToken={token}"
    assert (page["previous_page_uri"], page["page"], page["page_size"]) == (None, 0, 2)
    assert [each["sid"] for each in page["messages"]] == [message_id(5), message_id(4)]
    path, _, query = page["next_page_uri"].partition("?")
    last = world.ask("GET", path, query_string=query).json
    assert [each["sid"] for each in last["messages"]] == [message_id(3)]
    assert (last["next_page_uri"], last["page"]) == (None, 1)
    assert last["previous_page_uri"] == f"{LIST}?To=%2B15557654321&Page=0&PageSize=2&PageToken=PB{message_id(3)}"


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ("", {}),
        ("To=%2B1555&From=", {"to_number": "+1555"}),
        ("From=+1555", {"from_number": "+1555"}),
        ("From=VERIFY", {"from_number": "VERIFY"}),
        ("Status=sending", {"state": State.INITIATED}),
        ("Status=receiving", {"state": State.RECEIVING}),
        ("DateSent=2018-08-13", {"sent_from": MIDNIGHT, "sent_before": MIDNIGHT + DAY}),
        ("DateSent=2018-08-13T21:38:46Z", {"sent_from": MIDNIGHT, "sent_before": MIDNIGHT + DAY}),
        ("DateSent%3C=2018-08-13", {"sent_before": MIDNIGHT}),
        ("DateSent<=2018-08-13", {"sent_before": MIDNIGHT}),
        ("DateSent%3E=2018-08-13T21%3A38%3A46Z", {"sent_from": AT}),
        ("DateSent>=2018-08-13&DateSent<=2018-08-14", {"sent_from": MIDNIGHT, "sent_before": MIDNIGHT + DAY}),
    ],
)
def test_filters(query: str, wanted: dict[str, Any]) -> None:
    world = World()
    assert world.ask("GET", LIST, query_string=query).status_code == 200
    assert world.store.asked == [(PROJECT, MessageFilter(**wanted))]


def test_links_carry_the_filters_as_they_were_given() -> None:
    page = World().ask("GET", LIST, query_string="DateSent<=2018-08-13&Status=sending&Unknown=x").json
    assert page["uri"] == f"{LIST}?Status=sending&DateSent%3C=2018-08-13&Page=0&PageSize=50"


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ("Status=Sent", 422, 10000),
        ("Status=accepted", 422, 10000),
        ("DateSent=yesterday", 422, 10000),
        ("DateSent%3E=2018-13-01", 422, 10000),
        ("Page=1", 400, 54453),
        ("Page=-1", 400, 54453),
        ("Page=1&PageToken=", 400, 54453),
        ("PageToken=PA1", 400, 21481),
        ("PageSize=1001", 400, 54454),
    ],
)
def test_wrong_queries(query: str, status: int, code: int) -> None:
    answer = World().ask("GET", LIST, query_string=query)
    assert (answer.status_code, answer.json["code"], answer.json["status"]) == (status, code, status)


def test_an_empty_page_token_is_none() -> None:
    assert World().ask("GET", LIST, query_string="Page=0&PageToken=").json["page"] == 0


def test_unknown_malformed_and_deleted_messages_are_not_found() -> None:
    world = World()
    world.store.messages = [a_message(2, deleted_at=AT)]
    for sid in (message_id(1), message_id(2), "1", "0190d5a2", "%00", "x" * 36):
        answer = world.ask("GET", f"{LIST}/{sid}")
        assert (answer.status_code, answer.json["code"]) == (404, 20404)


def test_redact() -> None:
    world = World()
    world.store.messages = [a_message(state=State.DELIVERED)]
    answer = world.ask("POST", ONE, body="Body=")
    assert (answer.status_code, answer.json["body"]) == (200, "")
    world.ask("POST", ONE, body="Body=text")
    world.ask("POST", ONE, body="")
    assert world.records.asked == [("redact", message_id(1), given) for given in ("", "text", None)]


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (Fault.REDACT_WITH_TEXT, 50509),
        (Fault.REDACT_IN_PROGRESS, 10000),
        (Fault.REDACT_WITHOUT_BODY, 10000),
    ],
)
def test_refused_redaction(fault: Fault, code: int) -> None:
    world = World()
    world.records.fault = refuse(fault)
    answer = world.ask("POST", ONE, body="Body=x")
    assert (answer.status_code, answer.json["code"]) == (422, code)


def test_delete() -> None:
    world = World()
    answer = world.ask("DELETE", ONE)
    assert (answer.status_code, answer.content) == (204, b"")
    assert "content-type" not in answer.headers
    assert world.records.asked == [("delete", message_id(1))]
    world.records.fault = refuse(Fault.DELETE_IN_PROGRESS)
    answer = world.ask("DELETE", ONE)
    assert (answer.status_code, answer.json["code"]) == (422, 20009)


def test_body_is_null_where_there_was_none() -> None:
    world = World()
    world.acceptor.answer = Sent(message=replace(a_message(), body=None))
    assert world.ask("POST", LIST, body="").json["body"] is None
