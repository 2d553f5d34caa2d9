"""Is a Relay consumer with `signalwire` 2.1.1, in its environment: ``relay_2_session.py HOST PROJECT TOKEN CONTEXTS``.

HOST may begin with ``ws://`` or ``wss://``; what the SDK trusts is in ``SSL_CERT_FILE``. CONTEXTS are divided by
commas. The calls are those of `RelayShapedTests`.
"""

import asyncio
import sys
from collections.abc import Coroutine
from typing import Any

from relay_script import SEEN_SECONDS, Seen, serve_beside
from signalwire.relay.client import Client
from signalwire.relay.consumer import Consumer
from signalwire.relay.messaging.message import Message

FIELDS = (
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


class RefusedError(Exception):
    """The server refused; the SDK only logs it."""

    def __init__(self, message: str, code: int | None = None) -> None:
        super().__init__(message)
        self.code = code


class WatchedConsumer(Consumer):
    """A consumer as an application writes it."""

    def __init__(self, seen: Seen, **options: Any) -> None:
        super().__init__(**options)
        self.seen = seen
        self.answer = ""

    def ready(self) -> None:
        """Connected, and subscribed to its contexts."""
        self.seen.connected()

    async def on_incoming_message(self, message: Message) -> None:
        """Answer when told to, then note it."""
        if self.answer:
            await self.client.messaging.send(
                from_number=message.to_number,
                to_number=message.from_number,
                context=message.context,
                body=self.answer,
            )
        self.seen.message(_fields(message))

    def on_message_state_change(self, message: Message) -> None:
        """Note it."""
        self.seen.state(message.id, _fields(message))


class Calls:
    """What a test can ask of the consumer."""

    def __init__(self, consumer: WatchedConsumer, seen: Seen) -> None:
        self._consumer = consumer
        self._seen = seen

    def perform(self, call: str, arguments: dict[str, Any]) -> Any:
        """One call, from the thread of calls."""
        return getattr(self, call)(**arguments)

    def connected(self, count: int) -> int:
        return self._seen.wait_connected(count)

    def send(self, context: str | None = None, **fields: Any) -> str:
        """The SDK demands a context."""
        client = self._consumer.client
        sent = self._on_loop(client.messaging.send(context=context or self._consumer.contexts[0], **fields))
        if not sent.successful:
            raise RefusedError("the message was refused")
        return sent.message_id

    def states(self, message_id: str, until: str) -> list[dict[str, Any]]:
        return self._seen.wait_states(message_id, until)

    def message(self, number: int) -> dict[str, Any]:
        return self._seen.wait_message(number)

    def answer(self, body: str) -> None:
        """From now on the handler answers each message with this text."""
        self._consumer.answer = body

    def leave(self) -> None:
        """As at SIGTERM; the SDK's loop ends with it."""
        client = self._consumer.client
        client.loop.call_soon_threadsafe(client.handle_signal)

    def _on_loop(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._consumer.client.loop).result(SEEN_SECONDS)


def main() -> None:
    """Be the consumer until standard input ends."""
    host, project, token, contexts = sys.argv[1:]
    seen = Seen()
    consumer = WatchedConsumer(seen, host=host, project=project, token=token, contexts=contexts.split(","))
    _note_refused_credentials(seen)
    serve_beside(
        consumer.run, Calls(consumer, seen).perform, RefusedError, lambda error: {"status": 0, "code": error.code}
    )


def _note_refused_credentials(seen: Seen) -> None:
    """The SDK tries wrong credentials for ever; that they are wrong is seen in the frame alone."""
    usual = Client.message_handler

    def watched(client: Client, frame: Any) -> None:
        if hasattr(frame, "error") and client.protocol is None:
            seen.failed(RefusedError(frame.error["message"], frame.error["code"]))
        usual(client, frame)

    Client.message_handler = watched


def _fields(message: Message) -> dict[str, Any]:
    return {"message_id": message.id, **{name: getattr(message, name) for name in FIELDS}}


if __name__ == "__main__":
    main()
