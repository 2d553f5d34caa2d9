"""Callbacks in sequences: one sender's messages are heard in their order, whatever fails and whoever comes and goes."""

import asyncio
import random
from collections import defaultdict
from collections.abc import Callable

import pytest
from engine_ground import PROJECT, Ground

from heliograph.core.ids import floor
from heliograph.core.lifecycle import State
from heliograph.core.message import Direction, Message, relay_callback
from heliograph.core.retry import RetryPolicy
from heliograph.engine.attempts import Attempts
from heliograph.engine.callbacks import Callbacks, CallbackSettings
from heliograph.engine.directory import Directory
from heliograph.engine.sequences import Sequences, SequenceSettings
from heliograph.engine.transition import Step
from heliograph.ports import CallbackRecord, DueCallback, HttpRequest, HttpResponse, Told

ANN, BOB, CAT = "+13125550001", "+13125550002", "+13125550003"
OFFICE = relay_callback(PROJECT, "office")
GIVE_UP_SECONDS = 3600.0


class Listeners:
    """Who hears a context; the test says whether anybody does, who is held back, and what fails."""

    policy: RetryPolicy | None = RetryPolicy(
        pauses_seconds=(10.0,), jitter_fraction=0.0, give_up_after_seconds=GIVE_UP_SECONDS
    )

    def __init__(self) -> None:
        self.here = True
        self.width = 100
        self.heard: dict[str, list[str]] = defaultdict(list)
        self.tried: list[str] = []
        self.under_way: dict[str, int] = defaultdict(int)
        self.together = 0
        self.held: dict[str, asyncio.Event] = {}
        self.fate: Callable[[Message], Told] = lambda message: Told(code=200)
        self.came = asyncio.Event()

    def reachable(self, origin: str) -> bool:
        return self.here

    def concurrency(self, origin: str) -> int:
        return self.width if self.here else 0

    async def attempt(self, due: DueCallback) -> Told:
        sender = due.message.from_number
        self.under_way[sender] += 1
        self.together = max(self.together, sum(self.under_way.values()))
        assert self.under_way[sender] == 1, "two messages of one sender at once"
        try:
            await asyncio.sleep(0)
            if sender in self.held:
                await self.held[sender].wait()
            told = self.fate(due.message)
        finally:
            self.under_way[sender] -= 1
        self.tried.append(due.message.body or "")
        if told.reached and told.error is None:
            self.heard[sender].append(due.message.body or "")
        self.came.set()
        return told

    def count(self) -> int:
        return sum(map(len, self.heard.values()))

    async def until(self, wanted: Callable[[], bool]) -> None:
        async with asyncio.timeout(60):
            while not wanted():
                self.came.clear()
                await self.came.wait()


class Unasked:
    """Nothing here goes by HTTP."""

    async def request(self, request: HttpRequest) -> HttpResponse:
        raise AssertionError(request.url)


class Bench:
    def __init__(self, ground: Ground, lane_max: int = 100) -> None:
        self.ground = ground
        self.listeners = Listeners()
        self.lane_max = lane_max
        self.start()

    async def restart(self) -> None:
        """Nothing is in memory any more, and what was under way has ended."""
        tasks, self.ground.tasks = self.ground.tasks, []
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self.start()

    def start(self) -> None:
        ground = self.ground
        attempts = Attempts(ground.store, ground.clock, ground.transitions, ground.metrics, jitter=lambda: 0.5)
        attempts.start_task = ground.go
        self.sequences = Sequences(
            store=ground.store,
            clock=ground.clock,
            transitions=ground.transitions,
            metrics=ground.metrics,
            attempts=attempts,
            settings=SequenceSettings(lane_max=self.lane_max, poll_seconds=0.01, policy=RetryPolicy()),
        )
        self.sequences.start_task = ground.go
        self.sequences.notifiers["relay"] = self.listeners
        self.callbacks = Callbacks(
            store=ground.store,
            clock=ground.clock,
            webhooks=Unasked(),
            directory=Directory(ground.store, ground.clock),
            transitions=ground.transitions,
            metrics=ground.metrics,
            attempts=attempts,
            settings=CallbackSettings(concurrency=1, lane_max=10, poll_seconds=0.01, policy=RetryPolicy()),
        )
        self.callbacks.notifiers = self.sequences.notifiers
        ground.go(self.callbacks.poll())
        ground.transitions.owed = self.sequences.offer
        ground.go(self.sequences.poll())

    async def writes(self, sender: str, *bodies: str) -> None:
        """Messages that are received one after the other."""
        for body in bodies:
            message = self.ground.message(
                direction=Direction.INBOUND, state=State.RECEIVING, callback=OFFICE, from_number=sender, body=body
            )
            await self.ground.accept(message)
            await self.ground.transitions.apply([Step(message=message, states=(State.RECEIVED,))])

    async def rows(self, status: str) -> list[CallbackRecord]:
        return await self.ground.store.callbacks(PROJECT, status, 10_000)

    async def reaches(self, status: str, count: int) -> list[CallbackRecord]:
        async with asyncio.timeout(60):
            while len(found := await self.rows(status)) != count:
                pass
            return found

    def wake(self) -> None:
        self.sequences.wake(OFFICE.url)


