"""Callbacks: in order for each message, one endpoint apart from another, tried again, dead in the end."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace

import pytest
from engine_ground import PROJECT, Ground

from heliograph.core.directory import FORCE_HTTPS, Project
from heliograph.core.ids import floor
from heliograph.core.lifecycle import State
from heliograph.core.message import Callback, Direction, Message, SmppOptions, Source, smpp_callback
from heliograph.core.retry import RetryPolicy
from heliograph.engine.attempts import Attempts
from heliograph.engine.callbacks import PROJECT_GONE, Callbacks, CallbackSettings
from heliograph.engine.directory import Directory
from heliograph.engine.transition import Step
from heliograph.ports import CallbackRecord, DueCallback, HttpRequest, HttpResponse, Told
from heliograph.wire.forms import parse


class Endpoints:
    """Webhooks as the test scripts them: a status for each host; a host may be held back."""

    def __init__(self) -> None:
        self.told: list[tuple[str, str, str]] = []
        self.status: dict[str, int] = {}
        self.held: dict[str, asyncio.Event] = {}
        self.came = asyncio.Event()
        self.asked: list[str] = []
        self.https_only: list[bool] = []

    async def request(self, request: HttpRequest) -> HttpResponse:
        host = request.url.split("/")[2]
        self.asked.append(request.whole_url)
        self.https_only.append(request.https_only)
        if host == "broken":
            raise RuntimeError("a fault of ours")
        if request.method == "GET":
            self.came.set()
            return HttpResponse(status=200, headers={}, body=b"", url=request.url)
        if host in self.held:
            await self.held[host].wait()
        if request.headers["Content-Type"] == "application/json":
            told = json.loads(request.body or b"")
            self.told.append((host, told["id"], told["status"]))
        else:
            form = parse(request.body or b"")
            self.told.append((host, form["MessageSid"][0], form["MessageStatus"][0]))
        self.came.set()
        return HttpResponse(status=self.status.get(host, 200), headers={}, body=b"", url=request.url)

    def statuses(self, message: Message) -> list[str]:
        return [status for _, message_id, status in self.told if message_id == message.id]

    async def until(self, wanted: Callable[[], bool]) -> None:
        while not wanted():
            self.came.clear()
            await self.came.wait()


def at(host: str) -> Callback:
    return Callback(url=f"http://{host}/cb")


class Bench:
    def __init__(self, ground: Ground, endpoints: Endpoints, **settings: object) -> None:
        values: dict[str, object] = {
            "concurrency": 4,
            "lane_max": 100,
            "poll_seconds": 0.01,
            "policy": RetryPolicy(pauses_seconds=(10.0,), jitter_fraction=0.0, give_up_after_seconds=25.0),
        }
        self.ground = ground
        self.endpoints = endpoints
        self.directory = Directory(ground.store, ground.clock)
        attempts = Attempts(ground.store, ground.clock, ground.transitions, ground.metrics, jitter=lambda: 0.5)
        attempts.start_task = ground.go
        self.callbacks = Callbacks(
            store=ground.store,
            clock=ground.clock,
            webhooks=endpoints,
            directory=self.directory,
            transitions=ground.transitions,
            metrics=ground.metrics,
            attempts=attempts,
            settings=CallbackSettings(**(values | settings)),  # type: ignore[arg-type]
        )
        self.callbacks.start_task = ground.go
        ground.transitions.owed = self.callbacks.offer

    async def open(self) -> None:
        await self.ground.store.add_project(
            Project(id=PROJECT, parent_id=None, name="p", signing_key="PSK", created_at=1, updated_at=1), None, []
        )
        await self.directory.load()
        self.ground.go(self.callbacks.poll())

    async def live(self, message: Message, *states: State) -> Message:
        await self.ground.accept(message)
        return await self.move(message, *states)

    async def move(self, message: Message, *states: State) -> Message:
        for state in states:
            (moved,) = await self.ground.transitions.apply([Step(message=message, states=(state,))])
            assert moved is not None
            message = moved
        return message


LIFE = (State.INITIATED, State.SENT, State.DELIVERED)
TOLD = ["sending", "sent", "delivered"]


@pytest.fixture
async def bench(ground: Ground) -> Bench:
    made = Bench(ground, Endpoints())
    await made.open()
    return made


async def test_each_state_is_told_in_order(bench: Bench, ground: Ground) -> None:
    message = await bench.live(ground.message(callback=at("a")), *LIFE)
    await bench.endpoints.until(lambda: len(bench.endpoints.told) == 3)
    assert bench.endpoints.statuses(message) == TOLD


async def test_what_memory_had_no_room_for_is_told_from_disk(ground: Ground) -> None:
    endpoints = Endpoints()
    bench = Bench(ground, endpoints, lane_max=10)
    await bench.open()
    endpoints.held["a"] = asyncio.Event()
    messages = [await bench.live(ground.message(callback=at("a")), *LIFE) for _ in range(40)]
    endpoints.held["a"].set()
    await endpoints.until(lambda: len(endpoints.told) >= 120)
    for message in messages:
        assert endpoints.statuses(message) == TOLD


async def test_a_slow_endpoint_delays_no_other(bench: Bench, ground: Ground) -> None:
    endpoints = bench.endpoints
    endpoints.held["slow"] = asyncio.Event()
    slow = [await bench.live(ground.message(callback=at("slow")), *LIFE) for _ in range(30)]
    quick = [await bench.live(ground.message(callback=at("quick")), *LIFE) for _ in range(30)]
    await endpoints.until(lambda: len(endpoints.told) == 90)
    assert all(endpoints.statuses(message) == TOLD for message in quick)
    endpoints.held["slow"].set()
    await endpoints.until(lambda: len(endpoints.told) == 180)
    assert all(endpoints.statuses(message) == TOLD for message in slow)


async def test_a_failed_one_is_tried_again_and_the_others_wait_behind_it(bench: Bench, ground: Ground) -> None:
    endpoints = bench.endpoints
    endpoints.status["a"] = 500
    message = await bench.live(ground.message(callback=at("a")), *LIFE)
    await endpoints.until(lambda: len(endpoints.told) == 1)
    while not (await ground.store.callbacks(PROJECT, "pending", 10))[0].attempts:
        pass
    endpoints.status["a"] = 200
    ground.clock.add(11)
    await endpoints.until(lambda: len(endpoints.told) == 4)
    assert endpoints.statuses(message) == ["sending", *TOLD]


async def test_one_that_fails_for_long_is_dead_and_can_be_replayed(bench: Bench, ground: Ground) -> None:
    endpoints = bench.endpoints
    endpoints.status["a"] = 503
    message = await bench.live(ground.message(callback=at("a")), State.INITIATED)
    for attempt in range(1, 4):
        await endpoints.until(lambda attempt=attempt: len(endpoints.told) == attempt)
        while (await ground.store.callbacks(PROJECT, "pending" if attempt < 3 else "dead", 10)) == []:
            pass
        while (await ground.store.callbacks(PROJECT, "pending" if attempt < 3 else "dead", 10))[0].attempts < attempt:
            pass
        ground.clock.add(11)
    (dead,) = await ground.store.callbacks(PROJECT, "dead", 10)
    assert (dead.message_id, dead.attempts, dead.last_http_status) == (message.id, 3, 503)
    endpoints.status["a"] = 200
    now, first = ground.clock.now(), (floor(0), -1)
    assert len(await ground.store.replay_callbacks(PROJECT, message.id, now, after=first, limit=9)) == 1
    await endpoints.until(lambda: len(endpoints.told) == 4)


async def test_a_fault_of_ours_in_one_is_an_attempt_that_failed_and_hurts_no_other(
    bench: Bench, ground: Ground
) -> None:
    broken = await bench.live(ground.message(callback=at("broken")), *LIFE)
    sound = await bench.live(ground.message(callback=at("b")), *LIFE)
    await bench.endpoints.until(lambda: len(bench.endpoints.told) == 3)
    assert bench.endpoints.statuses(sound) == TOLD and not bench.endpoints.statuses(broken)


async def test_a_long_body_is_told_by_get(bench: Bench, ground: Ground) -> None:
    bench.endpoints.asked = []
    long = "\N{GRINNING FACE}" * 1600
    callback = Callback(url="http://a/cb", method="GET")
    await bench.live(ground.message(callback=callback, body=long), State.INITIATED)
    await bench.endpoints.until(lambda: bool(bench.endpoints.asked))
    assert len(bench.endpoints.asked[0]) > 1600 * 12


async def test_what_an_earlier_run_owed_is_told(ground: Ground) -> None:
    message = ground.message(callback=at("a"))
    await ground.accept(message)
    current = message
    for state in LIFE:
        (moved,) = await ground.transitions.apply([Step(message=current, states=(state,))])
        assert moved is not None
        current = moved
    bench = Bench(ground, Endpoints())
    await bench.open()
    await bench.endpoints.until(lambda: len(bench.endpoints.told) == 3)
    assert bench.endpoints.statuses(message) == TOLD


async def test_a_redacted_message_is_told_without_its_body(bench: Bench, ground: Ground) -> None:
    seen: list[bytes] = []
    original = bench.endpoints.request

    async def request(asked: HttpRequest) -> HttpResponse:
        seen.append(asked.body or b"")
        return await original(asked)

    bench.endpoints.held["a"] = asyncio.Event()
    bench.callbacks._webhooks = type("Spy", (), {"request": staticmethod(request)})()
    message = await bench.live(ground.message(callback=at("a"), body="secret"), *LIFE)
    bench.callbacks.forget_body(message)
    bench.endpoints.held["a"].set()
    await bench.endpoints.until(lambda: len(bench.endpoints.told) == 3)
    assert all(b"secret" not in body for body in seen[1:])


async def test_a_copy_older_than_the_redaction_is_told_without_its_body(bench: Bench, ground: Ground) -> None:
    """A receipt under way holds a copy of the message from before."""
    seen: list[bytes] = []
    original = bench.endpoints.request

    async def request(asked: HttpRequest) -> HttpResponse:
        seen.append(asked.body or b"")
        return await original(asked)

    bench.callbacks._webhooks = type("Spy", (), {"request": staticmethod(request)})()
    message = await bench.live(ground.message(callback=at("a"), body="secret"), State.INITIATED, State.SENT)
    await bench.endpoints.until(lambda: len(bench.endpoints.told) == 2)
    bench.callbacks.forget_body(message)
    await bench.move(message, State.DELIVERED)
    await bench.endpoints.until(lambda: len(bench.endpoints.told) == 3)
    assert b"secret" not in seen[-1]


# -- a notifier of its own


class Binds:
    """A customer whose binds come and go."""

    policy = None

    def __init__(self) -> None:
        self.here = False
        self.loses: set[str] = set()
        self.answer = Told(code=0)
        self.told: list[tuple[str, State]] = []
        self.tried = 0
        self.came = asyncio.Event()

    def reachable(self, origin: str) -> bool:
        return self.here

    def concurrency(self, origin: str) -> int:
        return 3

    async def attempt(self, due: DueCallback) -> Told:
        self.tried += 1
        self.came.set()
        if due.message.id in self.loses:
            self.loses.discard(due.message.id)
            self.here = False
            return Told(reached=False)
        if self.answer.error is None:
            self.told.append((due.message.id, due.state))
        return self.answer

    async def until(self, wanted: Callable[[], bool]) -> None:
        async with asyncio.timeout(30):
            while not wanted():
                self.came.clear()
                await self.came.wait()


ACME = smpp_callback("acme")
FINAL = SmppOptions(registered_delivery=1)


@pytest.fixture
async def binds(bench: Bench) -> Binds:
    made = Binds()
    bench.callbacks.notifiers["smpp"] = made
    return made


async def rows_of(ground: Ground, status: str) -> list[CallbackRecord]:
    return await ground.store.callbacks(PROJECT, status, 1000)


async def test_callbacks_wait_for_a_bind_without_being_tried(bench: Bench, ground: Ground, binds: Binds) -> None:
    messages = [await bench.live(ground.message(callback=ACME, options=FINAL), *LIFE) for _ in range(150)]
    assert {(row.attempts, row.state) for row in await rows_of(ground, "pending")} == {(0, State.DELIVERED)}
    assert binds.tried == 0
    binds.here = True
    bench.callbacks.wake("smpp:acme")
    await binds.until(lambda: len(binds.told) == 150)
    assert sorted(binds.told) == sorted((message.id, State.DELIVERED) for message in messages)


async def test_one_whose_bind_was_lost_is_told_over_the_next(bench: Bench, ground: Ground, binds: Binds) -> None:
    binds.here = True
    message = ground.message(callback=ACME, options=FINAL)
    binds.loses.add(message.id)
    await bench.live(message, *LIFE)
    await binds.until(lambda: binds.tried == 1)
    (row,) = await rows_of(ground, "pending")
    assert row.attempts == 0
    binds.here = True
    bench.callbacks.wake("smpp:acme")
    await binds.until(lambda: len(binds.told) == 1)
    assert binds.told == [(message.id, State.DELIVERED)]


async def test_one_that_is_refused_for_good_is_dead_at_once(bench: Bench, ground: Ground, binds: Binds) -> None:
    binds.here = True
    binds.answer = Told(code=0x65, error="RX_P_APPN", final=True)
    await bench.live(ground.message(callback=ACME, options=FINAL), *LIFE)
    await binds.until(lambda: binds.tried == 1)
    while not await rows_of(ground, "dead"):
        pass
    (dead,) = await rows_of(ground, "dead")
    assert (dead.last_http_status, dead.attempts) == (0x65, 1)


async def test_what_waited_too_long_for_a_bind_dies_untried(bench: Bench, ground: Ground, binds: Binds) -> None:
    for _ in range(150):  # more than memory holds
        await bench.live(ground.message(callback=ACME, options=FINAL), *LIFE)
    async with asyncio.timeout(30):
        while len(await rows_of(ground, "dead")) < 150:
            ground.clock.add(1)
    assert {row.last_error for row in await rows_of(ground, "dead")} == {"nobody was there to be told"}
    assert binds.tried == 0


async def test_an_inbound_message_is_owed_with_its_step_to_received(bench: Bench, ground: Ground, binds: Binds) -> None:
    binds.here = True
    inbound = ground.message(direction=Direction.INBOUND, state=State.RECEIVING, callback=ACME)
    await bench.live(inbound, State.RECEIVED)
    await binds.until(lambda: len(binds.told) == 1)
    assert binds.told == [(inbound.id, State.RECEIVED)]


async def test_a_project_that_forces_https_has_it_asked_of_the_client(bench: Bench, ground: Ground) -> None:
    (project,) = bench.directory.projects()
    await bench.live(ground.message(callback=at("a")), State.INITIATED)
    await bench.endpoints.until(lambda: bench.endpoints.https_only == [False])
    await bench.directory.update_project(project.id, lambda now: replace(now, switches=frozenset({FORCE_HTTPS})))
    await bench.live(ground.message(callback=at("a")), State.INITIATED)
    await bench.live(ground.message(callback=at("a"), source=Source.REALTIME), State.INITIATED)
    await bench.endpoints.until(lambda: bench.endpoints.https_only == [False, True, True])


async def test_one_of_a_project_that_is_gone_is_dead_at_once(bench: Bench, ground: Ground) -> None:
    gone = "99999999-9999-4999-8999-999999999999"
    await bench.live(ground.message(project_id=gone, callback=at("a")), State.INITIATED)
    while not (rows := await ground.store.callbacks(gone, "dead", 10)):
        pass
    assert [(row.attempts, row.last_error) for row in rows] == [(1, PROJECT_GONE)]
    assert bench.endpoints.asked == []


async def test_a_bind_that_only_seems_to_be_there_stops_nobody(bench: Bench, ground: Ground, binds: Binds) -> None:
    """What is told nobody is not told again in the same turn of the loop: whoever is going could never be gone."""
    turns: list[int] = []
    turn = 0

    async def attempt(due: DueCallback) -> Told:
        if not turns:
            asyncio.get_running_loop().call_soon(next_turn)
        turns.append(turn)
        if len(turns) > 50:
            raise AssertionError("the loop was never let go on")
        return Told(reached=False)

    def next_turn() -> None:
        nonlocal turn
        turn += 1
        binds.here = turn < 5
        asyncio.get_running_loop().call_soon(next_turn)

    binds.here = True
    bench.callbacks.notifiers["smpp"].attempt = attempt  # type: ignore[method-assign]
    message = await bench.live(ground.message(callback=ACME, options=FINAL), *LIFE)
    while turn < 10:
        await asyncio.sleep(0)
    assert turns and len(turns) == len(set(turns))
    assert [(row.message_id, row.attempts) for row in await rows_of(ground, "pending")] == [(message.id, 0)]
