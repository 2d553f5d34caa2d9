"""Match a receipt to its message and take the message to where the receipt says.

Receipts are taken in batches; the carrier is told that one is taken (its handler returns) only when its effect is on
disk. A receipt that overtakes the submit's answer is held until the answer names its reference; one that nobody
can place within HOLD_SECONDS is counted, logged and let go.
"""

import asyncio
from collections import OrderedDict
from dataclasses import dataclass

import structlog
from msgspec.structs import replace

from heliograph.core.lifecycle import receipt_path
from heliograph.core.message import Message
from heliograph.engine.metrics import Metrics
from heliograph.engine.transition import Step, Transitions
from heliograph.ports import Receipt, Store

log = structlog.get_logger(__name__)

HOLD_SECONDS = 30.0
"""How long a receipt may be ahead of the answer that names its reference."""

HELD_MAX = 10_000
"""Receipts held at once; at the limit the oldest is let go as unmatched."""


@dataclass(slots=True)
class _Taken:
    receipt: Receipt
    done: "asyncio.Future[None]"
    looked_up: bool = False


class Receipts:
    def __init__(
        self, store: Store, transitions: Transitions, metrics: Metrics, carrier_name: str, memory_max: int
    ) -> None:
        self._store = store
        self._transitions = transitions
        self._metrics = metrics
        self._carrier_name = carrier_name
        self._memory_max = memory_max
        self._awaited: OrderedDict[str, Message] = OrderedDict()
        self._arrived: list[_Taken] = []
        self._held: OrderedDict[str, list[_Taken]] = OrderedDict()
        self._wake = asyncio.Event()

    def expect(self, message: Message) -> None:
        """The carrier accepted this message: its receipt may come."""
        if message.carrier_ref is None:
            return
        self._awaited[message.carrier_ref] = message
        if len(self._awaited) > self._memory_max:
            self._awaited.popitem(last=False)
        for held in self._held.pop(message.carrier_ref, ()):
            self._arrive(held)

    def forget(self, message: Message) -> None:
        """Let go of this copy; a receipt will read the message from the store."""
        if message.carrier_ref is not None:
            self._awaited.pop(message.carrier_ref, None)

    async def take(self, receipt: Receipt) -> None:
        """A carrier's receipt; returns when its effect is on disk, or when it has none."""
        taken = _Taken(receipt, asyncio.get_running_loop().create_future())
        self._arrive(taken)
        await taken.done

    def _arrive(self, taken: _Taken) -> None:
        self._arrived.append(taken)
        self._wake.set()

    async def run(self) -> None:
        """Work off what arrived, as many together as there are, for as long as the server runs."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            arrived, self._arrived = self._arrived, []
            await self._work_off(arrived)

    async def _work_off(self, arrived: list[_Taken]) -> None:
        steps: dict[str, Step] = {}
        settled: list[_Taken] = []
        for taken in arrived:
            message = await self._find(taken)
            if message is None:
                self._hold(taken)
                continue
            settled.append(taken)
            if message.id in steps:  # a repetition within the batch
                message = replace(message, state=steps[message.id].states[-1])
            step = await self._step(message, taken.receipt)
            if step is not None:
                steps[message.id] = step
        await self._transitions.apply(list(steps.values()))
        for taken in settled:
            if not taken.done.done():
                taken.done.set_result(None)

    async def _find(self, taken: _Taken) -> Message | None:
        """From memory, once; a repeated or late receipt finds its message in the store."""
        reference = taken.receipt.carrier_ref
        message = self._awaited.pop(reference, None)
        if message is None:
            found = await self._transitions.persist(lambda: self._store.by_carrier_ref(self._carrier_name, reference))
            message = self._awaited.pop(reference, found)  # its answer may have been recorded meanwhile
        return message

    async def _step(self, message: Message, receipt: Receipt) -> Step | None:
        states = receipt_path(message.state, receipt.state)
        if states:
            self._metrics.receipts["matched"].inc()
            return Step(message=message, states=states, error_code=receipt.error_code)
        self._metrics.receipts["repeated"].inc()
        await self._transitions.note(message, "receipt_ignored", detail=f"{receipt.state} while {message.state}")
        return None

    def _hold(self, taken: _Taken) -> None:
        if taken.looked_up:
            self._let_go(taken)
            return
        taken.looked_up = True
        self._held.setdefault(taken.receipt.carrier_ref, []).append(taken)
        asyncio.get_running_loop().call_later(HOLD_SECONDS, self._look_again, taken)
        if len(self._held) > HELD_MAX:
            for oldest in self._held.popitem(last=False)[1]:
                self._let_go(oldest)

    def _look_again(self, taken: _Taken) -> None:
        held = self._held.get(taken.receipt.carrier_ref, [])
        if taken in held:
            held.remove(taken)
            if not held:
                del self._held[taken.receipt.carrier_ref]
            self._arrive(taken)

    def _let_go(self, taken: _Taken) -> None:
        self._metrics.receipts["unmatched"].inc()
        log.warning("receipt.unmatched", carrier=self._carrier_name, carrier_ref=taken.receipt.carrier_ref)
        if not taken.done.done():
            taken.done.set_result(None)
