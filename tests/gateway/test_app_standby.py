"""A process that stands by says beforehand what would keep it from taking over, and waits as long as somebody writes."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import asyncpg
import pytest

from gateway import standby
from gateway.config import Settings, SettingsFault
from gateway.engine.tables.journal import Journal
from gateway.engine.tables.terms import Marks, Term
from gateway.roles import Role
from gateway.standby import require_fit, until_unwritten


def files_in(directory: Path, content: str) -> Path:
    (directory / "keys").mkdir(parents=True)
    for name in ("seal.key", "keys/exchange.pem"):
        (directory / name).write_text(content)
    return directory


def settings(data_dir: Path, dsn: str) -> Settings:
    return Settings(data_dir=data_dir, role=Role.STANDBY, database_url=dsn)


@asynccontextmanager
async def written(settings: Settings) -> AsyncIterator[asyncpg.Pool]:
    """Somebody writes, with the files of that directory."""
    assert settings.database_url is not None
    async with (
        asyncpg.create_pool(settings.database_url, min_size=1, max_size=2) as pool,
        Journal.opened(settings.database_url, pool) as journal,
    ):
        marks = Marks.of(settings.seal_file, settings.line_key_file)
        await Term().begin(pool, after_seq=journal.position, release="1", marks=marks)
        yield pool


async def test_files_that_are_not_the_writers_are_told_at_once(database: str, tmp_path: Path) -> None:
    own = settings(files_in(tmp_path / "own", "one"), database)
    (own.data_dir / "registry").mkdir()
    other = settings(files_in(tmp_path / "other", "two"), database)
    bare = settings(tmp_path / "bare", database)
    await require_fit(bare)  # nobody has written yet: whoever comes makes the files
    async with written(own):
        await require_fit(own)
        with pytest.raises(SettingsFault, match=r"seal\.key is missing"):
            await require_fit(bare)
        with pytest.raises(SettingsFault, match=r"seal\.key is not the writer's"):
            await require_fit(other)
        (other.data_dir / "seal.key").write_text("one")
        with pytest.raises(SettingsFault, match=r"exchange\.pem is not the writer's"):
            await require_fit(other)
        (other.data_dir / "keys/exchange.pem").write_text("one")
        with pytest.raises(SettingsFault, match="needs --registry-url"):
            await require_fit(other)
        key = tmp_path / "registry.pem"
        await require_fit(replace(other, registry_url="https://registry.example", registry_key_file=key))


async def test_it_waits_through_a_restart_of_the_database_until_nobody_writes(
    database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(standby, "POLL_S", 0.01)
    own = settings(files_in(tmp_path / "own", "one"), database)
    (own.data_dir / "registry").mkdir()
    async with written(own) as pool:
        waiting = asyncio.create_task(until_unwritten(own))
        cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
        ended = 0
        async with asyncio.timeout(10):
            while ended < 2:
                ended += bool(await pool.fetchval(f"{cut} AND application_name = '{standby.NAME}'"))
                await asyncio.sleep(0.01)
        assert not waiting.done()
    await asyncio.wait_for(waiting, 10)


async def test_files_that_change_while_it_waits_end_it(
    database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(standby, "POLL_S", 0.01)
    monkeypatch.setattr(standby, "COMPARE_S", 0.0)
    own = settings(files_in(tmp_path / "own", "one"), database)
    (own.data_dir / "registry").mkdir()
    async with written(own):
        waiting = asyncio.create_task(until_unwritten(own))
        (own.data_dir / "seal.key").write_text("two")
        with pytest.raises(SettingsFault, match=r"seal\.key is not the writer's"):
            await asyncio.wait_for(waiting, 10)
