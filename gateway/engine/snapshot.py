"""Snapshots: all the core and the views know after one entry, so that a start need not begin at the first.

They are derived: without any, the journal tells everything again. They are taken between two batches, because the
core must stand still; only their writing goes on beside the next batches, over a connection of its own.
"""

import asyncio
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import asyncpg

from gateway.engine.codec import StateCodec
from gateway.engine.entry import Entry
from gateway.engine.tables.journal import Journal
from gateway.engine.views import views as views_module
from gateway.engine.views.views import Views, ViewsState
from matching.events import DayClosed
from matching.exchange import Exchange
from matching.state import ExchangeState

CORE_STATE: Final = StateCodec(ExchangeState)
VIEWS_STATE: Final = StateCodec(ViewsState)

EVERY: Final = 100_000
"""Entries after which one is taken in any case: bounds the time of the next start."""

KEPT: Final = 3
"""How many of the newest ones are kept."""


class SnapshotBrokenError(Exception):
    """A snapshot is not what was written."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Snapshot:
    """One snapshot, as it stands in the database."""

    seq: int
    core_version: str
    views_version: str
    journal_digest: bytes
    core_state: bytes
    views_state: bytes

    def digest(self) -> bytes:
        """SHA-256 over all of it."""
        total = hashlib.sha256(f"{self.seq}|{self.core_version}|{self.views_version}|".encode())
        for part in (self.journal_digest, self.core_state, self.views_state):
            total.update(len(part).to_bytes(8, "big"))
            total.update(part)
        return total.digest()


class Snapshots:
    """Takes snapshots of one exchange and its views, when they are due."""

    def __init__(
        self,
        pool: "asyncpg.Pool[asyncpg.Record]",
        exchange: Exchange,
        views: Views,
        journal: Journal,
        *,
        every: int = EVERY,
        last_seq: int = 0,
    ) -> None:
        """`last_seq` is that of the newest snapshot there is."""
        self._pool = pool
        self._exchange = exchange
        self._views = views
        self._journal = journal
        self._every = every
        self._last_seq = last_seq
        self._writing: asyncio.Task[None] | None = None

    async def after_batch(self, entries: Sequence[Entry]) -> None:
        """Take one if it is due: after the close of a day, after many entries, and at the end (no entries).

        To be handed to the sequencer. Raises whatever went wrong in writing the one before.
        """
        if not entries:
            await self.take()
            await self._written()
        elif self._is_due(entries):
            await self.take()

    async def take(self) -> None:
        """Take one now, unless there is one of this very entry. Returns when it is made; it is written beside."""
        if self._journal.position == self._last_seq:
            return
        await self._written()
        self._last_seq = self._journal.position
        snapshot = Snapshot(
            seq=self._journal.position,
            core_version=Exchange.VERSION,
            views_version=views_module.VERSION,
            journal_digest=self._journal.digest,
            core_state=CORE_STATE.encode(self._exchange.dump()),
            views_state=VIEWS_STATE.encode(self._views.dump()),
        )
        self._writing = asyncio.create_task(self._write(snapshot))

    def _is_due(self, entries: Sequence[Entry]) -> bool:
        if self._journal.position - self._last_seq >= self._every:
            return True
        return any(type(event) is DayClosed for entry in entries for event in entry.events)

    async def _written(self) -> None:
        if self._writing is not None:
            await self._writing
            self._writing = None

    async def _write(self, snapshot: Snapshot) -> None:
        # Hashing many megabytes must not hold up the next batch; hashlib lets go of the interpreter meanwhile.
        digest = await asyncio.to_thread(snapshot.digest)
        async with self._pool.acquire() as connection, connection.transaction():
            await connection.execute(
                "INSERT INTO snapshot (seq, core_version, views_version, journal_digest, core_state, views_state,"
                " digest) VALUES ($1, $2, $3, $4, $5, $6, $7)",
                *(snapshot.seq, snapshot.core_version, snapshot.views_version, snapshot.journal_digest),
                *(snapshot.core_state, snapshot.views_state, digest),
            )
            await connection.execute(
                "DELETE FROM snapshot WHERE seq NOT IN (SELECT seq FROM snapshot ORDER BY seq DESC LIMIT $1)",
                KEPT,
            )


async def newest_snapshot(pool: "asyncpg.Pool[asyncpg.Record]") -> Snapshot | None:
    """The newest snapshot there is. Raises SnapshotBrokenError when it is not what was written."""
    row = await pool.fetchrow(
        "SELECT seq, core_version, views_version, journal_digest, core_state, views_state, digest"
        " FROM snapshot ORDER BY seq DESC LIMIT 1"
    )
    if row is None:
        return None
    *content, digest = row
    names = ("seq", "core_version", "views_version", "journal_digest", "core_state", "views_state")
    snapshot = Snapshot(**dict(zip(names, content, strict=True)))
    if await asyncio.to_thread(snapshot.digest) != digest:
        raise SnapshotBrokenError(
            f"the snapshot of entry {snapshot.seq} is not what was written; delete it to start from an earlier one"
        )
    return snapshot
