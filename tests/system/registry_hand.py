"""A hand in the reference registry's own database, past its guards: what an intruder or a careless person would do.

As the database's owner one may switch triggers off, and that is what is done here; what the tables say afterwards is
what no movement ever made.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg

from gateway.composition.reference_registry import REGISTRY_DATABASE
from gateway.postgres.database import with_database
from gateway.postgres.embedded import running_dsn


class RegistryHand:
    """One connection with the guards switched off."""

    def __init__(self, connection: "asyncpg.Connection[asyncpg.Record]") -> None:
        self._connection = connection

    async def some_range(self, account: str, tonnes: int) -> tuple[str, int, int]:
        """Lot, first and end of so many serials in an account's trading sub-account."""
        row = await self._connection.fetchrow(
            "SELECT lot, lower(serials) AS first FROM holding"
            " WHERE account = $1 AND place = 'trading' AND upper(serials) - lower(serials) > $2 LIMIT 1",
            *(account, tonnes),
        )
        assert row is not None, f"{account} has no {tonnes} serials in a row"
        return (row["lot"], row["first"], row["first"] + tonnes)

    async def move_range(self, lot: str, first: int, end: int, to_account: str) -> None:
        """Put serials into another trading sub-account, without a movement."""
        async with self._connection.transaction():
            row = await self._connection.fetchrow(
                "DELETE FROM holding WHERE lot = $1 AND place = 'trading' AND serials @> int8range($2, $3)"
                " RETURNING account, lower(serials) AS low, upper(serials) AS high, since",
                *(lot, first, end),
            )
            assert row is not None, f"nobody holds [{first}, {end}) of {lot}"
            parts = [
                (row["account"], row["low"], first),
                (to_account, first, end),
                (row["account"], end, row["high"]),
            ]
            for account, low, high in parts:
                if low < high:
                    await self._connection.execute(
                        "INSERT INTO holding (account, place, lot, serials, since)"
                        " VALUES ($1, 'trading', $2, int8range($3, $4), $5)",
                        *(account, lot, low, high, row["since"]),
                    )

    async def close_account(self, account: str) -> None:
        """Mark an account closed, though it holds units."""
        await self._connection.execute(
            "INSERT INTO account_closed (account, reason, closed_at_ns) VALUES ($1, 'by hand', 0)", account
        )

    async def delete_movement(self, request_id: str) -> None:
        """Take a movement out of the journal, with its answer."""
        async with self._connection.transaction():
            sequence = await self._connection.fetchval(
                "DELETE FROM request WHERE request_id = $1 RETURNING sequence", request_id
            )
            assert sequence is not None, f"there is no movement {request_id}"
            await self._connection.execute("DELETE FROM journal_leg WHERE sequence = $1", sequence)
            await self._connection.execute("DELETE FROM journal WHERE sequence = $1", sequence)

    async def last_request(self, kind: str) -> str:
        """The request of the newest movement of a kind."""
        found = await self._connection.fetchval(
            "SELECT request_id FROM journal WHERE kind = $1 AND request_id IS NOT NULL ORDER BY sequence DESC LIMIT 1",
            kind,
        )
        assert isinstance(found, str), f"there is no {kind}"
        return found


@asynccontextmanager
async def registry_hand(data_dir: Path) -> AsyncIterator[RegistryHand]:
    """A connection to the registry of a running exchange, with the guards switched off."""
    dsn = with_database(running_dsn(data_dir / "registry" / "postgres"), REGISTRY_DATABASE)
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute("SET session_replication_role = replica")
        yield RegistryHand(connection)
    finally:
        await connection.close()
