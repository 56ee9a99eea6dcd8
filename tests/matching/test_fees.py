"""Fees: covered before they are owed, never more than was held, never lost, and nobody's but the exchange's."""

from math import floor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from matching.commands import SubmitOrder
from matching.events import Event, Rejected, Traded
from matching.order import MILLION, OrderId, Side, TimeInForce, fee_of, with_fee
from settlement.events import DeliverySettled, Posted
from settlement.values import CASH, FEES
from tests.matching.driver import LISTING, Driver, cancel, open_market, order, replace_order

PPM = st.one_of(st.integers(0, MILLION), st.sampled_from([0, 1, 800, 999_999, MILLION]))
MONEY = 100_000_000


def market(**rules: int | str) -> Driver:
    """Anna sells, Ben and Cara buy."""
    driver = open_market(**rules)
    driver.admit("anna", tonnes=5_000)
    driver.admit("ben", fen=MONEY)
    driver.admit("cara", fen=MONEY)
    return driver


def settled(events: list[Event]) -> list[DeliverySettled]:
    return [event for event in events if isinstance(event, DeliverySettled)]


def all_money(driver: Driver) -> int:
    return sum(
        balance.available + balance.held + balance.delivering
        for account in ("anna", "ben", "cara", FEES)
        for balance in (driver.cash(account),)
    )


# ---- arithmetic -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("amount_fen", "ppm", "fee_fen"),
    [
        (0, MILLION, 0),
        (1_000, 0, 0),
        (1_249, 800, 0),
        (1_250, 800, 1),
        (2_499, 800, 1),
        (680_000, 800, 544),
        (7, MILLION, 7),
        (7, 999_999, 6),
        (10**15, 800, 8 * 10**11),
    ],
)
def test_a_fee_is_rounded_down_to_the_fen(amount_fen: int, ppm: int, fee_fen: int) -> None:
    assert fee_of(amount_fen, ppm) == fee_fen
    assert with_fee(amount_fen, ppm) == amount_fen + fee_fen


@given(st.lists(st.integers(0, 10**12), max_size=20), PPM)
def test_the_fees_of_parts_are_never_more_than_the_fee_of_the_whole(parts: list[int], ppm: int) -> None:
    whole = fee_of(sum(parts), ppm)
    of_parts = sum(fee_of(part, ppm) for part in parts)
    assert of_parts <= whole <= of_parts + len(parts)


@given(st.integers(0, 10**12), PPM)
def test_a_fee_is_never_negative_nor_above_the_amount(amount_fen: int, ppm: int) -> None:
    assert 0 <= fee_of(amount_fen, ppm) <= amount_fen


# ---- one trade --------------------------------------------------------------------------------------------------


def test_a_buyers_cover_includes_its_fee() -> None:
    driver = market(fee_buyer_ppm=800)
    driver.buy("ben", 100, 6_800)
    assert driver.cash("ben").held == 680_544


def test_a_buyer_who_can_pay_the_amount_and_not_the_fee_is_refused() -> None:
    driver = open_market(fee_buyer_ppm=800)
    driver.admit("ben", fen=680_543)
    (refused,) = driver.order("ben", Side.BUY, 100, 6_800)
    assert isinstance(refused, Rejected)
    assert (refused.code, refused.limit, refused.actual) == ("insufficient_cash", 680_543, 680_544)
    driver.deposit("ben", 1)
    driver.buy("ben", 100, 6_800)
    assert (driver.cash("ben").available, driver.cash("ben").held) == (0, 680_544)


def test_a_sellers_fee_comes_out_of_the_amount_and_needs_no_money_before() -> None:
    driver = market(fee_seller_ppm=1_500)
    driver.sell("anna", 100, 6_800)
    driver.buy("ben", 100, 6_800)
    assert (driver.cash("ben").delivering, driver.cash("ben").held) == (680_000, 0)
    driver.close()
    assert driver.cash("anna").available == 680_000 - 1_020
    assert driver.cash("ben").available == MONEY - 680_000
    assert driver.cash(FEES).available == 1_020


@pytest.mark.parametrize("is_buyer_resting", [True, False])
def test_what_was_covered_above_the_trade_comes_back_with_its_fee(is_buyer_resting: bool) -> None:
    driver = market(fee_buyer_ppm=10_000)
    if is_buyer_resting:
        driver.buy("ben", 100, 6_900)
        driver.sell("anna", 60, 6_900)
        price_fen = 6_900
    else:
        driver.sell("anna", 60, 6_800)
        driver.buy("ben", 100, 6_900)
        price_fen = 6_800
    ben = driver.cash("ben")
    assert ben.held == with_fee(40 * 6_900, 10_000)
    assert ben.delivering == with_fee(60 * price_fen, 10_000)
    assert ben.available == MONEY - ben.held - ben.delivering


