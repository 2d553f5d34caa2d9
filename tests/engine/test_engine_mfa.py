"""Codes are sent, told back once, and forgotten."""

import asyncio
import re
from collections.abc import Callable
from typing import Any

import pytest
import structlog
from engine_ground import PROJECT
from sending_ground import AWAY, HERE, THERE, TO, TO_BRITAIN, Sending, ids
from structlog.testing import capture_logs

from heliograph.core.errors import Fault, NotFound, Refused, StoreUnavailable
from heliograph.core.lifecycle import State
from heliograph.core.message import Direction, Kind, Message, Source
from heliograph.engine.mfa import ATTEMPTS, DIGITS, DIGITS_AND_LETTERS, LENGTHS, Mfa, MfaSettings, Wish
from heliograph.engine.records import Records
from heliograph.engine.transition import Step

STRANGER = "22222222-2222-4222-8222-222222222222"


def make_mfa(sending: Sending, sender: str | None = None, draw: Callable[[str], str] | None = None) -> Mfa:
    settings = MfaSettings(sender=sender, draw=draw) if draw else MfaSettings(sender=sender)
    mfa = Mfa(
        store=sending.store,  # type: ignore[arg-type]  # the store, watched
        clock=sending.clock,
        ids=ids,
        directory=sending.directory,
        acceptor=sending.acceptor,
        settings=settings,
    )
    records = Records(sending.store, sending.clock, sending.transitions.event_numbers, None)  # type: ignore[arg-type]
    mfa.forget_text = records.forget_body
    return mfa


def a_wish(**changes: Any) -> Wish:
    return Wish(**({"project_id": PROJECT, "to_number": TO} | changes))


def sent_by(sending: Sending) -> Message:
    """The message that was accepted last."""
    return sending.store.acceptances[-1].message


def code_of(message: Message) -> str:
    return (message.body or "").split()[-1]


async def faults(mfa: Mfa, **changes: Any) -> list[Fault]:
    with pytest.raises(Refused) as refused:
        await mfa.send(a_wish(**changes))
    return [each.fault for each in refused.value.refusals]


async def delivered(sending: Sending, message: Message) -> None:
    steps = (State.INITIATED, State.SENT, State.DELIVERED)
    await sending.transitions.apply([Step(message=message, states=steps)])


async def test_a_code_is_sent_and_told_back_once(sending: Sending) -> None:
    await sending.number(HERE)
    mfa = make_mfa(sending)
    sent = await mfa.send(a_wish())
    assert sent.to_number == TO
    message = sent_by(sending)
    assert re.fullmatch(r"Your Personal Authorization Code is: [0-9]{6}", message.body or "")
    assert (message.from_number, message.to_number, message.kind) == (HERE, TO, Kind.SMS)
    assert (message.source, message.direction) == (Source.REALTIME, Direction.OUTBOUND_API)
    assert message.expires_at - message.created_at == 3600 * 1_000_000
    assert await mfa.verify(PROJECT, sent.id, code_of(message))
    with pytest.raises(NotFound):
        await mfa.verify(PROJECT, sent.id, code_of(message))


async def test_a_wrong_code_costs_an_attempt(sending: Sending) -> None:
    await sending.number(HERE)
    mfa = make_mfa(sending)
    sent = await mfa.send(a_wish(attempts=2))
    wrong = "000000" if code_of(sent_by(sending)) != "000000" else "000001"
    assert not await mfa.verify(PROJECT, sent.id, wrong)
    assert await mfa.verify(PROJECT, sent.id, code_of(sent_by(sending)))
    again = await mfa.send(a_wish(attempts=2))
    for _ in range(2):
        assert not await mfa.verify(PROJECT, again.id, "abcd")
    with pytest.raises(NotFound):
        await mfa.verify(PROJECT, again.id, code_of(sent_by(sending)))


async def test_attempts_at_once_are_no_more_than_allowed(sending: Sending) -> None:
    await sending.number(HERE)
    mfa = make_mfa(sending)
    sent = await mfa.send(a_wish(attempts=3))
    answers = await asyncio.gather(*(mfa.verify(PROJECT, sent.id, "wrong") for _ in range(8)), return_exceptions=True)
    assert answers.count(False) == 3
    assert [type(each) for each in answers].count(NotFound) == 5


async def test_a_flood_of_one_project_leaves_the_others_their_turns(sending: Sending) -> None:
    mfa = make_mfa(sending, sender=HERE)
    ended: list[str] = []

    async def send(project_id: str) -> None:
        await mfa.send(a_wish(project_id=project_id))
        ended.append(project_id)

    await asyncio.gather(*map(send, [PROJECT] * 20 + [STRANGER]))
    assert ended.index(STRANGER) < 10


