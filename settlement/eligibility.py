"""The class check: an eligible lot is a type of its own, and only this module can build one (Measures 2023, Art. 29).

What takes units to a compliance offset takes `EligibleLot`s, so the type checker proves that no lot reaches it that
has not been through here; a test proves that nothing else can make one. This is the first of three walls: the
registry refuses Class II by itself, and so does the database.
"""

from dataclasses import dataclass
from typing import Final, final

from settlement import use_rejections
from settlement.compliance_year import ComplianceYear
from settlement.lot import Lot, MethodologyClass
from settlement.rejections import Rejection
from settlement.serials import Serials
from settlement.values import ParticipantId


@final
class _ClassProof:
    """Shows that whoever has it is the class check. There is one, and it never leaves this module."""

    __slots__ = ()


_PROOF: Final = _ClassProof()


@final
class EligibleLot:
    """A Class I lot, known to be one. Made by `class_one` alone."""

    __slots__ = ("_lot",)

    def __init__(self, lot: Lot, proof: _ClassProof) -> None:
        """Raises AssertionError for whoever is not the class check: that is a fault of ours."""
        if proof is not _PROOF or lot.methodology_class is not MethodologyClass.I:
            raise AssertionError(f"{lot.lot_id} has not been through the class check")
        self._lot = lot

    @property
    def lot(self) -> Lot:
        """The lot."""
        return self._lot

    def __eq__(self, other: object) -> bool:
        return isinstance(other, EligibleLot) and other._lot == self._lot

    __hash__ = None  # type: ignore[assignment] # what cannot be hashed cannot decide an order

    def __repr__(self) -> str:
        return f"EligibleLot({self._lot.lot_id})"


@dataclass(frozen=True, kw_only=True, slots=True)
class EligibleSlice:
    """Serials of an eligible lot: all that an offset is made of."""

    of: EligibleLot
    serials: Serials


def class_one(lot: Lot) -> EligibleLot | Rejection:
    """The class check: the lot as an eligible one, or `class_not_eligible`."""
    if lot.methodology_class is not MethodologyClass.I:
        return use_rejections.CLASS_NOT_ELIGIBLE.because(limit=MethodologyClass.I, actual=lot.lot_id)
    return EligibleLot(lot, _PROOF)


def refuse_for_year(eligible: EligibleLot, terms: ComplianceYear, entity: ParticipantId) -> Rejection | None:
    """The rule of the year that forbids this entity to use this lot; None when there is none."""
    lot = eligible.lot
    too_early = terms.period_from and lot.period_from < terms.period_from
    if too_early or (terms.period_to and lot.period_to > terms.period_to):
        return use_rejections.PERIOD_NOT_ELIGIBLE.because(
            limit=f"{terms.period_from}/{terms.period_to}", actual=f"{lot.period_from}/{lot.period_to}"
        )
    if terms.methodologies and lot.methodology not in terms.methodologies:
        return use_rejections.METHODOLOGY_NOT_ELIGIBLE.because(
            limit=", ".join(terms.methodologies), actual=lot.methodology
        )
    if terms.origins and lot.origin not in terms.origins:
        return use_rejections.ORIGIN_NOT_ELIGIBLE.because(limit=", ".join(terms.origins), actual=lot.origin)
    for exclusion in terms.exclusions:
        if exclusion.lot_id == lot.lot_id and exclusion.entity in (None, entity):
            return use_rejections.LOT_EXCLUDED.because(limit=exclusion.reason, actual=lot.lot_id)
    return None
