"""From starting the process to its first 200 of /health."""

from collections.abc import Iterator

from bench.processes import Bench, Server
from bench.report import Figure, at_most

GROUP = "startup"
BAR_SECONDS = 1.0


def measure(bench: Bench) -> Iterator[Figure]:
    again, fresh = zip(*(_both(bench) for _ in range(bench.repeats)), strict=True)
    yield Figure(
        group=GROUP, name="to the first answer, initialised store", unit="s", values=again, bar=at_most(BAR_SECONDS)
    )
    yield Figure(group=GROUP, name="to the first answer, empty store", unit="s", values=fresh, bar=at_most(BAR_SECONDS))


def _both(bench: Bench) -> tuple[float, float]:
    """(initialised, empty): seconds; the empty store comes first and is initialised by that start."""
    server = Server(bench)
    try:
        fresh = server.start()
        server.stop()
        again = server.start()
    finally:
        server.remove()
    bench.say(f"startup: {again:.2f} s, on an empty store {fresh:.2f} s")
    return again, fresh
