"""Restricting personal data (限制处理): kept, because the law asks for it to be kept, and shown to nobody in the ordinary way.

History is kept for twenty years and never altered, so what is about a person cannot be erased on request. Where the
time that a law sets for keeping has not run out, processing other than storage and what protects it stops instead
(Personal Information Protection Law, 2021, Art. 47). An operator says whose data that is; the core remembers it and
takes no more requests from or for them, and whoever shows anything shows a pseudonym.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from matching.access import AccessPermitted
from matching.acts import Act
from settlement.mandate import MandateEvent
from settlement.values import ParticipantId


class SubjectKind(StrEnum):
    """How somebody is known here."""

    PERSON = "person"
    """By the name of a log-in; the participant they act for is somebody else, such as a company."""
    PARTICIPANT = "participant"
    """As a participant, with its accounts, its people and all it wrote."""
    BENEFICIARY = "beneficiary"
    """By a name that somebody had printed as a use's beneficiary."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RestrictSubject(Act):
    """Stop processing somebody's personal data, and keep them."""

    kind: SubjectKind
    subject: str

    @property
    def name(self) -> str:
        """Its name."""
        return "restrict_personal_data"


@dataclass(frozen=True, kw_only=True, slots=True)
class ReleaseSubject(Act):
    """Process somebody's personal data again."""

    kind: SubjectKind
    subject: str

    @property
    def name(self) -> str:
        """Its name."""
        return "release_personal_data"


@dataclass(frozen=True, kw_only=True, slots=True)
class SubjectRestricted:
    """Somebody's personal data are kept and not processed otherwise."""

    number: int
    """Stands for them from now on: 1, 2, 3 …; the same whenever they are restricted again."""
    kind: SubjectKind
    subject: str
    operator: ParticipantId
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class SubjectReleased:
    """Somebody's personal data are processed again."""

    number: int
    kind: SubjectKind
    subject: str
    operator: ParticipantId
    reason: str


PeopleEvent: TypeAlias = MandateEvent | SubjectRestricted | SubjectReleased | AccessPermitted
"""All that is told of who may act for whom, of whose data rest, and of ways in."""
