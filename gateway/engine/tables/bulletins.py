"""What is published of closed days: rows written as they are journaled, read for everybody, and checked.

Every figure is set by the close and only read here. A week's, and everything cumulative, are sums of days' figures: so
what a day holds back (`settlement.retired_figures`) cannot be had from them either.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import asyncpg

from gateway.engine.entry import Entry
from gateway.engine.tables.derived_rows import Table
from gateway.engine.tables.projected import Projected, Rows
from matching.close_events import BooksCut, StatementsIssued
from matching.events import ClosingPriceSet, DayClosed
from matching.negotiated_events import NegotiatedTotalsSet
from settlement.retired_figures import RetiredTotalsSet

_INSERTS: Final = (
    """INSERT INTO day_price (seq, trading_day, listing, reference_fen, open_fen, high_fen, low_fen, close_fen,
                              volume_tonnes, turnover_fen)
    SELECT * FROM unnest($1::bigint[], $2::text[], $3::text[], $4::bigint[], $5::bigint[], $6::bigint[],
                         $7::bigint[], $8::bigint[], $9::bigint[], $10::bigint[])""",
    """INSERT INTO day_negotiated (seq, trading_day, listing, trades, volume_tonnes, turnover_fen)
    SELECT * FROM unnest($1::bigint[], $2::text[], $3::text[], $4::bigint[], $5::bigint[], $6::bigint[])""",
    """INSERT INTO day_retired (seq, trading_day, purpose, since_day, tonnes)
    SELECT * FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::bigint[])""",
    """INSERT INTO day_cut (seq, trading_day, at_ns)
    SELECT * FROM unnest($1::bigint[], $2::text[], $3::bigint[])""",
    """INSERT INTO statement_issued (seq, trading_day, account, digest)
    SELECT * FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[])""",
    """INSERT INTO closed_day (seq, trading_day, at_ns)
    SELECT * FROM unnest($1::bigint[], $2::text[], $3::bigint[])""",
)
_TABLES: Final = (
    Table(
        name="day_price",
        columns="seq, trading_day, listing, reference_fen, open_fen, high_fen, low_fen, close_fen, volume_tonnes,"
        " turnover_fen",
        key='seq, trading_day COLLATE "C", listing COLLATE "C"',
        width=3,
    ),
    Table(
        name="day_negotiated",
        columns="seq, trading_day, listing, trades, volume_tonnes, turnover_fen",
        key='seq, trading_day COLLATE "C", listing COLLATE "C"',
        width=3,
    ),
    Table(
        name="day_retired",
        columns="seq, trading_day, purpose, since_day, tonnes",
        key='seq, trading_day COLLATE "C", purpose COLLATE "C"',
        width=3,
    ),
    Table(name="day_cut", columns="seq, trading_day, at_ns", key='seq, trading_day COLLATE "C"', width=2),
    Table(
        name="statement_issued",
        columns="seq, trading_day, account, digest",
        key='seq, trading_day COLLATE "C", account COLLATE "C"',
        width=3,
    ),
    Table(name="closed_day", columns="seq, trading_day, at_ns", key='seq, trading_day COLLATE "C"', width=2),
)

# Sums run from the first day on, whatever part of it is asked for.
_DAYS: Final = """
SELECT * FROM (
    SELECT trading_day, listing, reference_fen, open_fen, high_fen, low_fen, close_fen,
           price.volume_tonnes, price.turnover_fen,
           coalesce(negotiated.volume_tonnes, 0) AS negotiated_tonnes,
           coalesce(negotiated.turnover_fen, 0) AS negotiated_fen,
           sum(price.volume_tonnes + coalesce(negotiated.volume_tonnes, 0)) OVER listing_days AS cumulative_tonnes,
           sum(price.turnover_fen + coalesce(negotiated.turnover_fen, 0)) OVER listing_days AS cumulative_fen,
           closed_day.at_ns
    FROM day_price AS price
    JOIN closed_day USING (trading_day)
    LEFT JOIN day_negotiated AS negotiated USING (trading_day, listing)
    WINDOW listing_days AS (PARTITION BY listing ORDER BY trading_day)
) AS published
WHERE trading_day BETWEEN $1 AND $2 ORDER BY trading_day, listing"""
_NTH: Final = """
SELECT trading_day FROM closed_day WHERE trading_day BETWEEN $1 AND $2 ORDER BY trading_day OFFSET $3 LIMIT 1"""
_RETIRED: Final = """
SELECT trading_day, purpose, since_day, tonnes FROM day_retired JOIN closed_day USING (trading_day)
WHERE trading_day BETWEEN $1 AND $2 ORDER BY trading_day, purpose"""
_RETIRED_BEFORE: Final = """
SELECT purpose, sum(tonnes)::bigint AS tonnes FROM day_retired
WHERE trading_day < $1 AND tonnes IS NOT NULL GROUP BY purpose"""
_RETIRED_IN: Final = """
SELECT purpose, sum(tonnes)::bigint AS tonnes, (array_agg(tonnes ORDER BY trading_day DESC))[1] IS NULL AS is_held_over
FROM day_retired JOIN closed_day USING (trading_day)
WHERE trading_day BETWEEN $1 AND $2 GROUP BY purpose ORDER BY purpose"""
_DIGESTS: Final = """
SELECT closed.trading_day, closed.seq, closed.at_ns, at_close.digest, cut.seq AS cut_seq, at_cut.digest AS cut_digest
FROM closed_day AS closed
JOIN day_cut AS cut USING (trading_day)
JOIN journal AS at_close ON at_close.seq = closed.seq
JOIN journal AS at_cut ON at_cut.seq = cut.seq
WHERE trading_day > $1 ORDER BY trading_day LIMIT $2"""


def _rows_of(entries: Sequence[Entry]) -> tuple[Rows, ...]:
    """Rows of these entries for every table, in their order."""
    rows: tuple[Rows, ...] = tuple([] for _ in _TABLES)
    prices, negotiated, retired, cuts, statements, days = rows
    for entry in entries:
        seq = entry.seq
        for event in entry.events:
            match event:
                case ClosingPriceSet():
                    traded = (event.open_fen, event.high_fen, event.low_fen, event.close_fen)
                    sums = (event.volume_tonnes, event.turnover_fen)
                    prices.append(
                        (seq, event.trading_day, event.listing, event.reference_fen, *traded, *sums)
                    )
                case NegotiatedTotalsSet():
                    sums = (event.volume_tonnes, event.turnover_fen)
                    negotiated.append((seq, event.trading_day, event.listing, event.trades, *sums))
                case RetiredTotalsSet():
                    told = (event.since_day, event.tonnes)
                    retired.append((seq, event.trading_day, event.purpose.value, *told))
                case BooksCut():
                    cuts.append((seq, event.trading_day, entry.at_ns))
                case StatementsIssued(trading_day=day):
                    statements += [(seq, day, issued.account, issued.digest) for issued in event.statements]
                case DayClosed():
                    days.append((seq, event.trading_day, entry.at_ns))
                case _:
                    continue
    return rows


BULLETINS: Final = Projected(
    taken=frozenset(
        {ClosingPriceSet, NegotiatedTotalsSet, RetiredTotalsSet, BooksCut, StatementsIssued, DayClosed}
    ),
    inserts=_INSERTS,
    tables=_TABLES,
    rows_of=_rows_of,
)
"""The journal's projection to what is published of a day, and to what it has issued."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PublishedDay:
    """One listing on one closed day. Negotiated transfers set no price."""

    trading_day: str
    listing: str
    reference_fen: int
    open_fen: int | None
    high_fen: int | None
    low_fen: int | None
    close_fen: int
    volume_tonnes: int
    turnover_fen: int
    negotiated_tonnes: int
    negotiated_fen: int
    cumulative_tonnes: int
    """Of all days so far, both ways of trading."""
    cumulative_fen: int
    at_ns: int
    """When the day was closed."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PublishedRetirement:
    """What was used up for a purpose, as a closed day tells it."""

    trading_day: str
    purpose: str
    since_day: str
    tonnes: int | None
    """Absent where it is held over, so that nobody can be recognised."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Published:
    """Closed days from the first to the last that were asked for."""

    days: tuple[PublishedDay, ...]
    """In order of day and listing."""
    retired: tuple[PublishedRetirement, ...]
    """In order of day and purpose."""
    retired_before: Mapping[str, int]
    """Tonnes by purpose that all days before the first have told."""


