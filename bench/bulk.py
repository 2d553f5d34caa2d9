"""Stores with millions of messages, filled by SQL within a minute instead of over the API within an hour.

Message `number` of `size` is a function of both: its moment (evenly over DAYS days that end yesterday), its state,
its two numbers, and its id, a UUIDv7 of that moment. So a place in a list is computed, not looked for. Only
`messages` is filled, in the order of ids, under the product's own indexes; timelines and callbacks are not read by
lists.
"""

import asyncio
import datetime
import time
from collections.abc import Iterator
from contextlib import contextmanager

import apsw
import asyncpg

from bench.processes import Bench, Server

DAYS = 30
RECIPIENTS = 40
SENDERS = 4
STATES = ("delivered", "undelivered", "failed", "sent")
"""Of a hundred messages 80, 10, 5 and 5 are in these states."""

DAY_MS = 86_400_000
_EPOCH = datetime.date(1970, 1, 1)
_TODAY = int(time.time() * 1000) // DAY_MS
_FIRST_DAY = _TODAY - DAYS
_FIRST_MS = _FIRST_DAY * DAY_MS
_SENT_AFTER_MS = 60
_PRICE_MICROS = 8300


def moment_ms(number: int, size: int) -> int:
    return _FIRST_MS + number * DAYS * DAY_MS // size


def message_id(number: int, size: int) -> str:
    moment = f"{moment_ms(number, size):012x}"
    return f"{moment[:8]}-{moment[8:]}-7000-8000-{number:012x}"


def recipient(place: int) -> str:
    return f"+4479{place:08d}"


def sender(place: int) -> str:
    return f"+1202555{place:04d}"


def date(day: int) -> str:
    """The day that is `day` days after the first, as the API writes it."""
    return (_EPOCH + datetime.timedelta(days=_FIRST_DAY + day)).isoformat()


@contextmanager
def filled(bench: Bench, size: int) -> Iterator[Server]:
    """A running server over a store with so many messages."""
    server = Server(bench)
    try:
        server.initialise()
        started = time.perf_counter()
        fill(server, size)
        bench.say(f"pages: {size:,} messages laid in {time.perf_counter() - started:.0f} s")
        server.start()
        yield server
    finally:
        server.remove()


def fill(server: Server, size: int) -> None:
    project_id = server.credentials["project_id"]
    if server.database_url:
        asyncio.run(_fill_postgresql(server.database_url, project_id, size))
    else:
        _fill_sqlite(str(server.folder / "data" / "heliograph.db"), project_id, size)


# One text for both: the moment as 12 hex digits, and a hash that spreads states and numbers over the messages.
_INSERT = """
INSERT INTO messages (project_id, message_id, direction, kind, source, from_number, to_number, body, segments, state,
    created_at, updated_at, expires_at, num_media, sent_at, sent_day, error_code, price_micros, carrier, carrier_ref,
    uncertain, redacted)
SELECT {project_id}, {message_id}, 'outbound-api', 'sms', 'laml',
    '+1202555' || {sender}, '+4479' || {recipient}, 'Your code is 493817. It is valid for 10 minutes.', 1, state,
    ms * 1000, ms * 1000, (ms + 14400000) * 1000, 0,
    CASE WHEN state = 'failed' THEN NULL ELSE (ms + {sent_after}) * 1000 END,
    CASE WHEN state = 'failed' THEN NULL ELSE (ms + {sent_after}) / {day_ms} END,
    CASE state WHEN 'failed' THEN 30008 WHEN 'undelivered' THEN 30003 END,
    CASE WHEN state = 'failed' THEN NULL ELSE {price} END,
    'simulator', 'bench-' || {reference}, 0, 0
FROM (
    SELECT i, ms, hash, CASE WHEN hash % 100 < 80 THEN 'delivered' WHEN hash % 100 < 90 THEN 'undelivered'
        WHEN hash % 100 < 95 THEN 'failed' ELSE 'sent' END AS state
    FROM (
        SELECT i, {first_ms} + i * {days_ms} / {size} AS ms, (i * 2654435761 % 4294967296) / 65536 AS hash
        FROM {series}
    ) AS numbered
) AS made
"""

_SQLITE = {
    "series": "(WITH RECURSIVE s(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM s WHERE i < {last}) SELECT i FROM s)",
    "message_id": "substr(printf('%012x', ms), 1, 8) || '-' || substr(printf('%012x', ms), 9) || '-7000-8000-'"
    " || printf('%012x', i)",
    "sender": f"printf('%04d', hash / 100 % {SENDERS})",
    "recipient": f"printf('%08d', i % {RECIPIENTS})",
    "project_id": "'{project_id}'",
    "reference": "i",
}
_POSTGRESQL = {
    "series": "generate_series(0::bigint, {last}) AS s(i)",
    "message_id": "(lpad(to_hex(ms), 12, '0') || '70008000' || lpad(to_hex(i), 12, '0'))::uuid",
    "sender": f"lpad((hash / 100 % {SENDERS})::text, 4, '0')",
    "recipient": f"lpad((i % {RECIPIENTS})::text, 8, '0')",
    "project_id": "'{project_id}'::uuid",
    "reference": "i::text",
}


def _insert(dialect: dict[str, str], project_id: str, size: int) -> str:
    values = {
        "sent_after": _SENT_AFTER_MS,
        "day_ms": DAY_MS,
        "price": _PRICE_MICROS,
        "first_ms": _FIRST_MS,
        "days_ms": DAYS * DAY_MS,
        "size": size,
    }
    given = {name: text.replace("{last}", str(size - 1)) for name, text in dialect.items()}
    given["project_id"] = given["project_id"].replace("{project_id}", project_id)
    return _INSERT.format(**values, **given)


def _fill_sqlite(file: str, project_id: str, size: int) -> None:
    """Without a sync, and with the indexes made again at the end: sorted at once, they are as good and sooner done."""
    connection = apsw.Connection(file)
    connection.pragma("synchronous", "off")
    connection.pragma("cache_size", -400_000)
    found = connection.execute(
        "SELECT name, sql FROM sqlite_schema WHERE type = 'index' AND tbl_name = 'messages' AND sql IS NOT NULL"
    ).fetchall()
    with connection:
        for name, _ in found:
            connection.execute(f"DROP INDEX {name}")
        connection.execute(_insert(_SQLITE, project_id, size))
        for _, definition in found:
            connection.execute(str(definition))
    connection.pragma("wal_checkpoint(truncate)")
    connection.close()


async def _fill_postgresql(url: str, project_id: str, size: int) -> None:
    """With statistics afterwards, as its own housekeeping would gather them within minutes."""
    connection = await asyncpg.connect(url)
    try:
        found = await connection.fetch(
            "SELECT indexname, indexdef FROM pg_indexes WHERE tablename = 'messages' AND indexname <> 'messages_pkey'"
        )
        async with connection.transaction():
            for index in found:
                await connection.execute(f"DROP INDEX {index['indexname']}")
            await connection.execute(_insert(_POSTGRESQL, project_id, size))
            for index in found:
                await connection.execute(index["indexdef"])
        await connection.execute("VACUUM ANALYZE messages")
    finally:
        await connection.close()
