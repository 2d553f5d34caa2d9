"""The PROXY header is read from the socket, and nothing behind it."""

import asyncio
import socket
from collections.abc import Iterator

import pytest

from heliograph.net.proxies import receive_proxy_header
from heliograph.wire.proxies import ProxyHeaderError

WAIT_SECONDS = 10.0
LINE = b"PROXY TCP4 198.51.100.7 10.0.0.1 4711 443\r\n"


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        near = socket.create_connection(listening.getsockname())
        accepted, _ = listening.accept()
        accepted.setblocking(False)
        with near, accepted:
            yield near, accepted


async def _received(accepted: socket.socket) -> tuple[str, int] | None:
    return await asyncio.wait_for(receive_proxy_header(accepted), WAIT_SECONDS)


@pytest.mark.parametrize(
    ("header", "client"), [(LINE, ("198.51.100.7", 4711)), (b"PROXY UNKNOWN\r\n", None), (b"", None)]
)
async def test_octets_behind_the_header_stay(
    pair: tuple[socket.socket, socket.socket], header: bytes, client: tuple[str, int] | None
) -> None:
    near, accepted = pair
    near.sendall(header + b"GET / HTTP/1.1\r\n")
    assert await _received(accepted) == client
    assert accepted.recv(100) == b"GET / HTTP/1.1\r\n"


async def test_header_in_pieces_is_read_whole(pair: tuple[socket.socket, socket.socket]) -> None:
    near, accepted = pair
    reading = asyncio.ensure_future(_received(accepted))
    for octet in LINE:
        await asyncio.sleep(0)
        near.sendall(bytes((octet,)))
    assert await reading == ("198.51.100.7", 4711)
    near.sendall(b"x")
    near.shutdown(socket.SHUT_WR)
    await asyncio.wait_for(asyncio.get_running_loop().sock_recv(accepted, 1), WAIT_SECONDS)


@pytest.mark.parametrize("start", [b"", b"PROXY TCP4 198."])
async def test_peer_that_disconnects_early_is_an_error(pair: tuple[socket.socket, socket.socket], start: bytes) -> None:
    near, accepted = pair
    near.sendall(start)
    near.shutdown(socket.SHUT_WR)
    with pytest.raises(ConnectionResetError):
        await _received(accepted)


async def test_malformed_header_is_an_error(pair: tuple[socket.socket, socket.socket]) -> None:
    near, accepted = pair
    near.sendall(b"PROXY nonsense\r\n")
    with pytest.raises(ProxyHeaderError):
        await _received(accepted)
