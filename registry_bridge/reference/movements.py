"""Movements in the database: decided once, answered the same for ever."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import asyncpg

from registry_bridge.reference.judge import (
    Corrected,
    Facts,
    Held,
    Part,
    Plan,
    Refusal,
    judge,
    malformed,
    parts_of,
)
from registry_bridge.reference.notices import tell
from registry_bridge.reference.store import Connection, Pool, Store, Writing
from registry_bridge.registry import (
    Confirmed,
    FinalAnswer,
    Movement,
    MovementKind,
    NoticeKind,
    RefusalCode,
    Refused,
)
from registry_bridge.wire import movement_digest
from settlement.lot import MethodologyClass

OWNER_PREFIX = "owner."
"""Begins the ids of movements their owner made at the platform; the exchange may not use it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class IdReused:
    """The id was used before with other content."""

    request_id: str


@dataclass(frozen=True, kw_only=True, slots=True)
class NotSeen:
    """No request with this id was decided before ``registry_time_ns``, and none will be with a deadline before it."""

    request_id: str
    registry_time_ns: int


async def decide(store: Store, movement: Movement, *, by_owner: bool = False) -> FinalAnswer | IdReused:
    """Do the movement or refuse it, once; the same request again has the same answer."""
    digest = movement_digest(movement)
    earlier = await _find(store.pool, movement.request_id)
    if earlier is None:
        async with store.writing() as writing:
            earlier = await _find(writing.connection, movement.request_id)
            if earlier is None:
                earlier = await _decide(writing, movement, digest, by_owner=by_owner)
    if earlier["content_digest"] not in (digest, None):
        return IdReused(request_id=movement.request_id)
    return _answer(earlier)


async def find(store: Store, request_id: str) -> FinalAnswer | NotSeen:
    """The answer a request had. Not finding it is told under the writer's lock, with its clock.

    Without the lock a movement on its way to commit could be overlooked by an answer whose time is
    already past the movement's deadline, and that answer is final.
    """
    row = await _find(store.pool, request_id)
    if row is None:
        async with store.writing() as writing:
            row = await _find(writing.connection, request_id)
            if row is None:
                return NotSeen(request_id=request_id, registry_time_ns=writing.now_ns)
    return _answer(row)


async def cancel(store: Store, request_id: str) -> FinalAnswer:
    """Refuse an undecided id for ever; a decided one keeps its answer."""
    async with store.writing() as writing:
        row = await _find(writing.connection, request_id)
        if row is None:
            refusal = Refusal(code=RefusalCode.CANCELLED)
            row = await _record(writing, request_id, digest=None, outcome=refusal)
    return _answer(row)


async def _find(connection: Connection | Pool, request_id: str) -> asyncpg.Record | None:
    return await connection.fetchrow(
        "select r.*, j.movement_id from request r left join journal j using (sequence) where r.request_id = $1",
        request_id,
    )


def _answer(row: asyncpg.Record) -> FinalAnswer:
    if row["sequence"] is not None:
        return Confirmed(
            request_id=row["request_id"],
            movement_id=row["movement_id"],
            digest=row["content_digest"],
            registry_time_ns=row["decided_at_ns"],
        )
    return Refused(
        request_id=row["request_id"],
        code=RefusalCode(row["refusal"]),
        leg=row["leg"],
        registry_time_ns=row["decided_at_ns"],
    )


async def _decide(writing: Writing, movement: Movement, digest: str, *, by_owner: bool) -> asyncpg.Record:
    outcome = await _outcome(writing, movement, by_owner=by_owner)
    if isinstance(outcome, Refusal):
        return await _record(writing, movement.request_id, digest=digest, outcome=outcome)
    sequence = await _enter(writing, movement, digest, by_owner=by_owner)
    await _apply(writing.connection, outcome, sequence)
    if by_owner:
        await _tell_transferred_in(writing, movement, sequence)
    return await _record(writing, movement.request_id, digest=digest, outcome=sequence)


async def _tell_transferred_in(writing: Writing, movement: Movement, sequence: int) -> None:
    for leg in movement.legs:
        await tell(
            writing,
            NoticeKind.TRANSFERRED_IN,
            account=leg.from_account,
            lot=leg.lot,
            serials=leg.serials,
            journal_sequence=sequence,
        )


