"""Callbacks: in order for each message, one endpoint apart from another, tried again, dead in the end."""

import asyncio
from collections.abc import Callable

import pytest
from engine_ground import PROJECT, Ground

from heliograph.core.directory import Project
from heliograph.core.lifecycle import State
from heliograph.core.message import Callback, Message
from heliograph.core.retry import RetryPolicy
from heliograph.engine.callbacks import Callbacks, CallbackSettings
from heliograph.engine.directory import Directory
from heliograph.engine.transition import Step
from heliograph.ports import HttpRequest, HttpResponse
from heliograph.wire.forms import parse


class Endpoints:
    """Webhooks as the test scripts them: a status for each host; a host may be held back."""

    def __init__(self) -> None:
        self.told: list[tuple[str, str, str]] = []
        self.status: dict[str, int] = {}
        self.held: dict[str, asyncio.Event] = {}
        self.came = asyncio.Event()
        self.asked: list[str] = []

    async def request(self, request: HttpRequest) -> HttpResponse:
        host = request.url.split("/")[2]
        self.asked.append(request.url)
        if host == "broken":
            raise RuntimeError("a fault of ours")
        if request.method == "GET":
            self.came.set()
            return HttpResponse(status=200, headers={}, body=b"", url=request.url)
        if host in self.held:
            await self.held[host].wait()
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
        self.callbacks = Callbacks(
            store=ground.store,
            clock=ground.clock,
            webhooks=endpoints,
            directory=self.directory,
            transitions=ground.transitions,
            metrics=ground.metrics,
            settings=CallbackSettings(**(values | settings)),  # type: ignore[arg-type]
            jitter=lambda: 0.5,
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
    assert await ground.store.replay_callbacks(PROJECT, message.id, ground.clock.now()) == 1
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
