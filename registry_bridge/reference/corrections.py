"""Corrections (Art. 22): serials issued on abnormal data are withdrawn, for good.

    corrected serials in        at the correction                    later
    management sub-account      withdrawn at once                    –
    trading sub-account         stay; the exchange is told           withdrawn when the exchange moves them out
    retired                     stay retired: they have been used    –

So a correction by itself changes no trading sub-account, and the exchange alone decides what becomes of units that
were sold on.
"""

from __future__ import annotations

import asyncpg

from registry_bridge.reference.act_refusals import AlreadyCorrected, NameUnknown, SerialsNotIssued
from registry_bridge.reference.notices import tell
from registry_bridge.reference.store import Connection, Store, Writing
from registry_bridge.registry import NoticeKind
from registry_bridge.wire_administration import CorrectionMade
from settlement.serials import Serials


async def correct(store: Store, *, lot: str, serials: Serials, reason: str) -> CorrectionMade:
    """Correct serials of a lot, wherever they are, and tell so. The same again is the same once."""
    async with store.writing() as writing:
        connection = writing.connection
        row = await connection.fetchrow("select applicant, serials from lot where lot = $1", lot)
        if row is None:
            raise NameUnknown(lot)
        if serials[0][0] < row["serials"].lower or serials[-1][1] > row["serials"].upper:
            raise SerialsNotIssued(lot)
        earlier = await _earlier(connection, lot, serials, reason)
        if earlier is not None:
            return earlier
        # From here the command must succeed.
        made = await _enter(writing, lot, serials, reason)
        await tell(
            writing,
            NoticeKind.CORRECTED,
            account=row["applicant"],
            lot=lot,
            serials=serials,
            reason=reason,
            journal_sequence=await connection.fetchval("select journal_sequence from head"),
        )
    return made


async def _earlier(connection: Connection, lot: str, serials: Serials, reason: str) -> CorrectionMade | None:
    """The very same correction made before, as things are now; AlreadyCorrected when another has some of its serials."""
    rows = await connection.fetch(
        """
        select correction, n.reason, range_agg(c.serials) = $2::int8multirange as same
        from corrected c join correction n using (correction)
        where correction in (select correction from corrected where lot = $1 and serials && $2::int8multirange)
        group by correction, n.reason
        """,
        lot,
        _multirange(serials),
    )
    if not rows:
        return None
    if len(rows) > 1 or not rows[0]["same"] or rows[0]["reason"] != reason:
        raise AlreadyCorrected(f"{lot}: correction {rows[0]['correction']}")
    return await _told(connection, rows[0]["correction"])


async def _enter(writing: Writing, lot: str, serials: Serials, reason: str) -> CorrectionMade:
    connection = writing.connection
    number: int = await connection.fetchval(
        """
        insert into correction (lot, ranges, reason, corrected_at_ns) values ($1, $2, $3, $4) returning correction
        """,
        lot,
        len(serials),
        reason,
        writing.now_ns,
    )
    await connection.execute(
        """
        insert into corrected (correction, part, lot, serials)
        select $1, number - 1, $2, serials
        from unnest($3::int8multirange) with ordinality as t (serials, number)
        """,
        number,
        lot,
        _multirange(serials),
    )
    await _withdraw_managed(connection, number, lot, serials)
    return await _told(connection, number)


async def _withdraw_managed(connection: Connection, number: int, lot: str, serials: Serials) -> None:
    """Take the corrected serials out of every management sub-account, and leave there what is beside them."""
    rows = await connection.fetch(
        """
        delete from holding where lot = $1 and place = 'management' and serials && $2::int8multirange
        returning account, serials
        """,
        lot,
        _multirange(serials),
    )
    if not rows:
        return
    held = ([row["account"] for row in rows], [row["serials"] for row in rows])
    await connection.execute(
        """
        insert into holding (account, place, lot, serials, since)
        select account, 'management', $1, kept, journal_sequence
        from head, unnest($3::text[], $4::int8range[]) as t (account, held), unnest(int8multirange(held) - $2) as kept
        union all
        select account, 'withdrawn', $1, gone, journal_sequence
        from head, unnest($3::text[], $4::int8range[]) as t (account, held), unnest(int8multirange(held) * $2) as gone
        """,
        lot,
        _multirange(serials),
        *held,
    )
    await connection.execute(
        """
        insert into withdrawal (sequence, correction, lot, serials, account)
        select journal_sequence, $1, $2, gone, account
        from head, unnest($3::text[], $4::int8range[]) as t (account, held),
             corrected c, unnest(int8multirange(held) * int8multirange(c.serials)) as gone
        where c.correction = $1
        """,
        number,
        lot,
        *held,
    )


async def _told(connection: Connection, number: int) -> CorrectionMade:
    row = await connection.fetchrow(
        """
        select coalesce(sum(tonnes) filter (where place = 'trading'), 0)::bigint as trading,
               coalesce(sum(tonnes) filter (where place = 'retired'), 0)::bigint as retired,
               coalesce(sum(tonnes) filter (where place = 'withdrawn'), 0)::bigint as withdrawn
        from (select h.place, upper(h.serials * c.serials) - lower(h.serials * c.serials) as tonnes
              from corrected c join holding h on h.lot = c.lot and h.serials && c.serials
              where c.correction = $1) held
        """,
        number,
    )
    assert row is not None
    return CorrectionMade(
        correction=number,
        withdrawn_tonnes=row["withdrawn"],
        trading_tonnes=row["trading"],
        retired_tonnes=row["retired"],
    )


def _multirange(serials: Serials) -> list[asyncpg.Range[int]]:
    return [asyncpg.Range(first, end) for first, end in serials]
