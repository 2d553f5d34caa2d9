"""REST: Messages and Message Logs."""

import json
from datetime import date, timedelta

import claims
import msgspec
from claims import ISO_8601, TEXT, UUID

from caller import LOGS, REST_MESSAGES, Caller, new_handset
from heliograph.api import errors
from heliograph.api.route import Family
from servers import Answer, Sink

PICTURE = Answer(body=b"\x89PNG....", content_type="image/png")
UNDELIVERED = "+15005553003"


def test_a_message(api: Caller, receiver: Sink, path: str) -> None:
    to, hook = new_handset(), receiver.url(path)
    reply = api.rest_create(to=to, body="Hello", status_callback=hook, custom_variables={"order": "17"})
    made = claims.answered("rest.create_message", reply)
    claims.fields(
        "rest.Message",
        made,
        {
            "id": UUID,
            "from": api.sender,
            "to": to,
            "body": "Hello",
            "status": "queued",
            "direction": "outbound",
            "kind": "sms",
            "media": [],
            "number_of_segments": 1,
            "error_code": None,
            "error_message": None,
            "created_at": ISO_8601,
            "project_id": api.project_id,
            "status_callback_url": hook,
            "message_uri": f"{LOGS}/{made['id']}",
        },
    )
    called = receiver.wait_for_request(path, 3).json()
    claims.effects(
        "rest.create_message",
        {
            "to": (made["to"], to),
            "from": (made["from"], api.sender),
            "body": (made["body"], "Hello"),
            "status_callback": (called["id"], made["id"]),
            "custom_variables": (called["custom_variables"], {"order": "17"}),
        },
    )


def test_media_and_send_as_mms(api: Caller, receiver: Sink, path: str) -> None:
    picture = receiver.answer(path, PICTURE)
    pictured, forced = api.rest_send(media=[picture]), api.rest_send(send_as_mms=True)
    claims.fields("rest.Message", pictured, {"kind": "mms", "media": [picture]})
    claims.effects(
        "rest.create_message",
        {"media": (pictured["media"], [picture]), "send_as_mms": ((forced["kind"], forced["media"]), ("mms", []))},
    )
    api.once(pictured["id"], "sent")


def test_a_whatsapp_message_is_refused(api: Caller) -> None:
    """Its body is an object or a list, or there is a template: no carrier for it, and nothing is sent in its stead."""

    def asked(kind: str, body: object) -> set[str]:
        reply = api.rest_create(message_type=f"whatsapp_{kind}", body=body)
        return {each["attribute"] for each in claims.refused("rest.create_message", reply, 422)["errors"]}

    part = {"type": "text", "text": "x"}
    interactive = {"type": "cta_url", "action": {}, "header": part, "body": part, "footer": part}
    link = {"link": "https://example.com/a", "id": "1", "caption": "A", "filename": "a.pdf"}
    media = asked("media_document", link)
    place = asked("media_location", {"latitude": 52.5, "longitude": 13.4, "name": "Here", "address": "There"})
    contact = asked("media_contacts", [{"name": {"formatted_name": "Ada"}}])
    reaction = asked("media_reaction", {"message_id": "1", "emoji": "x"})
    chosen = asked("interactive_cta", interactive)
    template = {"template_id": "1", "body_template_parameters": ["1"], "header_template_parameters": ["1"]}
    reply = api.rest_create(body=None, button_template_parameters=["1"], **template)
    filled = [each["code"] for each in claims.refused("rest.create_message", reply, 422)["errors"]]
    claims.effects(
        "rest.create_message",
        {
            "message_type": (media, {"body"}),
            "body.link": (media, {"body"}),
            "body.id": (media, {"body"}),
            "body.caption": (media, {"body"}),
            "body.filename": (media, {"body"}),
            "body.latitude": (place, {"body"}),
            "body.longitude": (place, {"body"}),
            "body.name": (place, {"body"}),
            "body.address": (place, {"body"}),
            "body[].name": (contact, {"body"}),
            "body[].name.formatted_name": (contact, {"body"}),
            "body.message_id": (reaction, {"body"}),
            "body.emoji": (reaction, {"body"}),
            "body.type": (chosen, {"body"}),
            "body.action": (chosen, {"body"}),
            "body.header": (chosen, {"body"}),
            "body.body": (chosen, {"body"}),
            "body.footer": (chosen, {"body"}),
            "template_id": (filled, ["body_or_media_required"]),
            "header_template_parameters": (filled, ["body_or_media_required"]),
            "body_template_parameters": (filled, ["body_or_media_required"]),
            "button_template_parameters": (filled, ["body_or_media_required"]),
        },
    )


def test_redaction(api: Caller) -> None:
    sid = api.rest_send(body="A secret")["id"]
    api.once(sid, "delivered")
    reply = api.ask("PATCH", f"{REST_MESSAGES}/{sid}", body={"body": ""})
    shown = claims.answered("rest.update_message", reply)
    claims.effects("rest.update_message", {"body": ((shown["body"], api.message(sid)["body"]), ("", ""))})


