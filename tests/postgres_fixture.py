"""One real PostgreSQL for the whole run, and a fresh database for each test that asks for one.

async def test_something(database: str) -> None:
    connection = await asyncpg.connect(database)

Tests of the exchange have theirs with the exchange's schema in it (`exchange_schema`): a copy is made in a third of the
time that the migrations take.
"""

import shutil
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib import resources
from importlib.resources.abc import Traversable

import asyncpg
import pytest
import pytest_asyncio

from gateway.postgres.database import ensure_database, with_database
from gateway.postgres.embedded import EmbeddedPostgres
from gateway.postgres.migrations import migrate


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def postgres(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[EmbeddedPostgres]:
    """The server all tests share. Leave it running: a test that kills servers starts its own."""
    directory = tmp_path_factory.mktemp("postgres")
    async with EmbeddedPostgres(directory) as server:
        yield server
    shutil.rmtree(directory)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def exchange_schema(postgres: EmbeddedPostgres) -> str:
    """Name of a database that has the exchange's schema and nothing else, to be copied."""
    return await schema_to_copy(postgres, "exchange_schema", resources.files("gateway.postgres") / "schema")


async def schema_to_copy(server: EmbeddedPostgres, name: str, folder: Traversable) -> str:
    """Make a database of that name by these migrations."""
    connection = await asyncpg.connect(await ensure_database(server.dsn, name))
    await migrate(connection, folder)
    await connection.close()
    return name


@asynccontextmanager
async def fresh_database(server: EmbeddedPostgres, template: str = "template0") -> AsyncIterator[str]:
    """The DSN of a database, empty or a copy of another, that is gone afterwards."""
    name = f"test_{uuid.uuid4().hex}"
    await _execute(server, f'CREATE DATABASE "{name}" ENCODING \'UTF8\' TEMPLATE "{template}"')
    try:
        yield with_database(server.dsn, name)
    finally:
        await _execute(server, f'DROP DATABASE "{name}" WITH (FORCE)')


async def _execute(server: EmbeddedPostgres, statement: str) -> None:
    connection = await asyncpg.connect(server.dsn)
    await connection.execute(statement)
    await connection.close()


@pytest_asyncio.fixture
async def empty_database(postgres: EmbeddedPostgres) -> AsyncIterator[str]:
    """The DSN of an empty database of this test's own."""
    async with fresh_database(postgres) as dsn:
        yield dsn


@pytest.fixture
def database(empty_database: str) -> str:
    """The same; where an exchange is tested, a conftest.py has it with the exchange's schema."""
    return empty_database


@pytest_asyncio.fixture
async def exchange_database(postgres: EmbeddedPostgres, exchange_schema: str) -> AsyncIterator[str]:
    """The DSN of a database of this test's own that has the exchange's schema."""
    async with fresh_database(postgres, exchange_schema) as dsn:
        yield dsn
