"""The database refuses by itself what the code above it should never ask, and each of its guards is needed."""

import asyncio
from collections.abc import AsyncIterator
from typing import TypeAlias

import asyncpg
import pytest
import pytest_asyncio

from gateway.engine.tables.journal import SERVICE_ROLE, Connection
from gateway.engine.tables.settlement_postings import Wave, settlement_check, write_wave
from gateway.postgres.embedded import EmbeddedPostgres
from tests.gateway.postgres import third_wall
from tests.gateway.postgres.second_wall import (
    ATTACKS as SECOND_WALL,
)
from tests.gateway.postgres.second_wall import (
    NEW,
    NO_ATTACK_REACHES,
    Attack,
    Strike,
    build,
    charge,
    deliver,
    deposit,
    receive,
    retire,
    send,
    wave,
    with_fees,
)
from tests.postgres_fixture import fresh_database

ATTACKS = (*SECOND_WALL, *third_wall.THIRD_WALL)

GUARDS = """
SELECT conrelid::regclass::text, conname, 'CONSTRAINT' FROM pg_constraint
WHERE connamespace = 'settlement'::regnamespace AND contype <> 'n'
UNION ALL
SELECT tgrelid::regclass::text, tgname, 'TRIGGER' FROM pg_trigger JOIN pg_class ON pg_class.oid = tgrelid
WHERE relnamespace = 'settlement'::regnamespace AND NOT tgisinternal
"""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def world(postgres: EmbeddedPostgres) -> AsyncIterator[str]:
    """The DSN of the small world; every test here undoes what it does to it."""
    async with fresh_database(postgres) as dsn:
        await build(dsn)
        connection = await asyncpg.connect(dsn)
        await connection.execute(f"SET ROLE {SERVICE_ROLE}")
        await third_wall.build(connection)
        await connection.close()
        yield dsn


@pytest_asyncio.fixture
async def connection(world: str) -> AsyncIterator[Connection]:
    """In a transaction that is rolled back, as the owner."""
    connection = await asyncpg.connect(world)
    transaction = connection.transaction()
    await transaction.start()
    yield connection
    await transaction.rollback()
    await connection.close()


async def outcome(connection: Connection, attack: Attack) -> str | None:
    """What refused the attack; none when it succeeded."""
    role = "NONE" if attack.by_owner else SERVICE_ROLE
    savepoint = connection.transaction()
    await savepoint.start()
    await connection.execute(f"SET LOCAL ROLE {role}")
    try:
        await attack.strike(connection)
    except asyncpg.IntegrityConstraintViolationError as refusal:
        return refusal.constraint_name or ""
    finally:
        await savepoint.rollback()
    return None


async def drop(connection: Connection, guard: str) -> None:
    table, name = guard.split(".")
    if (await guards(connection))[guard] == "TRIGGER":
        await connection.execute(f'DROP TRIGGER "{name}" ON settlement.{table}')
    else:
        await connection.execute(f'ALTER TABLE settlement.{table} DROP CONSTRAINT "{name}" CASCADE')


async def guards(connection: Connection) -> dict[str, str]:
    """Every constraint and trigger of the schema, as `table.name`, with its kind."""
    rows = await connection.fetch(GUARDS)
    return {f"{row[0].removeprefix('settlement.')}.{row[1]}": row[2] for row in rows}


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name)
async def test_refuses(connection: Connection, attack: Attack) -> None:
    assert await outcome(connection, attack) == attack.refusal


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name)
async def test_without_its_guards_succeeds(connection: Connection, attack: Attack) -> None:
    for guard in attack.guards:
        assert await outcome(connection, attack) is not None, f"{guard} is not what refuses"
        await drop(connection, guard)
    assert await outcome(connection, attack) is None


async def test_every_guard_is_attacked(connection: Connection) -> None:
    shown = {guard for attack in ATTACKS for guard in attack.guards}
    assert shown | NO_ATTACK_REACHES.keys() == (await guards(connection)).keys()
    assert not shown & NO_ATTACK_REACHES.keys()


async def test_every_trigger_is_awake_in_a_replica_session(connection: Connection) -> None:
    asleep = await connection.fetch(
        "SELECT tgname FROM pg_trigger JOIN pg_class ON pg_class.oid = tgrelid "
        "WHERE relnamespace = 'settlement'::regnamespace AND NOT tgisinternal AND tgenabled <> 'A'"
    )
    assert asleep == []


