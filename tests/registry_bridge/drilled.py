"""A reference registry with a fault switch, in this process, which is started again when a fault kills it."""

import asyncio
import time
from dataclasses import dataclass, field, replace

from gateway.postgres.migrations import migrate
from registry_bridge.reference.serving import RegistrySettings, running
from tests.registry_bridge.examples import NOW_NS

BEGAN_NS = time.monotonic_ns()


def ticking() -> int:
    """From the tests' own moment on; what is decided later is decided when so much time has passed."""
    return NOW_NS + time.monotonic_ns() - BEGAN_NS


@dataclass(kw_only=True)
class Drill:
    """A reference registry with a fault switch, which is started again when a fault kills it."""

    settings: RegistrySettings
    url: str = ""
    restarts: int = 0
    _killed: asyncio.Event = field(default_factory=asyncio.Event)
    _stopped: asyncio.Event = field(default_factory=asyncio.Event)
    _ready: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self) -> None:
        """Until it is stopped."""
        while not self._stopped.is_set():
            self._killed.clear()
            async with running(
                self.settings, migrate=migrate, clock=ticking, die_now=self._killed.set
            ) as url:
                self.url = url
                self.settings = replace(self.settings, port=int(url.rpartition(":")[2]))
                self._ready.set()
                await self._killed.wait()
            self.restarts += 1

    async def ready(self) -> None:
        await self._ready.wait()

    def stop(self) -> None:
        self._stopped.set()
        self._killed.set()
