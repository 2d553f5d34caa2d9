"""From accepted to the carrier, with its outcomes, its doubts and its limits."""

import asyncio
from collections.abc import Sequence

import pytest
from dispatch_ground import Machine
from engine_ground import PROJECT, REACHES_SECONDS, Ground, ScriptedCarrier

from heliograph.core.errors import Permanent, Temporary, Uncertain
from heliograph.core.lifecycle import State
from heliograph.core.message import Change, Message, Part
from heliograph.engine.dispatch import RESENDS_MAX
from heliograph.engine.receipts import ReceiptLimits, Receipts
from heliograph.engine.retries import BEGINNING, RetrySettings
from heliograph.engine.transition import Step
from heliograph.ports import Answer, HeldReceipt, Receipt, Store


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
    machine.carrier.accept(message, "ref")
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
    machine.carrier.accept(message, "ref")
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
        carrier.accept(message, f"ref{place}")
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
    carrier.accept(messages[0], "late")  # an answer that comes after all still counts
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
        carrier.accept(message, f"ref-{message.id}")
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
    (initiated,) = await ground.transitions.apply(
        [Step(message=message, states=(State.INITIATED,), carrier="scripted")]
    )
    assert initiated is not None
    return initiated


async def test_a_doubt_that_the_carrier_knows_of_is_sent_not_submitted(
    ground: Ground, carrier: ScriptedCarrier
) -> None:
    message = await in_doubt(ground)
    carrier.known[message.id] = Answer(refs=("old",))
    machine = Machine(ground, carrier)
    await machine.dispatcher.recover(await machine.dispatcher.left_initiated())
    assert (await ground.reaches(message, State.SENT)).carrier_ref == "old"
    assert carrier.submitted == []


async def test_a_doubt_that_the_carrier_never_had_is_submitted(ground: Ground, carrier: ScriptedCarrier) -> None:
    message = await in_doubt(ground)
    machine = Machine(ground, carrier)
    await machine.dispatcher.recover(await machine.dispatcher.left_initiated())
    await carrier.came.wait()
    assert [s.message_id for s in carrier.submitted] == [message.id]
    kinds = [entry.kind for entry in await ground.store.timeline(message.project_id, message.id)]
    assert kinds == ["state", "state", "resubmitted"]


async def test_a_doubt_that_nobody_can_settle_is_held_and_marked(ground: Ground, carrier: ScriptedCarrier) -> None:
    message = await in_doubt(ground)
    carrier.known[message.id] = None
    machine = Machine(ground, carrier)
    await machine.dispatcher.recover(await machine.dispatcher.left_initiated())
    kept = await ground.store.message(message.project_id, message.id)
    assert kept is not None and kept.uncertain and kept.state is State.INITIATED
    assert carrier.submitted == []


async def test_or_sent_again_where_the_policy_says_so(ground: Ground, carrier: ScriptedCarrier) -> None:
    message = await in_doubt(ground)
    carrier.known[message.id] = None
    machine = Machine(ground, carrier, resend_uncertain=True)
    await machine.dispatcher.recover(await machine.dispatcher.left_initiated())
    kept = await ground.store.message(message.project_id, message.id)
    assert kept is not None and kept.uncertain
    await carrier.came.wait()
    assert [s.message_id for s in carrier.submitted] == [message.id]


async def test_a_lost_connection_leaves_a_doubt(machine: Machine, ground: Ground) -> None:
    message = ground.message()
    await machine.take(message)
    await machine.carrier.came.wait()
    machine.carrier.known[message.id] = Answer(refs=("it-had-it",))
    machine.carrier.answers[message.id].set_exception(Uncertain("gone"))
    assert (await ground.reaches(message, State.SENT)).carrier_ref == "it-had-it"


# -- receipts


async def sent(machine: Machine, ground: Ground, ref: str = "ref") -> Message:
    message = ground.message()
    await machine.take(message)
    while message.id not in machine.carrier.answers:
        await ground.state(message)
    machine.carrier.accept(message, ref)
    return await ground.reaches(message, State.SENT)


async def test_a_receipt_makes_it_delivered_before_it_counts_as_taken(machine: Machine, ground: Ground) -> None:
    message = await sent(machine, ground)
    await machine.receipts.take("scripted", Receipt(carrier_ref="ref", state=State.DELIVERED))
    assert await ground.state(message) is State.DELIVERED


async def test_a_receipt_that_says_no_gives_its_reason(machine: Machine, ground: Ground) -> None:
    message = await sent(machine, ground)
    await machine.receipts.take("scripted", Receipt(carrier_ref="ref", state=State.UNDELIVERED, error_code=30005))
    kept = await ground.store.message(message.project_id, message.id)
    assert kept is not None and (kept.state, kept.error_code) == (State.UNDELIVERED, 30005)


async def test_a_second_receipt_changes_nothing(machine: Machine, ground: Ground) -> None:
    message = await sent(machine, ground)
    for state in (State.DELIVERED, State.UNDELIVERED, State.DELIVERED):
        await machine.receipts.take("scripted", Receipt(carrier_ref="ref", state=state))
    assert await ground.state(message) is State.DELIVERED
    states = [e.state for e in await ground.store.timeline(message.project_id, message.id) if e.kind == "state"]
    assert states == ["queued", "initiated", "sent", "delivered"]


