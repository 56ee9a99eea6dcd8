"""What readers see, kept in memory and built from journaled entries only.

Readers never touch the core: they would see what is not yet durable. Memory is bounded by what is open and by the
number of accounts; orders that ended are kept for a while and then served by the database (`history`).
"""

from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from gateway.engine.accounts import Accounts, AccountsState, AccountView, LotView
from gateway.engine.approvals import Approvals, ApprovalView
from gateway.engine.depth import Depth, DepthChange, DepthState, DepthView
from gateway.engine.entry import Entry
from gateway.engine.market import HaltView, ListingView, Market, MarketState, MarketView
from gateway.engine.orders import NOT_FOR_THE_OWNER, OpenOrders, OrderView
from gateway.engine.use_handlers import use_handlers
from gateway.engine.uses import Uses, UsesState
from matching.calendar import Calendar
from matching.commands import SubmitOrder
from matching.events import (
    AccountRestricted,
    ActApproved,
    ActDeclined,
    ApprovalRequested,
    BandSet,
    CalendarAnnounced,
    CloseStarted,
    CloseStepAdvanced,
    ClosingPriceSet,
    DayClosed,
    DayOpened,
    DayPricesRevised,
    Event,
    LargeHolderNoted,
    ListingAdded,
    OrderAccepted,
    OrderCancelled,
    OrderExpired,
    OrderReplaced,
    OrderRested,
    OrdersCancelled,
    PhaseChanged,
    Reconciled,
    Rejected,
    Replayed,
    RestrictionLifted,
    RulesAdopted,
    TradeBusted,
    Traded,
    TradingHalted,
    TradingResumed,
)
from matching.rulebook import RuleBook, Rules
from settlement.account import ParticipantKind
from settlement.events import (
    AccountOpened,
    CashDeposited,
    DeliveryFailed,
    DeliverySettled,
    Instruction,
    InstrumentAdded,
    LotRegistered,
    MovementConfirmed,
    MovementInstructed,
    MovementRefused,
    ParticipantRegistered,
    Posted,
    RetirementRefused,
    TransferCompleted,
    TransferFailed,
    TransferRequested,
    WithdrawalPaid,
    WithdrawalRequested,
    WithdrawalReturned,
)
from settlement.lot import Lot, MethodologyClass

RECENT_ORDERS: Final = 4_096
"""How many ended orders stay in memory."""

