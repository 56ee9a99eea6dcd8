"""Numbered SQL files, applied once each, in order, and never allowed to change afterwards.

A folder holds `0001_<what>.sql`, `0002_<what>.sql` …, without gaps. Each file is one transaction together with
its row in table `schema_migration`, so a crash leaves it applied and recorded, or neither. An advisory lock keeps
two starting processes from doing it twice. What was applied must still be there, under the same name and with
the same content: a database whose history this program does not carry is refused, not guessed at.

It knows nothing of whose schema it applies.
"""

import hashlib
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import TypeAlias

import asyncpg

from gateway.postgres.errors import MigrationError

LOCK_KEY = 0x70756875695F6D67
"""Of the advisory lock; "puhui_mg" in ASCII. Advisory locks are per database."""

LOCK_TIMEOUT_S = 300
"""How long to wait for another process that migrates the same database."""

_FILE_NAME = re.compile(r"(?P<number>\d{4})_[a-z0-9_]+\.sql")

_CREATE_HISTORY = """
CREATE TABLE IF NOT EXISTS schema_migration (
    number     integer     PRIMARY KEY,
    name       text        NOT NULL,
    sha256     text        NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now()
)
"""

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"


@dataclass(frozen=True, kw_only=True, slots=True)
class Migration:
    """One file of a folder."""

    number: int
    name: str
    sql: str
    sha256: str


async def migrate(connection: Connection, folder: Traversable | Path) -> list[int]:
    """Bring the database of `connection` to the newest schema of `folder`.

    Args:
        connection: of a role that may create tables; not in a transaction.
        folder: with the numbered SQL files; `importlib.resources.files(...)` or a path.

    Returns:
        The numbers applied now, in order; empty when there was nothing to do.

    Raises:
        MigrationError: the folder is not a clean sequence, applied history is missing or changed in it, a file
            failed, or another process held the lock for too long. Files before a failing one stay applied.
    """
    assert not connection.is_in_transaction(), "each migration is a transaction of its own"
    migrations = read_folder(folder)
    async with _locked(connection):
        await connection.execute(_CREATE_HISTORY)
        applied = await connection.fetch("SELECT number, name, sha256 FROM schema_migration ORDER BY number")
        _check_history(applied, migrations)
        pending = migrations[len(applied) :]
        for migration in pending:
            await _apply(connection, migration)
    return [migration.number for migration in pending]


def read_folder(folder: Traversable | Path) -> list[Migration]:
    """The migrations of a folder in order.

    Raises:
        MigrationError: an SQL file with another form of name, a gap, or two files with one number.
    """
    names = sorted(entry.name for entry in folder.iterdir() if entry.name.endswith(".sql"))
    for position, name in enumerate(names, start=1):
        match = _FILE_NAME.fullmatch(name)
        if match is None:
            raise MigrationError(f"{name} is not named like 0001_what_it_does.sql")
        if int(match["number"]) != position:
            raise MigrationError(
                f"{name} should have number {position:04d}: numbers run from 0001 without gaps"
            )
    return [_read(folder, number, name) for number, name in enumerate(names, start=1)]


def _read(folder: Traversable | Path, number: int, name: str) -> Migration:
    # A checkout may rewrite line ends; that is no change of the schema.
    content = (folder / name).read_bytes().replace(b"\r\n", b"\n")
    digest = hashlib.sha256(content).hexdigest()
    return Migration(number=number, name=name, sql=content.decode(), sha256=digest)


def _check_history(applied: list[asyncpg.Record], migrations: list[Migration]) -> None:
    by_number = {migration.number: migration for migration in migrations}
    for position, row in enumerate(applied, start=1):
        number, name = row["number"], row["name"]
        if number != position:
            raise MigrationError(
                f"schema_migration lacks number {position}: the database was changed by hand"
            )
        known = by_number.get(number)
        if known is None:
            raise MigrationError(
                f"the database has migration {name}, which this program does not: it belongs to a newer release; "
                "run that one"
            )
        if (known.name, known.sha256) != (name, row["sha256"]):
            raise MigrationError(
                f"migration {name} was applied with sha-256 {row['sha256']}, but this program carries {known.name} "
                f"with {known.sha256}: restore the original file and put the change into a new migration"
            )


async def _apply(connection: Connection, migration: Migration) -> None:
    transaction = connection.transaction()
    await transaction.start()
    try:
        began_in = await connection.fetchval("SELECT pg_current_xact_id()::text")
        await connection.execute(migration.sql)
        if await connection.fetchval("SELECT pg_current_xact_id()::text") != began_in:
            raise MigrationError(
                f"{migration.name} ends its transaction; a migration holds no COMMIT or ROLLBACK"
            )
        await connection.execute(
            "INSERT INTO schema_migration (number, name, sha256) VALUES ($1, $2, $3)",
            *(migration.number, migration.name, migration.sha256),
        )
        # Deferred constraints speak here, where the file can still be named.
        await connection.execute("SET CONSTRAINTS ALL IMMEDIATE")
        await transaction.commit()
    except asyncpg.PostgresError as error:
        await transaction.rollback()
        raise MigrationError(f"{migration.name} failed and was undone: {error}") from error
    except BaseException:
        await transaction.rollback()
        raise


@asynccontextmanager
async def _locked(connection: Connection) -> AsyncIterator[None]:
    try:
        await connection.execute("SELECT pg_advisory_lock($1)", LOCK_KEY, timeout=LOCK_TIMEOUT_S)
    except TimeoutError as error:
        raise MigrationError(
            f"another process has been migrating this database for {LOCK_TIMEOUT_S} s"
        ) from error
    try:
        yield
    finally:
        await connection.execute("SELECT pg_advisory_unlock($1)", LOCK_KEY)
