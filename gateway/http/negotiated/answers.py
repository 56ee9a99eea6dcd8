"""How negotiated transfers are written: one object for both sides, with the lots it names explained."""

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal

from pydantic import Field

from gateway.engine.told.negotiated_news import rounds_body, transfer_body
from gateway.engine.views.negotiations import NegotiationView
from gateway.engine.views.views import Views
from gateway.formats import time_text, time_us
from gateway.http.lots import DescribedLot, described
from gateway.http.shapes import (
    AccountName,
    Answer,
    ClientId,
    Id,
    ListingCode,
    Money,
    Price,
    Quantity,
    Time,
)
from matching.day import negotiation_ends_ns
from matching.negotiated import NegotiatedState
from matching.session import NS
from settlement.lot import Lot
from settlement.values import TradingDay

HASH_PATTERN: Final = "^[0-9a-f]{64}$"
StateName = Literal[
    "filed", "confirmed", "under_review", "executed", "declined", "withdrawn", "expired", "rejected"
]
ChangeName = Literal["price", "quantity", "lots", "expires_at"]
TermsHash = Annotated[
    str,
    Field(
        pattern=HASH_PATTERN, description="SHA-256 of the terms, in hexadecimal; quoted by who confirms them."
    ),
]


class NegotiatedLot(DescribedLot):
    """A lot that the terms name: what the buyer gets."""

    quantity: Quantity
    serials: Annotated[
        list[tuple[int, int]],
        Field(description="Half-open ranges; none where the buyer asks for any serials of the lot."),
    ]


class NegotiatedTransfer(Answer):
    """A negotiated transfer, the same for both sides."""

    id: Id
    state: StateName
    listing: ListingCode
    seller: Annotated[
        AccountName | None, Field(description="Null while an open offer to buy waits for a taker.")
    ]
    buyer: Annotated[
        AccountName | None, Field(description="Null while an open offer to sell waits for a taker.")
    ]
    filed_by: AccountName
    client_id: Annotated[ClientId, Field(description="The filer's own.")]
    agreement_no: Annotated[str | None, Field(description="The parties' own number.")]
    open_offer: Annotated[bool, Field(description="Whether it was offered to everyone.")]
    price: Price
    quantity: Quantity
    amount: Money
    lots: Annotated[
        list[NegotiatedLot], Field(description="Empty where units are delivered first in, first out.")
    ]
    expires_at: Annotated[
        Time | None, Field(description="From then on it cannot be confirmed; null for the session's end.")
    ]
    expires_at_us: int | None
    round: Annotated[int, Field(description="1 as filed, one more with every counter-proposal.")]
    proposed_by: Annotated[AccountName, Field(description="Whose terms stand, or stood at the end.")]
    turn: Annotated[
        AccountName | None, Field(description="Whose answer is awaited; null when nobody's or anybody's is.")
    ]
    changed: Annotated[list[ChangeName], Field(description="What this round changed of the one before.")]
    terms_hash: TermsHash
    ended_by: Annotated[AccountName | None, Field(description="Who declined or withdrew it.")]
    reason: Annotated[
        str | None,
        Field(description="Why it expired: own_time or session_end; or the code it was rejected with."),
    ]
    limit: Annotated[
        str | None,
        Field(description="Where a check of the terms rejected it: what is allowed, as in an error."),
    ]
    actual: Annotated[str | None, Field(description="And what the terms say.")]
    review_reason: Annotated[
        str | None, Field(description="What the exchange said when it decided about it.")
    ]
    trade_id: Id | None
    filed_at: Time
    updated_at: Time
    ended_at: Time | None


class NegotiatedRound(Answer):
    """Terms that one side proposed."""

    round: int
    proposed_by: AccountName
    price: Price
    quantity: Quantity
    amount: Money
    lots: list[NegotiatedLot]
    expires_at: Time | None
    expires_at_us: int | None
    changed: list[ChangeName]
    terms_hash: TermsHash
    time: Time


class NegotiatedTransferDetail(NegotiatedTransfer):
    """A negotiated transfer with every round, and the text that its hash is taken of."""

    terms_text: Annotated[
        str, Field(description="The terms of this round as they are hashed: UTF-8, one term to a line.")
    ]
    rounds: Annotated[list[NegotiatedRound], Field(description="Oldest first.")]
    session_ends_at: Annotated[
        Time | None,
        Field(
            description="When what is still filed expires at the latest; null where only an operator knows."
        ),
    ]
    session_ends_at_us: int | None
    seconds_left: Annotated[
        int | None,
        Field(
            description="Whole seconds until it expires, by the exchange's clock; null when that is not known, and"
            " under review, which no such time ends."
        ),
    ]


class NegotiatedTransfers(Answer):
    """Negotiated transfers, newest first."""

    items: list[NegotiatedTransfer]
    next: str | None


def told_body(told: dict[str, Any], lots: Mapping[str, Lot]) -> dict[str, Any]:
    """The object as the event log has it, its lots explained."""
    return {**told, "lots": [_lot_body(lot, lots) for lot in told["lots"]]}


def view_body(transfer: NegotiationView, lots: Mapping[str, Lot]) -> dict[str, Any]:
    """The object as it stands."""
    return told_body(transfer_body(transfer), lots)


def detail_body(transfer: NegotiationView, views: Views, now_ns: int) -> dict[str, Any]:
    """The same, with its history and how long it has to live."""
    lots = views.lots_known
    ends_ns = _session_end_ns(transfer, views, now_ns)
    is_filed = transfer.state is NegotiatedState.FILED
    known = [at_ns for at_ns in (transfer.terms.expires_at_ns, ends_ns) if at_ns is not None and is_filed]
    left_ns = min(known) - now_ns if known else None
    return {
        **view_body(transfer, lots),
        "terms_text": transfer.rounds[-1].terms.text,
        "rounds": [told_body(made, lots) for made in rounds_body(transfer)],
        "session_ends_at": None if ends_ns is None else time_text(ends_ns),
        "session_ends_at_us": None if ends_ns is None else time_us(ends_ns),
        "seconds_left": None if left_ns is None else max(0, left_ns // NS),
    }


def _session_end_ns(transfer: NegotiationView, views: Views, now_ns: int) -> int | None:
    """The end of the session under way; none for what does not wait for a side, and where the clock ends nothing."""
    day, rules = views.market.trading_day, views.rules(now_ns)
    if day is None or rules is None or transfer.state is not NegotiatedState.FILED:
        return None
    return negotiation_ends_ns(TradingDay(day), rules, now_ns)


def _lot_body(named: dict[str, Any], lots: Mapping[str, Lot]) -> dict[str, Any]:
    return {
        **described(lots[named["lot"]]),
        "quantity": named["quantity"],
        "serials": named["serials"],
    }
