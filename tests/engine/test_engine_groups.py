"""A group sends: which of its numbers is chosen, and that recipients keep theirs."""

import asyncio
from collections import Counter
from dataclasses import replace
from typing import Any

import pytest
from engine_ground import PROJECT
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sending_ground import AWAY, GROUP, HERE, THERE, TO, TO_BRITAIN, Sending, make_sending

from heliograph import app, config
from heliograph.core.directory import Membership, Number, NumberGroup
from heliograph.core.errors import Fault, Refused, StoreUnavailable
from heliograph.core.lifecycle import State
from heliograph.core.message import Message
from heliograph.engine.sticky import REFRESH_MICROS
from heliograph.engine.transition import Step


async def test_an_unknown_group_is_refused(sending: Sending) -> None:
    await sending.number(HERE)
    assert await sending.refused() == [Fault.GROUP_UNKNOWN]
    assert await sending.refused(group_id="no uuid") == [Fault.GROUP_UNKNOWN]
    assert await sending.refused(from_number=HERE) == [Fault.GROUP_UNKNOWN]
    await sending.group()
    assert await sending.refused(project_id="22222222-2222-4222-8222-222222222222") == [Fault.GROUP_UNKNOWN]


async def test_a_group_without_a_fitting_number_is_refused(sending: Sending) -> None:
    group = await sending.group()
    assert await sending.refused() == [Fault.GROUP_UNFIT]
    await sending.join(group, await sending.number(HERE, ("voice",)))
    assert await sending.refused() == [Fault.GROUP_UNFIT]
    await sending.join(group, await sending.number(THERE, ("sms",)))
    assert await sending.refused(force_mms=True) == [Fault.GROUP_UNFIT]
    assert await sending.sender() == THERE
    assert await sending.refused(to="nonsense", body="") == [Fault.TO_INVALID, Fault.CONTENT_MISSING]
    assert len(sending.store.acceptances) == 1


async def test_with_from_too_from_sends_and_the_group_is_recorded(sending: Sending) -> None:
    mine = await sending.number(HERE)
    await sending.group(await sending.number(THERE), sticky=True)
    sent = (await sending.send(from_number=mine.number, group_id=GROUP.upper())).message
    assert (sent.from_number, sent.group_id) == (HERE, GROUP)
    kept = await sending.store.message(PROJECT, sent.id)
    assert kept is not None and kept.group_id == GROUP
    assert sending.store.reads == [] and sending.store.acceptances[0].sticky is None
    assert await sending.refused(from_number=AWAY) == [Fault.FROM_NOT_OWNED]


async def test_the_chosen_number_and_the_group_are_on_the_message(sending: Sending) -> None:
    await sending.group(await sending.number(HERE))
    sent = (await sending.send()).message
    kept = await sending.store.message(PROJECT, sent.id)
    assert kept is not None and (kept.from_number, kept.group_id) == (HERE, GROUP)


async def test_the_timeline_says_why_a_number_sends(sending: Sending) -> None:
    group = await sending.group(sticky=True)
    memberships = {text: await sending.join(group, await sending.number(text)) for text in (HERE, THERE)}
    first = await sending.sender()
    await sending.sender()
    await sending.directory.remove_membership(PROJECT, memberships[first].id)
    sent = (await sending.send()).message
    await sending.send(group_id=None, from_number=HERE)
    assert [each.detail for each in sending.store.acceptances] == [
        "one of the group's 2 numbers that fit, 2 of them with the fewest unsent messages",
        "the group's number that sent to the recipient before",
        "the group's only number that fits; the one before can't send this any more",
        None,
    ]
    (line,) = await sending.store.timeline(PROJECT, sent.id)
    assert line.detail == sending.store.acceptances[2].detail


async def test_a_number_of_the_recipients_country_is_preferred(sending: Sending) -> None:
    await sending.group(await sending.number(HERE), await sending.number(AWAY))
    assert {await sending.sender(TO_BRITAIN) for _ in range(4)} == {AWAY}
    assert {await sending.sender(TO) for _ in range(4)} == {HERE}
    assert {await sending.sender("+4915112345678") for _ in range(4)} == {HERE, AWAY}


async def test_a_number_that_cannot_do_mms_is_skipped_for_mms(sending: Sending) -> None:
    await sending.group(await sending.number(HERE, ("sms",)), await sending.number(AWAY), sticky=False)
    assert {await sending.sender(force_mms=True) for _ in range(3)} == {AWAY}
    assert await sending.sender() == HERE


async def test_the_least_loaded_number_sends(sending: Sending) -> None:
    await sending.group(await sending.number(HERE), await sending.number(THERE))
    await asyncio.gather(*(sending.send(group_id=None, from_number=HERE) for _ in range(3)))
    assert [await sending.sender() for _ in range(3)] == [THERE] * 3
    at_once = await asyncio.gather(*(sending.sender() for _ in range(10)))
    assert Counter(at_once) == {HERE: 5, THERE: 5}


