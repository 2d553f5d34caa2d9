"""Server processes over new stores, and the client process; what they use is read from /proc."""

import contextlib
import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from heliograph.cli import local

HOST = "127.0.0.1"
START_SECONDS = 120.0
POLL_SECONDS = 0.002
_TICKS = os.sysconf("SC_CLK_TCK")
_ROOT = Path(__file__).resolve().parent.parent

SETTINGS: dict[str, object] = {
    "rate_limit_writes": 0,
    "backlog_limit": 0,
    "allow_loopback_urls": True,
    "log_level": "warning",
}
"""How every server here differs from the defaults: the limits that protect a deployment are lifted, so that the
machine is what is measured, and callbacks may come to this machine."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """What all measurements share. `store` is sqlite or postgresql; `sizes` are the messages of the lists compared."""

    folder: Path
    store: str
    repeats: int
    seconds: float
    accept_seconds: float
    rate: float
    rate_untold: float
    sizes: tuple[int, int]
    queued: int
    new_database: Callable[[], str] | None
    say: Callable[[str], None]


class Server:
    """One server process. `with_nothing`: the one that has the no-op route (bench/server.py)."""

    def __init__(
        self, bench: Bench, *, with_nothing: bool = False, config: Path | None = None, **settings: object
    ) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="server-", dir=bench.folder))
        self.database_url = bench.new_database() if bench.new_database else None
        self.port = 0
        """Where the running server listens: each start takes a free port."""
        self.settings = {**SETTINGS, **settings}
        self._command = _PYTHON_SERVER if with_nothing else [*HELIOGRAPH, "serve"]
        if config is not None:
            self._command = [*self._command, "--config", str(config)]
        self._process: subprocess.Popen[bytes] | None = None
        self.credentials: dict[str, Any] = {}

    def initialise(self) -> None:
        environment = self._environment() | {"HELIOGRAPH_SIMULATOR": "true"}  # whose numbers the bench sends from
        done = subprocess.run(
            [*HELIOGRAPH, "init", "--json"], env=environment, stdout=subprocess.PIPE, text=True, check=True
        )
        self.credentials = json.loads(done.stdout)

    def start(self) -> float:
        """Start it; returns the seconds from then to the first 200 of /health."""
        started = time.perf_counter()
        with self.log_path.open("ab") as log:
            self._process = subprocess.Popen(
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=self._environment(),
                cwd=_ROOT,
                start_new_session=True,
            )
        while not self._is_healthy():
            if self._process.poll() is not None or time.perf_counter() - started > START_SECONDS:
                raise RuntimeError(f"the server did not start:\n{self.log_path.read_text()[-4000:]}")
            time.sleep(POLL_SECONDS)
        return time.perf_counter() - started

    def stop(self) -> None:
        """As a power cut would: nothing of a bench is worth a graceful end."""
        process, self._process = self._process, None
        if process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def remove(self) -> None:
        self.stop()
        shutil.rmtree(self.folder)

    @property
    def log_path(self) -> Path:
        return self.folder / "log"

    @property
    def target(self) -> dict[str, Any]:
        """What the client needs to know (bench.wire.Target)."""
        made = self.credentials
        return {"host": HOST, "port": self.port, "project_id": made["project_id"], "api_token": made["api_token"]}

    def path(self, of: str) -> str:
        return f"/api/laml/2010-04-01/Accounts/{self.credentials['project_id']}/{of}"

    def form(self) -> dict[str, str]:
        """The fields of a usual message, but for its recipient."""
        return {"From": self.credentials["numbers"][0], "Body": "Your code is 493817. It is valid for 10 minutes."}

    def metrics(self) -> dict[str, float]:
        """/metrics, by name with labels."""
        lines = self.get("/metrics").decode().splitlines()
        return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines if line[0] != "#")}

    def ask(self, method: str, path: str, body: object = None) -> Any:
        """A request with the project's credentials, JSON both ways; RuntimeError for any answer but 200."""
        pair = f"{self.credentials['project_id']}:{self.credentials['api_token']}".encode()
        headers = {"Authorization": f"Basic {b64encode(pair).decode()}", "Content-Type": "application/json"}
        with contextlib.closing(http.client.HTTPConnection(HOST, self.port, timeout=60)) as connection:
            connection.request(method, path, None if body is None else json.dumps(body), headers)
            answer = connection.getresponse()
            if answer.status != 200:
                raise RuntimeError(f"{method} {path} was answered {answer.status}")
            return json.loads(answer.read())

    def get(self, path: str) -> bytes:
        with contextlib.closing(http.client.HTTPConnection(HOST, self.port, timeout=60)) as connection:
            connection.request("GET", path)
            return connection.getresponse().read()

    def cpu_seconds(self) -> float:
        """Processor time used so far, in user code and in the kernel, by all threads."""
        fields = self._proc("stat").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS

    def waited_seconds(self) -> float:
        """How long the main thread was ready to run and had no core: what else ran on this machine took it."""
        return int(self._proc("schedstat").split()[1]) / 1e9

    def memory_mb(self, name: str = "VmRSS") -> float:
        """Resident memory, MB of 10^6 bytes; VmHWM: its peak."""
        for line in self._proc("status").splitlines():
            if line.startswith(f"{name}:"):
                return int(line.split()[1]) * 1024 / 1e6
        raise RuntimeError(f"/proc has no {name}")

    def _proc(self, name: str) -> str:
        assert self._process is not None, "the server is not running"
        return Path(f"/proc/{self._process.pid}/{name}").read_text()

    def _environment(self) -> dict[str, str]:
        places = {"data": self.folder / "data", "host": HOST, "port": 0}
        if self.database_url:
            places["database_url"] = self.database_url
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("HELIOGRAPH_")}
        given = {f"HELIOGRAPH_{n.upper()}": _text(value) for n, value in {**self.settings, **places}.items()}
        return inherited | given

    def _is_healthy(self) -> bool:
        if (port := self._announced_port()) is None:
            return False
        self.port = port
        try:
            with socket.create_connection((HOST, port), timeout=10) as probe:
                probe.sendall(b"GET /health HTTP/1.1\r\nHost: bench\r\nConnection: close\r\n\r\n")
                return probe.recv(4096).startswith(b"HTTP/1.1 200")
        except OSError:
            return False

    def _announced_port(self) -> int | None:
        """The port in this process's `server.json`; None while there is none, or that of an earlier process."""
        assert self._process is not None
        running = local.find(self.folder / "data")
        return urlsplit(running.url).port if running and running.pid == self._process.pid else None


