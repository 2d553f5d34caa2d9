"""Inbound messages and the documents that their handlers answer with (contract, sections 8 and 9)."""

from collections.abc import Iterator
from typing import Any

import pytest
from twilio.request_validator import RequestValidator

from caller import Caller, new_handset
from servers import Answer, HeliographServer, Received, Sink

SETTINGS = {"callback_retry_seconds": 0.05}
FIELDS = ["MessageSid", "SmsSid", "AccountSid", "From", "To", "Body", "NumMedia", "NumSegments"]
AWKWARD = "Grüße & 100% + a=b?\n👋"
XML = "text/xml"


def cxml(inside: str) -> Answer:
    """A document."""
    return Answer(
        body=f'<?xml version="1.0" encoding="UTF-8"?><Response>{inside}</Response>'.encode(), content_type=XML
    )


@pytest.fixture(autouse=True)
def no_handler_left(api: Caller) -> Iterator[None]:
    """The number is as it was after each test."""
    yield
    api.configure(SmsUrl="", SmsMethod="POST", SmsFallbackUrl="", SmsFallbackMethod="POST", SmsApplicationSid="")


def replies_to(api: Caller, handset: str) -> list[dict[str, Any]]:
    """The messages to a handset, oldest first."""
    return list(api.get(f"{api.messages}?To=%2B{handset[1:]}")["messages"])[::-1]


def faults(api: Caller, message: dict[str, Any]) -> list[tuple[str, str | None]]:
    """What a message's timeline says beside its states: (kind, code)."""
    return [(step["kind"], step["error_code"]) for step in api.timeline(message["sid"]) if step["kind"] != "state"]


# What a handler is asked with


@pytest.mark.parametrize("method", ["POST", "GET"])
def test_the_handler_is_asked_with_the_message(
    api: Caller, node: HeliographServer, receiver: Sink, path: str, method: str
) -> None:
    api.configure(SmsUrl=receiver.url(f"{path}?tenant=a%20b#rt=3000"), SmsMethod=method)
    handset = new_handset()
    message = api.received(AWKWARD, **{"from": handset})
    (request,) = receiver.received(path)
    form = {name: text for name, text in request.form.items() if name != "tenant"}
    assert (request.method, list(form)) == (method, FIELDS)
    assert form == {
        "MessageSid": message["sid"],
        "SmsSid": message["sid"],
        "AccountSid": api.project_id,
        "From": handset,
        "To": api.sender,
        "Body": AWKWARD,
        "NumMedia": "0",
        "NumSegments": "1",
    }
    assert request.url.startswith(receiver.url(f"{path}?tenant=a%20b")) and "#" not in request.url
    signature = request.headers["x-twilio-signature"]
    assert signature == request.headers["x-signalwire-signature"]
    parameters = request.form if method == "POST" else {}
    assert RequestValidator(node.credentials.signing_key).validate(request.url, parameters, signature)


def test_the_handler_is_told_of_media_that_it_can_fetch(api: Caller, receiver: Sink, path: str) -> None:
    kinds = ["image/png", "text/plain"]
    urls = [
        receiver.answer(f"{path}/{n}", Answer(body=b"x" * (n + 1), content_type=kind)) for n, kind in enumerate(kinds)
    ]
    api.configure(SmsUrl=receiver.url(path))
    api.received("", media=urls)
    form = receiver.received(path)[0].form
    assert list(form)[8:] == ["MediaUrl0", "MediaContentType0", "MediaUrl1", "MediaContentType1"]
    assert (form["NumMedia"], form["NumSegments"], form["Body"]) == ("2", "1", "")
    for place, kind in enumerate(kinds):
        assert form[f"MediaContentType{place}"] == kind
        address = form[f"MediaUrl{place}"]
        assert address.startswith(f"{api.base_url}/api/laml/2010-04-01/Accounts/{api.project_id}/Messages/")
        fetched = api.ask("GET", address.removeprefix(api.base_url), headers={"Authorization": None})
        assert fetched.body == b"x" * (place + 1)
        assert len(receiver.received(f"{path}/{place}")) == 1


