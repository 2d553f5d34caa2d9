"""The two ways in which the same is said: today's `signalwire.*`, and Blade, which wraps it (PyPI signalwire 2)."""

from typing import Protocol

from heliograph.wire import jsonrpc, relay
from heliograph.wire.relay import Members


class Dialect(Protocol):
    """answers_events: the client answers each event with a response; else only a WebSocket pong tells that it was read.
    answers_anything: it bears responses that it did not ask for. subscribed_seconds: from a receive's result to the
    first event of its contexts."""

    name: str
    answers_events: bool
    answers_anything: bool
    subscribed_seconds: float

    def event(self, id: str, protocol: str, params: Members) -> bytes: ...

    def ping(self, id: str, timestamp: float) -> bytes | None:
        """None: a WebSocket ping has to do."""
        ...

    def disconnect(self, id: str) -> bytes: ...


class Current:
    name = "signalwire"
    answers_events = True
    answers_anything = True
    subscribed_seconds = 0.0

    def event(self, id: str, protocol: str, params: Members) -> bytes:
        return jsonrpc.request(id, relay.EVENT, params)

    def ping(self, id: str, timestamp: float) -> bytes | None:
        return jsonrpc.request(id, relay.PING, {"timestamp": timestamp})

    def disconnect(self, id: str) -> bytes:
        return jsonrpc.request(id, relay.DISCONNECT, {"restart": False})


class Blade:
    name = "blade"
    answers_events = False
    answers_anything = False
    subscribed_seconds = 0.25

    def event(self, id: str, protocol: str, params: Members) -> bytes:
        return jsonrpc.request(id, relay.BROADCAST, relay.broadcast(protocol, params))

    def ping(self, id: str, timestamp: float) -> bytes | None:
        return None

    def disconnect(self, id: str) -> bytes:
        return jsonrpc.request(id, relay.BLADE_DISCONNECT, {"restart": False})


CURRENT: Dialect = Current()
BLADE: Dialect = Blade()
