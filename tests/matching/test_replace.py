"""Replacing an order: what it keeps, what it loses, what it holds, and that it is one order all the while."""

from dataclasses import replace as altered

import pytest

from matching.commands import CloseDay
from matching.events import (
    Event,
    OrderCancelled,
    OrderExpired,
    OrderReplaced,
    OrderRested,
    Rejected,
    Replayed,
    Traded,
)
from matching.exchange import Exchange
from matching.order import OrderStatus, Side
from tests.matching.driver import (
    LISTING,
    MONDAY,
    Driver,
    adopt,
    cancel,
    change,
    halt,
    open_market,
    replace_order,
    restrict,
)

BUY, SELL = Side.BUY, Side.SELL


def market(**rules: int | str) -> Driver:
    driver = open_market(**rules)
    for seller in ("anna", "alan"):
        driver.admit(seller, tonnes=100)
    for buyer in ("ben", "bea"):
        driver.admit(buyer, fen=1_000_000)
    return driver


def kinds(events: tuple[Event, ...]) -> list[str]:
    return [type(event).__name__ for event in events]


def queue(driver: Driver, side: Side) -> list[tuple[str, int, int]]:
    book = driver.exchange.trading.markets[LISTING].book
    return [
        (order.account, order.price_fen, order.remaining_tonnes)
        for order in book.orders()
        if order.side is side
    ]


def replaced(events: tuple[Event, ...]) -> OrderReplaced:
    (told,) = (event for event in events if isinstance(event, OrderReplaced))
    return told


def code(events: tuple[Event, ...]) -> str:
    (refused,) = events
    assert isinstance(refused, Rejected)
    return refused.code


# ---- priority ---------------------------------------------------------------------------------------------------


def test_a_smaller_quantity_at_the_same_price_keeps_the_place() -> None:
    driver = market()
    first = driver.sell("anna", 10, 6_800)
    driver.sell("alan", 10, 6_800)
    events = driver.accepted(replace_order("anna", first, quantity_tonnes=4))
    assert kinds(events) == ["OrderReplaced", "Posted"]
    told = replaced(events)
    assert told.kept_priority
    assert (told.before_price_fen, told.before_remaining_tonnes) == (6_800, 10)
    assert (told.price_fen, told.quantity_tonnes, told.remaining_tonnes) == (6_800, 4, 4)
    assert (told.order_id, told.account, told.client_order_id, told.side) == (first, "anna", "id-5", SELL)
    assert queue(driver, SELL) == [("anna", 6_800, 4), ("alan", 6_800, 10)]
    assert driver.depth(SELL) == [(6_800, 14)]


@pytest.mark.parametrize(
    ("price_fen", "quantity_tonnes", "after"),
    [
        (None, 11, [("alan", 6_800, 10), ("anna", 6_800, 11)]),
        (6_801, None, [("alan", 6_800, 10), ("anna", 6_801, 10)]),
        (6_801, 5, [("alan", 6_800, 10), ("anna", 6_801, 5)]),
        (6_799, None, [("anna", 6_799, 10), ("alan", 6_800, 10)]),
        (6_800, 12, [("alan", 6_800, 10), ("anna", 6_800, 12)]),
    ],
)
def test_a_larger_quantity_or_another_price_comes_anew(
    price_fen: int | None, quantity_tonnes: int | None, after: list[tuple[str, int, int]]
) -> None:
    driver = market()
    first = driver.sell("anna", 10, 6_800)
    driver.sell("alan", 10, 6_800)
    command = replace_order("anna", first, price_fen=price_fen, quantity_tonnes=quantity_tonnes)
    events = driver.accepted(command)
    assert not replaced(events).kept_priority
    assert isinstance(events[-1], OrderRested)
    assert events[-1].order_id == first
    assert queue(driver, SELL) == after


def test_priority_once_lost_does_not_return() -> None:
    driver = market()
    first = driver.sell("anna", 10, 6_800)
    driver.sell("alan", 10, 6_800)
    driver.accepted(replace_order("anna", first, price_fen=6_801, client_id="1"))
    driver.accepted(replace_order("anna", first, price_fen=6_800, client_id="2"))
    assert queue(driver, SELL) == [("alan", 6_800, 10), ("anna", 6_800, 10)]


def test_the_place_is_the_same_after_dump_and_load() -> None:
    driver = market()
    first = driver.sell("anna", 10, 6_800)
    driver.sell("alan", 10, 6_800)
    driver.accepted(replace_order("anna", first, quantity_tonnes=20))
    again = Driver(Exchange.load(driver.exchange.dump()), driver.at_ns)
    assert queue(again, SELL) == queue(driver, SELL) == [("alan", 6_800, 10), ("anna", 6_800, 20)]
    assert again.exchange.dump() == driver.exchange.dump()


