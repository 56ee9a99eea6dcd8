"""Our money and the settlement bank's, held against each other statement by statement and line by line.

What is booked here waits until a statement shows it. A line that is not waiting, or waits with another amount, is a
break, and so is what still waits when a statement covers its time. A break closes by itself when its other half turns
up, or when an operator has settled it with a reason. At all times

    money at the exchange = the bank's closing balance + what waits for a statement + what the open breaks explain.

A statement that was wrong in itself (of another day, say) is superseded, the latest first: all is as if it had not come,
but for what has been booked since, and the right one follows on the statement before it.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from settlement import cash_rejections as rejections
from settlement.bank_statement import BankStatement, CashBreak, CashBreakId, CashBreakKind, StatementLine
from settlement.cash_events import (
    BankStatementRecorded,
    BankStatementSuperseded,
    CashBreakClosed,
    CashBreakFound,
    CashEvent,
)
from settlement.rejections import Rejection
from settlement.values import AccountId, ParticipantId

DAY_NS: Final = 86_400 * 10**9
"""How far a statement may reach beyond the moment: it may be of the day at hand, to its end."""
SUPERSEDED_AT_MOST: Final = 10
"""So many statements back it is remembered what each has ended, so that it can be taken back."""


@dataclass(frozen=True, kw_only=True, slots=True)
class BookedPayment:
    """Money booked here by the bank's report, either way; also as written to a snapshot."""

    reference: str
    account: AccountId
    amount_fen: int
    """Above zero where money came in, below where it left."""
    at_ns: int


@dataclass(frozen=True, kw_only=True, slots=True)
class TakenStatement:
    """What would be otherwise without a statement, as long as it can be superseded; also as written to a snapshot."""

    statement_id: str
    until_before_ns: int
    closing_before_fen: int
    ended: tuple[BookedPayment, ...] = ()
    """What would wait."""
    closed: tuple[CashBreak, ...] = ()
    """Differences of earlier statements that would be open."""
    settled_fen: int = 0
    """What operators have explained for good of the differences it showed."""


@dataclass(kw_only=True, slots=True)
class _Taken:
    """The same while it grows."""

    until_before_ns: int
    closing_before_fen: int
    ended: list[BookedPayment] = field(default_factory=list)
    closed: list[CashBreak] = field(default_factory=list)
    settled_fen: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class BankStatementsState:
    """What is known of the bank's statements, as written to a snapshot."""

    accounts: tuple[tuple[str, AccountId], ...]
    """Bank reference → whose money it was, of everything ever booked."""
    recorded: tuple[tuple[str, str], ...]
    """Statement → digest, oldest first."""
    until_ns: int
    closing_fen: int
    waiting: tuple[BookedPayment, ...]
    breaks: tuple[CashBreak, ...]
    written_off_fen: int
    last_break_id: int
    taken: tuple[TakenStatement, ...] = ()
    """The latest statements, oldest first."""


@dataclass(frozen=True, kw_only=True, slots=True)
class BankStanding:
    """What explains the money at the exchange."""

    at_bank_fen: int
    """The closing balance of the last statement."""
    waiting_fen: int
    """Booked here, and not on a statement yet."""
    explained_fen: int
    """By differences, open ones and those an operator has settled."""
    open_breaks: int
    until_ns: int
    """Up to when statements tell; 0 before the first."""

    @property
    def expected_fen(self) -> int:
        """All the money there must be."""
        return self.at_bank_fen + self.waiting_fen + self.explained_fen