def test_a_number_without_a_handler_just_receives(api: Caller) -> None:
    assert faults(api, api.received()) == []


def test_an_alphanumeric_sender_is_kept_raw(api: Caller, receiver: Sink, path: str) -> None:
    api.configure(SmsUrl=receiver.url(path))
    assert api.received(**{"from": "HELIOGRAPH"})["from"] == "HELIOGRAPH"
    assert receiver.received(path)[0].form["From"] == "HELIOGRAPH"


def test_an_application_s_handler_wins_over_a_url(api: Caller, receiver: Sink, path: str) -> None:
    settings = {"FriendlyName": "a", "SmsUrl": receiver.url(path), "SmsMethod": "GET"}
    application = api.ask("POST", f"{api.account}/Applications", form=settings).json()["sid"]
    api.configure(SmsUrl=receiver.url(f"{path}/own"), SmsApplicationSid=application)
    api.received()
    assert [each.method for each in receiver.received(path)] == ["GET"]
    assert receiver.received(f"{path}/own") == []


def test_the_handler_may_be_set_in_relay_rest(api: Caller, receiver: Sink, path: str) -> None:
    body = {
        "message_handler": "laml_webhooks",
        "message_request_url": receiver.url(path),
        "message_request_method": "GET",
    }
    number = f"/api/relay/rest/phone_numbers/{api.number()['sid']}"
    assert api.ask("PUT", number, body=body).status == 200
    api.received()
    assert receiver.received(path)[0].method == "GET"
    assert api.ask("PUT", number, body={"message_handler": None}).status == 200
    api.received()
    assert len(receiver.received(path)) == 1


# Replies


def test_a_reply_goes_back_as_outbound_reply(api: Caller, receiver: Sink, path: str) -> None:
    api.configure(SmsUrl=receiver.answer(path, cxml("<Message>  Hello &amp; goodbye\n</Message>")))
    handset = new_handset()
    message = api.received(**{"from": handset})
    (reply,) = replies_to(api, handset)
    assert (reply["direction"], reply["from"], reply["body"]) == ("outbound-reply", api.sender, "Hello & goodbye")
    assert api.once(reply["sid"], "delivered")["price"] == 0.0083
    log = api.log(reply["sid"])
    assert (log["direction"], log["source"], log["type"]) == ("outbound-reply", "laml", "laml_message")
    assert faults(api, message) == [("replied", None)]


def test_replies_with_all_that_they_may_have(api: Caller, receiver: Sink, path: str) -> None:
    other, picture = new_handset(), receiver.answer(f"{path}/a.png", Answer(body=b"x", content_type="image/png"))
    api.configure(
        SmsUrl=receiver.answer(
            path,
            cxml(
                f'<Message to="{other}" from="+12025550102" statusCallback="{path}/status">'
                f"<Body>One, </Body><Body>two </Body><Media>{picture}</Media><Media>a.png</Media></Message>"
                "<Message>Second</Message>"
            ),
        )
    )
    receiver.answer(f"{path.rpartition('/')[0]}/a.png", Answer(body=b"y", content_type="image/gif"))
    handset = new_handset()
    api.received(**{"from": handset})
    (first,) = replies_to(api, other)
    assert (first["from"], first["body"], first["num_media"]) == ("+12025550102", "One, two", 2)
    assert api.once(first["sid"], "sent")["price"] == 0.02
    media = api.get(f"{first['uri']}/Media")["media_list"]
    assert [each["content_type"] for each in media] == ["image/png", "image/gif"]
    told = receiver.wait_for_request(f"{path}/status", 2)
    assert told.form["MessageStatus"] == "sent"
    assert [each["body"] for each in replies_to(api, handset)] == ["Second"]


def test_a_reply_may_have_ten_media_and_no_more(api: Caller, receiver: Sink, path: str) -> None:
    def media(count: int) -> str:
        return f"<Message>{f'<Media>{receiver.url(path)}/a.png</Media>' * count}</Message>"

    receiver.answer(f"{path}/a.png", Answer(body=b"x", content_type="image/png"))
    api.configure(SmsUrl=receiver.answer(path, cxml(media(10) + media(11))))
    handset = new_handset()
    message = api.received(**{"from": handset})
    assert [each["num_media"] for each in replies_to(api, handset)] == [10]
    assert faults(api, message) == [("replied", None), ("reply_refused", "21623")]


