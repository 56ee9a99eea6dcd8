"""Fees: covered before they are owed, never more than was held, never lost, and nobody's but the exchange's."""

from itertools import accumulate

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from matching.commands import SubmitOrder
from matching.events import Event, Rejected, Traded
from matching.fees import MILLION, NO_FEE, FeePayer, FeeTerms
from matching.order import OrderId, Side, TimeInForce, cover_fen
from settlement.events import DeliverySettled, Posted
from settlement.values import CASH, FEES
from tests.matching.driver import LISTING, Driver, bust, cancel, open_market, order, replace_order
from tests.reference import rules as plain

PPM = st.one_of(st.integers(0, MILLION), st.sampled_from([0, 1, 800, 999_999, MILLION]))
MINIMUM = st.one_of(st.just(0), st.integers(0, 300_000), st.sampled_from([1, 6_800, 10**9]))
CAP = st.one_of(st.none(), st.integers(0, 300_000), st.sampled_from([0, 1, 6_800]))
TERMS = st.builds(
    lambda ppm, least, most: FeeTerms(ppm=ppm, minimum_fen=least, cap_fen=most), PPM, MINIMUM, CAP
)
MONEY = 100_000_000


def market(**rules: int | str) -> Driver:
    """Anna sells, Ben and Cara buy."""
    driver = open_market(**rules)
    driver.admit("anna", tonnes=5_000)
    driver.admit("ben", fen=MONEY)
    driver.admit("cara", fen=MONEY)
    return driver


def rules_of(buyer: FeeTerms = NO_FEE, seller: FeeTerms = NO_FEE) -> dict[str, int | str]:
    """These terms as values of the rule book."""
    values: dict[str, int | str] = {}
    for name, fee in (("buyer", buyer), ("seller", seller)):
        values[f"fee_{name}_ppm"] = fee.ppm
        values[f"fee_{name}_minimum_fen"] = fee.minimum_fen
        values[f"fee_{name}_cap_fen"] = "none" if fee.cap_fen is None else fee.cap_fen
    return values


def with_fee(amount_fen: int, ppm: int) -> int:
    """An amount and a plain share of it."""
    return amount_fen + amount_fen * ppm // MILLION


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
def test_a_share_is_rounded_down_to_the_fen(amount_fen: int, ppm: int, fee_fen: int) -> None:
    assert FeeTerms(ppm=ppm).of(amount_fen) == fee_fen
    assert cover_fen(amount_fen, FeeTerms(ppm=ppm)) == amount_fen + fee_fen


@pytest.mark.parametrize(
    ("turnover_fen", "minimum_fen", "cap_fen", "fee_fen"),
    [
        (0, 500, None, 0),
        (300, 500, None, 300),
        (500, 500, None, 500),
        (624_999, 500, None, 500),
        (680_000, 500, None, 544),
        (680_000, 0, 543, 543),
        (680_000, 500, 544, 544),
        (680_000, 600, 550, 550),
        (680_000, 600, 0, 0),
        (100, 600, 50, 50),
    ],
)
def test_the_minimum_and_the_cap_bite(
    turnover_fen: int, minimum_fen: int, cap_fen: int | None, fee_fen: int
) -> None:
    assert FeeTerms(ppm=800, minimum_fen=minimum_fen, cap_fen=cap_fen).of(turnover_fen) == fee_fen


@given(TERMS, st.lists(st.integers(0, 10**9), max_size=20))
def test_the_fees_of_parts_are_the_fee_of_the_whole_and_none_is_above_its_part(
    fee: FeeTerms, parts: list[int]
) -> None:
    befores = accumulate(parts, initial=0)
    of_parts = [
        fee.of_part(before_fen, part_fen) for before_fen, part_fen in zip(befores, parts, strict=False)
    ]
    assert sum(of_parts) == fee.of(sum(parts))
    assert all(0 <= one <= part_fen for one, part_fen in zip(of_parts, parts, strict=True))


@given(TERMS, st.integers(0, 10**12))
def test_a_fee_is_within_its_terms_and_what_the_plain_words_say(fee: FeeTerms, turnover_fen: int) -> None:
    fee_fen = fee.of(turnover_fen)
    assert fee_fen <= turnover_fen
    assert fee.cap_fen is None or fee_fen <= fee.cap_fen
    assert fee_fen >= min(fee.minimum_fen, turnover_fen, turnover_fen if fee.cap_fen is None else fee.cap_fen)
    assert fee_fen == plain.fee(turnover_fen, (fee.ppm, fee.minimum_fen, fee.cap_fen))


