"""A negotiated transfer and its life: one object for both sides (协议转让; Measures 2023, Art. 30).

    state         counter  confirm    review        execute   decline   withdraw   expire   reject
    filed         filed    confirmed  -             -         declined  withdrawn  expired  rejected
    confirmed     -        -          under_review  executed  -         -          -        rejected
    under_review  -        -          -             executed  -         -          expired  rejected
    executed      -        -          -             -         -         -          -        -
    declined      -        -          -             -         -         -          -        -
    withdrawn     -        -          -             -         -         -          -        -
    expired       -        -          -             -         -         -          -        -
    rejected      -        -          -             -         -         -          -        -

While it is filed, the side whose terms stand (the proposer) has its cover held and may withdraw; the other may
confirm, counter or decline. A counter-proposal turns the roles. `confirmed` lasts no longer than the command that
confirms it, unless the exchange reviews such transfers: then both covers are held while it is under review.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from matching.fees import NO_FEE, FeeTerms
from matching.order import Side, cover_fen
from matching.terms import NegotiatedId, NegotiatedTerms
from settlement.events import LotSlice
from settlement.named_lots import slices_of
from settlement.values import CASH, AccountId, AssetCode, ParticipantId, TradeId


class NegotiatedState(StrEnum):
    """Where a negotiated transfer stands."""

    FILED = "filed"
    CONFIRMED = "confirmed"
    UNDER_REVIEW = "under_review"
    EXECUTED = "executed"
    DECLINED = "declined"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"
    REJECTED = "rejected"
    """By the exchange: the checks at execution, a restriction, a narrowed band, or its review."""


class NegotiatedStep(StrEnum):
    """What can happen to a negotiated transfer."""

    COUNTER = "counter"
    CONFIRM = "confirm"
    REVIEW = "review"
    EXECUTE = "execute"
    DECLINE = "decline"
    WITHDRAW = "withdraw"
    EXPIRE = "expire"
    REJECT = "reject"


LIFE: Final[dict[tuple[NegotiatedState, NegotiatedStep], NegotiatedState]] = {
    (NegotiatedState.FILED, NegotiatedStep.COUNTER): NegotiatedState.FILED,
    (NegotiatedState.FILED, NegotiatedStep.CONFIRM): NegotiatedState.CONFIRMED,
    (NegotiatedState.FILED, NegotiatedStep.DECLINE): NegotiatedState.DECLINED,
    (NegotiatedState.FILED, NegotiatedStep.WITHDRAW): NegotiatedState.WITHDRAWN,
    (NegotiatedState.FILED, NegotiatedStep.EXPIRE): NegotiatedState.EXPIRED,
    (NegotiatedState.FILED, NegotiatedStep.REJECT): NegotiatedState.REJECTED,
    (NegotiatedState.CONFIRMED, NegotiatedStep.REVIEW): NegotiatedState.UNDER_REVIEW,
    (NegotiatedState.CONFIRMED, NegotiatedStep.EXECUTE): NegotiatedState.EXECUTED,
    (NegotiatedState.CONFIRMED, NegotiatedStep.REJECT): NegotiatedState.REJECTED,
    (NegotiatedState.UNDER_REVIEW, NegotiatedStep.EXECUTE): NegotiatedState.EXECUTED,
    (NegotiatedState.UNDER_REVIEW, NegotiatedStep.EXPIRE): NegotiatedState.EXPIRED,
    (NegotiatedState.UNDER_REVIEW, NegotiatedStep.REJECT): NegotiatedState.REJECTED,
}
"""(state, step) → state. A pair that is absent is a fault of ours."""


class ExpiryCause(StrEnum):
    """What ended a negotiated transfer that nobody had decided."""

    OWN_TIME = "own_time"
    SESSION_END = "session_end"


@dataclass(frozen=True, kw_only=True, slots=True)
class NegotiatedCover:
    """What one side has set aside for a transfer."""

    account: AccountId
    asset: AssetCode
    amount: int
    """Fen or tonnes."""
    lots: tuple[LotSlice, ...]
    """The very serials, where they are named."""


@dataclass(kw_only=True, slots=True)
class NegotiatedTransfer:
    """One negotiation. Its state changes through `step` only; its terms when it is countered or taken up."""

    terms: NegotiatedTerms
    proposer: Side
    """Whose terms stand: that side's cover is held."""
    buyer_fee: FeeTerms = NO_FEE
    """What the buyer pays, and its cover includes: the terms in force when it filed, countered or confirmed."""
    seller_fee: FeeTerms = NO_FEE
    """What the seller pays out of the amount, likewise."""
    state: NegotiatedState = NegotiatedState.FILED
    covered: tuple[Side, ...] = ()
    """The sides whose cover is held: the proposer's while it is filed, both under review."""
    to_everyone: bool = False
    """Whether it was filed as an open offer."""
    trade_id: TradeId | None = None
    """What it became."""
    proposed_by: ParticipantId | None = None
    """Who proposed the terms for the proposer's owner by a mandate; none when the owner did."""

    @property
    def transfer_id(self) -> NegotiatedId:
        """The sequence number of its filing."""
        return self.terms.transfer_id

    @property
    def amount_fen(self) -> int:
        """What the units cost, fees apart."""
        return self.terms.price_fen * self.terms.quantity_tonnes

    @property
    def is_open(self) -> bool:
        """Whether anything can still come of it."""
        return self.state in (NegotiatedState.FILED, NegotiatedState.UNDER_REVIEW)

    def concerns(self, account: AccountId) -> bool:
        """Whether the account is one of the two sides."""
        return account in (self.terms.seller, self.terms.buyer)

    def covers(self) -> tuple[NegotiatedCover, ...]:
        """All that is set aside for it now."""
        return tuple(self.cover(side) for side in self.covered)

    def cover(self, side: Side) -> NegotiatedCover:
        """What that side has to set aside."""
        account = self.terms.account_of(side)
        assert account is not None, f"nobody is to {side} in {self.transfer_id}"
        if side is Side.BUY:
            amount_fen = cover_fen(self.amount_fen, self.buyer_fee)
            return NegotiatedCover(account=account, asset=CASH, amount=amount_fen, lots=())
        return NegotiatedCover(
            account=account,
            asset=self.terms.listing,
            amount=self.terms.quantity_tonnes,
            lots=slices_of(self.terms.lots),
        )

    def check(self) -> None:
        """Whose cover is held follows from the state."""
        match self.state:
            case NegotiatedState.FILED:
                assert self.covered == (self.proposer,), f"{self.transfer_id} covered by {self.covered}"
            case NegotiatedState.UNDER_REVIEW:
                assert set(self.covered) == set(Side), f"{self.transfer_id} covered by {self.covered}"
            case _:
                assert not self.covered, f"{self.transfer_id} has ended and is covered"

    def step(self, what: NegotiatedStep) -> None:
        """Go where the table says; a step it does not know is a fault of ours."""
        self.state = LIFE[self.state, what]
