"""What the scripts of the Python Relay SDKs share: the calls of a test beside the SDK's event loop.

The SDK has the main thread, as its `run` wants it; the calls come in by a thread of their own. `Seen` is where they
meet: what the SDK's handlers saw, and a way to wait for it. Only the standard library is imported here: the script
runs in the SDK's own environment.
"""

import os
import threading
import traceback
from collections.abc import Callable
from typing import Any

import line_protocol

SEEN_SECONDS = 45.0
"""What is not seen in this time is not coming: the slowest SDK takes 5 s to connect again, and may have to twice."""


class Seen:
    """What happened so far; every method may be called from any thread."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._connections = 0
        self._messages: list[dict[str, Any]] = []
        self._states: dict[str, list[dict[str, Any]]] = {}
        self._error: Exception | None = None

    def connected(self) -> None:
        """The SDK says that it is connected."""
        with self._changed:
            self._connections += 1
            self._changed.notify_all()

    def message(self, fields: dict[str, Any]) -> None:
        """An inbound message was handed to the handler."""
        with self._changed:
            self._messages.append(fields)
            self._changed.notify_all()

    def state(self, message_id: str, fields: dict[str, Any]) -> None:
        """A state of a message that was sent."""
        with self._changed:
            self._states.setdefault(message_id, []).append(fields)
            self._changed.notify_all()

    def failed(self, error: Exception) -> None:
        """The SDK gave up: every wait raises this."""
        with self._changed:
            self._error = error
            self._changed.notify_all()

    def wait_connected(self, count: int) -> int:
        """Return when the SDK has connected so often."""
        return self._wait(lambda: self._connections >= count and self._connections, f"connection {count}")

    def wait_message(self, number: int) -> dict[str, Any]:
        """The inbound message with this number, counted from 1."""
        return self._wait(lambda: len(self._messages) >= number and self._messages[number - 1], f"message {number}")

    def wait_states(self, message_id: str, until: str) -> list[dict[str, Any]]:
        """All states of a message that came, once the last awaited one is among them."""

        def reached() -> list[dict[str, Any]] | None:
            states = self._states.get(message_id, [])
            return list(states) if until in [each["state"] for each in states] else None

        return self._wait(reached, f"{message_id} to be {until}; there were {self._states}")

    def _wait(self, reached: Callable[[], Any], what: str) -> Any:
        with self._changed:
            if not self._changed.wait_for(lambda: self._error or reached(), SEEN_SECONDS):
                raise TimeoutError(f"waited {SEEN_SECONDS:g} s in vain for {what}")
            if self._error is not None:
                raise self._error
            return reached()


def serve_beside(
    run: Callable[[], None],
    perform: line_protocol.Perform,
    sdk_error: type[Exception],
    describe: line_protocol.Describe,
) -> None:
    """Run the SDK in this thread and perform calls in another; the end of standard input ends the process."""

    def serve() -> None:
        status = 0
        try:
            line_protocol.serve(perform, sdk_error, describe)
        except Exception:  # noqa: BLE001 - this is the thread's root
            traceback.print_exc()
            status = 1
        # The SDK may be in the middle of a pause of its own; nothing here is worth waiting for.
        os._exit(status)

    server = threading.Thread(target=serve)
    server.start()
    run()
    server.join()
