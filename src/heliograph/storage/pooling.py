"""Whether a PostgreSQL connection keeps one session, which a server needs: its advisory lock says whose store it is.

A pooler in transaction mode (PgBouncer, pgcat, RDS Proxy) lends a session for one transaction only. Then the lock stays
with a session that anybody may be lent, a second server takes it as well, and prepared statements vanish.

PostgreSQL names the session's process when a connection opens (BackendKeyData), and a pooler makes that number up. So
a direct connection is recognised by one query. Behind a pooler, one connection remembers its session, others occupy
free sessions by open transactions, and the first one is asked again: in session mode it still has the same one.
"""

from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Final

import asyncpg

from heliograph.core.errors import StoreUnusable

Connect = Callable[[], Awaitable["asyncpg.Connection[asyncpg.Record]"]]
"""Opens one more connection, with statement_cache_size=0: no statement of it outlives a transaction."""

OCCUPIED: Final = 3
"""Sessions that the probe occupies. A pooler lends the session that was free last, or goes round."""

_SHARED: Final = (
    "a pooler in transaction or statement mode is in front of PostgreSQL, and the server needs sessions of its own:"
    " connect to PostgreSQL itself, or set pool_mode = session for this database (PgBouncer)"
)
_STATEMENTS = (
    asyncpg.DuplicatePreparedStatementError,
    asyncpg.InvalidSQLStatementNameError,
    asyncpg.ProtocolViolationError,
    asyncpg.FeatureNotSupportedError,
)


async def refuse_shared_sessions(connection: "asyncpg.Connection[asyncpg.Record]", connect: Connect) -> None:
    """Raise StoreUnusable where another transaction may get another session."""
    try:
        if await _session_now(connection) == connection.get_server_pid():
            return
    except _STATEMENTS as error:
        raise StoreUnusable(_SHARED) from error
    async with AsyncExitStack() as opened:

        async def one_more() -> "asyncpg.Connection[asyncpg.Record]":
            made = await connect()
            opened.callback(made.terminate)
            return made

        try:
            is_kept = await _keeps_its_session(one_more)
        except _STATEMENTS as error:
            raise StoreUnusable(_SHARED) from error
        except asyncpg.PostgresConnectionError as error:
            if "pooling mode" not in str(error):  # PgBouncer refuses transactions in statement mode
                raise
            raise StoreUnusable(_SHARED) from error
    if not is_kept:
        raise StoreUnusable(_SHARED)


async def _keeps_its_session(connect: Connect) -> bool:
    asked = await connect()
    before = await _session(asked)
    for _ in range(OCCUPIED):
        try:
            occupying = await connect()
            await occupying.execute("BEGIN")
            await _session_now(occupying)
        except TimeoutError:  # no session is free: a small pool in session mode
            return True
        try:
            if await _session(asked) != before:
                return False
        except TimeoutError:  # its session was lent to somebody else
            return False
    return True


async def _session(connection: "asyncpg.Connection[asyncpg.Record]") -> int:
    """The process of the session that this transaction is in. One transaction, since preparing and executing are two
    exchanges."""
    async with connection.transaction():
        return await _session_now(connection)


async def _session_now(connection: "asyncpg.Connection[asyncpg.Record]") -> int:
    found: int = await connection.fetchval("SELECT pg_backend_pid()")
    return found
