"""Comparisons with the registry, breaks, claims and removals as rows: few batches have any, and most have none."""

from collections.abc import Sequence
from typing import Any, Final, TypeAlias

import asyncpg

from gateway.engine.codec import to_json
from gateway.engine.entry import Entry
from gateway.engine.tables.by_events import ByEvents
from gateway.engine.tables.derived_rows import Reader, StoredRows, Table
from gateway.engine.tables.rows import Batch
from matching.events import Event, Reconciled
from settlement.custody_events import (
    BreakOpened,
    BreakResolved,
    ClaimDecided,
    ClaimOpened,
    RemovalCompleted,
    RemovalOpened,
)

Row: TypeAlias = tuple[Any, ...]

TABLES: Final[dict[str, tuple[tuple[str, str], ...]]] = {
    "reconciliation": (
        ("seq", "bigint"),
        ("at_ns", "bigint"),
        ("trading_day", "text"),
        ("on_demand", "boolean"),
        ("as_of", "bigint"),
        ("breaks", "bigint"),
        ("open_breaks", "bigint"),
        ("digest_here", "text"),
        ("digest_there", "text"),
    ),
    "registry_break": (
        ("seq", "bigint"),
        ("break_id", "bigint"),
        ("at_ns", "bigint"),
        ("as_of", "bigint"),
        ("kind", "text"),
        ("account", "text"),
        ("registry_account", "text"),
        ("lot_id", "text"),
        ("only_here", "text"),
        ("only_there", "text"),
        ("instruction_id", "text"),
        ("detail", "text"),
    ),
    "break_resolution": (
        ("seq", "bigint"),
        ("break_id", "bigint"),
        ("at_ns", "bigint"),
        ("operator", "text"),
        ("reason", "text"),
    ),
    "claim": (
        ("seq", "bigint"),
        ("claim_id", "bigint"),
        ("at_ns", "bigint"),
        ("notice_sequence", "bigint"),
        ("against", "text"),
        ("lot_id", "text"),
        ("serials", "text"),
        ("quantity_tonnes", "bigint"),
        ("reason", "text"),
        ("state", "text"),
    ),
    "claim_decision": (
        ("seq", "bigint"),
        ("claim_id", "bigint"),
        ("at_ns", "bigint"),
        ("decision", "text"),
        ("state", "text"),
        ("operator", "text"),
        ("reason", "text"),
    ),
    "removal": (
        ("seq", "bigint"),
        ("removal_id", "bigint"),
        ("at_ns", "bigint"),
        ("account", "text"),
        ("lot_id", "text"),
        ("serials", "text"),
        ("notice_sequence", "bigint"),
        ("reason", "text"),
        ("claim_id", "bigint"),
    ),
    "removal_completion": (("seq", "bigint"), ("removal_id", "bigint"), ("at_ns", "bigint")),
}
"""Table → its columns with their types, the entry's number first. In this order none refers to one that follows."""

_KINDS: Final = frozenset[type](
    {Reconciled, BreakOpened, BreakResolved, ClaimOpened, ClaimDecided, RemovalOpened, RemovalCompleted}
)


def _statement(table: str) -> str:
    columns = TABLES[table]
    names = ", ".join(name for name, _ in columns)
    arrays = ", ".join(f"${number}::{kind}[]" for number, (_, kind) in enumerate(columns, 1))
    return f"INSERT INTO {table} ({names}) SELECT * FROM unnest({arrays})"  # noqa: S608 - of constants only


_STATEMENTS: Final = {table: _statement(table) for table in TABLES}


class CustodyRows(ByEvents):
    """The journal's projection to those tables."""

    taken = _KINDS

    async def write(self, connection: "asyncpg.Connection[asyncpg.Record]", entries: Sequence[Entry]) -> None:
        """Insert the rows of these entries."""
        for table, rows in custody_rows(entries).items():
            if rows:
                await connection.execute(_STATEMENTS[table], *zip(*rows, strict=True))


def custody_rows(entries: Sequence[Entry]) -> dict[str, list[Row]]:
    """Rows of these entries by table, as their columns stand in `TABLES`."""
    rows: dict[str, list[Row]] = {table: [] for table in TABLES}
    for entry in entries:
        for event in entry.events:
            if type(event) in _KINDS:
                table, row = _row(entry, event)
                rows[table].append(row)
    return rows


def _row(entry: Entry, event: Event) -> tuple[str, Row]:
    seq, at_ns = entry.seq, entry.at_ns
    match event:
        case Reconciled():
            said = (event.trading_day, event.on_demand, event.as_of, event.breaks, event.open_breaks)
            return "reconciliation", (seq, at_ns, *said, event.digest_here, event.digest_there)
        case BreakOpened():
            return "registry_break", _break(seq, at_ns, event)
        case BreakResolved():
            return "break_resolution", (seq, event.case.break_id, at_ns, event.operator, event.reason)
        case ClaimOpened():
            return "claim", _claim(seq, at_ns, event)
        case ClaimDecided():
            decided = (event.decision.value, event.state.value, event.operator, event.reason)
            return "claim_decision", (seq, event.claim_id, at_ns, *decided)
        case RemovalOpened():
            return "removal", _removal(seq, at_ns, event)
        case RemovalCompleted():
            return "removal_completion", (seq, event.removal_id, at_ns)
        case _:
            raise AssertionError(f"{type(event).__name__} leaves no row here")


def _break(seq: int, at_ns: int, event: BreakOpened) -> Row:
    case, found = event.case, event.case.difference
    return (
        seq,
        case.break_id,
        at_ns,
        case.as_of,
        found.kind.value,
        event.account,
        found.registry_account,
        found.lot_id,
        to_json(found.only_here).decode(),
        to_json(found.only_there).decode(),
        found.instruction_id,
        found.detail,
    )


def _claim(seq: int, at_ns: int, event: ClaimOpened) -> Row:
    claim = event.claim
    return (
        seq,
        claim.claim_id,
        at_ns,
        claim.notice_sequence,
        claim.against,
        claim.lot_id,
        to_json(claim.serials).decode(),
        claim.quantity_tonnes,
        claim.reason,
        claim.state.value,
    )


def _removal(seq: int, at_ns: int, event: RemovalOpened) -> Row:
    removal = event.removal
    return (
        seq,
        removal.removal_id,
        at_ns,
        removal.account,
        removal.lot_id,
        to_json(removal.serials).decode(),
        removal.notice_sequence,
        removal.reason,
        removal.claim_id,
    )


def _table(name: str) -> Table:
    columns = [column for column, _ in TABLES[name]]
    width = 1 if name == "reconciliation" else 2
    return Table(name=name, columns=", ".join(columns), key=", ".join(columns[:width]), width=width)


class CustodyHistoryRows:
    """The same tables, held against the entries they came from."""

    def __init__(self, connection: Reader) -> None:
        """Reading through this connection, in the transaction it is in."""
        self._stored = {name: StoredRows(connection, _table(name)) for name in TABLES}

    async def follow(self, entries: Sequence[Entry], _: Batch, upto: int) -> None:
        """The next entries. Raises JournalBrokenError."""
        for name, rows in custody_rows(entries).items():
            await self._stored[name].expect(rows, upto)

    async def finish(self, upto: int) -> None:
        """There were no more entries. Raises JournalBrokenError."""
        for stored in self._stored.values():
            await stored.expect_end(upto)
