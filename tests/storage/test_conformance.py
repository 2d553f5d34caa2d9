"""What a store must do, whichever database it stands on. Every test here runs unchanged on both."""

import asyncio
import dataclasses
import uuid
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

import pytest
from msgspec.structs import replace

from heliograph import app, config
from heliograph.core.carrier_refs import fold
from heliograph.core.directory import (
    CAPABILITIES,
    SCOPES,
    SWITCHES,
    Application,
    Number,
    NumberGroup,
    Project,
    SmppCredential,
    Token,
)
from heliograph.core.errors import NotFound, StoreUnavailable
from heliograph.core.ids import Uuid7Generator, floor
from heliograph.core.lifecycle import RANK, TRANSITIONS, State
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
    Cursor,
    HandOver,
    HeldReceipt,
    IdempotencyClaim,
    MessageFilter,
    NumberTaken,
    PartWait,
    Receipt,
    Store,
    StoreHeld,
    SystemIdTaken,
    TriesMade,
)

P1 = "11111111-1111-4111-8111-111111111111"
P2 = "22222222-2222-4222-8222-222222222222"
NOW = 1_790_000_000_000_000
DAY = 86_400_000_000
ids = Uuid7Generator(lambda: 7)
numbers = iter(range(10**6, 10**9))


def a_message(at: int = NOW, **changes: object) -> Message:
    message = Message(
        id=ids.next(at),
        project_id=P1,
        direction=Direction.OUTBOUND_API,
        kind=Kind.SMS,
        source=Source.LAML,
        from_number="+12025550101",
        to_number="+12025550199",
        body="Grüße 👋 \\ \" '",
        segments=1,
        state=State.QUEUED,
        created_at=at,
        updated_at=at,
        expires_at=at + 4 * 3600 * 1_000_000,
        callback=Callback(url="http://127.0.0.1:9/cb#rt=100", method="POST"),
    )
    return replace(message, **changes)  # type: ignore[arg-type]


async def accept(store: Store, *messages: Message) -> None:
    await asyncio.gather(*(store.accept(Acceptance(message=m, event_no=next(numbers))) for m in messages))


def a_step(message: Message, after: State, *, at: int = NOW + 1000, **fields: object) -> Change:
    return Change(
        project_id=message.project_id,
        message_id=message.id,
        before=message.state,
        after=after,
        at=at,
        event_no=next(numbers),
        **fields,  # type: ignore[arg-type]
    )


async def moved(store: Store, message: Message, *states: State, **fields: object) -> Message:
    for state in states:
        assert await store.advance([a_step(message, state, **fields)]) == [True]
        found = await store.message(message.project_id, message.id)
        assert found is not None
        message = found
    return message


# -- messages


async def test_a_message_comes_back_as_it_was_kept(store: Store) -> None:
    message = a_message(
        media_urls=("http://example.com/a.png", "http://example.com/b.png"),
        num_media=2,
        kind=Kind.MMS,
        max_price_micros=10_000,
        custom_variables={"a": "ü"},
        group_id="33333333-3333-4333-8333-333333333333",
        source=Source.REALTIME,
        options=SmppOptions(priority=2, tlvs={0x1401: b"\x00\xff"}, reply_ids=("a", "b"), registered_delivery=17),
        tags=("x", "ü"),
        region="us",
        relay_session="signalwire_a_b",
    )
    await accept(store, message)
    assert await store.message(P1, message.id) == message
    assert await store.message(P2, message.id) is None


async def test_an_absent_body_stays_absent(store: Store) -> None:
    message = a_message(body=None)
    await accept(store, message)
    kept = await store.message(P1, message.id)
    assert kept is not None and kept.body is None


async def test_many_writes_at_once_are_all_kept(store: Store) -> None:
    messages = [a_message() for _ in range(500)]
    await accept(store, *messages)
    assert len(await store.page(P1, MessageFilter(), None, 1000)) == 500


async def test_one_refused_write_fails_alone(store: Store) -> None:
    first, second = a_message(), a_message()
    await accept(store, first)
    results = await asyncio.gather(
        store.accept(Acceptance(message=first, event_no=1)),  # its id exists
        store.accept(Acceptance(message=second, event_no=2)),
        return_exceptions=True,
    )
    assert isinstance(results[0], Exception)
    assert await store.message(P1, second.id) == second


async def test_what_cannot_be_encoded_fails_alone(store: Store) -> None:
    """A fault of a door must not take along whoever shares the commit."""
    poison, sound = a_message(body="\ud800"), a_message()
    results = await asyncio.gather(
        store.accept(Acceptance(message=poison, event_no=1)),
        store.accept(Acceptance(message=sound, event_no=2)),
        return_exceptions=True,
    )
    assert isinstance(results[0], Exception) and not isinstance(results[1], Exception)
    assert await store.message(P1, sound.id) == sound


# -- steps


async def test_a_step_writes_state_event_and_callback_together(store: Store) -> None:
    message = a_message()
    await accept(store, message)
    step = a_step(message, State.INITIATED, callback_origin="http://127.0.0.1:9", carrier="loopback")
    assert await store.advance([step]) == [True]
    kept = await store.message(P1, message.id)
    assert kept is not None and kept.state is State.INITIATED and kept.carrier == "loopback"
    assert [entry.state for entry in await store.timeline(P1, message.id)] == ["queued", "initiated"]
    assert [due.state for due in await store.pending_callbacks(P1, message.id)] == [State.INITIATED]


async def test_a_step_from_a_state_that_is_no_more_is_refused_whole(store: Store) -> None:
    message = a_message()
    await accept(store, message)
    initiated = await moved(store, message, State.INITIATED)
    await moved(store, initiated, State.SENT, sent_at=NOW + 5, price_micros=8300, carrier_ref="r1")
    stale = a_step(initiated, State.FAILED, callback_origin="http://x:1", error_code=30008)
    assert await store.advance([stale]) == [False]
    kept = await store.message(P1, message.id)
    assert kept is not None and kept.state is State.SENT and kept.error_code is None and kept.price_micros == 8300
    assert len(await store.timeline(P1, message.id)) == 3
    assert await store.pending_callbacks(P1, message.id) == []


@pytest.mark.parametrize("before", [State.QUEUED, State.INITIATED, State.SENT, State.DELIVERED])
async def test_the_database_takes_the_steps_of_the_table_and_no_other(store: Store, before: State) -> None:
    """Each step from a state, asked of the store alone: it is taken where TRANSITIONS has it."""
    for after in State:
        message = a_message()
        await accept(store, message)
        way = {State.QUEUED: 0, State.INITIATED: 1, State.SENT: 2, State.DELIVERED: 3}[before]
        message = await moved(store, message, *(State.INITIATED, State.SENT, State.DELIVERED)[:way])
        assert message.state is before
        if after not in (State.RECEIVING, State.RECEIVED):  # another CHECK keeps these for inbound messages
            assert await store.advance([a_step(message, after)]) == [after in TRANSITIONS[before]]


