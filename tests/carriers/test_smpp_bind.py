"""All addresses of a carrier's host are tried (RFC 8305): dead ones, and those that take a connection and no bind."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
from aiohappyeyeballs import AddrInfoType
from smpp_ground import Clock, Ground, ground

from heliograph.carrier_config import CarrierConfig, Host
from heliograph.carriers.smpp.bind import link_settings
from heliograph.carriers.smpp.carrier import SmppCarrier

DEAD = "127.0.0.2"
OTHER = "127.0.0.3"
REFUSING = "127.0.0.4"


class Names:
    """Resolves every name to these addresses."""

    def __init__(self, *addresses: str) -> None:
        self.addresses = addresses
        self.owners: list[str] = []

    async def resolve(self, host: str, port: int, owner: str) -> list[AddrInfoType]:
        self.owners.append(owner)
        return [(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (each, port)) for each in self.addresses]


@asynccontextmanager
async def deaf(address: str, port: int) -> AsyncIterator[None]:
    """Drops SYNs: a listener whose queue is full."""
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((address, port))
        listener.listen(0)
        with contextlib.ExitStack() as filling:
            for _ in range(3):
                client = filling.enter_context(socket.socket())
                client.setblocking(False)
                client.connect_ex((address, port))
            yield


@asynccontextmanager
async def speechless(address: str, port: int, *, closes: bool) -> AsyncIterator[None]:
    """Takes connections and says nothing, or closes them."""
    writers: list[asyncio.StreamWriter] = []

    async def connected(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        if closes:
            writer.transport.abort()

    server = await asyncio.start_server(connected, address, port)
    try:
        yield
    finally:
        server.close()
        for writer in writers:
            writer.transport.abort()
        await server.wait_closed()


def start(here: Ground, names: Names, **values: object) -> SmppCarrier:
    config = here.config(hosts=(Host("smsc.test", here.smsc.port),), **values)
    carrier = SmppCarrier(config, Clock(), resolver=names, chance=lambda: 0.5)
    here.carriers.append(carrier)
    return carrier


async def bound(here: Ground, carrier: SmppCarrier) -> None:
    await carrier.start(here.desk)
    await here.desk.signal.until(lambda: all(each.state.startswith("bound") for each in carrier.status().binds))


@pytest.mark.parametrize("addresses", [(DEAD, "127.0.0.1"), (REFUSING, DEAD, "127.0.0.1")])
async def test_dead_address_costs_a_head_start_and_no_try(addresses: tuple[str, ...]) -> None:
    async with ground() as here, deaf(DEAD, here.smsc.port):
        carrier = start(here, Names(*addresses), bind_seconds=8.0)
        started = asyncio.get_running_loop().time()
        await bound(here, carrier)
        assert asyncio.get_running_loop().time() - started < 4
        assert carrier.status().binds[0].error is None


@pytest.mark.parametrize("closes", [True, False])
async def test_address_that_takes_connections_and_no_bind_comes_last(closes: bool) -> None:
    async with ground() as here, speechless(DEAD, here.smsc.port, closes=closes):
        carrier = start(here, Names(DEAD, "127.0.0.1"), bind_seconds=0.3)
        await bound(here, carrier)


async def test_addresses_without_a_bind_take_turns() -> None:
    async with (
        ground() as here,
        speechless(DEAD, here.smsc.port, closes=False),
        speechless(OTHER, here.smsc.port, closes=False),
    ):
        carrier = start(here, Names(DEAD, OTHER, "127.0.0.1"), bind_seconds=0.2)
        await bound(here, carrier)


async def test_each_carrier_has_its_own_share_of_look_ups() -> None:
    async with ground() as here:
        names = Names("127.0.0.1")
        await bound(here, start(here, names))
        assert names.owners == ["tel"]


def failing(error: Exception) -> Callable[..., object]:
    async def resolve(host: str, port: int, owner: str) -> list[AddrInfoType]:
        raise error

    return resolve


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (socket.gaierror(socket.EAI_AGAIN, "no name server answered within 2 s"), "no name server answered within 2 s"),
        (UnicodeError("label too long"), "label too long"),
    ],
)
async def test_failed_look_up_is_told_in_words(error: Exception, words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async with ground() as here:
        names = Names()
        monkeypatch.setattr(names, "resolve", failing(error))
        carrier = start(here, names)
        await carrier.start(here.desk)
        await here.desk.signal.until(lambda: carrier.status().binds[0].error is not None)
        assert words in str(carrier.status().binds[0].error)


def test_requests_and_unread_octets_of_a_carrier_are_bounded_by_its_keys() -> None:
    config = CarrierConfig(
        name="acme", hosts=(Host("127.0.0.1", 1),), system_id="us", unanswered_max=7, send_buffer_bytes=70_000
    )
    settings = link_settings(config)
    assert (settings.unanswered_max, settings.send_buffer_bytes) == (7, 70_000)
