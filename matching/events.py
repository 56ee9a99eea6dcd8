"""What the exchange core says has happened, beside what settlement says. Past participles; frozen; whole numbers."""

from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from matching.calendar import Announcement
from matching.close_events import CloseEvent
from matching.listing import Listing
from matching.negotiated_events import AnyNegotiatedEvent
from matching.order import CancelReason, OrderId, Side, TimeInForce
from matching.personal_data import PeopleEvent
from matching.rulebook import RuleChange
from matching.safety_events import SafetyEvent
from matching.session import Phase
from settlement.cash_events import CashEvent
from settlement.custody_events import CustodyEvent
from settlement.events import AnySettlementEvent
from settlement.rejections import Figure
from settlement.retirement import Use
from settlement.use_events import UsesEvent
from settlement.values import AccountId, AssetCode, ParticipantId, TradeId, TradeMethod, TradingDay


@dataclass(frozen=True, kw_only=True, slots=True)
class Rejected:
    """The command was refused and changed nothing. The first guard that says no is the one that is told."""

    code: str
    limit: Figure | None
    actual: Figure | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Replayed:
    """The very same request was decided before: its answer is the one journaled at that sequence number."""

    first_seq: int


@dataclass(frozen=True, kw_only=True, slots=True)
class OrderEvent:
    """What every event of an account's own order tells."""

    order_id: OrderId
    account: AccountId
    client_order_id: str
    listing: AssetCode
    side: Side
    price_fen: int


@dataclass(frozen=True, kw_only=True, slots=True)
class OrderAccepted(OrderEvent):
    """An order has been accepted and its cover held. What it trades at once follows."""

    quantity_tonnes: int
    time_in_force: TimeInForce
    use: Use | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Traded:
    """Two orders met at the resting order's price."""

    trade_id: TradeId
    listing: AssetCode
    price_fen: int
    quantity_tonnes: int
    taker_side: Side
    """Side of the incoming order."""
    buy_order_id: OrderId
    buyer: AccountId
    buy_remaining_tonnes: int
    sell_order_id: OrderId
    seller: AccountId
    sell_remaining_tonnes: int
    trading_day: TradingDay


@dataclass(frozen=True, kw_only=True, slots=True)
class OrderRested:
    """What remains of an order stands in the book at its price."""

    order_id: OrderId
    listing: AssetCode
    side: Side
    price_fen: int
    remaining_tonnes: int


@dataclass(frozen=True, kw_only=True, slots=True)
class OrderCancelled(OrderEvent):
    """What remained was taken back and its cover released."""

    remaining_tonnes: int
    was_resting: bool
    """Whether it stood in the book, so that depth falls by what remained."""
    reason: CancelReason


@dataclass(frozen=True, kw_only=True, slots=True)
class OrderReplaced(OrderEvent):
    """An open order has another price or quantity. What it trades or where it rests now follows."""

    before_price_fen: int
    before_remaining_tonnes: int
    quantity_tonnes: int
    remaining_tonnes: int
    kept_priority: bool
    """Whether it still stands where it stood; otherwise it has left the book and comes anew."""


@dataclass(frozen=True, kw_only=True, slots=True)
class OrderExpired(OrderEvent):
    """The day closed on it; its cover was released."""

    remaining_tonnes: int


@dataclass(frozen=True, kw_only=True, slots=True)
class OrdersCancelled:
    """A mass cancel is done; each order's own event stands before this one."""

    account: AccountId
    count: int


@dataclass(frozen=True, kw_only=True, slots=True)
class LargeHolderNoted:
    """A purchase took a participant to or above the reporting threshold (大户报告)."""

    account: AccountId
    listing: AssetCode
    position_tonnes: int
    threshold_tonnes: int


@dataclass(frozen=True, kw_only=True, slots=True)
class ActDone:
    """What every event of an operator's act tells."""

    operator: ParticipantId
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class TradingHalted(ActDone):
    """No orders of the listing, or of the market, are taken until trading is resumed."""

    listing: AssetCode | None


@dataclass(frozen=True, kw_only=True, slots=True)
class TradingResumed(ActDone):
    """Trading goes on."""

    listing: AssetCode | None


@dataclass(frozen=True, kw_only=True, slots=True)
class AccountRestricted(ActDone):
    """The account's trading is frozen; the cancelled orders' own events follow."""

    account: AccountId


@dataclass(frozen=True, kw_only=True, slots=True)
class RestrictionLifted(ActDone):
    """The account may trade again."""

    account: AccountId


@dataclass(frozen=True, kw_only=True, slots=True)
class TradeBusted(ActDone):
    """A trade was undone before it was delivered; both sides got back what was theirs."""

    trade_id: TradeId
    listing: AssetCode
    seller: AccountId
    buyer: AccountId
    quantity_tonnes: int
    amount_fen: int
    method: TradeMethod = TradeMethod.LISTED


@dataclass(frozen=True, kw_only=True, slots=True)
class DayPricesRevised:
    """A listing's prices of the day, without the trade that was undone."""

    listing: AssetCode
    open_fen: int | None
    high_fen: int | None
    low_fen: int | None
    last_fen: int | None
    volume_tonnes: int
    turnover_fen: int


