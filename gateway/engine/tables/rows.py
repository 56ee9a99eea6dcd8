"""The rows of a batch, and the one statement that writes those every batch has.

The statement takes one array of rows for each table, so that a batch of any size is one round trip, and without an
explicit transaction also one commit. (One array for each column would be three times the work: the driver looks at
every element of an array to see whether it is an array itself.)
"""

import hashlib
from collections.abc import Sequence
from typing import Any, Final, TypeAlias

import asyncpg

from gateway.engine.codec import encode_command, encode_events, to_json
from gateway.engine.entry import AccountEvent, Entry
from gateway.engine.tables.by_events import ByEvents
from gateway.engine.tables.candle_rows import MERGE_CANDLES, BatchCandles
from gateway.engine.tables.negotiated_rows import negotiation_row
from gateway.engine.told import account_events
from gateway.engine.told.removed_units import is_removal
from gateway.engine.views.negotiations import Negotiations
from gateway.engine.views.orders import OpenOrders, OrderView
from matching.events import TradeBusted, Traded
from matching.negotiated_events import NegotiatedTransferExecuted
from settlement.events import (
    DeliveryFailed,
    DeliverySettled,
    LotSlice,
    TransferCompleted,
    TransferFailed,
    TransferRequested,
)
from settlement.retirement import Use
from settlement.values import TradeMethod

Rows: TypeAlias = list[tuple[Any, ...]]

DIGEST_ALGORITHM: Final = "sha256-chain-1"
"""How the journal's digests are made; the schema says it in full."""

GENESIS: Final = bytes(32)
"""What stands for the digest before the first entry."""


def chain(previous: bytes, seq: int, at_ns: int, command: bytes, events: bytes) -> bytes:
    """The digest of an entry."""
    head = previous + seq.to_bytes(8, "big") + at_ns.to_bytes(8, "big")
    return hashlib.sha256(head + command + events).digest()


INSERT_BATCH: Final = f"""
WITH account_events AS (INSERT INTO account_event SELECT * FROM unnest($2::account_event[])),
     orders AS (INSERT INTO ended_order SELECT * FROM unnest($3::ended_order[])),
     trades AS (INSERT INTO trade SELECT * FROM unnest($4::trade[])),
     transfers AS (INSERT INTO negotiated_transfer SELECT * FROM unnest($5::negotiated_transfer[])),
     candles AS ({MERGE_CANDLES})
INSERT INTO journal SELECT * FROM unnest($1::journal[])
"""  # noqa: S608 - of constants only
"""Takes `Batch.arguments`: arrays of whole rows, whose fields stand in the order of the tables' columns."""


class Batch:
    """The rows of some entries, gathered one entry after the other."""

    __slots__ = ("_candles", "_ended", "_journal", "_lines", "_trades", "_transfers", "digest")

    def __init__(self, previous_digest: bytes) -> None:
        """Nothing yet, after an entry with that digest."""
        self.digest = previous_digest
        """Of the last entry added."""
        self._journal: Rows = []
        self._lines: list[tuple[str, str, int, int, str]] = []
        self._ended: list[OrderView] = []
        self._trades: Rows = []
        self._transfers: Rows = []
        self._candles = BatchCandles()

    def add(self, entry: Entry, orders: OpenOrders, negotiations: Negotiations) -> None:
        """One more entry; `orders` and `negotiations` are brought to it."""
        command, events = encode_command(entry.command), encode_events(entry.events)
        seq, at_ns = entry.seq, entry.at_ns
        self.digest = chain(self.digest, seq, at_ns, command, events)
        self._journal.append((seq, at_ns, command.decode(), events.decode(), self.digest))
        for account, kind, body in account_events.render(entry, orders, negotiations):
            self._lines.append((account, kind, seq, at_ns, body))
        if orders.ended:
            self._ended.extend(orders.take_ended())
        if negotiations.ended:
            self._transfers.extend(negotiation_row(transfer) for transfer in negotiations.take_ended())
        for event in entry.events:
            if type(event) is Traded:
                self._trades.append(_trade_row(event, at_ns))
                self._candles.add(event, at_ns)
            elif type(event) is NegotiatedTransferExecuted:
                self._trades.append(_negotiated_trade_row(event, at_ns))

    def accounts(self) -> set[str]:
        """Whose logs grow."""
        return {line[0] for line in self._lines}

    def number(self, last_event_ids: dict[str, int]) -> list[AccountEvent]:
        """The account events with their numbers, counted on in `last_event_ids`."""
        numbered = []
        for account, kind, seq, at_ns, body in self._lines:
            event_id = last_event_ids[account] = last_event_ids[account] + 1
            numbered.append(AccountEvent(account, event_id, seq, kind, at_ns, body))
        return numbered

    def arguments(self, account_events: Sequence[AccountEvent]) -> tuple[Rows, Rows, Rows, Rows, Rows, Rows]:
        """What `INSERT_BATCH` takes, table by table."""
        return (
            self._journal,
            [(e.account, e.event_id, e.seq, e.type, e.at_ns, e.body) for e in account_events],
            [_order_row(order) for order in self._ended],
            self._trades,
            self._transfers,
            self._candles.rows(),
        )


