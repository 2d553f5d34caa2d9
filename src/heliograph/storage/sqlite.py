"""SQLite, embedded: one writer thread that owns the writing connection, a few reading threads.

WAL with synchronous=FULL: a commit is on disk when it returns. secure_delete, so that a redacted body leaves no
copy in free pages. `turn_over` empties the write-ahead file, which keeps older pages until then.
"""

import asyncio
import os
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter, sleep
from typing import Any

import apsw
import structlog

from heliograph.core.errors import StoreUnavailable, StoreUnusable
from heliograph.ports import CommitWatcher, Tables
from heliograph.storage import migrate, scripts
from heliograph.storage.database import Conflict, Group, Waiting, WriteQueue, groups, pair, settle
from heliograph.storage.outage import Outage
from heliograph.storage.queries import query
from heliograph.storage.rows import Row
from heliograph.storage.scripts import NO_FLAGS, Script, ScriptMaker, Step

log = structlog.get_logger(__name__)

CHECKPOINT_PAGES = 10_000
"""Pages (4 KiB) that the write-ahead file gathers before a commit moves them to the database: at SQLite's usual 1,000
every few commits were held up."""

PAGE_CACHE_KIB = 16384
"""SQLite's own page cache for each connection; the kernel's cache does the rest."""

GATHER_SECONDS = 0.005
"""Pause after a commit that took many messages a step on: nobody outside waits for such a step, and fewer commits cost
less (docs/adr/0013). A commit of new messages alone is followed by the next at once."""

GATHER_FROM = 4
"""Writes in a commit from which on it counts as many: a lone client never meets the pause."""

GATHER_NEW = 20
"""New messages that end the pause: their callers wait."""

_STEPS = frozenset({scripts.advance, scripts.settle})

BUSY_PAUSE_SECONDS = 0.01
"""Between two tries for a lock that another process has."""