# ---- trading at once --------------------------------------------------------------------------------------------


def test_a_better_price_may_trade_at_once_at_the_resting_price() -> None:
    driver = market()
    driver.sell("anna", 4, 6_850)
    standing = driver.buy("ben", 10, 6_800)
    events = driver.accepted(replace_order("ben", standing, price_fen=6_900))
    assert kinds(events) == [
        *("OrderReplaced", "Posted", "Traded", "Posted", "Posted", "Posted", "OrderRested"),
    ]
    (traded,) = (event for event in events if isinstance(event, Traded))
    assert (traded.buy_order_id, traded.price_fen, traded.quantity_tonnes) == (standing, 6_850, 4)
    assert (traded.taker_side, traded.buy_remaining_tonnes) == (BUY, 6)
    cash = driver.cash("ben")
    assert (cash.held, cash.delivering) == (6 * 6_900, 4 * 6_850)
    assert driver.exchange.trading.open_orders[standing].status is OrderStatus.PARTIALLY_FILLED


def test_filled_by_its_change_an_order_is_gone() -> None:
    driver = market()
    driver.sell("anna", 10, 6_850)
    standing = driver.buy("ben", 10, 6_800)
    events = driver.accepted(replace_order("ben", standing, price_fen=6_850))
    assert kinds(events)[-1] == "Posted"
    assert standing not in driver.exchange.trading.open_orders
    assert (queue(driver, BUY), queue(driver, SELL)) == ([], [])
    assert code(driver.do(cancel("ben", standing))) == "order_not_open"


# ---- cover ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("price_fen", "quantity_tonnes"),
    [(6_900, None), (6_700, None), (None, 20), (None, 3), (6_900, 3), (6_700, 20), (6_850, 10)],
)
def test_cover_is_that_of_the_new_terms_to_the_fen(
    price_fen: int | None, quantity_tonnes: int | None
) -> None:
    driver = market()
    standing = driver.buy("ben", 10, 6_800)
    command = replace_order("ben", standing, price_fen=price_fen, quantity_tonnes=quantity_tonnes)
    driver.accepted(command)
    held_fen = (price_fen or 6_800) * (quantity_tonnes or 10)
    cash = driver.cash("ben")
    assert (cash.held, cash.available) == (held_fen, 1_000_000 - held_fen)


def test_the_same_cover_under_other_terms_posts_nothing() -> None:
    driver = market()
    standing = driver.buy("ben", 10, 6_600)
    events = driver.accepted(replace_order("ben", standing, price_fen=6_875, quantity_tonnes=9))
    assert kinds(events) == ["OrderReplaced", "Posted", "OrderRested"]
    events = driver.accepted(
        replace_order("ben", standing, price_fen=6_188, quantity_tonnes=10, client_id="2")
    )
    assert kinds(events) == ["OrderReplaced", "Posted", "OrderRested"]
    seller = driver.sell("anna", 10, 7_000)
    events = driver.accepted(replace_order("anna", seller, price_fen=7_001))
    assert kinds(events) == ["OrderReplaced", "OrderRested"]


def test_what_an_order_holds_counts_for_its_own_change() -> None:
    driver = market()
    standing = driver.buy("ben", 147, 6_800)  # 999,600 of 1,000,000 fen
    assert code(driver.do(replace_order("ben", standing, quantity_tonnes=148))) == "insufficient_cash"
    driver.accepted(replace_order("ben", standing, price_fen=6_801, client_id="2"))
    assert driver.cash("ben").available == 1_000_000 - 147 * 6_801
    refused = driver.do(replace_order("ben", standing, price_fen=6_803, client_id="3"))
    assert refused == (Rejected(code="insufficient_cash", limit=1_000_000 - 147 * 6_801, actual=147 * 2),)


def test_a_seller_can_ask_for_all_it_has_and_no_tonne_more() -> None:
    driver = market()
    standing = driver.sell("anna", 60, 6_800)
    driver.accepted(replace_order("anna", standing, quantity_tonnes=100, client_id="1"))
    assert (driver.units("anna").held, driver.units("anna").available) == (100, 0)
    refused = driver.do(replace_order("anna", standing, quantity_tonnes=101, client_id="2"))
    assert refused == (Rejected(code="insufficient_units", limit=0, actual=1),)


# ---- a partly filled order --------------------------------------------------------------------------------------


