"""From accepted to the carrier, with its outcomes, its doubts and its limits."""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager

import pytest
from engine_ground import Ground, ScriptedCarrier

from heliograph.core.errors import Permanent, Temporary, Uncertain
from heliograph.core.lifecycle import State
from heliograph.core.message import Message
from heliograph.engine.attachments import Attachments, AttachmentSettings
from heliograph.engine.dispatch import Dispatcher, DispatchSettings
from heliograph.engine.receipts import Receipts
from heliograph.engine.transition import Step
from heliograph.ports import Answer, FetchedMedia, Orphaned, Receipt


class NoFiles:
    def kept(self, contents: Sequence[bytes]) -> AbstractAsyncContextManager[list[str]]:
        raise AssertionError

    async def read(self, content_hash: str) -> bytes:
        raise AssertionError

    async def remove_orphans(self, hashes: Sequence[str], orphaned: Orphaned) -> None:
        raise AssertionError

    async def sweep(self, older_than_seconds: float) -> int:
        raise AssertionError


async def no_fetch(urls: object, limit: int) -> list[FetchedMedia]:
    raise AssertionError


class Machine:
    """A dispatcher and receipts at work."""

    def __init__(self, ground: Ground, carrier: ScriptedCarrier, **settings: object) -> None:
        values: dict[str, object] = {
            "queue_max": 1000,
            "batch_max": 50,
            "retry_temporary_seconds": 0.01,
            "answer_seconds": 30.0,
            "resend_uncertain": False,
        }
        attachments = Attachments(
            store=ground.store,
            clock=ground.clock,
            files=NoFiles(),
            fetch=no_fetch,
            transitions=ground.transitions,
            settings=AttachmentSettings(max_bytes=1, max_bytes_toll_free=1, concurrency=1, attempts=1),
        )
        self.ground = ground
        self.carrier = carrier
        self.receipts = Receipts(ground.store, ground.transitions, ground.metrics, carrier.name, 100)
        self.dispatcher = Dispatcher(
            store=ground.store,
            clock=ground.clock,
            carrier=carrier,
            transitions=ground.transitions,
            attachments=attachments,
            metrics=ground.metrics,
            settings=DispatchSettings(**(values | settings)),  # type: ignore[arg-type]
        )
        self.dispatcher.answered = self.receipts.expect
        for work in (
            self.dispatcher.run(),
            self.dispatcher.record_outcomes(),
            self.dispatcher.retry(),
            self.receipts.run(),
        ):
            ground.go(work)

    async def take(self, *messages: Message) -> None:
        await self.ground.accept(*messages)
        for message in messages:
            self.dispatcher.offer(message)


@pytest.fixture
async def machine(ground: Ground, carrier: ScriptedCarrier) -> Machine:
    return Machine(ground, carrier)


async def test_the_carrier_gets_a_message_that_is_initiated_on_disk(machine: Machine, ground: Ground) -> None:
    message = ground.message()
    await machine.take(message)
    await machine.carrier.came.wait()
    assert machine.carrier.submitted[0].message_id == message.id
    assert await ground.state(message) is State.INITIATED


async def test_an_answer_makes_it_sent_with_price_and_date(machine: Machine, ground: Ground) -> None:
    message = ground.message(segments=3)
    await machine.take(message)
    await machine.carrier.came.wait()
    machine.carrier.answers[message.id].set_result("ref")
    sent = await ground.reaches(message, State.SENT)
    assert (sent.price_micros, sent.carrier_ref, sent.sent_at) == (3 * 8300, "ref", ground.clock.now())


async def test_a_refusal_for_good_makes_it_failed(machine: Machine, ground: Ground) -> None:
    message = ground.message()
    await machine.take(message)
    await machine.carrier.came.wait()
    machine.carrier.answers[message.id].set_exception(Permanent(30008, "no"))
    failed = await ground.reaches(message, State.FAILED)
    assert failed.error_code == 30008 and failed.price_micros is None


