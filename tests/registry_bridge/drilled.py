"""A reference registry with a fault switch, in this process, which is started again when a fault kills it."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Self

from gateway.postgres.migrations import migrate
from registry_bridge.reference.serving import RegistrySettings, running
from tests.registry_bridge.examples import NOW_NS

BEGAN_NS = time.monotonic_ns()
CHUNK_BYTES = 65_536


def ticking() -> int:
    """From the tests' own moment on; what is decided later is decided when so much time has passed."""
    return NOW_NS + time.monotonic_ns() - BEGAN_NS


class Drill:
    """One address for all lives of the registry: each life has a port of its own, as another process may take a free one."""

    def __init__(self, settings: RegistrySettings) -> None:
        self.url = ""
        self.restarts = self.kills = self.hung_up = 0
        self._settings = settings
        self._port: int | None = None
        self._killed = asyncio.Event()
        self._stopped = False
        self._ready = asyncio.Event()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Self]:
        """Its address answers while this lasts, but for the moments of its restarts."""
        server = await asyncio.start_server(self._forward, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        async with server, asyncio.TaskGroup() as group:
            group.create_task(self._live())
            await asyncio.wait_for(self._ready.wait(), 30)
            try:
                yield self
            finally:
                self._stopped = True
                self._killed.set()

    async def _live(self) -> None:
        while not self._stopped:
            self._killed.clear()
            async with running(self._settings, migrate=migrate, clock=ticking, die_now=self._die) as url:
                self._port = int(url.rpartition(":")[2])
                self._ready.set()
                await self._killed.wait()
                self._port = None
            self.restarts += 1

    async def up(self) -> None:
        """Return when the registry is back from every death so far."""
        async with asyncio.timeout(30):
            while self.restarts < self.kills or self._port is None:  # noqa: ASYNC110 - a state of many parts
                await asyncio.sleep(0.01)

    def _die(self) -> None:
        self.kills += not self._killed.is_set()
        self._killed.set()

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Pass everything on, both ways, until one end hangs up; while the registry is down, hang up at once."""
        ends = [writer]
        try:
            if self._port is None:
                raise _HungUp
            there_reader, there_writer = await asyncio.open_connection("127.0.0.1", self._port)
            ends.append(there_writer)
            async with asyncio.TaskGroup() as group:
                group.create_task(_pump(reader, there_writer))
                group.create_task(_pump(there_reader, writer))
        except* (OSError, _HungUp):
            self.hung_up += 1
        finally:
            for end in ends:
                end.transport.abort()


class _HungUp(Exception):  # noqa: N818 - it states a fact
    """One end has closed."""


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while chunk := await reader.read(CHUNK_BYTES):
        writer.write(chunk)
        await writer.drain()
    raise _HungUp