async def test_of_right_answers_at_once_one_is_right(sending: Sending) -> None:
    await sending.number(HERE)
    mfa = make_mfa(sending)
    sent = await mfa.send(a_wish(attempts=20))
    code = code_of(sent_by(sending))
    answers = await asyncio.gather(*(mfa.verify(PROJECT, sent.id, code) for _ in range(6)), return_exceptions=True)
    assert answers.count(True) == 1
    assert [type(each) for each in answers].count(NotFound) == 5


async def test_a_code_ends_with_its_time(sending: Sending) -> None:
    await sending.number(HERE)
    mfa = make_mfa(sending)
    sent = await mfa.send(a_wish(lifetime_seconds=60))
    sending.clock.add(59.9)
    assert not await mfa.verify(PROJECT, sent.id, "0000")
    sending.clock.add(0.1)
    with pytest.raises(NotFound):
        await mfa.verify(PROJECT, sent.id, code_of(sent_by(sending)))


async def test_a_code_that_expires_while_it_is_checked_is_not_right(sending: Sending) -> None:
    await sending.number(HERE)
    mfa = make_mfa(sending)
    sent = await mfa.send(a_wish(lifetime_seconds=60))
    attempt = sending.store.store.attempt_challenge

    async def slow(*arguments: Any) -> Any:
        found = await attempt(*arguments)
        sending.clock.add(60)
        return found

    sending.store.attempt_challenge = slow  # type: ignore[attr-defined]
    with pytest.raises(NotFound):
        await mfa.verify(PROJECT, sent.id, code_of(sent_by(sending)))


async def test_another_project_and_an_unknown_id_find_nothing(sending: Sending) -> None:
    await sending.number(HERE)
    mfa = make_mfa(sending)
    sent = await mfa.send(a_wish())
    for project_id, id in ((STRANGER, sent.id), (PROJECT, STRANGER)):
        with pytest.raises(NotFound):
            await mfa.verify(project_id, id, code_of(sent_by(sending)))
    assert await mfa.verify(PROJECT, sent.id, code_of(sent_by(sending)))


async def test_the_wish_is_granted(sending: Sending) -> None:
    await sending.number(HERE)
    mfa = make_mfa(sending)
    sent = await mfa.send(a_wish(message="Код:", length=20, letters=True, lifetime_seconds=604_800))
    message = sent_by(sending)
    assert re.fullmatch(f"Код: [{DIGITS_AND_LETTERS}]{{20}}", message.body or "")
    assert message.expires_at - message.created_at == 172_800 * 1_000_000
    assert await mfa.verify(PROJECT, sent.id, code_of(message).lower())


async def test_without_a_text_the_message_is_the_code(sending: Sending) -> None:
    await sending.number(HERE)
    await make_mfa(sending).send(a_wish(message=""))
    assert re.fullmatch("[0-9]{6}", sent_by(sending).body or "")


async def test_a_message_of_more_than_a_segment_is_refused(sending: Sending) -> None:
    await sending.number(HERE)
    mfa = make_mfa(sending)
    for fitting, letter in ((153, "x"), (63, "ж")):
        await mfa.send(a_wish(message=letter * fitting))
        assert await faults(mfa, message=letter * (fitting + 1)) == [Fault.BODY_TOO_LONG]
    assert await faults(mfa, message="x" * 149, length=11) == [Fault.BODY_TOO_LONG]
    assert await faults(mfa, message="x" * 5000, to_number=None) == [Fault.TO_MISSING, Fault.BODY_TOO_LONG]


async def test_who_sends(sending: Sending) -> None:
    deployments = "+12025550999"
    mfa = make_mfa(sending, sender=deployments)
    assert await faults(make_mfa(sending)) == [Fault.SENDER_MISSING]
    await mfa.send(a_wish())
    assert sent_by(sending).from_number == deployments
    await sending.number("+12025550100", ("voice", "mms"))
    await mfa.send(a_wish())
    assert sent_by(sending).from_number == deployments
    for number in (HERE, THERE, AWAY):
        await sending.number(number)
    for to, sender in ((TO, HERE), (TO_BRITAIN, AWAY), ("+4915112345678", HERE)):
        await mfa.send(a_wish(to_number=to))
        assert sent_by(sending).from_number == sender
    await mfa.send(a_wish(from_number=THERE))
    assert sent_by(sending).from_number == THERE


