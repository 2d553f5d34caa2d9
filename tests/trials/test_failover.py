"""Two carriers and a server that runs: one dies, throttles or refuses for now, and all goes over the other; and what
SIGHUP brings while messages flow."""

import asyncio
import signal
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from gateway import FINAL, Gateway, Sent, Way, taken

from servers import wait_until

TORTURE: Mapping[str, Any] = {"answer_ms": 5.0, "receipt_ms": 20.0, "resend_ms": 2000.0}
SENDERS = 8


@pytest.fixture
async def gateway(tmp_path: Path) -> AsyncIterator[Gateway]:
    """Not started yet; see `begin`."""
    made = Gateway(tmp_path)
    yield made
    await made.__aexit__(None, None, None)


async def begin(gateway: Gateway, routes: list[dict[str, object]] | None = None) -> None:
    gateway.write_config(routes)
    for way in gateway.ways.values():
        await gateway.start_smsc(way)
    await gateway.__aenter__()
    for way in gateway.ways.values():
        await way.smsc.binds(1)


class Numbers:
    """Recipients of which none comes twice."""

    def __init__(self) -> None:
        self._next = 0

    def __call__(self) -> str:
        self._next += 1
        return f"+1312600{self._next:04d}"


async def send(gateway: Gateway, numbers: Numbers, count: int, **fields: object) -> list[Sent]:
    return await asyncio.gather(*(gateway.send(numbers(), "To whom it may reach", **fields) for _ in range(count)))


async def delivered(gateway: Gateway, sent: list[Sent]) -> None:
    await gateway.told.until(gateway.ended(sent, FINAL))
    for each in sent:
        await gateway.look(each)
        assert each.status == "delivered", (each.status, each.steps)


def total(*ways: Way) -> Counter[tuple[str, int]]:
    found: Counter[tuple[str, int]] = Counter()
    for way in ways:
        found += taken(way.smsc)
    return found


def once(sent: list[Sent], *ways: Way) -> None:
    assert total(*ways) == Counter({(each.to, part): 1 for each in sent for part in range(1, each.parts + 1)})


async def test_a_carrier_that_dies(gateway: Gateway) -> None:
    """What it had in hand is in doubt and is settled by its receipts when it is back; all else goes over the other."""
    first, second = (gateway.way(name, TORTURE) for name in ("first", "second"))
    await begin(gateway, [{"carrier": ["first", "second"]}])
    numbers = Numbers()
    before = await send(gateway, numbers, 30, ValidityPeriod=4)
    await first.smsc.accepted(10)
    await first.smsc.down()
    during = await send(gateway, numbers, 30)
    await delivered(gateway, during)
    assert not {each.to for each in during} & {to for to, _ in total(first)}
    await first.smsc.up()
    await gateway.told.until(gateway.ended(before, FINAL))
    for each in before:  # what it had not read when it died is in doubt for good
        assert (await gateway.look(each)).end in ("delivered", "delivered?", "undelivered?")
        assert total(first, second)[each.to, 1] == (each.status == "delivered"), each.steps
    once([each for each in before if each.status == "delivered"] + during, first, second)
    await first.smsc.binds(1)
    again = await send(gateway, numbers, 5)
    await delivered(gateway, again)
    assert {each.to for each in again} <= {to for to, _ in total(first)}, "it is the first choice again"


@pytest.mark.parametrize("fault", ["throttle", "queue-full", "sysfail", "window-of-one"])
async def test_a_carrier_that_refuses_for_now(gateway: Gateway, fault: str) -> None:
    first = gateway.way("first", {**TORTURE, "faults": (fault,)})
    second = gateway.way("second", TORTURE)
    await begin(gateway, [{"carrier": ["first", "second"]}])
    sent = await send(gateway, Numbers(), 40)
    await delivered(gateway, sent)
    once(sent, first, second)
    assert first.smsc.counts.refused, "it was tried"
    if fault != "window-of-one":
        assert not total(first)
        assert any(each.count("rerouted") for each in sent)
    assert not any(each.uncertain for each in sent)


async def test_a_carrier_that_never_lets_us_in(gateway: Gateway) -> None:
    first = gateway.way("first", {**TORTURE, "faults": ("bind-refused",)})
    second = gateway.way("second", TORTURE)
    gateway.write_config([{"carrier": ["first", "second"]}])
    await gateway.start_smsc(first)
    await gateway.start_smsc(second)
    await gateway.__aenter__()
    sent = await send(gateway, Numbers(), 20)
    await delivered(gateway, sent)
    once(sent, second)


