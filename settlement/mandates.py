"""Mandates in force: whether somebody may act for an account that is not its own.

A mandate begins when it is granted and ends once, when its time comes or when it is revoked; what has ended is
history's and no longer here. The owner may do everything itself at any time.
"""

from collections.abc import Iterable

from settlement.account import Account
from settlement.mandate import Mandate, MandatedAction, MandateId
from settlement.mandate_rejections import NOT_MANDATED
from settlement.rejections import ACCOUNT_UNKNOWN, NOT_YOUR_ACCOUNT, Rejection
from settlement.values import AccountId, ParticipantId


class Mandates:
    """Those in force, by id."""

    __slots__ = ("_accounts", "in_force", "next_end_ns")

    def __init__(self, accounts: dict[AccountId, Account]) -> None:
        """None yet; the accounts are the depository's."""
        self._accounts = accounts
        self.in_force: dict[MandateId, Mandate] = {}
        self.next_end_ns: int | None = None
        """When the next one ends by itself."""

    def find(self, participant: ParticipantId, account: AccountId, action: MandatedAction) -> Mandate | None:
        """The oldest mandate by which this participant may do this for the account."""
        return next(
            (one for one in self._between(participant, account) if action in one.actions),
            None,
        )

    def refuse_stranger(self, participant: ParticipantId, account: AccountId) -> Rejection | None:
        """Why this participant does not own the account; None when it does."""
        opened = self._accounts.get(account)
        if opened is None:
            return ACCOUNT_UNKNOWN.because(actual=account)
        return None if opened.owner == participant else NOT_YOUR_ACCOUNT.because(actual=account)

    def refuse(
        self, participant: ParticipantId, account: AccountId, action: MandatedAction | None
    ) -> Rejection | None:
        """Why this participant may not do this for the account: unknown, another's, or not what was entrusted."""
        stranger = self.refuse_stranger(participant, account)
        if stranger is None:
            return None
        entrusted = {action for one in self._between(participant, account) for action in one.actions}
        if not entrusted:
            return stranger
        if action not in entrusted:
            return NOT_MANDATED.because(limit=", ".join(sorted(entrusted)), actual=action or "never")
        return None

    def grant(self, mandate: Mandate) -> None:
        """Let it begin."""
        self.in_force[mandate.mandate_id] = mandate
        self._look_ahead()

    def end(self, mandate_id: MandateId) -> Mandate:
        """Let it end."""
        ended = self.in_force.pop(mandate_id)
        self._look_ahead()
        return ended

    def due(self, at_ns: int) -> tuple[Mandate, ...]:
        """Those whose time has come, oldest first."""
        if self.next_end_ns is None or at_ns < self.next_end_ns:
            return ()
        return tuple(one for one in self.in_force.values() if one.until_ns <= at_ns)

    def check(self, participants: Iterable[ParticipantId]) -> None:
        """Each is between somebody admitted and an account of somebody else's, for something."""
        known = set(participants)
        assert list(self.in_force) == sorted(self.in_force), "mandates are not in order of age"
        for mandate in self.in_force.values():
            assert mandate.participant in known, f"mandate {mandate.mandate_id} of a stranger"
            assert self._accounts[mandate.account].owner != mandate.participant, (
                "a mandate of the owner's own"
            )
            assert mandate.actions, f"mandate {mandate.mandate_id} to do nothing"
        ends = [mandate.until_ns for mandate in self.in_force.values()]
        assert self.next_end_ns == min(ends, default=None), "a mandate would outlast its time"

    def load(self, mandates: Iterable[Mandate]) -> None:
        """Take over what a snapshot tells."""
        self.in_force.update((one.mandate_id, one) for one in mandates)
        self._look_ahead()

    def _between(self, participant: ParticipantId, account: AccountId) -> Iterable[Mandate]:
        return (
            one for one in self.in_force.values() if one.participant == participant and one.account == account
        )

    def _look_ahead(self) -> None:
        self.next_end_ns = min((one.until_ns for one in self.in_force.values()), default=None)
