"""Trading days, as announced by the exchange, and the arithmetic between days and instants.

Trading days are a file that the exchange announces, never `working days minus holidays`: weekend days that are
official working days stay closed, and extra closures happen.
"""

from dataclasses import dataclass
from datetime import date

from matching.session import DAY_S, NS, SHANGHAI_OFFSET_S
from settlement.values import TradingDay

_EPOCH_ORDINAL = date(1970, 1, 1).toordinal()


def day_of(at_ns: int) -> TradingDay:
    """The date in Shanghai at that instant."""
    days = (at_ns // NS + SHANGHAI_OFFSET_S) // DAY_S
    return TradingDay(date.fromordinal(_EPOCH_ORDINAL + days).isoformat())


def second_of_day(at_ns: int) -> int:
    """Seconds since midnight in Shanghai."""
    return (at_ns // NS + SHANGHAI_OFFSET_S) % DAY_S


def midnight_ns(day: TradingDay) -> int:
    """The instant that day begins in Shanghai."""
    days = date.fromisoformat(day).toordinal() - _EPOCH_ORDINAL
    return (days * DAY_S - SHANGHAI_OFFSET_S) * NS


def following(day: TradingDay) -> TradingDay:
    """The calendar date after that one, trading day or not."""
    return TradingDay(date.fromordinal(date.fromisoformat(day).toordinal() + 1).isoformat())


def days_between(day: TradingDay, later: TradingDay) -> int:
    """Calendar dates from one to the other: 1 from a day to the one after."""
    return date.fromisoformat(later).toordinal() - date.fromisoformat(day).toordinal()


@dataclass(frozen=True, kw_only=True, slots=True)
class Announcement:
    """The trading days of one period, ends included."""

    first_day: TradingDay
    last_day: TradingDay
    trading_days: tuple[TradingDay, ...]
    source: str

    def is_well_formed(self) -> bool:
        """Whether every day is a date, the days ascend, and all lie within a period that another day can follow."""
        days = self.trading_days
        try:
            within = all(
                date.fromisoformat(day).isoformat() == day for day in (self.first_day, self.last_day, *days)
            )
        except ValueError:
            return False
        ascending = self.first_day <= self.last_day < date.max.isoformat() and list(days) == sorted(set(days))
        return within and ascending and all(self.first_day <= day <= self.last_day for day in days)


class Calendar:
    """All that has been announced. A later announcement overrides an earlier one where they overlap."""

    __slots__ = ("announcements",)

    def __init__(self, announcements: tuple[Announcement, ...] = ()) -> None:
        """A calendar of these announcements, oldest first."""
        self.announcements = list(announcements)

    def announce(self, announcement: Announcement) -> None:
        """Take note of another one."""
        self.announcements.append(announcement)

    def is_announced(self, day: TradingDay) -> bool:
        """Whether anything is known about that day."""
        return any(known.first_day <= day <= known.last_day for known in self.announcements)

    def is_trading_day(self, day: TradingDay) -> bool:
        """Whether that day is a trading day, by the latest word on it."""
        for known in reversed(self.announcements):
            if known.first_day <= day <= known.last_day:
                return day in known.trading_days
        return False

    def announced_until(self, day: TradingDay) -> TradingDay | None:
        """The last date of those known without a gap from that day on; none when nothing is known about that day."""
        until: TradingDay | None = None
        while True:
            covering = (
                known.last_day for known in self.announcements if known.first_day <= day <= known.last_day
            )
            last = max(covering, default=None)
            if last is None:
                return until
            until, day = last, following(last)

    def next_trading_day(self, on_or_after: TradingDay) -> TradingDay | None:
        """The first trading day not before that one; none when nothing is announced so far ahead."""
        day = on_or_after
        while self.is_announced(day):
            if self.is_trading_day(day):
                return day
            day = following(day)
        return None
