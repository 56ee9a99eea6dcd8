"""What the bridge finds different, in the words in which the core keeps it until a person has resolved it."""

from __future__ import annotations

from collections.abc import Iterable

from registry_bridge.progress import Contradiction
from registry_bridge.reconcile import Break
from registry_bridge.registry import MovementLeg, SubAccount
from settlement.difference import BreakKind, Difference
from settlement.values import InstructionId, LotId


def of_break(found: Break, detail: str = "") -> Difference:
    """A difference between positions; its kinds have the same names on both sides."""
    return Difference(
        kind=BreakKind(found.kind.value),
        registry_account=found.account,
        lot_id=LotId(found.lot),
        only_here=found.only_here,
        only_there=found.only_there,
        detail=detail,
    )


def of_contradiction(found: Contradiction, instruction_id: InstructionId) -> tuple[Difference, ...]:
    """What a movement touches whose answers cannot all be true."""
    kind, legs = BreakKind.CONTRADICTORY_ANSWER, found.movement.legs
    return of_movement(
        kind, legs, instruction_id, f"{found.kind.value}: {found.earlier}, and then {found.later}"
    )


def of_movement(
    kind: BreakKind, legs: Iterable[MovementLeg], instruction_id: InstructionId | None, detail: str
) -> tuple[Difference, ...]:
    """One difference for each account and lot whose trading sub-account a movement touches."""
    touched = sorted({place for leg in legs for place in _places(leg)})
    return tuple(
        Difference(
            kind=kind,
            registry_account=account,
            lot_id=LotId(lot),
            instruction_id=instruction_id,
            detail=detail,
        )
        for account, lot in touched
    )


def touches(leg: MovementLeg, account: str, lot: str) -> bool:
    """Whether a leg touches what an account holds of a lot here."""
    return (account, lot) in _places(leg)


def _places(leg: MovementLeg) -> set[tuple[str, str]]:
    ends = ((leg.from_account, leg.from_sub_account), (leg.to_account, leg.to_sub_account))
    return {
        (account, leg.lot)
        for account, sub_account in ends
        if account is not None and sub_account is SubAccount.TRADING
    }
