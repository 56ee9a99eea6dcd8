"""Follows the registry's own journal every few minutes, and finds movements that only one side knows.

What this side knows of a movement it learns from its own journaled events since the process started: what was pending
then, what was instructed, confirmed and refused since. So an entry of the registry's journal that was written after the
start must be of a movement known here; and a movement confirmed here must have its entry. What changed hands before the
start and is known to one side only is found by reconciling positions.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from enum import Enum

import structlog

from registry_bridge.differences import of_movement
from registry_bridge.exchange_side import ExchangeOutbox
from registry_bridge.registry import (
    JournalEntry,
    MovementKind,
    MovementLeg,
    Registry,
    RegistryUnavailable,
)
from settlement.difference import BreakKind, Difference
from settlement.events import Instruction, MovementConfirmed, MovementInstructed, MovementRefused
from settlement.values import InstructionId

log = structlog.get_logger("registry_line")

JOURNAL_EVERY_S = 180.0
AGAIN_S = 10.0
REMEMBERED = 100_000
"""Answered movements remembered at most; the oldest are forgotten first, and no longer watched."""


class _Known(Enum):
    """What this side knows of a movement."""

    PENDING = "pending"
    ENTERED = "entered"
    """Still pending here, and entered there."""
    CONFIRMED = "confirmed"
    """And its entry has not been read yet."""
    REFUSED = "refused"
    DONE = "done"
    """Confirmed here and entered there."""


class JournalWatch:
    """Reads the registry's journal once, in its order. `run` until cancelled."""

    def __init__(
        self, registry: Registry, outbox: ExchangeOutbox, *, since: int, every_s: float = JOURNAL_EVERY_S
    ) -> None:
        """`since` is an entry up to which both sides were found equal, such as that of the last clean day."""
        self._registry = registry
        self._outbox = outbox
        self._every_s = every_s
        self._cursor = since
        self._one_reader = asyncio.Lock()
        self._start: int | None = None
        """The newest entry when this side began to take note; what is later must be known here."""
        self._known: dict[InstructionId, _Known] = {}
        self._legs: dict[InstructionId, tuple[MovementLeg, ...]] = {}
        """Of movements that are pending, or confirmed and not yet found in the registry's journal."""
        self._to_tell: list[Difference] = []
        """Found, and not told to the core yet."""
        self.found = 0
        """Differences found since the start."""

    async def run(self) -> None:
        """Watch until cancelled. While the line is down nothing is looked at, and asked again."""
        with self._outbox.watched_by(self._follow):
            self._begin(self._outbox.side.pending())
            while True:
                try:
                    await self.look()
                except RegistryUnavailable as fault:
                    log.info("journal_not_read", why=fault.why.value)
                    await asyncio.sleep(AGAIN_S)
                else:
                    await asyncio.sleep(self._every_s)

    async def look(self) -> tuple[Difference, ...]:
        """Read what is new in the registry's journal; what only one side knows, which the core has been told then.

        Raises:
            RegistryUnavailable: it could not be read; what was read stays read.
        """
        async with self._one_reader:
            return await self._look()

    async def _look(self) -> tuple[Difference, ...]:
        if self._start is None:
            self._start = (await self._registry.positions()).as_of
        confirmed = [name for name, known in self._known.items() if known is _Known.CONFIRMED]
        following: int | None = self._cursor
        while following is not None:
            page = await self._registry.journal(following)
            for entry in page.entries:
                if entry.sequence > self._cursor + 1:
                    self._to_tell.append(_hole(self._cursor + 1, entry.sequence))
                self._to_tell.extend(self._judge(entry, self._start))
                self._cursor = entry.sequence
            following = page.next
        for name in confirmed:
            # It was confirmed before the journal was read to its end, so its entry should have been there.
            if self._known.get(name) is _Known.CONFIRMED:
                self._to_tell.extend(self._missing_there(name))
        self._outbox.newest_entry = max(self._outbox.newest_entry, self._cursor)
        found, self._to_tell = tuple(self._to_tell), []
        self.found += len(found)
        if found:
            log.error("movements_on_one_side", differences=len(found), as_of=self._cursor)
            await self._outbox.report(found, self._cursor)
        return found

    # --- what this side knows ---

    def _begin(self, pending: Iterable[Instruction]) -> None:
        for instruction in pending:
            self._instructed(instruction)

    def _follow(self, event: object) -> None:
        match event:
            case MovementInstructed():
                self._instructed(event.instruction)
            case MovementConfirmed():
                self._answered(event.instruction_id, _Known.CONFIRMED)
            case MovementRefused():
                self._answered(event.instruction_id, _Known.REFUSED)

    def _instructed(self, instruction: Instruction) -> None:
        name = instruction.instruction_id
        self._known[name] = _Known.PENDING
        self._legs[name] = self._outbox.movement(instruction).legs

    def _answered(self, name: InstructionId, answer: _Known) -> None:
        entered = self._known.pop(name, None) is _Known.ENTERED
        self._known[name] = _Known.DONE if entered and answer is _Known.CONFIRMED else answer
        if self._known[name] is not _Known.CONFIRMED:
            legs = self._legs.pop(name, ())
            if entered and answer is _Known.REFUSED:
                self._to_tell.extend(_contradicted(legs, name, "entered there before it was refused"))
        if len(self._known) > REMEMBERED:
            oldest = next(iter(self._known))
            del self._known[oldest]
            self._legs.pop(oldest, None)

    # --- what the registry's journal says ---

    def _judge(self, entry: JournalEntry, start: int) -> tuple[Difference, ...]:
        if entry.request_id is None:
            if entry.kind is MovementKind.TRANSFER_IN:
                return ()  # its owner did it, and a notice tells
            return _on_one_side(entry, None, "its owner cannot have done it")
        name = self._outbox.instruction_of(entry.request_id)
        if name is None:
            return _on_one_side(entry, None, f"not of this exchange: {entry.request_id}")
        match self._known.get(name):
            case _Known.PENDING:
                # The answer is on its way to us; what it says is compared when it comes.
                self._known[name] = _Known.ENTERED
            case _Known.CONFIRMED | _Known.ENTERED | _Known.DONE:
                self._known[name] = _Known.DONE
                self._legs.pop(name, None)
            case _Known.REFUSED:
                return _contradicted(entry.legs, name, f"refused, and then done as {entry.movement_id}")
            case None if entry.sequence > start:
                return _on_one_side(entry, name, "unknown here")
        return ()

    def _missing_there(self, name: InstructionId) -> tuple[Difference, ...]:
        self._known[name] = _Known.DONE  # told once
        legs = self._legs.pop(name)
        detail = f"confirmed here, and not in the registry's journal up to {self._cursor}"
        return of_movement(BreakKind.MOVEMENT_ON_ONE_SIDE, legs, name, detail)


def _hole(first: int, end: int) -> Difference:
    """Entries are numbered without a gap: what is missing was taken out, whatever it was."""
    detail = f"the registry's journal has no entries from {first} to before {end}"
    return Difference(kind=BreakKind.MOVEMENT_ON_ONE_SIDE, detail=detail)


def _on_one_side(entry: JournalEntry, name: InstructionId | None, why: str) -> tuple[Difference, ...]:
    detail = f"entry {entry.sequence}, {entry.kind.value} as {entry.movement_id}: {why}"
    return of_movement(BreakKind.MOVEMENT_ON_ONE_SIDE, entry.legs, name, detail)


def _contradicted(legs: Iterable[MovementLeg], name: InstructionId, detail: str) -> tuple[Difference, ...]:
    return of_movement(BreakKind.CONTRADICTORY_ANSWER, legs, name, detail)