HELIOGRAPH = [str(Path(sys.executable).with_name("heliograph"))]
_PYTHON_SERVER = [sys.executable, "-m", "bench.server"]


@contextlib.contextmanager
def serving(
    bench: Bench, *, with_nothing: bool = False, config: Path | None = None, **settings: object
) -> Iterator[Server]:
    """An initialised server over a new store, gone afterwards with its store. config: its file, where it has one."""
    server = Server(bench, with_nothing=with_nothing, config=config, **settings)
    try:
        server.initialise()
        server.start()
        yield server
    finally:
        server.remove()


@dataclass(slots=True)
class Client:
    """The client process at one job."""

    process: "subprocess.Popen[str]" = field(init=False)
    job: Mapping[str, Any]

    def __post_init__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "bench.client"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=_ROOT,
        )
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(self.job))
        self.process.stdin.close()
        self.process.stdin = None

    def wait(self, seconds: float) -> bool:
        """Whether it ended within so many seconds."""
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        return True

    def result(self) -> dict[str, Any]:
        printed, _ = self.process.communicate()
        if self.process.returncode != 0:
            raise RuntimeError(f"the client failed at its job {self.job['kind']}")
        return json.loads(printed)  # type: ignore[no-any-return]  # an object, by contract


def run(**job: Any) -> dict[str, Any]:
    """Have the client do a job, to its end."""
    return Client(job).result()


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