async def test_several_steps_of_one_message_in_one_call_keep_their_order(store: Store) -> None:
    message = a_message()
    await accept(store, message)
    initiated = await moved(store, message, State.INITIATED)
    sent = a_step(initiated, State.SENT, sent_at=NOW + 7, carrier_ref="ref", callback_origin="http://x:1")
    delivered = a_step(replace(initiated, state=State.SENT), State.DELIVERED, callback_origin="http://x:1")
    assert await store.advance([sent, delivered]) == [True, True]
    assert [due.state for due in await store.pending_callbacks(P1, message.id)] == [State.SENT, State.DELIVERED]


async def test_a_step_asked_for_again_counts_as_done(store: Store) -> None:
    """The commit was there, its answer was lost: the same step again is no second step."""
    message = a_message()
    await accept(store, message)
    step = a_step(message, State.INITIATED, callback_origin="http://x:1")
    assert await store.advance([step]) == [True]
    assert await store.advance([step]) == [True]
    assert len(await store.timeline(P1, message.id)) == 2
    assert len(await store.pending_callbacks(P1, message.id)) == 1


async def test_an_uncertain_mark_stays(store: Store) -> None:
    message = a_message()
    await accept(store, message)
    initiated = await moved(store, message, State.INITIATED)
    await store.mark_uncertain([(P1, message.id)])
    await moved(store, initiated, State.SENT)
    kept = await store.message(P1, message.id)
    assert kept is not None and kept.uncertain


# -- idempotency


async def test_a_claimed_key_stands_for_its_first_message(store: Store) -> None:
    first, second, third = a_message(), a_message(), a_message(project_id=P2)
    claim = IdempotencyClaim(key="k", fingerprint="f")
    assert (await store.accept(Acceptance(message=first, event_no=1, claim=claim))).message_id == first.id
    again = await store.accept(Acceptance(message=second, event_no=2, claim=claim))
    assert (again.message_id, again.replayed, again.clash) == (first.id, True, False)
    assert await store.message(P1, second.id) is None
    clash = await store.accept(
        Acceptance(message=second, event_no=3, claim=IdempotencyClaim(key="k", fingerprint="other"))
    )
    assert clash.clash
    elsewhere = await store.accept(Acceptance(message=third, event_no=4, claim=claim))
    assert elsewhere.message_id == third.id and not elsewhere.replayed


async def test_of_many_claims_at_once_one_wins(store: Store) -> None:
    claim = IdempotencyClaim(key="k", fingerprint="f")
    outcomes = await asyncio.gather(
        *(store.accept(Acceptance(message=a_message(), event_no=n, claim=claim)) for n in range(1, 40))
    )
    assert len({outcome.message_id for outcome in outcomes}) == 1
    assert sum(not outcome.replayed for outcome in outcomes) == 1
    assert len(await store.page(P1, MessageFilter(), None, 100)) == 1


async def test_claims_are_forgotten(store: Store) -> None:
    claim = IdempotencyClaim(key="k", fingerprint="f")
    await store.accept(Acceptance(message=a_message(), event_no=1, claim=claim))
    await store.forget_claims(NOW + 1)
    assert not (await store.accept(Acceptance(message=a_message(), event_no=2, claim=claim))).replayed


# -- pages


async def test_pages_go_by_id_both_ways(store: Store) -> None:
    messages = [a_message(NOW + n) for n in range(20)]
    await accept(store, *messages, a_message(project_id=P2))
    newest_first = [m.id for m in reversed(messages)]
    page = await store.page(P1, MessageFilter(), None, 5)
    assert [m.id for m in page] == newest_first[:5]
    after = await store.page(P1, MessageFilter(), Cursor(id=page[-1].id), 5)
    assert [m.id for m in after] == newest_first[5:10]
    before = await store.page(P1, MessageFilter(), Cursor(id=after[0].id, backward=True), 3)
    assert [m.id for m in before] == newest_first[2:5]


async def test_each_filter_finds_its_own(store: Store) -> None:
    sent = await_sent = a_message(NOW, to_number="+12025550111")
    other = a_message(NOW + 1, from_number="+12025550102")
    await accept(store, sent, other)
    sent = await moved(store, await_sent, State.INITIATED)
    await moved(store, sent, State.SENT, sent_at=NOW + DAY)

    async def found(**wanted: object) -> list[str]:
        return [m.id for m in await store.page(P1, MessageFilter(**wanted), None, 10)]  # type: ignore[arg-type]

    assert await found(to_number="+12025550111") == [sent.id]
    assert await found(from_number="+12025550102") == [other.id]
    assert await found(state=State.SENT) == [sent.id]
    assert await found(state=State.QUEUED, to_number="+12025550111") == []
    day = (NOW + DAY) // DAY * DAY
    assert await found(sent_from=day, sent_before=day + DAY) == [sent.id]
    assert await found(sent_from=day + DAY) == []
    assert await found(sent_before=day) == []
    assert await found(sent_from=NOW + DAY, sent_before=NOW + DAY + 1) == [sent.id]
    assert await found(created_from=NOW + 10_000) == []
    assert set(await found(created_before=NOW + 10_000)) == {sent.id, other.id}


async def test_deleted_messages_leave_pages_but_their_cursor_works(store: Store) -> None:
    messages = [a_message(NOW + n, state=State.RECEIVING, direction=Direction.INBOUND) for n in range(6)]
    await accept(store, *messages)
    for message in messages:
        await moved(store, message, State.RECEIVED)
    assert await store.delete(P1, messages[3].id, NOW + 9, 1)
    assert not await store.delete(P1, messages[3].id, NOW + 9, 2)
    page = await store.page(P1, MessageFilter(), Cursor(id=messages[3].id), 2)
    assert [m.id for m in page] == [messages[2].id, messages[1].id]
    assert messages[3].id not in [m.id for m in await store.page(P1, MessageFilter(), None, 10)]
    with_deleted = await store.page(P1, MessageFilter(include_deleted=True), None, 10)
    assert messages[3].id in [m.id for m in with_deleted]


# -- redaction and deletion


async def test_redaction_empties_the_body_only_when_the_message_is_through(store: Store) -> None:
    message = a_message()
    await accept(store, message)
    assert not await store.redact(P1, message.id, NOW + 1, 1)
    await moved(store, message, State.FAILED, error_code=30001)
    assert not await store.redact(P2, message.id, NOW + 1, 1)
    assert await store.redact(P1, message.id, NOW + 2, next(numbers))
    kept = await store.message(P1, message.id)
    assert kept is not None and kept.body == "" and kept.redacted and kept.updated_at == NOW + 2
    assert [entry.kind for entry in await store.timeline(P1, message.id)] == ["state", "state", "redacted"]


