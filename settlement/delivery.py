"""A delivery: one trade's units against its money, all or nothing (货银对付, delivery versus payment, PFMI model 1).

    state       instruct    wait     settle   fail    return   bust    park    retry    unwind
    pending     instructed  waiting  -        failed  -        busted  parked  -        -
    waiting     instructed  -        -        failed  -        busted  parked  -        -
    instructed  -           -        settled  failed  pending  -       parked  -        -
    parked      -           -        -        -       -        -       -       pending  failed

From the trade on both legs lie in the `DELIVERING` bucket of their owners. `instruct` chooses the serials and asks
the registry. `settle` moves both legs in one step, on the registry's confirmation only; `fail` gives both back, on
its refusal only. `return` is for a delivery that stood in one movement with another that was refused: it is
instructed again in a movement of its own name. `bust` undoes the trade while the registry has not been asked. A
pending one fails when the seller's units have been frozen since. `park` is for one that the registry would not be asked
by us at all: nothing is known against it, so both legs stay committed until operators `retry` it or `unwind` it.

A purchase may lack money that its buyer is still to receive for what it has sold (`proceeds`). It is not instructed then,
it waits; and it is parked when the sales it leans on are.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from settlement.events import LotSlice
from settlement.retirement import Use
from settlement.values import AccountId, AssetCode, TradeId, TradeMethod, TradingDay


class DeliveryState(StrEnum):
    """Where a delivery stands."""

    PENDING = "pending"
    WAITING = "waiting"
    """To be instructed as soon as it lacks nothing."""
    INSTRUCTED = "instructed"
    SETTLED = "settled"
    FAILED = "failed"
    BUSTED = "busted"
    PARKED = "parked"


class DeliveryStep(StrEnum):
    """What can happen to a delivery."""

    INSTRUCT = "instruct"
    WAIT = "wait"
    SETTLE = "settle"
    FAIL = "fail"
    RETURN = "return"
    BUST = "bust"
    PARK = "park"
    RETRY = "retry"
    UNWIND = "unwind"


LIFE: Final[dict[tuple[DeliveryState, DeliveryStep], DeliveryState]] = {
    (DeliveryState.PENDING, DeliveryStep.INSTRUCT): DeliveryState.INSTRUCTED,
    (DeliveryState.INSTRUCTED, DeliveryStep.SETTLE): DeliveryState.SETTLED,
    (DeliveryState.INSTRUCTED, DeliveryStep.FAIL): DeliveryState.FAILED,
    (DeliveryState.INSTRUCTED, DeliveryStep.RETURN): DeliveryState.PENDING,
    (DeliveryState.PENDING, DeliveryStep.BUST): DeliveryState.BUSTED,
    (DeliveryState.PENDING, DeliveryStep.FAIL): DeliveryState.FAILED,
    (DeliveryState.PENDING, DeliveryStep.WAIT): DeliveryState.WAITING,
    (DeliveryState.PENDING, DeliveryStep.PARK): DeliveryState.PARKED,
    (DeliveryState.WAITING, DeliveryStep.INSTRUCT): DeliveryState.INSTRUCTED,
    (DeliveryState.WAITING, DeliveryStep.FAIL): DeliveryState.FAILED,
    (DeliveryState.WAITING, DeliveryStep.BUST): DeliveryState.BUSTED,
    (DeliveryState.WAITING, DeliveryStep.PARK): DeliveryState.PARKED,
    (DeliveryState.INSTRUCTED, DeliveryStep.PARK): DeliveryState.PARKED,
    (DeliveryState.PARKED, DeliveryStep.RETRY): DeliveryState.PENDING,
    (DeliveryState.PARKED, DeliveryStep.UNWIND): DeliveryState.FAILED,
}
"""(state, step) → state. A pair that is absent is a fault of ours."""


@dataclass(kw_only=True, slots=True)
class Delivery:
    """The obligation one trade left behind. Only `state` ever changes, through `step`, and what is lacking."""

    trade_id: TradeId
    trading_day: TradingDay
    instrument: AssetCode
    seller: AccountId
    buyer: AccountId
    quantity_tonnes: int
    amount_fen: int
    resale_next_day: bool
    """Whether the buyer may not sell these units before the next trading day."""
    buyer_fee_fen: int = 0
    """Committed with the amount, paid when it settles."""
    seller_fee_fen: int = 0
    """Paid out of the amount when it settles; never above it."""
    use: Use | None = None
    """What the buyer has bought them to be retired for."""
    method: TradeMethod = TradeMethod.LISTED
    lots: tuple[LotSlice, ...] = ()
    """The very serials, where the parties named them; they lie set aside until they are instructed."""
    proceeds_at_once: bool = False
    """Whether the seller may buy with what it will receive before this has settled."""
    lacking_fen: int = 0
    """What of the buyer's money is not there yet: `proceeds` keeps account of it."""
    state: DeliveryState = DeliveryState.PENDING

    @property
    def proceeds_fen(self) -> int:
        """What the seller receives."""
        return self.amount_fen - self.seller_fee_fen

    @property
    def committed_fen(self) -> int:
        """The buyer's money in this delivery, its fee included."""
        return self.amount_fen + self.buyer_fee_fen

    def step(self, what: DeliveryStep) -> None:
        """Go where the table says; a step it does not know is a fault of ours."""
        self.state = LIFE[self.state, what]
