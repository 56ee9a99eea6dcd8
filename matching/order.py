"""A listed order and its life.

An order is accepted or rejected once. Accepted, it rests, trades, and ends filled, cancelled or expired; nothing
follows an end. It is valid for the day (`DAY`), for what it can trade at once (`IOC`), or for all of itself at once
or nothing (`FOK`).

    state             trade_part        trade_rest   cancel      expire
    new               partially_filled  filled       cancelled   expired
    partially_filled  partially_filled  filled       cancelled   expired
    filled            -                 -            -           -
    cancelled         -                 -            -           -
    expired           -                 -            -           -

A rejected order never enters this table: it never was an order, only an attempt, and is kept as such.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NewType

from matching.fees import NO_FEE, FeeTerms
from settlement.retirement import Use
from settlement.values import AccountId, AssetCode, ParticipantId

OrderId = NewType("OrderId", int)
"""The sequence number of the command that submitted the order."""


class Side(StrEnum):
    """Which way."""

    BUY = "buy"
    SELL = "sell"

    @property
    def opposite(self) -> "Side":
        """The other way."""
        return Side.SELL if self is Side.BUY else Side.BUY


class TimeInForce(StrEnum):
    """How long an order waits."""

    DAY = "day"
    """Until filled, cancelled, or the day closes."""
    IOC = "ioc"
    """Trade what can be traded at once, cancel the rest."""
    FOK = "fok"
    """Trade all of it at once, or nothing."""


class OrderStatus(StrEnum):
    """Where an order stands. `rejected` is an attempt that never became an order."""

    NEW = "new"
    PARTIALLY_FILLED = "partially_filled"
    FILLED = "filled"
    CANCELLED = "cancelled"
    EXPIRED = "expired"


class CancelReason(StrEnum):
    """Why an order ended without trading in full."""

    REQUESTED = "requested"
    IOC_REMAINDER = "ioc_remainder"
    FOK_UNFILLED = "fok_unfilled"
    SELF_TRADE = "self_trade"
    """It stood in the way of an order of the same beneficial owner."""
    RESTRICTED = "restricted"
    """The account's trading was frozen."""
    FROZEN = "frozen"
    """Its account was frozen, or the units that covered it."""
    OUTSIDE_BAND = "outside_band"
    """The price band was narrowed past it."""
    MANDATE_ENDED = "mandate_ended"
    """Who placed it for the owner may not act for it any more."""
    DEAD_MAN = "dead_man"
    """The account's dead man's switch was not held in time."""
    DISCONNECTED = "disconnected"
    """Its program's connection was lost and did not come back in time."""
    PROCEEDS_LOST = "proceeds_lost"
    """It leaned on a sale that came to nothing, or was parked."""
    KILL_SWITCH = "kill_switch"
    """An operator stopped the account, its participant or the market."""


class OrderStep(StrEnum):
    """What can happen to an order."""

    TRADE_PART = "trade_part"
    TRADE_REST = "trade_rest"
    CANCEL = "cancel"
    EXPIRE = "expire"


LIFE: Final[dict[tuple[OrderStatus, OrderStep], OrderStatus]] = {
    (OrderStatus.NEW, OrderStep.TRADE_PART): OrderStatus.PARTIALLY_FILLED,
    (OrderStatus.NEW, OrderStep.TRADE_REST): OrderStatus.FILLED,
    (OrderStatus.NEW, OrderStep.CANCEL): OrderStatus.CANCELLED,
    (OrderStatus.NEW, OrderStep.EXPIRE): OrderStatus.EXPIRED,
    (OrderStatus.PARTIALLY_FILLED, OrderStep.TRADE_PART): OrderStatus.PARTIALLY_FILLED,
    (OrderStatus.PARTIALLY_FILLED, OrderStep.TRADE_REST): OrderStatus.FILLED,
    (OrderStatus.PARTIALLY_FILLED, OrderStep.CANCEL): OrderStatus.CANCELLED,
    (OrderStatus.PARTIALLY_FILLED, OrderStep.EXPIRE): OrderStatus.EXPIRED,
}
"""(status, step) → status. A pair that is absent is a fault of ours."""


def cover_fen(amount_fen: int, fee: FeeTerms, turnover_fen: int = 0) -> int:
    """What a buyer must hold to trade that much more: the amount, and its fee after what has been turned over."""
    return amount_fen + fee.of_part(turnover_fen, amount_fen)


@dataclass(kw_only=True, slots=True)
class Order:
    """An accepted order. Its status changes through `step` only; price and quantity change when it is replaced."""

    order_id: OrderId
    account: AccountId
    owner: ParticipantId
    """The account's owner."""
    client_order_id: str
    listing: AssetCode
    side: Side
    price_fen: int
    quantity_tonnes: int
    remaining_tonnes: int
    time_in_force: TimeInForce
    fee: FeeTerms = NO_FEE
    """What its side pays: the terms in force when it was accepted or last replaced. A buyer's cover includes it."""
    turnover_fen: int = 0
    """What has been traded of it, undone trades included: what its fee is reckoned from."""
    use: Use | None = None
    """What a purchase is to be retired for."""
    actor: ParticipantId | None = None
    """Who placed it, or replaced it last, for the owner by a mandate; none when the owner did."""
    status: OrderStatus = OrderStatus.NEW

    @property
    def hands(self) -> tuple[ParticipantId, ...]:
        """Whose order it is, and who acts for them: two orders with a hand in common never trade with each other."""
        return (self.owner,) if self.actor is None else (self.owner, self.actor)

    @property
    def cover(self) -> int:
        """What the order must hold: fen for a buyer, tonnes for a seller."""
        if self.side is Side.SELL:
            return self.remaining_tonnes
        return cover_fen(self.remaining_tonnes * self.price_fen, self.fee, self.turnover_fen)

    def fee_on(self, amount_fen: int) -> int:
        """What it pays for trading that much next."""
        return self.fee.of_part(self.turnover_fen, amount_fen)

    def step(self, what: OrderStep) -> None:
        """Go where the table says; a step it does not know is a fault of ours."""
        self.status = LIFE[self.status, what]

    def fill(self, quantity_tonnes: int, price_fen: int) -> None:
        """Trade that much of what remains, at that price."""
        assert 0 < quantity_tonnes <= self.remaining_tonnes, f"order {self.order_id} overfilled"
        self.remaining_tonnes -= quantity_tonnes
        self.turnover_fen += quantity_tonnes * price_fen
        self.step(OrderStep.TRADE_PART if self.remaining_tonnes else OrderStep.TRADE_REST)
