"""The domain's verbs (ports.Store) over named SQL: the same for both databases."""

import itertools
import secrets
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, get_args

import msgspec

from heliograph.core.directory import (
    Application,
    Changes,
    Key,
    Number,
    ObjectKind,
    Project,
    SmppCredential,
    Snapshot,
    Token,
)
from heliograph.core.errors import NotFound, StoreUnavailable
from heliograph.core.ids import floor
from heliograph.core.lifecycle import State
from heliograph.core.message import Change, Event, Media, Message, Part, Piece, TimelineEntry
from heliograph.core.script import Script, ScriptUse
from heliograph.ports import (
    Acceptance,
    Accepted,
    CallbackOutcome,
    CallbackRecord,
    Cursor,
    DeferredCount,
    DeferredMessage,
    DueCallback,
    ExpiredMessage,
    HandOver,
    HeldReceipt,
    IdempotencyClaim,
    MessageFilter,
    NumberTaken,
    PartWait,
    SystemIdTaken,
)
from heliograph.storage import rows, scripts, searching
from heliograph.storage.database import Conflict, Database
from heliograph.storage.group_tables import GroupTables
from heliograph.storage.inventory_tables import InventoryTables
from heliograph.storage.lock import FolderLock
from heliograph.storage.mfa_tables import MfaTables
from heliograph.storage.rows import Row
from heliograph.storage.scripts import NO_FLAGS, Step, touch

PING_WORDS = 1500
"""A ping writes several pages, as a small message does: on a full disk one page more can fit where no message does."""

LONGEST_WAY_MICROS = 172_800_000_000 + 3_600_000_000
"""A message is sent at most its validity (two days) after it was made; an hour's margin. So a range of send dates
is a range of ids, and a page by date stays a scan by id."""

_TOUCHED = frozenset({"touched"})
_READ: Mapping[ObjectKind, Callable[[Row], Any]] = {
    "projects": rows.project,
    "tokens": rows.token,
    "numbers": rows.number,
    "applications": rows.application,
    "smpp_credentials": rows.smpp_credential,
    "groups": rows.group,
    "memberships": rows.membership,
}

_ROUTE_PROJECTS: Final = "route_projects"


