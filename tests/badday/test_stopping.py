"""Told to stop under load, and started beside a server that has the store already."""

import asyncio
import random
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager

import psutil
import pytest
from test_database_locked import locked

from servers import Answer, HeliographServer, Postgres, ServerFactory, Sink, wait_until
from traffic import HANDLER_PATH, MEDIA_PATH, Load, Record, answer_inbound, log_shown, mixed_orders, post, settled

SETTINGS = {"simulator_answer_ms": 30, "simulator_receipt_ms": 100, "callback_poll_seconds": 0.05}
DEADLINE_SECONDS = 10
REPLY = Answer(body=b"<Response><Message>An answer</Message></Response>", content_type="text/xml")


async def test_sigterm_under_load_ends_in_time_and_loses_nothing(
    server: ServerFactory, store_url: str | None, sink: Sink
) -> None:
    settings = SETTINGS | {"shutdown_seconds": DEADLINE_SECONDS}
    node = server(database_url=store_url, settings=settings)
    sink.answer(HANDLER_PATH, REPLY)
    sink.answer(MEDIA_PATH, Answer(body=b"GIF89a", content_type="image/gif"))
    answer_inbound(node, sink.url(HANDLER_PATH))
    record = Record()
    orders = mixed_orders(random.Random(7))
    with log_shown(node):
        for _ in range(2):
            async with Load(node, sink, orders, record) as load:
                await load.more(80)
                assert await asyncio.to_thread(node.stop, DEADLINE_SECONDS) == 0
            await asyncio.to_thread(node.start)
        assert {refusal.status for refusal in record.refused} <= {503}
        await settled(node, sink, record)
        assert node.log().count("server.stopping") == 2
        assert "Traceback" not in node.log()


async def test_a_hanging_endpoint_does_not_hold_up_the_stop(server: ServerFactory, sink: Sink) -> None:
    node = server(settings=SETTINGS | {"shutdown_seconds": DEADLINE_SECONDS})
    sink.answer("/status", Answer(hold=True))
    record = Record()
    with log_shown(node):
        url = sink.url("/status#rt=15000")
        async with Load(node, sink, mixed_orders(random.Random(7)), record, callback_url=url) as load:
            await load.more(20)
            sink.wait_for_request("/status")
            assert await asyncio.to_thread(node.stop, DEADLINE_SECONDS) == 0
        sink.answer("/status", Answer())
        await asyncio.to_thread(node.start)
        await settled(node, sink, record)


SHORT_DEADLINE_SECONDS = 4


@pytest.fixture
def postgres_alone() -> Iterator[Postgres]:
    """A cluster that may be frozen."""
    cluster = Postgres()
    try:
        yield cluster.start()
    finally:
        cluster.close()


def test_a_frozen_postgres_does_not_hold_up_the_stop(server: ServerFactory, postgres_alone: Postgres) -> None:
    settings = SETTINGS | {"shutdown_seconds": SHORT_DEADLINE_SECONDS, "store_timeout_seconds": 30}
    node = server(database_url=postgres_alone.create_database(), settings=settings)
    _stops_with_503(node, postgres_alone.frozen())


def test_a_locked_file_does_not_hold_up_the_stop(server: ServerFactory) -> None:
    settings = SETTINGS | {"shutdown_seconds": SHORT_DEADLINE_SECONDS, "store_busy_seconds": 30}
    node = server(settings=settings)
    _stops_with_503(node, locked(node.data / "heliograph.db"))


def _stops_with_503(node: HeliographServer, stuck: AbstractContextManager[None]) -> None:
    """Writers and a reader wait for a stuck store when the server is told to stop."""
    with log_shown(node), stuck, ThreadPoolExecutor() as callers:
        waiting = [callers.submit(post, node) for _ in range(3)]
        wait_until(lambda: _connections(node) >= len(waiting), "the requests to arrive")
        assert node.stop(SHORT_DEADLINE_SECONDS) == 0
        assert [each.result().status for each in waiting] == [503] * len(waiting)


def _connections(node: HeliographServer) -> int:
    """How many callers' connections the server has taken."""
    process = psutil.Process(node.pid)
    return sum(c.status == psutil.CONN_ESTABLISHED and c.laddr.port == node.port for c in process.net_connections())


def test_what_hangs_is_abandoned_at_the_deadline() -> None:
    script = "from heliograph.stopping import Deadline; import threading; Deadline(0.2); threading.Event().wait()"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 1
    assert "server.abandoned" in done.stdout + done.stderr


def test_a_data_folder_serves_one_server(server: ServerFactory, postgres: Postgres) -> None:
    first = server(database_url=postgres.create_database())
    second = HeliographServer(first.data, database_url=postgres.create_database())
    with pytest.raises(AssertionError, match=r"the data folder .* is in use by another server"):
        second.start()
    first.kill()
    assert second.start().request("GET", "/health", authenticated=False).status == 200
    second.kill()


def test_a_second_server_on_the_same_store_is_refused(server: ServerFactory, store_url: str | None) -> None:
    first = server(database_url=store_url)
    second = HeliographServer(
        first.data if store_url is None else first.data.with_name("second"),
        database_url=store_url,
        credentials=first.credentials,
    )
    with pytest.raises(AssertionError, match="in use by another server"):
        second.start()
    assert first.request("GET", "/health", authenticated=False).status == 200
    first.kill()
    assert second.start().request("GET", "/health", authenticated=False).status == 200
    second.kill()
