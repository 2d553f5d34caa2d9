import asyncio
import itertools
import signal
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from hand_time import HandTime, settle

from heliograph.carriers import loopback
from heliograph.carriers.journal import Journal, accepted_counts
from heliograph.carriers.loopback import LoopbackCarrier, LoopbackSettings
from heliograph.carriers.special_numbers import CONDUCTS
from heliograph.core.errors import Permanent, Temporary, Uncertain
from heliograph.core.lifecycle import State
from heliograph.core.message import Direction, Kind, Message, Source
from heliograph.ports import Answer, Carrier, InboundPart, Receipt, Submission, Submitted

ORDINARY = "+12025550101"


class Events:
    """What the carrier tells; only receipts, which `take` gets."""

    def __init__(self, take: Callable[[Receipt], Any]) -> None:
        self.take = take

    async def receipt(self, carrier: str, receipt: Receipt) -> str | None:
        await self.take(receipt)
        return receipt.carrier_ref

    async def inbound(self, part: InboundPart) -> None:
        raise AssertionError

    def changed(self, carrier: str) -> None:
        raise AssertionError


def a_message(message_id: str) -> Message:
    return Message(
        id=message_id,
        project_id="p",
        direction=Direction.OUTBOUND_API,
        kind=Kind.SMS,
        source=Source.LAML,
        from_number="+12025550100",
        to_number=ORDINARY,
        body="secret",
        segments=1,
        state=State.INITIATED,
        created_at=0,
        updated_at=0,
        expires_at=0,
    )


class Desk:
    """A carrier, its time, and whoever takes its receipts."""

    def __init__(self, path: Path, time: HandTime, **settings: Any) -> None:
        self.time = time
        self.path = path
        self.receipts: list[tuple[str, str, int | None]] = []
        self.moments: list[float] = []
        self.taking: Callable[[Receipt], Any] = lambda receipt: None
        self.carrier = LoopbackCarrier(LoopbackSettings(**settings), path, time, schedule=time.schedule)

    async def start(self) -> "Desk":
        await self.carrier.start(Events(self.take))
        return self

    async def take(self, receipt: Receipt) -> None:
        self.receipts.append((receipt.carrier_ref, str(receipt.state), receipt.error_code))
        self.moments.append(round(self.time.seconds - 100.0, 3))
        result = self.taking(receipt)
        if result is not None:
            await result

    def submit(self, message_id: str, to: str = ORDINARY, *, mms: bool = False) -> "asyncio.Future[Submitted]":
        answer = self.carrier.submit(
            Submission(
                message_id=message_id, from_number="+12025550100", to_number=to, body="secret", segments=1, mms=mms
            )
        )
        answer.add_done_callback(lambda done: done.cancelled() or done.exception())
        return answer


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "simulator.journal"


@pytest.fixture
async def desk(path: Path) -> AsyncIterator[Callable[..., Any]]:
    """Starts desks on one journal, each as after the death of the one before it, whose time stands still."""
    desks: list[Desk] = []

    async def start(*, epoch_seconds: int = 1_700_000_000, **settings: Any) -> Desk:
        time = HandTime(desks[-1].time.seconds if desks else 100.0, epoch_seconds)
        desks.append(await Desk(path, time, **settings).start())
        return desks[-1]

    yield start
    for each in desks:
        await each.carrier.stop()


# -- the ordinary way


async def test_accepts_after_50_ms_and_delivers_200_ms_later(desk: Callable[..., Any], path: Path) -> None:
    here = await desk()
    answer = here.submit("a")
    await here.time.advance(0.048)
    assert not answer.done()
    assert accepted_counts(path) == {}
    await here.time.advance(0.002)
    assert answer.result().refs == ("sim-a",)
    assert accepted_counts(path) == {"a": 1}
    await here.time.advance(0.198)
    assert here.receipts == []
    await here.time.advance(0.002)
    assert here.receipts == [("sim-a", "delivered", None)]
    await here.time.advance(100)
    assert here.receipts == [("sim-a", "delivered", None)]
    assert b"secret" not in path.read_bytes()


