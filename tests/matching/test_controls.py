"""What an operator can stop, and undo: halts, restrictions, busts."""

import pytest

from matching.commands import AddListing, AdvanceClose, CloseDay
from matching.events import (
    AccountRestricted,
    CloseStep,
    ClosingPriceSet,
    DayPricesRevised,
    Event,
    OrderCancelled,
    OrderExpired,
    Rejected,
    RestrictionLifted,
    TradeBusted,
    TradingHalted,
    TradingResumed,
)
from matching.exchange import Exchange
from matching.listing import Listing
from matching.order import CancelReason, Side
from matching.session import Phase
from settlement.events import Bucket, DeliverySettled, Posted
from tests.matching.driver import (
    CLASS_II,
    LISTING,
    MONDAY,
    OLGA,
    TUESDAY,
    Driver,
    adopt,
    bust,
    cancel,
    cancel_all,
    change,
    halt,
    lift,
    open_market,
    order,
    replace_order,
    restrict,
    resume,
    shanghai_market,
)

BUY, SELL = Side.BUY, Side.SELL


def market(**rules: int | str) -> Driver:
    driver = open_market(**rules)
    driver.accepted(AddListing(listing=Listing(code=CLASS_II, first_reference_price_fen=1_000)))
    driver.admit("anna", tonnes=1_000)
    driver.admit("ben", fen=10**8)
    return driver


def code(events: tuple[Event, ...]) -> str | None:
    return next((event.code for event in events if isinstance(event, Rejected)), None)


def reload(driver: Driver) -> None:
    state = driver.exchange.dump()
    driver.exchange = Exchange.load(state)
    assert driver.exchange.dump() == state


# ---- halts ------------------------------------------------------------------------------------------------------


def test_a_halted_listing_takes_no_orders_and_lets_the_others_trade() -> None:
    driver = market()
    assert driver.accepted(halt(LISTING)) == (
        TradingHalted(listing=LISTING, operator=halt().operator, reason="a test"),
    )
    assert driver.order("ben", BUY, 1, 6_800) == (
        Rejected(code="listing_halted", limit=None, actual=LISTING),
    )
    driver.accepted(order("ben", BUY, 1, 1_000, listing=CLASS_II))
    assert driver.accepted(resume(LISTING)) == (
        TradingResumed(listing=LISTING, operator=halt().operator, reason="a test"),
    )
    driver.buy("ben", 1, 6_800)


def test_a_halted_market_takes_no_orders_at_all() -> None:
    driver = market()
    driver.accepted(halt())
    assert code(driver.order("ben", BUY, 1, 6_800)) == "listing_halted"
    assert code(driver.do(order("ben", BUY, 1, 1_000, listing=CLASS_II, client_id="2"))) == "listing_halted"
    driver.accepted(resume())
    driver.buy("ben", 1, 6_800)


def test_a_listing_halted_by_itself_and_with_the_market_must_be_resumed_twice() -> None:
    driver = market()
    driver.accepted(halt(LISTING))
    driver.accepted(halt())
    driver.accepted(resume())
    assert code(driver.order("ben", BUY, 1, 6_800)) == "listing_halted"
    driver.accepted(resume(LISTING))
    driver.buy("ben", 1, 6_800)


@pytest.mark.parametrize("listing", [None, LISTING])
def test_orders_can_be_taken_back_but_not_changed_during_a_halt(listing: str | None) -> None:
    driver = market()
    first, second = driver.buy("ben", 1, 6_800), driver.buy("ben", 1, 6_700)
    driver.accepted(halt(listing))
    assert code(driver.do(replace_order("ben", first, price_fen=6_750))) == "listing_halted"
    driver.accepted(cancel("ben", first))
    assert second in driver.exchange.trading.open_orders
    driver.accepted(cancel_all("ben"))
    assert driver.cash("ben").held == 0


def test_a_halt_lasts_over_dump_and_load_and_over_the_night() -> None:
    driver = market()
    driver.accepted(halt(LISTING))
    reload(driver)
    driver.close()
    reload(driver)
    assert code(driver.order("ben", BUY, 1, 6_800)) == "listing_halted"


