"""Orders in, trades out: what each order leaves in the book, in the accounts and in the events."""

from matching.commands import AddListing
from matching.events import (
    BandSet,
    Event,
    OrderAccepted,
    OrderCancelled,
    OrderRested,
    OrdersCancelled,
    Rejected,
    Traded,
)
from matching.listing import Listing
from matching.order import CancelReason, Side, TimeInForce
from settlement.events import Bucket, Posted
from settlement.values import AccountId
from tests.matching.driver import (
    CLASS_II,
    LISTING,
    Driver,
    adopt,
    cancel,
    cancel_all,
    change,
    open_market,
)

BUY, SELL = Side.BUY, Side.SELL
IOC, FOK = TimeInForce.IOC, TimeInForce.FOK


def market() -> Driver:
    driver = open_market()
    driver.admit("anna", tonnes=100)
    driver.admit("alan", tonnes=100)
    driver.admit("ben", fen=1_000_000)
    return driver


def trades(events: tuple[Event, ...]) -> list[tuple[str, int, int]]:
    return [
        (event.seller, event.quantity_tonnes, event.price_fen)
        for event in events
        if isinstance(event, Traded)
    ]


def kinds(events: tuple[Event, ...]) -> list[str]:
    return [type(event).__name__ for event in events]


def test_an_order_that_meets_nobody_is_accepted_covered_and_rests() -> None:
    driver = market()
    events = driver.order("ben", BUY, 10, 6_800)
    assert kinds(events) == ["OrderAccepted", "Posted", "OrderRested"]
    accepted, held, rested = events
    assert isinstance(accepted, OrderAccepted)
    assert isinstance(held, Posted)
    assert isinstance(rested, OrderRested)
    assert accepted.order_id == rested.order_id == driver.seq
    assert (held.amount, held.from_bucket, held.to_bucket) == (68_000, Bucket.AVAILABLE, Bucket.HELD)
    assert driver.depth(BUY) == [(6_800, 10)]


def test_a_filled_order_ends_with_its_trades() -> None:
    driver = market()
    driver.sell("anna", 10, 6_800)
    events = driver.order("ben", BUY, 10, 6_800)
    assert kinds(events) == ["OrderAccepted", "Posted", "Traded", "Posted", "Posted"]
    traded = events[2]
    assert isinstance(traded, Traded)
    assert (traded.trade_id, traded.taker_side) == (1, BUY)
    assert (traded.buy_remaining_tonnes, traded.sell_remaining_tonnes) == (0, 0)
    assert (driver.depth(BUY), driver.depth(SELL)) == ([], [])


def test_trades_are_at_the_resting_price_and_the_surplus_comes_back_at_once() -> None:
    driver = market()
    driver.sell("anna", 10, 6_700)
    driver.sell("alan", 10, 6_750)
    events = driver.order("ben", BUY, 15, 6_800)
    assert trades(events) == [("anna", 10, 6_700), ("alan", 5, 6_750)]
    surplus = [event.amount for event in events if isinstance(event, Posted) and event.to_account == "ben"][
        1:
    ]
    assert 10 * 100 in surplus
    assert 5 * 50 in surplus
    cash = driver.cash("ben")
    assert (cash.held, cash.delivering, cash.available) == (0, 67_000 + 33_750, 1_000_000 - 100_750)


def test_a_seller_who_takes_a_better_bid_gets_the_bids_price() -> None:
    driver = market()
    driver.buy("ben", 10, 6_900)
    assert trades(driver.order("anna", SELL, 10, 6_700)) == [("anna", 10, 6_900)]
    cash = driver.cash("ben")
    assert (cash.held, cash.delivering) == (0, 69_000)


def test_the_rest_of_a_part_filled_order_stands_at_its_own_limit() -> None:
    driver = market()
    driver.sell("anna", 4, 6_700)
    events = driver.order("ben", BUY, 10, 6_800)
    assert isinstance(events[-1], OrderRested)
    assert (events[-1].price_fen, events[-1].remaining_tonnes) == (6_800, 6)
    assert driver.cash("ben").held == 6 * 6_800


