"""One message in its views: states, segments, media, charges, redaction, deletion (contract, sections 3 and 4.1)."""

import pytest

from caller import LOGS, REST_MESSAGES, Caller, new_handset
from servers import Answer, HeliographServer, Sink, wait_until

NEVER_ANSWERED = "+15005554001"
UNDELIVERED = "+15005553003"
REFUSED = "+15005554000"
PICTURE = Answer(body=b"\x89PNG....", content_type="image/png")
ALLOWED = (
    *(f"audio/{kind}" for kind in ("mp4", "mpeg", "mpeg3", "ogg", "vorbis", "vnd.wav", "ac3", "amr", "midi")),
    *(f"image/{kind}" for kind in ("jpeg", "gif", "png", "bmp")),
    *(f"text/{kind}" for kind in ("plain", "calendar", "vcard", "x-vcard")),
    *(f"video/{kind}" for kind in ("mpeg", "mp4", "quicktime", "h264", "3gp")),
)


# Views


def test_a_cxml_message_in_its_views(api: Caller) -> None:
    message = api.delivered(Body="Hello")
    log = api.log(message["sid"])
    assert (log["id"], log["from"], log["to"]) == (message["sid"], message["from"], message["to"])
    assert (message["direction"], log["direction"]) == ("outbound-api", "outbound-api")
    assert (log["source"], log["type"], log["kind"]) == ("laml", "laml_message", "sms")
    assert log["url"] == api.base_url + message["uri"]
    assert (message["price"], log["charge"]) == (0.0083, 0.0083)


def test_a_rest_message_in_its_views(api: Caller) -> None:
    made = api.rest_send(body="Hello")
    message = api.once(made["id"], "delivered")
    log = api.log(made["id"])
    assert (made["direction"], message["direction"], log["direction"]) == ("outbound", "outbound-api", "outbound")
    assert (log["source"], log["type"], log["url"]) == ("realtime_api", "relay_message", None)
    assert made["message_uri"] == f"{LOGS}/{made['id']}"
    assert made["project_id"] == message["account_sid"] == api.project_id


def test_initiated_is_sending_in_cxml(api: Caller) -> None:
    sid = api.send(To=NEVER_ANSWERED)["sid"]
    assert api.once(sid, "sending")["date_sent"] is None
    assert api.log(sid)["status"] == "initiated"
    for word in ("sending", "initiated"):
        page = api.get(f"{api.messages}?Status={word}&To=%2B{NEVER_ANSWERED[1:]}")
        assert sid in [each["sid"] for each in page["messages"]]


def test_receiving_is_received_outside_cxml(api: Caller, receiver: Sink, path: str) -> None:
    api.configure(SmsUrl=receiver.answer(path, Answer(hold=True)))
    sid = api.arrive()
    receiver.wait_for_request(path)
    assert (api.message(sid)["status"], api.log(sid)["status"]) == ("receiving", "received")
    assert sid in [each["sid"] for each in api.get(f"{api.messages}?Status=receiving")["messages"]]
    for refused in (
        api.ask("POST", f"{api.messages}/{sid}", form={"Body": ""}),
        api.ask("DELETE", f"{api.messages}/{sid}"),
    ):
        assert refused.status == 422
    receiver.release(path)
    assert api.once(sid, "received")["direction"] == "inbound"
    api.configure(SmsUrl="")


def test_an_inbound_message_in_its_views(api: Caller) -> None:
    message = api.received("A question")
    log = api.log(message["sid"])
    assert (message["direction"], log["direction"], log["source"]) == ("inbound", "inbound", "laml")
    assert (message["price"], log["charge"]) == (0.00415, 0.00415)
    assert log["charge_details"] == [{"description": "Inbound SMS", "charge": 0.00415}]
    assert message["date_sent"] == message["date_created"]


# Segments and charges