def test_a_session_is_not_longer_for_a_halt() -> None:
    driver = shanghai_market()
    driver.wait_until("10:00:00")
    driver.accepted(halt())
    seen = []
    for clock in ("11:29:59", "11:30:00", "13:00:00", "14:00:00", "15:00:00"):
        driver.wait_until(clock)
        seen.append(driver.exchange.phase)
    assert seen == [Phase.LISTED, Phase.BREAK, Phase.LISTED, Phase.NEGOTIATED, Phase.CLOSING]


def test_a_halted_day_closes_like_any_other() -> None:
    driver = market()
    driver.sell("anna", 200, 7_000)
    driver.buy("ben", 200, 7_000)
    driver.buy("ben", 5, 6_500)
    driver.accepted(halt())
    events = driver.close()
    assert [event.trade_id for event in events if isinstance(event, DeliverySettled)] == [1]
    assert sum(isinstance(event, OrderExpired) for event in events) == 1
    closes = {event.listing: event.close_fen for event in events if isinstance(event, ClosingPriceSet)}
    assert closes[LISTING] == 7_000


# ---- restrictions -----------------------------------------------------------------------------------------------


def test_a_restricted_account_loses_its_orders_with_their_reason_and_gets_their_cover() -> None:
    driver = market()
    driver.deposit("anna", 10**6)
    ids = [driver.sell("anna", 10, 7_000), driver.buy("anna", 10, 6_500), driver.sell("anna", 10, 7_100)]
    kept = driver.buy("ben", 10, 6_500)
    events = driver.accepted(restrict("anna"))
    assert isinstance(events[0], AccountRestricted)
    assert (events[0].account, events[0].operator, events[0].reason) == ("anna", OLGA, "a test")
    cancelled = [event for event in events if isinstance(event, OrderCancelled)]
    assert [event.order_id for event in cancelled] == ids
    assert {event.reason for event in cancelled} == {CancelReason.RESTRICTED}
    assert (driver.units("anna").held, driver.cash("anna").held) == (0, 0)
    assert list(driver.exchange.trading.open_orders) == [kept]


def test_a_restricted_account_places_nothing_until_the_restriction_is_lifted() -> None:
    driver = market()
    driver.admit("ben-2", fen=10**6)
    driver.accepted(restrict("ben"))
    reload(driver)
    assert driver.order("ben", BUY, 1, 6_800) == (
        Rejected(code="account_restricted", limit=None, actual="ben"),
    )
    driver.buy("ben-2", 1, 6_800)  # an account is restricted, not its owner
    driver.accepted(cancel_all("ben"))
    driver.close()
    assert code(driver.order("ben", BUY, 1, 6_800)) == "account_restricted"
    (lifted,) = driver.accepted(lift("ben"))
    assert isinstance(lifted, RestrictionLifted)
    driver.buy("ben", 1, 6_800)


def test_what_was_traded_before_a_restriction_is_delivered() -> None:
    driver = market()
    driver.sell("anna", 10, 6_800)
    driver.buy("ben", 10, 6_800)
    driver.accepted(restrict("ben"))
    driver.close()
    assert driver.units("ben").available == 10


@pytest.mark.parametrize("advances", range(4))
def test_a_restriction_during_the_close_takes_back_what_has_not_expired(advances: int) -> None:
    driver = market()
    for price_fen in (6_500, 6_510, 6_520):
        driver.buy("ben", 1, price_fen)
    driver.accepted(CloseDay(trading_day=MONDAY))
    for _ in range(advances):
        driver.accepted(AdvanceClose(trading_day=MONDAY, portion=1))
    events = driver.accepted(restrict("ben"))
    assert sum(isinstance(event, OrderCancelled) for event in events) == 3 - advances
    assert driver.cash("ben").held == 0
    reload(driver)
    driver.close()
    assert driver.exchange.trading_day == TUESDAY


# ---- busts ------------------------------------------------------------------------------------------------------


def traded(**rules: int | str) -> Driver:
    """Three trades: 100 t at 70.00, 60 t at 72.00, 40 t at 69.00."""
    driver = market(**rules)
    for price_fen, tonnes in ((7_000, 100), (7_200, 60), (6_900, 40)):
        driver.sell("anna", tonnes, price_fen)
        driver.buy("ben", tonnes, price_fen)
    return driver


