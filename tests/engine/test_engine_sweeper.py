"""Housekeeping: what is past its time goes, and nothing sooner."""

import asyncio
from pathlib import Path

from engine_ground import PROJECT
from sending_ground import HERE, TO, Sending

from heliograph.engine.sweeper import Sweeper, SweepSettings
from heliograph.net.media import MediaFiles

DAY_SECONDS = 86_400


def make_sweeper(sending: Sending, folder: Path, sticky_sender_days: int) -> Sweeper:
    return Sweeper(
        store=sending.store,  # type: ignore[arg-type]  # the store, watched
        clock=sending.clock,
        directory=sending.directory,
        transitions=sending.transitions,
        files=MediaFiles(folder),
        settings=SweepSettings(
            every_seconds=1, retention_days=0, idempotency_hours=24, sticky_sender_days=sticky_sender_days
        ),
    )


async def tidied(sweeper: Sweeper) -> None:
    """Once: the codes come after the senders."""
    done = asyncio.Event()

    async def told() -> None:
        done.set()

    sweeper.forget_codes = told
    task = asyncio.create_task(sweeper.tidy())
    async with asyncio.timeout(30):
        await done.wait()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_a_sticky_sender_is_forgotten_so_many_days_after_its_last_use(sending: Sending, tmp_path: Path) -> None:
    group = await sending.group(await sending.number(HERE), sticky=True)
    await sending.send()
    sweeper = make_sweeper(sending, tmp_path, sticky_sender_days=2)
    sending.clock.add(DAY_SECONDS - 1)
    await sending.send()  # which is not written down: it was within a day
    for days, kept in ((2, True), (1, False)):
        sending.clock.add(days * DAY_SECONDS)
        await tidied(sweeper)
        assert (await sending.store.store.sticky_sender(PROJECT, group.id, TO) is not None) is kept


async def test_with_no_days_sticky_senders_are_kept_for_good(sending: Sending, tmp_path: Path) -> None:
    group = await sending.group(await sending.number(HERE), sticky=True)
    await sending.send()
    sending.clock.add(36_500 * DAY_SECONDS)
    await tidied(make_sweeper(sending, tmp_path, sticky_sender_days=0))
    assert await sending.store.store.sticky_sender(PROJECT, group.id, TO) is not None


async def test_a_sender_that_was_forgotten_while_it_is_in_memory_is_written_again(
    sending: Sending, tmp_path: Path
) -> None:
    group = await sending.group(await sending.number(HERE), sticky=True)
    await sending.send()
    sending.clock.add(10 * DAY_SECONDS)
    await tidied(make_sweeper(sending, tmp_path, sticky_sender_days=1))
    await sending.send()
    assert await sending.store.store.sticky_sender(PROJECT, group.id, TO) is not None