@pytest.mark.parametrize(
    "table",
    [
        *("account", "asset", "lot", "settled", "posting", "serial_move", "balance", "holding"),
        *("compliance_year", "filing", "offset_claim", "offset_release", "used"),
    ],
)
@pytest.mark.parametrize(
    "text",
    [
        "DELETE FROM {}",
        "TRUNCATE {}",
        "ALTER TABLE {} DISABLE TRIGGER ALL",
        "DROP TABLE {}",
        "ALTER TABLE {} ADD COLUMN free boolean",
        "CREATE TRIGGER mine BEFORE INSERT ON {} FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()",
        "SET session_replication_role = replica",
    ],
)
async def test_the_service_role_has_no_right_to(connection: Connection, table: str, text: str) -> None:
    await connection.execute(f"SET LOCAL ROLE {SERVICE_ROLE}")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await connection.execute(text.format(f"settlement.{table}"))


@pytest.mark.parametrize("table", ["balance", "holding"])
async def test_the_service_role_does_not_write_what_is_derived(connection: Connection, table: str) -> None:
    await connection.execute(f"SET LOCAL ROLE {SERVICE_ROLE}")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await connection.execute(f"INSERT INTO settlement.{table} SELECT * FROM settlement.{table}")


async def test_a_table_of_the_service_roles_own_stands_in_for_nothing(connection: Connection) -> None:
    await connection.execute(f"SET LOCAL ROLE {SERVICE_ROLE}")
    await connection.execute(
        "CREATE TEMP TABLE posting (LIKE settlement.posting); SET search_path = pg_temp, public"
    )
    await connection.execute(
        "CREATE FUNCTION pg_temp.sum(bigint) RETURNS bigint LANGUAGE sql AS 'SELECT 0::bigint'"
    )
    attack = next(attack for attack in ATTACKS if attack.name == "money from nowhere")
    assert await outcome(connection, attack) == "posting_is_balanced"


Balance: TypeAlias = tuple[str, str, int]
Ranges: TypeAlias = dict[tuple[str, str], list[tuple[int, int]]]

GOOD: tuple[tuple[str, Wave, list[Balance], Ranges], ...] = (
    ("a deposit", wave(NEW, deposit("bank-9", "gamma", 10)), [("gamma", "CNY", 10)], {}),
    (
        "a transfer in beside what is held",
        wave(NEW, receive("in-9", "alpha", "CIR1", 10), [("one", 150, 160)]),
        [("alpha", "CIR1", 55)],
        {("alpha", "one"): [(105, 160)]},
    ),
    (
        "a transfer in of several ranges",
        wave(NEW, receive("in-9", "gamma", "CIR1", 3), [("one", 150, 152), ("one", 199, 200)]),
        [("gamma", "CIR1", 3)],
        {("gamma", "one"): [(150, 152), (199, 200)]},
    ),
    (
        "a transfer out from the middle",
        wave(NEW, send("out-9", "alpha", "CIR1", 10), [("one", 120, 130)]),
        [("alpha", "CIR1", 35)],
        {("alpha", "one"): [(105, 120), (130, 150)]},
    ),
    (
        "a delivery that joins the buyer's range",
        wave(NEW, deliver("9", "alpha", "beta", 5, 1), [("one", 105, 110)]),
        [("alpha", "CNY", 1_251), ("beta", "CNY", 749), ("beta", "CIR1", 10)],
        {("alpha", "one"): [(110, 150)], ("beta", "one"): [(100, 110)]},
    ),
    (
        "everything sold",
        wave(NEW, deliver("9", "alpha", "beta", 45, 750), [("one", 105, 150)]),
        [("alpha", "CIR1", 0), ("beta", "CNY", 0)],
        {("alpha", "one"): [], ("beta", "one"): [(100, 150)]},
    ),
    (
        "a retirement, beside what was retired before",
        wave(NEW, retire("trade-1", "beta", "CIR2", 7), [("two", 103, 110)]),
        [("beta", "CIR2", 0), ("retired", "CIR2", 10)],
        {("beta", "two"): [], ("retired", "two"): [(100, 110)]},
    ),
    (
        "a retirement of several ranges",
        wave(NEW, retire("trade-1", "alpha", "CIR1", 3), [("one", 120, 122), ("one", 149, 150)]),
        [("alpha", "CIR1", 42), ("retired", "CIR1", 7)],
        {("alpha", "one"): [(105, 120), (122, 149)], ("retired", "one"): [(120, 122), (149, 150)]},
    ),
    (
        "fees of both sides",
        with_fees(
            NEW,
            deliver("9", "alpha", "beta", 5, 700),
            [("one", 105, 110)],
            charge("9.buy", "beta", 50),
            charge("9.sell", "alpha", 20),
        ),
        [("alpha", "CNY", 1_930), ("beta", "CNY", 0), ("fees", "CNY", 70)],
        {("alpha", "one"): [(110, 150)]},
    ),
    (
        "a fee as high as the amount",
        with_fees(
            NEW, deliver("9", "alpha", "beta", 5, 10), [("one", 105, 110)], charge("9.sell", "alpha", 10)
        ),
        [("alpha", "CNY", 1_250), ("beta", "CNY", 740), ("fees", "CNY", 10)],
        {("beta", "one"): [(100, 110)]},
    ),
)


