"""All that negotiation knows, as written to a snapshot."""

from dataclasses import dataclass

from matching.agreements import Agreement
from matching.fees import FeeTerms
from matching.negotiated import NegotiatedState, NegotiatedTransfer
from matching.order import Side
from matching.terms import NegotiatedTerms
from settlement.values import ParticipantId, TradeId


@dataclass(frozen=True, kw_only=True, slots=True)
class NegotiatedRecord:
    """One negotiated transfer, as written to a snapshot."""

    terms: NegotiatedTerms
    proposer: Side
    buyer_fee: FeeTerms
    seller_fee: FeeTerms
    state: NegotiatedState
    covered: tuple[Side, ...]
    to_everyone: bool
    trade_id: TradeId | None
    proposed_by: ParticipantId | None


@dataclass(frozen=True, kw_only=True, slots=True)
class NegotiationState:
    """What is under way, what ended today, and what the parties' numbers stand for."""

    under_way: tuple[NegotiatedRecord, ...]
    ended: tuple[NegotiatedRecord, ...]
    agreements: tuple[Agreement, ...]


def record_of(transfer: NegotiatedTransfer) -> NegotiatedRecord:
    """A transfer as a snapshot keeps it."""
    return NegotiatedRecord(
        terms=transfer.terms,
        proposer=transfer.proposer,
        buyer_fee=transfer.buyer_fee,
        seller_fee=transfer.seller_fee,
        state=transfer.state,
        covered=transfer.covered,
        to_everyone=transfer.to_everyone,
        trade_id=transfer.trade_id,
        proposed_by=transfer.proposed_by,
    )


def transfer_of(record: NegotiatedRecord) -> NegotiatedTransfer:
    """The transfer a snapshot kept."""
    return NegotiatedTransfer(
        terms=record.terms,
        proposer=record.proposer,
        buyer_fee=record.buyer_fee,
        seller_fee=record.seller_fee,
        state=record.state,
        covered=record.covered,
        to_everyone=record.to_everyone,
        trade_id=record.trade_id,
        proposed_by=record.proposed_by,
    )
