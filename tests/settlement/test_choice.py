"""Which units a use takes out of a picture of an account: oldest first, or named, and why not."""

import pytest

from settlement.account import ParticipantKind
from settlement.choice import Chosen, HeldLot, Picture, Stock, Wanted, choose, refuse_shape
from settlement.events import LotSlice
from settlement.lot import Lot, MethodologyClass
from settlement.lot_choice import LotChoice
from settlement.rejections import Rejection
from settlement.serials import Serials
from settlement.values import AccountId, LotId, ParticipantId
from tests.settlement.house import OTHER_UNITS, UNITS, lot, part

OLD, NEW = lot("old", (1, 11), "2025-01-01"), lot("new", (1, 21), "2025-02-01")
TWO = lot("two", (1, 31), "2024-01-01", OTHER_UNITS, MethodologyClass.II)
ALL = (OLD, NEW, TWO)


def picture(
    *held: tuple[Lot, Serials], frozen: Serials = (), stock: Stock | None = None, two: int = 30
) -> Picture:
    return Picture(
        account=AccountId("enid"),
        entity=ParticipantId("enid"),
        kind=ParticipantKind.COVERED_ENTITY,
        lots=tuple(HeldLot(lot=one, serials=serials, frozen=frozen) for one, serials in held),
        stocks={UNITS: stock or Stock(available=30), OTHER_UNITS: Stock(available=two)},
        classes={UNITS: MethodologyClass.I, OTHER_UNITS: MethodologyClass.II},
        known={one.lot_id: one for one in ALL},
    )


WHOLE = picture((OLD, ((1, 11),)), (NEW, ((1, 21),)), (TWO, ((1, 31),)))


def quantity(tonnes: int, instrument: str | None = UNITS) -> Wanted:
    return Wanted(instrument=None if instrument is None else UNITS, quantity_tonnes=tonnes, lots=())


def named(*lots: LotChoice) -> Wanted:
    return Wanted(instrument=None, quantity_tonnes=None, lots=lots)


def of(name: str, *serials: tuple[int, int], tonnes: int = 0) -> LotChoice:
    return LotChoice(lot_id=LotId(name), serials=serials, quantity_tonnes=tonnes)


def anything(_: Lot) -> None:
    return None


def not_old(one: Lot) -> Rejection | None:
    return Rejection(code="too_old") if one == OLD else None


def slices(answer: Chosen | Rejection) -> tuple[LotSlice, ...]:
    assert isinstance(answer, Chosen), answer
    return answer.slices


def code(answer: Chosen | Rejection | None) -> str:
    assert isinstance(answer, Rejection), answer
    return answer.code


def test_the_oldest_go_first_and_lots_that_may_not_serve_are_passed_over() -> None:
    assert slices(choose(quantity(12), WHOLE, anything)) == (part("old", (1, 11)), part("new", (1, 3)))
    assert slices(choose(quantity(20), WHOLE, not_old)) == (part("new", (1, 21)),)
    assert code(choose(quantity(21), WHOLE, not_old)) == "too_old"


def test_gaps_are_passed_over() -> None:
    holed = picture((OLD, ((1, 3), (5, 6))), (NEW, ((7, 9),)), stock=Stock(available=5))
    assert slices(choose(quantity(4), holed, anything)) == (part("old", (1, 3), (5, 6)), part("new", (7, 8)))


def test_named_lots_are_taken_as_named() -> None:
    wanted = named(of("new", (4, 6), (8, 9)), of("old", tonnes=2))
    assert slices(choose(wanted, WHOLE, anything)) == (part("new", (4, 6), (8, 9)), part("old", (1, 3)))
    assert code(choose(named(of("old", (1, 2))), WHOLE, not_old)) == "too_old"


def test_without_a_code_one_is_found_that_has_enough() -> None:
    chosen = choose(quantity(30, None), picture((TWO, ((1, 31),)), stock=Stock()), anything)
    assert isinstance(chosen, Chosen)
    assert (chosen.instrument, chosen.quantity_tonnes) == (OTHER_UNITS, 30)
    assert code(choose(quantity(31, None), WHOLE, anything)) == "units_not_owned"


@pytest.mark.parametrize(
    ("stock", "refused"),
    [
        (Stock(available=9, committed=1), "units_held"),
        (Stock(available=10, locked=1), "units_not_settled"),
        (Stock(available=9, incoming=1), "units_not_settled"),
        (Stock(available=9, frozen=1), "units_frozen"),
        (Stock(available=7, committed=1, incoming=1, frozen=1), "units_frozen"),
        (Stock(available=9), "units_not_owned"),
    ],
)
def test_what_would_be_enough_if_it_were_free_tells_the_reason(stock: Stock, refused: str) -> None:
    short = picture((OLD, ((1, 11),)), stock=stock)
    for wanted in (quantity(10), named(of("old", (1, 11)))):
        answer = choose(wanted, short, anything)
        assert answer == Rejection(code=refused, limit=9 if stock.available > 7 else 7, actual=10)


def test_frozen_serials_are_told_from_those_of_others() -> None:
    frozen = picture((OLD, ((1, 6),)), frozen=((6, 11),))
    assert code(choose(named(of("old", (5, 7))), frozen, anything)) == "units_frozen"
    assert code(choose(named(of("old", tonnes=6)), frozen, anything)) == "units_frozen"
    assert code(choose(named(of("old", tonnes=11)), frozen, anything)) == "units_not_owned"
    assert slices(choose(named(of("old", tonnes=5)), frozen, anything)) == (part("old", (1, 6)),)
    assert code(choose(named(of("new", (5, 7))), frozen, anything)) == "units_not_owned"


def test_a_request_without_shape_chooses_nothing() -> None:
    assert code(refuse_shape(quantity(0), WHOLE)) == "quantity_not_positive"
    assert code(refuse_shape(named(), WHOLE)) == "quantity_or_lots"
    assert refuse_shape(named(of("old", (1, 2)), of("new", (1, 2))), WHOLE) is None
    assert code(refuse_shape(named(of("old", (1, 2)), of("two", (1, 2))), WHOLE)) == "several_instruments"
