"""How many durable orders a second are possible behind the gateway: the core, the journal, and PostgreSQL alone.

The same batches of orders go through in turns: the core decides them, the journal appends them as a running exchange
does, and a bare connection to a second database of the same schema sends the very statement with the very rows, made
before the clock started. That last figure is the limit of the machine: a gateway cannot acknowledge durable orders
faster than PostgreSQL takes their rows, whatever its own doors cost.

    pytest benchmarks/test_append.py --benchmark-only --timeout=0 -s
"""

import asyncio
import os
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from importlib import resources
from pathlib import Path
from random import Random
from typing import Final

import asyncpg
from pytest_benchmark.fixture import BenchmarkFixture

from benchmarks.flow import OPENINGS
from benchmarks.founding import CLASS_ONE, OPENS_NS, REFERENCE_FEN, founding
from benchmarks.support import median, table
from gateway.engine.entry import Entry
from gateway.engine.tables.journal import Connection, Journal
from gateway.engine.tables.rows import GENESIS, INSERT_BATCH, Batch
from gateway.engine.views.negotiations import Negotiations
from gateway.engine.views.orders import OpenOrders
from gateway.postgres.database import ensure_database
from gateway.postgres.embedded import EmbeddedPostgres
from gateway.postgres.migrations import migrate
from matching.commands import Command, SubmitOrder
from matching.exchange import Exchange
from matching.order import Side, TimeInForce
from matching.state import Stamp
from settlement.values import AccountId, ParticipantId

BATCHES: Final = int(os.environ.get("PUHUI_BENCH_BATCHES", "200"))
SIZES: Final = (16, 64, 256)
BUYERS: Final = ("buyer", "buyer2", "entity")
AROUND_FEN: Final = 10
"""Prices differ by less, so that about half of the orders trade at once."""


class Line:
    """An exchange with its journal, and the bare database that is given the same rows."""

    def __init__(self, journal: Journal, bare: Connection) -> None:
        """An empty exchange, an empty journal and an empty database."""
        self._exchange = Exchange()
        self._journal = journal
        self._bare = bare
        self._digest = GENESIS
        self._orders, self._negotiations = OpenOrders(), Negotiations()
        self._event_ids: defaultdict[str, int] = defaultdict(int)

    async def batch(self, commands: Sequence[Command]) -> tuple[float, float, float]:
        """Seconds that the core, the journal and the bare database took for these commands."""
        began_s = time.perf_counter()
        entries = []
        for seq, command in enumerate(commands, self._journal.position + 1):
            stamp = Stamp(seq=seq, at_ns=OPENS_NS + seq)
            entries.append(Entry(seq, stamp.at_ns, command, self._exchange.apply(command, stamp)))
        decided_s = time.perf_counter()
        await self._journal.append(entries)
        appended_s = time.perf_counter()
        arguments = self._arguments(entries)
        sent_s = time.perf_counter()
        await self._bare.execute(INSERT_BATCH, *arguments)
        return decided_s - began_s, appended_s - decided_s, time.perf_counter() - sent_s

    def _arguments(self, entries: Sequence[Entry]) -> Sequence[object]:
        batch = Batch(self._digest)
        for entry in entries:
            batch.add(entry, self._orders, self._negotiations)
        self._digest = batch.digest
        return batch.arguments(batch.number(self._event_ids))


def orders() -> list[SubmitOrder]:
    """As the gateway's benchmark sends them: of one tonne, from sellers and buyers around the same price."""
    chance = Random(1)
    made = []
    for number in range(sum(SIZES) * BATCHES):
        side = Side.SELL if number % 2 else Side.BUY
        account = "seller" if side is Side.SELL else BUYERS[number // 2 % len(BUYERS)]
        made.append(
            SubmitOrder(
                participant=ParticipantId(account),
                account=AccountId(account),
                client_id=f"bench-{number}",
                listing=CLASS_ONE,
                side=side,
                price_fen=REFERENCE_FEN + chance.randrange(AROUND_FEN),
                quantity_tonnes=1,
                time_in_force=TimeInForce.DAY,
            )
        )
    return made


@asynccontextmanager
async def line_in(directory: Path) -> AsyncIterator[Line]:
    """Both databases on one server of its own."""
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(EmbeddedPostgres(directory))
        dsn, bare_dsn = [await ensure_database(server.dsn, name) for name in ("journal", "bare")]
        for database in (dsn, bare_dsn):
            connection = await asyncpg.connect(database)
            await migrate(connection, resources.files("gateway.postgres") / "schema")
            await connection.execute("SELECT make_journal_months($1, 2)", OPENS_NS)
            await connection.close()
        pool = await stack.enter_async_context(asyncpg.create_pool(dsn, min_size=1, max_size=1))
        journal = await stack.enter_async_context(Journal.opened(dsn, pool))
        bare = await asyncpg.connect(bare_dsn)
        stack.push_async_callback(bare.close)
        line = Line(journal, bare)
        await line.batch(list(founding(OPENINGS["thin"])))
        yield line


async def measure(directory: Path) -> list[tuple[int, float, float, float]]:
    """Per size of a batch: orders a second that the core decides, the journal appends, and PostgreSQL alone takes."""
    waiting = iter(orders())
    found = []
    async with line_in(directory) as line:
        for size in SIZES:
            taken = [await line.batch([next(waiting) for _ in range(size)]) for _ in range(BATCHES)]
            core_s, journal_s, bare_s = (median(list(times)) for times in zip(*taken, strict=True))
            found.append((size, size / core_s, size / journal_s, size / bare_s))
    return found


def test_durable_orders_behind_the_gateway(benchmark: BenchmarkFixture, tmp_path: Path) -> None:
    """Print the table; what the journal adds to PostgreSQL must not be a multiple of it."""
    rows = benchmark.pedantic(  # type: ignore[no-untyped-call]
        lambda: asyncio.run(measure(tmp_path / "postgres")), rounds=1
    )
    heads = ("orders a batch", "core/s", "journal/s", "PostgreSQL alone/s", "ratio")
    print(table("durable orders behind the gateway", heads, [(*row, row[2] / row[3]) for row in rows]))
    benchmark.extra_info.update({f"of_{size}": journal / bare for size, _, journal, bare in rows})
    assert all(journal > bare / 10 for _, _, journal, bare in rows)
