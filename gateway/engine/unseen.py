"""Events that nothing kept in memory shows: what they did to a balance, a `Posted` beside them says."""

from typing import Final

from matching.events import LargeHolderNoted, OrdersCancelled, Replayed
from matching.negotiated_events import NegotiatedTransferKnown
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

CHANGES_NO_VIEW: Final = (
    Replayed,
    OrdersCancelled,
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
)
"""Every type of them."""
