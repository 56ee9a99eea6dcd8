"""What the close of a day tells beside its steps and prices: its totals, its figures, its statements."""

from dataclasses import dataclass
from typing import TypeAlias

from settlement.retired_figures import RetiredTotalsSet
from settlement.values import AccountId, ParticipantId, TradingDay


@dataclass(frozen=True, kw_only=True, slots=True)
class DaySettled:
    """How deliveries ended since the last of these, each against payment. Of whichever day their trades were."""

    trading_day: TradingDay
    settled: int
    failed: int
    parked: int
    """Still with both legs committed, for operators to retry or unwind."""
    amount_fen: int
    """Paid for what settled."""


@dataclass(frozen=True, kw_only=True, slots=True)
class DayFeesCharged:
    """What the exchange received in fees since the last of these; the ledger's own account has risen by as much."""

    trading_day: TradingDay
    buyers_fen: int
    sellers_fen: int


@dataclass(frozen=True, kw_only=True, slots=True)
class BooksCut:
    """Statements of the day tell everything up to this entry; what comes after it is the next day's."""

    trading_day: TradingDay


@dataclass(frozen=True, kw_only=True, slots=True)
class IssuedStatement:
    """One account's statement of the day."""

    account: AccountId
    digest: str
    """SHA-256 over what it says, in hex."""


@dataclass(frozen=True, kw_only=True, slots=True)
class StatementsIssued:
    """These accounts have their statements of the day: from now on a copy can be told from another paper."""

    trading_day: TradingDay
    statements: tuple[IssuedStatement, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class CashCompared:
    """Money here against the bank's, as of the close: the bank's balance, what waits and what open breaks explain."""

    trading_day: TradingDay
    at_exchange_fen: int
    at_bank_fen: int
    """The closing balance of its last statement."""
    waiting_fen: int
    """Booked here, and not on a statement yet."""
    explained_fen: int
    """By differences, open ones and those an operator has settled."""
    open_breaks: int
    until_ns: int
    """Up to when the bank's statements tell; 0 before the first."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RegistryPassedOver:
    """The close goes on without the registry: what it was asked stays asked, and nothing was compared that day."""

    trading_day: TradingDay
    step: str
    """Where it waited: `registry` for answers, `reconcile` for the comparison."""
    unanswered: int
    """Answers still to come."""
    operator: ParticipantId
    reason: str


CloseEvent: TypeAlias = (
    DaySettled
    | DayFeesCharged
    | BooksCut
    | RetiredTotalsSet
    | StatementsIssued
    | CashCompared
    | RegistryPassedOver
)
"""All of them."""