async def test_a_redacted_body_is_nowhere_in_the_sqlite_file(
    store: Store, tmp_path: Path, store_url: str | None
) -> None:
    if store_url is not None:
        return  # PostgreSQL's pages are vacuum's; documented
    secret = "the-secret-that-must-go-" * 20
    message = a_message(body=secret)
    await accept(store, message)
    await moved(store, message, State.FAILED)
    assert any(b"the-secret-that-must-go" in file.read_bytes() for file in tmp_path.iterdir())
    await store.redact(P1, message.id, NOW, 1)
    await store.turn_over()
    for file in tmp_path.iterdir():
        assert b"the-secret-that-must-go" not in file.read_bytes(), file.name


async def test_an_abandoned_store_answers_at_once(store: Store) -> None:
    waiting = asyncio.create_task(accept(store, a_message()))
    await asyncio.sleep(0)
    store.abandon()
    for refused in (waiting, accept(store, a_message())):
        with pytest.raises(StoreUnavailable):
            await refused


async def test_deletion_takes_the_media_along(store: Store) -> None:
    message = a_message(state=State.RECEIVING, direction=Direction.INBOUND)
    media = a_medium(message)
    await store.accept(Acceptance(message=message, event_no=1, media=(media,)))
    assert not await store.delete(P1, message.id, NOW, 2)
    await moved(store, message, State.RECEIVED)
    assert await store.orphaned_files([media.sha256]) == []
    assert await store.delete(P1, message.id, NOW, 3)
    assert await store.media(P1, message.id, media.id) is None
    assert await store.orphaned_files([media.sha256]) == [media.sha256]


# -- media


def a_medium(message: Message, position: int = 0) -> Media:
    return Media(
        id=f"44444444-4444-4444-8444-44444444444{position}",
        project_id=message.project_id,
        message_id=message.id,
        position=position,
        content_type="image/png",
        size=10,
        sha256="ab" * 32,
        created_at=NOW,
        updated_at=NOW,
    )


async def test_media_are_listed_in_their_order_and_removed_one_by_one(store: Store) -> None:
    message = a_message()
    await accept(store, message)
    media = [a_medium(message, 1), a_medium(message, 0)]
    await store.add_media(media)
    await store.add_media(media)  # again, after a lost answer
    assert [m.position for m in await store.media_of(P1, message.id)] == [0, 1]
    assert await store.media(P1, message.id, media[0].id) == media[0]
    assert await store.remove_media(P1, message.id, media[0].id, NOW)
    assert not await store.remove_media(P1, message.id, media[0].id, NOW)
    assert [m.position for m in await store.media_of(P1, message.id)] == [0]


# -- what a node goes on with


async def test_open_messages_are_found_by_state_in_order(store: Store) -> None:
    messages = [a_message(NOW + n) for n in range(5)]
    await accept(store, *messages)
    await moved(store, messages[0], State.INITIATED)
    assert [m.id for m in await store.queued_after(floor(0), 2)] == [messages[1].id, messages[2].id]
    assert [m.id for m in await store.queued_after(messages[2].id, 9)] == [messages[3].id, messages[4].id]
    assert [m.id for m in await store.open_messages(State.INITIATED, floor(0), 9)] == [messages[0].id]
    assert await store.queued_counts() == {P1: 4}


async def test_expired_messages_are_found_while_they_are_under_way(store: Store) -> None:
    late, early, sent = a_message(), a_message(expires_at=NOW + 5), a_message(expires_at=NOW + 6)
    await accept(store, late, early, sent)
    await moved(store, sent, State.INITIATED, State.SENT)
    assert [each.message.id for each in await store.expired(NOW + 10, (-1, floor(0)), 10)] == [early.id]


