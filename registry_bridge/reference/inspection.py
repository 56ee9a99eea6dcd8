"""What the platform's own people look at: balances, methodologies, restrictions, and whether the books add up.

The check asks again, over everything, what the database asserts of each change; it finds what was changed by somebody
who switched the database's own guards off.
"""

from __future__ import annotations

from typing import Final

import asyncpg

from registry_bridge.reference.store import Connection, Pool
from registry_bridge.wire import PAGE_ITEMS
from registry_bridge.wire_administration import Methodology
from registry_bridge.wire_inspection import (
    MAX_FINDINGS,
    Audit,
    Finding,
    LotBalance,
    MethodologyState,
    Restriction,
)
from settlement.lot import MethodologyClass


async def balances(pool: Pool, after: int) -> tuple[tuple[LotBalance, ...], int | None]:
    """A page of lots after a sequence number, and where to go on."""
    rows = await pool.fetch(
        """
        select l.sequence, l.applicant, l.class, b.* from lot l join lot_balance b using (lot)
        where l.sequence > $1 order by l.sequence limit $2
        """,
        after,
        PAGE_ITEMS + 1,
    )
    page = rows[:PAGE_ITEMS]
    found = tuple(
        LotBalance(
            lot=row["lot"],
            applicant=row["applicant"],
            methodology_class=MethodologyClass(row["class"]),
            issued_tonnes=row["issued"],
            management_tonnes=row["management"],
            trading_tonnes=row["trading"],
            retired_tonnes=row["retired"],
            withdrawn_tonnes=row["withdrawn"],
        )
        for row in page
    )
    return found, page[-1]["sequence"] if len(rows) > len(page) else None


async def methodologies(pool: Pool) -> tuple[MethodologyState, ...]:
    """The versions published, the newest first; no more than one page."""
    rows = await pool.fetch(
        """
        select m.*, w.withdrawn_on from methodology m left join methodology_withdrawn w using (code, version)
        order by m.published_on desc, m.code, m.version limit $1
        """,
        PAGE_ITEMS,
    )
    return tuple(_methodology(row) for row in rows)


def _methodology(row: asyncpg.Record) -> MethodologyState:
    published = Methodology(
        code=row["code"],
        version=row["version"],
        methodology_class=MethodologyClass(row["class"]),
        title=row["title"],
        published_on=row["published_on"].isoformat(),
        in_force_from=row["in_force_from"].isoformat(),
    )
    withdrawn = row["withdrawn_on"]
    return MethodologyState(methodology=published, withdrawn_on=withdrawn and withdrawn.isoformat())


async def restrictions(pool: Pool) -> tuple[Restriction, ...]:
    """The restrictions in force, the newest first; no more than one page."""
    rows = await pool.fetch(
        "select * from restriction_in_force order by restriction desc limit $1", PAGE_ITEMS
    )
    return tuple(
        Restriction(
            restriction=row["restriction"],
            account=row["account"],
            lot=row["lot"],
            serials=((row["serials"].lower, row["serials"].upper),) if row["serials"] else (),
            reason=row["reason"],
        )
        for row in rows
    )


async def audit(pool: Pool) -> Audit:
    """Ask every rule of everything, as of one moment."""
    async with (
        pool.acquire() as connection,
        connection.transaction(isolation="repeatable_read", readonly=True),
    ):
        totals = await connection.fetchrow(_TOTALS)
        assert totals is not None
        return Audit(**dict(totals.items()), findings=await findings(connection))


async def findings(connection: Connection | asyncpg.Connection[asyncpg.Record]) -> tuple[Finding, ...]:
    """What does not hold, rule by rule, as the connection's transaction sees it."""
    return tuple(
        [
            Finding(rule=rule, subject=str(row["subject"]))
            for rule, asked in RULES.items()
            for row in await connection.fetch(f"{asked} limit {MAX_FINDINGS}")
        ]
    )


_TOTALS = """
select count(*)::bigint as lots,
       coalesce(sum(issued), 0)::bigint as issued_tonnes,
       coalesce(sum(management), 0)::bigint as management_tonnes,
       coalesce(sum(trading), 0)::bigint as trading_tonnes,
       coalesce(sum(retired), 0)::bigint as retired_tonnes,
       coalesce(sum(withdrawn), 0)::bigint as withdrawn_tonnes,
       (select count(*) from journal) as journal_entries
from lot_balance
"""

