"""Time passes: phases and rules follow by themselves, once each, at their very instant."""

from dataclasses import replace

import pytest

from matching.commands import AddListing, AdvanceTime, AnnounceCalendar, OpenDay
from matching.events import (
    BandSet,
    CloseStarted,
    CloseStepAdvanced,
    DayOpened,
    Event,
    OrderAccepted,
    PhaseChanged,
    Rejected,
)
from matching.exchange import Exchange
from matching.listing import Listing
from matching.order import Side
from matching.session import Phase
from matching.state import Stamp
from settlement.values import TradingDay
from tests.matching.driver import (
    CLASS_II,
    LISTING,
    MONDAY,
    SHANGHAI,
    TUESDAY,
    Driver,
    adopt,
    cancel,
    change,
    instant,
    open_market,
    order,
    shanghai_market,
    weekdays,
)

BUY, SELL = Side.BUY, Side.SELL
DAY = [
    ("09:15:00", Phase.PRE_OPEN),
    ("09:30:00", Phase.LISTED),
    ("11:30:00", Phase.BREAK),
    ("13:00:00", Phase.LISTED),
    ("14:00:00", Phase.NEGOTIATED),
    ("15:00:00", Phase.CLOSING),
]


def phases(events: tuple[Event, ...] | list[Event]) -> list[Phase]:
    return [event.phase for event in events if isinstance(event, PhaseChanged)]


def code(events: tuple[Event, ...]) -> str | None:
    return next((event.code for event in events if isinstance(event, Rejected)), None)


def test_each_phase_begins_once_at_its_own_instant() -> None:
    driver = shanghai_market()
    for clock, phase in DAY:
        assert driver.exchange.next_change_ns == instant(MONDAY, clock)
        assert driver.do(AdvanceTime(), instant(MONDAY, clock) - 1) == ()
        changed = driver.do(AdvanceTime(), instant(MONDAY, clock))
        assert phases(changed) == [phase]
        assert driver.exchange.phase is phase
        assert driver.do(AdvanceTime()) == ()
    assert phases(driver.events) == [phase for _, phase in DAY]


def test_any_command_lets_time_pass_before_it_is_decided() -> None:
    driver = shanghai_market()
    driver.admit("ben", fen=1_000_000)
    submit = order("ben", BUY, 1, 6_800)
    assert code(driver.do(submit, instant(MONDAY, "09:30:00") - 1)) == "phase_closed"
    events = driver.do(replace(submit, client_id="2"), instant(MONDAY, "09:30:00"))
    assert phases(events[:1]) == [Phase.LISTED]
    assert isinstance(events[1], OrderAccepted)
    late = driver.do(replace(submit, client_id="3"), instant(MONDAY, "11:30:00"))
    assert phases(late) == [Phase.BREAK]
    assert late[-1] == Rejected(code="phase_closed", limit="listed", actual="break")


def test_phases_nobody_looked_at_are_not_told() -> None:
    driver = shanghai_market()
    assert phases(driver.wait_until("13:30:00")) == [Phase.LISTED]
    assert phases(driver.wait_until("14:30:00")) == [Phase.NEGOTIATED]


@pytest.mark.parametrize(
    ("clock", "submitting", "cancelling"),
    [
        ("09:14:59", "phase_closed", "phase_closed"),
        ("09:15:00", "phase_closed", "order_not_open"),
        ("09:30:00", None, "order_not_open"),
        ("11:29:59", None, "order_not_open"),
        ("11:30:00", "phase_closed", "order_not_open"),
        ("13:00:00", None, "order_not_open"),
        ("14:00:00", "phase_closed", "order_not_open"),
        ("15:00:00", "phase_closed", "phase_closed"),
    ],
)
def test_what_each_phase_takes(clock: str, submitting: str | None, cancelling: str) -> None:
    driver = shanghai_market()
    driver.admit("ben", fen=1_000_000)
    driver.wait_until(clock)
    assert code(driver.order("ben", BUY, 1, 6_800)) == submitting
    assert code(driver.do(cancel("ben", 1))) == cancelling


def test_the_close_begins_by_the_clock_once_after_the_last_period() -> None:
    driver = shanghai_market()
    events = driver.wait_until("15:00:00")
    assert [type(event) for event in events] == [PhaseChanged, CloseStarted, CloseStepAdvanced]
    assert driver.do(AdvanceTime(), instant(TUESDAY, "10:00:00")) == ()
    assert driver.exchange.trading_day == MONDAY


def test_a_close_nobody_was_there_to_begin_begins_late() -> None:
    driver = shanghai_market()
    driver.admit("ben", fen=1_000_000)
    driver.wait_until("10:00:00")
    events = driver.do(order("ben", BUY, 1, 6_800), instant(TUESDAY, "10:00:00"))
    assert [type(event) for event in events] == [PhaseChanged, CloseStarted, CloseStepAdvanced, Rejected]
    assert driver.exchange.trading_day == MONDAY


def test_by_the_operator_hours_repeat_every_date_until_the_day_is_rolled() -> None:
    driver = shanghai_market(close_by_clock="no")
    driver.wait_until("15:00:00")
    assert driver.exchange.phase is Phase.CLOSED
    assert phases(driver.wait_until("10:00:00", TUESDAY)) == [Phase.LISTED]
    assert driver.exchange.trading_day == MONDAY
    driver.close()
    assert driver.exchange.trading_day == TUESDAY


