"""The reference registry as a process of its own: started, watched, started again when it dies, and stopped.

It is in a session of its own, so that a terminal's Ctrl-C reaches only us and we stop things in their order; and the
kernel tells it when we die, so that it never outlives us. When it dies first it is started again on the same port,
with growing pauses. Until then the registry line is down, which the bridge is made for.
"""

import asyncio
import os
import signal
import sys
from asyncio.subprocess import Process
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import orjson
import structlog

from gateway.postgres import launch

START_LIMIT_S: Final = 180
"""A first start makes a database cluster; a start after a crash recovers one."""

STOP_LIMIT_S: Final = 75
"""More than its PostgreSQL takes for a shutdown with a checkpoint."""

PAUSES_S: Final = (0.5, 1, 2, 5, 10, 30)
POLL_S: Final = 0.02
STEADY_S: Final = 60
"""One that has run so long is started again without a long pause."""

PASSED_ON: Final = frozenset(
    {
        *("PATH", "HOME", "USER", "LOGNAME", "LANG", "LANGUAGE", "TZ", "TMPDIR", "XDG_RUNTIME_DIR"),
        *("VIRTUAL_ENV", "LD_LIBRARY_PATH", "PUHUI_LOG", "PUHUI_REGISTRY_DATABASE_URL"),
        *("PYTHONPATH", "PYTHONHASHSEED", "PYTHONUTF8", "PYTHONWARNINGS", "PYTHONDONTWRITEBYTECODE"),
        "PYTHONUNBUFFERED",
    }
)
"""The child sees these variables, the locale's and no others: the password of our own database is not for it."""

LOCALE_PREFIX: Final = "LC_"

log = structlog.get_logger("registry_process")


class RegistryFailed(Exception):  # noqa: N818 - it states a fact
    """The registry's process ended, or did not get ready in time, at the first start."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RegistryPlace:
    """Where the child keeps its things and finds our public key."""

    data_dir: Path
    exchange_public_key_file: Path
    port: int = 0
    drill: bool = False
    """Whether it takes orders to fail."""
    log_options: tuple[str, ...] = ()
    """How it is told to log."""

    @property
    def ready_file(self) -> Path:
        """Where it says its address once it answers."""
        return self.data_dir / "ready.json"


def passed_on(environment: Mapping[str, str]) -> dict[str, str]:
    """Of our environment, what the child may see."""
    return {
        name: value
        for name, value in environment.items()
        if name in PASSED_ON or name.startswith(LOCALE_PREFIX)
    }


class RegistryProcess:
    """One child, always the same address."""

    def __init__(self, place: RegistryPlace) -> None:
        """Nothing runs yet."""
        self._place = place
        self._process: Process | None = None
        self._port = place.port
        self.url = ""
        self.restarts = 0
        """How often it had to be started again."""

    @property
    def is_running(self) -> bool:
        """Whether there is a living process; it may still be getting ready."""
        return self._process is not None and self._process.returncode is None

    async def start(self) -> None:
        """Start it and wait until it answers.

        Raises:
            RegistryFailed: it ended, or took too long.
        """
        self._place.ready_file.unlink(missing_ok=True)
        self._process = await asyncio.create_subprocess_exec(
            *self._command(),
            stdin=asyncio.subprocess.DEVNULL,
            start_new_session=True,
            env=passed_on(os.environ),
        )
        try:
            async with asyncio.timeout(START_LIMIT_S):
                self.url = await self._wait_until_ready(self._process)
        except TimeoutError:
            await self.stop()
            raise RegistryFailed(f"the registry was not ready within {START_LIMIT_S} s") from None
        self._port = int(self.url.rpartition(":")[2])

    async def keep_running(self) -> None:
        """Watch it and start it again whenever it ends; until cancelled."""
        loop = asyncio.get_running_loop()
        failures = 0
        while True:
            began_s = loop.time()
            if self._process is not None:
                status = await self._process.wait()
                log.error("registry_ended", status=status)
            failures = 0 if loop.time() - began_s > STEADY_S else failures
            await asyncio.sleep(PAUSES_S[min(failures, len(PAUSES_S) - 1)])
            failures += 1
            self.restarts += 1
            try:
                await self.start()
            except RegistryFailed as fault:
                log.error("registry_not_restarted", fault=str(fault), attempt=failures)  # noqa: TRY400 - the message says all
            else:
                log.info("registry_restarted", url=self.url, attempt=failures)

    async def stop(self) -> None:
        """Ask it to end, wait, and at last kill it. Does nothing when none runs."""
        process, self._process = self._process, None
        if process is None or process.returncode is not None:
            return
        process.send_signal(signal.SIGTERM)
        try:
            await asyncio.wait_for(process.wait(), STOP_LIMIT_S)
        except TimeoutError:
            process.kill()
            await process.wait()

    async def _wait_until_ready(self, process: Process) -> str:
        while not self._place.ready_file.exists():
            if process.returncode is not None:
                raise RegistryFailed(
                    f"the registry ended with status {process.returncode} before it was ready"
                )
            await asyncio.sleep(POLL_S)
        return str(orjson.loads(self._place.ready_file.read_bytes())["url"])

    def _command(self) -> Sequence[str]:
        # `launch` has the kernel send SIGINT when the parent dies, then becomes the program.
        identity = (str(os.getpid()), str(os.geteuid()), str(os.getegid()))
        program = (sys.executable, "-m", "gateway", "registry", "serve")
        options = (
            *("--data-dir", str(self._place.data_dir), "--port", str(self._port)),
            *("--exchange-key-file", str(self._place.exchange_public_key_file)),
            *("--ready-file", str(self._place.ready_file)),
            *(("--drill",) if self._place.drill else ()),
            *self._place.log_options,
        )
        return (sys.executable, "-I", "-S", launch.__file__, *identity, *program, *options)