def _order_row(order: OrderView) -> tuple[Any, ...]:
    use = None if order.use is None else to_json(use_fields(order.use)).decode()
    refusal = None if order.status != "rejected" else to_json((order.limit, order.actual)).decode()
    return (
        order.order_id,
        order.account,
        order.participant,
        order.client_order_id,
        order.listing,
        order.side.value,
        order.price_fen,
        order.quantity_tonnes,
        order.remaining_tonnes,
        order.time_in_force.value,
        order.status,
        order.at_ns,
        order.turnover_fen,
        order.ended_ns,
        order.reason,
        refusal,
        use,
    )


def use_fields(use: Use) -> tuple[str, str, str]:
    """A use as it is stored with an order."""
    return (use.purpose.value, use.beneficiary, use.statement)


def _trade_row(event: Traded, at_ns: int) -> tuple[Any, ...]:
    return (
        event.trade_id,
        event.listing,
        event.price_fen,
        event.quantity_tonnes,
        at_ns,
        event.trading_day,
        event.taker_side.value,
        event.buyer,
        event.seller,
        event.buy_order_id,
        event.sell_order_id,
        TradeMethod.LISTED.value,
        None,
    )


def _negotiated_trade_row(event: NegotiatedTransferExecuted, at_ns: int) -> tuple[Any, ...]:
    return (
        event.trade_id,
        event.listing,
        event.price_fen,
        event.quantity_tonnes,
        at_ns,
        event.trading_day,
        None,
        event.buyer,
        event.seller,
        None,
        None,
        TradeMethod.NEGOTIATED.value,
        event.transfer_id,
    )


class SettlementRows(ByEvents):
    """How deliveries and transfers ended: rows that few batches have, written beside the batch when there are any."""

    taken = frozenset[type](
        {DeliverySettled, DeliveryFailed, TradeBusted, TransferRequested, TransferCompleted, TransferFailed}
    )

    async def write(self, connection: "asyncpg.Connection[asyncpg.Record]", entries: Sequence[Entry]) -> None:
        """Insert the rows of these entries."""
        for sql, rows in zip(
            (_DELIVERIES, _TRANSFERS, _TRANSFER_OUTCOMES), settlement_rows(entries), strict=True
        ):
            if rows:
                await connection.execute(sql, *zip(*rows, strict=True))


def settlement_rows(entries: Sequence[Entry]) -> tuple[Rows, Rows, Rows]:
    """Rows of these entries for `delivery_outcome`, `transfer` and `transfer_outcome`, as their statements take them."""
    deliveries: list[tuple[Any, ...]] = []
    transfers: list[tuple[Any, ...]] = []
    outcomes: list[tuple[Any, ...]] = []
    for entry in entries:
        seq, at_ns = entry.seq, entry.at_ns
        for event in entry.events:
            match event:
                case DeliverySettled():
                    deliveries.append((event.trade_id, seq, "settled", at_ns, None, _lots(event.lots)))
                case DeliveryFailed():
                    deliveries.append((event.trade_id, seq, "failed", at_ns, event.code, None))
                case TradeBusted():
                    deliveries.append((event.trade_id, seq, "busted", at_ns, event.reason, None))
                case TransferRequested():
                    transfers.append(_transfer_row(entry, event))
                case TransferCompleted() if not is_removal(entry):
                    outcomes.append((event.instruction_id, seq, "completed", at_ns, None))
                case TransferFailed():
                    outcomes.append((event.instruction_id, seq, "failed", at_ns, event.code))
                case _:
                    continue
    return deliveries, transfers, outcomes


_DELIVERIES: Final = """
INSERT INTO delivery_outcome (trade_id, seq, outcome, outcome_at_ns, code, lots)
SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::text[], $4::bigint[], $5::text[], $6::text[])
"""
_TRANSFERS: Final = """
INSERT INTO transfer (instruction_id, seq, account, client_id, kind, instrument, quantity_tonnes, lots, at_ns)
SELECT * FROM unnest($1::text[], $2::bigint[], $3::text[], $4::text[], $5::text[], $6::text[], $7::bigint[],
                     $8::text[], $9::bigint[])
"""
_TRANSFER_OUTCOMES: Final = """
INSERT INTO transfer_outcome (instruction_id, seq, outcome, outcome_at_ns, code)
SELECT * FROM unnest($1::text[], $2::bigint[], $3::text[], $4::bigint[], $5::text[])
"""


def _transfer_row(entry: Entry, event: TransferRequested) -> tuple[Any, ...]:
    return (
        event.instruction_id,
        entry.seq,
        event.account,
        event.client_id,
        event.kind.value,
        event.instrument,
        event.quantity_tonnes,
        _lots(account_events.transferred(entry, event)),
        entry.at_ns,
    )


def _lots(lots: tuple[LotSlice, ...]) -> str:
    return to_json(lots).decode()
