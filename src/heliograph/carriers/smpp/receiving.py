"""What a carrier brings: receipts and messages from handsets, each answered when its effect is on disk, not before.

They are handed over in the order in which they came, many at once; a link stops reading when too many are unanswered.
What the store can't take now is answered with a temporary error, so that the carrier brings it again. A message for a
number that is not ours is answered with a permanent one where the carrier's `country` is set. Without it the number may
be a national one of ours, so that the error is temporary and the message is not lost.
"""

import asyncio
from collections.abc import Callable
from typing import Final

import structlog

from heliograph.carrier_config import CarrierConfig
from heliograph.carriers.smpp import addresses, statuses
from heliograph.carriers.smpp.ids import Ids
from heliograph.carriers.smpp.link import Link
from heliograph.core import numbers
from heliograph.core.errors import StoreUnavailable
from heliograph.core.lifecycle import State
from heliograph.ports import CarrierEvents, InboundPart, Receipt, Unroutable
from heliograph.wire.smpp import receipt as receipts
from heliograph.wire.smpp import text
from heliograph.wire.smpp.pdu import DataSm, DataSmResp, DeliverSm, DeliverSmResp, Header, Status
from heliograph.wire.smpp.text import Alphabet

log = structlog.get_logger(__name__)

_DEFAULT_ALPHABETS: Final = {
    "gsm": {"unpacked": Alphabet.GSM_UNPACKED, "packed": Alphabet.GSM_PACKED},
    "latin1": {"unpacked": Alphabet.LATIN1, "packed": Alphabet.LATIN1},
    "ascii": {"unpacked": Alphabet.ASCII, "packed": Alphabet.ASCII},
}

STATES: Final = {
    receipts.MessageState.DELIVERED: State.DELIVERED,
    receipts.MessageState.ENROUTE: State.SENT,
    receipts.MessageState.ACCEPTED: State.SENT,
}
"""The others mean that it will not be delivered. ACCEPTED is final in the standard, but carriers say it on the way."""


class Receiving:
    """taken: told each id under which a receipt was matched."""

    def __init__(self, config: CarrierConfig, ids: Ids, events: CarrierEvents, taken: Callable[[str], None]) -> None:
        self._taken = taken
        self._events = events
        self._tasks: set[asyncio.Task[None]] = set()
        self.receipts = 0
        self.unmatched = 0
        self.unreadable = 0
        self.inbound = 0
        self.unroutable = 0
        self.configure(config, ids)

    def configure(self, config: CarrierConfig, ids: Ids) -> None:
        self._config = config
        self._ids = ids
        self._alphabet = _DEFAULT_ALPHABETS[config.default_alphabet][config.gsm]

    def take(self, link: Link, header: Header, pdu: DeliverSm | DataSm) -> None:
        task = asyncio.get_running_loop().create_task(self._take(link, header, pdu))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def finish(self, seconds: float) -> None:
        """Let what is under way be taken and answered, for so long."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=seconds)
        for task in list(self._tasks):
            task.cancel()

    async def receipt(self, receipt: Receipt) -> None:
        """Hand over one that came by whatever way. Raises StoreUnavailable."""
        self.receipts += 1
        matched = await self._events.receipt(self._config.name, receipt)
        if matched is None:
            self.unmatched += 1
        else:
            self._ids.matched(receipt.carrier_ref, matched)
            self._taken(matched)

    async def _take(self, link: Link, header: Header, pdu: DeliverSm | DataSm) -> None:
        try:
            status = await self._status(pdu)
        except Exception:
            log.exception("smpp.not_taken", carrier=self._config.name)
            status = Status.RSYSERR
        answer = DeliverSmResp() if isinstance(pdu, DeliverSm) else DataSmResp()
        link.respond(header, answer, status)

    async def _status(self, pdu: DeliverSm | DataSm) -> Status:
        try:
            if receipts.is_receipt(pdu):
                await self._receipt(pdu)
            else:
                self.inbound += 1
                await self._events.inbound(self._inbound_part(pdu))
        except StoreUnavailable as error:
            log.warning("smpp.not_kept", carrier=self._config.name, reason=str(error))
            return Status.RX_T_APPN
        except Unroutable:
            self.unroutable += 1
            to = numbers.masked(pdu.destination_addr)
            log.warning("smpp.unroutable", carrier=self._config.name, to=to, ton=pdu.dest_addr_ton)
            return Status.RX_P_APPN if self._config.country else Status.RX_T_APPN
        return Status.ROK

    async def _receipt(self, pdu: DeliverSm | DataSm) -> None:
        said = receipts.parse(pdu)
        if said is None:  # it will be no clearer the next time
            self.receipts += 1
            self.unreadable += 1
            self.unmatched += 1
            log.warning("smpp.unreadable_receipt", carrier=self._config.name)
            return
        await self.receipt(self.as_receipt(said, pdu))

    def as_receipt(self, said: receipts.Receipt, pdu: DeliverSm | DataSm | None = None) -> Receipt:
        """A receipt goes the other way round: from the message's recipient to its sender."""
        state = STATES.get(said.state, State.UNDELIVERED)
        read, config = addresses.read, self._config
        return Receipt(
            carrier_ref=said.message_id,
            state=state,
            error_code=statuses.receipt_code(said.state.name, said.error) if state is State.UNDELIVERED else None,
            aliases=self._ids.sought(said.message_id),
            from_number=read(pdu.dest_addr_ton, pdu.destination_addr, config) if pdu else None,
            to_number=read(pdu.source_addr_ton, pdu.source_addr, config) if pdu else None,
            detail=said.detail,
        )

    def _inbound_part(self, pdu: DeliverSm | DataSm) -> InboundPart:
        incoming = text.of_handset(text.read(pdu, self._alphabet))
        concat, config = incoming.concat, self._config
        to_number, *others = addresses.readings(pdu.dest_addr_ton, pdu.destination_addr, config)
        return InboundPart(
            carrier=config.name,
            from_number=addresses.read(pdu.source_addr_ton, pdu.source_addr, config),
            to_number=to_number,
            to_readings=tuple(others),
            data=incoming.data,
            alphabet=incoming.spelling,
            reference=concat.reference if concat else None,
            total=concat.total if concat else 1,
            part=concat.part if concat else 1,
        )
