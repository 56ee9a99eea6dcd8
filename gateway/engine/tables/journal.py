"""The journal: every command with what came of it, durable before anybody is told.

One process writes it, over one connection that holds an advisory lock for as long as it lives; the schema refuses a
gap besides. One transaction, usually one statement and one round trip, takes a whole batch with everything derived
from it. When an append fails, memory is ahead of the disk and the disk is right: the journal is then of no more use,
and the process has to stop. A commit whose answer was lost is never tried again.
"""

import asyncio
import logging
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final, Protocol, Self, TypeAlias

import asyncpg
import structlog

from gateway.engine.codec import decode_command, decode_events
from gateway.engine.entry import AccountEvent, AskedAs, Entry
from gateway.engine.tables.acts_decided import ActsDecided
from gateway.engine.tables.bank_statements import BANK_STATEMENTS
from gateway.engine.tables.bulletins import BULLETINS
from gateway.engine.tables.candles import CandlesWithoutUndone
from gateway.engine.tables.custody_rows import CustodyRows
from gateway.engine.tables.months import JournalMonths
from gateway.engine.tables.rows import DIGEST_ALGORITHM, GENESIS, INSERT_BATCH, Batch, SettlementRows
from gateway.engine.tables.use_rows import UseRows
from gateway.engine.tables.verification import Progress, Verification, say_nothing, verify_journal
from gateway.engine.tables.withdrawals import WITHDRAWALS
from gateway.engine.views.negotiations import Negotiations
from gateway.engine.views.orders import OpenOrders

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"
Pool: TypeAlias = "asyncpg.Pool[asyncpg.Record]"

WRITER_LOCK: Final = 0x70756875695F6A6E
"""Of the advisory lock; "puhui_jn" in ASCII. Advisory locks are per database."""

SERVICE_ROLE: Final = "puhui_service"
"""What the writing connection acts as: it may insert and read."""

CONNECT_TIMEOUT_S: Final = 30
APPEND_TIMEOUT_S: Final = 30
"""A transaction that takes longer is taken for lost."""

KEEP_ALIVE: Final = {
    "tcp_keepalives_idle": "10",
    "tcp_keepalives_interval": "5",
    "tcp_keepalives_count": "3",
    "tcp_user_timeout": "25000",
}
"""The server finds out within 25 s that our machine is gone, and lets go of the lock, instead of after two hours."""


_log: Final = structlog.get_logger("journal")
_lines: Final = logging.getLogger("journal")
"""Asked whether a line would be written at all: one for every batch is for debugging."""


class AnotherWriterError(Exception):
    """Another process writes this journal."""


class ForeignJournalError(Exception):
    """The journal's digests are made in a way this release does not know."""


