"""What an operator's tools see of the registry: the line to it, comparisons with it, and what stands on its word."""

from functools import partial
from typing import Final

from prometheus_client import CollectorRegistry, Gauge

from gateway.engine.views.custody import Custody
from gateway.read_counter import ReadCounter
from settlement.freeze import FreezeSource

NS_PER_S: Final = 1_000_000_000


class LineMetrics:
    """How the line to the registry platform is."""

    def __init__(self, registry: CollectorRegistry) -> None:
        """All at zero."""
        self.answers = Gauge(
            "puhui_registry_answers", "1 while the registry platform answers.", registry=registry
        )
        self.circuit = Gauge(
            "puhui_registry_circuit",
            "1 for the state of the line: calls are made (closed), tried (half_open) or spared (open).",
            ["state"],
            registry=registry,
        )
        self.circuit_opened = ReadCounter(
            "puhui_registry_circuit_opened", "How often the circuit has opened.", registry=registry
        )
        self.restarts = ReadCounter(
            "puhui_registry_restarts",
            "How often the reference registry had to be started again.",
            registry=registry,
        )
        self.unbound = Gauge(
            "puhui_accounts_not_bound",
            "Accounts the registry platform refuses to bind at present.",
            registry=registry,
        )
        self.notices_wait = Gauge(
            "puhui_notices_wait",
            "1 while the registry's next notice is missing or cannot be taken.",
            registry=registry,
        )
        self._count_movements(registry)

    def _count_movements(self, registry: CollectorRegistry) -> None:
        self.movements = ReadCounter(
            "puhui_movements",
            "Calls and answers about movements, by kind and what became of them.",
            ["kind", "outcome"],
            registry=registry,
        )
        self.in_flight = Gauge(
            "puhui_movements_in_flight",
            "Movements without a final answer, by kind.",
            ["kind"],
            registry=registry,
        )
        self.unclear_seconds = Gauge(
            "puhui_movements_unclear_seconds",
            "How long the oldest movement has been without a clear answer.",
            registry=registry,
        )
        self.unclear_answers = ReadCounter(
            "puhui_movement_unclear_answers",
            "Answers about movements that were not final, by why.",
            ["why"],
            registry=registry,
        )
        self.stopped = Gauge(
            "puhui_movements_stopped",
            "Movements about which the registry contradicts itself.",
            registry=registry,
        )


class CustodyMetrics:
    """What both sides' comparison has found, and what is frozen, claimed or waiting."""

    def __init__(self, registry: CollectorRegistry) -> None:
        """Nothing is read yet; see `watch`."""
        self._notices = Gauge("puhui_notices_taken", "The registry's last notice taken.", registry=registry)
        self._breaks = Gauge("puhui_breaks_open", "Breaks nobody has resolved yet.", registry=registry)
        self._claims = Gauge(
            "puhui_claims_undecided", "Claims after corrections to be decided.", registry=registry
        )
        self._removals = Gauge(
            "puhui_removals_open", "Removals of corrected units that are not done.", registry=registry
        )
        self._parked = Gauge(
            "puhui_deliveries_parked", "Deliveries that wait for an operator.", registry=registry
        )
        self._freezes = Gauge(
            "puhui_freezes", "Freezes in force, by who placed them.", ["source"], registry=registry
        )
        self._found = Gauge(
            "puhui_reconciliation_breaks", "Differences the last comparison found.", registry=registry
        )
        self._clean = Gauge(
            "puhui_reconciliation_clean_in_a_row",
            "How many comparisons up to the last found nothing.",
            registry=registry,
        )
        self._at = Gauge(
            "puhui_reconciliation_timestamp_seconds",
            "When both sides were compared last, by the market's clock.",
            registry=registry,
        )

    def watch(self, custody: Custody) -> None:
        """Read from there whenever somebody looks."""
        self._notices.set_function(lambda: custody.notice_cursor)
        self._breaks.set_function(lambda: len(custody.breaks))
        self._claims.set_function(lambda: len(custody.claims))
        self._removals.set_function(lambda: len(custody.removals))
        self._parked.set_function(lambda: len(custody.parked))
        for source in FreezeSource:
            self._freezes.labels(source.value).set_function(partial(_freezes, custody, source))
        self._found.set_function(lambda: 0 if custody.comparison is None else custody.comparison.breaks)
        self._clean.set_function(
            lambda: 0 if custody.comparison is None else custody.comparison.clean_in_a_row
        )
        self._at.set_function(
            lambda: 0 if custody.comparison is None else custody.comparison.at_ns / NS_PER_S
        )


def _freezes(custody: Custody, source: FreezeSource) -> int:
    return sum(1 for view in custody.freezes.values() if view.freeze.source is source)
