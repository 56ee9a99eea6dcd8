"""A freeze stops exactly what it names: orders, balances, the choice of serials, deliveries, and nothing beside."""

from itertools import permutations

import pytest

from matching.commands import AdvanceClose, CloseDay
from matching.events import CloseStep, Event, OrderCancelled
from matching.exchange import Exchange
from matching.order import CancelReason, Side
from settlement.custody_events import FrozenUnitsChanged
from settlement.events import DeliveryFailed, MovementInstructed
from settlement.notice import NoticeKind
from settlement.values import AccountId
from tests.matching.authorities import Registry, freeze, thaw
from tests.matching.driver import LISTING, MONDAY, Driver, open_market


def market(**rules: int | str) -> Driver:
    """Anna has 60 t of an old lot and 40 t of a new one, Ben and Cara have money, Cara 20 t of a third lot."""
    driver = open_market(**rules)
    driver.admit("anna", fen=10**7)
    driver.admit("ben", fen=10**7)
    driver.admit("cara", fen=10**7)
    driver.bring("anna", "old", 60, "2024-01-01")
    driver.bring("anna", "new", 40, "2025-01-01")
    driver.bring("cara", "third", 20, "2025-01-01")
    return driver


def buckets(driver: Driver, account: str = "anna") -> tuple[int, int, int, int]:
    """Available, held, frozen, delivering."""
    units = driver.units(account)
    return (units.available, units.held, units.frozen, units.delivering)


def cancelled(events: tuple[Event, ...]) -> list[tuple[int, CancelReason]]:
    return [(event.order_id, event.reason) for event in events if isinstance(event, OrderCancelled)]


def failed(events: list[Event] | tuple[Event, ...]) -> list[tuple[int, str]]:
    return [(event.trade_id, event.code) for event in events if isinstance(event, DeliveryFailed)]


# ---- of units ---------------------------------------------------------------------------------------------------


def test_free_units_are_frozen_and_told() -> None:
    driver = market()
    events = driver.accepted(freeze(lot_name="old"))
    assert buckets(driver) == (40, 0, 60, 0)
    assert events[-1] == FrozenUnitsChanged(account=AccountId("anna"), instrument=LISTING, frozen_tonnes=60)
    assert buckets(driver, "cara") == (20, 0, 0, 0)
    assert driver.units("anna").owned == 100


def test_a_freeze_of_serials_freezes_so_many_wherever_they_are() -> None:
    driver = market(settlement_cycle="as_traded")
    driver.sell("anna", 10, 6_800)
    driver.buy("ben", 10, 6_800)
    driver.answer(driver.exchange.pending_instructions()[0])
    driver.accepted(freeze(lot_name="old", serials=((8, 13), (20, 30))))
    assert buckets(driver, "ben") == (7, 0, 3, 0)  # 8, 9 and 10
    assert buckets(driver) == (90 - 12, 0, 12, 0)


def test_a_freeze_of_a_lot_in_one_account_leaves_the_others() -> None:
    driver = market(settlement_cycle="as_traded")
    driver.sell("anna", 10, 6_800)
    driver.buy("ben", 10, 6_800)
    driver.answer(driver.exchange.pending_instructions()[0])
    driver.accepted(freeze("ben", "old"))
    assert buckets(driver, "ben") == (0, 0, 10, 0)
    assert buckets(driver) == (90, 0, 0, 0)


def test_orders_whose_cover_is_not_needed_stand() -> None:
    driver = market()
    first = driver.sell("anna", 40, 6_800)
    events = driver.accepted(freeze(lot_name="old"))
    assert cancelled(events) == []
    assert buckets(driver) == (0, 40, 60, 0)
    assert first in driver.exchange.trading.open_orders


def test_the_newest_orders_go_first_until_the_cover_is_free() -> None:
    driver = market()
    oldest = driver.sell("anna", 30, 6_900)
    middle = driver.sell("anna", 30, 6_850)
    newest = driver.sell("anna", 20, 6_800)
    buying = driver.buy("anna", 5, 6_700)
    events = driver.accepted(freeze(lot_name="old"))
    assert cancelled(events) == [(newest, CancelReason.FROZEN), (middle, CancelReason.FROZEN)]
    assert list(driver.exchange.trading.open_orders) == [oldest, buying]
    assert buckets(driver) == (10, 30, 60, 0)
    driver.sell("anna", 10, 6_800)  # what is left is as good as before


