"""A carrier's receipts on their way from the PDU to the store, without network: on each of the stores."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from engine_ground import PROJECT, SetClock, ids

from heliograph import app, config
from heliograph.carrier_config import CarrierConfig, Host
from heliograph.carriers.smpp.ids import Ids
from heliograph.carriers.smpp.receiving import Receiving
from heliograph.core.lifecycle import State
from heliograph.core.message import Direction, Kind, Message, Part, Source
from heliograph.core.pricing import Rates
from heliograph.engine.dropped import Dropped
from heliograph.engine.metrics import Metrics
from heliograph.engine.overdue_parts import OverdueParts
from heliograph.engine.receipts import ReceiptLimits, Receipts
from heliograph.engine.transition import Step, Transitions
from heliograph.ports import Acceptance, InboundPart, Receipt, Store
from heliograph.wire.smpp import receipt as receipts
from heliograph.wire.smpp.pdu import DeliverSm

ACME = "acme"
US = "+12025550101"
HANDSET = "+12065550123"


@dataclass
class Way:
    """As ports.CarrierEvents: what a carrier brings goes straight to the matching."""

    receipts: Receipts

    async def receipt(self, carrier: str, receipt: Receipt) -> str | None:
        return await self.receipts.take(carrier, receipt)

    async def inbound(self, part: InboundPart) -> None:
        raise AssertionError

    def changed(self, carrier: str) -> None:
        raise AssertionError


@dataclass
class World:
    store: Store
    clock: SetClock
    metrics: Metrics
    transitions: Transitions
    config: CarrierConfig
    tasks: list["asyncio.Task[None]"] = field(default_factory=list)

    def start(self) -> None:
        """Everything in memory is new: as after a start of the server."""
        for task in self.tasks:
            task.cancel()
        self.dropped = Dropped(self.metrics, self.clock.now, 10)
        self.receipts = Receipts(
            store=self.store,
            clock=self.clock,
            transitions=self.transitions,
            metrics=self.metrics,
            dropped=self.dropped,
            part_receipts=lambda carrier: self.config.part_receipts,
            limits=ReceiptLimits(memory=100, held=10_000, doubts=100),
        )
        self.overdue = OverdueParts(self.store, self.clock, self.transitions, lambda carrier: self.config.part_receipts)
        self.came: list[str] = []
        self.configure()
        self.tasks = [asyncio.get_running_loop().create_task(self.receipts.run())]

    def configure(self, **values: Any) -> None:
        given = {"name": ACME, "hosts": (Host("127.0.0.1", 1),), "system_id": "us", **values}
        self.config = CarrierConfig(**given)
        self.receiving = Receiving(self.config, Ids(self.config.id_match), Way(self.receipts), self.came.append)

    async def sent(self, *refs: str, to: str = HANDSET, expect: bool = True, **changes: Any) -> Message:
        """A message that the carrier took, in as many parts as it gave ids."""
        now = self.clock.now()
        message = Message(
            id=ids.next(now),
            project_id=PROJECT,
            direction=Direction.OUTBOUND_API,
            kind=Kind.SMS,
            source=Source.LAML,
            from_number=US,
            to_number=to,
            body="hello",
            segments=len(refs),
            state=State.QUEUED,
            created_at=now,
            updated_at=now,
            **{"expires_at": now + 3600 * 1_000_000, **changes},
        )
        await self.store.accept(Acceptance(message=message, event_no=self.transitions.event_numbers.next()))
        parts = tuple(
            Part(
                project_id=PROJECT,
                message_id=message.id,
                part=number,
                total=len(refs),
                state=State.SENT,
                carrier=ACME,
                carrier_ref=ref,
            )
            for number, ref in enumerate(refs, 1)
            if len(refs) > 1
        )
        (handed,) = await self.transitions.apply([Step(message=message, states=(State.INITIATED,), carrier=ACME)])
        assert handed is not None
        (taken,) = await self.transitions.apply(
            [Step(message=handed, states=(State.SENT,), carrier_ref=refs[0], parts=parts)]
        )
        assert taken is not None
        if expect:
            self.receipts.expect(taken, parts)
        return taken

    async def bring(
        self,
        text: str | bytes,
        source: str = HANDSET,
        destination: str = US,
        *,
        esm_class: int = 4,
        ton: int = 1,
        **fields: Any,
    ) -> None:
        pdu = DeliverSm(
            source_addr=source.removeprefix("+"),
            source_addr_ton=ton,
            destination_addr=destination.removeprefix("+"),
            dest_addr_ton=ton,
            esm_class=esm_class,
            short_message=text if isinstance(text, bytes) else text.encode("latin-1"),
            **fields,
        )
        said = receipts.parse(pdu)
        assert said is not None
        await self.receiving.receipt(self.receiving.as_receipt(said, pdu))

    async def state(self, message: Message) -> str:
        found = await self.store.message(PROJECT, message.id)
        assert found is not None
        return found.state.value

    async def lines(self, message: Message) -> list[tuple[str, str | None]]:
        """Of its timeline, those that no step made."""
        found = await self.store.timeline(PROJECT, message.id)
        return [(each.kind, each.detail) for each in found if each.kind != "state"]

    def reasons(self) -> list[str]:
        return [each.reason.value for each in self.dropped.entries()]


@pytest.fixture
async def world(tmp_path: Path, store_url: str | None) -> AsyncIterator[World]:
    store = app.make_store(config.load({"data": str(tmp_path), "database_url": store_url}, {}), exclusive=True)
    await store.open()
    clock, metrics = SetClock(), Metrics()
    made = World(
        store,
        clock,
        metrics,
        Transitions(store, clock, Rates(), metrics, lambda project_id: project_id),
        CarrierConfig(name=ACME, hosts=(Host("127.0.0.1", 1),), system_id="us"),
    )
    made.start()
    yield made
    for task in made.tasks:
        task.cancel()
    await store.close()