def partly_filled() -> tuple[Driver, int]:
    """Anna's order of 10 t of which 4 t are sold, with alan's behind it."""
    driver = market()
    standing = driver.sell("anna", 10, 6_800)
    driver.sell("alan", 10, 6_800)
    driver.buy("ben", 4, 6_800)
    return driver, standing


def test_the_new_quantity_is_the_whole_one_what_is_filled_included() -> None:
    driver, standing = partly_filled()
    told = replaced(driver.accepted(replace_order("anna", standing, quantity_tonnes=9)))
    assert (told.before_remaining_tonnes, told.quantity_tonnes, told.remaining_tonnes) == (6, 9, 5)
    assert queue(driver, SELL) == [("anna", 6_800, 5), ("alan", 6_800, 10)]
    units = driver.units("anna")
    assert (units.available, units.held, units.delivering) == (91, 5, 4)


def test_a_partly_filled_order_stays_partly_filled_when_it_comes_anew() -> None:
    driver, standing = partly_filled()
    driver.accepted(replace_order("anna", standing, price_fen=6_810, quantity_tonnes=12))
    order = driver.exchange.trading.open_orders[standing]  # type: ignore[index] # an id as a plain number
    assert (order.status, order.quantity_tonnes, order.remaining_tonnes) == (
        OrderStatus.PARTIALLY_FILLED,
        12,
        8,
    )
    driver.buy("ben", 18, 6_810)
    assert queue(driver, SELL) == []


@pytest.mark.parametrize("quantity_tonnes", [4, 3, 1])
def test_what_is_filled_cannot_be_taken_back(quantity_tonnes: int) -> None:
    driver, standing = partly_filled()
    refused = driver.do(replace_order("anna", standing, quantity_tonnes=quantity_tonnes))
    assert refused == (Rejected(code="quantity_already_filled", limit=4, actual=quantity_tonnes),)
    driver.accepted(replace_order("anna", standing, quantity_tonnes=5, client_id="2"))
    assert queue(driver, SELL)[0] == ("anna", 6_800, 1)


# ---- refusals ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rules", "price_fen", "quantity_tonnes", "reason"),
    [
        ({}, 6_800, 10, "nothing_to_replace"),
        ({}, None, None, "nothing_to_replace"),
        ({}, None, 0, "quantity_already_filled"),
        ({}, None, -1, "quantity_already_filled"),
        ({"tick_fen": 5}, 6_801, None, "price_not_on_tick"),
        ({}, 0, None, "price_not_on_tick"),
        ({"listed_min_tonnes": 5}, None, 4, "quantity_below_minimum"),
        ({"listed_max_tonnes": 50}, None, 51, "quantity_above_maximum"),
        ({"lot_tonnes": 5}, None, 14, "quantity_not_in_lots"),
        ({}, 7_481, None, "price_outside_band"),
        ({}, 6_119, None, "price_outside_band"),
        ({"position_limits": "institution 20"}, None, 21, "position_limit_exceeded"),
        ({}, None, 1_000, "insufficient_cash"),
        ({}, 6_850, None, "self_trade"),
    ],
)
def test_a_changed_order_passes_every_guard_of_a_new_one(
    rules: dict[str, int | str], price_fen: int | None, quantity_tonnes: int | None, reason: str
) -> None:
    driver = market(**rules)
    driver.admit("ben-2", tonnes=0)
    if reason == "self_trade":
        driver.bring("ben-2", "own", 5)
        driver.sell("ben-2", 5, 6_850)
    standing = driver.buy("ben", 10, 6_800)
    before = driver.exchange.dump()
    command = replace_order("ben", standing, price_fen=price_fen, quantity_tonnes=quantity_tonnes)
    assert code(driver.do(command)) == reason
    after = driver.exchange.dump()
    assert altered(after, seq=before.seq, client_ids=before.client_ids) == before


def test_a_change_is_refused_out_of_hours_while_halted_and_while_restricted() -> None:
    driver = market()
    standing = driver.buy("ben", 10, 6_800)
    bigger = replace_order("ben", standing, quantity_tonnes=11)
    driver.accepted(halt(LISTING))
    assert code(driver.do(bigger)) == "listing_halted"
    other = market()
    other.buy("ben", 10, 6_800)
    other.accepted(CloseDay(trading_day=MONDAY))
    assert code(other.do(replace_order("ben", other.seq - 1, quantity_tonnes=11))) == "phase_closed"
    third = market()
    third.buy("ben", 10, 6_800)
    third.accepted(restrict("ben"))  # which takes its orders back
    assert code(third.do(replace_order("ben", third.seq - 1, quantity_tonnes=11))) == "order_not_open"


