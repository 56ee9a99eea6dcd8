"""Candles of a listing: open, high, low and close of its listed trades by span of time."""

from typing import Annotated, Any, Final, Literal

from pydantic import Field

from gateway.access.limits import ActionKind
from gateway.engine.tables.candle_rows import BY_CLOCK_NS, BY_DAY
from gateway.engine.tables.candles import CandleView
from gateway.engine.views.views import Views
from gateway.formats import NS, money_text, price_text, quantity_text, time_text, time_us
from gateway.http.market.data import listing_of
from gateway.http.routing import Call, Reply, Route
from gateway.http.shapes import LISTING_PATTERN, Answer, ListingCode, Money, Page, Price, Quantity, Time
from matching.calendar import day_of

IntervalName = Literal["1m", "5m", "1h", "1d", "1w"]


class Candle(Answer):
    """What was traded from `start` on, up to but not including `end`."""

    start: Time
    start_us: int
    end: Time
    open: Price
    high: Price
    low: Price
    close: Price
    volume: Quantity
    turnover: Money
    trades: Annotated[int, Field(ge=1)]
    complete: Annotated[
        bool, Field(description="Whether its time is over. An undone trade is still taken out of it.")
    ]


class CandlesAnswer(Answer):
    """Candles, newest first. A span in which nothing was traded has none."""

    listing: ListingCode
    interval: IntervalName
    items: list[Candle]
    next: str | None


class CandlesQuery(Page):
    """Which candles."""

    interval: Annotated[
        IntervalName,
        Field(
            description="Up to an hour by the clock in Shanghai; a day is a trading day, a week its Monday to Sunday."
        ),
    ] = "1d"


async def list_candles(call: Call) -> Reply:
    """Listed trades by span of time, newest first; negotiated ones and those undone count in none."""
    query: CandlesQuery = call.query or CandlesQuery()
    listing = listing_of(call).code
    page = await call.services.history.candles.of_listing(
        listing, query.interval, after=query.after, limit=query.limit
    )
    now_ns, views = call.services.clock.now_ns(), call.services.views
    items = [_body(candle, query.interval, views, now_ns) for candle in page.items]
    return Reply({"listing": listing, "interval": query.interval, "items": items, "next": page.next})


def _body(candle: CandleView, interval: str, views: Views, now_ns: int) -> dict[str, Any]:
    end_ns = candle.start_ns + _length_ns(interval)
    return {
        "start": time_text(candle.start_ns),
        "start_us": time_us(candle.start_ns),
        "end": time_text(end_ns),
        "open": price_text(candle.open_fen),
        "high": price_text(candle.high_fen),
        "low": price_text(candle.low_fen),
        "close": price_text(candle.close_fen),
        "volume": quantity_text(candle.volume_tonnes),
        "turnover": money_text(candle.turnover_fen),
        "trades": candle.trades,
        "complete": _is_complete(interval, end_ns, views, now_ns),
    }


def _length_ns(interval: str) -> int:
    return BY_CLOCK_NS.get(interval) or int(BY_DAY[interval].total_seconds()) * NS


def _is_complete(interval: str, end_ns: int, views: Views, now_ns: int) -> bool:
    if interval in BY_CLOCK_NS:
        return end_ns <= now_ns
    # A day is over when the market has gone on to the next one, be that before midnight or after.
    trading_day = views.market.trading_day
    return trading_day is not None and day_of(end_ns) <= trading_day


ROUTES: Final = (
    Route(
        method="GET",
        path="/v1/listings/{code}/candles",
        handler=list_candles,
        scope="public",
        kind=ActionKind.PUBLIC,
        summary="A listing's candles, newest first",
        tag="market data",
        answer=CandlesAnswer,
        query=CandlesQuery,
        path_parameters={"code": LISTING_PATTERN},
    ),
)
