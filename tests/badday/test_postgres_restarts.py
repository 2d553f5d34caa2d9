"""PostgreSQL goes away under load and comes back: callers get 201 or 503, and what got 201 is sent and told."""

import asyncio
import re
import signal
from collections.abc import Callable, Iterator

import aiohttp
import psutil
import pytest

from servers import HeliographServer, Postgres, ServerFactory, Sink, wait_until
from traffic import Load, Record, authorization, log_shown, messages_path, plain_orders, settled

SETTINGS = {
    "simulator_answer_ms": 20,
    "simulator_receipt_ms": 50,
    "callback_poll_seconds": 0.05,
    "store_timeout_seconds": 2,
    "rate_limit_writes": 0,
}
BOUND_SECONDS = 15.0
"""The longest that a caller may wait for his 503: some times `store_timeout_seconds`, for a machine that is busy."""


@pytest.fixture
def cluster() -> Iterator[Postgres]:
    """A PostgreSQL that a test may stop."""
    cluster = Postgres()
    try:
        yield cluster.start()
    finally:
        cluster.close()


def _stopped_fast(cluster: Postgres) -> Callable[[], None]:
    cluster.stop()
    return lambda: void(cluster.start())


def _stopped_at_once(cluster: Postgres) -> Callable[[], None]:
    cluster.stop(immediate=True)
    return lambda: void(cluster.start())


def _killed(cluster: Postgres) -> Callable[[], None]:
    cluster.kill()
    return lambda: void(cluster.start())


def _frozen(cluster: Postgres) -> Callable[[], None]:
    """It answers nothing and closes nothing, like a host that hangs."""
    first = psutil.Process(int((cluster.data / "postmaster.pid").read_text().splitlines()[0]))
    processes = [first, *first.children(recursive=True)]
    for process in processes:
        process.send_signal(signal.SIGSTOP)

    def thaw() -> None:
        for process in processes:
            process.send_signal(signal.SIGCONT)

    return thaw


def void(_: object) -> None:
    """Nothing is done with it."""


@pytest.mark.parametrize("fail", [_stopped_fast, _stopped_at_once, _killed, _frozen], ids=lambda each: each.__name__)
async def test_callers_get_201_or_503_and_nothing_is_lost(
    server: ServerFactory, cluster: Postgres, sink: Sink, fail: Callable[[Postgres], Callable[[], None]]
) -> None:
    node = server(database_url=cluster.create_database(), settings=SETTINGS)
    record = Record()
    with log_shown(node):
        async with Load(node, sink, plain_orders(), record, patient=True) as load:
            await load.more(100)
            mend = await asyncio.to_thread(fail, cluster)
            await load.refusals(20)
            await asyncio.to_thread(mend)
            await load.more(100)
        _refused_politely(record)
        await settled(node, sink, record)
        _told_in_the_log(node)
        _none_counted_as_queued(node)


async def test_readers_are_not_kept_waiting_while_it_hangs(server: ServerFactory, cluster: Postgres) -> None:
    """More of them at once than there are connections for reading."""
    node = server(database_url=cluster.create_database(), settings=SETTINGS)
    url = f"{node.base_url}{messages_path(node)}"

    async def read(session: aiohttp.ClientSession) -> int:
        async with session.get(url) as response:
            return response.status

    timeout = aiohttp.ClientTimeout(total=BOUND_SECONDS)
    async with aiohttp.ClientSession(headers=authorization(node), timeout=timeout) as session:
        assert await asyncio.gather(*(read(session) for _ in range(30))) == [200] * 30
        thaw = _frozen(cluster)
        try:
            assert await asyncio.gather(*(read(session) for _ in range(30))) == [503] * 30
        finally:
            thaw()
        await asyncio.to_thread(wait_until, lambda: _listed(node), "the list to be served again")


def _listed(node: HeliographServer) -> bool:
    return node.request("GET", messages_path(node)).status == 200


async def test_it_may_go_away_again_and_again(server: ServerFactory, cluster: Postgres, sink: Sink) -> None:
    node = server(database_url=cluster.create_database(), settings=SETTINGS)
    record = Record()
    with log_shown(node):
        async with Load(node, sink, plain_orders(), record, patient=True) as load:
            for fail in (_killed, _stopped_fast, _killed):
                await load.more(30)
                mend = await asyncio.to_thread(fail, cluster)
                await asyncio.to_thread(mend)
            await load.more(30)
        _refused_politely(record)
        await settled(node, sink, record)


def _refused_politely(record: Record) -> None:
    assert {refusal.status for refusal in record.refused} <= {503}, record.refused[:3]
    assert record.unanswered == 0
    for refusal in record.refused:
        assert refusal.headers["retry-after"] == "1"
        assert refusal.seconds < BOUND_SECONDS


def _none_counted_as_queued(node: HeliographServer) -> None:
    """What the backlog limit goes by is right again, also where the answer to a commit was lost."""
    metrics = node.request("GET", "/metrics", authenticated=False).body.decode()
    assert "\nheliograph_queued 0.0\n" in metrics, [line for line in metrics.splitlines() if "queued" in line]


def _told_in_the_log(node: HeliographServer) -> None:
    assert re.search(r"store\.unavailable.*PostgreSQL can't be (read|written)", node.log())
    assert "Traceback" not in node.log()
