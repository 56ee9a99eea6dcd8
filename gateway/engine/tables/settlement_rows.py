"""The double-entry tables of schema `settlement`, held against the entries they came from.

What those tables say among themselves, their own checks compare (`settlement_check`); here is whether they say what
was journaled.
"""

from collections.abc import Sequence
from typing import Final

from gateway.engine.entry import Entry
from gateway.engine.tables.derived_rows import Reader, Row, StoredRows, Table
from gateway.engine.tables.rows import Batch
from gateway.engine.tables.settlement_postings import collect

_ACCOUNTS: Final = Table(
    name="settlement.account",
    columns="seq, account, registry_account",
    key='seq, account COLLATE "C"',
    width=2,
    where="registry_account IS NOT NULL OR seq IS NOT NULL",
)
_ASSETS: Final = Table(
    name="settlement.asset",
    columns="seq, asset, methodology_class",
    key='seq, asset COLLATE "C"',
    width=2,
    where="asset <> 'CNY' OR seq IS NOT NULL",
)
_LOTS: Final = Table(
    name="settlement.lot",
    columns="seq, lot_id, instrument, methodology_class, lower(serials), upper(serials)",
    key='seq, lot_id COLLATE "C"',
    width=2,
)
_SETTLED: Final = Table(
    name="settlement.settled",
    columns="seq, line, kind, reference, asset, amount, from_account, to_account, payment_fen",
    key="seq, line",
    width=2,
)
_MOVES: Final = Table(
    name="settlement.serial_move",
    columns="seq, line, part, lot_id, lower(serials), upper(serials)",
    key="seq, line, part",
    width=3,
)
_POSTINGS: Final = Table(
    name="settlement.posting", columns="seq, line, account, asset, amount", key="seq, line", width=2
)


class SettledRows:
    """Accounts, assets, lots, reasons, serial moves and postings."""

    def __init__(self, connection: Reader) -> None:
        """Reading through this connection, in the transaction it is in."""
        tables = (_ACCOUNTS, _ASSETS, _LOTS, _SETTLED, _MOVES, _POSTINGS)
        self._stored = [StoredRows(connection, table) for table in tables]

    async def follow(self, entries: Sequence[Entry], _: Batch, upto: int) -> None:
        """The next entries. Raises JournalBrokenError."""
        found = collect(entries)
        reasons: list[Row] = [row for wave in found.waves for row in wave.reasons]
        moves: list[Row] = [row for wave in found.waves for row in wave.moves]
        postings: list[Row] = [row for wave in found.waves for row in wave.postings]
        expected = (found.accounts, found.assets, found.lots, reasons, moves, postings)
        for stored, rows in zip(self._stored, expected, strict=True):
            await stored.expect(rows, upto)

    async def finish(self, upto: int) -> None:
        """There were no more entries. Raises JournalBrokenError."""
        for stored in self._stored:
            await stored.expect_end(upto)
