"""What an operator's tools can see of a running exchange: named metrics in a registry of their own.

The registry is an object, not the library's global one, so that two exchanges in one process do not mix. Labels are
bounded: outcomes, route templates, methods, statuses; never an account, an order or a listing's free text.
"""

import time
from collections.abc import Sequence
from typing import Final

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
    generate_latest,
)

from gateway.durations import Durations
from gateway.engine.entry import AccountEvent, Entry
from gateway.engine.sequencer import Appender
from gateway.market_metrics import MarketMetrics
from gateway.process_metrics import ProcessMetrics
from gateway.registry_metrics import CustodyMetrics, LineMetrics

CONTENT_TYPE: Final = CONTENT_TYPE_LATEST
MADE_MOST_PER_S: Final = 5
"""More than any number of scrapers asks for."""

disable_created_metrics()  # type: ignore[no-untyped-call] # when a series began is nobody's question here

_SECONDS: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
ALARMING: Final = ("internal_error", "overloaded", "not_ready")
"""Refusals counted from nought: a series that begins with its first case has not risen, and no alert would see it."""

_COUNTS: Final = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000)


class Metrics:
    """Every metric of the gateway. Parts that count hold on to theirs; nobody looks one up by name."""

    def __init__(self, *, of_the_writer: bool = True) -> None:
        """All at zero. What only the process that writes can know is told by no other."""
        registry = self.registry = CollectorRegistry()
        writers = registry if of_the_writer else CollectorRegistry()
        self.door = DoorMetrics(registry)
        self.stream = StreamMetrics(registry)
        self.journal = JournalMetrics(registry)
        self.flow = FlowMetrics(writers)
        self.market = MarketMetrics(writers)
        self.line = LineMetrics(writers)
        self.custody = CustodyMetrics(writers)
        self.process = ProcessMetrics(registry)
        self._text = b""
        self._made, self._since_s = 0, -1.0
        """How often the text was made in the second that began then."""

    def exposition(self) -> bytes:
        """Everything, in the text format every scraper reads.

        To make it costs as much as a dozen orders, and anybody may ask. It is made a few times in a second at most; who
        asks more often is told the same again.
        """
        now_s = time.monotonic()
        if now_s - self._since_s >= 1:
            self._made, self._since_s = 0, now_s
        if self._made < MADE_MOST_PER_S:
            self._made += 1
            self._text = generate_latest(self.registry)
        return self._text


class DoorMetrics:
    """Requests, what they were answered, and who was turned away."""

    def __init__(self, registry: CollectorRegistry) -> None:
        """All at zero."""
        self.seconds = Durations(
            "puhui_http_request_seconds",
            "Duration of requests, by route and class of status.",
            ["route", "method", "status"],
            buckets=_SECONDS,
            registry=registry,
        )
        orders = Durations(
            "puhui_order_seconds",
            "From a well-formed order to its durable decision, repeated ones left out, by the way it came.",
            ["way"],
            buckets=_SECONDS,
            registry=registry,
        )
        self.order_by_rest, self.order_by_ws = orders.labels("rest"), orders.labels("ws")
        self.refusals = Counter(
            "puhui_refusals", "Refused requests, by the code of the first fault.", ["code"], registry=registry
        )
        for code in ALARMING:
            self.refusals.labels(code)
        self.connections = Gauge(
            "puhui_connections", "Open connections, WebSockets among them.", registry=registry
        )
        self.connections_refused = Counter(
            "puhui_connections_refused",
            "Connections not taken, by which bound: in all, or of one address.",
            ["why"],
            registry=registry,
        )
        self.requests_cut = Counter(
            "puhui_requests_cut",
            "Connections cut, and requests refused, before any route had answered, by why.",
            ["why"],
            registry=registry,
        )
        self.rate_limited = Counter(
            "puhui_rate_limited", "Requests refused by a rate limit.", ["kind"], registry=registry
        )
        self.sign_ins = Counter(
            "puhui_sign_ins", "Log-ins of people, by outcome.", ["outcome"], registry=registry
        )
        for outcome in ("done", "refused", "locked", "code_needed"):
            self.sign_ins.labels(outcome)


class StreamMetrics:
    """WebSocket connections, and what becomes of those that do not keep up."""

    def __init__(self, registry: CollectorRegistry) -> None:
        """All at zero."""
        self.clients = Gauge("puhui_ws_clients", "Open WebSocket connections.", registry=registry)
        self.queued = Gauge("puhui_ws_queued", "Messages waiting for all clients.", registry=registry)
        self.longest = Gauge("puhui_ws_queue_longest", "Messages waiting for one client.", registry=registry)
        self.closed = Counter(
            "puhui_ws_closed", "WebSockets closed by us, by why.", ["why"], registry=registry
        )
        self.conflated = Counter(
            "puhui_ws_conflated", "Pushes replaced by a snapshot for slow readers.", registry=registry
        )
        self.events_lag = Gauge(
            "puhui_events_lag_seconds",
            "From sequencing to push, for the account events pushed last.",
            registry=registry,
        )


class JournalMetrics:
    """The way from a command to its durable events."""

    def __init__(self, registry: CollectorRegistry) -> None:
        """All at zero."""
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
        self.commit_under_way = Gauge(
            "puhui_commit_under_way_seconds",
            "For how long the present journal transaction has been under way; 0 when there is none.",
            registry=registry,
        )
        self.position = Gauge(
            "puhui_journal_position", "Sequence number of the last durable command.", registry=registry
        )


class FlowMetrics:
    """What an analyst of the market counts; see `gateway.surveillance`."""

    def __init__(self, registry: CollectorRegistry) -> None:
        """All at zero."""
        self.orders = Counter(
            "puhui_orders",
            "Orders and replacements decided, and orders ended without trading in full, by outcome.",
            ["outcome"],
            registry=registry,
        )
        self.trades = Counter(
            "puhui_trades",
            "Listed trades; those of a day's last minutes apart.",
            ["when"],
            registry=registry,
        )
        self.busted_trades = Counter("puhui_busted_trades", "Trades undone.", registry=registry)
        self.negotiated = Counter(
            "puhui_negotiated_steps", "Steps of negotiated transfers, by step.", ["step"], registry=registry
        )


class MeasuredAppender:
    """The journal as the sequencer writes to it, with how much was written at once and how long it took."""

    __slots__ = ("_journal", "_metrics", "_started_s")

    def __init__(self, journal: Appender, metrics: Metrics) -> None:
        """Measuring that journal."""
        self._journal = journal
        self._metrics = metrics.journal
        self._started_s: float | None = None
        self._metrics.commit_under_way.set_function(self.under_way_s)

    @property
    def position(self) -> int:
        """Sequence number of the last durable entry."""
        return self._journal.position

    @property
    def at_ns(self) -> int:
        """Time of the last durable entry."""
        return self._journal.at_ns

    def under_way_s(self) -> float:
        """For how long the present append has been under way; zero when there is none."""
        return 0.0 if self._started_s is None else time.perf_counter() - self._started_s

    async def append(self, entries: Sequence[Entry]) -> Sequence[AccountEvent]:
        """Make entries durable."""
        started_s = self._started_s = time.perf_counter()
        try:
            written = await self._journal.append(entries)
        finally:
            self._started_s = None
        self._metrics.commit_seconds.observe(time.perf_counter() - started_s)
        self._metrics.batch_size.observe(len(entries))
        return written
