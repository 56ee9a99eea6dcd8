"""What the gateway's benchmarks are made of: plans for the load client, and the figures.

The client is `load`, in a process of its own. What the exchange is compared with is in `bare`.
"""

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, Literal

REPOSITORY: Final = Path(__file__).resolve().parents[1]
ROUND_LIMIT_S: Final = 120.0

Door = Literal["rest", "ws"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Figures:
    """One round."""

    requests: int
    seconds: float
    p50_ms: float
    p99_ms: float
    p999_ms: float
    refused: int
    """Answers that were not the success asked for."""
    example: str
    """One of them."""

    @property
    def per_s(self) -> float:
        """Answers a second."""
        return self.requests / self.seconds


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """What one connection each has to send, one text after the answer to the one before."""

    door: Door
    port: int
    greetings: Sequence[str]
    """The logon of each WebSocket, empty where none is needed."""
    texts: Sequence[Sequence[str]]
    """Per connection: whole HTTP requests, or WebSocket texts."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Audience:
    """Listeners that do nothing but listen."""

    port: int
    path: str
    listeners: int
    greeting: str
    """What each says first, to be told anything; empty where nothing is needed."""
    seconds: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Heard:
    """What an audience was told."""

    frames: int
    octets: int
    seconds: float

    @property
    def per_s(self) -> float:
        """Frames a second, of all listeners together."""
        return self.frames / self.seconds


class _Told:
    """Part of a round in a process of its own, connected and waiting for the word."""

    def __init__(self, part: str, plan: Plan | Audience) -> None:
        """Returns once everybody is connected."""
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.load", part],
            cwd=REPOSITORY,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._say(json.dumps(asdict(plan)))
        if self._hear() != "ready":
            self._end()
            raise AssertionError(f"the {part} could not connect")

    def begin(self) -> None:
        """The word."""
        self._say("go")

    def _figures(self) -> dict[str, Any]:
        heard = self._hear()
        self._end()
        figures: dict[str, Any] = json.loads(heard)
        return figures

    def _end(self) -> None:
        try:
            self._process.communicate(timeout=ROUND_LIMIT_S)
        finally:
            self._process.kill()

    def _say(self, text: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(text + "\n")
        self._process.stdin.flush()

    def _hear(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()


class Round(_Told):
    """A plan of requests."""

    def __init__(self, plan: Plan) -> None:
        """Returns once everybody is connected."""
        super().__init__("senders", plan)

    def play(self) -> Figures:
        """Send everything. AssertionError when anything was refused."""
        self.begin()
        return self.end()

    def end(self) -> Figures:
        """What came of a round that has begun."""
        figures = Figures(**self._figures())
        assert figures.refused == 0, (
            f"{figures.refused} of {figures.requests} were refused: {figures.example}"
        )
        return figures


class Listening(_Told):
    """An audience."""

    def __init__(self, audience: Audience) -> None:
        """Returns once everybody is connected and has said its greeting."""
        super().__init__("listeners", audience)

    def end(self) -> Heard:
        """What was heard in the seconds asked for, once they are over."""
        return Heard(**self._figures())


def median(values: Sequence[float]) -> float:
    """The one in the middle, the upper of two."""
    return sorted(values)[len(values) // 2]


def table(title: str, heads: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """Columns as wide as they must be, figures to the right."""
    cells = [
        list(heads),
        *([f"{cell:,.2f}" if isinstance(cell, float) else str(cell) for cell in row] for row in rows),
    ]
    widths = [max(len(line[column]) for line in cells) for column in range(len(heads))]
    lines = ["  ".join(cell.rjust(width) for cell, width in zip(line, widths, strict=True)) for line in cells]
    return "\n".join(["", title, *lines])
