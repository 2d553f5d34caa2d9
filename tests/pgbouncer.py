"""Debian's PgBouncer in front of a test's PostgreSQL; without it, the test is left out, which is an error in CI."""

import os
import pwd
import shutil
import subprocess
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Self

import pytest

from servers import HOST, UNPRIVILEGED_USER, Postgres, wait_until

PROGRAM = shutil.which("pgbouncer", path="/usr/sbin:/usr/bin")
PORTS = range(23_000, 24_000)
"""Below the ephemeral range: no outgoing connection takes one between a try and the next."""


class PgBouncer:
    """One that trusts everybody on this machine, on a port of its own."""

    def __init__(self, postgres: Postgres, *, mode: str, pool: int) -> None:
        if PROGRAM is None:
            message = "left out: there is no PgBouncer (Debian: apt-get install pgbouncer)"
            if os.environ.get("CI") == "true":
                pytest.fail(message)
            pytest.skip(message)
        self._postgres = postgres
        self._options = {"pool_mode": mode, "default_pool_size": str(pool)}
        self._folder = Path(tempfile.mkdtemp(prefix="heliograph-pgbouncer-"))
        self._process: subprocess.Popen[bytes] | None = None
        self.port = 0

    def url(self, database_url: str) -> str:
        return database_url.replace(f":{self._postgres.port}/", f":{self.port}/")

    def __enter__(self) -> Self:
        for port in PORTS:
            if self._start(port):
                self.port = port
                return self
        raise AssertionError("PgBouncer listens on no port")

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        shutil.rmtree(self._folder)

    def _start(self, port: int) -> bool:
        """Whether it listens there: it ends where the port is taken."""
        assert PROGRAM is not None
        settings = {"listen_addr": HOST, "listen_port": str(port), "auth_type": "any", "unix_socket_dir": ""}
        lines = [f"* = host={HOST} port={self._postgres.port} user=postgres", "", "[pgbouncer]"]
        lines += [f"{name} = {value}" for name, value in (settings | self._options).items()]
        file = self._folder / "ini"
        file.write_text("\n".join(["[databases]", *lines, ""]))
        arguments = [PROGRAM, str(file)]
        if os.geteuid() == 0:
            account = pwd.getpwnam(UNPRIVILEGED_USER)
            os.chown(self._folder, account.pw_uid, account.pw_gid)
            arguments[1:1] = ["--user", UNPRIVILEGED_USER]
        log = self._folder / "log"
        with log.open("wb") as lines_told:
            process = subprocess.Popen(arguments, stdin=subprocess.DEVNULL, stdout=lines_told, stderr=lines_told)
        self._process = process
        told = wait_until(lambda: _told(log, process), "PgBouncer to listen")
        if told == "ended":
            process.kill()
            process.wait()
        return told == "listens"


def _told(log: Path, process: "subprocess.Popen[bytes]") -> str:
    """Its own log is asked, not the port: another test's may listen there."""
    text = log.read_text(errors="replace")
    if f"listening on {HOST}" in text:
        return "listens"
    return "ended" if process.poll() is not None or "FATAL" in text else ""
