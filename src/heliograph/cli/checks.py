"""The doctor's checks: each looks at one thing and finds it good, worth a note, or wrong with advice."""

import asyncio
import errno
import http.client
import json
import os
import shutil
import socket
import ssl
import tempfile
import urllib.error
import urllib.request
from collections.abc import Collection, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from heliograph.carrier_config import CarrierConfig, Deployment
from heliograph.cli import local, mounts, stores
from heliograph.cli.carriers import ask as running_carriers
from heliograph.cli.carriers import availability
from heliograph.cli.local import Running
from heliograph.cli.output import Failure
from heliograph.config import Config, unknown_variables
from heliograph.core.errors import StoreUnavailable, StoreUnusable
from heliograph.core.routing import Availability
from heliograph.net.clock import SystemClock
from heliograph.net.tls_files import BadPair, server_context
from heliograph.ports import Clock, FolderHeld
from heliograph.storage.lock import try_lock

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
_HEALTH_BYTES: Final = 4096
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
    for prefix in ("", "smpp_"):
        certificate, key = (getattr(config, f"{prefix}{name}") for name in ("tls_cert", "tls_key"))
        try:
            server_context(certificate, key, prefix)
        except BadPair as error:
            return _wrong("config", str(error), "Give a certificate and its own key in PEM.")
    return _good("config", "all settings can be used")


def variables(known: Collection[str]) -> list[Finding]:
    """Environment variables that set nothing."""
    return [
        Finding(
            name="config",
            verdict=Verdict.NOTE,
            text=f"the environment variable {name} sets nothing",
            advice=f"Perhaps {meant} was meant." if meant else "",
        )
        for name, meant in unknown_variables(os.environ, known).items()
    ]


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
    return _good("clock", "plausible and moving forward")


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
        is_full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        advice = "Free some space on its disk." if is_full else "Change its owner or its mode."
        return _wrong("folder", f"{folder} can't be written: {error.strerror}", advice)
    return _good("folder", f"{folder.absolute()} can be written")


def folder_lock(config: Config) -> list[Finding]:
    """Whether the data folder can be locked, where no server of it runs that has the lock."""
    folder = Path(config.data)
    if not folder.is_dir():
        return []
    try:
        try_lock(folder)
    except FolderHeld:
        with suppress(local.Unreadable):
            if local.find(folder) is not None:
                return [_good("lock", "a server has it")]
        text = f"another process has the lock of {folder}, and {local.FILE_NAME} names no server"
        return [_wrong("lock", text, "Look for it: fuser heliograph.lock")]
    except (StoreUnavailable, OSError) as error:
        return [_wrong("lock", str(error), "")]
    return [_good("lock", f"{folder} can be locked")]


def file_system(config: Config) -> list[Finding]:
    """A note where the data folder is on a network file system."""
    kind = mounts.kind_of(Path(config.data))
    if kind is None or not mounts.is_remote(kind):
        return []
    text = f"{config.data} is on a network file system ({kind})"
    advice = "Move it to a local disk: locks and SQLite's write-ahead file do not work over a network."
    return [Finding(name="disk", verdict=Verdict.NOTE, text=text, advice=advice)]


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
        counts = f"projects: {len(directory.projects)}, numbers: {len(directory.numbers)}"
        findings = [_good("store", f"{stores.place(config)} answers: {counts}")]
    if not config.database_url:
        return findings
    return [*findings, _sessions(str(config.database_url)), _database_clock(str(config.database_url))]


def _sessions(url: str) -> Finding:
    """Whether a pooler lends sessions by transaction."""
    import asyncpg  # a tenth of a second, needed for PostgreSQL only

    try:
        asyncio.run(_refuse_shared_sessions(url))
    except StoreUnusable as error:
        return _wrong("database sessions", str(error), "")
    except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        return _wrong("database sessions", f"could not be tried: {error}", "See what is said of the store.")
    return _good("database sessions", "a connection keeps its session")


async def _refuse_shared_sessions(url: str) -> None:
    import asyncpg

    from heliograph.storage import pooling

    async def connect() -> "asyncpg.Connection[asyncpg.Record]":
        return await asyncpg.connect(
            url, timeout=_ANSWER_SECONDS, command_timeout=_ANSWER_SECONDS, statement_cache_size=0
        )

    connection = await connect()
    try:
        await pooling.refuse_shared_sessions(connection, connect)
    finally:
        connection.terminate()


