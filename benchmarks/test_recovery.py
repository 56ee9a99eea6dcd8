"""Seconds of start-up recovery per 100,000 journaled commands, without a snapshot to begin from.

A journal is filled with a recorded flow by the sequencer itself; then core and views are brought to its end by
`recover`, as every start does: read, digest, decide again, compare byte by byte, check. A running exchange takes a
snapshot at every close and every 100,000 entries, so this is about the longest a start has to take.

    pytest benchmarks/test_recovery.py --benchmark-only --timeout=0 -s
"""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from importlib import resources
from typing import Final

import asyncpg
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from benchmarks.flow import OPENINGS, record
from benchmarks.founding import OPENS_NS, founding
from benchmarks.replay import command_of
from benchmarks.support import median, table
from gateway.engine.clock import ManualClock
from gateway.engine.recovery import Recovered, recover
from gateway.engine.sequencer import Sequencer
from gateway.engine.tables.journal import Journal
from gateway.postgres.database import ensure_database
from gateway.postgres.embedded import EmbeddedPostgres
from gateway.postgres.migrations import migrate
from matching.commands import Command
from matching.events import OrderAccepted
from matching.order import OrderId

COMMANDS: Final = int(os.environ.get("PUHUI_BENCH_JOURNAL", "100000"))
ROUNDS: Final = int(os.environ.get("PUHUI_BENCH_ROUNDS", "3"))
WAITING: Final = 200
"""Commands under way while the journal is filled."""


@asynccontextmanager
async def journal_of(dsn: str) -> AsyncIterator[tuple[Journal, "asyncpg.Pool[asyncpg.Record]"]]:
    """The journal in that database, taken for writing."""
    async with asyncpg.create_pool(dsn, min_size=1, max_size=2) as pool, Journal.opened(dsn, pool) as journal:
        yield journal, pool


async def fill(dsn: str, kind: str) -> int:
    """A journal as an exchange leaves it that was never closed; how many entries it has."""
    connection = await asyncpg.connect(dsn)
    await migrate(connection, resources.files("gateway.postgres") / "schema")
    await connection.close()
    async with journal_of(dsn) as (journal, pool):
        recovered = await recover(journal, pool)
        sequencer = Sequencer(recovered.exchange, journal, ManualClock(OPENS_NS))
        running = asyncio.create_task(sequencer.run())
        await asyncio.sleep(0)
        for command in founding(OPENINGS[kind]):
            await sequencer.submit(command)
        await _play(sequencer, kind)
        await sequencer.drain()
        await running
        return journal.position


async def _play(sequencer: Sequencer, kind: str) -> None:
    """The flow, many commands under way at once. A cancel waits until the number of its order is known."""
    order_ids: dict[tuple[str, str], OrderId] = {}
    under_way: dict[tuple[str, str], asyncio.Task[None]] = {}

    async def submit(command: Command, name: tuple[str, str]) -> None:
        entry = await sequencer.submit(command)
        if any(type(event) is OrderAccepted for event in entry.events):
            order_ids[name] = OrderId(entry.seq)

    for number, line in enumerate(record(kind, COMMANDS, 1)):
        cancelled = (line["account"], line["cancel"]) if "cancel" in line else None
        if len(under_way) >= WAITING or (cancelled in under_way and cancelled not in order_ids):
            await asyncio.gather(*under_way.values())
            under_way.clear()
        name = (line["account"], line["client_order_id"] if "cancel" not in line else f"cancel {number}")
        under_way[name] = asyncio.create_task(submit(command_of(line, order_ids), name))
    await asyncio.gather(*under_way.values())


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedPostgres]:
    """A PostgreSQL of the benchmark's own, on an event loop that lasts as long."""
    with asyncio.Runner() as runner:
        server = EmbeddedPostgres(tmp_path_factory.mktemp("recovery"))
        runner.run(server.start())
        try:
            yield server
        finally:
            runner.run(server.stop())


@pytest.mark.parametrize("kind", sorted(OPENINGS))
def test_recovery(benchmark: BenchmarkFixture, server: EmbeddedPostgres, kind: str) -> None:
    dsn = asyncio.run(ensure_database(server.dsn, f"recovery_{kind}"))
    entries = asyncio.run(fill(dsn, kind))
    seconds: list[float] = []

    async def start() -> Recovered:
        async with journal_of(dsn) as (journal, pool):
            began_s = time.perf_counter()
            recovered = await recover(journal, pool)
            seconds.append(time.perf_counter() - began_s)
            return recovered

    recovered: Recovered = benchmark.pedantic(  # type: ignore[no-untyped-call]
        lambda: asyncio.run(start()), rounds=ROUNDS
    )
    assert recovered.replayed == entries
    per_100_000_s = median(seconds) * 100_000 / entries
    benchmark.extra_info.update(entries=entries, seconds_per_100_000=per_100_000_s)
    row = [kind, entries, median(seconds), per_100_000_s, entries / median(seconds)]
    print(table("start-up recovery", ["flow", "entries", "seconds", "s per 100,000", "entries/s"], [row]))