@pytest.mark.parametrize("time_in_force", [TimeInForce.IOC, TimeInForce.FOK])
def test_an_order_for_now_gives_back_all_it_does_not_spend(time_in_force: TimeInForce) -> None:
    driver = market(fee_buyer_ppm=777)
    driver.sell("anna", 60, 6_801)
    driver.order("ben", Side.BUY, 61, 6_850, time_in_force)
    ben = driver.cash("ben")
    spent = with_fee(60 * 6_801, 777) if time_in_force is TimeInForce.IOC else 0
    assert (ben.available, ben.held, ben.delivering) == (MONEY - spent, 0, spent)


def test_a_cancelled_or_expired_order_gives_back_its_fee() -> None:
    driver = market(fee_buyer_ppm=777)
    order_id = driver.buy("ben", 33, 6_801)
    driver.buy("cara", 31, 6_803)
    driver.accepted(cancel("ben", order_id))
    driver.close()
    assert driver.cash("ben").available == driver.cash("cara").available == MONEY


# ---- a rate that changes ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("before_ppm", "after_ppm"), [(1_000, 5_000), (5_000, 1_000), (0, 800), (800, 0)])
def test_a_resting_purchase_keeps_the_rate_it_was_accepted_at(before_ppm: int, after_ppm: int) -> None:
    driver = market(fee_buyer_ppm=before_ppm, fee_seller_ppm=before_ppm)
    driver.buy("ben", 100, 6_800)
    driver.adopt(fee_buyer_ppm=after_ppm, fee_seller_ppm=after_ppm)
    driver.sell("anna", 100, 6_800)
    (delivery,) = driver.exchange.depository.movements.deliveries.values()
    assert delivery.buyer_fee_fen == 680_000 * before_ppm // MILLION
    assert delivery.seller_fee_fen == 680_000 * after_ppm // MILLION
    assert driver.cash("ben").held == 0


def test_a_resting_sale_pays_the_rate_of_the_trade_and_its_buyer_the_rate_of_its_order() -> None:
    driver = market()
    driver.sell("anna", 100, 6_800)
    driver.adopt(fee_buyer_ppm=1_000, fee_seller_ppm=2_000)
    driver.buy("ben", 100, 6_800)
    (delivery,) = driver.exchange.depository.movements.deliveries.values()
    assert (delivery.buyer_fee_fen, delivery.seller_fee_fen) == (680, 1_360)


@pytest.mark.parametrize(("before_ppm", "after_ppm"), [(1_000, 5_000), (5_000, 1_000), (5_000, 0)])
@pytest.mark.parametrize(
    ("price_fen", "quantity_tonnes"), [(None, 90), (6_800, 60), (6_810, 100), (6_790, 120), (6_900, None)]
)
def test_a_replaced_purchase_takes_on_the_rate_of_the_moment(
    before_ppm: int, after_ppm: int, price_fen: int | None, quantity_tonnes: int | None
) -> None:
    driver = market(fee_buyer_ppm=before_ppm)
    order_id = driver.buy("ben", 100, 6_800)
    driver.sell("anna", 10, 6_800)
    driver.adopt(fee_buyer_ppm=after_ppm)
    driver.accepted(replace_order("ben", order_id, price_fen=price_fen, quantity_tonnes=quantity_tonnes))
    left = (quantity_tonnes or 100) - 10
    ben = driver.cash("ben")
    assert ben.held == with_fee(left * (price_fen or 6_800), after_ppm)
    assert ben.delivering == with_fee(10 * 6_800, before_ppm)
    assert ben.available + ben.held + ben.delivering == MONEY


def test_a_smaller_order_at_a_higher_rate_may_need_more_cover_and_keeps_its_place() -> None:
    driver = market()
    order_id = driver.buy("ben", 100, 6_800)
    driver.buy("cara", 100, 6_800)
    driver.adopt(fee_buyer_ppm=100_000)
    driver.accepted(replace_order("ben", order_id, quantity_tonnes=99))
    assert driver.cash("ben").held == with_fee(99 * 6_800, 100_000) > 680_000
    driver.sell("anna", 99, 6_800)
    assert driver.cash("ben").held == 0


