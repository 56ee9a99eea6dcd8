"""The exchange itself as it runs: what it needs of its database it gets, whoever else wants some."""

import asyncio
import time
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from gateway.access.accepted import accepting
from gateway.config import Settings
from gateway.lifetime import Lifetime
from gateway.running_engine import POOL_SIZE, RESERVED_SIZE, running_engine
from matching.commands import AdvanceTime


async def test_readers_that_never_end_keep_no_order_waiting(
    database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.engine.tables.terms.LOOK_S", 0.25)
    monkeypatch.setattr("gateway.engine.tables.terms.UNKNOWN_S", 0.5)
    now_ms = time.time_ns() // 1_000_000
    settings = Settings(data_dir=tmp_path, database_url=database)
    async with running_engine(settings, Lifetime(), print) as engine, AsyncExitStack() as readers:
        assert engine.reserved.get_size() == RESERVED_SIZE
        for _ in range(POOL_SIZE):
            await readers.enter_async_context(engine.pool.acquire())
        async with asyncio.timeout(5), accepting(engine.reserved, lambda: now_ms) as accepted:
            await accepted.cover(now_ms)
            await asyncio.sleep(1.2)  # in which it has been looked for its lock again and again
            await engine.sequencer.submit(AdvanceTime())
        assert engine.sequencer.is_open