async def test_a_message_weighs_until_it_is_sent(sending: Sending) -> None:
    await sending.group(await sending.number(HERE), await sending.number(THERE))
    first = (await sending.send()).message
    loads = sending.transitions.unsent
    assert loads[first.from_number] == 1
    (initiated,) = await sending.transitions.apply([Step(message=first, states=(State.INITIATED,))])
    assert initiated is not None and loads[first.from_number] == 1
    await sending.transitions.apply([Step(message=initiated, states=(State.SENT, State.DELIVERED))])
    assert loads[first.from_number] == 0
    failing = (await sending.send()).message
    await sending.transitions.apply([Step(message=failing, states=(State.FAILED,))])
    assert sum(loads.values()) == 0


async def test_what_is_not_kept_weighs_nothing(sending: Sending) -> None:
    await sending.group(await sending.number(HERE))
    sending.store.fault = StoreUnavailable("down")
    with pytest.raises(StoreUnavailable):
        await sending.send()
    assert sum(sending.transitions.unsent.values()) == sending.transitions.queued.total() == 0


async def test_random_choice_takes_no_heed_of_loads(sending: Sending) -> None:
    await sending.group(await sending.number(HERE), await sending.number(THERE))
    sending.restart(choice="random")
    assert len({await sending.sender() for _ in range(4)}) == 1  # this chance always says the same


async def test_a_sticky_recipient_keeps_its_sender(sending: Sending) -> None:
    await sending.group(*[await sending.number(f"+1202555011{n}") for n in range(5)], sticky=True)
    recipients = [f"+1312555010{n}" for n in range(10)]
    first = {to: await sending.sender(to) for to in recipients}
    assert len(set(first.values())) == 5
    assert {to: await sending.sender(to) for to in recipients} == first
    sending.restart()
    assert {to: await sending.sender(to) for to in reversed(recipients)} == first


async def test_sends_at_once_to_a_new_recipient_agree(sending: Sending) -> None:
    await sending.group(*[await sending.number(f"+1202555011{n}") for n in range(5)], sticky=True)
    senders = await asyncio.gather(*(sending.sender() for _ in range(40)))
    assert len(set(senders)) == 1
    assert sending.store.reads == [TO]
    sending.restart()
    assert set(await asyncio.gather(*(sending.sender() for _ in range(5)))) == set(senders)


async def test_a_known_recipient_costs_no_read_and_no_write(sending: Sending) -> None:
    await sending.group(await sending.number(HERE), sticky=True)
    for _ in range(3):
        await sending.send()
    assert sending.store.reads == [TO]
    assert [each.sticky is not None for each in sending.store.acceptances] == [True, False, False]


async def test_a_choice_in_use_is_written_down_again_after_a_day(sending: Sending) -> None:
    group = await sending.group(await sending.number(HERE), sticky=True)
    await sending.send()
    sending.clock.micros += REFRESH_MICROS
    await sending.send()
    kept = await sending.store.store.sticky_sender(PROJECT, group.id, TO)
    assert kept is not None and kept.used_at == sending.clock.now()


async def test_memory_for_choices_is_bounded(sending: Sending) -> None:
    sending.memory_max = 3
    sending.restart()
    await sending.group(await sending.number(HERE), await sending.number(THERE), sticky=True)
    recipients = [f"+1312555010{n}" for n in range(6)]
    first = {to: await sending.sender(to) for to in recipients}
    assert {to: await sending.sender(to) for to in recipients} == first
    assert sending.store.reads == recipients * 2


async def test_a_member_that_left_is_replaced_for_good(sending: Sending) -> None:
    group = await sending.group(sticky=True)
    memberships = {
        text: await sending.join(group, await sending.number(text)) for text in (HERE, THERE, "+12025550103")
    }
    left = await sending.sender()
    await sending.directory.remove_membership(PROJECT, memberships[left].id)
    replacement = await sending.sender()
    assert replacement != left
    sending.restart()
    assert await sending.sender() == replacement
    await sending.join(group, replace(await a_number(sending, left)))
    assert await sending.sender() == replacement


async def a_number(sending: Sending, text: str) -> Number:
    found = sending.directory.number_by_text(text)
    assert found is not None
    return found


async def test_a_member_that_cannot_send_this_kind_is_replaced_for_good(sending: Sending) -> None:
    await sending.group(await sending.number(HERE, ("sms",)), await sending.number(AWAY), sticky=True)
    assert await sending.sender() == HERE
    assert await sending.sender(force_mms=True) == AWAY
    assert await sending.sender() == AWAY
    sending.restart()
    assert await sending.sender() == AWAY


async def test_a_sticky_sender_stays_whatever_its_country(sending: Sending) -> None:
    group = await sending.group(await sending.number(AWAY), sticky=True)
    assert await sending.sender() == AWAY
    await sending.join(group, await sending.number(HERE))
    assert await sending.sender() == AWAY
    assert await sending.sender("+13125550199") == HERE


