"""Negotiated transfers as their two sides see them, folded from journaled events.

As with orders, two instances of `Negotiations` exist in a running exchange: the journal's, which is as far as the
batch being written, and the views', which is as far as the last commit. They are the same code, so what is told, what
is read from memory and what is stored when a transfer ends cannot differ.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Final, TypeAlias

from gateway.engine.entry import Entry
from matching.negotiated import ExpiryCause, NegotiatedState
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
from matching.order import Side
from matching.terms import NegotiatedTerms
from settlement.events import LotSlice
from settlement.rejections import Figure

WAITING: Final = frozenset({NegotiatedState.FILED, NegotiatedState.UNDER_REVIEW})
"""States in which a transfer stays from one command to the next."""

Step: TypeAlias = (
    NegotiatedTransferFiled
    | NegotiatedTransferCountered
    | NegotiatedTransferConfirmed
    | NegotiatedTransferUnderReview
    | NegotiatedTransferReviewed
    | NegotiatedTransferExecuted
    | NegotiatedTransferDeclined
    | NegotiatedTransferWithdrawn
    | NegotiatedTransferExpired
    | NegotiatedTransferRejected
)
"""What happens to one transfer."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RoundView:
    """Terms that one side proposed."""

    by: str
    """The account whose terms they are."""
    terms: NegotiatedTerms
    terms_hash: str
    at_ns: int


@dataclass(frozen=True, kw_only=True, slots=True)
class NegotiationView:
    """One negotiated transfer: the same object for both sides. Replaced, never altered."""

    transfer_id: int
    client_id: str
    """The filer's own."""
    filed_by: str
    """The account that filed it."""
    seller: str | None
    buyer: str | None
    """The seller or the buyer is absent in an open offer that nobody has taken."""
    proposer: Side
    """Whose terms stand, or stood at the end."""
    rounds: tuple[RoundView, ...]
    """Oldest first; the last one's terms stand."""
    state: NegotiatedState
    at_ns: int
    """When it was filed."""
    updated_ns: int
    """When something last happened to it."""
    open_offer: bool = False
    """Whether it was offered to everyone."""
    agreed: NegotiatedTerms | None = None
    """The terms as confirmed: the taker of an open offer and the serials named are in them."""
    ended_ns: int | None = None
    by: str | None = None
    """Who declined or withdrew it."""
    reason: str | None = None
    """Why it expired, or the code it was rejected with."""
    limit: Figure | None = None
    actual: Figure | None = None
    trade_id: int | None = None
    reviewer: str | None = None
    """The operator who decided about it, where the exchange reviews such transfers."""
    review_reason: str | None = None

    @property
    def terms(self) -> NegotiatedTerms:
        """Those agreed to, else those that stand."""
        return self.agreed or self.rounds[-1].terms

    @property
    def terms_hash(self) -> str:
        """To be quoted by who confirms them."""
        return self.rounds[-1].terms_hash

    @property
    def proposed_by(self) -> str:
        """The account whose terms stand, or stood at the end."""
        return self.rounds[-1].by

    @property
    def parties(self) -> tuple[str, ...]:
        """The accounts it concerns, the seller's first."""
        return tuple(account for account in (self.seller, self.buyer) if account is not None)

    @property
    def turn(self) -> str | None:
        """The account whose answer is awaited; none when it is nobody's, or anybody's."""
        if self.state is not NegotiatedState.FILED:
            return None
        return self.buyer if self.proposer is Side.SELL else self.seller

    @property
    def named(self) -> tuple[LotSlice, ...]:
        """The serials that its seller has set aside for it."""
        sellers = self.state is NegotiatedState.UNDER_REVIEW or (
            self.state is NegotiatedState.FILED and self.proposer is Side.SELL
        )
        if not sellers:
            return ()
        chosen = (lot for lot in self.terms.lots if lot.is_chosen)
        return tuple(LotSlice(lot_id=lot.lot_id, serials=lot.serials) for lot in chosen)

    @property
    def is_open(self) -> bool:
        """Whether something can still happen to it."""
        return self.ended_ns is None

    @property
    def is_offered_to_all(self) -> bool:
        """Whether anybody may confirm it."""
        return self.state is NegotiatedState.FILED and len(self.parties) == 1


