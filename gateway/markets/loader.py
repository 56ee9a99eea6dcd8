"""Reads a market's data files and makes of them the commands by which the core learns its rules and its calendar.

A file names every value with its source, its certainty and the date from which it holds. Nothing is defaulted here:
a market that lacks a parameter, or a value that cannot be read, is refused at start.
"""

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from importlib import resources
from pathlib import Path
from typing import Any, Final

from matching.calendar import Announcement, midnight_ns
from matching.commands import AdoptRules, AnnounceCalendar
from matching.rulebook import PARAMETERS, Certainty, RuleChange, fault_of
from settlement.values import ParticipantId, TradingDay

SATURDAY: Final = 5

FOUNDER: Final = ParticipantId("exchange")
"""Who adopts the rules a market begins with."""

MARKETS: Final = {"shanghai": "shanghai.toml", "always-open": "always_open.toml"}
"""The markets that come with the program, by the name given on the command line."""


class MarketFileFault(Exception):  # noqa: N818 - it states a fact
    """A market's data file cannot be used; the message names the file and what is wrong."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Market:
    """One market's rules and trading days, ready to be told to the core."""

    name: str
    zh: str
    en: str
    rules: AdoptRules
    calendars: tuple[AnnounceCalendar, ...]


def load_market(name: str) -> Market:
    """The market of that name.

    Raises:
        MarketFileFault: there is none, a parameter is missing or named twice, or a value cannot be meant.
    """
    if name not in MARKETS:
        raise MarketFileFault(f"no market {name!r}; there are {', '.join(sorted(MARKETS))}")
    file_name = MARKETS[name]
    content = _read(file_name)
    rules = _rules(file_name, content)
    missing = PARAMETERS.keys() - rules.keys()
    if missing:
        raise MarketFileFault(f"{file_name}: no value for {', '.join(sorted(missing))}")
    return Market(
        name=content["name"],
        zh=content["zh"],
        en=content["en"],
        rules=AdoptRules(
            operator=FOUNDER,
            reason=f"founding of the market {content['name']}",
            changes=tuple(rules[parameter] for parameter in PARAMETERS),
        ),
        calendars=tuple(_calendars(content)),
    )


def read_calendar(path: Path) -> AnnounceCalendar:
    """A year's trading days from a file like `calendar_2026.toml`: Monday to Friday but for the closures it names.

    Raises:
        MarketFileFault: the file lacks something, or a closure cannot be meant.
        OSError: it cannot be read.
    """
    try:
        year = tomllib.loads(path.read_text(encoding="utf-8"))
        return _announcement(year, _sessions(path.name, year))
    except (ValueError, TypeError, AttributeError) as error:
        raise MarketFileFault(f"{path.name}: {error}") from None
    except KeyError as error:
        raise MarketFileFault(f"{path.name}: {error.args[0]} is missing") from None


def _read(file_name: str) -> dict[str, Any]:
    return tomllib.loads(resources.files("gateway.markets").joinpath(file_name).read_text(encoding="utf-8"))


def _rules(file_name: str, content: dict[str, Any]) -> dict[str, RuleChange]:
    base = content.get("based_on")
    rules = _rules(base, _read(base)) if base is not None else {}
    own: dict[str, RuleChange] = {}
    for entry in content["rule"]:
        change = _change(entry)
        fault = fault_of(change)
        if fault is not None:
            raise MarketFileFault(f"{file_name}: {fault}")
        if change.parameter in own:
            raise MarketFileFault(f"{file_name}: {change.parameter} is named twice")
        own[change.parameter] = change
    return rules | own


def _change(entry: dict[str, Any]) -> RuleChange:
    return RuleChange(
        parameter=entry["parameter"],
        value=entry["value"],
        effective_from_ns=midnight_ns(TradingDay(entry["effective_from"].isoformat())),
        source=entry["source"],
        certainty=Certainty(entry["certainty"]),
    )


def _calendars(content: dict[str, Any]) -> Iterator[AnnounceCalendar]:
    if "every_day" in content:
        yield _announcement(content["every_day"], _days(content["every_day"]))
    for file_name in content.get("calendars", ()):
        year = _read(file_name)
        yield _announcement(year, _sessions(file_name, year))


def _announcement(entry: dict[str, Any], days: Iterator[date]) -> AnnounceCalendar:
    return AnnounceCalendar(
        announcement=Announcement(
            first_day=TradingDay(entry["first_day"].isoformat()),
            last_day=TradingDay(entry["last_day"].isoformat()),
            trading_days=tuple(TradingDay(day.isoformat()) for day in days),
            source=entry["source"],
        )
    )


def _days(entry: dict[str, Any]) -> Iterator[date]:
    day: date = entry["first_day"]
    while day <= entry["last_day"]:
        yield day
        day += timedelta(days=1)


def _sessions(file_name: str, year: dict[str, Any]) -> Iterator[date]:
    """Monday to Friday but for the announced closures; a closure on a weekend would be a slip of the pen."""
    closed = [day for closure in year["closure"] for day in closure["days"]]
    wrong = [
        day for day in closed if day.weekday() >= SATURDAY or not year["first_day"] <= day <= year["last_day"]
    ]
    if wrong or len(set(closed)) != len(closed):
        raise MarketFileFault(f"{file_name}: closures named twice, on a weekend or in another year")
    return (day for day in _days(year) if day.weekday() < SATURDAY and day not in closed)
