"""A claim: corrected units that the account which brought them in no longer has (Measures 2023, Art. 22).

Whoever bought them in good faith keeps them, unless two persons decide otherwise. What was brought in wrongly is
claimed from the account that brought it in.

    state        dismiss    compensate   freeze   remove
    open         dismissed  compensated  frozen   removed
    frozen       dismissed  compensated  -        removed
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NewType

from settlement.serials import Serials
from settlement.values import AccountId, LotId

ClaimId = NewType("ClaimId", int)
"""Counts 1, 2, 3 … over the life of the exchange."""


class CorrectionPolicy(StrEnum):
    """What a correction does to units that somebody else has by now. Rule-book data."""

    CLAIM_ONLY = "claim_only"
    """The claim is recorded; the buyer's units are left alone."""
    FREEZE_HOLDER = "freeze_holder"
    """The units are frozen with whoever has them, until the claim is decided."""


class ClaimState(StrEnum):
    """Where a claim stands."""

    OPEN = "open"
    FROZEN = "frozen"
    """Undecided, or decided so: the units are frozen with whoever has them."""
    DISMISSED = "dismissed"
    COMPENSATED = "compensated"
    """The original holder has made good for it."""
    REMOVED = "removed"
    """The units are taken from whoever has them."""


class ClaimDecision(StrEnum):
    """What two persons can decide about a claim."""

    DISMISS = "dismiss"
    COMPENSATE = "compensate"
    FREEZE = "freeze"
    REMOVE = "remove"


LIFE: Final[dict[tuple[ClaimState, ClaimDecision], ClaimState]] = {
    (ClaimState.OPEN, ClaimDecision.DISMISS): ClaimState.DISMISSED,
    (ClaimState.OPEN, ClaimDecision.COMPENSATE): ClaimState.COMPENSATED,
    (ClaimState.OPEN, ClaimDecision.FREEZE): ClaimState.FROZEN,
    (ClaimState.OPEN, ClaimDecision.REMOVE): ClaimState.REMOVED,
    (ClaimState.FROZEN, ClaimDecision.DISMISS): ClaimState.DISMISSED,
    (ClaimState.FROZEN, ClaimDecision.COMPENSATE): ClaimState.COMPENSATED,
    (ClaimState.FROZEN, ClaimDecision.REMOVE): ClaimState.REMOVED,
}
"""(state, decision) → state. A pair that is absent is refused."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Claim:
    """Corrected serials of one lot, and against whom they are claimed."""

    claim_id: ClaimId
    notice_sequence: int
    """The notice that corrected them."""
    against: AccountId
    """The account that brought them in."""
    lot_id: LotId
    serials: Serials
    quantity_tonnes: int
    reason: str
    """As the notice says."""
    state: ClaimState = ClaimState.OPEN