async def test_is_a_carrier(path: Path) -> None:
    carrier: Carrier = LoopbackCarrier(LoopbackSettings(window=7), path, HandTime())
    assert (carrier.name, carrier.window) == ("loopback", 7)
    with pytest.raises(Temporary):
        await carrier.submit(Submission(message_id="a", from_number="1", to_number="2", body="", segments=1, mms=False))
    assert await carrier.query(a_message("a")) is None
    await carrier.stop()


async def test_no_pauses_at_all(desk: Callable[..., Any]) -> None:
    here = await desk(answer_ms=0, receipt_ms=0)
    answer = here.submit("a")
    await here.time.advance(0)
    assert answer.result().refs == ("sim-a",)
    assert here.receipts == [("sim-a", "delivered", None)]


async def test_runs_on_the_loops_own_timers(path: Path) -> None:
    class LoopClock(HandTime):
        def monotonic(self) -> float:
            return asyncio.get_running_loop().time()

    carrier = LoopbackCarrier(LoopbackSettings(answer_ms=1, receipt_ms=1), path, LoopClock())
    taken: asyncio.Future[Receipt] = asyncio.get_running_loop().create_future()

    async def take(receipt: Receipt) -> None:
        taken.set_result(receipt)

    await carrier.start(Events(take))
    submission = Submission(message_id="a", from_number="1", to_number="2", body="", segments=1, mms=False)
    assert (await carrier.submit(submission)).refs == ("sim-a",)
    assert (await taken).state is State.DELIVERED
    await carrier.stop()


# -- the special numbers, row by row


@pytest.mark.parametrize("code", range(30003, 30009))
async def test_undelivered(desk: Callable[..., Any], code: int) -> None:
    here = await desk()
    answer = here.submit("a", f"+1500555{code - 27000}")
    await here.time.advance(0.25)
    assert answer.result().refs == ("sim-a",)
    assert here.receipts == [("sim-a", "undelivered", code)]


async def test_refused(desk: Callable[..., Any], path: Path) -> None:
    here = await desk()
    answer = here.submit("a", "+15005554000")
    await here.time.advance(0.05)
    error = answer.exception()
    assert isinstance(error, Permanent)
    assert error.code == 30008
    assert await here.carrier.query(a_message("a")) == Answer(refs=None)
    await here.time.advance(100)
    assert (accepted_counts(path), here.receipts) == ({}, [])


async def test_never_answers(desk: Callable[..., Any]) -> None:
    here = await desk()
    answer = here.submit("a", "+15005554001")
    await here.time.advance(200_000)
    assert not answer.done()
    assert await here.carrier.query(a_message("a")) == Answer(refs=None)
    await here.carrier.stop()
    assert isinstance(answer.exception(), Uncertain)


async def test_no_receipt(desk: Callable[..., Any]) -> None:
    here = await desk()
    answer = here.submit("a", "+15005554002")
    await here.time.advance(1000)
    assert answer.result().refs == ("sim-a",)
    again = await desk()
    await again.time.advance(1000)
    assert here.receipts == again.receipts == []


async def test_receipt_twice(desk: Callable[..., Any]) -> None:
    here = await desk()
    here.submit("a", "+15005554003")
    await here.time.advance(0.25)
    assert here.receipts == [("sim-a", "delivered", None)] * 2
    again = await desk()
    await again.time.advance(1000)
    assert again.receipts == []


async def test_receipt_after_30_s(desk: Callable[..., Any]) -> None:
    here = await desk(jitter_ms=100)
    answer = here.submit("a", "+15005554004")
    await here.time.advance(0.15)
    assert answer.done()
    await here.time.advance(29.8)
    assert here.receipts == []
    await here.time.advance(0.2)
    assert here.receipts == [("sim-a", "delivered", None)]


async def test_receipt_before_the_answer(desk: Callable[..., Any]) -> None:
    here = await desk()
    answer = here.submit("a", "+15005554005")
    await here.time.advance(0.05)
    assert here.receipts == [("sim-a", "delivered", None)]
    assert not answer.done()
    assert await here.carrier.query(a_message("a")) == Answer(refs=("sim-a",))
    await here.time.advance(0.2)
    assert answer.result().refs == ("sim-a",)
    assert len(here.receipts) == 1


