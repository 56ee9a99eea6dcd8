"""What readers see, kept in memory and built from journaled entries only.

Readers never touch the core: they would see what is not yet durable. Memory is bounded by what is open and by the
number of accounts; orders that ended are kept for a while and then served by the database (`history`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from gateway.engine.entry import Entry
from gateway.engine.views.account_views import AccountView, LotView
from gateway.engine.views.accounts import Accounts, AccountsState
from gateway.engine.views.approvals import Approvals, ApprovalsState, ApprovalView, PermitView
from gateway.engine.views.custody import Custody, CustodyState
from gateway.engine.views.depth import Depth, DepthChange, DepthState, DepthView
from gateway.engine.views.handlers import Handler, nothing, plain
from gateway.engine.views.mandates import Mandates, MandateView
from gateway.engine.views.market import HaltView, ListingView, Market, MarketState, MarketView
from gateway.engine.views.negotiations import STEPS, Negotiations, NegotiationView, Step
from gateway.engine.views.order_views import OrderViews
from gateway.engine.views.orders import OrderView
from gateway.engine.views.safety_views import SafetyViews, SafetyViewsState
from gateway.engine.views.subjects import Subjects, SubjectView
from gateway.engine.views.unseen import CHANGES_NO_VIEW
from gateway.engine.views.use_handlers import use_handlers
from gateway.engine.views.uses import Uses, UsesState
from matching.calendar import Calendar
from matching.events import (
    BandSet,
    CalendarAnnounced,
    CloseStarted,
    CloseStepAdvanced,
    ClosingPriceSet,
    DayClosed,
    DayOpened,
    ListingAdded,
    OrderAccepted,
    OrderCancelled,
    OrderExpired,
    OrderReplaced,
    OrderRested,
    PhaseChanged,
    Reconciled,
    Rejected,
    RulesAdopted,
    TradeBusted,
    Traded,
)
from matching.negotiated_events import NegotiatedTotalsSet, NegotiatedTransferExecuted
from matching.rulebook import RuleBook, Rules
from settlement.account import ParticipantKind
from settlement.events import (
    DeliveryFailed,
    DeliverySettled,
    Instruction,
    InstrumentAdded,
    ParticipantRegistered,
)
from settlement.lot import Lot, MethodologyClass

RECENT_ORDERS: Final = 4_096
"""How many ended orders stay in memory."""
VERSION: Final = "8"
"""Of `ViewsState`. A snapshot of another version is not read: the views are then built again from all entries."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ViewsState:
    """All views as written to a snapshot."""

    market: MarketState
    accounts: AccountsState
    participants: tuple[tuple[str, ParticipantKind], ...]
    depths: tuple[DepthState, ...]
    open_orders: tuple[OrderView, ...]
    approvals: ApprovalsState
    negotiations: tuple[NegotiationView, ...]
    custody: CustodyState
    mandates: tuple[MandateView, ...]
    uses: UsesState
    safety: SafetyViewsState
    subjects: tuple[SubjectView, ...]


