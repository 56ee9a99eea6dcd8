"""Durations as Prometheus has them, counted in plain numbers.

The library's own histogram takes a lock for every bucket and sum, which nobody else wants here: all that is counted is
counted by the one event loop, and read by it too.
"""

import math
from bisect import bisect_left
from collections.abc import Iterator, Sequence

from prometheus_client import CollectorRegistry
from prometheus_client.metrics_core import HistogramMetricFamily


class Duration:
    """One series: how many were how long."""

    __slots__ = ("_bounds", "_counts", "_sum_s")

    def __init__(self, bounds: Sequence[float]) -> None:
        """None yet; `bounds` are the upper ends of the buckets, the last one without end."""
        self._bounds = bounds
        self._counts = [0] * len(bounds)
        self._sum_s = 0.0

    def observe(self, seconds: float) -> None:
        """One took so long."""
        self._counts[bisect_left(self._bounds, seconds)] += 1
        self._sum_s += seconds

    def add_to(self, family: HistogramMetricFamily, labels: Sequence[str]) -> None:
        """Tell how it stands."""
        buckets, below = [], 0
        for bound, count in zip(self._bounds, self._counts, strict=True):
            below += count
            buckets.append((_text(bound), float(below)))
        family.add_metric(labels, buckets, self._sum_s)


def _text(bound: float) -> str:
    return "+Inf" if bound == math.inf else str(bound)


class Durations:
    """A histogram by labels, known to a registry."""

    def __init__(
        self,
        name: str,
        documentation: str,
        labels: Sequence[str] = (),
        *,
        buckets: Sequence[float],
        registry: CollectorRegistry,
    ) -> None:
        """Without a series yet."""
        self._name = name
        self._documentation = documentation
        self._labels = tuple(labels)
        self._bounds = (*buckets, math.inf)
        self._series: dict[tuple[str, ...], Duration] = {}
        registry.register(self)

    def labels(self, *values: str) -> Duration:
        """The series of these values, in the order of the labels."""
        assert len(values) == len(self._labels), f"{self._name} has the labels {self._labels}"
        found = self._series.get(values)
        if found is None:
            found = self._series[values] = Duration(self._bounds)
        return found

    def collect(self) -> Iterator[HistogramMetricFamily]:
        """What a registry asks."""
        family = HistogramMetricFamily(self._name, self._documentation, labels=self._labels)
        for values, series in self._series.items():
            series.add_to(family, values)
        yield family
