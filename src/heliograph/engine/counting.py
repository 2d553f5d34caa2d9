"""Counters and histograms that cost next to nothing to add to: numbers of one thread, read when they are scraped.

prometheus_client's own take a lock and a microsecond each time, and a message passes some twenty of them. These belong
to the event loop: nothing else may add to them.
"""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from itertools import accumulate

from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector, CollectorRegistry


class Count:
    __slots__ = ("value",)

    def __init__(self) -> None:
        self.value = 0

    def inc(self, by: int = 1) -> None:
        self.value += by


class Spread:
    """How often a value came to at most each of `bounds`, which increase."""

    __slots__ = ("bounds", "counts", "sum")

    def __init__(self, bounds: Sequence[float]) -> None:
        self.bounds = tuple(bounds)
        self.counts = [0] * (len(bounds) + 1)
        self.sum = 0.0

    def observe(self, value: float) -> None:
        self.counts[bisect_left(self.bounds, value)] += 1
        self.sum += value


class CountFamily(Collector):
    """Counts under one name, told apart by their labels."""

    def __init__(
        self, name: str, about: str, labels: Sequence[str], registry: CollectorRegistry, of: Sequence[tuple[str, ...]]
    ) -> None:
        self._name, self._about, self._labels = name, about, labels
        self.counts: dict[tuple[str, ...], Count] = {values: Count() for values in of}
        registry.register(self)

    def at(self, *values: str) -> Count:
        """The count under these labels, made at its first use: for values of a small, closed set."""
        count = self.counts.get(values)
        if count is None:
            count = self.counts[values] = Count()
        return count

    def collect(self) -> Iterator[Metric]:
        family = CounterMetricFamily(self._name, self._about, labels=self._labels)
        for values, count in sorted(self.counts.items()):
            family.add_metric(values, count.value)
        yield family


class SpreadMetric(Collector):
    def __init__(self, name: str, about: str, bounds: Sequence[float], registry: CollectorRegistry) -> None:
        self._name, self._about = name, about
        self.spread = Spread(bounds)
        registry.register(self)

    def collect(self) -> Iterator[Metric]:
        spread = self.spread
        limits = [*(str(float(bound)) for bound in spread.bounds), "+Inf"]
        family = HistogramMetricFamily(self._name, self._about)
        family.add_metric([], list(zip(limits, accumulate(spread.counts), strict=True)), spread.sum)
        yield family
