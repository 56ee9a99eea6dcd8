"""Movements in the database: decided once, answered the same for ever."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Final

import asyncpg
import structlog

from registry_bridge.reference.facts import facts_of
from registry_bridge.reference.judge import Plan, Refusal, judge, malformed, parts_of
from registry_bridge.reference.notices import tell
from registry_bridge.reference.store import Connection, Pool, Store, Writing
from registry_bridge.registry import (
    Confirmed,
    FinalAnswer,
    Movement,
    NoticeKind,
    RefusalCode,
    Refused,
)
from registry_bridge.wire import MovementBody, movement_digest, movement_json, read, write

NANOSECONDS_PER_MILLISECOND = 1_000_000

OWNER_PREFIX = "owner."
"""Begins the ids of movements their owner made at the platform; the exchange may not use it."""


REFUSED_BY_DATABASE: Final = {
    "holding_lot_serials_excl": RefusalCode.SERIALS_NOT_HELD,
    "moved_by_journal": RefusalCode.SERIALS_NOT_HELD,
    "withdrawn_stays": RefusalCode.SERIALS_NOT_HELD,
    "retired_stays": RefusalCode.ALREADY_RETIRED,
    "account_is_open": RefusalCode.ACCOUNT_CLOSED,
    "leg_account_is_known": RefusalCode.ACCOUNT_UNKNOWN,
    "leg_lot_is_known": RefusalCode.LOT_UNKNOWN,
    "retirement_lot_check": RefusalCode.CLASS_NOT_ELIGIBLE,
}
"""What a guard of the database means in the protocol's words."""

log = structlog.get_logger("registry")


@dataclass(frozen=True, kw_only=True, slots=True)
class IdReused:
    """The id was used before with other content."""

    request_id: str


@dataclass(frozen=True, kw_only=True, slots=True)
class NotSeen:
    """No request with this id was decided before ``registry_time_ns``, and none will be with a deadline before it."""

    request_id: str
    registry_time_ns: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Accepted:
    """The request came in time and will be decided later; it may still be cancelled."""

    request_id: str


async def decide(store: Store, movement: Movement, *, by_owner: bool = False) -> FinalAnswer | IdReused:
    """Do the movement or refuse it, once; the same request again has the same answer."""
    answer = await receive(store, movement, by_owner=by_owner)
    assert not isinstance(answer, Accepted), "nothing was said of deciding later"
    return answer


async def receive(
    store: Store, movement: Movement, *, by_owner: bool = False, decide_after_ms: int | None = None
) -> FinalAnswer | IdReused | Accepted:
    """Decide a movement now, or accept it and decide so much later; the same request again has the same answer."""
    digest = movement_digest(movement)
    earlier = await _find(store.pool, movement.request_id)
    if earlier is None:
        async with store.writing() as writing:
            earlier = await _find(writing.connection, movement.request_id)
            if earlier is None and decide_after_ms is not None and _may_wait(writing, movement):
                earlier = await _accept(writing, movement, digest, decide_after_ms)
            if earlier is None:
                earlier = await _decide(writing, movement, digest, by_owner=by_owner)
    if earlier["content_digest"] not in (digest, None):
        return IdReused(request_id=movement.request_id)
    return _answer(earlier)


async def decide_next(store: Store) -> bool:
    """Decide the longest accepted movement whose time has come; False when there is none.

    It came before its deadline, so it is not late now.
    """
    async with store.writing() as writing:
        row = await writing.connection.fetchrow(
            "select * from undecided where decide_at_ns <= $1 order by place_in_line limit 1", writing.now_ns
        )
        if row is None:
            return False
        movement = read(MovementBody, row["movement"].encode()).value()
        await writing.connection.execute("delete from undecided where request_id = $1", row["request_id"])
        await _decide(writing, movement, row["content_digest"], by_owner=False, accepted=True)
    return True


