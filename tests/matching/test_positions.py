"""Who may trade, how much a participant may have, and from where on the supervisor is told."""

import pytest

from matching.events import LargeHolderNoted, Rejected
from matching.order import Side, TimeInForce
from settlement.account import ParticipantKind
from settlement.commands import RegisterLot
from settlement.values import AccountId
from tests.matching.driver import (
    LISTING,
    Driver,
    adopt,
    bust,
    cancel,
    change,
    lot,
    open_market,
    replace_order,
)

BUY, SELL = Side.BUY, Side.SELL


def market(**rules: int | str) -> Driver:
    driver = open_market(**rules)
    driver.admit("anna", tonnes=1_000)
    driver.admit("ben", fen=10**8, tonnes=50)
    return driver


def refused(driver: Driver, account: str, tonnes: int, side: Side = BUY) -> Rejected:
    (event,) = driver.order(account, side, tonnes, 6_800)
    assert isinstance(event, Rejected)
    return event


def noted(driver: Driver) -> list[tuple[str, int, int]]:
    return [
        (event.account, event.position_tonnes, event.threshold_tonnes)
        for event in driver.events
        if isinstance(event, LargeHolderNoted)
    ]


# ---- kinds ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ParticipantKind)
def test_only_kinds_that_are_admitted_place_orders(kind: ParticipantKind) -> None:
    driver = open_market(participant_kinds="covered_entity, institution")
    driver.admit("xu", fen=10**6, kind=kind)
    if kind in (ParticipantKind.COVERED_ENTITY, ParticipantKind.INSTITUTION):
        driver.buy("xu", 1, 6_800)
    else:
        assert refused(driver, "xu", 1) == Rejected(code="kind_not_admitted", limit=None, actual=kind)


def test_a_kind_shut_out_takes_its_orders_back_but_does_not_change_them() -> None:
    driver = market()
    standing = driver.buy("ben", 5, 6_800)
    driver.accepted(adopt(change("participant_kinds", "individual", driver.at_ns)))
    (event,) = driver.do(replace_order("ben", standing, quantity_tonnes=4))
    assert isinstance(event, Rejected)
    assert event.code == "kind_not_admitted"
    driver.accepted(cancel("ben", standing))


# ---- the limit --------------------------------------------------------------------------------------------------


def test_what_is_owned_bought_and_bid_for_counts_up_to_the_limit_itself() -> None:
    driver = market(position_limits="institution 100; individual 5")
    driver.sell("anna", 20, 6_800)
    driver.buy("ben", 20, 6_800)  # 50 owned and 20 coming
    driver.buy("ben", 10, 6_700)  # and 10 bid for
    assert refused(driver, "ben", 21) == Rejected(code="position_limit_exceeded", limit=100, actual=101)
    driver.buy("ben", 20, 6_800)
    assert refused(driver, "ben", 1) == Rejected(code="position_limit_exceeded", limit=100, actual=101)


def test_what_is_offered_is_still_owned() -> None:
    driver = market(position_limits="institution 60")
    driver.sell("ben", 50, 7_000)
    assert refused(driver, "ben", 11).actual == 61
    driver.buy("ben", 10, 6_800)


def test_what_is_sold_but_not_delivered_is_still_owned() -> None:
    driver = market(position_limits="institution 1000")
    driver.deposit("anna", 10**8)
    driver.sell("anna", 30, 6_800)
    driver.buy("ben", 30, 6_800)
    assert refused(driver, "anna", 1).actual == 1_001
    driver.close()
    driver.buy("anna", 30, 6_800)


def test_selling_is_never_limited() -> None:
    driver = market(position_limits="institution 1")
    driver.sell("anna", 1_000, 6_800)


def test_another_kind_has_another_limit_or_none() -> None:
    driver = market(position_limits="individual 5")
    driver.admit("ida", fen=10**7, kind=ParticipantKind.INDIVIDUAL)
    driver.buy("ben", 10_000, 6_800)
    assert refused(driver, "ida", 6).limit == 5
    driver.buy("ida", 5, 6_800)


def test_a_participants_accounts_count_together() -> None:
    driver = market(position_limits="institution 100")
    driver.admit("ben-2", fen=10**8)
    driver.buy("ben", 30, 6_700)
    assert refused(driver, "ben-2", 21).actual == 101
    driver.buy("ben-2", 20, 6_800)
    assert refused(driver, "ben", 1).actual == 101


