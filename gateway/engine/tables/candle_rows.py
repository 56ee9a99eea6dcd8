"""Candles of the listed trades of a batch, as the statement that inserts the trades merges them into those there are.

Up to an hour a candle goes by the clock in Shanghai; a day's is the trading day's, whatever the clock said, and a week
is that of its trading days, from Monday. So a market whose day is a label has one candle for each of its days.
"""

from datetime import date, timedelta
from functools import lru_cache
from typing import Any, Final

from matching.calendar import midnight_ns
from matching.events import Traded
from settlement.values import TradingDay

MINUTE_NS: Final = 60_000_000_000
BY_CLOCK_NS: Final = {"1m": MINUTE_NS, "5m": 5 * MINUTE_NS, "1h": 60 * MINUTE_NS}
BY_DAY: Final = {"1d": timedelta(days=1), "1w": timedelta(days=7)}
SPANS: Final = (*BY_CLOCK_NS, *BY_DAY)

# Of a statement's own rows each candle appears once, so that it is merged with what is there and nothing else.
MERGE_CANDLES: Final = """
INSERT INTO candle AS kept SELECT * FROM unnest($6::candle[])
ON CONFLICT (listing, span, start_ns) DO UPDATE SET
    last_trade_id = excluded.last_trade_id,
    open_fen = coalesce(kept.open_fen, excluded.open_fen),
    high_fen = greatest(kept.high_fen, excluded.high_fen),
    low_fen = least(kept.low_fen, excluded.low_fen),
    close_fen = excluded.close_fen,
    volume_tonnes = kept.volume_tonnes + excluded.volume_tonnes,
    turnover_fen = kept.turnover_fen + excluded.turnover_fen,
    trades = kept.trades + excluded.trades"""


def candle_start_ns(span: str, at_ns: int, trading_day: str) -> int:
    """When the candle began that a trade of that moment and trading day belongs to."""
    if span in BY_CLOCK_NS:
        return at_ns - at_ns % BY_CLOCK_NS[span]
    return _day_start_ns(span, trading_day)


@lru_cache(maxsize=16)
def _day_start_ns(span: str, trading_day: str) -> int:
    day = date.fromisoformat(trading_day)
    first = day if span == "1d" else day - timedelta(days=day.weekday())
    return midnight_ns(TradingDay(first.isoformat()))


class BatchCandles:
    """The candles of some trades, gathered one trade after the other."""

    __slots__ = ("_rows",)

    def __init__(self) -> None:
        """Of no trade yet."""
        self._rows: dict[tuple[str, str, int], tuple[Any, ...]] = {}

    def add(self, event: Traded, at_ns: int) -> None:
        """One more trade, later than those before."""
        price_fen, tonnes = event.price_fen, event.quantity_tonnes
        for span in SPANS:
            key = (event.listing, span, candle_start_ns(span, at_ns, event.trading_day))
            found = self._rows.get(key)
            if found is None:
                prices = (price_fen, price_fen, price_fen, price_fen)
                self._rows[key] = (event.trade_id, event.trade_id, *prices, tonnes, price_fen * tonnes, 1)
                continue
            first, _, open_fen, high_fen, low_fen, _, volume, turnover_fen, trades = found
            self._rows[key] = (
                *(
                    first,
                    event.trade_id,
                    open_fen,
                    max(high_fen, price_fen),
                    min(low_fen, price_fen),
                    price_fen,
                ),
                *(volume + tonnes, turnover_fen + price_fen * tonnes, trades + 1),
            )

    def rows(self) -> list[tuple[Any, ...]]:
        """In the order of the table's columns."""
        return [(*key, *row) for key, row in self._rows.items()]
