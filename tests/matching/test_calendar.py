"""Trading days as announced, and the arithmetic between days and instants."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from matching.calendar import (
    Announcement,
    Calendar,
    day_of,
    days_between,
    following,
    midnight_ns,
    second_of_day,
)
from matching.session import NS
from settlement.values import TradingDay
from tests.matching.driver import FRIDAY, MONDAY, NEXT_MONDAY, weekdays

SHANGHAI = timezone(timedelta(hours=8))


def announced(first: str, last: str, *days: str) -> Announcement:
    return Announcement(
        first_day=TradingDay(first),
        last_day=TradingDay(last),
        trading_days=tuple(map(TradingDay, days)),
        source="a test",
    )


@given(st.integers(0, 4 * 10**18))
def test_day_and_second_are_those_of_a_clock_in_shanghai(at_ns: int) -> None:
    clock = datetime.fromtimestamp(at_ns // NS, tz=UTC).astimezone(SHANGHAI)
    assert day_of(at_ns) == clock.date().isoformat()
    assert second_of_day(at_ns) == clock.hour * 3_600 + clock.minute * 60 + clock.second


def test_a_day_begins_at_midnight_and_not_a_nanosecond_before() -> None:
    midnight = midnight_ns(MONDAY)
    assert datetime.fromtimestamp(midnight // NS, tz=UTC) == datetime(2026, 11, 22, 16, tzinfo=UTC)
    assert (day_of(midnight), second_of_day(midnight)) == (MONDAY, 0)
    assert (day_of(midnight - 1), second_of_day(midnight - 1)) == ("2026-11-22", 86_399)


@pytest.mark.parametrize(
    ("day", "after"),
    [("2026-11-30", "2026-12-01"), ("2026-12-31", "2027-01-01"), ("2028-02-28", "2028-02-29")],
)
def test_the_date_after(day: str, after: str) -> None:
    assert following(TradingDay(day)) == after


@pytest.mark.parametrize(
    "malformed",
    [
        announced("2026-11-23", "2026-11-27", "2026-11-24", "2026-11-23"),
        announced("2026-11-23", "2026-11-27", "2026-11-23", "2026-11-23"),
        announced("2026-11-23", "2026-11-27", "2026-11-22"),
        announced("2026-11-23", "2026-11-27", "2026-11-28"),
        announced("2026-11-23", "2026-11-31"),
        announced("23/11/2026", "2026-11-27"),
        announced("20261123", "2026-11-27"),
        announced("2026-11-23", "2026-11-27", "2026-11-2x"),
        announced("2026-11-27", "2026-11-23"),
        announced("2026-11-27", "9999-12-31"),
    ],
    ids=[
        "descending",
        "twice",
        "before",
        "after",
        "no date",
        "slashes",
        "basic",
        "letter",
        "backwards",
        "endless",
    ],
)
def test_a_malformed_announcement_is_known(malformed: Announcement) -> None:
    assert not malformed.is_well_formed()


def test_a_period_without_any_trading_day_can_be_announced() -> None:
    assert announced("2026-10-01", "2026-10-07").is_well_formed()
    assert weekdays(MONDAY, 30).is_well_formed()


def test_an_official_working_saturday_stays_closed_unless_announced() -> None:
    calendar = Calendar((weekdays("2026-11-23", 14),))
    assert calendar.is_trading_day(FRIDAY)
    assert not calendar.is_trading_day(TradingDay("2026-11-28"))
    assert calendar.next_trading_day(TradingDay("2026-11-28")) == NEXT_MONDAY


def test_a_later_announcement_overrides_where_they_overlap() -> None:
    calendar = Calendar((weekdays("2026-11-23", 14),))
    calendar.announce(announced(FRIDAY, NEXT_MONDAY, "2026-11-28"))
    assert not calendar.is_trading_day(FRIDAY)
    assert calendar.next_trading_day(FRIDAY) == "2026-11-28"
    assert calendar.next_trading_day(TradingDay("2026-11-29")) == "2026-12-01"


def test_nothing_is_known_beyond_what_was_announced() -> None:
    calendar = Calendar((weekdays("2026-11-23", 5),))
    assert calendar.next_trading_day(TradingDay("2026-11-28")) is None
    assert calendar.next_trading_day(TradingDay("2026-11-22")) is None
    assert Calendar().next_trading_day(MONDAY) is None


def test_the_end_of_what_is_announced_is_known_from_any_day() -> None:
    calendar = Calendar((weekdays("2026-11-23", 5), weekdays("2026-11-26", 7), weekdays("2026-12-10", 2)))
    assert calendar.announced_until(TradingDay("2026-11-23")) == "2026-12-02", (
        "across announcements that meet"
    )
    assert calendar.announced_until(TradingDay("2026-12-03")) is None
    assert calendar.announced_until(TradingDay("2026-12-11")) == "2026-12-11"
    calendar.announce(announced("2026-12-03", "2026-12-09"))
    assert calendar.announced_until(TradingDay("2026-11-23")) == "2026-12-11", (
        "closed days are announced, too"
    )
    assert Calendar().announced_until(MONDAY) is None


@pytest.mark.parametrize(
    ("day", "later", "days"),
    [
        ("2026-11-23", "2026-12-31", 38),
        ("2028-02-28", "2028-03-01", 2),
        ("2026-12-31", "2027-01-01", 1),
        (MONDAY, MONDAY, 0),
    ],
)
def test_dates_are_counted_over_the_year_s_end_and_leap_days(day: str, later: str, days: int) -> None:
    assert days_between(TradingDay(day), TradingDay(later)) == days


def test_days_are_not_looked_for_across_a_period_nobody_announced() -> None:
    calendar = Calendar((weekdays("2026-11-23", 6), weekdays("2026-11-30", 5)))
    assert calendar.next_trading_day(TradingDay("2026-11-28")) is None
    calendar.announce(announced("2026-11-29", "2026-11-29"))
    assert calendar.next_trading_day(TradingDay("2026-11-28")) == NEXT_MONDAY
