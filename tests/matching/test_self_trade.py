"""Two orders of one beneficial owner never trade: by the rule book the incoming one is refused, or the resting goes."""

import pytest

from matching.events import Event, OrderCancelled, OrderRested, Rejected, Traded
from matching.order import CancelReason, Side, TimeInForce
from tests.matching.driver import Driver, adopt, change, open_market, replace_order

BUY, SELL = Side.BUY, Side.SELL
IOC, FOK = TimeInForce.IOC, TimeInForce.FOK


def market(self_trade: str = "cancel_resting") -> Driver:
    """Cara owns two accounts: units in the first, money in the second."""
    driver = open_market(self_trade=self_trade)
    driver.admit("anna", tonnes=100)
    driver.admit("cara-1", tonnes=100)
    driver.admit("cara-2", fen=1_000_000)
    return driver


def trades(events: tuple[Event, ...]) -> list[tuple[str, int, int]]:
    return [
        (event.seller, event.quantity_tonnes, event.price_fen)
        for event in events
        if isinstance(event, Traded)
    ]


def withdrawn(events: tuple[Event, ...]) -> list[tuple[int, CancelReason]]:
    return [(event.order_id, event.reason) for event in events if isinstance(event, OrderCancelled)]


def test_the_resting_order_goes_and_its_cover_comes_back() -> None:
    driver = market()
    own = driver.sell("cara-1", 10, 6_800)
    events = driver.order("cara-2", BUY, 10, 6_800)
    assert withdrawn(events) == [(own, CancelReason.SELF_TRADE)]
    assert trades(events) == []
    assert isinstance(events[-1], OrderRested)
    assert (driver.depth(BUY), driver.depth(SELL)) == ([(6_800, 10)], [])
    assert (driver.units("cara-1").available, driver.units("cara-1").held) == (100, 0)


def test_the_order_goes_on_to_others_at_and_behind_that_price() -> None:
    driver = market()
    ahead = driver.sell("cara-1", 10, 6_790)
    driver.sell("anna", 4, 6_800)
    beside = driver.sell("cara-1", 10, 6_800)
    driver.sell("anna", 9, 6_810)
    beyond = driver.sell("cara-1", 10, 6_810)
    events = driver.order("cara-2", BUY, 10, 6_820)
    assert trades(events) == [("anna", 4, 6_800), ("anna", 6, 6_810)]
    assert [order_id for order_id, _ in withdrawn(events)] == [ahead, beside]
    # What stands behind the last order met is not in the way.
    assert beyond in driver.exchange.trading.open_orders


@pytest.mark.parametrize("time_in_force", [FOK, IOC])
def test_it_goes_for_an_order_that_trades_at_once_too(time_in_force: TimeInForce) -> None:
    driver = market()
    own = driver.sell("cara-1", 10, 6_790)
    driver.sell("anna", 10, 6_800)
    events = driver.order("cara-2", BUY, 10, 6_800, time_in_force)
    assert withdrawn(events) == [(own, CancelReason.SELF_TRADE)]
    assert trades(events) == [("anna", 10, 6_800)]


def test_a_fill_or_kill_order_that_cannot_fill_takes_nothing_of_ones_own_away() -> None:
    driver = market()
    own = driver.sell("cara-1", 10, 6_790)
    driver.sell("anna", 9, 6_800)
    events = driver.order("cara-2", BUY, 10, 6_800, FOK)
    assert [reason for _, reason in withdrawn(events)] == [CancelReason.FOK_UNFILLED]
    assert own in driver.exchange.trading.open_orders
    assert driver.depth(SELL) == [(6_790, 10), (6_800, 9)]


def test_a_changed_order_takes_ones_own_out_of_its_way() -> None:
    driver = market()
    own = driver.sell("cara-1", 10, 6_850)
    driver.sell("anna", 3, 6_850)
    bid = driver.buy("cara-2", 5, 6_800)
    events = driver.accepted(replace_order("cara-2", bid, price_fen=6_850))
    assert withdrawn(events) == [(own, CancelReason.SELF_TRADE)]
    assert trades(events) == [("anna", 3, 6_850)]
    assert driver.depth(BUY) == [(6_850, 2)]


def test_an_order_refused_for_its_cover_takes_nothing_away() -> None:
    driver = market()
    own = driver.sell("cara-1", 10, 6_800)
    refused = driver.order("cara-2", BUY, 1_000, 6_800)
    assert isinstance(refused[0], Rejected)
    assert own in driver.exchange.trading.open_orders


def test_one_account_meets_itself_no_less() -> None:
    driver = market()
    driver.deposit("cara-1", 100_000)
    own = driver.sell("cara-1", 10, 6_800)
    assert withdrawn(driver.order("cara-1", BUY, 5, 6_800)) == [(own, CancelReason.SELF_TRADE)]


def test_which_of_the_two_gives_way_can_change_during_the_day() -> None:
    driver = market("reject_incoming")
    own = driver.sell("cara-1", 10, 6_800)
    assert driver.order("cara-2", BUY, 5, 6_800) == (
        Rejected(code="self_trade", limit=None, actual=str(own)),
    )
    driver.accepted(adopt(change("self_trade", "cancel_resting", driver.at_ns)))
    assert withdrawn(driver.order("cara-2", BUY, 5, 6_800)) == [(own, CancelReason.SELF_TRADE)]
