"""Paging under fire: thousands of messages in pages of 7, new ones arriving and others deleted meanwhile.

Each of the originals that still exists at the end is seen exactly once, forwards and backwards, in the cXML list, in
the logs, and in the logs with the deleted ones (which sees all), on both stores.
"""

import asyncio
import itertools
import json
import random
import time
from base64 import b64encode
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from heliograph import app, config
from heliograph.core.ids import Uuid7Generator
from heliograph.core.lifecycle import State
from heliograph.core.message import Direction, Kind, Message, Source
from heliograph.ports import Acceptance
from servers import Credentials, HeliographServer

MESSAGES = 5000
PAGE = 7
BATCH = 1000
DELETED_MAX = 2000
ROOT = "/api/laml/2010-04-01/Accounts/"

Page = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class List:
    """One list: its address, its rows' ids, and where its links are; None at the ends."""

    address: str
    ids: Callable[[Page], list[str]]
    following: Callable[[Page], str | None]
    previous: Callable[[Page], str | None]


@dataclass
class Fire:
    """The server under test and what has been done to it."""

    session: aiohttp.ClientSession
    messages: str
    sender: str
    originals: list[str]
    created: set[str] = field(default_factory=set)
    deleted: set[str] = field(default_factory=set)
    walking: bool = True

    async def page(self, address: str) -> Page:
        """One page, which must be there."""
        async with self.session.get(address) as response:
            assert response.status == 200, await response.text()
            return dict(await response.json())

    async def create(self) -> None:
        """Let a new message come."""
        fields = {"To": "+13125550100", "From": self.sender, "Body": "new"}
        async with self.session.post(self.messages, data=fields) as response:
            assert response.status == 201, await response.text()
            self.created.add((await response.json())["sid"])

    async def delete(self, message_id: str) -> None:
        """Delete an original, once."""
        if message_id in self.deleted or message_id in self.created:
            return
        self.deleted.add(message_id)
        async with self.session.delete(f"{self.messages}/{message_id}") as response:
            assert response.status == 204, await response.text()

    async def keep_firing(self) -> None:
        """Create and delete, in a fixed order of victims, for as long as somebody walks."""
        victims = random.Random(7).sample(self.originals, DELETED_MAX)
        for victim in itertools.chain(victims, itertools.repeat(None)):
            if not self.walking:
                return
            await self.create()
            if victim is not None:
                await self.delete(victim)


async def _there(fire: Fire, walked: List) -> tuple[list[str], Page]:
    """The ids from the first page to the last, and the last page. Every tenth page's last row, which the next page's
    token names, is deleted before that token is used."""
    page = await fire.page(walked.address)
    seen = walked.ids(page)
    for number in itertools.count(1):
        address = walked.following(page)
        if address is None:
            return seen, page
        if number % 10 == 0:
            await fire.delete(seen[-1])
        page = await fire.page(address)
        seen += walked.ids(page)
    raise AssertionError("unreachable")


async def _back(fire: Fire, walked: List, last: Page) -> list[str]:
    """The ids from the last page to the first, in the order of the list."""
    page, pages = last, [walked.ids(last)]
    for number in itertools.count(1):
        address = walked.previous(page)
        if address is None:
            return [each for ids in reversed(pages) for each in ids]
        if number % 10 == 0 and pages[-1]:
            await fire.delete(pages[-1][0])
        page = await fire.page(address)
        pages.append(walked.ids(page))
    raise AssertionError("unreachable")


def _lists(server: HeliographServer) -> dict[str, List]:
    def of_logs(more: str) -> List:
        return List(
            address=f"/api/messaging/logs?page_size={PAGE}{more}",
            ids=lambda page: [each["id"] for each in page["data"]],
            following=lambda page: page["links"].get("next"),
            previous=lambda page: page["links"].get("prev"),
        )

    return {
        "cxml": List(
            address=f"{ROOT}{server.credentials.project_id}/Messages?PageSize={PAGE}",
            ids=lambda page: [each["sid"] for each in page["messages"]],
            following=lambda page: page["next_page_uri"],
            previous=lambda page: page["previous_page_uri"],
        ),
        "logs": of_logs(""),
        "logs with the deleted": of_logs("&include_deleted=true"),
    }


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """The server's directory."""
    return tmp_path / "data"


