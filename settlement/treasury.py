"""Money between accounts and their owners' bank accounts, as the settlement bank reports it (Measures 2023, Art. 30).

Deposits are booked when the bank has received them. A withdrawal is asked for, held, and ends by the bank's word:

    state   pay    return
    held    paid   returned

The bank's own reference is the natural key of every payment, either way: one reference is booked once.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, TypeAlias

from settlement import cash_rejections, rejections
from settlement.bank_statements import BankStatements, BankStatementsState, BookedPayment
from settlement.cash_events import CashEvent
from settlement.commands import DepositCash, PayWithdrawal, RequestWithdrawal, ReturnWithdrawal
from settlement.events import (
    Bucket,
    CashDeposited,
    Posted,
    WithdrawalPaid,
    WithdrawalRequested,
    WithdrawalReturned,
)
from settlement.ledger import Ledger
from settlement.rejections import Rejection
from settlement.values import CASH, OUTSIDE, AccountId, WithdrawalId


class WithdrawalState(StrEnum):
    """Where a withdrawal stands."""

    HELD = "held"
    PAID = "paid"
    RETURNED = "returned"


class WithdrawalStep(StrEnum):
    """What can happen to a withdrawal."""

    PAY = "pay"
    RETURN = "return"


LIFE: Final[dict[tuple[WithdrawalState, WithdrawalStep], WithdrawalState]] = {
    (WithdrawalState.HELD, WithdrawalStep.PAY): WithdrawalState.PAID,
    (WithdrawalState.HELD, WithdrawalStep.RETURN): WithdrawalState.RETURNED,
}
"""(state, step) → state. A pair that is absent cannot happen: guards refuse it by name."""


@dataclass(frozen=True, kw_only=True, slots=True)
class HeldWithdrawal:
    """A withdrawal the bank has not answered, also as written to a snapshot."""

    withdrawal_id: WithdrawalId
    account: AccountId
    amount_fen: int


@dataclass(frozen=True, kw_only=True, slots=True)
class TreasuryState:
    """What the treasury knows, as written to a snapshot."""

    statements: BankStatementsState
    withdrawals: tuple[HeldWithdrawal, ...]
    ended: tuple[tuple[WithdrawalId, WithdrawalState], ...]


TreasuryEvent: TypeAlias = (
    CashDeposited | WithdrawalRequested | WithdrawalPaid | WithdrawalReturned | Posted | CashEvent
)


class Treasury:
    """Deposits and withdrawals by the bank's word."""

    __slots__ = ("_ended", "_held", "_held_fen", "_ledger", "statements")

    def __init__(self, ledger: Ledger) -> None:
        """Nothing booked. The ledger is the depository's own."""
        self._ledger = ledger
        self.statements = BankStatements()
        self._held: dict[WithdrawalId, HeldWithdrawal] = {}
        self._held_fen: dict[AccountId, int] = {}
        self._ended: dict[WithdrawalId, WithdrawalState] = {}

    def deposit(self, command: DepositCash, at_ns: int) -> Rejection | tuple[TreasuryEvent, ...]:
        """Book money received. The account is known; one bank reference is booked once, whatever the client id."""
        if command.amount_fen <= 0:
            return rejections.AMOUNT_NOT_POSITIVE.because(limit=1, actual=command.amount_fen)
        if self.statements.is_booked(command.bank_reference):
            return rejections.BANK_REFERENCE_REUSED.because(actual=command.bank_reference)
        # From here the command must succeed.
        deposited = CashDeposited(
            account=command.account, amount_fen=command.amount_fen, bank_reference=command.bank_reference
        )
        posted = self._ledger.post(
            CASH,
            command.amount_fen,
            source=(OUTSIDE, Bucket.OUTSIDE),
            target=(command.account, Bucket.AVAILABLE),
        )
        return (
            deposited,
            posted,
            *self._book(command.bank_reference, command.account, command.amount_fen, at_ns),
        )

    @property
    def at_exchange_fen(self) -> int:
        """All the money there is here, whosever it is."""
        return -self._ledger.outside(CASH)

    def withdrawable(self, account: AccountId) -> int:
        """Fen that may leave: what is available. What was sold for is not, until it has settled."""
        return self._ledger.available(account, CASH)

    def request(self, command: RequestWithdrawal, seq: int) -> Rejection | tuple[WithdrawalRequested, Posted]:
        """Hold money until the bank has paid it out."""
        if command.amount_fen <= 0:
            return rejections.AMOUNT_NOT_POSITIVE.because(limit=1, actual=command.amount_fen)
        if self.statements.is_in_dispute(command.account):
            return cash_rejections.CASH_IN_DISPUTE.because(actual=command.account)
        withdrawable_fen = self.withdrawable(command.account)
        if command.amount_fen > withdrawable_fen:
            return cash_rejections.AMOUNT_ABOVE_WITHDRAWABLE.because(
                limit=withdrawable_fen, actual=command.amount_fen
            )
        # From here the command must succeed.
        held = HeldWithdrawal(
            withdrawal_id=WithdrawalId(f"wd-{seq}"), account=command.account, amount_fen=command.amount_fen
        )
        self._begin(held)
        requested = WithdrawalRequested(
            withdrawal_id=held.withdrawal_id,
            account=held.account,
            amount_fen=held.amount_fen,
            client_id=command.client_id,
        )
        place = (held.account, Bucket.AVAILABLE)
        posted = self._ledger.post(CASH, held.amount_fen, source=place, target=(held.account, Bucket.HELD))
        return (requested, posted)

    def pay(self, command: PayWithdrawal, at_ns: int) -> Rejection | tuple[TreasuryEvent, ...]:
        """The bank has paid: the money leaves."""
        refused = self._refuse_to_end(command.account, command.withdrawal_id)
        if refused is not None:
            return refused
        if self.statements.is_booked(command.bank_reference):
            return rejections.BANK_REFERENCE_REUSED.because(actual=command.bank_reference)
        # From here the command must succeed.
        held = self._end(command.withdrawal_id, WithdrawalStep.PAY)
        paid = WithdrawalPaid(
            withdrawal_id=held.withdrawal_id,
            account=held.account,
            amount_fen=held.amount_fen,
            bank_reference=command.bank_reference,
        )
        place = (held.account, Bucket.HELD)
        posted = self._ledger.post(CASH, held.amount_fen, source=place, target=(OUTSIDE, Bucket.OUTSIDE))
        return (paid, posted, *self._book(command.bank_reference, held.account, -held.amount_fen, at_ns))

    def take_back(self, command: ReturnWithdrawal) -> Rejection | tuple[WithdrawalReturned, Posted]:
        """The bank could not pay: the money is available again."""
        refused = self._refuse_to_end(command.account, command.withdrawal_id)
        if refused is not None:
            return refused
        # From here the command must succeed.
        held = self._end(command.withdrawal_id, WithdrawalStep.RETURN)
        returned = WithdrawalReturned(
            withdrawal_id=held.withdrawal_id,
            account=held.account,
            amount_fen=held.amount_fen,
            reason=command.reason,
        )
        place = (held.account, Bucket.HELD)
        posted = self._ledger.post(
            CASH, held.amount_fen, source=place, target=(held.account, Bucket.AVAILABLE)
        )
        return (returned, posted)

    def held_fen(self, account: AccountId) -> int:
        """What the account's held bucket keeps for its withdrawals."""
        return self._held_fen.get(account, 0)

    def held(self) -> Iterator[HeldWithdrawal]:
        """Withdrawals that wait for the bank, oldest first. Each is covered by its account's held bucket."""
        return iter(self._held.values())

    def check(self) -> None:
        """A withdrawal waits or has ended, never both; and the bank's money explains ours."""
        both = self._held.keys() & self._ended.keys()
        assert not both, f"withdrawals that wait and have ended: {sorted(both)}"
        held_fen: dict[AccountId, int] = {}
        for held in self._held.values():
            held_fen[held.account] = held_fen.get(held.account, 0) + held.amount_fen
        assert held_fen == self._held_fen, f"{self._held_fen} counted as held, {held_fen} is"
        self.statements.check(self.at_exchange_fen)

    def dump(self) -> TreasuryState:
        """All of it, for a snapshot."""
        return TreasuryState(
            statements=self.statements.dump(),
            withdrawals=tuple(self._held.values()),
            ended=tuple(self._ended.items()),
        )

    def load(self, state: TreasuryState) -> None:
        """Take over what a snapshot tells."""
        self.statements.load(state.statements)
        for held in state.withdrawals:
            self._begin(held)
        self._ended.update(state.ended)

    def _book(self, reference: str, account: AccountId, amount_fen: int, at_ns: int) -> tuple[CashEvent, ...]:
        payment = BookedPayment(reference=reference, account=account, amount_fen=amount_fen, at_ns=at_ns)
        return tuple(self.statements.book(payment))

    def _refuse_to_end(self, account: AccountId, withdrawal_id: WithdrawalId) -> Rejection | None:
        ended = self._ended.get(withdrawal_id)
        if ended is not None:
            return cash_rejections.WITHDRAWAL_ENDED.because(limit=WithdrawalState.HELD, actual=ended)
        held = self._held.get(withdrawal_id)
        if held is None or held.account != account:
            return cash_rejections.WITHDRAWAL_UNKNOWN.because(actual=withdrawal_id)
        return None

    def _begin(self, held: HeldWithdrawal) -> None:
        self._held[held.withdrawal_id] = held
        self._held_fen[held.account] = self._held_fen.get(held.account, 0) + held.amount_fen

    def _end(self, withdrawal_id: WithdrawalId, step: WithdrawalStep) -> HeldWithdrawal:
        held = self._held.pop(withdrawal_id)
        self._held_fen[held.account] -= held.amount_fen
        if not self._held_fen[held.account]:
            del self._held_fen[held.account]
        self._ended[withdrawal_id] = LIFE[WithdrawalState.HELD, step]
        return held
