"""What is sent to an application: status callbacks, inbound messages."""

import claims
from claims import ISO_8601, UUID

from caller import Caller, new_handset
from servers import Sink

UNDELIVERED = "+15005553003"


def test_the_status_callback_of_a_cxml_message(api: Caller, receiver: Sink, path: str) -> None:
    sid = api.send(To=UNDELIVERED, Body="Hello", StatusCallback=receiver.url(path))["sid"]
    api.once(sid, "undelivered")
    told = [receiver.wait_for_request(path, each).form for each in (1, 2, 3)]
    assert [each["MessageStatus"] for each in told] == ["sending", "sent", "undelivered"]
    assert "ErrorCode" not in told[0]
    claims.fields(
        "webhook.smsStatusCallback",
        told[2],
        {
            "MessageStatus": "undelivered",
            "ErrorCode": "30003",
            "MessageSid": sid,
            "AccountSid": api.project_id,
            "From": api.sender,
            "To": UNDELIVERED,
            "Body": "Hello",
            "NumMedia": "0",
            "NumSegments": "1",
        },
    )


def test_the_status_callback_of_a_rest_message(api: Caller, receiver: Sink, path: str) -> None:
    hook = receiver.url(path)
    sid = api.rest_send(to=UNDELIVERED, body="Hello", status_callback=hook, custom_variables={"a": "b"})["id"]
    api.once(sid, "undelivered")
    told = [receiver.wait_for_request(path, each).json() for each in (1, 2, 3)]
    assert [each["status"] for each in told] == ["initiated", "sent", "undelivered"]
    for each in told:
        claims.conforms("webhook.messageStatusCallback", each)
    assert told[0]["error_code"] is None
    claims.fields(
        "webhook.messageStatusCallback",
        told[2],
        {
            "id": sid,
            "project_id": api.project_id,
            "status": "undelivered",
            "to": UNDELIVERED,
            "from": api.sender,
            "body": "Hello",
            "number_of_segments": 1,
            "timestamp": ISO_8601,
            "error_code": "30003",
            "error_message": "The destination handset is switched off or out of reach.",
            "custom_variables": {"a": "b"},
        },
    )


def test_variables_are_in_no_callback_of_a_message_without_them(api: Caller, receiver: Sink, path: str) -> None:
    api.rest_send(to=new_handset(), status_callback=receiver.url(path))
    assert "custom_variables" not in receiver.wait_for_request(path).json()
    assert receiver.wait_for_request(path).json()["id"] == UUID
