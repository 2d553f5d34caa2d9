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

from heliograph.carrier_config import CarrierConfig, StatRule
from heliograph.carriers.smpp import addresses, statuses
from heliograph.carriers.smpp.ids import Ids
from heliograph.carriers.smpp.link import Link
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

RULED: Final = {"delivered": State.DELIVERED, "undelivered": State.UNDELIVERED, "intermediate": State.SENT}


_DELIVERED: Final = StatRule("delivered")
_UNDELIVERED: Final = StatRule("undelivered")
_INTERMEDIATE: Final = StatRule("intermediate")
_BY_STATE: Final = {State.DELIVERED: _DELIVERED, State.SENT: _INTERMEDIATE, State.UNDELIVERED: _UNDELIVERED}
_RULES: Final = {state: _BY_STATE[STATES.get(state, State.UNDELIVERED)] for state in receipts.MessageState}


class Receiving:
    """taken: told each id under which a final receipt was matched."""

    def __init__(self, config: CarrierConfig, ids: Ids, events: CarrierEvents, taken: Callable[[str], None]) -> None:
        self._taken = taken
        self._events = events
        self._tasks: set[asyncio.Task[None]] = set()
        self.receipts = 0
        self.unmatched = 0
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
        elif receipt.fault is None:
            self._ids.matched(receipt.refs or (receipt.carrier_ref,), matched)
            if receipt.state is not State.SENT:
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
            return Status.RX_P_APPN if self._config.country else Status.RX_T_APPN
        return Status.ROK

    async def _receipt(self, pdu: DeliverSm | DataSm) -> None:
        """One that can't be used is taken too: it would be no clearer the next time."""
        said = receipts.parse(pdu)
        if said is not None:
            await self.receipt(self.as_receipt(said, pdu))

    def as_receipt(self, said: receipts.Receipt, pdu: DeliverSm | DataSm | None = None) -> Receipt:
        """A receipt goes the other way round: from the message's recipient to its sender."""
        read, config, ids = addresses.read, self._config, said.ids
        rule = self._rule(said)
        state = State.SENT if rule is None else RULED[rule.kind]
        code = rule.code if rule else None
        if state is State.UNDELIVERED and code is None:
            code = statuses.receipt_code(said.state.name if said.state else "", said.error)
        return Receipt(
            carrier_ref=said.message_id,
            state=state,
            error_code=code,
            keys=self._ids.sought(ids),
            refs=ids if len(ids) > 1 else (),
            spelling=self._ids.spelling,
            from_number=read(pdu.dest_addr_ton, pdu.destination_addr, config) if pdu else None,
            to_number=read(pdu.source_addr_ton, pdu.source_addr, config) if pdu else None,
            done_at=receipts.moment(said.done_date, config.receipt_offset_minutes * 60) if said.done_date else None,
            detail=said.detail,
            fault=None if rule else "it names no state",
            stat=said.stat or None,
            data_coding=pdu.data_coding if pdu else None,
        )

    def _rule(self, said: receipts.Receipt) -> StatRule | None:
        """What it makes of its message; None where it says nothing. A word that neither the carrier's `stats` nor the
        standard has is final where esm_class says so (5.2.12)."""
        if self._config.stats and (known := self._config.stats.get(receipts.plain_word(said.stat))) is not None:
            return known
        if said.state is not None:
            return _RULES[said.state]
        if not said.stat:
            return None
        if not said.is_final or self._config.unknown_stat == "ignore":
            return _INTERMEDIATE
        return _DELIVERED if self._config.unknown_stat == "delivered" else _UNDELIVERED

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
