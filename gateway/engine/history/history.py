"""What has ended and is kept for good, read from the database: orders, trades, transfers, account events.

Open orders are not here but in `views`; an order is in one of the two, or for a while in both. Pages go by id, newest
first (account events: oldest first), and never by time, so that equal times lose and repeat nothing.
"""

from dataclasses import dataclass
from typing import Final

import asyncpg
import orjson
from pydantic_core import from_json

from gateway.engine.entry import AccountEvent
from gateway.engine.history.custody_history import CustodyHistory
from gateway.engine.history.statements import Statements
from gateway.engine.history.use_history import UseHistory
from gateway.engine.paging import Page, bounded, figure_of, id_before, page_of_rows
from gateway.engine.tables.bank_statements import BankStatementHistory
from gateway.engine.tables.bulletins import Bulletins
from gateway.engine.tables.candles import Candles
from gateway.engine.tables.negotiated_rows import NegotiatedHistory
from gateway.engine.tables.withdrawals import Withdrawals
from gateway.engine.views.orders import OrderView
from matching.order import Side, TimeInForce
from settlement.retirement import RetirementPurpose, Use


@dataclass(frozen=True, kw_only=True, slots=True)
class TradeView:
    """A trade with both sides; the public sees it without accounts and orders."""

    trade_id: int
    listing: str
    price_fen: int
    quantity_tonnes: int
    at_ns: int
    trading_day: str
    method: str
    """`listed` or `negotiated`."""
    buyer: str
    seller: str
    taker_side: Side | None
    """Of a listed trade only, as its orders are."""
    buy_order_id: int | None
    sell_order_id: int | None
    transfer_id: int | None
    """The negotiated transfer it comes from."""
    settlement: str
    """`pending`, `settled`, `failed` or `busted`."""
    settled_ns: int | None
    failure: str | None
    """The registry's code where it refused, the operator's reason where the trade was undone."""
    lots: tuple[tuple[str, tuple[tuple[int, int], ...]], ...]
    """(lot, half-open serial ranges) that were delivered."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TransferView:
    """A transfer between an account's two registry sub-accounts."""

    instruction_id: str
    account: str
    client_id: str
    kind: str
    """`transfer_in` or `transfer_out`."""
    instrument: str
    quantity_tonnes: int
    lots: tuple[tuple[str, tuple[tuple[int, int], ...]], ...]
    at_ns: int
    state: str
    """`pending`, `completed` or `failed`."""
    ended_ns: int | None
    failure: str | None
    """The registry's code, where it refused."""