class BankStatements:
    """What waits for a statement, and what differs."""

    __slots__ = (
        "_accounts",
        "_breaks",
        "_closing_fen",
        "_last_break_id",
        "_recorded",
        "_taken",
        "_until_ns",
        "_waiting",
        "_written_off_fen",
    )

    def __init__(self) -> None:
        """Nothing booked, and no statement yet: the bank's balance begins at zero."""
        self._accounts: dict[str, AccountId] = {}
        """By bank reference: whose money it was. A reference is booked once."""
        self._recorded: dict[str, str] = {}
        self._taken: dict[str, _Taken] = {}
        self._until_ns = 0
        self._closing_fen = 0
        self._waiting: dict[str, BookedPayment] = {}
        self._breaks: dict[CashBreakId, CashBreak] = {}
        self._written_off_fen = 0
        """What settled breaks have explained for good: ours less the bank's."""
        self._last_break_id = 0

    @property
    def breaks(self) -> dict[CashBreakId, CashBreak]:
        """Open differences by their number; not to be altered by the caller."""
        return self._breaks

    def is_in_dispute(self, account: AccountId) -> bool:
        """Whether an open difference is about this account's money."""
        return any(one.account == account for one in self._breaks.values())

    def is_booked(self, reference: str) -> bool:
        """Whether money was booked here under this reference of the bank."""
        return reference in self._accounts

    def book(self, payment: BookedPayment) -> Iterator[CashEvent]:
        """Money was booked here. If a statement has shown it already, that difference ends, or becomes another."""
        self._accounts[payment.reference] = payment.account
        missed = self._find(payment.reference, CashBreakKind.MISSING_HERE)
        if missed is None:
            self._waiting[payment.reference] = payment
            return
        if missed.statement_id in self._taken:
            self._taken[missed.statement_id].ended.append(payment)
        yield self._close(missed)
        if missed.there_fen != payment.amount_fen:
            kind = CashBreakKind.AMOUNT_DIFFERS
            yield self._open(kind, payment.reference, payment, missed.there_fen, missed.statement_id)

    def refuse(self, statement: BankStatement, bank_account: str | None, at_ns: int) -> Rejection | None:
        """Why this statement cannot be taken now; none when it can, or has been."""
        if bank_account is None or statement.bank_account != bank_account:
            return rejections.BANK_ACCOUNT_DIFFERS.because(
                limit=bank_account or "none", actual=statement.bank_account
            )
        known = self._recorded.get(statement.statement_id)
        if known is not None:
            if known == statement.digest:
                return None
            return rejections.STATEMENT_REUSED.because(actual=statement.statement_id)
        if any(line.amount_fen == 0 for line in statement.lines):
            return rejections.STATEMENT_LINE_OF_NOTHING.because()
        expected_fen = statement.opening_fen + statement.total_fen
        if statement.closing_fen != expected_fen:
            return rejections.STATEMENT_UNBALANCED.because(limit=expected_fen, actual=statement.closing_fen)
        if statement.until_ns <= statement.from_ns:
            return rejections.STATEMENT_PERIOD.because(limit=statement.from_ns, actual=statement.until_ns)
        if statement.from_ns < self._until_ns:
            return rejections.STATEMENT_PERIOD.because(limit=self._until_ns, actual=statement.from_ns)
        if statement.until_ns > at_ns + DAY_NS:
            # A wrong date would have all that waits be missing at the bank, and no statement follow until then.
            return rejections.STATEMENT_PERIOD.because(limit=at_ns + DAY_NS, actual=statement.until_ns)
        if statement.opening_fen != self._closing_fen:
            return rejections.STATEMENT_GAP.because(limit=self._closing_fen, actual=statement.opening_fen)
        return None

    def record(self, statement: BankStatement) -> Iterator[CashEvent]:
        """Hold it against what is booked. The guards have been asked; the same statement again changes nothing."""
        if statement.statement_id in self._recorded:
            return
        self._recorded[statement.statement_id] = statement.digest
        taken = self._begin(statement.statement_id)
        self._until_ns, self._closing_fen = statement.until_ns, statement.closing_fen
        differences = list(self._differences(statement, taken))
        yield BankStatementRecorded(
            statement_id=statement.statement_id,
            from_ns=statement.from_ns,
            until_ns=statement.until_ns,
            opening_fen=statement.opening_fen,
            closing_fen=statement.closing_fen,
            lines=len(statement.lines),
            differences=sum(isinstance(event, CashBreakFound) for event in differences),
            open_breaks=len(self._breaks),
            digest=statement.digest,
        )
        yield from differences

    def refuse_to_supersede(self, statement_id: str) -> Rejection | None:
        """Why this statement cannot be superseded: it is not the last one, or is no more, or lies too far back."""
        last = next(reversed(self._taken), None)
        if statement_id != last:
            return rejections.STATEMENT_NOT_LAST.because(limit=last or "none", actual=statement_id)
        return None

    def supersede(self, statement_id: str, operator: ParticipantId, reason: str) -> Iterator[CashEvent]:
        """The last statement was wrong: all is as if it had not come, but for what has been booked since."""
        taken = self._taken.pop(statement_id)
        del self._recorded[statement_id]
        self._until_ns, self._closing_fen = taken.until_before_ns, taken.closing_before_fen
        self._written_off_fen -= taken.settled_fen
        yield BankStatementSuperseded(
            statement_id=statement_id,
            operator=operator,
            reason=reason,
            until_ns=self._until_ns,
            closing_fen=self._closing_fen,
        )
        for one in [one for one in self._breaks.values() if one.statement_id == statement_id]:
            yield self._close(one, operator, reason)
        waiting = sorted((*self._waiting.values(), *taken.ended), key=lambda one: (one.at_ns, one.reference))
        self._waiting = {payment.reference: payment for payment in waiting}
        for one in sorted(taken.closed, key=lambda one: one.reference):
            yield self._open(one.kind, one.reference, _booked(one), one.there_fen, one.statement_id)

    def refuse_to_settle(self, break_id: CashBreakId) -> Rejection | None:
        """Why this break cannot be settled by hand."""
        return (
            None if break_id in self._breaks else rejections.CASH_BREAK_NOT_OPEN.because(actual=str(break_id))
        )

    def settle(self, break_id: CashBreakId, operator: ParticipantId, reason: str) -> CashBreakClosed:
        """An operator has settled it, outside or inside: what it explained is explained for good."""
        one = self._breaks[break_id]
        self._written_off_fen += _explains_fen(one)
        if one.statement_id in self._taken:
            self._taken[one.statement_id].settled_fen += _explains_fen(one)
        return self._close(one, operator, reason)

    def standing(self) -> BankStanding:
        """How our money compares with the bank's at present."""
        return BankStanding(
            at_bank_fen=self._closing_fen,
            waiting_fen=sum(payment.amount_fen for payment in self._waiting.values()),
            explained_fen=sum(_explains_fen(one) for one in self._breaks.values()) + self._written_off_fen,
            open_breaks=len(self._breaks),
            until_ns=self._until_ns,
        )

    def check(self, at_exchange_fen: int) -> None:
        """The bank's balance, what waits and what breaks explain are all the money there is."""
        expected_fen = self.standing().expected_fen
        assert at_exchange_fen == expected_fen, (
            f"{at_exchange_fen} fen at the exchange, the bank's statements explain {expected_fen}"
        )

    def dump(self) -> BankStatementsState:
        """All of it, for a snapshot."""
        return BankStatementsState(
            accounts=tuple(self._accounts.items()),
            recorded=tuple(self._recorded.items()),
            until_ns=self._until_ns,
            closing_fen=self._closing_fen,
            waiting=tuple(self._waiting.values()),
            breaks=tuple(self._breaks.values()),
            written_off_fen=self._written_off_fen,
            last_break_id=self._last_break_id,
            taken=tuple(_taken_statement(*one) for one in self._taken.items()),
        )

    def load(self, state: BankStatementsState) -> None:
        """Take over what a snapshot tells."""
        self._accounts.update(state.accounts)
        self._recorded.update(state.recorded)
        self._until_ns, self._closing_fen = state.until_ns, state.closing_fen
        self._waiting.update((payment.reference, payment) for payment in state.waiting)
        self._breaks.update((one.break_id, one) for one in state.breaks)
        self._written_off_fen, self._last_break_id = state.written_off_fen, state.last_break_id
        for one in state.taken:
            self._taken[one.statement_id] = _Taken(
                until_before_ns=one.until_before_ns,
                closing_before_fen=one.closing_before_fen,
                ended=list(one.ended),
                closed=list(one.closed),
                settled_fen=one.settled_fen,
            )

    def _begin(self, statement_id: str) -> _Taken:
        """Remember how it was before this statement; let go of the oldest that was remembered."""
        if len(self._taken) == SUPERSEDED_AT_MOST:
            del self._taken[next(iter(self._taken))]
        taken = _Taken(until_before_ns=self._until_ns, closing_before_fen=self._closing_fen)
        self._taken[statement_id] = taken
        return taken

    def _differences(self, statement: BankStatement, taken: _Taken) -> Iterator[CashEvent]:
        for line in statement.lines:
            yield from self._hold_against(line, statement, taken)
        late = [payment for payment in self._waiting.values() if payment.at_ns < statement.until_ns]
        for payment in late:
            del self._waiting[payment.reference]
            taken.ended.append(payment)
            kind = CashBreakKind.MISSING_THERE
            yield self._open(kind, payment.reference, payment, None, statement.statement_id)

    def _hold_against(
        self, line: StatementLine, statement: BankStatement, taken: _Taken
    ) -> Iterator[CashEvent]:
        """One line: it ends what waited, ends a break, or opens one."""
        payment = self._waiting.pop(line.reference, None)
        if payment is not None:
            taken.ended.append(payment)
        overdue = self._find(line.reference, CashBreakKind.MISSING_THERE)
        if overdue is not None:
            taken.closed.append(overdue)
            yield self._close(overdue)
            payment = _booked(overdue)
        if payment is None:
            known = line.reference in self._accounts or self._find(line.reference, CashBreakKind.MISSING_HERE)
            kind = CashBreakKind.REPEATED_THERE if known else CashBreakKind.MISSING_HERE
        elif payment.amount_fen != line.amount_fen:
            kind = CashBreakKind.AMOUNT_DIFFERS
        else:
            return
        yield self._open(kind, line.reference, payment, line.amount_fen, statement.statement_id)

    def _find(self, reference: str, kind: CashBreakKind) -> CashBreak | None:
        return next(
            (one for one in self._breaks.values() if one.reference == reference and one.kind is kind), None
        )

    def _open(
        self,
        kind: CashBreakKind,
        reference: str,
        payment: BookedPayment | None,
        there_fen: int | None,
        statement_id: str,
    ) -> CashBreakFound:
        self._last_break_id += 1
        found = CashBreak(
            break_id=CashBreakId(self._last_break_id),
            kind=kind,
            reference=reference,
            account=self._accounts.get(reference),
            here_fen=None if payment is None else payment.amount_fen,
            there_fen=there_fen,
            statement_id=statement_id,
        )
        self._breaks[found.break_id] = found
        return CashBreakFound(cash_break=found)

    def _close(
        self, one: CashBreak, operator: ParticipantId | None = None, reason: str | None = None
    ) -> CashBreakClosed:
        del self._breaks[one.break_id]
        return CashBreakClosed(cash_break=one, operator=operator, reason=reason)


def _taken_statement(statement_id: str, taken: _Taken) -> TakenStatement:
    return TakenStatement(
        statement_id=statement_id,
        until_before_ns=taken.until_before_ns,
        closing_before_fen=taken.closing_before_fen,
        ended=tuple(taken.ended),
        closed=tuple(taken.closed),
        settled_fen=taken.settled_fen,
    )


def _explains_fen(one: CashBreak) -> int:
    """By how much money here exceeds the bank's for this difference."""
    return (one.here_fen or 0) - (one.there_fen or 0)


def _booked(overdue: CashBreak) -> BookedPayment:
    assert overdue.account is not None, f"booked for nobody: {overdue}"
    assert overdue.here_fen is not None, f"nothing booked: {overdue}"
    return BookedPayment(
        reference=overdue.reference, account=overdue.account, amount_fen=overdue.here_fen, at_ns=0
    )
