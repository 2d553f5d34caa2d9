"""The end of a message's validity while a carrier has it: what it becomes, and that it always becomes something."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path

import pytest
from dispatch_ground import Machine
from engine_ground import PROJECT, REACHES_SECONDS, Ground, ScriptedCarrier, grounds
from hypothesis import given
from hypothesis import strategies as st

from heliograph.core.errors import Permanent, Temporary, Uncertain
from heliograph.core.lifecycle import State
from heliograph.core.message import Event, Message
from heliograph.engine import sweeper as sweeping
from heliograph.engine.answer_time import (
    FIRST_MARGIN_SECONDS,
    MARGIN_MAX_SECONDS,
    MARGIN_MIN_SECONDS,
    AnswerTime,
)
from heliograph.engine.directory import Directory
from heliograph.engine.retries import BEGINNING
from heliograph.engine.sweeper import Sweeper, SweepSettings
from heliograph.net.media import MediaFiles
from heliograph.ports import Answer, ExpiredMessage, HandOver, Store

VALIDITY_SECONDS = 20
ANSWER_SECONDS = 10.0
"""The scripted carrier's."""

EXPIRED = (State.FAILED, 30001, False)
IN_DOUBT = (State.UNDELIVERED, 30009, True)


@pytest.fixture
async def ground(tmp_path: Path, store_url: str | None) -> AsyncIterator[Ground]:
    """On either store."""
    async for made in grounds(tmp_path, store_url):
        yield made


class World:
    """A machine with a sweeper that the test has sweep."""

    def __init__(self, ground: Ground, carrier: ScriptedCarrier, store: object = None, **settings: object) -> None:
        self.ground, self.carrier = ground, carrier
        self.machine = Machine(ground, carrier, **settings)
        dispatcher = self.machine.dispatcher
        self.sweeper = Sweeper(
            store=store or ground.store,  # type: ignore[arg-type]  # a store, watched
            clock=ground.clock,
            directory=Directory(ground.store, ground.clock),
            transitions=ground.transitions,
            files=MediaFiles(Path("/nonexistent")),
            settings=SweepSettings(every_seconds=1, retention_days=0, idempotency_hours=24, sticky_sender_days=0),
        )
        self.sweeper.awaited = dispatcher.awaited
        self.sweeper.ended = lambda message, deferred: dispatcher.forget(message, deferred=deferred)

    def message(self) -> Message:
        return self.ground.message(expires_at=self.ground.clock.now() + VALIDITY_SECONDS * 1_000_000)

    async def until(self, condition: Callable[[], object]) -> None:
        async with asyncio.timeout(REACHES_SECONDS):
            while not condition():
                await self.ground.store.deferred_counts()

    async def submitted(self, message: Message) -> None:
        await self.until(lambda: message.id in self.carrier.answers)

    async def recorded(self, message: Message) -> None:
        """Its outcome is on disk."""
        await self.until(lambda: message.id not in self.machine.dispatcher.awaited())

    async def refuse(self, message: Message) -> None:
        self.carrier.answers.pop(message.id).set_exception(Temporary(30022, "not now"))
        await self.recorded(message)

    async def retried(self) -> Message:
        """A message that was refused once and is in flight again."""
        message = self.message()
        await self.machine.take(message)
        await self.submitted(message)
        await self.refuse(message)
        self.ground.clock.add(1)
        await self.submitted(message)
        return message

    async def end(self, message: Message) -> tuple[State, int | None, bool]:
        found = await self.ground.store.message(PROJECT, message.id)
        assert found is not None
        return found.state, found.error_code, found.uncertain

    async def sweep_after(self, seconds: float, message: Message) -> tuple[State, int | None, bool]:
        self.ground.clock.add(seconds)
        await self.sweeper.expire_now()
        return await self.end(message)


@pytest.fixture
async def here(ground: Ground, carrier: ScriptedCarrier) -> World:
    carrier.answer_seconds = ANSWER_SECONDS
    return World(ground, carrier)


async def first_submit(here: World) -> Message:
    message = here.message()
    await here.machine.take(message)
    await here.submitted(message)
    return message


# -- a submit in flight at the end


