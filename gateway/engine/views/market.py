"""The market as everybody may see it, folded from journaled events: the day, its phase, its close, each listing."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from gateway.engine.views.handlers import Handler, plain
from matching.calendar import Announcement, Calendar
from matching.events import (
    BandSet,
    CalendarAnnounced,
    CloseStarted,
    CloseStep,
    CloseStepAdvanced,
    ClosingPriceSet,
    DayClosed,
    DayOpened,
    DayPricesRevised,
    ListingAdded,
    PhaseChanged,
    Reconciled,
    RulesAdopted,
    Traded,
    TradingHalted,
    TradingResumed,
)
from matching.negotiated_events import NegotiatedTotalsSet
from matching.rulebook import RuleBook, RuleChange, Rules
from matching.session import Phase
from settlement.events import InstrumentAdded
from settlement.lot import MethodologyClass
from settlement.values import AssetCode


@dataclass(frozen=True, kw_only=True, slots=True)
class NegotiatedTotals:
    """What was transferred by negotiation in a listing on one day."""

    trading_day: str
    trades: int = 0
    volume_tonnes: int = 0
    turnover_fen: int = 0


@dataclass(kw_only=True, slots=True)
class ListingView:
    """One listing and its day. Prices in fen; absent where nothing has traded. Not to be altered by readers."""

    code: str
    methodology_class: MethodologyClass
    demonstration: bool
    first_reference_price_fen: int
    reference_fen: int | None = None
    lower_fen: int | None = None
    upper_fen: int | None = None
    last_fen: int | None = None
    """Price of the last trade ever, but for those undone."""
    last_before_fen: int | None = None
    """The same before this day's trades."""
    previous_close_fen: int | None = None
    """Close of the last day that was closed."""
    open_fen: int | None = None
    high_fen: int | None = None
    low_fen: int | None = None
    close_fen: int | None = None
    """Set by the close of the day."""
    volume_tonnes: int = 0
    turnover_fen: int = 0
    trades: int = 0
    negotiated: NegotiatedTotals | None = None
    """Of the last day that was closed; none before the first."""
    negotiated_unpublished: NegotiatedTotals | None = None
    """Of the day being closed: for nobody before its close is complete."""


@dataclass(frozen=True, kw_only=True, slots=True)
class HaltView:
    """That trading stands still."""

    listing: str | None
    """The whole market when absent."""
    reason: str
    at_ns: int


@dataclass(kw_only=True, slots=True)
class CloseStepView:
    """How far one step of the close is."""

    name: str
    state: str
    """`waiting`, `running` or `done`."""
    done: int = 0
    total: int = 0


@dataclass(kw_only=True, slots=True)
class CloseView:
    """A close, under way or complete."""

    trading_day: str
    state: str
    """`running` or `done`."""
    steps: tuple[CloseStepView, ...]
    breaks: int | None = None
    """Differences with the registry's record, once they were compared."""

    operator: str | None = None
    """Who asked for it; nobody where the clock did."""
    reason: str | None = None
    """Why before its time."""

    @property
    def at_hand(self) -> CloseStepView | None:
        """The step at hand: the first that is not done."""
        return next((step for step in self.steps if step.state != "done"), None)


@dataclass(kw_only=True, slots=True)
class MarketView:
    """The trading day. Not to be altered by readers."""

    trading_day: str | None = None
    """The day at hand; the next one as soon as the close has rolled the date."""
    phase: Phase = Phase.CLOSED
    close: CloseView | None = None
    """The close under way, or the last one that was completed."""
    at_ns: int = 0
    """Of the last entry applied."""
    seq: int = 0
    """Of the last entry applied."""


@dataclass(frozen=True, kw_only=True, slots=True)
class MarketState:
    """As written to a snapshot."""

    market: MarketView
    listings: tuple[ListingView, ...]
    instruments: tuple[tuple[str, MethodologyClass], ...]
    announcements: tuple[Announcement, ...]
    rules: tuple[tuple[RuleChange, ...], ...]
    halts: tuple[HaltView, ...]


