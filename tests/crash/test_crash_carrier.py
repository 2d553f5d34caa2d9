"""The server is killed at random moments with a window of submits in flight to a carrier that keeps count; on both
stores and under both policies for submits whose answer was lost.

Nothing that was accepted is lost. A message is sent twice only where it is marked uncertain, and of those at most a
window's worth for each kill. No inbound message and no receipt is lost: the carrier brings again what it got no
acknowledgement for, and what it got one for is on disk. Now and then the carrier is killed, too.

HELIOGRAPH_CRASH_ROUNDS and HELIOGRAPH_CRASH_SEED as in test_crash.py.
"""

import asyncio
import os
import random
import secrets
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from heliograph.torture import journal
from heliograph.wire.smpp import text
from heliograph.wire.smpp.pdu import DeliverSm, decode
from servers import HOST, HeliographServer, ServerFactory, Sink, Smsc, carriers_file
from traffic import Load, Order, Record, all_messages, empty, handsets, log_shown, timelines

ROUNDS = int(os.environ.get("HELIOGRAPH_CRASH_ROUNDS", "2"))
WINDOW = 100
WORTH = WINDOW * 5 // 4
"""A window's worth of messages: those on the wire and the surplus in hand (carriers.smpp.sending.SURPLUS)."""

DELIVER_WINDOW = 50
LONG = "Three parts: " + "every word of them counts. " * 15
SETTINGS = {
    "simulator": False,
    "callback_poll_seconds": 0.05,
    "callback_retry_seconds": 0.05,
    "retry_temporary_seconds": 0.05,
    "rate_limit_writes": 0,
    "backlog_limit": 0,
}
CARRIER = {
    "name": "counting",
    "system_id": "us",
    "window": WINDOW,
    "enquire_link_seconds": 1.0,
    "response_seconds": 10.0,
    "reconnect_seconds": 0.05,
    "reconnect_max_seconds": 0.2,
}
SMSC = (
    "--answer-ms", "20", "--fault", "answers-reordered", "--short-ms", "30",  # 20 to 50 ms
    "--receipt-ms", "30", "--resend-ms", "1000", "--deliver-window", str(DELIVER_WINDOW), "--echo",
)  # fmt: skip


@pytest.fixture
def smsc(tmp_path: Path) -> Iterator[Smsc]:
    """The carrier that counts; it sends each message back."""
    carrier = Smsc(tmp_path / "carrier.journal", *SMSC)
    yield carrier.start()
    carrier.kill()


@dataclass(slots=True)
class Kills:
    """How often something was killed with a window in flight."""

    count: int = 0


@pytest.mark.parametrize("policy", ["hold", "resend"])
async def test_kills_with_a_window_in_flight(
    server: ServerFactory, store_url: str | None, sink: Sink, smsc: Smsc, tmp_path: Path, policy: str
) -> None:
    seed = int(os.environ.get("HELIOGRAPH_CRASH_SEED", secrets.randbits(32)))
    print(f"HELIOGRAPH_CRASH_SEED={seed}")
    dice = random.Random(seed)
    config = carriers_file(tmp_path / "carriers.toml", [{**CARRIER, "hosts": f"{HOST}:{smsc.port}"}])
    node = server(database_url=store_url, settings={**SETTINGS, "uncertain_policy": policy}, config=config)
    record, kills, orders = Record(), Kills(), _orders(dice)
    with log_shown(node):
        for _ in range(ROUNDS):
            await _kill_under_load(node, smsc, Load(node, sink, orders, record, creators=32), dice, kills)
            await asyncio.to_thread(node.start)
        await _settled(node, smsc, record, policy)
        await _judge(node, smsc, record, kills, policy)


def _orders(dice: random.Random) -> Iterator[Order]:
    """Short messages, and one long in five."""
    return (Order(to=to, body=LONG if dice.random() < 0.2 else "Hello") for to in handsets())


async def _kill_under_load(node: HeliographServer, smsc: Smsc, load: Load, dice: random.Random, kills: Kills) -> None:
    """While the carrier is frozen the window fills; then messages go round, and at some moment something dies."""
    async with load:
        with smsc.frozen():
            await load.more(WINDOW + 50)
        await load.more(dice.randint(0, 300))
        if dice.random() < 0.25:
            smsc.kill()
            kills.count += 1
            smsc.start()
            await load.more(dice.randint(0, 100))
        node.kill()
        kills.count += 1


# -- when it is over


