"""The embedded server starts, stops and keeps what it acknowledged, whoever is killed."""

import asyncio
import os
import signal
import stat
from pathlib import Path

import asyncpg
import pytest

from gateway.postgres import embedded
from gateway.postgres.cluster import try_lock
from gateway.postgres.embedded import EmbeddedPostgres
from gateway.postgres.errors import AlreadyRunningError
from tests.gateway.postgres.processes import is_alive, owner, until


async def query(server: EmbeddedPostgres, sql: str) -> list[asyncpg.Record]:
    connection = await asyncpg.connect(server.dsn)
    try:
        return await connection.fetch(sql)
    finally:
        await connection.close()


async def append_until_lost(server: EmbeddedPostgres, acknowledged: list[int]) -> None:
    """Insert one row per commit, noting each acknowledged one, until the server goes away."""
    connection = await asyncpg.connect(server.dsn)
    number = max(acknowledged, default=0)
    try:
        while True:
            number += 1
            await connection.execute("INSERT INTO entry VALUES ($1)", number)
            acknowledged.append(number)
    except (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError):
        # The driver has many words for a server that died; the last one is for a death between two statements.
        connection.terminate()


async def test_starts_durable_private_and_stops(tmp_path: Path) -> None:
    server = EmbeddedPostgres(tmp_path / "db")
    await server.start()
    pid = server.pid
    settings = await query(
        server,
        "SELECT name, setting FROM pg_settings WHERE name IN ('fsync', 'full_page_writes', 'synchronous_commit',"
        " 'data_checksums', 'listen_addresses', 'unix_socket_permissions', 'server_encoding', 'TimeZone')",
    )
    assert {row["name"]: row["setting"] for row in settings} == {
        "fsync": "on",
        "full_page_writes": "on",
        "synchronous_commit": "on",
        "data_checksums": "on",
        "listen_addresses": "",
        "unix_socket_permissions": "0700",
        "server_encoding": "UTF8",
        "TimeZone": "UTC",
    }
    assert os.getsid(pid) == pid
    for private in (tmp_path / "db", tmp_path / "db/server/data", tmp_path / "db/server/socket"):
        assert stat.S_IMODE(private.stat().st_mode) == 0o700
    await server.stop()
    assert not is_alive(pid)
    assert not (tmp_path / "db/server/socket").exists()
    assert "database system is shut down" in server.log_path.read_text()


async def test_a_stopped_server_starts_again_with_its_data(tmp_path: Path) -> None:
    server = EmbeddedPostgres(tmp_path)
    async with server:
        await query(server, "CREATE TABLE entry AS SELECT 1 AS number")
    async with server:
        assert [tuple(row) for row in await query(server, "SELECT number FROM entry")] == [(1,)]
    await server.stop()


async def test_a_server_that_recovers_is_stopped_without_waiting_for_it(tmp_path: Path) -> None:
    async with EmbeddedPostgres(tmp_path / "db") as server:
        await query(server, "CREATE TABLE entry (number bigint)")
        connection = await asyncpg.connect(server.dsn)
        await connection.execute("INSERT INTO entry VALUES (1)")
        pid = await connection.fetchval("SELECT pg_backend_pid()")
        os.kill(pid, signal.SIGKILL)
        await until(connection.is_closed, "the connection is lost")
        async with asyncio.timeout(embedded.FAST_STOP_LIMIT_S / 2):
            await server.stop()
        await server.start()
        assert [row["number"] for row in await query(server, "SELECT number FROM entry")] == [1]


async def test_no_acknowledged_row_is_lost_when_postgres_is_killed(tmp_path: Path) -> None:
    acknowledged: list[int] = []
    server = EmbeddedPostgres(tmp_path)
    await server.start()
    await query(server, "CREATE TABLE entry (number bigint PRIMARY KEY)")
    for _ in range(3):
        enough = len(acknowledged) + 100
        writer = asyncio.create_task(append_until_lost(server, acknowledged))
        while len(acknowledged) < enough:
            assert not writer.done(), writer.result()
            await asyncio.sleep(0.001)
        os.kill(server.pid, signal.SIGKILL)
        assert await asyncio.wait_for(server.wait_lost(), 10) == -signal.SIGKILL
        await asyncio.wait_for(writer, 10)
        await server.stop()

        server = EmbeddedPostgres(tmp_path)
        await server.start()
        stored = {row["number"] for row in await query(server, "SELECT number FROM entry")}
        assert set(acknowledged) <= stored
        # The one in flight may have been committed without our hearing of it.
        assert len(stored) <= len(acknowledged) + 1
        acknowledged[:] = sorted(stored)
    await server.stop()


async def test_postgres_ends_by_itself_when_its_owner_is_killed(tmp_path: Path) -> None:
    with owner(tmp_path) as process:
        pid = process.read()["pid"]
        process.execute("CREATE TABLE entry AS SELECT 1 AS number")
        process.kill()
        await until(lambda: not is_alive(pid), "PostgreSQL ended")
    assert "database system is shut down" in (tmp_path / "server.log").read_text()


