"""Thousands of messages to one full inbox: the carrier goes on sending what others ask for."""

import asyncio
import json
import time
from base64 import b64encode
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from heliograph import app, config
from heliograph.core.ids import Uuid7Generator
from heliograph.core.lifecycle import State
from heliograph.core.message import Direction, Kind, Message, Source
from heliograph.net.clock import SystemClock
from heliograph.ports import Acceptance
from heliograph.torture.carrier import TortureCarrier
from heliograph.torture.settings import TortureSettings
from servers import HOST, HeliographServer, carriers_file

FULL_INBOX = "+13125550100"
FLOOD = 10_800
"""More than the 10,000 temporary refusals that once stopped a carrier."""

SENT_WITHIN_SECONDS = 2.0
NUMBER = "+12025550177"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tenant:
    """A project, and the number that it sends from."""

    project_id: str
    token: str
    number: str

    @property
    def headers(self) -> Mapping[str, str]:
        pair = b64encode(f"{self.project_id}:{self.token}".encode()).decode()
        return {"Authorization": f"Basic {pair}"}

    async def create(self, http: aiohttp.ClientSession, to: str) -> None:
        path = f"/api/laml/2010-04-01/Accounts/{self.project_id}/Messages"
        form = {"To": to, "From": self.number, "Body": "Hello"}
        async with http.post(path, data=form, headers=self.headers) as response:
            assert response.status == 201, await response.text()


@pytest.fixture
async def smsc() -> AsyncIterator[TortureCarrier]:
    """Refuses messages to one number for now, and accepts all others after 20 ms."""
    faults = {FULL_INBOX: "status-RX_T_APPN"}
    carrier = TortureCarrier(TortureSettings(answer_ms=20.0, faults_for=faults))
    await carrier.start()
    yield carrier
    await carrier.stop()


@pytest.fixture
async def node(smsc: TortureCarrier, tmp_path: Path) -> AsyncIterator[HeliographServer]:
    table = {"name": "one", "hosts": f"{HOST}:{smsc.port}", "system_id": "us", "window": 200}
    file = carriers_file(tmp_path / "carriers.toml", [table], [{"carrier": "one"}])
    settings: dict[str, Any] = {"simulator": False, "backlog_limit": 0, "rate_limit_writes": 0}
    server = HeliographServer(tmp_path / "data", settings=settings, config=file)
    await asyncio.to_thread(server.start)
    yield server
    server.kill()


def second_tenant(node: HeliographServer) -> Tenant:
    data = ["--data", str(node.data)]
    made = json.loads(node.run("project", "create", "--name", "another", *data, "--json"))
    node.run("number", "add", NUMBER, "--project", made["project_id"], *data)
    return Tenant(project_id=made["project_id"], token=made["api_token"], number=NUMBER)


async def flood(node: HeliographServer, tenant: Tenant) -> None:
    """Queue the messages in the store of a server that does not run."""
    ids, now = Uuid7Generator(lambda: 5), SystemClock().now()
    store = app.make_store(config.load({"data": str(node.data)}, {}), exclusive=True)
    await store.open()
    messages = [
        Message(
            id=ids.next(now),
            project_id=tenant.project_id,
            direction=Direction.OUTBOUND_API,
            kind=Kind.SMS,
            source=Source.LAML,
            from_number=tenant.number,
            to_number=FULL_INBOX,
            body="Hello",
            segments=1,
            state=State.QUEUED,
            created_at=now,
            updated_at=now,
            expires_at=now + 4 * 3600 * 1_000_000,
        )
        for _ in range(FLOOD)
    ]
    await asyncio.gather(*(store.accept(Acceptance(message=each, event_no=now)) for each in messages))
    await store.close()


async def gauge(http: aiohttp.ClientSession, name: str) -> float:
    async with http.get("/metrics") as response:
        lines = (await response.text()).splitlines()
    return next((float(line.split()[1]) for line in lines if line.startswith(f"{name} ")), 0.0)


async def test_full_inbox_of_one_project_does_not_stop_the_carrier(
    node: HeliographServer, smsc: TortureCarrier
) -> None:
    first = node.credentials
    attacker = Tenant(project_id=first.project_id, token=first.api_token, number=first.numbers[0])
    other = await asyncio.to_thread(second_tenant, node)
    await asyncio.to_thread(node.stop)
    await flood(node, attacker)
    await asyncio.to_thread(node.start)
    async with aiohttp.ClientSession(node.base_url) as http:
        async with asyncio.timeout(60):
            while await gauge(http, "heliograph_queued"):
                await asyncio.sleep(0.1)
        taken: list[float] = []
        for place in range(5):
            started = time.monotonic()
            await other.create(http, f"+1312555020{place}")
            await smsc.accepted(place + 1)
            taken.append(time.monotonic() - started)
        assert max(taken) < SENT_WITHIN_SECONDS, taken
        assert await gauge(http, "heliograph_deferred") > FLOOD * 0.9
