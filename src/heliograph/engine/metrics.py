"""What the engine counts, for Prometheus. Children of labelled metrics are made once: the hot path only adds."""

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from heliograph.core.lifecycle import State

_FAST = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_SLOW = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600)
_SIZES = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)


class Metrics:
    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        r = self.registry
        accepted = Counter("heliograph_accepted_total", "Messages accepted.", ["source", "kind"], registry=r)
        self.accepted = {
            (source, kind): accepted.labels(source, kind)
            for source in ("laml", "realtime_api")
            for kind in ("sms", "mms")
        }
        self.inbound = Counter("heliograph_inbound_total", "Inbound messages stored.", registry=r)
        states = Counter("heliograph_state_changes_total", "Messages that came into a state.", ["state"], registry=r)
        self.states = {state: states.labels(state.value) for state in State}
        self.commit_size = Histogram(
            "heliograph_commit_writes", "Writes that shared a commit.", buckets=_SIZES, registry=r
        )
        self.commit_seconds = Histogram("heliograph_commit_seconds", "Time of a commit.", buckets=_FAST, registry=r)
        callbacks = Counter("heliograph_callbacks_total", "Attempts at callbacks by outcome.", ["outcome"], registry=r)
        self.callbacks = {outcome: callbacks.labels(outcome) for outcome in ("delivered", "retried", "dead")}
        self.callback_seconds = Histogram(
            "heliograph_callback_seconds", "Time of a callback's request.", buckets=_FAST, registry=r
        )
        receipts = Counter("heliograph_receipts_total", "Receipts by what they matched.", ["outcome"], registry=r)
        self.receipts = {
            outcome: receipts.labels(outcome) for outcome in ("matched", "repeated", "intermediate", "unmatched")
        }
        self.accept_seconds = Histogram(
            "heliograph_accept_seconds", "From an accepted request to its commit.", buckets=_FAST, registry=r
        )
        self.delivery_seconds = Histogram(
            "heliograph_delivery_seconds", "From accept to the final state.", buckets=_SLOW, registry=r
        )
        self.http_seconds = Histogram(
            "heliograph_http_seconds", "Time of an answered request.", buckets=_FAST, registry=r
        )
        self.smpp_submits = Counter(
            "heliograph_smpp_submits_total", "Submits of SMPP customers.", ["system_id", "outcome"], registry=r
        )
        refused = Counter("heliograph_smpp_binds_refused_total", "Binds refused.", ["status"], registry=r)
        self.smpp_binds_refused = {name: refused.labels(name) for name in ("RBINDFAIL", "RALYBND", "RTHROTTLED")}
        self.uncertain = Counter("heliograph_uncertain_total", "Submits whose answer was lost.", registry=r)

    def gauge(self, name: str, about: str, read: Callable[[], float]) -> None:
        """A gauge that asks when it is scraped."""
        Gauge(name, about, registry=self.registry).set_function(read)

    def committed(self, writes: int, seconds: float) -> None:
        self.commit_size.observe(writes)
        self.commit_seconds.observe(seconds)

    def render(self) -> bytes:
        return generate_latest(self.registry)
