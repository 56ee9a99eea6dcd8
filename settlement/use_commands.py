"""What can be asked about using units that are owned already: compliance offset and every other use.

A request says how much (`quantity_tonnes`, oldest first) or which units (`lots`), never both. The instrument may be
left out: then it is that of the lots, or the one of which the account has units that may be used so.
"""

from dataclasses import dataclass
from typing import TypeAlias

from settlement.commands import ClientCommand
from settlement.compliance_year import ComplianceYear, Filing
from settlement.lot_choice import LotChoice
from settlement.retirement import Use, UseId
from settlement.values import AccountId, AssetCode, ParticipantId


@dataclass(frozen=True, kw_only=True, slots=True)
class SubmitOffset(ClientCommand):
    """Use Class I units against the owner's obligation of a compliance year (履约抵销; Measures 2023, Art. 29)."""

    compliance_year: int
    instrument: AssetCode | None = None
    quantity_tonnes: int | None = None
    lots: tuple[LotChoice, ...] = ()
    beneficiary: str = ""
    """Whose obligation it is for; the account's owner when empty."""
    statement: str = ""

    def content(self) -> str:
        """What makes it this request."""
        what = f"{self.instrument}|{self.quantity_tonnes}|{self.lots}"
        return f"offset|{self.compliance_year}|{what}|{self.beneficiary!r}|{self.statement!r}"


@dataclass(frozen=True, kw_only=True, slots=True)
class SubmitRetirement(ClientCommand):
    """Use units for anything but compliance (Measures 2023, Art. 29, 31, 32)."""

    use: Use
    instrument: AssetCode | None = None
    quantity_tonnes: int | None = None
    lots: tuple[LotChoice, ...] = ()
    donate_to: AccountId | None = None
    """A donation's public-welfare account, to which the units move; retired like any other use when absent."""

    def content(self) -> str:
        """What makes it this request."""
        what = f"{self.instrument}|{self.quantity_tonnes}|{self.lots}"
        return f"retirement|{self.use}|{what}|{self.donate_to}"


@dataclass(frozen=True, kw_only=True, slots=True)
class WithdrawUse(ClientCommand):
    """Take back an offset or a retirement that the registry has not been asked for yet."""

    use_id: UseId

    def content(self) -> str:
        """What makes it this request."""
        return f"withdraw_use|{self.use_id}"


@dataclass(frozen=True, kw_only=True, slots=True)
class AdoptComplianceYear:
    """Enter a version of a compliance year's rules (operator, on the authority's word)."""

    operator: ParticipantId
    terms: ComplianceYear


@dataclass(frozen=True, kw_only=True, slots=True)
class FileVerifiedEmissions:
    """Enter what a cap is a share of, for one entity and year (the authority's role)."""

    authority: ParticipantId
    filing: Filing


@dataclass(frozen=True, kw_only=True, slots=True)
class DesignateWelfareAccount:
    """Let an account receive donations, or no longer (operator)."""

    operator: ParticipantId
    account: AccountId
    designated: bool
    source: str


UseCommand: TypeAlias = (
    SubmitOffset
    | SubmitRetirement
    | WithdrawUse
    | AdoptComplianceYear
    | FileVerifiedEmissions
    | DesignateWelfareAccount
)
"""Everything that can be told about uses."""
