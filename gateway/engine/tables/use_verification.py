"""The tables of uses, held against the entries they came from: see `derived_rows`."""

from collections.abc import Sequence
from typing import Final

from gateway.engine.entry import Entry
from gateway.engine.tables.derived_rows import Reader, Row, StoredRows, Table
from gateway.engine.tables.rows import Batch
from gateway.engine.tables.settlement_postings import collect
from gateway.engine.tables.use_rows import use_rows

_HISTORY: Final = (
    Table(
        name="use_request",
        columns="seq, use_id, account, client_id, participant, entity, purpose, compliance_year, beneficiary,"
        " statement, instrument, quantity_tonnes, lots, donated_to, at_ns, instruct_at_ns, deadline_ns",
        key='seq, use_id COLLATE "C"',
        width=2,
    ),
    Table(
        name="use_outcome",
        columns="seq, use_id, outcome, outcome_at_ns, code",
        key='seq, use_id COLLATE "C"',
        width=2,
    ),
    Table(
        name="certificate",
        columns="seq, number, reference, account, entity, purpose, year, instrument, methodology_class,"
        " quantity_tonnes, digest, says, at_ns",
        key='seq, number COLLATE "C"',
        width=2,
    ),
)
"""What history reads."""

_WALL: Final = (
    Table(
        name="settlement.compliance_year",
        columns="seq, year, effective_from_ns, base, numerator, denominator, is_hard, joint_credits",
        key="seq",
        width=1,
    ),
    Table(
        name="settlement.filing",
        columns="seq, entity, year, verified_emissions_tonnes, issued_allowances_tonnes, credits, credit_tonnes",
        key="seq",
        width=1,
    ),
    Table(
        name="settlement.offset_claim",
        columns="seq, use_id, at_ns, account, entity, year, asset, methodology_class, tonnes",
        key='seq, use_id COLLATE "C"',
        width=2,
    ),
    Table(
        name="settlement.offset_release",
        columns="seq, use_id",
        key='seq, use_id COLLATE "C"',
        width=2,
    ),
    Table(
        name="settlement.used",
        columns="seq, line, asset, methodology_class, purpose, entity, year",
        key="seq, line",
        width=2,
    ),
)
"""What the third wall judges by."""


class UseTables:
    """Uses, their ends, certificates, and what the third wall keeps of them."""

    def __init__(self, connection: Reader) -> None:
        """Reading through this connection, in the transaction it is in."""
        self._stored = [StoredRows(connection, table) for table in (*_HISTORY, *_WALL)]

    async def follow(self, entries: Sequence[Entry], _: Batch, upto: int) -> None:
        """The next entries. Raises JournalBrokenError."""
        found = collect(entries)
        claims = found.claims
        named = [[(row[1], row[0], *row[2:]) for row in rows] for rows in use_rows(entries)]
        expected: list[list[Row]] = [
            *named,
            claims.years,
            claims.filings,
            [(row[1], row[0], *row[2:]) for row in claims.claims],
            [(row[1], row[0]) for row in claims.releases],
            [row for wave in found.waves for row in wave.uses],
        ]
        for stored, rows in zip(self._stored, expected, strict=True):
            await stored.expect(rows, upto)

    async def finish(self, upto: int) -> None:
        """There were no more entries. Raises JournalBrokenError."""
        for stored in self._stored:
            await stored.expect_end(upto)