@pytest.mark.parametrize(
    ("body", "segments"),
    [
        ("x" * 160, 1),
        ("x" * 161, 2),
        ("x" * 306, 2),
        ("x" * 307, 3),
        ("€" * 80, 1),
        ("€" * 81, 2),
        ("x" * 152 + "€" + "x" * 10, 2),
        ("ж" * 70, 1),
        ("ж" * 71, 2),
        ("ж" * 134, 2),
        ("ж" * 135, 3),
        ("👋" * 35, 1),
        ("👋" * 36, 2),
        ("x" * 1600, 11),
    ],
)
def test_segments_and_their_charge(api: Caller, body: str, segments: int) -> None:
    message = api.delivered(Body=body)
    assert (message["num_segments"], message["body"]) == (segments, body)
    assert message["price"] == round(0.0083 * segments, 6)
    assert api.log(message["sid"])["number_of_segments"] == segments
    assert api.rest_send(body=body)["number_of_segments"] == segments


def test_a_body_has_at_most_1600_code_points(api: Caller) -> None:
    assert api.send(Body="👋" * 1600)["body"] == "👋" * 1600
    assert api.refusal(Body="👋" * 1601) == (422, 21617)


def test_an_mms_counts_one_and_costs_its_own(api: Caller) -> None:
    message = api.once(api.send(Body="x" * 500, SendAsMms="true")["sid"], "sent")
    assert (message["num_segments"], message["num_media"], message["price"]) == (1, 0, 0.02)
    assert api.log(message["sid"])["charge_details"] == [{"description": "Outbound MMS", "charge": 0.02}]
    assert api.rest_send(send_as_mms=True)["kind"] == "mms"


@pytest.mark.parametrize(("to", "status"), [(NEVER_ANSWERED, "sending"), (REFUSED, "failed")])
def test_what_was_not_sent_costs_nothing(api: Caller, to: str, status: str) -> None:
    message = api.once(api.send(To=to)["sid"], status)
    assert (message["price"], message["price_unit"], message["date_sent"]) == (None, "USD", None)
    log = api.log(message["sid"])
    assert (log["charge"], log["charge_details"]) == (0, [])


def test_what_was_sent_and_not_delivered_costs(api: Caller) -> None:
    assert api.once(api.send(To=UNDELIVERED)["sid"], "undelivered")["price"] == 0.0083


@pytest.mark.parametrize(
    ("price", "body", "status"),
    [
        ("0.0083", "x", "delivered"),
        ("0.0082", "x", "failed"),
        ("0.0165", "x" * 161, "failed"),
        ("1.", "x", "delivered"),
    ],
)
def test_a_price_above_max_price_fails(api: Caller, price: str, body: str, status: str) -> None:
    message = api.once(api.send(MaxPrice=price, Body=body)["sid"], "delivered", "failed")
    assert message["status"] == status
    if status == "failed":
        assert (message["error_code"], message["price"], message["date_sent"]) == ("30010", None, None)
        assert "initiated" not in [step["state"] for step in api.timeline(message["sid"])]


def test_a_validity_that_ends_unanswered_is_undelivered(api: Caller) -> None:
    message = api.once(api.send(To=NEVER_ANSWERED, ValidityPeriod="1")["sid"], "undelivered")
    assert message["error_code"] == "30009"


# Media


@pytest.mark.parametrize("kind", ALLOWED)
def test_allowed_media_are_sent(api: Caller, receiver: Sink, path: str, kind: str) -> None:
    url = receiver.answer(path, Answer(body=b"content", content_type=kind))
    message = api.once(api.send(Body="", MediaUrl=url)["sid"], "sent", "failed")
    assert (message["status"], message["body"], message["num_media"]) == ("sent", None, 1)
    (medium,) = api.get(f"{message['uri']}/Media")["media_list"]
    assert medium["content_type"] == kind
    bytes_of = api.ask("GET", medium["uri"], headers={"Authorization": None})
    assert (bytes_of.body, bytes_of.headers["content-type"].partition(";")[0]) == (b"content", kind)


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (Answer(body=b"<html>", content_type="text/html"), "12300"),
        (Answer(body=b"x", content_type="image/svg+xml"), "12300"),
        (Answer(body=b"x" * 1_200_001, content_type="image/png"), "11751"),
        (Answer(status=404), "63019"),
    ],
)
def test_media_that_can_not_be_sent_fail(api: Caller, receiver: Sink, path: str, answer: Answer, code: str) -> None:
    message = api.once(api.send(MediaUrl=receiver.answer(path, answer))["sid"], "sent", "failed")
    assert (message["status"], message["error_code"], message["price"]) == ("failed", code, None)


