"""Gives a platform that does not answer a rest: a circuit that opens after some failures in a row.

    state      what happens             then
    ---------  -----------------------  ---------------------------------------------------
    closed     a call fails             closed; open at the so many-th failure in a row
    closed     a call is answered       closed
    open       the rest is over         half open: one call, the probe, is let through
    half open  the probe is answered    closed
    half open  the probe fails          open, for longer than before
    half open  the probe is called off  open, its rest over

While it is open, and beside the probe, no call leaves us. Calls that were under way when it opened still count: an
answer to one closes it.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

import structlog

from registry_bridge.back_off import BackOff

log = structlog.get_logger("registry_line")


class CircuitState(Enum):
    """Whether calls are let through."""

    CLOSED = "closed"
    HALF_OPEN = "half_open"
    OPEN = "open"


_REST = BackOff(first_s=0.5, longest_s=30.0)


@dataclass(frozen=True, kw_only=True, slots=True)
class CircuitSettings:
    """When it opens, and for how long."""

    failures: int = 5
    """In a row, of whatever calls."""
    rest: BackOff = _REST


class Circuit:
    """One for each line. Asked before every call, told how it went after."""

    def __init__(
        self,
        settings: CircuitSettings | None = None,
        *,
        now_s: Callable[[], float] = time.monotonic,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        """``now_s`` never runs backwards; ``jitter`` in [0, 1) spreads the probes of many lines."""
        self._settings = settings or CircuitSettings()
        self._now_s = now_s
        self._jitter = jitter
        self._state = CircuitState.CLOSED
        self._failures = 0
        self._rests = 0
        self._rest_until_s = 0.0
        self.opened = 0
        """How often it has opened."""

    @property
    def state(self) -> CircuitState:
        """As it is now."""
        return self._state

    def admit(self) -> bool:
        """Whether a call may leave now; every call admitted ends in one of `answered`, `failed`, `called_off`."""
        if self._state is CircuitState.OPEN and self._now_s() >= self._rest_until_s:
            self._state = CircuitState.HALF_OPEN
            return True
        return self._state is CircuitState.CLOSED

    def answered(self) -> None:
        """A call was answered, whatever the answer."""
        if self._state is not CircuitState.CLOSED:
            log.info("circuit_closed", rests=self._rests)
        self._state = CircuitState.CLOSED
        self._failures = self._rests = 0

    def failed(self) -> None:
        """A call brought nothing from a working platform."""
        self._failures += 1
        trips = self._state is CircuitState.CLOSED and self._failures >= self._settings.failures
        if trips or self._state is CircuitState.HALF_OPEN:
            self._open()

    def called_off(self) -> None:
        """A call ended on our own side; nothing is known from it."""
        if self._state is CircuitState.HALF_OPEN:
            self._state = CircuitState.OPEN

    def _open(self) -> None:
        self._rests += 1
        self.opened += 1
        rest_s = self._settings.rest.delay_s(self._rests, self._jitter())
        self._state = CircuitState.OPEN
        self._rest_until_s = self._now_s() + rest_s
        log.warning("circuit_opened", rests=self._rests, rest_s=round(rest_s, 3))
