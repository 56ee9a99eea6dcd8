"""Up to which date signatures may have been accepted: on the disk before any is, so that a start knows what to refuse.

Which signatures were accepted is remembered in memory, and a process can end at any moment; a signature may besides be
dated ahead of our clock, and then outlives the process that accepted it by seconds. So none is accepted unless a durable
note covers its date, and the next process takes none dated up to that note. The note runs ahead by a second, so that it is
written about once a second while requests come, and not at all while none do. A stop in good order draws it back to the
latest date there was.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final, TypeAlias

import asyncpg

from registry_bridge.signing import WINDOW_MS

Pool: TypeAlias = "asyncpg.Pool[asyncpg.Record]"

AHEAD_MS: Final = 1_000
"""How far beyond a date the note is written: what a start waits at most, for clients whose clocks are right."""
_MS_PER_S: Final = 1_000


class AcceptedUntil:
    """The note, in table `accepted_until`."""

    __slots__ = ("_latest_ms", "_now_ms", "_pool", "_turn", "_until_ms", "before_ms")

    def __init__(self, pool: Pool, now_ms: Callable[[], int], before_ms: int) -> None:
        """Use `accepting`."""
        self._pool = pool
        self._now_ms = now_ms
        self._turn = asyncio.Lock()
        self._until_ms = self._latest_ms = before_ms
        self.before_ms = before_ms
        """Up to which date the processes before may have accepted signatures."""

    def covers(self, date_ms: int) -> bool:
        """Whether a signature of that date may be accepted now."""
        if date_ms > self._until_ms:
            return False
        self._latest_ms = max(self._latest_ms, date_ms)
        return True

    async def cover(self, date_ms: int) -> None:
        """Returns when the note covers that date."""
        async with self._turn:
            if date_ms > self._until_ms:
                until_ms = max(date_ms, self._now_ms()) + AHEAD_MS
                await self._note(until_ms)
                self._until_ms = until_ms

    async def let_pass(self) -> None:
        """Wait until the clock has passed what was accepted before, so that who signs from now on is not refused.

        No longer than a clock that was never set back could need; were it set back, signatures are refused until then.
        """
        ahead_ms = self.before_ms + 1 - self._now_ms()
        if ahead_ms > 0:
            await asyncio.sleep(min(ahead_ms, WINDOW_MS + AHEAD_MS) / _MS_PER_S)

    async def settle(self) -> None:
        """Nothing is accepted any more: note what was."""
        await self._note(self._latest_ms)

    async def _note(self, until_ms: int) -> None:
        await self._pool.execute("UPDATE accepted_until SET until_ms = $1", until_ms)


@asynccontextmanager
async def accepting(pool: Pool, now_ms: Callable[[], int]) -> AsyncIterator[AcceptedUntil]:
    """The note of a database, for as long as signatures are accepted by it; a fault leaves it as it stands."""
    accepted = AcceptedUntil(pool, now_ms, await pool.fetchval("SELECT until_ms FROM accepted_until"))
    yield accepted
    await accepted.settle()
