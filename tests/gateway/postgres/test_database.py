"""Databases are made once, and named in any DSN asyncpg takes."""

import asyncio

import asyncpg
import pytest

from gateway.postgres.database import ensure_database, with_database
from gateway.postgres.embedded import EmbeddedPostgres


async def test_creates_when_absent_and_keeps_what_is_there(postgres: EmbeddedPostgres) -> None:
    dsn = await ensure_database(postgres.dsn, "test_ensure")
    try:
        connection = await asyncpg.connect(dsn)
        await connection.execute("CREATE TABLE kept ()")
        await connection.close()

        assert await ensure_database(postgres.dsn, "test_ensure") == dsn
        connection = await asyncpg.connect(dsn)
        assert await connection.fetchval("SELECT current_database()") == "test_ensure"
        assert await connection.fetchval("SELECT to_regclass('kept')") is not None
        await connection.close()
    finally:
        await drop(postgres.dsn, "test_ensure")


async def test_two_that_create_at_once_both_succeed(postgres: EmbeddedPostgres) -> None:
    try:
        dsns = await asyncio.gather(*(ensure_database(postgres.dsn, "test_race") for _ in range(4)))
        assert len(set(dsns)) == 1
    finally:
        await drop(postgres.dsn, "test_race")


@pytest.mark.parametrize("name", ["", "a-b", 'a"; DROP DATABASE x; --', "A", "1a", "a" * 64])
async def test_only_plain_names(postgres: EmbeddedPostgres, name: str) -> None:
    with pytest.raises(AssertionError, match="plain database name"):
        await ensure_database(postgres.dsn, name)


@pytest.mark.parametrize(
    ("dsn", "expected"),
    [
        ("postgresql://u@/postgres?host=/run/x%20y", "postgresql://u@/two?host=/run/x%20y"),
        ("postgresql:///postgres?host=/run/x", "postgresql:///two?host=/run/x"),
        ("postgres://u:p%40w@db:5432/one", "postgres://u:p%40w@db:5432/two"),
        ("postgres://db?dbname=one&sslmode=require", "postgres://db/two?sslmode=require"),
        ("postgres://a:1,b:2/one", "postgres://a:1,b:2/two"),
    ],
)
def test_with_database(dsn: str, expected: str) -> None:
    assert with_database(dsn, "two") == expected


async def drop(dsn: str, name: str) -> None:
    connection = await asyncpg.connect(dsn)
    await connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
    await connection.close()