@pytest.mark.parametrize(
    ("verb", "code"),
    [
        ("<Message></Message>", "21602"),
        (f"<Message>{'x' * 1601}</Message>", "21617"),
        ('<Message to="nobody">a</Message>', "21211"),
        ('<Message from="+19995550000">a</Message>', "21210"),
        ("<Message><Media>ftp://example.com/a</Media></Message>", "21620"),
        ('<Message to="+15005550004">a</Message>', "21610"),
    ],
)
def test_a_reply_that_create_would_refuse_is_skipped(
    api: Caller, receiver: Sink, path: str, verb: str, code: str
) -> None:
    api.configure(SmsUrl=receiver.answer(path, cxml(f"{verb}<Message>next</Message>")))
    handset = new_handset()
    message = api.received(**{"from": handset})
    assert [each["body"] for each in replies_to(api, handset)] == ["next"]
    assert faults(api, message) == [("reply_refused", code), ("replied", None)]


@pytest.mark.parametrize("answer", [Answer(), Answer(status=204), Answer(body=b" \n"), cxml(""), cxml("<!-- none -->")])
def test_nothing_to_do(api: Caller, receiver: Sink, path: str, answer: Answer) -> None:
    api.configure(SmsUrl=receiver.answer(path, answer), SmsFallbackUrl=receiver.url(f"{path}/fallback"))
    assert faults(api, api.received()) == []
    assert receiver.received(f"{path}/fallback") == []


def test_an_unknown_verb_is_a_warning(api: Caller, receiver: Sink, path: str) -> None:
    api.configure(SmsUrl=receiver.answer(path, cxml("<Dial>1</Dial><message>no</message><Message>yes</Message>")))
    handset = new_handset()
    message = api.received(**{"from": handset})
    assert [each["body"] for each in replies_to(api, handset)] == ["yes"]
    assert [kind for kind, _ in faults(api, message)] == ["handler_warning", "handler_warning", "replied"]


# Handing over


def test_redirect_hands_over_with_the_same_parameters(api: Caller, receiver: Sink, path: str) -> None:
    next_one = f'<Redirect method="GET">{path}/next?a=b</Redirect>'
    api.configure(SmsUrl=receiver.answer(path, cxml(f"<Message>1</Message>{next_one}<Message>never</Message>")))
    receiver.answer(f"{path}/next", cxml(f"<Redirect>{path.rpartition('/')[2]}/last</Redirect>"))
    handset = new_handset()
    message = api.received(**{"from": handset})
    assert [each["body"] for each in replies_to(api, handset)] == ["1"]
    (second,) = receiver.received(f"{path}/next")
    # Relative to the document that says so, which was at <path>/next.
    (third,) = receiver.received(f"{path}/{path.rpartition('/')[2]}/last")
    assert (second.method, third.method) == ("GET", "POST")
    assert second.form == {"a": "b"} | third.form
    assert third.form["MessageSid"] == message["sid"] and "MessageStatus" not in third.form


@pytest.mark.parametrize(
    ("verb", "told"),
    [
        ("<Message action='{0}/action'>a</Message>", {"MessageStatus": "sending"}),
        ("<Message action='{0}/action' method='GET'>a</Message>", {"MessageStatus": "sending"}),
        ("<Message action='{0}/action' to='nobody'>a</Message>", {"MessageStatus": "invalid", "ErrorCode": "21211"}),
        ("<Message action='{0}/action'/>", {"MessageStatus": "failed", "ErrorCode": "21602"}),
    ],
)
def test_action_hands_over_and_tells_of_the_reply(
    api: Caller, receiver: Sink, path: str, verb: str, told: dict[str, str]
) -> None:
    api.configure(SmsUrl=receiver.answer(path, cxml(verb.format(path) + "<Message>never</Message>")))
    receiver.answer(f"{path}/action", cxml("<Message>after</Message>"))
    handset = new_handset()
    message = api.received(**{"from": handset})
    (request,) = receiver.received(f"{path}/action")
    assert request.method == ("GET" if "GET" in verb else "POST")
    assert request.form == receiver.received(path)[0].form | told
    assert request.form["MessageSid"] == message["sid"]
    sent = ["a"] if told["MessageStatus"] == "sending" else []
    assert [each["body"] for each in replies_to(api, handset)] == [*sent, "after"]