async def test_throttled_for_5_s(desk: Callable[..., Any], path: Path) -> None:
    here = await desk()
    for _ in range(4):
        answer = here.submit("a", "+15005554006")
        await here.time.advance(1.24)
        error = answer.exception()
        assert isinstance(error, Temporary)
        assert error.code == 30022
    assert accepted_counts(path) == {}
    await here.time.advance(0.04)
    accepted = here.submit("a", "+15005554006")
    other = here.submit("b", "+15005554006")
    await here.time.advance(0.25)
    assert accepted.result().refs == ("sim-a",)
    assert isinstance(other.exception(), Temporary), "each message has its own 5 s"
    assert here.receipts == [("sim-a", "delivered", None)]


async def test_what_is_throttled_is_remembered_within_bounds(
    desk: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loopback, "THROTTLED_MAX", 2)
    here = await desk()
    for each in "abc":
        here.submit(each, "+15005554006")
    await here.time.advance(6)
    answers = [here.submit(each, "+15005554006") for each in "cba"]
    await here.time.advance(0.05)
    assert [type(answer.exception()) for answer in answers] == [type(None), type(None), Temporary]


@pytest.mark.parametrize("to", [ORDINARY, "+15005553003", "+15005554003", "+15005554005"])
async def test_no_receipt_for_mms(desk: Callable[..., Any], to: str) -> None:
    here = await desk()
    answer = here.submit("a", to, mms=True)
    await here.time.advance(0.05)
    assert answer.result().refs == ("sim-a",)
    await here.time.advance(1000)
    assert here.receipts == []


# -- chance


async def outcomes(path: Path, **settings: Any) -> tuple[list[str], list[Any], list[float]]:
    here = await Desk(path, HandTime(), **settings).start()
    answers = [here.submit(f"{each:03}") for each in range(200)]
    await here.time.advance(10)
    await here.carrier.stop()
    return [str(answer.exception() or answer.result().refs[0]) for answer in answers], here.receipts, here.moments


async def test_the_same_seed_gives_the_same_run(tmp_path: Path) -> None:
    chance: dict[str, Any] = {"jitter_ms": 300, "refusal_rate": 0.2, "loss_rate": 0.2}
    first = await outcomes(tmp_path / "1", seed=7, **chance)
    assert await outcomes(tmp_path / "2", seed=7, **chance) == first
    assert await outcomes(tmp_path / "3", seed=8, **chance) != first
    refused = sum(not text.startswith("sim-") for text in first[0])
    assert 20 < refused < 60
    assert 0.1 < 1 - len(first[1]) / (200 - refused) < 0.3
    assert first[2] == sorted(first[2])
    assert len(set(first[2])) > 50


async def test_one_setting_does_not_shift_the_others_chances(tmp_path: Path) -> None:
    with_loss = await outcomes(tmp_path / "1", seed=7, refusal_rate=0.2, loss_rate=0.5, jitter_ms=100)
    without = await outcomes(tmp_path / "2", seed=7, refusal_rate=0.2)
    assert with_loss[0] == without[0]


async def test_chance_does_not_touch_special_numbers(desk: Callable[..., Any]) -> None:
    here = await desk(refusal_rate=1, loss_rate=1)
    answers = [here.submit("a", "+15005553003"), here.submit("b")]
    await here.time.advance(1)
    assert answers[0].result().refs == ("sim-a",)
    assert isinstance(answers[1].exception(), Permanent)
    assert here.receipts == [("sim-a", "undelivered", 30003)]


async def test_a_lost_receipt_stays_lost_after_a_restart(desk: Callable[..., Any]) -> None:
    here = await desk(loss_rate=1)
    here.submit("a")
    await here.time.advance(0.1)
    again = await desk()
    await again.time.advance(1000)
    assert again.receipts == []


# -- limits


