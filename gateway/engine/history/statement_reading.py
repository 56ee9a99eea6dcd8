"""What statements are made of, read from the database for a portion of accounts at a time.

The close makes a statement for every account, so the database is asked per portion and not per account: six questions,
each of which takes the accounts as an array and finds every account's rows by an index. Nothing is left to the planner's
guess, which is made when the tables are small and kept for long: `_BY_INDEX` holds for the transaction that asks.

An account's events are numbered without a gap and in the order of the journal, so that the first one after an entry is
found by halving. What a day costs is then that day, however long the account's log is.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

import asyncpg

Reader: TypeAlias = "asyncpg.Connection[asyncpg.Record] | asyncpg.pool.PoolConnectionProxy[asyncpg.Record]"
Rows: TypeAlias = Sequence[asyncpg.Record]

MOST_EVENTS: Final = 50_000
"""Of one statement; the log of an account that did more in a day is read in pages, and is not part of it."""

EVENTS_AT_ONCE: Final = 10_000
"""Of the statements of one portion; a single statement of more is a portion by itself."""

_BY_INDEX: Final = (
    "SET LOCAL enable_seqscan = off; SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off"
)

_DAY: Final = """
SELECT day_cut.seq, day_cut.at_ns, digest, coalesce(before.seq, 0) AS after_seq, coalesce(before.at_ns, 0) AS after_ns
FROM day_cut JOIN journal USING (seq, at_ns)
LEFT JOIN LATERAL (
    SELECT earlier.seq, earlier.at_ns FROM day_cut AS earlier WHERE earlier.seq < day_cut.seq ORDER BY seq DESC LIMIT 1
) AS before ON true
WHERE trading_day = $1"""

_ASKED: Final = "FROM unnest($1::text[]) WITH ORDINALITY AS asked (account, place)"

_FIRST_AFTER: Final = """(
    WITH RECURSIVE search (low, high) AS (
        SELECT 0::bigint, 1 + coalesce(
            (SELECT max(event_id) FROM account_event WHERE account_event.account = asked.account), 0)
        UNION ALL
        SELECT CASE WHEN is_after THEN low ELSE middle END, CASE WHEN is_after THEN middle ELSE high END
        FROM search
        CROSS JOIN LATERAL (SELECT (low + high) / 2 AS middle OFFSET 0) AS half
        CROSS JOIN LATERAL (SELECT (
            SELECT seq > {entry} FROM account_event
            WHERE account_event.account = asked.account AND event_id <= middle ORDER BY event_id DESC LIMIT 1
        ) AS is_after) AS probe
        WHERE high - low > 1
    )
    SELECT min(high) FROM search
)"""
"""Events up to `low` are of that entry or before it; `high` is after it, or one more than there are."""

_TOLD: Final = f"""
SELECT account, {_FIRST_AFTER.format(entry="$2")} AS first, {_FIRST_AFTER.format(entry="$3")} AS until
{_ASKED} ORDER BY place"""

_EVENTS: Final = """
SELECT event.*
FROM unnest($1::text[], $2::bigint[], $3::bigint[]) WITH ORDINALITY AS asked (account, first, until, place)
CROSS JOIN LATERAL (
    SELECT account, event_id, seq, type, at_ns, body FROM account_event
    WHERE account_event.account = asked.account AND event_id >= first AND event_id < until OFFSET 0
) AS event
ORDER BY place, event_id"""

# What there is now without what came since: so a statement costs its days, and not the account's whole life.
_OWNED: Final = f"""
SELECT account, asset, (amount - since.opening)::bigint AS opening, (amount - since.closing)::bigint AS closing
{_ASKED}
CROSS JOIN LATERAL (
    SELECT asset, amount FROM settlement.balance WHERE balance.account = asked.account OFFSET 0
) AS owned
CROSS JOIN LATERAL (
    SELECT coalesce(sum(posting.amount), 0) AS opening,
           coalesce(sum(posting.amount) FILTER (WHERE seq > $3), 0) AS closing
    FROM settlement.posting
    WHERE posting.account = asked.account AND posting.asset = owned.asset AND seq > $2
) AS since
ORDER BY place, asset"""  # noqa: S608 - of constants only

_REASONS: Final = """
CROSS JOIN LATERAL (
    SELECT settled.* FROM settlement.settled WHERE from_account = asked.account AND {when}
    UNION ALL
    SELECT settled.* FROM settlement.settled WHERE to_account = asked.account AND {when}
) AS reason"""
"""Nothing is from an account to itself, so none comes twice."""

_LINES: Final = f"""
SELECT account, seq, kind, reference, asset, amount, from_account, to_account, payment_fen
{_ASKED} {_REASONS.format(when="seq > $2 AND seq <= $3")}
ORDER BY place, seq, line"""
_TIMES: Final = "SELECT seq, at_ns FROM journal WHERE seq = ANY ($1::bigint[]) AND at_ns BETWEEN $2 AND $3"

_HELD_NOW: Final = f"""
SELECT account, lot_id, instrument, lower(held.serials) AS first, upper(held.serials) AS end
{_ASKED}
CROSS JOIN LATERAL (
    SELECT lot_no, serials FROM settlement.holding WHERE holding.account = asked.account OFFSET 0
) AS held
JOIN settlement.lot USING (lot_no)
ORDER BY place, lot_id, first"""  # noqa: S608 - the same
_MOVED_SINCE: Final = f"""
SELECT account, lot_id, instrument, lower(move.serials) AS first, upper(move.serials) AS end, from_account
{_ASKED} {_REASONS.format(when="seq > $2")}
JOIN settlement.serial_move AS move USING (seq, line)
JOIN settlement.lot USING (lot_id)
ORDER BY place, move.seq DESC, move.line DESC, part DESC"""


@dataclass(frozen=True, kw_only=True, slots=True)
class CutDay:
    """A day whose books are cut."""

    after_seq: int
    """The entry that cut the day before; 0 where there was none."""
    after_ns: int
    until_seq: int
    """The entry that cut it."""
    until_ns: int
    digest: bytes
    """The journal's, at that entry."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Parts:
    """What the database has of one account and one day, as rows."""

    account: str
    events: Rows | None
    """Absent where there are more than a statement can tell."""
    lines: Rows
    owned: Rows
    held_now: Rows
    moved_since: Rows
    """Newest first."""


