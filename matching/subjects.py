"""Whose personal data are restricted: kept, and not processed otherwise until an operator releases them.

                    restrict                release
    unknown ───────────────────▶ restricted ───────▶ released
                                     ▲                   │
                                     └───── restrict ────┘

A subject has one number for ever, so that what stands for it in one answer stands for it in every other. Of a
participant nothing is taken any more, from it or for its accounts; what it has under way must have ended before.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from matching.personal_data import (
    ReleaseSubject,
    RestrictSubject,
    SubjectKind,
    SubjectReleased,
    SubjectRestricted,
)
from matching.personal_data_rejections import SUBJECT_HAS_BUSINESS, SUBJECT_NOT_RESTRICTED, SUBJECT_RESTRICTED
from settlement.depository import Depository
from settlement.rejections import PARTICIPANT_UNKNOWN, Rejection
from settlement.values import AccountId, ParticipantId


@dataclass(frozen=True, kw_only=True, slots=True)
class SubjectState:
    """One subject, as written to a snapshot."""

    number: int
    kind: SubjectKind
    subject: str
    is_restricted: bool


class Subjects:
    """Everybody whose personal data were ever restricted."""

    __slots__ = ("_depository", "_numbers", "_restricted")

    def __init__(self, depository: Depository) -> None:
        """Nobody yet."""
        self._depository = depository
        self._numbers: dict[tuple[SubjectKind, str], int] = {}
        self._restricted: set[tuple[SubjectKind, str]] = set()

    def refuse(self, act: RestrictSubject | ReleaseSubject) -> Rejection | None:
        """Why this cannot be done; None when it can."""
        is_restricted = (act.kind, act.subject) in self._restricted
        if isinstance(act, ReleaseSubject):
            return None if is_restricted else SUBJECT_NOT_RESTRICTED.because(actual=act.subject)
        if is_restricted:
            return SUBJECT_RESTRICTED.because(actual=act.subject)
        if act.kind is not SubjectKind.PARTICIPANT:
            return None
        participant = ParticipantId(act.subject)
        if participant not in self._depository.participants:
            return PARTICIPANT_UNKNOWN.because(actual=act.subject)
        busy = next(self._busy_accounts(participant), None)
        return None if busy is None else SUBJECT_HAS_BUSINESS.because(actual=busy)

    def do(self, act: RestrictSubject | ReleaseSubject) -> SubjectRestricted | SubjectReleased:
        """Restrict or release."""
        kind: type[SubjectRestricted | SubjectReleased]
        who = (act.kind, act.subject)
        number = self._numbers.setdefault(who, len(self._numbers) + 1)
        if isinstance(act, RestrictSubject):
            self._restricted.add(who)
            kind = SubjectRestricted
        else:
            self._restricted.remove(who)
            kind = SubjectReleased
        return kind(
            number=number, kind=act.kind, subject=act.subject, operator=act.operator, reason=act.reason
        )

    def refuse_actor(self, participant: ParticipantId, account: AccountId) -> Rejection | None:
        """Why nothing is taken from this participant, or for this account; None when it is."""
        if not self._restricted:
            return None
        opened = self._depository.accounts.get(account)
        concerned = (participant,) if opened is None else (participant, opened.owner)
        if any((SubjectKind.PARTICIPANT, one) in self._restricted for one in concerned):
            return SUBJECT_RESTRICTED.because(actual=account)
        return None

    def _busy_accounts(self, participant: ParticipantId) -> Iterator[AccountId]:
        """Accounts of a participant that have cover held, or something on its way."""
        for account in self._depository.accounts.values():
            assets = self._depository.ledger.assets(account.account)
            if account.owner == participant and any(one.held or one.delivering for _, one in assets):
                yield account.account

    def check(self) -> None:
        """Each has a number of its own."""
        assert sorted(self._numbers.values()) == list(range(1, len(self._numbers) + 1)), "numbers of subjects"
        assert self._restricted <= self._numbers.keys(), "somebody restricted has no number"

    def dump(self) -> tuple[SubjectState, ...]:
        """All of them, for a snapshot."""
        return tuple(
            SubjectState(
                number=number, kind=kind, subject=subject, is_restricted=(kind, subject) in self._restricted
            )
            for (kind, subject), number in self._numbers.items()
        )

    def load(self, state: tuple[SubjectState, ...]) -> None:
        """Take over what a snapshot tells."""
        for one in state:
            self._numbers[one.kind, one.subject] = one.number
            if one.is_restricted:
                self._restricted.add((one.kind, one.subject))
