"""What the writer does inside a transaction, as scripts without I/O.

A script is a generator: it yields a Step (a named query and its parameters) and is sent the rows that the step
returned; it returns one result for each item that it was given. SQLite's writer thread and PostgreSQL's writer
task drive the same scripts, so the two stores can't drift apart.
"""

from collections.abc import Callable, Generator, Sequence
from typing import Any, NamedTuple

from heliograph.core.directory import Key, Number
from heliograph.core.message import Change, Event, Media, Part, Piece
from heliograph.ports import (
    CALLBACK_LEASE_MICROS,
    Acceptance,
    Accepted,
    CallbackOutcome,
    HandOver,
    HeldReceipt,
    PartWait,
)
from heliograph.storage import queries, rows
from heliograph.storage.rows import Row

NO_FLAGS: frozenset[str] = frozenset()


class Step(NamedTuple):
    """`counted`: the one row that is sent back says how many rows the statement wrote."""

    query: str
    parameters: dict[str, Any]
    flags: frozenset[str] = NO_FLAGS
    counted: bool = False


DIRECTORY_CHANGES_KEPT = 10_000
"""Versions of the directory whose changes are known one by one. A server hears of each within a second or so."""

Script = Generator[Step, Sequence[Row], list[Any]]
ScriptMaker = Callable[[list[Any]], Script]


def accept(items: list[Acceptance]) -> Script:
    """Claims first: an acceptance whose key is taken already leaves nothing behind."""
    earlier: dict[str, Accepted] = {}
    if any(item.claim for item in items):
        earlier = yield from _claim([item for item in items if item.claim])
    fresh = [item for item in items if item.message.id not in earlier]
    if fresh:
        encoded = rows.encode([rows.new_message(item) for item in fresh])
        yield Step("messages_insert", {"rows": encoded})
        yield Step("messages_insert_events", {"rows": encoded})
        media = [rows.media_row(m) for item in fresh for m in item.media]
        if media:
            yield Step("media_insert", {"rows": rows.encode(media)})
        yield from _stick(fresh)
    for item in items:
        if item.made_of is not None:
            yield Step("pieces_remove", rows.piece_key(item.made_of))
            yield Step("pieces_put", {"rows": rows.encode([rows.piece_row(item.made_of)])})
    return [earlier.get(item.message.id) or Accepted(message_id=item.message.id) for item in items]


def _stick(items: Sequence[Acceptance]) -> Generator[Step, Sequence[Row], None]:
    """The last choice of a sender counts: one statement writes a row once."""
    chosen = {(item.sticky.group_id, item.sticky.to_number): item.sticky for item in items if item.sticky}
    if chosen:
        yield Step("sticky_put", {"rows": rows.encode([rows.sticky_row(each) for each in chosen.values()])})


def _claim(items: Sequence[Acceptance]) -> Generator[Step, Sequence[Row], dict[str, Accepted]]:
    claims = [
        (i.message.project_id, i.claim.key, i.claim.fingerprint, i.message.id, i.message.created_at)
        for i in items
        if i.claim
    ]
    won = yield Step("claims_take", {"rows": rows.encode(claims)})
    winners = {str(row[0]) for row in won}
    lost = [claim for claim in claims if claim[3] not in winners]
    if not lost:
        return {}
    held = yield Step("claims_held", {"rows": rows.encode(lost)})
    holders = {(str(project), key): (fingerprint, str(message)) for project, key, fingerprint, message in held}
    return {
        message: Accepted(message_id=holder[1], replayed=True, clash=holder[0] != fingerprint)
        for project, key, fingerprint, message, _ in lost
        for holder in (holders[project, key],)
    }


def advance(items: list[Sequence[Change]]) -> Script:
    """Rounds, so that no statement meets a message twice: the first step of each message, then the second..."""
    waiting = [change for changes in items for change in changes]
    refused: set[int] = set()
    while waiting:
        this_round, waiting = _first_of_each(waiting)
        refused |= yield from _advance_round(this_round)
    return [[change.event_no not in refused for change in changes] for changes in items]


def _advance_round(changes: list[Change]) -> Generator[Step, Sequence[Row], set[int]]:
    """Take one step of each message; returns the event numbers of those that were refused. The step's event is written
    first, and only where the message is in its prior state: so counting them tells, in the usual case, that every
    step is taken, and nothing has to be read back. A step asked for again after a commit whose answer was lost has its
    event already: it was done, its update meets no prior state, and its callback is there."""
    encoded = _steps(changes)
    ((written,),) = yield Step("messages_advance_events", {"rows": encoded}, counted=True)
    done = changes
    if written < len(changes):
        found = yield Step("messages_advanced", {"rows": encoded})
        numbers = {row[0] for row in found}
        done = [change for change in changes if change.event_no in numbers]
        encoded = _steps(done)
    if written:
        yield Step("messages_advance", {"rows": encoded})
        if any(change.callback_origin for change in done):
            yield Step("messages_advance_callbacks", {"rows": encoded})
        parts = [rows.part_row(part) for change in done for part in change.parts]
        if parts:
            yield Step("parts_put", {"rows": rows.encode(parts)})
    return (
        set()
        if done is changes
        else {change.event_no for change in changes}.difference(change.event_no for change in done)
    )


