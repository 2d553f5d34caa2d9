"""Between values and rows. The order of a row's fields is the order of its shape in the .sql files."""

import base64
from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Any

import msgspec
import orjson

from heliograph.core.directory import (
    Application,
    Membership,
    Number,
    NumberGroup,
    Project,
    SmppCredential,
    Token,
)
from heliograph.core.inventory import FreeNumber
from heliograph.core.lifecycle import RANK, State
from heliograph.core.message import (
    Callback,
    Change,
    Direction,
    Event,
    Kind,
    Media,
    Message,
    Part,
    Piece,
    SmppOptions,
    Source,
)
from heliograph.core.script import Script, ScriptUse
from heliograph.ports import (
    Acceptance,
    CallbackOutcome,
    CallbackRecord,
    DeferredMessage,
    DueCallback,
    ExpiredMessage,
    HandOver,
    HeldReceipt,
    PartWait,
    Receipt,
    StickySender,
    TriesMade,
)

Row = Sequence[Any]
DAY_MICROS = 86_400_000_000

_DIRECTIONS = {d.value: d for d in Direction}
_KINDS = {k.value: k for k in Kind}
_SOURCES = {s.value: s for s in Source}
_STATES = {s.value: s for s in State}

_options = msgspec.json.Encoder()
_read_options = msgspec.json.Decoder(SmppOptions)
_tries = msgspec.json.Encoder()
_read_tries = msgspec.json.Decoder(TriesMade)
_receipts = msgspec.json.Encoder()
_read_receipt = msgspec.json.Decoder(Receipt)


def encode(rows: Sequence[Row]) -> str:
    """The one parameter in which many rows travel."""
    return orjson.dumps(rows).decode()


def _day(moment: int | None) -> int | None:
    return None if moment is None else moment // DAY_MICROS


def new_message(acceptance: Acceptance) -> Row:
    m = acceptance.message
    return (
        m.project_id,
        m.id,
        m.direction.value,
        m.kind.value,
        m.source.value,
        m.from_number,
        m.to_number,
        m.body,
        m.segments,
        m.state.value,
        m.created_at,
        m.expires_at,
        orjson.dumps(m.media_urls).decode() if m.media_urls else None,
        m.num_media,
        m.sent_at,
        _day(m.sent_at),
        m.error_code,
        m.max_price_micros,
        m.group_id,
        m.callback.url if m.callback else None,
        m.callback.method if m.callback else None,
        orjson.dumps(m.custom_variables).decode() if m.custom_variables else None,
        m.carrier,
        acceptance.event_no,
        _options.encode(m.options).decode() if m.options else None,
        acceptance.detail,
        orjson.dumps(m.tags).decode() if m.tags else None,
        m.region,
        m.relay_session,
    )


def step(change: Change, next_at: int) -> Row:
    """`next_at`: when a callback that this process does not send by then is anybody's to send."""
    return (
        change.project_id,
        change.message_id,
        change.before.value,
        change.after.value,
        change.at,
        change.event_no,
        change.error_code,
        change.price_micros,
        change.sent_at,
        _day(change.sent_at),
        change.carrier,
        change.carrier_ref,
        int(change.uncertain),
        RANK[change.after],
        change.callback_origin,
        next_at,
        change.detail,
        change.callback_sequence,
        change.done_at,
    )


def event(e: Event) -> Row:
    return (e.project_id, e.message_id, e.event_no, e.at, e.kind, e.error_code, e.detail)


def hand_over(h: HandOver) -> Row:
    tries = None if h.tries is None else _tries.encode(h.tries).decode()
    return (h.message.project_id, h.message.id, int(h.deferred), h.carrier, h.retry_at, tries)


def deferred(row: Row) -> DeferredMessage:
    tries = _read_tries.decode(row[-2]) if row[-2] else TriesMade()
    return DeferredMessage(message=message(row), retry_at=row[-3], tries=tries, partly=bool(row[-1]))


def expired(row: Row) -> ExpiredMessage:
    return ExpiredMessage(message=message(row), deferred=bool(row[-2]), partly=bool(row[-1]))


def part_row(p: Part) -> Row:
    return (
        p.project_id,
        p.message_id,
        p.part,
        p.total,
        p.state.value,
        p.carrier,
        p.carrier_ref,
        p.error_code,
        p.updated_at,
    )


def part(row: Row) -> Part:
    return Part(
        project_id=str(row[0]),
        message_id=str(row[1]),
        part=row[2],
        total=row[3],
        state=_STATES[row[4]],
        carrier=row[5],
        carrier_ref=row[6],
        error_code=row[7],
        updated_at=row[8],
    )


def held_row(h: HeldReceipt) -> Row:
    return (h.carrier, h.receipt.carrier_ref, h.held_no, _receipts.encode(h.receipt).decode(), h.at)


def held(row: Row) -> HeldReceipt:
    return HeldReceipt(carrier=row[0], held_no=row[2], receipt=_read_receipt.decode(row[3]), at=row[4])


def part_wait_row(w: PartWait) -> Row:
    return (w.project_id, w.message_id, w.due_at)


