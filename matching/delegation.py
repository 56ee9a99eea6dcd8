"""Mandates as the market sees them: granted and revoked by operators, ended by time, and what ends with them.

An owner can revoke what is not filled (Measures 2023, Art. 30): when a participant may no longer trade, or negotiate,
for an account, its open orders there are taken back and what it proposed there and nobody has answered is ended. What
both sides have agreed on stays.
"""

from collections.abc import Iterable, Iterator
from typing import Final, TypeAlias

from matching.acts import GrantMandate, RevokeMandate
from matching.commands import CancelOrder, CancelOrders, ReplaceOrder, SubmitOrder
from matching.events import Event
from matching.negotiated import NegotiatedState
from matching.negotiated_commands import (
    ConfirmNegotiatedTransfer,
    CounterNegotiatedTransfer,
    DeclineNegotiatedTransfer,
    FileNegotiatedTransfer,
    WithdrawNegotiatedTransfer,
)
from matching.negotiated_transfers import NegotiatedTransfers
from matching.order import CancelReason
from matching.rulebook import Rules
from matching.subjects import Subjects
from matching.trading import ListedTrading
from settlement import mandate_rejections as reasons
from settlement.commands import ClientCommand, RequestTransferIn, RequestTransferOut, RequestWithdrawal
from settlement.depository import Depository
from settlement.mandate import (
    ActedByMandate,
    Mandate,
    MandatedAction,
    MandateEnd,
    MandateEnded,
    MandateGranted,
    MandateId,
)
from settlement.rejections import ACCOUNT_UNKNOWN, PARTICIPANT_UNKNOWN, Rejection
from settlement.use_commands import SubmitOffset, SubmitRetirement, WithdrawUse
from settlement.values import AccountId, ParticipantId

ActorCommand: TypeAlias = ClientCommand | CancelOrder | CancelOrders
"""What a participant asks for an account."""


_KINDS: Final[dict[type[ActorCommand], MandatedAction]] = {
    SubmitOrder: MandatedAction.TRADE,
    ReplaceOrder: MandatedAction.TRADE,
    CancelOrder: MandatedAction.TRADE,
    CancelOrders: MandatedAction.TRADE,
    FileNegotiatedTransfer: MandatedAction.NEGOTIATE,
    ConfirmNegotiatedTransfer: MandatedAction.NEGOTIATE,
    CounterNegotiatedTransfer: MandatedAction.NEGOTIATE,
    DeclineNegotiatedTransfer: MandatedAction.NEGOTIATE,
    WithdrawNegotiatedTransfer: MandatedAction.NEGOTIATE,
    SubmitOffset: MandatedAction.OFFSET,
    SubmitRetirement: MandatedAction.OFFSET,
    WithdrawUse: MandatedAction.OFFSET,
    RequestTransferIn: MandatedAction.TRANSFER,
    RequestTransferOut: MandatedAction.TRANSFER,
    RequestWithdrawal: MandatedAction.TRANSFER,
}
"""By what kind of mandate somebody may do this who does not own the account; what is not here nobody may."""


