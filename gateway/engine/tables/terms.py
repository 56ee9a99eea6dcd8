"""Who writes the journal, one process after the other, and how whoever wrote it before is kept from writing anything more.

    lock taken ──▶ term noted ──▶ connections of the one before ended ──▶ recovered, writing ──▶ lock gone ──▶ ended

The journal's lock decides: it is the database's, and ends with the connection that appends. But a process writes keys,
sessions and snapshots too, over other connections, and those may outlive the one that was cut. So each writer notes its
term before it reads anything, and ends what connections the writers before it still have; a connection that one of them
makes after that finds a newer term than its own, and is not used. A writer that was cut off from the database, and so hears
of nothing, looks every few seconds whether it still has the lock, and ends when it could not know for too long.
"""

import asyncio
import hashlib
import os
import secrets
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NoReturn, Self

import asyncpg

from gateway.engine.tables.journal import WRITER_LOCK, AnotherWriterError, Connection, Pool
from gateway.postgres.database import AWAY

NAME_PREFIX: Final = "puhui writer "
"""Of the name under which a writer's connections are seen in the database."""

LOOK_S: Final = 5.0
"""How often a writer looks whether it has the lock."""
UNKNOWN_S: Final = 30.0
"""How long it goes on without knowing: as long as an append may take."""
END_OTHERS_S: Final = 10.0


class JournalLostError(Exception):
    """The database went away, or ended the connection that writes the journal."""


class ReplacedError(asyncpg.InterfaceError):
    """Another process has taken the journal over; this one writes nothing more."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Marks:
    """By what the files are compared that every process of one exchange has to have; none where there is no such file."""

    seal: str | None
    line: str | None

    @classmethod
    def of(cls, seal_file: Path, line_key_file: Path) -> Self:
        """Of these files."""
        return cls(seal=_mark(seal_file), line=_mark(line_key_file))


def _mark(path: Path) -> str | None:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except FileNotFoundError:
        return None


class Term:
    """One process's turn as the writer."""

    def __init__(self) -> None:
        """Not begun."""
        self.name = f"{NAME_PREFIX}{secrets.token_hex(4)}"
        """Of its connections, in `application_name`."""
        self.number = 0

    async def admit(self, connection: Connection) -> None:
        """Look at a new connection before it is used. Raises ReplacedError when another has taken over."""
        if self.number and await connection.fetchval(_NEWEST) != self.number:
            raise ReplacedError("another process has taken the journal over")

    async def begin(self, pool: Pool, *, after_seq: int, release: str, marks: Marks) -> None:
        """Begin it, holding the journal's lock: nobody who had it before writes anything from here on.

        Raises AnotherWriterError when a connection of another writer does not end.
        """
        host, process = socket.gethostname(), os.getpid()
        self.number = await pool.fetchval(
            _NOTE, after_seq + 1, host, process, release, marks.seal, marks.line
        )
        left = await pool.fetchval(_END_OTHERS, NAME_PREFIX, self.name, int(END_OTHERS_S * 1_000))
        if left:
            raise AnotherWriterError(f"{left} connections of the writer before do not end")

    async def watch(self, pool: Pool, writer_pid: int, lose: Callable[[Exception], None]) -> NoReturn:
        """Look whether the lock is still held by that process of the database; call `lose` and raise when it is not.

        Raises JournalLostError.
        """
        known_s = time.monotonic()
        while True:
            await asyncio.sleep(LOOK_S)
            asked_s = time.monotonic()
            is_held = await _is_held_by(pool, writer_pid)
            if is_held:
                known_s = asked_s
            elif is_held is False or time.monotonic() - known_s > UNKNOWN_S:
                lost = JournalLostError("its lock in PostgreSQL is gone, or cannot be asked about")
                lose(lost)
                raise lost


async def _is_held_by(pool: Pool, writer_pid: int) -> bool | None:
    """None where the database does not say."""
    try:
        async with asyncio.timeout(LOOK_S):
            return bool(await pool.fetchval(f"SELECT EXISTS ({_HELD} AND pid = $2)", WRITER_LOCK, writer_pid))
    except AWAY:
        return None


async def is_written(connection: Connection) -> bool:
    """Whether any process has the journal's lock."""
    return bool(await connection.fetchval(f"SELECT EXISTS ({_HELD})", WRITER_LOCK))


async def newest_marks(connection: Connection) -> Marks | None:
    """Those of the present writer, or of the last one; none in a database that nobody has written yet."""
    if await connection.fetchval("SELECT to_regclass('writer_term')") is None:
        return None
    row = await connection.fetchrow("SELECT seal_mark, line_mark FROM writer_term ORDER BY term DESC LIMIT 1")
    return None if row is None else Marks(seal=row["seal_mark"], line=row["line_mark"])


_NEWEST: Final = "SELECT max(term) FROM writer_term"

_NOTE: Final = """
INSERT INTO writer_term (term, first_seq, host, process, release, seal_mark, line_mark)
SELECT coalesce(max(term), 0) + 1, $1, $2, $3, $4, $5, $6 FROM writer_term RETURNING term
"""

_END_OTHERS: Final = """
SELECT count(*) FILTER (WHERE NOT pg_terminate_backend(pid, $3)) FROM pg_stat_activity
WHERE datname = current_database() AND starts_with(application_name, $1) AND application_name <> $2
"""

_HELD: Final = """
SELECT FROM pg_locks
WHERE locktype = 'advisory' AND objsubid = 1 AND granted AND (classid::bigint << 32) + objid::bigint = $1
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"""
