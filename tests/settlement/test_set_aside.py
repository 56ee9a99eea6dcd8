"""Serials that somebody has named: kept where they are, chosen by nothing else, delivered by name or put back."""

import pytest

from settlement.delivery import Delivery
from settlement.events import LotSlice
from settlement.values import CASH, LotId, TradeId, TradeMethod
from tests.settlement.house import BUYER, DAY, SELLER, UNITS, House, part

NAMED = (part("new", (103, 106)), part("old", (2, 4)))


def two_lots() -> House:
    """The seller has ten tonnes each of an older and a newer lot."""
    made = House()
    made.bring(SELLER, "old", (1, 11), issued_on="2024-01-01")
    made.bring(SELLER, "new", (101, 111), issued_on="2025-01-01")
    return made


def sold_by_name(made: House, *named: LotSlice) -> Delivery:
    """A delivery of these very serials, pending."""
    tonnes = sum(end - first for one in named for first, end in one.serials)
    made.depository.hold(SELLER, UNITS, tonnes)
    made.depository.hold(BUYER, CASH, tonnes * 10)
    made.depository.holdings.set_aside(SELLER, named)
    made.trades += 1
    delivery = Delivery(
        trade_id=TradeId(made.trades),
        trading_day=DAY,
        instrument=UNITS,
        seller=SELLER,
        buyer=BUYER,
        quantity_tonnes=tonnes,
        amount_fen=tonnes * 10,
        resale_next_day=False,
        method=TradeMethod.NEGOTIATED,
        lots=named,
    )
    made.depository.book_trade(delivery)
    made.depository.check()
    return delivery


def owned(made: House) -> dict[str, object]:
    """All the seller's serials, those set aside included."""
    everything = made.depository.holdings.everything()
    return {held.lot_id: held.serials for held in everything if held.account == SELLER}


def test_what_is_set_aside_is_still_the_owners_and_nobody_chooses_it() -> None:
    made = two_lots()
    made.depository.holdings.set_aside(SELLER, NAMED)
    assert owned(made) == {"old": ((1, 11),), "new": ((101, 111),)}
    assert made.holdings(SELLER) == {"old": ((1, 2), (4, 11)), "new": ((101, 103), (106, 111))}
    first = made.depository.holdings.take_first(SELLER, UNITS, 9)
    assert first == (part("old", (1, 2), (4, 11)), part("new", (101, 102)))


def test_what_is_put_back_is_as_if_it_had_never_been_named() -> None:
    made = two_lots()
    before = made.holdings(SELLER)
    made.depository.holdings.set_aside(SELLER, NAMED)
    made.depository.holdings.put_back(SELLER, NAMED)
    assert made.holdings(SELLER) == before
    assert made.depository.holdings.aside() == {}
    made.depository.check()


def test_a_whole_lot_can_be_set_aside() -> None:
    made = two_lots()
    made.depository.holdings.set_aside(SELLER, (part("old", (1, 11)),))
    assert list(made.holdings(SELLER)) == ["new"]
    assert owned(made) == {"old": ((1, 11),), "new": ((101, 111),)}
    made.depository.check()


@pytest.mark.parametrize("named", [part("old", (1, 12)), part("old", (3, 4))])
def test_only_what_is_there_and_not_named_yet_can_be_set_aside(named: LotSlice) -> None:
    made = two_lots()
    made.depository.holdings.set_aside(SELLER, NAMED)
    with pytest.raises(AssertionError):
        made.depository.holdings.set_aside(SELLER, (named,))


def test_only_what_is_set_aside_can_be_taken_by_name() -> None:
    made = two_lots()
    made.depository.holdings.set_aside(SELLER, NAMED)
    with pytest.raises(AssertionError):
        made.depository.holdings.take_aside(SELLER, (part("old", (2, 5)),))


def test_a_delivery_by_name_is_of_those_serials_whatever_is_asked_before() -> None:
    made = two_lots()
    sold_by_name(made, *NAMED)
    made.trade(6)
    (instruction,) = made.instruct()
    legs = [(leg.trade_id, leg.lot_id, leg.serials) for leg in instruction.legs]
    assert legs == [
        (1, "new", ((103, 106),)),
        (1, "old", ((2, 4),)),
        (2, "old", ((1, 2), (4, 9))),
    ]
    made.answer(instruction)
    assert made.holdings(BUYER) == {"old": ((1, 9),), "new": ((103, 106),)}


def test_refused_or_busted_it_leaves_the_serials_free() -> None:
    for refused in (True, False):
        made = two_lots()
        before = made.holdings(SELLER)
        delivery = sold_by_name(made, *NAMED)
        if refused:
            (instruction,) = made.instruct()
            made.answer(instruction, "account_frozen", 1)
        else:
            made.movements.obligations.bust(delivery.trade_id)
        made.depository.check()
        assert made.holdings(SELLER) == before
        assert made.depository.holdings.aside() == {}


def test_a_snapshot_keeps_what_a_pending_delivery_names() -> None:
    made = two_lots()
    sold_by_name(made, *NAMED)
    made.reload()
    assert made.depository.holdings.aside() == {
        (SELLER, LotId("new")): ((103, 106),),
        (SELLER, LotId("old")): ((2, 4),),
    }
    (instruction,) = made.instruct()
    made.reload()
    assert made.depository.holdings.aside() == {}
    made.answer(instruction)
    assert made.holdings(BUYER) == {"old": ((2, 4),), "new": ((103, 106),)}
