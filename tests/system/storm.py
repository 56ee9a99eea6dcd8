"""A registry that fails by chance, whatever is asked of it, for as long as one likes, restarts included.

Faults are armed at the running registry's own switch and forgotten when it ends; whoever is at its place then is armed
anew.
"""

import asyncio
import random
from collections import Counter
from typing import Final

from gateway.composition.reference_registry import PLATFORM_FAULTS
from registry_bridge.wire_faults import FaultKind, FaultOrder
from tests.system.drill import people_of
from tests.system.running import RunningExchange, until

CHANCE_PPM: Final = 30_000
"""Of each kind, at each call."""
KILL_PPM: Final = 5_000
"""Of those that end the registry's process."""
DELAY_MS: Final = 300
AGAIN_S: Final = 0.2
LIMIT_S: Final = 60.0

_KILLS: Final = (FaultKind.RESTART_BEFORE, FaultKind.RESTART_AFTER)
_SILENT: Final = (*PLATFORM_FAULTS, FileNotFoundError)
"""It is being started again, and has perhaps not said yet where it is reached."""


class Storm:
    """Rises and lies down; `run` beside what it is to disturb."""

    def __init__(self, exchange: RunningExchange, seed: int) -> None:
        """Calm."""
        self.happened: Counter[str] = Counter()
        """Faults that happened, as far as the registry lived to tell."""
        self._exchange = exchange
        self._chance = random.Random(seed)
        self._rages = False
        self._at_the_switch = asyncio.Lock()
        self._last: dict[FaultKind, int] = {}

    def rise(self) -> None:
        """Let calls fail from now on."""
        self._rages = True

    async def lie_down(self) -> None:
        """Returns once no call fails any more."""
        self._rages = False
        await until(self._calmed, LIMIT_S, "the storm lies down", pause_s=AGAIN_S)

    async def run(self) -> None:
        """Look after it until cancelled."""
        while True:
            if self._rages:
                await self._armed()
            await asyncio.sleep(AGAIN_S)

    async def _armed(self) -> bool:
        """Whether it is armed now; the figures of what has happened are taken down."""
        async with self._at_the_switch:
            try:
                async with people_of(self._exchange) as people:
                    faults = await people.faults()
                    self._take_down({fault.order.kind: fault.happened for fault in faults})
                    if not faults and self._rages:
                        for kind in FaultKind:
                            await people.set_fault(self._order(kind))
            except _SILENT:
                return False
            return True

    async def _calmed(self) -> bool:
        if not await self._armed():
            return False
        async with self._at_the_switch:
            try:
                async with people_of(self._exchange) as people:
                    await people.clear_faults()
                    return not await people.faults()
            except _SILENT:
                return False

    def _take_down(self, now: dict[FaultKind, int]) -> None:
        for kind, count in now.items():
            # Less than before is another process, which has counted from nothing.
            before = self._last.get(kind, 0)
            self.happened[f"fault {kind.value}"] += count - before if count >= before else count
        self._last = now

    def _order(self, kind: FaultKind) -> FaultOrder:
        return FaultOrder(
            kind=kind,
            probability_ppm=KILL_PPM if kind in _KILLS else CHANCE_PPM,
            seed=self._chance.randrange(1 << 30),
            delay_ms=DELAY_MS if kind in (FaultKind.SLOW, FaultKind.ACCEPT_LATER) else 0,
        )