async def test_a_refusal_for_good_is_not_tried_elsewhere(gateway: Gateway) -> None:
    first = gateway.way("first", {**TORTURE, "faults": ("status-RINVDSTADR",)})
    second = gateway.way("second", TORTURE)
    await begin(gateway, [{"carrier": ["first", "second"]}])
    sent = await send(gateway, Numbers(), 5)
    await gateway.told.until(gateway.ended(sent, FINAL))
    assert {(await gateway.look(each)).end for each in sent} == {"failed"}
    assert not total(first, second)


class Flow:
    """Senders that go on until they are told to stop; each sends one message after the other."""

    def __init__(self, gateway: Gateway) -> None:
        self.sent: list[Sent] = []
        self._gateway = gateway
        self._numbers = Numbers()
        self._stopping = False
        self._tasks = [asyncio.create_task(self._send_on()) for _ in range(SENDERS)]

    async def stop(self) -> list[Sent]:
        self._stopping = True
        await asyncio.gather(*self._tasks)
        return self.sent

    async def _send_on(self) -> None:
        while not self._stopping:
            (sent,) = await send(self._gateway, self._numbers, 1)
            self.sent.append(sent)
            await self._gateway.told.until(self._gateway.ended([sent], ("sent", *FINAL)))


async def test_reloading_while_messages_flow(gateway: Gateway) -> None:
    """Routes are swapped, a carrier comes, two go, a broken file changes nothing; no bind is dropped that did not
    change, and nothing is lost, doubled or in doubt."""
    first, second, third = (gateway.way(name, TORTURE) for name in ("first", "second", "third"))
    late = gateway.ways.pop("third")
    await begin(gateway, [{"carrier": "first"}])
    await gateway.start_smsc(late)
    flow = Flow(gateway)

    def reload(carrier: str, *ways: Way) -> None:
        gateway.ways = {way.name: way for way in ways}
        gateway.write_config([{"carrier": carrier}])
        gateway.node.signal(signal.SIGHUP)

    await first.smsc.accepted(20)
    reload("second", first, second)
    await second.smsc.accepted(20)
    reload("third", first, second, third)
    await third.smsc.accepted(20)
    assert [way.smsc.counts.binds for way in (first, second, third)] == [1, 1, 1]
    await asyncio.gather(first.smsc.settled(), second.smsc.settled())
    reload("third", third)
    await first.smsc.until(lambda: not first.smsc.bound)
    await second.smsc.until(lambda: not second.smsc.bound)

    gateway.config.write_text("[[carriers]]\nname = 7\n")
    gateway.node.signal(signal.SIGHUP)
    await asyncio.to_thread(wait_until, lambda: "config.refused" in gateway.node.log(), "the broken file to be refused")
    await third.smsc.accepted(third.smsc.counts.accepted + 20)

    third.table["rate"] = 500.0
    reload("third", third)
    await third.smsc.accepted(third.smsc.counts.accepted + 20)
    assert third.smsc.counts.binds == 1, "a new pace needs no new bind"
    third.table["system_type"] = "other"
    reload("third", third)
    await third.smsc.until(lambda: third.smsc.counts.binds == 2)
    await third.smsc.accepted(third.smsc.counts.accepted + 20)

    sent = await flow.stop()
    await delivered(gateway, sent)
    once(sent, first, second, third)
    assert not any(each.uncertain for each in sent)
    assert first.smsc.counts.connections == second.smsc.counts.connections == 1
    assert third.smsc.counts.surprises == {}


async def test_what_waits_for_a_carrier_that_is_taken_out_goes_another_way(gateway: Gateway) -> None:
    first = gateway.way("first", {**TORTURE, "faults": ("bind-refused",)})
    second = gateway.way("second", TORTURE)
    gateway.write_config([{"carrier": "first"}])
    await gateway.start_smsc(first)
    await gateway.start_smsc(second)
    await gateway.__aenter__()
    sent = await send(gateway, Numbers(), 20)
    del gateway.ways["first"]
    gateway.write_config([{"carrier": "second"}])
    gateway.node.signal(signal.SIGHUP)
    await delivered(gateway, sent)
    once(sent, second)
