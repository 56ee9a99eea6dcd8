"""Tables that hold nothing but what entries yield, compared with what they yield, row by row, in one walk.

Each table is read once, in the order of its key, through a cursor; the entries tell which row has to come next. So a
row that is missing, was added or was altered is named, however long the tables are.
"""

from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol, TypeAlias

import asyncpg

from gateway.engine.entry import Entry
from gateway.engine.tables.negotiated_rows import COLUMNS as NEGOTIATED_COLUMNS
from gateway.engine.tables.rows import Batch, settlement_rows

Reader: TypeAlias = "asyncpg.Connection[asyncpg.Record] | asyncpg.pool.PoolConnectionProxy[asyncpg.Record]"
Row: TypeAlias = tuple[Any, ...]

PREFETCH: Final = 1_000
"""Rows a cursor reads at once."""


class JournalBrokenError(Exception):
    """The journal, or what was derived from it, is not what was written."""

    def __init__(self, seq: int, what: str) -> None:
        """At the entry with that sequence number."""
        super().__init__(f"entry {seq}: {what}")
        self.seq = seq
        self.what = what


@dataclass(frozen=True, kw_only=True, slots=True)
class Table:
    """What is read of a table, and in which order."""

    name: str
    columns: str
    """As selected; the key comes first."""
    key: str
    """What it is ordered by: the leading columns."""
    width: int
    """How many columns the key has."""
    where: str = "true"
    has_seq: bool = True
    """Whether the first column is the entry's number."""


class StoredRows:
    """A table's rows as they come, held against those expected."""

    __slots__ = ("_next", "_rows", "_table")

    def __init__(self, connection: Reader, table: Table) -> None:
        """To be used in one transaction, in which nobody else's rows appear."""
        sql = f"SELECT {table.columns} FROM {table.name} WHERE {table.where} ORDER BY {table.key}"  # noqa: S608 - of constants only
        self._table = table
        self._rows: AsyncIterator[asyncpg.Record] = aiter(connection.cursor(sql, prefetch=PREFETCH))
        self._next: Row | None = None

    async def expect(self, rows: Iterable[Row], upto: int) -> None:
        """These rows must come next, in the order of their keys. Raises JournalBrokenError."""
        width = self._table.width
        for row in sorted(rows, key=lambda row: row[:width]):
            found = await self._peek()
            if found is not None and found[:width] < row[:width]:
                raise self._broken(found, "was added", upto)
            if found is None or found[:width] != row[:width]:
                raise self._broken(row, "is missing", upto)
            if found != row:
                raise self._broken(row, "is not what the entry yields", upto)
            self._next = None

    async def expect_end(self, upto: int) -> None:
        """There must be nothing more. Raises JournalBrokenError."""
        found = await self._peek()
        if found is not None:
            raise self._broken(found, "was added", upto)

    async def _peek(self) -> Row | None:
        if self._next is None:
            record = await anext(self._rows, None)
            self._next = None if record is None else tuple(record)
        return self._next

    def _broken(self, row: Row, what: str, upto: int) -> JournalBrokenError:
        key = ", ".join(str(part) for part in row[: self._table.width])
        seq = row[0] if self._table.has_seq else upto
        return JournalBrokenError(seq, f"row ({key}) of {self._table.name} {what}")


class EndedRows:
    """Rows in the order of the time at which something ended, which several of a page can share."""

    __slots__ = ("_ended", "_ended_at", "_stored")

    def __init__(self, connection: Reader, table: Table, ended_at: int) -> None:
        """The time of its end is at that place of a row as the batch has it, and the first column of the table's."""
        self._stored = StoredRows(connection, table)
        self._ended_at = ended_at
        self._ended: list[Row] = []

    async def follow(self, rows: Iterable[Row], newest_ns: int, upto: int) -> None:
        """The next entries' rows. Raises JournalBrokenError."""
        self._ended += [(row[self._ended_at], *row) for row in rows]
        # The order of ends at the same instant is not stored: those of the newest one wait for the rest of them.
        await self._stored.expect((row for row in self._ended if row[0] < newest_ns), upto)
        self._ended = [row for row in self._ended if row[0] == newest_ns]

    async def finish(self, upto: int) -> None:
        """There were no more entries. Raises JournalBrokenError."""
        await self._stored.expect(self._ended, upto)
        await self._stored.expect_end(upto)