def test_document_with_thousands_of_replies_sends_ten_and_says_so_once(api: Caller, receiver: Sink, path: str) -> None:
    api.configure(SmsUrl=receiver.answer(path, cxml("<Message>x</Message>" * 3000)))
    handset = new_handset()
    message = api.received(**{"from": handset})
    assert len(replies_to(api, handset)) == 10
    assert faults(api, message) == [("replied", None)] * 10 + [("handler_stopped", "12200")]


def test_at_most_ten_documents(api: Caller, receiver: Sink, path: str) -> None:
    api.configure(SmsUrl=receiver.answer(path, cxml(f"<Message>again</Message><Redirect>{path}</Redirect>")))
    handset = new_handset()
    message = api.received(**{"from": handset})
    assert len(receiver.received(path)) == 10
    assert len(replies_to(api, handset)) == 10
    assert faults(api, message)[-1][0] == "handler_stopped"


# Faults and fallbacks


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (Answer(status=500), "11217"),
        (Answer(status=404, body=b"<Response/>"), "11217"),
        (Answer(body=b"<Response>"), "12100"),
        (Answer(body=b"Hello"), "12100"),
        (Answer(body=b"<html/>", content_type="text/html"), "12100"),
        (Answer(body=b"<response/>", content_type=XML), "12100"),
        (Answer(body=b'<!DOCTYPE a [<!ENTITY b "c">]><Response>&b;</Response>', content_type=XML), "12100"),
        (Answer(body=b"<Response>" + b" " * 65536 + b"</Response>", content_type=XML), "11750"),
        (Answer(drop=True), "11200"),
    ],
)
def test_a_document_that_can_not_be_had_or_read_goes_to_the_fallback(
    api: Caller, receiver: Sink, path: str, answer: Answer, code: str
) -> None:
    url = receiver.answer(path, answer)
    fallback = receiver.answer(f"{path}/fallback", cxml("<Message>Sorry</Message>"))
    api.configure(SmsUrl=url, SmsFallbackUrl=fallback, SmsFallbackMethod="GET")
    handset = new_handset()
    message = api.received(**{"from": handset})
    (request,) = receiver.received(f"{path}/fallback")
    asked: Received = receiver.received(path)[0]
    assert request.method == "GET"
    assert request.form == asked.form | {"ErrorCode": code, "ErrorUrl": url}
    assert [each["body"] for each in replies_to(api, handset)] == ["Sorry"]
    assert faults(api, message) == [("handler_fault", code), ("replied", None)]


def test_without_a_fallback_the_message_is_received_all_the_same(api: Caller, receiver: Sink, path: str) -> None:
    api.configure(SmsUrl=receiver.answer(path, Answer(status=503)))
    assert faults(api, api.received()) == [("handler_fault", "11217")]


def test_the_fallback_is_asked_once(api: Caller, receiver: Sink, path: str) -> None:
    url = receiver.answer(path, Answer(status=500))
    api.configure(SmsUrl=url, SmsFallbackUrl=receiver.answer(f"{path}/fallback", Answer(body=b"no")))
    assert faults(api, api.received()) == [("handler_fault", "11217"), ("handler_fault", "12100")]
    assert len(receiver.received(f"{path}/fallback")) == 1


def test_an_application_s_fallback(api: Caller, receiver: Sink, path: str) -> None:
    settings = {
        "FriendlyName": "a",
        "SmsUrl": receiver.answer(path, Answer(status=500)),
        "SmsFallbackUrl": receiver.url(f"{path}/fallback"),
    }
    application = api.ask("POST", f"{api.account}/Applications", form=settings).json()["sid"]
    api.configure(SmsApplicationSid=application)
    api.received()
    assert receiver.received(f"{path}/fallback")[0].form["ErrorCode"] == "11217"


