"""Appending to the journal in months with its chain kept by the database, against a plain table with the same rows.

Batches go to both in turns, over connections of the same kind, one statement and one commit each; the figure is the
median of a batch's milliseconds. What partitions, head and digests cost is the difference.

    pytest benchmarks/test_journal_months.py --benchmark-only --timeout=0 -s
"""

import asyncio
import os
import time
from importlib import resources
from pathlib import Path
from typing import Final

import asyncpg
from pytest_benchmark.fixture import BenchmarkFixture

from benchmarks.founding import OPENS_NS
from benchmarks.support import median, table
from gateway.engine.tables.journal import Connection
from gateway.engine.tables.rows import GENESIS, Rows, chain
from gateway.postgres.database import ensure_database
from gateway.postgres.embedded import EmbeddedPostgres
from gateway.postgres.migrations import migrate

BATCHES: Final = int(os.environ.get("PUHUI_BENCH_BATCHES", "200"))
SIZES: Final = (1, 8, 64, 256)
TEXT: Final = b"x" * 430
"""As long as an order's command, or its events, are on average."""

_PLAIN: Final = (
    "CREATE TABLE plain (seq bigint PRIMARY KEY, at_ns bigint, command text, events text, digest bytea)"
)


class Writer:
    """Both tables, and what has been appended to them."""

    def __init__(self, connection: Connection) -> None:
        """Nothing has."""
        self._connection = connection
        self._seq = 0
        self._digest = GENESIS

    async def batch(self, size: int) -> tuple[float, float]:
        """Append as many rows to the plain table and to the journal; milliseconds of each."""
        rows: Rows = []
        for _ in range(size):
            self._seq += 1
            self._digest = chain(self._digest, self._seq, OPENS_NS, TEXT, TEXT)
            rows.append((self._seq, OPENS_NS, TEXT.decode(), TEXT.decode(), self._digest))
        return await self._insert("plain", rows), await self._insert("journal", rows)

    async def _insert(self, name: str, rows: Rows) -> float:
        began_s = time.perf_counter()
        await self._connection.execute(
            f"INSERT INTO {name} SELECT * FROM unnest($1::{name}[])",  # noqa: S608 - one of two
            rows,
        )
        return (time.perf_counter() - began_s) * 1_000


async def measure(directory: Path) -> list[tuple[int, float, float]]:
    """Per size of a batch: milliseconds of the plain table, and of the journal."""
    async with EmbeddedPostgres(directory) as server:
        connection = await asyncpg.connect(await ensure_database(server.dsn, "months"))
        await migrate(connection, resources.files("gateway.postgres") / "schema")
        await connection.execute(_PLAIN)
        await connection.execute("SELECT make_journal_months($1, 2)", OPENS_NS)
        await connection.reload_schema_state()
        writer = Writer(connection)
        found = []
        for size in SIZES:
            times_ms = [await writer.batch(size) for _ in range(BATCHES)]
            found.append(
                (size, median([plain for plain, _ in times_ms]), median([months for _, months in times_ms]))
            )
        await connection.close()
    return found


def test_appending_to_a_month(benchmark: BenchmarkFixture, tmp_path: Path) -> None:
    """Print the table; the journal must not be another order of magnitude."""
    rows = benchmark.pedantic(  # type: ignore[no-untyped-call]
        lambda: asyncio.run(measure(tmp_path / "postgres")), rounds=1
    )
    heads = ("rows a batch", "plain ms", "journal ms", "ratio")
    print(table("journal in months", heads, [(*row, row[2] / row[1]) for row in rows]))
    assert all(journal_ms < 10 * plain_ms for _, plain_ms, journal_ms in rows)
