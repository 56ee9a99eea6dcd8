"""Differences with the registry that nobody has resolved yet.

Each stops what it touches and nothing else: the trading of its account, and the units of its lot in that account. It
goes on until a named person has resolved it; the same difference found again is the same break.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from settlement import serials
from settlement.commands import ReportBreaks
from settlement.custody_events import BreakOpened, BreakResolved, FreezeLifted, FreezePlaced
from settlement.custody_rejections import DIFFERENCE_MALFORMED
from settlement.difference import Break, BreakId, BreakKind, Difference
from settlement.freeze import Freeze, FreezeId, FreezeSource
from settlement.freezing import Freezing
from settlement.rejections import Rejection

_OF_THE_WHOLE: Final = frozenset({BreakKind.TOTALS_DIFFER, BreakKind.MOVEMENT_ON_ONE_SIDE})
"""Kinds that may name nothing: a sum that is wrong, or entries that are gone and nobody can say what they were."""


class Breaks:
    """Every open break."""

    __slots__ = ("_freezing", "_known", "last_id", "open")

    def __init__(self, freezing: Freezing) -> None:
        """None yet."""
        self._freezing = freezing
        self.open: dict[BreakId, Break] = {}
        """Oldest first."""
        self._known: set[Difference] = set()
        self.last_id = 0

    def report(self, command: ReportBreaks) -> Rejection | tuple[BreakOpened | FreezePlaced, ...]:
        """Open a break for each difference that is not known yet."""
        for number, found in enumerate(command.differences, 1):
            if not _is_sound(found):
                return DIFFERENCE_MALFORMED.because(actual=str(number))
        # From here the command must succeed.
        return tuple(
            event
            for found in command.differences
            if _key(found) not in self._known
            for event in self._open(found, command.as_of)
        )

    def resolve(
        self, break_id: BreakId, operator: str, reason: str
    ) -> Iterator[BreakResolved | FreezeLifted]:
        """It is settled: exactly its own freezes end."""
        case = self.open.pop(break_id)
        self._known.remove(_key(case.difference))
        account = self._freezing.restrictions.bound_to(case.difference.registry_account)
        yield BreakResolved(case=case, account=account, operator=operator, reason=reason)
        for freeze in _freezes(case):
            yield self._freezing.lift(freeze.freeze_id, reason)

    def load(self, state: tuple[Break, ...], last_id: int) -> None:
        """Take over what a snapshot tells; its freezes are taken over by themselves."""
        self.open = {case.break_id: case for case in state}
        self._known = {_key(case.difference) for case in state}
        self.last_id = last_id

    def check(self) -> None:
        """Each open break has its freezes, and no other has any."""
        expected = [freeze for case in self.open.values() for freeze in _freezes(case)]
        placed = [
            freeze
            for freeze in self._freezing.restrictions.freezes.values()
            if freeze.source is FreezeSource.BREAK
        ]
        assert expected == placed, f"{expected} are due to breaks, {placed} are placed"
        assert self._known == {_key(case.difference) for case in self.open.values()}

    def _open(self, found: Difference, as_of: int) -> Iterator[BreakOpened | FreezePlaced]:
        self.last_id += 1
        case = Break(break_id=BreakId(self.last_id), as_of=as_of, difference=found)
        self.open[case.break_id] = case
        self._known.add(_key(found))
        yield BreakOpened(case=case, account=self._freezing.restrictions.bound_to(found.registry_account))
        for freeze in _freezes(case):
            yield self._freezing.place(freeze)


def _freezes(case: Break) -> Iterator[Freeze]:
    """What a break stops: its account, and its lot there. One of a movement alone stops nothing by itself."""
    found = case.difference
    for part, names in (("account", found.registry_account is not None), ("lot", found.lot_id is not None)):
        if names:
            yield Freeze(
                freeze_id=FreezeId(f"break-{case.break_id}-{part}"),
                source=FreezeSource.BREAK,
                registry_account=found.registry_account,
                lot_id=found.lot_id if part == "lot" else None,
                reason=found.kind,
            )


def _key(found: Difference) -> Difference:
    """All that makes it this difference; its words do not."""
    return replace(found, detail="")


def _is_sound(found: Difference) -> bool:
    names = (found.registry_account, found.lot_id, found.instruction_id)
    return (found.kind in _OF_THE_WHOLE or any(name is not None for name in names)) and all(
        serials.is_well_formed(side) for side in (found.only_here, found.only_there)
    )
