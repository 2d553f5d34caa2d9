"""``python -m bench [accept] [smpp] [life] [relay] [pages] [memory] [startup]``: measure, print, say if the bars hold.

Ends with 0 when every bar that was measured holds, else with 1.
"""

import argparse
import contextlib
import importlib
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

from bench import accept, life, machine, memory, pages, relay, report, smpp, startup
from bench.processes import SETTINGS, Bench
from bench.report import Figure

MEASURES: dict[str, ModuleType] = {
    "accept": accept,
    "smpp": smpp,
    "life": life,
    "relay": relay,
    "pages": pages,
    "memory": memory,
    "startup": startup,
}
STORES = ("sqlite", "postgresql")


def main() -> int:
    asked = _arguments()
    wanted = asked.names or list(MEASURES)
    cores = machine.keep_to_cores()
    with tempfile.TemporaryDirectory(prefix="heliograph-bench-", dir=asked.folder) as folder, _database(asked) as new:
        bench = _bench(asked, Path(folder), new)
        facts = machine.description(Path(folder), cores)
        print(report.described(facts | _conditions(bench)), flush=True)
        started = time.perf_counter()
        figures = [figure for name in wanted for figure in MEASURES[name].measure(bench)]
    print(f"\n{report.table(figures)}\n\ntook {time.perf_counter() - started:.0f} s")
    if asked.json:
        shown = {"machine": facts, "conditions": _conditions(bench), "figures": [each.as_json() for each in figures]}
        asked.json.write_text(json.dumps(shown, indent=2, default=str) + "\n")
    return _verdict(figures)


def _verdict(figures: list[Figure]) -> int:
    missed = [f"{figure.group}: {figure.name.strip()}" for figure in figures if figure.passes is False]
    print(f"{len(missed)} bars missed: {'; '.join(missed)}" if missed else "every bar holds")
    return 1 if missed else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measure speed and memory.")
    parser.add_argument("names", nargs="*", help=f"what to measure: {', '.join(MEASURES)}; all of them unless told")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    parser.add_argument("--repeats", type=int, default=3, help="measure everything so often; medians count (3)")
    seconds = float(os.environ.get("BENCH_SECONDS", "60"))
    parser.add_argument("--seconds", type=float, default=seconds, help="length of a life run (60) [BENCH_SECONDS]")
    parser.add_argument("--accept-seconds", type=float, default=10.0, help="length of an accept run (10)")
    parser.add_argument("--rate", type=float, default=life.BAR_RATE, help="messages a second in a life run (1500)")
    parser.add_argument("--rate-untold", type=float, default=life.BAR_RATE_UNTOLD, help="without callbacks (2500)")
    parser.add_argument("--large", type=int, default=2_000_000, help="messages of the larger list (2000000)")
    parser.add_argument("--queued", type=int, default=200_000, help="messages queued for the memory figure (200000)")
    store = os.environ.get("BENCH_STORE", "sqlite")
    parser.add_argument("--store", choices=STORES, default=store, help="which store (sqlite) [BENCH_STORE]")
    parser.add_argument("--folder", type=Path, help="where stores are made: a real disk (the system's folder for this)")
    asked = parser.parse_args()
    for name in asked.names:
        if name not in MEASURES:
            parser.error(f"nothing is called {name}; there are {', '.join(MEASURES)}")
    if asked.store not in STORES:
        parser.error(f"BENCH_STORE is {asked.store}; there are {', '.join(STORES)}")
    return asked


def _bench(asked: argparse.Namespace, folder: Path, new_database: Callable[[], str] | None) -> Bench:
    return Bench(
        folder=folder,
        store=asked.store,
        repeats=asked.repeats,
        seconds=asked.seconds,
        accept_seconds=asked.accept_seconds,
        rate=asked.rate,
        rate_untold=asked.rate_untold,
        sizes=(10_000, asked.large),
        queued=asked.queued,
        new_database=new_database,
        say=lambda text: print(text, file=sys.stderr, flush=True),
    )


def _conditions(bench: Bench) -> dict[str, object]:
    lifted = ", ".join(f"{name}={str(value).lower()}" for name, value in SETTINGS.items())
    return {
        "store": bench.store,
        "server": f"one process, default settings but {lifted}",
        "lists": f"of {bench.sizes[0]:,} and of {bench.sizes[1]:,} messages",
        "figures": f"medians of {bench.repeats}",
    }


@contextlib.contextmanager
def _database(asked: argparse.Namespace) -> Iterator[Callable[[], str] | None]:
    """What makes a new database in a PostgreSQL of the bench's own; None for SQLite."""
    if asked.store == "sqlite":
        yield None
        return
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))
    servers = importlib.import_module("servers")  # the tests' servers: not installed, so found by its folder
    with contextlib.closing(servers.Postgres(settings={"shared_buffers": "128MB", "max_wal_size": "4GB"})) as server:
        yield server.start().create_database


if __name__ == "__main__":
    sys.exit(main())
