"""SWML for messages: the request for a document, each method, each of its parameters."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import claims
import pytest
from claims import ISO_8601, UUID

from caller import NUMBERS, Caller, new_handset
from servers import Answer, Sink, wait_until

PICTURE = Answer(body=b"\x89PNG....", content_type="image/png")
MAGIC_SENDER = "+15005550006"

Run = Callable[..., "Outcome"]


class Outcome:
    """What a document did: the inbound message, and the texts that its sender got, oldest first."""

    def __init__(self, api: Caller, sid: str, handset: str) -> None:
        self._api = api
        self.sid = sid
        self.handset = handset

    @property
    def replies(self) -> list[dict[str, Any]]:
        page = self._api.get(f"{self._api.messages}?To=%2B{self.handset[1:]}")
        return list(page["messages"][::-1])

    @property
    def texts(self) -> list[str]:
        return [each["body"] for each in self.replies]


@pytest.fixture
def run(api: Caller, receiver: Sink, path: str) -> Iterator[Run]:
    """Runs sections on an inbound message: ``run([...steps of main], other=[...])``; the number is free afterwards."""
    where = f"{NUMBERS}/{api.number()['sid']}"

    def go(main: list[Any], *, body: str = "Hello", media: tuple[str, ...] = (), **sections: list[Any]) -> Outcome:
        document = {"version": "1.0.0", "sections": {"main": main, **sections}}
        handler = {
            "message_handler": "relay_script",
            "message_request_url": receiver.answer(path, _json(document)),
            "message_request_method": "POST",
        }
        assert api.ask("PUT", where, body=handler).status == 200
        handset = new_handset()
        sid = api.arrive(body, **{"from": handset, "media": list(media)})
        api.once(sid, "received")
        return Outcome(api, sid, handset)

    yield go
    api.ask("PUT", where, body={"message_handler": None, "message_request_url": None})


def _json(document: Any) -> Answer:
    return Answer(body=json.dumps(document).encode(), content_type="application/json")


def test_the_request_for_a_document(api: Caller, run: Run, receiver: Sink, path: str) -> None:
    picture = receiver.answer(f"{path}/picture", PICTURE)
    onwards = receiver.answer(f"{path}/onwards", _json({"sections": {"main": [{"receive": {}}]}}))
    save = receiver.answer(f"{path}/save", _json({"ok": True}))
    steps = [
        {"request": {"url": save, "save_variables": True}},
        {"transfer": {"dest": onwards, "params": {"from": "there"}}},
    ]
    outcome = run(steps, body="A question", media=(picture,))
    asked = receiver.wait_for_request(path).json()
    claims.conforms("webhook.inboundMessageWebhook", asked)
    (medium,) = asked["message"]["media"]
    assert api.ask("GET", medium["url"].removeprefix(api.base_url)).body == PICTURE.body
    claims.fields(
        "webhook.inboundMessageWebhook",
        asked,
        {
            "message": asked["message"],
            "message.message_id": outcome.sid,
            "message.project_id": api.project_id,
            "message.space_id": UUID,
            "message.direction": "inbound",
            "message.type": "mms",
            "message.from": outcome.handset,
            "message.to": api.sender,
            "message.body": "A question",
            "message.media": [medium],
            "message.media[].url": [medium["url"]],
            "message.media[].content_type": ["image/png"],
            "message.media[].size": [len(PICTURE.body)],
            "message.segments": 1,
            "message.timestamp": ISO_8601,
            "params": {},
        },
    )
    then = receiver.wait_for_request(f"{path}/onwards").json()
    claims.fields(
        "webhook.inboundMessageWebhook",
        then,
        {"params": {"from": "there"}, "vars": then["vars"], "message": asked["message"]},
    )
    assert then["vars"]["request_response"] == {"ok": True}


def test_a_document(api: Caller, run: Run, receiver: Sink, path: str) -> None:
    """`main` is run, other sections only when they are asked for; YAML is read as well."""
    outcome = run([{"reply": "from main"}], other=[{"reply": "never"}])
    yaml = b"version: 1.0.0\nsections:\n  main:\n    - reply: in YAML\n"
    receiver.answer(path, Answer(body=yaml, content_type="application/yaml"))
    handset = new_handset()
    api.once(api.arrive("Hello", **{"from": handset}), "received")
    claims.effects(
        "swml.document",
        {
            "sections": (outcome.texts, ["from main"]),
            "version": (Outcome(api, "", handset).texts, ["in YAML"]),
        },
    )


def test_reply(api: Caller, run: Run, receiver: Sink, path: str) -> None:
    picture, hook, other = receiver.answer(f"{path}/p", PICTURE), receiver.url(f"{path}/status"), new_handset()
    full = {"to": other, "from": MAGIC_SENDER, "status_url": hook, "body": "to another"}
    outcome = run([{"reply": "a text"}, {"reply": {"media": [picture]}}, {"reply": full}])
    text, pictured = outcome.replies
    (sent,) = wait_until(lambda: api.get(f"{api.messages}?To=%2B{other[1:]}")["messages"], "the reply to another")
    told = receiver.wait_for_request(f"{path}/status").json()
    assert (text["body"], text["from"], text["to"]) == ("a text", api.sender, outcome.handset)
    claims.effects(
        "swml.reply",
        {
            "to": (sent["to"], other),
            "from": (sent["from"], MAGIC_SENDER),
            "status_url": (told["id"], sent["sid"]),
            "body": (sent["body"], "to another"),
            "media": (pictured["num_media"], 1),
        },
    )


def test_a_switch_in_a_reply(api: Caller, run: Run, receiver: Sink, path: str) -> None:
    picture, hook, other = receiver.answer(f"{path}/p", PICTURE), receiver.url(f"{path}/status"), new_handset()
    default = {"to": other, "from": MAGIC_SENDER, "status_url": hook, "body": "else", "media": [picture]}
    choice = {"variable": "message.body", "transform": "uppercase", "case": {"YES": "agreed"}, "default": default}
    chosen = run([{"reply": {"switch": choice}}], body="yes")
    run([{"reply": {"switch": choice}}], body="no")
    (sent,) = wait_until(lambda: api.get(f"{api.messages}?To=%2B{other[1:]}")["messages"], "the default reply")
    told = receiver.wait_for_request(f"{path}/status").json()
    claims.effects(
        "swml.reply",
        {
            "switch": (chosen.texts, ["agreed"]),
            "switch.variable": (chosen.texts, ["agreed"]),
            "switch.transform": (chosen.texts, ["agreed"]),
            "switch.case": (chosen.texts, ["agreed"]),
            "switch.default": (sent["body"], "else"),
            "switch.default.to": (sent["to"], other),
            "switch.default.from": (sent["from"], MAGIC_SENDER),
            "switch.default.status_url": (told["id"], sent["sid"]),
            "switch.default.body": (sent["body"], "else"),
            "switch.default.media": (sent["num_media"], 1),
        },
    )


def test_request(run: Run, receiver: Sink, path: str) -> None:
    to = receiver.answer(f"{path}/server", _json({"name": "Ada"}))
    slow = receiver.answer(f"{path}/slow", Answer(hold=True))
    asked = {
        "url": to,
        "method": "PUT",
        "headers": {"X-Key": "17"},
        "body": {"from": "%{message.from}"},
        "save_variables": True,
    }
    steps = [
        {"request": asked},
        {"reply": "%{request_response.name}"},
        {"request": {"url": slow, "timeout": 0.2}},
        {"reply": "%{request_result}"},
    ]
    outcome = run(steps)
    receiver.release(f"{path}/slow")
    got = receiver.wait_for_request(f"{path}/server")
    claims.effects(
        "swml.request",
        {
            "url": (got.path, f"{path}/server"),
            "method": (got.method, "PUT"),
            "headers": (got.headers["x-key"], "17"),
            "body": (got.json(), {"from": outcome.handset}),
            "timeout": (outcome.texts[1], "timeout"),
            "save_variables": (outcome.texts[0], "Ada"),
        },
    )


def test_execute(run: Run) -> None:
    """The section has its parameters, and what it returns is known afterwards."""
    steps = [{"execute": {"dest": "other", "params": {"who": "Ada"}}}, {"reply": "%{return_value}"}]
    outcome = run(steps, other=[{"reply": "%{params.who}"}, {"return": "done"}, {"reply": "never"}])
    claims.does("swml.return", outcome.texts, ["Ada", "done"])
    claims.effects("swml.execute", {"dest": (outcome.texts, ["Ada", "done"]), "params": (outcome.texts[0], "Ada")})


@pytest.mark.parametrize("method", ["POST", "GET"])
def test_transfer(run: Run, receiver: Sink, path: str, method: str) -> None:
    onwards = receiver.answer(f"{path}/onwards", _json({"sections": {"main": [{"reply": "from there %{params.x}"}]}}))
    outcome = run([{"transfer": {"dest": onwards, "method": method, "params": {"x": "1"}}}, {"reply": "never"}])
    asked = receiver.wait_for_request(f"{path}/onwards")
    claims.effects(
        "swml.transfer",
        {
            "dest": (outcome.texts, ["from there 1"]),
            "method": (asked.method, method),
            "params": (outcome.texts, ["from there 1"]),
        },
    )


@pytest.mark.parametrize(
    ("transform", "body"),
    [
        ("lowercase", "YES"),
        ("uppercase", "yes"),
        ("trim", " yes "),
        ("lowercase_trim", " Yes "),
        ("uppercase_trim", " yes "),
    ],
)
def test_switch(run: Run, transform: str, body: str) -> None:
    value = "YES" if transform.startswith("upper") else "yes"
    choice = {
        "variable": "message.body",
        "transform": transform,
        "case": {value: [{"reply": "chosen"}]},
        "default": [{"reply": "default"}],
    }
    chosen, other = run([{"switch": choice}], body=body).texts, run([{"switch": choice}], body="no").texts
    claims.effects(
        "swml.switch",
        {
            "variable": (chosen, ["chosen"]),
            "transform": (chosen, ["chosen"]),
            "case": (chosen, ["chosen"]),
            "default": (other, ["default"]),
        },
    )


def test_goto_and_label(run: Run) -> None:
    steps = [{"label": "again"}, {"reply": "once more"}, {"goto": {"label": "again", "max": 2}}, {"reply": "last"}]
    outcome = run(steps)
    claims.does("swml.label", outcome.texts, ["once more"] * 3)
    claims.effects(
        "swml.goto", {"label": (outcome.texts[:2], ["once more"] * 2), "max": (outcome.texts.count("once more"), 3)}
    )


def test_receive(run: Run) -> None:
    outcome = run([{"receive": {}}, {"reply": "afterwards"}])
    claims.does("swml.receive", outcome.texts, ["afterwards"])
