"""PostgreSQL through asyncpg: one writing connection with group commit, a small pool for reading.

The writing connection holds an advisory lock for as long as it lives: a server writes through the connection that
proves that the store is its own, so a second one, or a former one that came back, can't write. When the database
goes away, callers are told at once and the writer reconnects by itself.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from time import perf_counter
from typing import Any, cast

import asyncpg
import structlog

from heliograph.core.errors import StoreUnavailable, StoreUnusable
from heliograph.ports import CommitWatcher, StoreHeld, Tables
from heliograph.storage import migrate, pooling, scripts
from heliograph.storage.database import Conflict, Group, Waiting, WriteQueue, groups, pair, settle
from heliograph.storage.outage import Outage
from heliograph.storage.queries import query
from heliograph.storage.rows import Row
from heliograph.storage.scripts import NO_FLAGS, Script, ScriptMaker, Step

log = structlog.get_logger(__name__)

LOCK_KEY = 0x48454C494F  # "HELIO": the advisory lock that says whose store this is
RECONNECT_SECONDS = 0.2
"""Pause between attempts to get the writing connection back."""

_GONE = (
    OSError,
    TimeoutError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # a connection that broke off within an exchange
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.PostgresSystemError,
    asyncpg.TransactionRollbackError,
    asyncpg.ReadOnlySQLTransactionError,
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,
)
"""What says that the database can't be used now, whatever is asked of it."""

