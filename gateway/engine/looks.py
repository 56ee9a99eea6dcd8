"""What supervisors looked at: written before they are answered, never altered, read page by page."""

from dataclasses import dataclass
from typing import Final

import asyncpg

from gateway.engine.paging import Page, bounded, id_before, page_of_rows


@dataclass(frozen=True, kw_only=True, slots=True)
class Look:
    """One look."""

    at_ns: int
    """By the machine's clock."""
    participant: str
    """Who looked."""
    caller: str
    """With which key, or as which person in which session."""
    target: str
    """At what: the address, with its query."""
    reason: str | None
    """Why, where they said so."""
    look_id: int = 0
    """Given when it is kept."""


class Looks:
    """All of them, in table `supervisor_look`."""

    __slots__ = ("_pool",)

    def __init__(self, pool: "asyncpg.Pool[asyncpg.Record]") -> None:
        """In this database."""
        self._pool = pool

    async def note(self, look: Look) -> None:
        """Keep one; durable when this returns."""
        await self._pool.execute(
            "INSERT INTO supervisor_look (at_ns, participant, caller, target, reason) VALUES ($1, $2, $3, $4, $5)",
            *(look.at_ns, look.participant, look.caller, look.target, look.reason),
        )

    async def page(self, *, after: str | None, limit: int) -> Page[Look]:
        """Those before a cursor, newest first."""
        rows = await self._pool.fetch(_LOOKS, id_before(after), bounded(limit) + 1)
        return page_of_rows(rows, limit, lambda row: Look(**row), "look_id")


_LOOKS: Final = """
SELECT look_id, at_ns, participant, caller, target, reason FROM supervisor_look
WHERE look_id < $1 ORDER BY look_id DESC LIMIT $2"""
