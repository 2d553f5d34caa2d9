"""The deployment's carriers: which there are, which way a message goes, and what they bring.

They are what the configuration says, and may change while the server runs: a carrier whose settings did not change
keeps its connections, rules and rates are exchanged at once.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence

import structlog

from heliograph.core.message import Message
from heliograph.core.routing import Availability, Candidate, Facts, Router
from heliograph.engine.directory import Directory
from heliograph.engine.dispatch import Dispatcher
from heliograph.engine.dropped import Dropped
from heliograph.engine.inbound import Inbound
from heliograph.engine.receipts import Receipts
from heliograph.ports import Carrier, CarrierStatus, InboundPart, Receipt, Unroutable

log = structlog.get_logger(__name__)


class Carriers:
    """As ports.CarrierEvents for all of them. `chance` gives numbers from 0 to below 1."""

    def __init__(  # noqa: PLR0913 - wired once, in parts.py; each is a different machine
        self,
        *,
        directory: Directory,
        dispatcher: Dispatcher,
        receipts: Receipts,
        inbound: Inbound,
        dropped: Dropped,
        chance: Callable[[], float],
    ) -> None:
        self._directory = directory
        self._dispatcher = dispatcher
        self._receipts = receipts
        self._inbound = inbound
        self._dropped = dropped
        self._chance = chance
        self._carriers: dict[str, Carrier] = {}
        self._router = Router((), (), {})
        self._states: Mapping[str, Availability] = {}

    # -- which there are

    def route_by(self, router: Router) -> None:
        """From now on messages are routed by these rules."""
        self._router = router
        self._dispatcher.resync()

    async def add(self, carriers: Iterable[Carrier]) -> None:
        """Carriers have come: start them, and let messages go to them."""
        for carrier in carriers:
            self._carriers[carrier.name] = carrier
            await carrier.start(self)
            self._dispatcher.add(carrier)
        self._states = self._dispatcher.availability()

    async def remove(self, names: Iterable[str]) -> None:
        """Carriers go: what waits for them goes another way, and what is in their hands is answered or in doubt."""
        gone = [self._carriers.pop(name) for name in names]
        for carrier in gone:
            self._dispatcher.remove(carrier.name)
        self._states = self._dispatcher.availability()
        await asyncio.gather(*(carrier.stop() for carrier in gone))
        for carrier in gone:
            self._dropped.forget(carrier.name)

    async def exchange(self, carriers: Iterable[Carrier]) -> None:
        """Carriers of the same names take over. Each connects when the one before has let go of its connections: some
        carriers take no second bind."""
        await asyncio.gather(*(self._exchange(carrier) for carrier in carriers))

    async def _exchange(self, carrier: Carrier) -> None:
        before = self._carriers[carrier.name]
        self._carriers[carrier.name] = carrier
        self._dispatcher.exchange(carrier)
        self._states = self._dispatcher.availability()
        await before.stop()
        await carrier.start(self)

    async def stop(self) -> None:
        """Let go of all."""
        await asyncio.gather(*(carrier.stop() for carrier in self._carriers.values()))

    def status(self) -> list[CarrierStatus]:
        """Each as it is now, in their order."""
        return [carrier.status() for carrier in self._carriers.values()]

    # -- which way

    def ways(self, message: Message) -> Sequence[Candidate]:
        """The carriers that a message may go to, best first."""
        facts = Facts(
            from_number=message.from_number,
            to_number=message.to_number,
            project_id=message.project_id,
            kind=message.kind,
        )
        return self._router.candidates(facts, self._states, self._chance())

    # -- what they bring

    async def receipt(self, carrier: str, receipt: Receipt) -> str | None:
        return await self._receipts.take(carrier, receipt)

    async def inbound(self, part: InboundPart) -> None:
        try:
            await self._inbound.take_part(part)
        except Unroutable:
            self._dropped.add_inbound(part)
            raise

    def changed(self, carrier: str) -> None:
        self._states = self._dispatcher.availability()
        self._dispatcher.changed(carrier)
