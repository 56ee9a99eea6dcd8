"""The reference registry's database: one writer at a time, any number of readers.

Every change locks the one row of `head` first. So writers cannot deadlock, sequence numbers are handed out in
the order of commits, and whoever has looked for a request under that lock and not found it knows that
no other is about to write it. A movement of a thousand legs takes a fraction of a second; carbon units
do not move often enough to ask for more than one writer.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import asyncpg

SCHEMA = Path(__file__).parent / "schema"
"""Numbered SQL files for the caller's migration runner."""

STATEMENT_TIMEOUT_MS = 150_000
"""The largest movement there can be (`MAX_RANGES`) takes most of a minute on two busy cores; cut short, it would be
sent again for ever."""

COMMAND_TIMEOUT_S = 180
LOCK_TIMEOUT_MS = 10_000

DATABASE_FAULTS = (
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    # What the driver says when the server ends a connection just before a statement is sent on it.
    asyncpg.InternalClientError,
    OSError,
    TimeoutError,
)

Connection: TypeAlias = "asyncpg.pool.PoolConnectionProxy[asyncpg.Record]"
Pool: TypeAlias = "asyncpg.Pool[asyncpg.Record]"


async def create_pool(database_url: str, *, size: int = 8) -> Pool:
    """Connections with limits on how long a statement may run or wait."""
    return await asyncpg.create_pool(
        database_url,
        min_size=1,
        max_size=size,
        timeout=30,
        command_timeout=COMMAND_TIMEOUT_S,
        server_settings={
            "statement_timeout": str(STATEMENT_TIMEOUT_MS),
            "lock_timeout": str(LOCK_TIMEOUT_MS),
            "idle_in_transaction_session_timeout": str(STATEMENT_TIMEOUT_MS),
            "default_transaction_isolation": "read committed",
        },
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class Writing:
    """A transaction that holds the lock of the only writer."""

    connection: Connection
    now_ns: int
    """The platform's clock, read under the lock, never earlier than anything it told as final."""


class Store:
    """The pool and the platform's clock; the other modules here ask and change through it."""

    def __init__(self, pool: Pool, clock: Callable[[], int]) -> None:
        """``clock`` gives nanoseconds since the epoch."""
        self.pool = pool
        self._clock = clock
        self._latest_ns = 0

    def now_ns(self) -> int:
        """The platform's clock, which does not go back while the process runs."""
        self._latest_ns = max(self._latest_ns, self._clock())
        return self._latest_ns

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[Writing]:
        """A transaction as the only writer; committed at the end, undone by an exception."""
        async with self.pool.acquire() as connection, connection.transaction():
            # A clock set back between two runs is caught here: what was told as past stays past.
            told_ns = await connection.fetchval("select latest_ns from head for update")
            now_ns = self._latest_ns = max(self.now_ns(), told_ns)
            await connection.execute("update head set latest_ns = $1", now_ns)
            yield Writing(connection=connection, now_ns=now_ns)
