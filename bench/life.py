"""The whole life: accepted, sent over SMPP to a carrier in another process, delivered by its receipt, and a callback
for each of sending, sent and delivered; and one without callbacks."""

import time
from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Any

from bench.carrier import carrier, config_file
from bench.client import STATES
from bench.processes import Bench, Client, Server, serving
from bench.report import Figure, at_least, at_most

GROUP = "life"
UNTOLD_GROUP = "life without callbacks"
CONNECTIONS = 64
SAMPLE_SECONDS = 5.0
SAMPLES = 8
"""A short run is looked at more often, so that both its halves have some samples."""
BAR_RATE = 1500.0
BAR_RATE_UNTOLD = 2500.0
SUSTAINED = 0.99
"""What must be delivered of what is to be, counted once the first messages are through: some come in bunches."""

GROWTH = 0.5
"""A backlog is flat when its second half is, on average, at most so many seconds of messages above its first."""

UNFINISHED = 1500
WINDOW = 100
ANSWER_MS = 10.0
RECEIPT_MS = 50.0
"""The carrier: as quick as a good one nearby."""

SETTLE_SECONDS = 5.0
DELIVERY_SECONDS = 60.0
POLL_SECONDS = 0.2
DELIVERED = 'heliograph_state_changes_total{state="delivered"}'
GAUGES = (
    "heliograph_queued",
    "heliograph_dispatch_depth",
    "heliograph_in_flight",
    "heliograph_callback_chains",
)


def measure(bench: Bench) -> Iterator[Figure]:
    paced = [_paced(bench, bench.rate) for _ in range(bench.repeats)]
    closed = [_closed(bench) for _ in range(bench.repeats)]
    untold = [_paced(bench, bench.rate_untold, told=False) for _ in range(bench.repeats)]
    yield from _figures(GROUP, f"delivered with 3 callbacks, {bench.rate:,.0f}/s", bench.rate, bench.seconds, paced)
    yield Figure(
        group=GROUP,
        name=f"highest rate ({UNFINISHED:,} messages unfinished at any time)",
        unit="/s",
        values=tuple(each["delivered_per_second"] for each in closed),
        note=_lost(paced + closed),
    )
    yield Figure(
        group=GROUP,
        name="  processor time for 1,000 messages then",
        unit="s",
        values=tuple(each["cpu_per_thousand"] for each in closed),
    )
    title = f"delivered, {bench.rate_untold:,.0f}/s"
    yield from _figures(UNTOLD_GROUP, title, bench.rate_untold, bench.seconds, untold)


def _figures(group: str, title: str, rate: float, seconds: float, paced: list[dict[str, Any]]) -> Iterator[Figure]:
    """Of runs at a fixed rate."""
    yield Figure(
        group=group,
        name=f"{title} for {seconds:g} s",
        unit="/s",
        values=tuple(each["delivered_per_second"] for each in paced),
        bar=at_least(rate * SUSTAINED),
    )
    yield Figure(
        group=group,
        name="growth of the backlog, second half over first",
        unit="messages",
        values=tuple(each["growth"] for each in paced),
        bar=at_most(rate * GROWTH),
    )
    for name, (shown, unit) in _SHOWN.items():
        if name in paced[0]:
            yield Figure(group=group, name=shown, unit=unit, values=tuple(each[name] for each in paced))


_SHOWN = {
    "backlog_end": ("  unfinished messages on the server at the end", "messages"),
    "answer_p50_ms": ("  half answered within", "ms"),
    "answer_p99_ms": ("  99 % answered within", "ms"),
    "delivered_p50_ms": ("  half told of delivery within", "ms"),
    "delivered_p99_ms": ("  99 % told of delivery within", "ms"),
    "cpu_per_thousand": ("  processor time for 1,000 messages", "s"),
    "waited_percent": ("  server ready but without a core", "%"),
    "peak_mb": ("  peak resident memory", "MB"),
}


def _paced(bench: Bench, rate: float, *, told: bool = True) -> dict[str, Any]:
    return _run(bench, {"rate": rate, "seconds": bench.seconds, "settle_seconds": _settle(bench), "told": told})


def _closed(bench: Bench) -> dict[str, Any]:
    settle = _settle(bench)
    job = {"rate": None, "unfinished": UNFINISHED, "settle_seconds": settle}
    return _run(bench, {**job, "seconds": bench.seconds / 2 + settle})


def _settle(bench: Bench) -> float:
    return min(SETTLE_SECONDS, bench.seconds / 4)