class SqlStore(GroupTables, MfaTables, InventoryTables):
    def __init__(self, database: Database, lock: FolderLock | None = None, *, list_seconds: float = 10.0) -> None:
        self._database = database
        self._lock = lock
        self._list_seconds = list_seconds
        self._pings = itertools.count(secrets.randbits(40))
        self._erased = False
        """Whether a text was redacted or removed since the last turn-over."""

    async def open(self) -> None:
        if self._lock is not None:
            self._lock.take()
        try:
            await self._database.open()
        except BaseException:
            self._release()
            raise

    async def close(self) -> None:
        await self._database.close()
        self._release()

    def _release(self) -> None:
        if self._lock is not None:
            self._lock.release()

    def abandon(self) -> None:
        self._database.abandon()

    async def ping(self) -> None:
        await self._database.read("meta_get", {"key": "directory_version"})
        # Another value each time: SQLite writes no page whose content stays the same.
        value = f"{next(self._pings):012x} " * PING_WORDS
        await self._database.write(scripts.run, [Step("meta_put", {"key": "last_ping", "value": value})])

    @property
    def outage(self) -> bool:
        return self._database.outage

    @property
    def is_owned(self) -> bool:
        return self._database.is_owned

    async def hold_on(self) -> None:
        await self._database.hold_on()

    async def space_id(self, candidate: str) -> str:
        found = await self._database.write(scripts.run, [Step("space_id", {"candidate": candidate})])
        return str(found[0][0])

    async def route_projects(self) -> dict[str, str]:
        found = await self._database.read("meta_get", {"key": _ROUTE_PROJECTS})
        return msgspec.json.decode(found[0][0], type=dict[str, str]) if found else {}

    async def put_route_projects(self, resolved: Mapping[str, str]) -> None:
        value = msgspec.json.encode(dict(resolved)).decode()
        await self._database.write(scripts.run, [Step("meta_put", {"key": _ROUTE_PROJECTS, "value": value})])

    # -- directory

    async def directory_version(self) -> int:
        found = await self._database.read("meta_get", {"key": "directory_version"})
        return int(found[0][0]) if found else 0

    async def directory(self) -> Snapshot:
        return await self._snapshot(await self.directory_version(), {kind: None for kind in get_args(ObjectKind)})

    async def directory_changes(self, since: int) -> Changes | None:
        version = await self.directory_version()
        if version == since:
            return Changes(touched=(), now=Snapshot(version=version))
        found = await self._database.read("directory_changes_since", {"since": since})
        if not found or found[0][0] != since + 1:
            return None
        touched: dict[ObjectKind, dict[tuple[str, str], None]] = {}
        for _, kind, project_id, object_id in found:
            touched.setdefault(kind, {})[str(project_id), object_id] = None
        return Changes(
            touched=[Key(kind, *each) for kind, keys in touched.items() for each in keys],
            now=await self._snapshot(found[-1][0], {kind: list(keys) for kind, keys in touched.items()}),
        )

    async def _snapshot(self, version: int, wanted: Mapping[ObjectKind, Sequence[Row] | None]) -> Snapshot:
        """Of each kind these (project_id, id), or all."""
        parts: dict[str, Any] = {}
        for kind, keys in wanted.items():
            parameters = {} if keys is None else {"rows": rows.encode(keys)}
            found = await self._database.read(f"directory_{kind}", parameters, NO_FLAGS if keys is None else _TOUCHED)
            parts[kind] = tuple(map(_READ[kind], found))
        return Snapshot(version=version, **parts)

    async def add_project(self, project: Project, token: Token | None, numbers: Sequence[Number]) -> None:
        touched = [Key("projects", project.id, project.id)]
        steps = [Step("project_put", rows.project_params(project))]
        if token is not None:
            touched.append(Key("tokens", token.project_id, token.id))
            steps.append(Step("token_put", rows.token_params(token)))
        for number in numbers:
            touched.append(Key("numbers", number.project_id, number.id))
            steps.append(Step("number_put", rows.number_params(number)))
        try:
            await self._database.write(scripts.run, [*touch(*touched), *steps])
        except Conflict as error:
            raise NumberTaken(str(error)) from error

    async def update_project(self, project: Project) -> bool:
        return await self._hit(Key("projects", project.id, project.id), "project_update", rows.project_params(project))

    async def delete_project(self, project_id: str, at: int) -> bool:
        return await self._database.write(scripts.delete_projects, (project_id, at))  # type: ignore[no-any-return]

    async def deleted_projects(self, limit: int) -> list[str]:
        return [str(row[0]) for row in await self._database.read("projects_deleted", {"limit": limit})]

    async def forget_project(self, project_id: str) -> None:
        await self._database.write(scripts.run, [Step("project_forget", {"project_id": project_id})])

    async def put_token(self, token: Token) -> None:
        key = Key("tokens", token.project_id, token.id)
        await self._put(key, "token_put", rows.token_params(token))

    async def update_token(self, token: Token) -> bool:
        return await self._hit(Key("tokens", token.project_id, token.id), "token_update", rows.token_params(token))

    async def remove_token(self, project_id: str, token_id: str) -> bool:
        keys = {"project_id": project_id, "token_id": token_id}
        return await self._hit(Key("tokens", project_id, token_id), "token_remove", keys)

    async def add_smpp_credential(self, credential: SmppCredential) -> None:
        key = Key("smpp_credentials", credential.project_id, credential.system_id)
        try:
            await self._put(key, "smpp_credential_add", rows.smpp_credential_params(credential))
        except Conflict as error:
            raise SystemIdTaken(credential.system_id) from error

    async def update_smpp_credential(self, credential: SmppCredential) -> bool:
        key = Key("smpp_credentials", credential.project_id, credential.system_id)
        return await self._hit(key, "smpp_credential_update", rows.smpp_credential_params(credential))

    async def remove_smpp_credential(self, project_id: str, system_id: str) -> bool:
        keys = {"project_id": project_id, "system_id": system_id}
        return await self._hit(Key("smpp_credentials", project_id, system_id), "smpp_credential_remove", keys)

    async def put_number(self, number: Number) -> None:
        key = Key("numbers", number.project_id, number.id)
        try:
            await self._put(key, "number_put", rows.number_params(number))
        except Conflict as error:
            raise NumberTaken(str(error)) from error

    async def update_number(self, number: Number) -> bool:
        key = Key("numbers", number.project_id, number.id)
        return await self._hit(key, "number_update", rows.number_params(number))

    async def put_application(self, application: Application) -> None:
        key = Key("applications", application.project_id, application.id)
        await self._put(key, "application_put", rows.application_params(application))

    async def update_application(self, application: Application) -> bool:
        key = Key("applications", application.project_id, application.id)
        return await self._hit(key, "application_update", rows.application_params(application))

    async def remove_application(self, project_id: str, application_id: str) -> bool:
        keys = {"project_id": project_id, "application_id": application_id}
        return await self._hit(Key("applications", project_id, application_id), "application_remove", keys)

    async def _hit(self, key: Key, query: str, parameters: dict[str, Any]) -> bool:
        """Whether the query found the object's row."""
        return bool(await self._database.write(scripts.run, [*touch(key), Step(query, parameters)]))

    async def _put(self, key: Key, query: str, parameters: dict[str, Any]) -> None:
        """Raises NotFound where the project is gone, and Conflict."""
        item = key.project_id, [key], [Step(query, parameters)]
        if not await self._database.write(scripts.add_owned, item):
            raise NotFound

    # -- scripts

    async def add_script(self, script: Script) -> None:
        step = Step("cxml_script_add", rows.script_params(script))
        if not await self._database.write(scripts.add_owned, (script.project_id, [], [step])):
            raise NotFound

    async def update_script(self, script: Script) -> bool:
        return bool(await self._database.write(scripts.run, [Step("cxml_script_update", rows.script_params(script))]))

    async def remove_script(self, project_id: str, script_id: str) -> int | None:
        keys = {"project_id": project_id, "script_id": script_id}
        removed = await self._database.write(scripts.run, [Step("cxml_script_remove", keys)])
        return int(removed[0][0]) if removed else None

    async def script_counts(self) -> list[tuple[str, int, int]]:
        return [(str(row[0]), row[1], row[2]) for row in await self._database.read("cxml_script_counts", {})]

    async def script(self, project_id: str, script_id: str) -> Script | None:
        found = await self._database.read("cxml_script_get", {"project_id": project_id, "script_id": script_id})
        return rows.script(found[0]) if found else None

    async def public_script(self, script_id: str) -> Script | None:
        found = await self._database.read("cxml_script_public", {"script_id": script_id})
        return rows.script(found[0]) if found else None

    async def scripts_page(self, project_id: str, name: str | None, cursor: Cursor | None, limit: int) -> list[Script]:
        backward = cursor is not None and cursor.backward
        parameters: dict[str, Any] = {"project_id": project_id, "limit": limit}
        if name is not None:
            parameters["name"] = name
        if cursor is not None:
            parameters["newer_than" if backward else "older_than"] = cursor.id
        flags = frozenset(parameters) | {"backward" if backward else "forward"}
        found = [rows.script(row) for row in await self._database.read("cxml_scripts_page", parameters, flags)]
        return found[::-1] if backward else found

    async def count_script_uses(self, uses: Sequence[ScriptUse]) -> None:
        step = Step("cxml_scripts_count", {"rows": rows.encode([rows.script_use(use) for use in uses])})
        await self._database.write(scripts.run, [step])

    # -- messages

    async def accept(self, acceptance: Acceptance) -> Accepted:
        return await self._database.write(scripts.accept, acceptance)  # type: ignore[no-any-return]

    async def claimed(self, project_id: str, claim: IdempotencyClaim) -> Accepted | None:
        found = await self._database.read("claim_get", {"project_id": project_id, "key": claim.key})
        if not found:
            return None
        message_id, fingerprint = found[0]
        return Accepted(message_id=str(message_id), replayed=True, clash=fingerprint != claim.fingerprint)

    async def advance(self, changes: Sequence[Change]) -> list[bool]:
        return await self._database.write(scripts.advance, changes)  # type: ignore[no-any-return]

    async def note(self, events: Sequence[Event]) -> None:
        await self._database.write(scripts.note, events)

    async def message(self, project_id: str, message_id: str) -> Message | None:
        found = await self._database.read("message_get", {"project_id": project_id, "message_id": message_id})
        return rows.message(found[0]) if found else None

    async def page(self, project_id: str, wanted: MessageFilter, cursor: Cursor | None, limit: int) -> list[Message]:
        backward = cursor is not None and cursor.backward
        conditions = _from_edge(_conditions(wanted), cursor)
        if searching.needs_slices(conditions, hide_deleted=not wanted.include_deleted):
            search = searching.MessageSearch(
                database=self._database,
                project_id=project_id,
                conditions=conditions,
                limit=limit,
                backward=backward,
                hide_deleted=not wanted.include_deleted,
                seconds=self._list_seconds,
            )
            read = await search.page()
        else:
            flags = frozenset(conditions) | {"backward" if backward else "forward"}
            if not wanted.include_deleted:
                flags |= {"hide_deleted"}
            parameters = {"project_id": project_id, "limit": limit} | conditions
            read = await self._database.read("messages_page", parameters, flags)
        found = [rows.message(row) for row in read]
        return found[::-1] if backward else found

    async def by_carrier_ref(self, carrier: str, key: str, limit: int) -> list[Message]:
        parameters = {"carrier": carrier, "key": key, "limit": limit}
        return [rows.message(row) for row in await self._database.read("messages_by_carrier_ref", parameters)]

    async def hand_over(self, hand_overs: Sequence[HandOver], events: Sequence[Event]) -> frozenset[str]:
        return await self._database.write(scripts.hand_over, (hand_overs, events))  # type: ignore[no-any-return]

    # -- parts

    async def keep_parts(self, parts: Sequence[Part], events: Sequence[Event], waits: Sequence[PartWait] = ()) -> None:
        await self._database.write(scripts.keep_parts, (parts, events, waits))

    async def parts_of(self, project_id: str, message_id: str) -> list[Part]:
        found = await self._database.read("parts_of", {"project_id": project_id, "message_id": message_id})
        return [rows.part(row) for row in found]

    async def parts_by_carrier_ref(self, carrier: str, key: str, limit: int) -> list[Part]:
        parameters = {"carrier": carrier, "key": key, "limit": limit}
        return [rows.part(row) for row in await self._database.read("parts_by_carrier_ref", parameters)]

    async def overdue_parts(self, now: int, limit: int) -> list[PartWait]:
        found = await self._database.read("part_waits_due", {"now": now, "limit": limit})
        return [rows.part_wait(row) for row in found]

    async def end_part_waits(self, waits: Sequence[PartWait], events: Sequence[Event]) -> None:
        await self._database.write(scripts.end_part_waits, (waits, events))

    # -- receipts that are early, pieces that are not all there

    async def hold_receipts(self, held: Sequence[HeldReceipt]) -> None:
        await self._database.write(scripts.hold_receipts, held)

    async def release_receipts(self, held: Sequence[HeldReceipt]) -> None:
        await self._database.write(scripts.release_receipts, held)

    async def held_receipts(self, limit: int) -> list[HeldReceipt]:
        return [rows.held(row) for row in await self._database.read("held_all", {"limit": limit})]

    async def keep_piece(self, piece: Piece) -> None:
        await self._database.write(scripts.keep_pieces, piece)

    async def remove_pieces(self, piece: Piece) -> None:
        await self._database.write(scripts.run, [Step("pieces_remove", rows.piece_key(piece))])

    async def remove_repeated_pieces(self, piece: Piece) -> None:
        await self._database.write(scripts.run, [Step("pieces_remove_repeated", rows.piece_key(piece))])

    async def forget_made_pieces(self, before: int) -> None:
        await self._database.write(scripts.run, [Step("pieces_forget", {"before": before})])

    async def pieces(self, limit: int) -> list[Piece]:
        return [rows.piece(row) for row in await self._database.read("pieces_all", {"limit": limit})]

    # -- records

    async def redact(self, project_id: str, message_id: str, at: int, event_no: int) -> bool:
        self._erased = True
        return await self._change("message_redact", "redacted", _keys(project_id, message_id, at, event_no))

    async def delete(self, project_id: str, message_id: str, at: int, event_no: int) -> bool:
        return await self._change("message_delete", "deleted", _keys(project_id, message_id, at, event_no))

    async def _change(self, query: str, kind: str, keys: dict[str, Any]) -> bool:
        return bool(await self._database.write(scripts.change_record, (query, keys, kind)))

    async def timeline(self, project_id: str, message_id: str, limit: int = 1000) -> list[TimelineEntry]:
        parameters = {"project_id": project_id, "message_id": message_id, "limit": limit}
        found = await self._database.read("timeline", parameters)
        return [TimelineEntry(at=r[1], kind=r[2], state=r[3], error_code=r[4], detail=r[5]) for r in reversed(found)]

    # -- what a node goes on with

    async def queued_after(self, message_id: str, limit: int) -> list[Message]:
        return await self.open_messages(State.QUEUED, message_id, limit)

    async def open_messages(self, state: State, after_id: str, limit: int) -> list[Message]:
        parameters = {"state": state.value, "after": after_id, "limit": limit}
        return [rows.message(row) for row in await self._database.read("messages_queued_after", parameters)]

    async def deferred(
        self, carrier: str, project_id: str, *, until: int, after: tuple[int, str], limit: int
    ) -> list[DeferredMessage]:
        parameters: dict[str, Any] = {"carrier": carrier, "project_id": project_id, "until": until, "limit": limit}
        parameters |= {"after_at": after[0], "after_id": after[1]}
        return [rows.deferred(row) for row in await self._database.read("messages_deferred", parameters)]

    async def deferred_counts(self) -> list[DeferredCount]:
        found = await self._database.read("messages_deferred_counts", {})
        return [DeferredCount(carrier=r[0], project_id=str(r[1]), count=r[2], retry_at=r[3]) for r in found]

    async def in_doubt(self, after_id: str, limit: int) -> list[Message]:
        found = await self._database.read("messages_in_doubt", {"after": after_id, "limit": limit})
        return [rows.message(row) for row in found]

    async def queued_counts(self) -> dict[str, int]:
        return {str(row[0]): row[1] for row in await self._database.read("messages_queued_counts", {})}

    async def unsent_counts(self) -> dict[str, int]:
        return {row[0]: row[1] for row in await self._database.read("messages_unsent_counts", {})}

    async def expired(self, now: int, after: tuple[int, str], limit: int) -> list[ExpiredMessage]:
        parameters = {"now": now, "after_at": after[0], "after_id": after[1], "limit": limit}
        found = await self._database.read("messages_expired", parameters)
        return [rows.expired(row) for row in found]

    async def mark_uncertain(self, messages: Sequence[tuple[str, str]]) -> None:
        await self._database.write(scripts.mark_uncertain, messages)

    # -- media

    async def add_media(self, media: Sequence[Media]) -> None:
        await self._database.write(scripts.add_media, media)

    async def media_of(self, project_id: str, message_id: str) -> list[Media]:
        found = await self._database.read("media_of", {"project_id": project_id, "message_id": message_id})
        return [rows.media(row) for row in found]

    async def media(self, project_id: str, message_id: str, media_id: str) -> Media | None:
        keys = {"project_id": project_id, "message_id": message_id, "media_id": media_id}
        found = await self._database.read("media_get", keys)
        return rows.media(found[0]) if found else None

    async def remove_media(self, project_id: str, message_id: str, media_id: str, at: int) -> bool:
        keys = {"project_id": project_id, "message_id": message_id, "media_id": media_id, "at": at}
        return bool(await self._database.write(scripts.run, [Step("media_delete", keys, frozenset({"one"}))]))

    async def orphaned_files(self, hashes: Sequence[str]) -> list[str]:
        return [each for each in hashes if not await self._database.read("media_in_use", {"sha256": each})]

    # -- callbacks

    async def release_callbacks(self, now: int) -> None:
        await self._database.write(scripts.run, [Step("callbacks_release", {"now": now})])

    async def due_origins(self, now: int, after: str, limit: int) -> list[str]:
        parameters = {"now": now, "after": after, "limit": limit}
        return [row[0] for row in await self._database.read("callbacks_origins", parameters)]

    async def due_callbacks(self, origin: str, now: int, fresh_until: int, limit: int) -> list[DueCallback]:
        parameters = {"origin": origin, "now": now, "fresh_until": fresh_until, "limit": limit}
        found = await self._database.read("callbacks_due", parameters, frozenset({"due"}))
        return [rows.due_callback(row) for row in found]

    async def pending_callbacks(self, project_id: str, message_id: str) -> list[DueCallback]:
        parameters = {"project_id": project_id, "message_id": message_id, "limit": 10}
        found = await self._database.read("callbacks_due", parameters, frozenset({"one"}))
        return [rows.due_callback(row) for row in found]

    async def sequence_origins(self, after: str, limit: int) -> list[str]:
        return [row[0] for row in await self._database.read("sequences_origins", {"after": after, "limit": limit})]

    async def sequences(self, origin: str, after: str, limit: int) -> list[str]:
        parameters = {"origin": origin, "after": after, "limit": limit}
        return [row[0] for row in await self._database.read("sequences_names", parameters)]

    async def sequence_heads(self, origin: str, sequences: Sequence[str]) -> list[DueCallback]:
        parameters = {"origin": origin, "rows": rows.encode([(each,) for each in sequences])}
        return [rows.due_callback(row) for row in await self._database.read("sequences_heads", parameters)]

    async def sequence_first(self, origin: str, sequence: str, limit: int) -> list[DueCallback]:
        parameters = {"origin": origin, "sequence": sequence, "limit": limit}
        return [rows.due_callback(row) for row in await self._database.read("sequences_first", parameters)]

    async def bury_callbacks(self, scheme: str, oldest: int, now: int, error: str, limit: int) -> int:
        parameters = {"scheme": scheme, "oldest": oldest, "limit": limit, "now": now}
        attempts = Step("callbacks_bury_attempts", parameters | {"error": error})
        return len(await self._database.write(scripts.run, [attempts, Step("callbacks_bury", parameters)]))

    async def settle_callbacks(self, outcomes: Sequence[CallbackOutcome]) -> None:
        await self._database.write(scripts.settle, outcomes)

    async def callbacks(
        self, project_id: str, status: str, limit: int, message_id: str | None = None
    ) -> list[CallbackRecord]:
        if message_id is None:
            read = await searching.callbacks(self._database, project_id, status, limit, self._list_seconds)
        else:
            parameters = {
                "project_id": project_id,
                "status": status,
                "limit": limit + searching.RANKS,
                "message_id": message_id,
            }
            read = await self._database.read("callbacks_list", parameters, frozenset({"one"}))
        return rows.callback_records(read)[:limit]

    async def replay_callbacks(
        self, project_id: str, message_id: str | None, now: int, *, after: tuple[str, int], limit: int
    ) -> list[tuple[str, int]]:
        parameters = {"project_id": project_id, "message_id": message_id, "now": now, "limit": limit}
        parameters |= {"after_id": after[0], "after_rank": after[1]}
        flags = frozenset() if message_id is None else frozenset({"one"})
        found = await self._database.write(scripts.run, [Step("callbacks_replay", parameters, flags)])
        return sorted((str(row[0]), row[1]) for row in found)

    # -- housekeeping

    async def purge(self, project_id: str, before: int, limit: int) -> tuple[int, list[str]]:
        self._erased = True
        return await self._database.write(scripts.purge, (project_id, floor(before), limit))  # type: ignore[no-any-return]

    async def forget_claims(self, before: int) -> None:
        await self._database.write(scripts.run, [Step("claims_forget", {"before": before})])

    async def turn_over(self) -> None:
        if not self._erased:
            return
        self._pings = itertools.count(secrets.randbits(40))
        self._erased = False
        try:
            await self._database.turn_over()
        except StoreUnavailable:
            self._erased = True
            raise


