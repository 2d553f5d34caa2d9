"""What a client's webhooks are sent: the cXML API's form fields and the REST API's JSON (contract, section 8).

Pure rendering: what is sent is what the message says now, so a redacted body is empty here too.
"""

from datetime import UTC, datetime

import orjson

from heliograph.core.errors import describe
from heliograph.core.lifecycle import State
from heliograph.core.message import Media, Message
from heliograph.core.placeholders import Plain

Pairs = list[tuple[str, str]]

CXML_STATUS: dict[State, str] = {state: state.value for state in State} | {State.INITIATED: "sending"}
"""A state in the cXML API's words (contract, section 3)."""

REST_STATUS: dict[State, str] = {state: state.value for state in State} | {State.RECEIVING: "received"}
"""A state in the words of the messaging API, its logs and Relay."""


def iso(moment: int) -> str:
    """Microseconds since 1970 as ISO 8601, whole seconds, with Z (contract, section 2)."""
    return datetime.fromtimestamp(moment // 1_000_000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def status_form(message: Message, state: State, error_code: int | None) -> Pairs:
    """A cXML status callback."""
    pairs = [("MessageStatus", CXML_STATUS[state])]
    if error_code is not None:
        pairs.append(("ErrorCode", str(error_code)))
    return pairs + _identity(message)


def status_json(message: Message, state: State, error_code: int | None, at: int) -> bytes:
    """A status callback of the messaging API."""
    told: dict[str, object] = {
        "id": message.id,
        "project_id": message.project_id,
        "status": REST_STATUS[state],
        "to": message.to_number,
        "from": message.from_number,
        "body": message.body or "",
        "number_of_segments": message.segments,
        "timestamp": iso(at),
        "error_code": None if error_code is None else str(error_code),
        "error_message": describe(error_code),
    }
    if message.custom_variables:
        told["custom_variables"] = message.custom_variables
    return orjson.dumps(told)


def inbound_form(message: Message, media: list[tuple[str, Media]]) -> Pairs:
    """What a cXML handler is asked with; `media`: each with the address at which we serve it."""
    pairs = _identity(message)
    for place, (address, each) in enumerate(media):
        pairs.append((f"MediaUrl{place}", address))
        pairs.append((f"MediaContentType{place}", each.content_type))
    return pairs


def inbound_message(message: Message, space_id: str, media: list[tuple[str, Media]]) -> dict[str, Plain]:
    """What a SWML handler is told of the message, and what its document finds as `message`."""
    return {
        "message_id": message.id,
        "project_id": message.project_id,
        "space_id": space_id,
        "direction": message.direction.value,
        "type": message.kind.value,
        "from": message.from_number,
        "to": message.to_number,
        "body": message.body or (None if media else ""),
        "media": [{"url": address, "content_type": each.content_type, "size": each.size} for address, each in media],
        "segments": message.segments,
        "timestamp": iso(message.created_at),
    }


def _identity(message: Message) -> Pairs:
    return [
        ("MessageSid", message.id),
        ("SmsSid", message.id),
        ("AccountSid", message.project_id),
        ("From", message.from_number),
        ("To", message.to_number),
        ("Body", message.body or ""),
        ("NumMedia", str(message.num_media)),
        ("NumSegments", str(message.segments)),
    ]
