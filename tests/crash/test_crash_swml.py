"""A SWML document's run that a kill breaks off is done again from its start, and sends nothing twice."""

import json
from typing import Any

import pytest

from caller import NUMBERS, Caller, new_handset
from heliograph.carriers.journal import accepted_counts
from servers import Answer, HeliographServer, ServerFactory, Sink, wait_until

SETTINGS = {"simulator_answer_ms": 5, "simulator_receipt_ms": 5, "swml_request_seconds": 30, "swml_seconds": 120}
HELD = Answer(hold=True)
"""The server is killed while it waits for this answer."""


def document(*steps: Any) -> Answer:
    return Answer(body=json.dumps({"sections": {"main": list(steps)}}).encode(), content_type="application/json")


def replies(api: Caller, handset: str) -> list[dict[str, Any]]:
    """Oldest first."""
    return list(api.get(f"{api.messages}?To=%2B{handset[1:]}")["messages"])[::-1]


@pytest.mark.parametrize("point", ["document", "lookup", "next"])
def test_a_kill_within_a_run_repeats_no_reply(
    server: ServerFactory, store_url: str | None, sink: Sink, point: str
) -> None:
    node = server(database_url=store_url, settings=SETTINGS)
    api = Caller.of(node)
    answers = {
        "lookup": Answer(body=b'{"name": "Ada"}'),
        "next": document({"reply": "third"}, {"reply": "%{reply_result}"}),
        "document": document(
            {"reply": "first"},
            {"request": {"url": sink.url("/lookup"), "save_variables": True}},
            {"reply": "second, %{request_response.name}"},
            {"transfer": {"dest": sink.url("/next")}},
        ),
    }
    for name, answer in answers.items():
        sink.answer(f"/{name}", *([HELD, answer] if name == point else [answer]))
    given = {"message_handler": "relay_script", "message_request_url": sink.url("/document")}
    assert api.ask("PUT", f"{NUMBERS}/{api.number()['sid']}", body=given).status == 200
    handset = new_handset()
    body = {"from": handset, "to": api.sender, "body": "Hello"}
    arrived = api.ask("POST", "/api/heliograph/simulator/inbound", body=body).json()["id"]
    sink.wait_for_request(f"/{point}")
    _once_kept(api, handset, {"document": 0, "lookup": 1, "next": 2}[point])
    node.kill()
    node.start()
    api.once(arrived, "received")
    expected = ["first", "second, Ada", "third", "queued"]
    assert [each["body"] for each in replies(api, handset)] == expected
    for each in replies(api, handset):
        api.once(each["sid"], "delivered")
    _sent_once(node, [each["sid"] for each in replies(api, handset)])
    assert len(sink.received("/document")) == 2 and len(sink.received(f"/{point}")) == 2
    ended = [line for line in api.timeline(arrived) if line["kind"] == "swml_ended"]
    assert [line["detail"] for line in ended] == ["documents: 2, steps: 6, requests: 1, replies: 4"]


def _once_kept(api: Caller, handset: str, count: int) -> None:
    wait_until(lambda: len(replies(api, handset)) >= count, f"{count} replies")


def _sent_once(node: HeliographServer, sent: list[str]) -> None:
    counts = accepted_counts(node.data / "simulator.journal")
    assert [counts.get(each) for each in sent] == [1] * len(sent)
