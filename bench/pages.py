"""Whether lists and single messages cost more when there are many: the same requests at two sizes, in turns.

Each request of a case asks at another place (number, day, state, depth), so that no answer is one that the store
has just given; both servers are asked for as many, one after the other.
"""

import random
import statistics
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import quote

from bench import bulk
from bench.processes import Bench, Server, run
from bench.report import Figure, at_most

GROUP = "pages"
REQUESTS = 200
RATIO = 1.3
PAGE = 50

DEEP_FROM, DEEP_TO = 0.25, 0.45
"""Where in its list a deep page starts, as shares of the list from its oldest end: far in, with a full page left."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Store:
    """A server and how many messages lie in its store."""

    server: Server
    size: int

    def list_path(self, query: str) -> str:
        return f"{self.server.path('Messages')}?PageSize={PAGE}{query}"


Path = Callable[[Store, random.Random], str]


def measure(bench: Bench) -> Iterator[Figure]:
    with bulk.filled(bench, bench.sizes[0]) as small, bulk.filled(bench, bench.sizes[1]) as large:
        stores = {"small": Store(server=small, size=bench.sizes[0]), "large": Store(server=large, size=bench.sizes[1])}
        results = [_round(bench, stores) for _ in range(bench.repeats)]
    for case in CASES:
        yield _ratio(case, [result[case] for result in results])


def _ratio(case: str, times: list[dict[str, float]]) -> Figure:
    medians = [statistics.median(each[name] for each in times) for name in ("small", "large")]
    return Figure(
        group=GROUP,
        name=f"{case}: {medians[0]:.2f} -> {medians[1]:.2f} ms",
        unit="ratio",
        values=tuple(each["large"] / each["small"] for each in times),
        bar=None if case in INFORMING else at_most(RATIO),
        note=f"medians of {REQUESTS} requests for {PAGE} messages or for one, each at another place, the servers of the"
        " smaller and of the larger store asked in turns; messages were put into the stores by SQL, of one project,"
        " over 30 days. Both times are of a client on the same machine.",
    )


def _round(bench: Bench, stores: dict[str, Store]) -> dict[str, dict[str, float]]:
    cases = {case: _paths(case, path, stores) for case, path in CASES.items()}
    targets = {name: store.server.target for name, store in stores.items()}
    result: dict[str, Any] = run(kind="reads", targets=targets, cases=cases)
    told = [f"{case} {result[case]['large'] / result[case]['small']:.2f}" for case in CASES]
    bench.say(f"pages: ratios {', '.join(told)}")
    return result


def _paths(case: str, path: Path, stores: dict[str, Store]) -> dict[str, list[str]]:
    """As many for each store as there are requests, with those for warming up at the end."""
    return {
        name: [path(store, random.Random(f"{case} {place}")) for place in range(REQUESTS)]
        for name, store in stores.items()
    }


# -- cases


def _single(store: Store, chance: random.Random) -> str:
    return store.server.path(f"Messages/{bulk.message_id(chance.randrange(store.size), store.size)}")


def _first(query: Callable[[random.Random], str], store: Store, chance: random.Random) -> str:
    return store.list_path(query(chance))


def _deep(query: Callable[[random.Random], str], store: Store, chance: random.Random) -> str:
    """A page far into the whole list."""
    wanted = query(chance)
    return store.list_path(wanted + _token(store, 0.0, 1.0, chance))


def _deep_in_day(query: Callable[[int], str], store: Store, chance: random.Random) -> str:
    """A page far into one day's messages."""
    day = chance.randrange(1, bulk.DAYS - 1)
    return store.list_path(query(day) + _token(store, day / bulk.DAYS, (day + 1) / bulk.DAYS, chance))


def _token(store: Store, start: float, end: float, chance: random.Random) -> str:
    """A place within the messages between two shares of the store."""
    share = chance.uniform(DEEP_FROM, DEEP_TO)
    number = int(store.size * (start + (end - start) * share))
    return f"&Page=7&PageToken=PA{bulk.message_id(number, store.size)}"


def _any(chance: random.Random) -> str:
    return ""


def _to(chance: random.Random) -> str:
    return f"&To={quote(bulk.recipient(chance.randrange(bulk.RECIPIENTS)))}"


def _from(chance: random.Random) -> str:
    return f"&From={quote(bulk.sender(chance.randrange(bulk.SENDERS)))}"


def _status(chance: random.Random) -> str:
    return f"&Status={chance.choice(bulk.STATES)}"


def _day(chance: random.Random) -> str:
    return _on(chance.randrange(1, bulk.DAYS - 1))


def _on(day: int, comparison: str = "") -> str:
    return f"&DateSent{quote(comparison)}={bulk.date(day)}"


def _before(chance: random.Random) -> str:
    return _on(chance.randrange(bulk.DAYS // 2, bulk.DAYS), "<")


def _since(chance: random.Random) -> str:
    return _on(chance.randrange(1, bulk.DAYS // 4), ">")


def _to_and_status(chance: random.Random) -> str:
    return _to(chance) + _status(chance)


CASES: dict[str, Path] = {
    "one message": _single,
    "first page": partial(_first, _any),
    "deep page": partial(_deep, _any),
    "To, first page": partial(_first, _to),
    "To, deep page": partial(_deep, _to),
    "From, first page": partial(_first, _from),
    "From, deep page": partial(_deep, _from),
    "Status, first page": partial(_first, _status),
    "Status, deep page": partial(_deep, _status),
    "DateSent, first page": partial(_first, _day),
    "DateSent, deep page": partial(_deep_in_day, _on),
    "DateSent<, first page": partial(_first, _before),
    "DateSent<, deep page": partial(_deep, _before),
    "DateSent>, first page": partial(_first, _since),
    "DateSent>, deep page": partial(_deep, _since),
    "To and Status, first page": partial(_first, _to_and_status),
}

INFORMING = ("To and Status, first page",)
"""Two filters at once have no index of their own."""
