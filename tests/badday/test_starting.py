"""A server that holds, one whose disk is full, one that lost its database to another: what each says and does."""

import asyncio
import json
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from test_disk_full import Limited

from heliograph.storage.postgres import LOCK_KEY
from servers import Credentials, HeliographServer, ServerFactory, Sink, Smsc, carriers_file, wait_until
from traffic import CALLBACK_PATH, create, log_shown, message

QUICK = {"simulator_answer_ms": 5, "simulator_receipt_ms": 10, "callback_poll_seconds": 0.05, "health_seconds": 0.05}


def health(node: HeliographServer) -> tuple[int, dict[str, Any]]:
    reply = node.request("GET", "/health", authenticated=False)
    return reply.status, reply.json()


def log_lines(node: HeliographServer, event: str) -> list[str]:
    return [line for line in node.log().splitlines() if event in line]


async def test_a_server_that_holds_acts_on_nothing(server: ServerFactory, store_url: str | None, sink: Sink) -> None:
    node = server(database_url=store_url, settings=QUICK | {"hold": True, "sweep_seconds": 0.05})
    with log_shown(node):
        kept = create(node, StatusCallback=sink.url(CALLBACK_PATH))
        late = create(node, ValidityPeriod="1")
        inbound = {"from": "+13125550100", "to": node.credentials.numbers[0], "body": "Hi"}
        assert node.request("POST", "/api/heliograph/simulator/inbound", json_body=inbound).status == 201
        await asyncio.sleep(1.2)  # longer than the validity, a poll, a sweep and a receipt
        assert [message(node, each)["status"] for each in (kept, late)] == ["queued", "queued"]
        assert sink.received() == []
        status, told = health(node)
        assert (status, told["status"], told["hold"]) == (200, "ok", True)
        assert "\nheliograph_hold 1.0\n" in node.request("GET", "/metrics", authenticated=False).body.decode()
        assert log_lines(node, "server.holds")
        assert "note  hold: the running server holds" in node.run("doctor", *node._store_options())
        node.stop()
        node.settings["hold"] = False
        node.start()
        sink.wait_for(lambda found: any(each.form.get("MessageStatus") == "delivered" for each in found))
        assert "hold" not in health(node)[1]


def test_a_server_that_holds_makes_no_project_in_an_empty_folder(tmp_path: Path) -> None:
    node = HeliographServer(tmp_path / "data", settings=QUICK | {"hold": True})
    node._credentials = Credentials(
        project_id="", api_token="", signing_key="", numbers=()
    )  # so that the fixture makes no project
    try:
        node.start()
        assert health(node)[0] == 200
        assert "There is no project." in node.log()
    finally:
        node.kill()
    assert not (tmp_path / "data" / "first-project.json").exists()
    listed = node.run("project", "list", *node._store_options(), "--json")
    assert json.loads(listed)["projects"] == []


def test_everything_in_an_existing_folder_is_its_owners_alone(
    server: ServerFactory, tmp_path: Path, sink: Sink
) -> None:
    data = tmp_path / "volume"
    data.mkdir(mode=0o755)
    node = server(data=data, settings=QUICK)
    picture = sink.url("/picture")
    create(node, MediaUrl=picture)
    sink.wait_for_request("/picture")
    wait_until(lambda: (data / "heliograph.db-wal").exists(), "a write-ahead file")
    for path in data.rglob("*"):
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path
    assert {"heliograph.db", "heliograph.db-wal", "heliograph.lock", "simulator.journal", "server.json"} <= {
        path.name for path in data.iterdir()
    }


def test_health_of_a_full_disk_is_503_and_comes_back(server: ServerFactory, tmp_path: Path) -> None:
    disk = Limited(tmp_path / "disk", room=4096)
    node = server(data=disk.data, settings=QUICK)
    assert health(node)[0] == 200
    disk.fill(node)
    wait_until(lambda: health(node)[0] == 503, "health to say that nothing can be written", 10)
    assert health(node)[1] == {"status": "unavailable", "version": health(node)[1]["version"]} | {
        "reason": "the store can't be written"
    }
    disk.free(node)
    wait_until(lambda: health(node)[0] == 200, "health to be well again", 10)


@pytest.fixture
def smsc(tmp_path: Path) -> Iterator[Smsc]:
    carrier = Smsc(tmp_path / "journal")
    yield carrier.start()
    carrier.kill()


async def test_a_server_that_lost_its_lock_lets_go_of_its_carriers(
    server: ServerFactory, database_url: str, smsc: Smsc, tmp_path: Path
) -> None:
    table = {"name": "acme", "hosts": [f"127.0.0.1:{smsc.port}"], "system_id": "h", "password": "p"}
    config = carriers_file(tmp_path / "heliograph.toml", [table | {"reconnect_seconds": 0.1}])
    node = server(database_url=database_url, config=config, settings={"simulator": False, "log_format": "json"})

    def is_bound() -> bool:
        (found,) = json.loads(node.run("carriers", "--database-url", database_url, "--data", str(node.data), "--json"))[
            "carriers"
        ]
        return bool(found["available"])

    with log_shown(node):
        await asyncio.to_thread(wait_until, is_bound, "the carrier to be bound")
        thief = await asyncpg.connect(database_url)
        killer = await asyncpg.connect(database_url)
        taken = asyncio.create_task(thief.fetchval("SELECT pg_advisory_lock($1)", LOCK_KEY))
        waits = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
        async with asyncio.timeout(10):
            while not await killer.fetchval(waits):  # bounded by the time-out
                await asyncio.sleep(0.01)
            ends = "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND granted"
            await killer.fetch(
                ends + " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
            )
            await taken
        await asyncio.to_thread(wait_until, lambda: log_lines(node, "carriers.let_go"), "the carriers to be let go", 20)
        await asyncio.to_thread(wait_until, lambda: not is_bound(), "the carrier to be unbound", 20)
        status, told = health(node)
        assert (status, told["reason"]) == (503, "another server has the store")
        await thief.close()
        await killer.close()
        await asyncio.to_thread(wait_until, is_bound, "the carrier to be bound again", 20)
        await asyncio.to_thread(wait_until, lambda: health(node)[0] == 200, "health to be well again", 20)
        assert len(log_lines(node, "store.unavailable")) == len(log_lines(node, "store.available_again")) == 1


async def test_an_outage_is_two_lines(server: ServerFactory, tmp_path: Path, sink: Sink) -> None:
    disk = Limited(tmp_path / "disk")
    node = server(data=disk.data, settings=QUICK | {"log_format": "json", "sweep_seconds": 0.05})
    with log_shown(node):
        for _ in range(20):
            create(node, StatusCallback=sink.url(CALLBACK_PATH))
        disk.fill(node)
        for _ in range(30):
            node.request("POST", "/api/messaging/messages", json_body={"to": "+12065550123", "from": "+12025550101"})
        wait_until(lambda: log_lines(node, "store.unavailable"), "the log to tell of the outage", 10)
        await asyncio.sleep(1.5)  # steps are offered again meanwhile, several times a second
        disk.free(node)
        wait_until(lambda: log_lines(node, "store.available_again"), "the log to tell of its end", 10)
        lines = [json.loads(line) for line in node.log().splitlines()]
        severe = [line["event"] for line in lines if line["level"] in ("warning", "error")]
        assert set(severe) <= {"store.unavailable", "store.available_again", "loopback.journal_unwritable"}
        assert len(severe) < 6, severe
