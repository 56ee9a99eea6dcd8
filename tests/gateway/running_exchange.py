"""Starts the real program as a user does, in a process of its own, and speaks to it by its own command line."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
from structlog.testing import capture_logs
from typer.testing import CliRunner

from gateway.cli.main import app

START_LIMIT_S = 90
STOP_LIMIT_S = 60
READY = "the exchange is ready"
PUHUI = (sys.executable, "-m", "gateway")


def environment(language: str = "en_US.UTF-8") -> dict[str, str]:
    """Ours without any setting of ours, in one language."""
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("PUHUI_", "LC_", "LANG"))
    }
    return kept | {"LC_ALL": language}


@dataclass
class Run:
    """What a command printed, and how it ended."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """What it printed, as JSON."""
        return json.loads(self.out)


@dataclass
class RunningExchange:
    """One `puhui serve`, and commands that find it by its data directory."""

    data_dir: Path
    process: subprocess.Popen[bytes]
    log: Path
    spawn: dict[str, Any] = field(default_factory=dict)

    def puhui(self, *arguments: str, language: str = "en_US.UTF-8") -> Run:
        """One command, in this exchange's directory."""
        return run(*arguments, data_dir=self.data_dir, language=language, **self.spawn)

    def done(self, *arguments: str) -> Any:
        """One command that must succeed; what it printed as JSON. In this process, which is quicker."""
        runner = CliRunner(env={"PUHUI_DATA_DIR": str(self.data_dir), "LC_ALL": "en_US.UTF-8"})
        with capture_logs():  # `main`, which sets up the log of a command, has no part in this
            found = runner.invoke(app, [*arguments, "--json"], catch_exceptions=False)
        assert found.exit_code == 0, found.output
        return json.loads(found.stdout)

    def said(self) -> str:
        """Everything the server printed so far."""
        return self.log.read_text()

    def stop(self, number: signal.Signals = signal.SIGINT) -> int:
        """Ask it to stop as a terminal would, and wait."""
        self.process.send_signal(number)
        return self.process.wait(STOP_LIMIT_S)


def run(*arguments: str, data_dir: Path, language: str = "en_US.UTF-8", **spawn: Any) -> Run:
    """One command with that data directory."""
    done = subprocess.run(
        [*PUHUI, *arguments],
        env=environment(language) | {"PUHUI_DATA_DIR": str(data_dir)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        **spawn,
    )
    return Run(done.returncode, done.stdout, done.stderr)


@contextmanager
def exchange(data_dir: Path, *options: str, **spawn: Any) -> Iterator[RunningExchange]:
    """A running exchange, stopped at the end; whatever happens, none of its processes outlives the context."""
    log = data_dir.with_name(f"{data_dir.name}.log")
    with log.open("wb") as sink:
        process = subprocess.Popen(
            [*PUHUI, "serve", "--port", "0", "--data-dir", str(data_dir), *options],
            env=environment(),
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            **spawn,
        )
    running = RunningExchange(data_dir=data_dir, process=process, log=log, spawn=spawn)
    try:
        wait_until(lambda: READY in running.said() or process.poll() is not None, START_LIMIT_S)
        assert process.poll() is None, running.said()
        yield running
        if process.poll() is None:
            assert running.stop() == 0, running.said()
    finally:
        for left in [process.pid, *processes_of(data_dir)]:
            if psutil.pid_exists(left):
                os.kill(left, signal.SIGKILL)
        process.wait(STOP_LIMIT_S)


def wait_until(condition: Any, limit_s: float) -> None:
    """Poll until it holds; fails when the time is over."""
    deadline_s = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < deadline_s, "waited in vain"
        time.sleep(0.02)


def processes_of(data_dir: Path) -> list[int]:
    """Every process that works in, or was told of, that data directory, zombies not counted."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.status() == psutil.STATUS_ZOMBIE:
                continue
            places = [process.cwd(), *process.cmdline()]
        except psutil.Error:
            continue
        if any(place == str(data_dir) or place.startswith(f"{data_dir}/") for place in places):
            found.append(process.pid)
    return found


def registry_pid(data_dir: Path) -> int:
    """The process of the exchange's reference registry."""
    (pid,) = [
        process.pid
        for process in (psutil.Process(pid) for pid in processes_of(data_dir))
        if process.cmdline()[3:5] == ["registry", "serve"]
    ]
    return pid