_NEEDS_USER = "check the user and the password in --database-url, and what pg_hba.conf allows from this machine"
_NEEDS_DATABASE = "check the name in --database-url, or make the database (CREATE DATABASE ... OWNER ...)"
_NEEDS_OWNER = (
    "the database's user must be able to make tables: make it the owner (ALTER DATABASE ... OWNER TO ...),"
    " or GRANT USAGE, CREATE ON SCHEMA public"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PostgresSettings:
    url: str
    exclusive: bool
    timeout_seconds: float
    readers: int
    queue_max: int
    batch_max: int
    tables: Tables


class PostgresDatabase:
    def __init__(self, settings: PostgresSettings, watch: CommitWatcher) -> None:
        self._settings = settings
        self._queue = WriteQueue(settings.queue_max, settings.batch_max, watch)
        self._wake = asyncio.Event()
        self._writer: asyncio.Task[None] | None = None
        self._connection: asyncpg.Connection[asyncpg.Record] | None = None
        self._pool: asyncpg.Pool[asyncpg.Record] | None = None
        self._closing = False
        self._abandoned = False
        self._reads: set[asyncio.Timeout] = set()
        self._outage = Outage()
        self._is_owned = True

    # -- opening and closing

    async def open(self) -> None:
        self._loop = asyncio.get_running_loop()
        try:
            self._connection = await self._connect()
            await migrate.apply_postgres(self._connection, self._settings.tables)
            self._pool = await asyncpg.create_pool(
                self._settings.url,
                min_size=0,
                max_size=self._settings.readers,
                timeout=self._settings.timeout_seconds,
                command_timeout=self._settings.timeout_seconds,
            )
        except asyncpg.InvalidAuthorizationSpecificationError as error:  # InvalidPasswordError is one
            raise await self._not_opened(StoreUnusable(f"{error}: {_NEEDS_USER}")) from error
        except asyncpg.InvalidCatalogNameError as error:
            raise await self._not_opened(StoreUnusable(f"{error}: {_NEEDS_DATABASE}")) from error
        except _GONE as error:
            raise await self._not_opened(StoreUnavailable(f"PostgreSQL can't be reached: {_said(error)}")) from error
        except asyncpg.InsufficientPrivilegeError as error:
            raise await self._not_opened(StoreUnusable(f"{error}: {_NEEDS_OWNER}")) from error
        except asyncpg.PostgresError as error:
            raise await self._not_opened(StoreUnavailable(f"PostgreSQL refuses: {error}")) from error
        except StoreUnavailable as error:
            raise await self._not_opened(error)  # noqa: B904 - the same error
        self._writer = asyncio.create_task(self._write_forever(), name="postgresql-writer")

    async def _not_opened(self, error: StoreUnavailable) -> StoreUnavailable:
        if self._connection is not None:
            await self._connection.close()
            self._connection = None
        return error

    async def _connect(self) -> "asyncpg.Connection[asyncpg.Record]":
        timeout = self._settings.timeout_seconds
        connection = await asyncpg.connect(self._settings.url, timeout=timeout, command_timeout=timeout)
        if self._settings.exclusive:
            try:
                await self._own(connection)
            except BaseException:
                connection.terminate()
                raise
        return connection

    async def _own(self, connection: "asyncpg.Connection[asyncpg.Record]") -> None:
        """Make the store this server's, for as long as the connection lives."""
        timeout = self._settings.timeout_seconds

        async def plain() -> "asyncpg.Connection[asyncpg.Record]":
            return await asyncpg.connect(
                self._settings.url, timeout=timeout, command_timeout=timeout, statement_cache_size=0
            )

        await pooling.refuse_shared_sessions(connection, plain)
        if not await connection.fetchval("SELECT pg_try_advisory_lock($1)", LOCK_KEY):
            raise StoreHeld("this PostgreSQL database is in use by another heliograph server")
        self._is_owned = True

    @property
    def outage(self) -> bool:
        return self._outage.lasts

    @property
    def is_owned(self) -> bool:
        """False from the moment when another server was found to have the lock, until this one has it again. A
        connection that was lost is noticed by the next write."""
        return self._is_owned

    async def hold_on(self) -> None:
        if self._connection is None or self._connection.is_closed():
            await self.write(scripts.run, [])

    async def close(self) -> None:
        """Finish what waits, then let go."""
        self._closing = True
        self._wake.set()
        if self._writer is not None:
            await asyncio.wait([self._writer])
        self._queue.fail_all(StoreUnavailable("the store is closed"))
        if self._pool is not None:
            self._pool.terminate()
        if self._connection is not None:
            await self._connection.close()

    def abandon(self) -> None:
        """Connections first: asyncpg would answer a cancelled query by waiting for the server."""
        self._abandoned = True
        if self._connection is not None:
            self._connection.terminate()
        if self._pool is not None:
            self._pool.terminate()
        for read in self._reads:
            read.reschedule(self._loop.time())
        if self._writer is not None:
            self._writer.cancel()  # it may be connecting, or pausing
        self._queue.fail_all(StoreUnavailable("the store is being closed"))

    # -- reading

    async def read(self, name: str, parameters: dict[str, Any], flags: frozenset[str] = NO_FLAGS) -> Sequence[Row]:
        if self._pool is None or self._closing or self._abandoned:
            raise StoreUnavailable("the store is closed")
        statement = query(name, "postgresql", flags)
        try:
            # the inner time-out is for getting a connection and for giving it back; the query has its own
            async with self._abandonable(), self._pool.acquire(timeout=self._settings.timeout_seconds) as connection:
                found = await connection.fetch(statement.text, *(parameters[name] for name in statement.parameters))
        except _GONE as error:
            failure = StoreUnavailable(f"PostgreSQL can't be read: {_said(error)}")
            self._outage.failed("read", failure)
            raise failure from error
        self._outage.worked("read")
        return cast("Sequence[Row]", found)

    async def turn_over(self) -> None:
        """Nothing: its write-ahead files are the server's to recycle."""

    @asynccontextmanager
    async def _abandonable(self) -> AsyncIterator[None]:
        """TimeoutError within, once the store is abandoned."""
        async with asyncio.timeout(None) as limit:
            self._reads.add(limit)
            try:
                yield
            finally:
                self._reads.discard(limit)

    # -- writing

    def write(self, script: ScriptMaker, item: Any) -> asyncio.Future[Any]:
        future = self._queue.put(script, item)
        self._wake.set()
        return future

    async def _write_forever(self) -> None:
        while not self._abandoned:
            batch = self._queue.take()
            if not batch:
                if self._closing:
                    return
                self._wake.clear()
                await self._wake.wait()
                continue
            started = perf_counter()
            for entry, result in await self._outcomes(groups(batch)):
                settle(entry.done, result)
            self._queue.watch(len(batch), perf_counter() - started)

    async def _outcomes(self, grouped: list[Group]) -> list[tuple[Waiting, Any]]:
        """What became of each write. A fault of this program fails its batch, never the writer: all wait for that."""
        try:
            return await self._commit_or_single_out(grouped)
        except Exception as error:
            log.exception("store.writer_broke")
            await self._drop_connection()
            return [(entry, error) for _, entries in grouped for entry in entries]

    async def _commit_or_single_out(self, grouped: list[Group]) -> list[tuple[Waiting, Any]]:
        """One transaction for all; where a constraint refuses, one for each, so that only the culprit fails."""
        try:
            outcome = list(pair(grouped, await self._transaction(grouped)))
        except (*_GONE, StoreHeld) as error:
            failure = StoreUnavailable(f"PostgreSQL can't be written: {_said(error)}")
            self._outage.failed("write", failure, sum(len(entries) for _, entries in grouped))
            self._is_owned = not isinstance(error, StoreHeld)
            await self._drop_connection()
            return [(entry, failure) for _, entries in grouped for entry in entries]
        except Exception as error:  # noqa: BLE001 - a row that breaks the encoding, too, fails alone
            if sum(len(entries) for _, entries in grouped) == 1:
                violated = isinstance(error, asyncpg.IntegrityConstraintViolationError)
                conflict: Exception = Conflict(str(error)) if violated else error
                return [(entry, conflict) for _, entries in grouped for entry in entries]
        else:
            self._outage.worked("write")
            return outcome
        return [
            outcome
            for script, entries in grouped
            for entry in entries
            for outcome in await self._commit_or_single_out([(script, [entry])])
        ]

    async def _drop_connection(self) -> None:
        """After a failure the connection is not trusted; a pause keeps a dead server from being hammered."""
        if self._connection is not None:
            self._connection.terminate()
            self._connection = None
        await asyncio.sleep(RECONNECT_SECONDS)

    async def _transaction(self, grouped: list[Group]) -> list[list[Any]]:
        if self._connection is None or self._connection.is_closed():
            self._connection = await self._connect()
        async with self._connection.transaction():
            return [
                await self._drive(self._connection, script([entry.item for entry in entries]))
                for script, entries in grouped
            ]

    async def _drive(self, connection: "asyncpg.Connection[asyncpg.Record]", script: Script) -> list[Any]:
        try:
            step = next(script)
            while True:
                step = script.send(await _execute(connection, step))
        except StopIteration as finished:
            return finished.value  # type: ignore[no-any-return]  # the script's declared result


def _said(error: BaseException) -> str:
    return str(error) or type(error).__name__


async def _execute(connection: "asyncpg.Connection[asyncpg.Record]", step: Step) -> Sequence[Row]:
    statement = query(step.query, "postgresql", step.flags)
    parameters = [step.parameters[name] for name in statement.parameters]
    if step.counted:
        told = await connection.execute(statement.text, *parameters)  # "INSERT 0 5"
        return [(int(told.rpartition(" ")[2]),)]
    found = await connection.fetch(statement.text, *parameters)
    return cast("Sequence[Row]", found)
