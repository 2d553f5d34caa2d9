"""Lists with several filters: every combination, both directions, against the same filters in Python."""

import asyncio
import itertools
import random
from collections.abc import AsyncIterator
from typing import Any

import pytest
from test_conformance import NOW, P1, a_message, accept, moved

from heliograph.core.errors import StoreUnavailable
from heliograph.core.lifecycle import State
from heliograph.core.message import Message
from heliograph.ports import Cursor, MessageFilter, Store
from heliograph.storage import searching

DAY = 86_400_000_000
COUNT = 120
SENDERS = ("+12025550101", "+12025550102", "+12025550103")
RECIPIENTS = ("+12065550111", "+12065550112", "+12065550113")


@pytest.fixture(autouse=True)
def small_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    """Many slices, of sizes that fall on and between the rows of a page."""
    monkeypatch.setattr(searching, "FIRST_SLICE", 3)
    monkeypatch.setattr(searching, "LARGEST_SLICE", 7)
    monkeypatch.setattr(searching, "GROWTH", 2)


@pytest.fixture
async def messages(store: Store) -> AsyncIterator[list[Message]]:
    """Messages of one project, newest first; one in ten was sent, and one in twelve deleted."""
    chance = random.Random(9)
    made = [
        a_message(NOW + place * 3_600_000_000, from_number=chance.choice(SENDERS), to_number=chance.choice(RECIPIENTS))
        for place in range(COUNT)
    ]
    await accept(store, *made)
    kept = []
    for place, message in enumerate(made):
        if place % 10 == 0:
            told = {"callback_origin": "http://127.0.0.1:9"}
            initiated = await moved(store, message, State.INITIATED, **told)
            message = await moved(store, initiated, State.SENT, sent_at=message.created_at + 60_000_000, **told)
        elif place % 12 == 1:
            message = await moved(store, message, State.FAILED, error_code=30001)
            assert await store.delete(P1, message.id, NOW, 10**9 + place)
            continue
        kept.append(message)
    yield kept[::-1]


def matches(message: Message, wanted: dict[str, Any]) -> bool:
    return all(
        (
            wanted.get("to_number", message.to_number) == message.to_number,
            wanted.get("from_number", message.from_number) == message.from_number,
            wanted.get("state", message.state) is message.state,
            "sent_from" not in wanted or (message.sent_at or 0) >= wanted["sent_from"],
            "sent_before" not in wanted or 0 < (message.sent_at or 0) < wanted["sent_before"],
        )
    )


FILTERS: dict[str, dict[str, Any]] = {
    "to": {"to_number": RECIPIENTS[0]},
    "from": {"from_number": SENDERS[1]},
    "state": {"state": State.SENT},
    "day": {"sent_from": NOW // DAY * DAY + DAY, "sent_before": NOW // DAY * DAY + 2 * DAY},
    "since": {"sent_from": NOW + 30 * 3_600_000_000},
}
COMBINATIONS = [
    names
    for size in range(1, len(FILTERS) + 1)
    for names in itertools.combinations(FILTERS, size)
    if not {"day", "since"} <= set(names)
]


async def test_every_combination_of_filters_finds_what_it_names(store: Store, messages: list[Message]) -> None:
    for names in COMBINATIONS:
        wanted = {name: value for each in names for name, value in FILTERS[each].items()}
        expected = [each.id for each in messages if matches(each, wanted)]
        for limit in (1, 4, COUNT):
            found, cursor = [], None
            while page := await store.page(P1, MessageFilter(**wanted), cursor, limit):
                found += [each.id for each in page]
                cursor = Cursor(id=found[-1])
            assert found == expected, (names, limit)


async def test_pages_backward_are_the_pages_forward(store: Store, messages: list[Message]) -> None:
    wanted = {"from_number": SENDERS[1], "to_number": RECIPIENTS[0]}
    expected = [each.id for each in messages if matches(each, wanted)]
    found, cursor = [], Cursor(id=messages[-1].id, backward=True)
    while page := await store.page(P1, MessageFilter(**wanted), cursor, 3):
        found = [each.id for each in page] + found
        cursor = Cursor(id=found[0], backward=True)
    assert found == [each for each in expected if each != messages[-1].id]


async def test_deleted_messages_are_found_where_they_are_wanted(store: Store, messages: list[Message]) -> None:
    every = await store.page(P1, MessageFilter(state=State.FAILED, include_deleted=True), None, COUNT)
    assert len(every) == len([place for place in range(COUNT) if place % 12 == 1 and place % 10])
    assert await store.page(P1, MessageFilter(state=State.FAILED), None, COUNT) == []


async def test_a_search_that_takes_too_long_is_unavailable(
    store: Store, messages: list[Message], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "_list_seconds", 0.0)
    with pytest.raises(StoreUnavailable):
        await store.page(P1, MessageFilter(from_number=SENDERS[0], state=State.DELIVERED), None, 10)


async def test_rows_that_change_during_a_search_leave_no_gap(store: Store, messages: list[Message]) -> None:
    """Messages leave the state that is searched while the search runs; those that stay are all found."""
    stay = {each.id for each in messages if each.state is State.QUEUED and each.from_number == SENDERS[0]}
    leave = [each for each in messages if each.state is State.QUEUED and each.from_number != SENDERS[0]]
    wanted = MessageFilter(from_number=SENDERS[0], state=State.QUEUED)
    search = asyncio.create_task(store.page(P1, wanted, None, COUNT))
    await asyncio.gather(*(moved(store, each, State.INITIATED) for each in leave))
    assert {each.id for each in await search} == stay


async def test_callbacks_of_a_status_are_listed_newest_message_first(store: Store, messages: list[Message]) -> None:
    sent = [each for each in messages if each.state is State.SENT]
    due = await store.callbacks(P1, "pending", 10**4)
    expected = [(each.id, state) for each in sent for state in (State.INITIATED, State.SENT)]
    assert [(each.message_id, each.state) for each in due] == expected
    for limit in (1, 2, 3, 7):
        assert await store.callbacks(P1, "pending", limit) == due[:limit]
    assert await store.callbacks(P1, "dead", 10) == []
