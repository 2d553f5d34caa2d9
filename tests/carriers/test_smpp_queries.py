"""query_sm: for submits whose answer was lost, and for receipts that are overdue."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from smpp_ground import Ground, ground, message, receipt

from heliograph.carriers.smpp.queries import TRIES, Overdue
from heliograph.core.errors import StoreUnavailable, Uncertain
from heliograph.core.lifecycle import State
from heliograph.core.message import Direction, Kind, Message, Source
from heliograph.ports import Answer, Receipt
from heliograph.wire.smpp import pdu as smpp
from heliograph.wire.smpp.pdu import Status, Tag

ID = "0190b6a2-7e1c-7d3a-9f00-0123456789ab"
LONG = "Heliographs flashed sunlight from hill to hill; each signal was read and written down. " * 4


@pytest.fixture
async def here() -> AsyncIterator[Ground]:
    async with ground() as made:
        yield made


def kept_message(body: str = "hello") -> Message:
    return Message(
        id=ID,
        project_id="p",
        direction=Direction.OUTBOUND_API,
        kind=Kind.SMS,
        source=Source.LAML,
        from_number="+12025550100",
        to_number="+447700900001",
        body=body,
        segments=3 if body == LONG else 1,
        state=State.INITIATED,
        created_at=1,
        updated_at=1,
        expires_at=1,
    )


def remembering(here: Ground) -> dict[bytes, str]:
    """An SMSC that takes submits, cuts the connection in the answer's place, and can be asked by reference."""
    taken: dict[bytes, str] = {}

    def on_submit(link: Any, header: Any, pdu: Any) -> None:
        taken[pdu.tlvs[Tag.USER_MESSAGE_REFERENCE]] = here.smsc.next_id()
        link.transport.close()

    def on_query(link: Any, header: Any, pdu: Any) -> None:
        assert (pdu.message_id, pdu.source_addr, pdu.source_addr_ton) == ("", "12025550100", 1)
        found = taken.get(pdu.tlvs[Tag.USER_MESSAGE_REFERENCE])
        answer = smpp.QuerySmResp(message_id=found or "", message_state=1)
        link.send(answer, header.sequence, Status.ROK if found else Status.RINVMSGID)

    here.smsc.on_submit, here.smsc.on_query = on_submit, on_query
    return taken


async def test_a_lost_answer_is_asked_for(here: Ground) -> None:
    remembering(here)
    carrier = await here.carrier(query="reference", query_after_seconds=0)
    with pytest.raises(Uncertain):
        await carrier.submit(message(ID))
    assert await carrier.query(kept_message()) == Answer(refs=("1",))


async def test_one_that_was_never_taken(here: Ground) -> None:
    remembering(here)
    carrier = await here.carrier(query="reference", query_after_seconds=0)
    assert await carrier.query(kept_message()) == Answer(refs=None)


async def test_parts_are_asked_for_each(here: Ground) -> None:
    taken = remembering(here)
    carrier = await here.carrier(query="reference", query_after_seconds=0, window=1)
    with pytest.raises(Uncertain):
        await carrier.submit(message(ID, LONG))
    assert len(taken) == 1
    assert await carrier.query(kept_message(LONG)) == Answer(refs=None, accepted={1: "1"})


@pytest.mark.parametrize("status", [Status.RQUERYFAIL, Status.RINVCMDID, Status.RSYSERR])
async def test_a_carrier_that_can_not_say(here: Ground, status: Status) -> None:
    here.smsc.on_query = lambda link, header, pdu: link.send(smpp.QuerySmResp(), header.sequence, status)
    carrier = await here.carrier(query="reference", query_after_seconds=0)
    assert await carrier.query(kept_message()) is None


async def test_without_the_setting_nothing_is_asked(here: Ground) -> None:
    carrier = await here.carrier()
    assert await carrier.query(kept_message()) is None
    await carrier.submit(message(ID))
    assert here.smsc.submits[0].tlvs == {}


async def test_it_is_not_asked_too_soon_after_a_loss(here: Ground) -> None:
    """What was asked may be under way still. All that is asked waits once."""
    remembering(here)
    carrier = await here.carrier(query="reference", query_after_seconds=0.2)
    with pytest.raises(Uncertain):
        await carrier.submit(message(ID))
    loop = asyncio.get_running_loop()
    began = loop.time()
    await carrier.query(kept_message())
    first = loop.time() - began
    await carrier.query(kept_message())
    assert first >= 0.15
    assert loop.time() - began - first < 0.15


