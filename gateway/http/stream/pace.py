"""How fast the messages of one connection are read: a flood is slowed where it comes from, by not being read."""

import time
from typing import Final

ALLOWANCE_S: Final = 1.0
"""How much of its time a connection may use up at once."""


class Pace:
    """One connection's, as the instant at which all it has sent would have been sent at the pace allowed."""

    __slots__ = ("_each_s", "_even_at_s")

    def __init__(self, per_s: int) -> None:
        """So many messages a second, and as many at once after a pause."""
        self._each_s = 1 / per_s
        self._even_at_s = 0.0

    def step(self) -> float:
        """Another message was read: how long to wait before the next; zero or less while it keeps the pace."""
        now_s = time.monotonic()
        self._even_at_s = max(self._even_at_s, now_s) + self._each_s
        return self._even_at_s - now_s - ALLOWANCE_S
