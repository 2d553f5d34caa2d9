"""Relay: sends a second, beside creates over HTTP; inbound messages a second to one client and to a hundred, beside
the same messages without a handler; memory with thousands of clients that do nothing. Ratios are of the same run."""

from collections.abc import Iterator, Mapping
from typing import Any

from bench.accept import HELD_BACK, WARM_UP_SECONDS, load
from bench.processes import Bench, Client, Server, run, serving
from bench.relay_client import CONTEXT
from bench.report import Figure, at_least, at_most

GROUP = "relay"
SENDERS, WINDOW = 16, 4
"""As many sends under way as `accept` has connections."""

CONNECTIONS = 64
UNFINISHED = 500
CLIENTS = (1, 100)
SETTLE_SECONDS = 2.0
SENDS_RATIO = 1.0
INBOUND_RATIO = 0.3
"""An event costs a second transaction, which keeps that it was acknowledged, and two frames."""

IDLE_CLIENTS = 2_000
IDLE_MB = 500
IDLE_SECONDS = 30.0
SAMPLE_SECONDS = 0.5
"""Longer than the pause between two pings."""


def measure(bench: Bench) -> Iterator[Figure]:
    yield from _sends([_sending(bench) for _ in range(bench.repeats)])
    yield from _inbound([_receiving(bench) for _ in range(bench.repeats)])
    yield from _idle([_holding(bench) for _ in range(bench.repeats)])


def _sends(runs: list[dict[str, Any]]) -> Iterator[Figure]:
    yield Figure(
        group=GROUP,
        name=f"sends, {SENDERS} clients with {WINDOW} under way each",
        unit="/s",
        values=_values(runs, "per_second"),
        note=f"sends: sending is held back as by a carrier that takes {HELD_BACK['simulator_rate']} a second.",
    )
    ratios = tuple(each["per_second"] / each["creates"] for each in runs)
    yield Figure(
        group=GROUP, name="ratio of sends to creates over HTTP", unit="", values=ratios, bar=at_least(SENDS_RATIO)
    )
    yield Figure(group=GROUP, name="  half answered within", unit="ms", values=_values(runs, "p50_ms"))
    yield Figure(group=GROUP, name="  99 % answered within", unit="ms", values=_values(runs, "p99_ms"))


def _inbound(runs: list[dict[int, dict[str, Any]]]) -> Iterator[Figure]:
    nothing = tuple(each[0]["per_second"] for each in runs)
    yield Figure(group=GROUP, name="inbound messages without a handler", unit="/s", values=nothing)
    for clients in CLIENTS:
        told = [each[clients] for each in runs]
        rates = _values(told, "per_second")
        ratios = tuple(rate / alone for rate, alone in zip(rates, nothing, strict=True))
        title = f"{clients} client{'s' if clients > 1 else ''}"
        yield Figure(group=GROUP, name=f"inbound events to {title}", unit="/s", values=rates, note=_lost(told))
        yield Figure(group=GROUP, name="  ratio to those without", unit="", values=ratios, bar=at_least(INBOUND_RATIO))
        yield Figure(group=GROUP, name="  half there within", unit="ms", values=_values(told, "p50_ms"))
        yield Figure(group=GROUP, name="  99 % there within", unit="ms", values=_values(told, "p99_ms"))
        cpu = _values(told, "cpu_per_thousand")
        yield Figure(group=GROUP, name="  processor time for 1,000 messages", unit="s", values=cpu)


def _idle(runs: list[tuple[float, float]]) -> Iterator[Figure]:
    values = tuple(resident for _, resident in runs)
    name = f"resident memory with {IDLE_CLIENTS:,} idle clients"
    yield Figure(group=GROUP, name=name, unit="MB", values=values, bar=at_most(IDLE_MB))
    each = tuple((resident - before) * 1000 / IDLE_CLIENTS for before, resident in runs)
    yield Figure(group=GROUP, name="  for each client", unit="kB", values=each)


def _values(runs: list[dict[str, Any]], name: str) -> tuple[float, ...]:
    return tuple(each[name] for each in runs)


