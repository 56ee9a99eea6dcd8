"""A database with its schema."""

from collections.abc import AsyncIterator

import asyncpg
import pytest_asyncio

from tests.gateway.engine.world import migrated


@pytest_asyncio.fixture
async def pool(database: str) -> AsyncIterator["asyncpg.Pool[asyncpg.Record]"]:
    await migrated(database)
    async with asyncpg.create_pool(database, min_size=1, max_size=2) as made:
        yield made
