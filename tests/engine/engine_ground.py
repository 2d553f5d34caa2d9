"""An engine on a real embedded store, with a clock that tests set and a carrier that they script."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from heliograph import app, config
from heliograph.core.ids import Uuid7Generator
from heliograph.core.lifecycle import State
from heliograph.core.message import Callback, Direction, Kind, Message, Source
from heliograph.core.pricing import Rates
from heliograph.engine.metrics import Metrics
from heliograph.engine.transition import Transitions
from heliograph.ports import Acceptance, Answer, CarrierEvents, CarrierStatus, Store, Submission, Submitted

REACHES_SECONDS = 30
"""After this a state is taken never to come: generous, for a machine that is busy."""

PROJECT = "11111111-1111-4111-8111-111111111111"


@dataclass
class SetClock:
    """Shows what the test says; seconds are added by hand."""

    micros: int = 1_790_000_000_000_000

    def now(self) -> int:
        return self.micros

    def monotonic(self) -> float:
        return self.micros / 1e6

    def add(self, seconds: float) -> None:
        self.micros += int(seconds * 1e6)


@dataclass
class ScriptedCarrier:
    """Keeps what is submitted; the test answers."""

    name: str = "scripted"
    window: int = 100
    available: bool = True
    attempts: int = 5
    answer_seconds: float = 10.0
    submitted: list[Submission] = field(default_factory=list)
    answers: dict[str, "asyncio.Future[Submitted]"] = field(default_factory=dict)
    known: dict[str, Answer | None] = field(default_factory=dict)
    came: asyncio.Event = field(default_factory=asyncio.Event)

    async def start(self, events: CarrierEvents) -> None:
        self.events = events

    def status(self) -> CarrierStatus:
        return CarrierStatus(name=self.name, kind="scripted", available=self.available, window=self.window, in_flight=0)

    def submit(self, submission: Submission) -> "asyncio.Future[Submitted]":
        self.submitted.append(submission)
        answer: asyncio.Future[Submitted] = asyncio.get_running_loop().create_future()
        self.answers[submission.message_id] = answer
        self.came.set()
        return answer

    def accept(self, message: Message, *refs: str) -> None:
        """The carrier's answer: it has all parts, under these references."""
        self.answers[message.id].set_result(Submitted(refs=refs))

    async def query(self, message: Message) -> Answer | None:
        return self.known.get(message.id, Answer(refs=None))

    async def stop(self) -> None:
        return None


ids = Uuid7Generator(lambda: 5)


@dataclass
class Ground:
    """What every engine test stands on."""

    store: Store
    clock: SetClock
    metrics: Metrics
    transitions: Transitions
    tasks: list["asyncio.Task[None]"] = field(default_factory=list)

    def go(self, work: object) -> "asyncio.Task[None]":
        task = asyncio.get_running_loop().create_task(work)  # type: ignore[arg-type]
        self.tasks.append(task)
        return task

    def message(self, **changes: object) -> Message:
        now = self.clock.now()
        values: dict[str, object] = {
            "id": ids.next(now),
            "project_id": PROJECT,
            "direction": Direction.OUTBOUND_API,
            "kind": Kind.SMS,
            "source": Source.LAML,
            "from_number": "+12025550101",
            "to_number": "+12025550199",
            "body": "hello",
            "segments": 1,
            "state": State.QUEUED,
            "created_at": now,
            "updated_at": now,
            "expires_at": now + 3600 * 1_000_000,
        }
        return Message(**(values | changes))  # type: ignore[arg-type]

    async def accept(self, *messages: Message) -> None:
        for message in messages:
            await self.store.accept(Acceptance(message=message, event_no=self.transitions.event_numbers.next()))

    async def state(self, message: Message) -> State | None:
        found = await self.store.message(PROJECT, message.id)
        return found.state if found else None

    async def reaches(self, message: Message, state: State) -> Message:
        """The message, once it is in a state; each look lets the engine's tasks go on."""
        async with asyncio.timeout(REACHES_SECONDS):
            while True:
                found = await self.store.message(PROJECT, message.id)
                if found is not None and found.state is state:
                    return found


@pytest.fixture
async def ground(tmp_path: Path) -> AsyncIterator[Ground]:
    async for made in grounds(tmp_path, None):
        yield made


async def grounds(folder: Path, store_url: str | None) -> AsyncIterator[Ground]:
    """One, and its end. store_url: of PostgreSQL; None for SQLite."""
    store = app.make_store(config.load({"data": str(folder), "database_url": store_url}, {}), exclusive=True)
    await store.open()
    clock = SetClock()
    metrics = Metrics()
    made = Ground(store, clock, metrics, Transitions(store, clock, Rates(), metrics, lambda project_id: project_id))
    yield made
    for task in made.tasks:
        task.cancel()
    await asyncio.gather(*made.tasks, return_exceptions=True)
    await store.close()


@pytest.fixture
def carrier() -> ScriptedCarrier:
    return ScriptedCarrier()


def a_callback(path: str = "/cb", port: int = 9) -> Callback:
    return Callback(url=f"http://127.0.0.1:{port}{path}")
