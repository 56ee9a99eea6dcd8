"""What anybody may ask: the time, the market's state, listings, depth, trades, rules, calendar, and the catalogue."""

import time
from datetime import date, timedelta
from functools import partial
from typing import Annotated, Any, Final

from pydantic import Field

from gateway.access.limits import ActionKind
from gateway.engine.history.history import TradeView
from gateway.engine.views.calendar_end import calendar_end
from gateway.engine.views.depth import Level
from gateway.engine.views.market import ListingView
from gateway.formats import price_text, quantity_text, time_text, time_us
from gateway.http.market.answers import (
    CALENDAR_UNTIL,
    CalendarAnswer,
    Halt,
    Listing,
    Listings,
    PhaseName,
    PublicTrades,
    RulesAnswer,
    calendar_body,
    halt_body,
    listing_body,
    listing_status,
    rules_body,
    upcoming_body,
)
from gateway.http.refusals import reasons
from gateway.http.refusals.catalogue import CATALOGUE, entry_of
from gateway.http.refusals.problems import refusal
from gateway.http.routing import Call, Reply, Route
from gateway.http.shapes import (
    LISTING_PATTERN,
    Answer,
    Date,
    DateIn,
    ListingCode,
    Page,
    Request,
    Time,
    TimeIn,
)
from matching.calendar import day_of
from matching.rejections import LISTING_UNKNOWN
from settlement.values import TradeMethod

CALENDAR_DAYS_MOST: Final = 400
CALENDAR_DAYS: Final = 31


class TimeAnswer(Answer):
    """The market's time, and the machine's, by which signatures are judged."""

    time: Time
    time_us: int
    trading_day: Date | None
    phase: PhaseName
    signature_time_ms: Annotated[
        int,
        Field(description="The machine's clock: what X-Timestamp is held against, also with a manual clock."),
    ]


class ListingStatus(Answer):
    """One listing's state."""

    listing: ListingCode
    phase: PhaseName
    resume_at: Annotated[
        Time | None, Field(description="When listed trading begins next, where that is known.")
    ]
    halted: bool
    halt: Halt | None


class StatusAnswer(Answer):
    """The market's state."""

    time: Time
    trading_day: Date | None
    phase: PhaseName
    halted: Annotated[bool, Field(description="Whether the whole market is.")]
    halt: Halt | None
    kill_switch: Annotated[
        bool, Field(description="Whether the whole market takes no listed orders, and has none.")
    ]
    listings: list[ListingStatus]
    calendar_until: Annotated[Date | None, Field(description=CALENDAR_UNTIL)]
    maintenance: Annotated[str | None, Field(description="What is being done to the exchange, if anything.")]


class DepthAnswer(Answer):
    """The best levels, best first."""

    listing: ListingCode
    seq: Annotated[
        int, Field(description="Rises by one with every change of this listing; the stream's too.")
    ]
    time_us: int
    bids: list[tuple[str, str]]
    asks: list[tuple[str, str]]


class CatalogueEntry(Answer):
    """One way to be refused."""

    code: str
    status: int
    pointer: str
    unit: str
    retryable: bool
    zh: str
    en: str
    remedy_zh: str
    remedy_en: str
    source: str


class Catalogue(Answer):
    """All of them."""

    items: list[CatalogueEntry]
    next: None


class DepthQuery(Request):
    """How deep."""

    levels: Annotated[int, Field(ge=1, le=100, description="No more than the rule book shows.")] = 5


class RulesQuery(Request):
    """When."""

    at: TimeIn | None = None


class CalendarQuery(Request):
    """From when to when, both days included."""

    from_: Annotated[DateIn | None, Field(alias="from")] = None
    to: DateIn | None = None


async def get_time(call: Call) -> Reply:
    """What time it is at the exchange."""
    now_ns = call.services.clock.now_ns()
    market = call.services.views.market
    return Reply(
        {
            "time": time_text(now_ns),
            "time_us": time_us(now_ns),
            "trading_day": market.trading_day,
            "phase": market.phase.value,
            "signature_time_ms": time.time_ns() // 1_000_000,
        }
    )


async def get_status(call: Call) -> Reply:
    """Phase per listing."""
    services = call.services
    now_ns = services.clock.now_ns()
    views = services.views
    market_halt = views.halts.get(None)
    return Reply(
        {
            "time": time_text(now_ns),
            "trading_day": views.market.trading_day,
            "phase": views.market.phase.value,
            "halted": market_halt is not None,
            "halt": halt_body(market_halt),
            "kill_switch": views.safety.market_is_killed,
            "listings": [{"listing": code, **listing_status(views, code, now_ns)} for code in views.listings],
            "calendar_until": calendar_end(views, now_ns).last_day,
            "maintenance": None,
        }
    )


async def list_listings(call: Call) -> Reply:
    """Every listing."""
    return Reply(
        {"items": [_body(call, listing) for listing in call.services.views.listings.values()], "next": None}
    )


async def get_listing(call: Call) -> Reply:
    """One listing."""
    return Reply(_body(call, listing_of(call)))


def _body(call: Call, listing: ListingView) -> dict[str, Any]:
    views = call.services.views
    return listing_body(views, listing, call.services.clock.now_ns())