class Negotiations:
    """Every negotiated transfer that has not ended, and the news of those that have."""

    __slots__ = ("_open", "ended")

    def __init__(self, transfers: tuple[NegotiationView, ...] = ()) -> None:
        """With these."""
        self._open = {transfer.transfer_id: transfer for transfer in transfers}
        self.ended: list[NegotiationView] = []
        """Those that ended since this list was last taken, in order."""

    def get(self, transfer_id: int) -> NegotiationView | None:
        """One that has not ended."""
        return self._open.get(transfer_id)

    def all(self) -> tuple[NegotiationView, ...]:
        """Every one that has not ended, oldest first."""
        return tuple(self._open.values())

    def take_ended(self) -> list[NegotiationView]:
        """What ended since the last call."""
        ended, self.ended = self.ended, []
        return ended

    def follow(self, entry: Entry, event: Step) -> NegotiationView:
        """One more step of one transfer: how it stands then."""
        if isinstance(event, NegotiatedTransferFiled):
            found = _filed(entry, event)
        else:
            changed = _CHANGES[type(event)](self._open[event.transfer_id], entry.at_ns, event)
            found = replace(changed, updated_ns=entry.at_ns)
        if found.ended_ns is None:
            self._open[found.transfer_id] = found
        else:
            del self._open[found.transfer_id]
            self.ended.append(found)
        return found


def _filed(entry: Entry, event: NegotiatedTransferFiled) -> NegotiationView:
    command = entry.command
    assert isinstance(command, FileNegotiatedTransfer), f"{type(command).__name__} filed a transfer"
    return NegotiationView(
        transfer_id=event.transfer_id,
        client_id=event.client_id,
        filed_by=command.account,
        seller=event.seller,
        buyer=event.buyer,
        proposer=event.proposer,
        rounds=(_round(event, command.account, entry.at_ns),),
        state=NegotiatedState.FILED,
        at_ns=entry.at_ns,
        updated_ns=entry.at_ns,
        open_offer=event.seller is None or event.buyer is None,
    )


def _round(
    event: NegotiatedTransferFiled | NegotiatedTransferCountered, by: str | None, at_ns: int
) -> RoundView:
    assert by is not None, f"nobody proposed the terms of {event.transfer_id}"
    return RoundView(by=by, terms=event.terms, terms_hash=event.terms_hash, at_ns=at_ns)


def _countered(found: NegotiationView, at_ns: int, event: NegotiatedTransferCountered) -> NegotiationView:
    by = event.seller if event.proposer is Side.SELL else event.buyer
    return replace(
        found,
        seller=event.seller,
        buyer=event.buyer,
        proposer=event.proposer,
        rounds=(*found.rounds, _round(event, by, at_ns)),
    )


def _confirmed(found: NegotiationView, _: int, event: NegotiatedTransferConfirmed) -> NegotiationView:
    return replace(
        found,
        state=NegotiatedState.CONFIRMED,
        seller=event.terms.seller,
        buyer=event.terms.buyer,
        agreed=event.terms,
    )


def _under_review(found: NegotiationView, _: int, __: NegotiatedTransferUnderReview) -> NegotiationView:
    return replace(found, state=NegotiatedState.UNDER_REVIEW)


def _reviewed(found: NegotiationView, _: int, event: NegotiatedTransferReviewed) -> NegotiationView:
    return replace(found, reviewer=event.operator, review_reason=event.reason)


def _executed(found: NegotiationView, at_ns: int, event: NegotiatedTransferExecuted) -> NegotiationView:
    return replace(found, state=NegotiatedState.EXECUTED, ended_ns=at_ns, trade_id=event.trade_id)


def _declined(found: NegotiationView, at_ns: int, event: NegotiatedTransferDeclined) -> NegotiationView:
    return replace(found, state=NegotiatedState.DECLINED, ended_ns=at_ns, by=event.by)


def _withdrawn(found: NegotiationView, at_ns: int, event: NegotiatedTransferWithdrawn) -> NegotiationView:
    return replace(found, state=NegotiatedState.WITHDRAWN, ended_ns=at_ns, by=event.by)


def _expired(found: NegotiationView, at_ns: int, event: NegotiatedTransferExpired) -> NegotiationView:
    reason = ExpiryCause(event.cause).value
    return replace(found, state=NegotiatedState.EXPIRED, ended_ns=at_ns, reason=reason)


def _rejected(found: NegotiationView, at_ns: int, event: NegotiatedTransferRejected) -> NegotiationView:
    return replace(
        found,
        state=NegotiatedState.REJECTED,
        ended_ns=at_ns,
        reason=event.code,
        limit=event.limit,
        actual=event.actual,
    )


_CHANGES: Final[dict[type, Callable[[NegotiationView, int, Any], NegotiationView]]] = {
    NegotiatedTransferCountered: _countered,
    NegotiatedTransferConfirmed: _confirmed,
    NegotiatedTransferUnderReview: _under_review,
    NegotiatedTransferReviewed: _reviewed,
    NegotiatedTransferExecuted: _executed,
    NegotiatedTransferDeclined: _declined,
    NegotiatedTransferWithdrawn: _withdrawn,
    NegotiatedTransferExpired: _expired,
    NegotiatedTransferRejected: _rejected,
}

STEPS: Final = frozenset({NegotiatedTransferFiled, *_CHANGES})
"""Every step by its type."""