@dataclass(frozen=True, kw_only=True, slots=True)
class ApprovalRequested(ActDone):
    """An act waits for a second person. Its id is the sequence number of the command that asked for it."""

    approval_id: int
    act: str


@dataclass(frozen=True, kw_only=True, slots=True)
class ActApproved:
    """A second person agreed; what the act does follows."""

    approval_id: int
    act: str
    operator: ParticipantId


@dataclass(frozen=True, kw_only=True, slots=True)
class ActDeclined(ActDone):
    """A waiting act was let go."""

    approval_id: int
    act: str


@dataclass(frozen=True, kw_only=True, slots=True)
class RulesAdopted:
    """Dated values entered the rule book as one version."""

    version: int
    changes: tuple[RuleChange, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class CalendarAnnounced:
    """The trading days of a period are known."""

    announcement: Announcement


@dataclass(frozen=True, kw_only=True, slots=True)
class ListingAdded:
    """An instrument can be traded from its next open phase on."""

    listing: Listing


@dataclass(frozen=True, kw_only=True, slots=True)
class DayOpened:
    """A trading day has begun."""

    trading_day: TradingDay


@dataclass(frozen=True, kw_only=True, slots=True)
class PhaseChanged:
    """The market went from one phase of the day to another."""

    trading_day: TradingDay
    before: Phase
    phase: Phase


@dataclass(frozen=True, kw_only=True, slots=True)
class BandSet:
    """The prices a listing may trade at from now on, both ends included."""

    listing: AssetCode
    trading_day: TradingDay
    reference_fen: int
    lower_fen: int
    upper_fen: int


class CloseStep(StrEnum):
    """The steps of the close, in their order."""

    STOP_ORDERS = "stop_orders"
    """Done as the close starts: no new order is taken, and negotiations end."""
    EXPIRE_ORDERS = "expire_orders"
    CLOSING_PRICES = "closing_prices"
    """The close is what the next day's band is around."""
    OBLIGATIONS = "obligations"
    """Trade by trade, choose the serials and instruct the registry."""
    REGISTRY = "registry"
    """The registry answers; with its answer each delivery settles against payment, fees included, or fails and returns."""
    DELIVERY = "delivery"
    """Nothing is left but what is parked: how the day's deliveries ended is counted."""
    FEES = "fees"
    """What the day's fees came to is held against the ledger."""
    PUBLICATION = "publication"
    """The bulletin's figures are set and the books cut; then every account is issued its statement."""
    RECONCILE = "reconcile"
    """Money is compared with the bank's, units with the registry's."""
    ROLL_DATE = "roll_date"


@dataclass(frozen=True, kw_only=True, slots=True)
class CloseStarted:
    """No new orders; the close is under way."""

    trading_day: TradingDay
    operator: ParticipantId | None = None
    """Who asked for it; nobody where the clock did."""
    reason: str | None = None
    """Why before its time."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CloseStepAdvanced:
    """So much of a step is done. It is complete when `done` is `total`."""

    trading_day: TradingDay
    step: CloseStep
    done: int
    total: int


@dataclass(frozen=True, kw_only=True, slots=True)
class ClosingPriceSet:
    """The day's prices of a listing; with nothing traded, all but the close are absent."""

    listing: AssetCode
    trading_day: TradingDay
    reference_fen: int
    """What the day's band was around: the close before, or the announced first reference price."""
    open_fen: int | None
    high_fen: int | None
    low_fen: int | None
    close_fen: int
    volume_tonnes: int
    turnover_fen: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Reconciled:
    """Units here were compared with the registry's record."""

    trading_day: TradingDay
    breaks: int
    """Differences this comparison found; zero is a clean one."""
    digest_here: str
    digest_there: str
    open_breaks: int = 0
    """Breaks not resolved yet, those it found included."""
    on_demand: bool = False
    """Made between times; the day's own one is the one its close waited for."""
    as_of: int = 0
    """Sequence number of the registry's journal at which both sides were taken."""


@dataclass(frozen=True, kw_only=True, slots=True)
class DayClosed:
    """The close is complete; the next day is the one named."""

    trading_day: TradingDay
    next_day: TradingDay


Event: TypeAlias = (
    Rejected
    | Replayed
    | OrderAccepted
    | Traded
    | OrderRested
    | OrderReplaced
    | OrderCancelled
    | OrderExpired
    | OrdersCancelled
    | AnySettlementEvent
    | CashEvent
    | UsesEvent
    | LargeHolderNoted
    | TradingHalted
    | TradingResumed
    | AccountRestricted
    | RestrictionLifted
    | TradeBusted
    | CustodyEvent
    | PeopleEvent
    | DayPricesRevised
    | ApprovalRequested
    | ActApproved
    | ActDeclined
    | RulesAdopted
    | CalendarAnnounced
    | ListingAdded
    | DayOpened
    | PhaseChanged
    | BandSet
    | CloseStarted
    | CloseStepAdvanced
    | ClosingPriceSet
    | Reconciled
    | DayClosed
    | CloseEvent
    | AnyNegotiatedEvent
    | SafetyEvent
)
"""Everything the core can say."""