def part_wait(row: Row) -> PartWait:
    return PartWait(project_id=str(row[0]), message_id=str(row[1]), due_at=row[2])


def piece_row(p: Piece) -> Row:
    return (
        p.project_id,
        p.owner,
        p.from_number,
        p.to_number,
        p.reference,
        p.total,
        p.part,
        p.alphabet,
        base64.b64encode(p.data).decode(),
        p.extra,
        p.at,
    )


def piece(row: Row) -> Piece:
    return Piece(
        project_id=str(row[0]),
        owner=row[1],
        from_number=row[2],
        to_number=row[3],
        reference=row[4],
        total=row[5],
        part=row[6],
        alphabet=row[7],
        data=base64.b64decode(row[8]),
        extra=row[9],
        at=row[10],
    )


def piece_key(p: Piece) -> dict[str, Any]:
    """What all pieces of one message share."""
    return {
        "project_id": p.project_id,
        "owner": p.owner,
        "from_number": p.from_number,
        "to_number": p.to_number,
        "reference": p.reference,
        "total": p.total,
    }


def media_row(m: Media) -> Row:
    return (m.project_id, m.message_id, m.id, m.position, m.content_type, m.size, m.sha256, m.created_at)


def outcome(o: CallbackOutcome) -> Row:
    return (
        o.project_id,
        o.message_id,
        o.rank,
        o.attempt,
        o.at,
        o.status,
        o.next_at,
        o.http_status,
        o.error,
        o.duration_ms,
    )


def message(row: Row) -> Message:
    return Message(
        project_id=str(row[0]),
        id=str(row[1]),
        direction=_DIRECTIONS[row[2]],
        kind=_KINDS[row[3]],
        source=_SOURCES[row[4]],
        from_number=row[5],
        to_number=row[6],
        body=row[7],
        segments=row[8],
        state=_STATES[row[9]],
        created_at=row[10],
        updated_at=row[11],
        expires_at=row[12],
        media_urls=tuple(orjson.loads(row[13])) if row[13] else (),
        num_media=row[14],
        sent_at=row[15],
        error_code=row[16],
        price_micros=row[17],
        max_price_micros=row[18],
        group_id=None if row[19] is None else str(row[19]),
        callback=None if row[20] is None else Callback(url=row[20], method=row[21]),
        custom_variables=orjson.loads(row[22]) if row[22] else None,
        carrier=row[23],
        carrier_ref=row[24],
        uncertain=bool(row[25]),
        deleted_at=row[26],
        redacted=bool(row[27]),
        options=_read_options.decode(row[28]) if row[28] else None,
        tags=tuple(orjson.loads(row[29])) if row[29] else (),
        region=row[30],
        relay_session=row[31],
    )


_MESSAGE_COLUMNS = 32


def due_callback(row: Row) -> DueCallback:
    rank, state, at, error_code, attempts, created_at, next_at, sequence, done_at = row[_MESSAGE_COLUMNS:]
    return DueCallback(
        message=message(row),
        rank=rank,
        state=_STATES[state],
        at=at,
        error_code=error_code,
        attempts=attempts,
        created_at=created_at,
        next_at=next_at,
        sequence=sequence,
        done_at=done_at,
    )


def callback_records(read: Iterable[Row]) -> list[CallbackRecord]:
    """Callbacks that were read newest first, with those of each message in the order of their states."""
    by_message = groupby(map(callback_record, read), key=lambda record: record.message_id)
    return [record for _, records in by_message for record in reversed(list(records))]


def callback_record(row: Row) -> CallbackRecord:
    return CallbackRecord(
        message_id=str(row[0]),
        state=_STATES[row[1]],
        status=row[2],
        url=row[3] or "",
        attempts=row[4],
        next_at=row[5],
        last_http_status=row[6],
        last_error=row[7],
    )


def media(row: Row) -> Media:
    return Media(
        id=str(row[0]),
        project_id=str(row[1]),
        message_id=str(row[2]),
        position=row[3],
        content_type=row[4],
        size=row[5],
        sha256=row[6],
        created_at=row[7],
        updated_at=row[8],
    )


def project(row: Row) -> Project:
    return Project(
        id=str(row[0]),
        parent_id=None if row[1] is None else str(row[1]),
        name=row[2],
        signing_key=row[3],
        created_at=row[4],
        updated_at=row[5],
        switches=frozenset(orjson.loads(row[6])),
    )


def token(row: Row) -> Token:
    return Token(
        project_id=str(row[0]),
        id=str(row[1]),
        name=row[2],
        scopes=tuple(orjson.loads(row[3])),
        sha256=row[4],
        created_at=row[5],
        updated_at=row[6],
    )


def smpp_credential(row: Row) -> SmppCredential:
    return SmppCredential(
        project_id=str(row[0]),
        system_id=row[1],
        name=row[2],
        password_hash=row[3],
        max_binds=row[4],
        rate=row[5],
        window=row[6],
        allowed=tuple(orjson.loads(row[7])),
        alphabet=row[8],
        long_mode=row[9],
        created_at=row[10],
        updated_at=row[11],
    )


