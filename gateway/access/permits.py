"""What was permitted about access is done once: the permit is spent in the transaction of the deed itself.

    waiting ──approved──▶ permitted ──spent, with the deed──▶ done
       │                      │
       └──declined──▶ gone    └──a day later──▶ gone

The first two states are the core's and in the journal. Where the process ends between the approval and the deed the
permit is as good as it was; where the deed is durable the permit is spent, and nothing comes between the two.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, TypeAlias

import asyncpg

Pool: TypeAlias = "asyncpg.Pool[asyncpg.Record]"


class PermitSpent(Exception):  # noqa: N818 - it states a fact
    """What was permitted has been done; the message names the key or the person."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Permit:
    """By what a deed about access is done."""

    number: int
    """Of the entry in the journal that asked for it."""
    made_alone_by: str | None
    """The operator whose word alone it is; none where a second person agreed."""


async def spend(connection: Any, permit: Permit, made: str, *, at_ns: int) -> None:  # noqa: ANN401 - a pooled connection
    """Spend a permit for what is made in the transaction at hand.

    Raises:
        PermitSpent: it was spent before; nothing of the transaction may stay.
    """
    spent = await connection.fetchval(
        "INSERT INTO access_permit_spent (number, made, at_ns) VALUES ($1, $2, $3)"
        " ON CONFLICT DO NOTHING RETURNING number",
        *(permit.number, made, at_ns),
    )
    if spent is None:
        raise PermitSpent(
            await connection.fetchval("SELECT made FROM access_permit_spent WHERE number = $1", permit.number)
        )


async def spent_of(pool: Pool, numbers: Iterable[int]) -> set[int]:
    """Which of these permits are spent."""
    rows = await pool.fetch("SELECT number FROM access_permit_spent WHERE number = ANY($1)", list(numbers))
    return {row["number"] for row in rows}
