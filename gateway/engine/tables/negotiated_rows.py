"""Negotiated transfers that ended as rows of the database, and back.

What is nested is written field by field, so that a row says the same whatever fields a later release adds.
"""

from dataclasses import replace
from typing import Any, Final

import asyncpg
import orjson

from gateway.engine.codec import to_json
from gateway.engine.paging import Page, bounded, figure_of, id_before, page_of_rows
from gateway.engine.told.negotiated_news import OBJECT
from gateway.engine.views.negotiations import NegotiationView, RoundView
from matching.negotiated import NegotiatedState
from matching.order import Side
from matching.terms import NegotiatedId, NegotiatedTerms
from settlement.named_lots import NamedLot
from settlement.values import AccountId, AssetCode, LotId

COLUMNS: Final = (
    "transfer_id, listing, seller, buyer, price_fen, quantity_tonnes, filed_by, client_id, agreement_no,"
    " proposed_by, proposer, open_offer, state, at_ns, ended_ns, trade_id, ended_by, reason, refusal, review,"
    " rounds, agreed"
)
"""In the order of the table, and of a row."""


def negotiation_row(transfer: NegotiationView) -> tuple[Any, ...]:
    """A transfer that ended, as it is stored."""
    terms = transfer.terms
    refused = transfer.state is NegotiatedState.REJECTED
    return (
        transfer.transfer_id,
        terms.listing,
        transfer.seller,
        transfer.buyer,
        terms.price_fen,
        terms.quantity_tonnes,
        transfer.filed_by,
        transfer.client_id,
        terms.agreement_no,
        transfer.proposed_by,
        transfer.proposer.value,
        transfer.open_offer,
        transfer.state.value,
        transfer.at_ns,
        transfer.ended_ns,
        transfer.trade_id,
        transfer.by,
        transfer.reason,
        to_json((transfer.limit, transfer.actual)).decode() if refused else None,
        None if transfer.reviewer is None else _text([transfer.reviewer, transfer.review_reason]),
        _text([_round(made) for made in transfer.rounds]),
        None if transfer.agreed is None else _text(_parts(transfer.agreed)),
    )


def _round(made: RoundView) -> list[Any]:
    terms = made.terms
    seller, buyer, lots = _parts(terms)
    figures = [terms.price_fen, terms.quantity_tonnes, lots, terms.expires_at_ns]
    return [made.by, seller, buyer, *figures, made.terms_hash, made.at_ns]


def _parts(terms: NegotiatedTerms) -> list[Any]:
    lots = [[lot.lot_id, lot.quantity_tonnes, lot.serials] for lot in terms.lots]
    return [terms.seller, terms.buyer, lots]


def _text(value: Any) -> str:  # noqa: ANN401 - JSON
    return orjson.dumps(value).decode()


def negotiation_of(row: asyncpg.Record) -> NegotiationView:
    """The transfer that a row is."""
    rounds = tuple(_round_of(row, number, made) for number, made in enumerate(orjson.loads(row["rounds"]), 1))
    limit, actual = (None, None) if row["refusal"] is None else orjson.loads(row["refusal"])
    reviewer, review_reason = (None, None) if row["review"] is None else orjson.loads(row["review"])
    return NegotiationView(
        transfer_id=row["transfer_id"],
        client_id=row["client_id"],
        filed_by=row["filed_by"],
        seller=row["seller"],
        buyer=row["buyer"],
        proposer=Side(row["proposer"]),
        rounds=rounds,
        state=NegotiatedState(row["state"]),
        at_ns=row["at_ns"],
        updated_ns=row["ended_ns"],
        open_offer=row["open_offer"],
        agreed=_agreed(row, rounds[-1].terms),
        ended_ns=row["ended_ns"],
        by=row["ended_by"],
        reason=row["reason"],
        limit=figure_of(limit),
        actual=figure_of(actual),
        trade_id=row["trade_id"],
        reviewer=reviewer,
        review_reason=review_reason,
    )


