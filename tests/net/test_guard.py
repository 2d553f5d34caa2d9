"""The guard where sockets are made: by literal address, by name, and after a redirect."""

import socket
from collections.abc import AsyncIterator

import pytest
from aiohttp import AddrInfoType, web

from heliograph.core.addresses import Reach
from heliograph.net import guard, http
from heliograph.net.resolver import Resolver, ResolverSettings


@pytest.fixture
async def port() -> AsyncIterator[int]:
    async def answer(_request: web.Request) -> web.Response:
        return web.Response(text="reached")

    app = web.Application()
    app.router.add_get("/", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    yield runner.addresses[0][1]
    await runner.cleanup()


def info(address: str) -> AddrInfoType:
    return (socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (address, 80))


@pytest.mark.parametrize("address", ["10.0.0.1", "169.254.169.254", "0.0.0.0", "nonsense"])
def test_makes_no_socket_for_a_forbidden_address(address: str) -> None:
    with pytest.raises(guard.ForbiddenAddress):
        guard.guarded_sockets(Reach(loopback=True))(info(address))


def test_makes_a_socket_for_a_public_address() -> None:
    with guard.guarded_sockets(Reach())(info("8.8.8.8")) as made:
        assert (made.family, made.type, made.proto) == (socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]"])
async def test_refuses_loopback_by_literal_and_by_name(host: str, port: int) -> None:
    client = http.HttpClient(reach=Reach(), resolver=Resolver(ResolverSettings()))
    await client.start()
    try:
        with pytest.raises(http.FetchFault) as caught:
            await client.request(http.Request(method="GET", url=f"http://{host}:{port}/"))
    finally:
        await client.stop()
    assert caught.value.kind is http.FaultKind.FORBIDDEN
    assert host not in caught.value.message