@pytest.mark.parametrize("is_retry", [True, False])
@pytest.mark.parametrize(
    ("answer", "end"),
    [
        (Temporary(30022, "not now"), EXPIRED),
        (Permanent(30005, "unknown"), (State.FAILED, 30005, False)),
        (Temporary(30022, "the rest not", accepted={1: "ref"}), IN_DOUBT),
        (Uncertain("the connection was lost"), IN_DOUBT),
        ("ref", (State.SENT, None, False)),
        (None, IN_DOUBT),
    ],
    ids=["refused for now", "refused for good", "accepted in part", "lost", "accepted", "none"],
)
async def test_submit_in_flight_at_the_end_of_validity_ends_as_its_answer_says(
    here: World, is_retry: bool, answer: Exception | str | None, end: tuple[State, int | None, bool]
) -> None:
    message = await (here.retried() if is_retry else first_submit(here))
    here.carrier.known[message.id] = None
    assert (await here.sweep_after(VALIDITY_SECONDS, message))[0] is State.INITIATED
    match answer:
        case Exception():
            here.carrier.answers[message.id].set_exception(answer)
        case str():
            here.carrier.accept(message, answer)
    if answer is not None:
        await here.recorded(message)
    await here.sweep_after(ANSWER_SECONDS, message)
    await here.sweep_after(0, message)  # during the first read the submit may have been given up
    assert await here.end(message) == end
    assert len(here.carrier.submitted) == 1 + is_retry
    assert here.ground.transitions.deferred.of_family(PROJECT) == 0


async def test_answer_is_waited_for_no_longer_than_the_carrier_may_take(here: World) -> None:
    message = await here.retried()
    assert (await here.sweep_after(VALIDITY_SECONDS - 1 + ANSWER_SECONDS - 0.1, message))[0] is State.INITIATED
    assert await here.sweep_after(0.2, message) == IN_DOUBT
    assert not here.machine.dispatcher.awaited()


async def test_message_of_a_carrier_that_was_long_silent_ends_with_its_validity(
    ground: Ground, carrier: ScriptedCarrier
) -> None:
    here = World(ground, carrier, answer_seconds=5.0)
    message = await here.retried()
    ground.clock.add(6)
    await here.until(lambda: here.machine.dispatcher.in_flight() == 0)
    assert await here.sweep_after(VALIDITY_SECONDS - 6, message) == IN_DOUBT


async def test_messages_that_are_waited_for_hold_up_no_other(here: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweeping, "EXPIRED_MAX", 2)
    waiting = [await first_submit(here) for _ in range(4)]
    here.carrier.window = 0
    others = [here.message() for _ in range(3)]
    await here.machine.take(*others)
    await here.sweep_after(VALIDITY_SECONDS, others[0])
    assert {await here.end(each) for each in others} == {EXPIRED}
    assert {(await here.end(each))[0] for each in waiting} == {State.INITIATED}


async def test_message_in_doubt_that_is_sent_again_stays_in_doubt_when_it_expires(
    ground: Ground, carrier: ScriptedCarrier
) -> None:
    """uncertain_policy = resend: the first submit may have arrived, whatever is said of the second."""
    here = World(ground, carrier, resend_uncertain=True)
    message = await first_submit(here)
    carrier.known[message.id] = None
    carrier.answers.pop(message.id).set_exception(Uncertain("the connection was lost"))
    await here.submitted(message)
    await here.refuse(message)
    assert await here.sweep_after(VALIDITY_SECONDS, message) == IN_DOUBT


# -- races