async def test_a_receipt_ahead_of_the_answer_is_kept_for_it(machine: Machine, ground: Ground) -> None:
    message = ground.message()
    await machine.take(message)
    await machine.carrier.came.wait()
    assert await machine.receipts.take("scripted", Receipt(carrier_ref="early", state=State.DELIVERED)) is None
    assert [held.receipt.carrier_ref for held in await ground.store.held_receipts(10)] == ["early"]
    machine.carrier.accept(message, "early")
    await ground.reaches(message, State.DELIVERED)
    while await ground.store.held_receipts(10):
        pass


async def test_a_receipt_whose_answer_is_recorded_while_it_is_looked_up(
    machine: Machine, ground: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk had not the answer yet when it was read, and nothing was unanswered any more when that was asked."""
    message = ground.message()
    await machine.take(message)
    await machine.carrier.came.wait()
    look = ground.store.by_carrier_ref

    async def look_slowly(carrier: str, key: str, limit: int) -> list[Message]:
        found = await look(carrier, key, limit)
        machine.carrier.accept(message, "r1")
        await ground.reaches(message, State.SENT)
        return found

    monkeypatch.setattr(ground.store, "by_carrier_ref", look_slowly)
    await machine.receipts.take("scripted", Receipt(carrier_ref="r1", state=State.DELIVERED))
    await ground.reaches(message, State.DELIVERED)


async def test_a_receipt_for_nobody_is_counted_and_let_go(machine: Machine, ground: Ground) -> None:
    assert await machine.receipts.take("scripted", Receipt(carrier_ref="unknown", state=State.DELIVERED)) is None
    assert await ground.store.held_receipts(10) == []
    assert ground.metrics.receipts["unmatched"].value == 1


async def test_a_receipt_whose_answer_is_recorded_while_it_is_looked_for_is_kept(
    machine: Machine, ground: Ground
) -> None:
    """It was looked for before the answer was there; and when it was not found, no answer was missing any more."""
    answers = iter([True])
    machine.receipts.unanswered = lambda carrier: next(answers, False)
    assert await machine.receipts.take("scripted", Receipt(carrier_ref="early", state=State.DELIVERED)) is None
    assert [held.receipt.carrier_ref for held in await ground.store.held_receipts(10)] == ["early"]


async def test_a_held_receipt_survives_a_restart(ground: Ground, carrier: ScriptedCarrier) -> None:
    first = Machine(ground, carrier)
    message = ground.message()
    await first.take(message)
    await carrier.came.wait()
    await first.receipts.take("scripted", Receipt(carrier_ref="early", state=State.DELIVERED))
    again = Receipts(
        store=ground.store,
        clock=ground.clock,
        transitions=ground.transitions,
        metrics=ground.metrics,
        dropped=first.dropped,
        part_receipts=lambda carrier: "each",
        limits=ReceiptLimits(memory=100, held=10_000, doubts=100),
    )
    await again.load()
    ground.go(again.run())
    kept = await ground.store.message(message.project_id, message.id)
    assert kept is not None
    (is_sent,) = await ground.transitions.apply([Step(message=kept, states=(State.SENT,), carrier_ref="early")])
    assert is_sent is not None
    again.expect(is_sent)
    await ground.reaches(message, State.DELIVERED)


async def test_a_receipt_may_spell_the_reference_otherwise(machine: Machine, ground: Ground) -> None:
    message = await sent(machine, ground, "255")
    receipt = Receipt(
        carrier_ref="ff", keys=("ff", "255"), state=State.DELIVERED, from_number="12025550101", to_number="12025550199"
    )
    assert await machine.receipts.take("scripted", receipt) == "255"
    assert await ground.state(message) is State.DELIVERED


async def test_an_id_that_is_anothers_in_another_base_is_told_by_its_numbers(machine: Machine, ground: Ground) -> None:
    """A carrier that answers in hexadecimal and tells in decimal: 16 is 10 to it, and 16 is 22."""
    for place in ("memory", "disk"):
        to = "+12025550142" if place == "memory" else "+12025550143"
        meant, other = ground.message(to_number=to), ground.message()
        for message, ref in ((meant, f"10{place}"), (other, f"16{place}")):
            await machine.take(message)
            while message.id not in machine.carrier.answers:
                await ground.state(message)
            machine.carrier.accept(message, ref)
            sent = await ground.reaches(message, State.SENT)
            if place == "disk":
                machine.receipts.forget(sent)
        receipt = Receipt(
            carrier_ref=f"16{place}", keys=(f"16{place}", f"10{place}"), state=State.DELIVERED, to_number=to[1:]
        )
        assert await machine.receipts.take("scripted", receipt) == f"10{place}"
        assert [await ground.state(each) for each in (meant, other)] == [State.DELIVERED, State.SENT]


@pytest.mark.parametrize("place", ["memory", "disk"])
async def test_as_it_is_spelled_it_counts_whatever_the_numbers(machine: Machine, ground: Ground, place: str) -> None:
    message = await sent(machine, ground, "16")
    if place == "disk":
        machine.receipts.forget(message)
    receipt = Receipt(carrier_ref="16", keys=("16", "10"), state=State.DELIVERED, to_number="5550199")
    assert await machine.receipts.take("scripted", receipt) == "16"
    assert await ground.state(message) is State.DELIVERED


async def test_a_receipt_that_breaks_holds_up_no_other(
    machine: Machine, ground: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    single = await sent(machine, ground)
    long = await sent_in_parts(machine, ground, "a", "b")
    by_carrier_ref = ground.store.by_carrier_ref

    async def breaks(carrier: str, key: str, limit: int) -> list[Message]:
        if key == "poison":
            raise ValueError("the store has no room for it")
        return await by_carrier_ref(carrier, key, limit)

    monkeypatch.setattr(ground.store, "by_carrier_ref", breaks)
    refs = ("ref", "a", "poison", "b")
    taken = [
        ground.go(machine.receipts.take("scripted", Receipt(carrier_ref=ref, state=State.DELIVERED))) for ref in refs
    ]
    found = await asyncio.gather(*taken, return_exceptions=True)
    assert [found[0], found[1], found[3]] == ["ref", "a", "b"] and isinstance(found[2], RuntimeError)
    assert [await ground.state(each) for each in (single, long)] == [State.DELIVERED, State.DELIVERED]


async def test_a_receipt_settles_a_doubt_by_its_numbers(ground: Ground, carrier: ScriptedCarrier) -> None:
    message = await in_doubt(ground)
    carrier.known[message.id] = None
    machine = Machine(ground, carrier)
    await machine.dispatcher.recover(await machine.dispatcher.left_initiated())
    receipt = Receipt(carrier_ref="r9", state=State.DELIVERED, from_number="12025550101", to_number="12025550199")
    assert await machine.receipts.take("scripted", receipt) == "r9"
    kept = await ground.store.message(message.project_id, message.id)
    assert kept is not None and (kept.state, kept.carrier_ref) == (State.DELIVERED, "r9")


async def test_but_not_one_of_two_that_look_alike(ground: Ground, carrier: ScriptedCarrier) -> None:
    messages = [await in_doubt(ground), await in_doubt(ground)]
    carrier.known |= {message.id: None for message in messages}
    machine = Machine(ground, carrier)
    await machine.dispatcher.recover(await machine.dispatcher.left_initiated())
    receipt = Receipt(carrier_ref="r9", state=State.DELIVERED, from_number="12025550101", to_number="12025550199")
    assert await machine.receipts.take("scripted", receipt) is None
    assert [await ground.state(message) for message in messages] == [State.INITIATED] * 2


async def test_a_receipt_that_came_before_its_doubt_settles_it(machine: Machine, ground: Ground) -> None:
    """The carrier took it, lost its answer, and sent the receipt before the answer was overdue."""
    message = ground.message()
    await machine.take(message)
    await machine.carrier.came.wait()
    early = Receipt(carrier_ref="r9", state=State.DELIVERED, from_number="12025550101", to_number="12025550199")
    assert await machine.receipts.take("scripted", early) is None
    machine.carrier.known[message.id] = None
    machine.carrier.answers[message.id].set_exception(Uncertain("no answer"))
    assert (await ground.reaches(message, State.DELIVERED)).carrier_ref == "r9"


async def test_a_receipt_before_the_recovery_settles_a_doubt(ground: Ground, carrier: ScriptedCarrier) -> None:
    """A carrier that was just connected brings receipts before what a crash left in doubt was looked at."""
    message = await in_doubt(ground)
    carrier.known[message.id] = None
    machine = Machine(ground, carrier)
    left = await machine.dispatcher.left_initiated()
    early = Receipt(carrier_ref="r9", state=State.DELIVERED, from_number="12025550101", to_number="12025550199")
    assert await machine.receipts.take("scripted", early) is None
    await machine.dispatcher.recover(left)
    assert (await ground.reaches(message, State.DELIVERED)).carrier_ref == "r9"


async def test_a_receipt_that_may_be_for_an_unanswered_submit_settles_no_doubt(
    ground: Ground, carrier: ScriptedCarrier
) -> None:
    doubted = await in_doubt(ground)
    carrier.known[doubted.id] = None
    machine = Machine(ground, carrier)
    await machine.dispatcher.recover(await machine.dispatcher.left_initiated())
    message = ground.message()
    await machine.take(message)
    await carrier.came.wait()
    receipt = Receipt(carrier_ref="r9", state=State.DELIVERED, from_number="12025550101", to_number="12025550199")
    assert await machine.receipts.take("scripted", receipt) is None
    carrier.accept(message, "r9")
    await ground.reaches(message, State.DELIVERED)
    assert await ground.state(doubted) is State.INITIATED


async def test_a_held_receipt_that_is_called_back_twice_counts_once(machine: Machine, ground: Ground) -> None:
    message = ground.message(segments=2)
    await machine.take(message)
    await machine.carrier.came.wait()
    early = Receipt(carrier_ref="early", state=State.DELIVERED)
    assert await machine.receipts.take("scripted", early) is None
    rows = [
        Part(
            project_id=PROJECT, message_id=message.id, part=part, total=2, state=State.SENT, carrier="scripted",
            carrier_ref=ref,
        )
        for part, ref in ((1, "early"), (2, "other"))
    ]  # fmt: skip
    machine.carrier.accept(message, "early", "other")
    sent = await ground.reaches(message, State.SENT)
    machine.receipts.expect(sent, rows)
    machine.receipts.expect(sent, rows)
    while await ground.store.held_receipts(10):
        pass
    assert ground.metrics.receipts["matched"].value == 1
    assert ground.metrics.receipts["repeated"].value == 0


async def test_a_doubt_that_the_carrier_is_slow_to_tell_of_holds_up_nobody(machine: Machine, ground: Ground) -> None:
    asked = asyncio.Event()
    told: asyncio.Future[Answer | None] = asyncio.get_running_loop().create_future()

    async def slow(message: Message) -> Answer | None:
        asked.set()
        return await told

    machine.carrier.query = slow  # type: ignore[method-assign]
    doubted, other = ground.message(), ground.message()
    await machine.take(doubted, other)
    while other.id not in machine.carrier.answers:
        await ground.state(other)
    machine.carrier.answers[doubted.id].set_exception(Uncertain("gone"))
    await asked.wait()
    machine.carrier.accept(other, "ref")
    await ground.reaches(other, State.SENT)
    told.set_result(Answer(refs=("it-had-it",)))
    await ground.reaches(doubted, State.SENT)


async def test_a_message_is_not_sent_again_in_doubt_for_ever(ground: Ground, carrier: ScriptedCarrier) -> None:
    machine = Machine(ground, carrier, resend_uncertain=True)
    message = ground.message()
    carrier.known[message.id] = None
    await machine.take(message)
    for _ in range(1 + RESENDS_MAX):
        await carrier.came.wait()
        carrier.came.clear()
        carrier.answers[message.id].set_exception(Uncertain("no answer"))
        ground.clock.add(60)
    kinds: list[str] = []
    while kinds.count("uncertain") <= RESENDS_MAX:
        kinds = [entry.kind for entry in await ground.store.timeline(message.project_id, message.id)]
    assert kinds.count("resubmitted") == RESENDS_MAX
    receipt = Receipt(carrier_ref="r9", state=State.DELIVERED, from_number="12025550101", to_number="12025550199")
    assert await machine.receipts.take("scripted", receipt) == "r9"
    assert len(carrier.submitted) == 1 + RESENDS_MAX


async def test_a_held_receipt_finds_what_was_sent_just_before_a_crash(ground: Ground, carrier: ScriptedCarrier) -> None:
    message = await in_doubt(ground)
    await ground.transitions.apply([Step(message=message, states=(State.SENT,), carrier_ref="r")])
    receipt = Receipt(carrier_ref="r", state=State.DELIVERED)
    await ground.store.hold_receipts([HeldReceipt(carrier="scripted", receipt=receipt, held_no=1, at=1)])
    machine = Machine(ground, carrier)
    await machine.receipts.load()
    await ground.reaches(message, State.DELIVERED)
    while await ground.store.held_receipts(10):
        pass


# -- long messages


async def sent_in_parts(machine: Machine, ground: Ground, *refs: str) -> Message:
    message = ground.message(segments=len(refs))
    await machine.take(message)
    while message.id not in machine.carrier.answers:
        await ground.state(message)
    machine.carrier.accept(message, *refs)
    return await ground.reaches(message, State.SENT)


async def parts(ground: Ground, message: Message) -> list[tuple[str, str]]:
    found = await ground.store.parts_of(message.project_id, message.id)
    return [(part.carrier_ref, part.state.value) for part in found]


async def test_delivered_when_every_part_is(machine: Machine, ground: Ground) -> None:
    message = await sent_in_parts(machine, ground, "a", "b", "c")
    assert await parts(ground, message) == [("a", "sent"), ("b", "sent"), ("c", "sent")]
    for ref in ("c", "a", "a"):
        await machine.receipts.take("scripted", Receipt(carrier_ref=ref, state=State.DELIVERED))
    assert await ground.state(message) is State.SENT
    assert await parts(ground, message) == [("a", "delivered"), ("b", "sent"), ("c", "delivered")]
    await machine.receipts.take("scripted", Receipt(carrier_ref="b", state=State.DELIVERED))
    assert await ground.state(message) is State.DELIVERED


async def test_receipts_for_all_parts_in_one_batch(machine: Machine, ground: Ground) -> None:
    message = await sent_in_parts(machine, ground, "a", "b", "c")
    taken = [
        ground.go(machine.receipts.take("scripted", Receipt(carrier_ref=ref, state=State.DELIVERED))) for ref in "abcb"
    ]
    await asyncio.gather(*taken)
    assert await ground.state(message) is State.DELIVERED


async def test_receipts_for_parts_that_only_the_disk_knows(machine: Machine, ground: Ground) -> None:
    message = await sent_in_parts(machine, ground, "a", "b")
    machine.receipts.forget(message)
    taken = [
        ground.go(machine.receipts.take("scripted", Receipt(carrier_ref=ref, state=State.DELIVERED))) for ref in "ab"
    ]
    await asyncio.gather(*taken)
    assert await ground.state(message) is State.DELIVERED


async def test_a_receipt_between_an_answer_on_disk_and_in_memory(machine: Machine, ground: Ground) -> None:
    """The receipt finds its part on disk; what memory hears of the answer then is older than that."""
    message = ground.message(segments=2)
    await ground.accept(message)
    rows = tuple(
        Part(
            project_id=PROJECT, message_id=message.id, part=part, total=2, state=State.SENT, carrier="scripted",
            carrier_ref=ref,
        )
        for part, ref in ((1, "p1"), (2, "p2"))
    )  # fmt: skip
    (initiated,) = await ground.transitions.apply(
        [Step(message=message, states=(State.INITIATED,), carrier="scripted")]
    )
    assert initiated is not None
    (answered,) = await ground.transitions.apply(
        [Step(message=initiated, states=(State.SENT,), carrier_ref="p1", parts=rows)]
    )
    assert answered is not None
    for part, ref in ((1, "p1"), (2, "p2")):
        await machine.receipts.take("scripted", Receipt(carrier_ref=ref, state=State.DELIVERED))
        if part == 1:
            machine.receipts.expect(answered, rows)
    assert await ground.state(message) is State.DELIVERED


async def test_undelivered_with_the_first_part_that_is(machine: Machine, ground: Ground) -> None:
    message = await sent_in_parts(machine, ground, "a", "b")
    await machine.receipts.take("scripted", Receipt(carrier_ref="b", state=State.UNDELIVERED, error_code=30003))
    kept = await ground.store.message(message.project_id, message.id)
    assert kept is not None and (kept.state, kept.error_code) == (State.UNDELIVERED, 30003)


async def test_parts_that_were_taken_are_not_sent_again(machine: Machine, ground: Ground) -> None:
    message = ground.message(segments=2)
    await machine.take(message)
    await machine.carrier.came.wait()
    machine.carrier.came.clear()
    machine.carrier.answers[message.id].set_exception(Temporary(30022, "not now", accepted={1: "a"}))
    while not await parts(ground, message):
        pass
    await machine.receipts.take("scripted", Receipt(carrier_ref="a", state=State.DELIVERED))
    assert await ground.state(message) is State.INITIATED
    ground.clock.add(1)
    await machine.carrier.came.wait()
    assert machine.carrier.submitted[1].parts_done == {1: "a"}
    machine.carrier.accept(message, "a", "b")
    await ground.reaches(message, State.SENT)
    assert await parts(ground, message) == [("a", "delivered"), ("b", "sent")]
    await machine.receipts.take("scripted", Receipt(carrier_ref="b", state=State.DELIVERED))
    assert await ground.state(message) is State.DELIVERED


async def test_part_that_a_query_found_at_the_carrier_is_not_sent_again(machine: Machine, ground: Ground) -> None:
    message = ground.message(segments=2)
    machine.carrier.known[message.id] = Answer(refs=None, accepted={1: "a"})
    await machine.take(message)
    await machine.carrier.came.wait()
    machine.carrier.came.clear()
    machine.carrier.answers[message.id].set_exception(Uncertain("gone"))
    while not await parts(ground, message):
        pass
    ground.clock.add(1)
    await machine.carrier.came.wait()
    assert machine.carrier.submitted[1].parts_done == {1: "a"}


@pytest.mark.parametrize("segments", [1, 2, 4])
@pytest.mark.parametrize("receipt_first", [True, False])
async def test_a_carrier_may_make_more_parts_of_it_or_fewer(
    machine: Machine, ground: Ground, segments: int, receipt_first: bool
) -> None:
    message = ground.message(segments=segments)
    await machine.take(message)
    await machine.carrier.came.wait()
    machine.carrier.came.clear()
    machine.carrier.answers[message.id].set_exception(Temporary(30022, "not now", accepted={1: "a"}))
    while not await parts(ground, message):
        pass
    refs = ["a", "b", "c"]
    if receipt_first:
        await machine.receipts.take("scripted", Receipt(carrier_ref=refs.pop(0), state=State.DELIVERED))
    while not machine.carrier.came.is_set():
        ground.clock.add(1)
        await ground.state(message)
    machine.carrier.accept(message, "a", "b", "c")
    await ground.reaches(message, State.SENT)
    for ref in refs:
        assert await ground.state(message) is State.SENT
        await machine.receipts.take("scripted", Receipt(carrier_ref=ref, state=State.DELIVERED))
    assert await ground.state(message) is State.DELIVERED


async def test_parts_of_one_segment_that_only_the_disk_knows(machine: Machine, ground: Ground) -> None:
    message = ground.message(segments=1)
    await machine.take(message)
    await machine.carrier.came.wait()
    machine.carrier.accept(message, "a", "b")
    await ground.reaches(message, State.SENT)
    while len(machine.receipts._awaited) < 2:
        await ground.state(message)
    machine.receipts._awaited.clear()
    await machine.receipts.take("scripted", Receipt(carrier_ref="a", state=State.DELIVERED))
    assert await ground.state(message) is State.SENT
    await machine.receipts.take("scripted", Receipt(carrier_ref="b", state=State.DELIVERED))
    assert await ground.state(message) is State.DELIVERED


async def test_refused_after_a_part_left_is_undelivered(machine: Machine, ground: Ground) -> None:
    message = ground.message(segments=2)
    await machine.take(message)
    await machine.carrier.came.wait()
    machine.carrier.answers[message.id].set_exception(Permanent(30008, "no", accepted={1: "a"}))
    kept = await ground.reaches(message, State.UNDELIVERED)
    assert kept.error_code == 30008
    assert await parts(ground, message) == [("a", "sent")]


# -- several carriers


async def test_a_carrier_that_is_down_holds_up_no_other(ground: Ground, carrier: ScriptedCarrier) -> None:
    carrier.available, carrier.window = False, 0
    other = ScriptedCarrier(name="other")
    machine = Machine(ground, carrier, other)
    message = ground.message()
    await machine.take(message)
    await other.came.wait()
    assert carrier.submitted == [] and other.submitted[0].message_id == message.id
    assert "other: " in str([entry.detail for entry in await ground.store.timeline(message.project_id, message.id)])


async def test_what_waits_for_a_carrier_goes_another_way_when_it_goes_down(
    ground: Ground, carrier: ScriptedCarrier
) -> None:
    carrier.window = 1
    other = ScriptedCarrier(name="other")
    machine = Machine(ground, carrier, other)
    messages = [ground.message() for _ in range(3)]
    await machine.take(*messages)
    await carrier.came.wait()
    carrier.available, carrier.window = False, 0
    machine.dispatcher.changed("scripted")
    while len(other.submitted) < 2:
        ground.clock.add(1)
        await ground.state(messages[0])
    assert [s.message_id for s in other.submitted] == [messages[1].id, messages[2].id]


async def test_the_next_way_after_so_many_refusals(ground: Ground, carrier: ScriptedCarrier) -> None:
    carrier.attempts = 2
    other = ScriptedCarrier(name="other")
    machine = Machine(ground, carrier, other)
    message = ground.message()
    await machine.take(message)
    for _ in range(2):
        await carrier.came.wait()
        carrier.came.clear()
        carrier.answers[message.id].set_exception(Temporary(30022, "not now"))
        while carrier.available and not carrier.came.is_set() and not other.submitted:
            ground.clock.add(1)
            await ground.state(message)
    assert len(carrier.submitted) == 2
    other.accept(message, "r")
    kept = await ground.reaches(message, State.SENT)
    assert kept.carrier == "other"
    kinds = [entry.kind for entry in await ground.store.timeline(message.project_id, message.id)]
    assert kinds == ["state", "state", "deferred", "deferred", "rerouted", "state"]


class HeldUp:
    """A store that waits before it writes steps, once."""

    def __init__(self, store: Store) -> None:
        self._advance = store.advance
        self.asked, self.may = asyncio.Event(), asyncio.Event()
        store.advance = self.advance  # type: ignore[method-assign]

    async def advance(self, changes: Sequence[Change]) -> list[bool]:
        self.asked.set()
        await self.may.wait()
        return await self._advance(changes)


async def test_what_is_being_handed_over_when_its_carrier_goes_is_handed_to_another(
    ground: Ground, carrier: ScriptedCarrier
) -> None:
    """It is initiated on disk by then, and must not be left in nobody's hands."""
    other = ScriptedCarrier(name="other")
    machine = Machine(ground, carrier, other)
    store = HeldUp(ground.store)
    message = ground.message()
    await machine.take(message)
    await store.asked.wait()
    machine.dispatcher.remove("scripted")
    store.may.set()
    await carrier.came.wait()
    carrier.answers[message.id].set_exception(Temporary(63011, "being stopped"))
    while not other.submitted:
        ground.clock.add(60)
        await ground.state(message)
    other.accept(message, "ref")
    assert (await ground.reaches(message, State.SENT)).carrier == "other"


async def test_a_carrier_that_is_exchanged_leaves_no_gap(ground: Ground, carrier: ScriptedCarrier) -> None:
    """There is no other way, and yet nothing fails for want of a route."""
    machine = Machine(ground, carrier)
    carrier.available = False
    waiting = ground.message()
    await machine.take(waiting)
    fresh = ScriptedCarrier(available=False)
    machine.dispatcher.exchange(fresh)
    while_none = ground.message()
    await machine.take(while_none)
    fresh.available = True
    machine.dispatcher.changed("scripted")
    while len(fresh.submitted) < 2:
        await ground.state(waiting)
    assert {each.message_id for each in fresh.submitted} == {waiting.id, while_none.id}
    assert carrier.submitted == []


async def test_no_route_is_failed(ground: Ground, carrier: ScriptedCarrier) -> None:
    machine = Machine(ground, carrier)
    machine.dispatcher.remove("scripted")
    message = ground.message()
    await machine.take(message)
    assert (await ground.reaches(message, State.FAILED)).error_code == 30006


async def test_what_was_refused_for_now_is_no_doubt_after_a_restart(ground: Ground, carrier: ScriptedCarrier) -> None:
    machine = Machine(ground, carrier)
    message = ground.message()
    await machine.take(message)
    await carrier.came.wait()
    carrier.answers[message.id].set_exception(Temporary(30022, "not now"))
    while not (await machine.dispatcher.left_initiated()).deferred:
        pass
    left = await machine.dispatcher.left_initiated()
    assert [each.count for each in left.deferred] == [1] and left.in_doubt == []
    again = ScriptedCarrier()
    restarted = Machine(ground, again)
    await restarted.dispatcher.recover(left)
    ground.clock.add(1)
    await again.came.wait()
    assert [s.message_id for s in again.submitted] == [message.id]


async def test_on_its_way_and_delivered_in_one_batch_ahead_of_the_answer(
    ground: Ground, carrier: ScriptedCarrier
) -> None:
    message = await in_doubt(ground)
    await ground.transitions.apply([Step(message=message, states=(State.SENT,), carrier_ref="r")])
    machine = Machine(ground, carrier)
    taken = [
        ground.go(machine.receipts.take("scripted", Receipt(carrier_ref="r", state=state)))
        for state in (State.SENT, State.DELIVERED, State.DELIVERED)
    ]
    await asyncio.gather(*taken)
    assert await ground.state(message) is State.DELIVERED


# -- deferred messages


async def refused(machine: Machine, ground: Ground, *messages: Message) -> None:
    """The carrier refuses these for now, and it is on disk."""
    before = await deferred(ground)
    await machine.take(*messages)
    async with asyncio.timeout(REACHES_SECONDS):
        for message in messages:
            while message.id not in machine.carrier.answers:
                await ground.state(message)
            machine.carrier.answers.pop(message.id).set_exception(Temporary(30022, "not now"))
        while await deferred(ground) < before + len(messages):
            pass


async def deferred(ground: Ground) -> int:
    return sum(each.count for each in await ground.store.deferred_counts())


async def turns(ground: Ground, count: int = 50) -> None:
    """Let the engine's tasks go on."""
    for _ in range(count):
        await ground.store.directory_version()


async def test_deferred_messages_count_against_their_projects_backlog(machine: Machine, ground: Ground) -> None:
    messages = [ground.message() for _ in range(3)]
    await refused(machine, ground, *messages)
    assert ground.transitions.deferred.of_family(PROJECT) == 3
    machine.carrier.came.clear()
    ground.clock.add(60)
    async with asyncio.timeout(REACHES_SECONDS):
        for message in messages:
            while message.id not in machine.carrier.answers:
                await ground.state(message)
            machine.carrier.accept(message, f"ref-{message.id}")
            await ground.reaches(message, State.SENT)
    assert ground.transitions.deferred.of_family(PROJECT) == 0 and await deferred(ground) == 0


async def test_more_refusals_than_memory_holds_leave_room_for_a_new_message(
    ground: Ground, carrier: ScriptedCarrier
) -> None:
    carrier.window = 8
    limits = RetrySettings(memory_max=10, project_max=5, destination_max=2, window_share=0.25)
    machine = Machine(ground, carrier, retries=limits)
    await refused(machine, ground, *(ground.message(to_number="+13125550100") for _ in range(40)))
    ground.clock.add(60)
    await turns(ground)
    assert len(carrier.answers) <= 6, "retries fill the window"  # of 8: a quarter is left where nothing else waits
    fresh = ground.message()
    await machine.take(fresh)
    async with asyncio.timeout(REACHES_SECONDS):
        while fresh.id not in carrier.answers:
            await ground.state(fresh)


async def test_retries_to_one_destination_get_a_bounded_share_of_the_window(
    ground: Ground, carrier: ScriptedCarrier
) -> None:
    carrier.window = 16
    machine = Machine(ground, carrier)
    full = [ground.message(to_number="+13125550100") for _ in range(18)]
    other = ground.message(to_number="+13125550101")
    await refused(machine, ground, *full, other)
    carrier.submitted.clear()
    ground.clock.add(60)
    async with asyncio.timeout(REACHES_SECONDS):
        while other.id not in carrier.answers:
            await ground.state(other)
    await turns(ground)
    assert len([each for each in carrier.submitted if each.to_number == "+13125550100"]) == 2


async def test_deferred_messages_beyond_memory_are_all_sent_in_their_order(
    ground: Ground, carrier: ScriptedCarrier
) -> None:
    carrier.window = 4
    limits = RetrySettings(memory_max=6, project_max=4, destination_max=3, window_share=0.25)
    machine = Machine(ground, carrier, retries=limits)
    messages = []
    for place in range(30):
        messages.append(ground.message(to_number=f"+131255501{place % 3:02d}"))
        await refused(machine, ground, messages[-1])
    carrier.submitted.clear()
    ground.clock.add(60)
    accepted: set[str] = set()
    async with asyncio.timeout(2 * REACHES_SECONDS):
        while len(accepted) < len(messages):
            for message in messages:
                if message.id in carrier.answers and message.id not in accepted:
                    carrier.accept(message, f"ref-{message.id}")
                    accepted.add(message.id)
            await turns(ground, 1)
    for message in messages:
        await ground.reaches(message, State.SENT)
    for place in range(3):
        mine = [each.message_id for each in carrier.submitted if each.to_number.endswith(f"{place:02d}")]
        assert mine == [each.id for each in messages[place::3]]


async def test_retry_times_and_tries_survive_a_restart(ground: Ground, carrier: ScriptedCarrier) -> None:
    machine = Machine(ground, carrier, retry_temporary_seconds=8.0)
    message = ground.message()
    await refused(machine, ground, message)
    (count,) = await ground.store.deferred_counts()
    assert count.retry_at == ground.clock.now() + 8_000_000
    for task in ground.tasks:
        task.cancel()
    await asyncio.gather(*ground.tasks, return_exceptions=True)
    again = ScriptedCarrier()
    restarted = Machine(ground, again, retry_temporary_seconds=0.01)
    await restarted.dispatcher.recover(await restarted.dispatcher.left_initiated())
    assert ground.transitions.deferred.of_family(PROJECT) == 1
    ground.clock.add(7)
    await turns(ground)
    assert again.submitted == []
    ground.clock.add(1)
    async with asyncio.timeout(REACHES_SECONDS):
        await again.came.wait()
        again.answers[message.id].set_exception(Temporary(30022, "not now"))
        found = []
        while not found:
            found = await ground.store.deferred("scripted", PROJECT, until=2**62, after=BEGINNING, limit=9)
    assert (found[0].tries.total, found[0].tries.here) == (2, 2)
    assert found[0].retry_at == ground.clock.now() + 20_000  # the second pause is twice the first


async def test_deferred_messages_of_a_carrier_that_is_gone_go_another_way(
    ground: Ground, carrier: ScriptedCarrier
) -> None:
    other = ScriptedCarrier(name="other")
    machine = Machine(ground, carrier, other)
    messages = [ground.message() for _ in range(5)]
    await refused(machine, ground, *messages)
    machine.dispatcher.remove("scripted")
    async with asyncio.timeout(REACHES_SECONDS):
        while len(other.submitted) < len(messages):
            await turns(ground, 1)
    assert {each.message_id for each in other.submitted} == {each.id for each in messages}
    assert ground.transitions.deferred.of_family(PROJECT) == 0


async def test_deferred_messages_of_a_carrier_without_settings_are_moved_after_a_restart(
    ground: Ground, carrier: ScriptedCarrier
) -> None:
    await refused(Machine(ground, carrier), ground, ground.message())
    for task in ground.tasks:
        task.cancel()
    await asyncio.gather(*ground.tasks, return_exceptions=True)
    other = ScriptedCarrier(name="other")
    machine = Machine(ground, other)
    await machine.dispatcher.recover(await machine.dispatcher.left_initiated())
    async with asyncio.timeout(REACHES_SECONDS):
        await other.came.wait()


async def test_deferred_messages_wait_while_their_only_carrier_is_down(
    ground: Ground, carrier: ScriptedCarrier
) -> None:
    machine = Machine(ground, carrier)
    message = ground.message()
    await refused(machine, ground, message)
    carrier.available = False
    carrier.came.clear()
    ground.clock.add(60)
    await turns(ground)
    assert not carrier.came.is_set()
    carrier.available = True
    machine.dispatcher.changed("scripted")
    async with asyncio.timeout(REACHES_SECONDS):
        await carrier.came.wait()


async def test_carrier_that_refuses_everything_for_now_is_left_for_another(
    ground: Ground, carrier: ScriptedCarrier
) -> None:
    carrier.attempts = 3
    other = ScriptedCarrier(name="other")
    machine = Machine(ground, carrier, other)
    messages = [ground.message(to_number=f"+1312555{place:04d}") for place in range(40)]
    await machine.take(*messages)
    async with asyncio.timeout(2 * REACHES_SECONDS):
        while len(other.submitted) < len(messages):
            for answer in list(carrier.answers.values()):
                if not answer.done():
                    answer.set_exception(Temporary(63011, "system error"))
            ground.clock.add(0.05)
            await turns(ground, 1)
    assert len(carrier.submitted) == carrier.attempts * len(messages)


async def test_expired_deferred_message_leaves_the_backlog_unsubmitted(machine: Machine, ground: Ground) -> None:
    message = ground.message(expires_at=ground.clock.now() + 1_000_000)
    await refused(machine, ground, message)
    machine.carrier.submitted.clear()
    ground.clock.add(2)
    await turns(ground)
    assert machine.carrier.submitted == []
    (expired,) = await ground.store.expired(ground.clock.now(), BEGINNING, 9)
    assert expired.deferred and message.id not in machine.dispatcher.awaited()
    step = Step(message=expired.message, states=(State.FAILED,), error_code=30001)
    (ended,) = await ground.transitions.apply([step])
    assert ended is not None
    machine.dispatcher.forget(ended, deferred=True)
    assert ground.transitions.deferred.of_family(PROJECT) == 0


async def test_recount_heals_what_ended_without_its_lane(machine: Machine, ground: Ground) -> None:
    message = ground.message()
    await refused(machine, ground, message)
    kept = await ground.store.message(PROJECT, message.id)
    assert kept is not None
    await ground.transitions.apply([Step(message=kept, states=(State.FAILED,), error_code=30001)])
    assert ground.transitions.deferred.of_family(PROJECT) == 1
    await machine.dispatcher.recount()
    assert ground.transitions.deferred.of_family(PROJECT) == 0


async def test_more_silent_submits_than_are_waited_for_do_not_stop_the_carrier(
    ground: Ground, carrier: ScriptedCarrier
) -> None:
    carrier.window = 2
    machine = Machine(ground, carrier, answer_seconds=5.0, silent_max=2)
    messages = [ground.message() for _ in range(8)]
    carrier.known |= {each.id: None for each in messages}
    await machine.take(*messages)
    async with asyncio.timeout(REACHES_SECONDS):
        while len(carrier.submitted) < len(messages):
            ground.clock.add(6)
            await turns(ground, 5)
        while not (first := await ground.store.message(PROJECT, messages[0].id)) or not first.uncertain:
            ground.clock.add(6)
            await turns(ground, 5)
    assert first.state is State.INITIATED
