"""The room in customers' windows, and what their rates allow."""

import asyncio
from dataclasses import replace
from types import SimpleNamespace
from typing import cast

from test_smsc_login import ACME

from heliograph.carriers.smpp.link import Link
from heliograph.smsc.clients import Bound, Clients

SECOND = 1_000_000


def bound_to(clients: Clients, **changes: object) -> Bound:
    credential = replace(ACME, **changes)  # type: ignore[arg-type]
    link = cast(Link, SimpleNamespace(may_ask=True))
    bound = clients.take(credential, link, sends=True, receives=True, version=0x34)
    assert bound is not None
    return bound


def test_many_destinations_cost_as_much_as_many_messages() -> None:
    client = bound_to(Clients(), rate=10).client
    assert client.may_send(254, 0)
    assert not client.may_send(1, 20 * SECOND)
    assert client.may_send(1, 25 * SECOND)


def test_binding_again_brings_no_new_second() -> None:
    clients = Clients()
    first = bound_to(clients, rate=10)
    assert first.client.may_send(10, 0)
    clients.remove(first)
    assert not bound_to(clients, rate=10).client.may_send(10, SECOND // 2)


async def test_a_place_goes_to_somebody_who_can_use_it() -> None:
    clients = Clients()
    left, right = bound_to(clients, window=1), bound_to(clients, window=1)
    client = left.client
    await client.place()
    await client.place()
    over_left = asyncio.ensure_future(client.place(left))
    over_any = asyncio.ensure_future(client.place())
    await asyncio.sleep(0)
    client.free(right)
    assert await asyncio.wait_for(over_any, 10) is right
    client.free(left)
    assert await asyncio.wait_for(over_left, 10) is left


async def test_who_waits_for_a_place_and_is_called_off_passes_it_on() -> None:
    client = bound_to(clients := Clients(), window=1).client
    (only,) = client.binds
    await client.place()
    first, second = asyncio.ensure_future(client.place()), asyncio.ensure_future(client.place())
    await asyncio.sleep(0)
    client.free(only)
    first.cancel()
    assert await asyncio.wait_for(second, 10) is only
    assert clients.get("acme") is client