VERSION: Final = "5"
"""Of the shape and meaning of `ViewsState`. A snapshot of another version is not read: the views are then built
again from all recorded entries."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ViewsState:
    """All views as written to a snapshot."""

    market: MarketState
    accounts: AccountsState
    participants: tuple[tuple[str, ParticipantKind], ...]
    depths: tuple[DepthState, ...]
    open_orders: tuple[OrderView, ...]
    approvals: tuple[ApprovalView, ...]
    uses: UsesState


class Views:
    """Everything readers ask for that is not in the database alone."""

    def __init__(self, *, recent_orders: int = RECENT_ORDERS, state: ViewsState | None = None) -> None:
        """Views of an exchange without a past, or those of a snapshot."""
        self._market = Market()
        self._uses = Uses()
        self._accounts = Accounts(self._uses)
        self._participants: dict[str, ParticipantKind] = {}
        self._depths: dict[str, Depth] = {}
        self._open = OpenOrders()
        self._by_account: dict[str, dict[int, OrderView]] = {}
        self._by_client_id: dict[tuple[str, str], OrderView] = {}
        self._approvals = Approvals()
        self._recent: OrderedDict[int, OrderView] = OrderedDict()
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
    def uses(self) -> Uses:
        """Compliance years, uses under way and what was used up. Not to be altered by readers."""
        return self._uses

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

    def depth(self, listing: str, levels: int | None = None) -> DepthView:
        """The best levels of a listing. Raises KeyError for a listing that does not exist."""
        return self._depths[listing].view(levels)

    def accounts(self) -> Mapping[str, AccountView]:
        """Every account by its name."""
        return self._accounts.all()

    def account(self, account: str) -> AccountView | None:
        """One account."""
        return self._accounts.get(account)

    def participant(self, participant: str) -> ParticipantKind | None:
        """What kind a participant is; none for somebody who was not admitted."""
        return self._participants.get(participant)

    def lots(self, account: str) -> list[LotView]:
        """An account's lots with their serials, in the order they would be delivered."""
        return self._accounts.lots_of(account)

    def order(self, order_id: int) -> OrderView | None:
        """An order that is open or ended not long ago; older ones are in the database."""
        return self._open.get(order_id) or self._recent.get(order_id)

    def order_by_client_id(self, account: str, client_order_id: str) -> OrderView | None:
        """The same, by the participant's own id."""
        return self._by_client_id.get((account, client_order_id))

    def open_orders(self, account: str) -> Sequence[OrderView]:
        """An account's open orders, oldest first."""
        return tuple(self._by_account.get(account, {}).values())

    def all_open_orders(self) -> tuple[OrderView, ...]:
        """Every open order, oldest first."""
        return self._open.all()

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
        self._retire(self._open.take_ended())
        changes = (depth.take_change(last.at_ns) for depth in self._depths.values())
        self.depth_changes = tuple(change for change in changes if change is not None)

    def dump(self) -> ViewsState:
        """Everything but the orders that ended, for a snapshot. To be written before the next `apply`."""
        return ViewsState(
            market=self._market.dump(),
            accounts=self._accounts.dump(),
            participants=tuple(self._participants.items()),
            depths=tuple(depth.dump() for depth in self._depths.values()),
            open_orders=self._open.all(),
            approvals=tuple(self._approvals.waiting.values()),
            uses=self._uses.dump(),
        )

    def _load(self, state: ViewsState) -> None:
        self._market = Market.load(state.market)
        self._uses = Uses(state.uses)
        self._accounts = Accounts(self._uses, state.accounts)
        self._participants = dict(state.participants)
        self._depths = {depth.listing: Depth.load(depth) for depth in state.depths}
        self._open = OpenOrders(state.open_orders)
        self._approvals = Approvals(state.approvals)
        for order in state.open_orders:
            self._index(order)
        self._handlers = self._make_handlers()

    def _index(self, order: OrderView) -> None:
        self._by_account.setdefault(order.account, {})[order.order_id] = order
        self._by_client_id[order.account, order.client_order_id] = order

    def _retire(self, ended: list[OrderView]) -> None:
        """Keep the newest ended orders, and let the oldest go."""
        for order in ended:
            if order.status == "rejected":
                self._by_client_id.setdefault((order.account, order.client_order_id), order)
            else:
                del self._by_account[order.account][order.order_id]
            self._recent[order.order_id] = order
        while len(self._recent) > self._recent_limit:
            _, order = self._recent.popitem(last=False)
            key = (order.account, order.client_order_id)
            if self._by_client_id.get(key) is order:
                del self._by_client_id[key]

    def _make_handlers(self) -> "dict[type, Handler]":
        """What to do about each event. Every type is here or among those that change no view."""
        market, accounts, approvals = self._market, self._accounts, self._approvals
        return {
            **dict.fromkeys(_CHANGES_NO_VIEW, _nothing),
            Rejected: self._on_rejected,
            OrderAccepted: self._on_accepted,
            Traded: self._on_traded,
            OrderRested: self._on_rested,
            OrderReplaced: self._on_replaced,
            OrderCancelled: self._on_ended,
            OrderExpired: self._on_ended,
            Posted: _plain(accounts.post),
            ParticipantRegistered: self._on_participant,
            AccountOpened: _plain(accounts.open),
            InstrumentAdded: _plain(market.add_instrument),
            LotRegistered: _plain(accounts.register),
            MovementInstructed: _plain(accounts.instruct),
            MovementConfirmed: lambda _, event: accounts.confirm(event.instruction_id),
            MovementRefused: lambda _, event: accounts.refuse(event.instruction_id),
            DeliverySettled: _plain(accounts.deliver),
            DeliveryFailed: self._on_failed,
            **use_handlers(self._uses, accounts),
            TradingHalted: lambda entry, event: market.halt(event, entry.at_ns),
            TradingResumed: _plain(market.resume),
            AccountRestricted: lambda entry, event: accounts.restrict(event, entry.at_ns),
            RestrictionLifted: _plain(accounts.lift),
            TradeBusted: self._on_busted,
            DayPricesRevised: _plain(market.revise),
            ApprovalRequested: approvals.request,
            ActApproved: _plain(approvals.decide),
            ActDeclined: _plain(approvals.decide),
            RulesAdopted: _plain(market.adopt),
            CalendarAnnounced: _plain(market.announce),
            ListingAdded: self._on_listing,
            DayOpened: self._on_day_opened,
            PhaseChanged: _plain(market.change_phase),
            BandSet: _plain(market.set_band),
            CloseStarted: _plain(market.start_close),
            CloseStepAdvanced: _plain(market.advance_close),
            ClosingPriceSet: _plain(market.set_closing_price),
            Reconciled: _plain(market.reconcile),
            DayClosed: _plain(market.close_day),
        }

    def _on_rejected(self, entry: Entry, event: Rejected) -> None:
        if isinstance(entry.command, SubmitOrder) and event.code not in NOT_FOR_THE_OWNER:
            self._open.reject(entry, entry.command, event)

    def _on_accepted(self, entry: Entry, event: OrderAccepted) -> None:
        self._index(self._open.accept(entry, event))

    def _on_traded(self, entry: Entry, event: Traded) -> None:
        self._open.trade(entry, event)
        self._market.trade(event)
        self._accounts.buy(event, resale_next_day=self._market.resale_next_day(entry.at_ns, event.listing))
        self._depths[event.listing].add(event.taker_side.opposite, event.price_fen, -event.quantity_tonnes)

    def _on_rested(self, _: Entry, event: OrderRested) -> None:
        self._depths[event.listing].add(event.side, event.price_fen, event.remaining_tonnes)

    def _on_replaced(self, _: Entry, event: OrderReplaced) -> None:
        self._open.replace(event)
        # One that kept its place stands there with less; any other has left the book and rests anew, if at all.
        left_tonnes = event.remaining_tonnes if event.kept_priority else 0
        depth = self._depths[event.listing]
        depth.add(event.side, event.before_price_fen, left_tonnes - event.before_remaining_tonnes)

    def _on_busted(self, _: Entry, event: TradeBusted) -> None:
        self._accounts.unbuy(event.trade_id, event.buyer, event.listing, event.quantity_tonnes)

    def _on_failed(self, _: Entry, event: DeliveryFailed) -> None:
        self._accounts.unbuy(event.trade_id, event.buyer, event.instrument, event.quantity_tonnes)

    def _on_ended(self, entry: Entry, event: OrderCancelled | OrderExpired) -> None:
        self._open.end(entry, event)
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


Handler: TypeAlias = Callable[[Entry, Any], None]


def _plain(handle: Callable[[Any], None]) -> Handler:
    return lambda _, event: handle(event)


_CHANGES_NO_VIEW: Final = (
    Replayed,
    OrdersCancelled,
    CashDeposited,
    WithdrawalRequested,
    WithdrawalPaid,
    WithdrawalReturned,
    TransferRequested,
    TransferCompleted,
    TransferFailed,
    RetirementRefused,
    LargeHolderNoted,
)
"""What they did to a balance, a `Posted` beside them says."""


def _nothing(_: Entry, __: Event) -> None:
    """Shown by nothing that is kept in memory."""