def test_a_handler_that_is_not_there_or_too_slow(api: Caller, receiver: Sink, path: str) -> None:
    api.configure(SmsUrl="http://127.0.0.1:9/nobody")
    assert faults(api, api.received()) == [("handler_fault", "11200")]
    api.configure(SmsUrl=receiver.answer(path, Answer(hold=True)) + "#rt=100&tt=100")
    assert faults(api, api.received()) == [("handler_fault", "11200")]
    receiver.release(path)


def test_http_redirects_are_followed_three_times(api: Caller, receiver: Sink, path: str) -> None:
    for number in range(1, 5):
        target = receiver.url(f"{path}/{number - 1}")
        receiver.answer(f"{path}/{number}", Answer(status=302, headers={"Location": target}))
    receiver.answer(f"{path}/0", cxml("<Message>found</Message>"))
    handset = new_handset()
    api.configure(SmsUrl=receiver.url(f"{path}/3"))
    assert faults(api, api.received(**{"from": handset})) == [("replied", None)]
    api.configure(SmsUrl=receiver.url(f"{path}/4"))
    assert faults(api, api.received(**{"from": handset})) == [("handler_fault", "11215")]


def test_fault_behind_a_redirect_names_both_urls(api: Caller, receiver: Sink, path: str) -> None:
    end = receiver.answer(f"{path}/end", Answer(status=404))
    url = receiver.answer(path, Answer(status=302, headers={"Location": f"{end}?Body=private"}))
    api.configure(SmsUrl=f"{url}#tt=9000")
    message = api.received("private")
    (fault,) = (step for step in api.timeline(message["sid"]) if step["kind"] == "handler_fault")
    assert fault["detail"] == f"{url}, redirected to {end}: answered 404"


@pytest.mark.parametrize("url", ["http://10.1.2.3/sms", "https://example.com:0/"])
def test_uncalled_url_and_invalid_url_have_two_messages(api: Caller, url: str) -> None:
    refused = api.ask(
        "POST", api.messages, form={"To": "+12065550123", "From": api.sender, "Body": "x", "StatusCallback": url}
    )
    assert refused.status == 422
    assert ("allow_networks" in refused.json()["message"]) is ("10.1.2.3" in url)


@pytest.mark.parametrize("declaration", ["", '<?xml version="1.0" encoding="utf-8"?>'])
def test_charset_of_the_content_type_counts(api: Caller, receiver: Sink, path: str, declaration: str) -> None:
    body = f"{declaration}<Response><Message>Grüße</Message></Response>".encode("latin-1")
    answer = Answer(body=body, content_type="text/xml", charset="ISO-8859-1")
    api.configure(SmsUrl=receiver.answer(path, answer))
    handset = new_handset()
    api.received(**{"from": handset})
    assert [each["body"] for each in replies_to(api, handset)] == ["Grüße"]


def test_a_document_in_another_encoding(api: Caller, receiver: Sink, path: str) -> None:
    body = '<?xml version="1.0" encoding="iso-8859-1"?><Response><Message>Grüße</Message></Response>'.encode("latin-1")
    api.configure(SmsUrl=receiver.answer(path, Answer(body=body, content_type="text/plain")))
    handset = new_handset()
    api.received(**{"from": handset})
    assert [each["body"] for each in replies_to(api, handset)] == ["Grüße"]


def test_what_an_arriving_message_may_not_be(api: Caller) -> None:
    inbound = "/api/heliograph/simulator/inbound"
    for body, code in (
        ({"to": api.sender, "body": "a"}, "invalid_from_number"),
        ({"from": new_handset(), "body": "a"}, "missing_required_parameter"),
        ({"from": new_handset(), "to": "+19995550000", "body": "a"}, "invalid_to_number"),
        ({"from": new_handset(), "to": api.sender}, "body_or_media_required"),
        ({"from": new_handset(), "to": api.sender, "media": ["a.png"]}, "invalid_media_url"),
    ):
        reply = api.ask("POST", inbound, body=body)
        assert (reply.status, [each["code"] for each in reply.json()["errors"]]) == (422, [code]), body
