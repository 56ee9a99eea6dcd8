"""What the reference registry knows of everything a movement touches, read in few statements for all its legs."""

from __future__ import annotations

from registry_bridge.reference.judge import Corrected, Facts, Held, Part, parts_of
from registry_bridge.reference.store import Connection
from registry_bridge.registry import Movement, MovementKind
from settlement.lot import MethodologyClass


async def facts_of(connection: Connection, movement: Movement) -> Facts:
    """Everything the registry knows that bears on the movement; under the writer's lock it stays so."""
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
    runs = _runs(parts)
    rows = await connection.fetch(
        _HELD,
        [lot for lot, _, _ in runs],
        [first for _, first, _ in runs],
        [end for _, _, end in runs],
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


def _runs(parts: list[Part]) -> list[tuple[str, int, int]]:
    """The parts, in order, with those that touch taken as one: a seller's units mostly go to its buyers in a row."""
    runs: list[tuple[str, int, int]] = []
    for part in parts:
        if runs and runs[-1][0] == part.lot and runs[-1][2] == part.first:
            runs[-1] = (part.lot, runs[-1][1], part.end)
        else:
            runs.append((part.lot, part.first, part.end))
    return runs
