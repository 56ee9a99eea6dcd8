"""When deliveries are asked for, and when what was bought may be sold again (T+1)."""

import pytest

from matching.events import Event, OrderRested, Rejected, Traded
from matching.exchange import Exchange
from matching.order import Side
from settlement.events import DeliveryFailed, DeliverySettled, Instruction, MovementInstructed
from settlement.values import AccountId
from tests.matching.driver import (
    LISTING,
    TUESDAY,
    Driver,
    adopt,
    bust,
    change,
    open_market,
    replace_order,
)

BUY, SELL = Side.BUY, Side.SELL


def market(**rules: int | str) -> Driver:
    """As traded, T+1, unless said otherwise. Ben has some units of his own."""
    driver = open_market(**{"settlement_cycle": "as_traded", "resale_next_day": "yes", **rules})
    driver.admit("anna", tonnes=200)
    driver.admit("alan", tonnes=200)
    driver.admit("ben", fen=10**8, tonnes=10)
    driver.admit("cara", fen=10**8)
    return driver


def asked(events: tuple[Event, ...]) -> list[Instruction]:
    return [event.instruction for event in events if isinstance(event, MovementInstructed)]


def purchase(driver: Driver, tonnes: int = 40) -> Instruction:
    """Ben buys from anna; the one movement asked for it."""
    driver.sell("anna", tonnes, 6_800)
    (instruction,) = asked(driver.order("ben", BUY, tonnes, 6_800))
    return instruction


def sellable(driver: Driver, account: str = "ben") -> int:
    return driver.exchange.depository.sellable(AccountId(account), LISTING)


def reload(driver: Driver) -> None:
    state = driver.exchange.dump()
    driver.exchange = Exchange.load(state)
    assert driver.exchange.dump() == state


# ---- the cycle --------------------------------------------------------------------------------------------------


def test_as_traded_one_order_asks_for_all_its_trades_at_once() -> None:
    driver = market()
    driver.sell("anna", 30, 6_800)
    driver.sell("alan", 30, 6_810)
    events = driver.order("ben", BUY, 70, 6_810)
    (instruction,) = asked(events)
    assert instruction.instruction_id == f"dvp-{driver.seq}-1"
    assert [leg.trade_id for leg in instruction.legs] == [1, 2]
    assert instruction.not_after_ns == driver.at_ns + 3_600 * 10**9
    told = [type(event).__name__ for event in events]
    # Asked when everything has been traded, before the rest stands in the book.
    assert told.index("MovementInstructed") > max(
        n for n, event in enumerate(events) if isinstance(event, Traded)
    )
    assert isinstance(events[-1], OrderRested)


def test_an_order_that_trades_nothing_asks_for_nothing() -> None:
    driver = market()
    assert asked(driver.order("ben", BUY, 5, 6_800)) == []


def test_a_changed_order_asks_for_what_it_trades() -> None:
    driver = market()
    driver.sell("anna", 5, 6_850)
    standing = driver.buy("ben", 5, 6_800)
    events = driver.accepted(replace_order("ben", standing, price_fen=6_850))
    (instruction,) = asked(events)
    assert [leg.trade_id for leg in instruction.legs] == [1]


def test_settled_during_the_day_money_and_units_change_hands_at_once() -> None:
    driver = market(resale_next_day="no")
    instruction = purchase(driver)
    events = driver.answer(instruction)
    assert [event.trade_id for event in events if isinstance(event, DeliverySettled)] == [1]
    assert (driver.units("ben").available, driver.units("anna").delivering) == (50, 0)
    assert driver.cash("anna").available == 40 * 6_800
    driver.sell("ben", 50, 6_900)
    driver.buy("anna", 10, 6_200)  # a seller's money buys again on the same day


def test_refused_during_the_day_both_sides_have_theirs_again() -> None:
    driver = market()
    instruction = purchase(driver)
    events = driver.answer(instruction, "frozen")
    assert [event.trade_id for event in events if isinstance(event, DeliveryFailed)] == [1]
    assert (driver.units("anna").available, driver.cash("ben").available) == (200, 10**8)
    assert sellable(driver) == 10


