"""The registry's database refuses by itself what the code above it should never ask; each of its guards is needed."""

import uuid
from collections.abc import AsyncIterator
from typing import TypeAlias

import asyncpg
import pytest
import pytest_asyncio

from gateway.postgres.database import ensure_database
from gateway.postgres.embedded import EmbeddedPostgres
from gateway.postgres.migrations import migrate
from registry_bridge.reference import inspection
from registry_bridge.reference.store import SCHEMA, Store, create_pool
from tests.registry_bridge.examples import ManualClock
from tests.registry_bridge.registry_wall import ATTACKS, NO_ATTACK_REACHES, SOUND, Attack, build, use

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"

GUARDS = """
select conrelid::regclass::text, conname, 'CONSTRAINT' from pg_constraint
where connamespace = 'public'::regnamespace and contype not in ('n', 't')
union all
select tgrelid::regclass::text, tgname, 'TRIGGER' from pg_trigger join pg_class on pg_class.oid = tgrelid
where relnamespace = 'public'::regnamespace and not tgisinternal
"""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def world(postgres: EmbeddedPostgres) -> AsyncIterator[str]:
    """The DSN of the small world; every test here undoes what it does to it."""
    name = f"test_{uuid.uuid4().hex}"
    dsn = await ensure_database(postgres.dsn, name)
    connection = await asyncpg.connect(dsn)
    await migrate(connection, SCHEMA)
    await connection.close()
    pool = await create_pool(dsn, size=1)
    await build(Store(pool, ManualClock()))
    assert (await inspection.audit(pool)).findings == ()
    await pool.close()
    yield dsn
    connection = await asyncpg.connect(postgres.dsn)
    await connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
    await connection.close()


@pytest_asyncio.fixture
async def connection(world: str) -> AsyncIterator[Connection]:
    """In a transaction that is rolled back, as the owner of everything."""
    connection = await asyncpg.connect(world)
    transaction = connection.transaction()
    await transaction.start()
    yield connection
    await transaction.rollback()
    await connection.close()


async def outcome(connection: Connection, attack: Attack) -> tuple[str, str] | None:
    """The constraint and the words that refused the attack; none when it came about."""
    savepoint = connection.transaction()
    await savepoint.start()
    try:
        await connection.execute(attack.sql)
        if attack.at_commit:
            await connection.execute("set constraints all immediate")
        harmed = await connection.fetchval(f"select {attack.harm}")
    except asyncpg.IntegrityConstraintViolationError as refusal:
        return refusal.constraint_name or "", str(refusal)
    finally:
        await savepoint.rollback()
    return None if harmed else ("", "harmless")


async def guards(connection: Connection) -> dict[str, str]:
    """Every constraint and trigger, as `table.name`, with its kind."""
    return {f"{row[0]}.{row[1]}": row[2] for row in await connection.fetch(GUARDS)}


async def drop(connection: Connection, guard: str) -> None:
    table, name = guard.split(".")
    if (await guards(connection))[guard] == "TRIGGER":
        await connection.execute(f'drop trigger "{name}" on {table}')
    else:
        await connection.execute(f'alter table {table} drop constraint "{name}" cascade')


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name)
async def test_refuses_and_without_its_guards_does_not(connection: Connection, attack: Attack) -> None:
    speaks = attack.guards[0]
    is_trigger = (await guards(connection))[speaks] == "TRIGGER"
    refusal = await outcome(connection, attack)
    assert refusal is not None
    assert attack.says in refusal[1]
    assert is_trigger or refusal[0] == speaks.split(".")[1]
    for guard in attack.guards:
        assert await outcome(connection, attack) is not None, f"{guard} is not what refuses"
        await drop(connection, guard)
    assert await outcome(connection, attack) is None


async def test_every_guard_is_attacked(connection: Connection) -> None:
    shown = {guard for attack in ATTACKS for guard in attack.guards}
    assert shown | NO_ATTACK_REACHES.keys() == (await guards(connection)).keys()
    assert not shown & NO_ATTACK_REACHES.keys()
    assert len({attack.name for attack in ATTACKS}) == len(ATTACKS)


@pytest.mark.parametrize("sql", [SOUND, use()])
async def test_what_is_sound_passes(connection: Connection, sql: str) -> None:
    assert await outcome(connection, Attack("sound", sql, ())) is None