def test_units_sold_and_not_delivered_are_committed_and_frozen_when_they_come_back() -> None:
    driver = market()
    driver.sell("anna", 70, 6_800)
    driver.buy("ben", 70, 6_800)
    driver.accepted(freeze(lot_name="old"))
    assert buckets(driver) == (0, 0, 30, 70)  # sixty are named, thirty are free
    events = driver.close()
    assert failed(events) == [(1, "lot_frozen")]
    assert buckets(driver) == (40, 0, 60, 0)
    assert driver.cash("ben").available == 10**7


def test_a_delivery_that_cannot_be_filled_stops_no_other() -> None:
    driver = market()
    for tonnes in (30, 25, 15):
        driver.sell("anna", tonnes, 6_800)
        driver.buy("ben", tonnes, 6_800)
    driver.sell("cara", 5, 6_800)
    driver.buy("ben", 5, 6_800)
    driver.accepted(freeze(lot_name="old"))
    events = driver.close()
    assert failed(events) == [(2, "lot_frozen"), (3, "lot_frozen")]  # forty free: the first thirty go
    assert buckets(driver) == (10, 0, 60, 0)
    assert driver.units("ben").available == 35


def test_all_that_is_left_unfrozen_delivers_and_none_of_what_is_frozen() -> None:
    driver = market()
    driver.sell("anna", 40, 6_800)
    driver.buy("ben", 40, 6_800)
    driver.accepted(freeze(lot_name="old"))
    events = driver.close()
    legs = [
        leg for event in events if isinstance(event, MovementInstructed) for leg in event.instruction.legs
    ]
    assert [(leg.lot_id, leg.serials) for leg in legs] == [("new", ((1, 41),))]
    assert failed(events) == []


def test_what_the_registry_has_been_asked_is_the_registrys_to_judge() -> None:
    driver = market(settlement_cycle="as_traded")
    driver.sell("anna", 10, 6_800)
    driver.buy("ben", 10, 6_800)
    (asked,) = driver.exchange.pending_instructions()
    driver.accepted(freeze(lot_name="old"))
    assert buckets(driver) == (40, 0, 50, 10)
    driver.answer(asked)
    assert buckets(driver, "ben") == (0, 0, 10, 0)  # it came, and is frozen there


def test_refused_by_the_registry_it_comes_back_frozen() -> None:
    driver = market(settlement_cycle="as_traded")
    driver.sell("anna", 10, 6_800)
    driver.buy("ben", 10, 6_800)
    (asked,) = driver.exchange.pending_instructions()
    driver.accepted(freeze(lot_name="old"))
    assert failed(driver.answer(asked, "lot_frozen")) == [(1, "lot_frozen")]
    assert buckets(driver) == (40, 0, 60, 0)


def test_units_that_come_in_while_more_is_named_than_is_free_make_good_for_it() -> None:
    driver = market()
    driver.sell("anna", 70, 6_800)
    driver.buy("ben", 70, 6_800)
    driver.accepted(freeze(lot_name="old"))
    driver.bring("anna", "newer", 50, "2025-06-01")
    assert buckets(driver) == (20, 0, 60, 70)  # enough to deliver seventy that are not frozen
    assert failed(driver.close()) == []
    assert buckets(driver) == (20, 0, 60, 0)


# ---- one upon another -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_freezes_overlap_and_each_is_lifted_for_itself(order: tuple[int, ...]) -> None:
    driver = market()
    names = []
    for serials in (((1, 21),), ((11, 31),), ((1, 31),)):
        driver.accepted(freeze(lot_name="old", serials=serials))
        names.append(f"act-{driver.seq}")
    named = [set(range(1, 21)), set(range(11, 31)), set(range(1, 31))]
    assert driver.units("anna").frozen == 30
    standing = {0, 1, 2}
    for which in order:
        driver.accepted(thaw(names[which]))
        standing.remove(which)
        left = set().union(*(named[one] for one in standing)) if standing else set()
        assert driver.units("anna").frozen == len(left)
    assert buckets(driver) == (100, 0, 0, 0)


