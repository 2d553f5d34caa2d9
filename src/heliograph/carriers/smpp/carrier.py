"""A carrier spoken to over SMPP 3.4, in the role of ESME: what ports.Carrier asks for, put together from its parts.

bind.py keeps the connections, writing.py makes PDUs, sending.py sends them and gathers answers, receiving.py takes what
comes, queries.py asks.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, Final

import structlog

from heliograph.carrier_config import STANDARD_LENGTHS, CarrierConfig
from heliograph.carriers.smpp import addresses, statuses
from heliograph.carriers.smpp.bind import Bind
from heliograph.carriers.smpp.ids import Ids
from heliograph.carriers.smpp.job import Job
from heliograph.carriers.smpp.link import Link
from heliograph.carriers.smpp.queries import Doubts, Overdue
from heliograph.carriers.smpp.receiving import Receiving
from heliograph.carriers.smpp.sending import Sending
from heliograph.carriers.smpp.writing import Writer
from heliograph.carriers.timers import Schedule
from heliograph.core.errors import Permanent, Temporary
from heliograph.core.message import Message
from heliograph.ports import Answer, CarrierEvents, CarrierStatus, Clock, HostNames, Receipt, Submission, Submitted
from heliograph.wire.smpp import receipt as receipts
from heliograph.wire.smpp.pdu import DataSm, DeliverSm, Header, SubmitSm

log = structlog.get_logger(__name__)

STOP_ANSWERS_SECONDS: Final = 3.0
"""How long a stop waits for answers to submits, and as long for receipts to be taken."""

STOP_UNBIND_SECONDS: Final = 1.0

MODES: Final = {"transmitter_receiver": ("transmitter", "receiver")}
"""The connections of one "bind" of the settings; else it is one of that mode."""


class SmppCarrier:
    def __init__(
        self,
        config: CarrierConfig,
        clock: Clock,
        *,
        resolver: HostNames,
        chance: Callable[[], float],
        schedule: Schedule | None = None,
    ) -> None:
        """chance: 0 to below 1. schedule: as loop.call_later; the running loop's where it is not given."""
        self.name = config.name
        self.config = config
        self._clock = clock
        modes = MODES.get(config.bind, (config.bind,))
        self._binds = [Bind(config, mode, self, clock, resolver, chance) for _ in range(config.binds) for mode in modes]
        self._ids = Ids(config.id_match)
        self._writer = Writer(config)
        self._write_number = addresses.writer(config)
        self._sending = Sending(config, self._binds, self, clock, schedule=schedule)
        self._doubts = Doubts(config, clock.monotonic)
        self._overdue = Overdue(config, clock.monotonic, self._doubts.ask, self._tell_queried)
        self._receiving: Receiving
        self._events: CarrierEvents | None = None
        self._stopping = False

    # -- as a carrier

    @property
    def window(self) -> int:
        return self._sending.window

    @property
    def available(self) -> bool:
        return self._sending.available

    @property
    def attempts(self) -> int:
        return self.config.retry_temporary

    @property
    def answer_seconds(self) -> float:
        return self.config.response_seconds

    def status(self) -> CarrierStatus:
        binds = tuple(bind.status() for bind in self._binds)
        receiving = self._receiving if self._events is not None else None
        return CarrierStatus(
            name=self.name,
            kind="smpp",
            available=self.available,
            window=self.window,
            in_flight=self._sending.in_flight,
            binds=binds,
            submitted=sum(bind.submitted for bind in binds),
            throttled=sum(bind.throttled for bind in binds),
            receipts=receiving.receipts if receiving else 0,
            unmatched=receiving.unmatched if receiving else 0,
            inbound=receiving.inbound if receiving else 0,
            unroutable=receiving.unroutable if receiving else 0,
            damaged=sum(bind.damaged for bind in self._binds),
        )

    async def start(self, events: CarrierEvents) -> None:
        """Begin to connect; what comes of it is told by `changed` and `status`."""
        self._warn_of_lengths()
        self._events = events
        self._receiving = Receiving(self.config, self._ids, events, self._overdue.came)
        self._sending.start()
        for bind in self._binds:
            bind.start()

    def submit(self, submission: Submission) -> "asyncio.Future[Submitted]":
        answer: asyncio.Future[Submitted] = asyncio.get_running_loop().create_future()
        refusal = self._refusal(submission)
        if refusal is not None:
            answer.set_exception(refusal)
            return answer
        try:
            pdus = self._writer.write(submission, self._clock.now())
        except ValueError as error:
            answer.set_exception(Permanent(statuses.UNEXPLAINED, f"it can't be written in SMPP: {error}"))
            return answer
        done = submission.parts_done
        numbers: Sequence[int] = range(1, len(pdus) + 1)
        if done:
            numbers = [number for number in numbers if number not in done]
            pdus = [pdus[number - 1] for number in numbers]
        if numbers:
            self._sending.add(Job(submission, answer, numbers, pdus))
        else:
            answer.set_result(Submitted(refs=tuple(done[part] for part in sorted(done))))
        return answer

    async def query(self, message: Message) -> Answer | None:
        if self.config.query != "reference":
            return None
        submission = Submission(
            message_id=message.id,
            from_number=message.from_number,
            to_number=message.to_number,
            body=message.body or "",
            segments=message.segments,
            mms=False,
            options=message.options,
        )
        total = len(self._writer.write(submission, self._clock.now())) if message.body else message.segments
        answer = await self._doubts.ask_for(message.id, self._write_number(message.from_number), total)
        if answer is None:
            return None
        return Answer(
            refs=None if answer.refs is None else tuple(map(str.strip, answer.refs)),
            accepted={part: ref.strip() for part, ref in answer.accepted.items()},
        )

    def configure(self, config: CarrierConfig) -> None:
        """Other settings from the next message on; those of connections (CarrierChange.reconnect) need a
        new carrier. What is learned and counted stays, where its settings do."""
        before, self.config = self.config, config
        self._writer = Writer(config)
        self._write_number = addresses.writer(config)
        if config.id_match != before.id_match:
            self._ids = Ids(config.id_match)
        self._sending.configure(config)
        self._doubts.config = self._overdue.config = config
        if config.beyond_standard != before.beyond_standard:
            self._warn_of_lengths()
        if self._events is not None:
            self._receiving.configure(config, self._ids)
        for bind in self._binds:
            bind.configure(config)
        self.window_changed()

    async def stop(self) -> None:
        """Let answers come in and what was brought be taken, then unbind. May be cancelled: then connections are just
        closed. Open submits end in Uncertain."""
        self._stopping = True
        if self._events is None:
            return
        self._overdue.stop()
        try:
            await self._sending.finish(STOP_ANSWERS_SECONDS)
            await self._receiving.finish(STOP_ANSWERS_SECONDS)
        finally:
            await asyncio.gather(*(bind.stop(STOP_UNBIND_SECONDS) for bind in self._binds))

    def _warn_of_lengths(self) -> None:
        keys = self.config.beyond_standard
        if keys:
            standard = {key: STANDARD_LENGTHS[key] for key in keys}
            log.warning("smpp.beyond_standard", carrier=self.name, keys=", ".join(keys), characters_in_smpp=standard)

    # -- as owner of the binds

    def bind_changed(self, bind: Bind) -> None:
        self._doubts.bind_changed(bind)
        self._sending.bind_changed(bind)

    def bind_writable(self, bind: Bind) -> None:
        self._sending.bind_writable(bind)

    def late_answer(self, bind: Bind, header: Header, answer: Any) -> None:
        self._sending.late_answer(bind, header, answer)

    def requested(self, bind: Bind, link: Link, header: Header, request: Any) -> None:
        if isinstance(request, DeliverSm | DataSm):
            self._receiving.take(link, header, request)

    # -- what its parts tell

    def _refusal(self, submission: Submission) -> Temporary | Permanent | None:
        if submission.mms:
            return Permanent(statuses.NO_MMS, "an SMPP carrier takes no MMS")
        if self._stopping:
            return Temporary(statuses.UNREACHABLE, "this carrier is being stopped")
        if not self._sending.bound:
            return Temporary(statuses.UNREACHABLE, "no connection to the carrier stands")
        return None

    def window_changed(self) -> None:
        if self._events is not None:
            self._events.changed(self.name)

    def accepted(self, part: SubmitSm, message_id: str) -> str:
        kept = message_id.strip()
        if self.config.query == "message_id" and part.registered_delivery:
            self._overdue.await_receipt(kept, message_id, part)
        return kept

    def answer_lost(self) -> None:
        self._doubts.lost()

    async def _tell_queried(self, kept: str, said: receipts.Receipt) -> None:
        receipt = self._receiving.as_receipt(said)
        await self._receiving.receipt(
            Receipt(
                carrier_ref=kept, state=receipt.state, error_code=receipt.error_code, detail=f"query_sm: {said.detail}"
            )
        )