@dataclass(slots=True)
class Market:
    """The market, its listings, its calendar and its rule book."""

    view: MarketView = field(default_factory=MarketView)
    listings: dict[str, ListingView] = field(default_factory=dict)
    instruments: dict[str, MethodologyClass] = field(default_factory=dict)
    calendar: Calendar = field(default_factory=Calendar)
    rule_book: RuleBook = field(default_factory=RuleBook)
    adopted: list[tuple[RuleChange, ...]] = field(default_factory=list)
    halts: dict[str | None, HaltView] = field(default_factory=dict)
    """Halts in force, by listing; the market's under none."""

    def rules(self, at_ns: int, listing: str | None = None) -> Rules | None:
        """The rules in force at a moment; none while the book is not complete."""
        try:
            return self.rule_book.in_force(at_ns, None if listing is None else AssetCode(listing))
        except KeyError:
            return None

    def halt_of(self, listing: str) -> HaltView | None:
        """The halt a listing is under: its own, else the market's."""
        return self.halts.get(listing) or self.halts.get(None)

    def handlers(self) -> dict[type, Handler]:
        """What to do about operators' acts that concern trading."""
        return {
            TradingHalted: lambda entry, event: self.halt(event, entry.at_ns),
            TradingResumed: plain(self.resume),
            DayPricesRevised: plain(self.revise),
        }

    def halt(self, event: TradingHalted, at_ns: int) -> None:
        """Trading stands still."""
        self.halts[event.listing] = HaltView(listing=event.listing, reason=event.reason, at_ns=at_ns)

    def resume(self, event: TradingResumed) -> None:
        """Trading goes on."""
        del self.halts[event.listing]

    def resale_next_day(self, at_ns: int, listing: str) -> bool:
        """Whether T+1 holds for a purchase of that moment."""
        change = self.rule_book.change_in_force("resale_next_day", at_ns, AssetCode(listing))
        return change is not None and change.value == "yes"

    def adopt(self, event: RulesAdopted) -> None:
        """Dated values entered the rule book."""
        self.rule_book.adopt(event.changes)
        self.adopted.append(event.changes)

    def announce(self, event: CalendarAnnounced) -> None:
        """Trading days are known."""
        self.calendar.announce(event.announcement)

    def add_instrument(self, event: InstrumentAdded) -> None:
        """A code is known."""
        self.instruments[event.instrument.code] = event.instrument.methodology_class

    def add_listing(self, event: ListingAdded) -> None:
        """An instrument is listed."""
        listing = event.listing
        self.listings[listing.code] = ListingView(
            code=listing.code,
            methodology_class=self.instruments[listing.code],
            demonstration=listing.demonstration,
            first_reference_price_fen=listing.first_reference_price_fen,
        )

    def open_day(self, event: DayOpened) -> None:
        """A trading day begins: yesterday's figures go."""
        self.view.trading_day = event.trading_day
        for listing in self.listings.values():
            listing.open_fen = listing.high_fen = listing.low_fen = listing.close_fen = None
            listing.volume_tonnes = listing.turnover_fen = listing.trades = 0
            listing.last_before_fen = listing.last_fen

    def change_phase(self, event: PhaseChanged) -> None:
        """The day went on."""
        self.view.phase = event.phase
        self.view.trading_day = event.trading_day

    def set_band(self, event: BandSet) -> None:
        """The prices a listing may trade at."""
        listing = self.listings[event.listing]
        listing.reference_fen, listing.lower_fen, listing.upper_fen = (
            event.reference_fen,
            event.lower_fen,
            event.upper_fen,
        )

    def trade(self, event: Traded) -> None:
        """A trade counts in the day's figures."""
        listing, price_fen = self.listings[event.listing], event.price_fen
        listing.last_fen = price_fen
        if listing.open_fen is None or listing.high_fen is None or listing.low_fen is None:
            listing.open_fen = listing.high_fen = listing.low_fen = price_fen
        elif price_fen > listing.high_fen:
            listing.high_fen = price_fen
        elif price_fen < listing.low_fen:
            listing.low_fen = price_fen
        listing.volume_tonnes += event.quantity_tonnes
        listing.turnover_fen += price_fen * event.quantity_tonnes
        listing.trades += 1

    def revise(self, event: DayPricesRevised) -> None:
        """A trade was undone: the day's figures are those of the others."""
        listing = self.listings[event.listing]
        listing.open_fen, listing.high_fen, listing.low_fen = event.open_fen, event.high_fen, event.low_fen
        listing.last_fen = listing.last_before_fen if event.last_fen is None else event.last_fen
        listing.volume_tonnes, listing.turnover_fen = event.volume_tonnes, event.turnover_fen
        listing.trades -= 1

    def start_close(self, event: CloseStarted) -> None:
        """The close is under way."""
        steps = tuple(CloseStepView(name=step.value, state="waiting") for step in CloseStep)
        self.view.close = CloseView(
            trading_day=event.trading_day,
            state="running",
            steps=steps,
            operator=event.operator,
            reason=event.reason,
        )

    def advance_close(self, event: CloseStepAdvanced) -> None:
        """A step is so far; every step before it is done."""
        for step in self._steps():
            if step.name == event.step.value:
                step.done, step.total = event.done, event.total
                step.state = "done" if event.done >= event.total else "running"
                return
            step.state = "done"

    def set_closing_price(self, event: ClosingPriceSet) -> None:
        """The day's price of a listing."""
        self.listings[event.listing].close_fen = event.close_fen
        self.listings[event.listing].previous_close_fen = event.close_fen

    def set_negotiated_totals(self, event: NegotiatedTotalsSet) -> None:
        """The day's negotiated transfers of a listing."""
        self.listings[event.listing].negotiated_unpublished = NegotiatedTotals(
            trading_day=event.trading_day,
            trades=event.trades,
            volume_tonnes=event.volume_tonnes,
            turnover_fen=event.turnover_fen,
        )

    def reconcile(self, event: Reconciled) -> None:
        """Units were compared with the registry's record."""
        assert self.view.close is not None, "reconciled outside a close"
        self.view.close.breaks = event.breaks

    def close_day(self, event: DayClosed) -> None:
        """The close is complete: what was negotiated is published."""
        for step in self._steps():
            step.state = "done"
        assert self.view.close is not None, "a day closed without a close"
        self.view.close.state = "done"
        self.view.trading_day = event.next_day
        for listing in self.listings.values():
            nothing = NegotiatedTotals(trading_day=event.trading_day)
            listing.negotiated = listing.negotiated_unpublished or nothing
            listing.negotiated_unpublished = None

    def dump(self) -> MarketState:
        """Everything, for a snapshot."""
        return MarketState(
            market=self.view,
            listings=tuple(self.listings.values()),
            instruments=tuple(self.instruments.items()),
            announcements=tuple(self.calendar.announcements),
            rules=tuple(self.adopted),
            halts=tuple(self.halts.values()),
        )

    @classmethod
    def load(cls, state: MarketState) -> "Market":
        """The market that was dumped."""
        market = cls(
            view=state.market,
            listings={listing.code: listing for listing in state.listings},
            instruments=dict(state.instruments),
            calendar=Calendar(state.announcements),
            adopted=list(state.rules),
            halts={halt.listing: halt for halt in state.halts},
        )
        for changes in state.rules:
            market.rule_book.adopt(changes)
        return market

    def _steps(self) -> Iterator[CloseStepView]:
        assert self.view.close is not None, "a step of no close"
        return iter(self.view.close.steps)