@pytest.fixture
def credentials(data: Path, store_url: str | None) -> Credentials:
    """An initialised deployment that is not running."""
    where = ["--data", str(data), *(["--database-url", store_url] if store_url else [])]
    made = json.loads(HeliographServer(data).run("init", *where, "--json"))
    return Credentials(
        project_id=made["project_id"],
        api_token=made["api_token"],
        signing_key=made["signing_key"],
        numbers=tuple(made["numbers"]),
    )


@pytest.fixture
async def originals(data: Path, store_url: str | None, credentials: Credentials) -> list[str]:
    """The messages that are there before the first page is asked for, newest first; put straight into the store."""
    store = app.make_store(config.load({"data": str(data), "database_url": store_url}, {}), exclusive=True)
    await store.open()
    bits = random.Random(7)
    ids = Uuid7Generator(lambda: bits.getrandbits(62))
    now = time.time_ns() // 1000
    acceptances = [Acceptance(message=_delivered(ids, credentials, now), event_no=number) for number in range(MESSAGES)]
    for start in range(0, MESSAGES, BATCH):
        await asyncio.gather(*(store.accept(each) for each in acceptances[start : start + BATCH]))
    await store.close()
    return [each.message.id for each in reversed(acceptances)]


def _delivered(ids: Uuid7Generator, credentials: Credentials, now: int) -> Message:
    return Message(
        id=ids.next(now),
        project_id=credentials.project_id,
        direction=Direction.OUTBOUND_API,
        kind=Kind.SMS,
        source=Source.LAML,
        from_number=credentials.numbers[0],
        to_number="+13125550100",
        body="original",
        segments=1,
        state=State.DELIVERED,
        created_at=now,
        updated_at=now,
        expires_at=now,
        sent_at=now,
        price_micros=8300,
    )


@pytest.fixture
def running(
    data: Path, store_url: str | None, credentials: Credentials, originals: list[str]
) -> Iterator[HeliographServer]:
    """The server over the originals."""
    settings = {"rate_limit_writes": 0, "simulator_answer_ms": 0, "simulator_receipt_ms": 0}
    server = HeliographServer(data, database_url=store_url, credentials=credentials, settings=settings)
    try:
        yield server.start()
    finally:
        server.kill()


@pytest.fixture
async def fire(running: HeliographServer, originals: list[str]) -> AsyncIterator[Fire]:
    """The server, asked over kept connections."""
    known = running.credentials
    pair = b64encode(f"{known.project_id}:{known.api_token}".encode()).decode()
    async with aiohttp.ClientSession(running.base_url, headers={"Authorization": f"Basic {pair}"}) as session:
        yield Fire(session, f"{ROOT}{known.project_id}/Messages", known.numbers[0], originals)


async def test_each_original_that_remains_is_seen_once_there_and_back(fire: Fire, running: HeliographServer) -> None:
    async def walk(walked: List) -> tuple[list[str], list[str]]:
        there, last = await _there(fire, walked)
        return there, await _back(fire, walked, last)

    lists = _lists(running)
    firing = [asyncio.create_task(fire.keep_firing())]
    try:
        walks = dict(zip(lists, await asyncio.gather(*(walk(each) for each in lists.values())), strict=True))
    finally:
        fire.walking = False
        await asyncio.gather(*firing)

    originals = set(fire.originals)
    assert len(fire.created) > 100 and len(fire.deleted) > 100
    for name, ways in walks.items():
        remaining = originals if name == "logs with the deleted" else originals - fire.deleted
        for way, seen in zip(("there", "back"), ways, strict=True):
            assert seen == sorted(set(seen), reverse=True), f"{name} {way}: a row twice, or out of order"
            assert remaining <= set(seen), f"{name} {way}: {len(remaining - set(seen))} rows were not seen"
            assert set(seen) <= originals | fire.created, f"{name} {way}: rows that nobody made"
    # Going back leads to the messages that came since.
    assert all(set(back) & fire.created for _, back in walks.values())
