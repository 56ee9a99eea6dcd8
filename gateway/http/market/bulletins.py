"""What the public is told of closed days (Measures 2023, Art. 38): the daily and weekly tables, and their digests."""

import csv
from collections.abc import Sequence
from datetime import date, timedelta
from functools import partial
from io import StringIO
from typing import Annotated, Any, Final, Literal, TypeAlias

from pydantic import Field

from gateway.access.limits import ActionKind
from gateway.documents.bulletin import bulletin_document
from gateway.engine.paging import BadCursorError, cursor_after, id_before
from gateway.formats import time_text
from gateway.http.market.bulletin_body import Period, bulletins_of
from gateway.http.printing import CSV, PDF, printed
from gateway.http.refusals import reasons
from gateway.http.refusals.problems import refusal
from gateway.http.routing import Call, Reply, Route
from gateway.http.shapes import Answer, Date, DateIn, ListingCode, Money, Price, Quantity, Request, Time
from settlement.channels import Channel

FIRST_DAY: Final = "1970-01-01"
LAST_DAY: Final = "2261-12-31"
TableName: TypeAlias = Literal["listings", "retired"]

DAYS_OF_WEEK: Final = 7
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
    negotiated_volume: Annotated[Quantity, Field(description="Negotiated transfers; they set no price.")]
    negotiated_turnover: Money
    cumulative_volume: Annotated[Quantity, Field(description="Of all days so far, both ways of trading.")]
    cumulative_turnover: Money


class RetiredLine(Answer):
    """What was used up for a purpose. A figure has three participants behind it at least; what has fewer waits."""

    purpose: Channel
    quantity: Annotated[
        Quantity | None,
        Field(description="Tonnes told in this bulletin; absent where all of it is held over."),
    ]
    since: Annotated[
        Date | None, Field(description="The first day it is of: earlier where something waited.")
    ]
    held_over: Annotated[bool, Field(description="Whether something waits for a later bulletin.")]
    cumulative: Annotated[Quantity, Field(description="Told in all bulletins so far.")]


class Bulletin(Answer):
    """The table of one day, or of one week."""

    date: Annotated[Date, Field(description="The day; of a week, its last trading day.")]
    from_: Annotated[Date, Field(alias="from", description="Its first trading day; of a day, the day.")]
    published_at: Time
    listings: list[BulletinLine]
    retired: list[RetiredLine]


class Bulletins(Answer):
    """Bulletins, oldest first."""

    items: list[Bulletin]
    next: str | None


class DayDigest(Answer):
    """The journal's digest when a day was closed."""

    trading_day: Date
    entry: Annotated[int, Field(description="Number of the journal's entry that closed it.")]
    closed_at: Time
    digest: Annotated[str, Field(description="SHA-256 over that entry and all before it, in hex.")]
    statements_entry: Annotated[int, Field(description="Up to which entry the day's statements tell.")]
    statements_digest: Annotated[str, Field(description="The same up to there.")]


class DayDigests(Answer):
    """Digests, oldest first."""

    items: list[DayDigest]
    next: Annotated[Date | None, Field(description="The day to go on after.")]


class Form(Request):
    """In which form."""

    format: Annotated[
        Literal["json", "csv", "pdf"],
        Field(description="As a PDF, the newest of the page; as CSV, `next` is in the header X-Next."),
    ] = "json"
    table: Annotated[TableName, Field(description="Which one, as a table for a spreadsheet.")] = "listings"


class BulletinsQuery(Form):
    """Which bulletins."""

    from_: Annotated[
        DateIn | None, Field(alias="from", description="The first day; a month back if absent.")
    ] = None
    to: DateIn | None = None
    period: Period = "day"
    after: Annotated[str, Field(max_length=64, description="`next` of the page before.")] | None = None
    limit: Annotated[int, Field(ge=1, le=500)] = 400


class DigestsQuery(Request):
    """Where to go on."""

    after: DateIn | None = None
    limit: Annotated[int, Field(ge=1, le=500)] = 100


async def get_bulletin(call: Call) -> Reply:
    """The table of one closed day."""
    query: Form = call.query or Form()
    day = call.path["date"]
    found = await call.services.history.bulletins.days(day, day)
    if not found.days:
        raise refusal(reasons.NOT_FOUND, actual=day)
    return await _answer(call, query, list(bulletins_of(found, "day")), is_list=False)


async def list_bulletins(call: Call) -> Reply:
    """The tables of closed days, or of weeks of them."""
    query: BulletinsQuery = call.query or BulletinsQuery()
    last = query.to or LAST_DAY
    first = query.from_ or _a_month_before(query.to or call.services.views.market.trading_day)
    if query.after is not None:
        first = max(first, _day_after(query.after))
    bulletins = call.services.history.bulletins
    # One more than the page, so that it is known whether any follows; and of its last week every day.
    days = (query.limit + 1) * (1 if query.period == "day" else DAYS_OF_WEEK)
    found = await bulletins.days(first, await bulletins.last_of(first, last, days))
    told = list(bulletins_of(found, query.period))
    shown = told[: query.limit]
    following = cursor_after(int(shown[-1]["date"].replace("-", ""))) if len(told) > len(shown) else None
    return await _answer(call, query, shown, is_list=True, following=following)


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
            "statements_entry": one.cut_seq,
            "statements_digest": one.cut_digest.hex(),
        }
        for one in found
    ]
    return Reply({"items": items, "next": items[-1]["trading_day"] if len(items) == query.limit else None})


def _day_after(cursor: str) -> str:
    """The day after the one a page ended with. Raises BadCursorError."""
    try:
        return (date.fromisoformat(str(id_before(cursor))) + timedelta(days=1)).isoformat()
    except (ValueError, OverflowError):
        raise BadCursorError("this cursor was not given out here") from None


def _a_month_before(day: str | None) -> str:
    if day is None:
        return FIRST_DAY
    return (date.fromisoformat(day) - SHOWN_BY_DEFAULT).isoformat()


async def _answer(
    call: Call, query: Form, bulletins: list[dict[str, Any]], *, is_list: bool, following: str | None = None
) -> Reply:
    if query.format == "csv":
        return _as_csv(bulletins, query.table, following)
    if query.format == "pdf":
        if not bulletins:
            raise refusal(reasons.NOT_FOUND)
        newest = bulletins[-1]
        return await printed(call, bulletin_document(newest), f"{newest['from']}-{newest['date']}")
    return Reply({"items": bulletins, "next": following} if is_list else bulletins[0])


def _as_csv(bulletins: Sequence[dict[str, Any]], table: TableName, following: str | None) -> Reply:
    text = StringIO(newline="")
    writer = csv.writer(text)
    columns = list((BulletinLine if table == "listings" else RetiredLine).model_fields)
    writer.writerow(["date", "from", *columns])
    for bulletin in bulletins:
        for line in bulletin[table]:
            writer.writerow([bulletin["date"], bulletin["from"], *(line[name] for name in columns)])
    headers = None if following is None else {"X-Next": following}
    return Reply(text.getvalue().encode(), headers=headers, content_type=CSV)


_public = partial(Route, method="GET", scope="public", kind=ActionKind.PUBLIC, tag="market")

ROUTES: Final = (
    _public(
        "/v1/bulletins",
        list_bulletins,
        "The tables of closed days or weeks",
        Bulletins,
        query=BulletinsQuery,
        also=(CSV, PDF),
    ),
    _public(
        "/v1/bulletins/{date}",
        get_bulletin,
        "The table of one closed day",
        Bulletin,
        query=Form,
        also=(CSV, PDF),
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