class Views:
    """Everything readers ask for that is not in the database alone."""

    def __init__(self, *, recent_orders: int = RECENT_ORDERS, state: ViewsState | None = None) -> None:
        """Views of an exchange without a past, or those of a snapshot."""
        self._market = Market()
        self._safety = SafetyViews()
        self._uses = Uses()
        self._accounts = Accounts(self._uses)
        self._participants: dict[str, ParticipantKind] = {}
        self._depths: dict[str, Depth] = {}
        self._orders = OrderViews(recent_orders)
        self._approvals = Approvals()
        self._custody = Custody()
        self._mandates = Mandates()
        self.subjects = Subjects()
        """Whose personal data are restricted. Not to be altered by readers."""
        self._negotiations = Negotiations()
        self._recent_limit = recent_orders
        self.depth_changes: tuple[DepthChange, ...] = ()
        """What the latest commit changed, for commit listeners that come after the views."""
        self._handlers = self._make_handlers()
        if state is not None:
            self._load(state)

    # --- what readers ask ---------------------------------------------------------------------------

    @property
    def market(self) -> MarketView:
        """The trading day, its phase and its close."""
        return self._market.view

    @property
    def listings(self) -> Mapping[str, ListingView]:
        """Every listing by its code."""
        return self._market.listings

    @property
    def instruments(self) -> Mapping[str, MethodologyClass]:
        """Every instrument's class."""
        return self._market.instruments

    @property
    def calendar(self) -> Calendar:
        """The trading days announced so far. Not to be altered by readers."""
        return self._market.calendar

    @property
    def rule_book(self) -> RuleBook:
        """Every rule ever adopted. Not to be altered by readers."""
        return self._market.rule_book

    @property
    def halts(self) -> Mapping[str | None, HaltView]:
        """Halts in force by listing; the whole market's under none."""
        return self._market.halts

    def halt_of(self, listing: str) -> HaltView | None:
        """The halt a listing is under: its own, else the market's."""
        return self._market.halt_of(listing)

    @property
    def approvals(self) -> Mapping[int, ApprovalView]:
        """Operators' acts that wait for a second person, oldest first."""
        return self._approvals.waiting

    @property
    def permits(self) -> Mapping[int, PermitView]:
        """What a second person has permitted about access not long ago, by the approval's id, oldest first."""
        return self._approvals.permits

    @property
    def custody(self) -> Custody:
        """What stands between exchange and registry: freezes, breaks, claims, notices. Not to be altered by readers."""
        return self._custody

    @property
    def mandates(self) -> Mandates:
        """Who may act for whom. Not to be altered by readers."""
        return self._mandates

    @property
    def uses(self) -> Uses:
        """Compliance years, uses under way and what was used up. Not to be altered by readers."""
        return self._uses

    @property
    def safety(self) -> SafetyViews:
        """Kill switches and watched connections. Not to be altered by readers."""
        return self._safety

    @property
    def position(self) -> int:
        """Sequence number of the last entry seen."""
        return self._market.view.seq

    @property
    def lots_known(self) -> Mapping[str, Lot]:
        """Every lot by its name."""
        return self._accounts.lots

    @property
    def pending_instructions(self) -> Mapping[str, Instruction]:
        """Movements asked of the registry and not yet answered for good."""
        return self._accounts.pending

    def rules(self, at_ns: int, listing: str | None = None) -> Rules | None:
        """The rules in force for a listing (or the market) at a moment; none while the book is not complete."""
        return self._market.rules(at_ns, listing)

    def begin_term(self) -> None:
        """Another term of the journal's writer begins after the last entry seen: number the books from there."""
        for depth in self._depths.values():
            depth.begin_term(self.position, self._market.view.at_ns)

    def depth(self, listing: str, levels: int | None = None) -> DepthView:
        """The best levels of a listing. Raises KeyError for a listing that does not exist."""
        return self._depths[listing].view(levels)

    def accounts(self) -> Mapping[str, AccountView]:
        """Every account by its name."""
        return self._accounts.all()

    def account(self, account: str) -> AccountView | None:
        """One account."""
        return self._accounts.get(account)

    @property
    def participants(self) -> Mapping[str, ParticipantKind]:
        """Everybody who was admitted, and what kind they are."""
        return self._participants

    def lots(self, account: str) -> list[LotView]:
        """An account's lots with their serials, in the order they would be delivered."""
        named = [part for one in self._negotiations.all() if one.seller == account for part in one.named]
        return self._accounts.lots_of(account, self._custody.frozen, named)

    def order(self, order_id: int) -> OrderView | None:
        """An order that is open or ended not long ago; older ones are in the database."""
        return self._orders.get(order_id)

    def order_by_client_id(self, account: str, client_order_id: str) -> OrderView | None:
        """The same, by the participant's own id."""
        return self._orders.by_client_id(account, client_order_id)

    def open_orders(self, account: str) -> Sequence[OrderView]:
        """An account's open orders, oldest first."""
        return self._orders.of_account(account)

    def all_open_orders(self) -> tuple[OrderView, ...]:
        """Every open order, oldest first."""
        return self._orders.open.all()

    def negotiation(self, transfer_id: int) -> NegotiationView | None:
        """A negotiated transfer that has not ended; what has ended is in the database."""
        return self._negotiations.get(transfer_id)

    def open_negotiations(self) -> tuple[NegotiationView, ...]:
        """Every negotiated transfer that has not ended, oldest first."""
        return self._negotiations.all()

    # --- how they come to know ------------------------------------------------------------------------

    def apply(self, entries: Sequence[Entry]) -> None:
        """Follow these entries, which come right after those seen before."""
        if not entries:
            return
        handlers = self._handlers
        for entry in entries:
            for event in entry.events:
                handlers[type(event)](entry, event)
        last = entries[-1]
        self._market.view.seq, self._market.view.at_ns = last.seq, last.at_ns
        self._orders.retire()
        changes = (depth.take_change(last.at_ns) for depth in self._depths.values())
        self.depth_changes = tuple(change for change in changes if change is not None)

    def dump(self) -> ViewsState:
        """Everything but the orders that ended, for a snapshot. To be written before the next `apply`."""
        return ViewsState(
            market=self._market.dump(),
            accounts=self._accounts.dump(),
            participants=tuple(self._participants.items()),
            depths=tuple(depth.dump() for depth in self._depths.values()),
            open_orders=self._orders.open.all(),
            approvals=self._approvals.dump(),
            custody=self._custody.dump(),
            mandates=tuple(self._mandates.all.values()),
            negotiations=self._negotiations.all(),
            uses=self._uses.dump(),
            safety=self._safety.dump(),
            subjects=tuple(self.subjects.all.values()),
        )

    def _load(self, state: ViewsState) -> None:
        self._market = Market.load(state.market)
        self._uses = Uses(state.uses)
        self._safety = SafetyViews.load(state.safety)
        self._accounts = Accounts(self._uses, state.accounts)
        self._participants = dict(state.participants)
        self._depths = {depth.listing: Depth.load(depth) for depth in state.depths}
        self._orders = OrderViews(self._recent_limit, state.open_orders)
        self._approvals = Approvals(state.approvals)
        self._custody = Custody(state.custody)
        self._mandates = Mandates(state.mandates)
        self.subjects = Subjects(state.subjects)
        self._negotiations = Negotiations(state.negotiations)
        self._handlers = self._make_handlers()

    def _make_handlers(self) -> dict[type, Handler]:
        """What to do about each event. Every type is here or among those that change no view."""
        market, accounts, approvals = self._market, self._accounts, self._approvals
        custody, orders = self._custody, self._orders
        return {
            Rejected: orders.reject,
            OrderAccepted: orders.accept,
            Traded: self._on_traded,
            OrderRested: self._on_rested,
            OrderReplaced: self._on_replaced,
            OrderCancelled: self._on_ended,
            OrderExpired: self._on_ended,
            ParticipantRegistered: self._on_participant,
            InstrumentAdded: plain(market.add_instrument),
            DeliverySettled: self._on_settled,
            DeliveryFailed: self._on_failed,
            **dict.fromkeys(CHANGES_NO_VIEW, nothing),
            **accounts.handlers(),
            **custody.handlers(accounts),
            **self._safety.handlers(),
            **use_handlers(self._uses, accounts),
            **market.handlers(),
            TradeBusted: self._on_busted,
            **self._mandates.handlers(),
            **approvals.handlers(),
            **self.subjects.handlers(),
            RulesAdopted: plain(market.adopt),
            CalendarAnnounced: plain(market.announce),
            ListingAdded: self._on_listing,
            DayOpened: self._on_day_opened,
            PhaseChanged: plain(market.change_phase),
            BandSet: plain(market.set_band),
            CloseStarted: plain(market.start_close),
            CloseStepAdvanced: plain(market.advance_close),
            ClosingPriceSet: plain(market.set_closing_price),
            Reconciled: self._on_reconciled,
            DayClosed: plain(market.close_day),
            **dict.fromkeys(STEPS, self._on_step),
            NegotiatedTransferExecuted: self._on_executed,
            NegotiatedTotalsSet: plain(market.set_negotiated_totals),
        }

    def _on_traded(self, entry: Entry, event: Traded) -> None:
        self._orders.open.trade(entry, event)
        self._market.trade(event)
        self._buy(entry, event)
        self._depths[event.listing].add(event.taker_side.opposite, event.price_fen, -event.quantity_tonnes)

    def _on_step(self, entry: Entry, event: Step) -> None:
        self._negotiations.follow(entry, event)
        self._negotiations.take_ended()

    def _on_executed(self, entry: Entry, event: NegotiatedTransferExecuted) -> None:
        self._on_step(entry, event)
        assert event.seller is not None, f"nobody sells in {event.transfer_id}"
        self._accounts.set_aside(event.trade_id, event.seller, event.lots)
        self._buy(entry, event)

    def _buy(self, entry: Entry, event: Traded | NegotiatedTransferExecuted) -> None:
        assert event.buyer is not None, f"nobody buys in trade {event.trade_id}"
        next_day = self._market.resale_next_day(entry.at_ns, event.listing)
        bought = (event.trade_id, event.buyer, event.listing, event.quantity_tonnes)
        self._accounts.buy(*bought, resale_next_day=next_day)

    def _on_rested(self, entry: Entry, event: OrderRested) -> None:
        self._orders.open.rest(entry, event)
        self._depths[event.listing].add(event.side, event.price_fen, event.remaining_tonnes)

    def _on_replaced(self, entry: Entry, event: OrderReplaced) -> None:
        self._orders.open.replace(entry, event)
        # One that kept its place stands there with less; any other has left the book and rests anew, if at all.
        left_tonnes = event.remaining_tonnes if event.kept_priority else 0
        depth = self._depths[event.listing]
        depth.add(event.side, event.before_price_fen, left_tonnes - event.before_remaining_tonnes)

    def _on_busted(self, _: Entry, event: TradeBusted) -> None:
        self._accounts.unbuy(event.trade_id, event.buyer, event.listing, event.quantity_tonnes)

    def _on_settled(self, _: Entry, event: DeliverySettled) -> None:
        self._accounts.deliver(event, self._market.view.trading_day)
        self._custody.end_delivery(event)

    def _on_reconciled(self, entry: Entry, event: Reconciled) -> None:
        self._custody.reconcile(entry, event)
        if not event.on_demand:
            self._market.reconcile(event)

    def _on_failed(self, _: Entry, event: DeliveryFailed) -> None:
        self._custody.end_delivery(event)
        self._accounts.unbuy(event.trade_id, event.buyer, event.instrument, event.quantity_tonnes)

    def _on_ended(self, entry: Entry, event: OrderCancelled | OrderExpired) -> None:
        self._orders.open.end(entry, event)
        if isinstance(event, OrderExpired) or event.was_resting:
            self._depths[event.listing].add(event.side, event.price_fen, -event.remaining_tonnes)

    def _on_participant(self, _: Entry, event: ParticipantRegistered) -> None:
        self._participants[event.participant] = ParticipantKind(event.kind)

    def _on_listing(self, _: Entry, event: ListingAdded) -> None:
        self._market.add_listing(event)
        self._depths[event.listing.code] = Depth(event.listing.code)

    def _on_day_opened(self, _: Entry, event: DayOpened) -> None:
        self._market.open_day(event)
        self._accounts.begin_day()
