"""The answer of /health: what makes it unavailable, and how little it costs."""

import asyncio
import errno

import pytest

from heliograph.core.errors import StoreUnavailable
from heliograph.engine.health import ROOM_BYTES, Health


class HandClock:
    def __init__(self) -> None:
        self.seconds = 0.0

    def now(self) -> int:
        return int(self.seconds * 1e6)

    def monotonic(self) -> float:
        return self.seconds


class Store:
    def __init__(self) -> None:
        self.pings = 0
        self.broken = False
        self.outage = False
        self.is_owned = True
        self.gate = asyncio.Event()
        self.gate.set()

    async def ping(self) -> None:
        self.pings += 1
        await self.gate.wait()
        if self.broken:
            raise StoreUnavailable("broken")


@pytest.fixture
async def store() -> Store:
    return Store()


def make(store: Store, free: int = 2**40) -> tuple[Health, HandClock]:
    clock = HandClock()
    return Health(store, clock, seconds=1.0, free=lambda: free), clock


async def test_an_answer_is_reused_and_made_again(store: Store) -> None:
    health, clock = make(store)
    assert [(await health.condition()).reason for _ in range(100)] == [None] * 100
    assert store.pings == 1
    store.broken = True
    clock.seconds = 1.0
    assert (await health.condition()).reason == "the store can't be written"
    store.broken = False
    assert (await health.condition()).reason == "the store can't be written"
    clock.seconds = 2.0
    assert (await health.condition()).reason is None


async def test_many_at_once_share_one_probe(store: Store) -> None:
    health, _ = make(store)
    store.gate.clear()
    asked = [asyncio.create_task(health.condition()) for _ in range(200)]
    await asyncio.sleep(0)
    asked[0].cancel()
    store.gate.set()
    answers = await asyncio.gather(*asked, return_exceptions=True)
    assert store.pings == 1
    assert sum(isinstance(each, asyncio.CancelledError) for each in answers) == 1


async def test_a_full_disk_is_unavailable_though_a_small_write_succeeds(store: Store) -> None:
    assert (await make(store, ROOM_BYTES - 1)[0].condition()).reason == "the disk is full"
    store.outage = True
    assert (await make(store)[0].condition()).reason == "the store can't be written"


async def test_an_outage_that_others_met_counts_at_once(store: Store) -> None:
    health, _ = make(store)
    assert (await health.condition()).reason is None
    store.outage = True
    assert (await health.condition()).reason == "the store can't be written"
    assert store.pings == 1


async def test_a_store_of_another_server_is_unavailable(store: Store) -> None:
    store.broken, store.is_owned = True, False
    assert (await make(store)[0].condition()).reason == "another server has the store"


async def test_a_folder_that_is_gone_is_unavailable(store: Store) -> None:
    def gone() -> int:
        raise OSError(errno.ENOENT, "gone")

    health = Health(store, HandClock(), seconds=1.0, free=gone)
    assert (await health.condition()).reason == "the store can't be written"
