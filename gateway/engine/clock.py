"""The clocks the sequencer stamps by: the machine's, or one that is moved by hand.

Only the gateway has a clock; the core is told the time with every command.
"""

import time
from collections.abc import Callable
from typing import Protocol

NS_PER_S = 1_000_000_000


class Clock(Protocol):
    """What the engine asks of a clock."""

    def now_ns(self) -> int:
        """Nanoseconds since 1970-01-01 UTC."""
        ...

    def timeout_s(self, until_ns: int) -> float | None:
        """How long to sleep until that instant; none when only a move of the clock can bring it."""
        ...

    def on_move(self, listener: Callable[[], None]) -> None:
        """Call the listener whenever the clock is moved by hand."""
        ...


class RealClock:
    """The machine's clock."""

    def now_ns(self) -> int:
        """Nanoseconds since 1970-01-01 UTC; may step back, which the sequencer's stamps never do."""
        return time.time_ns()

    def timeout_s(self, until_ns: int) -> float | None:
        """Seconds until that instant, never negative."""
        return max(0, until_ns - self.now_ns()) / NS_PER_S

    def on_move(self, listener: Callable[[], None]) -> None:
        """Nobody moves this clock by hand, so there is nothing to tell."""


class ManualClock:
    """A clock that stands still until it is moved, and only ever forward."""

    def __init__(self, start_ns: int) -> None:
        """Standing at that instant."""
        self._now_ns = start_ns
        self._listeners: list[Callable[[], None]] = []

    def now_ns(self) -> int:
        """The instant it was last moved to."""
        return self._now_ns

    def timeout_s(self, until_ns: int) -> float | None:
        """Zero when that instant is here; otherwise only a move brings it."""
        return 0.0 if until_ns <= self._now_ns else None

    def on_move(self, listener: Callable[[], None]) -> None:
        """Call the listener after every move."""
        self._listeners.append(listener)

    def move_to(self, at_ns: int) -> None:
        """Move forward to that instant.

        Raises ValueError for an instant before the present one.
        """
        if at_ns < self._now_ns:
            raise ValueError(f"the clock stands at {self._now_ns} and only moves forward, not to {at_ns}")
        self._now_ns = at_ns
        for listener in self._listeners:
            listener()
