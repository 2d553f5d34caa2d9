"""Look-ups against a name server that answers, is silent, or says that there is no such name."""

import asyncio
import socket
from collections.abc import AsyncIterator

import pytest

from heliograph.net import resolver
from heliograph.net.resolver import Resolver, ResolverSettings
from name_server import AAAA, NameServer, name_server


def is_silent(name: str, kind: int) -> bool:
    return name.endswith(".silent.test") or (name == "v4only.test" and kind == AAAA)


@pytest.fixture
async def server() -> AsyncIterator[NameServer]:
    names = {
        "one.test": ["192.0.2.1"],
        "both.test": ["192.0.2.1", "2001:db8::1", "192.0.2.2"],
        "v4only.test": ["192.0.2.4"],
    }
    async with name_server(names, is_silent) as running:
        yield running


def settings(server: NameServer, **values: float) -> ResolverSettings:
    return ResolverSettings(seconds=0.3, servers=(server.address,), **values)  # type: ignore[arg-type]  # numbers


@pytest.fixture
async def names(server: NameServer) -> AsyncIterator[Resolver]:
    made = Resolver(settings(server))
    yield made
    await made.close()


async def found(names: Resolver, host: str, owner: str = "alice") -> list[str]:
    return [str(info[4][0]) for info in await names.resolve(host, 80, owner)]


async def fault(names: Resolver, host: str, owner: str = "alice") -> int | None:
    with pytest.raises(socket.gaierror) as caught:
        await names.resolve(host, 80, owner)
    return caught.value.errno


async def test_name_has_all_its_addresses_ipv6_first(names: Resolver) -> None:
    assert await found(names, "both.test") == ["2001:db8::1", "192.0.2.1", "192.0.2.2"]
    assert (await names.resolve("both.test", 443, "alice"))[0] == (
        socket.AF_INET6,
        socket.SOCK_STREAM,
        socket.IPPROTO_TCP,
        "",
        ("2001:db8::1", 443, 0, 0),
    )


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "192.0.2.7"])
async def test_literal_address_takes_no_look_up(names: Resolver, server: NameServer, host: str) -> None:
    assert await found(names, host) == [host]
    assert not server.asked


@pytest.mark.parametrize("host", ["127.1", "2130706433", "1.2.3", "10.0.0.1."])
async def test_number_of_another_spelling_is_not_a_name(names: Resolver, server: NameServer, host: str) -> None:
    assert await fault(names, host) == socket.EAI_NONAME
    assert not server.asked


async def test_hosts_file_is_read(names: Resolver, server: NameServer) -> None:
    assert "127.0.0.1" in await found(names, "localhost")
    assert not server.asked["localhost"]


async def test_unknown_name_is_told_from_a_silent_name_server(names: Resolver) -> None:
    assert await fault(names, "none.test") == socket.EAI_NONAME
    assert await fault(names, "a.silent.test") == socket.EAI_AGAIN


async def test_malformed_name_fails(names: Resolver) -> None:
    assert await fault(names, f"{'x' * 70}.test") == socket.EAI_NONAME


async def test_silence_for_one_family_does_not_hold_up_the_other(names: Resolver) -> None:
    started = asyncio.get_running_loop().time()
    assert await found(names, "v4only.test") == ["192.0.2.4"]
    assert asyncio.get_running_loop().time() - started < 0.25  # RFC 8305 asks for 0.05 s


async def test_look_up_of_one_name_is_shared_and_kept(names: Resolver, server: NameServer) -> None:
    for each in await asyncio.gather(*[found(names, "one.test") for _ in range(5)]):
        assert each == ["192.0.2.1"]
    assert await found(names, "one.test") == ["192.0.2.1"]
    assert server.asked["one.test"] == 2  # A and AAAA


async def test_new_address_is_used_when_the_old_one_is_not_fresh(
    names: Resolver, server: NameServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resolver, "FRESH_SECONDS", 0.0)
    assert await found(names, "one.test") == ["192.0.2.1"]
    server.names["one.test"] = ["192.0.2.9"]
    assert await found(names, "one.test") == ["192.0.2.9"]