class Projection(Protocol):
    """Rows that are written in the transaction of the entries they come from."""

    @property
    def taken(self) -> frozenset[type] | None:
        """Types of events that may leave rows; none where something else than events tells which entries do."""
        ...

    def concerns(self, entry: Entry) -> bool:
        """Whether the entry leaves any rows; a batch that concerns no projection is a single statement."""
        ...

    async def write(self, connection: Connection, entries: Sequence[Entry]) -> None:
        """Write the rows of these entries, all of which it is concerned with."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Record:
    """A row of the journal as it stands there."""

    seq: int
    at_ns: int
    command: bytes
    events: bytes
    digest: bytes

    @classmethod
    def of(cls, row: asyncpg.Record) -> Self:
        """As it was read."""
        return cls(
            seq=row["seq"],
            at_ns=row["at_ns"],
            command=row["command"].encode(),
            events=row["events"].encode(),
            digest=row["digest"],
        )

    def entry(self) -> Entry:
        """What it says. Raises CodecError."""
        return Entry(self.seq, self.at_ns, decode_command(self.command), decode_events(self.events))


class JournalReader:
    """Reads any entry of the journal, whoever writes it."""

    def __init__(self, pool: Pool) -> None:
        """Over these connections."""
        self._pool = pool

    async def entry(self, seq: int) -> Entry | None:
        """The entry with that sequence number; none when it does not exist."""
        row = await self._pool.fetchrow(f"{_SELECT} WHERE seq = $1", seq)
        return None if row is None else Record.of(row).entry()

    async def decided_as(self, asked_as: AskedAs) -> list[Entry]:
        """The entries that decided what somebody asked for under that id, in order."""
        rows = await self._pool.fetch(_DECIDED_AS, asked_as.participant, asked_as.client_id)
        return [Record.of(row).entry() for row in rows]

    async def read(self, after_seq: int, limit: int) -> list[Record]:
        """Rows after that one, in order."""
        rows = await self._pool.fetch(f"{_SELECT} WHERE seq > $1 ORDER BY seq LIMIT $2", after_seq, limit)
        return [Record.of(row) for row in rows]

    async def core_release(self) -> tuple[int, str] | None:
        """The first entry that the newest release of the core decides, and its version; none in an empty journal."""
        row = await self._pool.fetchrow(
            "SELECT first_seq, core_version FROM core_release ORDER BY first_seq DESC LIMIT 1"
        )
        return None if row is None else (row["first_seq"], row["core_version"])


class Journal(JournalReader):
    """The one writer's end of the journal, and a reader of any entry."""

    def __init__(
        self,
        connection: Connection,
        pool: Pool,
        months: JournalMonths,
        projections: Sequence[Projection] = (),
    ) -> None:
        """Use `opened`: it takes the lock and finds the end."""
        super().__init__(pool)
        self._connection = connection
        self._months = months
        self._projections: tuple[Projection, ...] = (
            SettlementRows(),
            CandlesWithoutUndone(),
            UseRows(),
            WITHDRAWALS,
            BANK_STATEMENTS,
            BULLETINS,
            CustodyRows(),
            ActsDecided(),
            *projections,
        )
        self._last_event_ids: dict[str, int] = {}
        self._orders = OpenOrders()
        self._negotiations = Negotiations()
        self._lost = False
        self.position = 0
        """Sequence number of the last durable entry."""
        self.at_ns = 0
        """Time of the last durable entry."""
        self.digest = GENESIS
        """Of the last durable entry."""
        self.exchange_id = ""
        """Which exchange this is; begins every request id towards the registry."""
        self.lives: tuple[tuple[int, str], ...] = ()
        """Restores, oldest first: from which entry on, and the mark that requests to the registry carry since."""

    @classmethod
    @asynccontextmanager
    async def opened(
        cls,
        dsn: str,
        pool: Pool,
        projections: Sequence[Projection] = (),
        prepare: Callable[[Connection], Awaitable[object]] | None = None,
    ) -> AsyncIterator[Self]:
        """Take the journal of a migrated database for writing, for as long as the context lasts.

        `prepare` is what only its writer may do beforehand, such as migrating the database.
        Raises AnotherWriterError when another process has it.
        """
        connection = await asyncpg.connect(dsn, timeout=CONNECT_TIMEOUT_S, server_settings=KEEP_ALIVE)
        journal = cls(connection, pool, JournalMonths(dsn), projections)
        try:
            await journal._lock()
            if prepare is not None:
                await prepare(connection)
            await journal._take()
            yield journal
        finally:
            await journal._let_go()

    def on_lost(self, tell: Callable[[], object]) -> None:
        """Call this when the connection ends, by whomever: nothing can be appended after that."""

        def gone(_: object) -> None:
            self._lost = True
            tell()

        self._connection.add_termination_listener(gone)

    @property
    def writer_pid(self) -> int:
        """The database's process that holds the lock for us."""
        return int(self._connection.get_server_pid())

    def abandon(self) -> None:
        """Append nothing more, whatever is under way: the lock is taken for lost. Whoever asked hears of it (`on_lost`)."""
        self._lost = True
        self._connection.terminate()

    def follow(self, orders: OpenOrders, negotiations: Negotiations) -> None:
        """Begin with these open orders and negotiated transfers: those at the journal's end."""
        self._orders, self._negotiations = orders, negotiations

    async def append(self, entries: Sequence[Entry]) -> list[AccountEvent]:
        """Make these entries durable, with all that is derived from them, in one transaction.

        Returns the account events with their numbers. Raises whatever goes wrong; nothing can be appended after that.
        """
        assert not self._lost, "an append failed before: the process has to stop"
        self._lost = True
        batch = Batch(self.digest)
        for entry in entries:
            batch.add(entry, self._orders, self._negotiations)
        await self._learn_event_ids(batch.accounts())
        numbered = batch.number(self._last_event_ids)
        arguments = batch.arguments(numbered)
        await self._months.be_ready_for(entries[-1].at_ns)
        try:
            async with asyncio.timeout(APPEND_TIMEOUT_S):
                await self._write(entries, arguments)
        except TimeoutError as error:
            raise TimeoutError(f"PostgreSQL has not answered for {APPEND_TIMEOUT_S} s") from error
        except asyncpg.InternalClientError as error:
            # What the driver says when the line ends between two of its answers.
            raise ConnectionError("the connection to PostgreSQL ended within a transaction") from error
        self.position, self.at_ns, self.digest = entries[-1].seq, entries[-1].at_ns, batch.digest
        self._lost = False
        if _lines.isEnabledFor(logging.DEBUG):
            asked_by = [entry.request_id for entry in entries if entry.request_id]
            _log.debug("appended", first_seq=entries[0].seq, last_seq=self.position, request_ids=asked_by)
        return numbered

    async def _write(self, entries: Sequence[Entry], arguments: Sequence[object]) -> None:
        """The statement, or the transaction. One that fails is not rolled back: a server that has stopped answering would be
        waited for without end, and the connection is of no more use, with which the transaction ends.
        """
        concerned = self._concerned(entries)
        if not concerned:
            await self._connection.execute(INSERT_BATCH, *arguments)
            return
        transaction = self._connection.transaction()
        await transaction.start()
        await self._connection.execute(INSERT_BATCH, *arguments)
        for projection, theirs in concerned:
            await projection.write(self._connection, theirs)
        await transaction.commit()

    async def verify(self, progress: Progress = say_nothing) -> Verification:
        """Walk all digests from the first entry on; see `verification`."""
        return await verify_journal(self._pool, progress)

    async def begin_release(self, core_version: str) -> None:
        """Note that this version of the core decides from the next entry on."""
        await self._connection.execute(
            "INSERT INTO core_release (first_seq, core_version) VALUES ($1, $2)",
            self.position + 1,
            core_version,
        )

    async def _lock(self) -> None:
        if not await self._connection.fetchval("SELECT pg_try_advisory_lock($1)", WRITER_LOCK):
            raise AnotherWriterError("another process writes this journal; stop it first")

    async def _take(self) -> None:
        if await self._connection.fetchval("SELECT pg_has_role(current_user, $1, 'MEMBER')", SERVICE_ROLE):
            await self._connection.execute(f"SET ROLE {SERVICE_ROLE}")
        await self._connection.execute(
            "INSERT INTO exchange_identity (exchange_id, digest_algorithm) VALUES ($1, $2) ON CONFLICT DO NOTHING",
            *(secrets.token_hex(8), DIGEST_ALGORITHM),
        )
        identity = await self._connection.fetchrow(
            "SELECT exchange_id, digest_algorithm FROM exchange_identity"
        )
        assert identity is not None, "the identity was just written"
        if identity["digest_algorithm"] != DIGEST_ALGORITHM:
            raise ForeignJournalError(f"this journal's digests are {identity['digest_algorithm']}")
        self.exchange_id = identity["exchange_id"]
        lives = await self._connection.fetch(
            "SELECT first_seq, mark FROM exchange_life ORDER BY made_at, first_seq"
        )
        self.lives = tuple((row["first_seq"], row["mark"]) for row in lives)
        last = await self._connection.fetchrow(f"{_SELECT} ORDER BY seq DESC LIMIT 1")
        if last is not None:
            self.position, self.at_ns, self.digest = last["seq"], last["at_ns"], last["digest"]

    async def _let_go(self) -> None:
        if self._lost:
            # close() may wait for ever on the cancel of a statement that ran out of time.
            self._connection.terminate()
        else:
            await self._connection.close(timeout=CONNECT_TIMEOUT_S)

    async def _learn_event_ids(self, accounts: set[str]) -> None:
        unknown = sorted(accounts - self._last_event_ids.keys())
        if unknown:
            rows = await self._connection.fetch(_LAST_EVENT_IDS, unknown, timeout=APPEND_TIMEOUT_S)
            self._last_event_ids.update((row["account"], row["last_event_id"]) for row in rows)

    def _concerned(self, entries: Sequence[Entry]) -> list[tuple[Projection, list[Entry]]]:
        kinds = {type(event) for entry in entries for event in entry.events}
        theirs = (
            (projection, [entry for entry in entries if projection.concerns(entry)])
            for projection in self._projections
            if projection.taken is None or not projection.taken.isdisjoint(kinds)
        )
        return [(projection, found) for projection, found in theirs if found]


_SELECT: Final = "SELECT seq, at_ns, command, events, digest FROM journal"

_DECIDED_AS: Final = """
SELECT seq, at_ns, command, events, digest FROM journal JOIN act_decided USING (seq)
WHERE participant = $1 AND client_id = $2 ORDER BY seq
"""

_LAST_EVENT_IDS: Final = """
SELECT account, coalesce((SELECT max(event_id) FROM account_event WHERE account_event.account = asked.account), 0)
    AS last_event_id
FROM unnest($1::text[]) AS asked (account)
"""