@pytest.fixture
async def bench(ground: Ground) -> Bench:
    return Bench(ground)


def numbered(count: int) -> list[str]:
    return [f"{number:04}" for number in range(count)]


async def test_one_sender_is_heard_in_order_and_others_at_once(bench: Bench) -> None:
    listeners = bench.listeners
    listeners.held[ANN] = asyncio.Event()
    await bench.writes(ANN, *numbered(5))
    await bench.writes(BOB, *numbered(5))
    await listeners.until(lambda: len(listeners.heard[BOB]) == 5)
    assert listeners.heard[ANN] == []
    listeners.held[ANN].set()
    await listeners.until(lambda: len(listeners.heard[ANN]) == 5)
    assert dict(listeners.heard) == {ANN: numbered(5), BOB: numbered(5)}
    assert listeners.together > 1


async def test_after_a_failure_the_sender_waits_and_others_do_not(bench: Bench) -> None:
    listeners = bench.listeners
    broken = True
    listeners.fate = lambda each: Told(error="no") if broken and each.from_number == ANN else Told(code=200)
    await bench.writes(ANN, "1")
    await listeners.until(lambda: listeners.tried == ["1"])
    await bench.writes(ANN, "2", "3")
    await bench.writes(BOB, "b")
    await listeners.until(lambda: listeners.heard[BOB] == ["b"])
    assert "2" not in listeners.tried
    broken = False
    await bench.writes(ANN, "4")
    bench.ground.clock.add(11)
    await listeners.until(lambda: len(listeners.heard[ANN]) == 4)
    assert listeners.heard[ANN] == ["1", "2", "3", "4"]


async def test_who_comes_new_is_told_at_once(bench: Bench) -> None:
    listeners = bench.listeners
    listeners.fate = lambda each: Told(error="no")
    await bench.writes(ANN, "1", "2")
    await listeners.until(lambda: bool(listeners.tried))
    await bench.reaches("pending", 2)
    listeners.fate = lambda each: Told(code=200)
    bench.wake()  # the clock stands still
    await listeners.until(lambda: listeners.heard[ANN] == ["1", "2"])


async def test_who_comes_while_another_is_asked_is_told_when_that_one_refuses(bench: Bench) -> None:
    listeners = bench.listeners
    listeners.held[ANN] = asyncio.Event()
    listeners.fate = lambda each: Told(code=200) if listeners.tried else Told(error="no")
    await bench.writes(ANN, "1", "2")
    while not listeners.under_way[ANN]:
        await asyncio.sleep(0)
    bench.wake()  # the clock stands still
    listeners.held[ANN].set()
    await listeners.until(lambda: listeners.heard[ANN] == ["1", "2"])


async def test_what_is_refused_for_good_lets_the_next_go_on(bench: Bench) -> None:
    listeners = bench.listeners
    listeners.fate = lambda each: Told(error="never", final=True) if each.body == "1" else Told(code=200)
    await bench.writes(ANN, "1", "2")
    await listeners.until(lambda: listeners.heard[ANN] == ["2"])
    (dead,) = await bench.reaches("dead", 1)
    assert dead.last_error == "never"


async def test_more_senders_than_memory_holds_are_all_heard_in_order(ground: Ground) -> None:
    bench = Bench(ground, lane_max=10)
    senders = [f"+1312555{number:04}" for number in range(45)]
    for body in numbered(4):
        for sender in senders:
            await bench.writes(sender, body)
    await bench.listeners.until(lambda: bench.listeners.count() == 180)
    assert all(bench.listeners.heard[sender] == numbered(4) for sender in senders)


