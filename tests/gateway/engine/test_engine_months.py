"""The journal's months: made ahead, never in an order's way, and as unalterable as the journal itself."""

import shutil
from collections.abc import AsyncIterator
from importlib import resources
from pathlib import Path

import asyncpg
import pytest
import pytest_asyncio

from gateway.engine.clock import ManualClock
from gateway.engine.tables.journal import SERVICE_ROLE, Connection
from gateway.engine.tables.rows import GENESIS, Rows, chain
from gateway.engine.tables.verification import JournalBrokenError
from gateway.postgres.migrations import migrate
from matching.calendar import midnight_ns
from matching.events import OrderAccepted
from matching.order import Side
from settlement.values import TradingDay
from tests.gateway.engine.world import START_NS, engine, migrated, order

SCHEMA = resources.files("gateway.postgres") / "schema"
BEFORE_MONTHS = 15
"""Migrations there were when the journal was one table."""

WHERE_ENTRIES_ARE = "SELECT tableoid::regclass::text, count(*) FROM journal GROUP BY 1"
REST = "journal_rest"


@pytest_asyncio.fixture
async def connection(database: str) -> AsyncIterator[Connection]:
    """To a migrated database, as its owner."""
    await migrated(database)
    connection = await asyncpg.connect(database)
    yield connection
    await connection.close()


def at(day: str) -> int:
    return midnight_ns(TradingDay(day))


def chained(times_ns: list[int], seq: int = 0, digest: bytes = GENESIS) -> Rows:
    """Entries at those times, after the one with that number and digest."""
    rows: Rows = []
    for at_ns in times_ns:
        seq += 1
        digest = chain(digest, seq, at_ns, b"[]", b"[]")
        rows.append((seq, at_ns, "[]", "[]", digest))
    return rows


async def append(connection: Connection, rows: Rows) -> None:
    await connection.execute("INSERT INTO journal SELECT * FROM unnest($1::journal[])", rows)


async def places(connection: "Connection | asyncpg.Pool[asyncpg.Record]") -> dict[str, int]:
    """How many entries each partition has."""
    return {row[0]: row[1] for row in await connection.fetch(WHERE_ENTRIES_ARE)}


async def partitions(connection: "Connection | asyncpg.Pool[asyncpg.Record]") -> set[str]:
    rows = await connection.fetch(
        "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'journal'::regclass"
    )
    return {row[0] for row in rows}


async def test_months_are_made_ahead_and_end_in_shanghai(database: str) -> None:
    clock = ManualClock(at("2026-12-01") - 1)
    async with engine(database, clock=clock) as running:
        await running.set_up()
        before = running.journal.position
        assert await places(running.pool) == {"journal_2026_11": before}
        assert await partitions(running.pool) == {
            *("journal_2026_11", "journal_2026_12", "journal_2027_01"),
            REST,
        }
        clock.move_to(at("2026-12-01"))
        await running.do(order("buyer", Side.BUY, 6_800, 1))
        assert await places(running.pool) == {"journal_2026_11": before, "journal_2026_12": 1}
        clock.move_to(at("2026-12-02"))
        await running.do(order("buyer", Side.BUY, 6_800, 1))
        assert "journal_2027_02" in await partitions(running.pool)


async def test_a_clock_that_jumps_years_finds_its_month(database: str) -> None:
    clock = ManualClock(START_NS)
    async with engine(database, clock=clock) as running:
        await running.set_up()
        clock.move_to(at("2041-03-31"))
        (entry,) = await running.do(order("buyer", Side.BUY, 6_800, 1))
        assert any(isinstance(event, OrderAccepted) for event in entry.events)
        assert (await places(running.pool))["journal_2041_03"] == 1
        assert {"journal_2041_04", "journal_2041_05"} < await partitions(running.pool)
        assert (await running.journal.verify()).entries == running.journal.position


