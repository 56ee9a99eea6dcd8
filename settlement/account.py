"""Accounts and participants: an account owns, a participant acts (Measures 2023, Art. 10, 30)."""

from dataclasses import dataclass
from enum import StrEnum

from settlement.retirement import RetirementPurpose
from settlement.values import AccountId, ParticipantId


class ParticipantKind(StrEnum):
    """Kinds of participant the trading rules name (SHCER trading rules, trial, 2023-09-28, Art. 5)."""

    PROJECT_APPLICANT = "project_applicant"
    SCENARIO_APPLICANT = "scenario_applicant"
    RIGHTS_PROVIDER = "rights_provider"
    COVERED_ENTITY = "covered_entity"
    INSTITUTION = "institution"
    INDIVIDUAL = "individual"


@dataclass(frozen=True, kw_only=True, slots=True)
class Participant:
    """Someone admitted to the exchange."""

    participant: ParticipantId
    kind: ParticipantKind


@dataclass(frozen=True, kw_only=True, slots=True)
class Account:
    """A trading account, bound to one registry account for good (Art. 10)."""

    account: AccountId
    owner: ParticipantId
    registry_account: str
    earmark: RetirementPurpose | None = None
    """Its money only buys units to be retired for this purpose (Art. 32)."""