def _round_of(row: asyncpg.Record, number: int, made: list[Any]) -> RoundView:
    by, seller, buyer, price_fen, quantity_tonnes, lots, expires_at_ns, terms_hash, at_ns = made
    terms = NegotiatedTerms(
        transfer_id=NegotiatedId(row["transfer_id"]),
        round_no=number,
        listing=AssetCode(row["listing"]),
        seller=_account(seller),
        buyer=_account(buyer),
        price_fen=price_fen,
        quantity_tonnes=quantity_tonnes,
        lots=_lots(lots),
        agreement_no=row["agreement_no"],
        expires_at_ns=expires_at_ns,
    )
    return RoundView(by=by, terms=terms, terms_hash=terms_hash, at_ns=at_ns)


def _agreed(row: asyncpg.Record, terms: NegotiatedTerms) -> NegotiatedTerms | None:
    if row["agreed"] is None:
        return None
    seller, buyer, lots = orjson.loads(row["agreed"])
    return replace(terms, seller=_account(seller), buyer=_account(buyer), lots=_lots(lots))


def _account(name: str | None) -> AccountId | None:
    return None if name is None else AccountId(name)


def _lots(lots: list[list[Any]]) -> tuple[NamedLot, ...]:
    return tuple(
        NamedLot(
            lot_id=LotId(lot_id),
            quantity_tonnes=tonnes,
            serials=tuple((first, end) for first, end in serials),
        )
        for lot_id, tonnes, serials in lots
    )


class NegotiatedHistory:
    """Reader of negotiated transfers that ended, and of what was told about them."""

    def __init__(self, pool: "asyncpg.Pool[asyncpg.Record]") -> None:
        """Reading through this pool."""
        self._pool = pool

    async def transfer(self, transfer_id: int) -> NegotiationView | None:
        """One that ended."""
        row = await self._pool.fetchrow(f"{_SELECT} WHERE transfer_id = $1", transfer_id)
        return None if row is None else negotiation_of(row)

    async def transfers(
        self,
        account: str | None,
        *,
        box: str | None = None,
        state: str | None = None,
        after: str | None = None,
        limit: int = 100,
    ) -> Page[NegotiationView]:
        """An account's ended transfers, or all without one, newest first.

        Box `in` are those on the other side's terms, `out` those on its own.
        """
        before, many = id_before(after), bounded(limit) + 1
        if account is None:
            rows = await self._pool.fetch(
                f"{_SELECT} WHERE transfer_id < $1 AND ($2::text IS NULL OR state = $2)"
                " ORDER BY transfer_id DESC LIMIT $3",
                *(before, state, many),
            )
        else:
            rows = await self._pool.fetch(_OF_ACCOUNT, account, box, before, many, state)
        return page_of_rows(rows, limit, negotiation_of, "transfer_id")

    async def told(self, account: str, seq: int, kind: str, transfer_id: int) -> dict[str, Any]:
        """The object as an account was told it by one entry."""
        rows = await self._pool.fetch(
            "SELECT body FROM account_event WHERE account = $1 AND seq = $2 AND type = $3",
            *(account, seq, kind),
        )
        found = (orjson.loads(row["body"])[OBJECT] for row in rows)
        told: dict[str, Any] = next(body for body in found if body["id"] == str(transfer_id))
        return told


_SELECT: Final = f"SELECT {COLUMNS} FROM negotiated_transfer"  # noqa: S608 - of constants only

# Each side is read by its own index, already in order, and only as far as the page needs.
_SIDE: Final = f"""
    ({_SELECT} WHERE %s = $1 AND transfer_id < $3
     AND ($2::text IS NULL OR (proposed_by = $1) = ($2 = 'out')) AND ($5::text IS NULL OR state = $5)
     ORDER BY transfer_id DESC LIMIT $4)"""
_OF_ACCOUNT: Final = (
    f"SELECT * FROM ({_SIDE % 'seller'} UNION {_SIDE % 'buyer'}) AS sides"  # noqa: S608 - the same
    " ORDER BY transfer_id DESC LIMIT $4"
)