def test_what_is_still_asked_at_the_close_is_waited_for() -> None:
    driver = market()
    instruction = purchase(driver)
    events = driver.close()
    assert [event.trade_id for event in events if isinstance(event, DeliverySettled)] == [1]
    assert not any(isinstance(event, MovementInstructed) for event in events)
    assert driver.exchange.trading_day == TUESDAY
    assert instruction not in driver.exchange.pending_instructions()


def test_a_cycle_that_changes_during_the_day_leaves_earlier_trades_to_the_close() -> None:
    driver = market(settlement_cycle="end_of_day")
    driver.sell("anna", 20, 6_800)
    assert asked(driver.order("ben", BUY, 5, 6_800)) == []
    driver.accepted(adopt(change("settlement_cycle", "as_traded", driver.at_ns)))
    (instruction,) = asked(driver.order("ben", BUY, 6, 6_800))
    assert [leg.trade_id for leg in instruction.legs] == [2]
    driver.accepted(bust(1))  # not asked for yet
    assert isinstance(driver.do(bust(2))[0], Rejected)
    driver.close()
    assert driver.units("ben").available == 16


# ---- T+1 --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("crash", [False, True])
def test_bought_and_received_today_is_for_sale_tomorrow(crash: bool) -> None:
    driver = market()
    driver.answer(purchase(driver))
    if crash:
        reload(driver)
    assert driver.units("ben").available == 50
    assert sellable(driver) == 10
    assert driver.order("ben", SELL, 11, 6_900) == (Rejected(code="insufficient_units", limit=10, actual=11),)
    driver.sell("ben", 10, 6_900)
    assert sellable(driver) == 0
    driver.close()
    if crash:
        reload(driver)
    assert sellable(driver) == 50
    driver.sell("ben", 50, 6_900)


def test_locks_add_up_over_purchases_and_none_outlives_the_day() -> None:
    driver = market()
    for _ in range(3):
        driver.answer(purchase(driver, 20))
    assert (driver.units("ben").available, sellable(driver)) == (70, 10)
    driver.close()
    assert driver.exchange.dump().depository.locked == ()
    assert sellable(driver) == 70


def test_what_the_close_delivers_is_for_sale_when_the_date_has_rolled() -> None:
    driver = market(settlement_cycle="end_of_day")
    driver.sell("anna", 40, 6_800)
    driver.buy("ben", 40, 6_800)
    assert sellable(driver) == 10
    driver.close()
    assert sellable(driver) == 50


def test_without_the_rule_it_is_for_sale_at_once() -> None:
    driver = market(resale_next_day="no")
    driver.answer(purchase(driver))
    assert sellable(driver) == 50


def test_a_purchase_goes_by_the_rule_of_its_own_moment() -> None:
    driver = market()
    instruction = purchase(driver)
    driver.accepted(adopt(change("resale_next_day", "no", driver.at_ns)))
    driver.answer(instruction)
    assert sellable(driver) == 10  # traded under T+1
    driver.answer(purchase(driver, 20))
    assert sellable(driver) == 30


def test_an_offer_grows_no_further_than_what_may_be_sold() -> None:
    driver = market()
    standing = driver.sell("ben", 4, 6_900)
    driver.answer(purchase(driver))
    assert driver.do(replace_order("ben", standing, quantity_tonnes=11, client_id="1")) == (
        Rejected(code="insufficient_units", limit=6, actual=7),
    )
    driver.accepted(replace_order("ben", standing, quantity_tonnes=10, client_id="2"))


def test_units_brought_in_today_are_for_sale_today() -> None:
    driver = market()
    driver.answer(purchase(driver))
    driver.bring("ben", "fresh", 30)
    assert sellable(driver) == 40


def test_what_came_back_of_a_failed_sale_is_the_sellers_to_sell() -> None:
    driver = market()
    driver.answer(purchase(driver))
    driver.sell("ben", 10, 6_900)
    (instruction,) = asked(driver.order("cara", BUY, 10, 6_900))
    driver.answer(instruction, "frozen")
    assert sellable(driver) == 10
