"""The client process's jobs at Relay (see bench.client).

- ``relay_sends``: so many connections, each with so many sends under way, for a time.
- ``relay_inbound``: messages from handsets, over HTTP, so many unfinished at any time; each is finished when its event
  has come to one of the Relay clients and was acknowledged. Without clients it is finished when it is kept.
- ``relay_idle``: so many clients that do nothing, held for a time.
"""

import asyncio
import json
import time
from collections import Counter, deque
from functools import partial
from typing import Any

from bench.relay_wire import Event, Frame, RelayConnection, relay_connect
from bench.wire import NUMBER_DIGITS, NUMBER_PREFIX, Connection, Target, connect

CONTEXT = "bench"
CREATED = 201
RECEIVE = "messaging.receive"
DRAIN_SECONDS = 30.0
CONNECTING_AT_ONCE = 50


class SendLoad:
    """A closed loop; what is answered while warming up is not counted."""

    def __init__(self, fields: dict[str, str]) -> None:
        head = json.dumps({"method": "messaging.send", "params": {"context": CONTEXT, **fields}}, separators=(",", ":"))
        self._head = f'{head[1:-2]},"to_number":"{NUMBER_PREFIX}'.encode()
        self._issued = 0
        self._stopped = False
        self._start_at = 0.0
        self.answers: Counter[str] = Counter()
        self.seconds: list[float] = []

    async def run(self, connections: list[RelayConnection], window: int, seconds: float, warm_up: float) -> None:
        self._start_at = time.perf_counter() + warm_up
        for connection in connections:
            for _ in range(window):
                self._next(connection)
        await asyncio.sleep(warm_up + seconds)
        self._stopped = True

    def _next(self, connection: RelayConnection) -> None:
        self._issued += 1
        rest = b'%b%08d"}}' % (self._head, self._issued)
        connection.call(rest, partial(self._answered, connection, time.perf_counter()))

    def _answered(self, connection: RelayConnection, sent_at: float, frame: Frame) -> None:
        if self._stopped:
            return
        if sent_at >= self._start_at:
            self.answers[str((frame.result or frame.error).code)] += 1  # type: ignore[union-attr]  # one of them is there
            self.seconds.append(time.perf_counter() - sent_at)
        self._next(connection)


async def relay_sends(job: dict[str, Any]) -> dict[str, Any]:
    target = Target(**job["target"])
    connections = [await relay_connect(target, [], lambda event: None) for _ in range(job["connections"])]
    load = SendLoad(job["fields"])
    await load.run(connections, job["window"], job["seconds"], job["warm_up_seconds"])
    taken = load.answers.pop("200", 0)
    return {"per_second": taken / job["seconds"], "other_answers": dict(load.answers), **_percentiles(load.seconds)}


class InboundLoad:
    """Messages on their way from a handset to a Relay client. One is known by the number that it comes from."""

    def __init__(self, target: Target, to: str, connections: list[Connection], *, is_told: bool) -> None:
        start = f'{{"to":"{to}","body":"Your order 493817 has left. Reply STOP to opt out.","from":"{NUMBER_PREFIX}'
        headers = (
            f"{target.head('POST', '/api/heliograph/simulator/inbound')}Content-Type: application/json\r\n"
            f"Content-Length: {len(start) + NUMBER_DIGITS + 2}\r\n\r\n"
        )
        self._start = (headers + start).encode()
        self._idle = deque(connections)
        self._waiting: deque[int] = deque()
        self._made: list[float] = []
        self._is_told = is_told
        self._stopped = False
        self._open = 0
        self.finished_at: list[float] = []
        self.seconds: list[float] = []
        self.wrong: Counter[str] = Counter()
        self._seen: set[int] = set()

    async def run(self, unfinished: int, seconds: float) -> None:
        for _ in range(unfinished):
            self._issue()
        await asyncio.sleep(seconds)
        self._stopped = True
        give_up = time.perf_counter() + DRAIN_SECONDS
        while self._open and time.perf_counter() < give_up:
            await asyncio.sleep(0.05)
        if self._open:
            self.wrong["never came"] = self._open

    def take(self, event: Event) -> None:
        """An event came to some client."""
        if event.event_type != RECEIVE:
            return
        number = int(event.params.from_number[len(NUMBER_PREFIX) :])
        if number in self._seen:
            self.wrong["repeated"] += 1
        else:
            self._finished(number)

    def _issue(self) -> None:
        self._waiting.append(len(self._made))
        self._made.append(time.perf_counter())
        self._open += 1
        self._send_waiting()

    def _send_waiting(self) -> None:
        while self._idle and self._waiting:
            connection, number = self._idle.popleft(), self._waiting.popleft()
            connection.send(self._start + b'%08d"}' % number, partial(self._answered, connection, number))

    def _answered(self, connection: Connection, number: int, status: int, body: bytes) -> None:
        if status != CREATED:
            raise RuntimeError(f"an inbound message was answered {status}: {body[:200]!r}")
        self._idle.append(connection)
        if self._is_told:
            self._send_waiting()
        else:
            self._finished(number)

    def _finished(self, number: int) -> None:
        now = time.perf_counter()
        self._seen.add(number)
        self._open -= 1
        self.finished_at.append(now)
        self.seconds.append(now - self._made[number])
        if not self._stopped:
            self._issue()
        self._send_waiting()


async def relay_inbound(job: dict[str, Any]) -> dict[str, Any]:
    target = Target(**job["target"])
    http = await connect(target, job["connections"])
    load = InboundLoad(target, job["to"], http, is_told=bool(job["clients"]))
    clients = await _clients(target, job["clients"], [CONTEXT], load.take)
    started = time.perf_counter()
    await load.run(job["unfinished"], job["seconds"])
    begin, end = started + job["settle_seconds"], started + job["seconds"]
    counted = sum(begin <= at <= end for at in load.finished_at)
    return {
        "per_second": counted / (end - begin),
        "wrong": dict(load.wrong),
        "lost_clients": sum(client.lost for client in clients),
        **_percentiles(load.seconds),
    }


async def relay_idle(job: dict[str, Any]) -> dict[str, Any]:
    """Each client has a context of its own."""
    target = Target(**job["target"])
    events: Counter[str] = Counter()

    def take(event: Event) -> None:
        events[event.event_type] += 1

    made: list[RelayConnection] = []
    for first in range(0, job["clients"], CONNECTING_AT_ONCE):
        numbers = range(first, min(job["clients"], first + CONNECTING_AT_ONCE))
        made += await asyncio.gather(*(relay_connect(target, [f"{CONTEXT}-{each}"], take) for each in numbers))
    await asyncio.sleep(job["seconds"])
    return {"clients": sum(not client.lost for client in made), "events": dict(events)}


async def _clients(target: Target, count: int, contexts: list[str], take: Any) -> list[RelayConnection]:
    return [await relay_connect(target, contexts, take) for _ in range(count)]


def _percentiles(seconds: list[float]) -> dict[str, float]:
    ordered = sorted(seconds) or [0.0]
    return {f"p{share}_ms": ordered[min(len(ordered) - 1, len(ordered) * share // 100)] * 1000 for share in (50, 99)}
