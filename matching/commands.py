"""What the exchange core can be told to do, beside what settlement can be told. Imperatives; frozen; whole numbers."""

from dataclasses import dataclass
from typing import TypeAlias

from matching.access import PermitAccess
from matching.acts import (
    Act,
    DecideClaim,
    GoOnWithoutRegistry,
    GrantMandate,
    LiftFreeze,
    PlaceFreeze,
    ResolveBreak,
    RetryDeliveries,
    RetryRemoval,
    RevokeMandate,
    SettleCashBreak,
    SupersedeBankStatement,
    UnwindDelivery,
)
from matching.calendar import Announcement
from matching.close_events import IssuedStatement
from matching.listing import Listing
from matching.negotiated_commands import NegotiationCommand
from matching.order import OrderId, Side, TimeInForce
from matching.personal_data import ReleaseSubject, RestrictSubject
from matching.rulebook import RuleChange
from matching.safety_commands import LiftKillSwitch, SafetyCommand, ThrowKillSwitch
from matching.terms import NegotiatedId
from settlement.commands import (
    AddInstrument,
    ClientCommand,
    DepositCash,
    OpenAccount,
    PayWithdrawal,
    RecordBankStatement,
    RegisterLot,
    RegisterParticipant,
    ReportBreaks,
    RequestTransferIn,
    RequestTransferOut,
    RequestWithdrawal,
    ResolveInstruction,
    ReturnWithdrawal,
    TakeNotice,
)
from settlement.retirement import RetirementId, Use
from settlement.use_commands import UseCommand
from settlement.values import AccountId, AssetCode, ParticipantId, TradeId, TradingDay


@dataclass(frozen=True, kw_only=True, slots=True)
class SubmitOrder(ClientCommand):
    """Place a listed limit order (Measures 2023, Art. 30). `client_id` is the order's own client id."""

    listing: AssetCode
    side: Side
    price_fen: int
    quantity_tonnes: int
    time_in_force: TimeInForce
    use: Use | None = None
    """A purchase to be retired on settlement, never to be sold."""

    def content(self) -> str:
        """What makes it this order."""
        terms = f"{self.side}|{self.price_fen}|{self.quantity_tonnes}|{self.time_in_force}"
        return (
            f"order|{self.listing}|{terms}"
            if self.use is None
            else f"order|{self.listing}|{terms}|{self.use}"
        )

    @property
    def id_space(self) -> str:
        """Orders have ids of their own."""
        return "order"


@dataclass(frozen=True, kw_only=True, slots=True)
class ReplaceOrder(ClientCommand):
    """Change the price or the quantity of an open order, keeping its id.

    The order keeps its place in the queue only when its quantity falls at the same price; otherwise it comes anew,
    and may trade at once.
    """

    order_id: OrderId
    price_fen: int | None = None
    """The new limit; the old one when absent."""
    quantity_tonnes: int | None = None
    """The new whole quantity, what has been filled included; the old one when absent."""

    def content(self) -> str:
        """What makes it this change."""
        return f"replace|{self.order_id}|{self.price_fen}|{self.quantity_tonnes}"


@dataclass(frozen=True, kw_only=True, slots=True)
class CancelOrder:
    """Take back what remains of an order. Cancelling twice is the same cancel, so it needs no client id."""

    participant: ParticipantId
    account: AccountId
    order_id: OrderId
    deadline_ns: int | None = None
    session: str = ""
    """From which connection it came, for surveillance; decides nothing."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CancelOrders:
    """Take back what remains of all the account's orders, or of those of one listing or side."""

    participant: ParticipantId
    account: AccountId
    listing: AssetCode | None = None
    side: Side | None = None
    deadline_ns: int | None = None
    session: str = ""
    """From which connection it came, for surveillance; decides nothing."""


@dataclass(frozen=True, kw_only=True, slots=True)
class AdoptRules(Act):
    """Enter dated values into the rule book. They take effect after the notice period, or at once in an emergency."""

    changes: tuple[RuleChange, ...]
    emergency: bool = False

    @property
    def name(self) -> str:
        """Only an emergency is exceptional."""
        return "emergency_rules" if self.emergency else ""


@dataclass(frozen=True, kw_only=True, slots=True)
class HaltTrading(Act):
    """Stop taking and matching orders of one listing, or of the market. Orders can still be taken back."""

    listing: AssetCode | None = None

    @property
    def name(self) -> str:
        """Its name."""
        return "halt"


@dataclass(frozen=True, kw_only=True, slots=True)
class ResumeTrading(Act):
    """Let trading go on. The session is not extended by a halt."""

    listing: AssetCode | None = None

    @property
    def name(self) -> str:
        """Its name."""
        return "resume"


@dataclass(frozen=True, kw_only=True, slots=True)
class RestrictAccount(Act):
    """Freeze an account's trading: its open orders are cancelled, their cover comes back, new ones are refused."""

    account: AccountId

    @property
    def name(self) -> str:
        """Its name."""
        return "restrict_account"


