"""Run the reference registry until told to stop."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
from aiohttp import web

from registry_bridge.keys import load_signer, load_verifier
from registry_bridge.reference.drill import Drill, FaultSwitch, die
from registry_bridge.reference.later import LaterPolicy
from registry_bridge.reference.service import AT_ONCE, make_app
from registry_bridge.reference.store import SCHEMA, create_pool

EXCHANGE_KEY = "exchange"
"""The name under which the exchange signs."""

ADMIN_KEY = "administration"
"""The name under which the platform's own people sign."""

SHUTDOWN_TIMEOUT_S = 10

Migrate = Callable[["asyncpg.Connection[asyncpg.Record]", Path], Awaitable[Any]]
"""Applies the numbered SQL files of a folder; supplied by whoever composes the program."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RegistrySettings:
    """Where the registry runs and whose keys it knows."""

    database_url: str
    host: str
    port: int
    """0 takes a free one."""
    key_file: Path
    """The registry's own private key."""
    exchange_public_key_file: Path
    admin_public_key_file: Path
    drill: bool = False
    """Whether there is a fault switch. Never where units are real."""
    later: LaterPolicy = AT_ONCE
    """Which movements are only accepted at first."""


@asynccontextmanager
async def running(
    settings: RegistrySettings,
    *,
    migrate: Migrate,
    clock: Callable[[], int] = time.time_ns,
    die_now: Callable[[], None] = die,
) -> AsyncIterator[str]:
    """The registry's URL, as long as it runs; schema and keys are ready before the door opens.

    Raises:
        KeyFileError: a key file is missing or holds no key.
        OSError: the port is taken.
    """
    signer = load_signer(settings.key_file)
    exchange = load_verifier(settings.exchange_public_key_file)
    administration = load_verifier(settings.admin_public_key_file)
    await _migrate(settings.database_url, migrate)
    pool = await create_pool(settings.database_url)
    try:
        app = make_app(
            pool,
            signer=signer,
            exchange_keys={EXCHANGE_KEY: exchange},
            admin_keys={ADMIN_KEY: administration},
            clock=clock,
            later=settings.later,
            drill=Drill(FaultSwitch(), die_now) if settings.drill else None,
        )
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=SHUTDOWN_TIMEOUT_S)
        await runner.setup()
        try:
            await web.TCPSite(runner, settings.host, settings.port).start()
            yield _url(runner)
        finally:
            await runner.cleanup()
    finally:
        await _close(pool)


async def serve(
    settings: RegistrySettings,
    *,
    migrate: Migrate,
    stop: asyncio.Event,
    ready: Callable[[str], None],
    clock: Callable[[], int] = time.time_ns,
) -> None:
    """Run until ``stop`` is set; ``ready`` is told the URL once calls are answered."""
    async with running(settings, migrate=migrate, clock=clock) as url:
        ready(url)
        await stop.wait()


async def _migrate(database_url: str, migrate: Migrate) -> None:
    connection = await asyncpg.connect(database_url, timeout=30)
    try:
        await migrate(connection, SCHEMA)
    finally:
        await connection.close()


async def _close(pool: asyncpg.Pool[asyncpg.Record]) -> None:
    """Close within bounds; a connection waiting for a cancelled statement could otherwise hold us up."""
    try:
        await asyncio.wait_for(pool.close(), SHUTDOWN_TIMEOUT_S)
    except TimeoutError:
        pool.terminate()


def _url(runner: web.AppRunner) -> str:
    host, port = runner.addresses[0][:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
