"""A project with numbers, groups and the one entry for its messages, on each of the stores, with a clock that tests
set."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from engine_ground import PROJECT, SetClock

from heliograph import app, config
from heliograph.core.addresses import Reach
from heliograph.core.directory import Membership, Number, NumberGroup, Project
from heliograph.core.errors import Fault, Refused
from heliograph.core.ids import Uuid7Generator
from heliograph.core.limits import Buckets
from heliograph.core.message import Source
from heliograph.core.pricing import Rates
from heliograph.engine.accept import Acceptor, AcceptSettings
from heliograph.engine.directory import Directory
from heliograph.engine.metrics import Metrics
from heliograph.engine.requests import SendRequest, Sent
from heliograph.engine.senders import Senders
from heliograph.engine.sticky import StickySenders
from heliograph.engine.transition import Transitions
from heliograph.ports import Acceptance, Accepted, Store

GROUP = "33333333-3333-4333-8333-333333333333"
BOTH = ("sms", "mms")
HERE, THERE, AWAY = "+12025550101", "+12025550102", "+442071838750"
TO, TO_BRITAIN = "+13125550100", "+447700900123"
ids = Uuid7Generator(lambda: 5)


@dataclass
class Watched:
    """The store, with what was asked of it; `fault` is raised in the place of an answer."""

    store: Store
    reads: list[str] = field(default_factory=list)
    acceptances: list[Acceptance] = field(default_factory=list)
    fault: Exception | None = None
    fault_after: Exception | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self.store, name)

    async def sticky_sender(self, project_id: str, group_id: str, to_number: str) -> Any:
        self.reads.append(to_number)
        return await self.store.sticky_sender(project_id, group_id, to_number)

    async def accept(self, acceptance: Acceptance) -> Accepted:
        self.acceptances.append(acceptance)
        if self.fault:
            raise self.fault
        accepted = await self.store.accept(acceptance)
        if self.fault_after:
            raise self.fault_after
        return accepted


@dataclass
class Sending:
    """A project with numbers and a group, and the entry for its messages."""

    store: Watched
    clock: SetClock
    directory: Directory
    transitions: Transitions
    acceptor: Acceptor
    memory_max: int
    made: int = 0

    async def number(self, text: str, capabilities: tuple[str, ...] = BOTH) -> Number:
        self.made += 1
        number = Number(
            project_id=PROJECT,
            id=f"00000000-0000-4000-8000-{self.made:012d}",
            number=text,
            name="",
            capabilities=capabilities,
            created_at=self.clock.now(),
            updated_at=self.clock.now(),
        )
        await self.store.put_number(number)
        await self.directory.load()
        return number

    async def group(self, *members: Number, sticky: bool = False, id: str = GROUP) -> NumberGroup:
        now = self.clock.now()
        group = NumberGroup(project_id=PROJECT, id=id, name="", sticky_sender=sticky, created_at=now, updated_at=now)
        await self.directory.create_group(group)
        for number in members:
            await self.join(group, number)
        return group

    async def join(self, group: NumberGroup, number: Number) -> Membership:
        membership = Membership(
            project_id=PROJECT,
            id=number.id.replace("4000", "4001"),
            group_id=group.id,
            number_id=number.id,
            created_at=self.clock.now(),
            updated_at=self.clock.now(),
        )
        await self.directory.add_membership(membership)
        return membership

    async def send(self, to: str = TO, **changes: Any) -> Sent:
        values = {"project_id": PROJECT, "source": Source.LAML, "to_number": to, "body": "hello", "group_id": GROUP}
        return await self.acceptor.send(SendRequest(**(values | changes)))

    async def sender(self, to: str = TO, **changes: Any) -> str:
        return (await self.send(to, **changes)).message.from_number

    async def refused(self, **changes: Any) -> list[Fault]:
        with pytest.raises(Refused) as refused:
            await self.send(**changes)
        return [each.fault for each in refused.value.refusals]

    def restart(self, **choices: Any) -> None:
        """Everything in memory is new."""
        self.acceptor = make_acceptor(
            self.store, self.clock, self.directory, self.transitions, self.memory_max, **choices
        )


def make_acceptor(
    store: Watched,
    clock: SetClock,
    directory: Directory,
    transitions: Transitions,
    memory_max: int,
    choice: str = "least_loaded",
    writes: int = 0,
    backlog_limit: int = 0,
) -> Acceptor:
    sticky = StickySenders(store, clock, memory_max)  # type: ignore[arg-type]  # the store, watched
    return Acceptor(
        store=store,  # type: ignore[arg-type]  # the same
        clock=clock,
        ids=ids,
        directory=directory,
        transitions=transitions,
        senders=Senders(directory, transitions, sticky, lambda: 0.999, choice),
        writes=Buckets(writes, 10),
        metrics=Metrics(),
        settings=AcceptSettings(
            simulator=True,
            reach=Reach(loopback=True),
            backlog_limit=backlog_limit,
            default_validity_seconds=3600,
            tags_max=3,
            tag_max_chars=10,
        ),
    )


async def make_sending(store: Store, memory_max: int = 100) -> Sending:
    clock, watched = SetClock(), Watched(store)
    now = clock.now()
    await store.add_project(
        Project(id=PROJECT, parent_id=None, name="", signing_key="PSK", created_at=now, updated_at=now), None, ()
    )
    directory = Directory(watched, clock)  # type: ignore[arg-type]  # the store, watched
    await directory.load()
    transitions = Transitions(store, clock, Rates(), Metrics(), directory.root_of)
    acceptor = make_acceptor(watched, clock, directory, transitions, memory_max)
    return Sending(watched, clock, directory, transitions, acceptor, memory_max)


@pytest.fixture
async def sending(tmp_path: Path, store_url: str | None) -> AsyncIterator[Sending]:
    """On each of the stores."""
    store = app.make_store(config.load({"data": str(tmp_path), "database_url": store_url}, {}), exclusive=True)
    await store.open()
    yield await make_sending(store)
    await store.close()
