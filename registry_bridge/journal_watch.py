"""Holds the registry's own journal against what this side knows, and finds movements that only one side knows.

What is known here comes from this side's own journaled events and is known right after a start as well. Every few
minutes what is new in the registry's journal is read; at a close and on demand everything is read again as far back as
this side remembers, so that an entry is missed also when it was there before.

    read there                              known here             it is
    --------------------------------------  ---------------------  --------------------
    an entry of ours                        pending, confirmed     as it should be
    an entry of ours                        refused                contradictory
    an entry of ours                        not, though it should  on one side, there
    the same movement a second time         –                      on one side, there
    an entry of nobody we know              –                      on one side, there
    no entry, though all entries were read  confirmed              on one side, here
    a number left out                       –                      on one side
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Collection, Iterable
from typing import Protocol

import structlog

from registry_bridge.back_off import BackOff
from registry_bridge.differences import of_movement
from registry_bridge.exchange_side import ExchangeOutbox
from registry_bridge.registry import (
    JournalEntry,
    MovementKind,
    MovementLeg,
    Registry,
    RegistryUnavailable,
)
from registry_bridge.request_names import is_lost
from settlement.commands import Outcome
from settlement.difference import BreakKind, Difference
from settlement.events import Instruction
from settlement.values import InstructionId

log = structlog.get_logger("registry_line")

JOURNAL_EVERY_S = 180.0
AGAIN = BackOff(first_s=0.5, longest_s=30.0)


class OwnTrail(Protocol):
    """The movements this side knows, as of its newest journaled event."""

    @property
    def after(self) -> int:
        """The registry's entry after which each of them stands there, if it was done."""
        ...

    @property
    def known_after(self) -> int | None:
        """The registry's entry after which whatever stands there is one of them; None while that cannot be said."""
        ...

    def is_known(self, name: InstructionId) -> bool:
        """Whether it is one of them."""
        ...

    def answered(self, outcome: Outcome) -> Collection[InstructionId]:
        """Those that ended so."""
        ...

    def is_settled(self, found: Difference) -> bool:
        """Whether a person has settled it already."""
        ...

    async def instruction(self, name: InstructionId) -> Instruction:
        """What was asked for under that name."""
        ...


