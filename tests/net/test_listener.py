"""Which connections are accepted, whose they are, and which of them has to go."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
import structlog

from heliograph.core.networks import Networks, parse_networks
from heliograph.net import certificates, descriptors
from heliograph.net.admission import Admission, Place, Refusal
from heliograph.net.listener import READ_OCTETS, Client, Listener, ListenerSettings

WAIT_SECONDS = 10.0
LOCAL = parse_networks(["127.0.0.0/8"])
LINE = b"PROXY TCP4 198.51.100.7 10.0.0.1 4711 443\r\n"
FAREWELL = b"HTTP/1.1 503 Service Unavailable\r\n\r\n"


def _admission(
    total: int = 100, address: int = 0, sockets: int = 100, beside: Callable[[], int] = lambda: 0
) -> Admission:
    return Admission(total_max=total, address_max=address, sockets_max=sockets, beside=beside)


class _Teller(asyncio.Protocol):
    """Tells its client whose connection it is, then echoes; an occupant as HTTP's are."""

    def __init__(self, client: Client, place: Place) -> None:
        self.client, self.place = client, place
        self.largest = 0
        self.is_answering = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.place.occupant = self
        mark = " proxy" if self.client.is_proxy else ""
        transport.write(f"{self.client.address}{mark}\n".encode())

    def data_received(self, data: bytes) -> None:
        self.largest = max(self.largest, len(data))
        self.transport.write(data)

    def connection_lost(self, exc: Exception | None) -> None:
        self.place.release()

    def is_being_answered(self) -> bool:
        return self.is_answering

    def evict(self) -> None:
        self.transport.abort()


class _World:
    def __init__(self, admission: Admission, address: tuple[str, int]) -> None:
        self.admission = admission
        self.address = address
        self.made: list[_Teller] = []

    async def connect(self, sent: bytes = b"", tls: ssl.SSLContext | None = None) -> asyncio.StreamReader:
        reader, writer = await asyncio.open_connection(
            *self.address, ssl=tls, server_hostname="localhost" if tls else None
        )
        writer.write(sent)
        self.writers.append(writer)
        return reader

    writers: list[asyncio.StreamWriter]


@asynccontextmanager
async def _listening(
    admission: Admission | None = None,
    trusted: Networks | None = None,
    tls: ssl.SSLContext | None = None,
    seconds: float = WAIT_SECONDS,
) -> AsyncIterator[_World]:
    listening = socket.create_server(("127.0.0.1", 0))
    admission = _admission() if admission is None else admission
    world = _World(admission, listening.getsockname())
    world.writers = []

    def connected(client: Client, place: Place) -> asyncio.Protocol:
        world.made.append(_Teller(client, place))
        return world.made[-1]

    settings = ListenerSettings(
        backlog=100, opening_seconds=seconds, tls=tls, trusted_proxies=trusted or Networks(), farewell=FAREWELL
    )
    listener = Listener(listening, connected, world.admission, settings)
    listener.start()
    try:
        yield world
    finally:
        listener.close()
        await listener.wait_closed()
        for writer in world.writers:
            writer.transport.abort()
        listening.close()


async def _line(reader: asyncio.StreamReader) -> str:
    return (await asyncio.wait_for(reader.readline(), WAIT_SECONDS)).decode().strip()


async def _rest(reader: asyncio.StreamReader) -> bytes:
    try:
        return await asyncio.wait_for(reader.read(), WAIT_SECONDS)
    except ConnectionResetError:
        return b""


@pytest.fixture
def tls(tmp_path: Path) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """The server's and a client's."""
    made = certificates.ensure(tmp_path, [], datetime.now(UTC))
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    server.load_cert_chain(made.certificate, made.key)
    return server, ssl.create_default_context(cafile=made.ca)


# -- whose connection it is


async def test_peer_is_the_client() -> None:
    async with _listening() as world:
        assert await _line(await world.connect()) == "127.0.0.1"
        assert await _line(await world.connect(LINE)) == "127.0.0.1", "a stranger's PROXY header is not believed"


async def test_trusted_proxy_names_the_client() -> None:
    async with _listening(trusted=LOCAL) as world:
        assert await _line(await world.connect(LINE)) == "198.51.100.7"
        assert await _line(await world.connect(b"PROXY UNKNOWN\r\n")) == "127.0.0.1 proxy"
        chained = LINE.replace(b"198.51.100.7", b"127.0.0.9")
        assert await _line(await world.connect(chained)) == "127.0.0.9 proxy", "its requests say whose they are"
        reader = await world.connect(b"GET / HTTP/1.1\r\n")
        assert (await _line(reader), await _line(reader)) == ("127.0.0.1 proxy", "GET / HTTP/1.1")


async def test_malformed_proxy_header_ends_the_connection() -> None:
    async with _listening(trusted=LOCAL) as world:
        assert await _rest(await world.connect(b"PROXY TCP4 nonsense\r\nGET / HTTP/1.1\r\n")) == b""
        assert (world.made, len(world.admission)) == ([], 0)