def listing_of(call: Call) -> ListingView:
    """The listing the path names. Raises Refused where there is none."""
    found = call.services.views.listings.get(call.path["code"])
    if found is None:
        raise refusal(LISTING_UNKNOWN, pointer="", actual=call.path["code"])
    return found


async def get_depth(call: Call) -> Reply:
    """The best levels of a listing; no more of them than the rule book shows."""
    query: DepthQuery = call.query or DepthQuery()
    services = call.services
    code = listing_of(call).code
    rules = services.views.rules(services.clock.now_ns(), code)
    shown = query.levels if rules is None else min(query.levels, rules.depth_levels)
    depth = services.views.depth(code, shown)
    return Reply(
        {
            "listing": code,
            "seq": depth.seq,
            "time_us": time_us(depth.at_ns),
            "bids": levels_body(depth.bids),
            "asks": levels_body(depth.asks),
        }
    )


def levels_body(levels: tuple[Level, ...]) -> list[tuple[str, str]]:
    """Levels as (price, quantity)."""
    return [(price_text(price_fen), quantity_text(quantity)) for price_fen, quantity in levels]


async def list_trades(call: Call) -> Reply:
    """A listing's listed trades, newest first, without identities."""
    query: Page = call.query or Page()
    page = await call.services.history.trades(
        listing=listing_of(call).code, method=TradeMethod.LISTED.value, after=query.after, limit=query.limit
    )
    return Reply({"items": [_trade_body(trade) for trade in page.items], "next": page.next})


def _trade_body(trade: TradeView) -> dict[str, Any]:
    assert trade.taker_side is not None, "only listed trades are public one by one"
    return {
        "id": str(trade.trade_id),
        "listing": trade.listing,
        "price": price_text(trade.price_fen),
        "quantity": quantity_text(trade.quantity_tonnes),
        "amount": price_text(trade.price_fen * trade.quantity_tonnes),
        "taker_side": trade.taker_side.value,
        "time": time_text(trade.at_ns),
        "trading_day": trade.trading_day,
        "busted": trade.settlement == "busted",
    }


async def get_rules(call: Call) -> Reply:
    """The rule book in force at a moment, each value with its source."""
    query: RulesQuery = call.query or RulesQuery()
    views = call.services.views
    at_ns = call.services.clock.now_ns() if query.at is None else query.at
    return Reply(
        {
            "at": time_text(at_ns),
            "version": views.rule_book.version,
            "items": rules_body(views, at_ns),
            "upcoming": upcoming_body(views, at_ns),
            "next": None,
        }
    )


async def get_calendar(call: Call) -> Reply:
    """Trading days and their sessions."""
    query: CalendarQuery = call.query or CalendarQuery()
    first = query.from_ or day_of(call.services.clock.now_ns())
    last = query.to or (date.fromisoformat(first) + timedelta(days=CALENDAR_DAYS - 1)).isoformat()
    days = (date.fromisoformat(last) - date.fromisoformat(first)).days + 1
    if not 1 <= days <= CALENDAR_DAYS_MOST:
        raise refusal(
            reasons.OUT_OF_RANGE, parameter="to", limit=f"1..{CALENDAR_DAYS_MOST} days", actual=f"{days} days"
        )
    return Reply({"items": calendar_body(call.services.views, first, last), "next": None})


async def list_errors(_: Call) -> Reply:
    """Everything that can be refused."""
    return Reply({"items": [entry_of(reason) for reason in CATALOGUE.values()], "next": None})


async def get_error(call: Call) -> Reply:
    """One way to be refused: where a problem's `type` leads."""
    reason = CATALOGUE.get(call.path["error"])
    if reason is None:
        raise refusal(reasons.NOT_FOUND, actual=call.path["error"])
    return Reply(entry_of(reason))


_public = partial(Route, method="GET", scope="public", kind=ActionKind.PUBLIC, tag="market data")
_CODE: Final = {"code": LISTING_PATTERN}

ROUTES: Final = (
    _public("/v1/time", get_time, "The exchange's time and phase", TimeAnswer),
    _public("/v1/status", get_status, "Phase per listing", StatusAnswer),
    _public("/v1/listings", list_listings, "Every listing", Listings),
    _public("/v1/listings/{code}", get_listing, "One listing", Listing, path_parameters=_CODE),
    _public(
        "/v1/listings/{code}/depth",
        get_depth,
        "The best levels of a listing",
        DepthAnswer,
        query=DepthQuery,
        path_parameters=_CODE,
    ),
    _public(
        "/v1/listings/{code}/trades",
        list_trades,
        "A listing's trades, newest first",
        PublicTrades,
        query=Page,
        path_parameters=_CODE,
    ),
    _public("/v1/rules", get_rules, "The rule book in force at a moment", RulesAnswer, query=RulesQuery),
    _public("/v1/calendar", get_calendar, "Trading days and sessions", CalendarAnswer, query=CalendarQuery),
    _public("/v1/errors", list_errors, "The catalogue of refusals", Catalogue),
    _public(
        "/v1/errors/{error}",
        get_error,
        "One refusal",
        CatalogueEntry,
        path_parameters={"error": "^[a-z0-9_]{1,64}$"},
    ),
)
