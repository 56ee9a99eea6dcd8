"""Checking a part of the journal: numbers, times, digests and readability of any range of entries.

A range that does not begin with the first entry is anchored on the digest stored with the one before it, so it proves
that the range follows from that digest and nothing about what came earlier. What came of the entries in other tables
depends on everything before, and is checked from the first entry on only: see `verification`.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

import asyncpg

from gateway.engine.tables.derived_rows import JournalBrokenError, Reader
from gateway.engine.tables.rows import GENESIS
from gateway.engine.tables.verification import ENTRIES, PAGE, Chain, Progress, say_nothing
from matching.calendar import midnight_ns
from settlement.values import TradingDay

Bound = int | date
"""An entry's number, or a day in Shanghai: from its first moment on, or to its last."""


class RangeEmptyError(Exception):
    """There is no entry in that range."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RangeVerification:
    """What was found whole."""

    first: int
    last: int
    anchor: bytes
    """The digest before the first entry: compare it with one that was kept elsewhere."""
    digest: bytes
    """Of the last entry."""

    @property
    def entries(self) -> int:
        """How many."""
        return self.last - self.first + 1


def parse_bound(text: str) -> Bound:
    """`4711` or `2026-11-23`. Raises ValueError."""
    if text.isascii() and text.isdecimal() and int(text) > 0:
        return int(text)
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{text} is neither an entry's number nor a day such as 2026-11-23") from None


async def verify_range(
    pool: "asyncpg.Pool[asyncpg.Record]",
    since: Bound | None,
    until: Bound | None,
    progress: Progress = say_nothing,
) -> RangeVerification:
    """Walk the entries from `since` to `until`, both included; from the first, or to the last, where none is given.

    Raises RangeEmptyError, and JournalBrokenError at the first entry that does not follow from the one before.
    """
    async with (
        pool.acquire() as connection,
        connection.transaction(isolation="repeatable_read", readonly=True),
    ):
        first, last = await _first(connection, since), await _last(connection, until)
        if first is None or last is None or first > last:
            raise RangeEmptyError(f"no entry lies between {since or 'the first'} and {until or 'the last'}")
        chain = await _anchored(connection, first)
        anchor = chain.digest
        while chain.seq < last:
            upto = min(chain.seq + PAGE, last)
            for row in await connection.fetch(ENTRIES, chain.seq, upto):
                chain.next(row)
            if chain.seq != upto:
                raise JournalBrokenError(chain.seq + 1, "the row is missing")
            progress(chain.seq - first + 1, last - first + 1)
    return RangeVerification(first=first, last=last, anchor=anchor, digest=chain.digest)


async def _anchored(connection: Reader, first: int) -> Chain:
    if first == 1:
        return Chain(0, 0, GENESIS)
    before = await connection.fetchrow("SELECT at_ns, digest FROM journal WHERE seq = $1", first - 1)
    if before is None:
        raise JournalBrokenError(first - 1, "the row is missing")
    return Chain(first - 1, before["at_ns"], before["digest"])


async def _first(connection: Reader, since: Bound | None) -> int | None:
    if isinstance(since, date):
        return await _found(connection, "SELECT min(seq) FROM journal WHERE at_ns >= $1", _midnight_ns(since))
    return await _found(connection, "SELECT min(seq) FROM journal WHERE seq >= $1", since or 1)


async def _last(connection: Reader, until: Bound | None) -> int | None:
    if isinstance(until, date):
        after_ns = _midnight_ns(until + timedelta(days=1))
        return await _found(connection, "SELECT max(seq) FROM journal WHERE at_ns < $1", after_ns)
    return await _found(connection, "SELECT max(seq) FROM journal WHERE seq <= $1", until or _NO_END)


async def _found(connection: Reader, sql: str, bound: int) -> int | None:
    seq: int | None = await connection.fetchval(sql, bound)
    return seq


def _midnight_ns(day: date) -> int:
    return midnight_ns(TradingDay(day.isoformat()))


_NO_END: Final = 2**63 - 1
