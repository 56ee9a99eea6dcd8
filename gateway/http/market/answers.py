"""How the market is written: listings, sessions, rules, trading days."""

from datetime import date, timedelta
from typing import Annotated, Any, Final, Literal

from pydantic import Field

from gateway.engine.views.market import HaltView, ListingView
from gateway.engine.views.views import Views
from gateway.formats import price_text, quantity_text, time_text
from gateway.http.shapes import (
    Answer,
    ClassName,
    Date,
    Id,
    ListingCode,
    Money,
    Price,
    Quantity,
    SideName,
    Time,
)
from matching.calendar import following, midnight_ns
from matching.order import Side
from matching.rulebook import PARAMETERS, RuleChange, Rules
from matching.session import LISTED_PHASES, NS, Period, Phase
from settlement.values import AssetCode, TradingDay

PhaseName = Literal["pre_open", "listed", "break", "negotiated", "continuous", "closing", "closed"]
UNIT: Final = "tCO2e"


class Session(Answer):
    """One phase of a trading day, in Shanghai's time; the end is not part of it."""

    phase: PhaseName
    start: Annotated[str, Field(pattern=r"^\d\d:\d\d$", examples=["09:30"])]
    end: Annotated[str, Field(pattern=r"^\d\d:\d\d$", examples=["11:30"])]


class Band(Answer):
    """The prices a listing may trade at today, both ends included."""

    lower: Price
    upper: Price
    reference: Price


class Halt(Answer):
    """Why trading stands still, and since when."""

    scope: Literal["listing", "market"]
    reason: str
    since: Time


class Rule(Answer):
    """One value in force, with its source."""

    parameter: str
    value: Annotated[int | str, Field(description="In the unit the parameter's name ends in.")]
    listing: Annotated[ListingCode | None, Field(description="Null for the whole market.")]
    effective_from: Time
    source: str
    certainty: Literal["official", "neighbour", "conflicting", "assumed", "demonstration"]


class Fee(Answer):
    """What an order pays: millionths of all it turns over, rounded down to the fen, within its minimum and its cap."""

    payer: Annotated[Literal["both", "buyer", "seller"], Field(description="Whose orders pay.")]
    buyer_ppm: Annotated[int, Field(ge=0)]
    buyer_minimum: Annotated[
        Money, Field(description="Once an order that trades, and never above what it trades.")
    ]
    buyer_cap: Annotated[
        Money | None, Field(description="The most an order pays; null when there is no limit.")
    ]
    seller_ppm: Annotated[int, Field(ge=0)]
    seller_minimum: Money
    seller_cap: Money | None


class NegotiatedTotals(Answer):
    """What was transferred by negotiation on a day. It counts in volume and turnover, never in open, high, low, close."""

    trading_day: Date
    trades: int
    volume: Quantity
    turnover: Money


class Listing(Answer):
    """A listing, its rules in force, and its day."""

    listing: ListingCode
    class_: Annotated[ClassName, Field(alias="class")]
    unit: Literal["tCO2e"]
    lot: Annotated[Quantity | None, Field(description="Quantities are whole multiples of it.")]
    tick: Price | None
    min_quantity: Quantity | None
    max_quantity: Quantity | None
    band: Annotated[Band | None, Field(description="None before the first day.")]
    sessions: list[Session]
    fee: Annotated[Fee | None, Field(description="None while the rule book is not complete.")]
    flags: list[Literal["demonstration"]]
    phase: PhaseName
    halted: bool
    halt: Halt | None
    last: Annotated[Price | None, Field(description="Price of the last trade ever, but for those undone.")]
    open: Price | None
    high: Price | None
    low: Price | None
    close: Annotated[Price | None, Field(description="Set by the close of the day.")]
    previous_close: Price | None
    volume: Annotated[Quantity, Field(description="Of the day's listed trades.")]
    turnover: Money
    negotiated: Annotated[
        NegotiatedTotals | None,
        Field(
            description="Of the last day that was closed; what is negotiated is published after the close."
        ),
    ]
    rules: Annotated[list[Rule], Field(description="Every parameter it trades by.")]


