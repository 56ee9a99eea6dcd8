"""A reference registry on a database of its own, and the client that speaks to it."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio

from gateway.postgres.embedded import EmbeddedPostgres
from gateway.postgres.migrations import migrate
from registry_bridge.http_administration import HttpAdministration, connect_administration
from registry_bridge.http_line import LineSettings
from registry_bridge.http_registry import HttpRegistry, connect
from registry_bridge.keys import create_key, load_signer, load_verifier
from registry_bridge.reference.serving import ADMIN_KEY, EXCHANGE_KEY, RegistrySettings, running
from registry_bridge.reference.store import SCHEMA, Pool, Store, create_pool
from tests.postgres_fixture import fresh_database, schema_to_copy
from tests.registry_bridge.drilled import Drill
from tests.registry_bridge.examples import ManualClock


@dataclass(frozen=True, kw_only=True, slots=True)
class Service:
    """A running reference registry."""

    url: str
    database: str
    keys: Path
    clock: ManualClock

    def line(self, key: str, timeout_s: float = 20.0) -> LineSettings:
        """A line signed with one of the keys the service knows."""
        return LineSettings(
            url=self.url,
            key=key,
            signer=load_signer(self.keys / f"{key}.pem"),
            verifier=load_verifier(self.keys / "registry.pub"),
            timeout_s=timeout_s,
        )


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    for name in ("registry", EXCHANGE_KEY, ADMIN_KEY):
        create_key(tmp_path / f"{name}.pem", tmp_path / f"{name}.pub")
    return tmp_path


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def registry_schema(postgres: EmbeddedPostgres) -> str:
    """Name of a database that has the registry's schema and nothing else, to be copied."""
    return await schema_to_copy(postgres, "registry_schema", SCHEMA)


@pytest_asyncio.fixture
async def database(postgres: EmbeddedPostgres, registry_schema: str) -> AsyncIterator[str]:
    """A database of this test's own that has the registry's schema."""
    async with fresh_database(postgres, registry_schema) as dsn:
        yield dsn


@pytest.fixture
async def service(database: str, keys: Path, clock: ManualClock) -> AsyncIterator[Service]:
    settings = RegistrySettings(
        database_url=database,
        host="127.0.0.1",
        port=0,
        key_file=keys / "registry.pem",
        exchange_public_key_file=keys / f"{EXCHANGE_KEY}.pub",
        admin_public_key_file=keys / f"{ADMIN_KEY}.pub",
    )
    async with running(settings, migrate=migrate, clock=clock) as url:
        yield Service(url=url, database=database, keys=keys, clock=clock)


@pytest.fixture
async def registry(service: Service) -> AsyncIterator[HttpRegistry]:
    async with connect(service.line(EXCHANGE_KEY)) as client:
        yield client


@pytest.fixture
async def administration(service: Service) -> AsyncIterator[HttpAdministration]:
    async with connect_administration(service.line(ADMIN_KEY)) as client:
        yield client


@pytest.fixture
async def pool(database: str) -> AsyncIterator[Pool]:
    """A migrated database of the registry without the service."""
    pool = await create_pool(database)
    yield pool
    await pool.close()


@pytest.fixture
def store(pool: Pool, clock: ManualClock) -> Store:
    return Store(pool, clock)


@pytest.fixture
async def drill(database: str, keys: Path) -> AsyncIterator[Drill]:
    settings = RegistrySettings(
        database_url=database,
        host="127.0.0.1",
        port=0,
        key_file=keys / "registry.pem",
        exchange_public_key_file=keys / f"{EXCHANGE_KEY}.pub",
        admin_public_key_file=keys / f"{ADMIN_KEY}.pub",
        drill=True,
    )
    async with Drill(settings).running() as made:
        yield made