@given(TERMS, st.integers(0, 10**9), st.integers(1, 500), st.data())
def test_the_cover_is_enough_for_any_trades_at_the_limit_or_better(
    fee: FeeTerms, turnover_fen: int, tonnes: int, data: st.DataObject
) -> None:
    limit_fen = data.draw(st.integers(1, 10_000))
    covered_fen = cover_fen(tonnes * limit_fen, fee, turnover_fen)
    while tonnes:
        part = data.draw(st.integers(1, tonnes))
        amount_fen = part * data.draw(st.integers(1, limit_fen))
        paid_fen = amount_fen + fee.of_part(turnover_fen, amount_fen)
        tonnes, turnover_fen = tonnes - part, turnover_fen + amount_fen
        left_fen = cover_fen(tonnes * limit_fen, fee, turnover_fen)
        assert paid_fen + left_fen <= covered_fen
        covered_fen = left_fen
    assert covered_fen == 0


# ---- minimum, cap and payer in the market -----------------------------------------------------------------------


def test_a_minimum_is_paid_once_an_order_and_not_once_a_trade() -> None:
    fee = FeeTerms(ppm=800, minimum_fen=1_000)
    driver = market(**rules_of(fee, fee))
    driver.buy("ben", 300, 6_800)
    assert driver.cash("ben").held == 2_040_000 + 1_632
    for _ in range(3):
        driver.sell("anna", 100, 6_800)
    done = settled(driver.close())
    assert [one.buyer_fee_fen for one in done] == [1_000, 88, 544]
    # Each of the three sales is an order of its own.
    assert [one.seller_fee_fen for one in done] == [1_000, 1_000, 1_000]


def test_a_minimum_is_never_above_what_was_traded() -> None:
    fee = FeeTerms(minimum_fen=10_000)
    driver = market(**rules_of(fee, fee))
    driver.buy("ben", 3, 6_800)
    assert driver.cash("ben").held == 20_400 + 10_000
    driver.sell("anna", 1, 6_800)
    driver.sell("anna", 2, 6_800)
    done = settled(driver.close())
    assert [(one.buyer_fee_fen, one.seller_fee_fen) for one in done] == [(6_800, 6_800), (3_200, 10_000)]
    assert driver.cash("anna").available == 20_400 - 16_800
    assert driver.cash(FEES).available == 10_000 + 16_800


def test_a_capped_order_pays_no_more_however_much_it_trades() -> None:
    fee = FeeTerms(ppm=10_000, cap_fen=9_000)
    driver = market(**rules_of(fee, fee))
    driver.sell("anna", 300, 6_800)
    for _ in range(3):
        driver.buy("ben", 100, 6_800)
    assert driver.cash("ben").delivering == 2_040_000 + 3 * 6_800
    done = settled(driver.close())
    assert [one.seller_fee_fen for one in done] == [6_800, 2_200, 0]


@pytest.mark.parametrize(
    ("payer", "buyer_fen", "seller_fen"),
    [(FeePayer.BOTH, 680, 1_360), (FeePayer.BUYER, 680, 0), (FeePayer.SELLER, 0, 1_360)],
)
def test_who_pays_is_a_rule(payer: FeePayer, buyer_fen: int, seller_fen: int) -> None:
    driver = market(fee_payer=payer.value, fee_buyer_ppm=1_000, fee_seller_ppm=2_000)
    driver.buy("ben", 100, 6_800)
    assert driver.cash("ben").held == 680_000 + buyer_fen
    driver.sell("anna", 100, 6_800)
    (done,) = settled(driver.close())
    assert (done.buyer_fee_fen, done.seller_fee_fen) == (buyer_fen, seller_fen)


def test_a_better_price_gives_back_its_share_of_the_fee_to_the_fen() -> None:
    driver = market(**rules_of(FeeTerms(ppm=800, minimum_fen=1_000)))
    driver.sell("anna", 100, 6_700)
    driver.sell("anna", 100, 6_800)
    driver.buy("ben", 200, 6_900)
    assert driver.cash("ben").delivering == 1_350_000 + 1_080
    assert driver.cash("ben").available == MONEY - 1_350_000 - 1_080


def test_a_trade_that_was_undone_is_not_charged_and_its_order_pays_the_rest_as_it_was() -> None:
    driver = market(**rules_of(FeeTerms(ppm=800, minimum_fen=1_000)))
    driver.buy("ben", 200, 6_800)
    driver.sell("anna", 100, 6_800)
    driver.accepted(bust(1))
    assert driver.cash("ben").available == MONEY - driver.cash("ben").held
    assert driver.cash("ben").held == 680_000 + 88
    driver.sell("anna", 100, 6_800)
    (done,) = settled(driver.close())
    assert done.buyer_fee_fen == 88


