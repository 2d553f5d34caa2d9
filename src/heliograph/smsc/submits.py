"""Submits on their way into the engine: every message comes through the one accept.

The customer is answered when its message, or its part of a long one, is on disk. A message's id is ours; the parts of a
long one are known to the customer as `ID` for the first and `ID-2`, `ID-3` ... for the others, whichever comes first.
Parts wait in engine/pieces.py; of an incomplete message what came is sent when the time is over.
"""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import msgspec
import structlog
from msgspec import Struct
from msgspec.structs import replace

from heliograph.core import segments
from heliograph.core.errors import Fault, Refused, StoreUnavailable
from heliograph.core.ids import Uuid7Generator
from heliograph.core.message import Piece, SmppOptions, Source
from heliograph.engine import pieces as engine_pieces
from heliograph.engine.accept import Acceptor
from heliograph.engine.notify import FAILURE_ONLY, FINAL, FINAL_MASK, INTERMEDIATE
from heliograph.engine.pieces import Pieces
from heliograph.engine.requests import SendRequest
from heliograph.ports import Clock
from heliograph.smsc import addresses, reading, references, statuses, texts
from heliograph.smsc.clients import Client
from heliograph.smsc.reading import Order
from heliograph.smsc.references import Reference
from heliograph.smsc.statuses import Rejected
from heliograph.wire.smpp.pdu import (
    Address,
    DataSm,
    DataSmResp,
    Status,
    SubmitMulti,
    SubmitMultiResp,
    SubmitSm,
    SubmitSmResp,
    UnsuccessSme,
)

log = structlog.get_logger(__name__)

PIECES_OF: Final = "customer:"
"""How the owners of customers' pieces begin; the system_id follows."""

CLOCK_AHEAD_MICROS: Final = 1_000_000

KEY_KEPT_MICROS: Final = 1800 * 1_000_000
"""Half of the least that idempotency_hours may be."""


