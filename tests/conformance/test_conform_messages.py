"""cXML: Messages and Message Media."""

import uuid
from email.utils import parsedate_to_datetime
from urllib.parse import quote

import claims
from claims import RFC_2822, UUID

from caller import Caller, new_handset
from servers import Answer, Sink

PICTURE = Answer(body=b"\x89PNG....", content_type="image/png")
NEVER_ANSWERED = "+15005554001"
UNDELIVERED = "+15005553003"


def test_a_message_that_was_just_made(api: Caller) -> None:
    to = new_handset()
    reply = api.ask("POST", api.messages, form={"To": to, "From": api.sender, "Body": "Hello"})
    made = claims.answered("cxml.create_message", reply)
    uri = f"{api.messages}/{made['sid']}"
    claims.fields(
        "cxml.Message",
        made,
        {
            "sid": UUID,
            "account_sid": api.project_id,
            "api_version": "2010-04-01",
            "from": api.sender,
            "to": to,
            "body": "Hello",
            "num_segments": 1,
            "num_media": 0,
            "date_created": RFC_2822,
            "date_updated": made["date_created"],
            "date_sent": None,
            "direction": "outbound-api",
            "status": "queued",
            "price": None,
            "price_unit": "USD",
            "error_code": None,
            "error_message": None,
            "messaging_service_sid": None,
            "uri": uri,
            "subresource_uris": {"media": f"{uri}/Media"},
            "subresource_uris.media": f"{uri}/Media",
        },
    )
    claims.effects("cxml.create_message", {"To": (made["to"], to), "From": (made["from"], api.sender)})


def test_a_message_that_was_delivered(api: Caller) -> None:
    """What changes with time, and what a long text costs."""
    sid = api.delivered(Body="a" * 161)["sid"]
    shown = claims.answered("cxml.retrieve_message", api.ask("GET", f"{api.messages}/{sid}"))
    claims.fields(
        "cxml.Message",
        shown,
        {
            "sid": sid,
            "status": "delivered",
            "body": "a" * 161,
            "num_segments": 2,
            "price": 0.0166,
            "date_sent": RFC_2822,
            "date_updated": RFC_2822,
        },
    )
    claims.effects("cxml.create_message", {"Body": (shown["body"], "a" * 161)})


def test_a_message_that_failed_says_why(api: Caller) -> None:
    shown = api.once(api.send(To=UNDELIVERED)["sid"], "undelivered")
    claims.fields(
        "cxml.Message",
        shown,
        {
            "status": "undelivered",
            "error_code": "30003",
            "error_message": "The destination handset is switched off or out of reach.",
        },
    )


def test_a_message_that_came_in(api: Caller) -> None:
    handset = new_handset()
    shown = api.received("A question", **{"from": handset})
    claims.fields(
        "cxml.Message",
        shown,
        {
            "direction": "inbound",
            "status": "received",
            "from": handset,
            "to": api.sender,
            "body": "A question",
            "price": 0.00415,
        },
    )


def test_media_url(api: Caller, receiver: Sink, path: str) -> None:
    picture = receiver.answer(path, PICTURE)
    made = api.send(MediaUrl=[picture, picture], Body="")
    claims.effects("cxml.create_message", {"MediaUrl": (made["num_media"], 2)})
    claims.fields("cxml.Message", made, {"num_media": 2, "body": None})


def test_send_as_mms(api: Caller) -> None:
    forced, plain = api.send(SendAsMms="true"), api.send(SendAsMms="false")
    claims.effects(
        "cxml.create_message",
        {"SendAsMms": ([api.log(each["sid"])["kind"] for each in (forced, plain)], ["mms", "sms"])},
    )


def test_application_sid(api: Caller, receiver: Sink, path: str) -> None:
    form = {"FriendlyName": "callbacks", "SmsStatusCallback": receiver.url(path)}
    application = api.ask("POST", f"{api.account}/Applications", form=form).json()
    sid = api.delivered(ApplicationSid=application["sid"])["sid"]
    called = receiver.wait_for_request(path, 3)
    claims.effects("cxml.create_message", {"ApplicationSid": (called.form["MessageSid"], sid)})


def test_max_price(api: Caller) -> None:
    dear, cheap = api.send(MaxPrice="0.0082"), api.send(MaxPrice="0.0083")
    found = (api.once(dear["sid"], "failed")["error_code"], api.once(cheap["sid"], "delivered")["error_code"])
    claims.effects("cxml.create_message", {"MaxPrice": (found, ("30010", None))})


def test_status_callback(api: Caller, receiver: Sink, path: str) -> None:
    sid = api.delivered(StatusCallback=receiver.url(path))["sid"]
    called = receiver.wait_for_request(path, 3)
    claims.effects("cxml.create_message", {"StatusCallback": (called.form["MessageSid"], sid)})


