"""Telling an exchange without a past its market: the rule book and the calendar, once."""

from collections.abc import Awaitable, Callable

from gateway.config import SettingsFault
from gateway.engine.entry import Entry
from gateway.engine.views.views import Views
from gateway.markets.loader import Market
from matching.commands import AnnounceCalendar, Command
from matching.events import Rejected
from matching.rulebook import RuleChange

Submit = Callable[[Command], Awaitable[Entry]]


async def found(market: Market, views: Views, submit: Submit) -> None:
    """Adopt the market's rules and announce its calendars, as far as that has not been done.

    Raises:
        SettingsFault: the exchange was founded as another market; its rules change by adopting new ones.
    """
    adopted = views.rule_book.changes
    if not adopted:
        await _do(submit, market.rules)
    elif not _same_founding(adopted, market.rules.changes):
        raise SettingsFault(
            f"this exchange was not founded as market {market.name}; name its own, or another data directory",
            f"该交易所并非以市场 {market.name} 建立; 请指明其本来的市场, 或另选数据目录",
            setting="market",
        )
    for calendar in market.calendars:
        if not _is_announced(views, calendar):
            await _do(submit, calendar)


def _same_founding(adopted: list[RuleChange], founding: tuple[RuleChange, ...]) -> bool:
    """The values it began with; sources may be worded better in a later release."""
    return [(change.parameter, change.value) for change in adopted[: len(founding)]] == [
        (change.parameter, change.value) for change in founding
    ]


def _is_announced(views: Views, calendar: AnnounceCalendar) -> bool:
    return any(
        (known.first_day, known.last_day) == (calendar.announcement.first_day, calendar.announcement.last_day)
        for known in views.calendar.announcements
    )


async def _do(submit: Submit, command: Command) -> None:
    entry = await submit(command)
    refusals = [event for event in entry.events if isinstance(event, Rejected)]
    assert not refusals, f"the market's own data were refused: {refusals}"
