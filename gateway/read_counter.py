"""A counter whose figures are kept elsewhere and read when somebody looks."""

from collections.abc import Callable, Iterable, Sequence

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily
from prometheus_client.registry import Collector


class ReadCounter(Collector):
    """What the library's own counter does not do: be read by a function, as a gauge can be."""

    def __init__(
        self, name: str, documentation: str, labels: Sequence[str] = (), *, registry: CollectorRegistry
    ) -> None:
        """Nothing is read yet; see `watch`. `name` goes without `_total`."""
        self._name = name
        self._documentation = documentation
        self._labels = tuple(labels)
        self._reads: dict[tuple[str, ...], Callable[[], float]] = {}
        registry.register(self)

    def watch(self, read: Callable[[], float], *labels: str) -> None:
        """Read that figure for these labels."""
        assert len(labels) == len(self._labels), f"{self._name} has the labels {self._labels}"
        self._reads[labels] = read

    def collect(self) -> Iterable[CounterMetricFamily]:
        """Every figure as it is now."""
        family = CounterMetricFamily(self._name, self._documentation, labels=self._labels)
        for labels, read in self._reads.items():
            family.add_metric(labels, read())
        yield family