def carriers(deployment: Deployment) -> list[Finding]:
    """Each carrier of the file: asked of the running server, or tried by a connection where none runs."""
    config, wanted = deployment.config, deployment.topology.carriers
    with suppress(local.Unreadable):
        running = local.find(Path(config.data))
        if running is not None and _listens(running.url):
            return _running_carriers(config) if health_of(running.url) else []
    return [_tried(carrier) for carrier in wanted]


def _running_carriers(config: Config) -> list[Finding]:
    try:
        found = running_carriers(config)["carriers"]
    except Failure as error:
        return [_wrong("carriers", str(error), "")]
    return [_carrier(each) for each in found]


def _carrier(found: Mapping[str, Any]) -> Finding:
    name, state = f"carrier {found['name']}", availability(found)
    errors = dict.fromkeys(bind["error"] for bind in found["binds"] if bind["error"])
    if state is not Availability.DOWN:
        return _good(name, "it takes messages" if state is Availability.UP else "it is bound, and throttled for now")
    text = "; ".join(errors) or "it takes no messages"
    return _wrong(name, f"down: {text}", "Look at `heliograph carriers`, its hosts, system_id and password.")


def _tried(carrier: CarrierConfig) -> Finding:
    refused = []
    for host in carrier.hosts:
        try:
            socket.create_connection((host.name, host.port), timeout=_ANSWER_SECONDS).close()
        except (OSError, UnicodeError) as error:
            refused.append(f"{host}: {getattr(error, 'strerror', None) or error}")
        else:
            text = f"{host} takes connections; no server runs that would bind"
            return Finding(name=f"carrier {carrier.name}", verdict=Verdict.NOTE, text=text)
    advice = "Look at its hosts, and at the firewall between."
    return _wrong(f"carrier {carrier.name}", "; ".join(refused), advice)


def hold(config: Config) -> list[Finding]:
    """A note where the running server holds."""
    with suppress(local.Unreadable):
        running = local.find(Path(config.data))
        health = health_of(running.url) if running is not None else None
        if health is not None and health.get("hold"):
            text = "the running server holds: nothing is sent, called back or removed"
            return [Finding(name="hold", verdict=Verdict.NOTE, text=text, advice="Start it without --hold to go live.")]
    return []


def health_of(url: str) -> Mapping[str, Any] | None:
    """What a running server says of itself; None where it does not answer."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE  # nothing secret is sent, and the answer is read with doubt
    https = urllib.request.HTTPSHandler(context=context)
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), https)
    try:
        answer = opener.open(f"{url}/health", timeout=_ANSWER_SECONDS)
    except urllib.error.HTTPError as unavailable:
        answer = unavailable
    except (OSError, http.client.HTTPException, ValueError):
        return None
    with suppress(OSError, ValueError), answer:
        found = json.loads(answer.read(_HEALTH_BYTES))
        return found if isinstance(found, dict) else None
    return None


def server(config: Config) -> Finding:
    """Whether a server runs on this data folder; if not, whether its address is free for one."""
    try:
        running = local.find(Path(config.data))
    except local.Unreadable as error:
        return _wrong("server", str(error), "")
    if running is not None and _listens(running.url):
        return _running(running)
    taken = _taken(config.host, config.port)
    if taken:
        text = f"none runs here, and {config.host}:{config.port} can't be had: {taken}"
        return _wrong("server", text, "Stop what has it, or choose another --port or --host.")
    stale = f"; {local.FILE_NAME} was left by one that was killed" if running else ""
    advice = f"`heliograph serve --data {config.data}` starts one."
    return Finding(name="server", verdict=Verdict.NOTE, text=f"none runs on this folder{stale}", advice=advice)


def _running(running: Running) -> Finding:
    who = f"one runs at {running.url} (process {running.pid})"
    health = health_of(running.url)
    if health is None:
        return _wrong("server", f"{who} and does not answer /health", "Look at its log; if it hangs, restart it.")
    if health.get("status") != "ok":
        reason = health.get("reason") or "it can't take messages"
        return _wrong("server", f"{who}: {reason}", "It answers 503 until that is mended.")
    return _good("server", who)


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