async def test_a_refusal_for_now_is_tried_again(machine: Machine, ground: Ground) -> None:
    message = ground.message()
    await machine.take(message)
    await machine.carrier.came.wait()
    machine.carrier.came.clear()
    machine.carrier.answers[message.id].set_exception(Temporary(30022, "not now"))
    while len(await ground.store.timeline(message.project_id, message.id)) < 3:
        pass
    assert await ground.state(message) is State.INITIATED
    ground.clock.add(1)
    await machine.carrier.came.wait()
    machine.carrier.answers[message.id].set_result("ref")
    await ground.reaches(message, State.SENT)
    assert [s.message_id for s in machine.carrier.submitted] == [message.id] * 2


async def test_no_more_than_the_window_is_under_way(ground: Ground, carrier: ScriptedCarrier) -> None:
    carrier.window = 3
    machine = Machine(ground, carrier)
    messages = [ground.message() for _ in range(10)]
    await machine.take(*messages)
    while len(carrier.submitted) < 3:
        await ground.state(messages[0])
    for place, message in enumerate(messages):
        while message.id not in carrier.answers:
            await ground.state(message)
        assert len(carrier.submitted) - place <= 3
        carrier.answers[message.id].set_result(f"ref{place}")
        await ground.reaches(message, State.SENT)


async def test_a_silent_carrier_does_not_keep_the_window(ground: Ground, carrier: ScriptedCarrier) -> None:
    carrier.window = 2
    machine = Machine(ground, carrier, answer_seconds=5.0)
    messages = [ground.message() for _ in range(4)]
    await machine.take(*messages)
    while len(carrier.submitted) < 2:
        await ground.state(messages[0])
    ground.clock.add(6)
    while len(carrier.submitted) < 4:
        await ground.state(messages[0])
    carrier.answers[messages[0].id].set_result("late")  # an answer that comes after all still counts
    assert (await ground.reaches(messages[0], State.SENT)).carrier_ref == "late"


async def test_what_ended_while_it_waited_is_not_submitted_again(machine: Machine, ground: Ground) -> None:
    message = ground.message()
    await machine.take(message)
    await machine.carrier.came.wait()
    machine.carrier.answers[message.id].set_exception(Temporary(30022, "not now"))
    while len(await ground.store.timeline(message.project_id, message.id)) < 3:
        pass
    kept = await ground.store.message(message.project_id, message.id)
    assert kept is not None
    await ground.transitions.apply([Step(message=kept, states=(State.FAILED,), error_code=30001)])
    ground.clock.add(1)
    for _ in range(50):
        await ground.state(message)
    assert len(machine.carrier.submitted) == 1


async def test_too_dear_is_failed_and_never_handed_over(machine: Machine, ground: Ground) -> None:
    message = ground.message(segments=2, max_price_micros=16_599)
    await machine.take(message)
    assert (await ground.reaches(message, State.FAILED)).error_code == 30010
    assert machine.carrier.submitted == []


async def test_expired_while_queued_is_failed(machine: Machine, ground: Ground) -> None:
    message = ground.message(expires_at=ground.clock.now())
    await machine.take(message)
    assert (await ground.reaches(message, State.FAILED)).error_code == 30001


async def test_more_than_memory_holds_waits_on_disk_and_is_all_sent(ground: Ground, carrier: ScriptedCarrier) -> None:
    carrier.window = 5
    machine = Machine(ground, carrier, queue_max=7)
    messages = [ground.message() for _ in range(60)]
    await machine.take(*messages)
    for message in messages:
        while message.id not in carrier.answers:
            await ground.state(message)
        carrier.answers[message.id].set_result(f"ref-{message.id}")
    for message in messages:
        await ground.reaches(message, State.SENT)
    assert len(carrier.submitted) == 60


async def test_what_an_earlier_run_left_queued_is_sent(ground: Ground, carrier: ScriptedCarrier) -> None:
    message = ground.message()
    await ground.accept(message)
    Machine(ground, carrier)
    await carrier.came.wait()
    assert carrier.submitted[0].message_id == message.id


async def in_doubt(ground: Ground) -> Message:
    message = ground.message()
    await ground.accept(message)
    (initiated,) = await ground.transitions.apply([Step(message=message, states=(State.INITIATED,))])
    assert initiated is not None
    return initiated


async def test_a_doubt_that_the_carrier_knows_of_is_sent_not_submitted(
    ground: Ground, carrier: ScriptedCarrier
) -> None:
    message = await in_doubt(ground)
    carrier.known[message.id] = Answer(carrier_ref="old")
    machine = Machine(ground, carrier)
    await machine.dispatcher.recover(await machine.dispatcher.in_doubt())
    assert (await ground.reaches(message, State.SENT)).carrier_ref == "old"
    assert carrier.submitted == []