async def find(store: Store, request_id: str) -> FinalAnswer | Accepted | NotSeen:
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
        if row is None or row["undecided"]:
            await writing.connection.execute("delete from undecided where request_id = $1", request_id)
            refusal = Refusal(code=RefusalCode.CANCELLED)
            row = await _record(writing, request_id, digest=None, outcome=refusal)
    answer = _answer(row)
    assert not isinstance(answer, Accepted), "a cancel decides"
    return answer


async def _find(connection: Connection | Pool, request_id: str) -> asyncpg.Record | None:
    """What is known of a request, decided or not, as of one moment."""
    return await connection.fetchrow(
        """
        select r.request_id, r.content_digest, r.sequence, r.refusal, r.leg, r.decided_at_ns, j.movement_id,
               false as undecided
        from request r left join journal j using (sequence) where r.request_id = $1
        union all
        select request_id, content_digest, null, null, null, null, null, true
        from undecided where request_id = $1
        """,
        request_id,
    )


async def _accept(writing: Writing, movement: Movement, digest: str, decide_after_ms: int) -> asyncpg.Record:
    await writing.connection.execute(
        """
        insert into undecided (request_id, content_digest, movement, accepted_at_ns, decide_at_ns)
        values ($1, $2, $3, $4, $5)
        """,
        movement.request_id,
        digest,
        write(movement_json(movement)).decode(),
        writing.now_ns,
        writing.now_ns + decide_after_ms * NANOSECONDS_PER_MILLISECOND,
    )
    row = await _find(writing.connection, movement.request_id)
    assert row is not None
    return row


def _answer(row: asyncpg.Record) -> FinalAnswer | Accepted:
    if row["undecided"]:
        return Accepted(request_id=row["request_id"])
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


async def _decide(
    writing: Writing, movement: Movement, digest: str, *, by_owner: bool, accepted: bool = False
) -> asyncpg.Record:
    late = Refusal(code=RefusalCode.TOO_LATE) if not accepted and _is_late(writing, movement) else None
    outcome = late or await _outcome(writing, movement, by_owner=by_owner)
    if isinstance(outcome, Refusal):
        return await _record(writing, movement.request_id, digest=digest, outcome=outcome)
    done = await _do(writing, movement, digest, outcome, by_owner=by_owner)
    return await _record(writing, movement.request_id, digest=digest, outcome=done)


async def _do(
    writing: Writing, movement: Movement, digest: str, plan: Plan, *, by_owner: bool
) -> int | Refusal:
    """Carry out the plan; the journal entry's number, or the refusal when the database's own guards say no.

    They should never have to: what they refuse is in the books otherwise than was judged. Nothing has moved then, and
    the refusal is as final as any. What no refusal names is left as a fault, of which the caller learns nothing.
    """
    try:
        async with writing.connection.transaction():
            sequence = await _enter(writing, movement, digest, by_owner=by_owner)
            await _apply(writing.connection, plan, sequence)
            if by_owner:
                await _tell_transferred_in(writing, movement, sequence)
            await writing.connection.execute("set constraints check_legs, check_balance immediate")
    except asyncpg.IntegrityConstraintViolationError as error:
        code = REFUSED_BY_DATABASE.get(error.constraint_name or "")
        if code is None:
            raise
        log.exception("movement_refused_by_database", request_id=movement.request_id, code=code.value)
        return Refusal(code=code, leg=1 if len(movement.legs) == 1 else None)
    return sequence


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


def _may_wait(writing: Writing, movement: Movement) -> bool:
    return not _is_late(writing, movement) and not movement.request_id.startswith(OWNER_PREFIX)


def _is_late(writing: Writing, movement: Movement) -> bool:
    return writing.now_ns > movement.not_after_ns


async def _outcome(writing: Writing, movement: Movement, *, by_owner: bool) -> Plan | Refusal:
    refusal = malformed(movement)
    if refusal is not None:
        return refusal
    if movement.request_id.startswith(OWNER_PREFIX) is not by_owner:
        return Refusal(code=RefusalCode.NOT_AUTHORISED)
    return judge(movement, await facts_of(writing.connection, movement), by_owner=by_owner)


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
