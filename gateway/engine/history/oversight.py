"""What the supervisor reads of history across all accounts: orders refused too, trades, statements, the journal itself.

Each read is bounded by an index: an account's, the refused orders', a day's part of the journal, or a day's trades.
"""

from dataclasses import dataclass
from typing import Any, Final

import asyncpg

from gateway.engine.history.history import ORDER, TRADE, TradeView, order_of, trade_of
from gateway.engine.paging import Page, bounded, cursor_after, id_before, page_of_rows
from gateway.engine.views.orders import OrderView


@dataclass(frozen=True, kw_only=True, slots=True)
class OrdersWanted:
    """Which orders; all of them where nothing is said."""

    account: str | None = None
    listing: str | None = None
    status: str | None = None
    trading_day: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class JournalRow:
    """One entry as it is written: command and events are JSON texts, which the digest is over."""

    seq: int
    at_ns: int
    command: str
    events: str
    digest: bytes


@dataclass(frozen=True, kw_only=True, slots=True)
class IssuedStatement:
    """That a statement was given out, and its digest."""

    trading_day: str
    account: str
    digest: str


class Oversight:
    """Reads across accounts, over connections that are never the journal's."""

    __slots__ = ("_pool",)

    def __init__(self, pool: "asyncpg.Pool[asyncpg.Record]") -> None:
        """Reading through this pool."""
        self._pool = pool

    async def span_of(self, trading_day: str) -> tuple[int, int]:
        """After which entry and up to which a trading day's entries lie; the day at hand has no last one yet."""
        row = await self._pool.fetchrow(_SPAN, trading_day)
        assert row is not None, "a select without a table has a row"
        return row["after_seq"], row["until_seq"]

    async def orders(self, wanted: OrdersWanted, *, after: str | None, limit: int) -> Page[OrderView]:
        """Orders that ended, and attempts that were refused, newest first."""
        conditions, given = ["order_id < $1"], [id_before(after)]
        values: list[Any] = list(given)
        for column in ("account", "listing", "status"):
            value = getattr(wanted, column)
            if value is not None:
                values.append(value)
                conditions.append(f"{column} = ${len(values)}")
        if wanted.status == "rejected":
            conditions.append("status = 'rejected'")  # said so, the index of these is used
        if wanted.trading_day is not None:
            values.extend(await self.span_of(wanted.trading_day))
            conditions.append(f"order_id > ${len(values) - 1} AND order_id <= ${len(values)}")
        rows = await self._pool.fetch(
            f"{ORDER} WHERE {' AND '.join(conditions)} ORDER BY order_id DESC LIMIT {bounded(limit) + 1}",
            *values,
        )
        return page_of_rows(rows, limit, order_of, "order_id")

    async def trades_of_day(
        self, trading_day: str, account: str | None, *, after: str | None, limit: int
    ) -> Page[TradeView]:
        """Trades of one trading day, newest first."""
        rows = await self._pool.fetch(
            _TRADES_OF_DAY, trading_day, id_before(after), account, bounded(limit) + 1
        )
        return page_of_rows(rows, limit, trade_of, "trade_id")

    async def statements_of_account(
        self, account: str, *, after: str | None, limit: int
    ) -> Page[IssuedStatement]:
        """Statements that an account was given, the newest day first."""
        before = id_before(after)
        day = str(before) if before < _NO_DAY else str(_NO_DAY)
        rows = await self._pool.fetch(_OF_ACCOUNT, account, day, bounded(limit) + 1)
        items = tuple(IssuedStatement(**row) for row in rows[:limit])
        last = int(items[-1].trading_day.replace("-", "")) if items else 0
        return Page(items=items, next=cursor_after(last) if len(rows) > limit else None)

    async def statements_of_day(
        self, trading_day: str | None, *, after: str | None, limit: int
    ) -> Page[IssuedStatement]:
        """Statements of a day, by account; of the newest day that has any where none is named."""
        shown = (
            0 if after is None else id_before(after)
        )  # an account has one at most, so there are few to skip
        rows = await self._pool.fetch(_OF_DAY, trading_day, shown, bounded(limit) + 1)
        items = tuple(IssuedStatement(**row) for row in rows[:limit])
        return Page(items=items, next=cursor_after(shown + limit) if len(rows) > limit else None)

    async def journal(self, after_seq: int, limit: int) -> tuple[JournalRow, ...]:
        """Entries after that one, oldest first."""
        rows = await self._pool.fetch(_JOURNAL, after_seq, after_seq + bounded(limit))
        return tuple(JournalRow(**row) for row in rows)


_SPAN: Final = """
SELECT coalesce((SELECT max(seq) FROM closed_day WHERE trading_day < $1), 0) AS after_seq,
       coalesce((SELECT seq FROM closed_day WHERE trading_day = $1), 9223372036854775807) AS until_seq"""
_TRADES_OF_DAY: Final = f"""
WITH of_day AS MATERIALIZED (SELECT trade_id FROM trade WHERE trading_day = $1)
{TRADE} WHERE trade_id IN (SELECT trade_id FROM of_day) AND trade_id < $2
AND ($3::text IS NULL OR buyer = $3 OR seller = $3) ORDER BY trade_id DESC LIMIT $4"""  # noqa: S608 - made of a constant
_NO_DAY: Final = 99_999_999
"""Beyond every day as a number."""
_OF_ACCOUNT: Final = """
SELECT trading_day, account, digest FROM day_cut JOIN statement_issued USING (trading_day)
WHERE account = $1 AND replace(trading_day, '-', '') < $2 ORDER BY trading_day DESC LIMIT $3"""
_OF_DAY: Final = """
SELECT trading_day, account, digest FROM statement_issued
WHERE trading_day = coalesce($1::text, (SELECT max(trading_day) FROM statement_issued))
ORDER BY account OFFSET $2 LIMIT $3"""
_JOURNAL: Final = """
SELECT seq, at_ns, command, events, digest FROM journal WHERE seq > $1 AND seq <= $2 ORDER BY seq"""
