"""Whose personal data rest, kept as plain lists: the specification of restricting and releasing them."""

from typing import TYPE_CHECKING

from matching.personal_data import ReleaseSubject, RestrictSubject
from tests.reference.vault import Note

if TYPE_CHECKING:
    from tests.reference.market import Market


class PlainSubjects:
    """Everybody ever named, in the order of their numbers, and who of them rests."""

    def __init__(self, market: "Market") -> None:
        self.market = market
        self.named: list[tuple[str, str]] = []
        self.resting: list[tuple[str, str]] = []

    def stops(self, participant: str, account: str) -> bool:
        """Whether nothing is taken from this participant, or for this account."""
        concerned = (participant, self.market.vault.owners.get(account))
        return any(("participant", one) in self.resting for one in concerned)

    def has_business(self, participant: str) -> bool:
        amounts = self.market.vault.amounts
        mine = [
            place
            for (account, _), place in amounts.items()
            if self.market.vault.owners.get(account) == participant
        ]
        return any(place["held"] or place["delivering"] for place in mine)

    def not_this(self, act: RestrictSubject | ReleaseSubject) -> str | None:
        rests = (act.kind.value, act.subject) in self.resting
        if isinstance(act, ReleaseSubject):
            return None if rests else "personal_data_not_restricted"
        if rests:
            return "personal_data_restricted"
        if act.kind.value != "participant":
            return None
        if act.subject not in self.market.vault.kinds:
            return "participant_unknown"
        return "participant_has_open_business" if self.has_business(act.subject) else None

    def done(self, act: RestrictSubject | ReleaseSubject) -> list[Note]:
        who = (act.kind.value, act.subject)
        if who not in self.named:
            self.named.append(who)
        number = self.named.index(who) + 1
        if isinstance(act, ReleaseSubject):
            self.resting.remove(who)
            return [("data released", number, *who)]
        self.resting.append(who)
        return [("data restricted", number, *who)]
