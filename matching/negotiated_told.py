"""What is told of a negotiated transfer at each turn of its life."""

from matching.negotiated import ExpiryCause, NegotiatedTransfer
from matching.negotiated_commands import FileNegotiatedTransfer
from matching.negotiated_events import (
    NegotiatedTransferConfirmed,
    NegotiatedTransferCountered,
    NegotiatedTransferDeclined,
    NegotiatedTransferExecuted,
    NegotiatedTransferExpired,
    NegotiatedTransferFiled,
    NegotiatedTransferRejected,
    NegotiatedTransferReviewed,
    NegotiatedTransferUnderReview,
    NegotiatedTransferWithdrawn,
)
from settlement.delivery import Delivery
from settlement.rejections import Rejection
from settlement.values import AccountId, ParticipantId


def filed(transfer: NegotiatedTransfer, command: FileNegotiatedTransfer) -> NegotiatedTransferFiled:
    """It has been proposed."""
    terms = transfer.terms
    return NegotiatedTransferFiled(
        transfer_id=terms.transfer_id,
        seller=terms.seller,
        buyer=terms.buyer,
        proposer=transfer.proposer,
        terms=terms,
        terms_hash=terms.hash,
        client_id=command.client_id,
    )


def countered(transfer: NegotiatedTransfer) -> NegotiatedTransferCountered:
    """The other side has made terms of its own."""
    terms = transfer.terms
    return NegotiatedTransferCountered(
        transfer_id=terms.transfer_id,
        seller=terms.seller,
        buyer=terms.buyer,
        proposer=transfer.proposer,
        terms=terms,
        terms_hash=terms.hash,
    )


def confirmed(transfer: NegotiatedTransfer, by: AccountId, quoted: str) -> NegotiatedTransferConfirmed:
    """Both sides agree."""
    terms = transfer.terms
    return NegotiatedTransferConfirmed(
        transfer_id=terms.transfer_id,
        seller=terms.seller,
        buyer=terms.buyer,
        by=by,
        terms=terms,
        terms_hash=quoted,
    )


def under_review(transfer: NegotiatedTransfer) -> NegotiatedTransferUnderReview:
    """The exchange looks at it."""
    terms = transfer.terms
    return NegotiatedTransferUnderReview(
        transfer_id=terms.transfer_id, seller=terms.seller, buyer=terms.buyer
    )


def reviewed(
    transfer: NegotiatedTransfer, *, operator: ParticipantId, reason: str, approved: bool
) -> NegotiatedTransferReviewed:
    """The exchange has looked at it."""
    terms = transfer.terms
    return NegotiatedTransferReviewed(
        transfer_id=terms.transfer_id,
        seller=terms.seller,
        buyer=terms.buyer,
        operator=operator,
        reason=reason,
        approved=approved,
    )


def executed(transfer: NegotiatedTransfer, delivery: Delivery) -> NegotiatedTransferExecuted:
    """It is a trade."""
    terms = transfer.terms
    return NegotiatedTransferExecuted(
        transfer_id=terms.transfer_id,
        seller=terms.seller,
        buyer=terms.buyer,
        trade_id=delivery.trade_id,
        listing=terms.listing,
        price_fen=terms.price_fen,
        quantity_tonnes=terms.quantity_tonnes,
        lots=delivery.lots,
        trading_day=delivery.trading_day,
    )


def declined(transfer: NegotiatedTransfer, by: AccountId) -> NegotiatedTransferDeclined:
    """The side that was asked says no."""
    terms = transfer.terms
    return NegotiatedTransferDeclined(
        transfer_id=terms.transfer_id, seller=terms.seller, buyer=terms.buyer, by=by
    )


def withdrawn(transfer: NegotiatedTransfer, by: AccountId) -> NegotiatedTransferWithdrawn:
    """The side that proposed takes it back."""
    terms = transfer.terms
    return NegotiatedTransferWithdrawn(
        transfer_id=terms.transfer_id, seller=terms.seller, buyer=terms.buyer, by=by
    )


def expired(transfer: NegotiatedTransfer, cause: ExpiryCause) -> NegotiatedTransferExpired:
    """Its time is over."""
    terms = transfer.terms
    return NegotiatedTransferExpired(
        transfer_id=terms.transfer_id, seller=terms.seller, buyer=terms.buyer, cause=cause
    )


def rejected(transfer: NegotiatedTransfer, why: Rejection) -> NegotiatedTransferRejected:
    """The exchange ends it."""
    terms = transfer.terms
    return NegotiatedTransferRejected(
        transfer_id=terms.transfer_id,
        seller=terms.seller,
        buyer=terms.buyer,
        code=why.code,
        limit=why.limit,
        actual=why.actual,
    )
