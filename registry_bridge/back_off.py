"""How long to wait before trying again: doubling, with jitter, never longer than a limit."""

from __future__ import annotations

from dataclasses import dataclass

_MOST_DOUBLINGS = 30
"""A float overflows long before a patient bridge gives up."""


@dataclass(frozen=True, kw_only=True, slots=True)
class BackOff:
    """From ``first_s`` on, doubling up to ``longest_s``."""

    first_s: float = 0.2
    longest_s: float = 30.0

    def delay_s(self, attempt: int, jitter: float) -> float:
        """For the first, second … failure in a row; ``jitter`` in [0, 1) takes off up to half."""
        whole = min(self.longest_s, self.first_s * 2.0 ** min(attempt - 1, _MOST_DOUBLINGS))
        return whole * (1.0 - jitter / 2.0)
