"""What an operator's tools see of the trading day, of what waits for a person, and of the market's clock."""

import time
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Final

from prometheus_client import CollectorRegistry, Gauge

from gateway.engine.entry import Entry
from gateway.engine.views.calendar_end import calendar_end
from gateway.engine.views.views import Views
from matching.events import CloseStep
from matching.safety_commands import KillScope
from matching.session import Phase
from settlement.cash_events import CashBreakClosed, CashBreakFound

NS_PER_S: Final = 1_000_000_000


class MarketMetrics:
    """The day, its close, and what waits."""

    def __init__(self, registry: CollectorRegistry) -> None:
        """Nothing is read yet; see `watch`."""
        self._phase = Gauge("puhui_phase", "1 for the phase the market is in.", ["phase"], registry=registry)
        self._closing = Gauge("puhui_close_running", "1 while a day is being closed.", registry=registry)
        self._done = Gauge(
            "puhui_close_step_done",
            "How much of a step of the close under way, or of the last one, is done.",
            ["step"],
            registry=registry,
        )
        self._expected = Gauge(
            "puhui_close_step_expected",
            "How much there is to do in that step; 0 until it is known.",
            ["step"],
            registry=registry,
        )
        self._approvals = Gauge(
            "puhui_approvals_waiting", "Acts that wait for a second person.", registry=registry
        )
        self._switches = Gauge(
            "puhui_kill_switches",
            "Kill switches that are on, by what they stop.",
            ["scope"],
            registry=registry,
        )
        self._halts = Gauge(
            "puhui_halts", "Listings, or the market as a whole, that are halted.", registry=registry
        )
        self._pending = Gauge(
            "puhui_pending_movements",
            "Movements asked of the registry and not yet answered.",
            registry=registry,
        )
        self._oldest = Gauge(
            "puhui_pending_movements_oldest_seconds",
            "How long the oldest of them has been pending, as far as this process has seen.",
            registry=registry,
        )
        self._cash_breaks = Gauge(
            "puhui_cash_breaks_open",
            "Differences with the bank's statements that are not settled.",
            registry=registry,
        )
        self._clock = Gauge(
            "puhui_clock_seconds", "What time it is by the market's clock.", registry=registry
        )
        self._calendar = Gauge(
            "puhui_calendar_dates_left", "Days ahead announced as trading days or not.", registry=registry
        )
        self._known_pending: dict[str, float] = {}

    def watch(self, views: Views, now_ns: Callable[[], int]) -> None:
        """Read from there whenever somebody looks."""
        market = views.market
        for phase in Phase:
            self._phase.labels(phase.value).set_function(partial(_is_phase, views, phase))
        self._closing.set_function(lambda: market.close is not None and market.close.state == "running")
        for step in CloseStep:
            self._done.labels(step.value).set_function(partial(_step, views, step, "done"))
            self._expected.labels(step.value).set_function(partial(_step, views, step, "total"))
        self._approvals.set_function(lambda: len(views.approvals))
        for scope in KillScope:
            self._switches.labels(scope.value).set_function(partial(_switches, views, scope))
        self._halts.set_function(lambda: len(views.halts))
        self._pending.set_function(lambda: len(views.pending_instructions))
        self._oldest.set_function(lambda: self._oldest_s(views.pending_instructions, time.monotonic()))
        self._clock.set_function(lambda: now_ns() / NS_PER_S)
        self._calendar.set_function(lambda: calendar_end(views, now_ns()).days_left)

    def count_cash_breaks(self, is_open: int) -> None:
        """So many are open as the process starts; `follow` keeps count from there."""
        self._cash_breaks.set(is_open)

    def follow(self, entries: Sequence[Entry]) -> None:
        """A commit listener."""
        for entry in entries:
            for event in entry.events:
                if isinstance(event, CashBreakFound):
                    self._cash_breaks.inc()
                elif isinstance(event, CashBreakClosed):
                    self._cash_breaks.dec()

    def _oldest_s(self, pending: Iterable[str], now_s: float) -> float:
        """Remembers when each was first seen here."""
        known = self._known_pending
        self._known_pending = {name: known.get(name, now_s) for name in pending}
        return max((now_s - since_s for since_s in self._known_pending.values()), default=0.0)


def _is_phase(views: Views, phase: Phase) -> bool:
    return views.market.phase is phase


def _step(views: Views, step: CloseStep, field: str) -> int:
    close = views.market.close
    steps = () if close is None else close.steps
    return next((int(getattr(one, field)) for one in steps if one.name == step.value), 0)


def _switches(views: Views, scope: KillScope) -> int:
    return sum(1 for known, _ in views.safety.kill_switches if known is scope)