def test_a_listings_own_rate_comes_before_the_markets() -> None:
    driver = market(fee_buyer_ppm=1_000)
    driver.buy("ben", 100, 6_800)
    assert driver.cash("ben").held == 680_680
    assert driver.exchange.trading.markets[LISTING].rules.fee_buyer_ppm == 1_000


# ---- random lives -----------------------------------------------------------------------------------------------

RATES = st.tuples(PPM, PPM)
BITE = st.tuples(
    st.sampled_from(["anna", "ben", "cara"]),
    st.integers(6_700, 6_900),
    st.integers(1, 40),
    st.sampled_from(list(TimeInForce)),
)


@settings(max_examples=60, deadline=None)
@given(RATES, st.lists(st.one_of(BITE, BITE, BITE, RATES), min_size=1, max_size=25))
def test_whatever_is_traded_no_fen_is_lost_and_no_fee_is_too_high(
    rates: tuple[int, int], acts: list[tuple[str, int, int, TimeInForce] | tuple[int, int]]
) -> None:
    driver = market(fee_buyer_ppm=rates[0], fee_seller_ppm=rates[1])
    rate_of: dict[OrderId, int] = {}
    for act in acts:
        if len(act) == 2:
            rates = act
            driver.at_ns += 1
            driver.adopt(fee_buyer_ppm=rates[0], fee_seller_ppm=rates[1])
            continue
        account, price_fen, tonnes, time_in_force = act
        side = Side.SELL if account == "anna" else Side.BUY
        rate_of[OrderId(driver.seq + 1)] = rates[0]
        driver.order(account, side, tonnes, price_fen, time_in_force)
        assert all_money(driver) == 2 * MONEY
    trades = {event.trade_id: event for event in driver.events if isinstance(event, Traded)}
    deliveries = settled(driver.close())
    assert {one.trade_id for one in deliveries} == set(trades)
    for one in deliveries:
        buyer_ppm = rate_of[trades[one.trade_id].buy_order_id]
        assert one.buyer_fee_fen == floor(one.amount_fen * buyer_ppm / MILLION)
        assert 0 <= one.seller_fee_fen <= one.amount_fen
    fees_fen = sum(one.buyer_fee_fen + one.seller_fee_fen for one in deliveries)
    assert driver.cash(FEES).available == fees_fen
    assert all_money(driver) == 2 * MONEY
    assert driver.cash("anna").available == sum(one.amount_fen - one.seller_fee_fen for one in deliveries)
    assert all(driver.cash(account).held == 0 for account in ("ben", "cara"))
    assert all(driver.cash(account).delivering == 0 for account in ("ben", "cara"))


@settings(max_examples=60, deadline=None)
@given(PPM, st.integers(6_120, 7_480), st.lists(st.integers(1, 30), min_size=1, max_size=8))
def test_an_order_filled_in_parts_never_pays_more_than_it_held(
    ppm: int, price_fen: int, parts: list[int]
) -> None:
    driver = market(fee_buyer_ppm=ppm)
    driver.buy("ben", sum(parts), price_fen)
    held_fen = driver.cash("ben").held
    for tonnes in parts:
        driver.sell("anna", tonnes, price_fen)
    ben = driver.cash("ben")
    assert ben.held == 0
    assert ben.delivering == sum(with_fee(tonnes * price_fen, ppm) for tonnes in parts) <= held_fen
    assert ben.available == MONEY - ben.delivering


def test_fees_are_posted_from_the_payer_and_to_nobody_else() -> None:
    driver = market(fee_buyer_ppm=1_000, fee_seller_ppm=2_000)
    driver.sell("anna", 100, 6_800)
    driver.buy("ben", 100, 6_800)
    posted = [
        event
        for event in driver.close()
        if isinstance(event, Posted) and FEES in (event.from_account, event.to_account)
    ]
    assert [(one.asset, one.from_account, one.to_account, one.amount) for one in posted] == [
        (CASH, "ben", FEES, 680),
        (CASH, "anna", FEES, 1_360),
    ]


def test_nobody_can_trade_for_the_fees() -> None:
    driver = market(fee_buyer_ppm=1_000)
    command = order(FEES, Side.BUY, 1, 6_800)
    assert isinstance(command, SubmitOrder)
    (refused,) = driver.do(command)
    assert isinstance(refused, Rejected)
    assert refused.code == "account_unknown"
