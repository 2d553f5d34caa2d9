"""Scripts of our own as handlers' documents, without a connection; everything else goes to the client."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from engine_ground import PROJECT, Ground

from heliograph.core.directory import Project
from heliograph.core.errors import StoreUnavailable
from heliograph.core.ids import Uuid7Generator
from heliograph.core.script import Script, ScriptUse
from heliograph.engine.directory import Directory
from heliograph.engine.own_documents import OwnDocuments, own_script
from heliograph.engine.scripts import Scripts
from heliograph.ports import HttpRequest, HttpResponse

OWN = "https://sms.example.com/base"
MAX_BYTES = 1000


class Others:
    """The client, which tells what it was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def request(self, request: HttpRequest) -> HttpResponse:
        self.asked.append(request.url)
        return HttpResponse(status=299, headers={}, body=b"", url=request.url)


class Bench:
    def __init__(self, ground: Ground) -> None:
        self.others = Others()
        room = Directory(ground.store, ground.clock).room
        self.scripts = Scripts(ground.store, ground.clock, Uuid7Generator(lambda: 7), room, MAX_BYTES)
        self.scripts.start_task = ground.go
        self.documents = OwnDocuments(self.others, self.scripts, lambda: OWN, self.persist)
        self.outages = 0

    async def persist(self, read: Callable[[], Awaitable[bytes]]) -> bytes:
        while True:
            try:
                return await read()
            except StoreUnavailable:
                self.outages += 1

    async def script(self, contents: str) -> Script:
        return await self.scripts.create(PROJECT, "a", contents)

    async def ask(self, url: str, body: bytes | None = None) -> HttpResponse:
        method = "GET" if body is None else "POST"
        return await self.documents.request(HttpRequest(method=method, url=url, body=body))


@pytest.fixture
async def bench(ground: Ground) -> Bench:
    project = Project(id=PROJECT, parent_id=None, name="", signing_key="PSK", created_at=1, updated_at=1)
    await ground.store.add_project(project, None, ())
    return Bench(ground)


async def test_a_script_is_rendered_with_the_fields_of_query_and_form(bench: Bench) -> None:
    script = await bench.script("<Response>{{a}}{{b}}</Response>")
    url = f"{OWN}/laml-bins/{script.id}"
    answer = await bench.ask(f"{url}?a=1&b=2#tt=1000", b"b=%3C")
    assert (answer.status, answer.body) == (200, b"<Response>1&lt;</Response>")
    assert (answer.url, answer.content_type) == (f"{url}?a=1&b=2", "application/xml")
    assert (await bench.ask(f"{url}?a=1")).body == b"<Response>1</Response>"
    assert (await bench.scripts.get(PROJECT, script.id)).requests == 2
    assert bench.others.asked == []


async def test_what_cannot_be_served_is_an_answer(bench: Bench) -> None:
    script = await bench.script(f"<Response>{'{{a}}' * 50}</Response>")
    url = f"{OWN}/laml-bins/{script.id}"
    assert (await bench.ask(f"{url}?a={'x' * 1000}")).status == 422
    assert (await bench.ask(f"{url}?a=%ff")).status == 422
    await bench.scripts.remove(PROJECT, script.id)
    assert (await bench.ask(url)).status == 404


async def test_a_store_that_is_away_holds_up_the_answer(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    script = await bench.script("<Response/>")
    read = bench.scripts.document
    left = iter([True, True])

    async def away(*given: object) -> bytes:
        if next(left, False):
            raise StoreUnavailable
        return await read(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(bench.scripts, "document", away)
    assert (await bench.ask(f"{OWN}/laml-bins/{script.id}")).status == 200
    assert bench.outages == 2


ID = "0a0a0a0a-0a0a-4a0a-8a0a-0a0a0a0a0a0a"


@pytest.mark.parametrize(
    "url",
    [
        f"https://sms.example.com/laml-bins/{ID}",
        f"http://sms.example.com/base/laml-bins/{ID}",
        f"https://sms.example.com.evil.example/base/laml-bins/{ID}",
        f"https://sms.example.com/base/laml-bins/{ID}/x",
        f"https://sms.example.com/base/laml-bins/x/../{ID}",
        "https://sms.example.com/base/laml-bins/",
        "https://sms.example.com/base/metrics",
        f"https://other.example.com/?{OWN}/laml-bins/{ID}",
    ],
)
async def test_everything_else_is_asked_of_the_client(bench: Bench, url: str) -> None:
    assert own_script(url, OWN) is None
    assert (await bench.ask(url)).status == 299
    assert bench.others.asked == [url]


def test_a_server_that_does_not_know_where_it_is_has_no_own() -> None:
    assert own_script(f"/laml-bins/{ID}", "") is None
    assert own_script(f"{OWN}/laml-bins/{ID.upper()}?a#b", OWN) == ID


async def test_a_script_that_is_asked_for_all_the_time_can_be_read(
    bench: Bench, ground: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = await bench.script("<Response/>")
    count = ground.store.count_script_uses

    async def counted_as_more_come(uses: list[ScriptUse]) -> None:
        await bench.scripts.document(script.id, {})
        await count(uses)

    monkeypatch.setattr(ground.store, "count_script_uses", counted_as_more_come)
    for _ in range(3):
        await bench.scripts.document(script.id, {})
    async with asyncio.timeout(10):
        assert (await bench.scripts.get(PROJECT, script.id)).requests >= 3
        assert [each.id for each in await bench.scripts.page(PROJECT, None, None, 10)] == [script.id]
