"""How far ahead trading days are announced: what is told long before the calendar runs out, and what is waited for then.

The close of the last day announced waits in its last step for the next one. Nothing is lost meanwhile, but nobody trades.
"""

from dataclasses import dataclass
from typing import Final

from gateway.engine.views.views import Views
from matching.calendar import day_of, days_between
from matching.day import day_after
from settlement.values import TradingDay

SOON_DAYS: Final = 30
"""With fewer days ahead the operator is told at every look. A year's holidays are announced in November of the year before."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CalendarEnd:
    """The end of what is announced."""

    last_day: TradingDay | None
    """Up to it every date is known as trading day or not; none when today's is not."""
    days_left: int
    """Dates after today of which it is known."""

    @property
    def is_soon(self) -> bool:
        """Whether it is time to announce the next period."""
        return self.days_left < SOON_DAYS


def calendar_end(views: Views, now_ns: int) -> CalendarEnd:
    """Where the calendar ends, seen from today, or from the trading day where that runs ahead."""
    today = max(day_of(now_ns), TradingDay(views.market.trading_day or ""))
    last_day = views.calendar.announced_until(today)
    return CalendarEnd(last_day=last_day, days_left=0 if last_day is None else days_between(today, last_day))


def next_day_is_known(views: Views, trading_day: TradingDay, now_ns: int) -> bool:
    """Whether the close of that day can roll the date."""
    rules = views.rules(now_ns)
    return rules is not None and day_after(trading_day, views.calendar, rules, now_ns) is not None