async def test_a_choice_whose_answer_was_lost_stays(sending: Sending) -> None:
    """It may be on disk."""
    await sending.group(await sending.number(HERE), await sending.number(THERE), sticky=True)
    for fault in ("fault_after", "fault"):
        setattr(sending.store, fault, StoreUnavailable("lost"))
        with pytest.raises(StoreUnavailable):
            await sending.send()
        setattr(sending.store, fault, None)
    tried = {each.message.from_number for each in sending.store.acceptances}
    assert tried == {await sending.sender()} == {await sending.sender()}
    sending.restart()
    assert await sending.sender() in tried


async def test_a_key_that_was_claimed_is_answered_before_anything_is_chosen(sending: Sending) -> None:
    group = await sending.group(await sending.number(HERE), sticky=True)
    first = await sending.send(idempotency_key="k", fingerprint="f")
    await sending.directory.remove_group(PROJECT, group.id)
    again = await sending.send(idempotency_key="k", fingerprint="f")
    assert again.replayed and again.message.id == first.message.id


async def test_of_one_key_twice_at_once_one_choice_is_kept(sending: Sending) -> None:
    await sending.group(await sending.number(HERE), await sending.number(THERE), sticky=True)
    sent = await asyncio.gather(*(sending.send(idempotency_key="k", fingerprint="f") for _ in range(2)))
    assert len({each.message.id for each in sent}) == 1
    assert sum(sending.transitions.unsent.values()) == 1
    sending.restart()
    assert await sending.sender() == sent[0].message.from_number


async def test_a_group_that_goes_while_its_sender_is_looked_up_is_refused(sending: Sending) -> None:
    group = await sending.group(await sending.number(HERE), sticky=True)
    looked_up = sending.store.store.sticky_sender

    async def gone_meanwhile(*key: str) -> Any:
        await sending.directory.remove_group(PROJECT, group.id)
        return await looked_up(*key)

    sending.store.sticky_sender = gone_meanwhile  # type: ignore[method-assign]
    assert await sending.refused() == [Fault.GROUP_UNFIT]
    assert sending.transitions.queued.total() == 0


async def test_a_caller_that_goes_away_breaks_nobodys_choice(sending: Sending) -> None:
    await sending.group(await sending.number(HERE), await sending.number(THERE), sticky=True)
    tasks = [asyncio.create_task(sending.sender()) for _ in range(6)]
    await asyncio.sleep(0)
    tasks[0].cancel()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert isinstance(results[0], asyncio.CancelledError)
    assert len(set(results[1:])) == 1
    assert await sending.sender() == results[1]


async def test_sends_without_a_group_ask_nothing(sending: Sending) -> None:
    await sending.number(HERE)
    sent: Message = (await sending.send(group_id=None, from_number=HERE)).message
    assert sent.group_id is None
    assert sending.store.reads == [] and sending.store.acceptances[0].sticky is None


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("send"), st.integers(0, 3), st.booleans()),
            st.tuples(st.sampled_from(["leave", "join"]), st.integers(0, 3), st.just(False)),
            st.tuples(st.just("restart"), st.just(0), st.just(False)),
            st.tuples(st.just("fault"), st.integers(0, 3), st.booleans()),
        ),
        max_size=30,
    )
)
async def test_whatever_happens_a_recipients_sender_changes_only_when_it_must(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, int, bool]]
) -> None:
    """A model: who sent last, sends again, as long as it is a member that can."""
    folder = tmp_path_factory.mktemp("groups")
    store = app.make_store(config.load({"data": str(folder)}, {}), exclusive=True)
    await store.open()
    try:
        sending = await make_sending(store, memory_max=2)
        group = await sending.group(sticky=True)
        members = [await sending.number(f"+1202555010{n}", ("sms",) if n % 2 else ("sms", "mms")) for n in range(4)]
        await follow(sending, group, members, steps)
    finally:
        await store.close()


async def follow(
    sending: Sending, group: NumberGroup, members: list[Number], steps: list[tuple[str, int, bool]]
) -> None:
    inside: dict[str, Membership] = {}
    last: dict[str, str] = {}
    for step, which, mms in steps:
        member, to = members[which], f"+1312555010{which}"
        match step:
            case "join" if member.number not in inside:
                inside[member.number] = await sending.join(group, member)
            case "leave" if member.number in inside:
                await sending.directory.remove_membership(PROJECT, inside.pop(member.number).id)
            case "restart":
                sending.restart()
            case "send" | "fault":
                able = {each.number for each in members if each.number in inside and (each.can("mms") or not mms)}
                sending.store.fault_after = StoreUnavailable("lost") if step == "fault" else None
                chosen = await tried(sending, to, mms)
                assert (chosen is None) == (not able)
                if chosen is not None:
                    assert chosen in able
                    assert last.get(to) in (None, chosen) or last[to] not in able
                    last[to] = chosen


async def tried(sending: Sending, to: str, mms: bool) -> str | None:
    """Who was to send, whether or not the answer was lost; None where nobody could."""
    before = len(sending.store.acceptances)
    try:
        await sending.send(to, force_mms=mms)
    except Refused as refused:
        assert [each.fault for each in refused.refusals] == [Fault.GROUP_UNFIT]
        return None
    except StoreUnavailable:
        pass
    return sending.store.acceptances[before].message.from_number