@pytest.mark.parametrize(("what", "good", "balances", "holdings"), GOOD, ids=[what for what, *_ in GOOD])
async def test_accepts(
    connection: Connection,
    what: str,
    good: Wave,
    balances: list[Balance],
    holdings: Ranges,
) -> None:
    await connection.execute(f"SET LOCAL ROLE {SERVICE_ROLE}")
    await write_wave(connection, good)
    for account, asset, amount in balances:
        query = "SELECT amount FROM settlement.balance WHERE account = $1 AND asset = $2"
        assert await connection.fetchval(query, account, asset) == amount
    for (account, lot), ranges in holdings.items():
        rows = await connection.fetch(
            "SELECT lower(holding.serials), upper(holding.serials) FROM settlement.holding "
            "JOIN settlement.lot USING (lot_no) WHERE account = $1 AND lot_id = $2 ORDER BY 1",
            account,
            lot,
        )
        assert [tuple(row) for row in rows] == ranges
    assert await settlement_check(connection) == ()


@pytest.mark.parametrize(("what", "strike"), third_wall.GOOD, ids=[what for what, _ in third_wall.GOOD])
async def test_lets_through(connection: Connection, what: str, strike: Strike) -> None:
    await connection.execute(f"SET LOCAL ROLE {SERVICE_ROLE}")
    await strike(connection)
    assert await settlement_check(connection) == (), what


async def waiting(watcher: Connection, pid: int) -> None:
    """Return once that session waits for a lock."""
    for _ in range(1_000):
        if await watcher.fetchval(
            "SELECT wait_event_type = 'Lock' FROM pg_stat_activity WHERE pid = $1", pid
        ):
            return
        await asyncio.sleep(0.01)
    pytest.fail("the second writer does not wait for the first")


@pytest.mark.parametrize("first_commits", [True, False])
async def test_two_writers_at_once_do_not_sell_a_serial_twice(database: str, first_commits: bool) -> None:
    await build(database)
    first, second, watcher = [await asyncpg.connect(database) for _ in range(3)]
    transaction = first.transaction()
    await transaction.start()
    await write_wave(first, wave(NEW, deliver("9", "alpha", "beta", 10, 250), [("one", 110, 120)]))
    rival = asyncio.create_task(
        write_wave(second, wave(NEW + 1, deliver("10", "alpha", "beta", 10, 250), [("one", 119, 129)]))
    )
    await waiting(watcher, second.get_server_pid())
    if first_commits:
        await transaction.commit()
        with pytest.raises(asyncpg.CheckViolationError) as refusal:
            await rival
        assert refusal.value.constraint_name == "holding_is_owned"
    else:
        await transaction.rollback()
        await rival
    assert await watcher.fetchval("SELECT count(*) FROM settlement.settled WHERE kind = 'delivery'") == 2
    assert await settlement_check(watcher) == ()
    for connection in (first, second, watcher):
        await connection.close()


async def test_writers_in_opposite_order_do_not_lock_each_other_out(database: str) -> None:
    await build(database)
    writers = [await asyncpg.connect(database) for _ in range(2)]
    for turn in range(8):
        waves = []
        for writer, order in enumerate((1, -1)):
            seq = NEW + 2 * turn + writer
            reasons = [deposit(f"{name}-{seq}", name, 10) for name in ("alpha", "beta")][::order]
            forth = Wave(reasons=[(seq, line, *reason) for line, reason in enumerate(reasons, 1)])
            for line, (_, _, code, amount, source, target, _) in enumerate(reasons):
                assert isinstance(amount, int)
                forth.postings += [
                    (seq, 2 * line + 1, source, code, -amount),
                    (seq, 2 * line + 2, target, code, amount),
                ]
            waves.append(forth)
        await asyncio.gather(
            *(write_wave(writer, forth) for writer, forth in zip(writers, waves, strict=True))
        )
    assert (
        await writers[0].fetchval(
            "SELECT amount FROM settlement.balance WHERE account = 'beta' AND asset = 'CNY'"
        )
        == 910
    )
    assert await settlement_check(writers[0]) == ()
    for connection in writers:
        await connection.close()