def _steps(changes: Sequence[Change]) -> str:
    return rows.encode([rows.step(change, change.at + CALLBACK_LEASE_MICROS) for change in changes])


def _first_of_each(changes: list[Change]) -> tuple[list[Change], list[Change]]:
    seen: set[str] = set()
    first: list[Change] = []
    later: list[Change] = []
    for change in changes:
        (later if change.message_id in seen else first).append(change)
        seen.add(change.message_id)
    return first, later


def note(items: list[Sequence[Event]]) -> Script:
    lines = [rows.event(event) for events in items for event in events]
    if lines:
        yield Step("events_insert", {"rows": rows.encode(lines)})
    return [None] * len(items)


def keep_parts(items: list[tuple[Sequence[Part], Sequence[Event], Sequence[PartWait]]]) -> Script:
    """What became of parts of messages whose own state stays, with the lines that say so."""
    latest = {(part.message_id, part.part): part for parts, _, _ in items for part in parts}
    if latest:
        yield Step("parts_put", {"rows": rows.encode([rows.part_row(part) for part in latest.values()])})
    if waits := {wait.message_id: wait for _, _, waits in items for wait in waits}:
        yield Step("part_waits_put", {"rows": rows.encode([rows.part_wait_row(wait) for wait in waits.values()])})
    return (yield from note([events for _, events, _ in items]))


def end_part_waits(items: list[tuple[Sequence[PartWait], Sequence[Event]]]) -> Script:
    if waits := [rows.part_wait_row(wait) for each, _ in items for wait in each]:
        yield Step("part_waits_remove", {"rows": rows.encode(waits)})
    return (yield from note([events for _, events in items]))


def hand_over(items: list[tuple[Sequence[HandOver], Sequence[Event]]]) -> Script:
    """Of a message that is there twice the last word counts: one statement updates a row once. Each item's result is
    the ids of all messages that were found."""
    latest = {each.message.id: each for hand_overs, _ in items for each in hand_overs}
    found: Sequence[Row] = ()
    if latest:
        found = yield Step(
            "messages_hand_over", {"rows": rows.encode([rows.hand_over(each) for each in latest.values()])}
        )
    yield from note([events for _, events in items])
    return [frozenset(str(row[0]) for row in found)] * len(items)


def hold_receipts(items: list[Sequence[HeldReceipt]]) -> Script:
    yield Step("held_put", {"rows": rows.encode([rows.held_row(held) for each in items for held in each])})
    return [None] * len(items)


def release_receipts(items: list[Sequence[HeldReceipt]]) -> Script:
    keys = [(held.carrier, held.receipt.carrier_ref, held.held_no) for each in items for held in each]
    yield Step("held_remove", {"rows": rows.encode(keys)})
    return [None] * len(items)


def keep_pieces(items: list[Piece]) -> Script:
    yield Step("pieces_put", {"rows": rows.encode([rows.piece_row(piece) for piece in items])})
    return [None] * len(items)


def mark_uncertain(items: list[Sequence[tuple[str, str]]]) -> Script:
    yield Step("messages_mark_uncertain", {"rows": rows.encode([pair for pairs in items for pair in pairs])})
    return [None] * len(items)


def add_media(items: list[Sequence[Media]]) -> Script:
    yield Step("media_insert", {"rows": rows.encode([rows.media_row(m) for media in items for m in media])})
    return [None] * len(items)


def settle(items: list[Sequence[CallbackOutcome]]) -> Script:
    encoded = rows.encode([rows.outcome(outcome) for outcomes in items for outcome in outcomes])
    yield Step("callbacks_settle", {"rows": encoded})
    yield Step("callbacks_settle_attempts", {"rows": encoded})
    return [None] * len(items)


def change_record(items: list[tuple[str, dict[str, Any], str]]) -> Script:
    """(query, parameters, event kind): a redaction or a deletion with its line on the timeline."""
    results = []
    for query, parameters, kind in items:
        keys = {name: parameters[name] for name in ("project_id", "message_id", "at")}
        changed = yield Step(query, {name: keys[name] for name in ("project_id", "message_id", "at")})
        if changed:
            yield Step("event_add", keys | {"event_no": parameters["event_no"], "kind": kind})
            if kind == "deleted":
                yield Step("media_delete", keys)
        results.append(bool(changed))
    return results


_OF_A_PROJECT = "project_delete_"
"""How the names of the blocks begin that delete what ends with a project at once, wherever they stand. Its messages
are purged later, in small steps."""


