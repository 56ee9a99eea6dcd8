"""Candles as they are read, put right when a trade is undone, and held against the trades they came from."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, TypeGuard

import asyncpg

from gateway.engine.entry import Entry
from gateway.engine.paging import Page, bounded, id_before, page_of_rows
from gateway.engine.tables.derived_rows import JournalBrokenError, Reader
from gateway.engine.tables.rows import Batch
from matching.events import TradeBusted
from settlement.values import TradeMethod

_PRICES: Final = "open_fen, high_fen, low_fen, close_fen, volume_tonnes, turnover_fen, trades"
_ALL: Final = f"listing, span, start_ns, first_trade_id, last_trade_id, {_PRICES}"

_PAGE: Final = f"""
SELECT start_ns, {_PRICES} FROM candle
WHERE listing = $1 AND span = $2 AND start_ns < $3 AND trades > 0 ORDER BY start_ns DESC LIMIT $4"""  # noqa: S608 - of constants only

# Ids of trades rise with time, so a candle's trades are those of its listing from its first id to its last.
_WITHOUT_UNDONE: Final = """
UPDATE candle SET
    (open_fen, high_fen, low_fen, close_fen, volume_tonnes, turnover_fen, trades) = (
        SELECT (array_agg(price_fen ORDER BY trade_id))[1], max(price_fen), min(price_fen),
               (array_agg(price_fen ORDER BY trade_id DESC))[1], coalesce(sum(quantity_tonnes), 0),
               coalesce(sum(price_fen * quantity_tonnes), 0), count(*)
        FROM trade
        WHERE trade.listing = candle.listing AND trade_id BETWEEN first_trade_id AND last_trade_id
            AND method = 'listed'
            AND NOT EXISTS (SELECT FROM delivery_outcome AS ended
                            WHERE ended.trade_id = trade.trade_id AND ended.outcome = 'busted'))
WHERE (listing, span, start_ns) IN (
    SELECT undone.listing, spans.span, candle_start(spans.span, undone.at_ns, undone.trading_day)
    FROM trade AS undone, (VALUES ('1m'), ('5m'), ('1h'), ('1d'), ('1w')) AS spans (span)
    WHERE undone.trade_id = ANY ($1::bigint[]))"""

_DIFFERENCES: Final = f"""
(SELECT 'kept', {_ALL} FROM candle EXCEPT SELECT 'kept', {_ALL} FROM traded_candle)
UNION ALL
(SELECT 'traded', {_ALL} FROM traded_candle EXCEPT SELECT 'traded', {_ALL} FROM candle)
ORDER BY start_ns, listing, span LIMIT 1"""  # noqa: S608 - of constants only


@dataclass(frozen=True, kw_only=True, slots=True)
class CandleView:
    """Listed trades of one span of time, without those undone."""

    start_ns: int
    open_fen: int
    high_fen: int
    low_fen: int
    close_fen: int
    volume_tonnes: int
    turnover_fen: int
    trades: int


class Candles:
    """Reads candles, over connections that are never the journal's."""

    def __init__(self, pool: "asyncpg.Pool[asyncpg.Record]") -> None:
        """Reading through this pool."""
        self._pool = pool

    async def of_listing(
        self, listing: str, span: str, *, after: str | None = None, limit: int = 100
    ) -> Page[CandleView]:
        """A listing's candles in which something was traded, newest first."""
        rows = await self._pool.fetch(_PAGE, listing, span, id_before(after), bounded(limit) + 1)
        return page_of_rows(rows, limit, lambda row: CandleView(**row), "start_ns")


class CandlesWithoutUndone:
    """The journal's projection for trades that are undone; it comes after `SettlementRows`, which says which those are."""

    taken: Final = frozenset({TradeBusted})

    def concerns(self, entry: Entry) -> bool:
        """Whether a listed trade was undone."""
        return any(_is_listed_bust(event) for event in entry.events)

    async def write(self, connection: "asyncpg.Connection[asyncpg.Record]", entries: Sequence[Entry]) -> None:
        """Make the candles anew that these trades were part of."""
        undone = [event.trade_id for entry in entries for event in entry.events if _is_listed_bust(event)]
        await connection.execute(_WITHOUT_UNDONE, undone)


def _is_listed_bust(event: object) -> TypeGuard[TradeBusted]:
    return isinstance(event, TradeBusted) and event.method is TradeMethod.LISTED


class CheckedCandles:
    """The table, held against the trades, which other checks hold against the entries."""

    def __init__(self, connection: Reader) -> None:
        """Reading through this connection, in the transaction it is in."""
        self._connection = connection

    async def follow(self, entries: Sequence[Entry], batch: Batch, upto: int) -> None:
        """Nothing yet: any later entry may still alter a candle."""

    async def finish(self, upto: int) -> None:
        """There were no more entries. Raises JournalBrokenError."""
        row = await self._connection.fetchrow(_DIFFERENCES)
        if row is not None:
            what = "is not what was traded" if row[0] == "kept" else "is missing or was altered"
            key = ", ".join(str(part) for part in row[1:4])
            raise JournalBrokenError(upto, f"row ({key}) of candle {what}")
