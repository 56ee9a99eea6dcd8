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


@dataclass(frozen=True, kw_only=True, slots=True)
class BankStatementSuperseded:
    """A statement was wrong, and is as if it had never come: its differences end, what it showed waits again.

    Its number is free for the right one, which follows on the statement before it.
    """

    statement_id: str
    operator: ParticipantId
    reason: str
    until_ns: int
    """Up to when statements tell now; 0 where none is left."""
    closing_fen: int
    """The bank's balance now."""


CashEvent: TypeAlias = BankStatementRecorded | CashBreakFound | CashBreakClosed | BankStatementSuperseded
"""What the comparison with the bank can say."""