class Listings(Answer):
    """Every listing."""

    items: list[Listing]
    next: None


class PublicTrade(Answer):
    """A listed trade, without identities."""

    id: Id
    listing: ListingCode
    price: Price
    quantity: Quantity
    amount: Money
    taker_side: SideName
    time: Time
    trading_day: Date
    busted: Annotated[bool, Field(description="Whether it was undone.")]


class PublicTrades(Answer):
    """Trades, newest first."""

    items: list[PublicTrade]
    next: str | None


class RulesAnswer(Answer):
    """The rule book as in force at a moment."""

    at: Time
    version: int
    items: list[Rule]
    upcoming: Annotated[list[Rule], Field(description="Adopted by now, in force only later than `at`.")]
    next: None


CALENDAR_UNTIL: Final = (
    "Up to this day it is announced which days are trading days, without a gap; null when it is not for today. After the close of "
    "the last trading day announced, the market stays `closing` until more are."
)


class CalendarDay(Answer):
    """One date."""

    date: Date
    announced: bool
    trading_day: bool
    sessions: list[Session]


class CalendarAnswer(Answer):
    """Every date of a period."""

    items: list[CalendarDay]
    next: None


def sessions_body(hours: tuple[Period, ...]) -> list[dict[str, str]]:
    """The periods of a trading day."""
    return [
        {"phase": period.phase.value, "start": _clock(period.start_s), "end": _clock(period.end_s)}
        for period in hours
    ]


def _clock(second_s: int) -> str:
    return f"{second_s // 3_600:02d}:{second_s % 3_600 // 60:02d}"


def fee_body(rules: Rules) -> dict[str, int | str | None]:
    """What an order of either side pays that is accepted now; zero for a side that does not pay."""
    body: dict[str, int | str | None] = {"payer": rules.fee_payer.value}
    for name, side in (("buyer", Side.BUY), ("seller", Side.SELL)):
        fee = rules.fee_terms(side)
        body[f"{name}_ppm"] = fee.ppm
        body[f"{name}_minimum"] = price_text(fee.minimum_fen)
        body[f"{name}_cap"] = None if fee.cap_fen is None else price_text(fee.cap_fen)
    return body


def halt_body(halt: HaltView | None) -> dict[str, str] | None:
    """A halt as everybody may see it."""
    if halt is None:
        return None
    scope = "market" if halt.listing is None else "listing"
    return {"scope": scope, "reason": halt.reason, "since": time_text(halt.at_ns)}


def listing_body(views: Views, listing: ListingView, at_ns: int) -> dict[str, Any]:
    """A listing as everybody may see it."""
    rules, halt = views.rules(at_ns, listing.code), views.halt_of(listing.code)
    return {
        "listing": listing.code,
        "class": listing.methodology_class.value,
        "unit": UNIT,
        "lot": None if rules is None else quantity_text(rules.lot_tonnes),
        "tick": None if rules is None else price_text(rules.tick_fen),
        "min_quantity": None if rules is None else quantity_text(rules.listed_min_tonnes),
        "max_quantity": None if rules is None else quantity_text(rules.listed_max_tonnes),
        "band": _band_body(listing),
        "sessions": [] if rules is None else sessions_body(rules.hours),
        "fee": None if rules is None else fee_body(rules),
        "flags": ["demonstration"] if listing.demonstration else [],
        "phase": views.market.phase.value,
        "halted": halt is not None,
        "halt": halt_body(halt),
        "last": _price(listing.last_fen),
        "open": _price(listing.open_fen),
        "high": _price(listing.high_fen),
        "low": _price(listing.low_fen),
        "close": _price(listing.close_fen),
        "previous_close": _price(listing.previous_close_fen),
        "volume": quantity_text(listing.volume_tonnes),
        "turnover": price_text(listing.turnover_fen),
        "negotiated": _negotiated_body(listing),
        "rules": _rules_of(views, listing.code, at_ns),
    }


