"""What is published of closed days: rows written as they are journaled, read for everybody, and checked."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import asyncpg

from gateway.engine.derived_rows import Reader, StoredRows, Table
from gateway.engine.entry import Entry
from gateway.engine.rows import Batch
from matching.events import ClosingPriceSet, DayClosed

Rows: TypeAlias = list[tuple[Any, ...]]

MOST_DAYS: Final = 400
"""Of one answer: a little more than a year."""

_TAKEN: Final = (ClosingPriceSet, DayClosed)

_PRICES: Final = """
INSERT INTO day_price (trading_day, listing, seq, reference_fen, open_fen, high_fen, low_fen, close_fen, volume_tonnes,
                       turnover_fen)
SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[],
                     $8::bigint[], $9::bigint[], $10::bigint[])
"""
_DAYS: Final = """
INSERT INTO closed_day (trading_day, seq, at_ns) SELECT * FROM unnest($1::text[], $2::bigint[], $3::bigint[])
"""
# Sums run from the first day on, whatever part of it is asked for.
_READ: Final = """
SELECT * FROM (
    SELECT trading_day, listing, reference_fen, open_fen, high_fen, low_fen, close_fen, volume_tonnes, turnover_fen,
           sum(volume_tonnes) OVER listing_days AS cumulative_tonnes,
           sum(turnover_fen) OVER listing_days AS cumulative_fen,
           closed_day.at_ns
    FROM day_price JOIN closed_day USING (trading_day)
    WINDOW listing_days AS (PARTITION BY listing ORDER BY trading_day)
) AS published
WHERE trading_day BETWEEN $1 AND $2 ORDER BY trading_day, listing"""
_DIGESTS: Final = """
SELECT trading_day, closed_day.seq, closed_day.at_ns, digest
FROM closed_day JOIN journal USING (seq) WHERE trading_day > $1 ORDER BY trading_day LIMIT $2"""


class BulletinRows:
    """The journal's projection to `day_price` and `closed_day`."""

    def concerns(self, entry: Entry) -> bool:
        """Whether the entry belongs to a close that publishes something."""
        return any(type(event) in _TAKEN for event in entry.events)

    async def write(self, connection: "asyncpg.Connection[asyncpg.Record]", entries: Sequence[Entry]) -> None:
        """Insert the rows of these entries."""
        for sql, rows in zip((_PRICES, _DAYS), rows_of(entries), strict=True):
            if rows:
                await connection.execute(sql, *zip(*rows, strict=True))


def rows_of(entries: Sequence[Entry]) -> tuple[Rows, Rows]:
    """Rows of these entries for both tables, in the order of the statements' columns."""
    prices: Rows = []
    days: Rows = []
    for entry in entries:
        for event in entry.events:
            match event:
                case ClosingPriceSet():
                    traded = (event.open_fen, event.high_fen, event.low_fen, event.close_fen)
                    key = (event.trading_day, event.listing, entry.seq)
                    sums = (event.volume_tonnes, event.turnover_fen)
                    prices.append((*key, event.reference_fen, *traded, *sums))
                case DayClosed():
                    days.append((event.trading_day, entry.seq, entry.at_ns))
                case _:
                    continue
    return prices, days


@dataclass(frozen=True, kw_only=True, slots=True)
class PublishedDay:
    """One listing on one closed day."""

    trading_day: str
    listing: str
    reference_fen: int
    open_fen: int | None
    high_fen: int | None
    low_fen: int | None
    close_fen: int
    volume_tonnes: int
    turnover_fen: int
    cumulative_tonnes: int
    cumulative_fen: int
    at_ns: int
    """When the day was closed."""


@dataclass(frozen=True, kw_only=True, slots=True)
class DayDigest:
    """The journal's digest at the end of a day: whoever keeps it can later tell whether history was rewritten."""

    trading_day: str
    seq: int
    at_ns: int
    digest: bytes


class Bulletins:
    """Reads what is published, over connections that are never the journal's."""

    def __init__(self, pool: "asyncpg.Pool[asyncpg.Record]") -> None:
        """Reading through this pool."""
        self._pool = pool

    async def days(self, first: str, last: str) -> tuple[PublishedDay, ...]:
        """Closed days from the first to the last, both included, in order of day and listing."""
        rows = await self._pool.fetch(_READ, first, last)
        return tuple(
            PublishedDay(
                **{
                    **row,
                    "cumulative_tonnes": int(row["cumulative_tonnes"]),
                    "cumulative_fen": int(row["cumulative_fen"]),
                }
            )
            for row in rows
        )

    async def digests(self, after: str, limit: int) -> tuple[DayDigest, ...]:
        """Of closed days after that one, oldest first."""
        return tuple(DayDigest(**row) for row in await self._pool.fetch(_DIGESTS, after, limit))


_TABLES: Final = (
    Table(
        name="day_price",
        columns="seq, trading_day, listing, reference_fen, open_fen, high_fen, low_fen, close_fen, volume_tonnes,"
        " turnover_fen",
        key='seq, trading_day COLLATE "C", listing COLLATE "C"',
        width=3,
    ),
    Table(
        name="closed_day",
        columns="seq, trading_day, at_ns",
        key='seq, trading_day COLLATE "C"',
        width=2,
    ),
)


class CheckedBulletins:
    """Both tables, held against the entries they came from."""

    def __init__(self, connection: Reader) -> None:
        """Reading through this connection, in the transaction it is in."""
        self._prices, self._days = (StoredRows(connection, table) for table in _TABLES)

    async def follow(self, entries: Sequence[Entry], _: Batch, upto: int) -> None:
        """The next entries. Raises JournalBrokenError."""
        prices, days = rows_of(entries)
        await self._prices.expect(((row[2], row[0], row[1], *row[3:]) for row in prices), upto)
        await self._days.expect(((row[1], row[0], row[2]) for row in days), upto)

    async def finish(self, upto: int) -> None:
        """There were no more entries. Raises JournalBrokenError."""
        await self._prices.expect_end(upto)
        await self._days.expect_end(upto)
