"""Whose serials are whose: the exchange's mirror of the trading sub-accounts, lot by lot.

A serial at the exchange is in exactly one place: with an account, on its way in one pending delivery, or expected by
one pending transfer in. `Holdings` knows the first and, lot by lot, the sum of all three, so that no serial can be
expected or received twice whatever the registry may say.

What an account has is free to be chosen, or set aside because somebody named it: a serial that is set aside is
delivered to whom it was named for or put back, and nothing else chooses it meanwhile. What a
freeze names is never chosen.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from sortedcontainers import SortedDict

from settlement import serials
from settlement.events import LotSlice
from settlement.lot import Lot
from settlement.restrictions import Restrictions
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

    __slots__ = ("_aside", "_by_account", "_here", "_lots", "_restrictions", "retired")

    def __init__(self, lots: dict[LotId, Lot], restrictions: Restrictions) -> None:
        """Nothing held yet; lots and restrictions are the depository's own, read here."""
        self._lots = lots
        self._restrictions = restrictions
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

    def all_here(self, lot_id: LotId, wanted: Serials) -> bool:
        """Whether every one of these serials is at the exchange, or expected there."""
        return serials.contains(self._here.get(lot_id, serials.NONE), wanted)

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

    def of_lot(self, account: AccountId, lot_id: LotId) -> Serials:
        """What an account has of one lot and is not set aside."""
        lot = self._lots[lot_id]
        lots = self._by_account.get((account, lot.instrument))
        return serials.NONE if lots is None else lots.get(lot.delivery_order, serials.NONE)

    def owned(self, account: AccountId, lot_id: LotId) -> Serials:
        """What an account has of one lot, set aside or not."""
        aside = self._aside.get((account, lot_id), serials.NONE)
        return serials.union(self.of_lot(account, lot_id), aside)

    def holders(self, lot_id: LotId) -> list[AccountId]:
        """Who has serials of a lot, set aside or not, in order of account."""
        lot = self._lots.get(lot_id)
        if lot is None:
            return []
        free = {
            account
            for (account, instrument), lots in self._by_account.items()
            if instrument == lot.instrument and lot.delivery_order in lots
        }
        return sorted(free | {account for account, aside in self._aside if aside == lot_id})

    def frozen_tonnes(self, account: AccountId, instrument: AssetCode) -> int:
        """How much of what an account has here is named by freezes."""
        return sum(
            serials.count(self._restrictions.frozen(account, lot_id, self.of_lot(account, lot_id)))
            for lot_id in self._restrictions.lots_of(instrument)
        )

    def can_give(self, account: AccountId, instrument: AssetCode, quantity: int) -> bool:
        """Whether an account has so many serials that are not frozen; asked where some may be."""
        if not self._restrictions.names_units:
            return True
        free = sum(serials.count(part.serials) for part in self.unfrozen(account, instrument))
        return free >= quantity

    def unfrozen(self, account: AccountId, instrument: AssetCode) -> Iterator[LotSlice]:
        """What an account has free and is not frozen, in delivery order."""
        for part in self.of(account, instrument):
            frozen = self._restrictions.frozen(account, part.lot_id, part.serials)
            left = serials.difference(part.serials, frozen)
            if left:
                yield LotSlice(lot_id=part.lot_id, serials=left)

    def choose(self, account: AccountId, instrument: AssetCode, quantity: int) -> tuple[LotSlice, ...]:
        """Tonnes of an account, first in, first out by date of issue, none frozen. The account must have them."""
        chosen: list[LotSlice] = []
        wanted = quantity
        for part in self.unfrozen(account, instrument):
            here = min(wanted, serials.count(part.serials))
            first, _ = serials.take_first(part.serials, here)
            chosen.append(LotSlice(lot_id=part.lot_id, serials=first))
            wanted -= here
            if not wanted:
                return tuple(chosen)
        raise AssertionError(f"{account} lacks serials of {instrument} for {wanted} of {quantity} t")

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
            lots = self._by_account.get((account, lot.instrument))
            if lots is None:  # making one is dear, and most accounts have some already
                lots = self._by_account[account, lot.instrument] = SortedDict()
            lots[lot.delivery_order] = serials.union(lots.get(lot.delivery_order, serials.NONE), part.serials)
            if self._restrictions.touches(part.lot_id):
                self._restrictions.stir(account, part.lot_id)

    def take(self, account: AccountId, slices: tuple[LotSlice, ...]) -> None:
        """Take these serials out of an account, which must have them."""
        for part in slices:
            lot = self._lots[part.lot_id]
            lots = self._by_account[account, lot.instrument]
            rest = serials.difference(lots[lot.delivery_order], part.serials)
            if rest:
                lots[lot.delivery_order] = rest
            else:
                del lots[lot.delivery_order]
            if self._restrictions.touches(part.lot_id):
                self._restrictions.stir(account, part.lot_id)

    def take_first(self, account: AccountId, instrument: AssetCode, quantity: int) -> tuple[LotSlice, ...]:
        """Take tonnes out of an account, first in, first out by date of issue, none frozen. It must have them."""
        if self._restrictions.names_units:
            chosen = self.choose(account, instrument, quantity)
            self.take(account, chosen)
            return chosen
        lots = self._by_account.get((account, instrument))
        taken: list[LotSlice] = []
        wanted = quantity
        while wanted:
            assert lots, f"{account} lacks serials of {instrument} for {wanted} of {quantity} t"
            key, held = lots.peekitem(0)
            first, rest = serials.take_up_to(held, wanted)
            taken.append(LotSlice(lot_id=LotId(key[1]), serials=first))
            wanted -= serials.count(first)
            if rest:
                lots[key] = rest
            else:
                del lots[key]
        return tuple(taken)

    def rename(self, before: Lot, after: Lot) -> None:
        """Follow a change of a lot's date of issue: its place in the order of delivery."""
        for (_, instrument), lots in self._by_account.items():
            if instrument == before.instrument and before.delivery_order in lots:
                lots[after.delivery_order] = lots.pop(before.delivery_order)

    # ---- what is named ------------------------------------------------------------------------------------------

    def free(self, account: AccountId, lot_id: LotId) -> Serials:
        """Serials of one lot that the account has, that nobody has named and no freeze names."""
        held = self.of_lot(account, lot_id)
        return serials.difference(held, self._restrictions.frozen(account, lot_id, held))

    def are_frozen(self, account: AccountId, slices: tuple[LotSlice, ...]) -> bool:
        """Whether a freeze names any of these serials where this account has them."""
        return any(self._restrictions.frozen(account, part.lot_id, part.serials) for part in slices)

    def set_aside(self, account: AccountId, slices: tuple[LotSlice, ...]) -> None:
        """Keep these serials, which the account has free, for whom they were named."""
        self.take(account, slices)
        for part in slices:
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
