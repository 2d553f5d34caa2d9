"""The doctor's checks: each looks at one thing and finds it good, worth a note, or wrong with advice."""

import asyncio
import os
import shutil
import socket
import ssl
import tempfile
from contextlib import closing
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from heliograph.cli import local, stores
from heliograph.cli.output import Failure
from heliograph.config import Config
from heliograph.net.clock import SystemClock
from heliograph.ports import Clock

DISK_WRONG_BYTES: Final = 100 * 2**20
"""With less, a burst of messages and the write-ahead file may fill the disk within minutes."""
DISK_NOTE_BYTES: Final = 2**30

CLOCK_FROM: Final = 1_750_000_000_000_000
"""June 2025, before the first release: a clock that says less has lost its time."""
CLOCK_BEFORE: Final = 4_102_444_800_000_000
"""The year 2100."""
CLOCK_APART_SECONDS: Final = 5.0
"""More than this from the database's clock makes leases and due times overlap."""

_MONOTONIC_READS: Final = 1000
_ANSWER_SECONDS: Final = 2.0
_DATABASE_SECONDS: Final = 10.0
_DATABASE_NOW: Final = "SELECT extract(epoch FROM clock_timestamp())::float8"


class Verdict(Enum):
    GOOD = "ok"
    NOTE = "note"
    WRONG = "wrong"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """`advice` says what to do; it is there whenever something is wrong and can be mended from here."""

    name: str
    verdict: Verdict
    text: str
    advice: str = ""


def settings(config: Config) -> Finding:
    """Settings that are right one by one and wrong together: certificates and keys."""
    return (
        _certificate("", "HTTP", config.tls_cert, config.tls_key)
        or _certificate("smpp_", "SMPP", config.smpp_tls_cert, config.smpp_tls_key)
        or _good("config", "all settings can be used")
    )


def _certificate(prefix: str, protocol: str, certificate: str | None, key: str | None) -> Finding | None:
    """What is wrong with a pair of settings."""
    if bool(certificate) != bool(key):
        text = f"only one of {prefix}tls_cert and {prefix}tls_key is set"
        return _wrong("config", text, f"Set both, or neither for plain {protocol}.")
    if certificate:
        try:
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key)
        except OSError as error:  # ssl.SSLError is one
            text = f"{certificate} and {key} can't be used ({error.strerror or error})"
            advice = "Give a certificate and its own key in PEM; `heliograph dev-cert` makes them."
            return _wrong("config", text, advice)
    return None


def clock(machine: Clock | None = None) -> Finding:
    """The machine's clocks: a year that can be, and a monotonic clock that is one."""
    machine = machine or SystemClock()
    now = machine.now()
    if not CLOCK_FROM <= now < CLOCK_BEFORE:
        text = f"the clock says {now // 1_000_000} seconds since 1970"
        return _wrong("clock", text, "Set the machine's time (NTP): ids, expiry and signatures depend on it.")
    reads = [machine.monotonic() for _ in range(_MONOTONIC_READS)]
    if reads != sorted(reads):
        text = "the monotonic clock went back"
        return _wrong("clock", text, "Choose another clock source for this machine: limits and pauses depend on it.")
    return _good("clock", "the time can be, and goes forward")


def writable(config: Config) -> Finding:
    """Whether a file in the data folder can be written through to the disk."""
    folder = Path(config.data)
    if not folder.is_dir():
        return _wrong("folder", f"{folder} is not there", f"Run `heliograph init --data {folder}`, or set --data.")
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"heliograph")
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        return _wrong("folder", f"{folder} can't be written: {error.strerror}", "Change its owner or its mode.")
    return _good("folder", f"{folder.absolute()} can be written")


def disk(config: Config) -> Finding:
    """Space for the store and for media."""
    folder = Path(config.data)
    if not folder.is_dir():
        return Finding(name="disk", verdict=Verdict.NOTE, text="not looked at without a data folder")
    free = shutil.disk_usage(folder).free
    text = f"{free / 2**30:.1f} GiB are free"
    if free < DISK_WRONG_BYTES:
        return _wrong("disk", text, "Free some space now: without it the server answers 503.")
    if free < DISK_NOTE_BYTES:
        return Finding(name="disk", verdict=Verdict.NOTE, text=text, advice="Free some space soon.")
    return _good("disk", text)


