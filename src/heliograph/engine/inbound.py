"""A message from a handset: kept as receiving, then its number's handler is run, then it is received.

It is on disk, with its media, before whoever brought it is answered. The handler may be asked again after a crash
(at least once); a reply is kept under a key made of the inbound message and the reply's place, so that a repeated run
sends nothing twice. Whatever goes wrong with the handler is recorded on the message's timeline, and the message is
received all the same.

A message that is owed to somebody, an SMPP customer or a Relay client, has no handler to run. It is received at once,
after those that came before it: so what one sender wrote is owed in the order in which it was taken.
"""

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass

import structlog

from heliograph.core import numbers, segments
from heliograph.core.addresses import Reach
from heliograph.core.directory import Number
from heliograph.core.errors import Fault, StoreUnavailable, refuse
from heliograph.core.ids import Uuid7Generator
from heliograph.core.lifecycle import State
from heliograph.core.message import Callback, Direction, Kind, Message, Piece, Source, relay_callback, smpp_callback
from heliograph.core.number_settings import Handler, inbound_handler
from heliograph.engine.accept import BODY_MAX
from heliograph.engine.attachments import Attachments
from heliograph.engine.backlog import Backlog
from heliograph.engine.directory import Directory
from heliograph.engine.handler import HandlerRun
from heliograph.engine.metrics import Metrics
from heliograph.engine.pieces import Pieces, joined, made_mark, missing
from heliograph.engine.requests import InboundRequest
from heliograph.engine.transition import Step, Transitions
from heliograph.engine.urls import url_fault
from heliograph.ports import Acceptance, Clock, FetchedMedia, InboundPart, MediaFault, Store, Unroutable
from heliograph.wire.smpp.text import decode_spelled

log = structlog.get_logger(__name__)

PIECES_OF = "carrier:"
"""How the owners of inbound pieces begin; the carrier's name follows."""

INBOUND_MEDIA_MAX = 10

PASS_ON_MAX = 200
"""Owed messages that are received in one step."""

