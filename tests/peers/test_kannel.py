"""Debian's Kannel, bound to us as a customer: text, long text and Unicode out, receipts and inbound messages back."""

import os
import urllib.parse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kannel
import pytest
from kannel import Kannel

from servers import Received, Sink, wait_until
from smpp_customer import Smsc

if kannel.BEARERBOX is None:
    if os.environ.get("CI") == "true":
        raise RuntimeError("Debian's kannel is not installed, and with CI=true nothing may be left out")
    pytest.skip("Debian's kannel is not installed (apt-get install kannel)", allow_module_level=True)

DELIVERED, FAILED, ACCEPTED = "1", "2", "8"
"""Kannel's kinds of receipts: from the handset, that it failed, from the SMSC."""

UNREACHABLE = "+15005553003"


@pytest.fixture(scope="module")
def sink() -> Iterator[Sink]:
    with Sink() as receiver:
        yield receiver


@pytest.fixture(scope="module")
def box(smsc: Smsc, sink: Sink, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kannel]:
    credential = smsc.credential("kannel")
    smsc.give_number(credential, smsc.server.credentials.numbers[1])
    directory: Path = tmp_path_factory.mktemp("kannel")
    with Kannel(directory, smsc.port, credential, sink) as made:
        yield made


def reported(sink: Sink, tag: str, kind: str) -> str:
    """What was answered, by Kannel's report of that kind."""

    def found(requests: list[Received]) -> Received | None:
        return next((each for each in requests if each.path == f"/dlr/{tag}" and each.form["type"] == kind), None)

    report = sink.wait_for(found)
    assert report is not None
    return report.form["answer"]


def newest(smsc: Smsc, to: str) -> dict[str, Any]:
    project = smsc.server.credentials.project_id
    path = f"/api/laml/2010-04-01/Accounts/{project}/Messages?To={urllib.parse.quote(to)}"

    def found() -> dict[str, Any] | None:
        messages = smsc.server.request("GET", path).json()["messages"]
        return messages[0] if messages else None

    message = wait_until(found, f"a message to {to}")
    assert message is not None
    return message


@pytest.mark.parametrize(
    ("tag", "text", "fields"),
    [
        ("short", "hello", {}),
        ("gsm", "Grüße, €5 [now] {or} ~never|", {}),
        ("long", "a long text, in parts. " * 20, {}),
        ("unicode", "Привет 世界", {"coding": "2"}),
        ("unicode-long", "длинное сообщение " * 12, {"coding": "2"}),
    ],
)
def test_a_text_arrives_whole_and_its_receipts_come_back(
    smsc: Smsc, sink: Sink, box: Kannel, tag: str, text: str, fields: dict[str, str]
) -> None:
    to = f"+1312555{1000 + len(text)}"
    assert box.send(smsc.number, to, text, tag=tag, **fields).startswith("0: Accepted")
    assert reported(sink, tag, ACCEPTED).startswith("ACK")
    assert "stat:DELIVRD" in reported(sink, tag, DELIVERED)
    message = newest(smsc, to)
    assert (message["body"], message["from"], message["status"]) == (text, smsc.number, "delivered")


def test_an_undelivered_message_is_reported(smsc: Smsc, sink: Sink, box: Kannel) -> None:
    box.send(smsc.number, UNREACHABLE, "hello", tag="unreachable")
    answer = reported(sink, "unreachable", FAILED)
    assert "stat:UNDELIV" in answer and "err:003" in answer


def test_a_refused_submit_is_reported(sink: Sink, box: Kannel) -> None:
    box.send("+13125550000", "+13125551999", "hello", tag="refused")
    answer = reported(sink, "refused", "16")
    assert answer.startswith("NACK") and "0x0000000a" in answer.lower()


@pytest.mark.parametrize("text", ["hello there", "Grüße €", "Привет", "long inbound " * 30])
def test_an_inbound_message_reaches_its_service(smsc: Smsc, sink: Sink, box: Kannel, text: str) -> None:
    number = smsc.server.credentials.numbers[1]
    before = len(sink.received("/mo"))
    smsc.inbound(number, text, "+13125550177")
    asked = sink.wait_for_request("/mo", before + 1)
    assert (asked.form["from"], asked.form["to"]) == ("+13125550177", number)
    query = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(asked.url).query, encoding="latin-1"))
    assert query["text"].encode("latin-1").decode(query["charset"]) == text.strip()
