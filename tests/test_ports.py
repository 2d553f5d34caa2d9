"""Reserved ports: outside the ephemeral range, one for each caller, over processes too."""

import socket
import subprocess
import sys
from pathlib import Path

import pytest

import ports


def test_a_reserved_port_is_free_and_outside_the_ephemeral_range() -> None:
    port = ports.reserve()
    first, last = map(int, ports.EPHEMERAL_RANGE.read_text().split())
    assert not first <= port <= last
    with socket.create_server((ports.HOST, port)):
        pass


def test_no_two_reservations_share_a_port() -> None:
    assert len({ports.reserve() for _ in range(50)}) == 50


def test_a_port_on_which_a_server_listens_is_skipped(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server((ports.HOST, 0)) as listener:
        taken, free = listener.getsockname()[1], ports.reserve()
        ports.release(free)
        monkeypatch.setattr(ports, "_candidates", lambda: [taken, free])
        assert ports.reserve() == free


def test_a_port_of_another_process_is_skipped(monkeypatch: pytest.MonkeyPatch) -> None:
    program = "import ports; print(ports.reserve(), flush=True); input()"
    here = Path(ports.__file__).parent
    with subprocess.Popen(
        [sys.executable, "-c", program], cwd=here, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdin is not None and other.stdout is not None
        theirs, free = int(other.stdout.readline()), ports.reserve()
        ports.release(free)
        monkeypatch.setattr(ports, "_candidates", lambda: [theirs, free])
        assert ports.reserve() == free
        other.stdin.close()


def test_a_first_start_moves_to_another_port() -> None:
    class Server:
        port = 1

        def take_another_port(self) -> None:
            self.port += 1

    server, tried = Server(), []

    def start() -> None:
        tried.append(server.port)
        if server.port < 3:
            raise ports.PortTakenError

    ports.first_start(server, start)
    assert tried == [1, 2, 3]
