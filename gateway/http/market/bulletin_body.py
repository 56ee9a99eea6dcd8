"""A bulletin in the words it is published in: days, or weeks of them, from what the closes have set."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from itertools import groupby
from typing import Any, Literal, TypeAlias

from gateway.engine.tables.bulletins import Published, PublishedDay, PublishedRetirement
from gateway.formats import money_text, price_text, quantity_text, time_text
from settlement.channels import Channel

Period: TypeAlias = Literal["day", "week"]


def bulletins_of(published: Published, period: Period) -> Iterator[dict[str, Any]]:
    """One for each day or week that was asked for, oldest first."""
    key = _day if period == "day" else _week
    told = dict(published.retired_before)
    retired = {
        when: list(of) for when, of in groupby(published.retired, key=lambda one: key(one.trading_day))
    }
    for when, days in groupby(published.days, key=lambda day: key(day.trading_day)):
        yield _bulletin(list(days), list(_retired(retired.get(when, []), told)))


def _day(trading_day: str) -> str:
    return trading_day


def _week(trading_day: str) -> str:
    """The ISO week, Monday to Sunday: `2026-W48`."""
    calendar = date.fromisoformat(trading_day).isocalendar()
    return f"{calendar.year}-W{calendar.week:02}"


def _bulletin(days: Sequence[PublishedDay], retired: list[dict[str, Any]]) -> dict[str, Any]:
    by_listing = sorted(days, key=lambda day: day.listing)
    lines = [_line(list(of)) for _, of in groupby(by_listing, key=lambda day: day.listing)]
    return {
        "date": days[-1].trading_day,
        "from": days[0].trading_day,
        "published_at": time_text(days[-1].at_ns),
        "listings": lines,
        "retired": retired,
    }


def _line(days: Sequence[PublishedDay]) -> dict[str, Any]:
    """One listing over consecutive days, which may be one."""
    traded = [day for day in days if day.open_fen is not None]
    last = days[-1]
    return {
        "listing": last.listing,
        "open": _price(day.open_fen for day in traded[:1]),
        "high": _price(sorted(day.high_fen or 0 for day in traded)[-1:]),
        "low": _price(sorted(day.low_fen or 0 for day in traded)[:1]),
        "close": price_text(last.close_fen),
        "change": price_text(last.close_fen - days[0].reference_fen),
        "listed_volume": quantity_text(sum(day.volume_tonnes for day in days)),
        "listed_turnover": money_text(sum(day.turnover_fen for day in days)),
        "negotiated_volume": quantity_text(sum(day.negotiated_tonnes for day in days)),
        "negotiated_turnover": money_text(sum(day.negotiated_fen for day in days)),
        "cumulative_volume": quantity_text(last.cumulative_tonnes),
        "cumulative_turnover": money_text(last.cumulative_fen),
    }


def _price(figures: Iterable[int | None]) -> str | None:
    return next((price_text(fen) for fen in figures if fen is not None), None)


def _retired(of: Sequence[PublishedRetirement], told: dict[str, int]) -> Iterator[dict[str, Any]]:
    """Every purpose over consecutive days; `told` is what all days before have told, and then these too."""
    for purpose in Channel:
        days = [one for one in of if one.purpose == purpose]
        figures = [one for one in days if one.tonnes is not None]
        is_held_over = bool(days) and days[-1].tonnes is None
        tonnes = sum(one.tonnes or 0 for one in figures)
        told[purpose] = told.get(purpose, 0) + tonnes
        yield {
            "purpose": purpose.value,
            "quantity": None if is_held_over and not figures else quantity_text(tonnes),
            "since": figures[0].since_day if figures else None,
            "held_over": is_held_over,
            "cumulative": quantity_text(told[purpose]),
        }
