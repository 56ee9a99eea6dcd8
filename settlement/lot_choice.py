"""How a request names units: serials of a lot, or a quantity out of a lot, the lowest serials first."""

from dataclasses import dataclass

from settlement.serials import NONE, Serials
from settlement.values import LotId


@dataclass(frozen=True, kw_only=True, slots=True)
class LotChoice:
    """One lot, and what is wanted of it: serials, or a quantity without them."""

    lot_id: LotId
    serials: Serials = NONE
    quantity_tonnes: int = 0