async def test_a_month_that_cannot_be_made_blocks_no_order(database: str) -> None:
    clock = ManualClock(START_NS)
    async with engine(database, clock=clock) as running:
        await running.set_up()
        async with running.pool.acquire() as reader, reader.transaction():
            await reader.execute("LOCK TABLE journal_rest IN ACCESS SHARE MODE")  # as a dump does
            clock.move_to(at("2031-05-31"))
            (entry,) = await running.do(order("buyer", Side.BUY, 6_800, 1))
            assert any(isinstance(event, OrderAccepted) for event in entry.events)
        assert (await places(running.pool))[REST] == 1
        clock.move_to(at("2031-06-01") - 1)
        await running.do(order("buyer", Side.BUY, 6_801, 1))
        assert (await places(running.pool))[REST] == 2, "a month stays where it began"
        clock.move_to(at("2031-06-01"))
        (entry,) = await running.do(order("buyer", Side.BUY, 6_802, 1))
        assert (await places(running.pool))["journal_2031_06"] == 1
        assert [one.seq for one in await running.journal.read(entry.seq - 3, 9)] == [
            entry.seq - 2,
            entry.seq - 1,
            entry.seq,
        ]
        assert (await running.journal.verify()).entries == entry.seq
    async with engine(database, clock=clock) as running:
        assert running.journal.position == entry.seq
        assert len(running.views.all_open_orders()) == 3


FORBIDDEN = (
    *("UPDATE {} SET at_ns = at_ns", "DELETE FROM {}", "TRUNCATE {}", "DROP TABLE {}"),
    "ALTER TABLE {} DISABLE TRIGGER ALL",
)


@pytest.mark.parametrize("table", ["journal", "journal_2026_11", REST, "journal_head"])
async def test_nobody_alters_a_partition(connection: Connection, table: str) -> None:
    await connection.execute("SELECT make_journal_months($1, 0)", START_NS)
    await append(connection, chained([START_NS, at("1999-01-01") + START_NS]))
    await connection.execute(f"SET ROLE {SERVICE_ROLE}")
    for act in FORBIDDEN:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute(act.format(table))
    await connection.execute("RESET ROLE")
    for owner in ("origin", "replica"):
        await connection.execute(f"SET session_replication_role = {owner}")
        for act in FORBIDDEN[:3]:
            with pytest.raises(asyncpg.RestrictViolationError):
                await connection.execute(act.format(table))
    assert await places(connection) == {"journal_2026_11": 1, REST: 1}