def _keys(project_id: str, message_id: str, at: int, event_no: int) -> dict[str, Any]:
    return {"project_id": project_id, "message_id": message_id, "at": at, "event_no": event_no}


def _from_edge(conditions: dict[str, Any], cursor: Cursor | None) -> dict[str, Any]:
    """The conditions with the cursor's. Of two bounds on one side only the nearer one stays: given both, a database
    starts at either and may pass over all rows between them."""
    if cursor is None:
        return conditions
    if cursor.backward:
        mine, other, nearer = "newer_than", "lowest", cursor.id >= conditions.get("lowest", cursor.id)
    else:
        mine, other, nearer = "older_than", "highest", cursor.id <= conditions.get("highest", cursor.id)
    if not nearer:
        return conditions
    return {name: value for name, value in conditions.items() if name != other} | {mine: cursor.id}


def _conditions(wanted: MessageFilter) -> dict[str, Any]:
    """The flags of messages_page that a filter raises, with their parameters."""
    conditions: dict[str, Any] = {}
    if wanted.to_number is not None:
        conditions["to_number"] = wanted.to_number
    if wanted.from_number is not None:
        conditions["from_number"] = wanted.from_number
    if wanted.state is not None:
        conditions["state"] = wanted.state.value
    conditions |= _sent_conditions(wanted.sent_from, wanted.sent_before)
    lowest = [m for m in (wanted.created_from, _minus(wanted.sent_from)) if m is not None]
    highest = [m for m in (wanted.created_before, wanted.sent_before) if m is not None]
    if lowest and "sent_day" not in conditions:
        conditions["lowest"] = floor(max(0, *lowest))
    if highest and "sent_day" not in conditions:
        conditions["highest"] = floor(max(0, min(highest)))
    return conditions


def _minus(moment: int | None) -> int | None:
    return None if moment is None else moment - LONGEST_WAY_MICROS


def _sent_conditions(sent_from: int | None, sent_before: int | None) -> dict[str, Any]:
    if sent_from is not None and sent_before == sent_from + rows.DAY_MICROS and sent_from % rows.DAY_MICROS == 0:
        return {"sent_day": sent_from // rows.DAY_MICROS}
    conditions = {}
    if sent_from is not None:
        conditions["sent_from"] = sent_from
    if sent_before is not None:
        conditions["sent_before"] = sent_before
    return conditions