async def test_a_doubt_that_the_carrier_never_had_is_submitted(ground: Ground, carrier: ScriptedCarrier) -> None:
    message = await in_doubt(ground)
    machine = Machine(ground, carrier)
    await machine.dispatcher.recover(await machine.dispatcher.in_doubt())
    await carrier.came.wait()
    assert [s.message_id for s in carrier.submitted] == [message.id]
    kinds = [entry.kind for entry in await ground.store.timeline(message.project_id, message.id)]
    assert kinds == ["state", "state", "resubmitted"]


async def test_a_doubt_that_nobody_can_settle_is_held_and_marked(ground: Ground, carrier: ScriptedCarrier) -> None:
    message = await in_doubt(ground)
    carrier.known[message.id] = None
    machine = Machine(ground, carrier)
    await machine.dispatcher.recover(await machine.dispatcher.in_doubt())
    kept = await ground.store.message(message.project_id, message.id)
    assert kept is not None and kept.uncertain and kept.state is State.INITIATED
    assert carrier.submitted == []


async def test_or_sent_again_where_the_policy_says_so(ground: Ground, carrier: ScriptedCarrier) -> None:
    message = await in_doubt(ground)
    carrier.known[message.id] = None
    machine = Machine(ground, carrier, resend_uncertain=True)
    await machine.dispatcher.recover(await machine.dispatcher.in_doubt())
    kept = await ground.store.message(message.project_id, message.id)
    assert kept is not None and kept.uncertain
    await carrier.came.wait()
    assert [s.message_id for s in carrier.submitted] == [message.id]


async def test_a_lost_connection_leaves_a_doubt(machine: Machine, ground: Ground) -> None:
    message = ground.message()
    await machine.take(message)
    await machine.carrier.came.wait()
    machine.carrier.known[message.id] = Answer(carrier_ref="it-had-it")
    machine.carrier.answers[message.id].set_exception(Uncertain("gone"))
    assert (await ground.reaches(message, State.SENT)).carrier_ref == "it-had-it"


# -- receipts


async def sent(machine: Machine, ground: Ground, ref: str = "ref") -> Message:
    message = ground.message()
    await machine.take(message)
    while message.id not in machine.carrier.answers:
        await ground.state(message)
    machine.carrier.answers[message.id].set_result(ref)
    return await ground.reaches(message, State.SENT)


async def test_a_receipt_makes_it_delivered_before_it_counts_as_taken(machine: Machine, ground: Ground) -> None:
    message = await sent(machine, ground)
    await machine.receipts.take(Receipt(carrier_ref="ref", state=State.DELIVERED))
    assert await ground.state(message) is State.DELIVERED


async def test_a_receipt_that_says_no_gives_its_reason(machine: Machine, ground: Ground) -> None:
    message = await sent(machine, ground)
    await machine.receipts.take(Receipt(carrier_ref="ref", state=State.UNDELIVERED, error_code=30005))
    kept = await ground.store.message(message.project_id, message.id)
    assert kept is not None and (kept.state, kept.error_code) == (State.UNDELIVERED, 30005)


async def test_a_second_receipt_changes_nothing(machine: Machine, ground: Ground) -> None:
    message = await sent(machine, ground)
    for state in (State.DELIVERED, State.UNDELIVERED, State.DELIVERED):
        await machine.receipts.take(Receipt(carrier_ref="ref", state=state))
    assert await ground.state(message) is State.DELIVERED
    states = [e.state for e in await ground.store.timeline(message.project_id, message.id) if e.kind == "state"]
    assert states == ["queued", "initiated", "sent", "delivered"]


async def test_a_receipt_ahead_of_the_answer_waits_for_it(machine: Machine, ground: Ground) -> None:
    message = ground.message()
    await machine.take(message)
    await machine.carrier.came.wait()
    taken = ground.go(machine.receipts.take(Receipt(carrier_ref="early", state=State.DELIVERED)))
    while not machine.receipts._held:
        await ground.state(message)
    assert not taken.done()
    machine.carrier.answers[message.id].set_result("early")
    await taken
    assert await ground.state(message) is State.DELIVERED