FROM_MAX = 40
"""Characters of a sender: room for an alphanumeric one or a mail address kept raw (contract, section 2)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InboundSettings:
    concurrency: int
    queue_max: int
    reach: Reach


class Inbound:
    def __init__(  # noqa: PLR0913 - wired once, in parts.py; each is a different machine
        self,
        *,
        store: Store,
        clock: Clock,
        ids: Uuid7Generator,
        directory: Directory,
        transitions: Transitions,
        attachments: Attachments,
        metrics: Metrics,
        pieces: Pieces,
        run_cxml: HandlerRun,
        run_swml: HandlerRun,
        settings: InboundSettings,
    ) -> None:
        self._store = store
        self._clock = clock
        self._ids = ids
        self._directory = directory
        self._transitions = transitions
        self._attachments = attachments
        self._metrics = metrics
        self._pieces = pieces
        pieces.serve(PIECES_OF, self.make)
        self._run_cxml = run_cxml
        self._run_swml = run_swml
        self._settings = settings
        self._waiting = Backlog(
            self._receiving, settings.queue_max, lambda each: each.id in self._in_hand or each.callback is not None
        )
        self._owed = Backlog(
            self._receiving, settings.queue_max, lambda each: each.id in self._in_hand or each.callback is None
        )
        self._in_hand: set[str] = set()
        """Messages that are being kept, and will be offered, or whose handlers run."""
        self._slots = asyncio.Semaphore(settings.concurrency)
        self.start_task: Callable[..., asyncio.Task[None]] = lambda work: asyncio.ensure_future(work)

    async def receive(self, request: InboundRequest) -> Message:
        """Keep the message, set its handler going, and return it; raises Refused, StoreUnavailable."""
        number = self._number(request)
        self._check(request)
        fetched = await self._fetched(request, number)
        message = self._message(request, number)
        async with AsyncExitStack() as until_recorded:
            media = await self._attachments.store(message, fetched, until_recorded)
            await self._keep(Acceptance(message=message, event_no=self._transitions.event_numbers.next(), media=media))
        return message

    async def take_part(self, part: InboundPart) -> None:
        """What a carrier brings: returns when it is on disk; raises Unroutable, StoreUnavailable. Nothing that is for
        one of our numbers is refused, whatever its length: the handset was told that it is sent."""
        readings = (part.to_number, *part.to_readings)
        number = next(filter(None, map(self._directory.number_by_text, readings)), None)
        if number is None:
            raise Unroutable(f"{numbers.masked(part.to_number)} is not a number of this deployment")
        if part.total <= 1:
            text = decode_spelled(part.data, part.alphabet)
            await self._keep_part(_request(part.carrier, part.from_number, number.number, text), number, ())
            return
        piece = Piece(
            project_id=number.project_id,
            owner=f"{PIECES_OF}{part.carrier}",
            from_number=part.from_number,
            to_number=number.number,
            reference=part.reference or 0,
            total=part.total,
            part=part.part,
            alphabet=part.alphabet,
            data=part.data,
            at=self._clock.now(),
        )
        await self._pieces.add(piece)

    async def make(self, parts: list[Piece]) -> None:
        """The message that pieces of a carrier's make (engine.pieces.Maker)."""
        first = parts[0]
        number = self._directory.number_by_text(first.to_number)
        if number is None:  # released meanwhile
            raise refuse(Fault.TO_INVALID)
        carrier = first.owner.removeprefix(PIECES_OF)
        await self._keep_part(
            _request(carrier, first.from_number, first.to_number, joined(parts)), number, tuple(parts)
        )

    async def _keep_part(self, request: InboundRequest, number: Number, parts: tuple[Piece, ...]) -> None:
        message = self._message(request, number)
        await self._keep(
            Acceptance(
                message=message,
                event_no=self._transitions.event_numbers.next(),
                made_of=made_mark(parts, message.created_at) if parts else None,
                detail=missing(parts) if parts else None,
            )
        )

    async def _keep(self, acceptance: Acceptance) -> None:
        message = acceptance.message
        self._in_hand.add(message.id)
        try:
            await self._store.accept(acceptance)
        except (StoreUnavailable, asyncio.CancelledError):
            self._line(message).resync()  # it may be on disk all the same
            raise
        finally:
            self._in_hand.discard(message.id)
        self._metrics.inbound.inc()
        self._metrics.states[message.state].inc()
        self._line(message).offer(message)

    def _line(self, message: Message) -> Backlog:
        return self._waiting if message.callback is None else self._owed

    async def pass_on(self) -> None:
        """Receive what is owed, in its order, for as long as the server runs."""
        while True:
            messages = await self._owed.take(PASS_ON_MAX)
            self._in_hand.update(message.id for message in messages)
            try:
                await self._transitions.apply([Step(message=each, states=(State.RECEIVED,)) for each in messages])
            finally:
                for message in messages:
                    self._in_hand.discard(message.id)
                    self._owed.ended(message.id)

    async def run(self) -> None:
        """Run the handlers of what was received, a bounded number at once, for as long as the server runs."""
        while True:
            await self._slots.acquire()
            (message,) = await self._waiting.take(1)
            self._in_hand.add(message.id)
            self.start_task(self._handle(message))

    async def _receiving(self, after: str, limit: int) -> list[Message]:
        return await self._store.open_messages(State.RECEIVING, after, limit)

    # -- taking it in

    def _number(self, request: InboundRequest) -> Number:
        if not request.to_number:
            raise refuse(Fault.TO_MISSING)
        number = self._directory.number_by_text(request.to_number)
        if number is None:
            raise refuse(Fault.TO_INVALID, "The 'to' number is no number of this deployment.")
        return number

    def _check(self, request: InboundRequest) -> None:
        if not request.from_number or len(request.from_number) > FROM_MAX:
            raise refuse(Fault.FROM_INVALID, f"'from' is a text of 1 to {FROM_MAX} characters.")
        if len(request.body) > BODY_MAX:
            raise refuse(Fault.BODY_TOO_LONG)
        if not request.body and not request.media_urls:
            raise refuse(Fault.CONTENT_MISSING)
        if len(request.media_urls) > INBOUND_MEDIA_MAX:
            raise refuse(Fault.MEDIA_TOO_MANY, f"A message takes at most {INBOUND_MEDIA_MAX} media.")
        for url in request.media_urls:
            fault = url_fault(url, self._settings.reach)
            if fault is not None:
                raise refuse(Fault.MEDIA_URL_UNSAFE if fault == "unsafe" else Fault.MEDIA_URL_INVALID)

    async def _fetched(self, request: InboundRequest, number: Number) -> list[FetchedMedia]:
        if not request.media_urls:
            return []
        try:
            return await self._attachments.fetch_inbound(request.media_urls, number.project_id)
        except MediaFault as fault:
            raise refuse(Fault.MEDIA_URL_INVALID, fault.message) from fault

    def _message(self, request: InboundRequest, number: Number) -> Message:
        now = self._clock.now()
        mms = bool(request.media_urls)
        handler = self._handler(number)
        return Message(
            id=self._ids.next(now),
            project_id=number.project_id,
            direction=Direction.INBOUND,
            kind=Kind.MMS if mms else Kind.SMS,
            source=_source(handler),
            from_number=numbers.normalize_from(request.from_number) or request.from_number,
            to_number=number.number,
            body=request.body,
            segments=1 if mms else segments.count(request.body),
            state=State.RECEIVING,
            created_at=now,
            updated_at=now,
            expires_at=now,
            num_media=len(request.media_urls),
            sent_at=now,
            carrier=request.carrier,
            callback=self._callback(number, handler),
        )

    def _handler(self, number: Number) -> Handler | None:
        return inbound_handler(number, lambda id_: self._directory.application(number.project_id, id_))

    def _callback(self, number: Number, handler: Handler | None) -> Callback | None:
        """The SMPP customer or the Relay clients who get the message: owed with its step to received, and told by
        engine/callbacks.py."""
        if handler is not None and handler.kind == "relay":
            return relay_callback(number.project_id, handler.context)
        if handler is None or handler.kind != "smpp":
            return None
        credential = self._directory.smpp_credential(handler.system_id)
        if credential is None or credential.project_id != number.project_id:
            return None
        return smpp_callback(credential.system_id)

    # -- its handler

    async def _handle(self, message: Message) -> None:
        try:
            await self._ask_handler(message)
        except Exception:
            log.exception("inbound.handler_broke", message_id=message.id)
            await self._transitions.note(message, "handler_broke", detail="a fault of this server; see its log")
        finally:
            self._slots.release()
        await self._transitions.apply([Step(message=message, states=(State.RECEIVED,))])
        self._in_hand.discard(message.id)
        self._waiting.ended(message.id)

    async def _ask_handler(self, message: Message) -> None:
        number = self._directory.number_by_text(message.to_number)
        handler = None if number is None else self._handler(number)
        reason = _missing(message, number, handler)
        if reason is not None:
            await self._transitions.note(message, "handler_missing", detail=reason)
        elif handler is not None:
            media = await self._transitions.persist(lambda: self._store.media_of(message.project_id, message.id))
            run = self._run_swml if handler.kind == "swml" else self._run_cxml
            await run(message, handler, media)


def _missing(message: Message, number: Number | None, handler: Handler | None) -> str | None:
    """Why the handler of a message that was kept can't be asked now. A number without one needs no reason."""
    if number is None:
        return "the number was released after the message had come"
    if number.project_id != message.project_id:
        return "the number went to another project after the message had come"
    if handler is not None and handler.kind == "smpp":
        return f"there was no SMPP credential {handler.system_id}"
    if handler is not None and handler.kind == "relay":
        return f"the number was given to the Relay context {handler.context} after the message had come"
    return None


def _request(carrier: str, from_number: str, to_number: str, body: str) -> InboundRequest:
    # Senders pad with NUL. Elsewhere it is a character that a database can't keep.
    text = body.rstrip("\0").replace("\0", "\ufffd")
    return InboundRequest(from_number=from_number, to_number=to_number, body=text, carrier=carrier)


def _source(handler: Handler | None) -> Source:
    """A message to a number whose handler is Relay's or SWML's is theirs; any other is the cXML API's."""
    return Source.LAML if handler is None or handler.kind in ("cxml", "smpp") else Source.REALTIME