def test_a_replaced_order_has_paid_its_minimum_already() -> None:
    driver = market(**rules_of(FeeTerms(minimum_fen=1_000)))
    order_id = driver.buy("ben", 200, 6_800)
    driver.sell("anna", 100, 6_800)
    assert driver.cash("ben").held == 680_000
    driver.accepted(replace_order("ben", order_id, price_fen=6_810, quantity_tonnes=300))
    assert driver.cash("ben").held == 200 * 6_810
    driver.adopt(**rules_of(FeeTerms(minimum_fen=1_500)))
    driver.accepted(replace_order("ben", order_id, quantity_tonnes=250, client_id="again"))
    assert driver.cash("ben").held == 150 * 6_810


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
    assert ben.held == 40 * 6_900 + (60 * price_fen + 40 * 6_900) // 100 - 60 * price_fen // 100
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
def test_a_resting_order_keeps_the_rate_it_was_accepted_at(before_ppm: int, after_ppm: int) -> None:
    driver = market(fee_buyer_ppm=before_ppm, fee_seller_ppm=before_ppm)
    driver.buy("ben", 100, 6_800)
    driver.adopt(fee_buyer_ppm=after_ppm, fee_seller_ppm=after_ppm)
    driver.sell("anna", 100, 6_800)
    (delivery,) = driver.exchange.depository.movements.deliveries.values()
    assert delivery.buyer_fee_fen == 680_000 * before_ppm // MILLION
    assert delivery.seller_fee_fen == 680_000 * after_ppm // MILLION
    assert driver.cash("ben").held == 0


def test_each_side_pays_the_rate_of_its_own_order() -> None:
    driver = market()
    driver.sell("anna", 100, 6_800)
    driver.adopt(fee_buyer_ppm=1_000, fee_seller_ppm=2_000)
    driver.buy("ben", 100, 6_800)
    (delivery,) = driver.exchange.depository.movements.deliveries.values()
    assert (delivery.buyer_fee_fen, delivery.seller_fee_fen) == (680, 0)


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
    traded_fen, wanted_fen = 10 * 6_800, left * (price_fen or 6_800)
    fee = FeeTerms(ppm=after_ppm)
    assert ben.held == wanted_fen + fee.of(traded_fen + wanted_fen) - fee.of(traded_fen)
    assert ben.delivering == with_fee(traded_fen, before_ppm)
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

RATES = st.tuples(TERMS, TERMS)
BITE = st.tuples(
    st.sampled_from(["anna", "ben", "cara"]),
    st.integers(6_700, 6_900),
    st.integers(1, 40),
    st.sampled_from(list(TimeInForce)),
)


@settings(max_examples=60, deadline=None)
@given(RATES, st.lists(st.one_of(BITE, BITE, BITE, RATES), min_size=1, max_size=25))
def test_whatever_is_traded_no_fen_is_lost_and_each_order_pays_the_fee_of_its_whole(
    rates: tuple[FeeTerms, FeeTerms],
    acts: list[tuple[str, int, int, TimeInForce] | tuple[FeeTerms, FeeTerms]],
) -> None:
    driver = market(**rules_of(*rates))
    fee_of: dict[OrderId, FeeTerms] = {}
    for act in acts:
        if len(act) == 2:
            rates = act
            driver.at_ns += 1
            driver.adopt(**rules_of(*rates))
            continue
        account, price_fen, tonnes, time_in_force = act
        side = Side.SELL if account == "anna" else Side.BUY
        fee_of[OrderId(driver.seq + 1)] = rates[0] if side is Side.BUY else rates[1]
        driver.order(account, side, tonnes, price_fen, time_in_force)
        assert all_money(driver) == 2 * MONEY
    trades = [event for event in driver.events if isinstance(event, Traded)]
    deliveries = {one.trade_id: one for one in settled(driver.close())}
    assert set(deliveries) == {trade.trade_id for trade in trades}
    turnover: dict[OrderId, int] = {}
    paid: dict[OrderId, int] = {}
    for trade in trades:
        one = deliveries[trade.trade_id]
        for order_id, fee_fen in (
            (trade.buy_order_id, one.buyer_fee_fen),
            (trade.sell_order_id, one.seller_fee_fen),
        ):
            assert 0 <= fee_fen <= one.amount_fen
            turnover[order_id] = turnover.get(order_id, 0) + one.amount_fen
            paid[order_id] = paid.get(order_id, 0) + fee_fen
    assert paid == {order_id: fee_of[order_id].of(fen) for order_id, fen in turnover.items()}
    assert driver.cash(FEES).available == sum(paid.values())
    assert all_money(driver) == 2 * MONEY
    assert all(driver.cash(account).held == 0 for account in ("ben", "cara"))
    assert all(driver.cash(account).delivering == 0 for account in ("ben", "cara"))


@settings(max_examples=60, deadline=None)
@given(TERMS, st.integers(6_120, 7_480), st.lists(st.integers(1, 30), min_size=1, max_size=8))
def test_an_order_filled_in_parts_pays_exactly_what_it_held(
    fee: FeeTerms, price_fen: int, parts: list[int]
) -> None:
    driver = market(**rules_of(fee))
    driver.buy("ben", sum(parts), price_fen)
    held_fen = driver.cash("ben").held
    for tonnes in parts:
        driver.sell("anna", tonnes, price_fen)
    ben = driver.cash("ben")
    assert ben.held == 0
    assert ben.delivering == held_fen
    assert ben.available == MONEY - held_fen


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
