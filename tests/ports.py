"""TCP ports whose number must be known before a server listens on them.

Where a server can bind port 0 and report its port, a test lets it. Three cases remain: a server that restarts on the
same port, a program whose configuration names the port, and a port on which nothing listens. `reserve` serves these:

- The port lies outside the range that the kernel gives to outgoing connections and to binds of port 0. No connection
  can occupy it by chance. (A system that leaves fewer than FEWEST ports outside that range has none to spare.)
- A lock file holds the port for the life of this process. No other test process on this machine reserves it.
- `reserve` skips a port on which another program listens. A program that starts to listen on it later is the only
  case left; a first start therefore tries again on another port (`first_start`).
"""

import errno
import fcntl
import functools
import os
import socket
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

HOST = "127.0.0.1"
FIRST_PORT, LAST_PORT = 10_000, 65_535
EPHEMERAL = (32_768, 65_535)
"""Where the system does not say: Linux's default starts lowest of all."""
FEWEST = 500
LOCKS = Path(tempfile.gettempdir()) / f"heliograph-test-ports-{os.getuid()}"
START_ATTEMPTS = 5
EPHEMERAL_RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")

_held: dict[int, int] = {}
"""Open lock files by port. The kernel releases the locks when this process ends."""


class PortTakenError(AssertionError):
    """A server failed to listen on its port because another program does."""


class Restartable(Protocol):
    """A server that has reserved its ports."""

    def take_another_port(self) -> None: ...


def reserve() -> int:
    """A port on 127.0.0.1 for this process alone, until the process ends."""
    candidates = _candidates()
    offset = os.getpid() * 97 + len(_held)  # processes start apart, so that they rarely meet
    for step in range(len(candidates)):
        port = candidates[(offset + step) % len(candidates)]
        if port not in _held and _lock(port):
            if _is_free(port):
                return port
            release(port)
    raise RuntimeError(f"all {len(candidates)} ports from {FIRST_PORT} up are taken")


def release(port: int) -> None:
    """Give a reserved port back."""
    os.close(_held.pop(port))


def first_start(server: Restartable, start: Callable[[], None]) -> None:
    """Call `start`; while it raises PortTakenError, let the server reserve other ports and call it again."""
    for _ in range(START_ATTEMPTS - 1):
        try:
            return start()
        except PortTakenError:
            server.take_another_port()
    return start()


@functools.cache
def _candidates() -> list[int]:
    try:
        first, last = map(int, EPHEMERAL_RANGE.read_text().split())
    except OSError:
        first, last = EPHEMERAL
    every = range(FIRST_PORT, LAST_PORT + 1)
    outside = [port for port in every if not first <= port <= last]
    return outside if len(outside) >= FEWEST else list(every)


def _lock(port: int) -> bool:
    LOCKS.mkdir(mode=0o700, exist_ok=True)
    descriptor = os.open(LOCKS / str(port), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return False
    _held[port] = descriptor
    return True


def _is_free(port: int) -> bool:
    """Whether a server could listen on the port now, asked as servers do: a port in TIME_WAIT is free."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
            probe.listen()
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                return False
            raise
    return True
