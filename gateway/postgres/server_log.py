"""The server's log file: what was said last, and never more than a bound.

PostgreSQL appends to the file itself, so that its words outlive an owner that was killed. Cutting the file
down keeps its end in place and needs no free disk, which may be just what has run out.
"""

import os
from pathlib import Path

LIMIT_BYTES = 16 * 1024 * 1024
KEPT_BYTES = 1024 * 1024


class ServerLog:
    """One log file, remembered from where this run began to write."""

    def __init__(self, path: Path, *, limit_bytes: int = LIMIT_BYTES, kept_bytes: int = KEPT_BYTES) -> None:
        assert kept_bytes < limit_bytes, "cutting the log must shorten it"
        self.path = path
        self._limit_bytes = limit_bytes
        self._kept_bytes = kept_bytes
        self._start_offset = 0

    def open(self) -> int:
        """A descriptor to append with, for the server; the caller closes it."""
        descriptor = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        self.bound()
        self._start_offset = self.path.stat().st_size
        return descriptor

    def bound(self) -> None:
        """Cut the file to its last megabyte if it outgrew its limit. A line written meanwhile may be lost."""
        if self.path.stat().st_size <= self._limit_bytes:
            return
        tail = self._read_tail(self._kept_bytes)
        with self.path.open("r+b") as file:
            file.truncate(0)
        with self.path.open("ab") as file:
            file.write(tail.partition(b"\n")[2])
        self._start_offset = 0

    def last_lines(self, count: int = 8) -> str:
        """The last lines of this run."""
        size = self.path.stat().st_size
        tail = self._read_tail(min(64 * 1024, max(size - self._start_offset, 0)))
        return "\n".join(tail.decode(errors="replace").splitlines()[-count:])

    def _read_tail(self, length: int) -> bytes:
        with self.path.open("rb") as file:
            file.seek(-length, os.SEEK_END)
            return file.read(length)
