"""Places in turn: shares of owners, the half for owners whose work is late, and what a cancelled wait leaves."""

import asyncio
from collections.abc import Callable

import pytest

from heliograph.net.shares import Place, QueueFull, Shares


class Work:
    """Works that hold their place until they are let go."""

    def __init__(self, **given: int) -> None:
        self.now = 0.0
        values = {"places": 4, "owner_places": 2, "waiting_max": 10} | given
        self.shares = Shares(**values, late_seconds=60.0, time=lambda: self.now)
        self.running: list[str] = []
        self._ends: dict[str, asyncio.Event] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._places: dict[str, Place] = {}

    async def start(self, *names: str) -> None:
        """Each name begins with its owner's letter."""
        for name in names:
            self._ends[name] = asyncio.Event()
            self._tasks[name] = asyncio.create_task(self._run(name))
        await self._turns()

    async def _run(self, name: str) -> None:
        async with self.shares.place(name[0]) as self._places[name]:
            self.running.append(name)
            try:
                await self._ends[name].wait()
            finally:
                self.running.remove(name)

    async def overdue(self, *names: str) -> None:
        for name in names:
            self.shares.is_overdue(self._places[name])
        await self._turns()

    async def make_late(self, owner: str) -> None:
        """By a work that was overdue, and has ended."""
        await self.start(f"{owner}0")
        await self.overdue(f"{owner}0")
        await self.end(f"{owner}0")

    async def end(self, *names: str) -> None:
        for name in names:
            self._ends[name].set()
        await self._turns()

    async def cancel(self, *names: str) -> None:
        for name in names:
            self._tasks[name].cancel()
        await self._turns()

    async def _turns(self) -> None:
        for _ in range(5):
            await asyncio.sleep(0)

    async def close(self) -> None:
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)
        assert self.shares.taken == 0


async def test_owner_with_much_work_leaves_a_place_to_another() -> None:
    work = Work(places=8)
    await work.start("a1", "a2", "a3", "a4", "b1")
    assert work.running == ["a1", "a2", "b1"]
    await work.end("a1")
    assert work.running == ["a2", "b1", "a3"]
    await work.close()


async def test_owners_get_free_places_in_turn() -> None:
    work = Work(places=4, owner_places=4)
    await work.start("a1", "a2", "a3", "a4", "b1", "c1")
    assert work.running == ["a1", "a2"]  # the other half is for owners whose work is late
    await work.end("a1")
    await work.end("a2")
    assert work.running == ["a3", "b1"]
    await work.end("a3")
    assert work.running == ["b1", "c1"]
    await work.close()


async def test_late_owners_use_up_no_place_of_the_others() -> None:
    work = Work(places=4, owner_places=4)
    await work.make_late("a")
    await work.make_late("b")
    await work.start("a1", "a2", "a3", "b1", "b2", "c1", "c2")
    assert work.running == ["a1", "a2", "c1", "c2"]
    await work.end("a1", "a2")
    assert work.running == ["c1", "c2", "a3", "b1"]
    await work.close()


async def test_owner_is_late_only_so_long() -> None:
    work = Work(places=2)
    await work.make_late("a")
    await work.start("b1", "a1")
    work.now = 61.0
    await work.end("b1")
    await work.start("a2")
    assert work.running == ["a1", "a2"]
    await work.close()


async def test_owner_that_becomes_late_while_it_waits_moves_to_the_other_half() -> None:
    work = Work(places=4, owner_places=1)
    await work.start("a1", "b1", "a2", "c1")
    assert work.running == ["a1", "b1"]
    await work.overdue("a1")
    assert work.running == ["a1", "b1", "c1"]  # a1 left its place to c1
    await work.end("b1")
    await work.end("a1")
    assert work.running == ["c1", "a2"]
    await work.close()


async def test_late_work_of_many_owners_occupies_twice_the_places_at_most() -> None:
    work = Work()
    for owner in "abcdefgh":
        names = f"{owner}1", f"{owner}2"
        await work.start(*names)
        await work.overdue(*(name for name in names if name in work.running))
    assert len(work.running) == work.shares.taken == 8
    await work.start("z1")
    assert "z1" not in work.running
    while "z1" not in work.running:
        assert work.running and work.shares.taken <= 8
        await work.end(work.running[0])


async def test_full_queue_refuses_its_owner_alone() -> None:
    work = Work(places=2, owner_places=1, waiting_max=2)
    await work.start("a1", "a2", "a3")
    with pytest.raises(QueueFull):
        async with work.shares.place("a"):
            pass
    await work.start("b1")
    await work.end("a1")
    assert len(work.running) == 1
    await work.close()


@pytest.mark.parametrize("moment", [lambda work: work.cancel("a2"), lambda work: work.cancel("a1", "a2")])
async def test_cancelled_wait_gives_its_place_to_the_next(moment: Callable[[Work], asyncio.Future[None]]) -> None:
    work = Work(places=2, owner_places=1)
    await work.start("a1", "a2", "a3")
    await moment(work)
    await work.end("a1")
    assert work.running == ["a3"]
    await work.close()


async def test_wait_that_is_cancelled_as_it_gets_its_place_keeps_none() -> None:
    work = Work(places=2, owner_places=1)
    await work.start("a1", "a2", "a3")
    work._ends["a1"].set()
    await asyncio.sleep(0)  # a1 has released its place, and a2 has not run yet
    await work.cancel("a2")
    assert work.running == ["a3"]
    await work.close()
