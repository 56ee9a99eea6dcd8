"""Lots that somebody names: which units, instead of whichever are next in turn.

A named lot says how many tonnes of one lot are meant and, if it matters, which serials. Without serials any of the
lot will do; which ones is settled when the owner sets them aside.
"""

from dataclasses import dataclass
from typing import Final

from settlement import serials
from settlement.events import LotSlice
from settlement.serials import Serials
from settlement.values import LotId

MAX_NAMED_LOTS: Final = 100
"""Lots that can be named at once; each is a leg of the movement that delivers them."""

MAX_NAMED_RANGES: Final = 1_000
"""Serial ranges that can be named at once."""


@dataclass(frozen=True, kw_only=True, slots=True)
class NamedLot:
    """So many tonnes of one lot."""

    lot_id: LotId
    quantity_tonnes: int
    serials: Serials = serials.NONE
    """The very serials, as many as tonnes; none where any of the lot will do."""

    @property
    def is_chosen(self) -> bool:
        """Whether the serials are known."""
        return bool(self.serials)


def are_well_formed(lots: tuple[NamedLot, ...]) -> bool:
    """Whether every lot is named once, with tonnes, and with as many serials or none, within the bounds."""
    if len(lots) > MAX_NAMED_LOTS or len({one.lot_id for one in lots}) != len(lots):
        return False
    if sum(len(one.serials) for one in lots) > MAX_NAMED_RANGES:
        return False
    return all(
        one.quantity_tonnes > 0
        and serials.is_well_formed(one.serials)
        and (not one.serials or serials.count(one.serials) == one.quantity_tonnes)
        for one in lots
    )


def total_tonnes(lots: tuple[NamedLot, ...]) -> int:
    """How many tonnes are named."""
    return sum(one.quantity_tonnes for one in lots)


def slices_of(lots: tuple[NamedLot, ...]) -> tuple[LotSlice, ...]:
    """The serials of lots that are all chosen."""
    assert all(one.is_chosen for one in lots), f"{lots} are not chosen"
    return tuple(LotSlice(lot_id=one.lot_id, serials=one.serials) for one in lots)