async def test_expired_messages_are_paged_by_the_end_of_their_validity_then_by_id(store: Store) -> None:
    messages = [a_message(NOW + n, expires_at=NOW + 9 - n // 2) for n in range(6)]
    await accept(store, *messages)
    after, found = (-1, floor(0)), list[str]()
    while page := await store.expired(NOW + 10, after, 1):
        found.append(page[0].message.id)
        after = (page[0].message.expires_at, page[0].message.id)
    assert found == [each.id for each in sorted(messages, key=lambda each: (each.expires_at, each.id))]


async def test_a_message_is_found_by_its_carriers_reference(store: Store) -> None:
    message = a_message()
    await accept(store, message)
    await moved(store, await moved(store, message, State.INITIATED), State.SENT, carrier="loopback", carrier_ref="r")
    (found,) = await store.by_carrier_ref("loopback", "r", 10)
    assert found is not None and found.id == message.id
    assert await store.by_carrier_ref("other", "r", 10) == []


async def test_messages_of_one_key_are_found_newest_first(store: Store) -> None:
    references = ("1f3d-5B79", "001F3d5b79", "1f3d5b7", "1F3D5B79")
    messages = [a_message(NOW + number) for number in range(len(references))]
    await accept(store, *messages)
    for message, reference in zip(messages, references, strict=True):
        handed = await moved(store, message, State.INITIATED)
        await moved(store, handed, State.SENT, carrier="one", carrier_ref=reference)
    found = await store.by_carrier_ref("one", fold("1F3D5B79"), 10)
    assert [each.carrier_ref for each in found] == ["1F3D5B79", "001F3d5b79", "1f3d-5B79"]
    assert [each.carrier_ref for each in await store.by_carrier_ref("one", fold("1F3D5B79"), 2)] == [
        "1F3D5B79", "001F3d5b79"
    ]  # fmt: skip


# -- callbacks


async def with_callbacks(store: Store) -> Message:
    message = a_message()
    await accept(store, message)
    origin = {"callback_origin": "http://x:1"}
    initiated = await moved(store, message, State.INITIATED, **origin)
    return await moved(store, initiated, State.SENT, **origin)


def an_outcome(message: Message, rank: int, status: str, next_at: int = NOW, attempt: int = 1) -> CallbackOutcome:
    return CallbackOutcome(
        project_id=P1,
        message_id=message.id,
        rank=rank,
        attempt=attempt,
        at=NOW,
        status=status,
        next_at=next_at,
        http_status=200,
        error=None if status == "delivered" else "answered 500",
        duration_ms=3,
    )


async def test_a_fresh_callback_belongs_to_its_process_until_released(store: Store) -> None:
    await with_callbacks(store)
    assert await store.due_origins(NOW + 2000, "", 10) == []
    await store.release_callbacks(NOW + 2000)
    assert await store.due_origins(NOW + 2000, "", 10) == ["http://x:1"]


async def test_origins_are_asked_for_in_pieces(store: Store) -> None:
    for place in range(3):
        message = a_message()
        await accept(store, message)
        await moved(store, message, State.INITIATED, callback_origin=f"http://x:{place}")
    await in_sequence(store, "ann")
    await store.release_callbacks(NOW + 2000)
    assert await store.due_origins(NOW + 2000, "", 2) == ["http://x:0", "http://x:1"]
    assert await store.due_origins(NOW + 2000, "http://x:1", 2) == ["http://x:2"]


async def test_only_the_first_pending_callback_of_a_message_is_due(store: Store) -> None:
    message = await with_callbacks(store)
    await store.release_callbacks(NOW + 2000)

    async def due() -> list[State]:
        found = await store.due_callbacks("http://x:1", NOW + 2000, NOW + 2000, 10)
        return [each.state for each in found]

    assert await due() == [State.INITIATED]
    await store.settle_callbacks([an_outcome(message, 1, "pending", NOW + DAY)])
    assert await due() == []
    await store.settle_callbacks([an_outcome(message, 1, "delivered", attempt=2)])
    assert await due() == [State.SENT]
    await store.settle_callbacks([an_outcome(message, 2, "delivered")])
    assert await due() == []


async def test_dead_callbacks_are_listed_and_replayed(store: Store) -> None:
    message = await with_callbacks(store)
    await store.settle_callbacks([an_outcome(message, 1, "dead")])
    (record,) = await store.callbacks(P1, "dead", 10)
    assert (record.message_id, record.state, record.last_error) == (message.id, State.INITIATED, "answered 500")
    assert await store.callbacks(P2, "dead", 10) == []
    first = (floor(0), -1)
    assert await store.replay_callbacks(P1, None, NOW + 1, after=first, limit=9) == [(message.id, 1)]
    assert await store.callbacks(P1, "dead", 10) == []
    assert [d.state for d in await store.due_callbacks("http://x:1", NOW + 1, NOW + 1, 10)] == [State.INITIATED]


async def test_dead_callbacks_are_replayed_in_slices_and_each_once(store: Store) -> None:
    messages = [await with_callbacks(store) for _ in range(3)]
    dead = [(message.id, rank) for message in messages for rank in (1, 2)]
    await store.settle_callbacks([an_outcome(message, rank, "dead") for message in messages for rank in (1, 2)])
    replayed: list[tuple[str, int]] = []
    after = (floor(0), -1)
    while found := await store.replay_callbacks(P1, None, NOW + 1, after=after, limit=2):
        replayed += found
        after = found[-1]
        await store.settle_callbacks([an_outcome(messages[0], 1, "dead")])  # it fails again at once
    assert replayed == dead
    assert [record.message_id for record in await store.callbacks(P1, "dead", 10)] == [messages[0].id]


async def test_replay_of_one_message_leaves_the_others_dead(store: Store) -> None:
    one, other = await with_callbacks(store), await with_callbacks(store)
    await store.settle_callbacks([an_outcome(each, 1, "dead") for each in (one, other)])
    assert await store.replay_callbacks(P1, one.id, NOW + 1, after=(floor(0), -1), limit=9) == [(one.id, 1)]
    assert [record.message_id for record in await store.callbacks(P1, "dead", 10)] == [other.id]


async def test_timeline_returns_the_newest_lines_oldest_first(store: Store) -> None:
    message = a_message()
    await accept(store, message)
    lines = [Event(project_id=P1, message_id=message.id, event_no=NOW + n, at=NOW + n, kind=f"k{n}") for n in range(10)]
    await store.note(lines)
    assert [entry.kind for entry in await store.timeline(P1, message.id, 3)] == ["k7", "k8", "k9"]


async def in_sequence(store: Store, sequence: str, *, origin: str = "relay:x:office", at: int = NOW) -> Message:
    message = a_message(at=at, direction=Direction.INBOUND, state=State.RECEIVING)
    await accept(store, message)
    fields = {"callback_origin": origin, "callback_sequence": sequence}
    await store.advance([a_step(message, State.RECEIVED, at=at, **fields)])
    return message


async def test_a_sequence_is_read_from_its_first_on_and_nowhere_else(store: Store) -> None:
    first, second = await in_sequence(store, "ann"), await in_sequence(store, "ann")
    other = await in_sequence(store, "bob")
    await in_sequence(store, "ann", origin="relay:x:other")
    await with_callbacks(store)
    assert await store.sequence_origins("", 10) == ["relay:x:office", "relay:x:other"]
    assert await store.sequence_origins("relay:x:office", 10) == ["relay:x:other"]
    assert await store.sequences("relay:x:office", "", 10) == ["ann", "bob"]
    assert await store.sequences("relay:x:office", "", 1) == ["ann"]
    assert await store.sequences("relay:x:office", "ann", 10) == ["bob"]
    heads = await store.sequence_heads("relay:x:office", ["bob", "ann", "nobody"])
    assert {(due.sequence, due.message.id) for due in heads} == {("ann", first.id), ("bob", other.id)}
    listed = await store.sequence_first("relay:x:office", "ann", 10)
    assert [due.message.id for due in listed] == [first.id, second.id]
    assert await store.due_callbacks("relay:x:office", NOW + DAY, NOW + DAY, 10) == []
    await store.release_callbacks(NOW + DAY)
    assert await store.due_origins(NOW + DAY, "", 10) == ["http://x:1"]


async def test_the_first_of_a_sequence_holds_it_until_it_is_settled(store: Store) -> None:
    first, second = await in_sequence(store, "ann"), await in_sequence(store, "ann")
    await store.settle_callbacks([an_outcome(first, RANK[State.RECEIVED], "pending", NOW + DAY)])
    (head,) = await store.sequence_heads("relay:x:office", ["ann"])
    assert (head.message.id, head.attempts, head.next_at) == (first.id, 1, NOW + DAY)
    await store.settle_callbacks([an_outcome(first, RANK[State.RECEIVED], "delivered", attempt=2)])
    (head,) = await store.sequence_heads("relay:x:office", ["ann"])
    assert head.message.id == second.id
    assert [due.message.id for due in await store.sequence_first("relay:x:office", "ann", 10)] == [second.id]


async def test_what_waited_too_long_is_buried_by_the_number(store: Store) -> None:
    old = [await in_sequence(store, "ann") for _ in range(3)]
    young = await in_sequence(store, "ann", at=NOW + 500)
    assert await store.bury_callbacks("smpp", NOW, NOW + 1, "nobody", 10) == 0
    assert await store.bury_callbacks("relay", NOW, NOW + 1, "nobody", 2) == 2
    assert await store.bury_callbacks("relay", NOW, NOW + 1, "nobody", 2) == 1
    dead = await store.callbacks(P1, "dead", 10)
    assert {row.message_id for row in dead} == {each.id for each in old}
    assert {(row.attempts, row.last_error) for row in dead} == {(1, "nobody")}
    assert [due.message.id for due in await store.sequence_first("relay:x:office", "ann", 10)] == [young.id]


# -- the directory


def a_project(project_id: str = P1, parent_id: str | None = None) -> Project:
    return Project(id=project_id, parent_id=parent_id, name="p", signing_key="PSKx", created_at=NOW, updated_at=NOW)


def a_number(number: str, number_id: str, project_id: str = P1) -> Number:
    return Number(
        project_id=project_id,
        id=number_id,
        number=number,
        name="n",
        capabilities=CAPABILITIES,
        created_at=NOW,
        updated_at=NOW,
        settings={"sms_url": "http://example.com/", "sms_method": None},
    )


async def test_the_directory_comes_back_and_its_version_rises(store: Store) -> None:
    token = Token(project_id=P1, id=P2, name="t", scopes=SCOPES, sha256="aa" * 32, created_at=NOW, updated_at=NOW)
    number = a_number("+12025550101", "55555555-5555-4555-8555-555555555555")
    application = Application(project_id=P1, id=P2, name="a", created_at=NOW, updated_at=NOW, settings={"x": "y"})
    versions = [await store.directory_version()]
    await store.add_project(a_project(), token, [number])
    versions.append(await store.directory_version())
    await store.put_application(application)
    versions.append(await store.directory_version())
    snapshot = await store.directory()
    assert snapshot.projects == (a_project(),)
    assert snapshot.tokens == (token,)
    assert snapshot.numbers == (number,)
    assert snapshot.applications == (application,)
    assert await store.remove_token(P1, P2) and not await store.remove_token(P1, P2)
    assert await store.remove_application(P1, P2) and not await store.remove_application(P1, P2)
    versions.append(await store.directory_version())
    assert versions == sorted(set(versions))


async def test_a_project_is_changed_where_it_is_there(store: Store) -> None:
    await store.add_project(a_project(), None, [])
    before = await store.directory_version()
    changed = dataclasses.replace(
        a_project(), name="q", signing_key="PSKy", updated_at=NOW + 1, switches=frozenset(SWITCHES[:2])
    )
    assert await store.update_project(changed)
    assert not await store.update_project(dataclasses.replace(changed, id=P2))
    snapshot = await store.directory()
    assert snapshot.projects == (changed,)
    assert snapshot.version > before


async def with_a_subproject(store: Store, number: str | None = None) -> Token:
    """P2 below P1, with one of everything."""
    token = Token(project_id=P2, id=P1, name="t", scopes=SCOPES, sha256="bb" * 32, created_at=NOW, updated_at=NOW)
    await store.add_project(a_project(), dataclasses.replace(token, project_id=P1, sha256="aa" * 32), [])
    await store.add_project(a_project(P2, P1), token, [] if number is None else [a_number(number, P2, P2)])
    application = Application(project_id=P2, id=P1, name="a", created_at=NOW, updated_at=NOW)
    await store.put_application(application)
    await store.add_smpp_credential(a_credential(project_id=P2))
    await store.add_script(a_script(1, P2))
    return token


async def test_a_deleted_subproject_goes_with_what_is_its_own(store: Store) -> None:
    await with_a_subproject(store)
    message = a_message(project_id=P2)
    await accept(store, message)
    await moved(store, message, State.FAILED)
    before = await store.directory_version()
    assert await store.delete_project(P2, NOW)
    assert not await store.delete_project(P2, NOW)
    snapshot = await store.directory()
    assert snapshot.version > before
    assert [project.id for project in snapshot.projects] == [P1]
    assert [token.project_id for token in snapshot.tokens] == [P1]
    assert (snapshot.applications, snapshot.smpp_credentials) == ((), ())
    assert await store.public_script(a_script(1).id) is None
    assert not await store.update_project(a_project(P2, P1))
    assert await store.deleted_projects(10) == [P2]
    await store.forget_project(P2)
    assert await store.deleted_projects(10) == [P2], "it has a message yet"
    assert (await store.purge(P2, NOW + 86_400_000_000, 10))[0] == 1
    await store.forget_project(P2)
    assert await store.deleted_projects(10) == []
    assert await store.message(P2, message.id) is None


async def test_only_a_subproject_without_numbers_is_deleted(store: Store) -> None:
    await with_a_subproject(store, "+12025550101")
    assert not await store.delete_project(P1, NOW)
    assert not await store.delete_project(P2, NOW)
    snapshot = await store.directory()
    assert [project.id for project in snapshot.projects] == [P1, P2]
    assert len(snapshot.tokens) == 2
    await store.forget_project(P2)
    assert len((await store.directory()).projects) == 2


async def test_an_update_changes_what_is_there(store: Store) -> None:
    token = Token(project_id=P1, id=P2, name="t", scopes=SCOPES, sha256="aa" * 32, created_at=NOW, updated_at=NOW)
    number = a_number("+12025550101", "55555555-5555-4555-8555-555555555555")
    application = Application(project_id=P1, id=P2, name="a", created_at=NOW, updated_at=NOW, settings={"x": "y"})
    await store.add_project(a_project(), token, [number])
    await store.put_application(application)
    token = dataclasses.replace(token, name="T", scopes=("numbers",), updated_at=NOW + 1)
    number = dataclasses.replace(number, name="N", settings={}, updated_at=NOW + 1)
    application = dataclasses.replace(application, name="A", settings={}, updated_at=NOW + 1)
    before = await store.directory_version()
    assert await store.update_token(token)
    assert await store.update_number(number)
    assert await store.update_application(application)
    snapshot = await store.directory()
    assert (snapshot.tokens, snapshot.numbers, snapshot.applications) == ((token,), (number,), (application,))
    assert snapshot.version == before + 3


async def test_an_update_brings_nothing_back_that_was_removed(store: Store) -> None:
    token = Token(project_id=P1, id=P2, name="t", scopes=SCOPES, sha256="aa" * 32, created_at=NOW, updated_at=NOW)
    application = Application(project_id=P1, id=P2, name="a", created_at=NOW, updated_at=NOW, settings={})
    await store.add_project(a_project(), token, [])
    await store.put_application(application)
    assert await store.remove_token(P1, P2) and await store.remove_application(P1, P2)
    assert not await store.update_token(token)
    assert not await store.update_application(application)
    assert not await store.update_number(a_number("+12025550101", P2))
    snapshot = await store.directory()
    assert (snapshot.tokens, snapshot.numbers, snapshot.applications) == ((), (), ())


async def test_a_number_belongs_to_one(store: Store) -> None:
    await store.add_project(a_project(), None, [a_number("+12025550101", P1)])
    with pytest.raises(NumberTaken):
        await store.add_project(a_project(P2), None, [a_number("+12025550101", P2, P2)])
    assert [p.id for p in (await store.directory()).projects] == [P1]
    await store.add_project(a_project(P2), None, [])
    with pytest.raises(NumberTaken):
        await store.put_number(a_number("+12025550101", P2, P2))


async def two_projects(store: Store) -> None:
    for project_id in (P1, P2):
        await store.add_project(a_project(project_id), None, [])


Write = Callable[[Store], Awaitable[None]]

NEW: Mapping[str, Write] = {
    "token": lambda store: store.put_token(
        Token(project_id=P2, id=P1, name="t", scopes=SCOPES, sha256="cc" * 32, created_at=NOW, updated_at=NOW)
    ),
    "number": lambda store: store.put_number(a_number("+12025550101", P2, P2)),
    "application": lambda store: store.put_application(
        Application(project_id=P2, id=P1, name="a", created_at=NOW, updated_at=NOW)
    ),
    "group": lambda store: store.put_group(
        NumberGroup(project_id=P2, id=P1, name="g", sticky_sender=False, created_at=NOW, updated_at=NOW)
    ),
    "credential": lambda store: store.add_smpp_credential(a_credential(project_id=P2)),
    "script": lambda store: store.add_script(a_script(1, P2)),
}


@pytest.mark.parametrize("write", NEW.values(), ids=NEW)
async def test_nothing_new_comes_to_a_project_that_is_gone(store: Store, write: Write) -> None:
    await store.add_project(a_project(), None, [])
    await store.add_project(a_project(P2, P1), None, [])
    assert await store.delete_project(P2, NOW)
    before = await store.directory_version()
    with pytest.raises(NotFound):
        await write(store)
    assert await store.directory_version() == before
    assert (await store.directory()).numbers == ()
    assert await store.script(P2, a_script(1).id) is None


async def test_a_number_that_comes_while_its_project_goes_is_not_left_behind(
    store: Store, tmp_path: Path, store_url: str | None
) -> None:
    """The command line writes by a connection of its own. Whichever of the two is first, the other is refused."""
    settings = config.load({"data": str(tmp_path), "database_url": store_url}, {})
    beside = app.make_store(settings, exclusive=False)
    await beside.open()
    await store.add_project(a_project(), None, [])
    try:
        for turn in range(40):
            child, number = str(uuid.uuid4()), f"+1202556{turn:04d}"
            await store.add_project(a_project(child, P1), None, [])
            outcomes = await asyncio.gather(
                beside.put_number(a_number(number, str(uuid.uuid4()), child)),
                store.delete_project(child, NOW),
                return_exceptions=True,
            )
            assert [type(outcomes[0]), outcomes[1]] in ([type(None), False], [NotFound, True])
    finally:
        await beside.close()


async def test_the_space_has_one_id_for_good(store: Store) -> None:
    assert await store.space_id(P1) == P1
    assert await store.space_id(P2) == P1


async def test_projects_of_routes_are_replaced_whole(store: Store) -> None:
    assert await store.route_projects() == {}
    await store.put_route_projects({"Alice": P1, "B\u00f6b \u2603": P2})
    assert await store.route_projects() == {"Alice": P1, "B\u00f6b \u2603": P2}
    await store.put_route_projects({})
    assert await store.route_projects() == {}


# -- housekeeping


async def test_purging_removes_settled_messages_and_keeps_open_ones(store: Store) -> None:
    own_ids = Uuid7Generator(lambda: 9)  # the module's own has passed these moments
    old, open_ = (a_message(NOW - DAY, id=own_ids.next(NOW - DAY)) for _ in range(2))
    new = a_message(NOW)
    await accept(store, old, open_, new)
    await moved(store, old, State.FAILED)
    assert (await store.purge(P1, NOW - 1, 10))[0] == 1
    assert await store.message(P1, old.id) is None
    assert await store.timeline(P1, old.id) == []
    assert {m.id for m in await store.page(P1, MessageFilter(), None, 10)} == {open_.id, new.id}


async def test_notes_stand_on_the_timeline(store: Store) -> None:
    message = a_message()
    await accept(store, message)
    note = Event(
        project_id=P1, message_id=message.id, event_no=next(numbers), at=NOW, kind="handler_fault", error_code=11200
    )
    await store.note([note])
    assert [(e.kind, e.error_code) for e in await store.timeline(P1, message.id)][-1] == ("handler_fault", 11200)


async def test_a_second_server_is_refused(store: Store, tmp_path: Path, store_url: str | None) -> None:
    second = app.make_store(config.load({"data": str(tmp_path), "database_url": store_url}, {}), exclusive=True)
    with pytest.raises(StoreHeld):
        await second.open()
    beside = app.make_store(config.load({"data": str(tmp_path), "database_url": store_url}, {}), exclusive=False)
    await beside.open()
    await beside.add_project(a_project(), None, [])
    assert [p.id for p in (await store.directory()).projects] == [P1]
    await beside.close()
    await store.ping()


# -- carriers: hands, parts, held receipts, pieces


async def test_a_message_is_in_a_carriers_hands_or_with_us(store: Store) -> None:
    message = a_message()
    await accept(store, message)
    initiated = await moved(store, message, State.INITIATED, carrier="one")
    assert [m.id for m in await store.in_doubt(floor(0), 1000)].count(message.id) == 1
    event = Event(project_id=P1, message_id=message.id, event_no=next(numbers), at=NOW, kind="deferred")
    deferral = HandOver(message=initiated, deferred=True, carrier="two", retry_at=NOW, tries=TriesMade(total=2))
    assert await store.hand_over([deferral], [event]) == {message.id}
    assert await deferred_at(store, "two", until=NOW) == [message.id]
    assert message.id not in [m.id for m in await store.in_doubt(floor(0), 1000)]
    kept = await store.message(P1, message.id)
    assert kept is not None and kept.carrier == "two"
    assert await store.hand_over([HandOver(message=initiated, deferred=False)], []) == {message.id}
    assert await deferred_at(store, "two") == []
    assert message.id in [m.id for m in await store.in_doubt(floor(0), 1000)]
    kept = await store.message(P1, message.id)
    assert kept is not None and kept.carrier == "two"
    assert [entry.kind for entry in await store.timeline(P1, message.id)][-1] == "deferred"


async def deferred_at(store: Store, carrier: str, *, until: int = 2**62, project_id: str = P1) -> list[str]:
    """The ids of a project's deferred messages at a carrier, in pages of two."""
    found: list[str] = []
    after = (-1, floor(0))
    while page := await store.deferred(carrier, project_id, until=until, after=after, limit=2):
        found += [each.message.id for each in page]
        after = (page[-1].retry_at, page[-1].message.id)
    return found


async def test_deferred_messages_are_read_by_project_in_the_order_of_their_tries(store: Store) -> None:
    made = [await moved_at(store, "one") for _ in range(5)]
    other = await moved_at(store, "one", project_id=P2)
    tries = TriesMade(total=3, here=1, resent=2, carriers=("one", "two"))
    times = (50, 10, 30, 10, 90)
    deferrals = [
        HandOver(message=message, deferred=True, retry_at=NOW + at, tries=tries)
        for message, at in zip(made, times, strict=True)
    ]
    await store.hand_over([*deferrals, HandOver(message=other, deferred=True, retry_at=NOW)], [])
    in_order = [made[place].id for place in (1, 3, 2, 0)]
    assert await deferred_at(store, "one", until=NOW + 50) == in_order
    assert await deferred_at(store, "one", project_id=P2) == [other.id]
    (first,) = await store.deferred("one", P1, until=NOW + 20, after=(-1, floor(0)), limit=1)
    assert (first.message, first.retry_at, first.tries, first.partly) == (made[1], NOW + 10, tries, False)
    counts = {each.project_id: (each.carrier, each.count, each.retry_at) for each in await store.deferred_counts()}
    assert counts == {P1: ("one", 5, NOW + 10), P2: ("one", 1, NOW)}


async def test_what_was_tried_stays_with_a_message_that_is_handed_over(store: Store) -> None:
    message = await moved_at(store, "one")
    tries = TriesMade(total=7)
    await store.hand_over([HandOver(message=message, deferred=True, tries=tries)], [])
    await store.hand_over([HandOver(message=message, deferred=False)], [])
    await store.hand_over([HandOver(message=message, deferred=True)], [])
    (found,) = await store.deferred("one", P1, until=NOW, after=(-1, floor(0)), limit=9)
    assert found.tries == tries


async def test_an_ended_message_is_neither_handed_over_nor_deferred(store: Store) -> None:
    message = await moved_at(store, "one")
    await store.hand_over([HandOver(message=message, deferred=True)], [])
    await moved(store, message, State.FAILED)
    assert await store.hand_over([HandOver(message=message, deferred=False)], []) == frozenset()
    assert await deferred_at(store, "one") == [] and await store.deferred_counts() == []


@pytest.mark.parametrize("partly", [True, False])
async def test_an_expired_message_tells_whether_it_is_deferred_and_partly_accepted(store: Store, partly: bool) -> None:
    message = await moved_at(store, "one")
    await store.hand_over([HandOver(message=message, deferred=True)], [])
    if partly:
        await store.keep_parts([a_part(message, 1)], [])
    (found,) = await store.expired(message.expires_at, (-1, floor(0)), 9)
    assert (found.message.id, found.deferred, found.partly) == (message.id, True, partly)
    (read,) = await store.deferred("one", P1, until=NOW, after=(-1, floor(0)), limit=9)
    assert read.partly is partly


async def moved_at(store: Store, carrier: str, **changes: object) -> Message:
    """A message that was handed to a carrier."""
    message = a_message(**changes)  # type: ignore[arg-type]
    await accept(store, message)
    return await moved(store, message, State.INITIATED, carrier=carrier)


def a_part(message: Message, part: int, state: State = State.SENT, **changes: object) -> Part:
    made = Part(
        project_id=message.project_id,
        message_id=message.id,
        part=part,
        total=2,
        state=state,
        carrier="one",
        carrier_ref=f"{message.id}-{part}",
        updated_at=NOW,
    )
    return replace(made, **changes)  # type: ignore[arg-type]


async def test_parts_are_written_with_the_step_that_sends_them(store: Store) -> None:
    message = a_message(segments=2)
    await accept(store, message)
    parts = (a_part(message, 1), a_part(message, 2))
    await moved(store, await moved(store, message, State.INITIATED), State.SENT, carrier="one", parts=parts)
    assert await store.parts_of(P1, message.id) == list(parts)
    assert await store.parts_by_carrier_ref("one", fold(parts[1].carrier_ref), 10) == [parts[1]]
    assert await store.parts_by_carrier_ref("two", fold(parts[1].carrier_ref), 10) == []


async def test_a_parts_outcome_is_kept_and_never_taken_back(store: Store) -> None:
    message = a_message(segments=2)
    await accept(store, message)
    await store.keep_parts([a_part(message, 1)], [])
    delivered = a_part(message, 1, State.DELIVERED)
    await store.keep_parts([delivered], [])
    await store.keep_parts([a_part(message, 1), a_part(message, 2)], [])
    assert await store.parts_of(P1, message.id) == [delivered, a_part(message, 2)]


async def test_parts_of_one_key_are_found_newest_first(store: Store) -> None:
    one, two = a_message(segments=2), a_message(NOW + 1, segments=2)
    await accept(store, one, two)
    parts = [a_part(message, part, carrier_ref="0-A7") for message in (one, two) for part in (1, 2)]
    await store.keep_parts(parts, [])
    found = await store.parts_by_carrier_ref("one", fold("a7"), 10)
    assert [(each.message_id, each.part) for each in found] == [(two.id, 1), (two.id, 2), (one.id, 1), (one.id, 2)]
    assert len(await store.parts_by_carrier_ref("one", fold("a7"), 3)) == 3


async def test_first_wait_of_a_message_stands_until_it_ends(store: Store) -> None:
    message = a_message(segments=2)
    await accept(store, message)
    waits = [PartWait(project_id=P1, message_id=message.id, due_at=due_at) for due_at in (NOW + 5, NOW + 9)]
    await store.keep_parts([], [], waits[:1])
    await store.keep_parts([], [], waits[1:])
    assert await store.overdue_parts(NOW + 4, 10) == []
    assert await store.overdue_parts(NOW + 5, 10) == waits[:1]
    event = Event(project_id=P1, message_id=message.id, event_no=NOW + 1, at=NOW, kind="receipt_missing", detail="x")
    await store.end_part_waits(waits[:1], [event])
    assert await store.overdue_parts(NOW + 99, 10) == []
    assert [entry.kind for entry in await store.timeline(P1, message.id)][-1] == "receipt_missing"


async def test_a_refused_step_writes_no_parts(store: Store) -> None:
    message = a_message(segments=2)
    await accept(store, message)
    step = a_step(replace(message, state=State.INITIATED), State.SENT, parts=(a_part(message, 1),))
    assert await store.advance([step]) == [False]
    assert await store.parts_of(P1, message.id) == []


async def test_held_receipts_come_back_until_they_are_released(store: Store) -> None:
    receipt = Receipt(carrier_ref="r", state=State.DELIVERED, keys=("r", "R"), from_number="1", detail="stat:DELIVRD")
    held = [HeldReceipt(carrier="one", receipt=receipt, held_no=number, at=NOW) for number in (1, 2)]
    await store.hold_receipts(held)
    await store.hold_receipts(held[:1])
    assert await store.held_receipts(10) == held
    await store.release_receipts(held[:1])
    assert await store.held_receipts(10) == held[1:]
    await store.release_receipts(held[1:])
    assert await store.held_receipts(10) == []


def a_piece(part: int, **changes: object) -> Piece:
    made = Piece(
        project_id=P1,
        owner="carrier:one",
        from_number="+12025550199",
        to_number="+12025550101",
        reference=7,
        total=2,
        part=part,
        alphabet="gsm",
        data=b"\x00\x1b\xff",
        at=NOW + part,
    )
    return replace(made, **changes)  # type: ignore[arg-type]


async def test_piece_takes_the_place_of_a_marked_one_only(store: Store) -> None:
    marked = a_piece(1, extra="repeat")
    await store.keep_piece(marked)
    await store.keep_piece(a_piece(2))
    await store.keep_piece(a_piece(1, data=b"other", at=NOW + 1))
    await store.keep_piece(a_piece(2, data=b"other"))
    kept = sorted(await store.pieces(10), key=lambda p: p.part)
    assert kept == [a_piece(1, data=b"other", at=NOW + 1), a_piece(2)]


async def test_marked_pieces_go_alone(store: Store) -> None:
    for piece in (a_piece(0, data=b"", extra="d1 d2"), a_piece(1, extra="repeat"), a_piece(1, reference=8)):
        await store.keep_piece(piece)
    await store.remove_repeated_pieces(a_piece(1))
    kept = sorted(await store.pieces(10), key=lambda p: p.part)
    assert kept == [a_piece(0, data=b"", extra="d1 d2"), a_piece(1, reference=8)]


async def test_pieces_go_with_the_message_that_they_make(store: Store) -> None:
    pieces = [a_piece(1), a_piece(2), a_piece(1, reference=8)]
    for piece in [*pieces, pieces[0]]:
        await store.keep_piece(piece)
    assert sorted(await store.pieces(10), key=lambda p: (p.reference, p.part)) == pieces
    made = a_piece(0, data=b"", extra="d1 d2", at=NOW + 9)
    message = a_message()
    await store.accept(Acceptance(message=message, event_no=next(numbers), made_of=made, detail="incomplete"))
    assert sorted(await store.pieces(10), key=lambda p: p.part) == [made, pieces[2]]
    assert [entry.detail for entry in await store.timeline(P1, message.id)] == ["incomplete"]
    await store.forget_made_pieces(NOW + 10)
    assert await store.pieces(10) == [pieces[2]]
    await store.remove_pieces(pieces[2])
    assert await store.pieces(10) == []


def a_credential(**changes: object) -> SmppCredential:
    credential = SmppCredential(
        project_id=P1,
        system_id="acme",
        name="Acme",
        password_hash="scrypt$1",
        max_binds=2,
        rate=10,
        window=5,
        allowed=("192.0.2.0/24",),
        alphabet="gsm",
        long_mode="udh8",
        created_at=NOW,
        updated_at=NOW,
    )
    return dataclasses.replace(credential, **changes)  # type: ignore[arg-type]


async def test_smpp_credentials_are_kept_changed_and_removed(store: Store) -> None:
    await store.add_project(a_project(), None, [])
    credential = a_credential()
    version = await store.directory_version()
    await store.add_smpp_credential(credential)
    assert (await store.directory()).smpp_credentials == (credential,)
    assert await store.directory_version() > version
    credential = a_credential(name="A", allowed=(), rate=0, password_hash="scrypt$2", updated_at=NOW + 1)
    assert await store.update_smpp_credential(credential)
    assert (await store.directory()).smpp_credentials == (credential,)
    assert not await store.update_smpp_credential(a_credential(system_id="b"))
    assert not await store.remove_smpp_credential(P2, "acme")
    assert await store.remove_smpp_credential(P1, "acme") and not await store.remove_smpp_credential(P1, "acme")
    assert (await store.directory()).smpp_credentials == ()


async def test_a_system_id_is_given_once_in_the_deployment(store: Store) -> None:
    await two_projects(store)
    await store.add_smpp_credential(a_credential())
    for project_id in (P1, P2):
        with pytest.raises(SystemIdTaken):
            await store.add_smpp_credential(a_credential(project_id=project_id, name="again"))
    assert [each.name for each in (await store.directory()).smpp_credentials] == ["Acme"]


def a_script(number: int, project_id: str = P1, name: str = "s") -> Script:
    """`number` is the script's place in lists; their ids stand in another order."""
    return Script(
        project_id=project_id,
        id=f"{(number * 7) % 10:08d}-0000-4000-8000-000000000000",
        place=f"0190d5a2-7c3e-7b1f-8a44-{number:012x}",
        name=name,
        contents="<Response>äöü\n</Response>",
        created_at=NOW,
        updated_at=NOW,
    )


async def test_a_script_is_kept_changed_and_removed_by_its_project(store: Store) -> None:
    await two_projects(store)
    script = a_script(1)
    await store.add_script(script)
    assert await store.script(P1, script.id) == script
    assert await store.public_script(script.id) == script
    assert await store.script(P2, script.id) is None
    changed = dataclasses.replace(script, name="t", contents="<Response/>", updated_at=NOW + 1)
    assert not await store.update_script(dataclasses.replace(changed, project_id=P2))
    assert await store.update_script(changed)
    assert await store.script(P1, script.id) == changed
    assert not await store.remove_script(P2, script.id)
    assert await store.remove_script(P1, script.id)
    assert not await store.remove_script(P1, script.id)
    assert not await store.update_script(changed)
    assert await store.public_script(script.id) is None


async def test_scripts_are_listed_by_place_both_ways(store: Store) -> None:
    await two_projects(store)
    made = [a_script(number, name="even" if number % 2 == 0 else "odd") for number in range(6)]
    for script in made:
        await store.add_script(script)
    await store.add_script(a_script(9, project_id=P2))

    async def places(name: str | None, cursor: Cursor | None, limit: int) -> list[int]:
        found = await store.scripts_page(P1, name, cursor, limit)
        return [made.index(script) for script in found]

    assert await places(None, None, 4) == [5, 4, 3, 2]
    assert await places(None, Cursor(id=made[2].place), 4) == [1, 0]
    assert await places(None, Cursor(id=made[2].place, backward=True), 2) == [4, 3]
    assert await places("odd", None, 4) == [5, 3, 1]
    assert await places("odd", Cursor(id=made[2].place, backward=True), 4) == [5, 3]


async def test_uses_of_scripts_add_up_and_the_latest_stays(store: Store) -> None:
    await two_projects(store)
    one, other = a_script(1), a_script(2, project_id=P2)
    await store.add_script(one)
    await store.add_script(other)

    def use(script: Script, requests: int, last_at: int) -> ScriptUse:
        return ScriptUse(project_id=script.project_id, script_id=script.id, requests=requests, last_at=last_at)

    await store.count_script_uses([use(one, 2, NOW + 5), use(other, 1, NOW + 1), use(a_script(3), 9, NOW)])
    await store.count_script_uses([use(one, 3, NOW + 2)])
    assert await store.script(P1, one.id) == dataclasses.replace(one, requests=5, last_request_at=NOW + 5)
    assert await store.script(P2, other.id) == dataclasses.replace(other, requests=1, last_request_at=NOW + 1)
