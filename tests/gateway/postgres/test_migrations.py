"""Migrations are applied once, in order, whole or not at all, and their history cannot change."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest
import pytest_asyncio

from gateway.postgres import migrations
from gateway.postgres.errors import MigrationError
from gateway.postgres.migrations import Connection, migrate


@pytest_asyncio.fixture
async def connection(database: str) -> AsyncIterator[Connection]:
    connection = await asyncpg.connect(database)
    yield connection
    await connection.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two migrations, and a file that is none."""
    write(
        tmp_path, "0001_lots.sql", "CREATE TABLE lot (code text PRIMARY KEY); INSERT INTO lot VALUES ('一');"
    )
    write(tmp_path, "0002_more.sql", "INSERT INTO lot VALUES ('二');\n")
    write(tmp_path, "README.md", "not SQL")
    return tmp_path


def write(folder: Path, name: str, text: str) -> None:
    (folder / name).write_text(text, encoding="utf-8")


async def lots(connection: Connection) -> list[str]:
    return [row["code"] for row in await connection.fetch('SELECT code FROM lot ORDER BY code COLLATE "C"')]


async def test_applies_in_order_and_only_once(connection: Connection, folder: Path) -> None:
    assert await migrate(connection, folder) == [1, 2]
    assert await migrate(connection, folder) == []
    assert await lots(connection) == ["一", "二"]
    write(folder, "0003_last.sql", "INSERT INTO lot VALUES ('三')")
    assert await migrate(connection, folder) == [3]
    history = await connection.fetch("SELECT number, name, length(sha256) AS digits FROM schema_migration")
    assert [tuple(row) for row in history] == [
        (1, "0001_lots.sql", 64),
        (2, "0002_more.sql", 64),
        (3, "0003_last.sql", 64),
    ]


async def test_a_failing_file_is_undone_whole_and_those_before_it_stay(
    connection: Connection, folder: Path
) -> None:
    write(folder, "0003_bad.sql", "INSERT INTO lot VALUES ('三'); INSERT INTO lot VALUES ('一');")
    with pytest.raises(MigrationError, match=r"0003_bad.sql failed and was undone.*duplicate key"):
        await migrate(connection, folder)
    assert await lots(connection) == ["一", "二"]
    write(folder, "0003_bad.sql", "INSERT INTO lot VALUES ('三')")
    assert await migrate(connection, folder) == [3]


async def test_a_deferred_constraint_names_the_file_that_broke_it(
    connection: Connection, folder: Path
) -> None:
    write(
        folder,
        "0003_deferred.sql",
        "CREATE TABLE use_of (lot text REFERENCES lot DEFERRABLE INITIALLY DEFERRED);"
        "INSERT INTO use_of VALUES ('none');",
    )
    with pytest.raises(MigrationError, match=r"0003_deferred.sql failed"):
        await migrate(connection, folder)
    assert await connection.fetchval("SELECT to_regclass('use_of')") is None


async def test_changed_history_is_refused(connection: Connection, folder: Path) -> None:
    await migrate(connection, folder)
    write(folder, "0001_lots.sql", "CREATE TABLE lot (code text)")
    write(folder, "0003_last.sql", "INSERT INTO lot VALUES ('三')")
    with pytest.raises(MigrationError, match=r"0001_lots.sql was applied with sha-256"):
        await migrate(connection, folder)
    assert await lots(connection) == ["一", "二"]


async def test_a_renamed_file_is_changed_history(connection: Connection, folder: Path) -> None:
    await migrate(connection, folder)
    (folder / "0002_more.sql").rename(folder / "0002_other.sql")
    with pytest.raises(MigrationError, match=r"0002_more.sql was applied .* carries 0002_other.sql"):
        await migrate(connection, folder)


async def test_line_ends_are_no_change(connection: Connection, folder: Path) -> None:
    await migrate(connection, folder)
    (folder / "0002_more.sql").write_bytes((folder / "0002_more.sql").read_bytes().replace(b"\n", b"\r\n"))
    assert await migrate(connection, folder) == []


async def test_a_database_of_a_newer_release_is_refused(connection: Connection, folder: Path) -> None:
    await migrate(connection, folder)
    (folder / "0002_more.sql").unlink()
    with pytest.raises(MigrationError, match=r"0002_more.sql, which this program does not"):
        await migrate(connection, folder)


async def test_a_hole_in_the_recorded_history_is_refused(connection: Connection, folder: Path) -> None:
    await migrate(connection, folder)
    await connection.execute("DELETE FROM schema_migration WHERE number = 1")
    with pytest.raises(MigrationError, match="lacks number 1"):
        await migrate(connection, folder)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("0004_gap.sql", "should have number 0003"),
        ("0002_twice.sql", "should have number 0003"),
        ("3_short.sql", "is not named like"),
        ("0003_Capital.sql", "is not named like"),
    ],
)
async def test_a_folder_that_is_no_sequence_is_refused(
    connection: Connection, folder: Path, name: str, message: str
) -> None:
    write(folder, name, "SELECT 1")
    with pytest.raises(MigrationError, match=message):
        await migrate(connection, folder)
    assert await connection.fetchval("SELECT to_regclass('schema_migration')") is None


@pytest.mark.parametrize("ending", ["COMMIT", "COMMIT; BEGIN", "ROLLBACK; BEGIN"])
async def test_a_file_may_not_end_its_transaction(connection: Connection, folder: Path, ending: str) -> None:
    write(folder, "0003_escapes.sql", f"SELECT 1; {ending}")
    with pytest.raises(MigrationError, match=r"0003_escapes.sql ends its transaction"):
        await migrate(connection, folder)
    assert not connection.is_in_transaction()
    assert await connection.fetchval("SELECT max(number) FROM schema_migration") == 2


async def test_processes_that_start_together_apply_once(database: str, folder: Path) -> None:
    connections = [await asyncpg.connect(database) for _ in range(4)]
    try:
        applied = await asyncio.gather(*(migrate(connection, folder) for connection in connections))
        assert sorted(applied) == [[], [], [], [1, 2]]
    finally:
        for connection in connections:
            await connection.close()


async def test_the_wait_for_another_process_is_bounded(
    connection: Connection, database: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(migrations, "LOCK_TIMEOUT_S", 0.05)
    other = await asyncpg.connect(database)
    try:
        await other.execute("SELECT pg_advisory_lock($1)", migrations.LOCK_KEY)
        with pytest.raises(MigrationError, match="another process has been migrating"):
            await migrate(connection, folder)
    finally:
        await other.close()
    assert await migrate(connection, folder) == [1, 2]
