"""Connections that are not bound: how many there are, whose places they get, and whose address they have."""

import asyncio
import contextlib
import errno
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from typing import Any, TypeVar

import pytest

from heliograph.carriers.smpp.link import Link
from heliograph.core.networks import parse_networks
from heliograph.engine.metrics import Metrics
from heliograph.net import certificates
from heliograph.smsc import arrivals
from heliograph.smsc.arrivals import Arrivals
from heliograph.smsc.settings import SmscSettings
from heliograph.wire.smpp import pdu
from heliograph.wire.smpp.pdu import Header, Pdu, Status
from servers import HOST

WAIT_SECONDS = 10.0
OTHER_HOST = "127.0.0.2"
"""Another address of this machine."""
PROXY_V1 = b"PROXY TCP4 198.51.100.7 127.0.0.1 4711 2775\r\n"
PROXY_V2 = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c" + bytes((198, 51, 100, 7, 127, 0, 0, 1)) + b"\x12\x67\x0a\xd7"
LOCAL_V2 = b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0"

T = TypeVar("T")


async def soon(awaited: Awaitable[T]) -> T:
    return await asyncio.wait_for(awaited, WAIT_SECONDS)


class Server:
    """Arrivals on a port of their own. Binds are answered when `answers` is set, by the name of the peer's address."""

    def __init__(self, changes: dict[str, Any]) -> None:
        plain: dict[str, Any] = {
            "host": HOST,
            "port": 0,
            "tls_cert": None,
            "tls_key": None,
            "connections_max": 1000,
            "bind_seconds": 30,
            "enquire_link_seconds": 30,
            "response_seconds": 10,
            "pdu_max_bytes": 70_000,
            "unanswered_max": 100,
            "unbound_max": 200,
            "address_unbound_max": 50,
            "unbound_pdu_bytes": 1024,
            "unbound_pdus_max": 20,
            "idle_pdus_max": 500,
            "send_buffer_bytes": 4_000_000,
            "waiting_binds_max": 20,
            "failed_binds": 10,
            "trusted_proxies": parse_networks(()),
            "directory_poll_seconds": 1,
        }
        self.answers = True
        self.metrics = Metrics()
        self.arrivals = Arrivals(
            SmscSettings(**(plain | changes)), self, metrics=self.metrics, start_task=asyncio.ensure_future
        )

    def on_request(self, link: Link, header: Header, request: Any) -> None:
        if self.answers:
            link.respond(header, pdu.BindTransceiverResp(system_id=str(link.peer[0])))
            self.arrivals.bound(link)

    def on_closed(self, link: Link, reason: str) -> None:
        self.arrivals.closed(link)

    @property
    def port(self) -> int:
        return int(self.arrivals._sockets[0].getsockname()[1])

    @property
    def unbound(self) -> int:
        return len(self.arrivals._unbound)


class Peer:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    def send(self, value: Pdu) -> None:
        self.writer.write(pdu.encode(value, 1))

    async def bind(self) -> str:
        """The client's address as the server has it."""
        self.send(pdu.BindTransceiver(system_id="acme"))
        length = await soon(self.reader.readexactly(4))
        header, value = pdu.decode(length + await soon(self.reader.readexactly(int.from_bytes(length, "big") - 4)))
        assert header.status == Status.ROK and isinstance(value, pdu.BindTransceiverResp)
        return value.system_id

    async def is_closed(self) -> bool:
        with contextlib.suppress(ConnectionResetError):
            assert await soon(self.reader.read()) == b""
        return True

    async def is_open(self) -> bool:
        """Whether an enquire_link is answered."""
        self.send(pdu.EnquireLink())
        return bool(await soon(self.reader.read(16)))


Connect = Callable[..., Awaitable[Peer]]


