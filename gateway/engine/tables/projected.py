"""Tables that are written as entries are journaled, and checked against them: one description serves both."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import asyncpg

from gateway.engine.entry import Entry
from gateway.engine.tables.by_events import ByEvents
from gateway.engine.tables.derived_rows import Reader, Row, StoredRows, Table
from gateway.engine.tables.rows import Batch

Rows: TypeAlias = list[Row]


@dataclass(frozen=True, kw_only=True, slots=True)
class Projected(ByEvents):
    """Tables of one subject. Their rows begin with the number of the entry they come from, and the rest of the key."""

    taken: frozenset[type]
    inserts: tuple[str, ...]
    """One statement a table, each taking its columns as arrays."""
    tables: tuple[Table, ...]
    rows_of: Callable[[Sequence[Entry]], Sequence[Rows]]
    """Rows of entries, one list a table."""

    async def write(self, connection: "asyncpg.Connection[asyncpg.Record]", entries: Sequence[Entry]) -> None:
        """Insert the rows of these entries."""
        for sql, rows in zip(self.inserts, self.rows_of(entries), strict=True):
            if rows:
                await connection.execute(sql, *zip(*rows, strict=True))

    def checked(self, connection: Reader) -> "CheckedTables":
        """The tables, to be held against the entries they came from, in the transaction the connection is in."""
        return CheckedTables(self, connection)


class CheckedTables:
    """Tables of one subject, held against the entries they came from."""

    def __init__(self, projected: Projected, connection: Reader) -> None:
        """Reading through this connection, in the transaction it is in."""
        self._rows_of = projected.rows_of
        self._stored = [StoredRows(connection, table) for table in projected.tables]

    async def follow(self, entries: Sequence[Entry], _: Batch, upto: int) -> None:
        """The next entries. Raises JournalBrokenError."""
        for stored, rows in zip(self._stored, self._rows_of(entries), strict=True):
            await stored.expect(rows, upto)

    async def finish(self, upto: int) -> None:
        """There were no more entries. Raises JournalBrokenError."""
        for stored in self._stored:
            await stored.expect_end(upto)
