"""A lot: what exactly is owned. The registry issues it; the exchange learns of it and never alters it.

Class and methodology decide what its units may be used for (Measures 2023, Art. 14, 29), origin and project who may
sell it for others (Art. 24, 30), the monitoring period and batch what was measured when (Art. 25, 26).
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from settlement.serials import SerialRange, is_well_formed
from settlement.values import AssetCode, LotId

MAX_TONNES: Final = 10**12
"""Of one lot, far more than the world emits in a year: what millions of lots come to still fits 64 bits in the books."""


class MethodologyClass(StrEnum):
    """Class of the methodology a reduction was issued under (Art. 14). Only Class I may serve compliance (Art. 29)."""

    I = "I"  # noqa: E741 - the regulation's own name
    II = "II"


class Origin(StrEnum):
    """How a reduction came to be: Art. 24 (project, scenario), Art. 34 (points gathered by a rights provider)."""

    PROJECT = "project"
    SCENARIO = "scenario"
    POINTS_CONVERTED = "points_converted"


@dataclass(frozen=True, kw_only=True, slots=True)
class Lot:
    """One issue batch of one project or scenario."""

    lot_id: LotId
    instrument: AssetCode
    """The code under which this lot's units are interchangeable on the listed book."""
    methodology_class: MethodologyClass
    methodology: str
    """Code of the methodology, as published."""
    methodology_version: str
    origin: Origin
    project: str
    """The project or scenario."""
    period_from: str
    """First day of the monitoring period, ISO date."""
    period_to: str
    """Last day of the monitoring period, ISO date."""
    batch: str
    issued_on: str
    """ISO date of issue: the order in which lots are delivered."""
    serials: SerialRange
    """Every serial ever issued in this lot, half-open."""

    @property
    def delivery_order(self) -> tuple[str, str]:
        """Sort key of first in, first out: date of issue, then the lot's name, so that ties never depend on chance."""
        return (self.issued_on, self.lot_id)

    @property
    def can_be(self) -> bool:
        """Whether there can be such a lot: it has serials, and not more than the books can hold."""
        first, end = self.serials
        return is_well_formed((self.serials,)) and end - first <= MAX_TONNES
