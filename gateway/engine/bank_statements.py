"""Bank statements and cash breaks in the database: written as they are journaled, read for the operator, checked."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import asyncpg

from gateway.engine.derived_rows import Reader, StoredRows, Table
from gateway.engine.entry import Entry
from gateway.engine.paging import Page, bounded, cursor_after, id_before
from gateway.engine.rows import Batch
from settlement.cash_events import BankStatementRecorded, CashBreakClosed, CashBreakFound

Rows: TypeAlias = list[tuple[Any, ...]]

_TAKEN: Final = (BankStatementRecorded, CashBreakFound, CashBreakClosed)

_STATEMENTS: Final = """
INSERT INTO bank_statement (statement_id, seq, at_ns, from_ns, until_ns, opening_fen, closing_fen, lines, differences,
                            open_breaks, digest)
SELECT * FROM unnest($1::text[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[],
                     $8::int[], $9::int[], $10::int[], $11::text[])
"""
_FOUND: Final = """
INSERT INTO cash_break (break_id, seq, at_ns, kind, reference, account, here_fen, there_fen, statement_id)
SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::text[], $5::text[], $6::text[], $7::bigint[],
                     $8::bigint[], $9::text[])
"""
_CLOSED: Final = """
INSERT INTO cash_break_outcome (break_id, seq, at_ns, operator, reason)
SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::text[], $5::text[])
"""
_READ_STATEMENTS: Final = """
SELECT statement_id, seq, at_ns, from_ns, until_ns, opening_fen, closing_fen, lines, differences, open_breaks, digest
FROM bank_statement"""
_READ_BREAKS: Final = """
SELECT break_id, cash_break.at_ns, kind, reference, account, here_fen, there_fen, statement_id,
       cash_break_outcome.at_ns AS closed_ns, operator, reason
FROM cash_break LEFT JOIN cash_break_outcome USING (break_id)"""


class BankStatementRows:
    """The journal's projection to `bank_statement`, `cash_break` and `cash_break_outcome`."""

    def concerns(self, entry: Entry) -> bool:
        """Whether the entry is about the bank's money and ours."""
        return any(type(event) in _TAKEN for event in entry.events)

    async def write(self, connection: "asyncpg.Connection[asyncpg.Record]", entries: Sequence[Entry]) -> None:
        """Insert the rows of these entries."""
        for sql, rows in zip((_STATEMENTS, _FOUND, _CLOSED), rows_of(entries), strict=True):
            if rows:
                await connection.execute(sql, *zip(*rows, strict=True))


def rows_of(entries: Sequence[Entry]) -> tuple[Rows, Rows, Rows]:
    """Rows of these entries for the three tables, in the order of the statements' columns."""
    statements: Rows = []
    found: Rows = []
    closed: Rows = []
    for entry in entries:
        when = (entry.seq, entry.at_ns)
        for event in entry.events:
            match event:
                case BankStatementRecorded():
                    period = (event.from_ns, event.until_ns, event.opening_fen, event.closing_fen)
                    counts = (event.lines, event.differences, event.open_breaks)
                    statements.append((event.statement_id, *when, *period, *counts, event.digest))
                case CashBreakFound(cash_break=one):
                    what = (one.kind.value, one.reference, one.account, one.here_fen, one.there_fen)
                    found.append((one.break_id, *when, *what, one.statement_id))
                case CashBreakClosed(cash_break=one):
                    closed.append((one.break_id, *when, event.operator, event.reason))
                case _:
                    continue
    return statements, found, closed


@dataclass(frozen=True, kw_only=True, slots=True)
class StatementRecord:
    """One bank statement that was held against our books."""

    statement_id: str
    seq: int
    at_ns: int
    from_ns: int
    until_ns: int
    opening_fen: int
    closing_fen: int
    lines: int
    differences: int
    open_breaks: int
    digest: str


@dataclass(frozen=True, kw_only=True, slots=True)
class CashBreakRecord:
    """One difference with the bank's money."""

    break_id: int
    at_ns: int
    kind: str
    reference: str
    account: str | None
    here_fen: int | None
    there_fen: int | None
    statement_id: str
    closed_ns: int | None
    operator: str | None
    """Who settled it; none where its other half turned up."""
    reason: str | None


class BankStatementHistory:
    """Reads them, over connections that are never the journal's."""

    def __init__(self, pool: "asyncpg.Pool[asyncpg.Record]") -> None:
        """Reading through this pool."""
        self._pool = pool

    async def statement(self, statement_id: str) -> StatementRecord | None:
        """The statement of that number."""
        row = await self._pool.fetchrow(f"{_READ_STATEMENTS} WHERE statement_id = $1", statement_id)
        return None if row is None else StatementRecord(**row)

    async def statements(self, *, after: str | None, limit: int) -> Page[StatementRecord]:
        """Newest first."""
        many = bounded(limit)
        rows = await self._pool.fetch(
            f"{_READ_STATEMENTS} WHERE seq < $1 ORDER BY seq DESC LIMIT $2", id_before(after), many + 1
        )
        following = cursor_after(rows[many - 1]["seq"]) if len(rows) > many else None
        return Page(items=tuple(StatementRecord(**row) for row in rows[:many]), next=following)

    async def breaks(self, *, is_open: bool | None, after: str | None, limit: int) -> Page[CashBreakRecord]:
        """Differences, newest first; only open or only closed ones where asked."""
        many = bounded(limit)
        rows = await self._pool.fetch(
            f"{_READ_BREAKS} WHERE break_id < $1 AND ($2::bool IS NULL OR (cash_break_outcome.seq IS NULL) = $2)"
            " ORDER BY break_id DESC LIMIT $3",
            *(id_before(after), is_open, many + 1),
        )
        following = cursor_after(rows[many - 1]["break_id"]) if len(rows) > many else None
        return Page(items=tuple(CashBreakRecord(**row) for row in rows[:many]), next=following)


_TABLES: Final = (
    Table(
        name="bank_statement",
        columns="seq, statement_id, at_ns, from_ns, until_ns, opening_fen, closing_fen, lines, differences,"
        " open_breaks, digest",
        key='seq, statement_id COLLATE "C"',
        width=2,
    ),
    Table(
        name="cash_break",
        columns="seq, break_id, at_ns, kind, reference, account, here_fen, there_fen, statement_id",
        key="seq, break_id",
        width=2,
    ),
    Table(
        name="cash_break_outcome",
        columns="seq, break_id, at_ns, operator, reason",
        key="seq, break_id",
        width=2,
    ),
)


class CheckedBankStatements:
    """The three tables, held against the entries they came from."""

    def __init__(self, connection: Reader) -> None:
        """Reading through this connection, in the transaction it is in."""
        self._stored = [StoredRows(connection, table) for table in _TABLES]

    async def follow(self, entries: Sequence[Entry], _: Batch, upto: int) -> None:
        """The next entries. Raises JournalBrokenError."""
        for stored, rows in zip(self._stored, rows_of(entries), strict=True):
            await stored.expect(((row[1], row[0], *row[2:]) for row in rows), upto)

    async def finish(self, upto: int) -> None:
        """There were no more entries. Raises JournalBrokenError."""
        for stored in self._stored:
            await stored.expect_end(upto)
