"""Deciding everything again: the core alone, from the first entry on, against what is recorded.

A start takes the newest snapshot at its word. This does not: it asks of every command what came of it then, and of
every snapshot of the core on the way whether it is what the core really was. A snapshot that was made to look whole
around a forged balance shows here and nowhere else.
"""

from dataclasses import dataclass

import asyncpg

from gateway.engine.codec import encode_events
from gateway.engine.snapshot import CORE_STATE
from gateway.engine.tables.derived_rows import JournalBrokenError, Reader
from gateway.engine.tables.rows import GENESIS
from gateway.engine.tables.verification import ENTRIES, PAGE, Chain, Progress, say_nothing
from matching.exchange import Exchange
from matching.state import Stamp


class ReplayImpossibleError(Exception):
    """Some entries were decided by another version of the core, which alone can decide them again."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Replayed:
    """What came out as it was recorded."""

    entries: int
    snapshots: int
    """Snapshots of the core that were met on the way, and are true."""


async def replay_journal(pool: "asyncpg.Pool[asyncpg.Record]", progress: Progress = say_nothing) -> Replayed:
    """Decide all recorded commands again, from nothing.

    Needs the memory that the exchange itself needs. Raises ReplayImpossibleError, and JournalBrokenError at the first
    entry that is decided otherwise, or whose snapshot is not what the core was.
    """
    async with (
        pool.acquire() as connection,
        connection.transaction(isolation="repeatable_read", readonly=True),
    ):
        await _require_one_version(connection)
        taken = {row[0] for row in await connection.fetch("SELECT seq FROM snapshot")}
        total = int(await connection.fetchval("SELECT coalesce(max(seq), 0) FROM journal"))
        exchange, chain = Exchange(), Chain(0, 0, GENESIS)
        while chain.seq < total:
            rows = await connection.fetch(ENTRIES, chain.seq, min(chain.seq + PAGE, total))
            if not rows:
                raise JournalBrokenError(chain.seq + 1, "the row is missing")
            for row in rows:
                _decide(exchange, chain, row)
                if chain.seq in taken:
                    await _require_true_snapshot(connection, exchange, chain.seq)
            progress(chain.seq, total)
    exchange.check()
    return Replayed(entries=chain.seq, snapshots=len({seq for seq in taken if seq <= total}))


async def _require_one_version(connection: Reader) -> None:
    rows = await connection.fetch("SELECT first_seq, core_version FROM core_release ORDER BY first_seq")
    for row in rows:
        if row["core_version"] != Exchange.VERSION:
            raise ReplayImpossibleError(
                f"entries from {row['first_seq']} on were decided by core {row['core_version']},"
                f" this release has {Exchange.VERSION}: replay them with that one"
            )


def _decide(exchange: Exchange, chain: Chain, row: asyncpg.Record) -> None:
    entry = chain.next(row)
    decided = encode_events(exchange.apply(entry.command, Stamp(seq=entry.seq, at_ns=entry.at_ns)))
    if decided != row["events"].encode():
        raise JournalBrokenError(
            entry.seq, f"it is decided otherwise than recorded: {decided.decode()[:500]}"
        )


async def _require_true_snapshot(connection: Reader, exchange: Exchange, seq: int) -> None:
    stored = await connection.fetchrow("SELECT core_version, core_state FROM snapshot WHERE seq = $1", seq)
    assert stored is not None, "it was listed in this very transaction"
    if stored["core_version"] == Exchange.VERSION and stored["core_state"] != CORE_STATE.encode(
        exchange.dump()
    ):
        raise JournalBrokenError(
            seq, "the snapshot taken after it is not what the core was; delete that snapshot"
        )