class History:
    """Readers of the database. They use connections of their own, never the journal's."""

    def __init__(self, pool: "asyncpg.Pool[asyncpg.Record]") -> None:
        """Reading through this pool."""
        self._pool = pool
        self.custody = CustodyHistory(pool)
        """Comparisons with the registry, breaks, claims."""
        self.negotiated = NegotiatedHistory(pool)
        """Negotiated transfers."""
        self.withdrawals = Withdrawals(pool)
        self.uses = UseHistory(pool)
        """Money on its way out."""
        self.bank_statements = BankStatementHistory(pool)
        """The settlement bank's statements, and what differed."""
        self.candles = Candles(pool)
        """Open, high, low and close of listed trades."""
        self.bulletins = Bulletins(pool)
        """What is published of closed days."""
        self.statements = Statements(pool)
        """What closed days did to accounts."""

    async def order(self, order_id: int) -> OrderView | None:
        """An order that ended, or a rejected attempt."""
        row = await self._pool.fetchrow(f"{ORDER} WHERE order_id = $1", order_id)
        return None if row is None else order_of(row)

    async def order_by_client_id(self, account: str, client_order_id: str) -> OrderView | None:
        """The same, by the participant's own id."""
        row = await self._pool.fetchrow(
            f"{ORDER} WHERE account = $1 AND client_order_id = $2 ORDER BY order_id DESC LIMIT 1",
            account,
            client_order_id,
        )
        return None if row is None else order_of(row)

    async def orders(
        self, account: str, *, status: str | None = None, after: str | None = None, limit: int = 100
    ) -> Page[OrderView]:
        """An account's ended orders and rejected attempts, newest first; of one status where one is given."""
        rows = await self._pool.fetch(
            f"{ORDER} WHERE account = $1 AND order_id < $2 AND ($3::text IS NULL OR status = $3)"
            " ORDER BY order_id DESC LIMIT $4",
            *(account, id_before(after), status, bounded(limit) + 1),
        )
        return page_of_rows(rows, limit, order_of, "order_id")

    async def trade(self, trade_id: int) -> TradeView | None:
        """One trade."""
        row = await self._pool.fetchrow(f"{TRADE} WHERE trade_id = $1", trade_id)
        return None if row is None else trade_of(row)

    async def trades(
        self,
        *,
        account: str | None = None,
        listing: str | None = None,
        method: str | None = None,
        after: str | None = None,
        limit: int = 100,
    ) -> Page[TradeView]:
        """Trades of an account, of a listing, of both, or all, of one method or both; newest first."""
        before, many = id_before(after), bounded(limit) + 1
        if account is None:
            rows = await self._pool.fetch(
                f"{TRADE} WHERE ($1::text IS NULL OR listing = $1) AND trade_id < $2"
                " AND ($3::text IS NULL OR method = $3) ORDER BY trade_id DESC LIMIT $4",
                *(listing, before, method, many),
            )
        else:
            rows = await self._pool.fetch(_ACCOUNT_TRADES, account, listing, before, many, method)
        return page_of_rows(rows, limit, trade_of, "trade_id")

    async def transfer(self, instruction_id: str) -> TransferView | None:
        """One transfer."""
        row = await self._pool.fetchrow(f"{_TRANSFER} WHERE instruction_id = $1", instruction_id)
        return None if row is None else _transfer(row)

    async def transfer_by_client_id(self, account: str, client_id: str) -> TransferView | None:
        """The same, by the participant's own id."""
        row = await self._pool.fetchrow(
            f"{_TRANSFER} WHERE account = $1 AND client_id = $2", account, client_id
        )
        return None if row is None else _transfer(row)

    async def transfers(
        self, account: str, *, kind: str | None = None, after: str | None = None, limit: int = 100
    ) -> Page[TransferView]:
        """An account's transfers, newest first."""
        rows = await self._pool.fetch(
            f"{_TRANSFER} WHERE account = $1 AND seq < $2 AND ($3::text IS NULL OR kind = $3)"
            " ORDER BY seq DESC LIMIT $4",
            *(account, id_before(after), kind, bounded(limit) + 1),
        )
        return page_of_rows(rows, limit, _transfer, "seq")

    async def account_events(
        self, account: str, after_event_id: int = 0, limit: int = 100
    ) -> tuple[AccountEvent, ...]:
        """An account's log after that event, oldest first."""
        rows = await self._pool.fetch(
            "SELECT account, event_id, seq, type, at_ns, body FROM account_event"
            " WHERE account = $1 AND event_id > $2 ORDER BY event_id LIMIT $3",
            *(account, after_event_id, bounded(limit)),
        )
        return tuple(AccountEvent(*row) for row in rows)

    async def account_event(self, account: str, seq: int, kind: str) -> AccountEvent | None:
        """What an account was told by one entry, where that is one event of its kind."""
        row = await self._pool.fetchrow(
            "SELECT account, event_id, seq, type, at_ns, body FROM account_event"
            " WHERE account = $1 AND seq = $2 AND type = $3",
            *(account, seq, kind),
        )
        return None if row is None else AccountEvent(*row)

    async def last_event_id(self, account: str) -> int:
        """The newest event of an account's log; zero when there is none."""
        found = await self._pool.fetchval(
            "SELECT max(event_id) FROM account_event WHERE account = $1", account
        )
        return int(found or 0)


ORDER: Final = """
SELECT order_id, account, participant, client_order_id, listing, side, price_fen, quantity_tonnes, remaining_tonnes,
       time_in_force, status, at_ns, turnover_fen, ended_ns, reason, refusal, use
FROM ended_order"""