async def test_the_service_role_makes_takes_off_and_fills_no_partition(connection: Connection) -> None:
    await connection.execute("SELECT make_journal_months($1, 0)", START_NS)
    (row,) = chained([START_NS])
    await connection.execute(f"SET ROLE {SERVICE_ROLE}")
    for act in (
        "ALTER TABLE journal DETACH PARTITION journal_2026_11",
        "ALTER TABLE journal DETACH PARTITION journal_2026_11 CONCURRENTLY",
        "CREATE TABLE journal_1970_01 PARTITION OF journal FOR VALUES FROM (0) TO (1)",
        "SELECT make_journal_month('2027-01-01')",
        "SELECT make_journal_months(0, 1)",
        "INSERT INTO journal_head VALUES (true, 9, 9, '')",
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute(act)
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await connection.execute("INSERT INTO journal_2026_11 VALUES ($1, $2, $3, $4, $5)", *row)
    await append(connection, [row])
    assert await places(connection) == {"journal_2026_11": 1}


@pytest.mark.parametrize("table", ["journal", "journal_2026_11"])
async def test_the_database_keeps_the_chain(connection: Connection, table: str) -> None:
    await connection.execute("SELECT make_journal_months($1, 0)", START_NS)
    rows = chained([START_NS, START_NS, START_NS + 1])
    insert = f"INSERT INTO {table} VALUES ($1, $2, $3, $4, $5)"
    await connection.execute(insert, *rows[0])
    seq, at_ns, command, events, digest = rows[1]
    (foreign,) = chained([at_ns], seq - 1, bytes([1] * 32))
    (early,) = chained([at_ns - 1], seq - 1, rows[0][4])
    for wrong in (
        (seq, at_ns, "[1]", events, digest),
        (seq, at_ns, command, "[1]", digest),
        (seq, at_ns + 1, command, events, digest),
        (*rows[1][:4], bytes(32)),
        foreign,
        early,
        rows[2],
    ):
        with pytest.raises(asyncpg.CheckViolationError, match="journal row") as refused:
            await connection.execute(insert, *wrong)
        assert refused.value.constraint_name in ("journal_is_gapless", "journal_is_chained")
    with pytest.raises(asyncpg.UniqueViolationError):
        await connection.execute(insert, *rows[0])
    for row in rows[1:]:
        await connection.execute(insert, *row)
    head = await connection.fetchrow("SELECT seq, at_ns, digest FROM journal_head")
    assert tuple(head or ()) == (3, START_NS + 1, rows[2][4])


async def test_the_same_number_in_another_month_is_refused(connection: Connection) -> None:
    await connection.execute("SELECT make_journal_months($1, 1)", START_NS)
    await append(connection, chained([START_NS]))
    (again,) = chained([at("2026-12-05")])
    with pytest.raises(asyncpg.CheckViolationError, match="does not come after"):
        await append(connection, [again])


async def test_the_head_follows_the_journal_only(connection: Connection) -> None:
    for act in (
        "UPDATE journal_head SET seq = seq + 1",
        "UPDATE journal_head SET seq = seq",
        "DELETE FROM journal_head",
        "TRUNCATE journal_head",
    ):
        with pytest.raises(asyncpg.RestrictViolationError):
            await connection.execute(act)


async def test_a_filled_journal_of_one_table_moves_into_its_months(
    empty_database: str, tmp_path: Path
) -> None:
    for entry in SCHEMA.iterdir():
        if entry.name.endswith(".sql") and int(entry.name[:4]) <= BEFORE_MONTHS:
            shutil.copyfile(str(entry), tmp_path / entry.name)
    connection = await asyncpg.connect(empty_database)
    await migrate(connection, tmp_path)
    days = ["2026-10-31", "2026-11-01", "2026-11-01", "2026-11-30", "2027-02-01", "2041-12-31"]
    rows = chained([at(day) for day in days])
    await append(connection, rows)
    await connection.execute(
        "INSERT INTO settlement.account (seq, account, registry_account) VALUES (2, 'alpha', 'R-alpha')"
    )
    await migrate(connection, SCHEMA)
    await connection.reload_schema_state()
    assert await places(connection) == {
        "journal_2026_10": 1,
        "journal_2026_11": 3,
        "journal_2027_02": 1,
        "journal_2041_12": 1,
    }
    stored = await connection.fetch("SELECT seq, at_ns, command, events, digest FROM journal ORDER BY seq")
    assert [tuple(row) for row in stored] == rows
    await append(connection, chained([at("2042-01-01")], 6, rows[-1][4]))
    with pytest.raises(asyncpg.ForeignKeyViolationError):
        await connection.execute(
            "INSERT INTO settlement.account (seq, account, registry_account) VALUES (8, 'beta', 'R-beta')"
        )
    with pytest.raises(asyncpg.RestrictViolationError):
        await connection.execute("DELETE FROM journal_2026_10")
    await connection.close()


async def test_a_taken_off_month_is_missed(database: str) -> None:
    clock = ManualClock(START_NS)
    async with engine(database, clock=clock) as running:
        await running.set_up()
        clock.move_to(at("2026-12-01"))
        await running.do(order("buyer", Side.BUY, 6_800, 1))
        await running.pool.execute("ALTER TABLE journal DETACH PARTITION journal_2026_11")
        with pytest.raises(JournalBrokenError, match="entry 1: the row is missing"):
            await running.journal.verify()
