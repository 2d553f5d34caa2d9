"""Durable creates a second, beside a POST that keeps nothing, from the same server in the same run."""

from collections.abc import Iterator
from typing import Any

from bench.processes import Bench, Server, run, serving
from bench.report import Figure, at_least

GROUP = "accept"
CONNECTIONS = 64
WARM_UP_SECONDS = 2.0

HELD_BACK: dict[str, Any] = {"simulator_rate": 1, "simulator_window": 1}
"""A carrier that takes one message a second: what is measured is accepting alone."""

RATIO = 0.5
FAST_NOTHING = 15_000
FAST_CREATES = 6_000
"""Where the no-op does so many a second, creates must do so many. Kannel's `sendsms`, in C and without a sync,
did 5,800 on such a machine."""


def measure(bench: Bench) -> Iterator[Figure]:
    held = [_held_back(bench) for _ in range(bench.repeats)]
    free = [_while_sending(bench) for _ in range(bench.repeats)]
    nothing = tuple(nothing["per_second"] for nothing, _ in held)
    creates = tuple(create["per_second"] for _, create in held)
    ratios = tuple(create / nothing for create, nothing in zip(creates, nothing, strict=True))
    yield Figure(group=GROUP, name="no-op POST of the same form", unit="/s", values=nothing)
    yield _creates(creates, nothing)
    yield Figure(group=GROUP, name="ratio of creates to no-op", unit="", values=ratios, bar=at_least(RATIO))
    for name in ("answer_p50_ms", "answer_p99_ms"):
        values = tuple(create[name] for _, create in held)
        yield Figure(group=GROUP, name=f"create, {_readable(name)}", unit="ms", values=values)
    waited = tuple(create["waited_share"] * 100 for _, create in held)
    yield Figure(group=GROUP, name="create, server ready but without a core", unit="%", values=waited)
    shares = tuple(create["writes_per_commit"] for _, create in held)
    yield Figure(group=GROUP, name="creates sharing a commit, mean", unit="", values=shares)
    yield Figure(
        group=GROUP,
        name="creates while messages are sent",
        unit="/s",
        values=tuple(create["per_second"] for create in free),
        note="creates while messages are sent: the simulated carrier without a limit takes its share of the machine.",
    )


def _creates(values: tuple[float, ...], nothing: tuple[float, ...]) -> Figure:
    fast = min(nothing) >= FAST_NOTHING
    return Figure(
        group=GROUP,
        name=f"durable creates, {CONNECTIONS} connections",
        unit="/s",
        values=values,
        bar=at_least(FAST_CREATES) if fast else None,
        note=f"durable creates: sending is held back as by a carrier that takes {HELD_BACK['simulator_rate']} a second."
        + ("" if fast else f" The bar of {FAST_CREATES:,}/s is for a machine whose no-op does {FAST_NOTHING:,}/s."),
    )


def _readable(name: str) -> str:
    return {"answer_p50_ms": "half answered within", "answer_p99_ms": "99 % answered within"}[name]


def _held_back(bench: Bench) -> tuple[dict[str, Any], dict[str, Any]]:
    """(no-op, create) from one server over a new store."""
    with serving(bench, with_nothing=True, **HELD_BACK) as server:
        nothing = load(bench, server, "Nothing")
        before, waited = server.metrics(), server.waited_seconds()
        create = load(bench, server, "Messages")
        after, waited = server.metrics(), server.waited_seconds() - waited
    commits = after["heliograph_commit_writes_count"] - before["heliograph_commit_writes_count"]
    writes = after["heliograph_commit_writes_sum"] - before["heliograph_commit_writes_sum"]
    bench.say(f"accept: no-op {nothing['per_second']:,.0f}/s, creates {create['per_second']:,.0f}/s")
    seconds = bench.accept_seconds + WARM_UP_SECONDS
    return nothing, {**create, "writes_per_commit": writes / max(1, commits), "waited_share": waited / seconds}


def _while_sending(bench: Bench) -> dict[str, Any]:
    with serving(bench, with_nothing=True) as server:
        create = load(bench, server, "Messages")
    bench.say(f"accept: creates {create['per_second']:,.0f}/s while messages are sent")
    return create


def load(bench: Bench, server: Server, path: str) -> dict[str, Any]:
    result = run(
        kind="creates",
        target=server.target,
        path=server.path(path),
        form=server.form(),
        connections=CONNECTIONS,
        seconds=bench.accept_seconds,
        warm_up_seconds=WARM_UP_SECONDS,
    )
    if result["other_answers"]:
        raise RuntimeError(f"POST {path} was answered {result['other_answers']}")
    return result
