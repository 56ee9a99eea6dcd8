"""What the public is told of closed days (Measures 2023, Art. 38): the daily and weekly tables, and their digests."""

import csv
from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from functools import partial
from io import StringIO
from itertools import groupby
from typing import Annotated, Any, Final, Literal

from pydantic import Field

from gateway.access.limits import ActionKind
from gateway.engine.bulletins import MOST_DAYS, PublishedDay
from gateway.formats import money_text, price_text, quantity_text, time_text
from gateway.http import reasons
from gateway.http.problems import refusal
from gateway.http.routing import Call, Reply, Route
from gateway.http.shapes import Answer, Date, DateIn, ListingCode, Money, Price, Quantity, Request, Time

FIRST_DAY: Final = "1970-01-01"
LAST_DAY: Final = "2261-12-31"
SHOWN_BY_DEFAULT: Final = timedelta(days=31)


class BulletinLine(Answer):
    """One listing in a bulletin. Without listed trades, open, high and low are absent and the close is the last one."""

    listing: ListingCode
    open: Price | None
    high: Price | None
    low: Price | None
    close: Price
    change: Annotated[str, Field(description="Close against the close before, in yuan per tonne.")]
    listed_volume: Quantity
    listed_turnover: Money
    cumulative_volume: Quantity
    cumulative_turnover: Money


class Bulletin(Answer):
    """The table of one day, or of one week."""

    date: Annotated[Date, Field(description="The day; of a week, its last trading day.")]
    from_: Annotated[Date, Field(alias="from", description="Its first trading day; of a day, the day.")]
    published_at: Time
    listings: list[BulletinLine]


class Bulletins(Answer):
    """Bulletins, oldest first."""

    items: list[Bulletin]
    next: None


class DayDigest(Answer):
    """The journal's digest when a day was closed."""

    trading_day: Date
    entry: Annotated[int, Field(description="Number of the journal's entry that closed it.")]
    closed_at: Time
    digest: Annotated[str, Field(description="SHA-256 over that entry and all before it, in hex.")]


class DayDigests(Answer):
    """Digests, oldest first."""

    items: list[DayDigest]
    next: Annotated[Date | None, Field(description="The day to go on after.")]


class BulletinsQuery(Request):
    """Which bulletins."""

    from_: Annotated[
        DateIn | None, Field(alias="from", description="The first day; a month back if absent.")
    ] = None
    to: DateIn | None = None
    period: Literal["day", "week"] = "day"
    format: Literal["json", "csv"] = "json"


class BulletinQuery(Request):
    """In which form."""

    format: Literal["json", "csv"] = "json"


class DigestsQuery(Request):
    """Where to go on."""

    after: DateIn | None = None
    limit: Annotated[int, Field(ge=1, le=500)] = 100


async def get_bulletin(call: Call) -> Reply:
    """The table of one closed day."""
    query: BulletinQuery = call.query or BulletinQuery()
    day = call.path["date"]
    found = await call.services.history.bulletins.days(day, day)
    if not found:
        raise refusal(reasons.NOT_FOUND, actual=day)
    return Reply(_bulletin(found)) if query.format == "json" else _as_csv([_bulletin(found)])


async def list_bulletins(call: Call) -> Reply:
    """The tables of closed days, or of weeks of them."""
    query: BulletinsQuery = call.query or BulletinsQuery()
    last = query.to or LAST_DAY
    first = query.from_ or _a_month_before(query.to or call.services.views.market.trading_day)
    found = await call.services.history.bulletins.days(first, last)
    periods = groupby(found, key=_day if query.period == "day" else _week)
    bulletins = [_bulletin(list(days)) for _, days in periods][:MOST_DAYS]
    return Reply({"items": bulletins, "next": None}) if query.format == "json" else _as_csv(bulletins)


async def list_digests(call: Call) -> Reply:
    """The journal's digest at the end of each closed day. Whoever keeps one can tell if history before it changes."""
    query: DigestsQuery = call.query or DigestsQuery()
    found = await call.services.history.bulletins.digests(query.after or FIRST_DAY, query.limit)
    items = [
        {
            "trading_day": one.trading_day,
            "entry": one.seq,
            "closed_at": time_text(one.at_ns),
            "digest": one.digest.hex(),
        }
        for one in found
    ]
    return Reply({"items": items, "next": items[-1]["trading_day"] if len(items) == query.limit else None})


def _a_month_before(day: str | None) -> str:
    if day is None:
        return FIRST_DAY
    return (date.fromisoformat(day) - SHOWN_BY_DEFAULT).isoformat()


def _day(published: PublishedDay) -> str:
    return published.trading_day


def _week(published: PublishedDay) -> tuple[int, int]:
    """The ISO week: Monday to Sunday."""
    calendar = date.fromisoformat(published.trading_day).isocalendar()
    return calendar.year, calendar.week


def _bulletin(days: Sequence[PublishedDay]) -> dict[str, Any]:
    by_listing = sorted(days, key=lambda day: day.listing)
    lines = [_line(list(of)) for _, of in groupby(by_listing, key=lambda day: day.listing)]
    return {
        "date": days[-1].trading_day,
        "from": days[0].trading_day,
        "published_at": time_text(days[-1].at_ns),
        "listings": lines,
    }


def _line(days: Sequence[PublishedDay]) -> dict[str, Any]:
    """One listing over consecutive days, which may be one."""
    traded = [day for day in days if day.open_fen is not None]
    last = days[-1]
    return {
        "listing": last.listing,
        "open": _price(day.open_fen for day in traded[:1]),
        "high": _price(sorted(day.high_fen or 0 for day in traded)[-1:]),
        "low": _price(sorted(day.low_fen or 0 for day in traded)[:1]),
        "close": price_text(last.close_fen),
        "change": price_text(last.close_fen - days[0].reference_fen),
        "listed_volume": quantity_text(sum(day.volume_tonnes for day in days)),
        "listed_turnover": money_text(sum(day.turnover_fen for day in days)),
        "cumulative_volume": quantity_text(last.cumulative_tonnes),
        "cumulative_turnover": money_text(last.cumulative_fen),
    }


def _price(figures: Iterable[int | None]) -> str | None:
    return next((price_text(fen) for fen in figures if fen is not None), None)


def _as_csv(bulletins: Sequence[dict[str, Any]]) -> Reply:
    text = StringIO(newline="")
    writer = csv.writer(text)
    columns = list(BulletinLine.model_fields)
    writer.writerow(["date", "from", *columns])
    for bulletin in bulletins:
        for line in bulletin["listings"]:
            writer.writerow([bulletin["date"], bulletin["from"], *(line[name] for name in columns)])
    return Reply(text.getvalue().encode(), content_type="text/csv; charset=utf-8")


_public = partial(Route, method="GET", scope="public", kind=ActionKind.PUBLIC, tag="market")

ROUTES: Final = (
    _public(
        "/v1/bulletins", list_bulletins, "The tables of closed days or weeks", Bulletins, query=BulletinsQuery
    ),
    _public(
        "/v1/bulletins/{date}",
        get_bulletin,
        "The table of one closed day",
        Bulletin,
        query=BulletinQuery,
        path_parameters={"date": r"^\d{4}-\d\d-\d\d$"},
    ),
    _public(
        "/v1/digests",
        list_digests,
        "The journal's digest at the end of each closed day",
        DayDigests,
        query=DigestsQuery,
    ),
)
