"""The real peers are real: a PostgreSQL that keeps what it committed, and a sink that answers as told."""

import asyncio
import http.client
from collections.abc import Iterator

import asyncpg
import pytest

from servers import Answer, Postgres, Sink, available_binaries


@pytest.fixture(params=sorted(available_binaries()))
def cluster(request: pytest.FixtureRequest) -> Iterator[Postgres]:
    """A cluster of each installed version, for tests that kill it."""
    own = Postgres(available_binaries()[request.param])
    try:
        yield own.start()
    finally:
        own.close()


async def test_a_killed_postgres_comes_back_with_what_it_committed(cluster: Postgres) -> None:
    url = cluster.create_database()
    connection = await asyncpg.connect(url)
    assert await connection.fetchval("SHOW fsync") == "on"
    await connection.execute("CREATE TABLE kept (id int)")
    await connection.execute("INSERT INTO kept VALUES (1)")

    await asyncio.to_thread(cluster.kill)
    connection.terminate()
    await asyncio.to_thread(cluster.start)

    connection = await asyncpg.connect(url)
    assert await connection.fetchval("SELECT count(*) FROM kept") == 1
    await connection.close()
    assert "was not properly shut down" in cluster.log()


async def test_each_database_is_empty_and_its_own(postgres: Postgres, database_url: str) -> None:
    other = postgres.create_database()
    assert other != database_url
    connection = await asyncpg.connect(database_url)
    await connection.execute("CREATE TABLE here (id int)")
    await connection.close()
    connection = await asyncpg.connect(other)
    assert await connection.fetchval("SELECT to_regclass('here')") is None
    # Still connected: dropping must not wait for us.
    await asyncio.to_thread(postgres.drop_database, other)
    connection.terminate()


def _ask(sink: Sink, method: str, path: str, body: bytes = b"") -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", sink.port, timeout=10)
    try:
        connection.request(method, path, body)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def test_a_sink_answers_in_turn_and_records_the_order(sink: Sink) -> None:
    sink.answer("/hook", Answer(status=503), Answer(body=b"<Response/>", content_type="text/xml"))
    assert _ask(sink, "POST", "/hook", b"Body=&To=%2B1")[0] == 503
    assert _ask(sink, "GET", "/hook?From=%2B15550001111&Body=") == (200, b"<Response/>")
    first, second = sink.received("/hook")
    assert first.form == {"Body": "", "To": "+1"}
    assert second.form == {"From": "+15550001111", "Body": ""}
    assert second.url == sink.url("/hook?From=%2B15550001111&Body=")
    assert first.order < second.order


async def test_a_sink_holds_a_request_until_released(sink: Sink) -> None:
    sink.answer("/slow", Answer(hold=True, body=b"at last"))
    asking = asyncio.create_task(asyncio.to_thread(_ask, sink, "GET", "/slow"))
    await sink.wait(lambda requests: requests)
    assert not asking.done()
    sink.release("/slow")
    assert await asking == (200, b"at last")


def test_a_sink_hangs_up(sink: Sink) -> None:
    sink.answer("/gone", Answer(drop=True))
    with pytest.raises((http.client.HTTPException, ConnectionError)):
        _ask(sink, "POST", "/gone", b"x")
    assert len(sink.received("/gone")) == 1


def test_waiting_in_vain_says_what_there_was(sink: Sink) -> None:
    _ask(sink, "GET", "/other")
    with pytest.raises(AssertionError, match="/other"):
        sink.wait_for_request("/never", timeout=0.05)