def test_the_same_freeze_twice_needs_two_notices_to_end() -> None:
    driver = market()
    registry = Registry(driver)
    for _ in range(2):
        registry.says(NoticeKind.LOT_FROZEN, None, "old", ((1, 11),))
    assert driver.units("anna").frozen == 10
    registry.says(NoticeKind.UNFROZEN, None, "old", ((1, 11),))
    assert driver.units("anna").frozen == 10
    registry.says(NoticeKind.UNFROZEN, None, "old", ((1, 11),))
    assert driver.units("anna").frozen == 0


# ---- of accounts ------------------------------------------------------------------------------------------------


def test_a_frozen_account_has_no_orders_and_gets_none() -> None:
    driver = market()
    selling, buying = driver.sell("anna", 10, 6_900), driver.buy("anna", 10, 6_700)
    events = Registry(driver).says(NoticeKind.ACCOUNT_RESTRICTED, "anna")
    assert cancelled(events) == [(selling, CancelReason.FROZEN), (buying, CancelReason.FROZEN)]
    assert buckets(driver) == (100, 0, 0, 0)  # its units are not named, it is
    (refused,) = driver.order("anna", Side.BUY, 1, 6_700)
    assert getattr(refused, "code", None) == "account_frozen"
    driver.sell("cara", 1, 6_800)  # the market goes on
    Registry(driver).says(NoticeKind.UNFROZEN, "anna")
    driver.sell("anna", 10, 6_900)


def test_trades_of_before_are_delivered_from_and_to_a_frozen_account() -> None:
    driver = market()
    driver.sell("anna", 10, 6_800)
    driver.buy("ben", 10, 6_800)
    driver.accepted(freeze("anna"))
    driver.accepted(freeze("ben"))
    assert failed(driver.close()) == []
    assert driver.units("ben").available == 10


def test_an_account_frozen_before_it_is_opened_is_frozen_when_it_is() -> None:
    driver = market()
    Registry(driver).says(NoticeKind.ACCOUNT_RESTRICTED, "dora")
    driver.admit("dora", fen=1_000_000)
    (refused,) = driver.order("dora", Side.BUY, 1, 6_800)
    assert getattr(refused, "code", None) == "account_frozen"


def test_a_closed_account_is_frozen_for_good() -> None:
    driver = market()
    Registry(driver).says(NoticeKind.ACCOUNT_CLOSED, "ben")
    (refused,) = driver.order("ben", Side.BUY, 1, 6_800)
    assert getattr(refused, "code", None) == "account_frozen"


# ---- at any moment ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("step", [CloseStep.EXPIRE_ORDERS, CloseStep.CLOSING_PRICES, CloseStep.OBLIGATIONS])
def test_a_freeze_in_the_midst_of_a_close_does_not_hold_it_up(step: CloseStep) -> None:
    driver = market()
    driver.sell("anna", 70, 6_800)
    driver.buy("ben", 70, 6_800)
    for price_fen in (6_900, 6_910, 6_920):
        driver.sell("anna", 10, price_fen)
    driver.accepted(CloseDay(trading_day=MONDAY))
    while driver.exchange.close_step is not step:
        driver.accepted(AdvanceClose(trading_day=MONDAY, portion=1))
    driver.accepted(freeze(lot_name="old"))
    driver.close(portion=1)
    assert driver.exchange.trading_day != MONDAY
    assert buckets(driver) == (40, 0, 60, 0)


def test_what_is_frozen_survives_a_crash() -> None:
    driver = market()
    driver.sell("anna", 70, 6_800)
    driver.buy("ben", 70, 6_800)
    driver.accepted(freeze(lot_name="old"))
    driver.accepted(freeze("cara"))
    before = driver.exchange.dump()
    driver.exchange = Exchange.load(before)
    driver.exchange.check()
    assert driver.exchange.dump() == before
    driver.bring("anna", "newer", 50, "2025-06-01")
    assert buckets(driver) == (20, 0, 60, 70)  # it still knew that thirty were missing
