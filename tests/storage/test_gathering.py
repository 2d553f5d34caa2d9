"""SQLite's writer pauses after a commit of many steps. Here the pause would last an hour: what ends it is what is
tested."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from msgspec.structs import replace
from test_conformance import P1, a_message, a_step, accept

from heliograph import app, config
from heliograph.core.lifecycle import State
from heliograph.core.message import Message
from heliograph.ports import Acceptance, Store
from heliograph.storage import sqlite

WAIT_SECONDS = 30.0


@pytest.fixture
async def gathering(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Store]:
    monkeypatch.setattr(sqlite, "GATHER_SECONDS", 3600.0)
    made = app.make_store(config.load({"data": str(tmp_path)}, {}), exclusive=True)
    await made.open()
    yield made
    await made.close()


async def many_steps(store: Store) -> list[Message]:
    messages = [a_message() for _ in range(sqlite.GATHER_FROM + 1)]
    await accept(store, *messages)
    # The first write begins a commit by itself; the others share the next.
    await asyncio.gather(*(store.advance([a_step(message, State.INITIATED)]) for message in messages))
    return messages


async def test_new_messages_alone_never_wait(gathering: Store) -> None:
    async with asyncio.timeout(WAIT_SECONDS):
        for _ in range(3):
            await accept(gathering, *[a_message() for _ in range(30)])


async def test_few_steps_are_followed_at_once(gathering: Store) -> None:
    message = a_message()
    async with asyncio.timeout(WAIT_SECONDS):
        await accept(gathering, message)
        for state in (State.INITIATED, State.SENT, State.DELIVERED):
            assert await gathering.advance([a_step(message, state)]) == [True]
            message = replace(message, state=state)


async def test_what_waits_in_the_pause_is_written_when_the_store_closes(gathering: Store) -> None:
    message, *_ = await many_steps(gathering)
    initiated = replace(message, state=State.INITIATED)
    sent = asyncio.ensure_future(gathering.advance([a_step(initiated, State.SENT)]))
    # A read is answered while the write goes on waiting.
    found = await gathering.message(P1, message.id)
    assert found is not None and found.state is State.INITIATED and not sent.done()
    async with asyncio.timeout(WAIT_SECONDS):
        await gathering.close()
        assert await sent == [True]


async def test_many_new_messages_end_the_pause(gathering: Store) -> None:
    await many_steps(gathering)
    last = [asyncio.ensure_future(gathering.accept(Acceptance(message=a_message(), event_no=n))) for n in range(3)]
    await gathering.directory_version()
    assert not any(each.done() for each in last)
    async with asyncio.timeout(WAIT_SECONDS):
        await accept(gathering, *[a_message() for _ in range(sqlite.GATHER_NEW)])
        await asyncio.gather(*last)
