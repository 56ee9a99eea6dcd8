"""A running exchange as its users have it: `puhui serve --demo` in a process of its own, and everything below it.

It can be killed in parts (the exchange, its PostgreSQL, the registry, the registry's PostgreSQL), started again on the
same data, and always ends with none of its processes left.
"""

import asyncio
import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

import httpx
import psutil

from gateway.config import DEMO_FILE, OPERATOR_FILE
from tests.system.clients import Client, Participant, participant

REPOSITORY: Final = Path(__file__).resolve().parents[2]
START_LIMIT_S: Final = 120.0
"""The first start makes two database clusters and fills them."""
STOP_LIMIT_S: Final = 90.0
POLL_S: Final = 0.02

_READY: Final = re.compile(r"(?:the exchange is ready|ready for the public): (http://\S+)")
_STANDING_BY: Final = re.compile(r"standing by for the process that serves: (http://\S+)")


class Part(StrEnum):
    """What of a running exchange can be killed by itself."""

    EXCHANGE = "exchange"
    DATABASE = "database"
    REGISTRY = "registry"
    REGISTRY_DATABASE = "registry database"


class NotStarted(AssertionError):  # noqa: N818 - it states a fact
    """The exchange ended, or was not ready in time; the message carries what it said."""


class RunningExchange:
    """One exchange on one data directory, started and killed as often as wanted."""

    def __init__(
        self, data_dir: Path, options: Sequence[str] = (), *, demo: bool = True, name: str = ""
    ) -> None:
        """Nothing runs yet. `options` go to `puhui serve`; without `demo` it begins empty, with a first operator.

        `name` tells apart two that share a data directory.
        """
        self.data_dir = data_dir
        self._name = name or data_dir.name
        self.url = ""
        """Where it is reached; another one after every start."""
        self.starts = 0
        self.output = Path()
        """What the present process has said."""
        self._options = (*(("--demo",) if demo else ()), *options)
        self._key_file = data_dir / (DEMO_FILE if demo else OPERATOR_FILE)
        self._process: subprocess.Popen[bytes] | None = None
        self._ours: dict[int, psutil.Process] = {}

    # ---- life -------------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Start it and return once it takes commands."""
        self._spawn()
        await self.serves()

    async def serves(self) -> None:
        """Return once it takes commands."""
        await until(self._is_ready, START_LIMIT_S, "the exchange is ready")
        self.note_processes()

    async def stand_by(self) -> None:
        """Start it and return once it stands by."""
        self._spawn()
        await until(lambda: self._has_said(_STANDING_BY), START_LIMIT_S, "it stands by")

    def _spawn(self) -> None:
        assert self._process is None, "it runs already"
        self.starts += 1
        self.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.output = self.data_dir.parent / f"{self._name}-{self.starts}.log"
        with self.output.open("wb") as output:
            self._process = subprocess.Popen(
                [*_PUHUI, "serve", "--port", "0", "--data-dir", str(self.data_dir), *self._options],
                cwd=REPOSITORY,
                env=environment(),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    async def stop(self) -> None:
        """Ask it to end, as Ctrl-C does, and wait until nothing of it is left."""
        self.note_processes()
        process = self._process
        if process is not None and process.poll() is None:
            process.send_signal(signal.SIGTERM)
        await self.ended()
        await self._nothing_left()

    async def ended(self) -> int:
        """Wait for the exchange's own process to end; its status."""
        process = self._process
        if process is None:
            return 0
        await until(lambda: process.poll() is not None, STOP_LIMIT_S, "the exchange has ended")
        self._process = None
        return process.wait()

    def clean_up(self) -> None:
        """Kill whatever is left, at once. For the end of a test that has failed; else there is nothing to do."""
        self.note_processes()
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None
        left = [process for process in self._ours.values() if process.is_running()]
        for process in left:
            with contextlib.suppress(psutil.NoSuchProcess):  # it may end just now
                process.kill()
        psutil.wait_procs(left, timeout=STOP_LIMIT_S)

    # ---- what runs --------------------------------------------------------------------------------------------------

    def pid(self, part: Part) -> int:
        """The process of that part. Raises NotStarted when there is none."""
        found = self._find(part)
        if found is None:
            raise NotStarted(f"{part} does not run:\n{self.said()}")
        return found.pid

    def is_running(self, part: Part) -> bool:
        """Whether that part has a living process."""
        return self._find(part) is not None

    def registry_answers(self) -> bool:
        """Whether the registry runs and has said so: it takes its word back before each start."""
        return (
            self.is_running(Part.REGISTRY_DATABASE) and (self.data_dir / "registry" / "ready.json").exists()
        )

    def kill(self, part: Part) -> int:
        """Kill that part without a warning; the pid it had."""
        self.note_processes()
        pid = self.pid(part)
        os.kill(pid, signal.SIGKILL)
        return pid

    def note_processes(self) -> None:
        """Remember everything that runs below the exchange, to see that it is gone in the end."""
        if self._process is None or self._process.poll() is not None:
            return
        root = psutil.Process(self._process.pid)
        with contextlib.suppress(psutil.NoSuchProcess):  # it may end just now
            for process in (root, *root.children(recursive=True)):
                self._ours[process.pid] = process

    def said(self) -> str:
        """The end of what the present process has said."""
        return self.output.read_text(errors="replace")[-4_000:] if self.starts else ""

    def _find(self, part: Part) -> psutil.Process | None:
        if self._process is None or self._process.poll() is not None:
            return None
        root = psutil.Process(self._process.pid)
        match part:
            case Part.EXCHANGE:
                return root
            case Part.DATABASE:
                return _child(root, _is_postmaster)
            case Part.REGISTRY:
                return _child(root, _is_registry)
            case Part.REGISTRY_DATABASE:
                registry = _child(root, _is_registry)
                return None if registry is None else _child(registry, _is_postmaster)

    def _has_said(self, pattern: re.Pattern[str]) -> bool:
        """Whether it has told its address so. Raises NotStarted when it has ended."""
        assert self._process is not None
        said = pattern.search(self.output.read_text(errors="replace"))
        if self._process.poll() is not None:
            raise NotStarted(f"the exchange ended with status {self._process.returncode}:\n{self.said()}")
        if said is not None:
            self.url = said[1]
        return said is not None

    async def _is_ready(self) -> bool:
        if not self._has_said(_READY):
            return False
        async with httpx.AsyncClient(trust_env=False) as client:
            return (await client.get(f"{self.url}/readyz")).status_code == httpx.codes.OK

    async def _nothing_left(self) -> None:
        def gone() -> bool:
            return not any(process.is_running() for process in self._ours.values())

        await until(gone, STOP_LIMIT_S, "every process of the exchange has ended")
        self._ours.clear()

    # ---- those who use it -------------------------------------------------------------------------------------------

    def participant(self, name: str) -> Participant:
        """Somebody of the demonstration, or the first operator, with the key the exchange has written."""
        content = json.loads(self._key_file.read_bytes())
        return participant(name, content["participants"][name])

    @asynccontextmanager
    async def clients(self, *names: str) -> AsyncIterator[dict[str, Client]]:
        """Signing clients of these participants of the demonstration."""
        async with self.acting([self.participant(name) for name in names]) as clients:
            yield clients

    @asynccontextmanager
    async def acting(self, people: Iterable[Participant]) -> AsyncIterator[dict[str, Client]]:
        """Signing clients of these people, by name. They follow the exchange to its new address after a start."""
        limits = httpx.Limits(max_connections=100)
        async with httpx.AsyncClient(trust_env=False, timeout=30.0, limits=limits) as http:
            yield {person.name: Client(http, lambda: self.url, person) for person in people}

    async def puhui(self, *arguments: str) -> Any:
        """What a command of the command line answers with --json. Raises AssertionError when it fails."""
        process = await asyncio.create_subprocess_exec(
            *(*_PUHUI, *arguments, "--json", "--data-dir", str(self.data_dir)),
            cwd=REPOSITORY,
            env=environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        answer, said = await process.communicate()
        assert process.returncode == 0, f"puhui {' '.join(arguments)}: {answer.decode()}{said.decode()}"
        return json.loads(answer)

    async def said_by(self, *arguments: str, status: int = 0) -> str:
        """What a command of the command line tells a person. Raises AssertionError when it ends otherwise."""
        process = await asyncio.create_subprocess_exec(
            *(*_PUHUI, *arguments, "--data-dir", str(self.data_dir)),
            cwd=REPOSITORY,
            env=environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        said, _ = await process.communicate()
        assert process.returncode == status, f"puhui {' '.join(arguments)}: {said.decode()}"
        return said.decode()


_PUHUI: Final = (sys.executable, "-m", "gateway")


def environment() -> dict[str, str]:
    """Ours, without what would change how the exchange runs."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PUHUI_")}
    return {**kept, "LC_ALL": "C.UTF-8", "PYTHONUNBUFFERED": "1"}


@asynccontextmanager
async def running(
    data_dir: Path, options: Sequence[str] = (), *, demo: bool = True
) -> AsyncIterator[RunningExchange]:
    """An exchange that runs, and is gone at the end whatever happened."""
    exchange = RunningExchange(data_dir, options, demo=demo)
    try:
        await exchange.start()
        yield exchange
        await exchange.stop()
    finally:
        exchange.clean_up()


def copy_of(data_dir: Path, place: Path) -> Path:
    """A copy of the data of an exchange that does not run, owners of its files included; fills a new one quickly."""
    place.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run(["cp", "-a", str(data_dir), str(place)], check=True)
    return place


def remove(data_dir: Path) -> None:
    """Remove the data of an exchange that does not run."""
    shutil.rmtree(data_dir)


async def until(is_true: Callable[[], Any], limit_s: float, what: str, *, pause_s: float = POLL_S) -> None:
    """Wait until something is so; AssertionError when it is not within the limit."""
    deadline_s = time.monotonic() + limit_s
    while True:
        found = is_true()
        if asyncio.iscoroutine(found):
            found = await found
        if found:
            return
        assert time.monotonic() < deadline_s, f"not within {limit_s} s: {what}"
        await asyncio.sleep(pause_s)


def _child(parent: psutil.Process, is_it: Callable[[list[str]], bool]) -> psutil.Process | None:
    try:
        children = parent.children()
    except psutil.NoSuchProcess:
        return None
    return next((child for child in children if is_it(_command_of(child))), None)


def _command_of(process: psutil.Process) -> list[str]:
    try:
        return [] if process.status() == psutil.STATUS_ZOMBIE else process.cmdline()
    except psutil.NoSuchProcess:
        return []


def _is_postmaster(command: list[str]) -> bool:
    return len(command) > 1 and Path(command[0]).name == "postgres" and command[1] == "-D"


def _is_registry(command: list[str]) -> bool:
    return command[1:5] == ["-m", "gateway", "registry", "serve"]
