"""What each carrier says of itself, for Prometheus: asked when it is scraped, since carriers come and go."""

from collections.abc import Callable, Iterator, Sequence

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from heliograph.ports import CarrierStatus

_GAUGES: tuple[tuple[str, str, Callable[[CarrierStatus], float]], ...] = (
    ("heliograph_carrier_up", "1 while the carrier takes messages.", lambda c: c.available),
    ("heliograph_carrier_binds", "Connections that the carrier is to have.", lambda c: len(c.binds)),
    ("heliograph_carrier_binds_bound", "Those that stand.", lambda c: sum(map(_bound, (b.state for b in c.binds)))),
    ("heliograph_carrier_window", "Submits that may wait for an answer at once.", lambda c: c.window),
    ("heliograph_carrier_in_flight", "Submits that wait for an answer.", lambda c: c.in_flight),
)
_COUNTS: tuple[tuple[str, str, Callable[[CarrierStatus], float]], ...] = (
    ("heliograph_carrier_submits", "Submits handed to the carrier.", lambda c: c.submitted),
    ("heliograph_carrier_throttles", "Submits that it refused for its load.", lambda c: c.throttled),
    ("heliograph_carrier_receipts", "Receipts that it brought.", lambda c: c.receipts),
    ("heliograph_carrier_receipts_unmatched", "Those that no message was found for.", lambda c: c.unmatched),
    ("heliograph_carrier_inbound", "Inbound messages, or parts of them, that it brought.", lambda c: c.inbound),
    ("heliograph_carrier_unroutable", "Inbound messages for no number of ours.", lambda c: c.unroutable),
    ("heliograph_carrier_damaged_pdus", "PDUs with a damaged end, which were read.", lambda c: c.damaged),
)
_ROUND_TRIP = ("heliograph_carrier_round_trip_seconds", "From a submit to its answer, lately.")


class CarrierMetrics(Collector):
    def __init__(self, status: Callable[[], Sequence[CarrierStatus]]) -> None:
        self._status = status

    def describe(self) -> list[Metric]:
        """Nothing is asked when it is registered."""
        return []

    def collect(self) -> Iterator[Metric]:
        carriers = self._status()
        for name, about, read in _GAUGES:
            gauge = GaugeMetricFamily(name, about, labels=["carrier"])
            for carrier in carriers:
                gauge.add_metric([carrier.name], float(read(carrier)))
            yield gauge
        for name, about, read in _COUNTS:
            count = CounterMetricFamily(name, about, labels=["carrier"])
            for carrier in carriers:
                count.add_metric([carrier.name], float(read(carrier)))
            yield count
        trips = GaugeMetricFamily(*_ROUND_TRIP, labels=["carrier", "bind"])
        for carrier in carriers:
            for place, bind in enumerate(carrier.binds, 1):
                if bind.round_trip_ms is not None:
                    trips.add_metric([carrier.name, str(place)], bind.round_trip_ms / 1e3)
        yield trips


def _bound(state: str) -> bool:
    return state.startswith("bound")