def test_a_busted_trade_gives_both_sides_back_what_was_theirs() -> None:
    driver = traded()
    cash, units = driver.cash("ben"), driver.units("anna")
    assert (cash.delivering, units.delivering) == (100 * 7_000 + 60 * 7_200 + 40 * 6_900, 200)
    events = driver.accepted(bust(2))
    busted = events[0]
    assert isinstance(busted, TradeBusted)
    assert (busted.trade_id, busted.seller, busted.buyer) == (2, "anna", "ben")
    assert (busted.quantity_tonnes, busted.amount_fen, busted.reason) == (60, 60 * 7_200, "a test")
    posted = [event for event in events if isinstance(event, Posted)]
    assert {(event.from_account, event.amount) for event in posted} == {("anna", 60), ("ben", 60 * 7_200)}
    assert {(event.from_bucket, event.to_bucket) for event in posted} == {
        (Bucket.DELIVERING, Bucket.AVAILABLE)
    }
    assert driver.units("anna").delivering == 140
    assert driver.cash("ben").delivering == 100 * 7_000 + 40 * 6_900


@pytest.mark.parametrize(
    ("trade_id", "open_fen", "high_fen", "low_fen", "last_fen", "volume"),
    [
        (1, 7_200, 7_200, 6_900, 6_900, 100),
        (2, 7_000, 7_000, 6_900, 6_900, 140),
        (3, 7_000, 7_200, 7_000, 7_200, 160),
    ],
)
def test_the_days_prices_are_those_without_the_trade(
    *, trade_id: int, open_fen: int, high_fen: int, low_fen: int, last_fen: int, volume: int
) -> None:
    driver = traded()
    revised = driver.accepted(bust(trade_id))[-1]
    assert isinstance(revised, DayPricesRevised)
    assert (revised.open_fen, revised.high_fen, revised.low_fen, revised.last_fen) == (
        *(open_fen, high_fen, low_fen, last_fen),
    )
    assert revised.volume_tonnes == volume
    reload(driver)
    events = driver.close()
    (closing,) = (
        event for event in events if isinstance(event, ClosingPriceSet) and event.listing == LISTING
    )
    assert (closing.open_fen, closing.high_fen, closing.low_fen) == (open_fen, high_fen, low_fen)
    assert (closing.volume_tonnes, closing.turnover_fen) == (volume, revised.turnover_fen)
    settled = [event.trade_id for event in events if isinstance(event, DeliverySettled)]
    assert settled == [n for n in (1, 2, 3) if n != trade_id]


def test_with_its_last_trade_busted_a_day_has_no_prices() -> None:
    driver = market()
    driver.sell("anna", 200, 7_000)
    driver.buy("ben", 200, 7_000)
    revised = driver.accepted(bust(1))[-1]
    assert isinstance(revised, DayPricesRevised)
    assert (revised.open_fen, revised.high_fen, revised.low_fen, revised.last_fen) == (None,) * 4
    assert (revised.volume_tonnes, revised.turnover_fen) == (0, 0)
    closes = [event.close_fen for event in driver.close() if isinstance(event, ClosingPriceSet)]
    assert closes[0] == 6_800


def test_a_bust_can_take_the_days_volume_below_the_threshold() -> None:
    driver = traded()
    driver.accepted(bust(1))
    closes = [event.close_fen for event in driver.close() if isinstance(event, ClosingPriceSet)]
    assert closes[0] == 6_800  # 100 t are left: at the threshold


def test_the_last_five_are_found_again_without_a_busted_trade() -> None:
    driver = market(closing_method="last_five", close_threshold_tonnes=0)
    for price_fen in (7_400, 7_000, 7_010, 7_020, 7_030, 7_040):
        driver.sell("anna", 10, price_fen)
        driver.buy("ben", 10, price_fen)
    driver.accepted(bust(6))
    closes = [event.close_fen for event in driver.close() if isinstance(event, ClosingPriceSet)]
    assert closes[0] == 7_092  # 74.00 is among the last five again


def test_a_trade_is_busted_once() -> None:
    driver = traded()
    driver.accepted(bust(2))
    assert driver.do(bust(2)) == (Rejected(code="trade_not_pending", limit=None, actual="2"),)


