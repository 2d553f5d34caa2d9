"""A dispatcher at work on an engine's ground, with carriers that tests script."""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager

from engine_ground import Ground, ScriptedCarrier

from heliograph.core.message import Kind, Message, PartReceipts
from heliograph.core.routing import Facts, Router, Rule
from heliograph.engine.attachments import Attachments, AttachmentSettings
from heliograph.engine.dispatch import Dispatcher, DispatchSettings
from heliograph.engine.dropped import Dropped
from heliograph.engine.receipts import ReceiptLimits, Receipts
from heliograph.engine.retries import RetrySettings
from heliograph.ports import FetchedMedia, Orphaned


class NoFiles:
    def kept(self, contents: Sequence[bytes]) -> AbstractAsyncContextManager[list[str]]:
        raise AssertionError

    async def read(self, content_hash: str) -> bytes:
        raise AssertionError

    async def remove_orphans(self, hashes: Sequence[str], orphaned: Orphaned) -> None:
        raise AssertionError

    async def sweep(self, older_than_seconds: float) -> int:
        raise AssertionError


async def no_fetch(urls: object, limit: int, project_id: str) -> list[FetchedMedia]:
    raise AssertionError


class Machine:
    """A dispatcher and receipts at work, with carriers by preference."""

    def __init__(self, ground: Ground, *carriers: ScriptedCarrier, **settings: object) -> None:
        values: dict[str, object] = {
            "queue_max": 1000,
            "batch_max": 50,
            "retry_temporary_seconds": 0.01,
            "answer_seconds": 30.0,
            "resend_uncertain": False,
            "silent_max": 100,
            "retries": RetrySettings(memory_max=100, project_max=50, destination_max=20, window_share=0.25),
        }
        attachments = Attachments(
            store=ground.store,
            clock=ground.clock,
            files=NoFiles(),
            fetch=no_fetch,
            transitions=ground.transitions,
            settings=AttachmentSettings(max_bytes=1, max_bytes_toll_free=1, concurrency=1, attempts=1),
        )
        self.ground = ground
        self.carrier = carriers[0]
        self.dropped = Dropped(ground.metrics, ground.clock.now, 100)
        self.part_receipts: PartReceipts = "each"
        self.receipts = Receipts(
            store=ground.store,
            clock=ground.clock,
            transitions=ground.transitions,
            metrics=ground.metrics,
            dropped=self.dropped,
            part_receipts=lambda carrier: self.part_receipts,
            limits=ReceiptLimits(memory=100, held=10_000, doubts=100),
        )
        kinds = {carrier.name: frozenset(Kind) for carrier in carriers}
        routes = [Rule(carriers=(carrier.name,), priority=place) for place, carrier in enumerate(carriers)]
        router = Router(routes, (), kinds)
        self.dispatcher = Dispatcher(
            store=ground.store,
            clock=ground.clock,
            root_of=lambda project_id: project_id,
            ways=lambda message: router.candidates(facts(message), self.dispatcher.availability(), 0.0),
            transitions=ground.transitions,
            attachments=attachments,
            receipts=self.receipts,
            metrics=ground.metrics,
            settings=DispatchSettings(**(values | settings)),  # type: ignore[arg-type]
        )
        self.dispatcher.start_task = ground.go
        self.dispatcher.start_machine = lambda machine: ground.go(machine())
        for carrier in carriers:
            self.dispatcher.add(carrier)
        for work in (
            self.dispatcher.run(),
            self.dispatcher.record_outcomes(),
            self.dispatcher.retry(),
            self.receipts.run(),
        ):
            ground.go(work)

    async def take(self, *messages: Message) -> None:
        await self.ground.accept(*messages)
        for message in messages:
            self.dispatcher.offer(message)


def facts(message: Message) -> Facts:
    return Facts(from_number=message.from_number, to_number=message.to_number, project_id=message.project_id)