@pytest.fixture
async def serve() -> AsyncIterator[Callable[..., Awaitable[tuple[Server, Connect]]]]:
    servers: list[Server] = []
    peers: list[Peer] = []

    async def start(**changes: Any) -> tuple[Server, Connect]:
        server = Server(changes)
        await server.arrivals.listen()
        server.arrivals.open()
        servers.append(server)

        async def connect(host: str = HOST, octets: bytes = b"", tls: ssl.SSLContext | None = None) -> Peer:
            streams = await soon(asyncio.open_connection(HOST, server.port, local_addr=(host, 0)))
            peers.append(Peer(*streams))
            streams[1].write(octets)
            if tls is not None:
                await soon(streams[1].start_tls(tls, server_hostname=HOST))
            return peers[-1]

        return server, connect

    yield start
    for peer in peers:
        peer.writer.transport.abort()
    for server in servers:
        server.arrivals.close()
        await asyncio.gather(*(link.unbind(1) for link in server.arrivals))


Serve = Callable[..., Awaitable[tuple[Server, Connect]]]


async def test_silent_connections_take_no_place_from_a_customer(serve: Serve) -> None:
    server, connect = await serve(unbound_max=5, address_unbound_max=5, connections_max=8)
    customers = [await connect() for _ in range(3)]
    for customer in customers:
        await customer.bind()
    silent = [await connect(OTHER_HOST) for _ in range(20)]
    newcomer = await connect()
    assert await newcomer.bind() == HOST
    assert server.unbound <= 5
    for each in silent[:14]:
        assert await each.is_closed()
    for each in customers:
        assert await each.is_open()


async def test_address_that_has_its_most_loses_its_own_oldest_connection(serve: Serve) -> None:
    server, connect = await serve(unbound_max=100, address_unbound_max=2)
    other = await connect(OTHER_HOST)
    first, second, third = [await connect() for _ in range(3)]
    assert await first.is_closed()
    for each in (other, second, third):
        assert await each.is_open()
    assert server.unbound == 3


async def test_full_room_takes_from_the_address_with_the_most(serve: Serve) -> None:
    _, connect = await serve(unbound_max=4, address_unbound_max=3)
    oldest = await connect(OTHER_HOST)
    first, second, third = [await connect() for _ in range(3)]
    assert await second.is_open()
    newest = await connect(OTHER_HOST)
    assert await first.is_closed()
    for each in (oldest, second, third, newest):
        assert await each.is_open()


async def test_connection_whose_bind_is_judged_keeps_its_place(serve: Serve) -> None:
    server, connect = await serve(unbound_max=2, address_unbound_max=2)
    server.answers = False
    judged = [await connect() for _ in range(2)]
    for each in judged:
        each.send(pdu.BindTransceiver())
    while not all(arrival.link and arrival.link.is_binding for arrival in server.arrivals._unbound):
        await asyncio.sleep(0)
    assert await (await connect()).is_closed()
    assert server.unbound == 2
    assert server.metrics.smpp_connections_refused.value == 1


async def test_connections_in_all_are_bounded(serve: Serve) -> None:
    _, connect = await serve(connections_max=2)
    customers = [await connect() for _ in range(2)]
    for each in customers:
        await each.bind()
    assert await (await connect()).is_closed()
    customers[0].writer.close()
    await soon(customers[0].writer.wait_closed())
    assert await (await connect()).bind() == HOST


async def test_place_is_given_back_by_each_end_of_a_connection(serve: Serve) -> None:
    server, connect = await serve()
    gone, bound, refused = [await connect() for _ in range(3)]
    gone.writer.close()
    await bound.bind()
    refused.writer.write(b"GET / HTTP/1.1\r\n\r\n")
    assert await soon(refused.reader.read())
    while server.unbound:
        await asyncio.sleep(0)
    bound.writer.close()
    while list(server.arrivals):
        await asyncio.sleep(0)
    assert server.arrivals._bound == 0


@pytest.mark.parametrize("silence", [b"", b"\0\0\0\x30\0\0\0\x09"])
async def test_connection_that_does_not_bind_in_time_is_closed(serve: Serve, silence: bytes) -> None:
    _, connect = await serve(bind_seconds=0.2)
    assert await (await connect(octets=silence)).is_closed()