def number(row: Row) -> Number:
    return Number(
        project_id=str(row[0]),
        id=str(row[1]),
        number=row[2],
        name=row[3],
        capabilities=tuple(orjson.loads(row[4])),
        settings=orjson.loads(row[5]),
        created_at=row[6],
        updated_at=row[7],
    )


def free_number(row: Row) -> FreeNumber:
    return FreeNumber(
        number=row[0],
        country=row[1],
        kind=row[2],
        national=row[3],
        region=row[4],
        city=row[5],
        rate_center=row[6],
        lata=row[7],
        capabilities=tuple(orjson.loads(row[8])),
    )


def free_row(n: FreeNumber, at: int) -> tuple[Any, ...]:
    """Cities are found whatever their case: by a key of their own, since the databases fold letters differently."""
    capabilities = orjson.dumps(n.capabilities).decode()
    place = (n.region, n.city, n.city.casefold() if n.city else None, n.rate_center, n.lata)
    return (n.number, n.country, n.kind, n.national, *place, capabilities, at)


def application(row: Row) -> Application:
    return Application(
        project_id=str(row[0]),
        id=str(row[1]),
        name=row[2],
        settings=orjson.loads(row[3]),
        created_at=row[4],
        updated_at=row[5],
    )


def group(row: Row) -> NumberGroup:
    return NumberGroup(
        project_id=str(row[0]),
        id=str(row[1]),
        name=row[2],
        sticky_sender=bool(row[3]),
        created_at=row[4],
        updated_at=row[5],
    )


def membership(row: Row) -> Membership:
    return Membership(
        project_id=str(row[0]),
        id=str(row[1]),
        group_id=str(row[2]),
        number_id=str(row[3]),
        created_at=row[4],
        updated_at=row[5],
    )


def sticky_row(s: StickySender) -> Row:
    return (s.project_id, s.group_id, s.to_number, s.number_id, s.used_at)


def script(row: Row) -> Script:
    return Script(
        project_id=str(row[0]),
        id=str(row[1]),
        place=str(row[2]),
        name=row[3],
        contents=row[4],
        requests=row[5],
        last_request_at=row[6],
        created_at=row[7],
        updated_at=row[8],
    )


def script_use(u: ScriptUse) -> Row:
    return (u.project_id, u.script_id, u.requests, u.last_at)


def project_params(p: Project) -> dict[str, Any]:
    return {
        "project_id": p.id,
        "parent_id": p.parent_id,
        "name": p.name,
        "signing_key": p.signing_key,
        "created_at": p.created_at,
        "updated_at": p.updated_at,
        "switches": orjson.dumps(sorted(p.switches)).decode(),
    }


def token_params(t: Token) -> dict[str, Any]:
    return {
        "project_id": t.project_id,
        "token_id": t.id,
        "name": t.name,
        "scopes": orjson.dumps(t.scopes).decode(),
        "sha256": t.sha256,
        "created_at": t.created_at,
        "updated_at": t.updated_at,
    }


def smpp_credential_params(c: SmppCredential) -> dict[str, Any]:
    return {
        "project_id": c.project_id,
        "system_id": c.system_id,
        "name": c.name,
        "password_hash": c.password_hash,
        "max_binds": c.max_binds,
        "rate": c.rate,
        "deliver_window": c.window,
        "allowed": orjson.dumps(c.allowed).decode(),
        "alphabet": c.alphabet,
        "long_mode": c.long_mode,
        "created_at": c.created_at,
        "updated_at": c.updated_at,
    }


def number_params(n: Number) -> dict[str, Any]:
    return {
        "project_id": n.project_id,
        "number_id": n.id,
        "number": n.number,
        "name": n.name,
        "capabilities": orjson.dumps(n.capabilities).decode(),
        "settings": orjson.dumps(n.settings).decode(),
        "created_at": n.created_at,
        "updated_at": n.updated_at,
    }


def application_params(a: Application) -> dict[str, Any]:
    return {
        "project_id": a.project_id,
        "application_id": a.id,
        "name": a.name,
        "settings": orjson.dumps(a.settings).decode(),
        "created_at": a.created_at,
        "updated_at": a.updated_at,
    }


def group_params(g: NumberGroup) -> dict[str, Any]:
    return {
        "project_id": g.project_id,
        "group_id": g.id,
        "name": g.name,
        "sticky_sender": int(g.sticky_sender),
        "created_at": g.created_at,
        "updated_at": g.updated_at,
    }


def membership_params(m: Membership) -> dict[str, Any]:
    return {
        "project_id": m.project_id,
        "membership_id": m.id,
        "group_id": m.group_id,
        "number_id": m.number_id,
        "created_at": m.created_at,
        "updated_at": m.updated_at,
    }


def script_params(s: Script) -> dict[str, Any]:
    return {
        "project_id": s.project_id,
        "script_id": s.id,
        "place": s.place,
        "name": s.name,
        "contents": s.contents,
        "octets": s.octets,
        "created_at": s.created_at,
        "updated_at": s.updated_at,
    }