@dataclass(frozen=True, kw_only=True, slots=True)
class YearRetired:
    """What all bulletins of a year have told of a purpose."""

    purpose: str
    tonnes: int | None
    """Absent where nothing has been told yet."""
    is_held_over: bool
    """Whether something waits at the end of it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class DayDigest:
    """The journal's digest at the end of a day: whoever keeps it can later tell whether history was rewritten."""

    trading_day: str
    seq: int
    at_ns: int
    digest: bytes
    cut_seq: int
    """Up to which entry the day's statements tell."""
    cut_digest: bytes


class Bulletins:
    """Reads what is published, over connections that are never the journal's."""

    def __init__(self, pool: "asyncpg.Pool[asyncpg.Record]") -> None:
        """Reading through this pool."""
        self._pool = pool

    async def last_of(self, first: str, last: str, many: int) -> str:
        """The last of so many closed days from the first on; the last asked for where there are no more."""
        found: str | None = await self._pool.fetchval(_NTH, first, last, many - 1)
        return found or last

    async def days(self, first: str, last: str) -> Published:
        """Closed days from the first to the last, both included."""
        days = await self._pool.fetch(_DAYS, first, last)
        retired = await self._pool.fetch(_RETIRED, first, last)
        before = await self._pool.fetch(_RETIRED_BEFORE, first)
        return Published(
            days=tuple(_day(row) for row in days),
            retired=tuple(PublishedRetirement(**row) for row in retired),
            retired_before={row["purpose"]: row["tonnes"] for row in before},
        )

    async def retired_in(self, year: int) -> tuple[YearRetired, ...]:
        """What the bulletins of a year have told together, by purpose."""
        rows = await self._pool.fetch(_RETIRED_IN, f"{year:04}-01-01", f"{year:04}-12-31")
        return tuple(YearRetired(**row) for row in rows)

    async def digests(self, after: str, limit: int) -> tuple[DayDigest, ...]:
        """Of closed days after that one, oldest first."""
        return tuple(DayDigest(**row) for row in await self._pool.fetch(_DIGESTS, after, limit))


def _day(row: asyncpg.Record) -> PublishedDay:
    sums = {name: int(row[name]) for name in ("cumulative_tonnes", "cumulative_fen")}
    return PublishedDay(**{**row, **sums})
