"""What operators, the bank and the authority asked for under ids of their own, and the first answer to each.

Traders' ids are decided in the core, with their commands. Acts are of many kinds, some of which the core never hears
of (keys, people), so their ids are kept beside it. A request is noted before it is done and its answer after; where
the process ends in between, the entry that decided it is found by the id (`engine.acts_decided`).
"""

from dataclasses import dataclass
from typing import Any, TypeAlias

import asyncpg
import orjson

from gateway.access.seal import Seal

Pool: TypeAlias = "asyncpg.Pool[asyncpg.Record]"


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """A request under somebody's own id, as it was asked first."""

    participant: str
    client_id: str
    digest: bytes
    """SHA-256 of what was asked."""
    is_new: bool
    """Whether that was just now."""
    answer: Any = None
    """What was answered, as given to `answered`; none when nothing was."""


class ActsAsked:
    """Every request, in tables `act_asked` and `act_answered`. Whoever asks has to keep two of one id apart."""

    __slots__ = ("_pool", "_seal")

    def __init__(self, pool: Pool, seal: Seal) -> None:
        """In this database; answers are sealed, since some hold secrets."""
        self._pool = pool
        self._seal = seal

    async def ask(
        self, participant: str, client_id: str, *, digest: bytes, position: int, at_ns: int
    ) -> Asked:
        """Note a request, or find the one that was asked before under that id.

        `position` is the journal's last entry; it is kept for whoever reads the table.
        """
        noted = await self._pool.fetchval(
            "INSERT INTO act_asked (participant, client_id, digest, position, at_ns) VALUES ($1, $2, $3, $4, $5)"
            " ON CONFLICT DO NOTHING RETURNING position",
            *(participant, client_id, digest, position, at_ns),
        )
        if noted is not None:
            return Asked(participant=participant, client_id=client_id, digest=digest, is_new=True)
        row = await self._pool.fetchrow(
            "SELECT digest, sealed FROM act_asked LEFT JOIN act_answered USING (participant, client_id)"
            " WHERE participant = $1 AND client_id = $2",
            participant,
            client_id,
        )
        assert row is not None, "an id that was used is never forgotten"
        return Asked(
            participant=participant,
            client_id=client_id,
            digest=row["digest"],
            is_new=False,
            answer=None
            if row["sealed"] is None
            else orjson.loads(self._seal.open(row["sealed"], _name(participant, client_id))),
        )

    async def answered(self, asked: Asked, answer: Any, *, at_ns: int) -> None:  # noqa: ANN401 - any JSON value
        """Keep the answer to a request."""
        name = _name(asked.participant, asked.client_id)
        await self._pool.execute(
            "INSERT INTO act_answered (participant, client_id, sealed, at_ns) VALUES ($1, $2, $3, $4)",
            *(asked.participant, asked.client_id, self._seal.seal(orjson.dumps(answer), name), at_ns),
        )


def _name(participant: str, client_id: str) -> str:
    """What an answer is sealed for; no participant's name holds a bar."""
    return f"act|{participant}|{client_id}"