TRADE: Final = """
SELECT trade_id, listing, price_fen, quantity_tonnes, at_ns, trading_day, taker_side, buyer, seller,
       buy_order_id, sell_order_id, method, transfer_id, outcome, outcome_at_ns, code, lots
FROM trade LEFT JOIN delivery_outcome USING (trade_id)"""

# Each side is read by its own index, already in order, and only as far as the page needs.
_ACCOUNT_TRADES: Final = f"""
SELECT * FROM (
    ({TRADE} WHERE buyer = $1 AND ($2::text IS NULL OR listing = $2) AND trade_id < $3
     AND ($5::text IS NULL OR method = $5) ORDER BY trade_id DESC LIMIT $4)
    UNION
    ({TRADE} WHERE seller = $1 AND ($2::text IS NULL OR listing = $2) AND trade_id < $3
     AND ($5::text IS NULL OR method = $5) ORDER BY trade_id DESC LIMIT $4)
) AS sides ORDER BY trade_id DESC LIMIT $4"""  # noqa: S608 - made of the constants above only

_TRANSFER: Final = """
SELECT instruction_id, account, client_id, kind, instrument, quantity_tonnes, lots, at_ns, seq,
       outcome, outcome_at_ns, code
FROM transfer
LEFT JOIN (SELECT instruction_id, outcome, outcome_at_ns, code FROM transfer_outcome) AS ended USING (instruction_id)"""


def order_of(row: asyncpg.Record) -> OrderView:
    """An order of a row that `ORDER` selected."""
    limit, actual = (None, None) if row["refusal"] is None else from_json(row["refusal"])
    return OrderView(
        order_id=row["order_id"],
        account=row["account"],
        participant=row["participant"],
        client_order_id=row["client_order_id"],
        listing=row["listing"],
        side=Side(row["side"]),
        price_fen=row["price_fen"],
        quantity_tonnes=row["quantity_tonnes"],
        remaining_tonnes=row["remaining_tonnes"],
        time_in_force=TimeInForce(row["time_in_force"]),
        status=row["status"],
        at_ns=row["at_ns"],
        turnover_fen=row["turnover_fen"],
        ended_ns=row["ended_ns"],
        reason=row["reason"],
        limit=figure_of(limit),
        actual=figure_of(actual),
        use=_use(row["use"]),
    )


def _use(text: str | None) -> Use | None:
    if text is None:
        return None
    purpose, beneficiary, statement = orjson.loads(text)
    return Use(purpose=RetirementPurpose(purpose), beneficiary=beneficiary, statement=statement)


def trade_of(row: asyncpg.Record) -> TradeView:
    """A trade of a row that `TRADE` selected."""
    return TradeView(
        trade_id=row["trade_id"],
        listing=row["listing"],
        price_fen=row["price_fen"],
        quantity_tonnes=row["quantity_tonnes"],
        at_ns=row["at_ns"],
        trading_day=row["trading_day"],
        method=row["method"],
        buyer=row["buyer"],
        seller=row["seller"],
        taker_side=None if row["taker_side"] is None else Side(row["taker_side"]),
        buy_order_id=row["buy_order_id"],
        sell_order_id=row["sell_order_id"],
        transfer_id=row["transfer_id"],
        settlement=row["outcome"] or "pending",
        settled_ns=row["outcome_at_ns"],
        failure=row["code"],
        lots=_lots(row["lots"]),
    )


def _transfer(row: asyncpg.Record) -> TransferView:
    return TransferView(
        instruction_id=row["instruction_id"],
        account=row["account"],
        client_id=row["client_id"],
        kind=row["kind"],
        instrument=row["instrument"],
        quantity_tonnes=row["quantity_tonnes"],
        lots=_lots(row["lots"]),
        at_ns=row["at_ns"],
        state=row["outcome"] or "pending",
        ended_ns=row["outcome_at_ns"],
        failure=row["code"],
    )


def _lots(text: str | None) -> tuple[tuple[str, tuple[tuple[int, int], ...]], ...]:
    if text is None:
        return ()
    return tuple(
        (slice_["lot_id"], tuple((first, end) for first, end in slice_["serials"]))
        for slice_ in orjson.loads(text)
    )
