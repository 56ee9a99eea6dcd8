"""The months of the journal: each has a partition, made ahead of its first entry and never dropped.

They are made by the database's owner over a connection of its own, because the connection that writes the journal may
insert and nothing else. A month that could not be made in time costs nothing but order: its entries go to the
partition for the rest, and stay there.
"""

from typing import Final

import asyncpg

AHEAD: Final = 2
"""Months made beyond that of the last entry: there are always at least a whole one's days to make the next."""

LOOK_AGAIN_NS: Final = 24 * 3_600 * 1_000_000_000
"""Made ahead once a day, by the journal's own time."""

TRY_AGAIN_NS: Final = 3_600 * 1_000_000_000
"""After somebody held a lock for too long."""

LOCK_TIMEOUT_MS: Final = 500
"""A partition is attached under a short lock of the partition for the rest, for which a long reader (a dump, a
verification) can let us wait. Appending waits with us."""

CONNECT_TIMEOUT_S: Final = 30


class JournalMonths:
    """Makes the journal's months as its time goes on."""

    def __init__(self, dsn: str) -> None:
        """Of a migrated database, as its owner; the first entry makes the first months."""
        self._dsn = dsn
        self._due_ns: int | None = None

    async def be_ready_for(self, at_ns: int) -> None:
        """Before an entry of that time is appended: make its month and those after it, once a day."""
        if self._due_ns is not None and at_ns < self._due_ns:
            return
        is_made = await self._make(at_ns)
        self._due_ns = at_ns + (LOOK_AGAIN_NS if is_made else TRY_AGAIN_NS)

    async def _make(self, at_ns: int) -> bool:
        """Whether they are there now; not when a lock could not be had in time."""
        connection = await asyncpg.connect(self._dsn, timeout=CONNECT_TIMEOUT_S)
        try:
            await connection.execute(f"SET lock_timeout = {LOCK_TIMEOUT_MS}")
            await connection.execute("SELECT make_journal_months($1, $2)", at_ns, AHEAD)
        except asyncpg.LockNotAvailableError:
            return False
        finally:
            await connection.close()
        return True