def test_a_day_opened_before_its_date_waits_for_it() -> None:
    driver = Driver(at_ns=instant("2026-11-20", "10:00:00"))
    driver.found(hours=SHANGHAI, close_by_clock="yes")
    opened = driver.open()
    assert [type(event) for event in opened] == [DayOpened, BandSet]
    assert driver.exchange.phase is Phase.CLOSED
    assert driver.exchange.next_change_ns == instant(MONDAY)
    assert phases(driver.wait_until("09:30:00")) == [Phase.LISTED]


def test_a_day_opened_within_its_hours_is_at_once_in_its_phase() -> None:
    driver = shanghai_market(instant(MONDAY, "10:00:00"))
    assert driver.exchange.phase is Phase.LISTED


def test_a_market_that_is_always_open_closes_by_the_clock_at_midnight() -> None:
    driver = open_market(close_by_clock="yes")
    assert driver.exchange.next_change_ns == instant(TUESDAY)
    assert driver.do(AdvanceTime(), instant(TUESDAY) - 1) == ()
    assert phases(driver.do(AdvanceTime(), instant(TUESDAY))) == [Phase.CLOSING]
    driver.close()
    assert (driver.exchange.trading_day, driver.exchange.phase) == (TUESDAY, Phase.CONTINUOUS)


def test_a_rule_takes_effect_at_its_instant_even_when_nobody_asks() -> None:
    driver = open_market()
    first, second = driver.at_ns + 10, driver.at_ns + 20
    driver.accepted(adopt(change("band_basis_points", 500, first), change("tick_fen", 100, second)))
    assert driver.exchange.next_change_ns == first
    (band,) = driver.do(AdvanceTime(), first)
    assert isinstance(band, BandSet)
    assert (band.lower_fen, band.upper_fen) == (6_460, 7_140)
    assert driver.exchange.next_change_ns == second
    (band,) = driver.do(AdvanceTime(), second)
    assert isinstance(band, BandSet)
    assert (band.lower_fen, band.upper_fen) == (6_500, 7_100)


def test_a_rule_for_now_takes_effect_with_its_adoption() -> None:
    driver = open_market()
    events = driver.accepted(adopt(change("band_basis_points", 500, driver.at_ns)))
    assert [type(event).__name__ for event in events] == ["RulesAdopted", "BandSet"]


def test_a_rule_that_changes_no_band_tells_none() -> None:
    driver = open_market()
    events = driver.accepted(adopt(change("listed_max_tonnes", 500, driver.at_ns)))
    assert [type(event).__name__ for event in events] == ["RulesAdopted"]
    driver.admit("ben", fen=10**9)
    assert code(driver.order("ben", BUY, 501, 6_800)) == "quantity_above_maximum"


def test_new_hours_change_the_phase_at_once() -> None:
    driver = shanghai_market()
    driver.wait_until("10:00:00")
    hours = change("hours", "listed 10:30-11:30; negotiated 14:00-15:00", driver.at_ns)
    assert phases(driver.accepted(adopt(hours))) == [Phase.CLOSED]
    assert driver.exchange.next_change_ns == instant(MONDAY, "10:30:00")


def test_a_listing_added_during_the_day_has_a_band_and_trades() -> None:
    driver = open_market()
    events = driver.accepted(AddListing(listing=Listing(code=CLASS_II, first_reference_price_fen=1_000)))
    assert isinstance(events[1], BandSet)
    assert (events[1].lower_fen, events[1].upper_fen) == (900, 1_100)
    driver.admit("ben", fen=1_000_000)
    assert code(driver.do(order("ben", BUY, 1, 1_101, listing=CLASS_II))) == "price_outside_band"


def test_rules_before_the_first_day_may_tell_their_own_past() -> None:
    driver = Driver()
    driver.found()
    driver.accepted(adopt(change("tick_fen", 5, 1)))
    driver.open()
    assert driver.exchange.trading.markets[LISTING].rules.tick_fen == 5


def test_time_and_numbers_never_run_backwards() -> None:
    driver = open_market()
    exchange = driver.exchange
    before = exchange.dump()
    for stamp in (
        Stamp(seq=driver.seq + 1, at_ns=driver.at_ns - 1),
        Stamp(seq=driver.seq, at_ns=driver.at_ns),
        Stamp(seq=driver.seq + 2, at_ns=driver.at_ns),
    ):
        with pytest.raises(AssertionError):
            exchange.apply(AdvanceTime(), stamp)
    assert exchange.dump() == before


@pytest.mark.parametrize("clock", ["08:00:00", *(clock for clock, _ in DAY)])
def test_a_snapshot_knows_when_time_is_due_next(clock: str) -> None:
    driver = shanghai_market()
    soon = instant(MONDAY, "13:30:00")
    driver.accepted(adopt(change("tick_fen", 5, soon)))
    driver.wait_until(clock)
    again = Exchange.load(driver.exchange.dump())
    assert (again.next_change_ns, again.phase) == (driver.exchange.next_change_ns, driver.exchange.phase)
    assert again.dump() == driver.exchange.dump()


def test_a_calendar_may_be_announced_at_any_time() -> None:
    driver = open_market()
    assert driver.exchange.calendar.next_trading_day(TradingDay("2027-01-01")) is None
    driver.accepted(AnnounceCalendar(announcement=weekdays("2026-12-14", 60)))
    assert driver.exchange.calendar.next_trading_day(TradingDay("2027-01-01")) == "2027-01-01"
    assert code(driver.do(OpenDay(trading_day=TUESDAY))) == "day_already_open"
