"""Judging binds under attack, and while the credential changes."""

import asyncio
import threading
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any, cast

import pytest

from heliograph.core.directory import SmppCredential
from heliograph.core.networks import Networks
from heliograph.engine import slow_hashes, smpp_credentials
from heliograph.engine.directory import Directory
from heliograph.smsc import password_checks
from heliograph.smsc.login import Login
from heliograph.smsc.password_checks import CHECKS_AT_ONCE
from heliograph.smsc.settings import SmscSettings
from heliograph.smsc.statuses import Rejected
from heliograph.wire.smpp.pdu import BindTransceiver, Status

FAILED_BINDS = 3
WAITING_BINDS_MAX = 5
STRANGER, OTHER = "192.0.2.1", "198.51.100.1"

ACME = SmppCredential(
    project_id="11111111-1111-4111-8111-111111111111",
    system_id="acme",
    name="acme",
    password_hash="the first",
    max_binds=4,
    rate=0,
    window=10,
    allowed=(),
    alphabet="gsm",
    long_mode="udh8",
    created_at=0,
    updated_at=0,
)


class Stopped:
    def now(self) -> int:
        return 0

    def monotonic(self) -> float:
        return 0.0


@dataclass
class World:
    """Hashes are computed by the test's say-so: `release` lets them go on, `hashed` counts them."""

    credential: SmppCredential | None = ACME
    hashed: int = 0

    def __post_init__(self) -> None:
        self.at_once = self.most_at_once = 0
        self.order: list[str] = []
        self.release = threading.Event()
        self.release.set()

    def smpp_credential(self, system_id: str) -> SmppCredential | None:
        return self.credential if self.credential is not None and system_id == self.credential.system_id else None

    def matches(self, stored: str, password: str) -> bool:
        self.hashed += 1
        self.order.append(password)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        self.release.wait(10)
        self.at_once -= 1
        return password == "right" and stored != smpp_credentials.NOBODY


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    world = World()
    monkeypatch.setattr(slow_hashes, "matches", world.matches)
    return world


def login(world: World) -> Login:
    settings = SmscSettings(
        host="",
        port=1,
        tls_cert=None,
        tls_key=None,
        connections_max=1000,
        bind_seconds=10,
        enquire_link_seconds=30,
        response_seconds=10,
        pdu_max_bytes=70_000,
        unanswered_max=100,
        unbound_max=200,
        address_unbound_max=50,
        unbound_pdu_bytes=1024,
        unbound_pdus_max=20,
        idle_pdus_max=500,
        send_buffer_bytes=4_000_000,
        waiting_binds_max=WAITING_BINDS_MAX,
        failed_binds=FAILED_BINDS,
        trusted_proxies=Networks(),
        directory_poll_seconds=1,
    )
    return Login(cast(Directory, world), Stopped(), settings)


async def status_of(check: Awaitable[Any]) -> Status:
    try:
        await check
    except Rejected as rejected:
        return rejected.status
    return Status.ROK


def a_bind(password: str = "right", system_id: str = "acme") -> BindTransceiver:
    return BindTransceiver(system_id=system_id, password=password)


async def test_right_password_binds_after_many_wrong_ones_from_its_address(world: World) -> None:
    door = login(world)
    for number in range(50):
        assert await status_of(door.check(a_bind(f"wrong {number}"), STRANGER)) is Status.RBINDFAIL
    assert await status_of(door.check(a_bind(), STRANGER)) is Status.ROK


async def test_known_password_binds_without_a_check(world: World) -> None:
    door = login(world)
    assert await status_of(door.check(a_bind(), STRANGER)) is Status.ROK
    world.release.clear()
    flood = [asyncio.ensure_future(status_of(door.check(a_bind(f"wrong {n}"), STRANGER))) for n in range(20)]
    hashed = world.hashed
    assert await status_of(door.check(a_bind(), STRANGER)) is Status.ROK
    assert world.hashed <= hashed + 1
    world.release.set()
    assert await flood[0] is Status.RBINDFAIL


@pytest.mark.parametrize("bind", [a_bind("wrong"), a_bind("right", "nobody")])
async def test_wrong_password_that_is_repeated_costs_one_check(world: World, bind: BindTransceiver) -> None:
    door = login(world)
    for _ in range(20):
        assert await status_of(door.check(bind, STRANGER)) is Status.RBINDFAIL
    assert await asyncio.gather(*[status_of(door.check(bind, OTHER)) for _ in range(5)]) == [Status.RBINDFAIL] * 5
    assert world.hashed == 1


async def test_new_password_is_checked_although_the_old_one_is_known(world: World) -> None:
    door = login(world)
    assert await status_of(door.check(a_bind(), STRANGER)) is Status.ROK
    world.credential = replace(ACME, password_hash="the second")
    assert await status_of(door.check(a_bind(), STRANGER)) is Status.ROK
    assert world.hashed == 2
    world.credential = None
    assert await status_of(door.check(a_bind(), STRANGER)) is Status.RBINDFAIL


async def test_one_address_has_one_check_at_once(world: World) -> None:
    door = login(world)
    await asyncio.gather(*[status_of(door.check(a_bind(f"wrong {n}"), STRANGER)) for n in range(WAITING_BINDS_MAX)])
    assert world.most_at_once == 1