def _lost(runs: list[dict[str, Any]]) -> str:
    wrong: dict[str, int] = {}
    for each in runs:
        for name, count in each["wrong"].items():
            wrong[name] = wrong.get(name, 0) + count
    faults = ", ".join(f"{count:,} {name}" for name, count in wrong.items())
    return f"inbound events: {faults or 'none lost or repeated'}."


def _sending(bench: Bench) -> dict[str, Any]:
    with serving(bench, **HELD_BACK) as server:
        creates = load(bench, server, "Messages")["per_second"]
        result = run(
            kind="relay_sends",
            target=server.target,
            fields={"from_number": server.credentials["numbers"][0], "body": server.form()["Body"]},
            connections=SENDERS,
            window=WINDOW,
            seconds=bench.accept_seconds,
            warm_up_seconds=WARM_UP_SECONDS,
        )
    if result["other_answers"]:
        raise RuntimeError(f"messaging.send was answered {result['other_answers']}")
    bench.say(f"relay: {result['per_second']:,.0f} sends/s beside {creates:,.0f} creates/s; {_client(bench, result)}")
    return {**result, "creates": creates}


def _receiving(bench: Bench) -> dict[int, dict[str, Any]]:
    """By the number of clients; 0 without a handler."""
    results = {}
    with serving(bench) as server:
        _route_to_relay(server)
        plain, relay = server.credentials["numbers"][1], server.credentials["numbers"][0]
        for clients in (0, *CLIENTS):
            results[clients] = result = _inbound_run(bench, server, clients, relay if clients else plain)
            bench.say(_told(clients, result) + _client(bench, result))
    return results


def _inbound_run(bench: Bench, server: Server, clients: int, to: str) -> dict[str, Any]:
    seconds = bench.accept_seconds + SETTLE_SECONDS
    before = server.cpu_seconds()
    result = run(
        kind="relay_inbound",
        target=server.target,
        to=to,
        clients=clients,
        connections=CONNECTIONS,
        unfinished=UNFINISHED,
        seconds=seconds,
        settle_seconds=SETTLE_SECONDS,
    )
    used = server.cpu_seconds() - before
    if result["lost_clients"]:
        raise RuntimeError(f"the server dropped {result['lost_clients']} clients")
    return {**result, "cpu_per_thousand": used / max(1.0, result["per_second"] * seconds) * 1000}


def _holding(bench: Bench) -> tuple[float, float]:
    """Resident memory in MB, before and with the clients: the most that was seen while all were there."""
    with serving(bench) as server:
        before = server.memory_mb()
        client = Client(
            {"kind": "relay_idle", "target": server.target, "clients": IDLE_CLIENTS, "seconds": IDLE_SECONDS}
        )
        seen = [before]
        while not client.wait(SAMPLE_SECONDS):
            seen.append(server.memory_mb())
        result = client.result()
    if result["clients"] != IDLE_CLIENTS:
        raise RuntimeError(f"of {IDLE_CLIENTS} clients {result['clients']} were there at the end")
    bench.say(f"relay: {max(seen):.1f} MB with {IDLE_CLIENTS:,} clients, {before:.1f} MB before")
    return before, max(seen)


def _route_to_relay(server: Server) -> None:
    """Let the first number's messages go to Relay."""
    number = server.credentials["numbers"][0]
    listed: Mapping[str, Any] = server.ask("GET", "/api/relay/rest/phone_numbers")
    (found,) = [each["id"] for each in listed["data"] if each["number"] == number]
    settings = {"message_handler": "relay_context", "message_relay_context": CONTEXT}
    server.ask("PUT", f"/api/relay/rest/phone_numbers/{found}", settings)


def _told(clients: int, result: dict[str, Any]) -> str:
    return (
        f"relay: {result['per_second']:,.0f} inbound/s with {clients} clients, half in {result['p50_ms']:.0f} ms;"
        f" {result['wrong']}; server {result['cpu_per_thousand']:.2f} s for 1,000; "
    )


def _client(bench: Bench, result: dict[str, Any]) -> str:
    return f"client {result['client_cpu_seconds'] / bench.accept_seconds:.0%} of a core"