async def _settled(node: HeliographServer, smsc: Smsc, record: Record, policy: str) -> None:
    """Wait until the carrier owes nothing, and each message is as far as it gets: delivered, or held in doubt."""

    def open_messages() -> list[str]:
        there = all_messages(node)
        return [
            f"{sid}: {message['status']}"
            for sid, message in there.items()
            if message["direction"] != "inbound" and message["status"] not in ("delivered", "undelivered", "failed")
        ]

    async def certain() -> list[str]:
        """Those that are open and not in doubt."""
        sids = [line.partition(":")[0] for line in await asyncio.to_thread(open_messages)]
        lines = await timelines(node, sids)
        return [sid for sid, steps in lines.items() if policy == "resend" or not _uncertain(steps)]

    def receipts_waiting() -> list[str]:
        """Short messages whose receipts are on disk, and are still to settle a doubt: they are looked at again."""
        told = _counted(smsc.journal).acknowledged
        return [
            sid
            for sid, message in all_messages(node).items()
            if message["num_segments"] == 1 and message["to"] in told and message["status"] != "delivered"
        ]

    await empty(lambda: ["owed"] if smsc.counts()["owed"] else [], "receipts or inbound messages are owed")
    await empty(receipts_waiting, "receipts were acknowledged, and are lost")
    async with asyncio.timeout(60):
        while amiss := await certain():
            await asyncio.sleep(0.1)
    assert amiss == []


def _uncertain(steps: list[dict[str, Any]]) -> bool:
    return any(step["kind"] == "uncertain" for step in steps)


@dataclass(slots=True)
class Counted:
    """What the carrier's journal says. taken: by recipient, the part numbers; acknowledged: recipients of receipts that
    were; inbound: how often a sender's text had to come."""

    taken: dict[str, Counter[int]] = field(default_factory=dict)
    acknowledged: dict[str, Counter[int]] = field(default_factory=dict)
    inbound: Counter[tuple[str, str]] = field(default_factory=Counter)


def _counted(path: Path) -> Counted:
    found, where = Counted(), dict[str, tuple[str, int]]()
    for line in journal.read(path):
        match line["event"]:
            case "accepted":
                place = f"+{line['destination']}", line["part"][2] if line["part"] else 1
                where[line["id"]] = place
                found.taken.setdefault(place[0], Counter())[place[1]] += 1
            case "inbound_owed":
                _, pdu = decode(bytes.fromhex(line["frame"]))
                assert isinstance(pdu, DeliverSm)
                found.inbound[f"+{pdu.source_addr}", text.read(pdu).text] += 1
            case "receipt_ack" if line["status"] == 0:
                to, part = where[line["id"]]
                found.acknowledged.setdefault(to, Counter())[part] += 1
    return found


async def _judge(node: HeliographServer, smsc: Smsc, record: Record, kills: Kills, policy: str) -> None:
    counted = _counted(smsc.journal)
    there = all_messages(node)
    outbound = {sid: each for sid, each in there.items() if each["direction"] != "inbound"}
    assert record.kept.keys() <= outbound.keys(), "accepted messages are lost"
    lines = await timelines(node, outbound)
    doubted = {sid for sid, steps in lines.items() if _uncertain(steps)}
    print(f"{len(outbound)} messages, {len(doubted)} in doubt, {kills.count} kills")
    _judge_ends(outbound, doubted, counted, policy)
    _judge_taken(outbound, doubted, counted, kills, policy)
    _judge_inbound(there, counted, kills)


def _judge_ends(outbound: Mapping[str, Mapping[str, Any]], doubted: set[str], counted: Counted, policy: str) -> None:
    """Delivered or in doubt; and not in doubt any more where the carrier told what became of it."""
    for sid, message in outbound.items():
        assert message["status"] == "delivered" or sid in doubted, (sid, message["status"])
        if policy == "resend":
            assert message["status"] == "delivered", (sid, message["status"])
        is_single = message["num_segments"] == 1
        if is_single and message["to"] in counted.acknowledged:
            assert message["status"] == "delivered", f"{sid}: its receipt was acknowledged, and is lost"


def _judge_taken(
    outbound: Mapping[str, Mapping[str, Any]], doubted: set[str], counted: Counted, kills: Kills, policy: str
) -> None:
    twice = 0
    for sid, message in outbound.items():
        parts = counted.taken.get(message["to"], Counter())
        if message["status"] == "delivered":
            assert set(parts) == set(range(1, message["num_segments"] + 1)), (sid, parts)
        again = max(parts.values(), default=1) - 1
        assert not again or sid in doubted, f"{sid} was sent {parts} and is not marked uncertain"
        twice += again
    print(f"{twice} messages were sent again")
    assert twice <= (kills.count * WORTH if policy == "resend" else 0)


def _judge_inbound(there: Mapping[str, Mapping[str, Any]], counted: Counted, kills: Kills) -> None:
    stored = Counter((each["from"], each["body"]) for each in there.values() if each["direction"] == "inbound")
    assert {each: count for each, count in counted.inbound.items() if stored[each] < count} == {}
    assert (
        stored.total() - counted.inbound.total() <= kills.count * DELIVER_WINDOW
    )  # what was stored and not acknowledged yet
    assert all(each["status"] == "received" for each in there.values() if each["direction"] == "inbound")