RULES: Final = {
    # Issued = managed + trading + retired + withdrawn, lot by lot.
    "lot_adds_up": """
        select lot as subject from lot left join lot_balance b using (lot)
        where upper(serials) - lower(serials) is distinct from b.issued
           or b.issued <> b.management + b.trading + b.retired + b.withdrawn
        order by lot
    """,
    "balance_follows_holdings": """
        select lot as subject from lot_balance b left join (
            select lot,
                   sum(upper(serials) - lower(serials)) filter (where place = 'management') as management,
                   sum(upper(serials) - lower(serials)) filter (where place = 'trading') as trading,
                   sum(upper(serials) - lower(serials)) filter (where place = 'retired') as retired,
                   sum(upper(serials) - lower(serials)) filter (where place = 'withdrawn') as withdrawn
            from holding group by lot) h using (lot)
        where (b.management, b.trading, b.retired, b.withdrawn)
              <> (coalesce(h.management, 0), coalesce(h.trading, 0), coalesce(h.retired, 0), coalesce(h.withdrawn, 0))
        order by lot
    """,
    "serials_tile": """
        select l.lot as subject from lot l left join holding h using (lot)
        group by l.lot, l.serials
        having range_agg(h.serials) is distinct from int8multirange(l.serials)
            or sum(upper(h.serials) - lower(h.serials)) <> upper(l.serials) - lower(l.serials)
        order by l.lot
    """,
    # Tonnes and the sum of their numbers: what came less what went is what is there.
    "trading_follows_journal": """
        select account || ' ' || lot as subject from (
            select account, lot, upper(serials) - lower(serials) as tonnes,
                   (upper(serials) - lower(serials)) * (lower(serials)::numeric + upper(serials) - 1) as numbers
            from holding where place = 'trading'
            union all
            select to_account, lot, lower(serials) - upper(serials),
                   (lower(serials) - upper(serials)) * (lower(serials)::numeric + upper(serials) - 1)
            from journal_leg where to_place = 'trading'
            union all
            select from_account, lot, upper(serials) - lower(serials),
                   (upper(serials) - lower(serials)) * (lower(serials)::numeric + upper(serials) - 1)
            from journal_leg where from_place = 'trading') moved
        group by account, lot having sum(tonnes) <> 0 or sum(numbers) <> 0 order by account, lot
    """,
    "retired_follows_journal": """
        select lot as subject from (
            select lot, range_agg(serials) as serials from holding where place = 'retired' group by lot) h
        full join (
            select lot, range_agg(serials) as serials from journal_leg where to_place = 'retired' group by lot) j
        using (lot) where h.serials is distinct from j.serials order by lot
    """,
    "withdrawn_was_corrected": """
        select lot as subject from (
            select lot, range_agg(serials) as serials from holding where place = 'withdrawn' group by lot) h
        full join (select lot, range_agg(serials) as serials from withdrawal group by lot) w using (lot)
        where h.serials is distinct from w.serials order by lot
    """,
    "corrected_is_not_managed": """
        select distinct h.lot as subject from corrected c join holding h on h.lot = c.lot and h.serials && c.serials
        where h.place = 'management' order by h.lot
    """,
    "journal_has_no_gaps": """
        select journal_sequence as subject from head
        where journal_sequence <> (select count(*) from journal)
           or journal_sequence <> (select coalesce(max(sequence), 0) from journal)
    """,
    "entry_has_its_legs": """
        select j.sequence as subject from journal j left join journal_leg l using (sequence)
        group by j.sequence, j.legs, j.ranges
        having count(distinct l.leg) <> j.legs or count(l.leg) <> j.ranges order by j.sequence
    """,
    "entry_has_its_request": """
        select sequence as subject from journal j left join request r using (sequence)
        where r.request_id is null or r.content_digest <> j.digest
           or j.request_id is distinct from (case when r.request_id like 'owner.%' then null else r.request_id end)
        order by sequence
    """,
    "notices_have_no_gaps": """
        select notice_sequence as subject from head
        where notice_sequence <> (select count(*) from notice)
           or notice_sequence <> (select coalesce(max(sequence), 0) from notice)
    """,
    "closed_is_empty": """
        select distinct account as subject from account_closed join holding using (account)
        where place in ('management', 'trading') order by account
    """,
    "decided_or_not": "select request_id as subject from undecided join request using (request_id) order by request_id",
}
"""Each as a query for what breaks it."""
