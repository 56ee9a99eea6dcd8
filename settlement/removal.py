"""A removal: corrected units on their way back to the management side, where the platform withdraws them (Art. 22).

    state       ask         complete    refuse    retry
    waiting     instructed  -           -         -
    instructed  -           completed   refused   -
    refused     -           -           -         waiting

It waits while its units are committed to trades that are not delivered yet; they are frozen meanwhile. One that the
registry refused stays frozen until an operator has it asked again.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NewType

from settlement.claim import ClaimId
from settlement.serials import Serials
from settlement.values import AccountId, LotId

RemovalId = NewType("RemovalId", int)
"""Counts 1, 2, 3 … over the life of the exchange."""


class RemovalState(StrEnum):
    """Where a removal stands."""

    WAITING = "waiting"
    INSTRUCTED = "instructed"
    REFUSED = "refused"
    COMPLETED = "completed"


class RemovalStep(StrEnum):
    """What can happen to a removal."""

    ASK = "ask"
    COMPLETE = "complete"
    REFUSE = "refuse"
    RETRY = "retry"


LIFE: Final[dict[tuple[RemovalState, RemovalStep], RemovalState]] = {
    (RemovalState.WAITING, RemovalStep.ASK): RemovalState.INSTRUCTED,
    (RemovalState.INSTRUCTED, RemovalStep.COMPLETE): RemovalState.COMPLETED,
    (RemovalState.INSTRUCTED, RemovalStep.REFUSE): RemovalState.REFUSED,
    (RemovalState.REFUSED, RemovalStep.RETRY): RemovalState.WAITING,
}
"""(state, step) → state. A pair that is absent is a fault of ours."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Removal:
    """Serials of one lot to be taken out of one account, all at once."""

    removal_id: RemovalId
    account: AccountId
    lot_id: LotId
    serials: Serials
    notice_sequence: int
    """The notice that corrected them."""
    reason: str
    claim_id: ClaimId | None = None
    """The claim whose decision it carries out; absent where the account brought the units in itself."""
    state: RemovalState = RemovalState.WAITING
