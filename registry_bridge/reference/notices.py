"""The feed of what the platform tells unasked, numbered without gaps by the database."""

from __future__ import annotations

from itertools import takewhile

import asyncpg

from registry_bridge.reference.store import Pool, Writing
from registry_bridge.registry import Notice, NoticeKind, NoticePage
from settlement.serials import Serials

NOTICES_PER_PAGE = 500
RANGES_PER_PAGE = 5_000
"""A page ends before the notice that would bring more ranges than this, unless it is the first."""

_NEXT = """
select n.*, sum((select count(*) from unnest(n.serials))) over (order by n.sequence)
from (select * from notice where sequence > $1 order by sequence limit $2) n order by n.sequence
"""


async def tell(
    writing: Writing,
    kind: NoticeKind,
    *,
    account: str | None = None,
    lot: str | None = None,
    serials: Serials = (),
    reason: str = "",
    journal_sequence: int | None = None,
) -> None:
    """Add a notice, in the transaction of what it tells about."""
    await writing.connection.execute(
        """
        insert into notice (kind, at_ns, account, lot, serials, reason, journal_sequence)
        values ($1, $2, $3, $4, $5, $6, $7)
        """,
        kind.value,
        writing.now_ns,
        account,
        lot,
        [asyncpg.Range(first, end) for first, end in serials] or None,
        reason,
        journal_sequence,
    )


async def notices(pool: Pool, after: int) -> NoticePage:
    """The next notices after a sequence number, gapless, no more than a reader can take at once."""
    rows = await pool.fetch(_NEXT, after, NOTICES_PER_PAGE + 1)
    page = list(takewhile(lambda row: row["sum"] <= RANGES_PER_PAGE, rows[:NOTICES_PER_PAGE])) or rows[:1]
    return NoticePage(
        notices=tuple(_notice(row) for row in page),
        next=page[-1]["sequence"] if len(rows) > len(page) else None,
    )


def _notice(row: asyncpg.Record) -> Notice:
    return Notice(
        sequence=row["sequence"],
        kind=NoticeKind(row["kind"]),
        at_ns=row["at_ns"],
        account=row["account"],
        lot=row["lot"],
        serials=tuple((span.lower, span.upper) for span in row["serials"] or ()),
        reason=row["reason"],
        journal_sequence=row["journal_sequence"],
    )
