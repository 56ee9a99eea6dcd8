"""One real PostgreSQL for the whole run, and a fresh database for each test that asks for one.

async def test_something(database: str) -> None:
    connection = await asyncpg.connect(database)
"""

import shutil
import uuid
from collections.abc import AsyncIterator

import asyncpg
import pytest
import pytest_asyncio

from gateway.postgres.database import ensure_database
from gateway.postgres.embedded import EmbeddedPostgres


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def postgres(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[EmbeddedPostgres]:
    """The server all tests share. Leave it running: a test that kills servers starts its own."""
    directory = tmp_path_factory.mktemp("postgres")
    async with EmbeddedPostgres(directory) as server:
        yield server
    shutil.rmtree(directory)


@pytest_asyncio.fixture
async def database(postgres: EmbeddedPostgres) -> AsyncIterator[str]:
    """The DSN of an empty database of this test's own."""
    name = f"test_{uuid.uuid4().hex}"
    yield await ensure_database(postgres.dsn, name)
    connection = await asyncpg.connect(postgres.dsn)
    await connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
    await connection.close()
