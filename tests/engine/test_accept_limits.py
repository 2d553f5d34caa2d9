"""Limits of the one entry: they hold for a root project with its subprojects, at every door."""

import pytest
from engine_ground import PROJECT
from sending_ground import HERE, Sending

from heliograph.core.directory import Number
from heliograph.core.errors import Fault, Refused
from heliograph.core.message import Source
from heliograph.engine.requests import SendRequest

THERE = "+12025550109"


async def child_of(sending: Sending) -> str:
    """A subproject with a number of its own."""
    (parent,) = sending.directory.projects()
    child = await sending.directory.create_subproject(parent, "child")
    number = Number(
        project_id=child.id, id="00000000-0000-4000-8000-00000000000c", number=THERE, name="", capabilities=("sms",),
        created_at=1, updated_at=1,
    )  # fmt: skip
    await sending.store.put_number(number)
    await sending.directory.load()
    return child.id


async def send(sending: Sending, project_id: str = PROJECT, **changes: object) -> None:
    values: dict[str, object] = {
        "project_id": project_id,
        "source": Source.LAML,
        "to_number": "+13125550100",
        "from_number": HERE if project_id == PROJECT else THERE,
        "body": "hello",
    }
    await sending.acceptor.send(SendRequest(**(values | changes)))  # type: ignore[arg-type]


async def refusal(sending: Sending, project_id: str = PROJECT, **changes: object) -> tuple[Fault, int | None]:
    with pytest.raises(Refused) as refused:
        await send(sending, project_id, **changes)
    return refused.value.refusals[0].fault, refused.value.retry_after_seconds


async def test_writes_of_subprojects_count_against_their_root(sending: Sending) -> None:
    await sending.number(HERE)
    child = await child_of(sending)
    sending.restart(writes=3)
    await send(sending, child)
    await send(sending)
    await send(sending, child)
    for project_id in (PROJECT, child):
        assert await refusal(sending, project_id) == (Fault.RATE_EXCEEDED, 4)
    sending.clock.add(10)
    await send(sending, child)


async def test_refused_message_counts_as_a_write(sending: Sending) -> None:
    await sending.number(HERE)
    sending.restart(writes=1)
    assert (await refusal(sending, to_number="nobody"))[0] is Fault.TO_INVALID
    assert (await refusal(sending))[0] is Fault.RATE_EXCEEDED


async def test_message_that_its_door_has_counted_is_counted_once(sending: Sending) -> None:
    await sending.number(HERE)
    sending.restart(writes=1)
    await send(sending, is_counted=True)
    await send(sending)
    await send(sending, is_counted=True)


async def test_replayed_message_is_not_counted(sending: Sending) -> None:
    await sending.number(HERE)
    sending.restart(writes=1)
    for _ in range(3):
        await send(sending, idempotency_key="k", fingerprint="f")


async def test_part_of_a_message_counts_as_a_write(sending: Sending) -> None:
    child = await child_of(sending)
    sending.restart(writes=2)
    sending.acceptor.admit(child)
    sending.acceptor.admit(PROJECT)
    with pytest.raises(Refused) as refused:
        sending.acceptor.admit(child)
    assert refused.value.refusals[0].fault is Fault.RATE_EXCEEDED


async def test_backlog_counts_queued_and_deferred_messages_of_the_family(sending: Sending) -> None:
    await sending.number(HERE)
    child = await child_of(sending)
    sending.restart(backlog_limit=3)
    await send(sending, child)
    sending.transitions.deferred.add(child)
    await send(sending)
    for project_id in (PROJECT, child):
        assert await refusal(sending, project_id) == (Fault.BACKLOG_FULL, 1)
        with pytest.raises(Refused):
            sending.acceptor.admit(project_id)
    sending.transitions.deferred.remove(child)
    await send(sending)


async def test_backlog_of_another_project_has_room(sending: Sending) -> None:
    await sending.number(HERE)
    sending.restart(backlog_limit=1)
    sending.transitions.deferred.add("22222222-2222-4222-8222-222222222222", 5)
    await send(sending)


@pytest.mark.parametrize(
    ("labels", "parameter"),
    [({"tags": ("a",) * 4}, "tags"), ({"tags": ("a" * 11,)}, "tags"), ({"region": "a" * 11}, "region")],
)
async def test_tags_and_region_are_bounded_by_the_settings(
    sending: Sending, labels: dict[str, object], parameter: str
) -> None:
    await sending.number(HERE)
    await send(sending, tags=("a" * 10,) * 3, region="a" * 10)
    with pytest.raises(Refused) as refused:
        await send(sending, **labels)
    assert (refused.value.refusals[0].fault, refused.value.refusals[0].attribute) == (
        Fault.PARAMETER_INVALID,
        parameter,
    )
