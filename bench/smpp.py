"""The SMPP engine alone: no store, no HTTP. Submits through one carrier object, against a carrier in another process.

Round trips a second with nothing to wait for; the share of window ÷ round trip where the carrier's delay is the limit,
by the round trips of the same run; and what a rate limit lets through in its busiest second.
"""

import asyncio
import json
import multiprocessing
import statistics
import time
from collections.abc import Iterator
from multiprocessing.connection import Connection
from typing import Any

import structlog
import uvloop

from bench.carrier import carrier
from bench.processes import Bench
from bench.report import Figure, at_least, at_most
from heliograph.carrier_config import CarrierConfig, Host
from heliograph.carriers.smpp.carrier import SmppCarrier
from heliograph.config_tables import Secret
from heliograph.net.clock import SystemClock
from heliograph.net.resolver import Resolver, ResolverSettings
from heliograph.ports import InboundPart, Receipt, Submission, Submitted

GROUP = "SMPP engine"
WINDOW = 100
BAR_RATE = 20_000.0
BAR_SHARE = 0.95
DELAYS_MS = (10.0, 50.0, 100.0)
RATES = (100, 1_000, 5_000)
SECONDS = 5.0
BODY = "Your code is 493817. It is valid for 10 minutes."


def measure(bench: Bench) -> Iterator[Figure]:
    seconds = min(SECONDS, bench.seconds)
    runs = [_run(seconds=seconds) for _ in range(bench.repeats)]
    yield Figure(
        group=GROUP,
        name=f"submit round trips a second, window {WINDOW}, one core",
        unit="/s",
        values=tuple(run["rate"] for run in runs),
        bar=at_least(BAR_RATE),
    )
    yield Figure(
        group=GROUP,
        name="  processor time for 1,000",
        unit="s",
        values=tuple(run["cpu_per_thousand"] for run in runs),
    )
    for delay in DELAYS_MS:
        runs = [_run(seconds=seconds, delay_ms=delay) for _ in range(bench.repeats)]
        yield Figure(
            group=GROUP,
            name=f"share of window ÷ round trip, carrier's delay {delay:g} ms",
            unit="",
            values=tuple(run["rate"] / (WINDOW / run["round_trip"]) for run in runs),
            bar=at_least(BAR_SHARE),
            note=f"{statistics.median(run['rate'] for run in runs):,.0f}/s; round trips were "
            f"{statistics.median(run['round_trip'] for run in runs) * 1e3:.2f} ms.",
        )
    for rate in RATES:
        runs = [_run(seconds=seconds, rate=rate) for _ in range(bench.repeats)]
        yield Figure(
            group=GROUP,
            name=f"busiest second at a limit of {rate:,}/s",
            unit="submits",
            values=tuple(float(run["busiest"]) for run in runs),
            bar=at_most(rate),
            note=f"{statistics.median(run['rate'] for run in runs):,.0f}/s on average.",
        )


def _run(*, seconds: float, delay_ms: float = 0.0, rate: float = 0.0) -> dict[str, Any]:
    """In a process of its own, so that nothing of this one counts."""
    with carrier(answer_ms=delay_ms) as port:
        ours, theirs = multiprocessing.get_context("spawn").Pipe()
        job = {"port": port, "seconds": seconds, "rate": rate}
        process = multiprocessing.get_context("spawn").Process(target=_esme, args=(theirs, json.dumps(job)))
        process.start()
        theirs.close()
        try:
            return dict(ours.recv())
        finally:
            process.join()


def _esme(out: Connection, job: str) -> None:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
    wanted = json.loads(job)
    out.send(uvloop.run(_Esme(**wanted).run()))


class _Esme:
    """Keeps the window full for some seconds."""

    def __init__(self, port: int, seconds: float, rate: float) -> None:
        config = CarrierConfig(
            name="bench",
            hosts=(Host("127.0.0.1", port),),
            system_id="bench",
            password=Secret("bench"),
            window=WINDOW,
            rate=rate,
            registered_delivery=0,  # submits alone: a receipt would be a second round trip
        )
        self._carrier = SmppCarrier(config, SystemClock(), resolver=Resolver(ResolverSettings()), chance=lambda: 0.5)
        self._seconds = seconds
        self._room = asyncio.Event()
        self._idle = asyncio.Event()
        self._end = 0.0
        self._made = self._answered = self._flying = 0
        self._moments: list[float] = []
        self._trips: list[float] = []

    async def receipt(self, carrier: str, receipt: Receipt) -> str | None:
        return receipt.carrier_ref

    async def inbound(self, part: InboundPart) -> None:
        raise AssertionError("nobody sends")

    def changed(self, carrier: str) -> None:
        self._room.set()

    async def run(self) -> dict[str, Any]:
        await self._carrier.start(self)
        while not self._carrier.available:
            self._room.clear()
            await self._room.wait()
        self._watch_binds()
        started, used = time.monotonic(), time.process_time()
        self._end = started + self._seconds
        self._fill()
        while self._flying or time.monotonic() < self._end:
            self._idle.clear()
            await self._idle.wait()
        took, cpu = time.monotonic() - started, time.process_time() - used
        await self._carrier.stop()
        return {
            "rate": self._answered / took,
            "cpu_per_thousand": cpu / self._answered * 1000,
            "round_trip": statistics.fmean(self._trips),
            "busiest": busiest_second(self._moments),
        }

    def _watch_binds(self) -> None:
        """Each answer's round trip and the moment of its submit, as the bind measures them."""
        for bind in self._carrier._binds:
            accepted = bind.accepted

            def watched(now: float, sent_at: float, accepted: Any = accepted) -> None:
                self._trips.append(now - sent_at)
                self._moments.append(sent_at)
                accepted(now, sent_at)

            bind.accepted = watched  # type: ignore[method-assign]

    def _fill(self) -> None:
        while self._flying < self._carrier.window:
            self._flying += 1
            self._made += 1
            submission = Submission(
                message_id=f"0190b6a2-7e1c-7d3a-9f00-{self._made:012d}",
                from_number="+12025550100",
                to_number=f"+4477009{self._made % 100_000:05d}",
                body=BODY,
                segments=1,
                mms=False,
                expires_at=int(time.time() + 3600) * 1_000_000,
            )
            self._carrier.submit(submission).add_done_callback(self._done)

    def _done(self, answer: "asyncio.Future[Submitted]") -> None:
        answer.result()
        self._answered += 1
        self._flying -= 1
        if time.monotonic() < self._end:
            self._fill()
        elif not self._flying:
            self._idle.set()


def busiest_second(moments: list[float]) -> int:
    """The most in any half-open second."""
    moments = sorted(moments)
    most = first = 0
    for last, moment in enumerate(moments):
        while moments[first] <= moment - 1.0:
            first += 1
        most = max(most, last - first + 1)
    return most
