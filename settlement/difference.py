"""A difference with the registry, and the break that is kept open until a named person has resolved it."""

from dataclasses import dataclass
from enum import StrEnum
from typing import NewType

from settlement.serials import NONE, Serials
from settlement.values import InstructionId, LotId

BreakId = NewType("BreakId", int)
"""Counts 1, 2, 3 … over the life of the exchange."""


class BreakKind(StrEnum):
    """How the two sides differ."""

    MISSING_HERE = "missing_here"
    """The registry has the lot in this account, the exchange has none of it."""
    MISSING_THERE = "missing_there"
    """The exchange has the lot in this account, the registry has none of it."""
    RANGE_DIFFERS = "range_differs"
    """Both have some, but not the same serials."""
    ACCOUNT_STATE_DIFFERS = "account_state_differs"
    """Open or frozen on one side only, or bound otherwise."""
    MOVEMENT_ON_ONE_SIDE = "movement_on_one_side"
    """A movement is in one side's journal and not in the other's."""
    CONTRADICTORY_ANSWER = "contradictory_answer"
    """The registry answered one request in two ways."""
    TOTALS_DIFFER = "totals_differ"
    """Issued is not managed and trading and retired, or a total is not the sum of its parts."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Difference:
    """What differs, as far as it is known. The same difference found again is the same break."""

    kind: BreakKind
    registry_account: str | None = None
    lot_id: LotId | None = None
    only_here: Serials = NONE
    only_there: Serials = NONE
    instruction_id: InstructionId | None = None
    """The movement it is about, for those of movements."""
    detail: str = ""
    """In words, for the operator."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Break:
    """A difference that is not resolved yet. It freezes the account it touches, and its lot there."""

    break_id: BreakId
    as_of: int
    """Sequence number of the registry's journal at which it was found."""
    difference: Difference
