"""Fees: what an order pays, as a function of all it has traded, so that its parts add up to the whole to the fen.

    f(T) = min(max(T × rate, minimum), cap, T)        rate in millionths, rounded down; f(0) = 0

T is all the order has turned over, in whatever parts. A trade of an amount `a` pays f(T + a) − f(T). So a minimum is
paid once an order and not once a trade, a cap likewise; and since f never falls and never rises faster than T, the fee
of a trade is neither negative nor above its amount: a seller always has what it owes out of what it receives, and what
a buyer's cover holds for the rest of its order is always enough, at the limit price or a better one.

An order's terms are those in force when it was accepted or last replaced: what its owner was shown is what it pays.
A negotiated transfer is one order of each side, bound to the terms at which that side filed, countered or confirmed.
A trade that is undone, or fails to settle, is not charged; what its order paid for other parts stays as it is.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

MILLION: Final = 1_000_000


class FeePayer(StrEnum):
    """Who pays. What one side is to bear for both is entered as its own rate: its cover must be known from its order."""

    BOTH = "both"
    """Each side its own."""
    BUYER = "buyer"
    SELLER = "seller"


@dataclass(frozen=True, kw_only=True, slots=True)
class FeeTerms:
    """What one side of one order pays. Terms of a rule book; the cap goes before the minimum."""

    ppm: int = 0
    """In millionths of the turnover."""
    minimum_fen: int = 0
    """The least an order pays that has traded at all; never more than its turnover."""
    cap_fen: int | None = None
    """The most an order pays; none when there is no such limit."""

    def of(self, turnover_fen: int) -> int:
        """The whole fee of an order of that turnover."""
        fee_fen = max(turnover_fen * self.ppm // MILLION, self.minimum_fen)
        if self.cap_fen is not None:
            fee_fen = min(fee_fen, self.cap_fen)
        return min(fee_fen, turnover_fen)

    def of_part(self, before_fen: int, amount_fen: int) -> int:
        """What an order that has turned over so much pays for that much more."""
        if not self.ppm and not self.minimum_fen:
            return 0  # asked several times of every order
        return self.of(before_fen + amount_fen) - self.of(before_fen)


NO_FEE: Final = FeeTerms()
"""What nobody pays."""
