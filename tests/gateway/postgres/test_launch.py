"""The launcher ties the server to its owner, or does not start it."""

import os
import sys
from pathlib import Path

from gateway.postgres import launch
from tests.gateway.postgres.processes import run


def launched(parent_pid: int, *program: str) -> tuple[int, str]:
    numbers = (str(number) for number in (parent_pid, os.geteuid(), os.getegid()))
    result = run(sys.executable, "-I", "-S", launch.__file__, *numbers, *program)
    return result.returncode, result.stdout


def test_becomes_the_program() -> None:
    assert launched(os.getpid(), "/bin/echo", "ready") == (0, "ready\n")


def test_starts_nothing_for_a_parent_that_is_gone(tmp_path: Path) -> None:
    assert launched(0, "/bin/echo", "orphan") == (launch.PARENT_GONE_STATUS, "")