async def test_a_question_that_goes_down_with_its_connection_is_asked_again(here: Ground) -> None:
    """Other messages in flight may have the carrier cut again while it is being asked about the first."""
    remembering(here)
    carrier = await here.carrier(query="reference", query_after_seconds=0)
    with pytest.raises(Uncertain):
        await carrier.submit(message(ID))
    answered, cuts = here.smsc.on_query, iter([True, True])

    def on_query(link: Any, header: Any, pdu: Any) -> None:
        if next(cuts, False):
            link.transport.close()
        else:
            answered(link, header, pdu)

    here.smsc.on_query = on_query
    assert await carrier.query(kept_message()) == Answer(refs=("1",))


async def test_a_carrier_that_cuts_for_a_question_is_not_asked_for_long(here: Ground) -> None:
    """Each such question would take the connection from all that goes over it."""
    asked = []

    def on_query(link: Any, header: Any, pdu: Any) -> None:
        asked.append(pdu)
        link.transport.close()

    here.smsc.on_query = on_query
    carrier = await here.carrier(query="reference", query_after_seconds=0)
    assert await carrier.query(kept_message()) is None
    assert len(asked) == TRIES


async def test_a_connection_that_is_ending_is_not_asked(here: Ground) -> None:
    remembering(here)
    carrier = await here.carrier(query="reference", query_after_seconds=0)
    with pytest.raises(Uncertain):
        await carrier.submit(message(ID))
    await here.desk.signal.until(lambda: carrier.available)
    ending = carrier._binds[0].link
    assert ending is not None
    ending.close("ending")
    assert await carrier.query(kept_message()) == Answer(refs=("1",))


# -- overdue receipts


def answering(here: Ground, *states: int) -> list[str]:
    """An SMSC that answers a query with these states, the last one again and again; which ids it was asked for."""
    asked: list[str] = []

    def on_query(link: Any, header: Any, pdu: Any) -> None:
        asked.append(pdu.message_id)
        state = states[min(len(asked), len(states)) - 1]
        link.send(smpp.QuerySmResp(message_id=pdu.message_id, message_state=state), header.sequence)

    here.smsc.on_query = on_query
    return asked


async def test_an_overdue_receipt_is_asked_for(here: Ground) -> None:
    asked = answering(here, 1, 2)
    here.smsc.next_id = lambda: "00AB"
    carrier = await here.carrier(query="message_id", query_after_seconds=0.02)
    await carrier.submit(message())
    told = await here.desk.signal.until(lambda: here.desk.receipts)
    assert told == [Receipt(carrier_ref="00AB", state=State.DELIVERED, detail="query_sm: stat:DELIVRD")]
    assert asked == ["00AB", "00AB"], "ENROUTE was no answer"


async def test_one_that_came_is_not_asked_for(here: Ground) -> None:
    asked = answering(here, 2)
    here.desk.taking = lambda told: told.carrier_ref
    carrier = await here.carrier(query="message_id", query_after_seconds=0.1)
    came = (await carrier.submit(message("came"))).refs[0]
    await here.smsc.bound[0].bring(receipt(came))
    missing = (await carrier.submit(message("missing"))).refs[0]
    await here.smsc.signal.until(lambda: asked)
    assert asked == [missing]


async def test_a_result_that_was_not_kept_is_asked_for_again(here: Ground) -> None:
    answering(here, 5)
    refusals = [StoreUnavailable()]

    def take(told: Receipt) -> str:
        if refusals:
            raise refusals.pop()
        return told.carrier_ref

    here.desk.taking = take
    carrier = await here.carrier(query="message_id", query_after_seconds=0.02)
    await carrier.submit(message())
    told = await here.desk.signal.until(lambda: here.desk.receipts[1:])
    assert (told[0].state, told[0].error_code) == (State.UNDELIVERED, 30008)


async def test_one_that_was_asked_for_often_keeps_none_waiting_that_is_due(here: Ground) -> None:
    now, asked = 0.0, []

    async def ask(question: smpp.QuerySm) -> tuple[int, smpp.QuerySmResp]:
        asked.append(question.message_id)
        return Status.RQUERYFAIL, smpp.QuerySmResp()

    async def tell(kept: str, said: Any) -> None:
        raise AssertionError

    overdue = Overdue(here.config(query="message_id", query_after_seconds=100), lambda: now, ask, tell)
    overdue.await_receipt("old", "old", smpp.SubmitSm())
    for _ in range(3):  # then it is due in 800 seconds
        now = overdue._awaited["old"].due
        overdue._ask_some()
        await asyncio.gather(*overdue._tasks)
    overdue.await_receipt("new", "new", smpp.SubmitSm())
    now += 100
    overdue._ask_some()
    await asyncio.gather(*overdue._tasks)
    assert asked == ["old", "old", "old", "new"]
    overdue.stop()
    overdue.await_receipt("late", "late", smpp.SubmitSm())
    assert overdue._timer is None, "a carrier that was let go asks nobody"