def test_the_orders_of_a_busted_trade_stay_what_they_had_become() -> None:
    driver = market()
    standing = driver.sell("anna", 10, 6_800)
    driver.buy("ben", 4, 6_800)
    driver.accepted(bust(1))
    assert driver.exchange.trading.open_orders[standing].remaining_tonnes == 6
    assert driver.depth(SELL) == [(6_800, 6)]


def test_what_a_bust_gives_back_can_be_used_at_once() -> None:
    driver = market()
    driver.sell("anna", 1_000, 6_800)
    driver.buy("ben", 1_000, 6_800)
    assert code(driver.order("anna", SELL, 1, 6_900)) == "insufficient_units"
    driver.accepted(bust(1))
    driver.sell("anna", 1_000, 6_900)


@pytest.mark.parametrize("step", [CloseStep.EXPIRE_ORDERS, CloseStep.CLOSING_PRICES])
def test_a_bust_early_in_the_close_still_counts_for_its_price(step: CloseStep) -> None:
    driver = traded(close_threshold_tonnes=0)
    driver.accepted(CloseDay(trading_day=MONDAY))
    while driver.exchange.close_step is not step:
        driver.accepted(AdvanceClose(trading_day=MONDAY, portion=1))
    driver.accepted(bust(2))
    reload(driver)
    closes = [event.close_fen for event in driver.close() if isinstance(event, ClosingPriceSet)]
    assert closes[0] == 6_971  # (100 × 70.00 + 40 × 69.00) / 140, half up


def test_a_bust_before_the_closing_prices_takes_its_trade_out_of_them() -> None:
    driver = traded()
    driver.accepted(CloseDay(trading_day=MONDAY))
    while driver.exchange.close_step is not CloseStep.CLOSING_PRICES:
        driver.accepted(AdvanceClose(trading_day=MONDAY, portion=1))
    driver.accepted(bust(2))
    reload(driver)
    events = driver.close(portion=1)
    (closing, _) = (event for event in events if isinstance(event, ClosingPriceSet))
    assert (closing.high_fen, closing.volume_tonnes) == (7_000, 140)
    assert [event.trade_id for event in events if isinstance(event, DeliverySettled)] == [1, 3]
    assert driver.exchange.trading_day == TUESDAY


def test_once_the_closing_prices_are_set_no_trade_is_busted() -> None:
    driver = traded()
    driver.accepted(CloseDay(trading_day=MONDAY))
    while driver.exchange.close_step is not CloseStep.OBLIGATIONS:
        driver.accepted(AdvanceClose(trading_day=MONDAY, portion=1_000))
    refused = (Rejected(code="close_under_way", limit=None, actual="obligations"),)
    assert driver.do(bust(3)) == refused
    driver.accepted(AdvanceClose(trading_day=MONDAY, portion=1))
    reload(driver)
    assert driver.do(bust(3)) == refused
    events = driver.close(portion=1)
    assert [event.trade_id for event in events if isinstance(event, DeliverySettled)] == [1, 2, 3]


def test_a_settled_or_failed_trade_cannot_be_busted() -> None:
    driver = traded()
    driver.close(refuse=lambda instruction: ("frozen", 1))
    for trade_id in (1, 2, 3):
        assert code(driver.do(bust(trade_id))) == "trade_not_pending"


# ---- the band ---------------------------------------------------------------------------------------------------


def test_a_band_narrowed_during_the_day_takes_back_the_orders_it_leaves_outside() -> None:
    driver = market()
    outside = [driver.sell("anna", 5, 7_200), driver.buy("ben", 5, 6_300)]
    inside = [driver.sell("anna", 5, 7_140), driver.buy("ben", 5, 6_460)]
    events = driver.accepted(adopt(change("band_basis_points", 500, driver.at_ns)))
    cancelled = [event for event in events if isinstance(event, OrderCancelled)]
    assert [event.order_id for event in cancelled] == outside
    assert {event.reason for event in cancelled} == {CancelReason.OUTSIDE_BAND}
    assert list(driver.exchange.trading.open_orders) == inside
    assert (driver.units("anna").held, driver.cash("ben").held) == (5, 5 * 6_460)