def _band_body(listing: ListingView) -> dict[str, str] | None:
    if listing.lower_fen is None or listing.upper_fen is None or listing.reference_fen is None:
        return None
    return {
        "lower": price_text(listing.lower_fen),
        "upper": price_text(listing.upper_fen),
        "reference": price_text(listing.reference_fen),
    }


def _negotiated_body(listing: ListingView) -> dict[str, Any] | None:
    totals = listing.negotiated
    if totals is None:
        return None
    return {
        "trading_day": totals.trading_day,
        "trades": totals.trades,
        "volume": quantity_text(totals.volume_tonnes),
        "turnover": price_text(totals.turnover_fen),
    }


def _price(price_fen: int | None) -> str | None:
    return None if price_fen is None else price_text(price_fen)


def _rules_of(views: Views, listing: str, at_ns: int) -> list[dict[str, Any]]:
    found = (views.rule_book.change_in_force(name, at_ns, AssetCode(listing)) for name in PARAMETERS)
    return [_rule_body(change) for change in found if change is not None]


def upcoming_body(views: Views, at_ns: int) -> list[dict[str, Any]]:
    """Every value that comes into force after that moment, soonest first."""
    later = (change for change in views.rule_book.changes if change.effective_from_ns > at_ns)
    return [_rule_body(change) for change in sorted(later, key=lambda change: change.effective_from_ns)]


def _rule_body(change: RuleChange) -> dict[str, Any]:
    return {
        "parameter": change.parameter,
        "value": change.value,
        "listing": change.listing,
        "effective_from": time_text(change.effective_from_ns),
        "source": change.source,
        "certainty": change.certainty.value,
    }


def rules_body(views: Views, at_ns: int) -> list[dict[str, Any]]:
    """Every value in force at that moment, the market's first, then what listings have of their own."""
    found: list[RuleChange] = []
    for parameter in PARAMETERS:
        market = views.rule_book.change_in_force(parameter, at_ns)
        if market is not None:
            found.append(market)
        for code in views.listings:
            own = views.rule_book.change_in_force(parameter, at_ns, AssetCode(code))
            if own is not None and own.listing is not None:
                found.append(own)
    return [_rule_body(change) for change in found]


def calendar_body(views: Views, first: str, last: str) -> list[dict[str, Any]]:
    """Every date from `first` to `last`, with the sessions its rules give it."""
    days = []
    day = date.fromisoformat(first)
    while day.isoformat() <= last:
        name = TradingDay(day.isoformat())
        rules = views.rules(midnight_ns(name))
        is_open = views.calendar.is_trading_day(name)
        days.append(
            {
                "date": name,
                "announced": views.calendar.is_announced(name),
                "trading_day": is_open,
                "sessions": sessions_body(rules.hours) if is_open and rules is not None else [],
            }
        )
        day += timedelta(days=1)
    return days


def resume_ns(views: Views, now_ns: int) -> int | None:
    """When listed trading begins next; none while it goes on, and where only an operator knows."""
    market = views.market
    if market.phase in LISTED_PHASES or market.phase is Phase.CLOSING or market.trading_day is None:
        return None
    today = TradingDay(market.trading_day)
    starts_ns = _listed_starts(views, today, now_ns)
    later = views.calendar.next_trading_day(following(today))
    if later is not None:
        starts_ns += _listed_starts(views, later, midnight_ns(later))
    return next((start_ns for start_ns in starts_ns if start_ns > now_ns), None)


def _listed_starts(views: Views, day: TradingDay, at_ns: int) -> list[int]:
    """When listed trading begins on a day, by the rules of that moment."""
    rules = views.rules(at_ns)
    hours = () if rules is None else rules.hours
    return [midnight_ns(day) + period.start_s * NS for period in hours if period.phase in LISTED_PHASES]


def listing_status(views: Views, listing: str, now_ns: int) -> dict[str, Any]:
    """A listing's phase, when it goes on, and whether it is halted: only an operator knows until when."""
    halt = views.halt_of(listing)
    resume = None if halt is not None else resume_ns(views, now_ns)
    return {
        "phase": views.market.phase.value,
        "resume_at": None if resume is None else time_text(resume),
        "halted": halt is not None,
        "halt": halt_body(halt),
    }
