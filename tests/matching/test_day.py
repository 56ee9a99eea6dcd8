"""Day and phase by the clock, with the close by clock and by the operator."""

from dataclasses import replace

import pytest

from matching.calendar import Calendar
from matching.day import day_after, next_phase_ns, phase_of
from matching.rulebook import RuleBook, Rules
from matching.session import Phase, parse_hours
from settlement.values import TradingDay
from tests.matching.driver import (
    FRIDAY,
    MONDAY,
    NEXT_MONDAY,
    RULES,
    SHANGHAI,
    TUESDAY,
    WEDNESDAY,
    change,
    instant,
    weekdays,
)

_BOOK = RuleBook()
_BOOK.adopt(tuple(change(name, value) for name, value in {**RULES, "hours": SHANGHAI}.items()))
BY_OPERATOR = _BOOK.in_force(0)
BY_CLOCK = replace(BY_OPERATOR, close_by_clock=True)
CALENDAR = Calendar((weekdays("2026-11-16", 28),))


@pytest.mark.parametrize(
    ("rules", "day", "clock", "phase"),
    [
        (BY_CLOCK, "2026-11-22", "10:00:00", Phase.CLOSED),
        (BY_CLOCK, MONDAY, "00:00:00", Phase.CLOSED),
        (BY_CLOCK, MONDAY, "10:00:00", Phase.LISTED),
        (BY_CLOCK, MONDAY, "15:00:00", Phase.CLOSING),
        (BY_CLOCK, TUESDAY, "00:00:00", Phase.CLOSING),
        (BY_CLOCK, TUESDAY, "10:00:00", Phase.CLOSING),
        (BY_OPERATOR, "2026-11-22", "10:00:00", Phase.LISTED),
        (BY_OPERATOR, MONDAY, "14:59:59", Phase.NEGOTIATED),
        (BY_OPERATOR, MONDAY, "15:00:00", Phase.CLOSED),
        (BY_OPERATOR, TUESDAY, "10:00:00", Phase.LISTED),
    ],
)
def test_the_phase_of_mondays_trading_day(rules: Rules, day: str, clock: str, phase: Phase) -> None:
    assert phase_of(MONDAY, rules, instant(day, clock)) is phase


@pytest.mark.parametrize(
    ("rules", "day", "clock", "next_day", "next_clock"),
    [
        (BY_CLOCK, "2026-11-20", "10:00:00", MONDAY, "00:00:00"),
        (BY_CLOCK, MONDAY, "00:00:00", MONDAY, "09:15:00"),
        (BY_CLOCK, MONDAY, "09:15:00", MONDAY, "09:30:00"),
        (BY_CLOCK, MONDAY, "14:59:59", MONDAY, "15:00:00"),
        (BY_OPERATOR, "2026-11-20", "10:00:00", "2026-11-20", "11:30:00"),
        (BY_OPERATOR, MONDAY, "15:00:00", TUESDAY, "00:00:00"),
        (BY_OPERATOR, TUESDAY, "16:00:00", WEDNESDAY, "00:00:00"),
    ],
)
def test_when_to_look_again(rules: Rules, day: str, clock: str, next_day: str, next_clock: str) -> None:
    assert next_phase_ns(MONDAY, rules, instant(day, clock)) == instant(next_day, next_clock)


@pytest.mark.parametrize("rules", [BY_CLOCK, BY_OPERATOR])
def test_the_phase_never_changes_before_one_is_told_to_look(rules: Rules) -> None:
    at_ns = instant("2026-11-20", "23:00:00")
    while at_ns < instant(WEDNESDAY):
        phase, next_ns = phase_of(MONDAY, rules, at_ns), next_phase_ns(MONDAY, rules, at_ns)
        assert next_ns > at_ns
        assert phase_of(MONDAY, rules, next_ns - 1) is phase
        at_ns = next_ns


def test_an_always_open_market_has_no_phase_but_one() -> None:
    rules = replace(BY_OPERATOR, hours=parse_hours("continuous 00:00-24:00"))
    for day in (MONDAY, TUESDAY, "2026-11-28"):
        for clock in ("00:00:00", "12:00:00", "23:59:59"):
            assert phase_of(MONDAY, rules, instant(day, clock)) is Phase.CONTINUOUS


@pytest.mark.parametrize(
    ("rules", "closing", "now", "after"),
    [
        (BY_CLOCK, MONDAY, MONDAY, TUESDAY),
        (BY_CLOCK, MONDAY, TUESDAY, TUESDAY),
        (BY_CLOCK, MONDAY, WEDNESDAY, WEDNESDAY),
        (BY_CLOCK, FRIDAY, "2026-11-28", NEXT_MONDAY),
        (BY_CLOCK, FRIDAY, "2026-11-23", NEXT_MONDAY),
        (BY_OPERATOR, MONDAY, WEDNESDAY, TUESDAY),
        (BY_OPERATOR, FRIDAY, FRIDAY, NEXT_MONDAY),
        (BY_CLOCK, "2026-12-11", "2026-12-11", None),
    ],
)
def test_the_day_after_skips_what_went_by(rules: Rules, closing: str, now: str, after: str | None) -> None:
    assert day_after(TradingDay(closing), CALENDAR, rules, instant(now, "20:00:00")) == after