async def _outcome(writing: Writing, movement: Movement, *, by_owner: bool) -> Plan | Refusal:
    if writing.now_ns > movement.not_after_ns:
        return Refusal(code=RefusalCode.TOO_LATE)
    refusal = malformed(movement)
    if refusal is not None:
        return refusal
    if movement.request_id.startswith(OWNER_PREFIX) is not by_owner:
        return Refusal(code=RefusalCode.NOT_AUTHORISED)
    return judge(movement, await _facts(writing.connection, movement), by_owner=by_owner)


async def _facts(connection: Connection, movement: Movement) -> Facts:
    names = {leg.from_account for leg in movement.legs}
    names |= {leg.to_account for leg in movement.legs if leg.to_account is not None}
    lots = sorted({leg.lot for leg in movement.legs})
    accounts = await connection.fetch(_ACCOUNTS, sorted(names))
    classes = await connection.fetch("select lot, class from lot where lot = any($1::text[])", lots)
    frozen_ranges: dict[str, list[tuple[int, int]]] = {}
    frozen_lots: set[str] = set()
    for row in await connection.fetch(_RESTRICTED_LOTS, lots):
        if row["first"] is None:
            frozen_lots.add(row["lot"])
        else:
            frozen_ranges.setdefault(row["lot"], []).append((row["first"], row["end"]))
    return Facts(
        frozen={row["account"]: row["frozen"] for row in accounts},
        closed=frozenset(row["account"] for row in accounts if row["closed"]),
        bound=frozenset(row["account"] for row in accounts if row["bound"]),
        classes={row["lot"]: MethodologyClass(row["class"]) for row in classes},
        frozen_lots=frozenset(frozen_lots),
        frozen_ranges=frozen_ranges,
        corrected=await _corrected(connection, lots) if movement.kind is MovementKind.TRANSFER_OUT else {},
        held=await _held(connection, parts_of(movement)),
    )


_ACCOUNTS = """
select a.account, b.account is not null as bound,
       exists (select from restriction_in_force r where r.account = a.account) as frozen,
       exists (select from account_closed c where c.account = a.account) as closed
from account a left join binding b on b.account = a.account
where a.account = any($1::text[])
"""

_RESTRICTED_LOTS = """
select lot, lower(serials) as first, upper(serials) as end
from restriction_in_force where lot = any($1::text[])
"""

# The offset keeps the planner from turning a thousand index look-ups into one join over whole lots.
_HELD = """
select h.holding, h.account, h.place, h.lot, lower(h.serials) as first, upper(h.serials) as end
from unnest($1::text[], $2::bigint[], $3::bigint[]) as part (lot, first, past),
     lateral (select * from holding
              where holding.lot = part.lot and holding.serials && int8range(part.first - 1, part.past + 1)
              offset 0) h
"""


async def _corrected(connection: Connection, lots: list[str]) -> dict[str, list[Corrected]]:
    found: dict[str, list[Corrected]] = {}
    rows = await connection.fetch(
        """
        select lot, correction, lower(serials) as first, upper(serials) as end
        from corrected where lot = any($1::text[]) order by lot, serials
        """,
        lots,
    )
    for row in rows:
        one = Corrected(first=row["first"], end=row["end"], correction=row["correction"])
        found.setdefault(row["lot"], []).append(one)
    return found


async def _held(connection: Connection, parts: list[Part]) -> list[Held]:
    """Rows that overlap the parts, and their neighbours, with which a part may merge."""
    rows = await connection.fetch(
        _HELD,
        [part.lot for part in parts],
        [part.first for part in parts],
        [part.end for part in parts],
    )
    held = {
        row["holding"]: Held(
            row=row["holding"],
            owner=(row["account"], row["place"]),
            lot=row["lot"],
            first=row["first"],
            end=row["end"],
        )
        for row in rows
    }
    return list(held.values())