def store(config: Config) -> list[Finding]:
    """Whether the store answers and is initialised and, for PostgreSQL, whether its clock agrees."""
    try:
        directory = stores.snapshot(config)
    except Failure as error:
        return [_wrong("store", str(error), "")]
    if not directory.projects:
        text, advice = "the store answers, and is empty", "`heliograph init` or `heliograph serve` fills it."
        findings = [Finding(name="store", verdict=Verdict.NOTE, text=text, advice=advice)]
    else:
        counts = f"{len(directory.projects)} projects, {len(directory.numbers)} numbers"
        findings = [_good("store", f"{stores.place(config)} answers: {counts}")]
    return [*findings, _database_clock(str(config.database_url))] if config.database_url else findings


def server(config: Config) -> Finding:
    """Whether a server runs on this data folder; if not, whether its address is free for one."""
    try:
        running = local.find(Path(config.data))
    except local.Unreadable as error:
        return _wrong("server", str(error), "")
    if running is not None and _listens(running.url):
        return _good("server", f"one runs at {running.url} (process {running.pid})")
    taken = _taken(config.host, config.port)
    if taken:
        text = f"none runs here, and {config.host}:{config.port} can't be had: {taken}"
        return _wrong("server", text, "Stop what has it, or choose another --port or --host.")
    stale = f"; {local.FILE_NAME} was left by one that was killed" if running else ""
    advice = f"`heliograph serve --data {config.data}` starts one."
    return Finding(name="server", verdict=Verdict.NOTE, text=f"none runs on this folder{stale}", advice=advice)


def smpp(config: Config) -> list[Finding]:
    """Whether the port for SMPP customers, where one is set, is listened on by a running server, or free for one."""
    if not config.smpp_port:
        return []
    place = f"{config.smpp_host}:{config.smpp_port}"
    try:
        running = local.find(Path(config.data))
    except local.Unreadable:  # told of the server
        return []
    if running is None or not _listens(running.url):
        taken = _taken(config.smpp_host, config.smpp_port)
        if taken:
            return [
                _wrong("smpp", f"{place} can't be had: {taken}", "Stop what has it, or choose another --smpp-port.")
            ]
        return [_good("smpp", f"{place} is free")]
    if _answers(config.smpp_host, config.smpp_port):
        return [_good("smpp", f"customers can bind at {place}")]
    text = f"a server runs, and nothing listens at {place}"
    return [_wrong("smpp", text, "Start the server anew with these settings: it takes its ports when it starts.")]


def _database_clock(url: str) -> Finding:
    import asyncpg  # a tenth of a second, needed for PostgreSQL only

    try:
        apart = asyncio.run(_apart_seconds(url))
    except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        return _wrong("database clock", f"could not be read: {error}", "See what is said of the store.")
    text = f"{abs(apart):.1f} s from this machine's"
    if abs(apart) > CLOCK_APART_SECONDS:
        return _wrong("database clock", text, "Set the time of both machines (NTP).")
    return _good("database clock", text)


async def _apart_seconds(url: str) -> float:
    """The database's time less ours, at the middle of the question."""
    import asyncpg

    machine = SystemClock()
    connection = await asyncpg.connect(url, timeout=_DATABASE_SECONDS)
    try:
        before = machine.now()
        theirs: float = await connection.fetchval(_DATABASE_NOW, timeout=_DATABASE_SECONDS)
        return theirs - (before + machine.now()) / 2_000_000
    finally:
        await connection.close(timeout=_DATABASE_SECONDS)


def _listens(url: str) -> bool:
    parts = urlsplit(url)
    return _answers(parts.hostname or "", parts.port or 0)


def _answers(host: str, port: int) -> bool:
    try:
        socket.create_connection((host, port), timeout=_ANSWER_SECONDS).close()
    except OSError:
        return False
    return True


def _taken(host: str, port: int) -> str:
    """Why a server could not listen there, or nothing."""
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with closing(socket.socket(family, socket.SOCK_STREAM)) as trial:
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            trial.bind(address)
    except OSError as error:
        return error.strerror or str(error)
    return ""


def _good(name: str, text: str) -> Finding:
    return Finding(name=name, verdict=Verdict.GOOD, text=text)


def _wrong(name: str, text: str, advice: str) -> Finding:
    return Finding(name=name, verdict=Verdict.WRONG, text=text, advice=advice)