async def test_accepts_at_its_rate_evenly(desk: Callable[..., Any]) -> None:
    here = await desk(rate=10, jitter_ms=20)
    moments: list[float] = []
    for each in range(50):
        here.submit(f"{each:02}").add_done_callback(lambda done: moments.append(here.time.seconds))
    await here.time.advance(10)
    gaps = [later - earlier for earlier, later in itertools.pairwise(moments)]
    assert len(moments) == 50
    assert all(abs(gap - 0.1) < 0.002 for gap in gaps)
    late = here.submit("late")
    await here.time.advance(0.07)
    assert late.done(), "an idle time does not delay what follows"


async def test_refuses_for_now_when_it_owes_too_many_receipts(
    desk: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loopback, "OWED_MAX", 2)
    here = await desk()
    for each in "ab":
        here.submit(each)
    await here.time.advance(0.05)
    full = here.submit("c")
    await here.time.advance(0.05)
    assert isinstance(full.exception(), Temporary)
    await here.time.advance(0.2)
    room = here.submit("c")
    await here.time.advance(0.05)
    assert room.result().refs == ("sim-c",)


async def test_hands_over_a_bounded_number_of_receipts_at_once(
    desk: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loopback, "HANDED_OVER_MAX", 3)
    here = await desk()
    gate = asyncio.Event()
    here.taking = lambda receipt: gate.wait()
    for each in "abcdefgh":
        here.submit(each)
    await here.time.advance(1)
    assert len(here.receipts) == 3
    gate.set()
    await settle()
    assert [reference for reference, _, _ in here.receipts] == [f"sim-{each}" for each in "abcdefgh"]


