"""A message from a handset and its handler, and what becomes of the number between the two."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from engine_ground import PROJECT, Ground, ids

from heliograph.core.addresses import Reach
from heliograph.core.directory import Number, Project
from heliograph.core.lifecycle import State
from heliograph.core.message import Media, Message
from heliograph.core.number_settings import Handler
from heliograph.core.reassembly import Bounds
from heliograph.engine.attachments import Attachments, AttachmentSettings
from heliograph.engine.directory import Directory
from heliograph.engine.inbound import Inbound, InboundSettings
from heliograph.engine.pieces import Pieces
from heliograph.engine.requests import InboundRequest
from heliograph.net.media import MediaFiles
from heliograph.ports import FetchedMedia

OTHER = "22222222-2222-4222-8222-222222222222"
NUMBER = Number(
    project_id=PROJECT,
    id="33333333-3333-4333-8333-333333333333",
    number="+12025550101",
    name="",
    capabilities=("sms",),
    settings={"message_handler": "laml_webhooks", "sms_url": "http://127.0.0.1:9/"},
    created_at=1,
    updated_at=1,
)


async def no_media(urls: tuple[str, ...], limit: int, project_id: str) -> list[FetchedMedia]:
    raise AssertionError("no message here has media")


@dataclass
class Desk:
    """Takes messages for the one number, and keeps which of them a handler was asked about."""

    ground: Ground
    directory: Directory
    inbound: Inbound = field(init=False)
    asked: list[str] = field(default_factory=list)

    async def ask(self, message: Message, handler: Handler, media: list[Media]) -> None:
        self.asked.append(message.id)

    async def kept(self) -> Message:
        return await self.inbound.receive(
            InboundRequest(from_number="+12025550199", to_number=NUMBER.number, body="hello")
        )

    async def received(self, message: Message) -> list[tuple[str, str | None]]:
        """What its timeline says, but for its states, when handlers have been asked."""
        self.ground.go(self.inbound.run())
        await self.ground.reaches(message, State.RECEIVED)
        lines = await self.ground.store.timeline(message.project_id, message.id)
        return [(line.kind, line.detail) for line in lines if line.state is None]


@pytest.fixture
async def desk(ground: Ground, tmp_path: Path) -> Desk:
    for id_ in (PROJECT, OTHER):
        project = Project(id=id_, parent_id=None, name="", signing_key="PSK", created_at=1, updated_at=1)
        await ground.store.add_project(project, None, ())
    await ground.store.put_number(NUMBER)
    made = Desk(ground, Directory(ground.store, ground.clock))
    await made.directory.load()
    attachments = Attachments(
        store=ground.store,
        clock=ground.clock,
        files=MediaFiles(tmp_path / "media"),
        fetch=no_media,
        transitions=ground.transitions,
        settings=AttachmentSettings(max_bytes=1, max_bytes_toll_free=1, concurrency=1, attempts=1),
    )
    made.inbound = Inbound(
        store=ground.store,
        clock=ground.clock,
        ids=ids,
        directory=made.directory,
        transitions=ground.transitions,
        attachments=attachments,
        metrics=ground.metrics,
        pieces=Pieces(
            ground.store,
            ground.clock,
            root_of=lambda id: id,
            bounds=Bounds(sets=1, octets=1000, family_sets=1, family_octets=1000),
            seconds=1,
        ),
        run_cxml=made.ask,
        run_swml=made.ask,
        settings=InboundSettings(concurrency=1, queue_max=10, reach=Reach(loopback=True)),
    )
    return made


async def released(directory: Directory) -> None:
    await directory.release_number(NUMBER)


async def moved(directory: Directory) -> None:
    await directory.move_number(NUMBER, lambda now: replace(now, project_id=OTHER))


async def test_a_handler_is_asked_without_a_word_on_the_timeline(desk: Desk) -> None:
    message = await desk.kept()
    assert await desk.received(message) == []
    assert desk.asked == [message.id]


@pytest.mark.parametrize(
    ("what", "told"),
    [
        (released, "the number was released after the message had come"),
        (moved, "the number went to another project after the message had come"),
    ],
)
async def test_a_number_that_went_before_its_handler_was_asked_is_on_the_timeline(
    desk: Desk, what: Callable[[Directory], Awaitable[None]], told: str
) -> None:
    message = await desk.kept()
    await what(desk.directory)
    assert await desk.received(message) == [("handler_missing", told)]
    assert desk.asked == []
