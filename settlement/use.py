"""A use of units already owned: an offset, or any other use, from its acceptance to the registry's answer.

    state      instruct   withdraw   complete   refuse   ask again
    held       retiring   withdrawn  -          -        -
    retiring   -          -          completed  refused  retiring

Held, its serials are chosen and lie in the owner's `DELIVERING` bucket, and the owner may take it back. Once the
registry has been asked there is no way back but its refusal, which returns everything. A request that the registry
saw too late is asked again under a new name.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, TypeAlias

from settlement.channels import Channel
from settlement.eligibility import EligibleSlice
from settlement.events import LotSlice
from settlement.retirement import ComplianceUse, Use, UseId
from settlement.values import AccountId, AssetCode, ParticipantId


class UseState(StrEnum):
    """Where a use stands."""

    HELD = "held"
    RETIRING = "retiring"
    COMPLETED = "completed"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"


class UseStep(StrEnum):
    """What can happen to a use."""

    INSTRUCT = "instruct"
    WITHDRAW = "withdraw"
    COMPLETE = "complete"
    REFUSE = "refuse"
    ASK_AGAIN = "ask_again"


LIFE: Final[dict[tuple[UseState, UseStep], UseState]] = {
    (UseState.HELD, UseStep.INSTRUCT): UseState.RETIRING,
    (UseState.HELD, UseStep.WITHDRAW): UseState.WITHDRAWN,
    (UseState.RETIRING, UseStep.COMPLETE): UseState.COMPLETED,
    (UseState.RETIRING, UseStep.REFUSE): UseState.REFUSED,
    (UseState.RETIRING, UseStep.ASK_AGAIN): UseState.RETIRING,
}
"""(state, step) → state. A pair that is absent is a fault of ours."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Offset:
    """Eligible units against an obligation: no other can be put into it."""

    compliance: ComplianceUse
    eligible: tuple[EligibleSlice, ...]

    @property
    def slices(self) -> tuple[LotSlice, ...]:
        """The very serials."""
        return tuple(LotSlice(lot_id=part.of.lot.lot_id, serials=part.serials) for part in self.eligible)


@dataclass(frozen=True, kw_only=True, slots=True)
class OtherUse:
    """Units of either class for anything but compliance."""

    use: Use
    slices: tuple[LotSlice, ...]
    donated_to: AccountId | None = None


Matter: TypeAlias = Offset | OtherUse
"""What a use is about."""


@dataclass(kw_only=True, slots=True)
class OwnedUse:
    """One use under way. Only `state` ever changes, through `step`."""

    use_id: UseId
    account: AccountId
    entity: ParticipantId
    client_id: str
    instrument: AssetCode
    quantity_tonnes: int
    matter: Matter
    accepted_at_ns: int
    instruct_at_ns: int
    deadline_ns: int | None = None
    state: UseState = UseState.HELD

    def step(self, what: UseStep) -> None:
        """Go where the table says; a step it does not know is a fault of ours."""
        self.state = LIFE[self.state, what]

    @property
    def channel(self) -> Channel:
        """What it is for."""
        return (
            Channel.COMPLIANCE_OFFSET
            if isinstance(self.matter, Offset)
            else Channel(self.matter.use.purpose.value)
        )

    @property
    def compliance_year(self) -> int | None:
        """Of an offset."""
        return self.matter.compliance.compliance_year if isinstance(self.matter, Offset) else None

    @property
    def terms(self) -> ComplianceUse | Use:
        """For whom, and in which words."""
        return self.matter.compliance if isinstance(self.matter, Offset) else self.matter.use

    @property
    def donated_to(self) -> AccountId | None:
        """The welfare account the units move to; None when they are retired."""
        return None if isinstance(self.matter, Offset) else self.matter.donated_to


@dataclass(frozen=True, kw_only=True, slots=True)
class UseRecord:
    """One use under way, as written to a snapshot."""

    use_id: UseId
    account: AccountId
    entity: ParticipantId
    client_id: str
    instrument: AssetCode
    quantity_tonnes: int
    compliance: ComplianceUse | None
    use: Use | None
    lots: tuple[LotSlice, ...]
    donated_to: AccountId | None
    accepted_at_ns: int
    instruct_at_ns: int
    deadline_ns: int | None
    state: UseState


def records_of(uses: Iterator[OwnedUse]) -> Iterator[UseRecord]:
    """Uses under way as a snapshot keeps them."""
    for one in uses:
        yield UseRecord(
            use_id=one.use_id,
            account=one.account,
            entity=one.entity,
            client_id=one.client_id,
            instrument=one.instrument,
            quantity_tonnes=one.quantity_tonnes,
            compliance=one.matter.compliance if isinstance(one.matter, Offset) else None,
            use=None if isinstance(one.matter, Offset) else one.matter.use,
            lots=one.matter.slices,
            donated_to=one.donated_to,
            accepted_at_ns=one.accepted_at_ns,
            instruct_at_ns=one.instruct_at_ns,
            deadline_ns=one.deadline_ns,
            state=one.state,
        )