class Extra(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is kept with a piece for the message that it will be of."""

    message_id: str
    options: SmppOptions
    expires_at: int | None = None


_extras = msgspec.json.Encoder()
_read_extra = msgspec.json.Decoder(Extra)


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmitLimits:
    """incomplete: long messages of one customer that may wait for parts, so that they push out no other's. tlvs_bytes:
    optional parameters that are kept with a message to be passed on, their tags and lengths included."""

    incomplete: int
    tlvs_bytes: int


class Submits:
    def __init__(
        self, acceptor: Acceptor, pieces: Pieces, ids: Uuid7Generator, clock: Clock, limits: SubmitLimits
    ) -> None:
        self._acceptor = acceptor
        self._pieces = pieces
        self._ids = ids
        self._clock = clock
        self._limits = limits
        self._refusals: dict[str, Refused | None] = {}
        """Of messages whose parts are just being kept: why the whole was refused, for whoever brought the last one."""
        pieces.serve(PIECES_OF, self.make, repeats=False)

    async def one(self, client: Client, pdu: SubmitSm | DataSm) -> SubmitSmResp | DataSmResp:
        """Take one message or part; raises Rejected, Refused, StoreUnavailable."""
        order = reading.read(pdu, client.credential, self._clock.now(), self._limits.tlvs_bytes)
        to_number = addresses.number_of(pdu.dest_addr_ton, pdu.destination_addr)
        self._pace(client, order, 1)
        if order.incoming.concat is None:
            message_id = await self._send(client, order, to_number, references.of(order.options))
        else:
            message_id = await self._part(client, order, to_number)
        return SubmitSmResp(message_id=message_id) if isinstance(pdu, SubmitSm) else DataSmResp(message_id=message_id)

    def waiting(self, client: Client, reference: Reference) -> str | None:
        """The id of a part that was submitted with this reference and waits for the others."""
        octets = base64.b64encode(reference.octets).decode()
        for piece in self._pieces.held(PIECES_OF + client.credential.system_id):
            if octets in (piece.extra or "") and references.of(_extra(piece).options) == reference:
                return part_id(_extra(piece).message_id, piece.part)
        return None

    def remembers(self, reference: Reference) -> bool:
        """Whether what was submitted with it is known for sure: younger than parts that wait, and than keys, are kept.
        The submitter's clock told when it was made; one that is ahead of ours is not believed."""
        age = self._clock.now() - reference.made_at
        return -CLOCK_AHEAD_MICROS <= age <= min(KEY_KEPT_MICROS, round(self._pieces.seconds * 1e6))

    async def many(self, client: Client, pdu: SubmitMulti) -> SubmitMultiResp:
        """Take a message to several (SMPP 3.4, 4.5). Each is a message of its own; all answer to the first one's id.

        Raises Rejected where none was taken for the same reason, and StoreUnavailable where the first was not."""
        if not pdu.dest_address:
            raise Rejected(Status.RINVNUMDESTS, "no destination")
        order = reading.read(pdu, client.credential, self._clock.now(), self._limits.tlvs_bytes)
        self._pace(client, order, len(pdu.dest_address))
        shared_id: str | None = None
        refused: list[UnsuccessSme] = []
        for destination in pdu.dest_address:
            try:
                taken = await self._one_of_many(client, order, destination, shared_id)
            except Rejected as rejected:
                refused.append(_unsuccessful(destination, rejected.status))
            except Refused as refusal:
                refused.append(_unsuccessful(destination, statuses.status_of(refusal)))
            except StoreUnavailable:
                if shared_id is None:
                    raise
                refused.append(_unsuccessful(destination, Status.RSYSERR))
            else:
                shared_id = shared_id or taken
        if shared_id is None:
            raise Rejected(Status(refused[0].error_status_code), "no destination was taken")
        return SubmitMultiResp(message_id=shared_id, unsuccess_sme=tuple(refused))

    async def _one_of_many(
        self, client: Client, order: Order, destination: Address | str, shared_id: str | None
    ) -> str:
        if isinstance(destination, str):
            raise Rejected(Status.RINVDLNAME, "there are no distribution lists")
        to_number = addresses.number_of(destination.dest_addr_ton, destination.destination_addr)
        if shared_id is not None:
            order = replace(order, options=replace(order.options, reply_ids=(shared_id,)))
        return await self._send(client, order, to_number)

    def _pace(self, client: Client, order: Order, destinations: int) -> None:
        count = 1 if order.incoming.concat else segments.count(order.incoming.text)
        if not client.may_send(count * destinations, round(self._clock.monotonic() * 1e6)):
            raise Rejected(Status.RTHROTTLED, "the credential's rate")

    async def _send(self, client: Client, order: Order, to_number: str, reference: Reference | None = None) -> str:
        system_id = client.credential.system_id
        request = self._request(client.credential.project_id, system_id, order, to_number)
        if reference is not None:
            request = replace(request, idempotency_key=reference.key(system_id), fingerprint=references.COMPLETE)
        return (await self._acceptor.send(request)).message.id

    def _request(self, project_id: str, system_id: str, order: Order, to_number: str) -> SendRequest:
        return SendRequest(
            project_id=project_id,
            source=Source.LAML,
            to_number=to_number,
            from_number=order.from_number,
            body=order.incoming.text,
            validity=self._validity(order.expires_at),
            options=order.options,
            receipts_to=system_id,
        )

    def _validity(self, expires_at: int | None) -> str | None:
        """In seconds, at least one: what has expired while it waited for its parts ends as such."""
        return None if expires_at is None else str(max(1, (expires_at - self._clock.now()) // 1_000_000))

    # -- long messages in parts

    async def _part(self, client: Client, order: Order, to_number: str) -> str:
        """Keep a part; returns the id under which the customer knows it."""
        credential = client.credential
        refusals = list(
            self._acceptor.faults(self._request(credential.project_id, credential.system_id, order, to_number))
        )
        refusals = [refusal for refusal in refusals if refusal.fault is not Fault.CONTENT_MISSING]
        if refusals:
            raise Refused(*refusals)
        self._acceptor.admit(credential.project_id)
        concat = order.incoming.concat
        assert concat is not None  # noqa: S101 - by the caller
        piece = Piece(
            project_id=credential.project_id,
            owner=PIECES_OF + credential.system_id,
            from_number=order.from_number,
            to_number=to_number,
            reference=concat.reference,
            total=concat.total,
            part=concat.part,
            alphabet=order.incoming.spelling,
            data=order.incoming.data,
            at=self._clock.now(),
        )
        return await self._join(piece, order)

    async def _join(self, piece: Piece, order: Order) -> str:
        message_id = ""

        def finish(piece: Piece, beside: list[Piece]) -> Piece:
            """The id was minted with the part that came first."""
            nonlocal message_id
            if not beside and self._pieces.waiting_of(piece.owner) >= self._limits.incomplete:
                raise Rejected(Status.RMSGQFUL, "too many incomplete messages")
            message_id = _extra(beside[0]).message_id if beside else self._ids.next(piece.at)
            self._refusals[message_id] = None
            extra = Extra(message_id=message_id, options=order.options, expires_at=order.expires_at)
            return replace(piece, extra=_extras.encode(extra).decode())

        try:
            await self._pieces.add(piece, finish)
        finally:
            refused = self._refusals.pop(message_id, None)
        if refused is not None:
            raise refused
        return part_id(message_id, piece.part)

    async def make(self, parts: list[Piece]) -> None:
        """The message that a customer's pieces make (engine.pieces.Maker)."""
        message_id = _extra(parts[0]).message_id
        try:
            if (await self._acceptor.send(self._request_of(parts))).replayed:
                await self._pieces.drop(parts[0])
        except Refused as refused:
            if refused.refusals[0].fault in statuses.TEMPORARY:
                raise StoreUnavailable("the backlog is full") from refused
            if message_id in self._refusals:
                self._refusals[message_id] = refused
            raise

    def _request_of(self, parts: list[Piece]) -> SendRequest:
        """Raises Refused."""
        first = parts[0]
        extra = _extra(first)
        is_whole = len(parts) == first.total
        options = [_extra(piece).options for piece in parts]
        asking = [
            part_id(extra.message_id, p.part) for p, o in zip(parts, options, strict=True) if o.registered_delivery
        ]
        system_id = first.owner.removeprefix(PIECES_OF)
        request = SendRequest(
            project_id=first.project_id,
            source=Source.LAML,
            to_number=first.to_number,
            from_number=first.from_number,
            body=texts.joined(parts) if is_whole else _fit(engine_pieces.joined(parts)),
            validity=self._validity(extra.expires_at),
            options=replace(extra.options, registered_delivery=_asked_of_all(options), reply_ids=tuple(asking)),
            receipts_to=system_id,
            message_id=extra.message_id,
            pieces=tuple(parts),
            is_counted=True,
        )
        reference = references.of(extra.options)
        if reference is None or not is_whole:
            return request
        return replace(request, idempotency_key=reference.key(system_id), fingerprint=references.COMPLETE)


def part_id(message_id: str, part: int) -> str:
    return message_id if part == 1 else f"{message_id}-{part}"


def _extra(piece: Piece) -> Extra:
    return _read_extra.decode(piece.extra or "")


def _fit(text: str) -> str:
    """NUL is no text that a database keeps. Only of a message that lacks parts: others were refused for it."""
    return text.replace("\0", "")


def _asked_of_all(options: Sequence[SmppOptions]) -> int:
    """What at least one part asked for: clients ask with all of them, or with the last alone."""
    asked = [each.registered_delivery for each in options]
    finals = {each & FINAL_MASK for each in asked}
    final = FINAL if FINAL in finals else FAILURE_ONLY if FAILURE_ONLY in finals else 0
    return final | (INTERMEDIATE if any(each & INTERMEDIATE for each in asked) else 0)


def _unsuccessful(destination: Address | str, status: Status) -> UnsuccessSme:
    if isinstance(destination, str):
        return UnsuccessSme(addresses.UNKNOWN, addresses.UNKNOWN, destination, status)
    return UnsuccessSme(*destination, status)
