"""Relay clients and the server die again and again while handsets write and a client sends, on both stores.

Each inbound message is handled at least once, those of one handset in the order in which they were kept (as they are
handled for the first time; a repetition may come at any time). Each state of what was sent is told to somebody, in
order. HELIOGRAPH_CRASH_ROUNDS and HELIOGRAPH_CRASH_SEED as in test_crash.py.
"""

import asyncio
import contextlib
import itertools
import json
import os
import random
import secrets
import signal
import sys
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
from relay_handler import Journal

from relay_client import Relay
from relay_frames import RpcError, login_to
from relay_link import ACKNOWLEDGE, LOST, Answer, RelayLink
from servers import HeliographServer, ServerFactory
from traffic import all_messages, authorization, empty, log_shown

ROUNDS = int(os.environ.get("HELIOGRAPH_CRASH_ROUNDS", "4"))
HANDLERS = 3
HANDSETS = 12
CONTEXT = "office"
PAUSE_SECONDS = 0.05
"""Of a handset that wasn't answered, and of a client that isn't connected."""

SETTINGS = {
    "simulator_answer_ms": 20,
    "simulator_receipt_ms": 50,
    "callback_poll_seconds": 0.05,
    "callback_retry_seconds": 0.05,
    "rate_limit_writes": 0,
}
STATES = ["initiated", "sent", "delivered"]


@dataclass(slots=True)
class Kept:
    """What the server said that it keeps. inbound: for each handset the ids of its messages, in order; sent: ids."""

    inbound: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    sent: list[str] = field(default_factory=list)

    @property
    def count(self) -> int:
        """How many messages."""
        return len(self.sent) + sum(map(len, self.inbound.values()))


async def test_clients_and_server_die_and_nothing_is_lost_or_out_of_order(
    server: ServerFactory, store_url: str | None, tmp_path: Path
) -> None:
    seed = int(os.environ.get("HELIOGRAPH_CRASH_SEED", secrets.randbits(32)))
    print(f"HELIOGRAPH_CRASH_SEED={seed}")
    dice = random.Random(seed)
    node = server(database_url=store_url, settings=SETTINGS)
    for number in node.credentials.numbers:
        Relay(node).route(CONTEXT, number)
    kept, journal = Kept(), tmp_path / "journal"
    with log_shown(node):
        async with handlers(node, journal, dice) as handling:
            async with load(node, kept, journal):
                for _ in range(ROUNDS):
                    await more(kept, dice.randint(50, 300))
                    node.kill()
                    await asyncio.to_thread(node.start)
                await more(kept, 100)
            await empty(lambda: unhandled(kept, journal), "messages or states nobody was told of")
        await empty(lambda: unfinished(node, kept), "messages are not final")
    in_order(kept, journal)
    print(f"{kept.count} messages, {len(read(journal))} events, {handling.deaths} handlers died")
    assert handling.deaths, "no handler died: the test shows nothing"


# -- those who handle


@dataclass(slots=True)
class Handling:
    """The handlers' processes."""

    deaths: int = 0


@contextlib.asynccontextmanager
async def handlers(node: HeliographServer, journal: Path, dice: random.Random) -> AsyncIterator[Handling]:
    """Processes that handle what comes, each replaced when it has died."""
    handling = Handling()
    keepers = [asyncio.create_task(_keep_alive(node, journal, dice, handling)) for _ in range(HANDLERS)]
    try:
        yield handling
    finally:
        for keeper in keepers:
            keeper.cancel()
        ends = await asyncio.gather(*keepers, return_exceptions=True)
    assert all(isinstance(each, asyncio.CancelledError) for each in ends), ends


async def _keep_alive(node: HeliographServer, journal: Path, dice: random.Random, handling: Handling) -> None:
    script = str(Path(__file__).with_name("relay_handler.py"))
    login = login_to(node)
    while True:
        arguments = (login.url, login.project, login.token, CONTEXT, str(journal), str(dice.randrange(2**32)))
        process = await asyncio.create_subprocess_exec(sys.executable, script, *arguments)
        try:
            status = await process.wait()
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        assert status == -signal.SIGKILL, f"a handler ended with {status}; its error is above"
        handling.deaths += 1


# -- those who write


