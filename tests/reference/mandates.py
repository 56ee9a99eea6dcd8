"""Who may act for whom, kept as a plain list: the specification of mandates, revoked and run out."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from matching.acts import GrantMandate, RevokeMandate
from matching.commands import CancelOrder, CancelOrders, ReplaceOrder, SubmitOrder
from matching.negotiated_commands import NegotiationCommand
from settlement.commands import ClientCommand, RequestTransferIn, RequestTransferOut, RequestWithdrawal
from settlement.use_commands import SubmitOffset, SubmitRetirement, WithdrawUse
from tests.reference import rules
from tests.reference.vault import Note

if TYPE_CHECKING:
    from tests.reference.market import Market

Actor = ClientCommand | CancelOrder | CancelOrders


@dataclass
class PlainMandate:
    """One that is in force."""

    number: int
    account: str
    delegate: str
    things: list[str]
    until_ns: int


def thing(command: Actor) -> str:
    """What somebody must be entrusted with to do this."""
    if isinstance(command, SubmitOrder | ReplaceOrder | CancelOrder | CancelOrders):
        return "trade"
    if isinstance(command, NegotiationCommand):
        return "negotiate"
    if isinstance(command, SubmitOffset | SubmitRetirement | WithdrawUse):
        return "offset"
    if isinstance(command, RequestTransferIn | RequestTransferOut | RequestWithdrawal):
        return "transfer"
    raise AssertionError(f"nobody entrusts {command}")


class Mandates:
    """Those in force, oldest first."""

    def __init__(self, market: "Market") -> None:
        self.market = market
        self.all: list[PlainMandate] = []

    def between(self, delegate: str, account: str) -> list[PlainMandate]:
        return [one for one in self.all if (one.delegate, one.account) == (delegate, account)]

    def may(self, delegate: str, account: str, wanted: str) -> bool:
        return any(wanted in one.things for one in self.between(delegate, account))

    def stranger(self, command: Actor) -> str | None:
        """Why the one who acts may not."""
        owner = self.market.vault.owners.get(command.account)
        if owner is None:
            return "account_unknown"
        if owner != command.participant:
            if not self.between(command.participant, command.account):
                return "not_your_account"
            if not self.may(command.participant, command.account, thing(command)):
                return "not_mandated"
        rests = self.market.subjects.stops(command.participant, command.account)
        return "personal_data_restricted" if rests else None

    def hand(self, command: Actor) -> str | None:
        """Who acts, where it is not the owner."""
        owner = self.market.vault.owners[command.account]
        return None if owner == command.participant else command.participant

    def note(self, command: Actor) -> list[Note]:
        """That it was done for somebody else."""
        if self.hand(command) is None:
            return []
        theirs = self.between(command.participant, command.account)
        by = next(one for one in theirs if thing(command) in one.things)
        return [("by mandate", by.number, command.account, command.participant)]

    def not_this(self, act: GrantMandate | RevokeMandate) -> str | None:
        vault, terms = self.market.vault, self.market.market_terms
        if isinstance(act, RevokeMandate):
            return None if any(one.number == act.mandate_id for one in self.all) else "mandate_unknown"
        if act.account not in vault.owners:
            return "account_unknown"
        if act.participant not in vault.participants:
            return "participant_unknown"
        if vault.owners[act.account] == act.participant:
            return "mandate_to_owner"
        if terms is None or vault.kinds[act.participant] not in rules.names(terms["mandate_kinds"]):
            return "delegate_not_admitted"
        if not act.actions or any(act.actions.count(one) > 1 for one in act.actions):
            return "mandate_empty"
        return "mandate_over" if act.until_ns <= self.market.at_ns else None

    def done(self, act: GrantMandate | RevokeMandate) -> list[Note]:
        if isinstance(act, RevokeMandate):
            return self.end(next(one for one in self.all if one.number == act.mandate_id), "revoked")
        things = [action.value for action in act.actions]
        mandate = PlainMandate(self.market.seq, act.account, act.participant, things, act.until_ns)
        self.all.append(mandate)
        return [("mandate", mandate.number, act.account, act.participant, tuple(things), act.until_ns)]

    def follow_time(self) -> list[Note]:
        over = [one for one in self.all if one.until_ns <= self.market.at_ns]
        return [note for one in over for note in self.end(one, "expired")]

    def end(self, mandate: PlainMandate, why: str) -> list[Note]:
        """What the delegate has open in the account ends too, unless another mandate still covers it."""
        market, account, delegate = self.market, mandate.account, mandate.delegate
        self.all.remove(mandate)
        notes: list[Note] = [("mandate over", mandate.number, account, delegate, why)]
        if not self.may(delegate, account, "trade"):
            orders = [one for one in market.open.values() if (one.account, one.hand) == (account, delegate)]
            notes.extend(market.take_back(one, "cancelled", "mandate_ended") for one in orders)
        if not self.may(delegate, account, "negotiate"):
            proposed = [
                one
                for one in market.negotiation.under_way()
                if one.state == "filed" and (one.who(one.proposer), one.hand) == (account, delegate)
            ]
            notes.extend(market.negotiation.end(one, "rejected", "not_mandated") for one in proposed)
        return notes
