"""The process that loads a server: ``python -m bench.client`` reads one job as JSON, and prints its result as JSON.

- ``creates``: so many connections, each sending its next message when the one before is answered, for a time or up
  to a number of messages.
- ``life``: messages at a fixed rate whatever the answers do, or so many kept unfinished at any time; in both a
  callback for each state comes back to this process, and is counted and checked. ``told`` false: at a fixed rate, and
  without callbacks; what becomes of the messages is the server's to say.
- ``reads``: two servers asked in turns, one request at a time, so that whatever else the machine does hits both alike.
- ``relay_…``: see bench.relay_client.
"""

import asyncio
import json
import statistics
import sys
import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import uvloop

from bench.relay_client import relay_idle, relay_inbound, relay_sends
from bench.wire import NUMBER_DIGITS, NUMBER_PREFIX, CallbackReceiver, Connection, Creates, Target, connect

CREATED = 201
OK = 200
WARM_UP_READS = 10
PACE_SECONDS = 0.002
DRAIN_SECONDS = 60.0
"""How long callbacks of what was sent may still come after the last message."""

STATES = ("sending", "sent", "delivered")
_BITS = {f"MessageStatus={state}".encode(): 1 << place for place, state in enumerate(STATES)}
_ALL = (1 << len(STATES)) - 1
_TO = ("To=" + NUMBER_PREFIX.replace("+", "%2B")).encode()


def percentile(values: Sequence[float], share: float) -> float:
    """The nearest value of a sorted sequence; 0 for none."""
    return values[min(len(values) - 1, int(len(values) * share))] if values else 0.0


def milliseconds(name: str, seconds: list[float]) -> dict[str, float]:
    ordered = sorted(seconds)
    return {f"{name}_p{round(share * 100)}_ms": percentile(ordered, share) * 1000 for share in (0.5, 0.99)}


# -- creates


class CreateLoad:
    """A closed loop: as many requests under way as connections. What is answered while warming up is not counted."""

    def __init__(self, job: dict[str, Any], target: Target) -> None:
        self._requests = Creates(target, job["path"], job["form"])
        self._count: int | None = job.get("count")
        self._issued = 0
        self._under_way = 0
        self._latencies: list[float] = []
        self._answers: Counter[int] = Counter()
        self._stopped = False
        self._done = asyncio.Event()
        self._start_at = 0.0

    async def run(self, connections: list[Connection], seconds: float, warm_up_seconds: float) -> dict[str, Any]:
        loop = asyncio.get_running_loop()
        self._start_at = time.perf_counter() + warm_up_seconds
        for connection in connections:
            self._next(connection)
        if self._count is None:
            loop.call_later(warm_up_seconds + seconds, self._stop)
        await self._done.wait()
        return self._result(seconds)

    def _stop(self) -> None:
        self._stopped = True

    def _next(self, connection: Connection) -> None:
        if self._stopped or self._issued == self._count:
            if not self._under_way:
                self._done.set()
            return
        number, self._issued = self._issued, self._issued + 1
        self._under_way += 1
        connection.send(self._requests(number), partial(self._answered, connection, time.perf_counter()))

    def _answered(self, connection: Connection, sent_at: float, status: int, body: bytes) -> None:
        self._under_way -= 1
        if sent_at >= self._start_at and not self._stopped:
            self._answers[status] += 1
            self._latencies.append(time.perf_counter() - sent_at)
        if status:
            self._next(connection)
        elif not self._under_way:
            self._done.set()

    def _result(self, seconds: float) -> dict[str, Any]:
        took = seconds if self._count is None else time.perf_counter() - self._start_at
        created = self._answers.pop(CREATED, 0)
        return {
            "created": created,
            "per_second": created / took,
            "other_answers": dict(self._answers),
            **milliseconds("answer", self._latencies),
        }


async def creates(job: dict[str, Any]) -> dict[str, Any]:
    target = Target(**job["target"])
    connections = await connect(target, job["connections"])
    return await CreateLoad(job, target).run(connections, job.get("seconds", 0.0), job.get("warm_up_seconds", 0.0))


# -- life