def delete_projects(items: list[tuple[str, int]]) -> Script:
    """(project_id, at) → whether it was a subproject without numbers, and is deleted with what is its own."""
    results = []
    for project_id, at in items:
        yield _HOLD
        gone = yield Step("project_delete", {"project_id": project_id, "at": at})
        if gone:
            for name in sorted(name for name in queries.blocks() if name.startswith(_OF_A_PROJECT)):
                yield Step(name, {"project_id": project_id})
            yield from touch(Key("projects", project_id, project_id))
        results.append(bool(gone))
    return results


_HOLD = Step("directory_hold", {})
"""No other writer changes the directory until this transaction ends. It comes first: so nobody waits in a ring."""


def add_owned(items: list[tuple[str, Sequence[Key], Sequence[Step]]]) -> Script:
    """(project_id, what is touched, how) → whether the project is there, and so it was done."""
    results = []
    for project_id, keys, steps in items:
        yield _HOLD
        there = yield from _is_there(project_id)
        if there:
            for step in steps:  # noqa: UP028 - a sequence can't be sent what a step returned
                yield step
            if keys:
                yield from touch(*keys)
        results.append(there)
    return results


def touch(*keys: Key) -> Generator[Step, Sequence[Row], None]:
    """A new version of the directory, in which these were written or removed."""
    yield Step("directory_changed", {})
    yield Step("directory_touched", {"rows": rows.encode([(key.kind, key.project_id, key.id) for key in keys])})
    yield Step("directory_changes_forget", {"kept": DIRECTORY_CHANGES_KEPT})


def remove_groups(items: list[tuple[str, str]]) -> Script:
    """(project_id, group_id) → whether it was there; its memberships go with it."""
    results = []
    for project_id, group_id in items:
        keys = {"project_id": project_id, "group_id": group_id}
        yield _HOLD
        gone = yield Step("group_remove", keys)
        if gone:
            left = yield Step("memberships_of_group_remove", keys)
            yield from touch(Key("groups", project_id, group_id), *_memberships(project_id, left))
        results.append(bool(gone))
    return results


def _memberships(project_id: str, found: Sequence[Row]) -> list[Key]:
    return [Key("memberships", project_id, str(row[0])) for row in found]


def run(items: list[Sequence[Step]]) -> Script:
    """Plain steps of rare writes; the result is the rows of the last step of each item."""
    results: list[Sequence[Row]] = []
    for steps in items:
        returned: Sequence[Row] = ()
        for step in steps:
            returned = yield step
        results.append(returned)
    return results


def purge(items: list[tuple[str, str, int]]) -> Script:
    """(project_id, before_id, limit) → (how many went, content hashes that may be orphans)."""
    results = []
    for project_id, before, limit in items:
        found = yield Step("purge_candidates", {"project_id": project_id, "before": before, "limit": limit})
        hashes: set[str] = set()
        for _, message_id in found:
            keys = {"project_id": project_id, "message_id": str(message_id)}
            hashes |= {row[0] for row in (yield Step("purge_media", keys))}
            for query in (
                "purge_attempts",
                "purge_callbacks",
                "purge_events",
                "purge_parts",
                "purge_part_waits",
                "purge_messages",
            ):
                yield Step(query, keys)
        results.append((len(found), sorted(hashes)))
    return results


def take_numbers(items: list[Number]) -> Script:
    """Of several who want the same free number the first gets it."""
    results = []
    for number in items:
        taken: Sequence[Row] = ()
        yield _HOLD
        if (yield from _is_there(number.project_id)):
            taken = yield Step("inventory_take", {"number": number.number, "at": number.created_at})
        if taken:
            yield Step("number_put", rows.number_params(number))
            yield from touch(Key("numbers", number.project_id, number.id))
        results.append(bool(taken))
    return results


def release_numbers(items: list[Number]) -> Script:
    """A number goes from its project and from its groups; one of the inventory is free again."""
    results = []
    for number in items:
        yield _HOLD
        gone = yield from _let_go(number)
        if gone:
            yield Step("inventory_give_back", {"number": number.number})
        results.append(gone)
    return results


def move_numbers(items: list[tuple[Number, Number]]) -> Script:
    """Removed and put again: project_id is the key that a schema is distributed by, which no update may change."""
    results = []
    for before, after in items:
        yield _HOLD
        gone = (yield from _is_there(after.project_id)) and (yield from _let_go(before))
        if gone:
            yield Step("number_put", rows.number_params(after))
            yield from touch(Key("numbers", after.project_id, after.id))
        results.append(gone)
    return results


def _is_there(project_id: str) -> Generator[Step, Sequence[Row], bool]:
    """What is written for a deleted project would be nobody's: no token could remove it. A number would be taken for
    good."""
    return bool((yield Step("project_is_there", {"project_id": project_id})))


def _let_go(number: Number) -> Generator[Step, Sequence[Row], bool]:
    keys = {"project_id": number.project_id, "number_id": number.id}
    gone = yield Step("number_remove", keys)
    if gone:
        left = yield Step("memberships_of_number_remove", keys)
        yield from touch(Key("numbers", number.project_id, number.id), *_memberships(number.project_id, left))
    return bool(gone)
