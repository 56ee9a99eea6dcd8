"""Checking a journal from the outside: whoever can read the database can do it, and needs nothing of the core.

The digests chain every entry to all before it. An altered, removed or reordered entry shows at its place, unless
everything after it was made anew too; against that, keep a digest somewhere else and compare.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import asyncpg

from gateway.engine.codec import CodecError, decode_command, decode_events
from gateway.engine.entry import AccountEvent, Entry
from gateway.engine.tables.derived_rows import DerivedRows, HistoryRows, JournalBrokenError, Reader
from gateway.engine.tables.rows import GENESIS, Batch, chain
from gateway.engine.views.negotiations import Negotiations
from gateway.engine.views.orders import OpenOrders

__all__ = [
    "ENTRIES",
    "PAGE",
    "Chain",
    "JournalBrokenError",
    "Progress",
    "Verification",
    "say_nothing",
    "verify_journal",
]

PAGE: Final = 500
"""Entries read at once."""

Progress = Callable[[int, int], None]
"""Told now and then: entries done, entries in all."""


def say_nothing(done: int, total: int) -> None:
    """Take a progress report and drop it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Verification:
    """What was found whole."""

    entries: int
    account_events: int
    digest: bytes
    """Of the last entry: keep it elsewhere, and a journal made anew from some entry on will show."""


async def verify_journal(
    pool: "asyncpg.Pool[asyncpg.Record]",
    progress: Progress = say_nothing,
    derived: Sequence[Callable[[Reader], DerivedRows]] = (HistoryRows,),
) -> Verification:
    """Walk the journal from its first entry: sequence, times, digests, readability, and all that came of each.

    It reads what is there when it starts; entries may be added meanwhile. Raises JournalBrokenError at the first
    entry where anything differs: in the journal, in the account events, or in a table that `derived` knows.
    """
    async with (
        pool.acquire() as connection,
        connection.transaction(isolation="repeatable_read", readonly=True),
    ):
        total = int(await connection.fetchval("SELECT coalesce(max(seq), 0) FROM journal"))
        walk = _Walk([make(connection) for make in derived])
        place = walk.chain
        while place.seq < total:
            upto = min(place.seq + PAGE, total)
            rows = await connection.fetch(ENTRIES, place.seq, upto)
            stored = await connection.fetch(_ACCOUNT_EVENTS, place.seq, upto)
            await walk.follow(rows, [AccountEvent(*row) for row in stored], upto)
            progress(place.seq, total)
        for rows_of in walk.derived:
            await rows_of.finish(total)
    return Verification(entries=place.seq, account_events=walk.account_events, digest=place.digest)


class Chain:
    """How far a check has come along the journal, and what the next row has to fit."""

    def __init__(self, seq: int, at_ns: int, digest: bytes) -> None:
        """After the entry with that number, time and digest."""
        self.seq = seq
        self.at_ns = at_ns
        self.digest = digest

    def next(self, row: asyncpg.Record) -> Entry:
        """The next entry. Raises JournalBrokenError when the row does not follow, or cannot be read."""
        seq, at_ns = row["seq"], row["at_ns"]
        if seq != self.seq + 1:
            raise JournalBrokenError(self.seq + 1, f"the row is missing; the next one there is {seq}")
        command, events = row["command"].encode(), row["events"].encode()
        digest = chain(self.digest, seq, at_ns, command, events)
        if digest != row["digest"]:
            raise JournalBrokenError(seq, "the digest is not that of the row and those before it")
        if at_ns < self.at_ns:
            raise JournalBrokenError(seq, f"its time {at_ns} is before that of the entry before")
        try:
            entry = Entry(seq, at_ns, decode_command(command), decode_events(events))
        except CodecError as error:
            raise JournalBrokenError(seq, str(error)) from error
        self.seq, self.at_ns, self.digest = seq, at_ns, digest
        return entry


class _Walk:
    """The journal together with what came of it."""

    def __init__(self, derived: list[DerivedRows]) -> None:
        self.derived = derived
        self.chain = Chain(0, 0, GENESIS)
        self.account_events = 0
        self._orders = OpenOrders()
        self._negotiations = Negotiations()
        self._last_event_ids: dict[str, int] = {}

    async def follow(self, rows: list[asyncpg.Record], stored: list[AccountEvent], upto: int) -> None:
        """Check one page of entries, and the account events stored for it."""
        batch = Batch(self.chain.digest)
        entries = [self.chain.next(row) for row in rows]
        for entry in entries:
            batch.add(entry, self._orders, self._negotiations)
        if self.chain.seq != upto:
            raise JournalBrokenError(self.chain.seq + 1, "the row is missing")
        for account in batch.accounts():
            self._last_event_ids.setdefault(account, 0)
        _compare(batch.number(self._last_event_ids), stored, upto)
        self.account_events += len(stored)
        for derived in self.derived:
            await derived.follow(entries, batch, upto)


def _compare(expected: list[AccountEvent], stored: list[AccountEvent], upto: int) -> None:
    """Both in the order of entry, then account, then number."""
    in_order = sorted(expected, key=lambda event: (event.seq, event.account, event.event_id))
    for told, found in zip(in_order, stored, strict=False):
        if told != found:
            what = f"account event {found.event_id} of {found.account} is not what the entry yields"
            raise JournalBrokenError(min(told.seq, found.seq), what)
    if len(in_order) != len(stored):
        longer = in_order if len(in_order) > len(stored) else stored
        first = longer[min(len(in_order), len(stored))]
        what = f"account event {first.event_id} of {first.account} is missing or was added"
        raise JournalBrokenError(min(first.seq, upto), what)


ENTRIES: Final = (
    "SELECT seq, at_ns, command, events, digest FROM journal WHERE seq > $1 AND seq <= $2 ORDER BY seq"
)
"""Rows for a `Chain`: those after one, up to another."""

_ACCOUNT_EVENTS: Final = """
SELECT account, event_id, seq, type, at_ns, body FROM account_event WHERE seq > $1 AND seq <= $2
ORDER BY seq, account COLLATE "C", event_id
"""