def test_immediate_or_cancel_takes_what_is_there_and_leaves_nothing() -> None:
    driver = market()
    driver.sell("anna", 4, 6_700)
    events = driver.order("ben", BUY, 10, 6_800, IOC)
    assert trades(events) == [("anna", 4, 6_700)]
    cancelled = next(event for event in events if isinstance(event, OrderCancelled))
    assert (cancelled.remaining_tonnes, cancelled.reason) == (6, CancelReason.IOC_REMAINDER)
    assert not cancelled.was_resting
    assert (driver.depth(BUY), driver.cash("ben").held) == ([], 0)


def test_immediate_or_cancel_in_an_empty_book_changes_no_balance() -> None:
    driver = market()
    events = driver.order("ben", BUY, 10, 6_800, IOC)
    assert kinds(events) == ["OrderAccepted", "Posted", "OrderCancelled", "Posted"]
    assert (driver.cash("ben").available, driver.cash("ben").held) == (1_000_000, 0)


def test_fill_or_kill_takes_all_or_nothing() -> None:
    driver = market()
    driver.sell("anna", 4, 6_700)
    driver.sell("alan", 5, 6_800)
    events = driver.order("ben", BUY, 10, 6_800, FOK)
    assert kinds(events) == ["OrderAccepted", "OrderCancelled"]
    assert isinstance(events[1], OrderCancelled)
    assert (events[1].reason, events[1].remaining_tonnes) == (CancelReason.FOK_UNFILLED, 10)
    assert driver.depth(SELL) == [(6_700, 4), (6_800, 5)]
    assert driver.cash("ben").available == 1_000_000
    assert trades(driver.order("ben", BUY, 9, 6_800, FOK)) == [("anna", 4, 6_700), ("alan", 5, 6_800)]
    assert driver.depth(SELL) == []


def test_fill_or_kill_does_not_count_what_is_beyond_its_limit() -> None:
    driver = market()
    driver.sell("anna", 10, 6_801)
    assert trades(driver.order("ben", BUY, 10, 6_800, FOK)) == []
    assert trades(driver.order("ben", BUY, 10, 6_801, FOK)) == [("anna", 10, 6_801)]


def test_an_owner_never_meets_itself_not_even_between_two_accounts() -> None:
    driver = market()
    driver.admit("cara-1", tonnes=10)
    driver.admit("cara-2", fen=1_000_000)
    own = driver.sell("cara-1", 5, 6_800)
    refused = driver.order("cara-2", BUY, 5, 6_800)
    assert refused == (Rejected(code="self_trade", limit=None, actual=str(own)),)
    # Nor behind somebody else's order, whatever else it could trade with.
    driver.sell("anna", 5, 6_700)
    refused = driver.order("cara-2", BUY, 6, 6_800)
    assert refused == (Rejected(code="self_trade", limit=None, actual=str(own)),)
    assert driver.depth(SELL) == [(6_700, 5), (6_800, 5)]
    # What it would not reach does not matter.
    assert trades(driver.order("cara-2", BUY, 5, 6_800)) == [("anna", 5, 6_700)]
    assert isinstance(driver.order("cara-2", BUY, 5, 6_799)[-1], OrderRested)


def test_a_cancel_gives_the_cover_back_once() -> None:
    driver = market()
    standing = driver.buy("ben", 10, 6_800)
    events = driver.accepted(cancel("ben", standing))
    assert kinds(events) == ["OrderCancelled", "Posted"]
    assert isinstance(events[0], OrderCancelled)
    assert (events[0].was_resting, events[0].reason) == (True, CancelReason.REQUESTED)
    assert (driver.cash("ben").available, driver.depth(BUY)) == (1_000_000, [])
    assert isinstance(driver.do(cancel("ben", standing))[0], Rejected)