@dataclass(frozen=True, kw_only=True, slots=True)
class LiftRestriction(Act):
    """Let a restricted account trade again."""

    account: AccountId

    @property
    def name(self) -> str:
        """Its name."""
        return "lift_restriction"


@dataclass(frozen=True, kw_only=True, slots=True)
class BustTrade(Act):
    """Undo a trade whose delivery has not been instructed: both sides get back what was theirs."""

    trade_id: TradeId

    @property
    def name(self) -> str:
        """Its name."""
        return "bust_trade"


@dataclass(frozen=True, kw_only=True, slots=True)
class RetryRetirement(Act):
    """Have the registry asked again for a retirement it refused."""

    retirement_id: RetirementId

    @property
    def name(self) -> str:
        """Asking again needs no second person."""
        return ""


@dataclass(frozen=True, kw_only=True, slots=True)
class ReviewNegotiatedTransfer(Act):
    """Let a confirmed transfer be executed, or end it, where the rule book has the exchange review such transfers."""

    transfer_id: NegotiatedId
    approved: bool

    @property
    def name(self) -> str:
        """Its name."""
        return "review_negotiated"


@dataclass(frozen=True, kw_only=True, slots=True)
class ApproveAct:
    """The second person agrees: the act is done now, if it still can be."""

    operator: ParticipantId
    approval_id: int


@dataclass(frozen=True, kw_only=True, slots=True)
class DeclineAct:
    """The second person, or the first, lets a waiting act go."""

    operator: ParticipantId
    approval_id: int
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class AnnounceCalendar:
    """Announce every trading day of a period (operator). Days are not computed: the exchange announces them."""

    announcement: Announcement


@dataclass(frozen=True, kw_only=True, slots=True)
class AddListing:
    """List an instrument for trading, with its announced first reference price (operator)."""

    listing: Listing


@dataclass(frozen=True, kw_only=True, slots=True)
class AdvanceTime:
    """Time has passed: let the day's phases follow. Every command does the same at its own time."""


@dataclass(frozen=True, kw_only=True, slots=True)
class OpenDay:
    """Begin the first trading day (operator). Later days are begun by the close of the one before."""

    trading_day: TradingDay


@dataclass(frozen=True, kw_only=True, slots=True)
class CloseDay:
    """Begin the close of this trading day (operator). It is then worked off by `AdvanceClose`."""

    trading_day: TradingDay
    operator: ParticipantId | None = None
    reason: str | None = None
    """Needed where the clock closes the day, and its sessions are not over."""


@dataclass(frozen=True, kw_only=True, slots=True)
class AdvanceClose:
    """Do the next portion of the close: at most `portion` orders or deliveries of the step at hand."""

    trading_day: TradingDay
    portion: int


@dataclass(frozen=True, kw_only=True, slots=True)
class RecordReconciliation:
    """Tell the core how the comparison with the registry ended. The day's own one lets the close go on."""

    trading_day: TradingDay
    breaks: int
    """Differences found; zero is a clean day."""
    digest_here: str
    digest_there: str
    on_demand: bool = False
    """Made between times, in any phase: it is recorded, and no close goes on by it."""
    as_of: int = 0
    """Sequence number of the registry's journal at which both sides were taken."""


@dataclass(frozen=True, kw_only=True, slots=True)
class IssueStatements:
    """Tell the core that these accounts, the next in the order they were opened, have their statements of the day."""

    trading_day: TradingDay
    statements: tuple[IssuedStatement, ...]


AnyAct: TypeAlias = (
    AdoptRules
    | HaltTrading
    | ResumeTrading
    | RestrictAccount
    | LiftRestriction
    | BustTrade
    | RetryRetirement
    | PlaceFreeze
    | LiftFreeze
    | DecideClaim
    | RetryRemoval
    | ResolveBreak
    | RetryDeliveries
    | UnwindDelivery
    | SettleCashBreak
    | SupersedeBankStatement
    | GoOnWithoutRegistry
    | ReviewNegotiatedTransfer
    | GrantMandate
    | RevokeMandate
    | ThrowKillSwitch
    | LiftKillSwitch
    | RestrictSubject
    | ReleaseSubject
    | PermitAccess
)
"""Every act that can be made to wait for a second person."""

Command: TypeAlias = (
    SubmitOrder
    | ReplaceOrder
    | CancelOrder
    | CancelOrders
    | AdvanceTime
    | ResolveInstruction
    | AdvanceClose
    | DepositCash
    | RequestWithdrawal
    | PayWithdrawal
    | ReturnWithdrawal
    | RecordBankStatement
    | RequestTransferIn
    | RequestTransferOut
    | TakeNotice
    | ReportBreaks
    | UseCommand
    | RegisterParticipant
    | OpenAccount
    | AddInstrument
    | RegisterLot
    | AnyAct
    | SafetyCommand
    | ApproveAct
    | DeclineAct
    | AnnounceCalendar
    | AddListing
    | OpenDay
    | CloseDay
    | RecordReconciliation
    | IssueStatements
    | NegotiationCommand
)
"""Everything that can be told to the core."""
