"""Bank statements and cash breaks in the database: written as they are journaled, read for the operator, checked."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import asyncpg

from gateway.engine.entry import Entry
from gateway.engine.paging import Page, bounded, id_before, page_of_rows
from gateway.engine.tables.derived_rows import Table
from gateway.engine.tables.projected import Projected, Rows
from settlement.cash_events import (
    BankStatementRecorded,
    BankStatementSuperseded,
    CashBreakClosed,
    CashBreakFound,
)

_SUPERSEDED: Final = """
INSERT INTO bank_statement_superseded (seq, statement_id, at_ns, operator, reason)
SELECT * FROM unnest($1::bigint[], $2::text[], $3::bigint[], $4::text[], $5::text[])
"""
_STATEMENTS: Final = """
INSERT INTO bank_statement (seq, statement_id, at_ns, from_ns, until_ns, opening_fen, closing_fen, lines, differences,
                            open_breaks, digest)
SELECT * FROM unnest($1::bigint[], $2::text[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[],
                     $8::int[], $9::int[], $10::int[], $11::text[])
"""
_FOUND: Final = """
INSERT INTO cash_break (seq, break_id, at_ns, kind, reference, account, here_fen, there_fen, statement_id)
SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::text[], $5::text[], $6::text[], $7::bigint[],
                     $8::bigint[], $9::text[])
"""
_CLOSED: Final = """
INSERT INTO cash_break_outcome (seq, break_id, at_ns, operator, reason)
SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::text[], $5::text[])
"""
_READ_STATEMENTS: Final = """
SELECT statement_id, seq, at_ns, from_ns, until_ns, opening_fen, closing_fen, lines, differences, open_breaks, digest,
       superseded_ns, operator, reason
FROM bank_statement_standing"""
_READ_BREAKS: Final = """
SELECT break_id, cash_break.at_ns, kind, reference, account, here_fen, there_fen, statement_id,
       cash_break_outcome.at_ns AS closed_ns, operator, reason
FROM cash_break LEFT JOIN cash_break_outcome USING (break_id)"""

_OWNERS: Final = """
SELECT reference, CASE from_account WHEN 'outside' THEN to_account ELSE from_account END AS account
FROM settlement.settled WHERE kind IN ('deposit', 'withdrawal') AND reference = ANY($1)"""


def rows_of(entries: Sequence[Entry]) -> tuple[Rows, Rows, Rows, Rows]:
    """Rows of these entries for the four tables. What was superseded comes first: it makes room for another."""
    superseded: Rows = []
    statements: Rows = []
    found: Rows = []
    closed: Rows = []
    for entry in entries:
        for event in entry.events:
            match event:
                case BankStatementRecorded():
                    period = (event.from_ns, event.until_ns, event.opening_fen, event.closing_fen)
                    counts = (event.lines, event.differences, event.open_breaks)
                    statements.append(
                        (entry.seq, event.statement_id, entry.at_ns, *period, *counts, event.digest)
                    )
                case BankStatementSuperseded():
                    of = (event.statement_id, entry.at_ns, event.operator, event.reason)
                    superseded.append((entry.seq, *of))
                case CashBreakFound(cash_break=one):
                    what = (one.kind.value, one.reference, one.account, one.here_fen, one.there_fen)
                    found.append((entry.seq, one.break_id, entry.at_ns, *what, one.statement_id))
                case CashBreakClosed(cash_break=one):
                    closed.append((entry.seq, one.break_id, entry.at_ns, event.operator, event.reason))
                case _:
                    continue
    return superseded, statements, found, closed


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
    superseded_ns: int | None
    """Since when it tells nothing any more."""
    operator: str | None
    """Who took it back."""
    reason: str | None


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
        """The statement of that number; of several, the one that came last."""
        row = await self._pool.fetchrow(
            f"{_READ_STATEMENTS} WHERE statement_id = $1 ORDER BY seq DESC LIMIT 1", statement_id
        )
        return None if row is None else StatementRecord(**row)

    async def closed(self, break_ids: Sequence[int]) -> frozenset[int]:
        """Which of these differences are settled by now."""
        rows = await self._pool.fetch(
            "SELECT break_id FROM cash_break_outcome WHERE break_id = ANY($1)", break_ids
        )
        return frozenset(row["break_id"] for row in rows)

    async def owners(self, references: Sequence[str]) -> Mapping[str, str]:
        """By bank reference: to or from whose account that money was booked here."""
        rows = await self._pool.fetch(_OWNERS, references)
        return {row["reference"]: row["account"] for row in rows}

    async def statements(self, *, after: str | None, limit: int) -> Page[StatementRecord]:
        """Newest first."""
        rows = await self._pool.fetch(
            f"{_READ_STATEMENTS} WHERE seq < $1 ORDER BY seq DESC LIMIT $2",
            id_before(after),
            bounded(limit) + 1,
        )
        return page_of_rows(rows, limit, lambda row: StatementRecord(**row), "seq")

    async def breaks(self, *, is_open: bool | None, after: str | None, limit: int) -> Page[CashBreakRecord]:
        """Differences, newest first; only open or only closed ones where asked."""
        rows = await self._pool.fetch(
            f"{_READ_BREAKS} WHERE break_id < $1 AND ($2::bool IS NULL OR (cash_break_outcome.seq IS NULL) = $2)"
            " ORDER BY break_id DESC LIMIT $3",
            *(id_before(after), is_open, bounded(limit) + 1),
        )
        return page_of_rows(rows, limit, lambda row: CashBreakRecord(**row), "break_id")


_TABLES: Final = (
    Table(
        name="bank_statement_superseded",
        columns="seq, statement_id, at_ns, operator, reason",
        key="seq",
        width=1,
    ),
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


BANK_STATEMENTS: Final = Projected(
    taken=frozenset({BankStatementRecorded, BankStatementSuperseded, CashBreakFound, CashBreakClosed}),
    inserts=(_SUPERSEDED, _STATEMENTS, _FOUND, _CLOSED),
    tables=_TABLES,
    rows_of=rows_of,
)
"""The journal's projection to `bank_statement`, `cash_break` and what became of either."""