async def cut_day(connection: Reader, trading_day: str) -> CutDay | None:
    """A day, if its books are cut."""
    row = await connection.fetchrow(_DAY, trading_day)
    if row is None:
        return None
    return CutDay(
        after_seq=row["after_seq"],
        after_ns=row["after_ns"],
        until_seq=row["seq"],
        until_ns=row["at_ns"],
        digest=row["digest"],
    )


async def read_parts(
    connection: Reader, accounts: Sequence[str], day: CutDay
) -> tuple[list[Parts], dict[int, int]]:
    """Of the first of these accounts, one at least, and the times of the entries their lines name.

    To be called in a transaction that sees one moment and is used for nothing else.
    """
    await connection.execute(_BY_INDEX)
    told = _first_of(await connection.fetch(_TOLD, accounts, day.after_seq, day.until_seq))
    asked = [row["account"] for row in told]
    events = _by_account(await _events(connection, told))
    line_rows = await connection.fetch(_LINES, asked, day.after_seq, day.until_seq)
    owned = _by_account(await connection.fetch(_OWNED, asked, day.after_seq, day.until_seq))
    held = _by_account(await connection.fetch(_HELD_NOW, asked))
    moved = _by_account(await connection.fetch(_MOVED_SINCE, asked, day.until_seq))
    lines = _by_account(line_rows)
    entries = sorted({row["seq"] for row in line_rows})
    times = await connection.fetch(_TIMES, entries, day.after_ns, day.until_ns)
    parts = [
        Parts(
            account=row["account"],
            events=None if _told(row) > MOST_EVENTS else events[row["account"]],
            lines=lines[row["account"]],
            owned=owned[row["account"]],
            held_now=held[row["account"]],
            moved_since=moved[row["account"]],
        )
        for row in told
    ]
    return parts, {row["seq"]: row["at_ns"] for row in times}


async def _events(connection: Reader, told: Rows) -> Rows:
    tellable = [row for row in told if 0 < _told(row) <= MOST_EVENTS]
    if not tellable:
        return ()
    return await connection.fetch(
        _EVENTS, *([row[name] for row in tellable] for name in ("account", "first", "until"))
    )


def _first_of(told: Rows) -> Rows:
    """As many accounts as have no more events together than are read at once, but one at least."""
    events = 0
    for place, row in enumerate(told):
        events += min(_told(row), MOST_EVENTS)
        if place and events > EVENTS_AT_ONCE:
            return told[:place]
    return told


def _told(row: asyncpg.Record) -> int:
    return int(row["until"] - row["first"])


def _by_account(rows: Iterable[asyncpg.Record]) -> defaultdict[str, list[asyncpg.Record]]:
    found: defaultdict[str, list[asyncpg.Record]] = defaultdict(list)
    for row in rows:
        found[row["account"]].append(row)
    return found