async def _enter(writing: Writing, movement: Movement, digest: str, *, by_owner: bool) -> int:
    """Write the journal entry with its legs; the database gives it the next sequence number."""
    connection = writing.connection
    parts = parts_of(movement)
    sequence: int = await connection.fetchval(
        """
        insert into journal (request_id, kind, trading_day, decided_at_ns, digest, legs, ranges)
        values ($1, $2, $3, $4, $5, $6, $7) returning sequence
        """,
        None if by_owner else movement.request_id,
        movement.kind.value,
        date.fromisoformat(movement.trading_day),
        writing.now_ns,
        digest,
        len(movement.legs),
        len(parts),
    )
    await connection.execute(
        """
        insert into journal_leg (sequence, leg, part, lot, serials, from_account, from_place, to_account, to_place)
        select $1, leg, part, lot, int8range(first, past), from_account, from_place, to_account, to_place
        from unnest($2::integer[], $3::integer[], $4::text[], $5::bigint[], $6::bigint[],
                    $7::text[], $8::text[], $9::text[], $10::text[])
             as t (leg, part, lot, first, past, from_account, from_place, to_account, to_place)
        """,
        sequence,
        [part.leg for part in parts],
        list(range(len(parts))),
        [part.lot for part in parts],
        [part.first for part in parts],
        [part.end for part in parts],
        [part.source[0] for part in parts],
        [part.source[1] for part in parts],
        [part.target[0] for part in parts],
        [part.target[1] for part in parts],
    )
    if movement.retirement is not None:
        await _enter_retirement(connection, movement, sequence)
    return sequence


async def _enter_retirement(connection: Connection, movement: Movement, sequence: int) -> None:
    terms = movement.retirement
    assert terms is not None
    await connection.execute(
        """
        insert into retirement (sequence, purpose, compliance_year, beneficiary, statement)
        values ($1, $2, $3, $4, $5)
        """,
        sequence,
        terms.purpose.value,
        terms.compliance_year,
        terms.beneficiary,
        terms.statement,
    )
    await connection.execute(
        """
        insert into retirement_lot (sequence, purpose, lot, class)
        select $1, $2, lot, class from lot where lot = any($3::text[])
        """,
        sequence,
        terms.purpose.value,
        sorted({leg.lot for leg in movement.legs}),
    )


async def _apply(connection: Connection, plan: Plan, sequence: int) -> None:
    await connection.execute("delete from holding where holding = any($1::bigint[])", plan.removed)
    await connection.execute(
        """
        insert into holding (account, place, lot, serials, since)
        select account, place, lot, int8range(first, past), $1
        from unnest($2::text[], $3::text[], $4::text[], $5::bigint[], $6::bigint[])
             as t (account, place, lot, first, past)
        """,
        sequence,
        [row.owner[0] for row in plan.added],
        [row.owner[1] for row in plan.added],
        [row.lot for row in plan.added],
        [row.first for row in plan.added],
        [row.end for row in plan.added],
    )
    if plan.withdrawn:
        await connection.execute(
            """
            insert into withdrawal (sequence, correction, lot, serials, account)
            select $1, correction, lot, int8range(first, past), account
            from unnest($2::bigint[], $3::text[], $4::bigint[], $5::bigint[], $6::text[])
                 as t (correction, lot, first, past, account)
            """,
            sequence,
            [part.correction for part in plan.withdrawn],
            [part.lot for part in plan.withdrawn],
            [part.first for part in plan.withdrawn],
            [part.end for part in plan.withdrawn],
            [part.target[0] for part in plan.withdrawn],
        )


async def _record(
    writing: Writing, request_id: str, *, digest: str | None, outcome: int | Refusal
) -> asyncpg.Record:
    """Store the final answer: a journal entry's number, or a refusal."""
    refusal = outcome if isinstance(outcome, Refusal) else None
    await writing.connection.execute(
        """
        insert into request (request_id, content_digest, sequence, refusal, leg, decided_at_ns)
        values ($1, $2, $3, $4, $5, $6)
        """,
        request_id,
        digest,
        None if refusal else outcome,
        refusal.code.value if refusal else None,
        refusal.leg if refusal else None,
        writing.now_ns,
    )
    row = await _find(writing.connection, request_id)
    assert row is not None
    return row