async def test_old_address_is_used_while_the_name_server_is_silent(
    names: Resolver, server: NameServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resolver, "FRESH_SECONDS", 0.0)
    monkeypatch.setattr(resolver, "STALE_AFTER_SECONDS", 0.01)
    await found(names, "one.test")
    server.ignored = lambda name, kind: True
    for _ in range(3):
        assert await found(names, "one.test") == ["192.0.2.1"]


async def test_old_address_is_used_only_so_long(server: NameServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resolver, "FRESH_SECONDS", 0.0)
    names = Resolver(settings(server, stale_seconds=0.0))
    await found(names, "one.test")
    server.ignored = lambda name, kind: True
    assert await fault(names, "one.test") == socket.EAI_AGAIN
    await names.close()


async def test_address_of_a_name_that_was_removed_is_not_used(
    names: Resolver, server: NameServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resolver, "FRESH_SECONDS", 0.0)
    await found(names, "one.test")
    del server.names["one.test"]
    assert await fault(names, "one.test") == socket.EAI_NONAME


async def test_failed_name_is_not_asked_for_again_at_once(names: Resolver, server: NameServer) -> None:
    for _ in range(3):
        assert await fault(names, "none.test") == socket.EAI_NONAME
    assert server.asked["none.test"] == 2


async def test_failed_name_is_asked_for_again_after_its_pause(server: NameServer) -> None:
    names = Resolver(settings(server, negative_seconds=0.0))
    assert await fault(names, "one2.test") == socket.EAI_NONAME
    server.names["one2.test"] = ["192.0.2.2"]
    assert await found(names, "one2.test") == ["192.0.2.2"]
    await names.close()


async def test_owners_remember_names_for_themselves(server: NameServer) -> None:
    names = Resolver(settings(server, names_max=4))
    await found(names, "one.test")
    for number in range(20):
        await fault(names, f"n{number}.test", "mallory")
    before = server.asked["one.test"]
    await found(names, "one.test")
    assert server.asked["one.test"] == before
    await names.close()


async def test_look_up_that_nobody_waits_for_any_more_is_not_begun(server: NameServer) -> None:
    names = Resolver(settings(server, owner_places=1))
    first = asyncio.create_task(names.resolve("a.silent.test", 80, "mallory"))
    await asyncio.sleep(0)
    waiting = [asyncio.create_task(names.resolve(f"{n}.silent.test", 80, "mallory")) for n in range(50)]
    await asyncio.sleep(0)
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    with pytest.raises(socket.gaierror):
        await first
    assert set(server.asked) == {"a.silent.test"}
    assert names.under_way <= 1
    await names.close()


async def test_owner_with_too_many_look_ups_is_refused_at_once(server: NameServer) -> None:
    names = Resolver(settings(server, owner_places=1, owner_waiting=3))
    tasks = [asyncio.create_task(names.resolve(f"{n}.silent.test", 80, "mallory")) for n in range(5)]
    done, waiting = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    assert [isinstance(each.exception(), socket.gaierror) for each in done] == [True]
    assert await found(names, "one.test") == ["192.0.2.1"]
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    await names.close()


async def test_close_ends_what_is_under_way(server: NameServer) -> None:
    names = Resolver(settings(server))
    task = asyncio.create_task(names.resolve("a.silent.test", 80, "mallory"))
    while not names.under_way:
        await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await names.close()
    assert names.under_way == 0


@pytest.mark.parametrize(
    ("given", "read"),
    [("192.0.2.1", "192.0.2.1"), (" 192.0.2.1:53 ", "192.0.2.1:53"), ("2001:db8::1", "[2001:db8::1]"),
     ("[2001:db8::1]:5353", "[2001:db8::1]:5353")],
)  # fmt: skip
def test_name_servers_are_read(given: str, read: str) -> None:
    assert resolver.servers_of([given]) == (read,)


@pytest.mark.parametrize("given", ["", "ns.test", "192.0.2.1:0", "192.0.2.1:x", "192.0.2.1:65536"])
def test_invalid_name_servers_are_refused(given: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        resolver.servers_of([given])
