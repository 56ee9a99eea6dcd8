"""The movements this side knows, as the watch over the registry's journal asks for them."""

from collections.abc import Collection
from dataclasses import dataclass

from gateway.engine.tables.journal import Journal
from gateway.engine.views.trail import Trail
from gateway.running_engine import Engine
from settlement.commands import Outcome
from settlement.difference import Difference
from settlement.events import Instruction, MovementInstructed
from settlement.values import InstructionId


@dataclass(frozen=True, slots=True)
class KnownMovements:
    """What the views remember of them; their legs are read from the journal when one is asked for."""

    trail: Trail
    journal: Journal

    @property
    def after(self) -> int:
        """The registry's entry after which each of them stands there, if it was done."""
        return self.trail.after

    @property
    def known_after(self) -> int | None:
        """The registry's entry after which whatever stands there is one of them; None while that cannot be said."""
        return self.trail.known_after

    def is_known(self, name: InstructionId) -> bool:
        """Whether it is one of them."""
        return self.trail.get(name) is not None

    def answered(self, outcome: Outcome) -> Collection[InstructionId]:
        """Those that ended so."""
        views = self.trail.answered()
        return tuple(InstructionId(view.instruction_id) for view in views if view.outcome is outcome)

    def is_settled(self, found: Difference) -> bool:
        """Whether a person has settled it already."""
        return self.trail.is_settled(found)

    async def instruction(self, name: InstructionId) -> Instruction:
        """What was asked for under that name."""
        view = self.trail.get(name)
        assert view is not None, f"{name} is not remembered"
        (record,) = await self.journal.read(view.seq - 1, 1)
        return next(
            event.instruction
            for event in record.entry().events
            if isinstance(event, MovementInstructed) and event.instruction.instruction_id == name
        )


def known_movements(engine: Engine) -> KnownMovements:
    """Those of a running exchange."""
    return KnownMovements(engine.views.custody.trail, engine.journal)