def test_a_cancel_after_a_part_was_traded_gives_the_rest_back() -> None:
    driver = market()
    standing = driver.sell("anna", 10, 6_800)
    driver.buy("ben", 4, 6_800)
    driver.accepted(cancel("anna", standing))
    units = driver.units("anna")
    assert (units.available, units.held, units.delivering) == (96, 0, 4)


def test_a_mass_cancel_takes_back_the_oldest_first_and_counts() -> None:
    driver = market()
    driver.deposit("anna", 1_000_000)
    ids = [driver.buy("anna", 1, 6_500), driver.sell("anna", 2, 7_000), driver.buy("anna", 3, 6_600)]
    driver.buy("ben", 1, 6_550)
    events = driver.accepted(cancel_all("anna"))
    assert [event.order_id for event in events if isinstance(event, OrderCancelled)] == ids
    assert events[-1] == OrdersCancelled(account=AccountId("anna"), count=3)
    assert (driver.depth(BUY), driver.depth(SELL)) == ([(6_550, 1)], [])


def test_a_mass_cancel_of_one_side_or_listing_leaves_the_others() -> None:
    driver = market()
    driver.accepted(AddListing(listing=Listing(code=CLASS_II, first_reference_price_fen=1_000)))
    driver.deposit("anna", 1_000_000)
    driver.buy("anna", 1, 6_500)
    driver.sell("anna", 2, 7_000)
    assert driver.accepted(cancel_all("anna", listing=CLASS_II))[-1] == OrdersCancelled(
        account=AccountId("anna"), count=0
    )
    driver.accepted(cancel_all("anna", side=SELL))
    assert (driver.depth(BUY), driver.depth(SELL)) == ([(6_500, 1)], [])
    driver.accepted(cancel_all("anna", listing=LISTING, side=BUY))
    assert driver.depth(BUY) == []


def test_a_band_that_a_rule_changes_holds_from_its_instant() -> None:
    driver = market()
    later = driver.at_ns + 1_000
    driver.accepted(adopt(change("band_basis_points", 500, later)))
    driver.at_ns = later - 1
    outside = driver.buy("ben", 1, 6_459)
    driver.buy("ben", 1, 6_460)
    driver.at_ns = later
    events = driver.order("ben", BUY, 1, 6_459)
    assert kinds(events) == ["BandSet", "OrderCancelled", "Posted", "Rejected"]
    assert isinstance(events[0], BandSet)
    assert (events[0].lower_fen, events[0].upper_fen) == (6_460, 7_140)
    assert isinstance(events[1], OrderCancelled)
    assert (events[1].order_id, events[1].reason) == (outside, CancelReason.OUTSIDE_BAND)
    assert (driver.depth(BUY), driver.cash("ben").held) == ([(6_460, 1)], 6_460)
    assert events[3:] == (Rejected(code="price_outside_band", limit=(6_460, 7_140), actual=6_459),)
    assert kinds(driver.order("ben", BUY, 1, 6_460)) == ["OrderAccepted", "Posted", "OrderRested"]


def test_a_rule_of_one_listing_leaves_the_other_alone() -> None:
    driver = market()
    driver.accepted(AddListing(listing=Listing(code=CLASS_II, first_reference_price_fen=1_000)))
    events = driver.accepted(adopt(change("band_basis_points", 500, driver.at_ns, CLASS_II)))
    assert [event.listing for event in events if isinstance(event, BandSet)] == [CLASS_II]
    driver.buy("ben", 1, 6_120)


def test_trade_ids_count_without_a_gap_across_listings_and_days() -> None:
    driver = market()
    for _ in range(3):
        driver.sell("anna", 1, 6_800)
        driver.buy("ben", 1, 6_800)
    driver.close()
    driver.sell("anna", 1, 6_800)
    driver.buy("ben", 1, 6_800)
    ids = [event.trade_id for event in driver.events if isinstance(event, Traded)]
    assert ids == [1, 2, 3, 4]
