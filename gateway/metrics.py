"""What an operator's tools can see of a running exchange: named metrics in a registry of their own.

The registry is an object, not the library's global one, so that two exchanges in one process do not mix. Labels are
bounded: outcomes, route templates, methods, statuses; never an account, an order or a listing's free text.
"""

import time
from collections.abc import Callable, Sequence
from typing import Final

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
)

from gateway.engine.entry import AccountEvent, Entry
from gateway.engine.sequencer import Appender
from gateway.registry_metrics import CustodyMetrics, LineMetrics

CONTENT_TYPE: Final = CONTENT_TYPE_LATEST

_SECONDS: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
_COUNTS: Final = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000)


class Metrics:
    """Every metric of the gateway. Parts that count hold on to theirs; nobody looks one up by name."""

    def __init__(self) -> None:
        """All at zero."""
        registry = self.registry = CollectorRegistry()
        self.orders, self.trades, self.busted_trades = _surveillance(registry)
        self.negotiated = Counter(
            "puhui_negotiated_steps", "Steps of negotiated transfers, by step.", ["step"], registry=registry
        )
        self.queue_depth = Gauge(
            "puhui_queue_depth", "Commands waiting for the sequencer.", registry=registry
        )
        self.batch_size = Histogram(
            "puhui_batch_size", "Commands in one journal transaction.", buckets=_COUNTS, registry=registry
        )
        self.commit_seconds = Histogram(
            "puhui_commit_seconds",
            "Duration of one journal transaction.",
            buckets=_SECONDS,
            registry=registry,
        )
        self.journal_position = Gauge(
            "puhui_journal_position", "Sequence number of the last durable command.", registry=registry
        )
        self.pending_deliveries = Gauge(
            "puhui_pending_deliveries",
            "Movements asked of the registry and not yet answered.",
            registry=registry,
        )
        self.line = LineMetrics(registry)
        self.custody = CustodyMetrics(registry)
        self.phase = Gauge("puhui_phase", "1 for the phase the market is in.", ["phase"], registry=registry)
        self.http_seconds = Histogram(
            "puhui_http_request_seconds",
            "Duration of requests.",
            ["route", "method", "status"],
            buckets=_SECONDS,
            registry=registry,
        )
        self.connections = Gauge(
            "puhui_connections", "Open connections, WebSockets among them.", registry=registry
        )
        self.connections_refused, self.requests_cut = _door(registry)
        self.ws_clients = Gauge("puhui_ws_clients", "Open WebSocket connections.", registry=registry)
        self.ws_closed, self.ws_conflated = _slow_readers(registry)
        self.events_lag = Gauge(
            "puhui_events_lag_seconds",
            "From sequencing to push, for the account events pushed last.",
            registry=registry,
        )
        self.rate_limited = Counter(
            "puhui_rate_limited", "Requests refused by a rate limit.", ["kind"], registry=registry
        )

    def watch(self, gauge: Gauge, read: Callable[[], float]) -> None:
        """Let a gauge be read when somebody looks, instead of being set at every change."""
        gauge.set_function(read)

    def exposition(self) -> bytes:
        """Everything, in the text format every scraper reads."""
        return generate_latest(self.registry)


def _door(registry: CollectorRegistry) -> tuple[Counter, Counter]:
    """What the public door does not take, or not to its end."""
    refused = "Connections not taken, by which bound: in all, or of one address."
    cut = "Connections cut, and requests refused, before any route had answered, by why."
    return (
        Counter("puhui_connections_refused", refused, ["why"], registry=registry),
        Counter("puhui_requests_cut", cut, ["why"], registry=registry),
    )


def _slow_readers(registry: CollectorRegistry) -> tuple[Counter, Counter]:
    """What becomes of connections that do not keep up."""
    closed, conflated = "WebSockets closed by us, by why.", "Pushes replaced by a snapshot for slow readers."
    return (
        Counter("puhui_ws_closed", closed, ["why"], registry=registry),
        Counter("puhui_ws_conflated", conflated, registry=registry),
    )


def _surveillance(registry: CollectorRegistry) -> tuple[Counter, Counter, Counter]:
    """What an analyst of the market counts; see `gateway.surveillance`."""
    orders = "Orders and replacements decided, and orders ended without trading in full, by outcome."
    trades = "Listed trades; those of a day's last minutes apart."
    return (
        Counter("puhui_orders", orders, ["outcome"], registry=registry),
        Counter("puhui_trades", trades, ["when"], registry=registry),
        Counter("puhui_busted_trades", "Trades undone.", registry=registry),
    )


class MeasuredAppender:
    """The journal as the sequencer writes to it, with how much was written at once and how long it took."""

    __slots__ = ("_journal", "_metrics")

    def __init__(self, journal: Appender, metrics: Metrics) -> None:
        """Measuring that journal."""
        self._journal = journal
        self._metrics = metrics

    @property
    def position(self) -> int:
        """Sequence number of the last durable entry."""
        return self._journal.position

    @property
    def at_ns(self) -> int:
        """Time of the last durable entry."""
        return self._journal.at_ns

    async def append(self, entries: Sequence[Entry]) -> Sequence[AccountEvent]:
        """Make entries durable."""
        started_s = time.perf_counter()
        written = await self._journal.append(entries)
        self._metrics.commit_seconds.observe(time.perf_counter() - started_s)
        self._metrics.batch_size.observe(len(entries))
        return written
