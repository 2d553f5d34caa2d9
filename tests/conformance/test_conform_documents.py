"""cXML documents that answer an inbound message, and what their application is asked with."""

from collections.abc import Iterator

import claims
import pytest
from claims import Like

from caller import Caller, new_handset
from servers import Answer, Received, Sink, wait_until

PICTURE = Answer(body=b"\x89PNG....", content_type="image/png")
NOTHING = Answer(body=b"<Response/>", content_type="text/xml")
MAGIC_SENDER = "+15005550006"
NO_ROUTE = "+15005550002"


@pytest.fixture
def numbered(api: Caller) -> Iterator[Caller]:
    """The caller; its number has no handler again afterwards."""
    yield api
    api.configure(SmsUrl="", SmsMethod="POST")


def _document(text: str) -> Answer:
    return Answer(body=f"<Response>{text}</Response>".encode(), content_type="text/xml")


def _replies(api: Caller, handset: str, count: int) -> list[dict[str, object]]:
    """The messages to a handset, oldest first."""

    def there() -> list[dict[str, object]]:
        found = api.get(f"{api.messages}?To=%2B{handset[1:]}")["messages"]
        return found[::-1] if len(found) == count else []

    return wait_until(there, f"{count} replies")


def test_what_a_handler_is_asked_with(numbered: Caller, receiver: Sink, path: str) -> None:
    picture = receiver.answer(f"{path}/picture", PICTURE)
    numbered.configure(SmsUrl=receiver.answer(path, NOTHING))
    handset = new_handset()
    sid = numbered.arrive("A question", **{"from": handset, "media": [picture]})
    asked = receiver.wait_for_request(path).form
    claims.effects(
        "handler.message",
        {
            "AccountSid": (asked["AccountSid"], numbered.project_id),
            "Body": (asked["Body"], "A question"),
            "From": (asked["From"], handset),
            "To": (asked["To"], numbered.sender),
            "MessageSid": (asked["MessageSid"], sid),
            "NumMedia": (asked["NumMedia"], "1"),
            "MediaUrl{X}": (numbered.ask("GET", _path(numbered, asked["MediaUrl0"])).body, PICTURE.body),
            "MediaContentType{X}": (asked["MediaContentType0"], "image/png"),
        },
    )


def test_message(numbered: Caller, receiver: Sink, path: str) -> None:
    """Text, or Body and Media; to whom, and from whom; who is told what becomes of it."""
    picture = receiver.answer(f"{path}/picture", PICTURE)
    other, handset, hook = new_handset(), new_handset(), receiver.url(f"{path}/status")
    text = f'<Message statusCallback="{hook}">plain</Message>'
    parts = f"<Message><Body>one </Body><Body>two</Body><Media>{picture}</Media></Message>"
    elsewhere = f'<Message to="{other}" from="{MAGIC_SENDER}">elsewhere</Message>'
    numbered.configure(SmsUrl=receiver.answer(path, _document(text + parts + elsewhere)))
    numbered.received("A question", **{"from": handset})
    plain, parted = _replies(numbered, handset, 2)
    (sent,) = _replies(numbered, other, 1)
    told = receiver.wait_for_request(f"{path}/status").form
    claims.effects(
        "document.Message",
        {
            "text": ((plain["body"], plain["to"], plain["from"]), ("plain", handset, numbered.sender)),
            "Body": (parted["body"], "one two"),
            "Media": (parted["num_media"], 1),
            "to": (sent["to"], other),
            "from": (sent["from"], MAGIC_SENDER),
            "statusCallback": (told["MessageSid"], plain["sid"]),
        },
    )


@pytest.mark.parametrize(("method", "to"), [("POST", None), ("GET", None), ("POST", NO_ROUTE)])
def test_action(numbered: Caller, receiver: Sink, path: str, method: str, to: str | None) -> None:
    """Control goes over to the action's document: what follows in the first one is not done."""
    action = receiver.answer(f"{path}/action", _document("<Message>from the action</Message>"))
    towards = f' to="{to}"' if to else ""
    first = f'<Message action="{action}" method="{method}"{towards}>first</Message><Message>never</Message>'
    numbered.configure(SmsUrl=receiver.answer(path, _document(first)))
    handset = new_handset()
    numbered.received("A question", **{"from": handset})
    asked = receiver.wait_for_request(f"{path}/action")
    bodies = [each["body"] for each in _replies(numbered, handset, 1 if to else 2)]
    claims.effects(
        "document.Message",
        {
            "action": (bodies, ["from the action"] if to else ["first", "from the action"]),
            "method": (asked.method, method),
        },
    )
    claims.effects(
        "handler.action",
        {
            "MessageStatus": (asked.form["MessageStatus"], Like("failed|invalid") if to else "sending"),
            "ErrorCode": (asked.form.get("ErrorCode"), "21612" if to else None),
        },
    )


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_redirect(numbered: Caller, receiver: Sink, path: str, method: str) -> None:
    next_one = receiver.answer(f"{path}/next", _document("<Message>from the next</Message>"))
    first = f'<Redirect method="{method}">{next_one}</Redirect><Message>never</Message>'
    numbered.configure(SmsUrl=receiver.answer(path, _document(first)))
    handset = new_handset()
    numbered.received("A question", **{"from": handset})
    asked: Received = receiver.wait_for_request(f"{path}/next")
    bodies = [each["body"] for each in _replies(numbered, handset, 1)]
    claims.effects("document.Redirect", {"text": (bodies, ["from the next"]), "method": (asked.method, method)})


def _path(api: Caller, url: str) -> str:
    return url.removeprefix(api.base_url)