async def test_from_is_a_number_of_the_project_that_can_send(sending: Sending) -> None:
    mfa = make_mfa(sending, sender=AWAY)
    await sending.number(HERE, ("voice",))
    for number, fault in ((HERE, Fault.FROM_INCAPABLE), (AWAY, Fault.FROM_NOT_OWNED), ("x", Fault.FROM_INVALID)):
        assert await faults(mfa, from_number=number) == [fault]
    assert await faults(mfa, to_number="+15005550001") == [Fault.TO_INVALID]


async def test_a_refused_message_leaves_nothing(sending: Sending) -> None:
    await sending.number(HERE)
    mfa = make_mfa(sending)
    sending.store.fault = Refused()
    with pytest.raises(Refused):
        await mfa.send(a_wish())
    sending.clock.add(3600)
    assert await sending.store.ended_challenges(sending.clock.now(), 10) == []


async def test_a_code_whose_message_may_have_left_is_kept(sending: Sending) -> None:
    await sending.number(HERE)
    mfa = make_mfa(sending)
    sending.store.fault_after = StoreUnavailable("lost")
    with pytest.raises(StoreUnavailable):
        await mfa.send(a_wish())
    sending.clock.add(3600)
    assert len(await sending.store.ended_challenges(sending.clock.now(), 10)) == 1


async def test_texts_of_ended_codes_are_emptied(sending: Sending) -> None:
    await sending.number(HERE)
    mfa = make_mfa(sending)
    used, _, running = [await mfa.send(a_wish(lifetime_seconds=seconds)) for seconds in (3600, 60, 3600)]
    messages = [each.message for each in sending.store.acceptances]
    for message in messages:
        await delivered(sending, message)
    assert await mfa.verify(PROJECT, used.id, code_of(messages[0]))
    sending.clock.add(60)
    await mfa.forget_ended()
    kept = [await sending.store.message(PROJECT, message.id) for message in messages]
    assert [each and each.body for each in kept] == ["", "", messages[2].body]
    assert await sending.store.ended_challenges(sending.clock.now(), 10) == []
    assert await mfa.verify(PROJECT, running.id, code_of(messages[2]))


async def test_a_text_under_way_is_emptied_later(sending: Sending) -> None:
    await sending.number(HERE)
    mfa = make_mfa(sending)
    sent = await mfa.send(a_wish())
    message = sent_by(sending)
    assert await mfa.verify(PROJECT, sent.id, code_of(message))
    await mfa.forget_ended()
    assert len(await sending.store.ended_challenges(sending.clock.now(), 10)) == 1
    await delivered(sending, message)
    await mfa.forget_ended()
    kept = await sending.store.message(PROJECT, message.id)
    assert kept is not None and kept.body == ""
    assert await sending.store.ended_challenges(sending.clock.now(), 10) == []


async def test_a_deleted_messages_text_is_emptied_too(sending: Sending) -> None:
    await sending.number(HERE)
    mfa = make_mfa(sending)
    await mfa.send(a_wish())
    message = sent_by(sending)
    await delivered(sending, message)
    await sending.store.delete(PROJECT, message.id, sending.clock.now(), 10**18)
    sending.clock.add(3600)
    await mfa.forget_ended()
    kept = await sending.store.message(PROJECT, message.id)
    assert kept is not None and kept.body == ""


async def test_codes_are_in_no_log_and_only_hashed_in_the_table(sending: Sending) -> None:
    structlog.reset_defaults()
    await sending.number(HERE)
    with capture_logs() as lines:
        mfa = make_mfa(sending, draw=lambda alphabet: alphabet[7])
        sent = await mfa.send(a_wish(length=12))
        assert await mfa.verify(PROJECT, sent.id, "7" * 12)
        assert repr(mfa).count("7777") == 0
    assert "7777" not in repr(lines)
    (ended,) = await sending.store.ended_challenges(sending.clock.now(), 1)
    assert ended.code_hash.startswith("scrypt$") and "7777" not in ended.code_hash


async def test_the_same_code_twice_has_two_hashes(sending: Sending) -> None:
    await sending.number(HERE)
    mfa = make_mfa(sending, draw=lambda alphabet: alphabet[0])
    for _ in range(2):
        await mfa.send(a_wish(lifetime_seconds=1))
    sending.clock.add(1)
    hashes = {each.code_hash for each in await sending.store.ended_challenges(sending.clock.now(), 10)}
    assert len(hashes) == 2


def test_letters_that_look_alike_are_left_out() -> None:
    assert set("01OI").isdisjoint(DIGITS_AND_LETTERS)
    assert len(set(DIGITS_AND_LETTERS)) == 32 and DIGITS_AND_LETTERS.isupper()
    assert (LENGTHS[0], LENGTHS[-1], ATTEMPTS[0], ATTEMPTS[-1], DIGITS) == (4, 20, 1, 20, "0123456789")