def test_a_changed_order_counts_itself_once() -> None:
    driver = market(position_limits="institution 100")
    standing = driver.buy("ben", 40, 6_800)
    driver.accepted(replace_order("ben", standing, quantity_tonnes=50, client_id="1"))
    (event,) = driver.do(replace_order("ben", standing, quantity_tonnes=51, client_id="2"))
    assert event == Rejected(code="position_limit_exceeded", limit=100, actual=101)
    driver.sell("anna", 10, 6_800)  # 10 of the 50 are bought now
    driver.accepted(replace_order("ben", standing, price_fen=6_810, client_id="3"))
    (event,) = driver.do(replace_order("ben", standing, quantity_tonnes=51, client_id="4"))
    assert event == Rejected(code="position_limit_exceeded", limit=100, actual=101)


def test_a_cancelled_bid_or_a_busted_purchase_gives_room_again() -> None:
    driver = market(position_limits="institution 100")
    standing = driver.buy("ben", 50, 6_700)
    assert refused(driver, "ben", 1).actual == 101
    driver.accepted(cancel("ben", standing))
    driver.sell("anna", 50, 6_800)
    driver.buy("ben", 50, 6_800)
    assert refused(driver, "ben", 1).actual == 101
    driver.accepted(bust(1))
    driver.buy("ben", 50, 6_800)


def test_a_delivery_counts_the_same_before_and_after_it_has_arrived() -> None:
    driver = market(position_limits="institution 100")
    driver.sell("anna", 40, 6_800)
    driver.buy("ben", 40, 6_800)
    assert refused(driver, "ben", 11).actual == 101
    driver.close()
    assert refused(driver, "ben", 11).actual == 101
    driver.buy("ben", 10, 6_800)


def test_a_limit_lowered_below_a_position_only_stops_buying_more() -> None:
    driver = market(position_limits="institution 100")
    standing = driver.buy("ben", 50, 6_800)
    driver.accepted(adopt(change("position_limits", "institution 10", driver.at_ns)))
    driver.sell("anna", 50, 6_800)
    assert standing not in driver.exchange.trading.open_orders
    assert driver.exchange.depository.position(AccountId("ben"), LISTING) == 100
    assert refused(driver, "ben", 1).limit == 10


# ---- the alert --------------------------------------------------------------------------------------------------


def test_a_purchase_that_reaches_the_threshold_is_told_once() -> None:
    driver = market(large_holder_alerts="institution 100")
    driver.sell("anna", 500, 6_800)
    driver.buy("ben", 49, 6_800)
    assert noted(driver) == []
    driver.buy("ben", 1, 6_800)
    assert noted(driver) == [("ben", 100, 100)]
    driver.buy("ben", 100, 6_800)
    driver.close()
    driver.sell("anna", 10, 6_800)
    driver.buy("ben", 10, 6_800)
    assert noted(driver) == [("ben", 100, 100)]


def test_one_that_jumps_over_it_is_told_with_where_it_landed() -> None:
    driver = market(large_holder_alerts="institution 100; institution 200; individual 1")
    driver.sell("anna", 90, 6_800)
    driver.sell("anna", 200, 6_810)
    driver.buy("ben", 290, 6_810)  # two trades: to 140, then to 340
    assert noted(driver) == [("ben", 140, 100), ("ben", 340, 200)]


def test_falling_below_and_crossing_again_is_told_again() -> None:
    driver = market(large_holder_alerts="institution 60")
    driver.sell("anna", 10, 6_800)
    driver.buy("ben", 10, 6_800)
    driver.sell("ben", 20, 6_900)
    driver.deposit("anna", 10**7)
    driver.buy("anna", 20, 6_900)
    assert noted(driver) == [("ben", 60, 60)]
    driver.close()
    driver.sell("anna", 20, 6_800)
    driver.buy("ben", 20, 6_800)
    assert noted(driver) == [("ben", 60, 60), ("ben", 60, 60)]


def test_units_brought_in_are_not_a_purchase() -> None:
    driver = market(large_holder_alerts="institution 100")
    driver.accepted(RegisterLot(lot=lot("more", (1, 501))))
    driver.answer(driver.transfer_in("ben", "more", ((1, 501),)))
    assert noted(driver) == []
    driver.sell("anna", 10, 6_800)
    driver.order("ben", BUY, 10, 6_800, TimeInForce.IOC)
    assert noted(driver) == []


def test_nobody_is_told_of_without_thresholds() -> None:
    driver = market()
    driver.sell("anna", 1_000, 6_800)
    driver.buy("ben", 1_000, 6_800)
    assert noted(driver) == []
