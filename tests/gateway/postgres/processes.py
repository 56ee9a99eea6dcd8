"""Starting owner processes and watching processes end, for the tests of the embedded server."""

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).parents[3]
DEADLINE_S = 30


class Owner:
    """A process that runs a database, spoken to in lines."""

    def __init__(
        self, data_directory: Path, *options: str, python: str = sys.executable, **popen: Any
    ) -> None:
        self.process = subprocess.Popen(
            [python, "-m", "tests.gateway.postgres.owner", str(data_directory), *options],
            cwd=PROJECT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
            **popen,
        )

    def read(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        answer: dict[str, Any] = json.loads(self.process.stdout.readline())
        return answer

    def execute(self, sql: str) -> list[list[Any]]:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{sql}\n")
        self.process.stdin.flush()
        rows: list[list[Any]] = self.read()["rows"]
        return rows

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(DEADLINE_S)

    def finish(self) -> int:
        """Let it stop its server, and return its exit status."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        return self.process.wait(DEADLINE_S)


@contextmanager
def owner(data_directory: Path, *options: str, **popen: Any) -> Iterator[Owner]:
    """An owner process that is gone afterwards, whatever the test did."""
    started = Owner(data_directory, *options, **popen)
    try:
        yield started
    finally:
        started.kill()
        for stream in (started.process.stdin, started.process.stdout):
            assert stream is not None
            stream.close()


async def until(condition: Callable[[], bool], what: str) -> None:
    """Wait for a condition, with a deadline."""
    deadline_s = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < deadline_s, f"waited {DEADLINE_S} s in vain until {what}"
        await asyncio.sleep(0.005)


def is_alive(pid: int) -> bool:
    """Whether a process runs; one that only waits to be reaped does not."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return status.rpartition(")")[2].split()[0] not in "ZX"


def uid_of(pid: int) -> int:
    """The user a process runs as."""
    return Path(f"/proc/{pid}").stat().st_uid


def program_of(pid: int) -> Path:
    """The program a process was started with."""
    return Path(Path(f"/proc/{pid}/cmdline").read_bytes().partition(b"\0")[0].decode())


def status_of(pid: int) -> str:
    """What the kernel says of a process, line by line."""
    return Path(f"/proc/{pid}/status").read_text()


def run(*arguments: str | Path, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run a short program to its end."""
    result: subprocess.CompletedProcess[str] = subprocess.run(
        arguments,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
        check=False,
        **options,
    )
    return result


@contextmanager
def running(*arguments: str | Path, **options: Any) -> Iterator[subprocess.Popen[bytes]]:
    """A program that is gone afterwards, and is asked nicely first."""
    process: subprocess.Popen[bytes] = subprocess.Popen(arguments, stderr=subprocess.DEVNULL, **options)
    try:
        yield process
    finally:
        process.terminate()
        process.wait(DEADLINE_S)


def is_root() -> bool:
    return os.geteuid() == 0