async def test_proxy_header_stands_in_front_of_the_handshake(tls: tuple[ssl.SSLContext, ssl.SSLContext]) -> None:
    server, client = tls
    async with _listening(trusted=LOCAL, tls=server) as world:
        with socket.create_connection(world.address) as plain:
            plain.sendall(LINE)
            plain.setblocking(False)
            reader, writer = await asyncio.open_connection(sock=plain.dup(), ssl=client, server_hostname="localhost")
            assert await _line(reader) == "198.51.100.7"
            writer.transport.abort()


# -- time


@pytest.mark.parametrize("trusted", [None, LOCAL])
@pytest.mark.parametrize("sent", [b"", b"\x16\x03\x01", b"PROXY TCP4 "])
async def test_opening_is_bounded_in_time(
    sent: bytes, trusted: Networks | None, tls: tuple[ssl.SSLContext, ssl.SSLContext]
) -> None:
    async with _listening(trusted=trusted, tls=tls[0], seconds=0.3) as world:
        reader = await world.connect(sent)
        await _rest(reader)
        assert len(world.admission) == 0


# -- how many


async def test_connection_beyond_those_of_its_address_is_refused() -> None:
    async with _listening(_admission(address=2)) as world:
        first, second = await world.connect(), await world.connect()
        assert (await _line(first), await _line(second)) == ("127.0.0.1", "127.0.0.1")
        with structlog.testing.capture_logs() as told:
            assert await _rest(await world.connect()) in (FAREWELL, b"")
        assert [(line["event"], line["address"]) for line in told] == [("listener.refused", "127.0.0.1")]
        world.writers[0].close()
        assert await _rest(first) == b""
        assert await _line(await world.connect()) == "127.0.0.1", "its place was given back"


async def test_proxys_own_address_is_not_limited_but_its_clients_are() -> None:
    async with _listening(_admission(address=2), trusted=LOCAL) as world:
        for _ in range(4):
            assert await _line(await world.connect(b"GET ")) == "127.0.0.1 proxy"
        for _ in range(2):
            assert await _line(await world.connect(LINE)) == "198.51.100.7"
        assert await _rest(await world.connect(LINE)) in (FAREWELL, b"")
        assert await _line(await world.connect(LINE.replace(b".7", b".8"))) == "198.51.100.8"


async def test_full_house_closes_the_oldest_stranger() -> None:
    async with _listening(_admission(total=3)) as world:
        readers = [await world.connect() for _ in range(3)]
        assert [await _line(reader) for reader in readers] == ["127.0.0.1"] * 3
        known, busy, _idle = world.made
        known.place.vouch()
        busy.is_answering = True
        late = await world.connect()
        assert await _line(late) == "127.0.0.1"
        assert await _rest(readers[2]) == b"", "the stranger that nobody answers went"
        assert len(world.admission) == 3
        for teller in world.made:
            teller.place.vouch()
        assert await _rest(await world.connect()) in (FAREWELL, b""), "nobody that is known has to go"
        assert not known.transport.is_closing()
        assert not busy.transport.is_closing()


async def test_silent_handshakes_keep_nobody_out(tls: tuple[ssl.SSLContext, ssl.SSLContext]) -> None:
    server, client = tls
    async with _listening(_admission(total=5), tls=server) as world:
        for _ in range(20):
            await world.connect()
        assert await _line(await world.connect(tls=client)) == "127.0.0.1"
        assert len(world.admission) <= 5


async def test_one_read_is_small() -> None:
    async with _listening() as world:
        octets = b"x" * 500_000
        reader = await world.connect(octets)
        await _line(reader)
        assert await asyncio.wait_for(reader.readexactly(len(octets)), WAIT_SECONDS) == octets
        assert world.made[0].largest <= READ_OCTETS


# -- the count itself


def test_places_are_counted_by_subscriber_and_given_back_once() -> None:
    admission = _admission(total=10, address=2)
    places = [admission.admit(address) for address in ("2001:db8::1", "2001:db8::2")]
    assert admission.admit("2001:db8::3") is Refusal.ADDRESS
    assert admission.admit_request("2001:db8::4") is None
    for place in places * 2:
        assert isinstance(place, Place)
        place.release()
    assert (len(admission), admission.strangers) == (0, {})
    request = admission.admit_request("2001:db8::4")
    assert request is not None
    assert isinstance(admission.admit("2001:db8::1"), Place)
    assert admission.admit("2001:db8::1") is Refusal.ADDRESS, "a proxy's request counts as a connection"
    for _ in range(2):
        request.release()
    assert isinstance(admission.admit("2001:db8::1"), Place)
    assert len(admission) == 2


def test_connections_beside_count_towards_the_descriptors() -> None:
    beside = 0
    admission = _admission(sockets=3, beside=lambda: beside)
    assert isinstance(admission.admit("192.0.2.1"), Place)
    beside = 2
    assert admission.admit("192.0.2.2") is Refusal.TOTAL
    beside = 1
    assert isinstance(admission.admit("192.0.2.2"), Place)


@pytest.mark.parametrize(("limit", "kept", "left"), [(12_000, 2000, 10_000), (3000, 2000, 1500), (100, 2000, 50)])
def test_descriptors_are_kept_back_for_the_server(limit: int, kept: int, left: int) -> None:
    assert descriptors.for_clients(limit, kept) == left