def test_redaction_of_a_message_that_came_in(api: Caller, receiver: Sink, path: str) -> None:
    """The one way to see such a message as this API shows it."""
    handset = new_handset()
    sid = api.received("A question", **{"from": handset, "media": [receiver.answer(path, PICTURE)]})["sid"]
    shown = claims.answered("rest.update_message", api.ask("PATCH", f"{REST_MESSAGES}/{sid}", body={"body": ""}))
    claims.fields(
        "rest.Message",
        shown,
        {"direction": "inbound", "status": "received", "kind": "mms", "from": handset, "to": api.sender, "body": ""},
    )
    (medium,) = shown["media"]
    assert api.ask("GET", medium.removeprefix(api.base_url)).body == PICTURE.body


def test_refusals(api: Caller) -> None:
    shown = claims.refused("rest.create_message", api.rest_create(to="nobody"), 422)
    claims.fields(
        "rest.ValidationErrors",
        shown,
        {
            "errors": [shown["errors"][0]],
            "errors[].type": ["validation_error"],
            "errors[].code": ["invalid_to_number"],
            "errors[].message": [TEXT],
            "errors[].attribute": ["to"],
            "errors[].url": [TEXT],
        },
    )
    bad = claims.refused("rest.create_message", api.ask("POST", REST_MESSAGES, raw=b"{", headers=JSON), 400)
    claims.fields("rest.StatusCode400", bad, {"error": "Bad Request"})
    stranger = api.with_token("PT" + "0" * 48)
    claims.fields(
        "rest.StatusCode401",
        claims.refused("rest.create_message", stranger.rest_create(), 401),
        {"error": "Unauthorized"},
    )
    missing = api.ask("GET", f"{LOGS}/{api.project_id}")
    claims.fields("rest.StatusCode404", claims.refused("rest.get_message_log", missing, 404), {"error": "Not Found"})


JSON = {"Content-Type": "application/json"}


def test_a_log(api: Caller) -> None:
    message = api.delivered(Body="a" * 161)
    shown = claims.answered("rest.get_message_log", api.ask("GET", f"{LOGS}/{message['sid']}"))
    claims.fields(
        "rest.MessageLog",
        shown,
        {
            "id": message["sid"],
            "from": api.sender,
            "to": message["to"],
            "status": "delivered",
            "direction": "outbound-api",
            "kind": "sms",
            "source": "laml",
            "type": "laml_message",
            "url": api.base_url + message["uri"],
            "number_of_segments": 2,
            "charge": 0.0166,
            "charge_details": [{"description": "Outbound SMS", "charge": 0.0166}],
            "charge_details[].description": ["Outbound SMS"],
            "charge_details[].charge": [0.0166],
            "created_at": ISO_8601,
            "error_message": None,
            "error_code": None,
        },
    )


def test_the_log_of_a_rest_message_that_failed(api: Caller) -> None:
    sid = api.rest_send(to=UNDELIVERED)["id"]
    api.once(sid, "undelivered")
    claims.fields(
        "rest.MessageLog",
        api.log(sid),
        {
            "status": "undelivered",
            "direction": "outbound",
            "source": "realtime_api",
            "type": "relay_message",
            "url": None,
            "error_code": "30003",
            "error_message": "The destination handset is switched off or out of reach.",
        },
    )


def test_the_list_of_logs(api: Caller) -> None:
    kept, deleted = api.delivered(), api.delivered()
    api.ask("DELETE", deleted["uri"])
    shown = claims.answered("rest.list_message_logs", api.ask("GET", f"{LOGS}?page_size=1"))
    claims.fields("rest.LogList", shown, {"data": [api.log(kept["sid"])]})
    day = date.fromisoformat(shown["data"][0]["created_at"][:10])
    before, after = day - timedelta(days=3), day + timedelta(days=3)

    def there(query: str) -> bool:
        return kept["sid"] in [each["id"] for each in api.get(f"{LOGS}?page_size=2&{query}")["data"]]

    def ids(query: str) -> list[str]:
        return [each["id"] for each in api.get(f"{LOGS}?{query}")["data"]]

    claims.effects(
        "rest.list_message_logs",
        {
            "include_deleted": (
                (ids("page_size=1&include_deleted=true"), ids("page_size=1&include_deleted=false")),
                ([deleted["sid"]], [kept["sid"]]),
            ),
            "created_before": ((there(f"created_before={after}"), there(f"created_before={before}")), (True, False)),
            "created_on": ((there(f"created_on={day}"), there(f"created_on={after}")), (True, False)),
            "created_after": ((there(f"created_after={before}"), there(f"created_after={after}")), (True, False)),
        },
    )


def test_an_internal_error_has_its_shape() -> None:
    """Answered for a bug, which no request brings about: what the door makes of one."""
    refusal = errors.answer(Family.MESSAGING, ValueError(), "")
    shown = json.loads(msgspec.json.encode(refusal.body))
    claims.fields("rest.StatusCode500", shown, {"error": "Internal Server Error"})
