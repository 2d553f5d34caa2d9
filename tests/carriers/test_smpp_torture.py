"""SmppCarrier against every fault of the torture carrier: each message comes to something, none is sent twice that is
not in doubt, none is called sent that was not taken, and every receipt that can be matched is."""

import asyncio
from collections import Counter
from typing import Any

import pytest
from smpp_ground import Desk, message

from heliograph.carrier_config import CarrierConfig, Host, Query
from heliograph.carriers.smpp.carrier import SmppCarrier
from heliograph.core.carrier_refs import fold
from heliograph.core.errors import Permanent, Temporary, Uncertain
from heliograph.core.lifecycle import State
from heliograph.core.message import Direction, Kind, Message, Source
from heliograph.net.clock import SystemClock
from heliograph.net.resolver import Resolver, ResolverSettings
from heliograph.ports import Receipt
from heliograph.torture import faults
from heliograph.torture.carrier import TortureCarrier
from heliograph.torture.plans import InboundPlan, QueryPlan, SubmitPlan
from heliograph.torture.settings import IdBase, TortureSettings

MESSAGES = 12
TRIES = 200
SECONDS = 20

ON_THEIR_WAY = {"receipt-state-ENROUTE", "receipt-state-ACCEPTED"}
"""Faults whose receipts are not the last word."""

UNMATCHED = {
    "no-receipt",
    "receipt-unknown-id",
    "receipt-garbage-text",
    "receipt-empty",
    "receipt-no-state",
    "receipt-unmarked",
}
"""Faults that leave a message without a receipt that could be matched."""

OTHER_IDS = {"empty-message-id", "answer-unreadable", "long-message-id", "message-id-reused"}
"""Faults that answer with another id than the message's."""


class Engine:
    """What the engine does with a carrier, in short: it tries again what was refused for now, and matches receipts."""

    def __init__(self, carrier: SmppCarrier, desk: Desk) -> None:
        self.carrier = carrier
        self.desk = desk
        self.sent: dict[str, str] = {}
        self.uncertain: set[str] = set()
        self.failed: set[str] = set()
        self.delivered: Counter[str] = Counter()
        self.early: list[Receipt] = []
        desk.taking = self.take

    def take(self, receipt: Receipt) -> str | None:
        known = {fold(ref): ref for ref in self.sent.values()}
        found = next((known[key] for key in receipt.keys if key in known), None)
        if found is None:
            self.early.append(receipt)
        elif receipt.state is State.DELIVERED:
            self.delivered[found] += 1
        return found

    async def send(self, name: str) -> None:
        for _ in range(TRIES):
            await self.desk.signal.until(lambda: self.carrier.available)
            try:
                submitted = await self.carrier.submit(message(name, f"text of {name}"))
            except Temporary:
                continue
            except Uncertain:
                if await self.was_taken(name) is False:
                    continue
            except Permanent:
                self.failed.add(name)
            else:
                self.sent[name] = submitted.refs[0]
                self.desk.signal.happened()
            return
        raise AssertionError(f"{name} was refused for now {TRIES} times")

    async def was_taken(self, name: str) -> bool | None:
        """Ask, where that can be; note what it came to."""
        known = await self.carrier.query(kept_message(name))
        if known is None:
            self.uncertain.add(name)
            return None
        if known.refs is not None:
            self.sent[name] = known.refs[0]
            self.desk.signal.happened()
        return known.refs is not None

    def rematch(self) -> None:
        """Receipts that came before the answers of their messages."""
        early, self.early = self.early, []
        for receipt in early:
            self.take(receipt)


def kept_message(name: str) -> Message:
    """As the engine has it."""
    sent = message(name)
    return Message(
        id=name,
        project_id="p",
        direction=Direction.OUTBOUND_API,
        kind=Kind.SMS,
        source=Source.LAML,
        from_number=sent.from_number,
        to_number=sent.to_number,
        body=f"text of {name}",
        segments=1,
        state=State.INITIATED,
        created_at=1,
        updated_at=1,
        expires_at=1,
    )


