"""A writer that was replaced writes nothing more, over whatever connection."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import pytest

from gateway.engine.tables import terms
from gateway.engine.tables.journal import AnotherWriterError, Journal, Pool
from gateway.engine.tables.terms import (
    JournalLostError,
    Marks,
    ReplacedError,
    Term,
    is_written,
    newest_marks,
)

MARKS = Marks(seal="s", line=None)


@asynccontextmanager
async def pool_of(term: Term, dsn: str) -> AsyncIterator[Pool]:
    named = {"application_name": term.name}
    async with asyncpg.create_pool(dsn, min_size=1, init=term.admit, server_settings=named) as pool:
        yield pool


async def test_a_writer_that_was_cut_off_finds_every_way_closed_when_another_has_begun(database: str) -> None:
    old, new = Term(), Term()
    async with pool_of(old, database) as before, pool_of(new, database) as after:
        async with Journal.opened(database, before) as journal:
            await old.begin(before, after_seq=journal.position, release="1", marks=MARKS)
            with pytest.raises(AnotherWriterError):
                async with Journal.opened(database, after):
                    pass
        # Its journal is gone, and the rest of its connections live on.
        assert await before.fetchval("SELECT 1") == 1
        async with Journal.opened(database, after) as journal:
            await new.begin(after, after_seq=journal.position, release="1", marks=MARKS)
            with pytest.raises((asyncpg.InterfaceError, asyncpg.PostgresConnectionError, ConnectionError)):
                await before.fetchval("SELECT 1")
            with pytest.raises(ReplacedError):
                await before.fetchval("SELECT 1")
            assert await after.fetchval("SELECT count(*) FROM writer_term") == new.number == old.number + 1


async def test_a_standby_sees_whether_anybody_writes_and_with_which_files(database: str) -> None:
    term = Term()
    connection = await asyncpg.connect(database)
    async with pool_of(term, database) as pool:
        assert not await is_written(connection)
        assert await newest_marks(connection) is None
        async with Journal.opened(database, pool):
            assert await is_written(connection)
            await term.begin(pool, after_seq=0, release="1", marks=MARKS)
            assert await newest_marks(connection) == MARKS
        assert not await is_written(connection)
    await connection.close()


async def test_a_writer_without_its_lock_stops_itself(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(terms, "LOOK_S", 0.01)
    told: list[Exception] = []
    term = Term()
    async with pool_of(term, database) as pool:
        async with Journal.opened(database, pool) as journal:
            watch = asyncio.create_task(term.watch(pool, journal.writer_pid, told.append))
            await asyncio.wait({watch}, timeout=0.1)
            assert not watch.done()
            lost: list[bool] = []
            journal.on_lost(lambda: lost.append(True))
            journal.abandon()
            with pytest.raises(JournalLostError, match="its lock in PostgreSQL is gone"):
                await asyncio.wait_for(watch, 10)
        assert len(told) == len(lost) == 1


async def test_a_writer_that_cannot_ask_for_long_stops_itself(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(terms, "LOOK_S", 0.01)
    monkeypatch.setattr(terms, "UNKNOWN_S", 0.05)
    term = Term()
    async with pool_of(term, database) as pool:
        await pool.close()
        with pytest.raises(JournalLostError, match="cannot be asked about"):
            await term.watch(pool, 1, lambda _: None)


def test_files_are_told_apart_and_so_is_one_that_is_missing(tmp_path: Path) -> None:
    seal, line = tmp_path / "seal.key", tmp_path / "exchange.pem"
    seal.write_bytes(b"a")
    found = Marks.of(seal, line)
    assert found.line is None
    assert found == Marks.of(seal, line)
    seal.write_bytes(b"b")
    assert Marks.of(seal, line) != found