def test_validity_period(api: Caller) -> None:
    shown = api.once(api.send(To=NEVER_ANSWERED, ValidityPeriod="1")["sid"], "undelivered")
    claims.effects("cxml.create_message", {"ValidityPeriod": (shown["error_code"], "30009")})


def test_redaction(api: Caller) -> None:
    sid = api.delivered(Body="A secret")["sid"]
    shown = claims.answered("cxml.update_message", api.ask("POST", f"{api.messages}/{sid}", form={"Body": ""}))
    claims.effects("cxml.update_message", {"Body": ((shown["body"], api.message(sid)["body"]), ("", ""))})
    text = claims.refused("cxml.update_message", api.ask("POST", f"{api.messages}/{sid}", form={"Body": "no"}), 422)
    claims.fields(
        "cxml.Error",
        text,
        {"code": 50509, "status": 422, "message": claims.TEXT, "more_info": claims.Like(".*50509.*")},
    )


def test_deletion(api: Caller) -> None:
    sid = api.delivered()["sid"]
    claims.answered("cxml.delete_message", api.ask("DELETE", f"{api.messages}/{sid}"))
    claims.refused("cxml.retrieve_message", api.ask("GET", f"{api.messages}/{sid}"), 404)


def test_the_list_of_messages(api: Caller) -> None:
    to = new_handset()
    made = api.delivered(To=to)
    shown = claims.answered("cxml.list_messages", api.ask("GET", f"{api.messages}?To={quote(to)}"))
    claims.fields("cxml.MessageList", shown, {"messages": [made]})

    def found(query: str) -> list[str]:
        return [each["sid"] for each in api.get(f"{api.messages}?To={quote(to)}&{query}")["messages"]]

    one, none = [made["sid"]], list[str]()
    claims.effects(
        "cxml.list_messages",
        {
            "To": ([each["to"] for each in shown["messages"]], [to]),
            "From": ((found(f"From={quote(api.sender)}"), found("From=%2B15550001111")), (one, none)),
            "Status": ((found("Status=delivered"), found("Status=failed")), (one, none)),
            "DateSent": ((found(f"DateSent={_day(made)}"), found("DateSent=2020-01-01")), (one, none)),
            "DateSent<": ((found("DateSent%3C=2099-01-01"), found("DateSent%3C=2020-01-01")), (one, none)),
            "DateSent>": ((found("DateSent%3E=2020-01-01"), found("DateSent%3E=2099-01-01")), (one, none)),
        },
    )


def test_media(api: Caller, receiver: Sink, path: str) -> None:
    message = api.once(api.send(MediaUrl=receiver.answer(path, PICTURE))["sid"], "sent")
    listed = claims.answered("cxml.list_media", api.ask("GET", message["subresource_uris"]["media"]))
    (media,) = listed["media_list"]
    claims.fields(
        "cxml.MessageMedia",
        media,
        {
            "sid": UUID,
            "account_sid": api.project_id,
            "parent_sid": message["sid"],
            "content_type": "image/png",
            "date_created": RFC_2822,
            "date_updated": RFC_2822,
            "uri": f"{message['uri']}/Media/{media['sid']}",
        },
    )
    claims.fields("cxml.MessageMediaList", listed, {"media_list": [media]})
    record = claims.answered("cxml.retrieve_media", api.ask("GET", f"{media['uri']}.json"))
    assert record == media
    assert api.ask("GET", media["uri"]).body == PICTURE.body

    def found(query: str) -> int:
        return len(api.get(f"{message['uri']}/Media?{query}")["media_list"])

    claims.effects(
        "cxml.list_media",
        {
            "DateCreated": ((found(f"DateCreated={_day(message)}"), found("DateCreated=2020-01-01")), (1, 0)),
            "DateCreated<": ((found("DateCreated%3C=2099-01-01"), found("DateCreated%3C=2020-01-01")), (1, 0)),
            "DateCreated>": ((found("DateCreated%3E=2020-01-01"), found("DateCreated%3E=2099-01-01")), (1, 0)),
        },
    )
    claims.answered("cxml.delete_message_media", api.ask("DELETE", media["uri"]))
    claims.refused("cxml.retrieve_media", api.ask("GET", f"{media['uri']}.json"), 404)


def test_an_unknown_group_is_refused(api: Caller) -> None:
    reply = api.create(From="", MessagingServiceSid=str(uuid.uuid4()))
    assert claims.refused("cxml.create_message", reply, 422)["code"] == 21701


def _day(message: dict[str, str]) -> str:
    """The day of a message's creation, as a filter wants it."""
    return parsedate_to_datetime(message["date_created"]).date().isoformat()
