"""The exchange's positions as of an entry of the registry's journal, while both sides go on: pure, in flat memory.

What the exchange holds now is what it held at that entry and what was confirmed since. `Undone` takes back what was
confirmed since, account by account as they are read, so that nothing has to stop and nothing has to be copied: a
movement that is confirmed while the positions are read is taken back from the accounts that are yet to come.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import assert_never

from registry_bridge.reconcile import without
from registry_bridge.registry import PositionRange
from settlement.events import Instruction, InstructionKind, InstructionLeg
from settlement.serials import Serials, union
from settlement.values import AccountId, LotId

Change = Callable[[Serials, Serials], Serials]


class Undone:
    """Movements to be taken back from what is held now."""

    def __init__(self) -> None:
        self._changes: dict[AccountId | None, dict[LotId, list[tuple[Change, Serials]]]] = {}
        """In the order in which they happened, each with what takes it back."""

    def add(self, instruction: Instruction) -> None:
        """Take back a movement that was confirmed after all those added before."""
        for leg in instruction.legs:
            for account, change in _undoing(instruction.kind, leg):
                lots = self._changes.setdefault(account, {})
                lots.setdefault(leg.lot_id, []).append((change, leg.serials))

    def lots(self, account: AccountId | None) -> Iterable[LotId]:
        """The lots in which an account held something else."""
        return self._changes.get(account, {}).keys()

    def serials(self, account: AccountId | None, lot: LotId, now: Serials) -> Serials:
        """What it held of a lot, given what it holds now."""
        for change, serials in reversed(self._changes.get(account, {}).get(lot, [])):
            now = change(now, serials)
        return now


def _undoing(kind: InstructionKind, leg: InstructionLeg) -> Iterator[tuple[AccountId, Change]]:
    """Whose holdings a leg changed, and what takes it back; the outside of the exchange is nobody's."""
    match kind:
        case InstructionKind.TRANSFER_IN:
            yield leg.to_account, without
        case InstructionKind.TRANSFER_OUT | InstructionKind.RETIRE:
            yield leg.from_account, _with
        case InstructionKind.DELIVER:
            yield leg.from_account, _with
            yield leg.to_account, without
        case _:
            assert_never(kind)


def _with(serials: Serials, more: Serials) -> Serials:
    """Both together. What is compared may be wrong, so some of the second may be in the first."""
    return union(without(serials, more), more)


def positions(
    accounts: Iterable[tuple[str, AccountId | None]],
    held: Callable[[AccountId], Mapping[str, Serials]],
    undone: Undone,
    arriving: Mapping[str, Mapping[str, Serials]],
) -> Iterator[PositionRange]:
    """Every range, in order of account, lot and serial.

    Args:
        accounts: registry account and trading account, ascending by the first; None where there is none yet.
        held: what an account holds now, by lot; asked when the account's turn has come.
        undone: movements taken back; more may be added while this runs.
        arriving: by registry account and lot what its owner moved in and the exchange cannot credit yet.
    """
    for registry_account, account in accounts:
        lots = dict(arriving.get(registry_account, {}))
        for lot, serials in () if account is None else held(account).items():
            lots[lot] = _with(serials, lots.get(lot, ()))
        # An account's own lots are read at one moment; the next account's may be read at a later one.
        told = [
            (lot, undone.serials(account, LotId(lot), lots.get(lot, ())))
            for lot in sorted({*lots, *undone.lots(account)})
        ]
        for lot, serials in told:
            for first, end in serials:
                yield PositionRange(account=registry_account, lot=lot, first=first, end=end)