_UNAVAILABLE = (
    apsw.BusyError,
    apsw.LockedError,
    apsw.FullError,
    apsw.IOError,
    apsw.CantOpenError,
    apsw.ReadOnlyError,
    apsw.CorruptError,
    apsw.NotADBError,
    apsw.PermissionsError,
    apsw.ProtocolError,
    apsw.NoMemError,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SqliteSettings:
    file: Path
    busy_seconds: float
    readers: int
    queue_max: int
    batch_max: int
    tables: Tables


class SqliteDatabase:
    def __init__(self, settings: SqliteSettings, watch: CommitWatcher) -> None:
        self._settings = settings
        self._queue = WriteQueue(settings.queue_max, settings.batch_max, watch)
        self._wake = threading.Event()
        self._writer: threading.Thread | None = None
        self._readers: ThreadPoolExecutor | None = None
        self._local = threading.local()
        self._connections: list[apsw.Connection] = []
        self._closing = False
        self._busy = False
        self._pause: asyncio.TimerHandle | None = None
        self._new_waiting = 0
        self._abandoned = False
        self._outage = Outage()

    # -- opening and closing

    async def open(self) -> None:
        self._loop = asyncio.get_running_loop()
        tables, file = self._settings.tables, self._settings.file
        if tables is Tables.REQUIRE and not file.exists():
            raise StoreUnusable(f"{file} does not exist: run `heliograph init` to make the first project")
        try:
            self._connection = self._connect()
            if tables is not Tables.REQUIRE:
                self._connection.pragma("journal_mode", "wal")
            migrate.apply_sqlite(self._connection, tables)
        except (apsw.Error, StoreUnavailable) as error:
            self._close_connections()
            if isinstance(error, StoreUnavailable):
                raise
            raise StoreUnavailable(f"{file}: {error}") from error
        self._readers = ThreadPoolExecutor(self._settings.readers, thread_name_prefix="sqlite-reader")
        self._writer = threading.Thread(target=self._write_forever, name="sqlite-writer", daemon=True)
        self._writer.start()

    def _connect(self) -> apsw.Connection:
        connection = apsw.Connection(os.fspath(self._settings.file))
        connection.set_busy_handler(self._wait_for_lock)
        connection.pragma("synchronous", "full")
        connection.pragma("secure_delete", "on")
        connection.pragma("wal_autocheckpoint", CHECKPOINT_PAGES)
        connection.pragma("cache_size", -PAGE_CACHE_KIB)
        self._connections.append(connection)
        return connection

    def _wait_for_lock(self, earlier: int) -> bool:
        """SQLite asks, after so many earlier pauses, whether to try once more for a lock that another process has."""
        if self._abandoned or earlier * BUSY_PAUSE_SECONDS >= self._settings.busy_seconds:
            return False
        sleep(BUSY_PAUSE_SECONDS)
        return True

    def abandon(self) -> None:
        self._abandoned = True
        self._queue.fail_all(StoreUnavailable("the store is being closed"))

    async def close(self) -> None:
        """Finish what waits, then let go."""
        self._closing = True
        self._end_pause()
        self._nudge()
        self._wake.set()
        if self._writer is not None:
            await asyncio.to_thread(self._writer.join)
        if self._readers is not None:
            self._readers.shutdown(wait=True)
        self._queue.fail_all(StoreUnavailable("the store is closed"))
        self._close_connections()

    def _close_connections(self) -> None:
        for connection in self._connections:
            connection.close()
        self._connections.clear()

    @property
    def outage(self) -> bool:
        return self._outage.lasts

    @property
    def is_owned(self) -> bool:
        return True

    async def hold_on(self) -> None:
        """Nothing: the file stays open, and the folder's lock with it."""

    # -- reading

    async def read(self, name: str, parameters: dict[str, Any], flags: frozenset[str] = NO_FLAGS) -> Sequence[Row]:
        if self._readers is None or self._closing:
            raise StoreUnavailable("the store is closed")
        try:
            found = await self._loop.run_in_executor(self._readers, self._read, name, parameters, flags)
        except StoreUnavailable as error:
            self._outage.failed("read", error)
            raise
        self._outage.worked("read")
        return found

    def _read(self, name: str, parameters: dict[str, Any], flags: frozenset[str]) -> Sequence[Row]:
        try:
            return self._reading().execute(query(name, "sqlite", flags).text, parameters).fetchall()
        except _UNAVAILABLE as error:
            raise StoreUnavailable(f"SQLite can't read: {error}") from error

    async def turn_over(self) -> None:
        if self._readers is None or self._closing:
            raise StoreUnavailable("the store is closed")
        await self._loop.run_in_executor(self._readers, self._turn_over)

    def _turn_over(self) -> None:
        """On a reading connection: the writer waits for it as for any other lock, for the time of one checkpoint."""
        try:
            ((busy, _, _),) = self._reading().execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        except _UNAVAILABLE as error:
            raise StoreUnavailable(f"SQLite can't turn over its write-ahead file: {error}") from error
        if busy:
            raise StoreUnavailable("SQLite's write-ahead file is in use and can't be turned over")

    def _reading(self) -> apsw.Connection:
        """This thread's connection."""
        connection: apsw.Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = self._local.connection = self._connect()
        return connection

    # -- writing

    def write(self, script: ScriptMaker, item: Any) -> asyncio.Future[Any]:
        future = self._queue.put(script, item)
        if script is scripts.accept:
            self._new_waiting += 1
            if self._pause is not None and self._new_waiting >= GATHER_NEW:
                self._end_pause()
        self._nudge()
        return future

    def _nudge(self) -> None:
        if not self._busy and self._pause is None and len(self._queue):
            self._busy = True
            self._new_waiting = 0
            self._batch = self._queue.take()
            self._wake.set()

    def _end_pause(self) -> None:
        if self._pause is not None:
            self._pause.cancel()
            self._pause = None

    def _go_on(self) -> None:
        self._pause = None
        self._nudge()

    def _write_forever(self) -> None:
        """The writer thread: run the batch that the loop laid out, report, wait for the next."""
        while True:
            self._wake.wait()
            self._wake.clear()
            if not self._busy:
                if self._closing:
                    return
                continue
            grouped = groups(self._batch)
            started = perf_counter()
            outcome = self._outcomes(grouped)
            self._report(outcome, perf_counter() - started)

    def _report(self, outcome: list[tuple[Waiting, Any]], seconds: float) -> None:
        gather = len(outcome) >= GATHER_FROM and any(entry.script in _STEPS for entry, _ in outcome)

        def tell() -> None:
            self._queue.watch(len(outcome), seconds)
            self._busy = False
            if gather and self._new_waiting < GATHER_NEW and not self._closing:
                self._pause = self._loop.call_later(GATHER_SECONDS, self._go_on)
            self._nudge()
            self._note(outcome)
            for entry, result in outcome:
                settle(entry.done, result)
            if self._closing and not self._busy:
                self._wake.set()

        self._loop.call_soon_threadsafe(tell)

    def _note(self, outcome: list[tuple[Waiting, Any]]) -> None:
        refused = [result for _, result in outcome if isinstance(result, StoreUnavailable)]
        if refused:
            self._outage.failed("write", refused[0], len(refused))
        else:
            self._outage.worked("write")

    def _outcomes(self, grouped: list[Group]) -> list[tuple[Waiting, Any]]:
        """What became of each write. A fault of this program fails its batch, never the writer: all wait for that."""
        try:
            return self._commit_or_single_out(grouped)
        except Exception as error:
            log.exception("store.writer_broke")
            return [(entry, error) for _, entries in grouped for entry in entries]

    def _commit_or_single_out(self, grouped: list[Group]) -> list[tuple[Waiting, Any]]:
        """One transaction for all; where a constraint refuses, one for each, so that only the culprit fails."""
        try:
            outcome = list(pair(grouped, self._transaction(grouped)))
        except _UNAVAILABLE as error:
            failure = StoreUnavailable(f"SQLite can't write: {error}")
            return [(entry, failure) for _, entries in grouped for entry in entries]
        except Exception as error:  # noqa: BLE001 - a row that breaks the encoding, too, fails alone
            if sum(len(entries) for _, entries in grouped) == 1:
                conflict: Exception = Conflict(str(error)) if isinstance(error, apsw.ConstraintError) else error
                return [(entry, conflict) for _, entries in grouped for entry in entries]
        else:
            return outcome
        return [
            outcome
            for script, entries in grouped
            for entry in entries
            for outcome in self._commit_or_single_out([(script, [entry])])
        ]

    def _transaction(self, grouped: list[Group]) -> list[list[Any]]:
        connection = self._connection
        connection.execute("BEGIN IMMEDIATE")
        try:
            results = [self._drive(script([entry.item for entry in entries])) for script, entries in grouped]
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
        return results

    def _drive(self, script: Script) -> list[Any]:
        try:
            step = next(script)
            while True:
                step = script.send(self._execute(step))
        except StopIteration as finished:
            return finished.value  # type: ignore[no-any-return]  # the script's declared result

    def _execute(self, step: Step) -> Sequence[Row]:
        statement = query(step.query, "sqlite", step.flags)
        found = self._connection.execute(statement.text, step.parameters).fetchall()
        return [(self._connection.changes(),)] if step.counted else found
