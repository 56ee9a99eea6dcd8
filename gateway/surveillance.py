"""What an analyst counts: how orders end, who tries to trade with himself, what trades in the last minutes.

Everything an inquiry needs is in the journal: who acted for whom and from which session, with what came of it. The
counters here say when to look. They follow the journal's commits, so that every way in is counted alike.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Final

from gateway.engine.entry import Entry
from gateway.engine.told.negotiated_news import KINDS
from gateway.engine.views.views import Views
from gateway.metrics import Metrics
from matching.calendar import midnight_ns
from matching.commands import ReplaceOrder, SubmitOrder
from matching.events import (
    OrderCancelled,
    OrderExpired,
    Rejected,
    Replayed,
    TradeBusted,
    Traded,
)
from matching.order import CancelReason
from matching.session import LISTED_PHASES, NS

LAST_MINUTES_S: Final = 300
"""Trades so shortly before the end of the day's listed trading are counted apart: they bear on the close."""

WATCHED: Final = frozenset(
    {
        "self_trade",
        "position_limit_exceeded",
        "account_restricted",
        "kind_not_admitted",
        "not_your_account",
        "listing_halted",
    }
)
"""Refusals that are counted by their own code; all others together as `rejected`."""

_ORDERING: Final = (SubmitOrder, ReplaceOrder)


class OrderFlow:
    """Counts commits; a commit listener that comes after the views."""

    def __init__(self, metrics: Metrics, views: Views) -> None:
        """Counting into these metrics."""
        self._views = views
        self._orders = metrics.flow.orders
        self._trades = metrics.flow.trades
        self._busts = metrics.flow.busted_trades
        self._negotiated = metrics.flow.negotiated
        self._known_day: tuple[str, int] | None = None
        self._late_from_ns = 0

    def follow(self, entries: Sequence[Entry]) -> None:
        """Count what one commit holds."""
        orders: Counter[str] = Counter()
        trades: Counter[str] = Counter()
        for entry in entries:
            if type(entry.command) in _ORDERING:
                orders[_outcome(entry)] += 1
            for event in entry.events:
                kind = type(event)
                if kind is Traded:
                    assert isinstance(event, Traded)
                    trades[self._when(entry.at_ns, event)] += 1
                elif kind is OrderCancelled:
                    assert isinstance(event, OrderCancelled)
                    orders[_ended(event)] += 1
                elif kind is OrderExpired:
                    orders["expired"] += 1
                elif kind is TradeBusted:
                    self._busts.inc()
                elif kind in KINDS:
                    self._negotiated.labels(KINDS[kind].removeprefix("negotiated_")).inc()
        for outcome, many in orders.items():
            self._orders.labels(outcome).inc(many)
        for when, many in trades.items():
            self._trades.labels(when).inc(many)

    def _when(self, at_ns: int, event: Traded) -> str:
        known = (event.trading_day, self._views.rule_book.version)
        if known != self._known_day:
            self._known_day = known
            self._late_from_ns = self._last_minutes(at_ns, event)
        return "last_minutes" if at_ns >= self._late_from_ns else "earlier"

    def _last_minutes(self, at_ns: int, event: Traded) -> int:
        rules = self._views.rules(at_ns)
        assert rules is not None, "a trade without rules"
        ends_s = max(period.end_s for period in rules.hours if period.phase in LISTED_PHASES)
        return midnight_ns(event.trading_day) + (ends_s - LAST_MINUTES_S) * NS


def _outcome(entry: Entry) -> str:
    last = entry.events[-1]
    if isinstance(last, Rejected):
        return last.code if last.code in WATCHED else "rejected"
    if isinstance(last, Replayed):
        return "replayed"
    return "accepted" if isinstance(entry.command, SubmitOrder) else "replaced"


def _ended(event: OrderCancelled) -> str:
    return "cancelled" if event.reason is CancelReason.REQUESTED else f"cancelled_{event.reason.value}"
