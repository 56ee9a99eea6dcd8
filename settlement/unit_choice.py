"""Which units an owner means that names a quantity, or lots: serials that are its own, free, and not frozen."""

from settlement import serials
from settlement.custody_rejections import CHOICE_MALFORMED, SERIALS_FROZEN, SERIALS_NOT_HELD
from settlement.events import LotSlice
from settlement.holdings import Holdings
from settlement.lot import Lot
from settlement.lot_choice import LotChoice
from settlement.rejections import INSUFFICIENT_UNITS, LOT_UNKNOWN, SERIALS_MALFORMED, Rejection
from settlement.restrictions import Restrictions
from settlement.values import AccountId, AssetCode, LotId


class UnitChoice:
    """Chooses serials for what is asked, or says why that cannot be."""

    __slots__ = ("_holdings", "_lots", "_restrictions")

    def __init__(self, holdings: Holdings, restrictions: Restrictions, lots: dict[LotId, Lot]) -> None:
        """Everything handed in is the depository's own, read here."""
        self._holdings = holdings
        self._restrictions = restrictions
        self._lots = lots

    def choose(
        self,
        account: AccountId,
        instrument: AssetCode,
        wanted: tuple[int, tuple[LotChoice, ...]],
        sellable_tonnes: int,
    ) -> Rejection | tuple[LotSlice, ...]:
        """The serials meant by a quantity (first in, first out), or by lots; `sellable_tonnes` is all that is free."""
        quantity, lots = wanted
        if not _is_sound(quantity, lots):
            return CHOICE_MALFORMED.because()
        if not lots:
            if quantity > sellable_tonnes:
                return INSUFFICIENT_UNITS.because(limit=sellable_tonnes, actual=quantity)
            return self._holdings.choose(account, instrument, quantity)
        chosen: list[LotSlice] = []
        for named in lots:
            found = self._in_lot(account, instrument, named)
            if isinstance(found, Rejection):
                return found
            chosen.append(found)
        tonnes = sum(serials.count(part.serials) for part in chosen)
        if tonnes > sellable_tonnes:
            return INSUFFICIENT_UNITS.because(limit=sellable_tonnes, actual=tonnes)
        return tuple(chosen)

    def _in_lot(self, account: AccountId, instrument: AssetCode, named: LotChoice) -> Rejection | LotSlice:
        lot = self._lots.get(named.lot_id)
        if lot is None or lot.instrument != instrument:
            return LOT_UNKNOWN.because(actual=named.lot_id)
        if not serials.is_well_formed(named.serials):
            return SERIALS_MALFORMED.because(actual=named.lot_id)
        held = self._holdings.of_lot(account, named.lot_id)
        if not serials.contains(held, named.serials):
            return SERIALS_NOT_HELD.because(actual=named.lot_id)
        frozen = self._restrictions.frozen(account, named.lot_id, held)
        if serials.overlap(frozen, named.serials):
            return SERIALS_FROZEN.because(actual=named.lot_id)
        if named.serials:
            return LotSlice(lot_id=named.lot_id, serials=named.serials)
        free = serials.difference(held, frozen)
        if named.quantity_tonnes > serials.count(free):
            return INSUFFICIENT_UNITS.because(limit=serials.count(free), actual=named.quantity_tonnes)
        first, _ = serials.take_first(free, named.quantity_tonnes)
        return LotSlice(lot_id=named.lot_id, serials=first)


def _is_sound(quantity: int, lots: tuple[LotChoice, ...]) -> bool:
    """A quantity above zero or lots, not both; each lot once, by serials or by a quantity above zero."""
    if not lots:
        return quantity > 0
    return (
        quantity == 0
        and len({named.lot_id for named in lots}) == len(lots)
        and all(bool(named.serials) is not (named.quantity_tonnes > 0) for named in lots)
        and all(named.quantity_tonnes >= 0 for named in lots)
    )