async def test_all_addresses_have_so_many_checks_at_once(world: World) -> None:
    door = login(world)
    tries = [status_of(door.check(a_bind(f"wrong {n}"), f"192.0.2.{n}")) for n in range(20)]
    assert await asyncio.gather(*tries) == [Status.RBINDFAIL] * 20
    assert world.most_at_once <= CHECKS_AT_ONCE


async def test_binds_beyond_the_lane_are_throttled(world: World) -> None:
    door = login(world)
    world.release.clear()
    tries = [asyncio.ensure_future(status_of(door.check(a_bind(f"wrong {n}"), STRANGER))) for n in range(100)]
    while not world.hashed:
        await asyncio.sleep(0)
    world.release.set()
    seen = await asyncio.gather(*tries)
    assert seen.count(Status.RBINDFAIL) == world.hashed <= WAITING_BINDS_MAX + 1
    assert seen.count(Status.RTHROTTLED) == 100 - world.hashed


async def test_flood_of_unknown_credentials_leaves_a_known_one_its_turn(world: World) -> None:
    door = login(world)
    world.release.clear()
    flood = [asyncio.ensure_future(status_of(door.check(a_bind("x", f"guess {n}"), STRANGER))) for n in range(100)]
    while not world.hashed:
        await asyncio.sleep(0)
    customer = asyncio.ensure_future(status_of(door.check(a_bind(), STRANGER)))
    await asyncio.sleep(0)
    world.release.set()
    assert await customer is Status.ROK
    await asyncio.gather(*flood)
    assert world.order.index("right") <= 2, "its lane has the next turn but one"


async def test_address_that_failed_often_is_checked_after_all_others(world: World) -> None:
    door = login(world)
    for number in range(FAILED_BINDS):
        await status_of(door.check(a_bind(f"wrong {number}"), STRANGER))
    world.release.clear()
    world.order.clear()
    others = [asyncio.ensure_future(status_of(door.check(a_bind("held"), f"203.0.113.{n}"))) for n in range(2)]
    while len(world.order) < CHECKS_AT_ONCE - 1:
        await asyncio.sleep(0)
    late = asyncio.ensure_future(status_of(door.check(a_bind("guess"), STRANGER)))
    await asyncio.sleep(0)
    customers = [asyncio.ensure_future(status_of(door.check(a_bind(f"new {n}"), f"198.51.100.{n}"))) for n in range(5)]
    await asyncio.sleep(0)
    world.release.set()
    await asyncio.gather(late, *others, *customers)
    assert world.order.index("guess") >= len(world.order) - CHECKS_AT_ONCE


async def test_bind_that_is_cancelled_while_it_waits_gives_its_turn_on(world: World) -> None:
    door = login(world)
    world.release.clear()
    tries = [asyncio.ensure_future(status_of(door.check(a_bind(f"wrong {n}"), STRANGER))) for n in range(3)]
    while not world.hashed:
        await asyncio.sleep(0)
    tries[1].cancel()
    world.release.set()
    assert await tries[2] is Status.RBINDFAIL
    assert await status_of(door.check(a_bind(), STRANGER)) is Status.ROK


async def test_network_of_ipv6_addresses_counts_as_one(world: World) -> None:
    door = login(world)
    await asyncio.gather(
        *[status_of(door.check(a_bind(f"wrong {each}"), f"2001:db8:0:1::{each:x}")) for each in range(1, 5)]
    )
    assert world.most_at_once == 1


async def test_verdicts_are_bounded(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(password_checks, "VERDICTS_MAX", 10)
    door = login(world)
    for number in range(30):
        await status_of(door.check(a_bind(f"wrong {number}"), STRANGER))
    assert len(door._checks._wrong) == 10
    await status_of(door.check(a_bind("wrong 29"), STRANGER))
    assert world.hashed == 30
    await status_of(door.check(a_bind("wrong 0"), STRANGER))
    assert world.hashed == 31


@pytest.mark.parametrize(
    ("change", "status"),
    [
        (lambda: None, Status.RBINDFAIL),
        (lambda: replace(ACME, password_hash="the second"), Status.RBINDFAIL),
        (lambda: replace(ACME, allowed=("198.51.100.0/24",)), Status.RBINDFAIL),
        (lambda: replace(ACME, max_binds=1), Status.ROK),
    ],
)
async def test_a_credential_that_changes_while_its_password_is_checked_counts_as_it_is_then(
    world: World, change: Callable[[], SmppCredential | None], status: Status
) -> None:
    door = login(world)
    world.release.clear()
    bind = asyncio.ensure_future(door.check(a_bind(), "192.0.2.1"))
    while not world.hashed:
        await asyncio.sleep(0)
    world.credential = change()
    world.release.set()
    assert await status_of(bind) is status
    if status is Status.ROK:
        assert (await bind) == world.credential


async def test_a_peer_without_an_address_is_in_no_network(world: World) -> None:
    world.credential = replace(ACME, allowed=("192.0.2.0/24",))
    assert await status_of(login(world).check(a_bind(), "")) is Status.RBINDFAIL
