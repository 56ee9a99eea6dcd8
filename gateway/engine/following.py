"""Following a journal that another process writes: the same entries, in the same batches, a moment later.

    loading ──▶ level ──▶ behind ──▶ level …      each step asks for the journal's head, and reads what is between
                  │
                  └── the head is not what follows from what was read ──▶ ended

The writer pays nothing for it: it is not told, and not asked. What one commit wrote carries one transaction's number (`xmin`),
so that the views take the same batches as the writer's own and number the books alike; where a new term of the writer
begins they are numbered anew, as the writer does. Every entry's digest is held against the one before it. A journal that is
another one all of a sudden (a backup was put back, a replica that lacks something took over) is not followed: nothing that
was shown could be taken back.

Nothing can be submitted here.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final, NoReturn

import asyncpg
import structlog

from gateway.engine.codec import CodecError
from gateway.engine.entry import Entry
from gateway.engine.recovery import PAGE, RecoveryError, rebuilt_views
from gateway.engine.sequencer import BATCH_LIMIT, AccountEventListener, CommitListener, Stopped
from gateway.engine.snapshot import VIEWS_STATE, newest_snapshot
from gateway.engine.tables.journal import JournalReader, Pool, Record
from gateway.engine.tables.rows import GENESIS, chain
from gateway.engine.views import views as views_module
from gateway.engine.views.views import Views
from gateway.postgres.database import AWAY
from matching.exchange import Exchange

POLL_S: Final = 0.03
"""How long it waits before it asks for the head again, where there was nothing new."""
BACK_OFF_S: Final = (0.05, 0.1, 0.2, 0.5, 1.0)
"""Pauses after the database did not answer; the last one again and again."""

log: Final = structlog.get_logger("following")


@dataclass(frozen=True, kw_only=True, slots=True)
class Head:
    """The journal's last entry, and the newest term of its writers."""

    seq: int
    digest: bytes
    term: int


class Following:
    """The views of a journal that another process writes; in the place of the sequencer, for whoever reads."""

    def __init__(self, pool: Pool, views: Views, *, digest: bytes, term: int) -> None:
        """Views as of an entry with that digest, when that term was the newest. Use `load`."""
        self.views = views
        self._pool = pool
        self._digest = digest
        self._term = term
        self._anchors: deque[int] = deque()
        """After which entries the terms begin that are known and not come to."""
        self._head_seq = views.position
        self._level_s = time.monotonic()
        self._listeners: list[CommitListener] = []
        self._term_listeners: list[Callable[[], None]] = []
        self._is_open = True

    @classmethod
    async def load(cls, pool: Pool, progress: Callable[[int, int], None]) -> "Following":
        """Read the newest snapshot and what came after it, to the journal's head.

        Raises:
            RecoveryError: there is no exchange in that database, another release writes it, or it cannot be read.
            SnapshotBrokenError: the snapshot is not what was written.
        """
        await require_own_release(pool)
        views, digest, term = await _restored(pool)
        following = cls(pool, views, digest=digest, term=term)
        total = (await _head(pool)).seq - following.position
        while await following.step():
            progress(following.position, total)
        return following

    # --- how it stands ------------------------------------------------------------------------------------------------

    @property
    def is_open(self) -> bool:
        """Whether it follows."""
        return self._is_open

    @property
    def position(self) -> int:
        """Sequence number of the last entry seen."""
        return self.views.position

    @property
    def behind_entries(self) -> int:
        """How many entries are known to exist and are not seen yet."""
        return max(0, self._head_seq - self.position)

    @property
    def behind_s(self) -> float:
        """For how long there may be entries that are not seen: since it was asked last, and nothing was missing."""
        return time.monotonic() - self._level_s

    # --- in the place of the sequencer --------------------------------------------------------------------------------

    @property
    def is_idle(self) -> bool:
        """Nothing is ever under way."""
        return True

    @property
    def queue_depth(self) -> int:
        """Nothing ever waits."""
        return 0

    async def submit(self, *_: object, **__: object) -> NoReturn:
        """Raises Stopped."""
        raise Stopped("not_accepted", "this process only reads")

    def hand_in(self, *_: object, **__: object) -> NoReturn:
        """Raises Stopped."""
        raise Stopped("not_accepted", "this process only reads")

    def on_commit(self, listener: CommitListener) -> None:
        """Call the listener with every batch, in order, after the views have seen it."""
        self._listeners.append(listener)

    def on_account_events(self, listener: AccountEventListener) -> None:
        """What concerns single accounts is not told here."""

    def on_term(self, listener: Callable[[], None]) -> None:
        """Call the listener when the books are numbered anew."""
        self._term_listeners.append(listener)

    # --- following ----------------------------------------------------------------------------------------------------

    async def run(self) -> NoReturn:
        """Follow until the journal is another one, or cannot be read. A database that is away is waited for.

        Raises:
            RecoveryError: what is wrong.
        """
        failures = 0
        try:
            while True:
                try:
                    is_new = await self.step()
                except AWAY as fault:
                    pause_s = BACK_OFF_S[min(failures, len(BACK_OFF_S) - 1)]
                    if not failures:
                        log.warning("database_away", fault=type(fault).__name__, position=self.position)
                    failures += 1
                    await asyncio.sleep(pause_s)
                    continue
                if failures:
                    log.info("database_back", position=self.position, behind_s=round(self.behind_s, 3))
                failures = 0
                await asyncio.sleep(0 if is_new else POLL_S)
        finally:
            self._is_open = False

    async def step(self) -> bool:
        """Take a page of what is new; whether there was anything.

        Raises RecoveryError, and whatever the database says.
        """
        asked_s = time.monotonic()
        head = await _head(self._pool)
        if head.seq < self.position or (head.seq == self.position and head.digest != self._digest):
            raise RecoveryError(f"entry {self.position} is not in the journal any more: it is another one")
        await self._learn_terms(head.term)
        if head.seq == self.position:
            self._begin_terms()
            self._head_seq, self._level_s = head.seq, asked_s
            return False
        self._head_seq = head.seq
        for batch in await self._page(head.seq):
            self._begin_terms()
            self._take(batch)
        return True

    async def _learn_terms(self, newest: int) -> None:
        """Those up to that one, before any entry of theirs is read."""
        if newest == self._term:
            return
        await require_own_release(self._pool)
        rows = await self._pool.fetch(_TERMS, self._term, newest)
        self._anchors.extend(row["first_seq"] - 1 for row in rows)
        self._term = newest

    def _begin_terms(self) -> None:
        is_begun = False
        while self._anchors and self._anchors[0] <= self.position:
            is_begun = self._anchors.popleft() == self.position or is_begun
        if is_begun:
            self.views.begin_term()
            for listener in self._term_listeners:
                listener()

    async def _page(self, upto: int) -> list[list[Record]]:
        """What comes next, by batches; one that may not be whole yet is left for the next page."""
        rows = await self._pool.fetch(_AFTER, self.position, self.views.market.at_ns, upto, _ROWS)
        batches = [list(batch) for _, batch in groupby(rows, key=lambda row: row["batch"])]
        if len(rows) == _ROWS and len(batches) > 1:
            batches.pop()
        if not batches:
            raise RecoveryError(f"entry {self.position + 1} is missing")
        return [[Record.of(row) for row in batch] for batch in batches]

    def _take(self, records: Sequence[Record]) -> None:
        entries: list[Entry] = []
        digest, seq = self._digest, self.position
        for record in records:
            seq += 1
            if record.seq != seq:
                raise RecoveryError(f"entry {seq} is missing; the next one there is {record.seq}")
            digest = chain(digest, record.seq, record.at_ns, record.command, record.events)
            if digest != record.digest:
                raise RecoveryError(f"entry {seq} does not follow from the one before: it is another journal")
            entries.append(_entry(record))
        self._digest = digest
        self.views.apply(entries)
        for listener in self._listeners:
            listener(entries)


