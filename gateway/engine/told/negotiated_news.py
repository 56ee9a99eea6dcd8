"""What the two sides of a negotiated transfer are told: the whole object, as it stands after each step, to both alike."""

from collections.abc import Iterable
from typing import Any, Final

import orjson

from gateway.engine.entry import Entry
from gateway.engine.views.negotiations import Negotiations, NegotiationView, RoundView, Step
from gateway.formats import figure_text, money_text, price_text, quantity_text, time_text, time_us
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
from matching.negotiated_rejections import NEGOTIATED_OUTSIDE_BAND, NEGOTIATED_TOO_SMALL
from matching.rejections import PRICE_NOT_ON_TICK, QUANTITY_NOT_IN_LOTS
from matching.terms import NegotiatedTerms
from settlement.named_lots import NamedLot

KINDS: Final[dict[type, str]] = {
    NegotiatedTransferFiled: "negotiated_filed",
    NegotiatedTransferCountered: "negotiated_countered",
    NegotiatedTransferConfirmed: "negotiated_confirmed",
    NegotiatedTransferUnderReview: "negotiated_under_review",
    NegotiatedTransferReviewed: "negotiated_reviewed",
    NegotiatedTransferExecuted: "negotiated_executed",
    NegotiatedTransferDeclined: "negotiated_declined",
    NegotiatedTransferWithdrawn: "negotiated_withdrawn",
    NegotiatedTransferExpired: "negotiated_expired",
    NegotiatedTransferRejected: "negotiated_rejected",
}
"""Each step's type in the account event log."""

_UNITS: Final = {
    reason.code: reason.unit
    for reason in (
        NEGOTIATED_TOO_SMALL,
        NEGOTIATED_OUTSIDE_BAND,
        PRICE_NOT_ON_TICK,
        QUANTITY_NOT_IN_LOTS,
    )
}
"""What can be said against terms, and in which unit."""

OBJECT: Final = "negotiated_transfer"
"""The member of an event that carries the object."""


def render_step(entry: Entry, event: Step, negotiations: Negotiations) -> list[tuple[str, str, str]]:
    """(account, type, JSON object) for each side; `negotiations` is brought to this step."""
    transfer = negotiations.follow(entry, event)
    body = orjson.dumps({OBJECT: transfer_body(transfer)}).decode()
    return [(account, KINDS[type(event)], body) for account in transfer.parties]


def transfer_body(transfer: NegotiationView) -> dict[str, Any]:
    """The transfer as it stands; nothing in it depends on who reads it."""
    return {
        "id": str(transfer.transfer_id),
        "state": transfer.state.value,
        "listing": transfer.terms.listing,
        "seller": transfer.seller,
        "buyer": transfer.buyer,
        "filed_by": transfer.filed_by,
        "client_id": transfer.client_id,
        "agreement_no": transfer.terms.agreement_no or None,
        "open_offer": transfer.open_offer,
        **_terms_body(transfer.terms),
        "round": transfer.rounds[-1].terms.round_no,
        "proposed_by": transfer.proposed_by,
        "turn": transfer.turn,
        "changed": changes(transfer.rounds)[-1],
        "terms_hash": transfer.terms_hash,
        "ended_by": transfer.by,
        "reason": transfer.reason,
        **_figures(transfer),
        "review_reason": transfer.review_reason,
        "trade_id": None if transfer.trade_id is None else str(transfer.trade_id),
        "filed_at": time_text(transfer.at_ns),
        "updated_at": time_text(transfer.updated_ns),
        "ended_at": None if transfer.ended_ns is None else time_text(transfer.ended_ns),
    }


def _figures(transfer: NegotiationView) -> dict[str, str | None]:
    """The figures of a check of the terms. Those of other checks are of one side, and not for the other to see."""
    unit = _UNITS.get(transfer.reason or "")
    if unit is None:
        return {"limit": None, "actual": None}
    return {"limit": figure_text(unit, transfer.limit), "actual": figure_text(unit, transfer.actual)}


def rounds_body(transfer: NegotiationView) -> list[dict[str, Any]]:
    """Every round: whose terms, which, and what they changed of the round before."""
    return [
        {
            "round": made.terms.round_no,
            "proposed_by": made.by,
            **_terms_body(made.terms),
            "changed": changed,
            "terms_hash": made.terms_hash,
            "time": time_text(made.at_ns),
        }
        for made, changed in zip(transfer.rounds, changes(transfer.rounds), strict=True)
    ]


def _terms_body(terms: NegotiatedTerms) -> dict[str, Any]:
    expires_at_ns = terms.expires_at_ns
    return {
        "price": price_text(terms.price_fen),
        "quantity": quantity_text(terms.quantity_tonnes),
        "amount": money_text(terms.price_fen * terms.quantity_tonnes),
        "lots": [_lot_body(lot) for lot in terms.lots],
        "expires_at": None if expires_at_ns is None else time_text(expires_at_ns),
        "expires_at_us": None if expires_at_ns is None else time_us(expires_at_ns),
    }


def _lot_body(lot: NamedLot) -> dict[str, Any]:
    return {"lot": lot.lot_id, "quantity": quantity_text(lot.quantity_tonnes), "serials": lot.serials}


def changes(rounds: Iterable[RoundView]) -> list[list[str]]:
    """For each round, what its terms changed of those before; nothing in the first."""
    found: list[list[str]] = []
    before: dict[str, object] | None = None
    for made in rounds:
        now = _negotiable(made.terms)
        found.append([] if before is None else [name for name in now if now[name] != before[name]])
        before = now
    return found


def _negotiable(terms: NegotiatedTerms) -> dict[str, object]:
    return {
        "price": terms.price_fen,
        "quantity": terms.quantity_tonnes,
        "lots": terms.lots,
        "expires_at": terms.expires_at_ns,
    }
