"""Killed at random moments under load, on both stores: nothing accepted is lost, doubled or told out of order.

HELIOGRAPH_CRASH_ROUNDS says how often the server is killed (5 unless set), HELIOGRAPH_CRASH_SEED which random
choices are made; a failing run prints its seed.
"""

import asyncio
import json
import os
import random
import secrets
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

from heliograph.carriers.journal import accepted_counts
from servers import Answer, HeliographServer, ServerFactory, Sink
from traffic import (
    HANDLER_PATH,
    MEDIA_PATH,
    RANK,
    STEPS,
    Load,
    Order,
    Record,
    all_messages,
    answer_inbound,
    empty,
    log_shown,
    mixed_orders,
    settled,
    timelines,
)

ROUNDS = int(os.environ.get("HELIOGRAPH_CRASH_ROUNDS", "5"))
SETTINGS = {
    "simulator_answer_ms": 20,
    "simulator_receipt_ms": 50,
    "simulator_jitter_ms": 30,
    "callback_poll_seconds": 0.05,
    "callback_retry_seconds": 0.05,
    "rate_limit_writes": 0,
}
REPLY = Answer(body=b"<Response><Message>An answer</Message></Response>", content_type="text/xml")
PICTURE = Answer(body=b"GIF89a", content_type="image/gif")
MOMENT_SECONDS = 30.0
"""A moment that does not come in this time is a failure."""


async def test_kills_at_random_moments_lose_and_double_nothing(
    server: ServerFactory, store_url: str | None, sink: Sink
) -> None:
    seed = int(os.environ.get("HELIOGRAPH_CRASH_SEED", secrets.randbits(32)))
    print(f"HELIOGRAPH_CRASH_SEED={seed}")
    dice = random.Random(seed)
    sink.answer(HANDLER_PATH, REPLY)
    sink.answer(MEDIA_PATH, PICTURE)
    node = server(database_url=store_url, settings=SETTINGS)
    answer_inbound(node, sink.url(HANDLER_PATH))
    record = Record()
    orders = mixed_orders(dice)
    with log_shown(node):
        for _ in range(ROUNDS):
            await _kill_under_load(node, sink, Load(node, sink, orders, record), dice)
            await asyncio.to_thread(node.start)
            _all_are_there(node, record)
        await settled(node, sink, record)
        await _judge(node, sink, record)


async def _kill_under_load(node: HeliographServer, sink: Sink, load: Load, dice: random.Random) -> None:
    """Kill the server when the nth thing of one kind has happened in this round, n and the kind being random."""
    count = dice.randint(1, 250)
    moment = dice.choice(["accepted", "accepted", "told", "asked", "at once"])
    asked_before, all_before = len(sink.received(HANDLER_PATH)), len(sink.received())
    async with load:
        if moment == "accepted":
            await load.more(count)
        elif moment == "told":
            await _until(lambda: len(sink.received()) >= all_before + count)
        elif moment == "asked":
            await _until(lambda: len(sink.received(HANDLER_PATH)) > asked_before + count // 10)
        node.kill()


async def _until(happened: Callable[[], bool]) -> None:
    async with asyncio.timeout(MOMENT_SECONDS):
        while not happened():
            await asyncio.sleep(0.002)


def _all_are_there(node: HeliographServer, record: Record) -> None:
    there = all_messages(node)
    for message_id, found in there.items():
        record.states.see(message_id, found["status"])
    assert record.kept.keys() <= there.keys(), f"lost: {sorted(record.kept.keys() - there.keys())[:10]}"
    assert not record.states.wrong, record.states.wrong[:10]


async def _judge(node: HeliographServer, sink: Sink, record: Record) -> None:
    """What the journal, the timelines and the replies say of the whole run."""
    journal = node.data / "simulator.journal"
    there = all_messages(node)
    await empty(lambda: _unfinished_anywhere(node), "messages are not final")
    lines = await timelines(node, there)
    _sent_once(accepted_counts(journal), lines)
    _steps_in_order(lines)
    _refused_never_sent(accepted_counts(journal), record.kept.items())
    _answered_once(journal, record)


def _unfinished_anywhere(node: HeliographServer) -> list[str]:
    """Messages kept without an answer, and replies, end too."""
    open_states = {"queued", "sending", "receiving"}
    return [sid for sid, message in all_messages(node).items() if message["status"] in open_states]


def _sent_once(counts: Mapping[str, int], lines: dict[str, list[dict[str, Any]]]) -> None:
    """The simulator accepted each message once; oftener only where its record says that this was in doubt."""
    for message_id, count in counts.items():
        kinds = [line["kind"] for line in lines[message_id]]
        assert count == 1 or "uncertain" in kinds, f"{message_id} was accepted {count} times: {kinds}"
    for message_id, steps in lines.items():
        if "sent" in [step["state"] for step in steps]:
            assert counts.get(message_id), f"{message_id} is sent, but the simulator never accepted it"


def _steps_in_order(lines: dict[str, list[dict[str, Any]]]) -> None:
    for message_id, steps in lines.items():
        states = [STEPS.get(step["state"], step["state"]) for step in steps if step["kind"] == "state"]
        assert all(RANK[after] > RANK[before] for before, after in pairwise(states)), (message_id, states)
        assert states and states[0] in ("queued", "receiving"), (message_id, states)


def _refused_never_sent(counts: Mapping[str, int], kept: Iterable[tuple[str, Order]]) -> None:
    assert not [message_id for message_id, order in kept if order.final == "failed" and message_id in counts]


def _answered_once(journal: Path, record: Record) -> None:
    """Each handset that asked got one reply; nobody got two."""
    lines = map(json.loads, journal.read_text().splitlines())
    answered = Counter(line[3] for line in lines if line[0] == "accepted")
    asked = [order.to for order in record.kept.values() if order.inbound]
    assert asked, "the load had no inbound message"
    assert [to for to in asked if answered[to] != 1] == []
