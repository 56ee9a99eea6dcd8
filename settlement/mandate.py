"""A mandate (委托): one participant lets another act for an account of its (Measures 2023, Art. 30)."""

from dataclasses import dataclass
from enum import StrEnum
from typing import NewType, TypeAlias

from settlement.values import AccountId, ParticipantId

MandateId = NewType("MandateId", int)
"""The sequence number of the command that granted it, or of the approval that did."""


class MandatedAction(StrEnum):
    """What may be left to somebody else; what is not named here its owner does itself."""

    TRADE = "trade"
    """Listed orders: place, replace, take back."""
    NEGOTIATE = "negotiate"
    OFFSET = "offset"
    """Every use of units."""
    TRANSFER = "transfer"
    """Units and money, in and out."""


class MandateEnd(StrEnum):
    """Why a mandate is over."""

    EXPIRED = "expired"
    REVOKED = "revoked"


@dataclass(frozen=True, kw_only=True, slots=True)
class Mandate:
    """Who may act for whom, in what, until when."""

    mandate_id: MandateId
    account: AccountId
    """For whom."""
    participant: ParticipantId
    """Who acts."""
    actions: tuple[MandatedAction, ...]
    until_ns: int
    """It is over at this instant."""


@dataclass(frozen=True, kw_only=True, slots=True)
class MandateGranted:
    """Somebody may act for an account from now on."""

    mandate: Mandate
    operator: ParticipantId
    reason: str
    """On what evidence of the owner's will."""


@dataclass(frozen=True, kw_only=True, slots=True)
class MandateEnded:
    """Somebody may not act for an account any more. What it has open there ends with it."""

    mandate_id: MandateId
    account: AccountId
    participant: ParticipantId
    end: MandateEnd
    operator: ParticipantId | None
    """Who revoked it."""
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class ActedByMandate:
    """What this command brought about for an account was done by somebody who does not own it."""

    mandate_id: MandateId
    account: AccountId
    participant: ParticipantId
    client_id: str | None


MandateEvent: TypeAlias = MandateGranted | MandateEnded | ActedByMandate
"""All that is told of mandates."""
