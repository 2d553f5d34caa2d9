"""Clients that flood the SMPP server: others are served meanwhile, and customers bind."""

import contextlib
import socket
import statistics
import struct
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from heliograph.wire.smpp import pdu as smpp
from heliograph.wire.smpp.pdu import Status
from servers import HOST, HeliographServer, ServerFactory, wait_until
from smpp_customer import QUICK, Closed, Credential, Customer, Smsc

FLOOD_SECONDS = 3.0
SLOWEST_SECONDS = 0.5
"""Of the requests of others meanwhile. Without bounds such a flood stopped them for three seconds and more."""

CHUNK = 256 * 1024
GUESSES = 15
"""More than smpp_failed_binds in a minute."""
OTHER_HOST = "127.0.0.2"
FLOODS = {
    "enquire_link": smpp.encode(smpp.EnquireLink(), 7),
    "unknown command": struct.pack(">IIII", 16, 0x110, 0, 7),
    "response to nothing": smpp.encode(smpp.EnquireLinkResp(), 4242),
    "submit before the bind": smpp.encode(smpp.SubmitSm(short_message=b"x"), 7),
}


@pytest.fixture
def smsc(server: ServerFactory) -> Iterator[Smsc]:
    made = Smsc(server(settings={**QUICK, "smpp_failed_binds": 10}, smpp=True))
    yield made
    made.close()


@contextlib.contextmanager
def running(work: Callable[[threading.Event], None]) -> Iterator[None]:
    """`work` in a thread, until the event that it is given."""
    ended = threading.Event()
    thread = threading.Thread(target=work, args=(ended,))
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def request_seconds(server: HeliographServer) -> list[float]:
    """Times of requests for FLOOD_SECONDS."""
    times = []
    end = time.monotonic() + FLOOD_SECONDS
    while (began := time.monotonic()) < end:
        assert server.request("GET", "/health").status == 200
        times.append(time.monotonic() - began)
        time.sleep(0.01)
    return times


def flooding(port: int, octets: bytes, counts: dict[str, int]) -> Callable[[threading.Event], None]:
    """Sends as fast as it can, and connects again when it is thrown out."""

    def flood(ended: threading.Event) -> None:
        chunk = octets * (CHUNK // len(octets))
        while not ended.is_set():
            counts["connections"] += 1
            with contextlib.suppress(OSError), socket.create_connection((HOST, port), 5) as connection:
                while not ended.is_set():
                    connection.sendall(chunk)
                    counts["octets"] += len(chunk)

    return flood


@pytest.mark.parametrize("kind", FLOODS)
def test_flood_before_a_bind_delays_no_other(smsc: Smsc, kind: str) -> None:
    counts = {"connections": 0, "octets": 0}
    with running(flooding(smsc.port, FLOODS[kind], counts)):
        times = request_seconds(smsc.server)
    print(f"{kind}: median {statistics.median(times):.4f} s, slowest {max(times):.4f} s, {counts}")
    assert statistics.median(times) < SLOWEST_SECONDS / 5
    assert max(times) < SLOWEST_SECONDS


@pytest.mark.parametrize("kind", ["enquire_link", "unknown command", "response to nothing"])
def test_flood_of_a_bound_customer_ends_its_connection_and_delays_no_other(smsc: Smsc, kind: str) -> None:
    customer = smsc.bind(smsc.credential("flood"))
    ends: list[float] = []

    def flood(ended: threading.Event) -> None:
        began = time.monotonic()
        with contextlib.suppress(OSError):
            while not ended.is_set():
                customer.write(FLOODS[kind] * (CHUNK // 16))
        ends.append(time.monotonic() - began)

    with running(flood):
        times = request_seconds(smsc.server)
    print(f"{kind}: median {statistics.median(times):.4f} s, slowest {max(times):.4f} s, ended after {ends[0]:.3f} s")
    assert max(times) < SLOWEST_SECONDS
    assert ends[0] < FLOOD_SECONDS / 2, "it is thrown out"


def test_silent_strangers_keep_no_customer_out(smsc: Smsc) -> None:
    credential = smsc.credential("acme")
    smsc.bind(credential).close()
    made = 0

    def crowd(ended: threading.Event) -> None:
        nonlocal made
        open_ones: list[socket.socket] = []
        while not ended.is_set() and made < 5000:
            with contextlib.suppress(OSError):
                open_ones.append(socket.create_connection((HOST, smsc.port), 5, source_address=(OTHER_HOST, 0)))
                made += 1
            if len(open_ones) > 1500:
                open_ones.pop(0).close()
        for each in open_ones:
            each.close()

    with running(crowd):
        while made < 1100:
            time.sleep(0.01)
        outcomes = [outcome_of(smsc, credential) for _ in range(20)]
    print(f"{made} silent connections; {outcomes.count('ROK')} of {len(outcomes)} binds")
    assert outcomes == ["ROK"] * 20


def test_wrong_passwords_lock_no_customer_out_and_fill_no_log(smsc: Smsc) -> None:
    fresh = [smsc.credential(f"fresh{number}") for number in range(3)]
    smsc.bind(smsc.credential("last")).close()
    tries = {"of a customer": 0, "of anybody": 0}

    def guess(ended: threading.Event) -> None:
        while not ended.is_set():
            tries["of a customer"] += 1
            outcome_of(smsc, Credential("fresh0", f"x{tries['of a customer'] // 3}"))

    def guess_anybody(ended: threading.Event) -> None:
        while not ended.is_set():
            tries["of anybody"] += 1
            outcome_of(smsc, Credential(f"guess{tries['of anybody'] % 50}", "x"))

    with running(guess), running(guess_anybody):
        wait_until(lambda: min(tries.values()) > GUESSES, "guesses")
        outcomes = [outcome_of(smsc, credential) for _ in range(5) for credential in fresh]
        wait_until(lambda: max(tries.values()) > 10 * GUESSES, "guesses that are known to be wrong")
    lines = smsc.server.log().count("smpp.bind_refused")
    print(f"{outcomes.count('ROK')} of {len(outcomes)} binds; failed: {tries}; {lines} log lines")
    assert outcomes == ["ROK"] * len(outcomes)
    assert lines < 30


def outcome_of(smsc: Smsc, credential: Credential) -> str:
    """The status of one bind, or why it has none."""
    try:
        with Customer(smsc.port) as customer:
            bind = smpp.BindTransceiver(system_id=credential.system_id, password=credential.password)
            status: Status = customer.ask(bind)[0]
            return status.name
    except Closed:
        return "closed"
    except OSError as error:
        return type(error).__name__
