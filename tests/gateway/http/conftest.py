"""An exchange for a test of its own, and one that the tests of a module share."""

from collections.abc import AsyncIterator

import pytest_asyncio

from gateway.http.services import HttpSettings
from gateway.postgres.embedded import EmbeddedPostgres
from tests.gateway.http.desk import Desk, desk
from tests.postgres_fixture import fresh_database


@pytest_asyncio.fixture
async def exchange(database: str) -> AsyncIterator[Desk]:
    """An exchange of this test's own."""
    async with desk(database) as made:
        yield made


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def module_database(postgres: EmbeddedPostgres, exchange_schema: str) -> AsyncIterator[str]:
    """A database that the tests of a module share."""
    async with fresh_database(postgres, exchange_schema) as dsn:
        yield dsn


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared(module_database: str) -> AsyncIterator[Desk]:
    """One exchange for all tests of a module, none of which may change it."""
    async with desk(module_database, settings=HttpSettings(quotas={})) as made:
        yield made
