"""What the core says about uses of units that are owned already, and about certificates. Past participles; frozen."""

from dataclasses import dataclass
from typing import TypeAlias

from settlement.certificate import Certificate
from settlement.channels import Channel
from settlement.compliance_year import CapStanding, ComplianceYear, Filing
from settlement.events import LotSlice
from settlement.retirement import UseId
from settlement.values import AccountId, AssetCode, ParticipantId


@dataclass(frozen=True, kw_only=True, slots=True)
class UseEvent:
    """What every event of a use tells."""

    use_id: UseId
    account: AccountId
    entity: ParticipantId
    """Who owns the account."""
    client_id: str
    channel: Channel
    compliance_year: int | None
    """Only of a compliance offset."""
    beneficiary: str
    statement: str
    instrument: AssetCode
    quantity_tonnes: int
    lots: tuple[LotSlice, ...]
    """The very serials."""
    donated_to: AccountId | None
    """The public-welfare account the units move to; absent when they are retired."""


@dataclass(frozen=True, kw_only=True, slots=True)
class UseAccepted(UseEvent):
    """State `held`: the units lie in the delivering bucket, and their serials are chosen (`Posted` follows)."""

    accepted_at_ns: int
    instruct_at_ns: int
    """Until then it can be withdrawn; then the registry is asked, or as soon as the close under way is over."""
    deadline_ns: int | None
    cap: CapStanding | None
    """How the entity stands towards the cap with this offset counted; only of a compliance offset."""


@dataclass(frozen=True, kw_only=True, slots=True)
class UseInstructed:
    """State `retiring`: there is no way back any more (`MovementInstructed` follows)."""

    use_id: UseId
    account: AccountId


@dataclass(frozen=True, kw_only=True, slots=True)
class UseWithdrawn(UseEvent):
    """Taken back while held: the units are available again (`Posted` stands before it)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class UseRefused(UseEvent):
    """The registry refused: the units are available again (`Posted` stands before it)."""

    code: str


@dataclass(frozen=True, kw_only=True, slots=True)
class UseCompleted(UseEvent):
    """Done, for good (`Posted` stands before it, `CertificateIssued` follows). Retired tonnes never move (Art. 35)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CertificateIssued:
    """A completed use has its certificate: an offset, another use, or a purchase that was for a use."""

    account: AccountId
    certificate: Certificate


@dataclass(frozen=True, kw_only=True, slots=True)
class ComplianceYearAdopted:
    """A version of a compliance year's rules was entered."""

    operator: ParticipantId
    terms: ComplianceYear


@dataclass(frozen=True, kw_only=True, slots=True)
class VerifiedEmissionsFiled:
    """What a cap is a share of was entered for one entity and year."""

    authority: ParticipantId
    filing: Filing


@dataclass(frozen=True, kw_only=True, slots=True)
class WelfareAccountDesignated:
    """An account may receive donations from now on, or no longer."""

    operator: ParticipantId
    account: AccountId
    designated: bool
    source: str


UsesEvent: TypeAlias = (
    UseAccepted
    | UseInstructed
    | UseWithdrawn
    | UseRefused
    | UseCompleted
    | CertificateIssued
    | ComplianceYearAdopted
    | VerifiedEmissionsFiled
    | WelfareAccountDesignated
)
"""Everything that can be said about uses."""