class JournalWatch:
    """Reads the registry's journal, in its order. `run` until cancelled."""

    def __init__(
        self,
        registry: Registry,
        outbox: ExchangeOutbox,
        trail: OwnTrail,
        *,
        every_s: float = JOURNAL_EVERY_S,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        """Nothing is read yet."""
        self._registry = registry
        self._outbox = outbox
        self._trail = trail
        self._every_s = every_s
        self._jitter = jitter
        self._one_reader = asyncio.Lock()
        self._cursor = 0
        self._entered: dict[InstructionId, int] = {}
        """Movements of ours that stand there, and where."""
        self._apart: list[Difference] = []
        """Found in the entries read so far, and not told yet."""
        self._told: set[Difference] = set()
        self.found = 0
        """Differences found since the start."""

    async def run(self) -> None:
        """Watch until cancelled. While the line is down nothing is looked at, and asked again."""
        while True:
            await self.look_patiently(whole=False)
            await asyncio.sleep(self._every_s)

    async def look_patiently(self, *, whole: bool) -> tuple[Difference, ...]:
        """The same as `look`, however long the line is down."""
        attempt = 0
        while True:
            try:
                return await self.look(whole=whole)
            except RegistryUnavailable as fault:
                log.info("journal_not_read", why=fault.why.value, detail=fault.detail)
            attempt += 1
            await asyncio.sleep(AGAIN.delay_s(attempt, self._jitter()))

    async def look(self, *, whole: bool = False) -> tuple[Difference, ...]:
        """Read what is new there, or all that is remembered here: what only one side knows and nobody has settled.

        What was not told before the core has been told when this returns; of the whole, everything.

        Raises:
            RegistryUnavailable: it could not be read; what was read stays read.
        """
        async with self._one_reader:
            self._begin(whole=whole)
            confirmed = self._trail.answered(Outcome.CONFIRMED)
            await self._read()
            # They were confirmed before the journal was read to its end, so their entries should have been there.
            for name in confirmed:
                if name not in self._entered and self._trail.is_known(name):
                    self._apart.extend(await self._missing_there(name))
            for name in self._trail.answered(Outcome.REFUSED):
                if name in self._entered and self._trail.is_known(name):
                    self._apart.extend(await self._contradicted(name))
            return await self._tell(whole=whole)

    def _begin(self, *, whole: bool) -> None:
        after = self._trail.after
        if whole or self._cursor < after:
            self._cursor, self._entered, self._apart = after, {}, []
        else:
            self._entered = {name: entry for name, entry in self._entered.items() if entry > after}

    async def _read(self) -> None:
        following: int | None = self._cursor
        while following is not None:
            page = await self._registry.journal(following)
            for entry in page.entries:
                if entry.sequence > self._cursor + 1:
                    self._apart.append(_hole(self._cursor + 1, entry.sequence))
                self._apart.extend(self._judge(entry))
                self._cursor = entry.sequence
            following = page.next
        if self._cursor < self._outbox.newest_entry:
            self._apart.append(_hole(self._cursor + 1, self._outbox.newest_entry + 1))
        self._outbox.newest_entry = max(self._outbox.newest_entry, self._cursor)

    async def _tell(self, *, whole: bool) -> tuple[Difference, ...]:
        found = tuple(one for one in dict.fromkeys(self._apart) if not self._trail.is_settled(one))
        new = tuple(one for one in found if one not in self._told)
        tell = found if whole else new
        if tell:
            log.error("movements_on_one_side", differences=len(tell), as_of=self._cursor)
            await self._outbox.report(tell, self._cursor)
        # Whoever asked may have stopped waiting before: then it is told again.
        self.found += len(new)
        self._told = set(found) if whole else self._told.union(new)
        self._apart = []
        return tell

    # --- what the registry's journal says ---

    def _judge(self, entry: JournalEntry) -> tuple[Difference, ...]:
        if entry.request_id is None:
            if entry.kind is MovementKind.TRANSFER_IN:
                return ()  # its owner did it, and a notice tells
            return _on_one_side(entry, None, "its owner cannot have done it")
        name = self._outbox.instruction_of(entry.request_id)
        if name is None:
            return _on_one_side(entry, None, f"not of this exchange: {entry.request_id}")
        if name in self._entered:
            return _on_one_side(entry, name, f"done before, as entry {self._entered[name]}")
        if self._trail.is_known(name):
            self._entered[name] = entry.sequence
            return ()
        known_after = self._trail.known_after
        if known_after is None or entry.sequence <= known_after:
            return ()
        why = "asked for before a restore, and not known since" if is_lost(name) else "unknown here"
        return _on_one_side(entry, name, why)

    async def _missing_there(self, name: InstructionId) -> tuple[Difference, ...]:
        kind, detail = BreakKind.MOVEMENT_ON_ONE_SIDE, "confirmed here, and not in the registry's journal"
        return of_movement(kind, await self._legs(name), name, detail)

    async def _contradicted(self, name: InstructionId) -> tuple[Difference, ...]:
        kind, detail = (
            BreakKind.CONTRADICTORY_ANSWER,
            f"refused, and done there as entry {self._entered[name]}",
        )
        return of_movement(kind, await self._legs(name), name, detail)

    async def _legs(self, name: InstructionId) -> Iterable[MovementLeg]:
        return self._outbox.movement(await self._trail.instruction(name)).legs


def _hole(first: int, end: int) -> Difference:
    """Entries are numbered without a gap: what is missing was taken out, whatever it was."""
    detail = f"the registry's journal has no entries from {first} to before {end}"
    return Difference(kind=BreakKind.MOVEMENT_ON_ONE_SIDE, detail=detail)


def _on_one_side(entry: JournalEntry, name: InstructionId | None, why: str) -> tuple[Difference, ...]:
    detail = f"entry {entry.sequence}, {entry.kind.value} as {entry.movement_id}: {why}"
    return of_movement(BreakKind.MOVEMENT_ON_ONE_SIDE, entry.legs, name, detail)
