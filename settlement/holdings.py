"""Whose serials are whose: the exchange's mirror of the trading sub-accounts, lot by lot.

A serial at the exchange is in exactly one place: with an account, on its way in one pending delivery, or expected by
one pending transfer in. `Holdings` knows the first and, lot by lot, the sum of all three, so that no serial can be
expected or received twice whatever the registry may say.

What an account has is free to be chosen, or set aside because somebody named it: a serial that is set aside is
delivered to whom it was named for or put back, and nothing else chooses it meanwhile.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from sortedcontainers import SortedDict

from settlement import serials
from settlement.events import LotSlice
from settlement.lot import Lot
from settlement.serials import Serials
from settlement.values import AccountId, AssetCode, LotId


@dataclass(frozen=True, kw_only=True, slots=True)
class HoldingState:
    """What one account has of one lot, as written to a snapshot."""

    account: AccountId
    lot_id: LotId
    serials: Serials


@dataclass(frozen=True, kw_only=True, slots=True)
class RetiredState:
    """What was used and cancelled of one lot, as written to a snapshot."""

    lot_id: LotId
    serials: Serials


class Holdings:
    """Serials by account and lot, each account's lots in delivery order."""

    __slots__ = ("_aside", "_by_account", "_here", "_lots", "retired")

    def __init__(self, lots: dict[LotId, Lot]) -> None:
        """Nothing held yet; `lots` is the depository's own table, read here."""
        self._lots = lots
        self._by_account: dict[tuple[AccountId, AssetCode], SortedDict[tuple[str, str], Serials]] = {}
        self._aside: dict[tuple[AccountId, LotId], Serials] = {}
        self._here: dict[LotId, Serials] = {}
        self.retired: dict[LotId, Serials] = {}
        """Serials used and cancelled here, lot by lot: they never come back (Art. 35). Not to be altered by the caller."""

    def of(self, account: AccountId, instrument: AssetCode) -> Iterator[LotSlice]:
        """What an account can choose of an instrument, in delivery order: first in, first out by date of issue."""
        lots = self._by_account.get((account, instrument))
        if lots is not None:
            for (_, lot_id), held in lots.items():
                yield LotSlice(lot_id=LotId(lot_id), serials=held)

    def everything(self) -> Iterator[HoldingState]:
        """Every holding, in order of account, instrument and delivery."""
        places: dict[tuple[AccountId, AssetCode], dict[tuple[str, str], Serials]] = {
            place: dict(lots) for place, lots in self._by_account.items()
        }
        for (account, lot_id), aside in self._aside.items():
            lot = self._lots[lot_id]
            lots = places.setdefault((account, lot.instrument), {})
            lots[lot.delivery_order] = serials.union(lots.get(lot.delivery_order, serials.NONE), aside)
        for (account, _), held in sorted(places.items(), key=lambda item: item[0]):
            for (_, name), of_lot in sorted(held.items()):
                yield HoldingState(account=account, lot_id=LotId(name), serials=of_lot)

    def is_here(self, lot_id: LotId, wanted: Serials) -> bool:
        """Whether any of these serials is at the exchange, or expected there."""
        return serials.overlap(self._here.get(lot_id, serials.NONE), wanted)

    def pieces(self, lot_id: LotId) -> int:
        """In how many ranges a lot lies here, whoever's they are; neighbours count as one."""
        return len(self._here.get(lot_id, serials.NONE))

    def expect(self, slices: tuple[LotSlice, ...]) -> None:
        """Note serials that are to come in; they belong to nobody here yet."""
        for part in slices:
            self._here[part.lot_id] = serials.union(self._here.get(part.lot_id, serials.NONE), part.serials)

    def forget(self, slices: tuple[LotSlice, ...]) -> None:
        """Serials that did not come after all, or have left."""
        for part in slices:
            self._here[part.lot_id] = serials.difference(self._here[part.lot_id], part.serials)

    def retire(self, slices: tuple[LotSlice, ...]) -> None:
        """Serials that are here, and with nobody, are cancelled for good. None is ever cancelled twice."""
        self.forget(slices)
        for part in slices:
            self.retired[part.lot_id] = serials.union(
                self.retired.get(part.lot_id, serials.NONE), part.serials
            )

    def is_retired(self, lot_id: LotId, wanted: Serials) -> bool:
        """Whether any of these serials was used and cancelled here."""
        return serials.overlap(self.retired.get(lot_id, serials.NONE), wanted)

    def give(self, account: AccountId, slices: tuple[LotSlice, ...]) -> None:
        """Put serials that are here, and with nobody, into an account."""
        for part in slices:
            lot = self._lots[part.lot_id]
            lots = self._by_account.setdefault((account, lot.instrument), SortedDict())
            lots[lot.delivery_order] = serials.union(lots.get(lot.delivery_order, serials.NONE), part.serials)

    def take_first(self, account: AccountId, instrument: AssetCode, quantity: int) -> tuple[LotSlice, ...]:
        """Take tonnes out of an account, first in, first out by date of issue. The account must have them."""
        lots = self._by_account.get((account, instrument))
        taken: list[LotSlice] = []
        wanted = quantity
        while wanted:
            assert lots, f"{account} lacks serials of {instrument} for {wanted} of {quantity} t"
            key, held = lots.peekitem(0)
            here = min(wanted, serials.count(held))
            first, rest = serials.take_first(held, here)
            taken.append(LotSlice(lot_id=LotId(key[1]), serials=first))
            wanted -= here
            if rest:
                lots[key] = rest
            else:
                del lots[key]
        return tuple(taken)

    def take(self, account: AccountId, slices: tuple[LotSlice, ...]) -> None:
        """Take named serials, which the account has free, out of it."""
        for part in slices:
            self._take(account, part)

    # ---- what is named ------------------------------------------------------------------------------------------

    def free(self, account: AccountId, lot_id: LotId) -> Serials:
        """Serials of one lot that the account has and that nobody has named."""
        lot = self._lots[lot_id]
        lots = self._by_account.get((account, lot.instrument))
        return serials.NONE if lots is None else lots.get(lot.delivery_order, serials.NONE)

    def set_aside(self, account: AccountId, slices: tuple[LotSlice, ...]) -> None:
        """Keep these serials, which the account has free, for whom they were named."""
        for part in slices:
            self._take(account, part)
            key = (account, part.lot_id)
            self._aside[key] = serials.union(self._aside.get(key, serials.NONE), part.serials)

    def put_back(self, account: AccountId, slices: tuple[LotSlice, ...]) -> None:
        """They are not kept any more: anything may choose them."""
        self.give(account, self.take_aside(account, slices))

    def take_aside(self, account: AccountId, slices: tuple[LotSlice, ...]) -> tuple[LotSlice, ...]:
        """Take serials that were set aside out of the account: they go where they were named for."""
        for part in slices:
            key = (account, part.lot_id)
            left = serials.difference(self._aside[key], part.serials)
            if left:
                self._aside[key] = left
            else:
                del self._aside[key]
        return slices

    def aside(self) -> dict[tuple[AccountId, LotId], Serials]:
        """Everything set aside, by account and lot."""
        return dict(self._aside)

    def _take(self, account: AccountId, part: LotSlice) -> None:
        lot = self._lots[part.lot_id]
        lots = self._by_account[account, lot.instrument]
        left = serials.difference(lots[lot.delivery_order], part.serials)
        if left:
            lots[lot.delivery_order] = left
        else:
            del lots[lot.delivery_order]

    # ---- soundness ----------------------------------------------------------------------------------------------

    def check(self, in_flight: list[LotSlice]) -> None:
        """Every lot tiles: what accounts have and what is in flight make up exactly what is here, none twice."""
        places: dict[LotId, list[Serials]] = {}
        for holding in self.everything():
            assert serials.is_well_formed(holding.serials), f"{holding} is malformed"
            places.setdefault(holding.lot_id, []).append(holding.serials)
        for part in in_flight:
            places.setdefault(part.lot_id, []).append(part.serials)
        for lot_id, here in self._here.items():
            together: Serials = serials.NONE
            for place in places.pop(lot_id, []):
                together = serials.union(together, place)
            assert together == here, f"{lot_id}: {together} in places, {here} here"
            assert all(self._lots[lot_id].serials[0] <= first for first, _ in here)
            assert all(end <= self._lots[lot_id].serials[1] for _, end in here)
        for lot_id, gone in self.retired.items():
            assert not self.is_here(lot_id, gone), f"retired serials of {lot_id} are here"
        assert not places, f"serials of {sorted(places)} from nowhere"
