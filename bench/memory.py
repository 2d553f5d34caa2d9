"""Resident memory: idle, and with messages queued."""

from collections.abc import Iterator

from bench.accept import HELD_BACK
from bench.processes import Bench, run, serving
from bench.report import Figure, at_most

GROUP = "memory"
CONNECTIONS = 64
IDLE_MB = 90
QUEUED_MB = 300


def measure(bench: Bench) -> Iterator[Figure]:
    idle = tuple(_idle(bench) for _ in range(bench.repeats))
    queued = [_queued(bench) for _ in range(bench.repeats)]
    yield Figure(group=GROUP, name="idle, after the first answer", unit="MB", values=idle, bar=at_most(IDLE_MB))
    yield Figure(
        group=GROUP,
        name=f"with {bench.queued:,} queued",
        unit="MB",
        values=tuple(resident for resident, _ in queued),
        bar=at_most(QUEUED_MB),
        note="queued: made over the API as fast as the server takes them; the carrier takes one a second.",
    )
    yield Figure(group=GROUP, name="  peak on the way there", unit="MB", values=tuple(peak for _, peak in queued))


def _idle(bench: Bench) -> float:
    with serving(bench) as server:
        resident = server.memory_mb()
    bench.say(f"memory: idle {resident:.1f} MB")
    return resident


def _queued(bench: Bench) -> tuple[float, float]:
    """(resident, its peak) in MB."""
    with serving(bench, **HELD_BACK) as server:
        job = {"target": server.target, "path": server.path("Messages"), "form": server.form()}
        made = run(kind="creates", connections=CONNECTIONS, count=bench.queued, **job)
        if made["created"] != bench.queued:
            raise RuntimeError(f"of {bench.queued} messages {made['created']} were created: {made['other_answers']}")
        resident, peak = server.memory_mb(), server.memory_mb("VmHWM")
        queued = server.metrics()["heliograph_queued"]
    bench.say(f"memory: {resident:.1f} MB (peak {peak:.1f}) with {queued:,.0f} queued")
    return resident, peak
