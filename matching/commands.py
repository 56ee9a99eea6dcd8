"""What the exchange core can be told to do, beside what settlement can be told. Imperatives; frozen; whole numbers."""

from dataclasses import dataclass
from typing import TypeAlias

from matching.calendar import Announcement
from matching.listing import Listing
from matching.order import OrderId, Side, TimeInForce
from matching.rulebook import RuleChange
from settlement.commands import (
    AddInstrument,
    ClientCommand,
    DepositCash,
    OpenAccount,
    RegisterLot,
    RegisterParticipant,
    RequestTransferIn,
    ResolveInstruction,
)
from settlement.values import AccountId, AssetCode, ParticipantId, TradingDay


@dataclass(frozen=True, kw_only=True, slots=True)
class SubmitOrder(ClientCommand):
    """Place a listed limit order (Measures 2023, Art. 30). `client_id` is the order's own client id."""

    listing: AssetCode
    side: Side
    price_fen: int
    quantity_tonnes: int
    time_in_force: TimeInForce

    def content(self) -> str:
        """What makes it this order."""
        return (
            f"order|{self.listing}|{self.side}|{self.price_fen}|{self.quantity_tonnes}|{self.time_in_force}"
        )

    @property
    def id_space(self) -> str:
        """Orders have ids of their own."""
        return "order"


@dataclass(frozen=True, kw_only=True, slots=True)
class CancelOrder:
    """Take back what remains of an order. Cancelling twice is the same cancel, so it needs no client id."""

    participant: ParticipantId
    account: AccountId
    order_id: OrderId
    deadline_ns: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class CancelOrders:
    """Take back what remains of all the account's orders, or of those of one listing or side."""

    participant: ParticipantId
    account: AccountId
    listing: AssetCode | None = None
    side: Side | None = None
    deadline_ns: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class AdoptRules:
    """Enter dated values into the rule book (operator). A past effective time is refused."""

    changes: tuple[RuleChange, ...]


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


@dataclass(frozen=True, kw_only=True, slots=True)
class AdvanceClose:
    """Do the next portion of the close: at most `portion` orders or deliveries of the step at hand."""

    trading_day: TradingDay
    portion: int


@dataclass(frozen=True, kw_only=True, slots=True)
class RecordReconciliation:
    """Tell the core how the comparison with the registry ended, so that the close may go on."""

    trading_day: TradingDay
    breaks: int
    """Differences found; zero is a clean day."""
    digest_here: str
    digest_there: str


Command: TypeAlias = (
    SubmitOrder
    | CancelOrder
    | CancelOrders
    | AdvanceTime
    | ResolveInstruction
    | AdvanceClose
    | DepositCash
    | RequestTransferIn
    | RegisterParticipant
    | OpenAccount
    | AddInstrument
    | RegisterLot
    | AdoptRules
    | AnnounceCalendar
    | AddListing
    | OpenDay
    | CloseDay
    | RecordReconciliation
)
"""Everything that can be told to the core."""
