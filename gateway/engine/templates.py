"""Terms of negotiated transfers that a participant keeps for deals it repeats: its own notes, which decide nothing."""

from dataclasses import dataclass
from typing import Any, Final

import asyncpg
import orjson

MOST: Final = 200
"""Templates of one account."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Template:
    """Some of the terms of a filing, under a name."""

    name: str
    terms: dict[str, Any]
    """As the API writes them."""
    saved_by: str
    """The participant who saved it last."""
    saved_at_ns: int


class Templates:
    """Every account's templates, in table `negotiated_template`."""

    __slots__ = ("_pool",)

    def __init__(self, pool: "asyncpg.Pool[asyncpg.Record]") -> None:
        """In this database."""
        self._pool = pool

    async def save(self, account: str, template: Template) -> bool:
        """Keep a template, in the place of one of that name. False when the account has as many as it may."""
        written = await self._pool.fetchval(
            "INSERT INTO negotiated_template (account, name, terms, saved_by, saved_at_ns)"
            " SELECT $1, $2, $3, $4, $5 WHERE (SELECT count(*) FROM negotiated_template"
            " WHERE account = $1 AND name <> $2) < $6"
            " ON CONFLICT (account, name) DO UPDATE"
            " SET terms = excluded.terms, saved_by = excluded.saved_by, saved_at_ns = excluded.saved_at_ns"
            " RETURNING name",
            *(account, template.name, orjson.dumps(template.terms).decode()),
            *(template.saved_by, template.saved_at_ns, MOST),
        )
        return written is not None

    async def all(self, account: str) -> tuple[Template, ...]:
        """An account's templates, by name."""
        rows = await self._pool.fetch(
            'SELECT name, terms, saved_by, saved_at_ns FROM negotiated_template WHERE account = $1 ORDER BY name COLLATE "C"',
            account,
        )
        return tuple(_template(row) for row in rows)

    async def remove(self, account: str, name: str) -> bool:
        """Let one go; whether there was one."""
        gone = await self._pool.fetchval(
            "DELETE FROM negotiated_template WHERE account = $1 AND name = $2 RETURNING name", account, name
        )
        return gone is not None


def _template(row: asyncpg.Record) -> Template:
    return Template(
        name=row["name"],
        terms=orjson.loads(row["terms"]),
        saved_by=row["saved_by"],
        saved_at_ns=row["saved_at_ns"],
    )