class DerivedRows(Protocol):
    """Something that is derived from entries, and can be held against them."""

    async def follow(self, entries: Sequence[Entry], batch: Batch, upto: int) -> None:
        """The next entries; `batch` has the rows that every batch leaves. Raises JournalBrokenError."""
        ...

    async def finish(self, upto: int) -> None:
        """There were no more entries. Raises JournalBrokenError."""
        ...


_TRADES: Final = Table(
    name="trade",
    columns="trade_id, listing, price_fen, quantity_tonnes, at_ns, trading_day, taker_side, buyer, seller,"
    " buy_order_id, sell_order_id, method, transfer_id",
    key="trade_id",
    width=1,
    has_seq=False,
)
_ORDERS: Final = Table(
    name="ended_order",
    columns="ended_ns, order_id, account, participant, client_order_id, listing, side, price_fen, quantity_tonnes,"
    " remaining_tonnes, time_in_force, status, at_ns, turnover_fen, ended_ns, reason, refusal, use",
    key="ended_ns, order_id",
    width=2,
    has_seq=False,
)
_ENDED_NS: Final = 13
"""Where an order's row has the time of its end."""
_TRANSFERS_NEGOTIATED: Final = Table(
    name="negotiated_transfer",
    columns=f"ended_ns, {NEGOTIATED_COLUMNS}",
    key="ended_ns, transfer_id",
    width=2,
    has_seq=False,
)
_NEGOTIATED_ENDED_NS: Final = 14
"""Where a negotiated transfer's row has the time of its end."""

_DELIVERIES: Final = Table(
    name="delivery_outcome",
    columns="seq, trade_id, outcome, outcome_at_ns, code, lots",
    key="seq, trade_id",
    width=2,
)
_TRANSFERS: Final = Table(
    name="transfer",
    columns="seq, instruction_id, account, client_id, kind, instrument, quantity_tonnes, lots, at_ns",
    key='seq, instruction_id COLLATE "C"',
    width=2,
)
_OUTCOMES: Final = Table(
    name="transfer_outcome",
    columns="seq, instruction_id, outcome, outcome_at_ns, code",
    key='seq, instruction_id COLLATE "C"',
    width=2,
)


class HistoryRows:
    """Trades, ended orders and negotiated transfers, how deliveries ended, and transfers: what `history` reads."""

    def __init__(self, connection: Reader) -> None:
        """Reading through this connection, in the transaction it is in."""
        self._trades = StoredRows(connection, _TRADES)
        self._orders = EndedRows(connection, _ORDERS, _ENDED_NS)
        self._negotiated = EndedRows(connection, _TRANSFERS_NEGOTIATED, _NEGOTIATED_ENDED_NS)
        self._settling = [StoredRows(connection, table) for table in (_DELIVERIES, _TRANSFERS, _OUTCOMES)]

    async def follow(self, entries: Sequence[Entry], batch: Batch, upto: int) -> None:
        """The next entries. Raises JournalBrokenError."""
        _, _, ended, trades, negotiated, _ = batch.arguments(())
        await self._trades.expect(trades, upto)
        newest_ns = entries[-1].at_ns
        await self._orders.follow(ended, newest_ns, upto)
        await self._negotiated.follow(negotiated, newest_ns, upto)
        for stored, rows in zip(self._settling, settlement_rows(entries), strict=True):
            await stored.expect(((row[1], row[0], *row[2:]) for row in rows), upto)

    async def finish(self, upto: int) -> None:
        """There were no more entries. Raises JournalBrokenError."""
        await self._orders.finish(upto)
        await self._negotiated.finish(upto)
        for stored in (self._trades, *self._settling):
            await stored.expect_end(upto)
