"""An exchange for a test of its own, and one that the tests of a module share."""

import uuid
from collections.abc import AsyncIterator

import asyncpg
import pytest_asyncio

from gateway.http.services import HttpSettings
from gateway.postgres.database import ensure_database
from gateway.postgres.embedded import EmbeddedPostgres
from tests.gateway.http.desk import Desk, desk


@pytest_asyncio.fixture
async def exchange(database: str) -> AsyncIterator[Desk]:
    """An exchange of this test's own."""
    async with desk(database) as made:
        yield made


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def module_database(postgres: EmbeddedPostgres) -> AsyncIterator[str]:
    """A database that the tests of a module share."""
    name = f"test_{uuid.uuid4().hex}"
    yield await ensure_database(postgres.dsn, name)
    connection = await asyncpg.connect(postgres.dsn)
    await connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
    await connection.close()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared(module_database: str) -> AsyncIterator[Desk]:
    """One exchange for all tests of a module, none of which may change it."""
    async with desk(module_database, settings=HttpSettings(quotas={})) as made:
        yield made
