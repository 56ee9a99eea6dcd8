"""Under which names the registry is asked: this exchange's, the instruction's, and which life of the exchange asked.

An exchange put back from a backup gives numbers a second time that it gave after that backup. Were the registry asked
under them again, it would refuse the new movement, or worse, answer that it is done, meaning the old one. So each
restore begins another life, and a life's mark is part of every name asked under from its first entry on. What was asked before
the backup, and may still be unanswered, goes on under the very name it was asked under.

    <exchange>.<instruction>            asked in the first life
    <exchange>-<mark>.<instruction>     asked after the restore that has this mark
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from settlement.values import InstructionId


@dataclass(frozen=True, kw_only=True, slots=True)
class Life:
    """From which entry of its journal on an exchange lives after a restore, and its mark."""

    first_seq: int
    mark: str


@dataclass(frozen=True, kw_only=True, slots=True)
class RequestNames:
    """One exchange's names."""

    exchange_id: str
    lives: tuple[Life, ...] = ()
    """After each restore, oldest first; none where it was never put back."""
    asked_at: Callable[[InstructionId], int | None] = lambda _: None
    """The entry of the journal that asked for an instruction; None when it is not remembered."""

    def request_id(self, name: InstructionId) -> str:
        """How the registry is asked for it."""
        return f"{self._prefix(self._life_of(name))}{name}"

    def instruction_of(self, request_id: str) -> InstructionId | None:
        """What a request stands for; None when it is not this exchange's.

        What another life asked under a name that this one has, or may yet give, keeps that life's mark before it.
        """
        for life in (None, *self.lives):
            prefix = self._prefix(life)
            if request_id.startswith(prefix):
                name = InstructionId(request_id.removeprefix(prefix))
                return name if life == self._life_of(name) else lost_name(name, life)
        return None

    def _life_of(self, name: InstructionId) -> Life | None:
        """The life that asked; the one at hand for what is not remembered."""
        seq = self.asked_at(name) if self.lives else None
        if seq is None:
            return self.lives[-1] if self.lives else None
        return next((life for life in reversed(self.lives) if life.first_seq <= seq), None)

    def _prefix(self, life: Life | None) -> str:
        return f"{self.exchange_id}." if life is None else f"{self.exchange_id}-{life.mark}."


_FIRST = "first"


def lost_name(name: InstructionId, life: Life | None) -> InstructionId:
    """A name as another life gave it; no instruction of this one is called so."""
    return InstructionId(f"{_FIRST if life is None else life.mark}.{name}")


def is_lost(name: InstructionId) -> bool:
    """Whether a name is another life's: asked for before a restore, and not known since."""
    return "." in name
