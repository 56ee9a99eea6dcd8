"""Events that nothing kept in memory shows: what they did to a balance, a `Posted` beside them says."""

from typing import Final

from matching.access import AccessPermitted
from matching.close_events import (
    BooksCut,
    CashCompared,
    DayFeesCharged,
    DaySettled,
    RegistryPassedOver,
    StatementsIssued,
)
from matching.events import LargeHolderNoted, OrdersCancelled, Replayed
from matching.negotiated_events import NegotiatedTransferKnown
from settlement.cash_events import BankStatementRecorded, BankStatementSuperseded
from settlement.events import (
    CashDeposited,
    RetirementRefused,
    TransferCompleted,
    TransferFailed,
    TransferRequested,
    WithdrawalPaid,
    WithdrawalRequested,
    WithdrawalReturned,
)
from settlement.mandate import ActedByMandate
from settlement.retired_figures import RetiredTotalsSet

CHANGES_NO_VIEW: Final = (
    AccessPermitted,
    ActedByMandate,
    Replayed,
    OrdersCancelled,
    BankStatementRecorded,
    BankStatementSuperseded,
    CashDeposited,
    WithdrawalRequested,
    WithdrawalPaid,
    WithdrawalReturned,
    TransferRequested,
    TransferCompleted,
    TransferFailed,
    RetirementRefused,
    LargeHolderNoted,
    NegotiatedTransferKnown,
    DaySettled,
    DayFeesCharged,
    RegistryPassedOver,
    RetiredTotalsSet,
    BooksCut,
    StatementsIssued,
    CashCompared,
)
"""Every type of them."""
