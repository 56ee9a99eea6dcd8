"""The server's log keeps its end and its bound."""

import os
from pathlib import Path

from gateway.postgres.server_log import ServerLog


def append(log: int, first: int, last: int) -> None:
    for number in range(first, last + 1):
        os.write(log, f"line {number:05d}\n".encode())


def test_a_log_over_its_limit_keeps_its_last_whole_lines(tmp_path: Path) -> None:
    log = ServerLog(tmp_path / "server.log", limit_bytes=1000, kept_bytes=100)
    descriptor = log.open()
    append(descriptor, 1, 90)
    log.bound()
    assert log.path.stat().st_size == 90 * 11
    append(descriptor, 91, 100)
    log.bound()
    kept = log.path.read_text().splitlines()
    assert kept == [f"line {number:05d}" for number in range(100 - len(kept) + 1, 101)]
    assert 0 < log.path.stat().st_size <= 100
    append(descriptor, 101, 102)
    assert log.last_lines(2) == "line 00101\nline 00102"
    os.close(descriptor)


def test_last_lines_are_those_of_this_run(tmp_path: Path) -> None:
    path = tmp_path / "server.log"
    path.write_text("an earlier run\n")
    log = ServerLog(path)
    descriptor = log.open()
    assert log.last_lines() == ""
    append(descriptor, 1, 20)
    os.close(descriptor)
    assert log.last_lines(3) == "line 00018\nline 00019\nline 00020"


def test_a_log_that_grew_between_runs_is_cut_when_opened(tmp_path: Path) -> None:
    path = tmp_path / "server.log"
    path.write_text("x" * 2000 + "\nlast\n")
    os.close(ServerLog(path, limit_bytes=1000, kept_bytes=100).open())
    assert path.read_text() == "last\n"


def test_the_log_is_private(tmp_path: Path) -> None:
    log = ServerLog(tmp_path / "server.log")
    os.close(log.open())
    assert log.path.stat().st_mode & 0o777 == 0o600