def _entry(record: Record) -> Entry:
    try:
        return record.entry()
    except CodecError as error:
        raise RecoveryError(f"entry {record.seq} cannot be read: {error}") from error


async def require_own_release(pool: Pool) -> None:
    """Refuse to read what another release writes: what its entries say may be unknown here. Raises RecoveryError."""
    try:
        release = await JournalReader(pool).core_release()
    except asyncpg.UndefinedTableError:
        release = None
    if release is None:
        raise RecoveryError("there is no exchange in this database yet")
    if release[1] != Exchange.VERSION:
        raise RecoveryError(
            f"core {release[1]} decides, and this release has {Exchange.VERSION}: run the release of the process that serves"
        )


async def _restored(pool: Pool) -> tuple[Views, bytes, int]:
    """Views as of the newest snapshot, the digest of its entry, and the term it was written in."""
    snapshot = await newest_snapshot(pool)
    if snapshot is None:
        return Views(), GENESIS, 0
    if snapshot.views_version == views_module.VERSION:
        views = Views(state=VIEWS_STATE.decode(snapshot.views_state))
    else:
        views = await rebuilt_views(JournalReader(pool), snapshot.seq)
    return views, snapshot.journal_digest, await pool.fetchval(_TERM_OF, snapshot.seq) or 0


async def _head(pool: Pool) -> Head:
    row = await pool.fetchrow(_HEAD)
    assert row is not None, "the journal always has a head"
    return Head(seq=row["seq"], digest=row["digest"], term=row["term"])


_ROWS: Final = PAGE + BATCH_LIMIT
"""More than a batch, so that the first one of a page is always whole."""

_HEAD: Final = """
SELECT seq, digest, coalesce((SELECT max(term) FROM writer_term), 0) AS term FROM journal_head"""

_AFTER: Final = """
SELECT seq, at_ns, command, events, digest, xmin::text AS batch FROM journal
WHERE seq > $1 AND at_ns >= $2 AND seq <= $3 ORDER BY seq LIMIT $4"""

_TERMS: Final = "SELECT first_seq FROM writer_term WHERE term > $1 AND term <= $2 ORDER BY term"

_TERM_OF: Final = "SELECT max(term) FROM writer_term WHERE first_seq <= $1"
