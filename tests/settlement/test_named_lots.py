"""Lots named by somebody: what can be meant by them."""

import pytest

from settlement.named_lots import (
    MAX_NAMED_LOTS,
    MAX_NAMED_RANGES,
    NamedLot,
    are_well_formed,
    slices_of,
    total_tonnes,
)
from settlement.serials import SerialRange, count
from settlement.values import LotId


def one(name: str, *serials: SerialRange, tonnes: int | None = None) -> NamedLot:
    quantity_tonnes = count(serials) if tonnes is None else tonnes
    return NamedLot(lot_id=LotId(name), quantity_tonnes=quantity_tonnes, serials=serials)


def many(lots: int, ranges: int) -> tuple[NamedLot, ...]:
    serials = tuple((2 * at, 2 * at + 1) for at in range(ranges))
    return tuple(one(f"L{number}", *serials) for number in range(lots))


@pytest.mark.parametrize(
    "lots",
    [
        (),
        (one("A", (1, 11)),),
        (one("A", tonnes=10),),
        (one("A", (1, 6), (7, 9)), one("B", tonnes=1)),
        many(MAX_NAMED_LOTS, 1),
        many(1, MAX_NAMED_RANGES),
    ],
)
def test_these_can_be_meant(lots: tuple[NamedLot, ...]) -> None:
    assert are_well_formed(lots)
    assert total_tonnes(lots) == sum(lot.quantity_tonnes for lot in lots)


@pytest.mark.parametrize(
    "lots",
    [
        (one("A", tonnes=0),),
        (one("A", tonnes=-1),),
        (one("A", (1, 6)), one("A", (6, 11))),
        (one("A", (1, 11), tonnes=9),),
        (one("A", (6, 11), (1, 6)),),
        (one("A", (1, 6), (6, 11)),),
        (one("A", (1, 1), tonnes=1),),
        (one("A", (-1, 1)),),
        many(MAX_NAMED_LOTS + 1, 1),
        many(1, MAX_NAMED_RANGES + 1),
    ],
)
def test_these_cannot(lots: tuple[NamedLot, ...]) -> None:
    assert not are_well_formed(lots)


def test_only_chosen_lots_can_be_set_aside() -> None:
    (part,) = slices_of((one("A", (1, 11)),))
    assert (part.lot_id, part.serials) == ("A", ((1, 11),))
    with pytest.raises(AssertionError, match="not chosen"):
        slices_of((one("A", tonnes=10),))