class Delegation:
    """Grants, revokes and ends mandates."""

    __slots__ = ("_depository", "_mandates", "_subjects", "_trading", "_transfers")

    def __init__(
        self,
        depository: Depository,
        trading: ListedTrading,
        transfers: NegotiatedTransfers,
        subjects: Subjects,
    ) -> None:
        """All of them the exchange's own."""
        self._depository = depository
        self._mandates = depository.mandates
        self._subjects = subjects
        self._trading = trading
        self._transfers = transfers

    def refuse_actor(self, command: ActorCommand) -> Rejection | None:
        """Why who acts may not do this for the account; None when it owns the account or has a mandate for it."""
        refused = self._mandates.refuse(command.participant, command.account, _KINDS.get(type(command)))
        return refused or self._subjects.refuse_actor(command.participant, command.account)

    def noted(
        self, command: ActorCommand, decided: Rejection | Iterable[Event]
    ) -> Rejection | Iterable[Event]:
        """What was decided, after a note where the command is done by a mandate."""
        return decided if isinstance(decided, Rejection) else (*self._note(command), *decided)

    def _note(self, command: ActorCommand) -> tuple[ActedByMandate, ...]:
        if self._depository.accounts[command.account].owner == command.participant:
            return ()
        mandate = self._mandates.find(command.participant, command.account, _KINDS[type(command)])
        assert mandate is not None, "a command was let through without a mandate"
        return (
            ActedByMandate(
                mandate_id=mandate.mandate_id,
                account=command.account,
                participant=command.participant,
                client_id=command.client_id if isinstance(command, ClientCommand) else None,
            ),
        )

    def refuse(self, act: GrantMandate | RevokeMandate, rules: Rules | None, at_ns: int) -> Rejection | None:
        """Why an act cannot be done now; None when it can."""
        if isinstance(act, RevokeMandate):
            known = act.mandate_id in self._mandates.in_force
            return None if known else reasons.MANDATE_UNKNOWN.because(actual=str(act.mandate_id))
        opened = self._depository.accounts.get(act.account)
        if opened is None:
            return ACCOUNT_UNKNOWN.because(actual=act.account)
        delegate = self._depository.participants.get(act.participant)
        if delegate is None:
            return PARTICIPANT_UNKNOWN.because(actual=act.participant)
        if opened.owner == act.participant:
            return reasons.MANDATE_TO_OWNER.because(actual=act.participant)
        if rules is None or delegate.kind not in rules.mandate_kinds:
            return reasons.DELEGATE_NOT_ADMITTED.because(actual=delegate.kind)
        if not act.actions or len(set(act.actions)) != len(act.actions):
            return reasons.MANDATE_EMPTY.because()
        if act.until_ns <= at_ns:
            return reasons.MANDATE_OVER.because(limit=at_ns, actual=act.until_ns)
        return None

    def do(self, act: GrantMandate | RevokeMandate, seq: int) -> Iterable[Event]:
        """Do an act that nothing forbids."""
        if isinstance(act, RevokeMandate):
            return self._end(self._mandates.in_force[act.mandate_id], MandateEnd.REVOKED, act)
        mandate = Mandate(
            mandate_id=MandateId(seq),
            account=act.account,
            participant=act.participant,
            actions=act.actions,
            until_ns=act.until_ns,
        )
        self._mandates.grant(mandate)
        return (MandateGranted(mandate=mandate, operator=act.operator, reason=act.reason),)

    def follow_time(self, at_ns: int) -> Iterator[Event]:
        """End the mandates whose time has come."""
        for mandate in self._mandates.due(at_ns):
            yield from self._end(mandate, MandateEnd.EXPIRED, None)

    def check(self) -> None:
        """Whatever is open in another's name is open by a mandate in force."""
        self._mandates.check(self._depository.participants)
        for order in self._trading.open_orders.values():
            may = order.actor is None or self._may(order.actor, order.account, MandatedAction.TRADE)
            assert may, f"order {order.order_id} is open without a mandate"
        for transfer in self._transfers.under_way.values():
            if transfer.state is NegotiatedState.FILED and transfer.proposed_by is not None:
                account = transfer.terms.account_of(transfer.proposer)
                assert account is not None, f"nobody proposed {transfer.transfer_id}"
                may = self._may(transfer.proposed_by, account, MandatedAction.NEGOTIATE)
                assert may, f"transfer {transfer.transfer_id} is proposed without a mandate"

    def _end(self, mandate: Mandate, end: MandateEnd, act: RevokeMandate | None) -> Iterator[Event]:
        account, participant = mandate.account, mandate.participant
        self._mandates.end(mandate.mandate_id)
        yield MandateEnded(
            mandate_id=mandate.mandate_id,
            account=account,
            participant=participant,
            end=end,
            operator=None if act is None else act.operator,
            reason="" if act is None else act.reason,
        )
        if not self._may(participant, account, MandatedAction.TRADE):
            yield from self._trading.withdraw(account, CancelReason.MANDATE_ENDED, actor=participant)
        if not self._may(participant, account, MandatedAction.NEGOTIATE):
            yield from self._transfers.disown(participant, account)

    def _may(self, participant: ParticipantId, account: AccountId, action: MandatedAction) -> bool:
        return self._mandates.find(participant, account, action) is not None
