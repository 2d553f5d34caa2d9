"""Is a Relay client with `signalwire-sdk`, in its environment: ``relay_sdk_session.py HOST PROJECT TOKEN CONTEXTS``.

CONTEXTS are divided by commas, and may be none. The SDK always speaks wss: what it trusts is in
``SIGNALWIRE_RELAY_CA_FILE``. The calls are those of `RelayShapedTests`.
"""

import asyncio
import sys
from collections.abc import Coroutine
from typing import Any

from relay_script import SEEN_SECONDS, Seen, serve_beside
from signalwire.relay import RelayClient
from signalwire.relay.client import RelayError
from signalwire.relay.event import RelayEvent
from signalwire.relay.message import Message

FIELDS = (
    "message_id",
    "context",
    "direction",
    "from_number",
    "to_number",
    "body",
    "media",
    "segments",
    "state",
    "reason",
    "tags",
)


class WatchedClient(RelayClient):
    """The SDK's client, which also says when it has connected, and on which loop it lives."""

    def __init__(self, seen: Seen, **options: Any) -> None:
        super().__init__(**options)
        self.seen = seen
        self.loop: asyncio.AbstractEventLoop | None = None

    async def connect(self) -> None:
        """The SDK's connect, which its `run` calls for each connection."""
        self.loop = asyncio.get_running_loop()
        await super().connect()
        self.seen.connected()


class Calls:
    """What a test can ask of the client."""

    def __init__(self, client: WatchedClient, seen: Seen) -> None:
        self._client = client
        self._seen = seen
        self._sent: dict[str, Message] = {}
        self._answer = ""
        client.on_message(self._handle)

    def perform(self, call: str, arguments: dict[str, Any]) -> Any:
        """One call, from the thread of calls."""
        return getattr(self, call)(**arguments)

    def connected(self, count: int) -> int:
        return self._seen.wait_connected(count)

    def send(self, **fields: Any) -> str:
        return self._on_loop(self._send(fields))

    def states(self, message_id: str, until: str) -> list[dict[str, Any]]:
        return self._seen.wait_states(message_id, until)

    def wait(self, message_id: str) -> str:
        """The state in which the SDK's own `wait` ends."""
        event: RelayEvent = self._on_loop(self._sent[message_id].wait(SEEN_SECONDS))
        return event.params["message_state"]

    def message(self, number: int) -> dict[str, Any]:
        return self._seen.wait_message(number)

    def answer(self, body: str) -> None:
        """From now on the handler answers each message with this text."""
        self._answer = body

    def receive(self, contexts: list[str]) -> None:
        self._on_loop(self._client.receive(contexts))

    def unreceive(self, contexts: list[str]) -> None:
        self._on_loop(self._client.unreceive(contexts))

    def leave(self) -> None:
        self._on_loop(self._client.disconnect())

    async def _send(self, fields: dict[str, Any]) -> str:
        message = await self._client.send_message(**fields)
        # No event is handled between the SDK's registration of the message and this.
        message.on(lambda event: self._seen.state(message.message_id, _described(event.params)))
        self._sent[message.message_id] = message
        return message.message_id

    async def _handle(self, message: Message) -> None:
        if self._answer:
            await self._send({"to_number": message.from_number, "from_number": message.to_number, "body": self._answer})
        self._seen.message({name: getattr(message, name) for name in FIELDS})

    def _on_loop(self, work: Coroutine[Any, Any, Any]) -> Any:
        assert self._client.loop is not None
        return asyncio.run_coroutine_threadsafe(work, self._client.loop).result(SEEN_SECONDS)


def main() -> None:
    """Be the client until standard input ends."""
    host, project, token, contexts = sys.argv[1:]
    seen = Seen()
    client = WatchedClient(
        seen, host=host, project=project, token=token, contexts=[each for each in contexts.split(",") if each]
    )
    serve_beside(lambda: _run(client, seen), Calls(client, seen).perform, RelayError, _describe)


def _run(client: RelayClient, seen: Seen) -> None:
    try:
        client.run()
    except RelayError as error:
        seen.failed(error)


def _described(params: dict[str, Any]) -> dict[str, Any]:
    """A state event under the names that the SDK's message has."""
    return {**{name: params.get(name) for name in FIELDS}, "state": params["message_state"]}


def _describe(error: Any) -> dict[str, Any]:
    return {"status": 0, "code": error.code}


if __name__ == "__main__":
    main()
