"""Judging binds under attack, and while the credential changes."""

import asyncio
import threading
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any, cast

import pytest

from heliograph.core.directory import SmppCredential
from heliograph.engine import slow_hashes, smpp_credentials
from heliograph.engine.directory import Directory
from heliograph.smsc.login import HASHES_AT_ONCE, Login
from heliograph.smsc.settings import SmscSettings
from heliograph.smsc.statuses import Rejected
from heliograph.wire.smpp.pdu import BindTransceiver, Status

FAILED_BINDS = 3

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
        self.release = threading.Event()
        self.release.set()

    def smpp_credential(self, system_id: str) -> SmppCredential | None:
        return self.credential if self.credential is not None and system_id == self.credential.system_id else None

    def matches(self, stored: str, password: str) -> bool:
        self.hashed += 1
        self.release.wait(10)
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
        failed_binds=FAILED_BINDS,
        directory_poll_seconds=1,
    )
    return Login(cast(Directory, world), Stopped(), settings)


async def status_of(check: Awaitable[Any]) -> Status:
    try:
        await check
    except Rejected as rejected:
        return rejected.status
    return Status.ROK


def a_bind(password: str = "right") -> BindTransceiver:
    return BindTransceiver(system_id="acme", password=password)


async def test_a_flood_of_binds_at_once_is_put_off_as_one_after_the_other_is(world: World) -> None:
    door = login(world)
    tries = [status_of(door.check(a_bind("wrong"), "192.0.2.1")) for _ in range(100)]
    seen = await asyncio.gather(*tries)
    assert world.hashed <= FAILED_BINDS + HASHES_AT_ONCE
    assert seen.count(Status.RTHROTTLED) == 100 - world.hashed


async def test_a_network_of_ipv6_addresses_counts_as_one(world: World) -> None:
    door = login(world)
    seen = [await status_of(door.check(a_bind("wrong"), f"2001:db8:0:1::{each:x}")) for each in range(1, 6)]
    assert seen == [Status.RBINDFAIL] * 3 + [Status.RTHROTTLED] * 2
    assert await status_of(door.check(a_bind(), "2001:db8:0:2::1")) is Status.ROK
    assert await status_of(door.check(a_bind(), "192.0.2.1")) is Status.ROK


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
