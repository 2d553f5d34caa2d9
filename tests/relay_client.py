"""A Relay client of raw frames, for tests: what it is sent is taken out one by one, and acknowledged as told."""

import contextlib
import itertools
import json
from collections.abc import Callable
from typing import Any, Self

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

import relay_frames
from relay_frames import Frame, is_event, login_to
from servers import HeliographServer

WAIT_SECONDS = 10.0
QUIET_SECONDS = 0.3

HANDSET = "+13125550001"
RECIPIENT = "+13125550199"


class RelayClient:
    """One connection. `acks`: whether events are acknowledged as they are taken."""

    def __init__(self, server: HeliographServer, path: str = "/", *, acks: bool = True, **options: Any) -> None:
        self.server = server
        self.acks = acks
        self.result: Frame = {}
        self.socket: ClientConnection = connect(login_to(server).url + path, legacy=True, close_timeout=1, **options)
        self._ids = itertools.count(1)
        self._kept: list[Frame] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self.socket.close()

    def cut(self) -> None:
        """As when the process is killed."""
        self.socket.socket.close()

    # -- out

    def send(self, frame: object) -> None:
        self.socket.send(frame if isinstance(frame, str | bytes) else json.dumps(frame))

    def post(self, method: str, params: object = None, **members: Any) -> str:
        """Send a request; returns its id."""
        id = f"c{next(self._ids)}"
        self.send(relay_frames.request(id, method, params or {}) | members)
        return id

    def ask(self, method: str, params: object = None) -> Frame:
        """The whole response."""
        id = self.post(method, params)
        return self.take(lambda frame: frame.get("id") == id and "method" not in frame)

    def call(self, method: str, params: object = None) -> Frame:
        """The result. Raises `RpcError`."""
        return relay_frames.result_of(self.ask(method, params))

    def connect(self, *contexts: str, token: str | None = None, **params: Any) -> Self:
        """`params` stand beside those of every login, or in their place."""
        given = login_to(self.server, *contexts, token=token).params()
        self.result = self.call("signalwire.connect", given | params)
        return self

    def text(self, context: str | None = None, to: str = RECIPIENT, **others: Any) -> Frame:
        """Send a message; the result."""
        given = {"to_number": to, "from_number": self.server.credentials.numbers[0], "body": "hello"} | others
        return self.call("messaging.send", given | ({"context": context} if context else {}))

    def acknowledge(self, event: Frame) -> None:
        with contextlib.suppress(ConnectionClosed):  # what it still had to read is read
            self.send(relay_frames.answer(event))

    # -- in

    def take(self, wanted: Callable[[Frame], bool], timeout: float = WAIT_SECONDS) -> Frame:
        """The next frame that is wanted; others are kept for later."""
        for place, frame in enumerate(self._kept):
            if wanted(frame):
                return self._kept.pop(place)
        while True:
            frame = json.loads(self.socket.recv(timeout))
            if self.acks and frame.get("method") == relay_frames.EVENT:
                self.acknowledge(frame)
            if wanted(frame):
                return frame
            self._kept.append(frame)

    def event(self, event_type: str | None = None, timeout: float = WAIT_SECONDS) -> Frame:
        """The next signalwire.event of a type (or any of a message): the whole frame."""
        return self.take(lambda frame: is_event(frame, event_type), timeout)

    def message(self, timeout: float = WAIT_SECONDS) -> Frame:
        """The next inbound message's `params.params`."""
        told: Frame = self.event("messaging.receive", timeout)["params"]["params"]
        return told

    def states(self, message_id: str, last: str = "delivered") -> list[str]:
        """The states told of a message, up to `last`."""
        seen: list[str] = []
        while last not in seen:
            event = self.take(
                lambda frame: (
                    is_event(frame, "messaging.state") and frame["params"]["params"]["message_id"] == message_id
                )
            )
            seen.append(event["params"]["params"]["message_state"])
        return seen

    def is_quiet(self, event_type: str | None = None) -> bool:
        """No event comes for a moment."""
        try:
            self.event(event_type, QUIET_SECONDS)
        except TimeoutError:
            return True
        return False

    def closed(self, timeout: float = WAIT_SECONDS) -> int | None:
        """The close code, once the server has closed; AssertionError if it doesn't."""
        while True:
            try:
                self._kept.append(json.loads(self.socket.recv(timeout)))
            except ConnectionClosed as closed:
                return closed.rcvd.code if closed.rcvd else None
            except TimeoutError:
                raise AssertionError("the server did not close the connection") from None


class Relay:
    """A server, and what a test does to it from outside of Relay."""

    def __init__(self, server: HeliographServer) -> None:
        self.server = server
        self._clients: list[RelayClient] = []

    def client(self, *contexts: str, path: str = "/", acks: bool = True, **params: Any) -> RelayClient:
        """A client that is connected."""
        return self.raw(path, acks=acks).connect(*contexts, **params)

    def raw(self, path: str = "/", *, acks: bool = True) -> RelayClient:
        client = RelayClient(self.server, path, acks=acks)
        self._clients.append(client)
        return client

    def close(self) -> None:
        for client in self._clients:
            client.close()
        self._clients.clear()

    @property
    def number(self) -> str:
        return self.server.credentials.numbers[0]

    def route(self, context: str, number: str | None = None) -> str:
        """Have a number's messages go to a context; returns the number."""
        number = number or self.number
        listed = self.server.request("GET", "/api/relay/rest/phone_numbers").json()["data"]
        (id,) = [each["id"] for each in listed if each["number"] == number]
        handler = {"message_handler": "relay_context", "message_relay_context": context}
        reply = self.server.request("PUT", f"/api/relay/rest/phone_numbers/{id}", json_body=handler)
        assert reply.status == 200, reply.body
        return number

    def inbound(self, body: str, sender: str = HANDSET, to: str | None = None, **others: Any) -> str:
        """A message from a handset; its id."""
        given = {"from": sender, "to": to or self.number, "body": body} | others
        reply = self.server.request("POST", "/api/heliograph/simulator/inbound", json_body=given)
        assert reply.status == 201, reply.body
        id: str = reply.json()["id"]
        return id

    def clients(self) -> list[Frame]:
        """Who is connected, as the server says."""
        found: list[Frame] = self.server.request("GET", "/api/heliograph/relay/clients").json()["clients"]
        return found

    def timeline(self, message_id: str) -> list[Frame]:
        steps: list[Frame] = self.server.request("GET", f"/api/heliograph/messages/{message_id}/timeline").json()[
            "steps"
        ]
        return steps
