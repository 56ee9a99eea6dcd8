"""Which account brought which serials to the exchange: against whom a correction is claimed (Measures 2023, Art. 22).

A serial keeps who brought it through every trade and beyond its retirement; it is forgotten when it leaves for the
management side, where it may come back with somebody else.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from settlement import serials
from settlement.events import LotSlice
from settlement.serials import NONE, Serials
from settlement.values import AccountId, LotId


@dataclass(frozen=True, kw_only=True, slots=True)
class BroughtState:
    """What one account brought of one lot, as written to a snapshot."""

    lot_id: LotId
    account: AccountId
    serials: Serials


class Provenance:
    """By lot, which account brought which serials."""

    __slots__ = ("_brought", "_withdrawn")

    def __init__(self) -> None:
        """Nothing was brought yet."""
        self._brought: dict[LotId, dict[AccountId, Serials]] = {}
        self._withdrawn: dict[LotId, Serials] = {}
        """Removed after a correction: the platform has taken them out of the world."""

    def note(self, account: AccountId, slices: tuple[LotSlice, ...]) -> None:
        """The account has brought these."""
        for part in slices:
            by_account = self._brought.setdefault(part.lot_id, {})
            by_account[account] = serials.union(by_account.get(account, NONE), part.serials)

    def forget(self, slices: tuple[LotSlice, ...]) -> None:
        """These have left, whoever brought them."""
        for part in slices:
            for account, brought in list(self._brought[part.lot_id].items()):
                gone = serials.intersection(brought, part.serials)
                left = serials.difference(brought, gone)
                if left:
                    self._brought[part.lot_id][account] = left
                else:
                    del self._brought[part.lot_id][account]

    def withdraw(self, slices: tuple[LotSlice, ...]) -> None:
        """These have left after a correction, and can never come back."""
        self.forget(slices)
        for part in slices:
            before = self._withdrawn.get(part.lot_id, NONE)
            self._withdrawn[part.lot_id] = serials.union(before, part.serials)

    def were_withdrawn(self, lot_id: LotId, wanted: Serials) -> bool:
        """Whether any of these serials was removed after a correction."""
        return serials.overlap(self._withdrawn.get(lot_id, NONE), wanted)

    def of(self, lot_id: LotId) -> Iterator[tuple[AccountId, Serials]]:
        """Who brought what of a lot, in order of account."""
        return iter(sorted(self._brought.get(lot_id, {}).items()))

    def dump(self) -> tuple[BroughtState, ...]:
        """Who brought what, in order of lot and account."""
        return tuple(
            BroughtState(lot_id=lot_id, account=account, serials=brought)
            for lot_id in sorted(self._brought)
            for account, brought in self.of(lot_id)
        )

    def dump_withdrawn(self) -> tuple[LotSlice, ...]:
        """What was removed after corrections, in order of lot."""
        return tuple(
            LotSlice(lot_id=lot_id, serials=gone) for lot_id, gone in sorted(self._withdrawn.items())
        )

    def load(self, brought: tuple[BroughtState, ...], withdrawn: tuple[LotSlice, ...]) -> None:
        """Take over what a snapshot tells."""
        for line in brought:
            self._brought.setdefault(line.lot_id, {})[line.account] = line.serials
        self._withdrawn = {part.lot_id: part.serials for part in withdrawn}

    def check(self, present: list[LotSlice]) -> None:
        """Nobody brought what another did, and everything that is present was brought by somebody."""
        everything: dict[LotId, Serials] = {}
        for lot_id, by_account in self._brought.items():
            together = NONE
            for brought in by_account.values():
                together = serials.union(together, brought)
            everything[lot_id] = together
        for part in present:
            assert serials.contains(everything.get(part.lot_id, NONE), part.serials), (
                f"{part} came from nowhere"
            )