@pytest.mark.parametrize(
    ("header", "address"),
    [
        (PROXY_V1, "198.51.100.7"),
        (PROXY_V2, "198.51.100.7"),
        (LOCAL_V2, HOST),
        (b"PROXY UNKNOWN\r\n", HOST),
        (b"", HOST),
    ],
)
async def test_trusted_proxy_names_its_client(serve: Serve, header: bytes, address: str) -> None:
    _, connect = await serve(trusted_proxies=parse_networks((HOST,)))
    assert await (await connect(octets=header)).bind() == address


@pytest.mark.parametrize("header", [PROXY_V1, PROXY_V2])
async def test_header_of_any_other_peer_is_no_smpp(serve: Serve, header: bytes) -> None:
    _, connect = await serve(trusted_proxies=parse_networks(("192.0.2.1",)))
    peer = await connect(octets=header)
    answer = await soon(peer.reader.read())
    assert pdu.decode(answer)[0].status == Status.RINVCMDLEN


@pytest.mark.parametrize("header", [b"PROXY nonsense\r\n", PROXY_V1[:10], PROXY_V2[:20], b"PROXY " + b"x" * 200])
async def test_invalid_or_unfinished_header_ends_its_connection(serve: Serve, header: bytes) -> None:
    server, connect = await serve(trusted_proxies=parse_networks((HOST,)), bind_seconds=0.2)
    assert await (await connect(octets=header)).is_closed()
    while server.unbound:
        await asyncio.sleep(0)


async def test_clients_of_a_proxy_are_counted_by_their_own_address(serve: Serve) -> None:
    server, connect = await serve(trusted_proxies=parse_networks((HOST,)), unbound_max=100, address_unbound_max=2)
    flood = [await connect(octets=PROXY_V1) for _ in range(5)]
    for each in flood[:3]:
        assert await each.is_closed()
    assert await (await connect(octets=PROXY_V1.replace(b"198.51.100.7", b"203.0.113.5"))).bind() == "203.0.113.5"
    assert server.unbound == 2


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> certificates.Certificates:
    return certificates.ensure(tmp_path_factory.mktemp("tls"), (), datetime.now(UTC))


def tls_of(files: certificates.Certificates) -> dict[str, str]:
    return {"tls_cert": str(files.certificate), "tls_key": str(files.key)}


async def test_header_stands_in_front_of_the_tls_handshake(serve: Serve, files: certificates.Certificates) -> None:
    _, connect = await serve(trusted_proxies=parse_networks((HOST,)), **tls_of(files))
    context = ssl.create_default_context(cafile=files.ca)
    assert await (await connect(octets=PROXY_V2, tls=context)).bind() == "198.51.100.7"
    assert await (await connect(tls=context)).bind() == HOST


@pytest.mark.parametrize("octets", [b"", b"\x16\x03\x01", b"GET / HTTP/1.1\r\n\r\n"])
async def test_handshake_that_fails_gives_its_place_back(
    serve: Serve, files: certificates.Certificates, octets: bytes
) -> None:
    server, connect = await serve(bind_seconds=0.3, **tls_of(files))
    peer = await connect(octets=octets)
    with contextlib.suppress(ConnectionResetError):
        await soon(peer.reader.read())
    while server.unbound:
        await asyncio.sleep(0)


async def test_silent_handshakes_take_no_place_from_a_customer(serve: Serve, files: certificates.Certificates) -> None:
    server, connect = await serve(unbound_max=5, address_unbound_max=3, **tls_of(files))
    silent = [await connect(OTHER_HOST) for _ in range(10)]
    context = ssl.create_default_context(cafile=files.ca)
    assert await (await connect(tls=context)).bind() == HOST
    for each in silent[:7]:
        assert await each.is_closed()
    assert server.unbound == 3


async def test_process_without_descriptors_accepts_again_later(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arrivals, "ACCEPT_PAUSE_SECONDS", 0.05)
    accept, tries = socket.socket.accept, 0

    def exhausted_once(listening: socket.socket) -> tuple[socket.socket, Any]:
        nonlocal tries
        tries += 1
        if tries == 1:
            raise OSError(errno.EMFILE, "Too many open files")
        return accept(listening)

    monkeypatch.setattr(socket.socket, "accept", exhausted_once)
    _, connect = await serve()
    assert await (await connect()).bind() == HOST
    assert tries > 1