class LifeLoad:
    """Messages on their way from create to the last callback. A message is known by the number that it goes to."""

    def __init__(self, requests: Creates, connections: list[Connection], *, told: bool) -> None:
        self._requests = requests
        self._is_told = told
        self._idle = deque(connections)  # used in turns, so that none is idle for so long that the server closes it
        self._waiting: deque[int] = deque()
        self._due: list[float] = []
        self._told = bytearray()
        self._ended = False
        self._all_told = asyncio.Event()
        self.on_delivered: Callable[[], None] = lambda: None
        self.answers: Counter[int] = Counter()
        self.callbacks: Counter[str] = Counter()
        self.answer_seconds: list[float] = []
        self.delivered_seconds: list[float] = []
        self.delivered_at: list[float] = []

    @property
    def issued(self) -> int:
        return len(self._due)

    def issue(self, due: float) -> None:
        """One more message, which a client wants to send at `due`: its time runs from there."""
        number = len(self._due)
        self._due.append(due)
        self._told.append(0)
        self._waiting.append(number)
        self._send_waiting()

    async def drain(self) -> None:
        """Until every message accepted is told of to the end."""
        self._ended = True
        self._check_end()
        try:
            async with asyncio.timeout(DRAIN_SECONDS):
                await self._all_told.wait()
        except TimeoutError:
            self.callbacks["never told"] = self.issued - len(self.delivered_seconds)

    def take(self, body: bytes) -> None:
        """A callback's body."""
        place = body.index(_TO) + len(_TO)
        number = int(body[place : place + NUMBER_DIGITS])
        start = body.index(b"MessageStatus=")
        end = body.find(b"&", start)
        bit = _BITS.get(body[start : end if end >= 0 else len(body)], 0)
        before = self._told[number]
        self._told[number] = before | bit
        self._count(bit, before)
        if bit == _BITS[b"MessageStatus=delivered"] and not before & bit:
            now = time.perf_counter()
            self.delivered_seconds.append(now - self._due[number])
            self.delivered_at.append(now)
            self.on_delivered()
            self._check_end()

    def _count(self, bit: int, before: int) -> None:
        if not bit:
            self.callbacks["of another state"] += 1
        elif before & bit:
            self.callbacks["repeated"] += 1
        elif before != bit - 1:
            self.callbacks["out of order"] += 1
        else:
            self.callbacks[STATES[bit.bit_length() - 1]] += 1

    def _send_waiting(self) -> None:
        while self._idle and self._waiting:
            connection, number = self._idle.popleft(), self._waiting.popleft()
            connection.send(self._requests(number), partial(self._answered, connection, number))

    def _answered(self, connection: Connection, number: int, status: int, body: bytes) -> None:
        self.answers[status] += 1
        self.answer_seconds.append(time.perf_counter() - self._due[number])
        if status:
            self._idle.append(connection)
            self._send_waiting()
        self._check_end()

    def _check_end(self) -> None:
        if not self._ended or self.answers.total() < self.issued:
            return
        if not self._is_told or len(self.delivered_seconds) >= self.answers[CREATED]:
            self._all_told.set()


async def life(job: dict[str, Any]) -> dict[str, Any]:
    target = Target(**job["target"])
    load: LifeLoad
    told, form = job.get("told", True), job["form"]
    if told:
        loop = asyncio.get_running_loop()
        sink = await loop.create_server(lambda: CallbackReceiver(lambda body: load.take(body)), target.host, 0)
        form = {**form, "StatusCallback": f"http://{target.host}:{sink.sockets[0].getsockname()[1]}/status"}
    load = LifeLoad(Creates(target, job["path"], form), await connect(target, job["connections"]), told=told)
    started = time.perf_counter()
    if job["rate"] is not None:
        await _pace(load, started, job["rate"], job["seconds"])
    else:
        await _keep_unfinished(load, job["unfinished"], job["seconds"])
    stopped = time.perf_counter()
    await load.drain()
    return _life_result(load, started, stopped, job.get("settle_seconds", 0.0))


async def _pace(load: LifeLoad, started: float, rate: float, seconds: float) -> None:
    """Each message at its moment, whatever became of those before it."""
    total = round(rate * seconds)
    while load.issued < total:
        due = min(total, int((time.perf_counter() - started) * rate))
        while load.issued < due:
            load.issue(started + load.issued / rate)
        await asyncio.sleep(PACE_SECONDS)


async def _keep_unfinished(load: LifeLoad, unfinished: int, seconds: float) -> None:
    """So many messages that are not told of to the end, at any time."""
    load.on_delivered = lambda: load.issue(time.perf_counter())
    for _ in range(unfinished):
        load.issue(time.perf_counter())
    await asyncio.sleep(seconds)
    load.on_delivered = lambda: None


def _life_result(load: LifeLoad, started: float, stopped: float, settle_seconds: float) -> dict[str, Any]:
    counted = [at for at in load.delivered_at if started + settle_seconds <= at <= stopped]
    created = load.answers.pop(CREATED, 0)
    return {
        "created": created,
        "other_answers": dict(load.answers),
        "callbacks": dict(load.callbacks),
        "delivered_per_second": len(counted) / (stopped - started - settle_seconds),
        "seconds": stopped - started,
        "drain_seconds": max(0.0, max(load.delivered_at, default=stopped) - stopped),
        **milliseconds("answer", load.answer_seconds),
        **milliseconds("delivered", load.delivered_seconds),
    }


# -- reads


async def reads(job: dict[str, Any]) -> dict[str, Any]:
    """{case: {server: median in ms}} for cases of {server: paths}; the servers take turns, request by request."""
    targets = {name: Target(**each) for name, each in job["targets"].items()}
    connections = {name: (await connect(target, 1))[0] for name, target in targets.items()}
    results: dict[str, dict[str, float]] = {}
    for case, paths in job["cases"].items():
        times: dict[str, list[float]] = {name: [] for name in targets}
        for place in range(-WARM_UP_READS, len(next(iter(paths.values())))):
            for name, target in targets.items():
                seconds = await _read(connections[name], target.get(paths[name][place]))
                if place >= 0:
                    times[name].append(seconds)
        results[case] = {name: statistics.median(each) * 1000 for name, each in times.items()}
    return results


async def _read(connection: Connection, request: bytes) -> float:
    answered: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    started = time.perf_counter()
    connection.send(request, lambda status, body: answered.set_result(status))
    status = await answered
    seconds = time.perf_counter() - started
    if status != OK:
        raise RuntimeError(f"answered {status}: {request.split(b' HTTP', 1)[0].decode()}")
    return seconds


JOBS = {
    "creates": creates,
    "life": life,
    "reads": reads,
    "relay_sends": relay_sends,
    "relay_inbound": relay_inbound,
    "relay_idle": relay_idle,
}


def main() -> None:
    job = json.load(sys.stdin)
    before = time.process_time()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        result = runner.run(JOBS[job["kind"]](job))
    json.dump({**result, "client_cpu_seconds": time.process_time() - before}, sys.stdout)


if __name__ == "__main__":
    main()
