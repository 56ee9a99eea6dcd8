"""Every trading position as of a journal entry, page by page, with totals and a digest over all pages.

What all pages add up to is worked out anew whenever somebody begins to read, and remembered for the pages that follow.
Positions as of an entry should never change; if a hand in the database changed them all the same, the sum shows it.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from dataclasses import dataclass

import asyncpg

from registry_bridge.reconcile import PositionDigest
from registry_bridge.reference.store import Pool
from registry_bridge.registry import PositionPage, PositionRange, PositionTotals
from registry_bridge.wire import PAGE_ITEMS

Cursor = tuple[str, str, int]
"""Account, lot and first serial of the last range told."""

START: Cursor = ("", "", -1)
_REMEMBERED = 16
_PREFETCH_ROWS = 5_000


class NotYet(Exception):  # noqa: N818 - it states a fact
    """The journal has no entry of this number yet."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Sum:
    """What all pages as of an entry add up to."""

    totals: PositionTotals
    digest: str


class Positions:
    """Answers questions about positions; remembers the newest sums."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._sums: OrderedDict[int, Sum] = OrderedDict()
        self._one_at_a_time = asyncio.Lock()

    async def page(self, as_of: int | None, after: Cursor) -> tuple[PositionPage, Cursor | None]:
        """A page, and where to go on; ``NotYet`` when ``as_of`` lies in the future."""
        newest: int = await self._pool.fetchval("select journal_sequence from head")
        as_of = newest if as_of is None else as_of
        if as_of > newest:
            raise NotYet(as_of)
        whole = await self._sum(as_of, anew=after == START)
        rows = await self._pool.fetch(_PAGE, as_of, *after, PAGE_ITEMS + 1)
        page = rows[:PAGE_ITEMS]
        last = page[-1] if len(rows) > len(page) else None
        told = PositionPage(
            as_of=as_of,
            positions=tuple(_position(row) for row in page),
            next=None,
            totals=whole.totals,
            digest=whole.digest,
        )
        return told, None if last is None else (last["account"], last["lot"], last["first"])

    async def _sum(self, as_of: int, *, anew: bool) -> Sum:
        async with self._one_at_a_time:
            if anew or as_of not in self._sums:
                self._sums[as_of] = await self._work_out(as_of)
                if len(self._sums) > _REMEMBERED:
                    self._sums.popitem(last=False)
            return self._sums[as_of]

    async def _work_out(self, as_of: int) -> Sum:
        digest = PositionDigest()
        async with self._pool.acquire() as connection, connection.transaction(readonly=True):
            async for row in connection.cursor(_ALL, as_of, prefetch=_PREFETCH_ROWS):
                digest.add(_position(row))
        return Sum(totals=digest.totals(), digest=digest.hexdigest())


def _position(row: asyncpg.Record) -> PositionRange:
    return PositionRange(account=row["account"], lot=row["lot"], first=row["first"], end=row["end"])


_ALL = """
select account, lot, lower(serials) as first, upper(serials) as end from holding
where place = 'trading' and since <= $1
union all
select account, lot, lower(serials), upper(serials) from holding_past
where place = 'trading' and since <= $1 and until > $1
order by account, lot, first
"""

# Each half is cut off by itself, so that a page costs a page's worth of index and not a sort of everything.
_PAGE = """
(select account, lot, lower(serials) as first, upper(serials) as end from holding
 where place = 'trading' and since <= $1 and (account, lot, lower(serials)) > ($2, $3, $4::bigint)
 order by account, lot, lower(serials) limit $5)
union all
(select account, lot, lower(serials), upper(serials) from holding_past
 where place = 'trading' and since <= $1 and until > $1
   and (account, lot, lower(serials)) > ($2, $3, $4::bigint)
 order by account, lot, lower(serials) limit $5)
order by account, lot, first limit $5
"""