def names(*kinds: type[Any]) -> list[str]:
    return [fault.name for fault in faults.TABLE if fault.plan in kinds]


async def torture(fault: str, query: Query = "none", **settings: Any) -> tuple[TortureCarrier, Engine]:
    carrier = TortureCarrier(
        TortureSettings(
            faults=(fault,), late_ms=150.0, short_ms=20.0, resend_ms=100.0, receipt_ms=5.0, seed=7, **settings
        )
    )
    await carrier.start()
    config = CarrierConfig(
        name="torture",
        hosts=(Host("127.0.0.1", carrier.port),),
        system_id="us",
        window=4,
        bind_seconds=0.25,
        response_seconds=0.2,
        enquire_link_seconds=0.1,
        reconnect_seconds=0.01,
        reconnect_max_seconds=0.02,
        query=query,
        query_after_seconds=0.05,
    )
    desk = Desk()
    smpp = SmppCarrier(config, SystemClock(), resolver=Resolver(ResolverSettings()), chance=lambda: 0.5)
    await smpp.start(desk)
    engine = Engine(smpp, desk)
    try:
        async with asyncio.timeout(SECONDS):
            await asyncio.gather(*(engine.send(f"m{n}") for n in range(MESSAGES)))
        return carrier, engine
    finally:
        if fault.partition("@")[0] not in UNMATCHED:
            await carrier.until(lambda: not carrier.owed, SECONDS)
        await smpp.stop()
        await carrier.stop()


def judge(carrier: TortureCarrier, engine: Engine, fault: str) -> None:
    engine.rematch()
    taken = Counter(each.text for each in carrier.messages)
    assert len(engine.sent) + len(engine.uncertain) + len(engine.failed) == MESSAGES
    for name in engine.sent:
        assert taken[f"text of {name}"] == 1, f"{name} is called sent"
    for name in engine.uncertain | engine.failed:
        assert taken[f"text of {name}"] <= 1
    if fault not in OTHER_IDS:
        ids = {each.text: each.id for each in carrier.messages}
        assert all(ref == ids[f"text of {name}"] for name, ref in engine.sent.items())
    assert fault in carrier.faults, "the fault never struck"


@pytest.mark.parametrize("fault", [name for name in names(*{f.plan for f in faults.TABLE} - {InboundPlan, QueryPlan})])
async def test_fault(fault: str) -> None:
    when = "every-3" if fault in names(SubmitPlan) else "first-2"
    carrier, engine = await torture(f"{fault}@{when}")
    judge(carrier, engine, fault)
    if fault not in UNMATCHED | OTHER_IDS | ON_THEIR_WAY and fault in names(SubmitPlan):
        delivered = set(engine.delivered)
        undelivered = {each for each in engine.desk.receipts if each.state is State.UNDELIVERED}
        assert set(engine.sent.values()) <= delivered | {each.carrier_ref for each in undelivered}


IN_DOUBT = ["no-answer", "lost-submit", "cut-before-answer", "cut-before-taking", "reset-before-answer", "half-open"]


@pytest.mark.parametrize("fault", IN_DOUBT)
async def test_every_doubt_is_settled_where_the_carrier_can_be_asked(fault: str) -> None:
    carrier, engine = await torture(f"{fault}@every-3", query="reference")
    judge(carrier, engine, fault)
    assert engine.uncertain == set()
    assert len(engine.sent) == MESSAGES
    assert carrier.counts.queries


@pytest.mark.parametrize("base", list(IdBase))
async def test_ids_in_the_other_base(base: IdBase) -> None:
    carrier, engine = await torture("receipt-wrong-base", ids=base, first_id=0xA00000)
    engine.rematch()
    assert set(engine.delivered) == set(engine.sent.values())
    assert len(engine.sent) == MESSAGES
    assert carrier.counts.surprises == {}
