"""The data files of the markets say what the announcements say, and nothing is missing from them."""

from datetime import date
from typing import Any

import pytest

from gateway.markets import loader
from gateway.markets.loader import MARKETS, MarketFileFault, load_market
from matching.calendar import midnight_ns
from matching.rulebook import PARAMETERS, Certainty, RuleBook
from matching.session import Phase, phase_at
from settlement.values import TradingDay


def rule_book(name: str) -> RuleBook:
    book = RuleBook()
    book.adopt(load_market(name).rules.changes)
    return book


def second(clock: str) -> int:
    hours, minutes = clock.split(":")
    return int(hours) * 3600 + int(minutes) * 60


@pytest.mark.parametrize("name", sorted(MARKETS))
def test_every_parameter_has_a_value_and_a_source_in_both_languages(name: str) -> None:
    market = load_market(name)
    assert [change.parameter for change in market.rules.changes] == list(PARAMETERS)
    assert all(" | " in change.source for change in market.rules.changes)


@pytest.mark.parametrize("name", sorted(MARKETS))
def test_the_rules_are_in_force_since_the_trading_rules_took_effect(name: str) -> None:
    book = rule_book(name)
    assert list(book.missing(midnight_ns(TradingDay("2023-09-28")))) == []
    assert set(book.missing(midnight_ns(TradingDay("2023-09-28")) - 1)) == set(PARAMETERS)


def test_2026_has_242_trading_days() -> None:
    (command,) = load_market("shanghai").calendars
    calendar = command.announcement
    assert calendar.is_well_formed()
    assert (calendar.first_day, calendar.last_day) == ("2026-01-01", "2026-12-31")
    assert len(calendar.trading_days) == 242
    assert list(calendar.trading_days) == sorted(set(calendar.trading_days))


@pytest.mark.parametrize(
    "day", ["2026-01-04", "2026-02-14", "2026-02-28", "2026-05-09", "2026-09-20", "2026-10-10", "2026-11-22"]
)
def test_a_weekend_is_closed_even_as_an_official_working_day(day: str) -> None:
    assert date.fromisoformat(day).weekday() >= 5
    assert day not in load_market("shanghai").calendars[0].announcement.trading_days


@pytest.mark.parametrize(
    "day", ["2026-01-05", "2026-02-13", "2026-02-24", "2026-04-07", "2026-05-06", "2026-10-08"]
)
def test_the_days_around_the_holidays_are_open(day: str) -> None:
    assert day in load_market("shanghai").calendars[0].announcement.trading_days


def test_shanghai_keeps_its_sessions() -> None:
    hours = rule_book("shanghai").in_force(midnight_ns(TradingDay("2026-11-23"))).hours
    phases = {
        clock: phase_at(hours, second(clock))
        for clock in ("09:15", "09:30", "11:30", "13:59", "14:00", "15:00")
    }
    assert phases == {
        "09:15": Phase.PRE_OPEN,
        "09:30": Phase.LISTED,
        "11:30": Phase.BREAK,
        "13:59": Phase.LISTED,
        "14:00": Phase.NEGOTIATED,
        "15:00": Phase.CLOSING,
    }


def test_the_demonstration_differs_only_in_its_hours_notice_bank_and_who_makes_keys() -> None:
    shanghai, open_always = (
        {change.parameter: change for change in load_market(name).rules.changes}
        for name in ("shanghai", "always-open")
    )
    differing = {name for name in PARAMETERS if shanghai[name] != open_always[name]}
    shown = {"hours", "close_by_clock", "notice_s", "transfers_until", "settlement_account"}
    assert differing == {*shown, "two_person_acts"}
    assert {open_always[name].certainty for name in differing} == {Certainty.DEMONSTRATION}


def test_the_demonstration_is_open_every_day_until_the_end_of_2030() -> None:
    (command,) = load_market("always-open").calendars
    assert len(command.announcement.trading_days) == (date(2030, 12, 31) - date(2026, 1, 1)).days + 1
    rules = rule_book("always-open").in_force(midnight_ns(TradingDay("2026-11-22")))
    assert {phase_at(rules.hours, at_s) for at_s in (0, second("03:17"), 86_399)} == {Phase.CONTINUOUS}
    assert not rules.close_by_clock


def test_there_is_no_other_market() -> None:
    with pytest.raises(MarketFileFault, match="always-open, shanghai"):
        load_market("beijing")


def sound() -> dict[str, Any]:
    return loader._read("shanghai.toml")


def test_a_value_that_cannot_be_meant_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    content = sound()
    content["rule"][0]["value"] = "listed 11:30-09:30"
    monkeypatch.setattr(loader, "_read", lambda _: content)
    with pytest.raises(MarketFileFault, match=r"shanghai\.toml: hours"):
        load_market("shanghai")


def test_a_missing_parameter_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    content = sound()
    content["rule"].pop()
    monkeypatch.setattr(loader, "_read", lambda _: content)
    with pytest.raises(MarketFileFault, match="no value for registry_patience_s"):
        load_market("shanghai")


def test_a_parameter_named_twice_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    content = sound()
    content["rule"].append(content["rule"][0])
    monkeypatch.setattr(loader, "_read", lambda _: content)
    with pytest.raises(MarketFileFault, match="hours is named twice"):
        load_market("shanghai")


def test_a_closure_on_a_weekend_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    content = sound()
    year = loader._read("calendar_2026.toml")
    year["closure"][0]["days"].append(date(2026, 1, 3))
    monkeypatch.setattr(loader, "_read", lambda name: content if name == "shanghai.toml" else year)
    with pytest.raises(MarketFileFault, match="weekend"):
        load_market("shanghai")
