"""A use that ends in retirement: units cancelled for a purpose, never to move again (Measures 2023, Art. 29, 31, 32, 35).

A purchase can be made for such a use. Its units go from delivery straight to the registry's cancellation: they are
the buyer's, and can never be sold.

    state       complete    refuse    retry
    instructed  completed   refused   -
    refused     -           -         instructed

A refused retirement keeps its units committed until an operator has it asked again.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NewType

from settlement.values import AccountId, AssetCode

RetirementId = NewType("RetirementId", str)
"""Names one retirement, however often the registry has to be asked for it."""

UseId = NewType("UseId", str)
"""Names one use of units already owned: `offset-` or `retirement-` and the sequence number it was accepted at."""

MAX_TEXT: Final = 500
"""Characters of a beneficiary or a statement, by the registry protocol."""


class RetirementPurpose(StrEnum):
    """What units are retired for. Both classes may serve all of these (Art. 29)."""

    VOLUNTARY_OFFSET = "voluntary_offset"
    VOLUNTARY_CANCELLATION = "voluntary_cancellation"
    DONATION = "donation"
    DAMAGE_COMPENSATION = "damage_compensation"


@dataclass(frozen=True, kw_only=True, slots=True)
class Use:
    """For what, and for whom, units are retired."""

    purpose: RetirementPurpose
    beneficiary: str
    """Whose emissions, event or liability it is for, as the certificate will say."""
    statement: str = ""

    def is_well_formed(self) -> bool:
        """Whether the registry can put it on record: a beneficiary, bounded texts, nothing unprintable."""
        return _can_be_recorded(self.beneficiary, self.statement)


@dataclass(frozen=True, kw_only=True, slots=True)
class ComplianceUse:
    """What a compliance offset tells the registry (Art. 29). Not a `Use`: no purchase and no Class II lot can have it."""

    compliance_year: int
    beneficiary: str
    """Whose obligation it is for."""
    statement: str = ""

    def is_well_formed(self) -> bool:
        """As for every other use."""
        return _can_be_recorded(self.beneficiary, self.statement)


def _can_be_recorded(beneficiary: str, statement: str) -> bool:
    return bool(beneficiary.strip()) and all(
        len(text) <= MAX_TEXT and (text.isprintable() or not text) for text in (beneficiary, statement)
    )


class RetirementState(StrEnum):
    """Where a retirement stands."""

    INSTRUCTED = "instructed"
    REFUSED = "refused"
    COMPLETED = "completed"


class RetirementStep(StrEnum):
    """What can happen to a retirement."""

    COMPLETE = "complete"
    REFUSE = "refuse"
    RETRY = "retry"


LIFE: Final[dict[tuple[RetirementState, RetirementStep], RetirementState]] = {
    (RetirementState.INSTRUCTED, RetirementStep.COMPLETE): RetirementState.COMPLETED,
    (RetirementState.INSTRUCTED, RetirementStep.REFUSE): RetirementState.REFUSED,
    (RetirementState.REFUSED, RetirementStep.RETRY): RetirementState.INSTRUCTED,
}
"""(state, step) → state. A pair that is absent is a fault of ours."""


@dataclass(kw_only=True, slots=True)
class Retirement:
    """Units on their way out for good. Only `state` ever changes, through `step`."""

    retirement_id: RetirementId
    account: AccountId
    instrument: AssetCode
    quantity_tonnes: int
    use: Use
    state: RetirementState = RetirementState.INSTRUCTED

    def step(self, what: RetirementStep) -> None:
        """Go where the table says; a step it does not know is a fault of ours."""
        self.state = LIFE[self.state, what]
