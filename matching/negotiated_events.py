"""What the core says of negotiated transfers. Every step is told to both sides.

The seller or the buyer is absent in an open offer that nobody has taken. Nothing here is for the public before the
close, which publishes `NegotiatedTotalsSet`; open offers are for every participant.
"""

from dataclasses import dataclass
from typing import TypeAlias

from matching.negotiated import ExpiryCause, NegotiatedState
from matching.order import Side
from matching.terms import NegotiatedId, NegotiatedTerms
from settlement.events import LotSlice
from settlement.rejections import Figure
from settlement.values import AccountId, AssetCode, ParticipantId, TradeId, TradingDay


@dataclass(frozen=True, kw_only=True, slots=True)
class NegotiatedEvent:
    """What every step tells: which transfer, and whom it concerns."""

    transfer_id: NegotiatedId
    seller: AccountId | None
    buyer: AccountId | None


@dataclass(frozen=True, kw_only=True, slots=True)
class NegotiatedTransferFiled(NegotiatedEvent):
    """A transfer was proposed, and the proposer's cover is held. Its id is the sequence number of the filing."""

    proposer: Side
    terms: NegotiatedTerms
    terms_hash: str
    client_id: str


@dataclass(frozen=True, kw_only=True, slots=True)
class NegotiatedTransferCountered(NegotiatedEvent):
    """Other terms stand now, made by the other side; the earlier ones cannot be confirmed any more."""

    proposer: Side
    terms: NegotiatedTerms
    terms_hash: str


@dataclass(frozen=True, kw_only=True, slots=True)
class NegotiatedTransferConfirmed(NegotiatedEvent):
    """Both sides agree to these terms. What comes of it follows at once: execution, review or rejection."""

    by: AccountId
    terms: NegotiatedTerms
    """As confirmed: the taker of an open offer and the serials a seller named are in them."""
    terms_hash: str
    """What was quoted: of the terms as they were read."""


@dataclass(frozen=True, kw_only=True, slots=True)
class NegotiatedTransferUnderReview(NegotiatedEvent):
    """The exchange looks at it before it is executed; both covers are held."""


@dataclass(frozen=True, kw_only=True, slots=True)
class NegotiatedTransferReviewed(NegotiatedEvent):
    """The exchange has decided about it; execution or rejection follows."""

    operator: ParticipantId
    reason: str
    approved: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class NegotiatedTransferExecuted(NegotiatedEvent):
    """It has become a trade: both covers are committed to a delivery. Never in quotes, open, high, low or close."""

    trade_id: TradeId
    listing: AssetCode
    price_fen: int
    quantity_tonnes: int
    lots: tuple[LotSlice, ...]
    """The serials to be delivered where they are named; empty where they follow from their turn."""
    trading_day: TradingDay


@dataclass(frozen=True, kw_only=True, slots=True)
class NegotiatedTransferDeclined(NegotiatedEvent):
    """The side whose answer was awaited said no; the cover was released."""

    by: AccountId


@dataclass(frozen=True, kw_only=True, slots=True)
class NegotiatedTransferWithdrawn(NegotiatedEvent):
    """The side whose terms stood took them back; its cover was released."""

    by: AccountId


@dataclass(frozen=True, kw_only=True, slots=True)
class NegotiatedTransferExpired(NegotiatedEvent):
    """Nobody decided in time; what was held was released."""

    cause: ExpiryCause


@dataclass(frozen=True, kw_only=True, slots=True)
class NegotiatedTransferRejected(NegotiatedEvent):
    """The exchange ended it: a check at execution, a restriction, a narrowed band, or its review."""

    code: str
    """The reason, from the catalogue of errors."""
    limit: Figure | None
    actual: Figure | None


@dataclass(frozen=True, kw_only=True, slots=True)
class NegotiatedTransferKnown(NegotiatedEvent):
    """The agreement of that number has been filed already, on the same terms: nothing new was filed."""

    agreement_no: str
    state: NegotiatedState


@dataclass(frozen=True, kw_only=True, slots=True)
class NegotiatedTotalsSet:
    """What was transferred by negotiation in a listing that day; published after the close, apart from listed trading.

    Told with the closing price, and only of a listing of which something was transferred.
    """

    listing: AssetCode
    trading_day: TradingDay
    trades: int
    volume_tonnes: int
    turnover_fen: int


AnyNegotiatedEvent: TypeAlias = (
    NegotiatedTransferFiled
    | NegotiatedTransferCountered
    | NegotiatedTransferConfirmed
    | NegotiatedTransferUnderReview
    | NegotiatedTransferReviewed
    | NegotiatedTransferExecuted
    | NegotiatedTransferDeclined
    | NegotiatedTransferWithdrawn
    | NegotiatedTransferExpired
    | NegotiatedTransferRejected
    | NegotiatedTransferKnown
    | NegotiatedTotalsSet
)
"""Everything the core can say of negotiated transfers."""
