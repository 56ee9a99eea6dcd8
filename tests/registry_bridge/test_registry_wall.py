"""The registry's database refuses by itself what the code above it should never ask; each of its guards is needed."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import TypeAlias

import asyncpg
import pytest
import pytest_asyncio

from gateway.postgres.embedded import EmbeddedPostgres
from registry_bridge.reference import inspection
from registry_bridge.reference.store import Store, create_pool
from tests.postgres_fixture import fresh_database
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


@dataclass(frozen=True)
class World:
    """A database, and every constraint and trigger in it, as `table.name`, with its kind."""

    dsn: str
    guards: dict[str, str]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def world(postgres: EmbeddedPostgres, registry_schema: str) -> AsyncIterator[World]:
    """The small world; every test here undoes what it does to it."""
    async with fresh_database(postgres, registry_schema) as dsn:
        pool = await create_pool(dsn, size=1)
        await build(Store(pool, ManualClock()))
        assert (await inspection.audit(pool)).findings == ()
        await pool.close()
        connection = await asyncpg.connect(dsn)
        guards = {f"{row[0]}.{row[1]}": row[2] for row in await connection.fetch(GUARDS)}
        await connection.close()
        yield World(dsn, guards)


@pytest_asyncio.fixture
async def connection(world: World) -> AsyncIterator[Connection]:
    """In a transaction that is rolled back, as the owner of everything."""
    connection = await asyncpg.connect(world.dsn)
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


async def drop(connection: Connection, guard: str, kind: str) -> None:
    table, name = guard.split(".")
    if kind == "TRIGGER":
        await connection.execute(f'drop trigger "{name}" on {table}')
    else:
        await connection.execute(f'alter table {table} drop constraint "{name}" cascade')


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name)
async def test_refuses_and_without_its_guards_does_not(
    world: World, connection: Connection, attack: Attack
) -> None:
    refusal = await outcome(connection, attack)
    assert refusal is not None
    assert attack.says in refusal[1]
    speaks = attack.guards[0]
    assert world.guards[speaks] == "TRIGGER" or refusal[0] == speaks.split(".")[1]
    for guard in attack.guards:
        assert refusal is not None, f"{guard} is not what refuses"
        await drop(connection, guard, world.guards[guard])
        refusal = await outcome(connection, attack)
    assert refusal is None


def test_every_guard_is_attacked(world: World) -> None:
    shown = {guard for attack in ATTACKS for guard in attack.guards}
    assert shown | NO_ATTACK_REACHES.keys() == world.guards.keys()
    assert not shown & NO_ATTACK_REACHES.keys()
    assert len({attack.name for attack in ATTACKS}) == len(ATTACKS)


@pytest.mark.parametrize("sql", [SOUND, use()])
async def test_what_is_sound_passes(connection: Connection, sql: str) -> None:
    assert await outcome(connection, Attack("sound", sql, ())) is None