async def test_one_write_for_all_that_is_due_together(
    desk: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    writes: list[int] = []
    append = Journal._append

    def counted(journal: Journal, lines: bytes) -> None:
        writes.append(lines.count(b"\n"))
        append(journal, lines)

    monkeypatch.setattr(Journal, "_append", counted)
    here = await desk()
    for each in range(500):
        here.submit(f"{each:03}")
    await here.time.advance(1)
    assert writes == [500, 500]


async def test_a_journal_that_cannot_be_written_refuses_for_now(
    desk: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    here = await desk()

    def full(journal: Journal, given: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Journal, "accept", full)
        answer = here.submit("a")
        await here.time.advance(0.05)
    assert isinstance(answer.exception(), Temporary)
    assert await here.carrier.query(a_message("a")) == Answer(refs=None)
    second = here.submit("a")
    await here.time.advance(0.25)
    assert second.result().refs == ("sim-a",)
    assert len(here.receipts) == 1


# -- repetition, doubt, death


async def test_a_repetition_is_accepted_again(desk: Callable[..., Any], path: Path) -> None:
    here = await desk()
    first = here.submit("a")
    same_turn = here.submit("a")
    await here.time.advance(0.05)
    later = here.submit("a")
    await here.time.advance(1)
    assert [each.result().refs[0] for each in (first, same_turn, later)] == ["sim-a", "sim-a-2", "sim-a-3"]
    assert accepted_counts(path) == {"a": 3}
    assert [reference for reference, _, _ in here.receipts] == ["sim-a", "sim-a-2", "sim-a-3"]
    assert await here.carrier.query(a_message("a")) == Answer(refs=("sim-a-3",))


async def test_goes_on_after_a_death(desk: Callable[..., Any], path: Path) -> None:
    here = await desk()
    here.submit("old")
    await here.time.advance(1)
    here.submit("accepted")
    await here.time.advance(0.1)
    here.submit("not yet")
    again = await desk()
    assert await again.carrier.query(a_message("accepted")) == Answer(refs=("sim-accepted",))
    assert await again.carrier.query(a_message("not yet")) == Answer(refs=None)
    await again.time.advance(0.148)
    assert again.receipts == []
    await again.time.advance(0.002)
    assert again.receipts == [("sim-accepted", "delivered", None)]
    assert accepted_counts(path) == {"old": 1, "accepted": 1}
    third = await desk()
    await third.time.advance(100)
    assert third.receipts == []


async def test_a_clock_set_back_delays_no_receipt(desk: Callable[..., Any]) -> None:
    here = await desk()
    here.submit("a")
    await here.time.advance(0.05)
    again = await desk(epoch_seconds=1_600_000_000)
    await again.time.advance(0.2)
    assert again.receipts == [("sim-a", "delivered", None)]


async def test_a_receipt_under_way_at_a_stop_is_handed_over_again(desk: Callable[..., Any]) -> None:
    here = await desk()
    forever = asyncio.Event()
    here.taking = lambda receipt: forever.wait() if receipt.carrier_ref == "sim-b" else None
    for each in "ab":
        here.submit(each)
    await here.time.advance(1)
    open_answer = here.submit("c")
    await here.carrier.stop()
    assert isinstance(open_answer.exception(), Uncertain)
    again = await desk()
    await again.time.advance(0)
    assert again.receipts == [("sim-b", "delivered", None)]
    assert await again.carrier.query(a_message("c")) == Answer(refs=None)


async def test_a_receipt_that_is_not_taken_comes_again_after_growing_pauses(desk: Callable[..., Any]) -> None:
    here = await desk()
    here.submit("a")

    def fail(receipt: Receipt) -> None:
        raise RuntimeError("the engine can't")

    here.taking = fail
    await here.time.advance(80)
    assert here.moments == [0.25, 0.75, 1.75, 3.75, 8.75, 18.75, 48.75, 78.75]
    here.taking = lambda receipt: None
    await here.time.advance(1000)
    assert len(here.moments) == 9
    again = await desk()
    await again.time.advance(1000)
    assert again.receipts == []


async def test_accepts_for_somebody_who_no_longer_waits(desk: Callable[..., Any], path: Path) -> None:
    here = await desk()
    for to in (ORDINARY, "+15005554000", "+15005554001", "+15005554006"):
        here.submit(to, to).cancel()
    await here.time.advance(1)
    assert accepted_counts(path) == {ORDINARY: 1}
    assert len(here.receipts) == 1
    assert not here.carrier._open


def test_the_table_has_every_number_of_the_contract() -> None:
    undelivered = [f"+1500555300{digit}" for digit in range(3, 9)]
    assert sorted(CONDUCTS) == undelivered + [f"+1500555400{digit}" for digit in range(7)]


SENDER = """
import asyncio, itertools, sys
from pathlib import Path
from heliograph.carriers.loopback import LoopbackCarrier, LoopbackSettings
from heliograph.net.clock import SystemClock
from heliograph.ports import Submission

async def main():
    settings = LoopbackSettings(answer_ms=5, receipt_ms=5, jitter_ms=5)
    carrier = LoopbackCarrier(settings, Path(sys.argv[1]), SystemClock())
    class Events:
        async def receipt(self, carrier, receipt):
            print("receipt", receipt.carrier_ref, flush=True)
    await carrier.start(Events())
    def told(done):
        print("answer", *done.result().refs, flush=True)
    for number in itertools.count():
        submission = Submission(
            message_id=f"{number:08}", from_number="+1", to_number="+2", body="", segments=1, mms=False
        )
        carrier.submit(submission).add_done_callback(told)
        await asyncio.sleep(0)

asyncio.run(main())
"""


async def test_what_was_told_survives_kill_9(path: Path) -> None:
    sender = await asyncio.create_subprocess_exec(
        sys.executable, "-c", SENDER, str(path), stdout=asyncio.subprocess.PIPE
    )
    assert sender.stdout is not None
    printed = [await sender.stdout.readline() for _ in range(3000)]
    sender.send_signal(signal.SIGKILL)
    printed += (await sender.stdout.read()).splitlines(keepends=True)
    await sender.wait()
    told: dict[str, set[str]] = {"answer": set(), "receipt": set()}
    for line in printed:
        if line.endswith(b"\n"):
            kind, reference = line.decode().split()
            told[kind].add(reference.removeprefix("sim-"))
    counts = accepted_counts(path)
    journal = Journal(path)
    owed = {entry.message_id for entry in journal.owed()}
    journal.close()
    assert told["answer"] and told["answer"] <= set(counts)
    assert set(counts.values()) == {1}
    assert set(counts) - told["receipt"] <= owed
    assert told["receipt"] - owed, "receipts that were taken are not owed"
