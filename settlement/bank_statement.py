"""A statement of the exchange's account at the settlement bank, and what of it differs from what is booked here."""

from dataclasses import dataclass
from enum import StrEnum
from typing import NewType

from settlement.values import AccountId

CashBreakId = NewType("CashBreakId", int)
"""Counts 1, 2, 3 … over the life of the exchange."""


@dataclass(frozen=True, kw_only=True, slots=True)
class StatementLine:
    """One entry of a bank statement."""

    reference: str
    """The bank's own, by which deposits and payments are booked here too."""
    amount_fen: int
    """Above zero where money came in, below where it left."""


@dataclass(frozen=True, kw_only=True, slots=True)
class BankStatement:
    """All that the settlement bank booked to the exchange's account in a period, with the balances around it."""

    statement_id: str
    """The bank's own."""
    bank_account: str
    from_ns: int
    until_ns: int
    """What was booked at this instant or later belongs to the next statement."""
    opening_fen: int
    closing_fen: int
    lines: tuple[StatementLine, ...]
    digest: str
    """SHA-256 of the file it came in, in hex."""

    @property
    def total_fen(self) -> int:
        """What its lines add up to."""
        return sum(line.amount_fen for line in self.lines)


class CashBreakKind(StrEnum):
    """How the bank's money and ours differ."""

    MISSING_HERE = "missing_here"
    """The bank has an entry that nobody has reported here."""
    MISSING_THERE = "missing_there"
    """What was reported and booked here is in no statement."""
    AMOUNT_DIFFERS = "amount_differs"
    """Both have the entry, with other amounts."""
    REPEATED_THERE = "repeated_there"
    """The bank has booked one reference more than once."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CashBreak:
    """A difference that is not settled yet. An account it touches cannot withdraw meanwhile."""

    break_id: CashBreakId
    kind: CashBreakKind
    reference: str
    account: AccountId | None
    """Whose money it is about; nobody's as far as is known where it was never booked here."""
    here_fen: int | None
    there_fen: int | None
    statement_id: str
    """Where it showed."""
