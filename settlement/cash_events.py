"""What has happened to the comparison of our money with the settlement bank's."""

from dataclasses import dataclass
from typing import TypeAlias

from settlement.bank_statement import CashBreak
from settlement.values import ParticipantId


@dataclass(frozen=True, kw_only=True, slots=True)
class BankStatementRecorded:
    """A statement of the settlement bank was held against what is booked here. No open break: the money agrees."""

    statement_id: str
    from_ns: int
    until_ns: int
    opening_fen: int
    closing_fen: int
    lines: int
    differences: int
    """Breaks it opened."""
    open_breaks: int
    """All there are after it."""
    digest: str


@dataclass(frozen=True, kw_only=True, slots=True)
class CashBreakFound:
    """A difference showed. The account it touches cannot withdraw until it has closed."""

    cash_break: CashBreak


@dataclass(frozen=True, kw_only=True, slots=True)
class CashBreakClosed:
    """Its other half turned up, or an operator settled it, for a reason."""

    cash_break: CashBreak
    operator: ParticipantId | None = None
    reason: str | None = None


CashEvent: TypeAlias = BankStatementRecorded | CashBreakFound | CashBreakClosed
"""What the comparison with the bank can say."""
