"""Deciding later: which movements are only accepted at first, and the worker that decides them in their turn.

What is accepted lies in the database, so a restart forgets none of it. A registry of its own accord accepts nothing; it
is told to, for movements too large to be decided while their sender waits, or by a drill.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import structlog

from registry_bridge.reference import movements
from registry_bridge.reference.store import DATABASE_FAULTS, Store
from registry_bridge.registry import Movement

POLL_S = 0.1
"""The platform's clock is not the event loop's, so what waits for its time is looked at so often."""

PAUSE_S = 1.0
"""After the database did not answer."""

log = structlog.get_logger("registry")


@dataclass(frozen=True, kw_only=True, slots=True)
class LaterPolicy:
    """Which movements are decided later, and how much."""

    from_ranges: int | None = None
    """Movements of so many serial ranges and more; None: no movement."""
    after_ms: int = 0

    def decide_after_ms(self, movement: Movement) -> int | None:
        """How much later; None is at once."""
        if self.from_ranges is None or sum(len(leg.serials) for leg in movement.legs) < self.from_ranges:
            return None
        return self.after_ms


class Decider:
    """Decides what was accepted, one after another."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._accepted = asyncio.Event()

    def wake(self) -> None:
        """Something was accepted."""
        self._accepted.set()

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            try:
                while await movements.decide_next(self._store):
                    pass
                waiting = await self._store.pool.fetchval("select exists (select from undecided)")
            except DATABASE_FAULTS:
                # Nothing is lost by waiting: what is accepted stays so until it is decided.
                log.exception("decision_put_off")
                await asyncio.sleep(PAUSE_S)
                continue
            if waiting:
                await asyncio.sleep(POLL_S)
            else:
                await self._accepted.wait()
            self._accepted.clear()