def test_the_limit_is_on_all_media_together(api: Caller, receiver: Sink, path: str) -> None:
    half = receiver.answer(path, Answer(body=b"x" * 600_000, content_type="image/png"))
    assert api.once(api.send(MediaUrl=[half, half])["sid"], "sent", "failed")["status"] == "sent"
    more = receiver.answer(f"{path}/more", Answer(body=b"x" * 600_001, content_type="image/png"))
    assert api.once(api.send(MediaUrl=[half, more])["sid"], "sent", "failed")["error_code"] == "11751"


def test_a_toll_free_number_takes_less(api: Caller, node: HeliographServer, receiver: Sink, path: str) -> None:
    node.run("number", "add", "+18005550100", "--data", str(node.data))
    limit = receiver.answer(path, Answer(body=b"x" * 750_000, content_type="image/png"))
    more = receiver.answer(f"{path}/more", Answer(body=b"x" * 750_001, content_type="image/png"))
    known = f"{api.account}/IncomingPhoneNumbers?PhoneNumber=8005550100"
    wait_until(lambda: api.get(known)["incoming_phone_numbers"], "the server to know the number")
    assert api.once(api.send(From="+18005550100", MediaUrl=limit)["sid"], "sent", "failed")["status"] == "sent"
    assert api.once(api.send(From="+18005550100", MediaUrl=more)["sid"], "sent", "failed")["error_code"] == "11751"


def test_media_are_fetched_once_and_kept_in_order(api: Caller, receiver: Sink, path: str) -> None:
    kinds = ["image/png", "image/gif", "image/jpeg", "text/plain"]
    urls = [receiver.answer(f"{path}/{n}", Answer(body=b"x", content_type=kind)) for n, kind in enumerate(kinds)]
    message = api.once(api.send(MediaUrl=urls)["sid"], "sent")
    listed = api.get(f"{message['uri']}/Media")["media_list"]
    assert [each["content_type"] for each in listed] == kinds
    assert all(len(receiver.received(f"{path}/{n}")) == 1 for n in range(4))
    assert {each["parent_sid"] for each in listed} == {message["sid"]}


def test_a_medium_is_a_record_or_its_bytes(api: Caller, receiver: Sink, path: str) -> None:
    message = api.once(api.send(MediaUrl=receiver.answer(path, PICTURE))["sid"], "sent")
    (medium,) = api.get(f"{message['uri']}/Media")["media_list"]
    assert api.get(medium["uri"] + ".json") == medium
    assert api.get(medium["uri"], headers={"Accept": "application/json"}) == medium
    assert api.ask("GET", medium["uri"]).body == PICTURE.body
    for headers in ({"Accept": "application/json"}, {}):
        anonymous = api.ask(
            "GET", medium["uri"] + ("" if headers else ".json"), headers={"Authorization": None, **headers}
        )
        assert anonymous.status == 401
    assert api.ask("DELETE", medium["uri"], headers={"Authorization": None}).status == 401
    assert api.ask("DELETE", medium["uri"]).status == 204
    assert api.ask("DELETE", medium["uri"]).status == 404
    assert api.ask("GET", medium["uri"]).status == 404
    assert api.get(f"{message['uri']}/Media")["media_list"] == []


def test_media_of_a_message_in_progress_stay(api: Caller, receiver: Sink, path: str) -> None:
    sid = api.send(To=NEVER_ANSWERED, MediaUrl=receiver.answer(path, PICTURE))["sid"]
    listed = wait_until(lambda: api.get(f"{api.messages}/{sid}/Media")["media_list"], "the medium to be there")
    reply = api.ask("DELETE", listed[0]["uri"])
    assert (reply.status, reply.json()["code"]) == (422, 20009)


def test_inbound_media_are_there_at_once(api: Caller, receiver: Sink, path: str) -> None:
    message = api.message(api.arrive(media=[receiver.answer(path, PICTURE)]))
    (medium,) = api.get(f"{message['uri']}/Media")["media_list"]
    assert (message["num_media"], medium["content_type"]) == (1, "image/png")
    assert api.ask("GET", medium["uri"], headers={"Authorization": None}).body == PICTURE.body