def test_an_order_that_no_longer_fits_the_rules_must_be_brought_within_them() -> None:
    driver = market()
    standing = driver.buy("ben", 15, 6_801)
    driver.accepted(adopt(change("tick_fen", 5, driver.at_ns), change("lot_tonnes", 10, driver.at_ns)))
    assert (
        code(driver.do(replace_order("ben", standing, quantity_tonnes=10, client_id="1")))
        == "price_not_on_tick"
    )
    assert (
        code(driver.do(replace_order("ben", standing, price_fen=6_800, client_id="2")))
        == "quantity_not_in_lots"
    )
    driver.accepted(replace_order("ben", standing, price_fen=6_800, quantity_tonnes=10, client_id="3"))
    assert queue(driver, BUY) == [("ben", 6_800, 10)]


@pytest.mark.parametrize(
    ("account", "participant", "reason"),
    [
        ("ben", "bea", "not_your_account"),
        ("bea", "bea", "order_not_open"),
        ("nobody", "nobody", "account_unknown"),
    ],
)
def test_anothers_order_is_as_unknown_as_none(account: str, participant: str, reason: str) -> None:
    driver = market()
    standing = driver.buy("ben", 10, 6_800)
    command = replace_order(account, standing, quantity_tonnes=5, participant=participant)
    assert code(driver.do(command)) == reason


def test_a_late_change_is_refused_and_an_ended_order_cannot_be_changed() -> None:
    driver = market()
    standing = driver.buy("ben", 10, 6_800)
    late = replace_order("ben", standing, quantity_tonnes=5, deadline_ns=driver.at_ns - 1)
    assert code(driver.do(late)) == "deadline_passed"
    driver.accepted(cancel("ben", standing))
    assert (
        code(driver.do(replace_order("ben", standing, quantity_tonnes=4, client_id="2"))) == "order_not_open"
    )


# ---- asked twice ------------------------------------------------------------------------------------------------


def test_the_same_change_twice_is_one_change() -> None:
    driver = market()
    standing = driver.buy("ben", 10, 6_800)
    command = replace_order("ben", standing, quantity_tonnes=12)
    driver.accepted(command)
    first_seq = driver.seq
    before = driver.exchange.dump()
    assert driver.do(command) == (Replayed(first_seq=first_seq),)
    assert altered(driver.exchange.dump(), seq=before.seq) == before
    other = altered(command, quantity_tonnes=13)
    assert code(driver.do(other)) == "client_id_reused"


def test_a_refused_change_has_used_its_id_too() -> None:
    driver = market()
    standing = driver.buy("ben", 10, 6_800)
    command = replace_order("ben", standing, quantity_tonnes=1_000)
    assert code(driver.do(command)) == "insufficient_cash"
    driver.deposit("ben", 10**8)
    assert isinstance(driver.do(command)[0], Replayed)


def test_an_orders_id_and_a_changes_id_are_of_different_spaces() -> None:
    driver = market()
    driver.order("ben", BUY, 10, 6_800)
    standing = driver.seq
    events = driver.accepted(replace_order("ben", standing, quantity_tonnes=5, client_id=f"id-{driver.ids}"))
    assert kinds(events)[0] == "OrderReplaced"


# ---- the rest of its life ---------------------------------------------------------------------------------------


def test_a_changed_order_expires_with_the_day_in_order_of_age() -> None:
    driver = market()
    first = driver.buy("ben", 10, 6_800)
    second = driver.buy("bea", 10, 6_800)
    driver.accepted(replace_order("ben", first, quantity_tonnes=20))
    events = driver.close()
    assert [event.order_id for event in events if isinstance(event, OrderExpired)] == [first, second]
    assert driver.cash("ben").held == 0


def test_a_cancel_after_a_change_gives_back_what_the_change_held() -> None:
    driver = market()
    standing = driver.buy("ben", 10, 6_800)
    driver.accepted(replace_order("ben", standing, price_fen=6_900, quantity_tonnes=7))
    events = driver.accepted(cancel("ben", standing))
    assert isinstance(events[0], OrderCancelled)
    assert (events[0].price_fen, events[0].remaining_tonnes) == (6_900, 7)
    assert (driver.cash("ben").available, driver.cash("ben").held) == (1_000_000, 0)


def test_the_content_of_a_change_is_the_order_and_its_new_terms() -> None:
    one = replace_order("ben", 7)
    different = (one, altered(one, price_fen=1), altered(one, quantity_tonnes=1), replace_order("ben", 8))
    assert len({command.content() for command in different}) == len(different)
    assert one.content() == altered(one, deadline_ns=5).content()
