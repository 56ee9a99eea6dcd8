"""Standing by: waiting until nobody writes the journal any more, ready to.

    standing by ── the lock is free ──▶ taking over ── taken ──▶ serving
         ▲                                   │
         └──────── somebody was quicker ─────┘

Nothing is recovered meanwhile: it would have to be thrown away. What would keep it from taking over is told while there is
time to mend it: files that are not the writer's end the process.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import asyncpg
import structlog

from gateway.config import Settings, SettingsFault
from gateway.engine.tables.journal import Connection
from gateway.engine.tables.terms import Marks, is_written, newest_marks
from gateway.postgres.database import AWAY, shown_dsn, why_unreachable

POLL_S: Final = 0.2
"""How often it is asked whether the lock is free."""
ASK_LIMIT_S: Final = 10.0
COMPARE_S: Final = 5.0
"""How often the files are compared with the writer's."""
BACK_OFF_S: Final = (0.2, 0.5, 1.0, 2.0, 5.0)
"""Pauses after the database did not answer; the last one again and again."""

NAME: Final = "puhui standby"

log: Final = structlog.get_logger("standby")


async def require_reachable(dsn: str) -> None:
    """Raises SettingsFault when nobody can work in that database."""
    why = await why_unreachable(dsn)
    if why is not None:
        told = shown_dsn(dsn)
        raise SettingsFault(
            f"database_url {told} cannot be used: {why}",
            f"database_url {told} 不可用: {why}",
            setting="database_url",
        )


async def require_fit(settings: Settings) -> None:
    """Whether it could take over as things are now, but for the writer.

    Raises:
        SettingsFault: the database cannot be used, or files are missing, or are not the writer's.
    """
    assert settings.database_url is not None, "settings ask for one"
    await require_reachable(settings.database_url)
    async with _connected(settings.database_url) as connection:
        require_same_files(settings, await newest_marks(connection))


async def until_unwritten(settings: Settings) -> None:
    """Return when nobody writes the journal. A database that goes away meanwhile is waited for.

    Raises:
        SettingsFault: files are missing, or are not the writer's.
    """
    assert settings.database_url is not None, "settings ask for one"
    failures = 0
    while True:
        try:
            async with _connected(settings.database_url) as connection:
                failures = 0
                await _until_unwritten(connection, settings)
                return
        except AWAY as fault:
            # The database is being restarted, or another server takes its place: that is what a standby is for.
            pause_s = BACK_OFF_S[min(failures, len(BACK_OFF_S) - 1)]
            failures += 1
            log.warning("database_away", fault=type(fault).__name__, again_in_s=pause_s)
            await asyncio.sleep(pause_s)


@asynccontextmanager
async def _connected(dsn: str) -> AsyncIterator[Connection]:
    connection = await asyncpg.connect(
        dsn, timeout=ASK_LIMIT_S, command_timeout=ASK_LIMIT_S, server_settings={"application_name": NAME}
    )
    try:
        yield connection
    finally:
        connection.terminate()  # nothing is under way that anybody waits for


async def _until_unwritten(connection: Connection, settings: Settings) -> None:
    compared_s = float("-inf")
    while True:
        if time.monotonic() - compared_s > COMPARE_S:
            require_same_files(settings, await newest_marks(connection))
            compared_s = time.monotonic()
        if not await is_written(connection):
            require_same_files(settings, await newest_marks(connection))
            return
        await asyncio.sleep(POLL_S)


def require_same_files(settings: Settings, writers: Marks | None) -> None:
    """Refuse to stand by with other files than the writer's. Where nobody has written yet, there is nothing to compare.

    Raises:
        SettingsFault: which file is missing or different.
    """
    if writers is None:
        return
    own = Marks.of(settings.seal_file, settings.line_key_file)
    for path, mark, writers_mark in (
        (settings.seal_file, own.seal, writers.seal),
        (settings.line_key_file, own.line, writers.line),
    ):
        if writers_mark is not None and mark != writers_mark:
            en, zh = ("is missing", "不存在") if mark is None else ("is not the writer's", "与写者的不同")
            raise SettingsFault(
                f"{path} {en}: a standby has the same file; copy it from the data directory of the process that serves",
                f"{path} {zh}: 备用进程须持有同一文件; 请从正在服务的进程的数据目录复制",
                setting="data_dir",
            )
    if settings.registry_url is None and not settings.registry_dir.exists():
        raise SettingsFault(
            "a standby needs --registry-url: the reference registry beside the process that serves is not there in this data directory",
            "备用进程须给出 --registry-url: 本数据目录中没有正在服务的进程旁的参考登记平台",
            setting="registry_url",
        )