# Redaction and deletion


def _redact(api: Caller, sid: str, **form: str) -> tuple[int, int]:
    reply = api.ask("POST", f"{api.messages}/{sid}", form=form or {"Unheard": "of"})
    return reply.status, reply.json().get("code", 0)


def test_a_finished_message_is_redacted_for_good(api: Caller) -> None:
    finished = [
        api.delivered(Body="secret")["sid"],
        api.once(api.send(To=UNDELIVERED, Body="secret")["sid"], "undelivered")["sid"],
        api.once(api.send(To=REFUSED, Body="secret")["sid"], "failed")["sid"],
        api.once(api.send(To="+15005554002", Body="secret")["sid"], "sent")["sid"],
        api.received("secret")["sid"],
    ]
    for sid in finished:
        assert _redact(api, sid) == (422, 10000)
        assert _redact(api, sid, Body="another") == (422, 50509)
        assert api.message(sid)["body"] == "secret"
        assert _redact(api, sid, Body="") == (200, 0)
        assert api.message(sid)["body"] == ""
        assert _redact(api, sid, Body="") == (200, 0)
        assert api.ask("PATCH", f"{REST_MESSAGES}/{sid}", body={"body": ""}).json()["body"] == ""


def test_a_message_in_progress_is_not_redacted_nor_deleted(api: Caller) -> None:
    sid = api.once(api.send(To=NEVER_ANSWERED)["sid"], "sending")["sid"]
    assert _redact(api, sid, Body="") == (422, 10000)
    reply = api.ask("PATCH", f"{REST_MESSAGES}/{sid}", body={"body": ""})
    assert (reply.status, reply.json()["errors"][0]["code"]) == (422, "cannot_redact_in_progress_message")
    reply = api.ask("DELETE", f"{api.messages}/{sid}")
    assert (reply.status, reply.json()["code"]) == (422, 20009)
    assert api.message(sid)["body"] == "Hello"


def test_callbacks_still_owed_lose_the_body_too(api: Caller, receiver: Sink, path: str) -> None:
    callback = receiver.answer(path, Answer(hold=True))
    sid = api.send(Body="secret", StatusCallback=callback)["sid"]
    api.once(sid, "delivered")
    receiver.wait_for_request(path)  # the first one is under way, with its body
    assert _redact(api, sid, Body="") == (200, 0)
    receiver.release(path)
    told = [receiver.wait_for_request(path, count).form for count in (1, 2, 3)]
    assert [each["MessageStatus"] for each in told] == ["sending", "sent", "delivered"]
    assert [each["Body"] for each in told] == ["secret", "", ""]


def test_a_deleted_message_is_gone_but_for_its_log(api: Caller, receiver: Sink, path: str) -> None:
    sid = api.once(api.send(MediaUrl=receiver.answer(path, PICTURE))["sid"], "sent")["sid"]
    (medium,) = api.get(f"{api.messages}/{sid}/Media")["media_list"]
    gone = api.ask("DELETE", f"{api.messages}/{sid}")
    assert (gone.status, gone.body) == (204, b"")
    for method, where in (
        ("GET", f"{api.messages}/{sid}"),
        ("POST", f"{api.messages}/{sid}"),
        ("DELETE", f"{api.messages}/{sid}"),
        ("GET", f"{api.messages}/{sid}/Media"),
        ("GET", medium["uri"]),
        ("GET", medium["uri"] + ".json"),
        ("DELETE", medium["uri"]),
    ):
        assert api.ask(method, where, form={"Body": ""}).status == 404, (method, where)
    assert api.ask("PATCH", f"{REST_MESSAGES}/{sid}", body={"body": ""}).status == 404
    assert sid not in [each["sid"] for each in api.get(api.messages)["messages"]]
    assert sid not in [each["id"] for each in api.get(LOGS)["data"]]
    assert sid in [each["id"] for each in api.get(f"{LOGS}?include_deleted=TRUE")["data"]]
    assert api.log(sid)["id"] == sid


def test_two_messages_may_share_what_they_say(api: Caller) -> None:
    to = new_handset()
    assert len({api.send(To=to)["sid"] for _ in range(5)}) == 5
