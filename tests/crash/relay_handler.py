"""A Relay client that dies: ``relay_handler.py URL PROJECT TOKEN CONTEXT JOURNAL SEED``.

It handles an event by writing a line to the journal, then acknowledges it. By chance it kills itself before or after
that line, or resets the connection without an acknowledgement. It connects again until it is killed. The journal is
written through to the kernel line by line, so that no death of a process loses a line; several handlers share it.
"""

import asyncio
import contextlib
import json
import os
import random
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from relay_frames import Login, RpcError
from relay_link import ACKNOWLEDGE, KEEP_SILENT, LOST, Answer, RelayLink

RECONNECT_SECONDS = 0.05
DIES_BEFORE, DIES_AFTER, RESETS = 0.004, 0.008, 0.03
"""Up to which of a random number between 0 and 1 it does so with an event."""


class Journal:
    """A file that several processes add lines to, each at once."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    def add(self, event: Mapping[str, Any]) -> None:
        """What a handler must remember of an event."""
        params = event["params"]
        names = ("message_id", "from_number", "body", "message_state")
        line = {"type": event["event_type"], **{name: params[name] for name in names}}
        os.write(self._file, json.dumps(line).encode() + b"\n")

    def close(self) -> None:
        """Close it."""
        os.close(self._file)


async def handle(login: Login, journal: Journal, dice: random.Random) -> None:
    """Connect again and again; each time on with the session that there was."""
    links: list[RelayLink] = []
    reset = asyncio.Event()

    async def on_event(event: Mapping[str, Any]) -> Answer:
        if not str(event["event_type"]).startswith("messaging."):
            return ACKNOWLEDGE
        chance = dice.random()
        if chance < DIES_BEFORE:
            os.kill(os.getpid(), signal.SIGKILL)
        journal.add(event)
        if chance < DIES_AFTER:
            os.kill(os.getpid(), signal.SIGKILL)
        if chance < RESETS:
            reset.set()
            links[-1].drop()
            return KEEP_SILENT
        return ACKNOWLEDGE

    while True:
        reset.clear()
        links[:] = [RelayLink(login, on_event)]
        with contextlib.suppress(*LOST, RpcError):
            async with links[-1] as link:
                await link.closed()
        if not reset.is_set():
            await asyncio.sleep(RECONNECT_SECONDS)


def main() -> None:
    """Be the client until it is killed."""
    url, project, token, context, journal, seed = sys.argv[1:]
    login = Login(url=url, project=project, token=token, contexts=[context])
    asyncio.run(handle(login, Journal(Path(journal)), random.Random(int(seed))))


if __name__ == "__main__":
    main()
