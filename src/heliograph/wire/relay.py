"""What Relay clients are told of messages (contract, section 10), and the older wrapping of the same, called Blade.

Pure rendering. SignalWire's SDKs take an event by its `event_type`, and find the message it is of by `message_id` or
`context`.
"""

from collections.abc import Sequence
from typing import Any, Final

from heliograph.core.errors import describe
from heliograph.core.lifecycle import State
from heliograph.core.message import Direction, Message
from heliograph.wire.webhook import REST_STATUS

MESSAGE_STATE: Final = "messaging.state"
MESSAGE_RECEIVED: Final = "messaging.receive"
AUTHORIZATION_STATE: Final = "signalwire.authorization.state"

EVENT: Final = "signalwire.event"
PING: Final = "signalwire.ping"
DISCONNECT: Final = "signalwire.disconnect"

BROADCAST: Final = "blade.broadcast"
BROADCAST_EVENT: Final = "queuing.relay.messaging"
BLADE_DISCONNECT: Final = "blade.disconnect"

Members = dict[str, Any]


def message_event(
    message: Message, state: State, error_code: int | None, *, context: str, media: Sequence[str]
) -> Members:
    """The `params` of a messaging.state or messaging.receive. media: addresses."""
    inbound = message.direction is Direction.INBOUND
    told: Members = {
        "message_id": message.id,
        "context": context,
        "direction": "inbound" if inbound else "outbound",
        "from_number": message.from_number,
        "to_number": message.to_number,
        "body": message.body or "",
        "media": list(media),
        "segments": message.segments,
        "message_state": REST_STATUS[state],
        "tags": list(message.tags),
    }
    if error_code is not None:
        told["reason"] = describe(error_code)
    return told


def event(event_type: str, params: Members, *, project_id: str, at: int) -> Members:
    """The `params` of a signalwire.event. at: microseconds since 1970."""
    told: Members = {"event_type": event_type, "timestamp": at / 1e6, "project_id": project_id, "params": params}
    if "context" in params:
        told["context"] = params["context"]
    return told


def broadcast(protocol: str, event: Members) -> Members:
    """The `params` of a blade.broadcast that carries an event."""
    return {
        "broadcaster_nodeid": "heliograph",
        "protocol": protocol,
        "channel": "notifications",
        "event": BROADCAST_EVENT,
        "params": event,
    }
