"""Host names whose name server is silent: one project's, and many projects', delay nobody else's look-ups.

Before: look-ups ran in libuv's threads, and a few such names stopped every webhook, handler and carrier.
"""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from itertools import count

import psutil
import pytest
from aiohttp import web

from heliograph.core.addresses import Reach
from heliograph.net.http import HttpClient, Request
from heliograph.net.resolver import Resolver, ResolverSettings
from name_server import NameServer, name_server

FLOOD_SECONDS = 3.0
SLOW_SECONDS = 3.0
"""A healthy look-up takes milliseconds; what an attacked one may take on a busy machine."""

RSS_MAX_BYTES = 60 * 1024 * 1024


@pytest.fixture
async def server() -> AsyncIterator[NameServer]:
    healthy = {f"h{number}.healthy.test": ["127.0.0.1"] for number in range(1000)}
    async with name_server(healthy, lambda name, kind: name.endswith(".slow.test")) as running:
        yield running


@asynccontextmanager
async def flood(projects: int, at_once: int, attack: Callable[[str, str], Awaitable[object]]) -> AsyncIterator[None]:
    """So many projects with so many requests each under way, every one to a new name that nobody answers for."""
    numbers = count()

    async def one(project: str) -> None:
        while True:
            with contextlib.suppress(Exception):
                await attack(f"n{next(numbers)}.slow.test", project)
            await asyncio.sleep(0)

    tasks = [asyncio.create_task(one(f"mallory {number}")) for number in range(projects) for _ in range(at_once)]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def slowest(look_up: Callable[[int], Awaitable[object]]) -> float:
    """Seconds that the slowest of Alice's requests took, made one after the other for as long as the flood lasts."""
    loop = asyncio.get_running_loop()
    worst, ends = 0.0, loop.time() + FLOOD_SECONDS
    for number in count():
        started = loop.time()
        await look_up(number)
        worst = max(worst, loop.time() - started)
        if loop.time() > ends:
            return worst
    raise AssertionError


@pytest.mark.parametrize(("projects", "at_once"), [(1, 40), (1, 500), (20, 40)])
async def test_silent_name_server_delays_no_other_project(server: NameServer, projects: int, at_once: int) -> None:
    resolver = Resolver(ResolverSettings(servers=(server.address,)))
    before = psutil.Process().memory_info().rss
    async with flood(projects, at_once, lambda host, project: resolver.resolve(host, 80, project)):
        with contextlib.suppress(socket.gaierror):  # the flood is on, and its first look-ups are late
            await resolver.resolve("own.slow.test", 80, "bob")
        worst = await slowest(lambda number: resolver.resolve(f"h{number % 1000}.healthy.test", 80, "alice"))
        assert resolver.under_way <= 128  # twice the places: late work moves over, and others start in its place
    await resolver.close()
    assert worst < SLOW_SECONDS
    assert psutil.Process().memory_info().rss - before < RSS_MAX_BYTES


async def test_requests_to_silent_names_delay_no_request_of_another_project(server: NameServer) -> None:
    """Through the whole client, with fewer connections than requests of the flood."""
    resolver = Resolver(ResolverSettings(servers=(server.address,)))
    client = HttpClient(reach=Reach(loopback=True), resolver=resolver, max_connections=20)
    await client.start()

    async def answer(_request: web.Request) -> web.Response:
        return web.Response()

    app = web.Application()
    app.router.add_get("/", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    port = runner.addresses[0][1]

    def request(host: str, project: str) -> Awaitable[object]:
        return client.request(Request(method="GET", url=f"http://{host}:{port}/", owner=project))

    try:
        async with flood(1, 200, request):
            worst = await slowest(lambda number: request(f"h{number % 50}.healthy.test", "alice"))
    finally:
        await client.stop()
        await runner.cleanup()
    assert worst < SLOW_SECONDS
