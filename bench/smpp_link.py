"""Submit round trips a second over one SMPP link on loopback: an ESME in this process, an SMSC in another.

    python -m bench.smpp_link [--window 100] [--seconds 5] [--delay-ms 0]

Prints round trips a second and the processor time that the ESME used for them.
"""

import argparse
import asyncio
import contextlib
import multiprocessing
import resource
import time
from multiprocessing.connection import Connection
from typing import Any

import uvloop

from heliograph.carriers.smpp.link import Link, LinkSettings
from heliograph.wire.smpp import pdu
from heliograph.wire.smpp.session import Role

MESSAGE = pdu.SubmitSm(
    source_addr_ton=1,
    source_addr_npi=1,
    source_addr="15551234567",
    dest_addr_ton=1,
    dest_addr_npi=1,
    destination_addr="15557654321",
    registered_delivery=1,
    short_message=b"Your code is 123456. It holds for ten minutes; give it to nobody.",
)


class Smsc:
    """Takes everything, after a delay."""

    def __init__(self, delay_seconds: float) -> None:
        self._delay_seconds = delay_seconds
        self._count = 0

    def on_request(self, link: Link, header: pdu.Header, request: Any) -> None:
        match request:
            case pdu.SubmitSm():
                self._count += 1
                answer = pdu.SubmitSmResp(message_id=f"{self._count:016x}")
                if self._delay_seconds:
                    asyncio.get_running_loop().call_later(self._delay_seconds, link.respond, header, answer)
                else:
                    link.respond(header, answer)
            case _:
                link.respond(header, pdu.KINDS[header.command | pdu.RESPONSE_BIT]())

    def on_damaged(self, link: Link) -> None:
        raise AssertionError

    def on_closed(self, link: Link, reason: str) -> None:
        pass


class Esme:
    """Keeps a window of submits in flight."""

    def __init__(self) -> None:
        self.answered = 0
        self.lost = asyncio.get_running_loop().create_future()
        self._end = 0.0

    def on_request(self, link: Link, header: pdu.Header, request: Any) -> None:
        raise AssertionError

    def on_damaged(self, link: Link) -> None:
        raise AssertionError

    def on_closed(self, link: Link, reason: str) -> None:
        if not self.lost.done():
            self.lost.set_result(reason)

    def submit(self, link: Link, end: float) -> None:
        def answered(future: asyncio.Future[Any]) -> None:
            if future.result().status:
                raise AssertionError(future.result())
            self.answered += 1
            if time.perf_counter() < end:
                self.submit(link, end)
            elif link.in_flight == 0 and not self.lost.done():
                self.lost.set_result("done")

        link.request(MESSAGE).add_done_callback(answered)


async def serve(ready: Connection, delay_seconds: float) -> None:
    settings = LinkSettings(unanswered_max=100_000)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Link(Role.SMSC, settings, Smsc(delay_seconds)), "127.0.0.1", 0)
    ready.send(server.sockets[0].getsockname()[1])
    await asyncio.Event().wait()


def run_smsc(ready: Connection, delay_seconds: float) -> None:
    with contextlib.suppress(KeyboardInterrupt):
        uvloop.run(serve(ready, delay_seconds))


async def measure(port: int, window: int, seconds: float) -> tuple[float, float]:
    """Round trips a second; processor seconds for each second."""
    esme = Esme()
    loop = asyncio.get_running_loop()
    _, link = await loop.create_connection(lambda: Link(Role.ESME, LinkSettings(), esme), "127.0.0.1", port)
    if (await link.request(pdu.BindTransceiver(system_id="bench"))).status:
        raise AssertionError("not bound")
    used, begun = cpu_seconds(), time.perf_counter()
    for _ in range(window):
        esme.submit(link, begun + seconds)
    if (outcome := await esme.lost) != "done":
        raise AssertionError(outcome)
    took = time.perf_counter() - begun
    rate, cpu = esme.answered / took, (cpu_seconds() - used) / took
    await link.unbind(5)
    return rate, cpu


def cpu_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--window", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--delay-ms", type=float, default=0)
    options = parser.parse_args()
    ours, theirs = multiprocessing.get_context("spawn").Pipe()
    smsc = multiprocessing.get_context("spawn").Process(target=run_smsc, args=(theirs, options.delay_ms / 1e3))
    smsc.start()
    try:
        port = ours.recv()
        for _ in range(3):
            rate, cpu = uvloop.run(measure(port, options.window, options.seconds))
            print(f"{rate:,.0f} round trips/s, {cpu:.2f} cores, {cpu / rate * 1e6:.1f} us of processor each")
    finally:
        smsc.terminate()
        smsc.join()


if __name__ == "__main__":
    main()
