"""SmppCarrier with npm `smpp` as the carrier: a peer that nobody here wrote."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import node_env
import pytest

from heliograph.carrier_config import CarrierConfig, Host
from heliograph.carriers.smpp.carrier import SmppCarrier
from heliograph.config_tables import Secret
from heliograph.core.carrier_refs import fold
from heliograph.core.lifecycle import State
from heliograph.net.clock import SystemClock
from heliograph.net.resolver import Resolver, ResolverSettings
from heliograph.ports import InboundPart, Receipt, Submission
from heliograph.wire.smpp.text import Alphabet, decode_text

SECONDS = 30


class Peer:
    """The Node process: what it prints, line by line."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process

    async def told(self, about: str) -> Any:
        """The next line about this; others are let go."""
        assert self.process.stdout is not None
        async with asyncio.timeout(SECONDS):
            while line := await self.process.stdout.readline():
                said = json.loads(line)
                if about in said:
                    return said[about]
        raise AssertionError(f"the carrier ended before it told of {about}")

    def bring(self, text: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{text}\n".encode())


class Desk:
    """Knows what was submitted, and takes what comes."""

    def __init__(self) -> None:
        self.refs: set[str] = set()
        self.receipts: asyncio.Queue[Receipt] = asyncio.Queue()
        self.parts: asyncio.Queue[InboundPart] = asyncio.Queue()
        self.available = asyncio.Event()

    async def receipt(self, carrier: str, receipt: Receipt) -> str | None:
        self.receipts.put_nowait(receipt)
        return next((ref for ref in self.refs if fold(ref) in receipt.keys), None)

    async def inbound(self, part: InboundPart) -> None:
        self.parts.put_nowait(part)

    def changed(self, carrier: str) -> None:
        self.available.set()


@pytest.fixture
async def peer() -> AsyncIterator[Peer]:
    process = await asyncio.create_subprocess_exec(
        *node_env.script_command(node_env.NODE_DIRECTORY / "smpp_carrier.cjs"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        env=node_env.script_environment(),
    )
    try:
        yield Peer(process)
    finally:
        process.kill()
        await process.communicate()


async def bound(peer: Peer, desk: Desk, password: str = "secret") -> SmppCarrier:
    host = Host("127.0.0.1", await peer.told("port"))
    config = CarrierConfig(name="npm", hosts=(host,), system_id="us", password=Secret(password))
    carrier = SmppCarrier(config, SystemClock(), resolver=Resolver(ResolverSettings()), chance=lambda: 0.5)
    await carrier.start(desk)
    return carrier


async def available(carrier: SmppCarrier, desk: Desk) -> None:
    async with asyncio.timeout(SECONDS):
        while not carrier.available:
            desk.available.clear()
            await desk.available.wait()


def message(message_id: str, body: str, to: str = "+447700900001") -> Submission:
    return Submission(message_id=message_id, from_number="+12025550100", to_number=to, body=body, segments=1, mms=False)


async def test_submits_receipts_and_an_inbound_message(peer: Peer) -> None:
    desk = Desk()
    carrier = await bound(peer, desk)
    await available(carrier, desk)

    for message_id, body in (("a", "Grüße {€}"), ("b", "👋 добрый день")):
        answer = await carrier.submit(message(message_id, body))
        desk.refs |= set(answer.refs)
        submit = await peer.told("submit")
        assert (submit["to"], submit["text"], submit["udh"]) == ("447700900001", body, None)
        receipt = await desk.receipts.get()
        assert (receipt.state, receipt.to_number) == (State.DELIVERED, "+447700900001")
        assert fold(answer.refs[0]) in receipt.keys
        assert await peer.told("receipt") == 0

    peer.bring("Hello from a handset ✓")
    part = await desk.parts.get()
    assert (part.from_number, part.to_number) == ("+447700900001", "+12025550100")
    assert decode_text(part.data, Alphabet(part.alphabet)) == "Hello from a handset ✓"
    assert await peer.told("inbound") == 0

    await carrier.stop()
    assert await peer.told("unbound") is True


async def test_a_long_message_and_one_that_is_undelivered(peer: Peer) -> None:
    desk = Desk()
    carrier = await bound(peer, desk)
    await available(carrier, desk)
    body = "Heliographs flashed sunlight from hill to hill. " * 8
    answer = await carrier.submit(message("long", body, to="+447700900009"))
    assert len(answer.refs) == 3
    submits = [await peer.told("submit") for _ in answer.refs]
    assert "".join(submit["text"] for submit in submits) == body
    assert [submit["udh"][0][-4:] for submit in submits] == ["0301", "0302", "0303"]
    for ref in answer.refs:
        receipt = await desk.receipts.get()
        assert (receipt.state, receipt.error_code) == (State.UNDELIVERED, 30005)
        assert fold(ref) in receipt.keys
    await carrier.stop()


async def test_a_wrong_password_is_told(peer: Peer) -> None:
    desk = Desk()
    carrier = await bound(peer, desk, password="wrong")
    assert await peer.told("bound") is False
    async with asyncio.timeout(SECONDS):
        while (error := carrier.status().binds[0].error) is None:
            desk.available.clear()
            await desk.available.wait()
    assert error.endswith("refused: ESME_RINVPASWD")
    await carrier.stop()