class SlowRead:
    """A store in which something happens while the expired messages are read."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.meanwhile: Callable[[], object] = lambda: None

    async def expired(self, now: int, after: tuple[int, str], limit: int) -> list[ExpiredMessage]:
        found = await self._store.expired(now, after, limit)
        await self.meanwhile()  # type: ignore[misc]
        return found


async def test_refusal_that_is_written_during_the_sweepers_read_counts(
    ground: Ground, carrier: ScriptedCarrier
) -> None:
    store = SlowRead(ground.store)
    here = World(ground, carrier, store)
    message = await here.retried()

    async def refuse() -> None:
        if message.id in carrier.answers:
            await here.refuse(message)

    store.meanwhile = refuse
    assert (await here.sweep_after(VALIDITY_SECONDS, message))[0] is State.INITIATED
    assert await here.sweep_after(0, message) == EXPIRED


class HeldHandOver:
    """A store that waits before it writes that messages are handed over again."""

    def __init__(self, store: Store) -> None:
        self._hand_over = store.hand_over
        self.asked, self.may = asyncio.Event(), asyncio.Event()
        store.hand_over = self.hand_over  # type: ignore[method-assign]

    async def hand_over(self, messages: Sequence[HandOver], events: Sequence[Event]) -> frozenset[str]:
        if not all(each.deferred for each in messages):
            self.asked.set()
            await self.may.wait()
        return await self._hand_over(messages, events)


async def test_retry_whose_hand_over_is_written_past_the_validity_is_not_submitted(here: World) -> None:
    message = here.message()
    await here.machine.take(message)
    await here.submitted(message)
    store = HeldHandOver(here.ground.store)
    await here.refuse(message)
    here.ground.clock.add(1)
    await store.asked.wait()
    assert (await here.sweep_after(VALIDITY_SECONDS, message))[0] is State.INITIATED
    store.may.set()
    await here.recorded(message)
    assert await here.sweep_after(0, message) == EXPIRED
    assert len(here.carrier.submitted) == 1
    assert here.ground.transitions.deferred.of_family(PROJECT) == 0


@pytest.mark.parametrize(
    ("known", "end"),
    [(Answer(refs=None), EXPIRED), (Answer(refs=("ref",)), (State.SENT, None, False)), (None, IN_DOUBT)],
    ids=["never had it", "has it", "can't say"],
)
async def test_crash_with_a_retry_in_flight_ends_as_the_carrier_says(
    ground: Ground, carrier: ScriptedCarrier, known: Answer | None, end: tuple[State, int | None, bool]
) -> None:
    before = World(ground, carrier)
    message = await before.retried()
    for task in ground.tasks:
        task.cancel()
    await asyncio.gather(*ground.tasks, return_exceptions=True)
    ground.clock.add(VALIDITY_SECONDS)
    carrier.known[message.id] = known
    after = World(ground, carrier)
    left = await after.machine.dispatcher.left_initiated()
    await after.machine.dispatcher.recover(left)
    await after.sweep_after(0, message)
    assert await after.end(message) == end
    assert len(carrier.submitted) == 2


# -- no retry that can't be answered


@pytest.mark.parametrize(("took_seconds", "is_tried_again"), [(0.01, True), (1.0, True), (2.5, False)])
async def test_retry_is_made_only_where_its_answer_may_come_in_time(
    here: World, took_seconds: float, is_tried_again: bool
) -> None:
    """4 s are left."""
    message = await first_submit(here)
    here.ground.clock.add(took_seconds)
    await here.refuse(message)
    here.ground.clock.add(VALIDITY_SECONDS - 4 - took_seconds)
    marker = here.ground.message()
    await here.machine.take(marker)
    await here.submitted(marker)
    for _ in range(50):
        await here.ground.store.deferred_counts()
        await asyncio.sleep(0)
    if is_tried_again:
        await here.submitted(message)
        return
    while here.machine.dispatcher._lanes["scripted"].retries.ready:
        await here.ground.store.deferred_counts()
    assert message.id not in here.carrier.answers
    (kept,) = await here.ground.store.deferred(
        "scripted", PROJECT, until=here.ground.clock.now(), after=BEGINNING, limit=9
    )
    assert kept.message.id == message.id
    assert await here.sweep_after(4, message) == EXPIRED


ANSWER_TIMES = st.lists(st.floats(0, 3600), max_size=50)


@given(times=ANSWER_TIMES, answer_seconds=st.floats(0.001, 3600))
def test_margin_keeps_its_bounds(times: list[float], answer_seconds: float) -> None:
    observed = AnswerTime()
    for seconds in times:
        observed.observe(seconds)
    margin = observed.margin_seconds(answer_seconds)
    assert min(MARGIN_MIN_SECONDS, answer_seconds) <= margin <= min(MARGIN_MAX_SECONDS, answer_seconds)


@pytest.mark.parametrize(
    ("times", "margin_seconds"),
    [([], FIRST_MARGIN_SECONDS), ([0.001], MARGIN_MIN_SECONDS), ([0.2], 0.6), ([0.2] * 100, 0.2), ([9.0] * 100, 5.0)],
)
def test_margin_follows_the_answers(times: list[float], margin_seconds: float) -> None:
    observed = AnswerTime()
    for seconds in times:
        observed.observe(seconds)
    assert observed.margin_seconds(30.0) == pytest.approx(margin_seconds, abs=0.001)