async def test_more_of_one_sender_than_memory_holds_is_heard_in_order(bench: Bench) -> None:
    listeners = bench.listeners
    await bench.writes(BOB, "first")  # now what is on disk is known
    await listeners.until(lambda: bool(listeners.heard[BOB]))
    listeners.held[ANN] = asyncio.Event()
    await bench.writes(ANN, *numbered(130))
    listeners.held[ANN].set()
    await listeners.until(lambda: len(listeners.heard[ANN]) == 130)
    assert listeners.heard[ANN] == numbered(130)


async def test_after_a_restart_the_old_comes_before_the_new(bench: Bench) -> None:
    listeners = bench.listeners
    listeners.here = False
    await bench.writes(ANN, "1", "2")
    await bench.restart()
    listeners.here = True
    await bench.writes(ANN, "3")
    await listeners.until(lambda: len(listeners.heard[ANN]) == 3)
    assert listeners.heard[ANN] == ["1", "2", "3"]


async def test_without_anybody_nothing_is_tried_and_the_too_old_dies(bench: Bench) -> None:
    listeners = bench.listeners
    listeners.here = False
    await bench.writes(ANN, *numbered(60))
    await bench.writes(BOB, *numbered(60))
    bench.ground.clock.add(GIVE_UP_SECONDS / 2)
    await bench.writes(CAT, "young")
    bench.ground.clock.add(GIVE_UP_SECONDS / 2 + 1)
    dead = await bench.reaches("dead", 120)
    assert {(row.attempts, row.last_error) for row in dead} == {(1, "nobody was there to be told")}
    assert not listeners.tried
    listeners.here = True
    bench.wake()
    await listeners.until(lambda: listeners.heard[CAT] == ["young"])


async def test_one_that_found_nobody_in_the_end_is_not_counted_as_tried(bench: Bench) -> None:
    listeners = bench.listeners
    left = [Told(reached=False)]

    def fate(message: Message) -> Told:
        if left:
            listeners.here = False
            return left.pop()
        return Told(code=200)

    listeners.fate = fate
    await bench.writes(ANN, "1", "2")
    await listeners.until(lambda: listeners.tried == ["1"])
    assert {row.attempts for row in await bench.rows("pending")} == {0}
    listeners.here = True
    bench.wake()
    await listeners.until(lambda: listeners.heard[ANN] == ["1", "2"])


async def test_what_is_replayed_is_found(bench: Bench) -> None:
    listeners = bench.listeners
    listeners.fate = lambda each: Told(error="never", final=True)
    await bench.writes(ANN, "1")
    await bench.reaches("dead", 1)
    listeners.fate = lambda each: Told(code=200)
    await bench.writes(BOB, "b")
    await listeners.until(lambda: listeners.heard[BOB] == ["b"])
    now, first = bench.ground.clock.now(), (floor(0), -1)
    assert len(await bench.ground.store.replay_callbacks(PROJECT, None, now, after=first, limit=9)) == 1
    bench.ground.clock.add(6)
    await listeners.until(lambda: listeners.heard[ANN] == ["1"])


@pytest.mark.parametrize("seed", range(4))
async def test_whatever_fails_the_order_of_each_sender_holds(ground: Ground, seed: int) -> None:
    """Failures, absences, restarts and a memory that is too small, as chance has it."""
    chance = random.Random(seed)
    bench = Bench(ground, lane_max=10)
    listeners = bench.listeners
    rates = {"fails": 0.2, "loses": 0.1}

    def fate(message: Message) -> Told:
        if chance.random() < rates["fails"]:
            return Told(error="no")
        return Told(reached=chance.random() >= rates["loses"])

    listeners.fate = fate
    senders = [f"+1312555{number:04}" for number in range(14)]
    for place, body in enumerate(numbered(12)):
        for sender in chance.sample(senders, len(senders)):
            await bench.writes(sender, body)
            listeners.here = chance.random() < 0.8
            if listeners.here:
                bench.wake()
        ground.clock.add(chance.choice((0.0, 3.0, 11.0)))
        if place in (4, 8):
            await bench.restart()
    rates.update(fails=0.0, loses=0.0)
    listeners.here = True
    bench.wake()
    async with asyncio.timeout(60):
        while await bench.rows("pending"):
            ground.clock.add(1)
    for sender in senders:
        heard = listeners.heard[sender]
        assert list(dict.fromkeys(heard)) == numbered(12)
        assert heard == sorted(heard), "an older one was heard after a younger one"