@contextlib.asynccontextmanager
async def load(node: HeliographServer, kept: Kept, journal: Path) -> AsyncIterator[None]:
    """Handsets that write one message after the other, and a Relay client that sends."""
    stopping = asyncio.Event()
    numbers = [f"+1312555{number:04d}" for number in range(HANDSETS)]
    async with aiohttp.ClientSession(headers=authorization(node)) as session:
        tasks = [asyncio.create_task(_write_on(node, session, each, kept, stopping)) for each in numbers]
        tasks.append(asyncio.create_task(_send_on(node, kept, Journal(journal), stopping)))
        try:
            yield
        finally:
            stopping.set()
            await asyncio.gather(*tasks)


async def more(kept: Kept, count: int) -> None:
    """Return when so many more messages are kept."""
    wanted = kept.count + count
    async with asyncio.timeout(60):
        while kept.count < wanted:
            await asyncio.sleep(0.005)


async def _write_on(
    node: HeliographServer, session: aiohttp.ClientSession, handset: str, kept: Kept, stopping: asyncio.Event
) -> None:
    """The next message only when the one before is kept; one that may have been lost is written again."""
    url = f"{node.base_url}/api/heliograph/simulator/inbound"
    texts = (str(number) for number in itertools.count())
    message = {"from": handset, "to": node.credentials.numbers[0], "body": next(texts)}
    while not stopping.is_set():
        with contextlib.suppress(aiohttp.ClientError):
            async with session.post(url, json=message) as response:
                if response.status == 201:
                    kept.inbound[handset].append((await response.json())["id"])
                    message["body"] = next(texts)
                    continue
        await asyncio.sleep(PAUSE_SECONDS)


async def _send_on(node: HeliographServer, kept: Kept, journal: Journal, stopping: asyncio.Event) -> None:
    """One connection after the other, on which a message is sent when the one before is answered."""
    protocol: str | None = None
    numbers = (f"+1312777{number:04d}" for number in itertools.count())

    async def on_event(event: Mapping[str, Any]) -> Answer:
        if str(event["event_type"]).startswith("messaging."):
            journal.add(event)
        return ACKNOWLEDGE

    fields = {"context": CONTEXT, "from_number": node.credentials.numbers[0], "body": "x"}
    while not stopping.is_set():
        with contextlib.suppress(*LOST, RpcError):
            async with RelayLink(login_to(node, CONTEXT, protocol=protocol), on_event) as link:
                protocol = str(link.connected["protocol"])
                while not stopping.is_set():
                    kept.sent.append(await link.send(**fields, to_number=next(numbers)))
                    await asyncio.sleep(PAUSE_SECONDS)
        await asyncio.sleep(PAUSE_SECONDS)


# -- what the journal says


def read(journal: Path) -> list[dict[str, Any]]:
    """Its lines."""
    return [json.loads(line) for line in journal.read_text().splitlines()]


def unhandled(kept: Kept, journal: Path) -> list[str]:
    """Inbound messages that no handler saw, and states of sent ones that nobody was told of."""
    seen = {(line["message_id"], line["message_state"]) for line in read(journal)}
    inbound = [(each, "received") for ids in kept.inbound.values() for each in ids]
    states = [(each, state) for each in kept.sent for state in STATES]
    return [f"{each}: {state}" for each, state in inbound + states if (each, state) not in seen]


def unfinished(node: HeliographServer, kept: Kept) -> list[str]:
    """Messages that are not where they end."""
    there = all_messages(node)
    assert set(itertools.chain(kept.sent, *kept.inbound.values())) <= there.keys(), "messages are lost"
    return [
        f"{sid}: {each['status']}" for sid, each in there.items() if each["status"] not in ("received", "delivered")
    ]


def in_order(kept: Kept, journal: Path) -> None:
    """As handled for the first time, each handset's messages and each sent message's states are in order."""
    first: dict[str, list[str]] = defaultdict(list)
    states: dict[str, list[str]] = defaultdict(list)
    for line in read(journal):
        if line["type"] == "messaging.receive":
            _note(first[line["from_number"]], line["message_id"])
        else:
            _note(states[line["message_id"]], line["message_state"])
    for handset, ids in kept.inbound.items():
        ours = set(ids)
        assert [each for each in first[handset] if each in ours] == ids, f"{handset}: out of order"
    assert {each: states[each] for each in kept.sent} == dict.fromkeys(kept.sent, STATES)


def _note(seen: list[str], each: str) -> None:
    if each not in seen:
        seen.append(each)