async def test_a_start_right_after_the_owner_was_killed_works(tmp_path: Path) -> None:
    for round_number in range(1, 4):
        with owner(tmp_path) as process:
            process.read()
            process.execute("CREATE TABLE IF NOT EXISTS entry (number int)")
            process.execute("INSERT INTO entry VALUES (1)")
            process.kill()
            async with EmbeddedPostgres(tmp_path) as server:
                assert len(await query(server, "SELECT number FROM entry")) == round_number


async def test_a_start_right_after_the_owner_was_killed_in_its_first_start_works(tmp_path: Path) -> None:
    with owner(tmp_path) as process:
        draft, cluster = tmp_path / "server" / "data.new", tmp_path / "server" / "data"
        await until(lambda: (draft / "PG_VERSION").exists() or cluster.exists(), "initdb had begun")
        process.kill()
        async with EmbeddedPostgres(tmp_path) as server:
            assert len(await query(server, "SELECT 1")) == 1
        assert not draft.exists()


async def test_ctrl_c_reaches_the_owner_alone(tmp_path: Path) -> None:
    with owner(tmp_path) as process:
        pid = process.read()["pid"]
        os.killpg(process.process.pid, signal.SIGINT)
        assert process.execute("SELECT 1") == [[1]]
        assert is_alive(pid)
        assert process.finish() == 0
        assert not is_alive(pid)


async def test_works_under_uvloop(tmp_path: Path) -> None:
    with owner(tmp_path, "--uvloop") as process:
        pid = process.read()["pid"]
        assert process.execute("SELECT 1") == [[1]]
        assert process.finish() == 0
        assert not is_alive(pid)


async def test_a_second_owner_is_refused_and_told_who_the_first_is(tmp_path: Path) -> None:
    async with EmbeddedPostgres(tmp_path) as server:
        with pytest.raises(
            AlreadyRunningError, match=rf"pid {os.getpid()}\) runs the database in {tmp_path}"
        ):
            await EmbeddedPostgres(tmp_path).start()
        with owner(tmp_path) as process:
            assert process.read()["kind"] == "AlreadyRunningError"
            assert process.finish() == 0
        assert len(await query(server, "SELECT 1")) == 1


async def test_a_cancelled_start_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def never(dsn: str) -> bool:
        started.set()
        await asyncio.Event().wait()
        return False

    started = asyncio.Event()
    server = EmbeddedPostgres(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(embedded, "_accepts_connections", never)
        start = asyncio.create_task(server.start())
        await asyncio.wait_for(started.wait(), 20)
        pid = server.pid
        start.cancel()
        with pytest.raises(asyncio.CancelledError):
            await start
    assert not is_alive(pid)
    async with EmbeddedPostgres(tmp_path):
        pass


async def test_children_of_a_killed_server_do_not_outlive_the_stop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedded, "QUIT_LIMIT_S", 0.2)
    server = EmbeddedPostgres(tmp_path)
    await server.start()
    connection = await asyncpg.connect(server.dsn)
    backend = connection.get_server_pid()
    # Busy in a way that never looks up: such a backend does not notice that its postmaster died.
    busy = asyncio.create_task(connection.execute("SELECT count(*) FROM generate_series(1, 1000000000000)"))
    await until(lambda: b"SELECT" in Path(f"/proc/{backend}/cmdline").read_bytes(), "the query ran")
    os.kill(server.pid, signal.SIGKILL)
    await server.wait_lost()
    assert is_alive(backend)
    await server.stop()
    assert not is_alive(backend)
    with pytest.raises((asyncpg.PostgresConnectionError, OSError)):
        await busy
    async with EmbeddedPostgres(tmp_path):
        pass


async def test_progress_is_shown_while_a_start_takes_long(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def listen(message: str) -> None:
        said.append(message)
        if "previous PostgreSQL to shut down" in message:
            os.close(previous_server)

    monkeypatch.setattr(embedded, "PROGRESS_INTERVAL_S", 0)
    said: list[str] = []
    previous_server = os.open(tmp_path / "server.lock", os.O_RDWR | os.O_CREAT)
    assert try_lock(previous_server)
    async with EmbeddedPostgres(tmp_path, progress=listen):
        pass
    assert "Waiting for the previous PostgreSQL to shut down" in said[0]
    assert "Making a PostgreSQL" in said[1]
    assert "Waiting for PostgreSQL to be ready" in said[2]


async def test_a_stopped_server_is_not_lost(tmp_path: Path) -> None:
    server = EmbeddedPostgres(tmp_path)
    await server.start()
    lost = asyncio.create_task(server.wait_lost())
    await asyncio.sleep(0)
    await server.stop()
    done, _ = await asyncio.wait({lost}, timeout=0.05)
    assert not done
    lost.cancel()
