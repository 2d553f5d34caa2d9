"""What the engine counts, for Prometheus. The hot path only adds (engine/counting.py)."""

import platform
from collections.abc import Callable, Sequence

from prometheus_client import CollectorRegistry, Counter, Gauge, ProcessCollector, generate_latest

from heliograph.core.lifecycle import State
from heliograph.engine.carrier_metrics import CarrierMetrics
from heliograph.engine.counting import Count, CountFamily, Spread, SpreadMetric
from heliograph.engine.requests import DOORS
from heliograph.ports import CarrierStatus

_FAST = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_SLOW = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600)
_SIZES = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)


class Metrics:
    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        accepted = [(door, kind) for door in DOORS for kind in ("sms", "mms")]
        self.accepted = CountFamily(
            "heliograph_accepted", "Messages accepted.", ["door", "kind"], self.registry, accepted
        ).counts
        self.inbound = self._count("heliograph_inbound", "Inbound messages stored.")
        states = self._counts(
            "heliograph_state_changes", "Messages that came into a state.", "state", [state.value for state in State]
        )
        self.states = {state: states[state.value] for state in State}
        self.failures = CountFamily(
            "heliograph_failures",
            "Messages that failed or stayed undelivered, by error code.",
            ["code"],
            self.registry,
            (),
        )
        self.commit_size = self._spread("heliograph_commit_writes", "Writes that shared a commit.", _SIZES)
        self.commit_seconds = self._spread("heliograph_commit_seconds", "Time of a commit.", _FAST)
        self.callbacks = self._counts(
            "heliograph_callbacks", "Attempts at callbacks by outcome.", "outcome", ["delivered", "retried", "dead"]
        )
        self.callback_seconds = self._spread("heliograph_callback_seconds", "Time of a callback's request.", _FAST)
        self.receipts = self._counts(
            "heliograph_receipts",
            "Receipts by what they matched.",
            "outcome",
            ["matched", "repeated", "intermediate", "unreadable", "unmatched"],
        )
        self.dropped = self._counts(
            "heliograph_carrier_dropped",
            "Receipts and inbound messages that nobody could use, by the reason.",
            "reason",
            ["no_id", "no_state", "unknown_id", "ambiguous", "unroutable"],
        )
        self.accept_seconds = self._spread(
            "heliograph_accept_seconds", "From an accepted request to its commit.", _FAST
        )
        self.delivery_seconds = self._spread("heliograph_delivery_seconds", "From accept to the final state.", _SLOW)
        self.http_responses = CountFamily(
            "heliograph_http_responses", "Requests answered, by status.", ["status"], self.registry, ()
        )
        self.http_seconds = self._spread("heliograph_http_seconds", "Time of an answered request.", _FAST)
        self.smpp_submits = Counter(
            "heliograph_smpp_submits_total",
            "Submits of SMPP customers.",
            ["system_id", "outcome"],
            registry=self.registry,
        )
        self.smpp_damaged_pdus = Counter(
            "heliograph_smpp_damaged_pdus_total",
            "PDUs of SMPP customers with a damaged end, which were read.",
            ["system_id"],
            registry=self.registry,
        )
        self.smpp_binds_refused = self._counts(
            "heliograph_smpp_binds_refused", "Binds refused.", "status", ["RBINDFAIL", "RALYBND", "RTHROTTLED"]
        )
        self.smpp_connections_refused = self._count(
            "heliograph_smpp_connections_refused", "Connections of SMPP customers closed for want of a place."
        )
        self.relay_connects = self._counts(
            "heliograph_relay_connects",
            "Relay clients that asked to connect.",
            "outcome",
            ["connected", "refused", "put_off", "full"],
        )
        self.relay_sends = self._counts(
            "heliograph_relay_sends", "Sends of Relay clients.", "outcome", ["accepted", "refused", "unavailable"]
        )
        self.relay_events = self._counts(
            "heliograph_relay_events",
            "Events to Relay clients by what became of them.",
            "outcome",
            ["acknowledged", "refused", "unacknowledged", "lost"],
        )
        self.uncertain = self._count("heliograph_uncertain", "Submits whose answer was lost.")

    def _count(self, name: str, about: str) -> Count:
        return CountFamily(name, about, [], self.registry, [()]).counts[()]

    def _counts(self, name: str, about: str, label: str, values: Sequence[str]) -> dict[str, Count]:
        family = CountFamily(name, about, [label], self.registry, [(value,) for value in values])
        return {value: family.counts[value,] for value in values}

    def _spread(self, name: str, about: str, bounds: Sequence[float]) -> Spread:
        return SpreadMetric(name, about, bounds, self.registry).spread

    def carriers(self, status: Callable[[], Sequence[CarrierStatus]]) -> None:
        """What each carrier says of itself, asked when it is scraped."""
        self.registry.register(CarrierMetrics(status))

    def build(self, version: str, store: str) -> None:
        """What runs: a gauge of 1 whose labels say it."""
        labels = {"version": version, "python": platform.python_version(), "store": store}
        Gauge("heliograph_build_info", "Version, Python and store.", labels, registry=self.registry).labels(
            **labels
        ).set(1)

    def ended(self, error_code: int | None) -> None:
        """A message reached an unsuccessful final state."""
        self.failures.at(str(error_code or 0)).inc()

    def gauge(self, name: str, about: str, read: Callable[[], float]) -> None:
        """A gauge that asks when it is scraped."""
        Gauge(name, about, registry=self.registry).set_function(read)

    def committed(self, writes: int, seconds: float) -> None:
        self.commit_size.observe(writes)
        self.commit_seconds.observe(seconds)

    def render(self) -> bytes:
        return generate_latest(self.registry)