def _run(bench: Bench, job: dict[str, Any]) -> dict[str, Any]:
    told = job.get("told", True)
    with carrier(answer_ms=ANSWER_MS, receipt_ms=RECEIPT_MS) as port, _serving(bench, port) as server:
        target = {"target": server.target, "path": server.path("Messages"), "form": server.form()}
        cpu_before, waited_before = server.cpu_seconds(), server.waited_seconds()
        client = Client({"kind": "life", "connections": CONNECTIONS, **target, **job})
        samples = _watch(client, server, min(SAMPLE_SECONDS, job["seconds"] / SAMPLES))
        result = client.result()
        if not told:
            _await_delivery(server, result["created"])
        used, waited = server.cpu_seconds() - cpu_before, server.waited_seconds() - waited_before
        result["peak_mb"] = server.memory_mb("VmHWM")
    result["cpu_per_thousand"] = used / max(1, result["created"]) * 1000
    result["waited_percent"] = waited / (result["seconds"] + result["drain_seconds"]) * 100
    samples = [sample for sample in samples if sample["at"] <= result["seconds"]]
    if not told:
        _drop_untold(result, samples, job["settle_seconds"])
    result |= _backlog([sample["untold" if told else "open"] for sample in samples])
    bench.say(_told(job, result, samples))
    return result


def _serving(bench: Bench, port: int) -> AbstractContextManager[Server]:
    return serving(bench, config=config_file(bench.folder, port, WINDOW))


def _await_delivery(server: Server, created: int) -> None:
    """Until what was accepted is delivered."""
    give_up = time.perf_counter() + DELIVERY_SECONDS
    while server.metrics()[DELIVERED] < created:
        if time.perf_counter() > give_up:
            raise RuntimeError(f"after {DELIVERY_SECONDS:g} s not all of {created} messages were delivered")
        time.sleep(POLL_SECONDS)


def _drop_untold(result: dict[str, Any], samples: list[dict[str, float]], settle_seconds: float) -> None:
    """Nobody was told: the rate is what the server's counter of deliveries says from when it had settled."""
    counted = [sample for sample in samples if sample["at"] >= settle_seconds]
    first, last = counted[0], counted[-1]
    result["delivered_per_second"] = (last["delivered"] - first["delivered"]) / (last["at"] - first["at"])
    del result["delivered_p50_ms"], result["delivered_p99_ms"]


def _watch(client: Client, server: Server, every_seconds: float) -> list[dict[str, float]]:
    """What the server says of its queues, now and then while the client works."""
    started = time.perf_counter()
    samples: list[dict[str, float]] = []
    while not client.wait(max(0.0, every_seconds * (len(samples) + 1) - (time.perf_counter() - started))):
        metrics = server.metrics()
        found = {name.removeprefix("heliograph_"): metrics[name] for name in GAUGES}
        accepted = sum(value for name, value in metrics.items() if name.startswith("heliograph_accepted_total{"))
        ended = metrics[DELIVERED]
        told = metrics['heliograph_callbacks_total{outcome="delivered"}']
        untold = accepted - told / len(STATES)
        at = time.perf_counter() - started
        counts = {"delivered": ended, "open": accepted - ended, "untold": untold}
        samples.append({"at": at, "rss_mb": server.memory_mb(), **found, **counts})
    return samples


def _backlog(untold: list[float]) -> dict[str, float]:
    """`backlog_end`: messages accepted and not told of (not delivered) at the end; `growth`: between the halves."""
    if len(untold) < 2:
        raise RuntimeError("the run was too short to watch its backlog")
    half = len(untold) // 2
    first, second = untold[:half], untold[half:]
    return {"backlog_end": untold[-1], "growth": sum(second) / len(second) - sum(first) / len(first)}


def _lost(results: list[dict[str, Any]]) -> str:
    """What went wrong, if anything, over all runs."""
    wrong: dict[str, int] = {}
    for result in results:
        others = {f"answers {status}": count for status, count in result["other_answers"].items()}
        odd = {name: count for name, count in result["callbacks"].items() if name not in STATES}
        for name, count in (others | odd).items():
            wrong[name] = wrong.get(name, 0) + count
    created = sum(result["created"] for result in results)
    told = {state: sum(result["callbacks"].get(state, 0) for result in results) for state in STATES}
    counts = ", ".join(f"{count:,} {state}" for state, count in told.items())
    faults = ", ".join(f"{count:,} {name}" for name, count in wrong.items())
    return f"in all runs {created:,} created; callbacks: {counts}; {faults or 'none lost, repeated or out of order'}."


def _times(result: dict[str, Any]) -> str:
    if "delivered_p50_ms" not in result:
        return ""
    return f" half told within {result['delivered_p50_ms']:.0f} ms, 99 % within {result['delivered_p99_ms']:.0f} ms;"


def _told(job: dict[str, Any], result: dict[str, Any], samples: list[dict[str, float]]) -> str:
    pace = "as fast as it goes" if job["rate"] is None else f"at {job['rate']:,.0f}/s"
    lines = [
        f"life {pace}: {result['delivered_per_second']:,.0f}/s delivered;{_times(result)}"
        f" callbacks {result['callbacks']}; server {result['cpu_per_thousand']:.2f} s of processor for 1,000,"
        f" client {result['client_cpu_seconds'] / result['seconds']:.0%} of a core"
    ]
    for sample in samples:
        values = " ".join(f"{name} {value:,.0f}" for name, value in sample.items() if name != "at")
        lines.append(f"  after {sample['at']:3.0f} s: {values}")
    return "\n".join(lines)
